package storetest

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// BenchSignIn is what a full sign-in asks of a store, by several clients at
// once. It reports the CPU of this process too, for that is steadier than time
// (on PostgreSQL the server's own comes on top).
func BenchSignIn(b *testing.B, e Engine) {
	for _, clients := range []int{1, 32} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			w := newWorld(b, e)
			u := w.user(w.customer().ID)
			w.factor(u)
			work := make(chan struct{})
			start := cpu()
			b.ResetTimer()
			go func() {
				defer close(work)
				for range b.N {
					work <- struct{}{}
				}
			}()
			w.together(clients, func(int) {
				for range work {
					w.signIn(b, u)
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(cpu()-start)/float64(b.N)/1000, "µs-cpu/op")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// signIn is one of somebody with a known password and a TOTP factor.
func (w *world) signIn(b *testing.B, u core.User) {
	now := w.clock.Now()
	l, err := w.FindLogin(w.ctx, u.LoginKey, nil)
	if err != nil {
		b.Error(err)
		return
	}
	a := w.newAttempt(u)
	g := store.Guess{Tenant: u.Tenant, User: u.ID, Name: "password@" + string(a.ID)}
	if r, err := w.Reserve(w.ctx, g, rule, now); err != nil || !r.OK {
		b.Error(r, err)
	}
	err = w.Update(w.ctx, l.User.Tenant, func(tx store.Tx) error {
		if err := tx.InsertAttempt(a); err != nil {
			return err
		}
		return tx.Append(core.Event{Name: "signin.password", Actor: string(u.ID), Target: string(u.ID), Result: "ok"})
	})
	if err != nil {
		b.Error(err)
	}
	if err := w.Release(w.ctx, g); err != nil {
		b.Error(err)
	}
	err = w.Update(w.ctx, u.Tenant, func(tx store.Tx) error {
		facts, err := tx.AttemptFacts(a.ID)
		if err != nil {
			return err
		}
		facts.Attempt.DoneAt = tx.Now()
		if err := tx.UpdateAttempt(facts.Attempt); err != nil {
			return err
		}
		facts.Factors[0].LastStep++
		if err := tx.UpdateFactor(facts.Factors[0]); err != nil {
			return err
		}
		s := w.newSession(u)
		if err := tx.InsertSession(s); err != nil {
			return err
		}
		return tx.Append(core.Event{Name: "signin.succeeded", Actor: string(u.ID), Target: string(u.ID), Result: "ok", Session: s.ID})
	})
	if err != nil {
		b.Error(err)
	}
}
