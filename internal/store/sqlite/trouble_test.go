package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlite"
	"sallyport/internal/testkit/need"
)

const tenant = core.TenantID("tn_root")

func filled(t testing.TB, path string) store.Store {
	t.Helper()
	s := at(t, path, time.Now)
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	err := s.Update(t.Context(), tenant, func(tx store.Tx) error {
		return errors.Join(
			tx.InsertTenant(core.Tenant{ID: tenant, Path: "/tn_root/", Kind: core.Platform}),
			tx.InsertUser(core.User{ID: "us_1", Tenant: tenant, State: core.UserActive, LoginKey: "somebody"}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pair(ctx context.Context, s store.Store, n int) error {
	return s.Update(ctx, tenant, func(tx store.Tx) error {
		err := tx.InsertSession(core.Session{
			ID: core.SessionID(fmt.Sprint("se_", n)), Tenant: tenant, User: "us_1", TokenHash: []byte(fmt.Sprint(n)),
			ExpiresAt: tx.Now().Add(time.Hour), Doc: core.SessionDoc{Agent: strings.Repeat("x", 2000)},
		})
		if err != nil {
			return err
		}
		return tx.Append(core.Event{Name: "signin.succeeded", Actor: "us_1"})
	})
}

func pairs(t testing.TB, s store.Store) (sessions, events int) {
	t.Helper()
	err := s.View(t.Context(), tenant, func(r store.Reader) error {
		list, err := r.Sessions("us_1")
		log, err2 := r.EventsOf("us_1", 0, 1_000_000)
		sessions, events = len(list), len(log)
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	return sessions, events
}

// TestFullDisk is Q-05: when there is no room for the record there is none for
// the deed, whoever shares the commit, and when there is room again all goes on.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		need.Missing(t, "root, for a small file system of the test's own")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		need.Missing(t, "the right to mount a tmpfs ("+err.Error()+")")
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := filled(t, filepath.Join(dir, "store.db"))
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	kept, full := 0, 0
	var crowd sync.WaitGroup
	for w := range 16 {
		crowd.Go(func() {
			for n := range 200 {
				err := pair(t.Context(), s, w*1000+n)
				mu.Lock()
				switch {
				case err == nil:
					kept++
				case errors.Is(err, store.ErrDown):
					full++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	crowd.Wait()
	if full == 0 || kept == 0 {
		t.Fatalf("kept %d, refused %d: the disk was never full or never had room", kept, full)
	}
	if sessions, events := pairs(t, s); sessions != kept || events != kept {
		t.Errorf("acknowledged %d, there are %d sessions and %d events", kept, sessions, events)
	}
	if err := s.Ping(t.Context()); err != nil && !errors.Is(err, store.ErrDown) {
		t.Error(err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := pair(t.Context(), s, 999_999); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if sessions, events := pairs(t, s); sessions != kept+1 || events != kept+1 {
		t.Errorf("with room again: %d sessions, %d events, want %d", sessions, events, kept+1)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		need.Missing(t, "root, for a small file system of the test's own")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		need.Missing(t, "the right to mount a tmpfs ("+err.Error()+")")
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	path := filepath.Join(dir, "store.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Migrate(t.Context(), nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now}); !errors.Is(err, store.ErrDown) {
		t.Errorf("a store that cannot write was opened: %v, %v", s, err)
	}
}

func TestNotAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now}); !errors.Is(err, store.ErrDown) {
		t.Errorf("a text was opened: %v, %v", s, err)
	}
	if s, err := sqlite.Open(t.Context(), filepath.Join(path, "below.db"), sqlite.Options{Now: time.Now}); !errors.Is(err, store.ErrDown) {
		t.Errorf("a file below a file was opened: %v, %v", s, err)
	}
	if _, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlite.Options{}); err == nil {
		t.Error("a store without a clock was opened")
	}
}

// TestFileIsPrivate: the store holds hashes and sealed secrets.
func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	filled(t, path)
	for _, end := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + end)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("store.db%s: %v, %v", end, info.Mode(), err)
		}
	}
}

func TestRestoreWantsAnEmptyPlace(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, filepath.Join(dir, "store.db"))
	backup := filepath.Join(dir, "backup")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.RestoreFile(t.Context(), backup, filepath.Join(dir, "store.db")); err == nil {
		t.Error("a store was overwritten")
	}
	if err := sqlite.RestoreFile(t.Context(), filepath.Join(dir, "store.db"), filepath.Join(dir, "new.db")); err == nil {
		t.Error("something else was restored")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "new.db*")); len(left) > 0 {
		t.Errorf("a restore that failed left %v", left)
	}
}
