package factor

import "sallyport/internal/core"

// Properties are what policy may know about a kind of factor.
type Properties struct {
	Kind core.FactorKind
	// Here: this program can check an answer. What it cannot check proves nothing.
	Here bool
	// Knowledge: the factor is something one knows, the first of the two.
	Knowledge bool
	// Possession: the factor is something one has. Two factors make MFA only
	// when one is something known and the other something had.
	Possession bool
	// PhishingResistant: the answer is bound to our origin, so a look-alike site
	// cannot pass it on.
	PhishingResistant bool
	// MailboxBound: whoever reads the mailbox has the factor, so it adds
	// nothing when the mailbox also resets the password.
	MailboxBound bool
	// Spare: it stands in for a factor and is none by itself: nobody is asked for
	// it, and having only it is having no second factor.
	Spare bool
	// Excuse: it stands for a second factor that was shown on another day, where
	// the settings are content with that.
	Excuse bool
	// Bootstrap: it lets its bearer set a factor up, and nothing else.
	Bootstrap bool
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
		p.Here, p.Knowledge, p.Level, p.Method = true, true, core.LevelPassword, "pwd"
	case core.FactorTOTP, core.FactorRecoveryCode:
		p.Here, p.Possession, p.Level, p.Method = true, true, core.LevelMFA, "otp"
		p.Spare = kind == core.FactorRecoveryCode
	case core.FactorTrustedBrowser:
		// It proves a second factor of another day, and says so in its level; for
		// how long, the settings say.
		p.Here, p.Excuse, p.Level = true, true, core.LevelTrustedBrowser
	case core.FactorTemporaryPass:
		// It lets its bearer set a factor up and adds nothing to the password.
		p.Here, p.Spare, p.Bootstrap, p.Level = true, true, true, core.LevelPassword
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
