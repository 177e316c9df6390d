package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// Dialect is what an engine brings.
type Dialect interface {
	Name() string

	// One runs a single reading statement; it needs no transaction.
	One(ctx context.Context, fn func(db.DBTX) error) error
	// Read runs fn on one consistent snapshot.
	Read(ctx context.Context, fn func(db.DBTX) error) error
	// Write runs fn in one transaction; it has committed durably when Write
	// returns nil, and left nothing when it returns an error.
	Write(ctx context.Context, fn func(db.DBTX) error) error
	// WriteMuch is Write for a function that writes thousands of rows.
	WriteMuch(ctx context.Context, fn func(db.DBTX) error) error

	// Diagnose says what an error of the driver means.
	Diagnose(err error) Trouble

	// Lock makes others that lock the same name wait until this transaction ends.
	Lock(ctx context.Context, q db.DBTX, name string) error
	// LockAddress does so for one mail address of an organisation, and
	// LockAddresses for all of them at once; it says whether others could have
	// written since this transaction began.
	LockAddress(ctx context.Context, q db.DBTX, name string) error
	LockAddresses(ctx context.Context, q db.DBTX) (others bool, err error)
	// LockFeed does so for writers of the change feed, and wakes its readers
	// once the transaction has committed.
	LockFeed(ctx context.Context, q db.DBTX) error
	// Listen calls wake when another node wrote to the feed, until ctx ends.
	Listen(ctx context.Context, wake func())

	// Slots is over how many rows a count is spread, so that writers do not all wait
	// for one.
	Slots() int64
	// Loosely runs fn with references checked at its end and not at each statement.
	Loosely(ctx context.Context, q db.DBTX, fn func() error) error

	// Seal gives unsealed events their batch and positions; it returns how many
	// were unsealed.
	Seal(ctx context.Context, q db.DBTX, batch, first int64, seqs []int64) (int64, error)

	// Among is the condition that a column's text is one of a list, and its one
	// argument, $1.
	Among(column string, list []string) (condition string, arg any, err error)
	// ForShare ends a query whose rows are to stay as they are until the
	// transaction ends.
	ForShare() string
	// InsertMany inserts rows that come by the column, in as few statements as it
	// can. Each ends with after.
	InsertMany(ctx context.Context, q db.DBTX, table string, columns []Column, rows int, after string) error

	Reserve(ctx context.Context, g store.Guess, rule core.LockRule, now time.Time) (store.Reserved, error)
	Release(ctx context.Context, g store.Guess) error
	// Settled says that a budget was saved in a transaction that has committed.
	Settled(g store.Guess)
	// InsertHonouring inserts an attempt and gives back, in rows if that is where
	// they are counted, the guess that led to it. Honoured says that this has
	// committed.
	InsertHonouring(ctx context.Context, q db.DBTX, row db.InsertAttemptParams, g store.Guess) error
	Honoured(g store.Guess)

	Clock(ctx context.Context) (time.Time, error)
	// Tables lists the tables that the store has, goose's own among them.
	Tables(ctx context.Context, q db.DBTX) ([]string, error)
	// Applied tells when each applied migration ran.
	Applied(ctx context.Context, q db.DBTX) (map[int64]time.Time, error)
	// Migrator opens a provider of its own; done closes what it needs.
	Migrator() (p *goose.Provider, done func() error, err error)
	// Renumber moves the sequences behind the rows that a restore brought.
	Renumber(ctx context.Context, q db.DBTX) error
	Close() error
}

// Later is a transaction that can put off statements which must hit exactly one
// row, so that they go to the server together. The result says so before it is
// known; when it was wrong, Write takes everything back and runs its function
// again, and then nothing is put off.
type Later interface {
	Later(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// PutOff is q for statements that must hit exactly one row, put off where the
// engine can.
func PutOff(q db.DBTX) db.DBTX {
	if l, ok := q.(Later); ok {
		return putOff{q, l}
	}
	return q
}

type putOff struct {
	db.DBTX
	later Later
}

func (p putOff) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.later.Later(ctx, query, args...)
}

// Symptom is the sort of an engine's error.
type Symptom int

const (
	Unknown    Symptom = iota
	Duplicate          // Trouble.What says of what
	NoParent           // a foreign key points nowhere: the owner is of another tenant, or is not
	Again              // a deadlock or a serialization failure: nothing was kept, run it again
	Down               // the store cannot be reached or cannot write
	Unstorable         // a text that no row can hold, so no row has it
)

// Trouble is an engine's error in the words of this package.
type Trouble struct {
	Symptom Symptom
	What    string
}

// conflict is an ErrConflict that a second run cannot mend: the link is used,
// the batch is sealed.
type conflict struct{ what string }

func (e conflict) Error() string        { return e.what }
func (e conflict) Is(target error) bool { return target == store.ErrConflict }

// again reports whether running the function once more may help.
func again(err error) bool {
	if _, settled := errors.AsType[conflict](err); settled {
		return false
	}
	return errors.Is(err, store.ErrConflict)
}

// engineError marks what came out of the driver and was translated already.
type engineError struct {
	means error
	cause error
}

func (e engineError) Error() string   { return fmt.Sprintf("%v: %v", e.means, e.cause) }
func (e engineError) Unwrap() []error { return []error{e.means, e.cause} }

// translate is the one place where errors of drivers become ours.
func translate(d Dialect, err error) error {
	var done engineError
	var dup store.ErrDuplicate
	switch {
	case err == nil || errors.As(err, &done) || errors.As(err, &dup):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return core.ErrNotFound
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	t := d.Diagnose(err)
	switch t.Symptom {
	case Duplicate:
		return store.ErrDuplicate{What: t.What}
	case NoParent, Unstorable:
		return core.ErrNotFound
	case Again:
		return engineError{store.ErrConflict, err}
	case Down:
		return engineError{store.ErrDown, err}
	}
	return err
}
