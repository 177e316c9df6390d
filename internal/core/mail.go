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
	MailLocalShell       MailKind = "local_shell" // to platform administrators: what was done on the shell
	MailTest             MailKind = "test"
)

// MailKinds lists them all: the catalogs must know each.
var MailKinds = []MailKind{MailInvitation, MailReset, MailMFAEnabled, MailMFADisabled, MailFactorReset, MailFactorReplaced, MailRecoveryCodeUsed,
	MailRecoveryCodeMade, MailPasswordChanged, MailFirstLock, MailWrongCode, MailFactorDead, MailAdminLinkUsed, MailEnrolProof, MailLocalShell, MailTest}

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
