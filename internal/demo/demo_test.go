package demo

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/internal/web"
)

func TestTheBarIsEmptyAndFullOnlyAtItsEnds(t *testing.T) {
	for _, c := range []struct {
		done, of int
		want     string
	}{{0, 41, "░░░░░░░░░░"}, {1, 41, "█░░░░░░░░░"}, {4, 41, "█░░░░░░░░░"}, {21, 41, "█████░░░░░"}, {40, 41, "█████████░"}, {41, 41, "██████████"}, {0, 0, "░░░░░░░░░░"}} {
		if got := cells(c.done, c.of); got != c.want {
			t.Errorf("%d of %d: %s, want %s", c.done, c.of, got, c.want)
		}
	}
}

func TestLongProofsAreFolded(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("Bäckerei Huber → ", 20))
	lines := strings.Split(folded(text), "\n")
	for i, l := range lines {
		if i > 0 {
			if !strings.HasPrefix(l, strings.Repeat(" ", 39)) {
				t.Errorf("line %d does not stand below the first: %q", i, l)
			}
			l = l[39:]
		}
		if n := len([]rune(l)); n > 90 || n == 0 || strings.TrimSpace(l) != l {
			t.Errorf("line %d has %d characters: %q", i, n, l)
		}
		lines[i] = l
	}
	if len(lines) < 2 || strings.Join(lines, " ") != text {
		t.Errorf("words were lost: %q", lines)
	}
	if folded("short") != "short" {
		t.Error("what is short was folded")
	}
}

// Nobody is counted twice, and no two people have the same name or password.
func TestEverybodyIsSomebody(t *testing.T) {
	if len(bakers)+len(branch) != atHuber {
		t.Errorf("%d people at the bakery, not %d", len(bakers)+len(branch), atHuber)
	}
	if len(loaves)*len(places) < atHuber {
		t.Error("there are fewer passwords than people")
	}
	seen := map[string]bool{}
	for _, name := range append(append([]string{}, bakers...), branch...) {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
	for name := range staff {
		if !seen[name] {
			t.Errorf("%s has a role and is nobody", name)
		}
	}
}

// Before the walk is over there is no door to go through, and the page says why.
func TestTheStartPageDuringTheWalk(t *testing.T) {
	mux := web.Mux([]web.Route{{Pattern: "GET /{$}", Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
		return web.Render(w, r, http.StatusOK, Start(StartPage{}))
	}}}, web.Options{RequestID: func() string { return "rq_1" }, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for lang, want := range map[string]string{"en": "The walk is under way.", "de": "Der Rundgang läuft noch.", "fr": "La visite est en cours.", "sv": "Rundturen pågår."} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", lang)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, "<form") {
			t.Errorf("%s: status %d\n%s", lang, w.Code, body)
		}
	}
}
