package oidc_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// inside is a person with a browser that has a session, and an app.
func inside(t *testing.T, h *house.House, change func(*core.AppDoc)) (*house.Person, *house.Raw, *client) {
	t.Helper()
	org := h.Organisation("Tokens", "self-service", "")
	p := h.Enrolled(org, "anna@example.com")
	in := h.Raw("")
	p.Enter(in)
	return p, in, newApp(t, h, org.ID, change)
}

// O-06, O-16, A-21, A-22, O-14, DS-18, Q-04, B-11, B-13: a code and a refresh token are good once.
// One that comes again ends everything that came of that sign-in, at once and here.
func TestUsedOnceAndReuseEndsTheFamily(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, c := inside(t, h, nil)
		code := c.code(in)
		first := c.good(c.exchange(code))
		if c.userinfo(first.str("access_token")).Status != http.StatusOK || !c.active(first.str("refresh_token")) {
			t.Fatal("the tokens do not work")
		}
		c.refused("the code again", c.exchange(code), http.StatusBadRequest, "invalid_grant")
		if r := c.userinfo(first.str("access_token")); r.Status != http.StatusUnauthorized || !strings.Contains(r.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("a token of a code that came twice: %d", r.Status)
		}
		if c.active(first.str("access_token")) || c.active(first.str("refresh_token")) {
			t.Error("tokens of a code that came twice are active")
		}
		c.refused("its refresh token", c.refresh(first.str("refresh_token")), http.StatusBadRequest, "invalid_grant")

		one := c.good(c.exchange(c.code(in)))
		two := c.good(c.refresh(one.str("refresh_token")))
		three := c.good(c.refresh(two.str("refresh_token")))
		if c.active(two.str("refresh_token")) || !c.active(three.str("refresh_token")) || !c.active(one.str("access_token")) {
			t.Error("the numbers are mixed up")
		}
		c.refused("an old refresh token", c.refresh(one.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
		c.refused("the newest after that", c.refresh(three.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
		if c.active(three.str("access_token")) {
			t.Error("an access token outlives its family")
		}
		if names := p.Names(); names["token.reused code"] != 1 || names["token.reused refresh_token"] != 1 {
			t.Errorf("events: %v", names)
		}

		late := c.code(in)
		h.Clock.Advance(session.CodeLife)
		c.refused("a code after a minute", c.exchange(late), http.StatusBadRequest, "invalid_grant")

		// Of many at once one gets through, and then nobody; revoking beside it leaves no
		// survivor (B-11, B-13).
		atOnce := func(what string, ask func() reply, beside func()) {
			t.Helper()
			var mu sync.Mutex
			var won []reply
			var all sync.WaitGroup
			if beside != nil {
				all.Go(beside)
			}
			for range 8 {
				all.Go(func() {
					r := ask()
					mu.Lock()
					defer mu.Unlock()
					if r.Status == http.StatusOK {
						won = append(won, r)
					} else if r.str("error") != "invalid_grant" {
						t.Errorf("%s at once: %d %s", what, r.Status, r.Raw)
					}
				})
			}
			all.Wait()
			if len(won) > 1 || len(won) == 0 && beside == nil {
				t.Errorf("%s: %d got through", what, len(won))
			}
			for _, r := range won {
				if c.active(r.str("access_token")) || c.active(r.str("refresh_token")) {
					t.Errorf("%s: its tokens live", what)
				}
			}
		}
		code = c.code(in)
		atOnce("a code", func() reply { return c.exchange(code) }, nil)
		token := c.good(c.exchange(c.code(in))).str("refresh_token")
		atOnce("a refresh token", func() reply { return c.refresh(token) }, nil)
		token = c.good(c.exchange(c.code(in))).str("refresh_token")
		atOnce("a refresh token and its end", func() reply { return c.refresh(token) }, func() { c.post("/oauth2/revoke", "token", token) })
	})
}

// B-43, B-48, O-16, O-21: a code or refresh token belongs to its app, its way back and its
// purpose, and to the last bit to us.
func TestHandlesBelongToTheirAppB43(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, c := inside(t, h, nil)
		other := newApp(t, h, p.User().Tenant, nil)
		code := c.code(in)
		other.refused("another app", other.exchange(code), http.StatusBadRequest, "invalid_grant")
		c.refused("another way back", c.exchange(code, "redirect_uri", callback+"/"), http.StatusBadRequest, "invalid_grant")
		c.refused("a code as a refresh token", c.refresh(code), http.StatusBadRequest, "invalid_grant")
		got := c.good(c.exchange(code)) // none of these used it up
		token := got.str("refresh_token")
		other.refused("another app refreshes", other.refresh(token), http.StatusBadRequest, "invalid_grant")
		other.refused("another app refreshes for less", other.refresh(token, "scope", "openid"), http.StatusBadRequest, "invalid_grant")
		if other.active(token) || other.active(got.str("access_token")) {
			t.Error("another app learns of tokens")
		}
		other.good(other.post("/oauth2/revoke", "token", token))
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			bent := append([]byte(nil), raw...)
			bent[i] ^= 1
			if c.active(base64.RawURLEncoding.EncodeToString(bent)) || i > 0 && c.active(base64.RawURLEncoding.EncodeToString(raw[:i])) {
				t.Fatalf("byte %d does not matter", i)
			}
		}
		c.refused("more than was granted", c.refresh(token, "scope", "openid admin"), http.StatusBadRequest, "invalid_scope")
		less := c.good(c.refresh(token, "scope", "openid"))
		if less.str("scope") != "openid" || c.userinfo(less.str("access_token")).Body["email"] != nil {
			t.Errorf("less: %s", less.Raw)
		}
		if back := c.good(c.refresh(less.str("refresh_token"))); back.str("scope") != "openid profile email" {
			t.Errorf("the family forgot what was granted: %s", back.str("scope"))
		}
	})
}

