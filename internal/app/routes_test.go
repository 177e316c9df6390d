package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/adminapi"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/hosted"
	"sallyport/internal/oidc"
	"sallyport/internal/portal"
	"sallyport/internal/proxycheck"
	"sallyport/internal/testkit/house"
	"sallyport/internal/web"
)

// rows are all routes of the product's faces.
func rows() []web.Route {
	return slices.Concat((&hosted.Handler{}).Routes(), (&portal.Handler{}).Routes(), (&console.Handler{}).Routes(), (&adminapi.Handler{}).Routes(), (&oidc.Handler{}).Routes(), (&proxycheck.Handler{}).Routes())
}

// target fills in a route's pattern.
func target(row web.Route, attempt, token string) (method, path string) {
	method, path, _ = strings.Cut(row.Pattern, " ")
	path = strings.NewReplacer("{$}", "", "{attempt}", attempt, "{token}", token,
		"{tenant}", "tn_none", "{user}", "us_none", "{role}", "ro_none", "{preset}", "self-service", "{app}", "ap_none", "{session}", "se_none", "{browser}", "br_none").Replace(path)
	return method, path
}

// N-13, interfaces §3: a form that another site sends is refused on every row but
// these. No cookie counts where programs post; to the two that browsers are sent to
// with a form, none comes along from another site, and they lead to a GET.
var crossOrigin = []string{"POST /oauth2/authorize", "POST /oauth2/token", "POST /oauth2/userinfo", "POST /oauth2/introspect", "POST /oauth2/revoke", "POST /oauth2/logout", "POST /oauth2/par",
	"POST /oauth2/device_authorization"}

func TestCrossOriginPostsAreRefusedOnEveryRowN13(t *testing.T) {
	for _, row := range rows() {
		if row.CrossOrigin != slices.Contains(crossOrigin, row.Pattern) {
			t.Errorf("%s takes posts of other sites: %v", row.Pattern, row.CrossOrigin)
		}
	}
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Cross", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		inside := h.Raw("")
		p.Enter(inside)
		before := p.User().Version
		posts := 0
		for _, row := range rows() {
			r := inside.Clone().Plant("sallyport-attempt", "")
			id := strings.Split(p.Attempt(r.Clone()), "/")[2]
			method, path := target(row, id, strings.Repeat("A", 43))
			if method != http.MethodPost || row.CrossOrigin {
				continue
			}
			posts++
			for name, headers := range map[string]map[string]string{
				"another site":            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
				"a neighbour":             {"Sec-Fetch-Site": "same-site", "Origin": "https://other.localhost"},
				"an old browser":          {"Origin": "https://evil.example"},
				"a sandbox":               {"Origin": "null"},
				"another port":            {"Origin": "http://localhost:1"},
				"the same host over TLS":  {"Origin": strings.Replace(h.URL, "http://", "https://", 1), "Sec-Fetch-Site": "cross-site"},
				"a site that says itself": {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "Referer": h.URL},
			} {
				c := r.Clone()
				for k, v := range headers {
					c.Header.Set(k, v)
				}
				a := c.Post(path, "login", p.Login, "password", p.Password, "new_password", "Another long pass phrase", "code", p.Code(), "confirm", "yes", "saved", "yes", "go", "enrol")
				if a.Status != http.StatusForbidden || a.Fault() != "form.cross_origin" || len(a.Set) > 0 {
					t.Errorf("%s from %s: status %d, fault %q, cookies %v", row.Pattern, name, a.Status, a.Fault(), a.Set)
				}
			}
		}
		if posts < 60 {
			t.Errorf("only %d posts were tried", posts)
		}
		if p.User().Version != before || p.Status() != core.MFAEnabled || !inside.Inside() {
			t.Error("one of them changed something")
		}
		own := inside.Clone()
		own.Header.Set("Origin", h.URL)
		own.Header.Set("Sec-Fetch-Site", "same-origin")
		if a := own.Post("/account/profile", "locale", "de"); a.Status != http.StatusSeeOther {
			t.Errorf("our own page is refused: %d", a.Status)
		}
	})
}

