package postgres_test

import (
	"context"
	"database/sql"
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
	"sallyport/internal/store/postgres"
	"sallyport/internal/store/sqlite"
	"sallyport/internal/store/storetest"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/pgtest"
)

const tenant = core.TenantID("tn_root")

func filled(t testing.TB, dsn string, opts postgres.Options) store.Store {
	t.Helper()
	opts.Now = time.Now
	s := at(t, dsn, opts)
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
			ExpiresAt: tx.Now().Add(time.Hour), Doc: core.SessionDoc{Agent: strings.Repeat("x", 500)},
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

// TestMovesBetweenEngines: a backup of one engine is restored into the other,
// and the way back gives the same lines.
func TestMovesBetweenEngines(t *testing.T) {
	t.Parallel()
	small := storetest.Engine{Open: func(t testing.TB, now func() time.Time) store.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}}
	first, clock := storetest.Filled(t, small)
	path, lines := storetest.Lines(t, first)
	large, err := engine.Restore(t, path, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	path, there := storetest.Lines(t, large)
	if there != lines {
		t.Error("SQLite's rows are others in PostgreSQL")
	}
	back := filepath.Join(t.TempDir(), "back.db")
	if err := sqlite.RestoreFile(t.Context(), path, back); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), back, sqlite.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, again := storetest.Lines(t, s); again != lines {
		t.Error("PostgreSQL's rows are others in SQLite")
	}
	if err := large.RaiseEpoch(t.Context(), clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestCrashOfTheServer: what was acknowledged is there after it; while it is
// away everything is ErrDown, and nobody has to open the store again.
func TestCrashOfTheServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := filled(t, server.Database(t), postgres.Options{MaxConns: 8})
	stop := make(chan struct{})
	var crowd sync.WaitGroup
	var mu sync.Mutex
	kept, down := 0, 0
	for w := range 16 {
		crowd.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				err := pair(t.Context(), s, w*1_000_000+n)
				mu.Lock()
				switch {
				case err == nil:
					kept++
				case errors.Is(err, store.ErrDown):
					down++
				default:
					t.Error(err)
				}
				enough := kept > 300 && down > 20
				mu.Unlock()
				if enough {
					return
				}
			}
		})
	}
	wait := func(ready func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			ok := ready()
			mu.Unlock()
			if ok {
				return
			}
			if time.Now().After(end) {
				t.Fatal("waited a minute in vain")
			}
		}
	}
	wait(func() bool { return kept > 100 })
	server.Stop(t)
	wait(func() bool { return down > 0 })
	if _, err := s.FindLogin(t.Context(), "somebody", nil); !errors.Is(err, store.ErrDown) {
		t.Errorf("reading while the server is away: %v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrDown) {
		t.Errorf("ping while the server is away: %v", err)
	}
	if _, err := postgres.Open(t.Context(), server.DSN("postgres"), postgres.Options{Now: time.Now}); !errors.Is(err, store.ErrDown) {
		t.Errorf("opened while the server is away: %v", err)
	}
	server.Run(t)
	mu.Lock()
	before := kept
	mu.Unlock()
	wait(func() bool { return kept > before })
	close(stop)
	crowd.Wait()
	sessions, events := pairs(t, s)
	// A commit whose answer got lost may be there as well, whole.
	if sessions != events || sessions < kept || sessions > kept+down {
		t.Errorf("acknowledged %d, lost the answer of at most %d, there are %d sessions and %d events", kept, down, sessions, events)
	}
}

// TestStandby: a server that only reads is no store (25006).
func TestStandby(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	filled(t, dsn, postgres.Options{})
	s := at(t, dsn+"&default_transaction_read_only=on", postgres.Options{Now: time.Now})
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrDown) {
		t.Errorf("ping: %v", err)
	}
	if err := pair(t.Context(), s, 1); !errors.Is(err, store.ErrDown) {
		t.Errorf("writing: %v", err)
	}
	if _, err := s.FindLogin(t.Context(), "somebody", nil); err != nil {
		t.Errorf("reading: %v", err)
	}
}

