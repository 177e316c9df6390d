package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// testUseOnce: whatever may be used once is used once, by one of 64.
func testUseOnce(t *testing.T, w *world) {
	h := w.household()
	const crowd = 64
	race := func(name string, want int64, try func(i int) (bool, error)) {
		t.Helper()
		var won atomic.Int64
		w.together(crowd, func(i int) {
			ok, err := try(i)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if ok {
				won.Add(1)
			}
		})
		if won.Load() != want {
			t.Errorf("%s: %d won", name, won.Load())
		}
	}
	race("link", 1, func(int) (bool, error) {
		err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.UseToken(h.token.Hash) })
		if errors.Is(err, store.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
	// T-05: a time step is accepted once. The losers count as failures, each.
	race("time step", 1, func(int) (won bool, err error) {
		err = w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			f, err := tx.Factor(h.factor.ID)
			if err != nil {
				return err
			}
			if won = f.LastStep < 100; won {
				f.LastStep = 100
			} else {
				f.Budget.Consecutive++
			}
			return tx.UpdateFactor(f)
		})
		return won, err
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		f, err := r.Factor(h.factor.ID)
		same(t, "failures counted", f.Budget.Consecutive, h.factor.Budget.Consecutive+crowd-1)
		return err
	})
	race("attempt", 1, func(int) (won bool, err error) {
		err = w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			facts, err := tx.AttemptFacts(h.attempt.ID)
			if err != nil {
				return err
			}
			if won = facts.Attempt.DoneAt.IsZero(); !won {
				return nil
			}
			facts.Attempt.DoneAt = tx.Now()
			return tx.UpdateAttempt(facts.Attempt)
		})
		return won, err
	})
	race("handle", 1, func(int) (bool, error) {
		f := w.newFactor(h.user)
		f.Handle = "credential"
		err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.InsertFactor(f) })
		if dup, is := errors.AsType[store.ErrDuplicate](err); is && dup.What == "handle" {
			return false, nil
		}
		return err == nil, err
	})
	race("login", 1, func(int) (bool, error) {
		u := w.newUser(h.tenant.ID)
		u.LoginKey = "wanted"
		err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.InsertUser(u) })
		if dup, is := errors.AsType[store.ErrDuplicate](err); is && dup.What == "login" {
			return false, nil
		}
		return err == nil, err
	})
	// A budget without a row yet is no gap: all failures count.
	race("codes budget", crowd, func(int) (bool, error) {
		err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			b, err := tx.Budget(h.user.ID, "codes")
			if err != nil {
				return err
			}
			b.Consecutive++
			return tx.SaveBudget(h.user.ID, "codes", b)
		})
		return err == nil, err
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		b, err := r.Budget(h.user.ID, "codes")
		same(t, "failures at codes", b.Consecutive, crowd)
		return err
	})
}

func testAllOrNothing(t *testing.T, w *world) {
	h := w.household()
	step := func(result error) error {
		return w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			b, err := tx.Budget(h.user.ID, "password")
			if err != nil {
				return err
			}
			b.Failures++
			u, err := tx.User(h.user.ID)
			if err != nil {
				return err
			}
			u.Name += "."
			err = errors.Join(
				tx.SaveBudget(h.user.ID, "password", b), tx.UpdateUser(u),
				tx.Append(core.Event{Name: "signin.refused", Target: string(h.user.ID), Result: "refused"}),
				tx.QueueMail(w.newMail(h.user)), tx.Changed(core.ChangeUser, string(h.user.ID)),
			)
			if err != nil {
				return err
			}
			return result
		})
	}
	before := w.everything(h)
	seq, err := w.LastChange(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("something went wrong")
	if err := step(wrong); !errors.Is(err, wrong) {
		t.Fatalf("the function's error came back as %v", err)
	}
	same(t, "after an error", w.everything(h), before)
	if now, err := w.LastChange(w.ctx); err != nil || now != seq {
		t.Errorf("an undone transaction spoke on the feed: %d after %d, %v", now, seq, err)
	}
	if err := step(nil); err != nil {
		t.Fatal(err)
	}
	after := w.everything(h)
	same(t, "failures", after["budget"].(core.Budget).Failures, 3)
	same(t, "events", len(after["events"].([]core.Event)), 2)
	same(t, "mails", after["mails"], 2)
	if lines, err := w.Changes(w.ctx, seq, 10); err != nil || len(lines) != 1 || lines[0].Kind != core.ChangeUser || !lines[0].At.Equal(w.clock.Now()) {
		t.Errorf("the feed: %v, %v", lines, err)
	}
	gone, cancel := context.WithCancel(w.ctx)
	cancel()
	if err := w.Update(gone, h.tenant.ID, func(store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that has gone: %v", err)
	}
	if err := w.View(gone, h.tenant.ID, func(r store.Reader) error { _, err := r.Tenant(); return err }); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that has gone: %v", err)
	}
	// Gone half way: nothing is kept.
	half, cancel := context.WithCancel(w.ctx)
	before = w.everything(h)
	err = w.Update(half, h.tenant.ID, func(tx store.Tx) error {
		if err := tx.SetPassword(h.user.ID, core.Password{Hash: "half"}); err != nil {
			return err
		}
		cancel()
		_, err := tx.User(h.user.ID)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a request that went half way: %v", err)
	}
	same(t, "after half a transaction", w.everything(h), before)
}

// testPoison: a function that overlooks an error of the engine does not commit.
func testPoison(t *testing.T, w *world) {
	h := w.household()
	before := w.everything(h)
	var next error
	err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
		_ = tx.SetPassword(h.user.ID, core.Password{Hash: "kept?"})
		s := w.newSession(h.user)
		s.TokenHash = h.session.TokenHash
		_ = tx.InsertSession(s)
		_, next = tx.User(h.user.ID)
		_ = tx.EndAttempts(h.user.ID)
		return nil
	})
	var dup store.ErrDuplicate
	if !errors.As(err, &dup) || next == nil {
		t.Errorf("the transaction ended with %v, the next statement with %v", err, next)
	}
	same(t, "after an overlooked error", w.everything(h), before)
}

