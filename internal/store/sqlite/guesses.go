package sqlite

import (
	"context"
	"sync"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

// forgetAfter is when a guess that was neither settled nor released counts no
// more: nothing hashes that long.
const forgetAfter = time.Minute

// book counts guesses under way.
type book struct {
	mu sync.Mutex
	// of holds only budgets with guesses under way.
	of map[store.Guess]underWay
	// settled counts budgets saved, anybody's. Who read a budget before it moved
	// may have read too few failures.
	settled uint64
	// sweepAt is the size at which entries that nobody came back for are looked for.
	sweepAt int
}

type underWay struct {
	count int
	until time.Time
}

const smallBook = 1024

func newBook() *book { return &book{of: map[store.Guess]underWay{}, sweepAt: smallBook} }

func (b *book) page() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settled
}

// take counts one more guess if those under way leave room for it within left.
// It is stale when the budget was read on an older page: a guess
// settled since is then neither in what was read nor under way any more.
func (b *book) take(g store.Guess, left int, page uint64, now time.Time) (ok, stale bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.settled != page {
		return false, true
	}
	b.sweep(now)
	u := b.of[g]
	if !now.Before(u.until) {
		u.count = 0
	}
	if g.User == "" || u.count >= left {
		return false, false
	}
	b.of[g] = underWay{u.count + 1, now.Add(forgetAfter)}
	return true, false
}

func (b *book) sweep(now time.Time) {
	if len(b.of) < b.sweepAt {
		return
	}
	for k, u := range b.of {
		if !now.Before(u.until) {
			delete(b.of, k)
		}
	}
	b.sweepAt = max(smallBook, 2*len(b.of))
}

// lower gives a guess back. It comes after the commit, so that between the two
// a guess is counted twice rather than not at all.
func (b *book) lower(g store.Guess, settled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if settled {
		b.settled++
	}
	u, ok := b.of[g]
	if !ok {
		return
	}
	if u.count--; u.count <= 0 {
		delete(b.of, g)
		return
	}
	b.of[g] = u
}

func (b *book) Settled(g store.Guess)  { b.lower(g, true) }
func (b *book) Honoured(g store.Guess) { b.lower(g, false) }

// InsertHonouring leaves the guess to Honoured: the book is not in the rows.
func (b *book) InsertHonouring(ctx context.Context, q db.DBTX, row db.InsertAttemptParams, _ store.Guess) error {
	return db.New(q).InsertAttempt(ctx, row)
}

func (b *book) Release(_ context.Context, g store.Guess) error {
	b.lower(g, false)
	return nil
}

func (e *engine) Reserve(ctx context.Context, g store.Guess, rule core.LockRule, now time.Time) (r store.Reserved, err error) {
	for stale := true; stale; {
		page := e.page()
		if r.Budget, err = e.budget(ctx, g); err != nil {
			return store.Reserved{}, err
		}
		r.OK, stale = e.take(g, r.Budget.Left(now, rule), page, now)
	}
	return r, nil
}

func (e *engine) budget(ctx context.Context, g store.Guess) (b core.Budget, err error) {
	err = e.One(ctx, func(q db.DBTX) error {
		row, err := db.New(q).Budget(ctx, db.BudgetParams{TenantID: string(g.Tenant), UserID: string(g.User), Name: g.Name})
		b = sqlstore.BudgetOf(row)
		return sqlstore.IgnoreNone(err)
	})
	return b, err
}
