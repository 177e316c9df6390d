package postgres

import (
	"context"
	"database/sql"

	"sallyport/internal/store/sqlstore/db"
)

// writing is a transaction that begins when it must. One statement alone is a
// transaction already: with BEGIN and COMMIT around it, it would be three ways to
// the server and back instead of one, and the password step is such a statement.
type writing struct {
	pool *sql.DB
	tx   *sql.Tx
	held *held
	// failed is why it could not begin. Nothing is committed after that.
	failed error
}

// held is a statement that waits to see whether it stays alone.
type held struct {
	query string
	args  []any
}

var _ db.DBTX = (*writing)(nil)

// hold takes a statement whose result nobody looks at. It runs before the next
// statement or as the commit, and that is where its error shows.
func (w *writing) hold(ctx context.Context, query string, args ...any) error {
	if w.tx == nil && w.held == nil && w.failed == nil {
		w.held = &held{query, args}
		return nil
	}
	_, err := w.ExecContext(ctx, query, args...)
	return err
}

func (w *writing) begin(ctx context.Context) error {
	if w.tx != nil || w.failed != nil {
		return w.failed
	}
	if w.tx, w.failed = w.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}); w.failed != nil {
		return w.failed
	}
	if h := w.held; h != nil {
		w.held = nil
		_, w.failed = w.tx.ExecContext(ctx, h.query, h.args...)
	}
	return w.failed
}

func (w *writing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w.tx.ExecContext(ctx, query, args...)
}

func (w *writing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w.tx.QueryContext(ctx, query, args...)
}

func (w *writing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if w.begin(ctx) != nil {
		// Only a *sql.Row can carry the error: outside of any transaction the question
		// meets the same trouble, and if not, commit still knows.
		return w.pool.QueryRowContext(ctx, query, args...)
	}
	return w.tx.QueryRowContext(ctx, query, args...)
}

func (w *writing) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w.tx.PrepareContext(ctx, query)
}

func (w *writing) commit(ctx context.Context) error {
	switch {
	case w.failed != nil:
		return w.failed
	case w.tx != nil:
		return w.tx.Commit()
	case w.held != nil:
		_, err := w.pool.ExecContext(ctx, w.held.query, w.held.args...)
		return err
	}
	return nil
}

// end rolls back what was not committed. A connection that broke has nothing to
// roll back.
func (w *writing) end() {
	if w.tx != nil {
		_ = w.tx.Rollback()
	}
}
