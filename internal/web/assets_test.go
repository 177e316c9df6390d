package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/web"
)

func get(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestAssetsAreKeptByTheirContent(t *testing.T) {
	h := web.Mux(nil, options(t))
	for name, kind := range map[string]string{"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "favicon.svg": "image/svg+xml"} {
		want, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		w := get(t, h, http.MethodGet, web.Asset(name))
		if w.Code != http.StatusOK || w.Body.String() != string(want) {
			t.Errorf("%s: status %d, %d bytes of %d", name, w.Code, w.Body.Len(), len(want))
		}
		if got := w.Header().Get("Content-Type"); got != kind {
			t.Errorf("%s is a %s", name, got)
		}
		if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
		if w := get(t, h, http.MethodHead, web.Asset(name)); w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: status %d, %d bytes", name, w.Code, w.Body.Len())
		}
	}
	// The file of another release, the plain name and what stands beside it.
	for _, path := range []string{"/assets/app.0000000000000000.css", "/assets/app.css", "/assets/", "/assets/../route.go", web.Asset("app.css") + "/"} {
		if w := get(t, h, http.MethodGet, path); w.Code == http.StatusOK {
			t.Errorf("%s answers %d", path, w.Code)
		} else if strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: a refusal is kept for ever", path)
		}
	}
}

// The product asks no third party for anything.
func TestAssetsAskNobodyElse(t *testing.T) {
	for _, name := range []string{"app.css", "app.js", "favicon.svg"} {
		body, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(body), `xmlns="http://www.w3.org/2000/svg"`, "")
		if m := regexp.MustCompile(`https?:|//[a-z]+\.|@import|url\(|eval\(|innerHTML`).FindString(text); m != "" {
			t.Errorf("%s has %q", name, m)
		}
	}
}

// The dark values stand twice, once for the system's wish and once for the
// page's own theme, because the oldest browsers that we serve know no way to
// say it once.
func TestDarkStandsTwiceTheSame(t *testing.T) {
	body, err := os.ReadFile("assets/app.css")
	if err != nil {
		t.Fatal(err)
	}
	block := func(selector string) map[string]string {
		_, after, ok := strings.Cut(string(body), selector+" {")
		if !ok {
			t.Fatalf("no %s", selector)
		}
		inside, _, _ := strings.Cut(after, "}")
		out := map[string]string{}
		for _, m := range regexp.MustCompile(`(--[a-z0-9-]+): ([^;]+);`).FindAllStringSubmatch(inside, -1) {
			out[m[1]] = m[2]
		}
		return out
	}
	wish, own := block(`:root:not([data-theme="light"])`), block(`:root[data-theme="dark"]`)
	if len(wish) < 30 {
		t.Fatalf("only %d dark values", len(wish))
	}
	for name, value := range wish {
		if own[name] != value {
			t.Errorf("%s is %s by wish and %s by theme", name, value, own[name])
		}
	}
	light := block(":root")
	for name := range own {
		if _, ok := light[name]; !ok {
			t.Errorf("%s is dark only", name)
		}
	}
	// Every token that is used is one that exists.
	for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)\)`).FindAllStringSubmatch(string(body), -1) {
		if _, ok := light[m[1]]; !ok {
			t.Errorf("%s is used and not set", m[1])
		}
	}
}
