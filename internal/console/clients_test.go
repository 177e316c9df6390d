package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Row ACR-22 on the page: a client is made with what was ticked and its secret shown
// once; it is stopped, let go on, given a new secret and deleted; and it takes a service
// account's place.
func TestAPIClientsOnThePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "managed-tenants", "")
		owner := h.Enrolled(org, "owner@example.com", core.CustomerAdmin)
		svc := h.Person(org, "backup@example.com", core.Auditor)
		h.Change(org.ID, func(tx store.Tx) error {
			u, err := tx.User(svc.ID)
			if err != nil {
				return err
			}
			u.Kind = core.ServiceAccount
			if err := tx.UpdateUser(u); err != nil {
				return err
			}
			if err := tx.SaveService(core.Service{User: u.ID, Owner: owner.ID, Reason: "backups", CreatedAt: tx.Now()}); err != nil {
				return err
			}
			return tx.Changed(core.ChangeUser, string(u.ID))
		})
		h.Settle()
		raw := h.Raw("")
		owner.Enter(raw)
		list := "/admin/tenants/" + string(org.ID) + "/api-clients"
		if a := raw.Get(list); a.Page() != "api-clients" || !strings.Contains(a.Text(), "No API clients") {
			t.Fatalf("an empty list: %q %s", a.Page(), a.Text())
		}
		shown := regexp.MustCompile(`data-client-secret[^>]*>([A-Za-z0-9_-]{43})<`)
		id := regexp.MustCompile(`ap_[0-9a-z]+`)
		for name, fields := range map[string][]string{
			"nothing ticked":                  {"name", "Report"},
			"a right that no client can have": {"name", "Report", "right", "people.reset_mfa"},
			"an unknown right":                {"name", "Report", "right", "all"},
			"a bad day":                       {"name", "Report", "right", "people.view", "expires", "2027-02-30"},
			"no name":                         {"name", "", "right", "people.view"},
		} {
			if a := raw.Post(list+"/new", fields...); a.Page() != "api-client-form" || a.Fault() == "" {
				t.Errorf("%s: status %d, page %q", name, a.Status, a.Page())
			}
		}
		a := raw.Post(list+"/new", "name", "Report", "right", "people.view", "right", "audit.view", "networks", "192.0.2.0/24")
		secret := shown.FindStringSubmatch(a.Body)
		if a.Status != http.StatusOK || a.Page() != "api-client-secret" || secret == nil {
			t.Fatalf("status %d, page %q, fault %q: %s", a.Status, a.Page(), a.Fault(), a.Text())
		}
		client := id.FindString(a.Body)
		one := list + "/" + client
		if a := raw.Get(one); a.Page() != "api-client" || strings.Contains(a.Body, secret[1]) || !strings.Contains(a.Text(), "192.0.2.0/24") || !strings.Contains(a.Text(), "reads only") {
			t.Errorf("page %q: %s", a.Page(), a.Text())
		}
		if a := raw.Post(one+"/change", "name", "Report", "right", "people.view", "write", "yes", "version", "7"); a.Fault() != "form.stale" {
			t.Errorf("somebody else changed it: status %d, fault %q", a.Status, a.Fault())
		}
		if a := raw.Post(one+"/change", "name", "Weekly", "right", "people.view", "write", "yes", "version", "0"); a.Status != http.StatusSeeOther {
			t.Errorf("status %d, fault %q", a.Status, a.Fault())
		}
		if a := raw.Get(one); !strings.Contains(a.Text(), "Weekly") || !strings.Contains(a.Text(), "reads and changes") {
			t.Errorf("%s", a.Text())
		}
		if a := raw.Post(one+"/rotate", "days", "1"); shown.FindStringSubmatch(a.Body) == nil || strings.Contains(a.Body, secret[1]) {
			t.Errorf("a new secret: page %q, fault %q", a.Page(), a.Fault())
		}
		if a := raw.Post(one+"/rotate", "days", "91"); a.Fault() != "app.overlap" {
			t.Errorf("for too long: %q", a.Fault())
		}
		raw.Post(one + "/stop")
		if a := raw.Get(one); !strings.Contains(a.Text(), "Let it go on") {
			t.Errorf("stopped: %s", a.Text())
		}
		raw.Post(one + "/start")
		if a := raw.Post(one + "/delete"); a.Status != http.StatusSeeOther {
			t.Errorf("status %d, fault %q", a.Status, a.Fault())
		}
		if a := raw.Get(one); a.Status != http.StatusNotFound {
			t.Errorf("deleted: status %d", a.Status)
		}
		// The wizard.
		way := list + "/new?service=" + string(svc.ID)
		if a := raw.Get("/admin/users/" + string(svc.ID)); !strings.Contains(a.Body, way) {
			t.Errorf("the account's page does not lead there")
		}
		if a := raw.Get(way); a.Page() != "api-client-form" || !strings.Contains(a.Text(), svc.Login) {
			t.Errorf("page %q: %s", a.Page(), a.Text())
		}
		if a := raw.Post(list+"/new", "name", "Backups", "service", string(svc.ID), "quiet", "1"); a.Fault() != "service.quiet" {
			t.Errorf("too short: %q", a.Fault())
		}
		if a := raw.Post(list+"/new", "name", "Backups", "service", string(owner.ID), "quiet", "30"); a.Status != http.StatusNotFound {
			t.Errorf("a person: status %d, %q", a.Status, a.Fault())
		}
		a = raw.Post(list+"/new", "name", "Backups", "service", string(svc.ID), "quiet", "30")
		if a.Page() != "api-client-secret" {
			t.Fatalf("status %d, page %q, fault %q", a.Status, a.Page(), a.Fault())
		}
		if a := raw.Get("/admin/users/" + string(svc.ID)); !strings.Contains(a.Body, list+"/"+id.FindString(a.Body)) || !strings.Contains(a.Text(), "An API client takes its place") {
			t.Errorf("%s", a.Text())
		}
		// Without a fresh proof nothing is made.
		h.Clock.Advance(6 * 60 * 1e9)
		if a := raw.Post(list+"/new", "name", "Later", "right", "people.view"); a.Fault() != "step_up.required" {
			t.Errorf("an old proof: status %d, %q", a.Status, a.Fault())
		}
	})
}
