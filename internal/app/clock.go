package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Clock is the one clock of a house: the machine's, corrected by the measured
// distance to the database's, and in a demo moved by hand (decision 7.14).
type Clock struct {
	database atomic.Int64 // nanoseconds that the database is ahead of us
	hand     atomic.Int64 // nanoseconds moved by hand
}

// Now is the present instant, in UTC and without the part that the store drops.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.database.Load() + c.hand.Load())).UTC().Truncate(time.Microsecond)
}

// Advance moves a demo's clock forward.
func (c *Clock) Advance(d time.Duration) { c.hand.Add(int64(d)) }

// Offset is how far the clock was moved by hand.
func (c *Clock) Offset() time.Duration { return time.Duration(c.hand.Load()) }

// Skew is how far the database is ahead of this machine.
func (c *Clock) Skew() time.Duration { return time.Duration(c.database.Load()) }

// MaxSkew is the distance past which a node is not ready.
const MaxSkew = 5 * time.Second

// Measure asks the database for its time. The answer is taken to be of the
// middle of the question's way there and back.
func (c *Clock) Measure(ctx context.Context, ask func(context.Context) (time.Time, error)) error {
	before := time.Now()
	there, err := ask(ctx)
	if err != nil {
		return fmt.Errorf("ask the database for its time: %w", err)
	}
	took := time.Since(before)
	c.database.Store(int64(there.Sub(before.Add(took / 2))))
	return nil
}
