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
	// LineOf is the way from the root to any node: rights are held on nodes of other
	// tenants, and a transaction that decides by them reads where those stand.
	LineOf(core.TenantID) ([]core.Tenant, error)
	// Below lists the nodes under the reader's own, itself included, parents
	// before children.
	Below() ([]core.Tenant, error)
	// Children lists the nodes right under the reader's own by name, a page a call;
	// next is empty at the end. Deleted ones come when asked for.
	Children(p Page, deletedToo bool) (nodes []core.Tenant, next string, err error)
	// Named lists nodes of the branch whose name begins with a prefix, whatever the
	// case, by name.
	Named(prefix string, p Page) (nodes []core.Tenant, next string, err error)
	// Deleted lists the nodes of the branch that can be restored, in the same way; of
	// those that were deleted together only the one on top.
	Deleted(prefix string, p Page) (nodes []core.Tenant, next string, err error)
	// Counts tells how many people stand where, on the reader's own node and below
	// it within its organisation. Deleted nodes do not count.
	Counts() (Counts, error)
	// CountsBelow tells the same of each organisation of the branch that has people.
	CountsBelow() (map[core.TenantID]Counts, error)
	// Losses is what taking every second factor of the reader's own organisation
	// away would delete, disabled accounts included.
	Losses() (Losses, error)
	// Newcomers counts people of the reader's own node and below it within its
	// organisation who have no second factor and whose mailbox was confirmed after an
	// instant, and says when the last of them was; zero where there is none.
	Newcomers(since time.Time) (n int, newest time.Time, err error)
	// Clashes lists people of the reader's own node and below it within its
	// organisation whose address somebody of another organisation has, at most limit.
	Clashes(organisation core.TenantID, limit int) ([]core.User, error)
	// WithoutEntry counts those of them who have neither a second factor nor a password
	// nor an address to send a link to.
	WithoutEntry() (int, error)
}

// Page asks for a part of a list: what comes after a place that the part before
// named, and how much at most.
type Page struct {
	After string
	Limit int
}

// Counts is how many people stand where.
type Counts map[core.Standing]int

// Losses counts what would be deleted, and whose it is.
type Losses struct{ People, Apps, Codes, Browsers int }

type TenantWriter interface {
	// InsertTenant adds a child of the reader's own node, or the platform itself.
	InsertTenant(core.Tenant) error
	// UpdateTenant writes the reader's own node or one below it, all but its place
	// in the tree (Parent, Organisation, Path).
	UpdateTenant(core.Tenant) error
	// MoveTenant puts the reader's own node with all that is below it under another
	// parent. Nodes and people whose organisation changes by that follow.
	MoveTenant(parent core.TenantID) error
	// DeleteBranch marks the reader's own node and all below as deleted, at the
	// transaction's instant; RestoreBranch gives back what was deleted in the same
	// moment as the own node. Both return how many nodes that were.
	DeleteBranch() (int, error)
	RestoreBranch() (int, error)
}

// Listed is a line of a list of people.
type Listed struct {
	User     core.User
	Standing core.Standing
	Enrolled bool // a second factor is confirmed, whatever else the account is
	// Privileged: the account holds a role other than user somewhere.
	Privileged bool
}

// PeopleQuery asks for people of the reader's own node and of what is below it
// within its organisation. Without a prefix they come by login; with one come
// those whose login, name, family name or address begins with it, in that order.
type PeopleQuery struct {
	Page
	Standings []core.Standing // none: all
	Prefix    string
}

