package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

var rule = core.LockRule{
	Limit: 5, Window: core.Duration(15 * time.Minute), Period: core.Duration(5 * time.Minute), Growth: core.Duration(time.Hour),
}

func guess(u core.User) store.Guess {
	return store.Guess{Tenant: u.Tenant, User: u.ID, Name: "password"}
}

// fail settles a guess as wrong.
func (w *world) fail(g store.Guess) {
	w.t.Helper()
	err := w.Update(w.ctx, g.Tenant, func(tx store.Tx) error {
		b, err := tx.Budget(g.User, g.Name)
		if err != nil {
			return err
		}
		b, _, _ = b.Fail(tx.Now(), rule)
		return tx.SaveBudget(g.User, g.Name, b)
	})
	if err != nil {
		w.t.Error(err)
	}
}

func (w *world) reserve(g store.Guess) store.Reserved {
	w.t.Helper()
	r, err := w.Reserve(w.ctx, g, rule, w.clock.Now())
	if err != nil {
		w.t.Error(err)
	}
	return r
}

// testGuessesAtOnce is B-04: 200 guesses at once, a limit of 5, and never more
// than 5 evaluated, whether they are settled late or at once.
func testGuessesAtOnce(t *testing.T, w *world) {
	tenant := w.customer().ID
	t.Run("settled after all have asked", func(t *testing.T) {
		g := guess(w.user(tenant))
		var asked, settled sync.WaitGroup
		asked.Add(200)
		var evaluated atomic.Int64
		for range 200 {
			settled.Go(func() {
				ok := w.reserve(g).OK
				asked.Done()
				asked.Wait()
				if ok {
					evaluated.Add(1)
					w.fail(g)
				}
			})
		}
		settled.Wait()
		if evaluated.Load() != 5 {
			t.Errorf("%d guesses were evaluated", evaluated.Load())
		}
		w.locked(t, g)
	})
	t.Run("settled as they come", func(t *testing.T) {
		g := guess(w.user(tenant))
		var evaluated atomic.Int64
		w.together(200, func(int) {
			if w.reserve(g).OK {
				evaluated.Add(1)
				w.fail(g)
			}
		})
		if n := evaluated.Load(); n > 5 || n < 1 {
			t.Errorf("%d guesses were evaluated", n)
		}
		for range 5 - evaluated.Load() {
			if !w.reserve(g).OK {
				t.Fatal("a budget that is not used up refuses")
			}
			w.fail(g)
		}
		w.locked(t, g)
	})
}

func (w *world) locked(t *testing.T, g store.Guess) {
	t.Helper()
	r := w.reserve(g)
	if r.OK || !r.Budget.Locked(w.clock.Now()) || r.Budget.Consecutive != 5 || r.Budget.Locks != 1 {
		t.Errorf("after five failures: %+v", r)
	}
	w.clock.Advance(time.Duration(rule.Period) + time.Second)
	if r := w.reserve(g); !r.OK {
		t.Errorf("after the lock: %+v", r)
	}
	if err := w.Release(w.ctx, g); err != nil {
		t.Error(err)
	}
}

