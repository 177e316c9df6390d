package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"sallyport/internal/store/sqlstore"
)

// writing is a transaction that goes to the server as seldom as it can: each way
// there and back costs both sides more than most statements do.
//
// It begins with its first write. Until then a question runs by itself, which at
// READ COMMITTED is what it would do inside as well. Writes that must hit exactly
// one row wait (Later) and go together, with BEGIN before and COMMIT behind them
// where that is all. A lone one needs neither: it is a transaction already.
//
// Whoever wrote has gone on by then, so a write that misses its row or is refused
// takes everything back, and the function runs once more with nothing waiting
// (patient): then each error shows in its place.
type writing struct {
	pool    *sql.DB
	patient bool
	conn    *sql.Conn // set while the transaction is open
	waiting []statement
	// failed is why nothing can be committed any more.
	failed error
	// missed: what failed was put off, and has certainly left nothing.
	missed bool
}

type statement struct {
	query string
	args  []any
}

var _ sqlstore.Later = (*writing)(nil)

const (
	begin  = "BEGIN ISOLATION LEVEL READ COMMITTED"
	commit = "COMMIT"
)

// Later takes a statement that must hit exactly one row.
func (w *writing) Later(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if w.patient {
		return w.ExecContext(ctx, query, args...)
	}
	if w.failed != nil {
		return nil, w.failed
	}
	w.waiting = append(w.waiting, statement{exact(query), args})
	return driver.RowsAffected(1), nil
}

// exacts keeps the exact form of each query; there are as many as the program has.
var exacts sync.Map

// exact makes an update that hits no row an error of the server (division by
// zero), so that what was sent along with it is not committed.
func exact(query string) string {
	if known, ok := exacts.Load(query); ok {
		return known.(string)
	}
	out := query
	if verb(query) == "UPDATE" {
		out = "WITH hit AS (\n" + strings.TrimRight(query, "; \n") + " RETURNING 1) SELECT 1 / count(*) FROM hit"
	}
	exacts.Store(query, out)
	return out
}

// verb is the first word of a query, after the line with its name.
func verb(query string) string {
	for strings.HasPrefix(query, "--") {
		_, query, _ = strings.Cut(query, "\n")
	}
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.ToUpper(word)
}

// send sends BEGIN where it is due and what waits, and with last the COMMIT, all
// at once.
func (w *writing) send(ctx context.Context, last bool) error {
	if w.failed != nil {
		return w.failed
	}
	if w.conn != nil && len(w.waiting) == 0 && !last {
		return nil
	}
	alone := w.conn == nil && last && len(w.waiting) == 1
	batch := &pgx.Batch{}
	opens := w.conn == nil && !alone
	if opens {
		batch.Queue(begin)
	}
	for _, s := range w.waiting {
		batch.Queue(s.query, s.args...)
	}
	if last && !alone {
		batch.Queue(commit)
	}
	put := len(w.waiting) > 0
	w.waiting = nil
	if w.conn != nil {
		w.failed = raw(w.conn, func(c *pgx.Conn) error { return sendBatch(ctx, c, batch) })
	} else {
		w.conn, w.failed = first(ctx, w.pool, batch)
	}
	var refused *pgconn.PgError
	// Only what the server itself refused has certainly left nothing: of a
	// connection that broke under a COMMIT nobody knows.
	w.missed = put && errors.As(w.failed, &refused)
	return w.failed
}

// first sends the first batch of a transaction. A connection that turns out to be
// dead before anything was sent is replaced, as database/sql does by itself.
func first(ctx context.Context, pool *sql.DB, batch *pgx.Batch) (*sql.Conn, error) {
	for try := 1; ; try++ {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if err = raw(conn, func(c *pgx.Conn) error { return sendBatch(ctx, c, batch) }); err == nil {
			return conn, nil
		}
		if try == 3 || !pgconn.SafeToRetry(err) {
			return conn, err
		}
		_ = conn.Close()
	}
}

// sendBatch runs a batch and returns the first error.
func sendBatch(ctx context.Context, c *pgx.Conn, batch *pgx.Batch) error {
	results := c.SendBatch(ctx, batch)
	var first error
	for _, q := range batch.QueuedQueries {
		tag, err := results.Exec()
		if err == nil && q.SQL == commit && tag.String() != commit {
			err = fmt.Errorf("commit answered %s", tag)
		}
		if err != nil {
			first = err
			break
		}
	}
	// Closing reads what is left, and reports the same error again.
	if err := results.Close(); first == nil {
		first = err
	}
	return first
}

// raw hands out the connection below database/sql.
func raw(conn *sql.Conn, fn func(*pgx.Conn) error) error {
	return conn.Raw(func(c any) error { return fn(c.(*stdlib.Conn).Conn()) })
}

func (w *writing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := w.send(ctx, false); err != nil {
		return nil, err
	}
	return w.conn.ExecContext(ctx, query, args...)
}

// looks reports whether a query does nothing but look: what locks rows, or calls
// the server's own functions to, has its effect on the transaction.
func looks(query string) bool {
	if known, ok := looking.Load(query); ok {
		return known.(bool)
	}
	only := verb(query) == "SELECT" && !locking.MatchString(query)
	looking.Store(query, only)
	return only
}

// looking keeps what was found of each query.
var looking sync.Map

var locking = regexp.MustCompile(`(?i)\bFOR\s+(NO\s+KEY\s+UPDATE|KEY\s+SHARE|UPDATE|SHARE)\b|\bpg_\w+\(|\bset_config\(|\bnextval\(`)

// asker is where a question goes: past the transaction while there is none, and
// else into it, after what waits.
type asker interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func (w *writing) asks(ctx context.Context, query string) (asker, error) {
	if w.conn == nil && len(w.waiting) == 0 && w.failed == nil && looks(query) {
		return w.pool, nil
	}
	err := w.send(ctx, false)
	return w.conn, err
}

func (w *writing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	on, err := w.asks(ctx, query)
	if err != nil {
		return nil, err
	}
	return on.QueryContext(ctx, query, args...)
}

func (w *writing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	on, err := w.asks(ctx, query)
	if err != nil {
		// Only a *sql.Row can carry an error. Its own does not matter: nothing of this
		// transaction stays, and what failed is remembered.
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return w.pool.QueryRowContext(ended, query, args...)
	}
	return on.QueryRowContext(ctx, query, args...)
}

func (w *writing) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := w.send(ctx, false); err != nil {
		return nil, err
	}
	return w.conn.PrepareContext(ctx, query)
}

func (w *writing) commit(ctx context.Context) error {
	if w.failed != nil {
		return w.failed
	}
	if w.conn == nil && len(w.waiting) == 0 {
		return nil // nothing was written
	}
	return w.send(ctx, true)
}

// end rolls back what was not committed, and gives the connection back.
func (w *writing) end() {
	if w.conn == nil {
		return
	}
	// The caller's context may be over; what was begun must end all the same.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// A connection that is still inside of a transaction is not handed to the next:
	// the pool drops it.
	_ = w.conn.Raw(func(c any) error {
		conn := c.(*stdlib.Conn).Conn()
		const idle = 'I'
		if conn.IsClosed() {
			return driver.ErrBadConn
		}
		if conn.PgConn().TxStatus() == idle {
			return nil
		}
		if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil || conn.PgConn().TxStatus() != idle {
			_ = conn.Close(ctx)
			return driver.ErrBadConn
		}
		return nil
	})
	_ = w.conn.Close()
	w.conn = nil
}
