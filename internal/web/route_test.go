package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// A row that says nothing about who may enter, or names a guard that nobody
// provides, never serves.
func TestRowsWithoutAGuardDoNotStart(t *testing.T) {
	for name, row := range map[string]web.Route{
		"no guard":                {Pattern: "GET /x", Handler: ok},
		"a guard nobody provides": {Pattern: "GET /x", Handler: ok, Guard: web.Session},
		"a guard nobody knows":    {Pattern: "GET /x", Handler: ok, Guard: web.Guard(99)},
		"no handler":              {Pattern: "GET /x", Guard: web.Public},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it started")
				}
			}()
			web.Mux([]web.Route{row}, options(t))
		})
	}
}

func TestGuardsStandBeforeHandlers(t *testing.T) {
	o := options(t)
	o.Guards = map[web.Guard]web.Enter{
		web.Session: func(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
			switch r.Header.Get("Cookie") {
			case "good":
				return r, nil
			case "":
				return nil, web.GoTo("/sign-in")
			}
			return nil, core.ErrForbidden
		},
	}
	entered := 0
	h := web.Mux([]web.Route{{Pattern: "GET /inside/{id}", Guard: web.Session, Handler: func(w http.ResponseWriter, r *http.Request) error {
		entered++
		if r.PathValue("id") != "7" {
			t.Errorf("id %q", r.PathValue("id"))
		}
		return ok(w, r)
	}}}, o)
	for cookie, want := range map[string]int{"good": 200, "": 303, "bad": 403} {
		r := httptest.NewRequest(http.MethodGet, "/inside/7", nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: status %d, want %d", cookie, w.Code, want)
		}
		if want == 303 && w.Header().Get("Location") != "/sign-in" {
			t.Errorf("leads to %q", w.Header().Get("Location"))
		}
	}
	if entered != 1 {
		t.Errorf("the handler ran %d times", entered)
	}
}

// N-13: a form that another site sends is refused on every row but those that
// say otherwise, and so is one from a neighbour on the same domain.
func TestCrossOriginPosts(t *testing.T) {
	h := web.Mux([]web.Route{
		{Pattern: "POST /form", Guard: web.Public, Handler: ok},
		{Pattern: "POST /token", Guard: web.Public, Handler: ok, CrossOrigin: true},
		{Pattern: "GET /page", Guard: web.Public, Handler: ok},
	}, options(t))
	for _, c := range []struct {
		name, method, path, site, origin string
		status                           int
	}{
		{"own page", "POST", "/form", "same-origin", "http://example.com", 200},
		{"typed address", "POST", "/form", "none", "", 200},
		{"another site", "POST", "/form", "cross-site", "https://evil.example", 403},
		{"a neighbour", "POST", "/form", "same-site", "http://other.example.com", 403},
		{"an old browser, another site", "POST", "/form", "", "https://evil.example", 403},
		{"an old browser, own page", "POST", "/form", "", "http://example.com", 200},
		{"a sandbox", "POST", "/form", "", "null", 403},
		{"a program", "POST", "/form", "", "", 200},
		{"a row that allows it", "POST", "/token", "cross-site", "https://app.example", 200},
		{"reading is not changing", "GET", "/page", "cross-site", "https://evil.example", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, nil)
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if c.status == 403 && !strings.Contains(w.Body.String(), `data-code="form.cross_origin"`) {
				t.Error("the refusal does not say why")
			}
		})
	}
}

// A page of somebody else's, one that never was, and one asked with any query
// read the same to the last byte.
func TestNotFoundIsAlwaysTheSame(t *testing.T) {
	o := options(t)
	o.Guards = map[web.Guard]web.Enter{web.Session: func(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
		return nil, fmt.Errorf("tenant of somebody else: %w", core.ErrNotFound.With("tenant", "ten_secret"))
	}}
	h := web.Mux([]web.Route{
		{Pattern: "GET /foreign/{id}", Guard: web.Public, Handler: func(_ http.ResponseWriter, r *http.Request) error { return core.ErrNotFound }},
		{Pattern: "GET /guarded", Guard: web.Session, Handler: ok},
	}, o)
	first := get(t, h, http.MethodGet, "/nothing")
	if first.Code != http.StatusNotFound {
		t.Fatalf("status %d", first.Code)
	}
	if strings.Contains(first.Body.String(), "req_") {
		t.Error("it shows the id of the request")
	}
	for _, path := range []string{"/foreign/7", "/foreign/8?x=1&lang=zz", "/guarded", "/nothing?tenant=a", "/assets/gone.css", "/%00", "/a/b/c.php"} {
		w := get(t, h, http.MethodGet, path)
		if w.Code != first.Code || !bytes.Equal(w.Body.Bytes(), first.Body.Bytes()) {
			t.Errorf("%s: status %d and other bytes:\n%s", path, w.Code, w.Body)
		}
	}
}

func TestWrongMethod(t *testing.T) {
	h := web.Mux([]web.Route{{Pattern: "POST /form", Guard: web.Public, Handler: ok}}, options(t))
	w := get(t, h, http.MethodGet, "/form")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("status %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if !strings.Contains(w.Body.String(), `data-code="method.not_allowed"`) {
		t.Error("no page of ours")
	}
}

