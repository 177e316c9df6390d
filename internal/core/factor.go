package core

import "time"

// FactorKind names a closet of the factor room.
type FactorKind string

const (
	FactorPassword     FactorKind = "password" // never stored as a Factor; used in proofs and budgets
	FactorTOTP         FactorKind = "totp"
	FactorRecoveryCode FactorKind = "recovery_code"
	FactorPasskey      FactorKind = "passkey"
	FactorEmailCode    FactorKind = "email_code"

	// Never stored as a Factor; used in proofs. The proof of a trusted browser has
	// the browser's id, and the instant at which it was trusted.
	FactorTrustedBrowser FactorKind = "trusted_browser"
	FactorTemporaryPass  FactorKind = "temporary_pass"
)

type FactorState string

const (
	FactorUnconfirmed FactorState = "unconfirmed"
	FactorConfirmed   FactorState = "confirmed"
	FactorRevoked     FactorState = "revoked" // kept for the record, its secret wiped (N-29)
)

// Factor is an authenticator bound to a person. Rows are never deleted.
type Factor struct {
	ID     FactorID
	Tenant TenantID
	User   UserID
	Kind   FactorKind
	State  FactorState
	Name   string
	Handle string // optional, unique on the platform: a passkey's credential id
	Secret []byte // sealed, or a keyed hash; empty once revoked
	Doc    FactorDoc
	// LastStep is the newest time step (or counter) that was accepted. A code of
	// this step or an older one is never accepted again (T-05).
	LastStep    int64
	Budget      Budget
	Version     int64
	CreatedAt   time.Time
	ConfirmedAt time.Time
	LastUsedAt  time.Time
	RevokedAt   time.Time
	RevokedWhy  string
	ExpiresAt   time.Time // only while unconfirmed
}

// FactorDoc is the part of a factor that each closet fills for itself. It is
// versioned by its fields: an older program keeps what it does not know.
type FactorDoc struct {
	Digits    int    `json:"digits,omitempty"`
	Period    int    `json:"period,omitempty"`
	Skew      int    `json:"skew,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
	Issuer    string `json:"issuer,omitempty"`
	Account   string `json:"account,omitempty"`
	// Burned are steps whose code was typed too early and told back as clock
	// drift: they are spent, so that the hint is no oracle for later.
	Burned []int64 `json:"burned,omitempty"`
	// Replaces names factors that end when this one is confirmed.
	Replaces []FactorID `json:"replaces,omitempty"`
	// Bound ties an unconfirmed factor to the attempt or session that began it.
	Bound string `json:"bound,omitempty"`
	// Home is the tenant in which a recovery code was made, when its owner has moved
	// since: its keyed hash names that one.
	Home TenantID `json:"home,omitempty"`
	// Unsaved is set on a recovery code until its owner says it is saved.
	Unsaved bool   `json:"unsaved,omitempty"`
	Source  string `json:"source,omitempty"` // how it came: "sign-in", "security page", …
}

// Usable reports whether the factor can prove something now. A dead one cannot,
// and does not count as missing either (decision 7.15).
func (f Factor) Usable() bool { return f.State == FactorConfirmed && !f.Budget.Dead() }
