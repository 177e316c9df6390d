package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// A client library that nobody here wrote goes the whole way: discovery, code with
// PKCE through the sign-in pages, the ID token with its hash, userinfo, refresh, and
// a token of the app's own. It checks signatures and names as its authors think right
// (rows C-03, C-06, O-12, O-13, O-15).
func TestAClientOfOthersGoesTheWholeWay(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Judge", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		for _, c := range []struct {
			name string
			doc  func(*core.AppDoc)
		}{
			{"a server", func(d *core.AppDoc) {
				d.Grants = []string{core.GrantCode, core.GrantRefresh, core.GrantClient}
				d.Scopes = []string{"read"}
			}},
			{"a page", func(d *core.AppDoc) { d.Auth, d.Alg = core.AppPublic, core.AlgEdDSA }},
			{"an old server", func(d *core.AppDoc) { d.Alg, d.NoPKCE = core.AlgRS256, true }},
		} {
			t.Run(c.name, func(t *testing.T) { judge(t, h, org, p, newApp(t, h, org.ID, c.doc)) })
		}
	})
}

func judge(t *testing.T, h *house.House, org core.Tenant, p *house.Person, c *client) {
	ctx := oidc.ClientContext(context.Background(), http.DefaultClient)
	provider, err := oidc.NewProvider(ctx, h.URL)
	if err != nil {
		t.Fatal(err)
	}
	conf := oauth2.Config{ClientID: string(c.app.ID), ClientSecret: c.secret, Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: []string{"openid", "profile", "email", "offline_access"}}
	nonce := strings.Repeat("n", 2000)
	secret := oauth2.GenerateVerifier()
	at := conf.AuthCodeURL("state of mine", oauth2.S256ChallengeOption(secret), oidc.Nonce(nonce), oauth2.SetAuthURLParam("login_hint", p.Login), oauth2.SetAuthURLParam("ui_locales", "fr sv"))

	// The browser's part: to the door and back.
	r := h.Raw("")
	r.Header.Set("Accept-Language", "")
	a := r.Follow(r.Get(strings.TrimPrefix(at, h.URL)))
	if a.Page() != "sign-in" || !strings.Contains(a.Body, `value="`+p.Login+`"`) || !strings.Contains(a.Body, `lang="fr"`) {
		t.Fatalf("the door: page %q, language or login hint not taken", a.Page())
	}
	if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example.org;") {
		t.Errorf("the door's policy: %s", csp)
	}
	a = r.Post("/sign-in", "login", p.Login, "password", p.Password, "return_to", a.Hidden("return_to"))
	page := r.Get(a.Location)
	if csp := page.Header.Get("Content-Security-Policy"); page.Page() != "code" || !strings.Contains(csp, "https://app.example.org") {
		t.Errorf("page %q, policy: %s", page.Page(), csp)
	}
	a = r.Post(a.Location, "code", p.Fresh())
	for a.Status == http.StatusSeeOther && strings.HasPrefix(a.Location, "/") {
		a = r.Get(a.Location)
	}
	q := c.back(a)
	if q.Get("state") != "state of mine" {
		t.Errorf("state %q", q.Get("state"))
	}

	token, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(secret))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: string(c.app.ID), Now: h.Clock.Now, SupportedSigningAlgs: []string{c.app.SignedWith()}}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	var got struct {
		ACR      string   `json:"acr"`
		AMR      []string `json:"amr"`
		AuthTime int64    `json:"auth_time"`
		TenantID string   `json:"tenant_id"`
		Tenant   string   `json:"tenant"`
	}
	if err := id.Claims(&got); err != nil {
		t.Fatal(err)
	}
	if id.Subject != string(p.ID) || id.Nonce != nonce || got.ACR != "urn:sallyport:mfa" || strings.Join(got.AMR, " ") != "pwd otp mfa" || got.TenantID != string(org.ID) || got.Tenant != org.Name || got.AuthTime == 0 {
		t.Errorf("the ID token says %+v of %s", got, id.Subject)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != id.Subject || info.Email != p.Login || !info.EmailVerified {
		t.Errorf("userinfo: %+v, %v", info, err)
	}

	// A refresh that is used makes the next; the time of the sign-in stays (row C-02).
	h.Clock.Advance(10 * time.Second)
	old := *token
	old.Expiry = old.Expiry.AddDate(-1, 0, 0)
	next, err := conf.TokenSource(ctx, &old).Token()
	if err != nil || next.RefreshToken == token.RefreshToken || next.AccessToken == token.AccessToken {
		t.Fatalf("refresh: %v", err)
	}
	raw, _ = next.Extra("id_token").(string)
	if again := claims(t, raw); again["auth_time"].(float64) != float64(got.AuthTime) || again["nonce"] != nil {
		t.Errorf("a refreshed ID token: %v", again)
	}
	if !c.app.May(core.GrantClient) {
		return
	}
	own, err := (&clientcredentials.Config{ClientID: string(c.app.ID), ClientSecret: c.secret, TokenURL: provider.Endpoint().TokenURL, Scopes: []string{"read"},
		EndpointParams: url.Values{}}).Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if of := claims(t, own.AccessToken); of["sub"] != string(c.app.ID) || of["client_id"] != string(c.app.ID) || of["aud"] != h.URL || of["scope"] != "read" {
		t.Errorf("a token of its own: %v", of)
	}
}