// Holder is somebody who holds a role.
type Holder struct {
	User  core.User
	Grant core.RoleGrant
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
	// People lists people, a page a call; next is empty at the end.
	People(PeopleQuery) (people []Listed, next string, err error)
	// OpenHolders lists people of the reader's own node and below it within its
	// organisation who have no second factor and hold one of these roles somewhere.
	OpenHolders(roles []core.Role, limit int) ([]core.User, error)
	// RolesHeld lists who holds a role other than user on the reader's own node or
	// below it within its organisation, people of other tenants too.
	RolesHeld() ([]Holder, error)
	// Administrators lists the people, of whatever tenant, who hold an administrator's
	// role on a node and can sign in. In a Tx the answer holds until its end against
	// everybody else who asks in one.
	Administrators(on core.TenantID) ([]core.User, error)
	// RolesHeldBy lists the roles of an account of whatever tenant. In a Tx they stay
	// so until its end against everybody else who asks in one: whoever changes roles
	// asks for those of both sides first.
	RolesHeldBy(core.UserID) ([]core.RoleGrant, error)
	// CustomRoles lists the roles that the reader's own node made.
	CustomRoles() ([]core.CustomRole, error)
	CustomRole(core.Role) (core.CustomRole, error)
	// Service is what is kept of a service account.
	Service(core.UserID) (core.Service, error)
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
	// SeenBrowser moves the last use of a known browser and where that was, and says
	// whether it is still one that was only met asleep.
	SeenBrowser(id core.BrowserID, at time.Time, place string, asleep bool) error
	// DropBrowsers forgets known browsers: those named, or all when none is.
	DropBrowsers(core.UserID, ...core.BrowserID) (int, error)
	// TrustBrowser writes since when and until when a known browser is trusted, from
	// where and as what.
	TrustBrowser(core.Browser) error
	// Untrust takes the trust from browsers, those named or all when none is; they
	// stay known. It returns how many were trusted.
	Untrust(core.UserID, ...core.BrowserID) (int, error)
	// MoveUser puts an account whose Version is still the one given, with all that
	// belongs to it, into another tenant.
	MoveUser(u core.User, to core.TenantID) error
	// SaveService writes what is kept of a service account; DropService forgets it.
	SaveService(core.Service) error
	DropService(core.UserID) error
	// UsedService moves a service account's last use, and from where that was.
	UsedService(user core.UserID, at time.Time, from string) error
	// InsertCustomRole adds a role of the reader's own node; DeleteCustomRole is
	// ErrConflict while somebody holds it.
	InsertCustomRole(core.CustomRole) error
	UpdateCustomRole(core.CustomRole) error
	DeleteCustomRole(core.Role) error
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
	// Acting lists the sessions of other tenants' people that act in the reader's
	// own node or below it and are not past their end, newest first.
	Acting() ([]Acting, error)
	// LiveSessions counts the sessions of the people of the reader's own node and of
	// what is below it within its organisation, as Sessions lists them: of those of a
	// standing, or of all.
	LiveSessions(core.Standing) (int, error)
}

// Acting is a session that acts in another organisation, with whose it is.
type Acting struct {
	Session core.Session
	User    core.User
}

type SessionWriter interface {
	InsertSession(core.Session) error
	// UpdateSession writes a session whose Version is still the one given and
	// that has not ended.
	UpdateSession(core.Session) error
	// EndSessions ends a person's sessions but those named; it returns how many.
	EndSessions(user core.UserID, why string, except ...core.SessionID) (int, error)
	// EndActing ends a session that acts in the reader's own node or below it; false
	// when there is none that still lives.
	EndActing(id core.SessionID, why string) (bool, error)
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
	// Events lists what happened on the reader's own node and below it while that was
	// in its organisation, newest first, a page a call.
	Events(EventsQuery) (events []core.Event, next string, err error)
}

// EventsQuery narrows a list of events. Empty fields narrow nothing.
type EventsQuery struct {
	Page
	Since  time.Time
	Until  time.Time // before this
	Name   string    // the beginning of the name: "user.mfa."
	About  string    // an id: what it did, or what was done to it
	Result string    // "ok" or "refused"
}

type JobReader interface {
	// Job is one of the reader's own node, of one above it or of one below it.
	Job(core.TenantID, core.JobKind) (core.Job, error)
}

type JobWriter interface {
	// InsertJob begins work on the reader's own node or on one below it; ErrDuplicate
	// "job" when the same is under way.
	InsertJob(core.Job) error
	// UpdateJob writes cursor and document of a job of the reader's own node, of one
	// above it, so that a batch commits with its cursor, or of one below it. EndJob
	// deletes one of the own node. Both want a Version that is still the one given.
	UpdateJob(core.Job) error
	EndJob(core.Job) error
}

type AuditWriter interface {
	// Append adds an event of the reader's own tenant at the transaction's instant.
	Append(core.Event) error
	// AppendTo adds it to another tenant's log: what somebody does in an organisation
	// that is not theirs must be told in both.
	AppendTo(core.TenantID, core.Event) error
}

type OutboxReader interface {
	// MailsTo counts mails of a kind and of any tenant to an address that were queued
	// after an instant, and how many of them are about one account.
	MailsTo(address string, kind core.MailKind, user core.UserID, after time.Time) (all, own int, err error)
}

type OutboxWriter interface {
	QueueMail(core.Mail) error
}
