package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// tx is a Reader, and a Tx when it writes. It lives for one run of a function.
type tx struct {
	ctx    context.Context
	s      *Store
	raw    db.DBTX
	q      *db.Queries
	must   *db.Queries // for writes that must hit exactly one row
	tenant core.TenantID
	now    time.Time
	writes bool

	failed  error // the first error of the engine: there is no commit after it
	changes []core.Change
	settled []store.Guess
	// honoured are guesses that InsertAttempt gives back.
	honoured []store.Guess
	// budgets remembers the versions of what was read, so that saving one on
	// top of another's change is a conflict.
	budgets map[store.Guess]int64
	// docs remembers, per row read, the fields that a newer program put there.
	docs map[string]unknown
	// stands and factors remember what was read of accounts and factors, seats who
	// moved from where to where; see standing.go.
	stands  map[core.UserID]stand
	factors map[core.FactorID]counted
	seats   map[seat]int64
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Now() time.Time          { return t.now }
func (t *tx) TenantID() core.TenantID { return t.tenant }
func (t *tx) own() string             { return string(t.tenant) }

// err translates, and closes the transaction to everything else when the
// engine itself refused. Finding no row is no such refusal.
func (t *tx) err(err error) error {
	if err == nil || err == sql.ErrNoRows {
		return translate(t.s, err)
	}
	if t.failed == nil {
		t.failed = translate(t.s, err)
		t.q = db.New(closed{t.raw, t.failed})
		t.must = t.q
	}
	return t.failed
}

// closed refuses statements after an error of the engine.
type closed struct {
	db.DBTX
	why error
}

func (c closed) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, fmt.Errorf("after an error: %w", c.why)
}

func (c closed) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, fmt.Errorf("after an error: %w", c.why)
}

// QueryRowContext cannot return an error of its own making, so it asks with a
// context that has ended.
func (c closed) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return c.DBTX.QueryRowContext(ctx, query, args...)
}

// one turns the count of an update that must hit its row into an error.
func (t *tx) one(n int64, err error) error {
	if err != nil {
		return t.err(err)
	}
	if n == 0 {
		return core.ErrNotFound
	}
	return nil
}

// versioned explains an update that hit no row: nothing of that id here, or
// changed meanwhile, or (the version still being right) past all changing.
func (t *tx) versioned(n int64, err error, given int64, stand func() (int64, error)) error {
	if err != nil {
		return t.err(err)
	}
	if n > 0 {
		return nil
	}
	has, err := stand()
	if err != nil {
		return t.err(err)
	}
	if has == given {
		return conflict{"the row is done and takes no change"}
	}
	return store.ErrConflict
}

// remember keeps the unknown fields of a row that may be written later.
func (t *tx) remember(id string, rest unknown) {
	if !t.writes {
		return
	}
	if t.docs == nil {
		t.docs = map[string]unknown{}
	}
	t.docs[id] = rest
}

func (t *tx) Changed(kind core.ChangeKind, key string) error {
	if t.failed != nil {
		return t.failed
	}
	t.changes = append(t.changes, core.Change{Kind: kind, Key: key})
	return nil
}

// list runs a query of many rows.
func list[A, B any](t *tx, rows []A, err error, turn func(A) B) ([]B, error) {
	if err != nil {
		return nil, t.err(err)
	}
	return each(rows, turn), nil
}

// get runs a query of one row.
func get[A, B any](t *tx, row A, err error, turn func(A) B) (B, error) {
	if err != nil {
		var none B
		return none, t.err(err)
	}
	return turn(row), nil
}

// foreign refuses a row that says it belongs to another tenant.
func (t *tx) foreign(of core.TenantID) bool { return of != t.tenant }

// spared writes ids between bars for the queries that leave some rows alone.
func spared[ID ~string](ids []ID) string {
	s := "|"
	for _, id := range ids {
		s += string(id) + "|"
	}
	return s
}
