package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

// Options of a store.
type Options struct {
	// Now gives each transaction its instant; nothing else here reads a clock.
	Now func() time.Time
	// MaxConns bounds the connections of this node; 0 means 32.
	MaxConns int
}

const defaultConns = 32

// Open connects to the database of a DSN, which may name several hosts. The
// schema is as it was: see Migrate. A database that a newer program migrated is
// refused with store.ErrNewerSchema.
func Open(ctx context.Context, dsn string, opts Options) (store.Store, error) {
	s, err := open(ctx, dsn, opts)
	if err != nil {
		return nil, err
	}
	if err := s.Check(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, dsn string, opts Options) (*sqlstore.Store, error) {
	if opts.Now == nil {
		return nil, errors.New("postgres: a store needs a clock")
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's own words may quote the DSN with its password.
		return nil, errors.New("postgres: the DSN cannot be read; it looks like postgres://user:password@host/database")
	}
	// Among several hosts only the one that writes will do.
	if len(config.Fallbacks) > 0 && config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "sallyport"
	}
	e := &engine{config: config, pool: stdlib.OpenDB(*config)}
	conns := opts.MaxConns
	if conns <= 0 {
		conns = defaultConns
	}
	e.pool.SetMaxOpenConns(conns)
	e.pool.SetMaxIdleConns(conns)
	if err := e.pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", store.ErrDown, err), e.pool.Close())
	}
	return sqlstore.New(e, opts.Now), nil
}

// engine is the dialect over one database.
type engine struct {
	config *pgx.ConnConfig
	pool   *sql.DB
	decoy  atomic.Uint64
}

func (e *engine) Name() string { return "postgres" }
func (e *engine) Close() error { return e.pool.Close() }

func (e *engine) One(_ context.Context, fn func(db.DBTX) error) error { return fn(e.pool) }

func (e *engine) Read(ctx context.Context, fn func(db.DBTX) error) error {
	tx, err := e.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	// In a defer, because fn may panic or end its goroutine. After a commit it
	// does nothing, and a connection that broke has nothing to roll back.
	defer func() { _ = tx.Rollback() }()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (e *engine) Write(ctx context.Context, fn func(db.DBTX) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	missed, err := e.write(ctx, fn, false)
	if missed {
		_, err = e.write(ctx, fn, true)
	}
	return err
}

// write runs fn once. missed says that a write which was put off did not go as it
// must, and that nothing was kept.
func (e *engine) write(ctx context.Context, fn func(db.DBTX) error, patient bool) (missed bool, err error) {
	w := &writing{pool: e.pool, patient: patient}
	// In a defer, because fn may panic or end its goroutine.
	defer w.end()
	if err = fn(w); err == nil {
		err = w.commit(ctx)
	}
	if w.failed != nil {
		err = w.failed // fn may have made something else of it
	}
	return w.missed, err
}

func (e *engine) WriteMuch(ctx context.Context, fn func(db.DBTX) error) error {
	return e.Write(ctx, fn)
}
