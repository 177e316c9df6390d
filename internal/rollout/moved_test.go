package rollout_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// Whoever comes into another organisation with their unit is signed out, as whoever
// is moved alone; those who stay, and those who were there, are not.
func TestSessionsEndWhereABranchIsMoved(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		from := h.Organisation("From", "", `{"requirement":[]}`)
		to := h.Organisation("To", "", `{"requirement":[]}`)
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Unit", Parent: from.ID})
		inner := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Inner", Parent: unit.ID})
		in := map[string]*house.Raw{}
		for name, at := range map[string]core.Tenant{"unit": unit, "inner": inner, "from": from, "to": to} {
			in[name] = h.Raw("")
			h.Person(at, name+"@example.com").Enter(in[name])
		}
		move := func(where core.TenantID) {
			t.Helper()
			if _, err := h.Directory.MoveTenant(ctx, unit.ID, where, access.Shell(), core.Client{}); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Rollout.Work(ctx, nil); err != nil {
				t.Fatal(err)
			}
			h.Settle()
		}
		stays := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Stays", Parent: from.ID})
		move(stays.ID)
		for name, r := range in {
			if !r.Inside() {
				t.Errorf("moved within the organisation: %s was signed out", name)
			}
		}
		move(to.ID)
		for name, want := range map[string]bool{"unit": false, "inner": false, "from": true, "to": true} {
			if got := in[name].Inside(); got != want {
				t.Errorf("%s is in: %v", name, got)
			}
		}
		if on, err := h.Rollout.Waiting(ctx); err != nil || on {
			t.Errorf("it is not at its end: %v, %v", on, err)
		}
	})
}