// testLateRefusal: a write that cannot be takes everything else of its function
// back, wherever it stands, and the function has heard of it in its place.
func testLateRefusal(t *testing.T, w *world) {
	h := w.household()
	stale := h.factor
	stale.Version += 7
	note := func(tx store.Tx) error {
		return tx.Append(core.Event{Name: "signin.refused", Target: string(h.user.ID), Result: "refused"})
	}
	opens := func(tx store.Tx) error { return tx.InsertSession(w.newSession(h.user)) }
	asks := func(tx store.Tx) error { _, err := tx.User(h.user.ID); return err }
	misses := func(tx store.Tx) error { return tx.UpdateFactor(stale) }
	before := w.everything(h)
	for _, c := range []struct {
		name  string
		steps []func(store.Tx) error
	}{
		{"alone", []func(store.Tx) error{misses}},
		{"first", []func(store.Tx) error{misses, note, opens}},
		{"last", []func(store.Tx) error{asks, note, opens, misses}},
		{"before a question", []func(store.Tx) error{note, misses, asks, opens}},
		{"after a question", []func(store.Tx) error{note, asks, opens, misses, note}},
	} {
		var heard error
		err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			heard = nil
			for i, step := range c.steps {
				if err := step(tx); err != nil {
					heard = fmt.Errorf("step %d: %w", i, err)
					return heard
				}
			}
			return nil
		})
		if !errors.Is(err, store.ErrConflict) || !errors.Is(heard, store.ErrConflict) {
			t.Errorf("%s: ended with %v, heard %v", c.name, err, heard)
		}
		same(t, c.name, w.everything(h), before)
	}
	// A refusal that the function takes for an answer leaves the rest standing.
	w.update(h.tenant.ID, func(tx store.Tx) error {
		f, err := tx.Factor(h.factor.ID)
		if err != nil {
			return err
		}
		f.Version--
		if err := tx.UpdateFactor(f); !errors.Is(err, store.ErrConflict) && err != nil {
			return err
		}
		return note(tx)
	})
	if n := len(w.everything(h)["events"].([]core.Event)); n != len(before["events"].([]core.Event))+1 {
		t.Errorf("%d events", n)
	}
	// No connection came back with half a transaction in it.
	w.together(40, func(int) {
		if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return errors.Join(opens(tx), note(tx)) }); err != nil {
			t.Error(err)
		}
	})
}

func testPanic(t *testing.T, w *world) {
	h := w.household()
	before := w.everything(h)
	touch := func(tx store.Tx) {
		if err := tx.SetPassword(h.user.ID, core.Password{Hash: "half"}); err != nil {
			t.Error(err)
		}
	}
	w.together(8, func(i int) {
		defer func() { _ = recover() }()
		_ = w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			touch(tx)
			if i%2 == 0 {
				runtime.Goexit() // what t.FailNow does
			}
			panic("half way")
		})
		t.Error("the panic got lost")
	})
	for range 20 { // and no connection with it
		_ = func() (err error) {
			defer func() { _ = recover() }()
			return w.View(w.ctx, h.tenant.ID, func(store.Reader) error { panic("while reading") })
		}()
	}
	same(t, "after panics", w.everything(h), before)
}

