package signin_test

import (
	"errors"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Row WBX-11, N-32: under the setting a reset by mail ends the second factor and
// leads into the setup; never of who administers the platform or a partner, and
// under no other setting.
func TestAResetThatClearsMFA(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		organisation := h.Organisation("Webex", "organization-wide", "")
		own := h.Organisation("Own", "self-service", `{"password_reset_effect":"clear_mfa"}`)
		kept := h.Organisation("Kept", "organization-wide", `{"password_reset_effect":"keep_mfa"}`)
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Nordwind"})
		h.Change(partner.ID, func(tx store.Tx) (err error) { // as an older release may have left it
			at, err := tx.Tenant()
			if err != nil {
				return err
			}
			if at.Settings, err = at.Settings.Merge(core.SettingsDoc(`{"password_reset_effect":"clear_mfa"}`)); err != nil {
				return err
			}
			return errors.Join(tx.UpdateTenant(at), tx.Changed(core.ChangeTenant, string(partner.ID)))
		})
		grant := func(p *house.Person, on core.TenantID, role core.Role) *house.Person {
			h.Change(p.Tenant, func(tx store.Tx) error {
				return tx.Grant(core.RoleGrant{User: p.ID, Tenant: on, Role: role, At: tx.Now()})
			})
			return p
		}
		clone := core.Role("ro_clone")
		h.Change(partner.ID, func(tx store.Tx) error {
			return tx.InsertCustomRole(core.CustomRole{ID: clone, Tenant: partner.ID, Base: core.PartnerAdmin, Name: "Reader", CreatedAt: tx.Now(), ChangedAt: tx.Now()})
		})
		for _, c := range []struct {
			name   string
			p      *house.Person
			clears bool
			then   string // "in" for a session
			status core.MFAStatus
		}{
			{"required of all", h.Enrolled(organisation, "anna@example.com"), true, "setup-required", core.MFASetupRequired},
			{"an administrator of the organisation", h.Enrolled(organisation, "boss@example.com", core.CustomerAdmin), true, "setup-required", core.MFASetupRequired},
			{"own choice", h.Enrolled(own, "berta@example.com"), true, "in", core.MFADisabled},
			{"another setting", h.Enrolled(kept, "carla@example.com"), false, "code", core.MFAEnabled},
			{"somebody of a partner", h.Enrolled(partner, "dora@example.com", core.PartnerAdmin), false, "code", core.MFAEnabled},
			{"an administrator of a partner, with an account of a customer", grant(h.Enrolled(organisation, "emma@example.com"), partner.ID, core.PartnerAdmin), false, "code", core.MFAEnabled},
			{"one with a clone of that role", grant(h.Enrolled(organisation, "frida@example.com"), partner.ID, clone), false, "code", core.MFAEnabled},
			{"an administrator of the platform", grant(h.Enrolled(organisation, "greta@example.com"), h.Root.ID, core.PlatformAdmin), false, "code", core.MFAEnabled},
		} {
			t.Run(c.name, func(t *testing.T) {
				inside := h.Raw(at(1))
				c.p.Enter(inside)
				r := h.Raw(at(2))
				r.Post("/reset", "login", c.p.Login)
				link := h.Link(c.p.Login, "/reset/")
				if m := h.Mail(c.p.Login, link); strings.Contains(m.Text, "ends with the new password") != c.clears || strings.Contains(m.Text, "still asked for afterwards") == c.clears {
					t.Errorf("the mail says\n%s", m.Text)
				}
				if page := r.Get(link); strings.Contains(page.Text(), "This ends your second factor") != c.clears {
					t.Errorf("the page warns: %v", !c.clears)
				}
				if c.p.Status() != core.MFAEnabled {
					t.Error("looking at the link cleared it")
				}
				a := r.Post(link, "new_password", another)
				if in := a.In(); in != (c.then == "in") || !in && step(a) != c.then {
					t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
				}
				if c.p.Status() != c.status || inside.Inside() {
					t.Errorf("status %s, the other session ended %v", c.p.Status(), !inside.Inside())
				}
				if n := c.p.Names()["user.mfa.reset"]; (n == 1) != c.clears {
					t.Errorf("%d rows", n)
				}
				if !c.clears {
					return
				}
				h.Mail(c.p.Login, "ended with the old password")
				for _, f := range c.p.History() {
					if f.State != core.FactorRevoked || len(f.Secret) > 0 {
						t.Errorf("%s is %s, with a secret: %v", f.Kind, f.State, len(f.Secret) > 0)
					}
				}
				if c.then == "in" {
					if s := c.p.Sessions()[0]; s.Level != core.LevelPassword {
						t.Errorf("a session of level %q: the mailbox is no second factor", s.Level)
					}
					return
				}
				// The link showed the mailbox; nothing else is reachable until the new factor is there.
				if r.Inside() {
					t.Error("the mailbox alone is in")
				}
				if a = r.Post(a.Location, "go", "enrol"); step(a) != "enrol-totp" {
					t.Fatalf("enrol leads to %q", a.Location)
				}
				c.p.Key = r.Get(a.Location).Of("data-setup-key")
				if a = r.Post(a.Location, "code", c.p.Code()); !a.In() || a.Location != "/account/" {
					t.Errorf("the new app leads to %q, fault %q", a.Location, a.Fault())
				}
			})
		}
	})
}
