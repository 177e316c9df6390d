package sqlstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// Store is the contract over one dialect.
type Store struct {
	Dialect
	now func() time.Time
	// spread staggers those who lost a race; see pause.
	spread atomic.Uint64

	migrating sync.Mutex

	mu        sync.Mutex
	listeners map[*func()]struct{}
	told      []func(core.Change)
}

var _ store.Store = (*Store)(nil)

// New makes a store of a dialect. The clock gives every transaction its instant.
func New(d Dialect, now func() time.Time) *Store {
	return &Store{Dialect: d, now: now, listeners: map[*func()]struct{}{}}
}

func (s *Store) Reserve(ctx context.Context, g store.Guess, rule core.LockRule, now time.Time) (store.Reserved, error) {
	r, err := s.Dialect.Reserve(ctx, g, rule, now)
	return r, translate(s, err)
}

func (s *Store) Release(ctx context.Context, g store.Guess) error {
	return translate(s, s.Dialect.Release(ctx, g))
}

func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	t, err := s.Dialect.Clock(ctx)
	return t, translate(s, err)
}

func (s *Store) Engine() string { return s.Name() }

// instant is a transaction's: in UTC and no finer than the rows keep it.
func (s *Store) instant() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

func (s *Store) View(ctx context.Context, tenant core.TenantID, fn func(store.Reader) error) error {
	err := s.Read(ctx, func(q db.DBTX) error {
		return fn(&tx{ctx: ctx, s: s, raw: q, q: db.New(q), tenant: tenant, now: s.instant()})
	})
	return translate(s, err)
}

func (s *Store) Update(ctx context.Context, tenant core.TenantID, fn func(store.Tx) error) error {
	var t *tx
	err := s.retry(ctx, func() error {
		return s.Write(ctx, func(q db.DBTX) error {
			t = &tx{ctx: ctx, s: s, raw: q, q: db.New(q), must: db.New(PutOff(q)), tenant: tenant, now: s.instant(), writes: true}
			err := fn(t)
			if t.failed != nil && (err == nil || again(t.failed)) {
				return t.failed
			}
			if err != nil {
				return err
			}
			if err := t.saveCounts(ctx); err != nil {
				return err
			}
			return s.appendChanges(ctx, q, t.changes, t.now)
		})
	})
	if err != nil {
		return err
	}
	for _, g := range t.settled {
		s.Settled(g)
	}
	for _, g := range t.honoured {
		s.Honoured(g)
	}
	if len(t.changes) > 0 {
		s.mu.Lock()
		told := s.told
		s.mu.Unlock()
		for _, fn := range told {
			for _, c := range t.changes {
				fn(c)
			}
		}
		s.wake()
	}
	return nil
}

// OnChange tells fn of every change that is committed through this store, before
// Update returns: who asks again after an answer must not meet what the answer
// took away. Changes of other nodes come by the feed.
func (s *Store) OnChange(fn func(core.Change)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told[:len(s.told):len(s.told)], fn)
}

// change runs a writing job that belongs to no tenant.
func (s *Store) change(ctx context.Context, fn func(db.DBTX, *db.Queries) error) error {
	return s.retry(ctx, func() error {
		return s.Write(ctx, func(q db.DBTX) error { return translate(s, fn(q, db.New(q))) })
	})
}

// look runs one reading statement that belongs to no tenant.
func (s *Store) look(ctx context.Context, fn func(*db.Queries) error) error {
	return translate(s, s.One(ctx, func(q db.DBTX) error { return fn(db.New(q)) }))
}

// tries is how often a function runs before its caller hears of the conflict.
const tries = 100

func (s *Store) retry(ctx context.Context, run func() error) error {
	for n := 0; ; n++ {
		err := translate(s, run())
		if err == nil || !again(err) || n == tries {
			return err
		}
		wait := time.NewTimer(s.pause(n))
		select {
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-wait.C:
		}
	}
}

// pause grows from a fifth of a millisecond to ten. Those who wait must not
// wake together; a counter stepped by the golden ratio spreads them evenly and
// needs no chance.
func (s *Store) pause(n int) time.Duration {
	const golden = 0x9E3779B97F4A7C15
	base := min(200*time.Microsecond<<min(n, 6), 10*time.Millisecond)
	share := s.spread.Add(golden) >> 54 // 0..1023
	return base/2 + base*time.Duration(share)/1024
}

// Ping proves that the store reads and writes by doing both.
func (s *Store) Ping(ctx context.Context) error {
	return s.SetMeta(ctx, "pinged_at", fmt.Sprint(s.instant().UnixMicro()))
}

// Listen calls wake whenever the change feed has grown, as far as that can be
// heard, until ctx ends. Who needs to know must look from time to time as well.
func (s *Store) Listen(ctx context.Context, wake func()) {
	s.mu.Lock()
	s.listeners[&wake] = struct{}{}
	s.mu.Unlock()
	s.Dialect.Listen(ctx, wake)
	s.mu.Lock()
	delete(s.listeners, &wake)
	s.mu.Unlock()
}

func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.listeners {
		(*f)()
	}
}
