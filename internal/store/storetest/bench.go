package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

// BenchBulk brings in people by the chunk, as an import does: an account with a
// password and a role, two events each, and for every second one a factor.
func BenchBulk(b *testing.B, e Engine) {
	for _, chunk := range []int{1000} {
		b.Run(fmt.Sprint("chunks of ", chunk), func(b *testing.B) {
			w := newWorld(b, e)
			tenant := w.customer()
			start := cpu()
			b.ResetTimer()
			for done := 0; done < b.N; done += chunk {
				w.chunk(b, tenant, min(chunk, b.N-done))
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "people/s")
			b.ReportMetric(float64(cpu()-start)/float64(b.N)/1000, "µs-cpu/op")
		})
	}
}

func (w *world) chunk(b *testing.B, tenant core.Tenant, n int) {
	people := make([]store.Newcomer, n)
	keys := make([]string, n)
	addresses := make([]store.Address, n)
	events := make([]core.Event, n)
	for i := range people {
		u := w.newUser(tenant.ID)
		// In no order, as names are.
		at := rand.Int64()
		u.LoginKey = fmt.Sprintf("person.%x@customer.example", at)
		u.Login, u.Email, u.EmailKey = u.LoginKey, u.LoginKey, u.LoginKey
		people[i] = store.Newcomer{User: u, Password: core.Password{Hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", SetAt: w.clock.Now()},
			Roles: []core.RoleGrant{{User: u.ID, Tenant: tenant.ID, Role: core.RoleUser, At: w.clock.Now()}}}
		if i%2 == 0 {
			f := w.newFactor(u)
			f.Handle, f.Secret = "", make([]byte, 60)
			people[i].Factors = []core.Factor{f}
		}
		keys[i], addresses[i] = u.LoginKey, store.Address{Organisation: tenant.ID, EmailKey: u.EmailKey}
		events[i] = core.Event{Name: "user.created", Tenant: tenant.ID, Actor: core.ActorShell, Target: string(u.ID), Result: "ok", Detail: map[string]string{"with": "import"}}
	}
	err := w.Bulk(w.ctx, func(tx store.BulkTx) error {
		_, err := tx.Places([]core.TenantID{tenant.ID})
		_, err2 := tx.Logins(keys)
		_, err3 := tx.Addresses(addresses)
		hold := map[store.Address]core.UserID{}
		for i, a := range addresses {
			hold[a] = people[i].User.ID
		}
		err = errors.Join(err, err2, err3, tx.Insert(people), tx.Append(events))
		_, err4 := tx.Hold(hold)
		return errors.Join(err, err4)
	})
	if err != nil {
		b.Fatal(err)
	}
}
