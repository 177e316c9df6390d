package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// RFC 9126: a pushed request is for its app, for a moment and for one code; what else
// stands in the address does not count, and what would be refused is refused there.
func TestPushedRequests(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, c := inside(t, h, nil)
		other := newApp(t, h, p.User().Tenant, nil)
		push := func(c *client, pairs ...string) reply {
			t.Helper()
			u, err := url.Parse(c.ask(pairs...))
			if err != nil {
				t.Fatal(err)
			}
			var form []string
			for name, values := range u.Query() {
				if name != "client_id" {
					form = append(form, name, values[0])
				}
			}
			return c.post("/oauth2/par", form...)
		}
		good := push(c, "nonce", "pushed")
		uri := good.str("request_uri")
		if good.Status != http.StatusCreated || good.Body["expires_in"].(float64) != 90 || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") {
			t.Fatalf("pushed: %d %s", good.Status, good.Raw)
		}
		at := func(c *client, uri string) string {
			return "/oauth2/authorize?" + url.Values{"client_id": {string(c.app.ID)}, "request_uri": {uri}, "nonce": {"another"}, "scope": {"openid offline_access"}}.Encode()
		}
		if a := in.Get(at(other, uri)); a.Location != "" || a.Page() != "error" {
			t.Errorf("another app: %d to %q", a.Status, a.Location)
		}
		if a := in.Get(at(c, uri[:len(uri)-3]+"AAA")); a.Location != "" || a.Page() != "error" {
			t.Errorf("a changed one: %d to %q", a.Status, a.Location)
		}
		got := c.good(c.exchange(c.back(in.Get(at(c, uri))).Get("code")))
		if id := claims(t, got.str("id_token")); id["nonce"] != "pushed" || got.str("scope") != "openid profile email" {
			t.Errorf("the address counts: %v, %s", id["nonce"], got.str("scope"))
		}
		if q := c.back(in.Get(at(c, uri))); q.Get("error") != "invalid_request_uri" || q.Get("code") != "" {
			t.Errorf("a second code: %v", q)
		}
		// The door carries it as any other.
		out := h.Raw("")
		a := out.Get(at(c, push(c).str("request_uri")))
		if a = plainSignIn(p, out, out.Get(a.Location)); !strings.HasSuffix(a.Location, "/code") {
			t.Fatalf("to %q", a.Location)
		}
		for a = out.Post(a.Location, "code", p.Fresh()); strings.HasPrefix(a.Location, "/"); {
			a = out.Get(a.Location)
		}
		if c.back(a).Get("code") == "" {
			t.Error("no code")
		}

		late := push(c).str("request_uri")
		h.Clock.Advance(91 * time.Second)
		if a := in.Get(at(c, late)); a.Location != "" || !strings.Contains(a.Body, "app.request_expired") {
			t.Errorf("a late one: %d to %q", a.Status, a.Location)
		}
		if q := c.back(in.Get(at(c, late) + "&redirect_uri=" + url.QueryEscape(callback))); q.Get("error") != "invalid_request_uri" {
			t.Errorf("a late one with its way back: %v", q)
		}
		c.refused("no PKCE", push(c, "code_challenge", "", "code_challenge_method", ""), http.StatusBadRequest, "invalid_request")
		c.refused("another way back", push(c, "redirect_uri", "https://evil.example/"), http.StatusBadRequest, "invalid_request")
		c.refused("a pushed one", push(c, "request_uri", uri), http.StatusBadRequest, "invalid_request")
		c.refused("a token at once", push(c, "response_type", "token"), http.StatusBadRequest, "unsupported_response_type")
		c.secret = "wrong"
		c.refused("somebody else", push(c), http.StatusUnauthorized, "invalid_client")
		public := newApp(t, h, p.User().Tenant, func(d *core.AppDoc) { d.Auth = core.AppPublic })
		if r := push(public); r.Status != http.StatusCreated {
			t.Errorf("an app without a secret: %d", r.Status)
		}
	})
}
