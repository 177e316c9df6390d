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

// O-01, O-03, B-45: whoever brings an app that is not known, or a way back that is not
// the registered one to the letter, is answered here and sent nowhere.
func TestAWayBackIsTheRegisteredOneToTheLetterO01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Back", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		c := newApp(t, h, org.ID, func(d *core.AppDoc) {
			d.RedirectURIs = []string{callback, "https://app.example.org/with?a=b", "http://127.0.0.1/native", "http://localhost:4000/dev"}
		})
		native := newApp(t, h, org.ID, func(d *core.AppDoc) {
			d.Auth, d.RedirectURIs = core.AppPublic, []string{"http://127.0.0.1:1/native", "http://[::1]/native", "http://localhost:4000/dev", "com.example.app:/cb"}
		})
		in := h.Raw("")
		p.Enter(in)
		for _, uri := range []string{"https://app.example.org/cb/", "https://app.example.org/CB", "https://APP.example.org/cb", "https://app.example.org:443/cb",
			"https://app.example.org/cb?x=1", "https://app.example.org/cb#x", "https://app.example.org/cb/../cb", "https://app.example.org/cb/..;/cb", "https://app.example.org/%63b",
			"https://app.example.org@evil.example/cb", "https://a@app.example.org@evil.example/cb", "https://evil.example/cb", "https://app.example.org.evil.example/cb",
			"https://evil.example\\@app.example.org/cb", "http://app.example.org/cb", "//app.example.org/cb", "/cb", "javascript:alert(1)", "https://app.example.org/with?a=c",
			"https://app.example.org/with?a=b&", "http://127.0.0.1:5000/native", "http://127.0.0.1/native?x=1", "http://localhost:4001/dev", "https://app.example.org/cb\n", " ", ""} {
			for _, r := range []*house.Raw{in, h.Raw("")} {
				a := r.Get(c.ask("redirect_uri", uri))
				if a.Status != http.StatusUnprocessableEntity || a.Location != "" || a.Page() != "error" {
					t.Errorf("%q: status %d, to %q", uri, a.Status, a.Location)
				}
			}
		}
		for _, uri := range []string{"http://127.0.0.1:5000/native", "http://127.0.0.1/native", "http://[::1]:7/native", "http://localhost:4000/dev", "com.example.app:/cb"} {
			if a := h.Raw("").Get(native.ask("redirect_uri", uri)); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in?") {
				t.Errorf("%q: status %d, to %q", uri, a.Status, a.Location)
			}
		}
		for _, uri := range []string{"http://127.0.0.1:5000/other", "http://127.0.0.1:5000/native?x", "http://127.0.0.2:5000/native", "http://localhost:4001/dev", "http://127.0.0.1.evil.example/native",
			"http://127.0.0.1:5000@evil.example/native", "https://127.0.0.1:5000/native", "com.example.app:/cb2", "com.example.app://cb", "com.example.app:cb"} {
			if a := in.Get(native.ask("redirect_uri", uri)); a.Location != "" {
				t.Errorf("%q leads to %q", uri, a.Location)
			}
		}
		other := newApp(t, h, org.ID, nil)
		if err := h.Directory.DeleteApp(t.Context(), other.app.ID, h.Proven(h.Person(h.Root, "op@example.com", core.PlatformAdmin)), core.Client{}); err == nil {
			t.Error("the platform's administrator deletes a customer's app without acting there")
		}
		for name, at := range map[string]string{"unknown": c.ask("client_id", "ap_never"), "none": c.ask("client_id", ""), "a person": c.ask("client_id", string(p.ID)), "two": c.ask() + "&client_id=x",
			"two ways": c.ask() + "&redirect_uri=" + url.QueryEscape("https://evil.example/")} {
			if a := in.Get(at); a.Location != "" || a.Page() != "error" || a.Fault() == "" && !strings.Contains(a.Body, "app.unknown") {
				t.Errorf("%s app: status %d, to %q", name, a.Status, a.Location)
			}
		}
		// O-02: scripts of other sites do not read the pages.
		o := in.Clone()
		o.Header.Set("Origin", "https://app.example.org")
		if a := o.Get(c.ask()); a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("CORS on the authorization endpoint")
		}
		if a := o.Do(http.MethodOptions, "/oauth2/authorize", "", ""); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("OPTIONS on the authorization endpoint: %d", a.Status)
		}
		if a := o.Do(http.MethodOptions, "/oauth2/token", "", ""); a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("OPTIONS on the token endpoint: %d", a.Status)
		}
	})
}

