package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

//go:embed migrations/*.sql
var files embed.FS

// engine is the dialect over one file.
type engine struct {
	path    string
	writing *sql.DB
	reading *sql.DB
	writer  *writer
	idle    chan *conn // readers nobody uses; nil: not opened yet
	over    chan struct{}
	closing sync.Once
	*book
}

func (e *engine) Name() string { return "sqlite" }

// unique names what must be unique by the columns that the engine complains of;
// everything else that is unique is an id.
var unique = map[string]string{
	"users.login_key":     "login",
	"factors.handle":      "handle",
	"sessions.token_hash": "token",
	"tokens.hash":         "token",
	"tenants.kind":        "platform",
	"app_hosts.host":      "host",
}

func (e *engine) Diagnose(err error) sqlstore.Trouble {
	if errors.Is(err, errClosed) || errors.Is(err, errLost) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, fs.ErrPermission) {
		return sqlstore.Trouble{Symptom: sqlstore.Down}
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return sqlstore.Trouble{}
	}
	switch se.Code() {
	case lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_ROWID:
		what := "id"
		for columns, name := range unique {
			if strings.Contains(se.Error(), columns) {
				what = name
			}
		}
		return sqlstore.Trouble{Symptom: sqlstore.Duplicate, What: what}
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return sqlstore.Trouble{Symptom: sqlstore.NoParent}
	}
	// The rest by its primary code; the extended ones say where it hurt.
	switch se.Code() & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_CORRUPT,
		lib.SQLITE_NOTADB, lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PERM, lib.SQLITE_NOMEM, lib.SQLITE_PROTOCOL:
		return sqlstore.Trouble{Symptom: sqlstore.Down}
	}
	return sqlstore.Trouble{}
}

// Lock has nothing to do: there is one writer.
func (e *engine) Lock(context.Context, db.DBTX, string) error          { return nil }
func (e *engine) LockAddress(context.Context, db.DBTX, string) error   { return nil }
func (e *engine) LockAddresses(context.Context, db.DBTX) (bool, error) { return false, nil }
func (e *engine) LockFeed(context.Context, db.DBTX) error              { return nil }
func (e *engine) ForShare() string                                     { return "" }
func (e *engine) Renumber(context.Context, db.DBTX) error              { return nil }   // AUTOINCREMENT sees to it
func (e *engine) Listen(ctx context.Context, _ func())                 { <-ctx.Done() } // no other node
func (e *engine) Slots() int64                                         { return 1 }

// Loosely leaves the checks to the commit only as long as fn runs: the commit may
// be shared, and a reference of somebody else must fail where it is made.
func (e *engine) Loosely(ctx context.Context, q db.DBTX, fn func() error) error {
	if _, err := q.ExecContext(ctx, "PRAGMA defer_foreign_keys = ON"); err != nil {
		return err
	}
	err := fn()
	if _, off := q.ExecContext(ctx, "PRAGMA defer_foreign_keys = OFF"); err == nil {
		err = off
	}
	return err
}

func (e *engine) Seal(ctx context.Context, q db.DBTX, batch, first int64, seqs []int64) (int64, error) {
	list, err := json.Marshal(seqs)
	if err != nil {
		return 0, err
	}
	res, err := q.ExecContext(ctx, `UPDATE audit_events SET batch = $1, position = $2 + j.key
		FROM json_each($3) j WHERE audit_events.seq = j.value AND audit_events.batch = 0`, batch, first, string(list))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Clock asks the engine for the machine's time.
func (e *engine) Clock(ctx context.Context) (t time.Time, err error) {
	err = e.One(ctx, func(q db.DBTX) error {
		var ms int64
		err := q.QueryRowContext(ctx, "SELECT CAST(round(unixepoch('subsec') * 1000) AS integer)").Scan(&ms)
		t = time.UnixMilli(ms).UTC()
		return err
	})
	return t, err
}

func (e *engine) Tables(ctx context.Context, q db.DBTX) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

func (e *engine) Applied(ctx context.Context, q db.DBTX) (map[int64]time.Time, error) {
	rows, err := q.QueryContext(ctx, "SELECT version_id, unixepoch(tstamp) FROM "+sqlstore.VersionTable)
	if err != nil {
		return nil, err
	}
	return sqlstore.ReadApplied(rows)
}

// Migrator works on a connection of its own beside the writer's.
func (e *engine) Migrator() (*goose.Provider, func() error, error) {
	own, err := pool(e.path, false, 1)
	if err != nil {
		return nil, nil, err
	}
	p, err := provider(own)
	if err != nil {
		return nil, nil, errors.Join(err, own.Close())
	}
	return p, own.Close, nil
}

func provider(on *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, on, dir, goose.WithDisableGlobalRegistry(true))
}