// O-04: a form that was posted to a path which is not clean is never sent on; only
// who asks for a page is.
func TestAFormIsNeverSentOnO04(t *testing.T) {
	h := web.Mux([]web.Route{
		{Pattern: "GET /sign-in", Handler: ok, Guard: web.Public}, {Pattern: "POST /sign-in", Handler: ok, Guard: web.Public},
		{Pattern: "/below/", Handler: ok, Guard: web.Public},
	}, options(t))
	for _, path := range []string{"//sign-in", "/./sign-in", "/x/../sign-in", "/below"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, "http://example.com/", strings.NewReader("password=x"))
			r.URL.Path = path
			h.ServeHTTP(w, r)
			if w.Code != http.StatusNotFound || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), `data-code="not_found"`) {
				t.Errorf("%s %s: status %d to %q", method, path, w.Code, w.Header().Get("Location"))
			}
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
		r.URL.Path = path
		if h.ServeHTTP(w, r); w.Header().Get("Location") == "" || w.Code < 300 || w.Code >= 400 {
			t.Errorf("GET %s: status %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestForeignHostIsRefused(t *testing.T) {
	o := options(t)
	o.Hosts = func(host string) bool { return host == "localhost:8080" }
	h := web.Mux([]web.Route{{Pattern: "GET /", Guard: web.Public, Handler: ok}}, o)
	for host, want := range map[string]int{"localhost:8080": 200, "evil.example": 421, "": 421} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: status %d, want %d", host, w.Code, want)
		}
	}
}

func TestErrorsBecomeAnswers(t *testing.T) {
	kinds := map[core.Kind]int{
		core.KindInvalid: 422, core.KindUnauthenticated: 401, core.KindForbidden: 403, core.KindNotFound: 404, core.KindConflict: 409,
		core.KindStale: 412, core.KindLimited: 429, core.KindTooLarge: 413, core.KindUnavailable: 503, core.KindInternal: 500, core.Kind(99): 500,
	}
	for kind, want := range kinds {
		h := web.Mux([]web.Route{{Pattern: "GET /", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error {
			return fmt.Errorf("doing it: %w", core.NewFault(kind, "some.code").After(61*time.Second))
		}}}, options(t))
		w := get(t, h, http.MethodGet, "/")
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", kind, w.Code, want)
		}
		if got := w.Header().Get("Retry-After"); (got == "61") != (kind == core.KindLimited) {
			t.Errorf("%s: Retry-After %q", kind, got)
		}
		if !strings.Contains(w.Body.String(), `data-page="error"`) || !strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("%s: no error page", kind)
		}
	}
}

// What is not a fault is logged and never shown.
func TestMistakesAreHidden(t *testing.T) {
	var log bytes.Buffer
	o := options(t)
	o.Log = slog.New(slog.NewJSONHandler(&log, nil))
	var watched []web.Watched
	o.Watch = func(w web.Watched) { watched = append(watched, w) }
	h := web.Mux([]web.Route{
		{Pattern: "GET /error/{token}", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error {
			return errors.New("dial 10.0.0.7: refused")
		}},
		{Pattern: "GET /panic/{token}", Guard: web.Public, Handler: func(http.ResponseWriter, *http.Request) error {
			panic("index out of range in /secret/path.go")
		}},
		{Pattern: "GET /half", Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.Render(w, r, http.StatusOK, templ.Join(templ.Raw("<p>half a page"), templ.ComponentFunc(broken)))
		}},
	}, o)
	for i, path := range []string{"/error/TOKENTOKEN", "/panic/TOKENTOKEN", "/half"} {
		log.Reset()
		w := get(t, h, http.MethodGet, path)
		body := w.Body.String()
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%s: status %d", path, w.Code)
		}
		for _, secret := range []string{"10.0.0.7", "index out of range", "path.go", "half a page", "broken component", "goroutine"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
		id := fmt.Sprintf("req_%d", i+1)
		if !strings.Contains(body, id) {
			t.Errorf("%s does not show its id %s", path, id)
		}
		var line map[string]any
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatalf("%s: not one line of log: %s", path, log.String())
		}
		if line["request_id"] != id || line["level"] != "ERROR" || line["error"] == nil {
			t.Errorf("%s: log %v", path, line)
		}
		// Single-use tokens are in paths: the log has the pattern.
		if strings.Contains(log.String(), "TOKENTOKEN") {
			t.Errorf("the log has the path: %s", log.String())
		}
	}
	if len(watched) != 3 || watched[0].Pattern != "GET /error/{token}" || watched[0].Status != 500 {
		t.Errorf("watched %v", watched)
	}
}

func TestRedraw(t *testing.T) {
	form := templ.Raw("<form></form>")
	for _, c := range []struct {
		err    error
		status int
		form   bool
	}{
		{core.ErrCodeMismatch, 422, true},
		{core.ErrFactorLocked.After(90 * time.Second), 429, true},
		{core.ErrForbidden, 403, false},
		{core.ErrUnavailable, 503, false},
		{errors.New("x"), 500, false},
	} {
		h := web.Mux([]web.Route{{Pattern: "POST /", Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.Redraw(w, r, c.err, form)
		}}}, options(t))
		w := get(t, h, http.MethodPost, "/")
		if w.Code != c.status || strings.Contains(w.Body.String(), "<form></form>") != c.form {
			t.Errorf("%v: status %d, %s", c.err, w.Code, w.Body)
		}
		if c.status == 429 && w.Header().Get("Retry-After") != "90" {
			t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
		}
	}
}

func TestLocalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/account/": "/account/", "/a?b=c#d": "/a?b=c#d", "": "/", "account": "/", "https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/",
		`\\evil.example`: "/", "/\tevil": "/", "/\n/evil.example": "/", "javascript:alert(1)": "/", "/\xff": "/", "/x\x00": "/",
	} {
		if got := web.LocalPath(path); got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
}
