package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/program"
)

// relying is an app on another origin, made of a client library that nobody here
// wrote. It keeps no cookie: each sign-in is followed by its state alone.
type relying struct {
	t        *testing.T
	url      string
	conf     oauth2.Config
	provider *oidc.Provider
	now      func() time.Time

	mu      sync.Mutex
	waiting map[string]string // state to verifier
	token   *oauth2.Token
	raw     string // the ID token
}

func (a *relying) serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		a.page(w, `<p><a id="in" href="/in">in</a> <a id="strict" href="/in?acr=urn:sallyport:mfa&amp;prompt=login">strictly</a></p>`)
	})
	mux.HandleFunc("GET /in", func(w http.ResponseWriter, r *http.Request) {
		state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
		a.mu.Lock()
		a.waiting[state] = verifier
		a.mu.Unlock()
		o := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oidc.Nonce(state)}
		for _, name := range []string{"prompt"} {
			if v := r.URL.Query().Get(name); v != "" {
				o = append(o, oauth2.SetAuthURLParam(name, v))
			}
		}
		if v := r.URL.Query().Get("acr"); v != "" {
			o = append(o, oauth2.SetAuthURLParam("acr_values", v))
		}
		http.Redirect(w, r, a.conf.AuthCodeURL(state, o...), http.StatusFound)
	})
	mux.HandleFunc("GET /cb", a.callback)
	mux.HandleFunc("GET /out", func(w http.ResponseWriter, r *http.Request) {
		var meta struct {
			End string `json:"end_session_endpoint"`
		}
		if err := a.provider.Claims(&meta); err != nil {
			a.t.Error(err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		http.Redirect(w, r, meta.End+"?post_logout_redirect_uri="+a.url+"/bye&state=so-long&id_token_hint="+a.raw, http.StatusFound)
	})
	mux.HandleFunc("GET /bye", func(w http.ResponseWriter, r *http.Request) {
		a.page(w, "<p>bye "+html.EscapeString(r.URL.Query().Get("state"))+"</p>")
	})
	l, err := net.Listen("tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		a.t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	a.t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(l) }()
}

func (a *relying) page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><title>Ledger</title><link rel="icon" href="data:,"></head><body><main data-page="ledger">%s</main></body></html>`, body)
}

func (a *relying) callback(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := r.URL.Query()
	verifier := a.waiting[q.Get("state")]
	if q.Get("error") != "" || verifier == "" {
		a.page(w, "<p>refused: "+html.EscapeString(q.Get("error"))+"</p>")
		return
	}
	if iss := q.Get("iss"); iss != a.provider.Endpoint().AuthURL[:len(iss)] {
		a.t.Errorf("iss is %q", iss)
	}
	delete(a.waiting, q.Get("state"))
	token, err := a.conf.Exchange(r.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		a.t.Errorf("exchange: %v", err)
		return
	}
	a.token = token
	a.raw, _ = token.Extra("id_token").(string)
	id, err := a.provider.VerifierContext(r.Context(), &oidc.Config{ClientID: a.conf.ClientID, Now: a.now}).Verify(r.Context(), a.raw)
	if err != nil || id.Nonce != q.Get("state") {
		a.t.Errorf("the ID token: %v", err)
		return
	}
	info, err := a.provider.UserInfo(r.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		a.t.Errorf("userinfo: %v", err)
		return
	}
	var claims struct {
		ACR    string `json:"acr"`
		Tenant string `json:"tenant"`
	}
	if err := id.Claims(&claims); err != nil {
		a.t.Error(err)
	}
	a.page(w, fmt.Sprintf(`<p id="who">%s</p><p id="acr">%s</p><p id="tenant">%s</p><p><a id="out" href="/out">out</a></p>`,
		html.EscapeString(info.Email), html.EscapeString(claims.ACR), html.EscapeString(claims.Tenant)))
}

// TestAnAppOnAnotherOrigin: Chromium goes from an app on another origin through the
// sign-in and back, which form-action would stop, again without being asked, again at
// a level that was asked for, and out (rows O-04, O-15, C-02, L-01).
func TestAnAppOnAnotherOrigin(t *testing.T) {
	oath := need.Tool(t, "oathtool")
	dir := t.TempDir()
	demo := program.Demo(t, program.Options{}, "--data", dir)
	chromium := browser.Open(t)
	var who person
	for _, p := range people(t, demo) {
		if p.MFAStatus == "enabled" && p.SetupKey != "" && p.Preset == "self-service" && strings.HasPrefix(p.Roles[0], "user") {
			who = p
		}
	}
	if who.Login == "" {
		t.Fatal("the demo has nobody with an app")
	}
	a := &relying{t: t, url: "http://" + program.FreeAddr(t), waiting: map[string]string{}, now: func() time.Time {
		var clock struct {
			Now time.Time `json:"now"`
		}
		demo.GetJSON(t, "/demo/clock", &clock)
		return clock.Now
	}}
	out, said, code := program.Run(t, program.Options{}, "", "app", "create", "--json", "--data", dir, "--name", "Ledger", "--consent", "ask",
		"--redirect-uri", a.url+"/cb", "--logout-uri", a.url+"/bye")
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal([]byte(out), &app); err != nil || code != 0 || app.Secret == "" || app.Issuer != demo.URL {
		t.Fatalf("app create: %d, %v\n%s%s", code, err, out, said)
	}
	var err error
	if a.provider, err = oidc.NewProvider(t.Context(), demo.URL); err != nil {
		t.Fatal(err)
	}
	a.conf = oauth2.Config{ClientID: app.ID, ClientSecret: app.Secret, Endpoint: a.provider.Endpoint(), RedirectURL: a.url + "/cb", Scopes: []string{"openid", "email"}}
	a.serve()

	s := &teller{t: t, demo: demo, who: who, page: chromium.Page(), oath: oath, key: who.SetupKey}
	p := s.page
	p.Language("en")
	p.Goto(a.url)
	p.Press("#in")
	p.Expect("sign-in")
	if !strings.Contains(p.Text("main"), "Ledger") {
		t.Errorf("the door does not say for which app: %s", p.Text("main"))
	}
	p.Accessible()
	p.Fill("#login", who.Login)
	p.Fill("#password", who.Password)
	p.Press("main form button[type=submit]")
	p.Expect("code")
	p.Fill("#code", s.next())
	p.Press("main form button[type=submit]")
	p.Expect("consent")
	p.Accessible()
	p.Press("main form button[value=allow]")
	p.Expect("ledger")
	if p.Text("#who") != who.Email || p.Text("#acr") != "urn:sallyport:mfa" || p.Text("#tenant") == "" {
		t.Errorf("the app knows %q at %q of %q", p.Text("#who"), p.Text("#acr"), p.Text("#tenant"))
	}

	// Signed in already, and allowed: no page of ours is seen.
	p.Goto(a.url)
	p.Press("#in")
	p.Expect("ledger")
	if p.Text("#who") != who.Email {
		t.Error("the second time nobody is in")
	}
	// Asked anew because the app wants that, with the session still there.
	p.Goto(a.url)
	p.Press("#strict")
	p.Expect("sign-in")
	p.Fill("#login", who.Login)
	p.Fill("#password", who.Password)
	p.Press("main form button[type=submit]")
	p.Expect("code")
	p.Fill("#code", s.next())
	p.Press("main form button[type=submit]")
	p.Expect("ledger")
	if p.Text("#acr") != "urn:sallyport:mfa" {
		t.Errorf("asked anew: %q", p.Text("#acr"))
	}

	p.Press("#out")
	p.Expect("ledger")
	if p.Text("main") != "bye so-long" {
		t.Errorf("signed out to %q", p.Text("main"))
	}
	p.Goto(demo.URL + "/account/")
	p.Expect("sign-in")
	for _, c := range p.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
	if _, err := a.conf.TokenSource(t.Context(), &oauth2.Token{RefreshToken: a.token.RefreshToken}).Token(); err == nil {
		t.Error("a refresh token outlives the sign-out")
	}
}
