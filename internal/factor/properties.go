package factor

import "sallyport/internal/core"

// Properties are what policy may know about a kind of factor.
type Properties struct {
	Kind core.FactorKind
	// Possession: the factor is something one has. Two factors make MFA only
	// when one is something known and the other something had.
	Possession bool
	// PhishingResistant: the answer is bound to our origin, so a look-alike site
	// cannot pass it on.
	PhishingResistant bool
	// MailboxBound: whoever reads the mailbox has the factor, so it adds
	// nothing when the mailbox also resets the password.
	MailboxBound bool
	// UserVerified: the authenticator checks who uses it (a PIN, a finger).
	UserVerified bool
	// Level is the rung that is reached with this factor beside what it needs;
	// for all but passkeys that is the password.
	Level core.Level
	// Method is the factor's name in a token's amr claim (RFC 8176), empty where
	// none fits.
	Method string
}

// Of returns the properties of a kind. An unknown kind has none and proves
// nothing.
func Of(kind core.FactorKind) (Properties, bool) {
	p := Properties{Kind: kind}
	switch kind {
	case core.FactorPassword:
		p.Level, p.Method = core.LevelPassword, "pwd"
	case core.FactorTOTP, core.FactorRecoveryCode:
		p.Possession, p.Level, p.Method = true, core.LevelMFA, "otp"
	case core.FactorPasskey:
		// With user verification; a key that only proves presence is weighed by
		// the journey, which alone sees the authenticator's answer.
		p.Possession, p.PhishingResistant, p.UserVerified = true, true, true
		p.Level, p.Method = core.LevelPhishingResistant, "hwk"
	case core.FactorEmailCode:
		p.MailboxBound, p.Level, p.Method = true, core.LevelEmail, "mca"
	default:
		return Properties{}, false
	}
	return p, true
}