// O-05, O-08, O-17, O-18, A-20, A-23, B-46, C-04: what is wrong with a request is told to its
// app, with who says so, and nothing is given.
func TestWrongRequestsAreToldToTheApp(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Wrong", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		c := newApp(t, h, org.ID, func(d *core.AppDoc) { d.Resources = []string{"https://api.example.org/v1"} })
		old := newApp(t, h, org.ID, func(d *core.AppDoc) { d.NoPKCE = true })
		in := h.Raw("")
		p.Enter(in)
		long := strings.Repeat("x", 2049)
		for _, x := range []struct {
			what, at, code string
		}{
			{"no response type", c.ask("response_type", ""), "invalid_request"},
			{"a token at once", c.ask("response_type", "token"), "unsupported_response_type"},
			{"an ID token at once", c.ask("response_type", "code id_token"), "unsupported_response_type"},
			{"a fragment", c.ask("response_mode", "fragment"), "invalid_request"},
			{"no PKCE", c.ask("code_challenge", "", "code_challenge_method", ""), "invalid_request"},
			{"a method without a challenge", old.ask("code_challenge", ""), "invalid_request"},
			{"plain", c.ask("code_challenge_method", "plain"), "invalid_request"},
			{"plain by default", c.ask("code_challenge_method", ""), "invalid_request"},
			{"plain of an old app", old.ask("code_challenge_method", "plain"), "invalid_request"},
			{"a short challenge", c.ask("code_challenge", "abc"), "invalid_request"},
			{"a long nonce", c.ask("nonce", long), "invalid_request"},
			{"a request object", c.ask("request", "e30.e30."), "request_not_supported"},
			{"a request address", c.ask("request_uri", "https://app.example.org/r"), "request_uri_not_supported"},
			{"a prompt of its own", c.ask("prompt", "dance"), "invalid_request"},
			{"none and login", c.ask("prompt", "none login"), "invalid_request"},
			{"max_age of words", c.ask("max_age", "soon"), "invalid_request"},
			{"max_age below 0", c.ask("max_age", "-1"), "invalid_request"},
			{"somebody's API", c.ask("resource", "https://api.example.org/v2"), "invalid_target"},
			{"a hint of others", c.ask("id_token_hint", "e30.e30.e30"), "invalid_request"},
			{"broken claims", c.ask("claims", "{"), "invalid_request"},
			{"a level that is none", c.ask("claims", `{"id_token":{"acr":{"essential":true,"value":"aal3"}}}`), "unmet_authentication_requirements"},
			{"a level out of reach", c.ask("claims", `{"id_token":{"acr":{"essential":true,"values":["urn:sallyport:phishing-resistant","aal3"]}}}`), "unmet_authentication_requirements"},
			{"twice the state", c.ask() + "&nonce=2", "invalid_request"},
		} {
			q := c.back(in.Get(x.at))
			if q.Get("error") != x.code || q.Get("code") != "" || q.Get("state") != "st-1" {
				t.Errorf("%s: %v, want %s", x.what, q, x.code)
			}
		}
		if q := c.back(in.Get(c.ask("state", long))); q.Get("error") != "invalid_request" || q.Get("state") != "" {
			t.Errorf("a long state: %v", q)
		}
		// An old app that was excused still gets no further with PKCE taken away after.
		bare := old.code(in, "code_challenge", "", "code_challenge_method", "")
		old.refused("a verifier without a challenge", old.exchange(bare), http.StatusBadRequest, "invalid_grant")
		old.good(old.exchange(old.code(in, "code_challenge", "", "code_challenge_method", ""), "code_verifier", ""))
		for _, v := range []string{"", verifier + "x", verifier[:42], strings.Repeat("a", 129), verifier[:43] + "ä", strings.ToUpper(verifier)} {
			c.refused("the verifier "+v, c.exchange(c.code(in), "code_verifier", v), http.StatusBadRequest, "invalid_grant")
		}
		// What an app may not ask for is left out, and the answer says so.
		if got := c.good(c.exchange(c.code(in, "scope", "openid admin email"))).str("scope"); got != "openid email" {
			t.Errorf("scope %q", got)
		}
		if r := c.good(c.exchange(c.code(in, "scope", ""))); r.Body["id_token"] != nil || c.userinfo(r.str("access_token")).Status != http.StatusForbidden {
			t.Errorf("without openid: %s", r.Raw)
		}
	})
}

