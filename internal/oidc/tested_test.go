package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// An administrator tries an app from its page: a real sign-in that leads back to us and
// leaves nothing. The address that it leads back to is nobody's to send people to.
func TestTryingAnApp(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Tried", "self-service", "")
		c := newApp(t, h, org.ID, func(d *core.AppDoc) { d.Scopes = []string{"ledger:read"} })
		boss, other := h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "other@example.com", core.CustomerAdmin)
		in := h.Raw("")
		boss.Enter(in)
		test := "/admin/apps/" + string(c.app.ID) + "/test"

		follow := func(a house.Answer) house.Answer {
			t.Helper()
			for range 6 {
				if a.Status != http.StatusSeeOther || strings.HasPrefix(a.Location, test+"?") {
					return a
				}
				a = in.Get(a.Location)
			}
			t.Fatal("it goes round")
			return a
		}
		at := follow(in.Post(test))
		if !strings.HasPrefix(at.Location, test+"?code=") {
			t.Fatalf("it leads to %q (%d, %q)", at.Location, at.Status, at.Fault())
		}
		q, err := url.Parse(at.Location)
		if err != nil {
			t.Fatal(err)
		}
		code := q.Query().Get("code")
		// The code is worth nothing to whoever has it, the app's secret included.
		c.refused("the code of a test", c.exchange(code, "redirect_uri", test), http.StatusBadRequest, "invalid_grant")

		// Nor is the way back anybody else's.
		stranger := h.Raw("192.0.2.77")
		other.Enter(stranger)
		if a := stranger.Get(at.Location); a.Status != http.StatusConflict || a.Fault() != "app.request_expired" {
			t.Errorf("another administrator: %d %q", a.Status, a.Fault())
		}
		page := in.Get(at.Location)
		if page.Status != http.StatusOK || page.Page() != "app-test" {
			t.Fatalf("the page: %d %q %q", page.Status, page.Page(), page.Fault())
		}
		for _, says := range []string{"urn:sallyport:mfa", "boss@example.com", string(c.app.ID), "auth_time"} {
			if !strings.Contains(page.Body, says) {
				t.Errorf("the page does not say %s", says)
			}
		}
		if strings.Contains(page.Body, "eyJ") || strings.Contains(page.Body, code) {
			t.Error("the page holds a token or the code")
		}
		if a := in.Get(at.Location); a.Status != http.StatusConflict || a.Fault() != "app.request_expired" {
			t.Errorf("a second look: %d %q", a.Status, a.Fault())
		}
		h.View(org.ID, func(r store.Reader) error {
			live, err := r.Families(boss.ID)
			if err != nil || len(live) != 0 {
				t.Errorf("%d sign-ins are left, %v", len(live), err)
			}
			if all, err := r.Connections(boss.ID); err != nil || len(all) != 0 {
				t.Errorf("trying it out connected it: %v, %v", all, err)
			}
			return nil
		})
		if n := boss.Names()["app.tested"]; n != 1 {
			t.Errorf("%d rows say that it was tried", n)
		}

		// Nobody else can send somebody there, and the address is no registered one.
		for _, uri := range []string{test, h.URL + test} {
			if a := in.Get(c.ask("redirect_uri", uri)); a.Fault() != "app.unknown" {
				t.Errorf("asked from outside for %s: %d %q to %q", uri, a.Status, a.Fault(), a.Location)
			}
		}
		// What an address claims of an error is not shown as ours.
		if a := in.Get(test + "?error=pwned&state=x"); a.Fault() != "app.request_expired" {
			t.Errorf("an error that nobody sent: %d %q", a.Status, a.Fault())
		}

		// A new sign-in is one: the door stands in between.
		a := in.Post(test, "anew", "yes")
		for a.Status == http.StatusSeeOther && strings.HasPrefix(a.Location, "/oauth2/") {
			a = in.Get(a.Location)
		}
		if !strings.HasPrefix(a.Location, "/sign-in?") {
			t.Errorf("a new sign-in begins at %q", a.Location)
		}
		// An app that is stopped cannot be tried.
		if _, err := h.Directory.SwitchApp(t.Context(), c.app.ID, false, h.Proven(boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if a := in.Post(test); a.Status != http.StatusNotFound {
			t.Errorf("a stopped app: %d", a.Status)
		}
	})
}
