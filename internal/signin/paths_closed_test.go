package signin_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/testkit/house"
)

// Whatever somebody is and whichever way they come, an organisation that is suspended
// or deleted, itself or by one above it, lets nobody in.
func TestPathsIntoWhatIsClosed(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		hash, err := h.Hasher.Hash(t.Context(), secret.Lane{}, house.Password)
		if err != nil {
			t.Fatal(err)
		}
		x := &table{t: t, h: h, hash: hash, closed: true}
		ctx, sys := t.Context(), access.System()
		r := rules{set: []core.Requirement{core.RequirePerUser}, trust: true}
		for name, shut := range map[string]func(org, above core.Tenant) error{
			"suspended": func(org, _ core.Tenant) error {
				_, err := h.Directory.Suspend(ctx, org.ID, sys, core.Client{})
				return err
			},
			"suspended above": func(_, above core.Tenant) error {
				_, err := h.Directory.Suspend(ctx, above.ID, sys, core.Client{})
				return err
			},
			"deleted": func(org, _ core.Tenant) error {
				_, err := h.Directory.DeleteTenant(ctx, org.ID, org.Name, sys, core.Client{})
				return err
			},
		} {
			above := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Above " + name})
			org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Closed " + name, Parent: above.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"],"challenge":"untrusted_browser"}`)})
			type going struct {
				way path
				v   *visit
			}
			var all []going
			for _, b := range beings {
				for _, way := range paths {
					if way.takes(r, b) {
						all = append(all, going{way, &visit{x, r, b, x.somebody(org, b), h.Raw(at(x.n))}})
					}
				}
			}
			if err := shut(org, above); err != nil {
				t.Fatal(err)
			}
			h.Settle()
			for _, g := range all {
				if a := g.way.walk(g.v); a.In() {
					t.Errorf("%s, %s, by %s: in", name, g.v.b, g.way.name)
				}
				if n := len(g.v.p.Sessions()); n != 0 || g.v.Inside() {
					t.Errorf("%s, %s, by %s: %d sessions", name, g.v.b, g.way.name, n)
				}
			}
		}
	})
}

// An administrator's reset is a path as well: what it leaves is somebody without a
// factor, and nothing that was open.
func TestAnAdministratorsResetLeavesNoWayIn(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		hash, err := h.Hasher.Hash(t.Context(), secret.Lane{}, house.Password)
		if err != nil {
			t.Fatal(err)
		}
		x := &table{t: t, h: h, hash: hash}
		for _, r := range allRules() {
			if r.disabling {
				continue // nobody needs one, and everybody's goes
			}
			r.trust = true
			org := x.organisation(r)
			v := &visit{x, r, enabled, x.somebody(org, enabled), h.Raw(at(x.n))}
			v.trusted()
			if a := v.p.Knock(v.Raw); !a.In() {
				t.Fatalf("%s: leads to %q", r, a.Location)
			}
			if _, err := h.Recovery.ResetMFA(t.Context(), v.p.ID, access.System(), core.Client{}); err != nil {
				t.Fatal(err)
			}
			if v.Inside() {
				t.Errorf("%s: the session lives on", r)
			}
			a := v.p.Knock(v.Raw.Plant("sallyport", ""))
			if got, want := v.got(a), r.withPassword(without); got != want {
				t.Errorf("%s: %+v, want %+v", r, got, want)
			}
		}
	})
}
