package policy

import (
	"sallyport/internal/core"
)

// Outcome is what a sign-in may or must do now.
type Outcome string

const (
	Allowed Outcome = "allowed" // what was proved is enough
	Prove   Outcome = "prove"   // one of Methods must be shown
	Enrol   Outcome = "enrol"   // one of Methods must be set up first; nothing else is reachable
	Refused Outcome = "refused" // this account does not sign in here
)

// Person are the facts about an account that rules look at.
type Person struct {
	Kind      core.UserKind
	Federated bool
	Factors   []core.Factor // those not revoked
}

// Shown are the facts of this sign-in.
type Shown struct {
	Proofs []core.Proof
	// Anew: the factors that exist do not count; one must be set up in this very
	// attempt. An admin link asks so.
	Anew bool
}

// Decision is the answer with its reasons.
type Decision struct {
	Outcome Outcome
	Methods []core.FactorKind
	Level   core.Level // what the proofs amount to
	// Required says that a standing rule demands a second factor, By whom.
	Required bool
	By       core.Tenant
	Trace    []Step
}

// Step is one line of the trace: a rule that applied, or the first condition for
// which it did not.
type Step struct {
	Rule    string
	Applied bool
	Why     string // a stable word: the condition that failed, or what it demands
}

// A rule looks at the facts and says whether it applies; if so it may settle
// the matter or demand a second factor.
type rule struct {
	name string
	ask  func(p Person, e Effective) verdict
}

type verdict struct {
	applied bool
	why     string
	refuse  bool
	demand  bool
	by      core.Tenant
}

// rules in their order: who does not sign in here at all, then locks, then the
// organisation, then the person's own choice.
var rules = []rule{ruleServiceAccount, ruleFederated, ruleLock, ruleOrganization, rulePerUser}

// Resolve answers for a person, the organisation's settings and what this
// sign-in has shown. It never says Allowed where a confirmed second factor
// exists that was not shown, dead or not.
func Resolve(p Person, e Effective, shown Shown) Decision {
	d := Decision{Level: LevelOf(shown.Proofs)}
	for _, r := range rules {
		v := r.ask(p, e)
		d.Trace = append(d.Trace, Step{Rule: r.name, Applied: v.applied, Why: v.why})
		if v.refuse {
			d.Outcome = Refused
			return d
		}
		if v.applied && v.demand && !d.Required {
			d.Required, d.By = true, v.by
		}
	}
	if d.Level == core.LevelNone {
		d.Outcome, d.Methods = Prove, []core.FactorKind{core.FactorPassword}
		return d
	}
	if d.Level.AtLeast(core.LevelMFA) && !shown.Anew {
		d.Outcome = Allowed
		return d
	}
	if shown.Anew {
		if d.Level.AtLeast(core.LevelMFA) && enrolledIn(shown.Proofs, p.Factors) {
			d.Outcome = Allowed
			return d
		}
		d.Outcome, d.Methods = Enrol, Offered(e)
		return d
	}
	if own := Confirmed(p.Factors); len(own) > 0 {
		// A confirmed factor is asked for as long as it exists. A dead one cannot
		// prove anything, but it does not count as missing either, or the password
		// alone could bind a new one (decision 7.15).
		d.Outcome, d.Methods = Prove, own
		return d
	}
	if d.Required {
		d.Outcome, d.Methods = Enrol, Offered(e)
		return d
	}
	d.Outcome = Allowed
	return d
}

// Standing is the part of the answer that does not depend on this sign-in: is a
// second factor demanded of this person?
func Standing(p Person, e Effective) (required bool, by core.Tenant) {
	d := Resolve(p, e, Shown{Proofs: []core.Proof{{Kind: core.FactorPassword}}})
	return d.Required, d.By
}

// Offered are the kinds that may be enrolled here, best first, of those that
// this program can do.
func Offered(e Effective) []core.FactorKind {
	var out []core.FactorKind
	for _, k := range core.Enrollable {
		if e.Settings.Offers(k) {
			out = append(out, k)
		}
	}
	return out
}

// Confirmed lists the kinds of second factors that are confirmed, usable first.
func Confirmed(factors []core.Factor) []core.FactorKind {
	var usable, dead []core.FactorKind
	for _, f := range factors {
		if f.State != core.FactorConfirmed || f.Kind == core.FactorRecoveryCode {
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

// Enrolled reports whether a second factor is confirmed, dead or not.
func Enrolled(factors []core.Factor) bool { return len(Confirmed(factors)) > 0 }

func enrolledIn(proofs []core.Proof, factors []core.Factor) bool {
	for _, p := range proofs {
		for _, f := range factors {
			if p.ID != "" && p.ID == f.ID && p.By == ProofEnrolled && f.Usable() {
				return true
			}
		}
	}
	return false
}

// ProofEnrolled marks a proof that came from confirming a new factor.
const ProofEnrolled = "enrolled"

// LevelOf is the honest rung that proofs amount to (decision 7.10, DS-02).
func LevelOf(proofs []core.Proof) core.Level {
	var password, second bool
	for _, p := range proofs {
		switch p.Kind {
		case core.FactorPassword:
			password = true
		case core.FactorTOTP, core.FactorRecoveryCode:
			second = true
		}
	}
	switch {
	case password && second:
		return core.LevelMFA
	case password:
		return core.LevelPassword
	}
	return core.LevelNone
}

// Status is the word that tables, pages and the API show for a person's MFA.
func Status(u core.User, factors []core.Factor, e Effective) core.MFAStatus {
	switch {
	case u.Kind == core.ServiceAccount:
		return core.MFAServiceAccount
	case u.Federated:
		return core.MFANotApplicable
	case u.State == core.UserInvited:
		return core.MFAPendingValidation
	case Enrolled(factors):
		return core.MFAEnabled
	}
	if required, _ := Standing(Person{Kind: u.Kind, Federated: u.Federated, Factors: factors}, e); required {
		return core.MFASetupRequired
	}
	return core.MFADisabled
}

// MayDisable tells whether a person may switch their own second factor off, and
// how (a value of user_may_disable). Never while a mandatory rule applies.
func MayDisable(p Person, e Effective) (how string, ok bool) {
	if required, _ := Standing(p, e); required {
		return core.DisableNo, false
	}
	how = e.Settings.UserMayDisable
	return how, how == core.DisableSecondFactor || how == core.DisableConfirmOnly
}

// MayOptIn tells whether a person without a factor may set one up from the
// security page: where the organisation offers it, and always where it is due.
func MayOptIn(p Person, e Effective, administrator bool) bool {
	required, _ := Standing(p, e)
	return required || administrator || e.Settings.Requires(core.RequirePerUser) || e.Settings.Requires(core.RequireOrganization)
}
