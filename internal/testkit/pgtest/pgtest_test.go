package pgtest_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/internal/testkit/pgtest"
)

func count(t *testing.T, dsn string) (n int) {
	t.Helper()
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.QueryRow("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("CREATE TABLE mine (id bigint)"); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabasesAreFresh(t *testing.T) {
	for range 2 {
		if n := count(t, pgtest.Database(t)); n != 0 {
			t.Fatalf("a fresh database has %d tables", n)
		}
	}
}

func TestServerComesBackAfterACrashAndLeavesNothing(t *testing.T) {
	var dir string
	t.Run("cluster", func(t *testing.T) {
		s := pgtest.Start(t, "max_connections=20")
		dsn := s.Database(t)
		if count(t, dsn) != 0 {
			t.Fatal("not empty")
		}
		dir, _, _ = strings.Cut(strings.TrimPrefix(s.Socket("x"), "host="), " ")
		s.Stop(t)
		pool, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if pool.Ping() == nil {
			t.Fatal("the stopped server answers")
		}
		s.Run(t)
		var n int
		if err := pool.QueryRow("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'").Scan(&n); err != nil || n != 1 {
			t.Fatalf("after the crash: %d tables, %v", n, err)
		}
	})
	if dir == "" {
		t.Skip("there was no cluster")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Fatalf("%s is still there", dir)
	}
}
