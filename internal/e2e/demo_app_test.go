package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/demo"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/program"
)

// named is one of the demo's people.
func named(t *testing.T, p *program.Process, name string) person {
	t.Helper()
	for _, who := range people(t, p) {
		if who.Name == name {
			return who
		}
	}
	t.Fatalf("nobody is called %s", name)
	return person{}
}

// TestDemoApp: the demo's small app takes only what it asked for, knows nobody whose
// sign-in is over, and shows no token to anybody.
func TestDemoApp(t *testing.T) {
	stores(t, func(t *testing.T, o program.Options) {
		o.Env = append(o.Env, "SALLYPORT_LOG_LEVEL=debug")
		p := program.Demo(t, o)
		claire := named(t, p, "Claire Moreau")
		v := newVisit(t, p)
		page := v.submit(v.get("/demo/app", "demo-app"), "sign-in")
		page = v.submit(page, "demo-app", "login", claire.Login, "password", claire.Password)
		if !page.Tells("data-acr", "urn:sallyport:password") || !page.Tells("data-amr", "pwd") || !strings.Contains(page.Text, "Claire Moreau") {
			t.Errorf("the app says of her: %s", page.Text)
		}
		for _, which := range []string{"id", "access"} {
			if said := page.OfValue("data-claims", which); !strings.Contains(said, `"iss": "`+p.URL+`"`) || !strings.Contains(said, claire.ID) {
				t.Errorf("what the %s token says: %s", which, said)
			}
		}
		if strings.Contains(page.Raw, "eyJ") {
			t.Error("a token stands on the page")
		}

		// Who has nothing to show more gets the same again, and is told so by the token.
		if page = v.submit(page, "demo-app"); !page.Tells("data-acr", "urn:sallyport:password") {
			t.Errorf("acr %q", page.Value("data-acr"))
		}

		// An answer is taken once, where it was begun, and of the provider only.
		for what, q := range map[string]url.Values{
			"an answer to nothing":       {"code": {"x"}, "state": {"x"}, "iss": {p.URL}},
			"an answer without a state":  {"code": {"x"}, "iss": {p.URL}},
			"an answer of somebody else": {"code": {"x"}, "state": {""}, "iss": {"https://id.example.com"}},
		} {
			for _, at := range []*visit{v, newVisit(t, p)} {
				if page, err := at.Get("/demo/app/callback?" + q.Encode()); err != nil || page.Refused("demo.app_unknown") != nil {
					t.Errorf("%s: page %q, fault %q, %v", what, page.Name, page.Fault, err)
				}
			}
		}
		if !v.get("/demo/app", "demo-app").Tells("data-acr", "urn:sallyport:password") {
			t.Error("an answer that was refused signed her out")
		}

		// Her tokens are renewed as long as her sign-in stands, by no other browser.
		if page := v.want("demo-app")(v.Post("/demo/app/renew", nil)); !page.Tells("data-renewed", "1") {
			t.Errorf("renewed %q times", page.Value("data-renewed"))
		}
		if page, err := newVisit(t, p).Post("/demo/app/renew", nil); err != nil || page.Refused("demo.app_over") != nil {
			t.Errorf("a stranger's renewal: page %q, fault %q, %v", page.Name, page.Fault, err)
		}
		v.want("signed-out")(v.Post("/sign-out", nil))
		if page, err := v.Post("/demo/app/renew", nil); err != nil || page.Refused("demo.app_over") != nil || page.Tells("data-acr", "urn:sallyport:password") {
			t.Errorf("after her sign-out: page %q, fault %q, %v", page.Name, page.Fault, err)
		}

		// Signing out in the app signs out here.
		page = v.submit(v.submit(v.get("/demo/app", "demo-app"), "sign-in"), "demo-app", "login", claire.Login, "password", claire.Password)
		if !strings.Contains(page.Raw, "/demo/app/sign-out") {
			t.Fatalf("the app knows nobody: %s", page.Text)
		}
		if page = v.want("demo-app")(v.Post("/demo/app/sign-out", nil)); strings.Contains(page.Raw, "data-acr") {
			t.Error("the app still knows her")
		}
		v.get("/account/", "sign-in")
		if log := p.Stderr(); !strings.Contains(log, "/demo/app/renew") || strings.Contains(log, "eyJ") {
			t.Error("the log does not tell of the app, or it has a token in it")
		}
	})
}

// TestDemoAppUnderBothNames: the demo has two names, and the app keeps to the one that
// the browser uses.
func TestDemoAppUnderBothNames(t *testing.T) {
	p := program.Demo(t, program.Options{})
	claire := named(t, p, "Claire Moreau")
	for _, name := range []string{"localhost", "127.0.0.1"} {
		v := &visit{Visitor: demo.NewVisitor(strings.Replace(p.URL, "localhost", name, 1), "en"), t: t}
		page := v.submit(v.submit(v.get("/demo/app", "demo-app"), "sign-in"), "demo-app", "login", claire.Login, "password", claire.Password)
		if !page.Tells("data-acr", "urn:sallyport:password") {
			t.Errorf("%s: %s", name, page.Text)
		}
		v.want("demo-app")(v.Post("/demo/app/sign-out", nil))
	}
}

// TestDemoAppInTheBrowser signs in to the small app with Chromium, once without scripts,
// asks for more and signs out, and looks at its page in every language.
func TestDemoAppInTheBrowser(t *testing.T) {
	p := program.Demo(t, program.Options{})
	chromium := browser.Open(t)
	dir := pictures(t)
	owen := named(t, p, "Owen Clarke")
	for i, lang := range []string{"en", "de", "fr", "sv"} {
		page := chromium.Page()
		page.Language(lang)
		if i == 3 {
			page.NoScripts()
		}
		s := &teller{t: t, demo: p, who: person{Locale: lang}, page: page, dir: dir}
		see := func() {
			if i < 3 {
				s.look("demo-app")
			}
			page.Expect("demo-app")
		}
		page.Goto(p.URL + "/demo/app")
		see()
		page.Press(`form[action="/demo/app/sign-in"] button`)
		page.Fill("#login", owen.Login)
		page.Fill("#password", owen.Password)
		page.Press("main form button[type=submit]")
		page.Expect("code")
		var clock struct{ Now time.Time }
		advance(t, p.URL, "30s")
		p.GetJSON(t, "/demo/clock", &clock)
		page.Fill("#code", house.CodeAt(t, owen.SetupKey, clock.Now))
		page.Press("main form button[type=submit]")
		see()
		page.Press(`form[action="/demo/app/renew"] button`)
		page.Press(`form[action="/demo/app/sign-in"] button`)
		page.Expect("demo-app")
		if got := page.Attr("[data-acr]", "data-acr"); got != "urn:sallyport:mfa" {
			t.Errorf("%s: the token says %q", lang, got)
		}
		page.Press(`form[action="/demo/app/sign-out"] button`)
		page.Expect("demo-app")
		if page.Has("[data-acr]") {
			t.Errorf("%s: the app still knows him", lang)
		}
		for _, c := range page.Complaints() {
			t.Errorf("%s: the browser complains: %s", lang, c)
		}
	}
}
