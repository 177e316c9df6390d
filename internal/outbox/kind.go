package outbox

import (
	"time"

	"sallyport/internal/core"
)

// kind is what the outbox needs to know of a mail besides its words.
type kind struct {
	// share: somebody who is not signed in can cause it, so it must not be a way to
	// fill another person's mailbox. Mails of this kind get this part of what an
	// address may get in an hour, one of so many; 0 is all. It is the kind's own: a
	// mail that needs nothing but a login cannot use up what is kept for the news
	// that somebody has the password (rows W-03, A-05).
	share int
	// link: the mail is of no use without its path, and dead when the path is.
	link bool
	// path is where the button of a notice leads.
	path string
}

const securityPage = "/account/security"

// newsLives is how long a notice is worth sending.
const newsLives = 3 * 24 * time.Hour

func kindOf(k core.MailKind) (kind, bool) {
	switch k {
	case core.MailInvitation, core.MailEmailConfirm:
		return kind{link: true}, true
	case core.MailReset, core.MailEnrolProof:
		return kind{link: true, share: 2}, true
	case core.MailFirstLock, core.MailWrongCode:
		// Less than the link that their button asks for.
		return kind{share: 3, path: "/reset"}, true
	case core.MailFactorDead:
		return kind{path: "/reset"}, true // once in a factor's life
	case core.MailMFAEnabled, core.MailMFADisabled, core.MailFactorReset, core.MailFactorReplaced, core.MailRecoveryCodeUsed,
		core.MailRecoveryCodeMade, core.MailPasswordChanged, core.MailAdminLinkUsed, core.MailMFAResetOwn, core.MailMFACleared, core.MailBrowsersReset, core.MailPassMade, core.MailMFASwitchedOff:
		return kind{path: securityPage}, true
	case core.MailBrowserTrusted, core.MailBrowsersForgot:
		return kind{path: "/account/security/browsers"}, true
	case core.MailLocalShell, core.MailTest, core.MailEmailAsked, core.MailEmailChanged, core.MailAccountDeleted, core.MailConverted,
		core.MailAdminInvited, core.MailActing, core.MailServiceRetiring:
		return kind{}, true
	}
	return kind{}, false
}
