package signin

import (
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// longAway is after how long without a sign-in an unknown browser must show the
// mailbox before a first factor can be bound (setting enrol_proof).
const longAway = 30 * 24 * time.Hour

// standing is all that next looks at.
type standing struct {
	attempt core.Attempt
	user    core.User
	factors []core.Factor // not revoked
	eff     policy.Effective
	now     time.Time
}

// next picks the step that an attempt stands at. It is the only place that does.
func next(s standing) (Step, policy.Decision) {
	doc := s.attempt.Doc
	d := policy.Resolve(policy.Person{Kind: s.user.Kind, Federated: s.user.Federated, Factors: s.factors}, s.eff,
		policy.Shown{Proofs: doc.Proofs, Anew: doc.Purpose == core.PurposeAdminLink})
	if doc.NewPassword && (doc.Purpose == core.PurposeAdminLink || d.Outcome == policy.Allowed || d.Outcome == policy.Enrol) {
		return StepNewPassword, d
	}
	switch d.Outcome {
	case policy.Prove:
		if len(d.Methods) == 1 && d.Methods[0] == core.FactorPassword {
			return StepPassword, d
		}
		return StepCode, d
	case policy.Enrol:
		switch {
		case needsMailProof(s):
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

// needsMailProof tells whether the mailbox must be shown before a first factor
// can be bound: else whoever has only the password of a sleeping account could
// bind a factor of their own (setting enrol_proof).
func needsMailProof(s standing) bool {
	doc := s.attempt.Doc
	if doc.MailProved || doc.Purpose == core.PurposeAdminLink || s.user.Email == "" {
		return false
	}
	return mailProofDue(s.eff.Settings.EnrolProof, doc.Asleep)
}

// asleep reports whether a password alone from this browser wakes nobody: the
// account has not been signed in to for long, by a sign-in that counts, and the
// browser came with none that did. Otherwise whoever has only the password would sign in
// twice, and be known the second time.
func asleep(l store.Login, now time.Time) bool {
	return (l.Browser == "" || l.MetAsleep) && now.Sub(l.User.AwakeAt) > longAway
}

func mailProofDue(setting string, asleep bool) bool {
	switch setting {
	case core.EnrolProofNone:
		return false
	case core.EnrolProofKnownBrowserOrMail:
		return asleep
	}
	return true // always_mail, and whatever else somebody may have written there
}
