package policy

import (
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/factor"
)

// A browser that its owner trusts is excused from showing the factor again, where
// the organisation asks only in browsers that are not trusted (row ACR-15). It
// excuses from nothing that was asked of this sign-in by level, and not from a
// factor that is dead: trust leans on a factor that could be shown.
var ruleTrustedBrowser = rule{"trusted_browser", func(f *Facts, s *sofar) verdict {
	e := &f.Effective
	trust := e.Settings.TrustedBrowser
	i := slices.IndexFunc(f.Shown.Proofs, func(p core.Proof) bool { is, ok := factor.Of(p.Kind); return ok && is.Excuse })
	switch {
	case !s.enrolled:
		return no(WhyNothingToExcuse)
	case f.Shown.Anew:
		return no(WhyAnew)
	case e.Settings.Challenge != core.ChallengeUntrustedBrowser:
		by, _ := e.from("challenge")
		v := no(WhyAskedAlways)
		v.from = by
		return v
	case !core.LevelTrustedBrowser.AtLeast(s.need):
		return no(WhyLevelAsked).with("level", string(s.need))
	case trustDays(trust) == 0:
		return no(WhyTrustOff)
	case !alive(f.Person.Factors):
		return no(WhyFactorDead)
	case i < 0:
		return no(WhyNotTrusted)
	}
	at := f.Shown.Proofs[i].At
	if e.voids(at) {
		return no(WhyTrustVoid).with("since", e.TrustSince)
	}
	end := at.Add(time.Duration(trust.Days) * 24 * time.Hour)
	if at.IsZero() || trust.Mode != core.TrustNoExpiry && !f.before(end) {
		return no(WhyTrustOver).with("days", trust.Days)
	}
	s.excused = true
	v := yes(WhyTrusted, &e.Organisation).with("trusted_at", at)
	if trust.Mode != core.TrustNoExpiry {
		v = v.with("until", end)
	}
	return v
}}

// OffersTrust tells whether a browser that this person trusts would be excused
// here, and for how many days after; 0 is without an end.
func OffersTrust(p Person, e Effective) (days int, ok bool) {
	f := Facts{Person: p, Effective: e, standing: true}
	s := sofar{level: core.LevelPassword, enrolled: true}
	ruleRequiredLevel.ask(&f, &s)
	days = trustDays(e.Settings.TrustedBrowser)
	ok = days > 0 && e.Settings.Challenge == core.ChallengeUntrustedBrowser && !e.Disabling() && core.LevelTrustedBrowser.AtLeast(s.need)
	if e.Settings.TrustedBrowser.Mode == core.TrustNoExpiry {
		days = 0
	}
	return days, ok
}

// voids reports whether trust was given before it was switched off or on here.
func (e *Effective) voids(at time.Time) bool {
	return !e.TrustSince.IsZero() && !at.IsZero() && !at.After(e.TrustSince)
}

// TrustEnds is when the trust in a browser ends, zero for never: by what was
// promised, or by what holds here now where that is sooner. ok is false for one
// that is not trusted, or not any more.
func TrustEnds(b core.Browser, e Effective, now time.Time) (until time.Time, ok bool) {
	until = b.TrustedUntil
	if e.Settings.TrustedBrowser.Mode != core.TrustNoExpiry {
		by := b.TrustedAt.Add(time.Duration(trustDays(e.Settings.TrustedBrowser)) * day)
		if until.IsZero() || by.Before(until) {
			until = by
		}
	}
	return until, !b.TrustedAt.IsZero() && !e.voids(b.TrustedAt) && (until.IsZero() || now.Before(until))
}

// A temporary pass lets its bearer set a factor up, in place of one that is there
// or as the first, and nothing else (decision 7.19).
var ruleTemporaryPass = rule{"temporary_pass", func(f *Facts, s *sofar) verdict {
	switch {
	case !slices.ContainsFunc(f.Shown.Proofs, func(p core.Proof) bool { is, ok := factor.Of(p.Kind); return ok && is.Bootstrap }):
		return no(WhyNoPass)
	case !s.enrolled && len(s.demands) == 0:
		return no(WhyNothingToSetUp)
	}
	s.pass = true
	return yes(WhyPass, &f.Effective.Organisation)
}}
