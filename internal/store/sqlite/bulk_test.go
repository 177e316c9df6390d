package sqlite

import (
	"context"
	"testing"

	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// The room that many people need is given back once they are in.
func TestRoomForAChunkIsGivenBack(t *testing.T) {
	s := opened(t, file(t))
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	room := func() (pages int64) {
		err := s.Dialect.(*engine).writer.write(t.Context(), func(q db.DBTX) error {
			return q.QueryRowContext(context.Background(), "PRAGMA cache_size").Scan(&pages)
		})
		if err != nil {
			t.Fatal(err)
		}
		return pages
	}
	small := room()
	for range 2 {
		if err := s.Bulk(t.Context(), func(store.BulkTx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if wide := room(); wide != -32768 || wide == small {
		t.Errorf("room for a chunk: %d, before it %d", wide, small)
	}
	for range wideFor {
		room()
	}
	if after := room(); after != small {
		t.Errorf("room a hundred commits later: %d, before the chunk %d", after, small)
	}
}
