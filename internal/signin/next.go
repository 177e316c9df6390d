package signin

import (
	"net/netip"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// standing is all that next looks at.
type standing struct {
	attempt core.Attempt
	user    core.User
	factors []core.Factor // not revoked
	eff     policy.Effective
	now     time.Time
	// address is where this step came from.
	address netip.Addr
	// who is the account as rules see it, but for its factors.
	who policy.Person
}

// stand collects what next looks at.
func stand(r store.Reader, a core.Attempt, u core.User, factors []core.Factor, eff policy.Effective, address netip.Addr) (standing, error) {
	s := standing{attempt: a, user: u, factors: factors, eff: eff, address: address}
	err := s.look(r)
	return s, err
}

// look adds what the store and its clock say.
//
//go:noinline
func (s *standing) look(r store.Reader) (err error) {
	s.now = r.Now()
	s.who, err = session.Who(r, s.user, nil, s.eff)
	return err
}

// facts are what the resolver is asked about.
func (s *standing) facts() policy.Facts {
	doc := s.attempt.Doc
	who := s.who
	who.Factors = s.factors
	return policy.Facts{Now: s.now, Person: who, Effective: s.eff, App: appOf(doc), Shown: policy.Shown{Proofs: doc.Proofs,
		Anew: doc.Purpose == core.PurposeAdminLink, Skip: doc.Skip, Address: s.address, KnownBrowser: doc.KnownBrowser && !doc.Asleep, MailProved: doc.MailProved}}
}

// appOf is the app that an attempt leads to, as rules see it.
func appOf(doc core.AttemptDoc) policy.App {
	return policy.App{ID: doc.App, RequiredLevel: doc.AppLevel}
}

// next picks the step that an attempt stands at. It is the only place that does.
// What it looks at goes by its address: with copies of it on the way to the rules,
// the stack of everybody who came through grew to 64 KiB.
func next(s *standing) (Step, policy.Decision) {
	doc := s.attempt.Doc
	d := policy.Resolve(s.facts())
	if doc.NewPassword && (doc.Purpose == core.PurposeAdminLink || d.Outcome == policy.Allowed || d.Outcome == policy.Enrol || d.Outcome == policy.MaySkip) {
		return StepNewPassword, d
	}
	switch d.Outcome {
	case policy.Prove:
		if len(d.Methods) == 1 && d.Methods[0] == core.FactorPassword {
			return StepPassword, d
		}
		return StepCode, d
	case policy.Enrol, policy.MaySkip:
		switch {
		case d.Outcome == policy.MaySkip && !doc.Enrol:
			return StepSetupRequired, d // whoever puts it off needs to show nothing
		case d.MailFirst:
			return StepConfirmMail, d
		case !doc.Enrol:
			return StepSetupRequired, d
		}
		return StepEnrolTOTP, d
	case policy.Allowed:
		return StepDone, d
	}
	return StepPassword, d
}

// asleep reports whether a password alone from this browser wakes nobody: the
// account has not been signed in to for long, by a sign-in that counts, and the
// browser came with none that did. Otherwise whoever has only the password would sign in
// twice, and be known the second time.
func asleep(l store.Login, now time.Time) bool {
	return (l.Browser == "" || l.MetAsleep) && now.Sub(l.User.AwakeAt) > policy.LongAway
}

// firstStep is where an attempt that is no row yet stands. It is never inlined,
// because what it looks at would keep its room on the stack below the store.
//
//go:noinline
func firstStep(r store.Reader, a *core.Attempt, u *core.User, factors []core.Factor, eff *policy.Effective, address netip.Addr) (Step, error) {
	st := standing{attempt: *a, user: *u, factors: factors, eff: *eff, address: address}
	if err := st.look(r); err != nil {
		return "", err
	}
	step, _ := next(&st)
	return step, nil
}
