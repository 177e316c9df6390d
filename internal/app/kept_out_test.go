package app_test

import (
	"errors"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// B-40, B-35, N-34: whoever was disabled or deleted, or whose organisation or one
// above it was suspended or deleted, gets in by none of the ways that were open a
// moment ago; and what was only put on hold opens again.
func TestNoWayInIsLeftB40(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx, sys := t.Context(), access.System()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
		var owner core.UserID
		for name, take := range map[string]func(org core.Tenant, p *house.Person) error{
			"disabled": func(_ core.Tenant, p *house.Person) error { return h.Directory.Disable(ctx, p.ID, sys, core.Client{}) },
			"deleted": func(_ core.Tenant, p *house.Person) error {
				_, err := h.Directory.Delete(ctx, p.ID, sys, core.Client{})
				return err
			},
			"a service account": func(_ core.Tenant, p *house.Person) error {
				_, err := h.Directory.MarkService(ctx, p.ID, directory.ServiceFacts{Reason: "a printer", Owner: owner}, sys, core.Client{})
				return err
			},
			"its tenant suspended": func(org core.Tenant, _ *house.Person) error {
				_, err := h.Directory.Suspend(ctx, org.ID, sys, core.Client{})
				return err
			},
			"one above suspended": func(core.Tenant, *house.Person) error {
				_, err := h.Directory.Suspend(ctx, partner.ID, sys, core.Client{})
				return err
			},
			"its tenant deleted": func(org core.Tenant, _ *house.Person) error {
				_, err := h.Directory.DeleteTenant(ctx, org.ID, org.Name, sys, core.Client{})
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Customer", Parent: partner.ID,
					Settings: core.SettingsDoc(`{"requirement":["per_user"],"service_accounts_at":["customer","unit"]}`)})
				word := string(org.ID)[3:]
				owner = h.Enrolled(org, "other-"+word+"@example.com", core.CustomerAdmin).ID
				p := h.Enrolled(org, "p-"+word+"@example.com")
				_, invitation := h.Invite(org, "new-"+word+"@example.com")
				session := h.Raw("192.0.2.7")
				p.Enter(session)
				attempt := h.Raw("192.0.2.8")
				code := p.Attempt(attempt)
				must(t, h.Recovery.Ask(ctx, p.Login, core.Client{}))
				reset := h.Link(p.Login, "/reset/")
				operator, _, err := h.Recovery.AdminLink(ctx, p.ID, access.Shell(), core.Client{})
				must(t, err)
				address := "moved-" + word + "@example.com"
				_, err = h.Directory.ChangeUser(ctx, p.ID, directory.Change{Email: &address}, sys, core.Client{})
				must(t, err)
				email := h.Link(address, "/email/")
				was := p.User()

				must(t, take(org, p))
				h.Settle()
				if session.Inside() {
					t.Error("the session goes on")
				}
				if a := attempt.Post(code, "code", p.Fresh()); a.In() {
					t.Error("the attempt got in")
				}
				for way, path := range map[string]string{"reset": reset, "the operator's link": operator} {
					if a := h.Raw("").Post(path, "new_password", "Another long pass phrase"); a.In() || a.Status == 303 && a.Fault() == "" && a.Location != "/sign-in" {
						t.Errorf("%s: status %d, to %q", way, a.Status, a.Location)
					}
				}
				h.Raw("").Post(email)
				if u, err := h.Store.FindUser(ctx, p.ID); err != nil && !errors.Is(err, core.ErrNotFound) || u.Email != was.Email {
					t.Errorf("the address moved: %q, %v", u.Email, err)
				}
				personal := name == "disabled" || name == "deleted" || name == "a service account"
				if a := h.Raw("").Post(invitation, "new_password", house.Password); a.In() != personal {
					t.Errorf("the invitation of somebody else: in %v, fault %q", a.In(), a.Fault())
				}
				if a := p.Knock(h.Raw("192.0.2.9")); a.In() || a.Location != "" {
					t.Errorf("the door: to %q", a.Location)
				} else if suspended := name == "its tenant suspended" || name == "one above suspended"; (a.Fault() == core.ErrTenantSuspended.Code) != suspended || !suspended && a.Fault() != core.ErrRefused.Code {
					t.Errorf("the door says %q", a.Fault())
				}
				if n := len(p.In(h).Sessions()); personal && n != 0 {
					t.Errorf("%d sessions", n)
				}
				if name == "one above suspended" {
					_, err := h.Directory.Resume(ctx, partner.ID, sys, core.Client{})
					must(t, err)
					h.Settle()
					if !session.Inside() {
						t.Error("what was on hold is gone")
					}
				}
			})
		}
	})
}
