package oidc_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// WBX-14: how long tokens live is the organisation's to say, by the kind of app; an app
// may say less for itself, a lock from above cuts both, and what is made shorter holds
// for what is out.
func TestTokenLivesWBX14(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Nordwind"})
		org := h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Huber", Parent: partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
		p := h.Enrolled(org, "anna@example.com")
		in := h.Raw("")
		p.Enter(in)
		server := newApp(t, h, h.Root.ID, nil)
		public := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { d.Auth = core.AppPublic })
		long := newApp(t, h, h.Root.ID, func(d *core.AppDoc) {
			d.AccessLife, d.RefreshLife = core.Duration(2*time.Hour), core.Duration(60*24*time.Hour)
		})
		lives := func(what string, c *client, access time.Duration) string {
			t.Helper()
			r := c.good(c.exchange(c.code(in)))
			if got := time.Duration(r.Body["expires_in"].(float64)) * time.Second; got != access {
				t.Errorf("%s: the access token lives %s, not %s", what, got, access)
			}
			return r.str("refresh_token")
		}
		lives("by default", server, 5*time.Minute)
		lives("as the app says", long, 2*time.Hour)
		h.Settings(org.ID, `{"tokens":{"server":{"access":"10m","refresh":"2d"},"public":{"access":"2m","refresh":"1d"}}}`)
		lives("as the organisation says", server, 10*time.Minute)
		lives("of a public app", public, 2*time.Minute)
		if _, err := h.Directory.SetLocks(t.Context(), partner.ID, core.SettingsDoc(`{"tokens":{"server":{"access":"9m","refresh":"2d"}}}`), access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		lives("under a lock", server, 9*time.Minute)
		cut := lives("of an app that says more", long, 9*time.Minute)
		h.Clock.Advance(20 * time.Hour)
		cut = long.good(long.refresh(cut)).str("refresh_token")
		h.Settings(org.ID, `{"tokens":{"server":{"access":"9m","refresh":"10h"}}}`)
		long.refused("made shorter since", long.refresh(cut), http.StatusBadRequest, "invalid_grant")
		if long.active(cut) {
			t.Error("a refresh token that is refused is active")
		}
	})
}