// A-01, B-23 (CVE-2026-32246), W-01: with the password alone no route shows or
// does anything but the attempt's own next page.
func TestHalfASignInOpensNothingA01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Half", "self-service", "")
		due := h.Organisation("Due", "self-service", `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		for _, who := range []struct {
			p    *house.Person
			step string
		}{{h.Enrolled(org, "anna@example.com"), "code"}, {h.Person(due, "berta@example.com"), "setup-required"}} {
			half := h.Raw("")
			a := who.p.Knock(half)
			if !strings.HasSuffix(a.Location, "/"+who.step) {
				t.Fatalf("%s stands at %q", who.p.Login, a.Location)
			}
			id := strings.Split(a.Location, "/")[2]
			sessions := len(who.p.Sessions())
			for _, row := range rows() {
				r := half.Clone()
				method, path := target(row, id, strings.Repeat("A", 43))
				bodies := []string{""}
				if method == http.MethodPost {
					bodies = []string{"", "code=123456", "go=skip", "saved=yes", "confirm=yes", "new_password=Another+long+pass+phrase", "password=" + url.QueryEscape(who.p.Password)}
				}
				for _, body := range bodies {
					kind := ""
					if body != "" {
						kind = "application/x-www-form-urlencoded"
					}
					got := r.Do(method, path, kind, body)
					if c := got.Cookie("sallyport"); c != nil && c.MaxAge >= 0 {
						t.Errorf("%s with %q opens a session", row.Pattern, body)
					}
					if got.Status >= 500 {
						t.Errorf("%s with %q: %d", row.Pattern, body, got.Status)
					}
					switch row.Guard {
					case web.Session, web.FullSession, web.Administrator:
						if got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Location, "/sign-in") {
							t.Errorf("%s: status %d to %q", row.Pattern, got.Status, got.Location)
						}
					case web.Attempt:
						// What can be reset at the prompt is of the prompt: each asks for a code.
						prompt := who.step == "code" && (got.Page() == "reset-mfa" || got.Page() == "reset-browsers")
						if got.Page() != "" && got.Page() != who.step && got.Page() != "error" && !prompt {
							t.Errorf("%s with %q shows %q", row.Pattern, body, got.Page())
						}
					case web.Public:
						if strings.Contains(got.Body, who.p.Login) && path != "/sign-in" {
							t.Errorf("%s tells who is half signed in", row.Pattern)
						}
					default:
						t.Errorf("%s has a guard that nobody tried: %s", row.Pattern, row.Guard)
					}
				}
			}
			if n := len(who.p.Sessions()); n != sessions {
				t.Errorf("%d sessions more", n-sessions)
			}
			if half.Inside() {
				t.Error("in")
			}
		}
	})
}

// keptByOthers is what everybody may read and keep for a while.
var keptByOthers = []string{"GET /.well-known/openid-configuration", "GET /.well-known/oauth-authorization-server", "GET /.well-known/jwks.json"}

// Every page with a person in it, every refusal and every unknown address
// carries the headers that keep it to its reader.
func TestHeadersOnEveryRow(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Headers", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		for _, row := range append(rows(), web.Route{Pattern: "GET /no/such/page"}, web.Route{Pattern: "DELETE /sign-in"}) {
			method, path := target(row, "at_none", "none")
			if row.Pattern == "POST /sign-out" {
				continue
			}
			a := r.Clone().Do(method, path, "", "")
			for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
				if name == "Cache-Control" && slices.Contains(keptByOthers, row.Pattern) {
					want = "public, max-age=900"
				}
				if got := a.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q", row.Pattern, name, got)
				}
			}
			csp := a.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: the policy is %q", row.Pattern, csp)
				}
			}
			if strings.Contains(csp, "unsafe") || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %q", row.Pattern, csp)
			}
		}
	})
}

// N-14: every cookie is opaque, HttpOnly, SameSite=Lax, Path=/ without a Domain;
// over https it is Secure and has the __Host- prefix, over http on loopback it has
// neither, because a browser would drop it.
func TestCookiesN14(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Cookies", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		for _, base := range []string{h.URL, "https://sallyport.example"} {
			https := strings.HasPrefix(base, "https://")
			faces := h.Faces(base)
			jar := map[string]*http.Cookie{}
			ask := func(method, path, body string) *http.Response {
				t.Helper()
				req := httptest.NewRequest(method, base+path, strings.NewReader(body))
				req.RemoteAddr = "192.0.2.1:1234"
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for _, c := range jar {
					req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
				}
				w := httptest.NewRecorder()
				faces.ServeHTTP(w, req)
				resp := w.Result()
				for _, c := range resp.Cookies() {
					name, prefixed := strings.CutPrefix(c.Name, "__Host-")
					if prefixed != https || c.Secure != https {
						t.Errorf("%s: %s, Secure %v", base, c.Name, c.Secure)
					}
					if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
						t.Errorf("%s: %s", base, c.Raw)
					}
					if strings.Contains(c.Value, p.Login) || strings.Contains(c.Value, string(p.ID)) {
						t.Errorf("%s: %s says who it is", base, c.Name)
					}
					jar[name] = c
				}
				if hsts := resp.Header.Get("Strict-Transport-Security"); (hsts != "") != https {
					t.Errorf("%s: HSTS %q", base, hsts)
				}
				return resp
			}
			ask("GET", "/sign-in?lang=de", "")
			to := ask("POST", "/sign-in", house.Form("login", p.Login, "password", p.Password)).Header.Get("Location")
			if resp := ask("POST", to, house.Form("code", p.Fresh())); resp.Header.Get("Location") != "/account/" {
				t.Fatalf("%s: to %q", base, resp.Header.Get("Location"))
			}
			for _, name := range []string{"sallyport", "sallyport-attempt", "sallyport-device", "sallyport-lang"} {
				if jar[name] == nil || jar[name].Value == "" {
					t.Errorf("%s: no cookie %s", base, name)
				}
			}
			if resp := ask("GET", "/account/", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: the account answers %d", base, resp.StatusCode)
			}
			if jar["sallyport"].MaxAge != 0 || !jar["sallyport"].Expires.IsZero() {
				t.Errorf("%s: the session outlives the browser", base)
			}
			// A second cookie of the same name, planted by a neighbour, is not chosen.
			req := httptest.NewRequest("GET", base+"/account/", nil)
			req.AddCookie(&http.Cookie{Name: jar["sallyport"].Name, Value: jar["sallyport"].Value})
			req.AddCookie(&http.Cookie{Name: jar["sallyport"].Name, Value: "planted"})
			w := httptest.NewRecorder()
			faces.ServeHTTP(w, req)
			if w.Code != http.StatusSeeOther {
				t.Errorf("%s: of two cookies one was chosen: %d", base, w.Code)
			}
			// The name without the prefix means nothing over https.
			if https {
				req := httptest.NewRequest("GET", base+"/account/", nil)
				req.AddCookie(&http.Cookie{Name: "sallyport", Value: jar["sallyport"].Value})
				w := httptest.NewRecorder()
				faces.ServeHTTP(w, req)
				if w.Code != http.StatusSeeOther {
					t.Errorf("a cookie without __Host- is taken: %d", w.Code)
				}
			}
			ask("POST", "/sign-out", "")
			if jar["sallyport"].MaxAge >= 0 {
				t.Errorf("%s: sign-out leaves the cookie", base)
			}
		}
	})
}

// B-32: who is not a listed proxy has no say about where a request comes from.
func TestAddressesOfUntrustedPeersAreTheirOwnB32(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Peers", "self-service", "")
		p := h.Person(org, "anna@example.com")
		faces := h.Faces(h.URL)
		for i := range 3 {
			req := httptest.NewRequest("POST", h.URL+"/sign-in", strings.NewReader(house.Form("login", p.Login, "password", p.Password)))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
			req.RemoteAddr = "192.0.2.77:999"
			faces.ServeHTTP(httptest.NewRecorder(), req)
		}
		n := 0
		for _, e := range p.Events() {
			if strings.HasPrefix(e.Address, "203.0.113.") {
				t.Errorf("%s is written down with the address that was claimed", e.Name)
			}
			if e.Address == "192.0.2.77" {
				n++
			}
		}
		if n < 3 {
			t.Errorf("%d events of the true address", n)
		}
	})
}

// B-51 (CVE-2026-33544): many people at once, each in their own language and
// organisation: nobody is shown anything of another's.
func TestPeopleAreNotMixedUpB51(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		const many = 24
		locales := []string{"en", "de", "fr", "sv"}
		type visitor struct {
			p      *house.Person
			r      *house.Raw
			org    string
			locale string
		}
		var all [many]visitor
		for i := range all {
			v := visitor{org: fmt.Sprintf("Organisation No %d", i), locale: locales[i%4], r: h.Raw(at(i))}
			org := h.Organisation(v.org, "self-service", "")
			u, path := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: fmt.Sprintf("person%d@example.com", i), Name: fmt.Sprintf("Person No %d", i), Locale: v.locale})
			if a := v.r.Post(path, "new_password", house.Password); !a.In() {
				t.Fatal(a.Fault())
			}
			v.p = (&house.Person{ID: u.ID, Tenant: org.ID, Login: u.Login, Password: house.Password}).In(h)
			all[i] = v
		}
		together(many, func(i int) {
			v := all[i]
			for range 8 {
				for _, path := range []string{"/account/profile", "/account/security", "/account/nothing"} {
					a := v.r.Get(path)
					if a.Status == http.StatusNotFound {
						continue
					}
					if a.Header.Get("Content-Language") != v.locale || !strings.Contains(a.Body, v.org) {
						t.Errorf("%s of %s: language %q, or another organisation", path, v.p.Login, a.Header.Get("Content-Language"))
					}
					for j, other := range all {
						if j != i && (strings.Contains(a.Body, other.p.Login) || strings.Contains(a.Body, other.org+"<")) {
							t.Errorf("%s of %s shows %s", path, v.p.Login, other.p.Login)
						}
					}
				}
				door := h.Raw(at(i))
				if a := v.p.Knock(door); !a.In() || !strings.Contains(door.Get("/account/profile").Body, v.p.Login) {
					t.Errorf("%s signed in as somebody else", v.p.Login)
				}
			}
		})
	})
}
