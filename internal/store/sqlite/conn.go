package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// conn is one connection with the statements that it has prepared. Only one
// goroutine uses it at a time.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt
}

func newConn(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, stmts: map[string]*sql.Stmt{}}, nil
}

// maxStatements bounds the cache: the queries of this program are fewer, and a
// restore writes statements of varying length.
const maxStatements = 200

func (c *conn) prepared(query string) (*sql.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if len(c.stmts) >= maxStatements {
		for old, stmt := range c.stmts {
			stmt.Close()
			delete(c.stmts, old)
		}
	}
	c.stmts[query] = s
	return s, nil
}

// calm takes the ability to interrupt a statement from a context that has not
// ended. A statement takes microseconds; interrupting one would undo the work
// of all who share the transaction, and watching for it costs a goroutine.
func calm(ctx context.Context) context.Context {
	if ctx.Err() != nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

func (c *conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := c.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(calm(ctx), args...)
}

func (c *conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := c.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(calm(ctx), args...)
}

func (c *conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := c.prepared(query)
	if err != nil {
		// Only a *sql.Row can carry the error; asking again brings it back in one.
		return c.c.QueryRowContext(calm(ctx), query, args...)
	}
	return s.QueryRowContext(calm(ctx), args...)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.c.PrepareContext(ctx, query)
}

// do runs a statement of transaction control, which no context stops.
func (c *conn) do(statement string) error {
	_, err := c.ExecContext(context.Background(), statement)
	return err
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}
