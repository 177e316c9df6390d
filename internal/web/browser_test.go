package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sallyport/internal/web"
)

// browser starts Chromium, or skips; with CI set its absence is a failure.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium on this machine")
		}
		t.Skip("no Chromium on this machine")
	}
	// The sandbox needs a user that is not root.
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, done := chromedp.NewContext(alloc)
	t.Cleanup(done)
	ctx, late := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(late)
	return ctx
}

// TestPagesFitNarrowScreens opens every page 320 px wide, the
// width that is left on a wide screen at 400 % zoom: nothing may scroll
// sideways, and what is pressed has to be big enough to be hit.
func TestPagesFitNarrowScreens(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	pages := samples(t)
	var routes []web.Route
	for _, s := range pages {
		routes = append(routes, web.Route{Pattern: "GET /" + s.name, Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.Render(w, r, http.StatusOK, s.page)
		}})
	}
	server := httptest.NewServer(web.Mux(routes, options(t)))
	defer server.Close()
	ctx := browser(t)

	// 24 px is the least that WCAG 2.2 asks of a target; on sign-in pages ours
	// are 44 px, but for links within sentences. The target of a box or a choice is
	// its whole label.
	const small = `[...document.querySelectorAll("button, .btn, input:not([type=hidden]):not([type=checkbox]):not([type=radio]):not(.unseen), select, summary")]
		.filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80))`
	const wide = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
	do(t, ctx, chromedp.EmulateViewport(320, 900), chromedp.Navigate(server.URL+"/sign-in"))
	if width := ask[int](t, ctx, `document.documentElement.clientWidth`); width > 320 {
		t.Fatalf("the window is %d px wide", width)
	}
	for _, s := range pages {
		for _, tag := range []string{"de", "fr"} { // the two with the longest words
			do(t, ctx, chromedp.Navigate(server.URL+"/"+s.name+"?lang="+tag))
			if over := ask[int](t, ctx, wide); over > 0 {
				t.Errorf("%s %s scrolls sideways by %d px", s.name, tag, over)
			}
			if tiny := ask[[]string](t, ctx, small); len(tiny) > 0 {
				t.Errorf("%s %s has small targets: %v", s.name, tag, tiny)
			}
		}
	}
}

// TestScriptUncoversItsButtons: what needs a script starts hidden and is
// uncovered by it, under the policy that pages really carry.
func TestScriptUncoversItsButtons(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	var routes []web.Route
	for _, s := range samples(t) {
		routes = append(routes, web.Route{Pattern: "GET /" + s.name, Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.Render(w, r, http.StatusOK, s.page)
		}})
	}
	server := httptest.NewServer(web.Mux(routes, options(t)))
	defer server.Close()
	ctx := browser(t)

	do(t, ctx, chromedp.Navigate(server.URL+"/sign-in"),
		chromedp.SetValue("#password", "correct horse"), chromedp.Click("[data-show]", chromedp.NodeVisible))
	if kind := ask[string](t, ctx, `document.getElementById("password").type`); kind != "text" {
		t.Errorf("the password is still of type %q", kind)
	}
	if pressed := ask[string](t, ctx, `document.querySelector("[data-show]").getAttribute("aria-pressed")`); pressed != "true" {
		t.Errorf("the button says pressed=%q", pressed)
	}
	do(t, ctx, chromedp.Navigate(server.URL+"/recovery-code"))
	if n := ask[int](t, ctx, `[...document.querySelectorAll("[data-copy],[data-download],[data-print]")].filter(b => !b.hidden).length`); n != 3 {
		t.Errorf("%d of copy, download and print are there", n)
	}
	do(t, ctx, chromedp.Navigate(server.URL+"/code.wrong"))
	if focus := ask[string](t, ctx, `document.activeElement.id`); focus != "code" {
		t.Errorf("after a wrong code the focus is on %q", focus)
	}
	if size := ask[string](t, ctx, `getComputedStyle(document.getElementById("code")).fontSize`); size != "28px" {
		t.Errorf("the style sheet did not apply: %s", size)
	}
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func ask[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return answer
}
