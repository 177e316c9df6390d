package core

import "time"

// Level is an honest rung of what was proved (decision 7.10). Higher is
// stronger; the number is for comparing only and is never stored or shown.
type Level string

const (
	LevelNone              Level = ""
	LevelPassword          Level = "password"
	LevelTrustedBrowser    Level = "trusted-browser"
	LevelEmail             Level = "email"
	LevelMFA               Level = "mfa"
	LevelPhishingResistant Level = "phishing-resistant"
)

var rungs = map[Level]int{LevelNone: 0, LevelPassword: 1, LevelTrustedBrowser: 2, LevelEmail: 3, LevelMFA: 4, LevelPhishingResistant: 5}

// AtLeast reports whether l is as strong as want. A level that is not known is
// as weak as none, and nothing reaches a wish that is not known.
func (l Level) AtLeast(want Level) bool {
	w, ok := rungs[want]
	return ok && rungs[l] >= w
}

// ACR is the level's URN as it stands in tokens.
func (l Level) ACR() string {
	if l == LevelNone {
		return ""
	}
	return "urn:sallyport:" + string(l)
}

// Session is a signed-in browser. The cookie holds 256 random bits, the row
// their SHA-256.
type Session struct {
	ID        SessionID
	Tenant    TenantID
	User      UserID
	TokenHash []byte
	Level     Level
	// ActingIn is the organisation whose administrator this session acts as; empty
	// for an ordinary one.
	ActingIn   TenantID
	Doc        SessionDoc
	Version    int64
	CreatedAt  time.Time // of the sign-in: moves only with a new sign-in
	RotatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time // the overall end
	IdleUntil  time.Time // the idle end, moved as the session is used
	EndedAt    time.Time
	EndedWhy   string
}

// SessionDoc is the part of a session that only its owner's pages read.
type SessionDoc struct {
	Proofs  []Proof `json:"proofs"`
	Address string  `json:"address,omitempty"`
	Agent   string  `json:"agent,omitempty"`
	// Browser is the known browser that the sign-in came from, or made known.
	Browser BrowserID `json:"browser,omitempty"`
	// Reveal is a sealed new recovery code that its owner has not confirmed
	// having saved; it can be shown until RevealUntil and not after.
	Reveal      []byte    `json:"reveal,omitempty"`
	RevealUntil time.Time `json:"reveal_until,omitzero"`
	RevealWhy   string    `json:"reveal_why,omitempty"` // "enrolled", "used", "made"
	// Sheet is the app whose setup key may be shown once more, on the sheet to print,
	// until SheetUntil.
	Sheet      FactorID  `json:"sheet,omitempty"`
	SheetUntil time.Time `json:"sheet_until,omitzero"`
	// TrustUntil is until when the person may answer whether to trust this browser;
	// zero when nobody asks.
	TrustUntil time.Time `json:"trust_until,omitzero"`
	// ReturnTo is where to after the pages that stand between, AnsweredAt when the
	// last of them was answered: the second request of a click goes there, too.
	ReturnTo   string    `json:"return_to,omitempty"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	// Recovered is set when a recovery code got this session.
	Recovered  bool      `json:"recovered,omitempty"`
	MailProved bool      `json:"mail_proved,omitempty"`
	Asleep     bool      `json:"asleep,omitempty"`     // the sign-in does not count for enrol_proof
	LastBefore time.Time `json:"last_before,omitzero"` // the sign-in before this one
	Idle       Duration  `json:"idle,omitempty"`       // the setting when it was made
	// Skipped: the setup of a factor was put off to get this session, when it had been
	// so SkipsBefore times. Apps that are opened from it do not ask again.
	Skipped     bool `json:"skipped,omitempty"`
	SkipsBefore int  `json:"skips_before,omitempty"`
	// Reason is why a session acts in another organisation, From the session that
	// it came from and goes back to.
	Reason string    `json:"reason,omitempty"`
	From   SessionID `json:"from,omitempty"`
	// Click is the one that gave this session its token, if it was pressed where a
	// second request may come, ProvedBy a keyed hash of the one on the link that showed
	// the mailbox for it.
	Click    Click  `json:"click,omitzero"`
	ProvedBy []byte `json:"proved_by,omitempty"`
}

// Click is one press of a form's button, as it is remembered where its answer
// must not be given twice and must not get lost: the second request of a double
// click is recognised by the mark and gets the same outcome.
type Click struct {
	Mark    []byte `json:"mark"`    // keyed hash of the form, what was typed, and whose page it was
	Outcome []byte `json:"outcome"` // sealed
}

// AuthTime is when the strongest fresh proof was given: the newest of all.
func (d SessionDoc) AuthTime() time.Time {
	var t time.Time
	for _, p := range d.Proofs {
		if p.At.After(t) {
			t = p.At
		}
	}
	return t
}

// Live reports whether the session can be used at now.
func (s Session) Live(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && now.Before(s.IdleUntil)
}

// TokenKind types a single-use link: a token of one purpose is never good for
// another (DS-05).
type TokenKind string

const (
	TokenInvitation TokenKind = "invitation"
	TokenReset      TokenKind = "reset"
	TokenAdminLink  TokenKind = "admin_link"
	TokenEnrolProof TokenKind = "enrol_proof"
	// TokenEmailChange goes to a new address and makes it the account's; the old
	// one stays until then (row AIR-14).
	TokenEmailChange TokenKind = "email_change"
	// TokenPass is a temporary pass: typed, not followed, so its hash is a keyed
	// one (decision 7.19).
	TokenPass TokenKind = "pass"
)

// TokenKinds lists all: what ends an account ends every kind.
var TokenKinds = []TokenKind{TokenInvitation, TokenReset, TokenAdminLink, TokenEnrolProof, TokenEmailChange, TokenPass}

// Token is a single-use link that went out by mail or was printed on a shell.
type Token struct {
	Hash         []byte // SHA-256 of the token
	Kind         TokenKind
	Tenant       TenantID
	User         UserID
	Email        string // the address it was sent to; it dies when the address changes
	Bound        string // attempt or session it proves something for; once used, the one that it began
	CreatedAt    time.Time
	ExpiresAt    time.Time
	UsedAt       time.Time
	SupersededAt time.Time
}

// State words of a Token.
const (
	TokenGood       = "good"
	TokenUsed       = "used"
	TokenExpired    = "expired"
	TokenSuperseded = "superseded"
)

// State tells what may be said about a token to whoever holds it.
func (t Token) State(now time.Time) string {
	switch {
	case !t.UsedAt.IsZero():
		return TokenUsed
	case !t.SupersededAt.IsZero():
		return TokenSuperseded
	case !now.Before(t.ExpiresAt):
		return TokenExpired
	}
	return TokenGood
}