// C-01: prompt=none never shows a page; what would be asked is the answer.
// S-02 and decisions 7.4, 7.5: an app that asks for more than the session has shown
// gets it asked for, at the level that was asked and no higher.
func TestPromptsAndLevelsC01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Prompt", "self-service", "")
		p, plain := h.Enrolled(org, "anna@example.com"), h.Person(org, "berta@example.com")
		c := newApp(t, h, org.ID, nil)
		strict := newApp(t, h, org.ID, func(d *core.AppDoc) { d.RequiredLevel = core.LevelMFA })
		foreign := newApp(t, h, h.Organisation("Others", "self-service", "").ID, nil)
		third := newApp(t, h, org.ID, func(d *core.AppDoc) { d.FirstParty = false })
		out, half, in, weak := h.Raw(""), h.Raw(""), h.Raw(""), h.Raw("")
		p.Attempt(half)
		p.Enter(in)
		plain.Enter(weak)
		mfa := `{"id_token":{"acr":{"essential":true,"value":"urn:sallyport:mfa"}}}`
		for _, x := range []struct {
			what string
			r    *house.Raw
			at   string
			code string
		}{
			{"nobody", out, c.ask("prompt", "none"), "login_required"},
			{"half a sign-in", half, c.ask("prompt", "none"), "login_required"},
			{"too long ago", in, c.ask("prompt", "none", "max_age", "1"), "login_required"},
			{"somebody else", in, c.ask("prompt", "none", "id_token_hint", c.good(c.exchange(c.code(weak))).str("id_token")), "login_required"},
			{"not set up", weak, strict.ask("prompt", "none"), "interaction_required"},
			{"not set up, essential", weak, c.ask("prompt", "none", "claims", mfa), "interaction_required"},
			{"another organisation's app", in, foreign.ask("prompt", "none"), "access_denied"},
			{"not asked yet", in, third.ask("prompt", "none"), "consent_required"},
		} {
			h.Clock.Advance(2 * time.Second)
			if q := c.back(x.r.Get(x.at)); q.Get("error") != x.code || q.Get("code") != "" {
				t.Errorf("%s: %v, want %s", x.what, q, x.code)
			}
		}
		if q := c.back(in.Get(c.ask("prompt", "none"))); q.Get("code") == "" {
			t.Errorf("none with a session: %v", q)
		}
		if a := in.Get(foreign.ask()); a.Status != http.StatusForbidden || a.Location != "" || !strings.Contains(a.Body, "app.not_for_you") {
			t.Errorf("another organisation's app: %d to %q", a.Status, a.Location)
		}

		// A wish that cannot be met hinders nobody; the token says what was shown.
		got := c.good(c.exchange(c.code(weak, "acr_values", "urn:sallyport:mfa urn:sallyport:phishing-resistant")))
		if id := claims(t, got.str("id_token")); id["acr"] != "urn:sallyport:password" || len(id["amr"].([]any)) != 1 {
			t.Errorf("the token says more than was shown: %v", id)
		}
		// Somebody who has nothing set up sets it up on the way in, and no skipping.
		a := weak.Get(strict.ask())
		if !strings.HasPrefix(a.Location, "/sign-in?") || !strings.Contains(a.Location, "again=yes") {
			t.Fatalf("an app that asks for more: to %q", a.Location)
		}
		page := weak.Get(a.Location)
		a = plainSignIn(plain, weak, page)
		if !strings.HasSuffix(a.Location, "/setup-required") {
			t.Fatalf("and then to %q", a.Location)
		}
		if skip := weak.Post(a.Location, "go", "skip"); skip.Status != http.StatusUnprocessableEntity && skip.Status != http.StatusForbidden {
			t.Errorf("it was skipped: %d to %q", skip.Status, skip.Location)
		}
		// The same person without that app is asked for nothing.
		if a := plain.Enter(h.Raw("")); a.Location != "/account/" {
			t.Errorf("without the app: to %q", a.Location)
		}
	})
}

func plainSignIn(p *house.Person, r *house.Raw, page house.Answer) house.Answer {
	return r.Post("/sign-in", "login", p.Login, "password", p.Password, "return_to", page.Hidden("return_to"))
}

// C-02: prompt=login and max_age ask anew, and only then; auth_time is when something
// was shown. What other apps got of the old session goes on (decision 7.4).
func TestAskedAnewC02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Anew", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		c := newApp(t, h, org.ID, nil)
		in := h.Raw("")
		p.Enter(in)
		first := c.good(c.exchange(c.code(in, "max_age", "100")))
		was := claims(t, first.str("id_token"))["auth_time"].(float64)
		for _, wish := range [][]string{{"prompt", "login"}, {"max_age", "10"}, {"max_age", "0"}, {"prompt", "select_account"}} {
			h.Clock.Advance(time.Minute)
			a := in.Get(c.ask(wish...))
			if !strings.HasPrefix(a.Location, "/sign-in?") {
				t.Fatalf("%v: to %q", wish, a.Location)
			}
			page := in.Get(a.Location)
			if page.Page() != "sign-in" || !strings.Contains(page.Header.Get("Content-Security-Policy"), "https://app.example.org") {
				t.Fatalf("%v: page %q", wish, page.Page())
			}
			a = plainSignIn(p, in, page)
			a = in.Post(a.Location, "code", p.Fresh())
			for strings.HasPrefix(a.Location, "/") {
				a = in.Get(a.Location)
			}
			got := c.good(c.exchange(c.back(a).Get("code")))
			now := claims(t, got.str("id_token"))["auth_time"].(float64)
			if now <= was {
				t.Errorf("%v: auth_time was %v and is %v", wish, was, now)
			}
			was = now
		}
		// The refresh token of the first session lives, and ends with the last one.
		next := c.good(c.refresh(first.str("refresh_token")))
		in.Post("/sign-out")
		c.refused("after the sign-out", c.refresh(next.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	})
}

