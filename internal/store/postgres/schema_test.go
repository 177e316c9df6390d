package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
	"sallyport/internal/store/storetest"
	"sallyport/internal/testkit/pgtest"
)

var update = flag.Bool("update", false, "write schema.sql anew")

func opened(t testing.TB, dsn string) *sqlstore.Store {
	t.Helper()
	s, err := open(t.Context(), dsn, Options{Now: storetest.NewClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// described lists columns, constraints and indexes as the catalogue has them,
// in the same words in every release of the server that we run on.
const described = `
SELECT c.relname || ' ' || lpad(CAST(a.attnum AS text), 2, '0') || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
	|| CASE WHEN a.attcollation <> 0 THEN ' COLLATE ' || (SELECT collname FROM pg_collation WHERE oid = a.attcollation) ELSE '' END
	|| CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || CASE WHEN a.attidentity <> '' THEN ' IDENTITY ' || CAST(a.attidentity AS text) ELSE '' END AS line
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'goose_db_version'
UNION ALL
SELECT c.relname || ' constraint ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND k.contype IN ('p', 'u', 'f', 'c') AND c.relname <> 'goose_db_version'
UNION ALL
SELECT tablename || ' index ' || replace(indexdef, current_schema() || '.', '')
FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'
ORDER BY 1`

func schema(t testing.TB, dsn string) string {
	t.Helper()
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(described)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func TestSchema(t *testing.T) {
	dsn := pgtest.Database(t)
	s := opened(t, dsn)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	got := "What the migrations make. Written by: go test ./internal/store/postgres -run TestSchema -update\n\n" + schema(t, dsn)
	if *update {
		if err := os.WriteFile("schema.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.txt")
	if err != nil || string(want) != got {
		t.Errorf("schema.txt is not what the migrations make (%v); run with -update and read the difference", err)
	}
	err = s.One(t.Context(), func(q db.DBTX) error {
		tables, err := s.Tables(t.Context(), q)
		ours := append(sqlstore.TableNames(), sqlstore.VersionTable)
		slices.Sort(tables)
		slices.Sort(ours)
		if !slices.Equal(tables, ours) {
			t.Errorf("tables %v, backups know %v", tables, ours)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMigrateFromEachVersion(t *testing.T) {
	t.Parallel()
	whole := pgtest.Database(t)
	s := opened(t, whole)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	list, err := s.Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := schema(t, whole)
	for _, m := range list {
		dsn := pgtest.Database(t)
		pool, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		p, err := provider(pool)
		if err == nil {
			_, err = p.UpTo(t.Context(), m.Version)
		}
		if err := errors.Join(err, pool.Close()); err != nil {
			t.Fatal(err)
		}
		if err := opened(t, dsn).Migrate(t.Context(), nil); err != nil {
			t.Fatalf("from version %d: %v", m.Version, err)
		}
		if schema(t, dsn) != want {
			t.Errorf("from version %d another schema came out", m.Version)
		}
	}
}

func TestMigrateKilledAnywhere(t *testing.T) {
	t.Parallel()
	whole := pgtest.Database(t)
	if err := opened(t, whole).Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := schema(t, whole)
	storetest.Resume(t, func(t *testing.T) (func(context.Context) (driver.Conn, error), driver.Driver, func()) {
		dsn := pgtest.Database(t)
		config, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		connector := stdlib.GetConnector(*config)
		return connector.Connect, connector.Driver(), func() {
			s, err := open(t.Context(), dsn, Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(s.Migrate(t.Context(), nil), s.Close()); err != nil {
				t.Fatalf("resuming: %v", err)
			}
			if schema(t, dsn) != want {
				t.Error("another schema came out")
			}
		}
	}, provider)
}

func TestNewerSchema(t *testing.T) {
	dsn := pgtest.Database(t)
	s := opened(t, dsn)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	err := s.Write(t.Context(), func(q db.DBTX) error {
		_, err := q.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, true)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dsn, Options{Now: time.Now}); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("opened: %v", err)
	}
	if err := s.Migrate(t.Context(), nil); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("migrated: %v", err)
	}
}

// TestReservationsDoNotWaitForTheDisk: the statement that reserves commits
// asynchronously, and nothing after it does.
func TestReservationsDoNotWaitForTheDisk(t *testing.T) {
	s := opened(t, pgtest.Database(t))
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	// In this order: there must be something reserved to release.
	for _, c := range []struct {
		name string
		run  func(q db.DBTX) error
	}{
		{"reserve", func(q db.DBTX) error {
			_, err := q.ExecContext(t.Context(), reserve, "tn", "us", "password", int64(1), int64(2), int64(3), int64(5))
			return err
		}},
		{"release", func(q db.DBTX) error {
			_, err := q.ExecContext(t.Context(), release, "tn", "us", "password")
			return err
		}},
	} {
		err := s.Write(t.Context(), func(q db.DBTX) error {
			var before, after string
			if err := q.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&before); err != nil {
				return err
			}
			if err := c.run(q); err != nil {
				return err
			}
			err := q.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&after)
			if before != "on" || after != "off" {
				t.Errorf("%s: synchronous_commit was %s and is %s", c.name, before, after)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.One(t.Context(), func(q db.DBTX) error {
		var after string
		err := q.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&after)
		if after != "on" {
			t.Errorf("afterwards synchronous_commit is %s", after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
