package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listen keeps one connection outside of the pool and calls wake for each
// notification, and after each connecting too, since something may have been
// said while nobody listened. Where notifications do not arrive (a pooler in
// between) nodes still read the feed by their own clock.
func (e *engine) Listen(ctx context.Context, wake func()) {
	const first, most = 100 * time.Millisecond, 5 * time.Second
	for pause := first; ctx.Err() == nil; pause = min(2*pause, most) {
		if e.listen(ctx, wake) {
			pause = first
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
		case <-wait.C:
		}
	}
}

// listen reports whether it had been listening when the connection broke.
func (e *engine) listen(ctx context.Context, wake func()) bool {
	c, err := pgx.ConnectConfig(ctx, e.config.Copy())
	if err != nil {
		return false
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(closing)
	}()
	if _, err := c.Exec(ctx, "LISTEN "+feed); err != nil {
		return false
	}
	wake()
	for {
		if _, err := c.WaitForNotification(ctx); err != nil {
			return true
		}
		wake()
	}
}
