package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

//go:embed migrations/*.sql
var files embed.FS

// unique names what must be unique by the index that the server complains of;
// everything else that is unique is an id.
var unique = map[string]string{
	"users_login":      "login",
	"factors_handle":   "handle",
	"sessions_token":   "token",
	"tokens_pkey":      "token",
	"tenants_platform": "platform",
	"jobs_pkey":        "job",
	"app_hosts_pkey":   "host",
}

func (e *engine) Diagnose(err error) sqlstore.Trouble {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return diagnoseState(pe)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &connect), errors.As(err, &network),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		// database/sql and pgx have no values for these two.
		err.Error() == "sql: database is closed", err.Error() == "conn closed":
		return sqlstore.Trouble{Symptom: sqlstore.Down}
	}
	return sqlstore.Trouble{}
}

func diagnoseState(pe *pgconn.PgError) sqlstore.Trouble {
	switch pe.Code {
	case "23505": // unique_violation
		what, named := unique[pe.ConstraintName]
		if !named {
			what = "id"
		}
		return sqlstore.Trouble{Symptom: sqlstore.Duplicate, What: what}
	case "23503": // foreign_key_violation
		return sqlstore.Trouble{Symptom: sqlstore.NoParent}
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return sqlstore.Trouble{Symptom: sqlstore.Again}
	case "22021", "22P05": // NUL or broken UTF-8 in a text
		return sqlstore.Trouble{Symptom: sqlstore.Unstorable}
	case "25006", "55P03", "57P01", "57P02", "57P03", "57P05", "28000", "28P01", "3D000": // standby, shutdown, no entry
		return sqlstore.Trouble{Symptom: sqlstore.Down}
	}
	switch pe.Code[:2] {
	case "08", "53", "58", "XX": // connection, resources (a full disk), system, damaged data
		return sqlstore.Trouble{Symptom: sqlstore.Down}
	}
	return sqlstore.Trouble{}
}

// Lock names are hashed to the server's 64 bits; two names that collide only
// wait for each other once too often.
func (e *engine) Lock(ctx context.Context, q db.DBTX, name string) error {
	_, err := q.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(CAST($1 AS text), 0))", name)
	return err
}

// Slots: with a few, mass enrolment on many nodes does not queue on one row, and
// reading a sum stays cheap.
func (e *engine) Slots() int64 { return 4 }

func (e *engine) Loosely(ctx context.Context, q db.DBTX, fn func() error) error {
	if _, err := q.ExecContext(ctx, "SET CONSTRAINTS ALL DEFERRED"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	_, err := q.ExecContext(ctx, "SET CONSTRAINTS ALL IMMEDIATE")
	return err
}

const feed = "sallyport_changes"

func (e *engine) LockFeed(ctx context.Context, q db.DBTX) error {
	_, err := q.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(CAST($1 AS text), 0)), pg_notify($1, '')", feed)
	return err
}

func (e *engine) Seal(ctx context.Context, q db.DBTX, batch, first int64, seqs []int64) (int64, error) {
	res, err := q.ExecContext(ctx, `UPDATE audit_events SET batch = $1, position = $2 + j.ord - 1
		FROM unnest(CAST($3 AS bigint[])) WITH ORDINALITY AS j (seq, ord)
		WHERE audit_events.seq = j.seq AND audit_events.batch = 0`, batch, first, seqs)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (e *engine) Clock(ctx context.Context) (time.Time, error) {
	var us int64
	err := e.pool.QueryRowContext(ctx, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)").Scan(&us)
	return time.UnixMicro(us).UTC(), err
}

func (e *engine) Tables(ctx context.Context, q db.DBTX) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
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
	rows, err := q.QueryContext(ctx, "SELECT version_id, CAST(extract(epoch FROM tstamp AT TIME ZONE current_setting('TimeZone')) AS bigint) FROM "+sqlstore.VersionTable)
	if err != nil {
		return nil, err
	}
	return sqlstore.ReadApplied(rows)
}

// Renumber also moves the feed's numbers on, so that a node that remembers a
// number of the lost store meets higher ones again as soon as it can.
func (e *engine) Renumber(ctx context.Context, q db.DBTX) error {
	for _, table := range []string{"audit_events", "changes"} {
		_, err := q.ExecContext(ctx, "SELECT setval(pg_get_serial_sequence('"+table+"', 'seq'), COALESCE((SELECT max(seq) FROM "+table+"), 0) + 1, false)")
		if err != nil {
			return err
		}
	}
	return nil
}

// Migrator takes a lock of the session, so that of nodes that start together
// one migrates and the others wait.
func (e *engine) Migrator() (*goose.Provider, func() error, error) {
	own := stdlib.OpenDB(*e.config)
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
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, on, dir, goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
}
