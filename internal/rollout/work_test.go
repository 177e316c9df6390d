package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/rollout"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// The job of switching off goes on wherever it was killed: before a transaction or
// after its commit, at each of them, ends with nothing left, one event whose counts
// are right, and one mail to each.
func TestSwitchingOffGoesOnWhereverItWasKilled(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		ctx := t.Context()
		parent := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
		for _, after := range []bool{false, true} {
			for at := 0; ; at++ {
				name := fmt.Sprintf("after %v at %d", after, at)
				org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: name, Parent: parent.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
				unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Unit", Parent: org.ID})
				people := []string{}
				for i, where := range []core.Tenant{org, unit, unit} {
					people = append(people, enrolled(h, where, fmt.Sprintf("p%d-%v-%d@example.com", i, after, at)))
				}
				_, err := h.Rollout.Disable(ctx, org.ID, name, access.Shell(), core.Client{})
				must(t, err)
				h.Settle()
				// By then every node has heard, so that the last step is not put off.
				h.Clock.Advance(10 * time.Second)
				svc := *h.Rollout
				svc.Store = &killed{Store: h.Store, left: at, after: after}
				_, err = svc.Work(ctx, nil)
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("%s: %v", name, err)
				}
				survived := err == nil
				finish(h, h.Rollout)
				if left := losses(h, org.ID); left != (store.Losses{}) {
					t.Errorf("%s: left %+v", name, left)
				}
				if s := status(h, org.ID, access.Shell()); s.State != rollout.Disabled || s.Progress != (directory.Progress{Disabled: 3}) {
					t.Errorf("%s: %+v", name, s)
				}
				if all := events(h, org.ID, audit.TenantMFADisabled); len(all) != 1 || all[0].Detail["people"] != "3" || all[0].Detail["apps"] != "3" {
					t.Errorf("%s: %+v", name, all)
				}
				for _, p := range people {
					if n := mails(h, p, "Two-factor authentication was switched off"); n != 1 {
						t.Errorf("%s: %s was told %d times", name, p, n)
					}
				}
				if found, err := h.Store.Recount(ctx, unit.ID); err != nil || !found.Clean() {
					t.Errorf("%s: the counts are wrong: %+v, %v", name, found, err)
				}
				if survived {
					if at < 3 {
						t.Errorf("only %d transactions", at)
					}
					break
				}
			}
		}
	})
}

// enrolled makes somebody with a second factor, without walking through pages.
func enrolled(h *house.House, where core.Tenant, login string) string {
	u := person(h, where, login)
	h.Change(where.ID, func(tx store.Tx) error {
		now := tx.Now()
		return tx.InsertFactor(core.Factor{ID: core.FactorID("fa_" + string(u)[3:]), Tenant: where.ID, User: u, Kind: core.FactorTOTP, State: core.FactorConfirmed,
			Secret: []byte{1}, CreatedAt: now, ConfirmedAt: now})
	})
	return login
}

func person(h *house.House, where core.Tenant, login string) core.UserID {
	h.T.Helper()
	in, _ := h.Invite(where, login)
	h.Change(where.ID, func(tx store.Tx) error {
		u, err := tx.User(in.ID)
		if err != nil {
			return err
		}
		u.State, u.ValidatedAt = core.UserActive, tx.Now()
		return tx.UpdateUser(u)
	})
	return in.ID
}

