package oidc_test

import (
	"net/http"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// Interfaces: a person's token opens our API only when it was made for it, through an
// app that an administrator let call it, and not before a setup that is due (rows O-13,
// ACR-33). What the app loses, its tokens lose.
func TestPeoplesTokensForOurAPI(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		api := h.URL + "/api/v1"
		org := h.Organisation("Huber", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		in := h.Raw("")
		p.Enter(in)
		plain := newApp(t, h, org.ID, func(d *core.AppDoc) { d.Resources = []string{api} })
		if q := plain.back(in.Get(plain.ask("resource", api))); q.Get("error") != "invalid_target" {
			t.Errorf("an app that nobody let: %v", q)
		}
		c := newApp(t, h, org.ID, func(d *core.AppDoc) { d.API = true })
		me := func(token string) int {
			req, err := http.NewRequest(http.MethodGet, api+"/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			r := do(t, req, http.Header{"Authorization": {"Bearer " + token}})
			if r.Status == http.StatusOK && (r.str("kind") != "person" || r.str("login") != p.Login || r.str("app") != string(c.app.ID) || r.str("level") != "mfa") {
				t.Errorf("%s", r.Raw)
			}
			if r.Status != http.StatusOK && r.str("code") != "token.invalid" {
				t.Errorf("%s", r.Raw)
			}
			return r.Status
		}
		other := c.good(c.exchange(c.code(in)))
		if got := me(other.str("access_token")); got != http.StatusUnauthorized {
			t.Errorf("a token for something else: %d", got)
		}
		got := c.good(c.exchange(c.code(in, "resource", api)))
		if s := me(got.str("access_token")); s != http.StatusOK {
			t.Fatalf("status %d", s)
		}
		if s := me(got.str("id_token")); s != http.StatusUnauthorized {
			t.Errorf("an ID token: %d", s)
		}
		if s := me(got.str("refresh_token")); s != http.StatusUnauthorized {
			t.Errorf("a refresh token: %d", s)
		}
		c.change(func(d *core.AppDoc) { d.API = false })
		h.Settle()
		if s := me(got.str("access_token")); s != http.StatusUnauthorized {
			t.Errorf("the app may not any more: %d", s)
		}
		c.refused("a refresh", c.refresh(got.str("refresh_token")), http.StatusBadRequest, "invalid_target")
		// Who owes a second factor gets no token before it is there.
		c.change(func(d *core.AppDoc) { d.API = true })
		due := h.Organisation("Due", "self-service", `{"new_user_window":{"days":0}}`)
		wide := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { d.API = true })
		owing := h.Person(due, "owing@example.com")
		raw := h.Raw("")
		owing.Enter(raw)
		h.Settings(due.ID, `{"required_level":"mfa"}`)
		if a := raw.Get(wide.ask("resource", api)); a.Status == http.StatusSeeOther && len(a.Location) > 0 && a.Location[:len("https://app")] == "https://app" {
			if q := wide.back(a); q.Get("code") != "" {
				t.Error("a code while setup is due")
			}
		}
	})
}

// D-01: a token of an API client that is bound to a key opens our API with a proof of
// that key only, for that request only, and once.
func TestBoundTokensAtOurAPI(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		owner := h.Enrolled(org, "owner@example.com", core.CustomerAdmin)
		a, secret, err := h.Directory.CreateClient(t.Context(), org.ID, directory.ClientWish{Name: "Sync", Owner: owner.ID}, access.Shell(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		key, stranger := newProver(t, h), newProver(t, h)
		header := http.Header{"Dpop": {key.proof(http.MethodPost, "/oauth2/token", "", nil)}}
		r := send(t, h, "/oauth2/token", header, "grant_type", "client_credentials", "client_id", string(a.ID), "client_secret", secret)
		if r.Status != http.StatusOK || r.str("token_type") != "DPoP" {
			t.Fatalf("status %d: %s", r.Status, r.Raw)
		}
		tok := r.str("access_token")
		me := func(scheme, proof string) int {
			req, err := http.NewRequest(http.MethodGet, h.URL+"/api/v1/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			with := http.Header{"Authorization": {scheme + " " + tok}}
			if proof != "" {
				with["Dpop"] = []string{proof}
			}
			return do(t, req, with).Status
		}
		proof := key.proof(http.MethodGet, "/api/v1/me", tok, nil)
		if got := me("DPoP", proof); got != http.StatusOK {
			t.Errorf("with its proof: %d", got)
		}
		for what, got := range map[string]int{"a proof twice": me("DPoP", proof), "no proof": me("DPoP", ""), "as a plain token": me("Bearer", key.proof(http.MethodGet, "/api/v1/me", tok, nil)),
			"another key": me("DPoP", stranger.proof(http.MethodGet, "/api/v1/me", tok, nil)), "for another request": me("DPoP", key.proof(http.MethodPost, "/api/v1/me", tok, nil)),
			"for no token": me("DPoP", key.proof(http.MethodGet, "/api/v1/me", "", nil))} {
			if got != http.StatusUnauthorized {
				t.Errorf("%s: %d", what, got)
			}
		}
		// What is revoked opens nothing here, at once (row B-41).
		if r := send(t, h, "/oauth2/revoke", nil, "client_id", string(a.ID), "client_secret", secret, "token", tok); r.Status != http.StatusOK {
			t.Fatalf("status %d: %s", r.Status, r.Raw)
		}
		if got := me("DPoP", key.proof(http.MethodGet, "/api/v1/me", tok, nil)); got != http.StatusUnauthorized {
			t.Errorf("revoked: %d", got)
		}
	})
}
