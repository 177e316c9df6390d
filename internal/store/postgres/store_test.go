package postgres_test

import (
	"testing"
	"time"

	"sallyport/internal/store"
	"sallyport/internal/store/postgres"
	"sallyport/internal/store/storetest"
	"sallyport/internal/testkit/pgtest"
)

func at(t testing.TB, dsn string, opts postgres.Options) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), dsn, opts)
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

var engine = storetest.Engine{
	Open: func(t testing.TB, now func() time.Time) store.Store {
		return at(t, pgtest.Database(t), postgres.Options{Now: now})
	},
	Restore: func(t testing.TB, backup string, now func() time.Time) (store.Store, error) {
		dsn := pgtest.Database(t)
		if err := postgres.Restore(t.Context(), dsn, backup); err != nil {
			return nil, err
		}
		return at(t, dsn, postgres.Options{Now: now}), nil
	},
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, engine)
}

func BenchmarkSignIn(b *testing.B) { storetest.BenchSignIn(b, engine) }

func BenchmarkBulk(b *testing.B) { storetest.BenchBulk(b, engine) }
