package signin

import (
	"sync"
	"time"

	"sallyport/internal/core"
)

// Limiter slows down sources that fail a lot, whatever accounts they try. It
// counts failures only, so that any number of honest people behind one address
// pass (interfaces §3). It lives in each node's memory: the exact limits are the
// budgets per account, this is the shield before them.
type Limiter struct {
	burst  float64
	per    time.Duration // time in which the whole burst comes back
	mu     sync.Mutex
	source map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// sourcesKept bounds the memory; which one is forgotten does not matter, for a
// source that fails on comes back at once.
const sourcesKept = 100_000

// NewLimiter allows burst failures per source, which come back evenly within per.
func NewLimiter(burst int, per time.Duration) *Limiter {
	return &Limiter{burst: float64(burst), per: per, source: map[string]bucket{}}
}

// Check refuses a source that has used up its failures.
func (l *Limiter) Check(source string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.refill(source, now)
	if b.left >= 1 {
		return nil
	}
	wait := time.Duration((1 - b.left) / l.burst * float64(l.per))
	return core.ErrRateLimited.After(max(wait, time.Second))
}

// Fail takes one failure from a source.
func (l *Limiter) Fail(source string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.refill(source, now)
	b.left--
	if _, known := l.source[source]; !known && len(l.source) >= sourcesKept {
		for k := range l.source {
			delete(l.source, k)
			break
		}
	}
	l.source[source] = b
}

func (l *Limiter) refill(source string, now time.Time) bucket {
	b, ok := l.source[source]
	if !ok {
		return bucket{left: l.burst, at: now}
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.left = min(l.burst, b.left+l.burst*float64(passed)/float64(l.per))
		b.at = now
	}
	return b
}