func testGuessesReturned(t *testing.T, w *world) {
	u := w.user(w.customer().ID)
	g := guess(u)
	take := func(n int, want bool) {
		t.Helper()
		for i := range n {
			if r := w.reserve(g); r.OK != want {
				t.Fatalf("reservation %d of %d: %v", i+1, n, r.OK)
			}
		}
	}
	take(5, true)
	take(1, false)
	// One that was neither right nor wrong comes back, once.
	if err := w.Release(w.ctx, g); err != nil {
		t.Fatal(err)
	}
	take(1, true)
	take(1, false)
	// A failed transaction settles nothing.
	_ = w.Update(w.ctx, u.Tenant, func(tx store.Tx) error {
		if err := tx.SaveBudget(u.ID, g.Name, core.Budget{}); err != nil {
			return err
		}
		return core.ErrForbidden
	})
	take(1, false)
	// A success forgets failures and settles its own guess only.
	w.update(u.Tenant, func(tx store.Tx) error { return tx.SaveBudget(u.ID, g.Name, core.Budget{}) })
	take(1, true)
	take(1, false)
	// Another name and another person have budgets of their own.
	other := g
	other.Name = "password@br_1"
	if !w.reserve(other).OK || !w.reserve(guess(w.user(u.Tenant))).OK {
		t.Error("budgets are mixed up")
	}
	// What nobody settles is forgotten.
	w.clock.Advance(61 * time.Second)
	take(5, true)
	take(1, false)
	for range 7 { // twice more than there are
		if err := w.Release(w.ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	take(5, true)
	take(1, false)
}

func testGuessesAtNobody(t *testing.T, w *world) {
	w.together(32, func(int) {
		for range 20 {
			r, err := w.Reserve(w.ctx, store.Guess{Name: "password"}, rule, w.clock.Now())
			if err != nil || r.OK || !r.Budget.Clean() {
				t.Errorf("a guess at nobody: %+v, %v", r, err)
				return
			}
		}
	})
}

// testGuessesHonoured: a right guess is given back by the commit that honours it.
func testGuessesHonoured(t *testing.T, w *world) {
	u := w.user(w.customer().ID)
	g := guess(u)
	for range 5 {
		if !w.reserve(g).OK {
			t.Fatal("a budget that is not used up refuses")
		}
	}
	full := func(want bool) {
		t.Helper()
		if r := w.reserve(g); r.OK == want {
			t.Fatalf("used up %v, and the answer is %v", want, r.OK)
		}
	}
	full(true)
	a := w.newAttempt(u)
	insert := func(a core.Attempt, result error, honours ...store.Guess) error {
		return w.Update(w.ctx, u.Tenant, func(tx store.Tx) error {
			if err := tx.InsertAttempt(a, honours...); err != nil {
				return err
			}
			return result
		})
	}
	if err := insert(a, core.ErrForbidden, g); !errors.Is(err, core.ErrForbidden) {
		t.Fatal(err)
	}
	full(true) // nothing was kept, so nothing was given back
	other := w.user(u.Tenant)
	theirs := guess(w.user(w.customer().ID))
	for name, wrong := range map[string][]store.Guess{
		"somebody else's": {guess(other)}, "another tenant's": {theirs}, "two": {g, g},
	} {
		if err := insert(a, nil, wrong...); err == nil {
			t.Errorf("%s guess was honoured", name)
		}
	}
	full(true)
	if err := insert(a, nil, g); err != nil {
		t.Fatal(err)
	}
	full(false) // and with that it is used up again
	full(true)
	// The same attempt once more, alone in its transaction and before a question.
	var dup store.ErrDuplicate
	if err := insert(a, nil, g); !errors.As(err, &dup) || dup.What != "id" {
		t.Errorf("an attempt twice: %v", err)
	}
	err := w.Update(w.ctx, u.Tenant, func(tx store.Tx) error {
		if err := tx.InsertAttempt(a, g); err != nil {
			return err
		}
		_, err := tx.User(u.ID)
		return err
	})
	if !errors.As(err, &dup) || dup.What != "id" {
		t.Errorf("an attempt twice, with a question after it: %v", err)
	}
	full(true)
	// What follows in the transaction sees it.
	b := w.newAttempt(u)
	w.update(u.Tenant, func(tx store.Tx) error {
		if err := tx.InsertAttempt(b, g); err != nil {
			return err
		}
		got, err := tx.Attempt(b.ID)
		same(t, "attempt in its transaction", got, b)
		return err
	})
	full(false)
	full(true)
	w.view(u.Tenant, func(r store.Reader) error {
		b, err := r.Budget(u.ID, g.Name)
		same(t, "failures", b, core.Budget{})
		got, err2 := r.Attempt(a.ID)
		same(t, "attempt", got, a)
		return errors.Join(err, err2)
	})
}
