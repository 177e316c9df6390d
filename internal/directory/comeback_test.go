package directory_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// Decision 5: only the switch empties what holds, also where the lock that held it
// went while the organisation was deleted.
func TestWhatComesBackKeepsWhatALockDemanded(t *testing.T) {
	for name, away := range map[string]func(h *house.House, b branch) error{
		"lifted": func(h *house.House, b branch) error {
			_, err := h.Directory.SetLocks(h.T.Context(), b.partner.ID, core.SettingsDoc(`{"requirement":null}`), access.Shell(), core.Client{})
			return err
		},
		"moved away from": func(h *house.House, b branch) error {
			_, err := h.Directory.MoveTenant(h.T.Context(), b.folder.ID, b.other.ID, access.Shell(), core.Client{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			house.Each(t, func(t *testing.T, h *house.House) {
				b := grow(h)
				ctx := t.Context()
				if _, err := h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":["organization"]}`), access.Shell(), core.Client{}); err != nil {
					t.Fatal(err)
				}
				since := effective(h, b.customer.ID).Since
				if _, err := h.Directory.DeleteTenant(ctx, b.customer.ID, b.customer.Name, access.Shell(), core.Client{}); err != nil {
					t.Fatal(err)
				}
				if err := away(h, b); err != nil {
					t.Fatal(err)
				}
				if _, err := h.Directory.RestoreTenant(ctx, b.customer.ID, access.Shell(), core.Client{}); err != nil {
					t.Fatal(err)
				}
				e := effective(h, b.unit.ID)
				if !e.Settings.Requires(core.RequireOrganization) || e.Locked || !e.Since.Equal(since) {
					t.Errorf("%v, locked %v, since %v (was %v)", e.Settings.Requirement, e.Locked, e.Since, since)
				}
			})
		})
	}
}

// A lock that was set meanwhile, and that leaves nobody of a deleted organisation a
// network to come from, is told where that comes back.
func TestWhatComesBackHasAWayIn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		far := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Far", Parent: b.folder.ID, Settings: core.SettingsDoc(`{"login_networks":["10.0.0.0/8"]}`)})
		lock := func(doc string) error {
			_, err := h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(doc), access.Shell(), core.Client{})
			return err
		}
		if err := lock(`{"login_networks":["192.168.0.0/16"]}`); code(err) != "policy.nobody_could_sign_in" {
			t.Fatalf("while it is there: %v", err)
		}
		if _, err := h.Directory.DeleteTenant(ctx, far.ID, far.Name, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := lock(`{"login_networks":["192.168.0.0/16"]}`); err != nil {
			t.Fatalf("what is deleted stands in the way: %v", err)
		}
		if _, err := h.Directory.RestoreTenant(ctx, far.ID, access.Shell(), core.Client{}); code(err) != "policy.nobody_could_sign_in" {
			t.Errorf("restored: %v", err)
		}
		if err := lock(`{"login_networks":null}`); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.RestoreTenant(ctx, far.ID, access.Shell(), core.Client{}); err != nil {
			t.Errorf("and without the lock: %v", err)
		}
	})
}

// Whose word a value is stays known after the organisation was moved away from them.
func TestWhoseWordIsNamedAfterAMove(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		if _, err := h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":["organization"]}`), access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.MoveTenant(ctx, b.customer.ID, h.Root.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		values, _, err := h.Directory.Values(ctx, b.customer.ID, access.Shell())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if v.Key == "requirement" && (v.From == nil || v.From.ID != b.partner.ID || v.From.Name != b.partner.Name) {
				t.Errorf("from %+v, want %s", v.From, b.partner.Name)
			}
		}
	})
}
