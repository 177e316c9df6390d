package e2e

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/program"
)

// doors of the demo's start page, with the page behind each.
var doors = map[string]string{"operator": "admin-home", "partner": "admin-home", "customer": "admin-home", "person": "setup-required"}

// through goes through a door and answers what may stand behind it before the page.
func (v *visit) through(door, want string) {
	v.t.Helper()
	page, err := v.Post("/demo/doors/"+door, nil)
	if err == nil && page.Name == "trust-browser" {
		page, err = v.Submit(page, "trust", "no")
	}
	v.want(want)(page, err)
}

// TestDoors: on both stores each of the four doors leads in as its person with one
// click, also more often than a code can be used, and says so when it cannot.
func TestDoors(t *testing.T) {
	stores(t, func(t *testing.T, o program.Options) {
		p := program.Demo(t, o)
		for door, want := range doors {
			for range 4 {
				v := newVisit(t, p)
				if !v.get("/", "start").Tells("data-door", door) {
					t.Fatalf("no door %s", door)
				}
				v.through(door, want)
			}
		}
		v := newVisit(t, p)
		if page, err := v.Post("/demo/doors/cellar", nil); err != nil || page.Status != 404 {
			t.Errorf("a door that is not there: status %d, %v", page.Status, err)
		}
		// One browser goes through one door after the other: the last one counts.
		for _, door := range []string{"operator", "person", "partner"} {
			v.through(door, doors[door])
		}
		if page := v.get("/", "start"); !strings.Contains(page.Text, "Signed in as Eva Nordmann") {
			t.Errorf("after the partner's door: %s", page.Text)
		}

		// A door knows what its person did meanwhile.
		v = newVisit(t, p)
		page := v.want("setup-required")(v.Post("/demo/doors/person", nil))
		page = v.submit(page, "enrol-totp")
		var clock struct{ Now time.Time }
		p.GetJSON(t, "/demo/clock", &clock)
		page = v.submit(page, "setup-key-sheet", "code", house.CodeAt(t, page.Of("data-setup-key"), clock.Now))
		v.submit(v.submit(page, "trust-browser"), "account", "trust", "no")
		newVisit(t, p).through("person", "account")
		v.through("customer", "admin-home")
		for _, who := range people(t, p) {
			if who.Name == "Sofie Bachmann" {
				v.submit(v.get("/admin/users/"+who.ID+"/disable", "person-disable"), "person")
			}
		}
		v = newVisit(t, p)
		page, err := v.Post("/demo/doors/person", nil)
		if err == nil {
			err = page.Refused("demo.door_shut")
		}
		if err != nil || page.Name != "start" || !page.Tells("data-door", "person") {
			t.Errorf("who may not sign in: page %q, %v", page.Name, err)
		}
		v.get("/account/", "sign-in")
	})
}

// TestDoorsInTheBrowser looks at the start page in every language, light and dark,
// narrow and wide, and goes through each door without scripts.
func TestDoorsInTheBrowser(t *testing.T) {
	p := program.Demo(t, program.Options{})
	chromium := browser.Open(t)
	dir := pictures(t)
	for _, lang := range []string{"en", "de", "fr", "sv"} {
		page := chromium.Page()
		page.Language(lang)
		page.Goto(p.URL + "/")
		s := &teller{t: t, demo: p, who: person{Locale: lang}, page: page, dir: dir}
		s.look("start")
		for _, wide := range []int{480, 768, 1920} {
			page.Size(wide, 900)
			if browser.Eval[bool](page, `document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
				t.Errorf("%s: the start page scrolls sideways at %d px", lang, wide)
			}
		}
		if lang == "en" {
			// Behind the first door: the switch of the bakery, with its bar.
			page.Size(1280, 900)
			page.Press(`[data-door="operator"] button`)
			for _, who := range people(t, p) {
				if who.Name == "Martin Huber" {
					page.Goto(p.URL + "/admin/tenants/" + who.TenantID + "/security")
				}
			}
			s.look("tenant-security")
			if got := page.Attr("[data-progress]", "data-progress"); got != "4/41" {
				t.Errorf("the bar says %s", got)
			}
		}
		for _, c := range page.Complaints() {
			t.Errorf("the browser complains: %s", c)
		}
	}
	for door, want := range doors {
		page := chromium.Page()
		page.NoScripts()
		page.Goto(p.URL + "/")
		page.Press(`[data-door="` + door + `"] button`)
		if page.Has(`main[data-page="trust-browser"]`) {
			page.Press(`main button[value=no]`)
		}
		page.Expect(want)
		if got := page.Complaints(); len(got) > 0 {
			t.Errorf("%s: the browser complains: %v", door, got)
		}
	}
}
