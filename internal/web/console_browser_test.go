package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	chromium "sallyport/internal/testkit/browser"
	"sallyport/internal/web"
)

// The pages of administration hold to WCAG 2.2 AA, in German, wide and light, and on
// a phone in the dark. Scripts are off: nothing of them needs one.
func TestAdministrationIsAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	var routes []web.Route
	pages := consoleSamples()
	for _, s := range pages {
		routes = append(routes, web.Route{Pattern: "GET /" + s.name, Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.Render(w, r, http.StatusOK, s.page)
		}})
	}
	server := httptest.NewServer(web.Mux(routes, options(t)))
	defer server.Close()
	page := chromium.Open(t).Page()
	for _, look := range []struct {
		wide int
		dark bool
	}{{1280, false}, {320, true}} {
		page.Size(look.wide, 900)
		page.Dark(look.dark)
		for _, s := range pages {
			page.Goto(server.URL + "/" + s.name + "?lang=de")
			page.Accessible()
		}
	}
	if c := page.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %v", c)
	}
}

// The switch brings its button out when it is slid, and the menu of a narrow window
// opens, both without a script.
func TestTheSwitchAndTheMenuNeedNoScript(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	var routes []web.Route
	for _, s := range consoleSamples() {
		routes = append(routes, web.Route{Pattern: "GET /" + s.name, Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.Render(w, r, http.StatusOK, s.page)
		}})
	}
	server := httptest.NewServer(web.Mux(routes, options(t)))
	defer server.Close()
	page := chromium.Open(t).Page()
	page.NoScripts()
	visible := func(selector string) bool {
		return chromium.Eval[bool](page, `(e => !!e && e.offsetParent !== null)(document.querySelector("`+selector+`"))`)
	}
	for name, deed := range map[string]string{"tenant-security.off": "enable", "tenant-security": "disable"} {
		page.Goto(server.URL + "/" + name)
		if visible(".slid") {
			t.Errorf("%s: the button is there before the switch is slid", name)
		}
		page.Click("#mfa")
		page.Await(".slid")
		if got := chromium.Eval[string](page, `document.querySelector(".slid").form.action`); got != server.URL+"/admin/tenants/tn_huber/security/"+deed {
			t.Errorf("%s: it leads to %s", name, got)
		}
	}
	page.Size(360, 800)
	page.Goto(server.URL + "/users")
	if visible("#side") {
		t.Error("the menu is open")
	}
	page.Click(".menu-link")
	page.Await("#side")
}

// Without scripts the file with the recovery code has a button of its own. It stands
// in the card that shows the code, at the door and in the account, wide and narrow.
func TestTheFileStandsInItsCard(t *testing.T) {
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
	page := chromium.Open(t).Page()
	page.NoScripts()
	for _, wide := range []int{1000, 320} {
		page.Size(wide, 1200)
		for _, name := range []string{"recovery-code", "recovery-code.ten", "recovery-code.account"} {
			page.Goto(server.URL + "/" + name + "?lang=de")
			out := chromium.Eval[[]string](page, `(() => {
				const file = document.getElementById("recovery-file"), card = file.closest(".panel, .card")
				if (!card || !file.querySelector("noscript p")) return ["no card, or no sentence"]
				const c = card.getBoundingClientRect()
				return [...file.querySelectorAll("button, p")].filter(e => {
					const r = e.getBoundingClientRect()
					return r.width === 0 || r.left < c.left + 8 || r.right > c.right - 8 || r.top < c.top + 8 || r.bottom > c.bottom - 8
				}).map(e => e.textContent.trim())
			})()`)
			if len(out) > 0 {
				t.Errorf("%s, %d px: outside of the card: %q", name, wide, out)
			}
		}
	}
}