// More people than a batch, and two workers at once on two nodes of ours: each
// person is gone through once.
func TestTwoWorkersAtOneJob(t *testing.T) {
	one, two := house.Nodes(t)
	idle(one)
	ctx := t.Context()
	org := one.Organisation("Many", "", `{"requirement":["per_user"]}`)
	var people []string
	for i := range 120 {
		people = append(people, enrolled(one, org, fmt.Sprintf("p%d@many.example", i)))
	}
	_, err := one.Rollout.Disable(ctx, org.ID, "Many", access.Shell(), core.Client{})
	must(t, err)
	one.Clock.Advance(10 * time.Second)
	two.Clock.Advance(one.Clock.Offset() - two.Clock.Offset())
	var all sync.WaitGroup
	for _, h := range []*house.House{one, two, one, two} {
		all.Go(func() {
			if _, err := h.Rollout.Work(ctx, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	finish(one, one.Rollout)
	if e := events(one, org.ID, audit.TenantMFADisabled); len(e) != 1 || e[0].Detail["people"] != "120" {
		t.Errorf("%+v", e)
	}
	for _, p := range people {
		if n := mails(one, p, "Two-factor authentication was switched off"); n != 1 {
			t.Errorf("%s was told %d times", p, n)
		}
	}
}

// Somebody who came to a node that was done, and a factor that a node let through
// which had not heard: the state does not end while there is anything left, and not
// before every node has heard.
func TestTheEndWaitsForWhatCameAlong(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		b := grow(h)
		ctx := t.Context()
		_, err := h.Rollout.Disable(ctx, b.customer.ID, "Huber", h.Proven(b.admin), core.Client{})
		must(t, err)
		if _, err := h.Rollout.Work(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if s := status(h, b.customer.ID, h.Actor(b.admin)); s.State != rollout.Disabling || s.Done.People != 4 || s.Done.Apps != 4 {
			t.Errorf("before every node has heard: %+v", s)
		}
		late := enrolled(h, b.customer, "late@huber.example")
		h.Clock.Advance(time.Minute)
		if _, err := h.Rollout.Work(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if s := status(h, b.customer.ID, h.Actor(b.admin)); s.State != rollout.Disabling {
			t.Errorf("with one left: %+v", s)
		}
		finish(h, h.Rollout)
		if l := losses(h, b.customer.ID); l != (store.Losses{}) {
			t.Errorf("%+v", l)
		}
		if e := events(h, b.customer.ID, audit.TenantMFADisabled); len(e) != 1 || e[0].Detail["people"] != "5" {
			t.Errorf("%+v", e)
		}
		if mails(h, late, "Two-factor authentication was switched off") != 1 || mails(h, b.anna.Login, "Two-factor authentication was switched off") != 1 {
			t.Error("somebody was told twice, or not")
		}
	})
}

// The lease of a worker may be lost at any batch; then it stops, and says nothing.
func TestWorkStopsWhereItMust(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		b := grow(h)
		ctx := t.Context()
		_, err := h.Rollout.Disable(ctx, b.customer.ID, "Huber", h.Proven(b.admin), core.Client{})
		must(t, err)
		asked := 0
		n, err := h.Rollout.Work(ctx, func(context.Context) error {
			if asked++; asked > 1 {
				return rollout.ErrStop
			}
			return nil
		})
		if n != 1 || err != nil {
			t.Errorf("%d batches, %v", n, err)
		}
		if len(b.berta.Factors()) == 0 || len(b.anna.Factors()) != 0 {
			t.Error("it went on, or did nothing")
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := h.Rollout.Work(ended, nil); err == nil {
			t.Error("work went on after its end")
		}
		// A job that only a newer program knows waits for it, and is in nobody's way.
		h.Change(b.other.ID, func(tx store.Tx) error {
			return tx.InsertJob(core.Job{Tenant: b.other.ID, Kind: "polish", CreatedAt: tx.Now(), ChangedAt: tx.Now()})
		})
		h.Clock.Advance(time.Minute)
		for range 3 {
			if _, err := h.Rollout.Work(ctx, nil); err != nil {
				t.Fatal(err)
			}
		}
		if s := status(h, b.customer.ID, h.Actor(b.admin)); s.State != rollout.Disabled {
			t.Errorf("%+v", s)
		}
	})
}

// The house's own worker does it all without being told.
func TestTheHouseWorks(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		_, err := h.Rollout.Disable(t.Context(), b.customer.ID, "Huber", h.Proven(b.admin), core.Client{})
		must(t, err)
		h.Clock.Advance(10 * time.Second)
		deadline := time.Now().Add(30 * time.Second)
		for status(h, b.customer.ID, h.Actor(b.admin)).State != rollout.Disabled {
			if time.Now().After(deadline) {
				t.Fatalf("%+v\n%s", status(h, b.customer.ID, h.Actor(b.admin)), h.Logs.String())
			}
		}
	})
}