// TestFullDisk is Q-05 on a server whose disk is full.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		need.Missing(t, "root, for a small file system of the test's own")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m,mode=0777"); err != nil {
		need.Missing(t, "the right to mount a tmpfs ("+err.Error()+")")
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	for at := dir; at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o777|os.ModeSticky); err != nil && at == dir {
			t.Fatal(err)
		}
		if filepath.Dir(at) == os.TempDir() {
			break
		}
	}
	// The log of the server has room, its tables have not.
	server := pgtest.Start(t)
	space := filepath.Join(dir, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := server.Own(space); err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, statement := range []string{"CREATE TABLESPACE small LOCATION '" + space + "'", "CREATE DATABASE small TABLESPACE small"} {
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	s := filled(t, server.DSN("small"), postgres.Options{})
	ballast := filepath.Join(dir, "ballast")
	kept, full := 0, 0
	for n := 0; full < 5; n++ {
		if n == 100 {
			if err := fill(ballast); err != nil {
				t.Fatal(err)
			}
		}
		switch err := pair(t.Context(), s, n); {
		case err == nil:
			kept++
		case errors.Is(err, store.ErrDown):
			full++
		default:
			t.Fatal(err)
		}
		if n > 20_000 {
			t.Fatal("the disk is never full")
		}
	}
	if sessions, events := pairs(t, s); sessions != kept || events != kept {
		t.Errorf("acknowledged %d, there are %d sessions and %d events", kept, sessions, events)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := pair(t.Context(), s, 999_999); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// fill writes until there is no room.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			if errors.Is(err, syscall.ENOSPC) {
				return nil
			}
			return err
		}
	}
}

// TestPooler: behind a pooler that hands each transaction to another connection
// and knows nothing of prepared statements, all but migrating and listening
// works, when the DSN says not to prepare.
func TestPooler(t *testing.T) {
	t.Parallel()
	program := need.Tool(t, "pgbouncer")
	server := pgtest.Start(t)
	dsn := server.Database(t)
	direct := filled(t, dsn, postgres.Options{})
	name := dsn[strings.LastIndex(dsn, "/")+1 : strings.Index(dsn, "?")]
	pooled := server.Pooler(t, program, name, "pool_mode = transaction\nmax_client_conn = 100\ndefault_pool_size = 4\n")
	s := at(t, pooled+"&default_query_exec_mode=cache_describe", postgres.Options{Now: time.Now, MaxConns: 24})
	var crowd sync.WaitGroup
	for w := range 24 {
		crowd.Go(func() {
			for n := range 20 {
				if err := pair(t.Context(), s, w*1000+n); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.FindLogin(t.Context(), "somebody", nil); err != nil {
					t.Error(err)
					return
				}
				g := store.Guess{Tenant: tenant, User: "us_1", Name: fmt.Sprint("password@", w)}
				if r, err := s.Reserve(t.Context(), g, core.DefaultSettings().Lockout.Password, time.Now()); err != nil || !r.OK {
					t.Error(r, err)
				}
				if err := s.Release(t.Context(), g); err != nil {
					t.Error(err)
				}
			}
		})
	}
	crowd.Wait()
	if sessions, events := pairs(t, direct); sessions != 480 || events != 480 {
		t.Errorf("%d sessions, %d events", sessions, events)
	}
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "backup")); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesNonsense(t *testing.T) {
	_, err := postgres.Open(t.Context(), "postgres://who:secretword@[broken", postgres.Options{Now: time.Now})
	if err == nil || strings.Contains(err.Error(), "secretword") {
		t.Errorf("a broken DSN: %v", err)
	}
	if _, err := postgres.Open(t.Context(), "postgres://localhost/x", postgres.Options{}); err == nil {
		t.Error("a store without a clock was opened")
	}
}
