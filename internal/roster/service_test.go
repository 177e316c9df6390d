package roster_test

import (
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/roster"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// A list brings service accounts with who answers for each and why, and refuses one
// without; nobody answers who is not here, and what is there already stays as it is.
func TestServiceAccountsComeWithOwnerAndReason(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		owner := h.Person(org, "tom@huber.example")
		h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Closed", Settings: core.SettingsDoc(`{"service_accounts_at":["unit"]}`)})
		job := func(login string, change func(*roster.Row)) roster.Row {
			r := roster.Row{Tenant: "Huber", Kind: "service_account", Login: login, Owner: owner.Login, Reason: "nightly backup"}
			if change != nil {
				change(&r)
			}
			return r
		}
		rows := []roster.Row{
			0: job("job0", func(r *roster.Row) { r.ExpiresAt, r.Networks = "2027-01-31", "192.0.2.7, 198.51.100.0/24" }),
			1: job("job1", func(r *roster.Row) { r.Owner = "" }),
			2: job("job2", func(r *roster.Row) { r.Reason = " " }),
			3: job("job3", func(r *roster.Row) { r.Owner = "nobody@huber.example" }),
			4: job("job4", func(r *roster.Row) { r.ExpiresAt = "soon" }),
			5: job("job5", func(r *roster.Row) { r.ExpiresAt = "2001-01-01" }),
			6: job("job6", func(r *roster.Row) { r.Networks = "everywhere" }),
			7: job("job7", func(r *roster.Row) { r.Tenant = "Closed" }),
			8: job("job8", func(r *roster.Row) { r.Status = "invited" }),
			9: job("job0", func(r *roster.Row) { r.Owner = "" }), // is there already
		}
		want := map[int]string{1: "import.service_account", 2: "import.service_account", 3: "service.owner_unknown", 4: "import.expires_at", 5: "service.expired",
			6: "service.network_invalid", 7: "service.not_here", 8: "service.pending"}
		for _, dry := range []bool{true, false} {
			out := bring(h, roster.Options{DryRun: dry}, rows...)
			got := faults(out)
			for i := range rows {
				if got[i] != want[i] {
					t.Errorf("dry run %v: row %d is %q, want %q", dry, i, got[i], want[i])
				}
			}
			if out.Created != 1 || out.Existing != 1 {
				t.Errorf("dry run %v: %d came, %d were there", dry, out.Created, out.Existing)
			}
		}
		u, err := h.Directory.FindUser(t.Context(), "job0")
		if err != nil || u.Kind != core.ServiceAccount {
			t.Fatalf("%+v, %v", u, err)
		}
		h.View(org.ID, func(r store.Reader) error {
			s, err := r.Service(u.ID)
			if err != nil {
				return err
			}
			if s.Owner != owner.ID || s.Reason != "nightly backup" || len(s.Networks) != 2 || s.Networks[0] != "192.0.2.7/32" || !s.ExpiresAt.Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("kept %+v", s)
			}
			return nil
		})
	})
}
