package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver, pure Go

	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

// Options of a store.
type Options struct {
	// Now gives each transaction its instant; nothing else here reads a clock.
	Now func() time.Time
}

// readers is how many transactions can read beside the one that writes.
const readers = 4

var (
	errClosed = errors.New("the store is closed")
	errLost   = errors.New("the engine gave the transaction up")
)

// Open opens the file at path, which it makes when there is none. The schema is
// as it was: see Migrate. A file that a newer program migrated is refused with
// store.ErrNewerSchema.
func Open(ctx context.Context, path string, opts Options) (store.Store, error) {
	s, err := open(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	if err := s.Check(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, path string, opts Options) (*sqlstore.Store, error) {
	if opts.Now == nil {
		return nil, errors.New("sqlite: a store needs a clock")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	// The engine would make the file readable for all.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrDown, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrDown, err)
	}
	e := &engine{path: path, idle: make(chan *conn, readers), over: make(chan struct{}), book: newBook()}
	if err := e.connect(ctx); err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", store.ErrDown, path, errors.Join(err, e.Close()))
	}
	return sqlstore.New(e, opts.Now), nil
}

// address is a DSN: readers cannot write, whatever they are asked to do.
func address(path string, reading bool) string {
	q := url.Values{}
	for _, p := range []string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"trusted_schema(0)", "journal_size_limit(67108864)",
	} {
		q.Add("_pragma", p)
	}
	if reading {
		q.Add("_pragma", "query_only(1)")
	}
	q.Set("_txlock", "immediate")
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func pool(path string, reading bool, size int) (*sql.DB, error) {
	p, err := sql.Open("sqlite", address(path, reading))
	if err != nil {
		return nil, err
	}
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	return p, nil
}

func (e *engine) connect(ctx context.Context) error {
	var err error
	if e.writing, err = pool(e.path, false, 1); err != nil {
		return err
	}
	if e.reading, err = pool(e.path, true, readers); err != nil {
		return err
	}
	c, err := newConn(ctx, e.writing)
	if err != nil {
		return err
	}
	// What a statement of many rows would need to be undone stays in memory.
	if err := c.do("PRAGMA temp_store = MEMORY"); err != nil {
		return errors.Join(err, c.close())
	}
	e.writer = &writer{conn: c}
	// Readers are opened when they are first needed.
	for range readers {
		e.idle <- nil
	}
	return nil
}

// reader lends a reading connection.
func (e *engine) reader(ctx context.Context, fn func(*conn) error) error {
	var c *conn
	select {
	case c = <-e.idle:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.over:
		return errClosed
	}
	if c == nil {
		var err error
		if c, err = newConn(context.WithoutCancel(ctx), e.reading); err != nil {
			e.idle <- nil
			return err
		}
	}
	defer func() { e.idle <- c }()
	return fn(c)
}

func (e *engine) One(ctx context.Context, fn func(db.DBTX) error) error {
	return e.reader(ctx, func(c *conn) error { return fn(c) })
}

func (e *engine) Read(ctx context.Context, fn func(db.DBTX) error) error {
	return e.reader(ctx, func(c *conn) error {
		if err := c.do("BEGIN"); err != nil {
			return err
		}
		defer func() {
			// Nothing was written; should it fail, the connection's next BEGIN does.
			_ = c.do("ROLLBACK")
		}()
		return fn(c)
	})
}

func (e *engine) Write(ctx context.Context, fn func(db.DBTX) error) error {
	return e.writer.write(ctx, fn)
}

func (e *engine) WriteMuch(ctx context.Context, fn func(db.DBTX) error) error {
	return e.writer.writeAlone(ctx, func(q db.DBTX) error {
		if err := e.writer.widen(); err != nil {
			return err
		}
		return fn(q)
	})
}

// Close waits for those who read and write. The last connection to go moves the
// write-ahead log into the file.
func (e *engine) Close() error {
	var errs []error
	e.closing.Do(func() {
		if e.over != nil {
			close(e.over)
		}
		if e.writer != nil {
			for range readers {
				if c := <-e.idle; c != nil {
					errs = append(errs, c.close())
				}
			}
		}
		if e.reading != nil {
			errs = append(errs, e.reading.Close())
		}
		if e.writer != nil {
			errs = append(errs, e.writer.close())
		}
		if e.writing != nil {
			errs = append(errs, e.writing.Close())
		}
	})
	return errors.Join(errs...)
}
