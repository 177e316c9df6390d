package storetest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
)

// unzipped reads a backup's lines.
func unzipped(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func zipped(t testing.TB, lines string) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := io.WriteString(z, lines); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Filled makes a store with rows in every table, for moving between engines.
func Filled(t testing.TB, e Engine) (s store.Store, clock *Clock) {
	t.Helper()
	w := newWorld(t, e)
	h := w.household()
	for range 700 { // more than fit into one statement
		w.session(h.user)
	}
	odd := w.newUser(h.tenant.ID)
	odd.Name, odd.Federated = "O'Brien \"\\ \u2028 <&> 😀", true
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertUser(odd), tx.Changed(core.ChangeUser, "x"))
	})
	events, err := w.Unsealed(w.ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err2 := w.Lease(w.ctx, "sealer", "node", w.clock.Now(), 1)
	err = errors.Join(err2,
		w.SealBatch(w.ctx, core.Batch{Number: 1, First: 1, Count: 1, Root: []byte{0, 255}}, []int64{events[0].Seq}, "1:1"),
		w.SaveKey(w.ctx, store.KeyRow{Purpose: "seal", Wrapped: []byte{0, 1}}, 0),
		w.SetMeta(w.ctx, "demo", "yes"))
	if err != nil {
		t.Fatal(err)
	}
	return w.Store, w.clock
}

// Lines makes a backup and reads it.
func Lines(t testing.TB, s store.Store) (path, lines string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path, unzipped(t, path)
}

func testBackup(t *testing.T, e Engine) {
	t.Run("comes back as it was", func(t *testing.T) {
		t.Parallel()
		s, clock := Filled(t, e)
		path, lines := Lines(t, s)
		for _, table := range sqlstore.TableNames() {
			if !strings.Contains(lines, `{"table":"`+table+`"`) || strings.Contains(lines, `"`+table+`":0`) {
				t.Errorf("the backup has nothing of %s", table)
			}
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup's mode: %v, %v", info.Mode(), err)
		}
		if err := s.Backup(t.Context(), path); err == nil {
			t.Error("a backup was overwritten")
		}
		restored, err := e.Restore(t, path, clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, again := Lines(t, restored); again != lines {
			t.Error("the backup of the restored store is another")
		}
		// Numbers go on where they were.
		seq, err := restored.LastChange(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = restored.Update(t.Context(), root, func(tx store.Tx) error {
			return errors.Join(tx.Changed(core.ChangeTenant, "x"), tx.Append(core.Event{Name: "x"}))
		})
		if err != nil {
			t.Fatal(err)
		}
		if next, err := restored.LastChange(t.Context()); err != nil || next <= seq {
			t.Errorf("the feed went from %d to %d, %v", seq, next, err)
		}
	})
	t.Run("while others write", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, e)
		h := w.household()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				// A session and its event: a snapshot has both or none.
				s := w.newSession(h.user)
				err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
					return errors.Join(tx.InsertSession(s), tx.Append(core.Event{Name: "pair", Actor: "pairs"}))
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for range 3 {
			path, _ := Lines(t, w)
			restored, err := e.Restore(t, path, w.clock.Now)
			if err != nil {
				t.Fatal(err)
			}
			err = restored.View(t.Context(), h.tenant.ID, func(r store.Reader) error {
				sessions, err := r.Sessions(h.user.ID)
				pairs, err2 := r.EventsOf("pairs", 0, 1_000_000)
				same(t, "sessions and their events", len(sessions), len(pairs)+1)
				return errors.Join(err, err2)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		<-stopped
	})
	t.Run("is refused", func(t *testing.T) {
		t.Parallel()
		s, clock := Filled(t, e)
		path, lines := Lines(t, s)
		rows := strings.SplitAfter(lines, "\n")
		for name, broken := range map[string]string{
			"cut off at a line":    strings.Join(rows[:len(rows)/2], ""),
			"cut off within one":   lines[:len(lines)/2],
			"without its end":      strings.Join(rows[:len(rows)-2], ""),
			"with a row less":      strings.Join(append(append([]string{}, rows[:len(rows)/2]...), rows[len(rows)/2+1:]...), ""),
			"with a foreign table": strings.Replace(lines, `{"table":"tokens"`, `{"table":"sqlite_schema"`, 1),
			"with a foreign field": strings.Replace(lines, `{"name":"wrapped"`, `{"name":"wrapped) --"`, 1),
			"of something else":    "{}\n",
			"empty":                "",
		} {
			if _, err := e.Restore(t, zipped(t, broken), clock.Now); err == nil {
				t.Errorf("a backup %s was restored", name)
			}
		}
		newer := strings.Replace(lines, `"schema":`, `"schema":9`, 1)
		if _, err := e.Restore(t, zipped(t, newer), clock.Now); !errors.Is(err, store.ErrNewerSchema) {
			t.Errorf("a backup of a newer program: %v", err)
		}
		plain := filepath.Join(t.TempDir(), "plain")
		if err := os.WriteFile(plain, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Restore(t, plain, clock.Now); err == nil {
			t.Error("a file that is no backup was restored")
		}
		if _, err := e.Restore(t, path, clock.Now); err != nil {
			t.Errorf("the unharmed backup: %v", err)
		}
	})
}

func testMigrations(t *testing.T, e Engine) {
	clock := NewClock()
	s := e.Open(t, clock.Now)
	pending, err := s.Migrations(t.Context())
	if err != nil || len(pending) == 0 {
		t.Fatal(pending, err)
	}
	last := int64(0)
	for _, m := range pending {
		if last, m.Version = m.Version, m.Version-last; m.Version < 1 || m.Name == "" || !m.AppliedAt.IsZero() {
			t.Errorf("before: %+v", m)
		}
	}
	var reported []store.Migration
	if err := s.Migrate(t.Context(), func(m store.Migration) { reported = append(reported, m) }); err != nil {
		t.Fatal(err)
	}
	if len(reported) != len(pending) || reported[0].AppliedAt.IsZero() {
		t.Errorf("reported: %v", reported)
	}
	if err := s.Migrate(t.Context(), func(m store.Migration) { t.Errorf("ran again: %v", m) }); err != nil {
		t.Fatal(err)
	}
	done, err := s.Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range done {
		if m.AppliedAt.IsZero() {
			t.Errorf("after: %+v", m)
		}
	}
	// Nodes that start together migrate once.
	w := &world{Store: e.Open(t, clock.Now), t: t, ctx: t.Context()}
	w.together(4, func(int) {
		if err := w.Migrate(w.ctx, nil); err != nil {
			t.Error(err)
		}
	})
}
