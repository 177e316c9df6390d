package directory_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// A dry run of any journey refuses what the journey would, and leaves nothing: no
// change, no event, no mail.
func TestDryRuns(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx, dry := t.Context(), h.Directory.Dry()
		anna := h.Enrolled(b.unit, "anna@huber.example")
		op := h.Enrolled(h.Root, "op@platform.example", core.PlatformAdmin)
		admin := h.Actor(b.admin)
		seq := func() (n int64) {
			all, err := h.Store.EventsAfter(ctx, 0, 10_000)
			if err != nil || len(all) == 0 {
				t.Fatal(err)
			}
			return all[len(all)-1].Seq
		}
		before, mails := seq(), len(h.Mails(anna.Login))
		for name, run := range map[string]func() error{
			"disable": func() error { return dry.Disable(ctx, anna.ID, admin, core.Client{}) },
			"delete":  func() error { _, err := dry.Delete(ctx, anna.ID, admin, core.Client{}); return err },
			"grant":   func() error { return dry.GrantRole(ctx, anna.ID, core.Helpdesk, b.customer.ID, admin, core.Client{}) },
			"rename": func() error {
				_, err := dry.RenameTenant(ctx, b.customer.ID, "Other", access.System(), core.Client{})
				return err
			},
			"suspend": func() error { _, err := dry.Suspend(ctx, b.customer.ID, access.System(), core.Client{}); return err },
			"switch": func() error {
				_, err := h.Rollout.Dry().Enable(ctx, b.customer.ID, []core.Requirement{core.RequireOrganization}, admin, core.Client{})
				return err
			},
			"off": func() error {
				_, err := h.Rollout.Dry().Disable(ctx, b.customer.ID, "Huber", h.Proven(b.admin), core.Client{})
				return err
			},
			"reset": func() error {
				_, err := h.Recovery.Dry().ResetMFA(ctx, anna.ID, h.Proven(b.admin), core.Client{})
				return err
			},
			"close": func() error {
				_, err := h.Support.Dry().SetAccess(ctx, b.customer.ID, false, admin, core.Client{})
				return err
			},
		} {
			if err := run(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, c := range map[string]struct {
			err  error
			want string
		}{
			"disable the last administrator": {dry.Disable(ctx, op.ID, access.System(), core.Client{}), "user.last_administrator"},
			"their role":                     {dry.RevokeRole(ctx, op.ID, core.PlatformAdmin, h.Root.ID, access.System(), core.Client{}), "user.last_administrator"},
			"a role that is more":            {dry.GrantRole(ctx, anna.ID, core.PlatformAdmin, h.Root.ID, admin, core.Client{}), "not_found"},
		} {
			if code(c.err) != c.want {
				t.Errorf("%s: %v", name, c.err)
			}
		}
		if after := seq(); after != before || len(h.Mails(anna.Login)) != mails {
			t.Errorf("events from %d to %d, mails from %d to %d", before, after, mails, len(h.Mails(anna.Login)))
		}
		if anna.User().State != core.UserActive || len(anna.Factors()) != 2 || tenantOf(h, b.customer.ID).State != core.TenantActive {
			t.Error("something was done")
		}
		if waiting, err := h.Rollout.Waiting(ctx); waiting || err != nil {
			t.Error(waiting, err)
		}
		h.View(b.customer.ID, func(r store.Reader) error {
			if n, err := r.Counts(); n[core.StandingEnrolled] != 2 || err != nil {
				t.Errorf("%v, %v", n, err)
			}
			return nil
		})
	})
}
