package store

import (
	"context"
	"time"

	"sallyport/internal/core"
)

// Cross holds the doors that cross tenants. Sign-in must find a person before it
// knows the tenant; workers serve all tenants; the operator's shell sees all.
// A test pins this list.
type Cross interface {
	// FindLogin finds an account by its login key, with its password, whether it
	// has a second factor, and which of its known browsers this device is (the
	// SHA-256 of each secret that the device has, core.MaxPeople at most; nil when
	// it has none): all in one statement. Of two that are both its, the trusted one
	// is told. Deleted accounts are not found.
	FindLogin(ctx context.Context, loginKey string, devices [][]byte) (Login, error)
	// FindByEmail finds all accounts that have this address, at most limit.
	FindByEmail(ctx context.Context, emailKey string, limit int) ([]core.User, error)
	// FindUser finds an account by id in any tenant, deleted ones too.
	FindUser(ctx context.Context, id core.UserID) (core.User, error)
	// FindSession finds a session by the hash of its token, with its owner.
	FindSession(ctx context.Context, tokenHash []byte) (core.Session, core.User, error)
	// FindToken finds a single-use link by its hash, used and dead ones too.
	FindToken(ctx context.Context, hash []byte) (core.Token, error)
	// FindApp finds an app by id in any tenant, deleted ones too, with its secrets, the
	// newest first.
	FindApp(ctx context.Context, id core.AppID) (core.App, []core.AppSecretRow, error)
	// FindDevice finds one that waits to be let in by the hash of its code, dead ones too.
	FindDevice(ctx context.Context, code []byte) (core.Device, error)

	// AllClients lists API clients of every tenant that are not deleted, in the order of
	// their ids, after the id given, at most limit.
	AllClients(ctx context.Context, after core.ClientID, limit int) ([]core.App, error)
	// Replaced lists service accounts of every tenant whose place an API client takes,
	// in the order of their ids, after the id given, at most limit.
	Replaced(ctx context.Context, after core.UserID, limit int) ([]Replaced, error)
	// FindHost finds the app that a host is of.
	FindHost(ctx context.Context, host string) (core.AppID, error)
	// FindHosted finds what the cookie of an app's host stands for, by the hash of its
	// token.
	FindHosted(ctx context.Context, tokenHash []byte) (Hosted, error)
	// AppPeople counts who uses an app, of all tenants, and who of them did since then.
	AppPeople(ctx context.Context, id core.AppID, since time.Time) (people, lately int, err error)

	// AllTenants lists the whole tree, parents before children.
	AllTenants(ctx context.Context) ([]core.Tenant, error)
	// FindPlatform finds the root of the tree.
	FindPlatform(ctx context.Context) (core.Tenant, error)
	// PlatformName is what FindPlatform finds, as far as every schema has it: it may
	// be asked while migrations wait.
	PlatformName(ctx context.Context) (core.TenantID, string, error)
	// FindTenants finds nodes by their name, whatever the case, at most limit.
	FindTenants(ctx context.Context, name string, limit int) ([]core.Tenant, error)
	// DueTrials lists nodes whose trial has ended by now, at most limit.
	DueTrials(ctx context.Context, now time.Time, limit int) ([]core.Tenant, error)
	// Erasable lists nodes that were deleted before an instant and of which
	// something is left, at most limit.
	Erasable(ctx context.Context, before time.Time, limit int) ([]core.Tenant, error)
	// AllJobs lists jobs of every tenant that are under way, after the one given, at
	// most limit.
	AllJobs(ctx context.Context, after core.Job, limit int) ([]core.Job, error)
	// Recount compares what is kept beside the accounts of a tenant with what it is
	// made of, and how many are counted where with how many there are. Differences
	// are repaired and told.
	Recount(ctx context.Context, tenant core.TenantID) (Recounted, error)
	// AllUsers lists accounts of every tenant, deleted ones too, in the order of
	// their ids, after the id given, at most limit.
	AllUsers(ctx context.Context, after core.UserID, limit int) ([]core.User, error)
	// AllRoles lists who holds a role, anywhere.
	AllRoles(ctx context.Context, role core.Role) ([]core.RoleGrant, error)
	// RolesOf lists the roles an account holds, on whatever tenant.
	RolesOf(ctx context.Context, user core.UserID) ([]core.RoleGrant, error)
	// CountUsers counts accounts by state and kind and whether they have a usable
	// second factor, for the metrics.
	CountUsers(ctx context.Context) ([]UserCount, error)

	// HashSettings counts passwords by the setting of their hash
	// (secret.Imported.Setting), our own under "". It reads them all.
	HashSettings(ctx context.Context) (map[string]int64, error)

	// Bulk runs fn in one transaction that brings in many people of any tenants,
	// for the import, and commits durably when fn returns nil. Like a function of
	// Update it may run again. Others wait for it where there is one writer, so a
	// chunk should be a thousand people and not all of them.
	Bulk(ctx context.Context, fn func(BulkTx) error) error

	// ClaimMail leases up to limit mails that are due and returns them, those
	// past their ExpiresAt too: the worker notes that they expired.
	ClaimMail(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]core.Mail, error)
	// SettleMail writes back what became of a claimed mail and ends the claim. m
	// has the LeaseUntil that it was claimed with; ErrConflict when that claim is
	// over because it ran out or the epoch was raised.
	SettleMail(ctx context.Context, m core.Mail) error
	// MailQueue tells how many mails wait, and the oldest one's age.
	MailQueue(ctx context.Context) (waiting int, oldest time.Time, err error)

	// DueLogouts lists families whose apps are to be told that the sign-in is over, at
	// most limit. SettleLogout notes a try: to be made again then, or never where that
	// is zero.
	DueLogouts(ctx context.Context, now time.Time, limit int) ([]core.Family, error)
	SettleLogout(ctx context.Context, id core.FamilyID, again time.Time) error

	// Unsealed returns committed events that belong to no batch yet, in the
	// order of their insertion, at most limit.
	Unsealed(ctx context.Context, limit int) ([]core.Event, error)
	// SealBatch stores a batch, gives its events their positions and remembers the
	// head of the chain as it is then (Meta, MetaAuditHead), in one transaction;
	// ErrConflict when a batch of that number exists.
	SealBatch(ctx context.Context, b core.Batch, seqs []int64, head string) error
	// LastBatch is the head of the chain; a zero batch when there is none.
	LastBatch(ctx context.Context) (core.Batch, error)
	// Batches lists the chain from a number on, at most limit.
	Batches(ctx context.Context, from int64, limit int) ([]core.Batch, error)
	// SealedEvents lists events by position from one on, at most limit.
	SealedEvents(ctx context.Context, fromPosition int64, limit int) ([]core.Event, error)
	// EventsAfter lists events of all tenants by insertion, for the shell's tail.
	EventsAfter(ctx context.Context, seq int64, limit int) ([]core.Event, error)

	// Changes lists the feed after seq, at most limit; it never skips a line
	// that commits later.
	Changes(ctx context.Context, after int64, limit int) ([]core.Change, error)
	LastChange(ctx context.Context) (int64, error)

	// TouchSessions moves last-seen and idle end of sessions, in a batch.
	TouchSessions(ctx context.Context, touches []Touch) error
	// Sweep deletes what nobody can need any more: attempts, links, ended
	// sessions, tokens, answers kept for a repetition and finished mails past their keep time, feed lines older than
	// a day. It returns how many rows went, at most limit.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)

	// Lease takes or renews a named lease for one node; false when another has it.
	Lease(ctx context.Context, name, holder string, now time.Time, d time.Duration) (bool, error)

	// Meta and SetMeta keep a few words about the store itself: "demo", "epoch", "recounted_at",
	// "instance", "backup_at". An absent key is "".
	Meta(ctx context.Context, key string) (string, error)
	SetMeta(ctx context.Context, key, value string) error
	// RaiseEpoch ends all sessions, attempts, links and tokens at once, expires mails
	// that carry a link, moves every time-step high-water mark past now, ends all
	// recovery codes, because which of them were spent meanwhile nobody knows, and
	// says so on the feed, after a restore.
	RaiseEpoch(ctx context.Context, now time.Time) error
}

