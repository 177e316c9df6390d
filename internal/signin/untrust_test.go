package signin_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/testkit/house"
)

// Decision 6, trusted_browser: trust that was switched off does not come back with
// the switch, whoever held it: the organisation, a lock above it, or the partner that
// it was moved away from. Who trusts anew is excused as ever.
func TestTrustThatWasOffStaysVoid(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		strict := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Strict"})
		other := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Other"})
		org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: strict.ID,
			Settings: core.SettingsDoc(`{"requirement":["per_user"],"challenge":"untrusted_browser","trusted_browser":"no_expiry"}`)})
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		settings := func(doc string) func() { return func() { h.Settings(org.ID, doc) } }
		lock := func(on core.TenantID, doc string) func() {
			return func() {
				if _, err := h.Directory.SetLocks(ctx, on, core.SettingsDoc(doc), access.Shell(), core.Client{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		move := func(to core.TenantID) func() {
			return func() {
				if _, err := h.Directory.MoveTenant(ctx, org.ID, to, access.Shell(), core.Client{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, c := range []struct {
			name    string
			off, on []func()
		}{
			{"by its own word", []func(){settings(`{"trusted_browser":"off"}`)}, []func(){settings(`{"trusted_browser":{"days":300}}`)}},
			{"by a lock", []func(){lock(strict.ID, `{"trusted_browser":"off"}`)}, []func(){lock(strict.ID, `{"trusted_browser":null}`)}},
			{"by a lock that is loosened", []func(){lock(strict.ID, `{"trusted_browser":"off"}`)}, []func(){lock(strict.ID, `{"trusted_browser":{"days":300}}`)}},
			{"by a move away and back", []func(){move(other.ID), lock(other.ID, `{"trusted_browser":"off"}`)}, []func(){move(strict.ID)}},
			// The lock is older than the trust this time.
			{"by a move under an old lock", []func(){move(other.ID)}, []func(){move(strict.ID)}},
		} {
			h.Clock.Advance(time.Minute)
			if through(t, p, r.Plant("sallyport", ""), "yes"); !excused(t, p, r) {
				t.Fatalf("%s: trust does not excuse to begin with", c.name)
			}
			for _, do := range c.off {
				h.Clock.Advance(time.Minute)
				do()
			}
			if h.Settle(); excused(t, p, r) {
				t.Errorf("%s: it is off, and the browser is excused", c.name)
			}
			for _, do := range c.on {
				h.Clock.Advance(time.Minute)
				do()
			}
			if h.Settle(); excused(t, p, r) {
				t.Errorf("%s: it is on again, and old trust with it", c.name)
			}
			eff, err := h.Tree.Effective(ctx, org.ID)
			if err != nil {
				t.Fatal(err)
			}
			if days, ok := policy.OffersTrust(policy.Person{Kind: core.Person}, eff); !ok {
				t.Errorf("%s: trust is not offered again (%d days)", c.name, days)
			}
		}
		// A value that changes while it stays on takes nothing away.
		h.Clock.Advance(time.Minute)
		through(t, p, r.Plant("sallyport", ""), "yes")
		h.Clock.Advance(time.Minute)
		h.Settings(org.ID, `{"trusted_browser":{"days":200}}`)
		if !excused(t, p, r) {
			t.Error("other days took the trust away")
		}
	})
}

// Whoever goes to another organisation trusts no browser there: alone, or with the
// unit that goes.
func TestTrustDoesNotMove(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		const doc = `{"requirement":["per_user"],"challenge":"untrusted_browser","trusted_browser":"no_expiry"}`
		from := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "From", Settings: core.SettingsDoc(doc)})
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "South", Parent: from.ID})
		to := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "To", Settings: core.SettingsDoc(doc)})
		alone, along := h.Enrolled(from, "anna@example.com"), h.Enrolled(unit, "berta@example.com")
		ra, rb := h.Raw(at(1)), h.Raw(at(2))
		through(t, alone, ra, "yes")
		through(t, along, rb, "yes")
		if !excused(t, alone, ra) || !excused(t, along, rb) {
			t.Fatal("trust does not excuse to begin with")
		}
		if _, err := h.Directory.Move(ctx, alone.ID, to.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.MoveTenant(ctx, unit.ID, to.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Rollout.Work(ctx, nil); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if excused(t, alone, ra) {
			t.Error("somebody who went alone took the trust along")
		}
		if excused(t, along, rb) {
			t.Error("somebody who went with a unit took the trust along")
		}
	})
}
