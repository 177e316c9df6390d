package feed_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/feed"
)

// book is a change feed in memory that can be made to fail or hang.
type book struct {
	mu    sync.Mutex
	lines []core.Change
	err   error
	reads int
}

func (b *book) write(kind core.ChangeKind, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, core.Change{Seq: int64(len(b.lines) + 1), Kind: kind, Key: key})
}

func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *book) Changes(_ context.Context, after int64, limit int) ([]core.Change, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if b.err != nil {
		return nil, b.err
	}
	rest := b.lines[min(after, int64(len(b.lines))):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (b *book) LastChange(context.Context) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.lines)), b.err
}

// heard collects what a listener is told.
type heard struct {
	mu    sync.Mutex
	kinds []core.ChangeKind
	keys  []string
}

func (h *heard) tell(c core.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kinds, h.keys = append(h.kinds, c.Kind), append(h.keys, c.Key)
}

func (h *heard) count(kind core.ChangeKind) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// following runs fn with a follower that runs inside a bubble of its own time.
func following(t *testing.T, fn func(t *testing.T, b *book, f *feed.Follower, h *heard)) {
	synctest.Test(t, func(t *testing.T) {
		b, h := &book{}, &heard{}
		f := feed.New(b, slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now())
		f.Listen(h.tell)
		if f.Fresh() {
			t.Error("fresh before anything was read")
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		synctest.Wait()
		fn(t, b, f, h)
		cancel()
		<-done
	})
}

// what one node writes, another knows a quarter of a second later, and at
// once when it is woken.
func TestFollowerTellsWithinABound(t *testing.T) {
	following(t, func(t *testing.T, b *book, f *feed.Follower, h *heard) {
		if !f.Fresh() || h.count(core.ChangeEverything) != 1 {
			t.Fatalf("after the first reading: fresh %v, told %v", f.Fresh(), h.kinds)
		}
		b.write(core.ChangeSession, "se_1")
		time.Sleep(feed.Every + time.Millisecond)
		synctest.Wait()
		if h.count(core.ChangeSession) != 1 {
			t.Errorf("not told after %s: %v", feed.Every, h.kinds)
		}
		b.write(core.ChangeUser, "us_1")
		f.Wake()
		synctest.Wait()
		if h.count(core.ChangeUser) != 1 {
			t.Error("not told when woken")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := h.keys; !slices.Equal(got, []string{"", "se_1", "us_1"}) {
			t.Errorf("told %v: each line once, in order", got)
		}
		if !f.Fresh() {
			t.Error("not fresh while the feed is read")
		}
	})
}

// DS-06: memory is trusted for a second past the last reading and no longer;
// when the feed comes back, everything is forgotten before anything is believed.
func TestFollowerStopsTrustingWhenUnreadable(t *testing.T) {
	following(t, func(t *testing.T, b *book, f *feed.Follower, h *heard) {
		b.fail(errors.New("connection refused"))
		b.write(core.ChangeSession, "se_lost")
		time.Sleep(feed.Bound - feed.Every)
		if !f.Fresh() {
			t.Error("one lost reading is the end of trust")
		}
		time.Sleep(2 * feed.Every)
		if f.Fresh() {
			t.Errorf("still trusted %s after the last reading", feed.Bound+feed.Every)
		}
		told := h.count(core.ChangeEverything)
		b.fail(nil)
		time.Sleep(feed.Every + time.Millisecond)
		synctest.Wait()
		if !f.Fresh() || h.count(core.ChangeEverything) != told+1 {
			t.Errorf("back again: fresh %v, told %v", f.Fresh(), h.kinds)
		}
	})
}

// More lines than one page are all told in one reading.
func TestFollowerReadsPages(t *testing.T) {
	following(t, func(t *testing.T, b *book, f *feed.Follower, h *heard) {
		for range 1234 {
			b.write(core.ChangeUser, "us")
		}
		f.Wake()
		synctest.Wait()
		if got := h.count(core.ChangeUser); got != 1234 {
			t.Errorf("told %d of 1234", got)
		}
	})
}

// A wake that finds the follower busy is not lost, and many wakes are one.
func TestFollowerWakesDoNotPileUp(t *testing.T) {
	following(t, func(t *testing.T, b *book, f *feed.Follower, _ *heard) {
		before := b.reads
		for range 1000 {
			f.Wake()
		}
		synctest.Wait()
		if extra := b.reads - before; extra < 1 || extra > 2 {
			t.Errorf("a thousand wakes were %d readings", extra)
		}
	})
}
