package app_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/pgtest"
)

// A first start that is killed after any of its migrations is taken up by the
// next one; until then verbs find nobody at home. A store that holds somebody
// waits for its operator.
func TestAFirstStartThatWasKilled(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			for n := int64(1); ; n++ {
				o, all := killedAfter(t, engine, n)
				if n > all {
					break
				}
				existing := o
				existing.Existing = true
				if h, err := app.Open(t.Context(), existing); n < all && !errors.Is(err, app.ErrNoStore) {
					t.Errorf("after %d migrations a verb gets %v", n, err)
				} else if err == nil {
					h.Close()
				}
				h, err := app.Open(t.Context(), o)
				if err != nil {
					t.Errorf("after %d migrations the next start ends with %v", n, err)
					continue
				}
				if _, made, err := h.EnsurePlatform(t.Context(), "Platform", access.System()); err != nil || !made {
					t.Errorf("after %d migrations: made %v, %v", n, made, err)
				}
				if blank, err := h.Store.Blank(t.Context()); err != nil || blank {
					t.Errorf("with a platform it is blank: %v, %v", blank, err)
				}
				h.Close()
			}
		})
	}
}

// A store of an older program is backed up as it is, before it is migrated: from
// the fifth schema on, which keeps its keys where this one does.
func TestAStoreOfAnOlderProgramIsBackedUp(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			tried := 0
			for n := int64(5); ; n++ {
				o, all := killedAfter(t, engine, n)
				if n >= all {
					break
				}
				tried++
				h, err := app.OpenBare(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(t.TempDir(), "before.backup")
				info, err := h.TakeBackup(t.Context(), file, nil)
				if err != nil || info.Schema != n {
					t.Errorf("at schema %d: schema %d, %v", n, info.Schema, err)
				} else if err := errors.Join(h.Store.Migrate(t.Context(), nil), h.NoteBackup(t.Context(), info)); err != nil {
					t.Errorf("from schema %d: %v", n, err)
				} else if at, err := h.BackupAt(t.Context()); err != nil || at.IsZero() {
					t.Errorf("from schema %d it is not noted: %v, %v", n, at, err)
				}
				h.Close()
			}
			if tried == 0 {
				t.Error("there was no older schema to try")
			}
		})
	}
}

// A database that nobody has a key for is not touched.
func TestNoKeyNoMigration(t *testing.T) {
	o := fresh(t, "postgres")
	if err := os.Remove(o.Config.Encryption.KeyFile); err != nil {
		t.Fatal(err)
	}
	if h, err := app.Open(t.Context(), o); err == nil {
		h.Close()
		t.Fatal("it began without a key")
	}
	s, release, err := app.OpenStore(t.Context(), o, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	defer s.Close()
	list, err := s.Migrations(t.Context())
	if err != nil || !list[0].AppliedAt.IsZero() {
		t.Errorf("%+v, %v", list[0], err)
	}
}

func fresh(t *testing.T, engine string) app.Options {
	c, _, _, err := config.Load(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir = filepath.Join(t.TempDir(), "data")
	c.Encryption.KeyFile = c.DataDir + ".key"
	if engine == "postgres" {
		c.Store.DSN = pgtest.Database(t)
	}
	if _, err := secret.CreateMaster(c.Encryption.KeyFile); err != nil {
		t.Fatal(err)
	}
	return app.Options{Config: c, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Who: "serve", NoHasher: true}
}

// killedAfter leaves a store after its n-th migration, and says how many there are.
func killedAfter(t *testing.T, engine string, n int64) (app.Options, int64) {
	o := fresh(t, engine)
	s, release, err := app.OpenStore(t.Context(), o, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	defer s.Close()
	list, err := s.Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	err = s.Migrate(ctx, func(m store.Migration) {
		if m.Version == n {
			kill()
		}
	})
	if n < int64(len(list)) && err == nil {
		t.Fatalf("it went on after migration %d", n)
	}
	return o, int64(len(list))
}