// O-09, A-20, O-17, O-12: the grants that there are, and how an app shows itself.
func TestGrantsAndHowAnAppShowsItself(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, _, c := inside(t, h, func(d *core.AppDoc) {
			d.Grants, d.Scopes, d.Resources = []string{core.GrantCode, core.GrantClient}, []string{"read", "write"}, []string{"https://api.example.org/v1"}
		})
		c.refused("a password", c.post("/oauth2/token", "grant_type", "password", "username", p.Login, "password", p.Password), http.StatusBadRequest, "unsupported_grant_type")
		c.refused("none", c.post("/oauth2/token"), http.StatusBadRequest, "invalid_request")
		c.refused("one that it may not", c.refresh("x"), http.StatusBadRequest, "unauthorized_client")
		c.refused("twice", c.post("/oauth2/token", "grant_type", "client_credentials", "grant_type", "client_credentials"), http.StatusBadRequest, "invalid_request")
		c.refused("about a person", c.post("/oauth2/token", "grant_type", "client_credentials", "scope", "openid"), http.StatusBadRequest, "invalid_scope")
		c.refused("somebody's API", c.post("/oauth2/token", "grant_type", "client_credentials", "resource", "https://api.example.org/v2"), http.StatusBadRequest, "invalid_target")
		got := c.good(c.post("/oauth2/token", "grant_type", "client_credentials", "scope", "read", "resource", "https://api.example.org/v1"))
		if of := claims(t, got.str("access_token")); of["sub"] != string(c.app.ID) || of["aud"] != "https://api.example.org/v1" || of["acr"] != nil || got.Body["refresh_token"] != nil {
			t.Errorf("its own token: %v", of)
		}
		if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
			t.Errorf("headers: %v", got.Header)
		}
		if r := c.userinfo(got.str("access_token")); r.Status != http.StatusUnauthorized { // O-13
			t.Errorf("a token for an API opens userinfo: %d", r.Status)
		}
		if !c.active(got.str("access_token")) {
			t.Error("its own token is not active")
		}
		c.good(c.post("/oauth2/revoke", "token", got.str("access_token")))
		c.good(c.post("/oauth2/revoke", "token", got.str("access_token")))
		if c.active(got.str("access_token")) {
			t.Error("a revoked token is active")
		}

		id := string(c.app.ID)
		basic := func(user, password string) http.Header {
			return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}
		}
		form := []string{"grant_type", "client_credentials"}
		for what, r := range map[string]reply{
			"a wrong secret":            send(t, h, "/oauth2/token", basic(id, "wrong"), form...),
			"no secret":                 send(t, h, "/oauth2/token", nil, append(form, "client_id", id)...),
			"an empty secret":           send(t, h, "/oauth2/token", basic(id, ""), form...),
			"nobody":                    send(t, h, "/oauth2/token", nil, form...),
			"an unknown app":            send(t, h, "/oauth2/token", basic("ap_never", c.secret), form...),
			"a person":                  send(t, h, "/oauth2/token", basic(p.Login, p.Password), form...),
			"no base64":                 send(t, h, "/oauth2/token", http.Header{"Authorization": {"Basic !"}}, form...),
			"a wrong secret in a form":  send(t, h, "/oauth2/token", nil, append(form, "client_id", id, "client_secret", "x")...),
			"a wrong secret, revoking":  send(t, h, "/oauth2/revoke", basic(id, "wrong"), "token", "x"),
			"a wrong secret, asking":    send(t, h, "/oauth2/introspect", basic(id, "wrong"), "token", "x"),
			"another header altogether": send(t, h, "/oauth2/token", http.Header{"Authorization": {"Bearer " + c.secret}}, append(form, "client_id", id)...),
		} {
			c.refused(what, r, http.StatusUnauthorized, "invalid_client")
			if !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s: WWW-Authenticate %q", what, r.Header.Get("WWW-Authenticate"))
			}
		}
		c.good(send(t, h, "/oauth2/token", nil, append(form, "client_id", id, "client_secret", c.secret)...))
		c.refused("in two ways", send(t, h, "/oauth2/token", basic(id, c.secret), append(form, "client_secret", c.secret)...), http.StatusBadRequest, "invalid_request")
		if r := send(t, h, "/oauth2/token?client_id="+id+"&client_secret="+c.secret, nil, form...); r.Status != http.StatusUnauthorized {
			t.Errorf("a secret in the address: %d", r.Status)
		}
		public := newApp(t, h, c.app.Tenant, func(d *core.AppDoc) { d.Auth = core.AppPublic })
		public.refused("an app without a secret asks", public.post("/oauth2/introspect", "token", "x"), http.StatusUnauthorized, "invalid_client")
	})
}