// MetaAuditHead is the word about the store that says where its audit chain ends.
const MetaAuditHead = "audit_head"

// Login is what the password step needs to know of an account, in one read.
type Login struct {
	User     core.User
	Password core.Password // Hash is empty when none was set
	// Enrolled: a confirmed factor other than a recovery code exists, usable or dead.
	Enrolled bool
	// Browser is the known browser of this person that the device is, or empty.
	Browser core.BrowserID
	// KnownAt is when that browser was last seen; MetAsleep, that it came with a
	// sign-in that does not count for enrol_proof.
	KnownAt   time.Time
	MetAsleep bool
	// TrustedAt and TrustedUntil are those of the browser; see core.Browser.
	TrustedAt    time.Time
	TrustedUntil time.Time
}

// Replaced is a service account whose place an API client takes.
type Replaced struct {
	Tenant  core.TenantID
	Service core.Service
}

// Hosted is what the cookie of an app's host stands for: the sign-in to the app, the
// session that it came of, and whose they are.
type Hosted struct {
	Family  core.Family
	Session core.Session
	User    core.User
}

// Recounted is what a recount of one tenant found and repaired.
type Recounted struct {
	Tenant core.TenantID
	People int // accounts that were looked at
	// Wrong counts accounts beside which something wrong was kept; First names some.
	Wrong int
	First []core.UserID
	// Missing is by how many people the counts were too low (or too high, below 0).
	Missing Counts
}