// testCrowd: nobody waits for a connection that only he himself could give back.
func testCrowd(t *testing.T, w *world) {
	h := w.household()
	var made atomic.Int64
	w.together(96, func(i int) {
		for n := range 5 {
			if _, err := w.FindLogin(w.ctx, h.user.LoginKey, nil); err != nil {
				t.Error(err)
			}
			fails := (i+n)%3 == 0
			err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
				if err := tx.InsertSession(w.newSession(h.user)); err != nil {
					return err
				}
				if err := tx.Append(core.Event{Name: "signin.succeeded", Actor: "crowd"}); err != nil {
					return err
				}
				if fails {
					return core.ErrForbidden
				}
				return nil
			})
			switch {
			case fails && !errors.Is(err, core.ErrForbidden), !fails && err != nil:
				t.Error(err)
			case err == nil:
				made.Add(1)
			}
			err = w.View(w.ctx, h.tenant.ID, func(r store.Reader) error { _, err := r.Sessions(h.user.ID); return err })
			if err != nil {
				t.Error(err)
			}
		}
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Sessions(h.user.ID)
		events, err2 := r.EventsOf("crowd", 0, 10000)
		same(t, "sessions", int64(len(all)), made.Load()+1)
		same(t, "events", int64(len(events)), made.Load())
		return errors.Join(err, err2)
	})
}

func testSnapshot(t *testing.T, w *world) {
	h := w.household()
	w.view(h.tenant.ID, func(r store.Reader) error {
		before, err := r.Sessions(h.user.ID)
		if err != nil {
			return err
		}
		done := make(chan error)
		go func() {
			s := w.newSession(h.user)
			done <- w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.InsertSession(s) })
		}()
		if err := <-done; err != nil {
			return err
		}
		after, err := r.Sessions(h.user.ID)
		same(t, "sessions within one view", after, before)
		if !r.Now().Equal(w.clock.Now()) || r.TenantID() != h.tenant.ID {
			t.Errorf("the view is of %s at %v", r.TenantID(), r.Now())
		}
		return err
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Sessions(h.user.ID)
		same(t, "sessions in the next view", len(all), 2)
		return err
	})
	w.update(h.tenant.ID, func(tx store.Tx) error {
		first := tx.Now()
		w.clock.Advance(time.Minute)
		if !tx.Now().Equal(first) {
			t.Error("a transaction has two instants")
		}
		// What it wrote itself it reads.
		s := w.newSession(h.user)
		if err := tx.InsertSession(s); err != nil {
			return err
		}
		got, err := tx.Session(s.ID)
		same(t, "own row", got, s)
		return err
	})
}

func testFeed(t *testing.T, w *world) {
	h := w.household()
	const writers, each = 12, 25
	start, err := w.LastChange(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		w.together(writers, func(i int) {
			for n := range each {
				err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
					for k := range 1 + n%3 {
						if err := tx.Changed(core.ChangeSession, fmt.Sprintf("%d.%d.%d", i, n, k)); err != nil {
							return err
						}
					}
					if _, err := tx.DropBrowsers(h.user.ID, "br_never"); err != nil {
						return err
					}
					if n%5 == 4 {
						return core.ErrForbidden // a number that never comes
					}
					return nil
				})
				if err != nil && n%5 != 4 {
					t.Error(err)
				}
			}
		})
	}()
	seen := map[string]bool{}
	last, over := start, false
	for {
		lines, err := w.Changes(w.ctx, last, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if l.Seq <= last || seen[l.Key] {
				t.Fatalf("line %d %q after %d", l.Seq, l.Key, last)
			}
			seen[l.Key], last = true, l.Seq
		}
		if len(lines) > 0 {
			continue
		}
		if over {
			break
		}
		select {
		case <-finished:
			over = true // one more look
		default:
			runtime.Gosched()
		}
	}
	want := 0
	for n := range each {
		if n%5 != 4 {
			want += 1 + n%3
		}
	}
	if len(seen) != writers*want {
		t.Errorf("saw %d lines of %d", len(seen), writers*want)
	}
	if end, err := w.LastChange(w.ctx); err != nil || end != last {
		t.Errorf("the last line is %d, read up to %d, %v", end, last, err)
	}
	ctx, stop := context.WithCancel(w.ctx)
	woken, ended := make(chan struct{}, 100), make(chan struct{})
	go func() {
		w.Listen(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
		close(ended)
	}()
	for heard := false; !heard; {
		w.update(h.tenant.ID, func(tx store.Tx) error { return tx.Changed(core.ChangeUser, "us_1") })
		select {
		case <-woken:
			heard = true
		case <-time.After(10 * time.Millisecond): // it had not begun to listen
		}
	}
	stop()
	<-ended
}
