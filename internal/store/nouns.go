package store

import (
	"time"

	"sallyport/internal/core"
)

type TenantReader interface {
	// Tenant is the reader's own node.
	Tenant() (core.Tenant, error)
	// Line is the way from the root to the reader's own node, both included.
	Line() ([]core.Tenant, error)
	// Below lists the nodes under the reader's own, itself included, parents
	// before children.
	Below() ([]core.Tenant, error)
}

type TenantWriter interface {
	// InsertTenant adds a child of the reader's own node, or the platform itself.
	InsertTenant(core.Tenant) error
	// UpdateTenant writes the reader's own node, all but its place in the tree
	// (Parent, Organisation, Path).
	UpdateTenant(core.Tenant) error
}

type UserReader interface {
	User(core.UserID) (core.User, error)
	// Users lists the tenant's accounts (deleted ones not) by id.
	Users(after core.UserID, limit int) ([]core.User, error)
	// EmailTaken reports whether an account other than except, in the tenants
	// of the reader's organisation, has this address. In a Tx nobody else can
	// take the address between the question and the commit.
	EmailTaken(organisation core.TenantID, emailKey string, except core.UserID) (bool, error)
	Password(core.UserID) (core.Password, error)
	Browsers(core.UserID) ([]core.Browser, error)
	Roles(core.UserID) ([]core.RoleGrant, error)
	// Budget is a named guess budget of a person; a clean one when none is kept.
	Budget(user core.UserID, name string) (core.Budget, error)
}

type UserWriter interface {
	InsertUser(core.User) error
	UpdateUser(core.User) error
	// SetPassword stores a password, replacing what was there.
	SetPassword(core.UserID, core.Password) error
	// Rehash replaces a stored hash by another of the same password. When it is
	// not the one given any more, a new password was set meanwhile and nothing is
	// done.
	Rehash(user core.UserID, had string, p core.Password) error
	InsertBrowser(core.Browser) error
	// SeenBrowser moves the last use of a known browser, and says whether it is
	// still one that was only met asleep.
	SeenBrowser(id core.BrowserID, at time.Time, asleep bool) error
	// DropBrowsers forgets known browsers: those named, or all when none is.
	DropBrowsers(core.UserID, ...core.BrowserID) (int, error)
	// Grant gives a role, once however often it is called. The account is the
	// reader's, the tenant on which the role holds may be any.
	Grant(core.RoleGrant) error
	Revoke(core.RoleGrant) error
	// SaveBudget writes a named budget and settles one reserved guess on it. A
	// budget that was counted up must have been read in the same transaction:
	// then it is ErrConflict when another failure was counted meanwhile.
	SaveBudget(user core.UserID, name string, b core.Budget) error
	// DropBudgets forgets all budgets of a person but the factors' own.
	DropBudgets(core.UserID) error
}

type FactorReader interface {
	Factor(core.FactorID) (core.Factor, error)
	// Factors lists a person's factors that are not revoked, oldest first.
	Factors(core.UserID) ([]core.Factor, error)
	// FactorHistory lists all, revoked ones too.
	FactorHistory(core.UserID) ([]core.Factor, error)
}

type FactorWriter interface {
	InsertFactor(core.Factor) error
	// UpdateFactor writes a factor whose Version is still the one given.
	UpdateFactor(core.Factor) error
}

type AttemptReader interface {
	Attempt(core.AttemptID) (core.Attempt, error)
	// AttemptFacts reads an attempt with its owner and the owner's factors that
	// are not revoked, in one statement.
	AttemptFacts(core.AttemptID) (AttemptFacts, error)
}

// AttemptFacts is all the code step reads.
type AttemptFacts struct {
	Attempt core.Attempt
	User    core.User
	Factors []core.Factor
}

type AttemptWriter interface {
	// InsertAttempt stores an attempt. honours is the reserved guess that led to
	// it, if one did: it is given back by the same commit, as right.
	InsertAttempt(a core.Attempt, honours ...Guess) error
	// UpdateAttempt writes an attempt whose Version is still the one given and
	// that is not done.
	UpdateAttempt(core.Attempt) error
	// EndAttempts makes a person's attempts unusable, except those named.
	EndAttempts(core.UserID, ...core.AttemptID) error
}

type SessionReader interface {
	Session(core.SessionID) (core.Session, error)
	// Sessions lists a person's sessions that have not ended and are not past
	// their overall end, newest first. Their idle end is for the caller (Live),
	// since it is moved in batches. EndSessions ends and counts the same ones.
	Sessions(core.UserID) ([]core.Session, error)
}

type SessionWriter interface {
	InsertSession(core.Session) error
	// UpdateSession writes a session whose Version is still the one given and
	// that has not ended.
	UpdateSession(core.Session) error
	// EndSessions ends a person's sessions but those named; it returns how many.
	EndSessions(user core.UserID, why string, except ...core.SessionID) (int, error)
}

type TokenReader interface {
	Token(hash []byte) (core.Token, error)
	// Tokens lists a person's links of a kind, newest first.
	Tokens(core.UserID, core.TokenKind) ([]core.Token, error)
}

type TokenWriter interface {
	InsertToken(core.Token) error
	// UseToken consumes a link: exactly one caller ever gets nil, everyone else
	// ErrConflict (used, superseded, expired or unknown).
	UseToken(hash []byte) error
	// BindToken writes down what the use of a link began; core.ErrNotFound when it
	// was not used.
	BindToken(hash []byte, bound string) error
	// SupersedeTokens kills a person's unused links of a kind.
	SupersedeTokens(core.UserID, core.TokenKind) (int, error)
}

type AuditReader interface {
	// EventsOf lists what happened to or by a person, newest first.
	EventsOf(user core.UserID, before int64, limit int) ([]core.Event, error)
}

type AuditWriter interface {
	// Append adds an event of the reader's own tenant at the transaction's instant.
	Append(core.Event) error
}

type OutboxReader interface {
	// MailsTo counts mails of any tenant to an address that were queued since.
	MailsTo(address string, since time.Time) (int, error)
}

type OutboxWriter interface {
	QueueMail(core.Mail) error
}