// Clean reports whether nothing had to be repaired.
func (r Recounted) Clean() bool { return r.Wrong == 0 && len(r.Missing) == 0 }

// UserCount is a line of the user gauge.
type UserCount struct {
	State    core.UserState
	Kind     core.UserKind
	Enrolled bool
	Count    int64
}

// Touch moves a session's idle end.
type Touch struct {
	Session   core.SessionID
	SeenAt    time.Time
	IdleUntil time.Time
}

// Guesses is the book of password guesses. A guess is reserved before its hash
// is computed and settled after, so that guesses made at the same time count
// against the same limit (GHSA-7h8m-vrxx-vr4m, row B-04).
type Guesses interface {
	// Reserve takes one guess from the budget of this name if it is neither
	// locked nor used up, counting guesses that are under way. For an unknown
	// account (empty user) it does the same work and says no. A guess that is
	// neither settled nor released is forgotten after a minute.
	Reserve(ctx context.Context, g Guess, rule core.LockRule, now time.Time) (Reserved, error)
	// Release gives back a reserved guess that no SaveBudget of a committed
	// transaction settled.
	Release(ctx context.Context, g Guess) error
}

// Guess names a budget: a person's password budget, or the one that a known
// browser of that person has for itself.
type Guess struct {
	Tenant core.TenantID
	User   core.UserID
	Name   string // "password", "password@br_…", "codes"
}

// Reserved is the answer of Reserve.
type Reserved struct {
	OK     bool
	Budget core.Budget
}

// Keys keeps the wrapped key ring.
type Keys interface {
	LoadKeys(ctx context.Context) ([]KeyRow, error)
	// SaveKey inserts when ifVersion is 0 and else replaces that version, and says
	// so on the feed; the row's version is then ifVersion+1. ErrConflict when
	// somebody was faster.
	SaveKey(ctx context.Context, row KeyRow, ifVersion int64) error
}

// KeyRow is one purpose's keyset, wrapped by the master key.
type KeyRow struct {
	Purpose   string
	Version   int64
	Wrapped   []byte
	ChangedAt time.Time
}
