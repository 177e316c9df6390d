package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
	"sallyport/internal/store/storetest"
)

var update = flag.Bool("update", false, "write schema.sql anew")

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "store.db") }

func opened(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := open(t.Context(), path, Options{Now: storetest.NewClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// schema is what the engine says that it has.
func schema(t testing.TB, path string) string {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'sqlite%' AND tbl_name <> ? ORDER BY tbl_name, type DESC, name", sqlstore.VersionTable)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out strings.Builder
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		out.WriteString(text + ";\n\n")
	}
	return out.String()
}

// TestSchema: the whole schema can be read in one file, and it is the one that
// the migrations make.
func TestSchema(t *testing.T) {
	path := file(t)
	s := opened(t, path)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	got := "-- What the migrations make. Written by: go test ./internal/store/sqlite -run TestSchema -update\n\n" + schema(t, path)
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil || string(want) != got {
		t.Errorf("schema.sql is not what the migrations make (%v); run with -update and read the difference", err)
	}
	// A table that no backup knows would be lost by a restore.
	err = s.One(t.Context(), func(q db.DBTX) error {
		tables, err := s.Tables(t.Context(), q)
		ours := append(sqlstore.TableNames(), sqlstore.VersionTable)
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

// TestMigrateFromEachVersion: whatever version a store has, it comes up.
func TestMigrateFromEachVersion(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := opened(t, path)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := schema(t, path)
	list, err := s.Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		path := file(t)
		pool, err := sql.Open("sqlite", path)
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
		if err := opened(t, path).Migrate(t.Context(), nil); err != nil {
			t.Fatalf("from version %d: %v", m.Version, err)
		}
		if schema(t, path) != want {
			t.Errorf("from version %d another schema came out", m.Version)
		}
	}
}

func TestMigrateKilledAnywhere(t *testing.T) {
	t.Parallel()
	path := file(t)
	whole := opened(t, path)
	if err := whole.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := schema(t, path)
	storetest.Resume(t, func(t *testing.T) (func(context.Context) (driver.Conn, error), driver.Driver, func()) {
		path := file(t)
		pool, err := sql.Open("sqlite", address(path, false))
		if err != nil {
			t.Fatal(err)
		}
		drv := pool.Driver()
		pool.Close()
		connect := func(context.Context) (driver.Conn, error) { return drv.Open(address(path, false)) }
		return connect, drv, func() {
			if err := opened(t, path).Migrate(t.Context(), nil); err != nil {
				t.Fatalf("resuming: %v", err)
			}
			if schema(t, path) != want {
				t.Error("another schema came out")
			}
		}
	}, provider)
}

// TestNewerSchema: a store of a newer program is refused, unless that one said
// that it only widened.
func TestNewerSchema(t *testing.T) {
	path := file(t)
	s := opened(t, path)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	err := s.Write(t.Context(), func(q db.DBTX) error {
		_, err := q.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, 1)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(why string) {
		t.Helper()
		if s, err := Open(t.Context(), path, Options{Now: time.Now}); !errors.Is(err, store.ErrNewerSchema) {
			t.Errorf("%s: %v %v", why, s, err)
		}
		if err := s.Migrate(t.Context(), nil); !errors.Is(err, store.ErrNewerSchema) {
			t.Errorf("%s: migrated: %v", why, err)
		}
	}
	refused("unsaid")
	for _, word := range []string{"900:899", "899:1", "900", "900:x", ":"} {
		if err := s.SetMeta(t.Context(), "schema_runs_with", word); err != nil {
			t.Fatal(err)
		}
		refused(word)
	}
	if err := s.SetMeta(t.Context(), "schema_runs_with", "900:8"); err != nil {
		t.Fatal(err)
	}
	beside, err := Open(t.Context(), path, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	beside.Close()
}

// TestNewerDocumentsInRows: Q-06 with the row in between.
func TestNewerDocumentsInRows(t *testing.T) {
	s := opened(t, file(t))
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	do := func(fn func(store.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), "tn_r", fn); err != nil {
			t.Fatal(err)
		}
	}
	do(func(tx store.Tx) error {
		return errors.Join(
			tx.InsertTenant(core.Tenant{ID: "tn_r", Path: "/tn_r/", Kind: core.Platform}),
			tx.InsertUser(core.User{ID: "us_1", Tenant: "tn_r", State: core.UserActive, LoginKey: "x"}),
			tx.InsertFactor(core.Factor{ID: "fa_1", Tenant: "tn_r", User: "us_1"}),
			tx.InsertAttempt(core.Attempt{ID: "at_1", Tenant: "tn_r", User: "us_1"}),
			tx.InsertSession(core.Session{ID: "se_1", Tenant: "tn_r", User: "us_1"}),
		)
	})
	tables := []string{"factors", "attempts", "sessions"}
	docs := func() (out []string) {
		for _, table := range tables {
			err := s.One(t.Context(), func(q db.DBTX) error {
				var doc string
				err := q.QueryRowContext(t.Context(), "SELECT doc FROM "+table).Scan(&doc)
				out = append(out, doc)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	err := s.Write(t.Context(), func(q db.DBTX) error {
		for _, table := range tables {
			if _, err := q.ExecContext(t.Context(), "UPDATE "+table+` SET doc = '{"tomorrow":1}'`); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write := func(tx store.Tx, f core.Factor, a core.Attempt, se core.Session) error {
		f.Doc.Digits++
		a.Doc.Agent += "x"
		se.Doc.Agent += "x"
		return errors.Join(tx.UpdateFactor(f), tx.UpdateAttempt(a), tx.UpdateSession(se))
	}
	var f core.Factor
	var a core.Attempt
	var se core.Session
	fetch := func(r store.Reader) error {
		var e1, e2, e3 error
		f, e1 = r.Factor("fa_1")
		a, e2 = r.Attempt("at_1")
		se, e3 = r.Session("se_1")
		return errors.Join(e1, e2, e3)
	}
	check := func(how string) {
		t.Helper()
		for i, doc := range docs() {
			if !strings.Contains(doc, `"tomorrow":1`) || !strings.Contains(doc, `"digits"`) && !strings.Contains(doc, `"agent":"x`) {
				t.Errorf("%s, %s: %s", how, tables[i], doc)
			}
		}
	}
	do(func(tx store.Tx) error {
		if err := fetch(tx); err != nil {
			return err
		}
		return write(tx, f, a, se)
	})
	check("read in the same transaction")
	if err := s.View(t.Context(), "tn_r", fetch); err != nil {
		t.Fatal(err)
	}
	do(func(tx store.Tx) error { return write(tx, f, a, se) })
	check("read before")
}

// TestOneStatement: what sign-in reads on its way is one statement each.
func TestOneStatement(t *testing.T) {
	path := file(t)
	if err := opened(t, path).Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(*sqlstore.Store){
		"FindLogin":   func(s *sqlstore.Store) { _, _ = s.FindLogin(t.Context(), "x", nil) },
		"FindSession": func(s *sqlstore.Store) { _, _, _ = s.FindSession(t.Context(), []byte("x")) },
		"Reserve": func(s *sqlstore.Store) {
			_, _ = s.Reserve(t.Context(), store.Guess{User: "us_1"}, core.LockRule{Limit: 5}, time.Now())
		},
		"AttemptFacts": func(s *sqlstore.Store) {
			_ = s.View(t.Context(), "tn_1", func(r store.Reader) error { _, err := r.AttemptFacts("x"); return err })
		},
	} {
		s := opened(t, path)
		read(s)
		e := s.Dialect.(*engine)
		n := 0
		var all []*conn
		for range readers {
			c := <-e.idle
			all = append(all, c)
			if c == nil {
				continue
			}
			for query := range c.stmts {
				if query != "BEGIN" && query != "ROLLBACK" {
					n++
				}
			}
		}
		for _, c := range all {
			e.idle <- c
		}
		if n != 1 {
			t.Errorf("%s takes %d statements", name, n)
		}
	}
}
