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
	// alarm: it tells that something changed in how somebody proves who they are, or
	// in who may act for them. It waits behind nothing that others can cause: it goes
	// first, and an address gets as many of each such kind in an hour as of all the
	// rest together (row N-33).
	alarm bool
}

const securityPage = "/account/security"

// alarmHead is how much earlier than now an alarm is due. The queue takes what is due
// longest, so an alarm goes before ten thousand invitations that were queued just
// before it.
const alarmHead = newsLives

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
		return kind{alarm: true, path: "/reset"}, true // once in a factor's life
	case core.MailMFAEnabled, core.MailMFADisabled, core.MailFactorReset, core.MailFactorReplaced, core.MailRecoveryCodeUsed,
		core.MailRecoveryCodeMade, core.MailPasswordChanged, core.MailAdminLinkUsed, core.MailMFAResetOwn, core.MailMFACleared, core.MailBrowsersReset, core.MailPassMade, core.MailMFASwitchedOff:
		return kind{alarm: true, path: securityPage}, true
	case core.MailBrowserTrusted, core.MailBrowsersForgot:
		return kind{alarm: true, path: "/account/security/browsers"}, true
	case core.MailLocalShell, core.MailEmailAsked, core.MailEmailChanged, core.MailAccountDeleted, core.MailConverted, core.MailAdminInvited, core.MailActing:
		return kind{alarm: true}, true
	case core.MailTest, core.MailServiceRetiring:
		return kind{}, true
	}
	return kind{}, false
}
