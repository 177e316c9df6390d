package core

import "time"

// MailKind names a mail by the deed that caused it; it is the catalog key too.
type MailKind string

const (
	MailInvitation       MailKind = "invitation"
	MailReset            MailKind = "reset"
	MailMFAEnabled       MailKind = "mfa_enabled"
	MailMFADisabled      MailKind = "mfa_disabled"
	MailFactorReset      MailKind = "factor_reset"
	MailFactorReplaced   MailKind = "factor_replaced"
	MailRecoveryCodeUsed MailKind = "recovery_code_used"
	MailRecoveryCodeMade MailKind = "recovery_code_made"
	MailPasswordChanged  MailKind = "password_changed"
	MailFirstLock        MailKind = "first_lock"
	MailWrongCode        MailKind = "wrong_code"
	MailFactorDead       MailKind = "factor_dead"
	MailAdminLinkUsed    MailKind = "admin_link_used"
	MailEnrolProof       MailKind = "enrol_proof"
	MailMFAResetOwn      MailKind = "mfa_reset"   // by the person, at the prompt
	MailMFACleared       MailKind = "mfa_cleared" // by a reset of the password, where the setting says so
	MailBrowserTrusted   MailKind = "browser_trusted"
	MailBrowsersForgot   MailKind = "browsers_forgotten" // by the person
	MailLocalShell       MailKind = "local_shell"        // to platform administrators: what was done on the shell
	MailEmailConfirm     MailKind = "email_confirm"      // to the new address
	MailEmailAsked       MailKind = "email_asked"        // to the old one: a new address waits
	MailEmailChanged     MailKind = "email_changed"      // to both
	MailAccountDeleted   MailKind = "account_deleted"
	MailConverted        MailKind = "converted" // to a service account, or back
	MailBrowsersReset    MailKind = "browsers_reset"
	MailPassMade         MailKind = "pass_made"
	MailAdminInvited     MailKind = "admin_invited" // to all with a role: somebody from above invited an administrator
	MailMFASwitchedOff   MailKind = "mfa_switched_off"
	MailActing           MailKind = "acting"           // to an organisation's administrators: somebody acts there
	MailServiceRetiring  MailKind = "service_retiring" // to who answers for a service account that an API client replaces
	MailTest             MailKind = "test"
)

// MailKinds lists them all: the catalogs must know each.
var MailKinds = []MailKind{MailInvitation, MailReset, MailMFAEnabled, MailMFADisabled, MailFactorReset, MailFactorReplaced, MailRecoveryCodeUsed,
	MailRecoveryCodeMade, MailPasswordChanged, MailFirstLock, MailWrongCode, MailFactorDead, MailAdminLinkUsed, MailEnrolProof, MailMFAResetOwn, MailMFACleared, MailBrowserTrusted, MailBrowsersForgot, MailLocalShell, MailEmailConfirm,
	MailEmailAsked, MailEmailChanged, MailAccountDeleted, MailConverted, MailBrowsersReset, MailPassMade, MailAdminInvited, MailMFASwitchedOff, MailActing, MailServiceRetiring, MailTest}

// Mail is a message waiting to leave, or one that left. What it says is sealed
// at rest, because it may hold a single-use link.
type Mail struct {
	ID         MailID
	Tenant     TenantID
	User       UserID
	Kind       MailKind
	To         string
	Locale     string
	Body       []byte // sealed parameters: MailBody
	State      string // queued, sent, failed, expired
	Attempts   int
	NextAt     time.Time
	LeaseUntil time.Time
	ExpiresAt  time.Time // never sent after this
	LastError  string
	CreatedAt  time.Time
	SentAt     time.Time
}

const (
	MailQueued  = "queued"
	MailSent    = "sent"
	MailFailed  = "failed"
	MailExpired = "expired"
)

// MailBody is what the texts of a mail need.
type MailBody struct {
	Name         string            `json:"name,omitempty"`
	Organisation string            `json:"organisation,omitempty"`
	FromName     string            `json:"from_name,omitempty"`
	Path         string            `json:"path,omitempty"` // local path with the token; the public URL is put before it when it is sent
	Args         map[string]string `json:"args,omitempty"`
	At           time.Time         `json:"at,omitzero"`
	TimeZone     string            `json:"time_zone,omitempty"`
	Until        time.Time         `json:"until,omitzero"`
	Agent        string            `json:"agent,omitempty"`
	Address      string            `json:"address,omitempty"`
}
