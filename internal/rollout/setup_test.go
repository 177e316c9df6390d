package rollout_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/rollout"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

var (
	organization = []core.Requirement{core.RequireOrganization}
	perUser      = []core.Requirement{core.RequirePerUser}
)

// branch is a partner with a customer of its own, where MFA is on, and people of
// every standing in it.
type branch struct {
	partner, customer, unit, other core.Tenant
	boss, admin                    *house.Person // administrators of the partner and of the customer
	anna, berta                    *house.Person // with a factor, in the customer and in the unit
	carl                           *house.Person // without one, where one is required
	off                            *house.Person // disabled, with a factor
	invited                        core.User
}

func grow(h *house.House) branch {
	var b branch
	b.partner = h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
	b.customer = h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: b.partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"],"new_user_window":{"days":0}}`)})
	b.unit = h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "South", Parent: b.customer.ID})
	b.other = h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Weber", Parent: b.partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"],"new_user_window":{"days":0}}`)})
	b.boss = h.Enrolled(b.partner, "boss@nordwind.example", core.PartnerAdmin)
	b.admin = h.Enrolled(b.customer, "admin@huber.example", core.CustomerAdmin)
	b.anna = h.Enrolled(b.customer, "anna@huber.example")
	b.berta = h.Enrolled(b.unit, "berta@huber.example")
	b.carl = h.Person(b.unit, "carl@huber.example")
	b.off = h.Enrolled(b.customer, "off@huber.example")
	if err := h.Directory.Disable(h.T.Context(), b.off.ID, access.System(), core.Client{}); err != nil {
		h.T.Fatal(err)
	}
	b.invited, _ = h.Invite(b.customer, "new@huber.example")
	h.Settle()
	return b
}

func code(err error) string {
	if f, ok := core.AsFault(err); ok {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func method(err error) any {
	f, ok := core.AsFault(err)
	if !ok {
		return nil
	}
	return f.Params["method"]
}

// idle keeps the house's own worker away from jobs, so that a test does the work.
func idle(h *house.House) {
	h.T.Helper()
	mine, err := h.Store.Lease(h.T.Context(), rollout.Lease, "the test", h.Clock.Now(), 24*365*time.Hour)
	if err != nil || !mine {
		h.T.Fatal(mine, err)
	}
}

// finish works until no job is left, and fails when that takes too long.
func finish(h *house.House, r *rollout.Service) {
	h.T.Helper()
	for range 100 {
		if _, err := r.Work(h.T.Context(), nil); err != nil {
			h.T.Fatal(err)
		}
		waiting, err := r.Waiting(h.T.Context())
		if err != nil {
			h.T.Fatal(err)
		}
		if !waiting {
			h.Settle()
			return
		}
		h.Clock.Advance(time.Second)
	}
	h.T.Fatal("a job does not come to an end")
}

func status(h *house.House, id core.TenantID, by access.Actor) rollout.Status {
	h.T.Helper()
	h.Settle()
	s, err := h.Rollout.Status(h.T.Context(), id, by)
	if err != nil {
		h.T.Fatal(err)
	}
	return s
}

func events(h *house.House, at core.TenantID, name string) (out []core.Event) {
	h.View(at, func(r store.Reader) (err error) {
		out, _, err = r.Events(store.EventsQuery{Page: store.Page{Limit: 100}, Name: name})
		return err
	})
	return out
}

func losses(h *house.House, at core.TenantID) (l store.Losses) {
	h.View(at, func(r store.Reader) (err error) { l, err = r.Losses(); return err })
	return l
}

// mails counts how often somebody was told in these words.
func mails(h *house.House, to, subject string) (n int) {
	for _, s := range h.Mails(to) {
		if s == subject {
			n++
		}
	}
	return n
}

// killed is a store whose process dies at one of its transactions: before it, or
// right after it was committed and before anybody heard.
type killed struct {
	store.Store
	mu    sync.Mutex
	left  int
	after bool
}

var errKilled = errors.New("killed")

func (k *killed) dies() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left--
	return k.left < 0
}

func (k *killed) Update(ctx context.Context, t core.TenantID, fn func(store.Tx) error) error {
	dies := k.dies()
	if dies && !k.after {
		return errKilled
	}
	err := k.Store.Update(ctx, t, fn)
	if err == nil && dies {
		return errKilled
	}
	return err
}

func inside(h *house.House, p *house.Person) (*house.Raw, session.Current) {
	r := h.Raw("")
	p.Enter(r)
	return r, h.Current(r)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
