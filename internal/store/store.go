package store

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/core"
)

// Store is one open store. It is safe for concurrent use.
type Store interface {
	// View runs fn on a consistent snapshot of one tenant.
	View(ctx context.Context, tenant core.TenantID, fn func(Reader) error) error
	// Update runs fn in a transaction of one tenant and commits durably when fn
	// returns nil. fn may run several times, each time from a clean beginning. A
	// write of fn may say that it went well before that is known; when it did not,
	// fn runs again and then hears of it in its place.
	Update(ctx context.Context, tenant core.TenantID, fn func(Tx) error) error

	Cross
	Guesses
	Keys

	Migrate(ctx context.Context, report func(Migration)) error
	// Migrations lists those that the program knows with what the store has.
	Migrations(ctx context.Context) ([]Migration, error)

	// Blank reports whether nobody has put anything into the store yet: no migration
	// was applied, or only some, or all, and there is no tenant. It works on any
	// version of the schema.
	Blank(ctx context.Context) (bool, error)

	// OnChange tells fn of each change of the feed that is committed through this
	// very store, before Update returns. Call it before the first Update.
	OnChange(fn func(core.Change))

	// Engine is "sqlite" or "postgres".
	Engine() string
	// Ping does the least that proves the store reads and writes.
	Ping(ctx context.Context) error
	// Clock is the store's own time: the database's on PostgreSQL, the
	// machine's when embedded. It carries no offset.
	Clock(ctx context.Context) (time.Time, error)
	// Listen calls wake when the change feed has grown, as far as that can be
	// heard, until ctx ends. It is a hint: who relies on the feed reads it by its
	// own clock as well.
	Listen(ctx context.Context, wake func())
	// Backup writes a consistent copy of everything to a new file at path while
	// others go on writing. The caller seals it. It is the same for all engines,
	// so that it can be restored into another.
	Backup(ctx context.Context, path string) error
	Close() error
}

// Reader reads rows of one tenant.
type Reader interface {
	// Now is the transaction's one instant.
	Now() time.Time
	// TenantID is the tenant that the reader was opened for.
	TenantID() core.TenantID
	TenantReader
	UserReader
	FactorReader
	AttemptReader
	SessionReader
	TokenReader
	AuditReader
	JobReader
	OutboxReader
	AppReader
	FamilyReader
	ReplyReader
	DeviceReader
}

// Tx reads and writes rows of one tenant.
type Tx interface {
	Reader
	TenantWriter
	UserWriter
	FactorWriter
	AttemptWriter
	SessionWriter
	TokenWriter
	AuditWriter
	JobWriter
	OutboxWriter
	AppWriter
	FamilyWriter
	ReplyWriter
	DeviceWriter
	// Changed appends a line to the change feed: something was taken away that a
	// node may have in its memory.
	Changed(kind core.ChangeKind, key string) error
}

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero: pending
}

var (
	// ErrConflict says that a row was changed by somebody else meanwhile.
	ErrConflict = errors.New("the row was changed meanwhile")
	// ErrDown says that the store cannot be reached or cannot write now.
	ErrDown error = core.ErrUnavailable
	// ErrNewerSchema says that the store was migrated by a newer program.
	ErrNewerSchema = errors.New("the store was migrated by a newer program")
)

// ErrDuplicate says that something unique exists already. What is "login",
// "handle", "token", "platform", "job" or "id"; and "email", which no store says by
// itself, for a journey that asked EmailTaken.
type ErrDuplicate struct{ What string }

func (e ErrDuplicate) Error() string { return e.What + " exists already" }
