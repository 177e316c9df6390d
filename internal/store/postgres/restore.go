package postgres

import (
	"context"
	"errors"
	"time"
)

// Restore fills an empty database from a backup, one of SQLite too. Before it
// serves, its epoch must be raised (row Q-07).
func Restore(ctx context.Context, dsn, backup string) error {
	// The clock dates nothing here: all times come from the backup.
	s, err := open(ctx, dsn, Options{Now: func() time.Time { return time.Time{} }})
	if err != nil {
		return err
	}
	return errors.Join(s.Restore(ctx, backup), s.Close())
}
