package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/internal/testkit/program"
)

// TestAKilledBackupLeavesNoCopy: a backup that is killed while it copies leaves a
// folder with names in clear; the next one into the same place takes it away.
func TestAKilledBackupLeavesNoCopy(t *testing.T) {
	s := newSite(t, "postgres")
	let := s.block("users")
	dir := t.TempDir()
	file := filepath.Join(dir, "b")
	p := program.Start(t, s.options(), "backup", "create", "--to", file, "--no-input")
	until := time.Now().Add(60 * time.Second)
	for len(entries(t, dir)) == 0 {
		if time.Now().After(until) {
			t.Fatalf("no copy was begun: %s", p.Stderr())
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.Kill()
	if left := entries(t, dir); len(left) != 1 || !strings.HasPrefix(left[0], ".sallyport-") {
		t.Fatalf("killed in the midst of it, it left %v", left)
	}
	let()
	s.run("", "backup", "create", "--to", file)
	if left := entries(t, dir); len(left) != 1 || left[0] != "b" {
		t.Errorf("after the next one there is %v", left)
	}
	s.run("", "backup", "verify", file)
	if left := entries(t, dir); len(left) != 1 {
		t.Errorf("after looking at it there is %v", left)
	}
}

func entries(t testing.TB, dir string) (out []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// block keeps everybody from a table of the database, readers too, until the
// function that it returns is called.
func (s *site) block(table string) (let func()) {
	s.t.Helper()
	ctx := s.t.Context()
	c, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "BEGIN; LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		s.t.Fatal(err)
	}
	closed := false
	let = func() {
		if !closed {
			closed = true
			_ = c.Close(ctx)
		}
	}
	s.t.Cleanup(let)
	return let
}
