package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Decision 2, B-35, DS-13: thirty days after a branch was deleted its accounts go,
// and not before; rows and ids stay.
func TestErasingWhatWasDeleted(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		for i := range 60 {
			person(h, b.unit, fmt.Sprintf("p%d@huber.example", i))
		}
		_, err := h.Directory.DeleteTenant(ctx, b.customer.ID, "Huber", access.System(), core.Client{})
		must(t, err)
		h.Clock.Advance(29 * 24 * time.Hour)
		if n, err := h.Rollout.Erase(ctx, nil); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if len(b.anna.Factors()) == 0 {
			t.Error("too early")
		}
		h.Clock.Advance(24*time.Hour + time.Second)
		svc := *h.Rollout
		svc.Store = &killed{Store: h.Store, left: 1, after: true}
		if _, err := svc.Erase(ctx, nil); !errors.Is(err, errKilled) {
			t.Errorf("%v", err)
		}
		if _, err := h.Rollout.Erase(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := h.Rollout.Erase(ctx, nil); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		for _, p := range []*house.Person{b.anna, b.berta, b.carl, b.off, b.admin} {
			u, err := h.Store.FindUser(ctx, p.ID)
			if err != nil || u.State != core.UserDeleted {
				t.Errorf("%s: %+v, %v", p.Login, u, err)
			}
			for _, f := range p.History() {
				if len(f.Secret) > 0 || f.State != core.FactorRevoked {
					t.Errorf("%s: %+v", p.Login, f)
				}
			}
		}
		for _, id := range []core.TenantID{b.customer.ID, b.unit.ID} {
			if all := events(h, id, audit.TenantErased); len(all) == 0 || all[0].Actor != core.ActorSystem {
				t.Errorf("%s: %+v", id, all)
			}
		}
		if _, err := h.Directory.RestoreTenant(ctx, b.customer.ID, access.System(), core.Client{}); code(err) != "tenant.not_restorable" {
			t.Errorf("%v", err)
		}
		// The login is free again; the id is another.
		u, _ := h.Invite(b.other, b.anna.Login)
		if u.ID == b.anna.ID {
			t.Error("an id was used again")
		}
	})
}

// miscounted is a store that finds something to repair, where it is told so.
type miscounted struct {
	store.Store
	at core.TenantID
}

func (m *miscounted) Recount(ctx context.Context, id core.TenantID) (store.Recounted, error) {
	found, err := m.Store.Recount(ctx, id)
	if id == m.at {
		found.Wrong, found.Missing = 1, store.Counts{core.StandingEnrolled: 2}
	}
	return found, err
}

// A count that is wrong is repaired (the store's contract), and that is loud.
func TestRecountingIsLoud(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		if found, err := h.Rollout.Recount(ctx, b.customer.ID, access.Shell()); err != nil || !found.Clean() || found.People != 4 {
			t.Errorf("%+v, %v", found, err)
		}
		if strings.Contains(h.Logs.String(), "store.counts_repaired") || len(events(h, b.customer.ID, audit.CountsRepaired)) > 0 {
			t.Error("loud about nothing")
		}
		r := *h.Rollout
		r.Store = &miscounted{h.Store, b.customer.ID}
		found, err := r.Recount(ctx, b.customer.ID, access.Shell())
		if err != nil || found.Clean() {
			t.Errorf("%+v, %v", found, err)
		}
		if all := events(h, b.customer.ID, audit.CountsRepaired); len(all) != 1 || all[0].Actor != core.ActorShell || all[0].Detail["wrong"] != "1" || all[0].Detail["missing_enrolled"] != "2" {
			t.Errorf("%+v", all)
		}
		if !strings.Contains(h.Logs.String(), "store.counts_repaired") {
			t.Error("quiet")
		}
		for want, by := range map[string]access.Actor{"forbidden": h.Actor(h.Enrolled(h.Root, "aud@platform.example", core.Auditor)), "not_found": h.Actor(b.boss)} {
			if _, err := r.Recount(ctx, b.customer.ID, by); code(err) != want {
				t.Errorf("%s: %v", want, err)
			}
		}
		// Everybody’s, once a day; the first day begins with the first look.
		for _, c := range []struct {
			later time.Duration
			want  int
		}{{0, 0}, {23 * time.Hour, 0}, {time.Hour, 1}, {23 * time.Hour, 0}, {time.Hour, 1}} {
			h.Clock.Advance(c.later)
			if n, err := r.RecountDue(ctx, nil); n != c.want || err != nil {
				t.Errorf("after %s more: %d, %v", c.later, n, err)
			}
		}
	})
}
