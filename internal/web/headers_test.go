package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

func ok(w http.ResponseWriter, r *http.Request) error {
	return web.Render(w, r, http.StatusOK, templ.Raw("<p>ok</p>"))
}

// Every answer carries the headers: pages, refusals, mistakes, redirects, and
// what no row matches.
func TestEveryAnswerIsProtected(t *testing.T) {
	o := options(t)
	o.TLS = true
	h := web.Mux([]web.Route{
		{Pattern: "GET /page", Guard: web.Public, Handler: ok},
		{Pattern: "GET /refused", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error { return core.ErrForbidden }},
		{Pattern: "GET /broken", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error { return errors.New("x") }},
		{Pattern: "GET /panic", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error { panic("x") }},
		{Pattern: "GET /way", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error { return web.GoTo("/page") }},
	}, o)
	for _, path := range []string{"/page", "/refused", "/broken", "/panic", "/way", "/nothing", "/favicon.ico"} {
		w := get(t, h, http.MethodGet, path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		// Words are in a language, and say in which.
		if w.Header().Get("Permissions-Policy") == "" || (w.Header().Get("Content-Language") == "") != (w.Body.Len() == 0) {
			t.Errorf("%s: headers %v", path, w.Header())
		}
	}
	o.TLS = false
	if got := get(t, web.Mux(nil, o), http.MethodGet, "/").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("without TLS it promises %q", got)
	}
}

func TestFormActionTakesOriginsOnly(t *testing.T) {
	w := httptest.NewRecorder()
	web.FormAction(w, "https://app.example", "http://127.0.0.1:8080", "https://app.example/path", "https://*.example", "javascript:alert(1)",
		"https://a.example; script-src *", "https://user@b.example", "*", "", "data:", "https://c.example 'unsafe-inline'")
	if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://app.example http://127.0.0.1:8080; frame-ancestors") {
		t.Errorf("policy %q", got)
	}
}

// N-14: narrow, unreadable by scripts, never sent across sites, and bound to
// this very host when there is https.
func TestCookieAttributes(t *testing.T) {
	for _, c := range []struct {
		https bool
		want  string
	}{
		{true, "__Host-sallyport=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"},
		{false, "sallyport=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"},
	} {
		w := httptest.NewRecorder()
		web.NewCookies(c.https).Set(w, web.SessionCookie, "v", time.Minute)
		if got := w.Header().Get("Set-Cookie"); got != c.want {
			t.Errorf("https %v: %q, want %q", c.https, got, c.want)
		}
	}
	w := httptest.NewRecorder()
	web.NewCookies(true).Set(w, web.AttemptCookie, "v", 0)
	if got := w.Header().Get("Set-Cookie"); strings.Contains(got, "Max-Age") || !strings.HasPrefix(got, "__Host-sallyport-attempt=v;") {
		t.Errorf("a cookie for as long as the browser runs: %q", got)
	}
	w = httptest.NewRecorder()
	web.NewCookies(true).Clear(w, web.DeviceCookie)
	if got := w.Header().Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") || !strings.HasPrefix(got, "__Host-sallyport-device=;") {
		t.Errorf("clearing: %q", got)
	}
}

// B-26: what a neighbour of ours plants is not taken for our cookie.
func TestPlantedCookies(t *testing.T) {
	for _, c := range []struct {
		name, header string
		https        bool
		want         string
	}{
		{"ours", "__Host-sallyport=a", true, "a"},
		{"without the prefix", "sallyport=a", true, ""},
		{"with a prefix that http cannot have", "__Host-sallyport=a", false, ""},
		{"plain on loopback", "sallyport=a", false, "a"},
		{"two that differ", "sallyport=a; sallyport=b", false, ""},
		{"two that do not", "sallyport=a; sallyport=a", false, "a"},
		{"another name", "sallyport-attempt=a", false, ""},
		{"none", "", false, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", c.header)
		if got := web.NewCookies(c.https).Get(r, web.SessionCookie); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLanguageOfARequest(t *testing.T) {
	o := options(t)
	speak := func(w http.ResponseWriter, r *http.Request) error {
		return web.Render(w, r, http.StatusOK, templ.Raw(web.T(r.Context(), "sign_in.title")))
	}
	h := web.Mux([]web.Route{
		{Pattern: "GET /open", Guard: web.Public, Handler: speak},
		{Pattern: "POST /open", Guard: web.Public, Handler: speak},
		{Pattern: "GET /known", Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return speak(w, web.WithLanguage(r, "de", "", "fr"))
		}},
	}, o)
	for _, c := range []struct {
		name, method, path, cookie, accept, lang, text, set string
	}{
		{"nothing said", "GET", "/open", "", "", "en", "Sign in", ""},
		{"the browser asks", "GET", "/open", "", "sv-SE,sv", "sv", "Logga in", ""},
		{"a cookie goes first", "GET", "/open", "sallyport-lang=fr", "sv", "fr", "Se connecter", ""},
		{"a pick is kept", "GET", "/open?lang=de", "sallyport-lang=fr", "sv", "de", "Anmelden", "sallyport-lang=de"},
		{"a pick of a language nobody speaks", "GET", "/open?lang=xx", "", "sv", "sv", "Logga in", ""},
		{"a form picks nothing", "POST", "/open?lang=de", "", "", "en", "Sign in", ""},
		{"a pick stays on the pages after, before the profile", "GET", "/known", "sallyport-lang=sv", "sv", "sv", "Logga in", ""},
		{"the profile goes before the browser", "GET", "/known", "", "sv", "de", "Anmelden", ""},
		{"a pick goes before the profile", "GET", "/known?lang=sv", "", "", "sv", "Logga in", "sallyport-lang=sv"},
		{"a cookie with rubbish", "GET", "/open", "sallyport-lang=<script>", "", "en", "Sign in", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, nil)
			r.Header.Set("Cookie", c.cookie)
			r.Header.Set("Accept-Language", c.accept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Body.String() != c.text || w.Header().Get("Content-Language") != c.lang {
				t.Errorf("says %q in %q", w.Body, w.Header().Get("Content-Language"))
			}
			if set := w.Header().Get("Set-Cookie"); !strings.HasPrefix(set, c.set) || (c.set == "") != (set == "") {
				t.Errorf("cookie %q, want %q", set, c.set)
			}
		})
	}
}
