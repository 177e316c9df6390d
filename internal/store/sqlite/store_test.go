package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"sallyport/internal/store"
	"sallyport/internal/store/sqlite"
	"sallyport/internal/store/storetest"
)

func at(t testing.TB, path string, now func() time.Time) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Engine is SQLite on a file in a folder with an awkward name.
var engine = storetest.Engine{
	Open: func(t testing.TB, now func() time.Time) store.Store {
		return at(t, filepath.Join(t.TempDir(), "100% ?store#.db"), now)
	},
	Restore: func(t testing.TB, backup string, now func() time.Time) (store.Store, error) {
		path := filepath.Join(t.TempDir(), "restored.db")
		if err := sqlite.RestoreFile(t.Context(), backup, path); err != nil {
			return nil, err
		}
		return at(t, path, now), nil
	},
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, engine)
}

func BenchmarkSignIn(b *testing.B) { storetest.BenchSignIn(b, engine) }

func BenchmarkBulk(b *testing.B) { storetest.BenchBulk(b, engine) }
