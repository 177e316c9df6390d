package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sallyport/internal/store/sqlstore"
)

// RestoreFile makes a new store at target from a backup, one of PostgreSQL too.
// The store appears whole or not at all. Before it serves, its epoch must be
// raised (row Q-07).
func RestoreFile(ctx context.Context, backup, target string) (err error) {
	if info, err := os.Stat(target); err == nil && info.Size() > 0 {
		return fmt.Errorf("%w: %s", sqlstore.ErrNotEmpty, target)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restore: %w", err)
	}
	half := target + ".restoring"
	clean := func() {
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(half + end)
		}
	}
	clean()
	defer clean()
	// The clock dates nothing here: all times come from the backup.
	s, err := open(ctx, half, Options{Now: func() time.Time { return time.Time{} }})
	if err != nil {
		return err
	}
	if err := errors.Join(s.Restore(ctx, backup), s.Close()); err != nil {
		return err
	}
	if err := os.Rename(half, target); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}
