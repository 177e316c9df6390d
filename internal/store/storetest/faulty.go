package storetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/pressly/goose/v3"
)

// ErrKilled is what every statement says after the one that a process died at.
var ErrKilled = errors.New("the process was killed here")

// Breaking is a pool whose connections die at the nth statement, counted from 0
// over all of them, commits included: nothing reaches the engine any more, and
// closing rolls back, as when a process is killed.
func Breaking(connect func(context.Context) (driver.Conn, error), drv driver.Driver, nth int64) *sql.DB {
	return sql.OpenDB(&breaker{connect: connect, drv: drv, left: &atomic.Int64{}, nth: nth})
}

type breaker struct {
	connect func(context.Context) (driver.Conn, error)
	drv     driver.Driver
	left    *atomic.Int64
	nth     int64
}

func (b *breaker) Driver() driver.Driver { return b.drv }

func (b *breaker) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &brittle{Conn: c, b: b}, nil
}

// brittle forwards what database/sql asks of a connection.
type brittle struct {
	driver.Conn
	b *breaker
}

func (c *brittle) step() error {
	if c.b.left.Add(1) > c.b.nth {
		return ErrKilled
	}
	return nil
}

func (c *brittle) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *brittle) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *brittle) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *brittle) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return brittleTx{tx, c}, err
}

func (c *brittle) CheckNamedValue(v *driver.NamedValue) error {
	if check, can := c.Conn.(driver.NamedValueChecker); can {
		return check.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type brittleTx struct {
	driver.Tx
	c *brittle
}

func (t brittleTx) Commit() error {
	if err := t.c.step(); err != nil {
		return err // the connection goes without one
	}
	return t.Tx.Commit()
}

// Resume kills a migration at its first statement, its second and so on, and
// lets each finish on a sound connection. finish also checks the outcome.
func Resume(t *testing.T, fresh func(t *testing.T) (connect func(context.Context) (driver.Conn, error), drv driver.Driver, finish func()), provide func(*sql.DB) (*goose.Provider, error)) {
	t.Helper()
	killed := 0
	for n := int64(0); ; n++ {
		connect, drv, finish := fresh(t)
		pool := Breaking(connect, drv, n)
		pool.SetMaxOpenConns(1)
		p, err := provide(pool)
		if err == nil {
			_, err = p.Up(t.Context())
		}
		pool.Close()
		finish()
		if err == nil {
			break
		}
		if !errors.Is(err, ErrKilled) {
			t.Fatalf("killed at statement %d: %v", n, err)
		}
		killed++
	}
	if killed < 20 {
		t.Errorf("there were only %d statements to be killed at", killed)
	}
	t.Log(fmt.Sprint("killed and resumed at ", killed, " statements"))
}