// An app's secret changes without a gap, a stopped app's tokens do not count, and a
// deleted app is not known; each at once (B-40, Q-03).
func TestAnAppChangesAtOnce(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, c := inside(t, h, nil)
		ctx, shell := t.Context(), access.Shell()
		got := c.good(c.exchange(c.code(in)))
		old := c.secret
		fresh, until, err := h.Directory.RotateAppSecret(ctx, c.app.ID, time.Hour, shell, core.Client{})
		if err != nil || !until.Equal(h.Clock.Now().Add(time.Hour).Truncate(time.Microsecond)) && until.Sub(h.Clock.Now()) > time.Hour {
			t.Fatal(until, err)
		}
		for _, s := range []string{old, fresh} {
			c.secret = s
			if !c.active(got.str("access_token")) {
				t.Error("a secret does not work while two do")
			}
		}
		h.Clock.Advance(time.Hour + time.Second)
		c.secret = old
		c.refused("the old secret after its time", c.post("/oauth2/introspect", "token", "x"), http.StatusUnauthorized, "invalid_client")
		c.secret = fresh
		d, err := h.Directory.App(ctx, c.app.ID, shell)
		if err != nil || len(d.Secrets) != 2 || d.Secrets[0].LastUsedAt.IsZero() || d.Secrets[0].Hint != fresh[len(fresh)-4:] {
			t.Errorf("secrets: %+v, %v", d.Secrets, err)
		}
		now, _, err := h.Directory.RotateAppSecret(ctx, c.app.ID, 0, shell, core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		c.refused("after a change without overlap", c.post("/oauth2/introspect", "token", "x"), http.StatusUnauthorized, "invalid_client")
		c.secret = now
		p.Enter(in)
		got = c.good(c.exchange(c.code(in)))
		if _, err := h.Directory.SwitchApp(ctx, c.app.ID, false, shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if r := c.userinfo(got.str("access_token")); r.Status != http.StatusUnauthorized {
			t.Errorf("a stopped app: %d", r.Status)
		}
		c.refused("a stopped app refreshes", c.refresh(got.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
		if _, err := h.Directory.SwitchApp(ctx, c.app.ID, true, shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if c.userinfo(got.str("access_token")).Status != http.StatusOK {
			t.Error("an app that goes on does not")
		}
		if err := h.Directory.DeleteApp(ctx, c.app.ID, shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if a := in.Get(c.ask()); a.Location != "" || c.userinfo(got.str("access_token")).Status != http.StatusUnauthorized {
			t.Error("a deleted app works")
		}
		if _, err := h.Directory.App(ctx, c.app.ID, shell); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a deleted app is found: %v", err)
		}
	})
}

// Decision 7.4, WBX-07, B-40: switching a requirement on ends no token; signing out
// ends what came of that session but for what may outlive it; a reset, disabling and
// signing out everywhere end all, at once.
func TestTokensStayAndEndWithTheirPerson(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Stay", "self-service", "")
		c := newApp(t, h, org.ID, nil)
		p := h.Person(org, "anna@example.com")
		admin := h.Proven(h.Enrolled(org, "boss@example.com", core.CustomerAdmin))
		tokens := func(scope string) (*house.Raw, reply) {
			in := h.Raw("")
			p.Enter(in)
			return in, c.good(c.exchange(c.code(in, "scope", scope)))
		}
		_, got := tokens("openid")
		h.Settings(org.ID, `{"new_user_window":{"days":0}}`)
		if _, err := h.Rollout.Enable(t.Context(), org.ID, []core.Requirement{core.RequireOrganization}, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		got = c.good(c.refresh(got.str("refresh_token")))
		if id := claims(t, got.str("id_token")); id["acr"] != "urn:sallyport:password" {
			t.Errorf("the token says %v", id["acr"])
		}
		h.Settings(org.ID, `{"new_user_window":{"days":30}}`)
		p = h.Enrolled(org, "berta@example.com")

		in, mine := tokens("openid")
		_, other := tokens("openid")
		in2, offline := tokens("openid offline_access")
		in.Post("/sign-out")
		in2.Post("/sign-out")
		if c.active(mine.str("access_token")) || c.active(mine.str("refresh_token")) {
			t.Error("tokens outlive the sign-out")
		}
		if !c.active(other.str("access_token")) || !c.active(offline.str("refresh_token")) {
			t.Error("tokens of another session, or that may outlive it, ended")
		}
		for what, end := range map[string]func() error{
			"signing out everywhere": func() error {
				_, err := h.Directory.EndSessions(t.Context(), p.ID, admin, core.Client{})
				return err
			},
			"a reset":    func() error { _, err := h.Recovery.ResetMFA(t.Context(), p.ID, admin, core.Client{}); return err },
			"suspending": func() error { return h.Store.Update(t.Context(), org.ID, suspend) },
		} {
			q := h.Enrolled(org, strings.ReplaceAll(what, " ", ".")+"@example.com")
			p = q
			_, got := tokens("openid offline_access")
			if err := end(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if what == "suspending" {
				// Its own app is of the same organisation, so nobody can ask here.
				c.refused(what, c.refresh(got.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
				h.Change(org.ID, resume)
				continue
			}
			if c.active(got.str("access_token")) || c.active(got.str("refresh_token")) {
				t.Errorf("tokens outlive %s", what)
			}
			c.refused(what, c.refresh(got.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
		}
	})
}

func suspend(tx store.Tx) error { return state(tx, core.TenantSuspended) }
func resume(tx store.Tx) error  { return state(tx, core.TenantActive) }

func state(tx store.Tx, s core.TenantState) error {
	own, err := tx.Tenant()
	if err != nil {
		return err
	}
	own.State = s
	return errors.Join(tx.UpdateTenant(own), tx.Changed(core.ChangeTenant, string(own.ID)))
}

// O-19, A-19: an ID token is no access token, nor the other way round; nothing that is
// signed by others, by nobody or for others counts.
func TestTokensOfAnotherKindO19(t *testing.T) {
	h := house.Open(t, "sqlite")
	_, in, c := inside(t, h, nil)
	got := c.good(c.exchange(c.code(in)))
	access, id := got.str("access_token"), got.str("id_token")
	parts := strings.Split(access, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	for what, token := range map[string]string{
		"an ID token":      id,
		"no signature":     parts[0] + "." + parts[1] + ".",
		"signed by nobody": b64([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"other words":      parts[0] + "." + b64([]byte(`{"iss":"`+h.URL+`","sub":"us_x","aud":"`+h.URL+`","exp":9999999999,"client_id":"`+string(c.app.ID)+`","scope":"openid"}`)) + "." + parts[2],
		"cut":              access[:len(access)-1],
		"nothing":          "..",
		"a secret":         c.secret,
	} {
		if r := c.userinfo(token); r.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, r.Status)
		}
		if c.active(token) {
			t.Errorf("%s is active", what)
		}
	}
	if q := c.back(in.Get(c.ask("id_token_hint", access))); q.Get("error") != "invalid_request" {
		t.Errorf("an access token as a hint: %v", q)
	}
	h.Clock.Advance(core.AccessLife)
	if r := c.userinfo(access); r.Status != http.StatusUnauthorized || c.active(access) {
		t.Errorf("a token that is over: %d", r.Status)
	}
	if r := do(t, request(t, h, http.MethodGet, "/oauth2/userinfo"), nil); r.Status != http.StatusUnauthorized || strings.Contains(r.Header.Get("WWW-Authenticate"), "error") {
		t.Errorf("without a token: %d, %q", r.Status, r.Header.Get("WWW-Authenticate"))
	}
	if r := do(t, request(t, h, http.MethodGet, "/oauth2/userinfo?access_token="+access), nil); r.Status != http.StatusUnauthorized {
		t.Errorf("a token in the address: %d", r.Status)
	}
}

func request(t *testing.T, h *house.House, method, path string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, h.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// C-05: tokens go on when the keys change, and are checked with what is published.
func TestTokensGoOnWhenKeysChangeC05(t *testing.T) {
	h := house.Open(t, "sqlite")
	p, in, c := inside(t, h, func(d *core.AppDoc) { d.AccessLife = core.Duration(24 * time.Hour) })
	before := c.good(c.exchange(c.code(in))).str("access_token")
	if err := h.Ring.RotateTokens(t.Context(), core.AlgES256); err != nil {
		t.Fatal(err)
	}
	keys := func() int {
		r := do(t, request(t, h, http.MethodGet, "/.well-known/jwks.json"), nil)
		for _, k := range r.Body["keys"].([]any) {
			if k.(map[string]any)["d"] != nil {
				t.Fatal("a private key is published")
			}
		}
		if r.Header.Get("Cache-Control") != "public, max-age=900" {
			t.Errorf("kept for %q", r.Header.Get("Cache-Control"))
		}
		return len(r.Body["keys"].([]any))
	}
	if keys() != 2 {
		t.Errorf("%d keys are published", keys())
	}
	h.Clock.Advance(secret.TokenKeyLead)
	p.Enter(in)
	after := c.good(c.exchange(c.code(in))).str("access_token")
	if head(t, before) == head(t, after) {
		t.Error("the new key does not sign")
	}
	h.Clock.Advance(22 * time.Hour)
	if !c.active(before) || !c.active(after) {
		t.Error("a token of an old key does not count")
	}
}

func head(t *testing.T, token string) string {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	return first
}

// B-41, DS-07, O-20: what could not be done is said; a store that is away is no
// revocation and no token.
func TestAStoreThatIsAwayIsSaidB41(t *testing.T) {
	h := house.Open(t, "sqlite")
	_, in, c := inside(t, h, nil)
	got := c.good(c.exchange(c.code(in)))
	c.good(c.post("/oauth2/revoke", "token", "never was one"))
	code := c.code(in)
	h.Store.Close()
	for what, r := range map[string]reply{
		"revoking":   c.post("/oauth2/revoke", "token", got.str("refresh_token")),
		"asking":     c.post("/oauth2/introspect", "token", got.str("access_token")),
		"userinfo":   c.userinfo(got.str("access_token")),
		"a code":     c.exchange(code),
		"refreshing": c.refresh(got.str("refresh_token")),
	} {
		if r.Status < 500 || r.Body["active"] != nil || r.Body["access_token"] != nil {
			t.Errorf("%s: %d %s", what, r.Status, r.Raw)
		}
	}
}

// O-01, O-02, B-45: which ways back may be registered at all.
func TestWhichAddressesMayBeRegisteredB45(t *testing.T) {
	h := house.Open(t, "sqlite")
	make := func(public bool, uri string) error {
		d := core.AppDoc{RedirectURIs: []string{uri}}
		if public {
			d.Auth = core.AppPublic
		}
		_, _, err := h.Directory.Dry().CreateApp(t.Context(), h.Root.ID, directory.AppWish{Name: "x", Doc: d}, access.Shell(), core.Client{})
		return err
	}
	for uri, public := range map[string]bool{"https://app.example.org/cb": false, "https://app.example.org": false, "https://app.example.org:8443/a/b?c=d": false, "http://localhost:3000/cb": false,
		"http://127.0.0.1/cb": false, "http://[::1]/cb": false, "com.example.app:/cb": true} {
		if err := make(public, uri); err != nil {
			t.Errorf("%s is refused: %v", uri, err)
		}
		if public && make(false, uri) == nil {
			t.Errorf("%s is taken of a server", uri)
		}
	}
	for _, uri := range []string{"", "/cb", "//app.example.org/cb", "app.example.org/cb", "http://app.example.org/cb", "http://127.0.0.1.example.org/cb", "https://", "https:///cb", "https:app.example.org/cb",
		"https://a@app.example.org/cb", "https://a@b@app.example.org/cb", "https://app.example.org/cb#x", "https://app.example.org/cb#", "https://*.example.org/cb", "https://app.example.org/*",
		"https://app.example.org/a/../cb", "https://app.example.org/a/%2e%2e/cb", "https://app.example.org/a/..;/cb", "https://app.example.org/a%2f..%2fcb", "https://app.example.org\\@evil.example/cb",
		"https://app.example.org/c b", "https://app.example.org/cb\n", "https://App.example.org/cb", "javascript:alert(1)", "data:text/html,x", "ftp://app.example.org/cb", "app:/cb", "com.example.app://host/cb",
		"https://app.example.org/" + strings.Repeat("a", 1000)} {
		for _, public := range []bool{true, false} {
			if make(public, uri) == nil {
				t.Errorf("%q is taken", uri)
			}
		}
	}
}
