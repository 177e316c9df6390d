package policy

import (
	"slices"

	"sallyport/internal/core"
	"sallyport/internal/factor"
)

// LevelOf is the honest rung that proofs amount to by themselves (decision 7.10,
// DS-02): something known and, above the first rung, something had. What this
// program cannot check proves nothing, and a trusted browser is weighed by its
// rule: whether trust still holds depends on the settings.
func LevelOf(proofs []core.Proof) core.Level {
	known, best := false, core.LevelNone
	for _, p := range proofs {
		is, ok := factor.Of(p.Kind)
		switch {
		case !ok || !is.Here:
		case is.Knowledge:
			known = true
		case is.Possession && is.Level.AtLeast(best):
			best = is.Level
		}
	}
	switch {
	case known && best.AtLeast(core.LevelPassword):
		return best
	case known:
		return core.LevelPassword
	}
	return core.LevelNone
}

// Second reports whether a proof is one of a second factor, of the level mfa or
// higher: what a change of factors is asked for, fresh.
func Second(p core.Proof) bool {
	is, ok := factor.Of(p.Kind)
	return ok && is.Here && is.Possession && is.Level.AtLeast(core.LevelMFA)
}

// Confirmed lists the kinds of second factors that are confirmed, usable first. A
// spare, such as a recovery code, stands in for a factor and is none.
func Confirmed(factors []core.Factor) []core.FactorKind {
	var usable, dead []core.FactorKind
	for _, f := range factors {
		if !counts(f) {
			continue
		}
		if f.Usable() {
			usable = append(usable, f.Kind)
		} else {
			dead = append(dead, f.Kind)
		}
	}
	return append(usable, dead...)
}

// counts: a kind that is not known counts as well, or a factor that another
// release enrolled would not be asked for.
func counts(f core.Factor) bool {
	is, _ := factor.Of(f.Kind)
	return f.State == core.FactorConfirmed && !is.Spare
}

// Enrolled reports whether a second factor is confirmed, dead or not.
func Enrolled(factors []core.Factor) bool { return slices.ContainsFunc(factors, counts) }

// Lost reports whether a second factor is asked for and nothing that the person
// has answers it: neither a factor that is not dead nor a spare.
func Lost(factors []core.Factor) bool {
	return Enrolled(factors) && !slices.ContainsFunc(factors, core.Factor.Usable)
}

// alive reports whether a second factor, not a spare, can still prove something.
func alive(factors []core.Factor) bool {
	return slices.ContainsFunc(factors, func(f core.Factor) bool { return counts(f) && f.Usable() })
}

// enrolledIn reports whether a factor that exists was set up in this sign-in.
func enrolledIn(proofs []core.Proof, factors []core.Factor) bool {
	return slices.ContainsFunc(proofs, func(p core.Proof) bool {
		return p.ID != "" && p.By == ProofEnrolled && slices.ContainsFunc(factors, func(f core.Factor) bool { return f.ID == p.ID && f.Usable() })
	})
}

// Offered are the kinds that a person may enrol, best first, of those that this
// program can do. While factors are being taken away nobody can.
func Offered(p Person, e Effective) []core.FactorKind { return offered(p, e, core.LevelNone) }

// offered are those that reach a level.
func offered(p Person, e Effective, level core.Level) []core.FactorKind {
	if e.Disabling() {
		return nil
	}
	var out []core.FactorKind
	for _, k := range core.Enrollable {
		is, ok := factor.Of(k)
		if ok && is.Level.AtLeast(level) && offers(p, e, k, is) {
			out = append(out, k)
		}
	}
	return out
}

// offers: administrators of the platform and of partners always have the same
// factors, and never a mailbox (decision 6, factors); only a lock takes one away.
func offers(p Person, e Effective, k core.FactorKind, is factor.Properties) bool {
	if !p.Provider() {
		return e.Settings.Offers(k)
	}
	if is.MailboxBound {
		return false
	}
	if !p.RolesKnown || !slices.Contains(providerFactors, k) {
		return e.Settings.Offers(k)
	}
	return !slices.ContainsFunc(e.locks, func(l floor) bool { return l.holds("factors") && !l.values.Offers(k) })
}
