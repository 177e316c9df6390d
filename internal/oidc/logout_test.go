package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/house"
)

const bye = "https://app.example.org/bye"

// L-01, L-02: an app that shows the ID token of this very session signs out at once;
// everything else asks the person, and nobody is sent to where the app did not register.
func TestLogoutL01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, c := inside(t, h, nil)
		other := newApp(t, h, c.app.Tenant, nil)
		got := c.good(c.exchange(c.code(in)))
		hint := got.str("id_token")
		old := h.Raw("")
		p.Enter(old)
		foreign := c.good(c.exchange(c.code(old))).str("id_token")
		out := func(pairs ...string) string {
			q := url.Values{}
			for i := 0; i+1 < len(pairs); i += 2 {
				q.Set(pairs[i], pairs[i+1])
			}
			return "/oauth2/logout?" + q.Encode()
		}
		for what, at := range map[string]string{
			"no hint":                     out(),
			"an app's word":               out("client_id", string(c.app.ID), "post_logout_redirect_uri", bye),
			"another session's ID token":  out("id_token_hint", foreign, "post_logout_redirect_uri", bye),
			"something that is no token":  out("id_token_hint", "x.y.z"),
			"an access token":             out("id_token_hint", got.str("access_token")),
			"an app that is not known":    out("client_id", "ap_never"),
			"a hint that was cut a bit":   out("id_token_hint", hint[:len(hint)-2]),
			"a hint and no way back, old": out("id_token_hint", foreign),
		} {
			a := in.Get(at)
			if a.Page() != "sign-out" || a.Status != http.StatusOK || !in.Inside() {
				t.Errorf("%s: page %q, status %d, to %q", what, a.Page(), a.Status, a.Location)
			}
		}
		for what, at := range map[string]string{
			"an address of nobody":   out("post_logout_redirect_uri", bye),
			"an added query":         out("id_token_hint", hint, "post_logout_redirect_uri", bye+"?x=1"),
			"another address":        out("id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/"),
			"the way of the sign-in": out("id_token_hint", hint, "post_logout_redirect_uri", callback),
			"another app's word":     out("id_token_hint", hint, "client_id", string(other.app.ID), "post_logout_redirect_uri", bye),
		} {
			a := in.Get(at)
			if a.Page() != "error" || a.Location != "" || !in.Inside() {
				t.Errorf("%s: page %q, to %q", what, a.Page(), a.Location)
			}
		}

		// The person confirms, in a form of ours.
		page := in.Get(out("client_id", string(c.app.ID), "post_logout_redirect_uri", bye, "state", "s 1"))
		if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example.org;") || !strings.Contains(page.Text(), "Ledger") {
			t.Errorf("the page: %s, %s", csp, page.Text())
		}
		evil := in.Clone()
		evil.Header.Set("Origin", "https://evil.example")
		if a := evil.Post("/oauth2/logout/confirm", "request", page.Hidden("request"), "go", "yes"); a.Status != http.StatusForbidden || !in.Inside() {
			t.Errorf("another site confirms: %d", a.Status)
		}
		if a := in.Post("/oauth2/logout/confirm", "request", page.Hidden("request"), "go", "yes"); a.Location != bye+"?state=s+1" {
			t.Errorf("confirmed: %d to %q", a.Status, a.Location)
		}
		if in.Inside() || c.active(got.str("refresh_token")) {
			t.Error("still signed in, or its tokens live")
		}
		if a := in.Get(out("post_logout_redirect_uri", bye, "client_id", string(c.app.ID))); a.Location != "/signed-out" {
			t.Errorf("nobody signed in and no hint: to %q", a.Location)
		}

		// An ID token that is long over still says which session it was.
		h.Clock.Advance(30 * time.Minute)
		fresh := c.good(c.refresh(c.good(c.exchange(c.code(old))).str("refresh_token"))).str("id_token")
		h.Clock.Advance(20 * time.Minute)
		app := h.Raw("")
		app.Header.Set("Origin", "https://app.example.org")
		a := app.Post("/oauth2/logout", "id_token_hint", fresh, "post_logout_redirect_uri", bye, "state", "s2")
		if !strings.HasPrefix(a.Location, "/oauth2/logout?") {
			t.Fatalf("as a form: %d to %q", a.Status, a.Location)
		}
		if a := old.Get(a.Location); a.Location != bye+"?state=s2" || old.Inside() {
			t.Errorf("with a hint: %d to %q", a.Status, a.Location)
		}
		if a := old.Get(out("id_token_hint", fresh, "post_logout_redirect_uri", bye)); a.Location != bye {
			t.Errorf("again: %d to %q", a.Status, a.Location)
		}
	})
}