// an app that is not the house's own is allowed by the person, once; one that
// anybody could pose as, each time. Nobody else's page can allow it.
func TestConsentA25(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Consent", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		c := newApp(t, h, org.ID, func(d *core.AppDoc) { d.FirstParty, d.Scopes = false, []string{"read"} })
		native := newApp(t, h, org.ID, func(d *core.AppDoc) {
			d.FirstParty, d.Auth, d.RedirectURIs = false, core.AppPublic, []string{"http://127.0.0.1/cb"}
		})
		in := h.Raw("")
		p.Enter(in)
		page := in.Get(c.ask())
		if page.Page() != "consent" || !strings.Contains(page.Text(), "Ledger") || !strings.Contains(page.Text(), "app.example.org") || strings.Contains(page.Text(), "To go on after") {
			t.Fatalf("page %q: %s", page.Page(), page.Text())
		}
		if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example.org;") {
			t.Errorf("policy: %s", csp)
		}
		if q := c.back(in.Post("/oauth2/consent", "request", page.Hidden("request"), "go", "deny")); q.Get("error") != "access_denied" || q.Get("code") != "" {
			t.Errorf("denied: %v", q)
		}
		evil := in.Clone()
		evil.Header.Set("Origin", "https://evil.example")
		if a := evil.Post("/oauth2/consent", "request", page.Hidden("request"), "go", "allow"); a.Status != http.StatusForbidden {
			t.Errorf("another site allows: %d", a.Status)
		}
		if a := in.Post("/oauth2/consent", "request", page.Hidden("request")); a.Status != http.StatusUnprocessableEntity || a.Page() != "consent" {
			t.Errorf("no answer: %d", a.Status)
		}
		if q := c.back(in.Post("/oauth2/consent", "request", page.Hidden("request"), "go", "allow")); q.Get("code") == "" {
			t.Fatalf("allowed: %v", q)
		}
		c.code(in)
		if a := in.Get(c.ask("scope", "openid read")); a.Page() != "consent" {
			t.Errorf("for more: page %q, to %q", a.Page(), a.Location)
		}
		if a := in.Get(c.ask("prompt", "consent")); a.Page() != "consent" {
			t.Errorf("asked for: page %q", a.Page())
		}
		for range 2 {
			page := in.Get(native.ask("redirect_uri", "http://127.0.0.1:999/cb"))
			if page.Page() != "consent" {
				t.Fatalf("an app on a device: page %q", page.Page())
			}
			in.Post("/oauth2/consent", "request", page.Hidden("request"), "go", "allow")
		}
		names := p.Names()
		if names["app.consented"] != 3 || names["app.denied"] != 1 {
			t.Errorf("events: %v", names)
		}
		h.Clock.Advance(61 * time.Minute)
		if a := in.Post("/oauth2/consent", "request", page.Hidden("request"), "go", "allow"); a.Location != "" {
			t.Errorf("an old page: to %q", a.Location)
		}
	})
}

// A request as a form, from the app's own page: the browser brings no cookie, and
// nothing is lost by that.
func TestARequestAsAForm(t *testing.T) {
	h := house.Open(t, "sqlite")
	c := newApp(t, h, h.Root.ID, nil) // the platform's: for everybody
	p := h.Enrolled(h.Organisation("Form", "self-service", ""), "anna@example.com")
	in := h.Raw("")
	p.Enter(in)
	u, _ := url.Parse(c.ask())
	app := h.Raw("")
	app.Header.Set("Origin", "https://app.example.org")
	app.Header.Set("Sec-Fetch-Site", "cross-site")
	a := app.Do(http.MethodPost, "/oauth2/authorize", "application/x-www-form-urlencoded", u.RawQuery)
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/oauth2/continue?request=") {
		t.Fatalf("%d to %q", a.Status, a.Location)
	}
	if q := c.back(in.Get(a.Location)); q.Get("code") == "" || q.Get("state") != "st-1" {
		t.Errorf("%v", q)
	}
	if a := in.Get(a.Location[:len(a.Location)-2] + "xx"); a.Location != "" {
		t.Errorf("a changed request leads to %q", a.Location)
	}
}
