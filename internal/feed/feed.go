// Package feed follows the store's change feed, so that what a node keeps in
// memory about security is never older than a stated bound.
//
// Whoever keeps something registers a listener. A follower reads the feed every
// Every, and at once when woken; in the embedded case the writer wakes it. When
// the feed could not be read for Bound, Fresh says no and nobody trusts their
// memory any more until it is read again: then every listener first hears
// ChangeEverything, because lines may have been swept meanwhile.
package feed

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/core"
)

const (
	// Every is how often the feed is read when nothing wakes the follower.
	Every = 250 * time.Millisecond
	// Bound is the age past which memory is not trusted.
	Bound = time.Second
	page  = 500
)

// Source is the part of the store that has the feed.
type Source interface {
	Changes(ctx context.Context, after int64, limit int) ([]core.Change, error)
	LastChange(ctx context.Context) (int64, error)
}

// Follower reads the feed and tells its listeners.
type Follower struct {
	source Source
	log    *slog.Logger
	wake   chan struct{}
	readAt atomic.Int64 // monotonic-safe: nanoseconds since start
	start  time.Time

	mu        sync.Mutex
	last      int64
	listeners []func(core.Change)
}

// New makes a follower. The clock it uses for its own freshness is the
// machine's running time, which no offset moves.
func New(source Source, log *slog.Logger, start time.Time) *Follower {
	f := &Follower{source: source, log: log, wake: make(chan struct{}, 1), start: start}
	f.readAt.Store(-1)
	return f
}

// Listen registers what is to be told of each change. Call it before Run.
func (f *Follower) Listen(fn func(core.Change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners, fn)
}

// Wake makes the follower read now.
func (f *Follower) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Fresh reports whether memory kept by listeners may be trusted.
func (f *Follower) Fresh() bool {
	at := f.readAt.Load()
	return at >= 0 && time.Since(f.start)-time.Duration(at) < Bound
}

// Run follows the feed until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		if err := f.Read(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("the change feed cannot be read", "event", "feed.unreadable", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// Read reads what is new and tells the listeners. It is safe to call beside Run.
func (f *Follower) Read(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	began := time.Since(f.start)
	if !f.Fresh() {
		last, err := f.source.LastChange(ctx)
		if err != nil {
			return err
		}
		f.last = last
		f.tell(core.Change{Kind: core.ChangeEverything})
		f.readAt.Store(int64(began))
		return nil
	}
	for {
		lines, err := f.source.Changes(ctx, f.last, page)
		if err != nil {
			return err
		}
		for _, c := range lines {
			f.tell(c)
			f.last = c.Seq
		}
		if len(lines) < page {
			break
		}
	}
	f.readAt.Store(int64(began))
	return nil
}

func (f *Follower) tell(c core.Change) {
	for _, fn := range f.listeners {
		fn(c)
	}
}
