package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sallyport/internal/testkit/program"
)

// TestSelectedAppsInTheBrowser walks the way of an organisation that asks for a second
// factor in one of its apps, in German and on both stores: its administrator chooses
// the mode and switches the app on; who has only shown a password goes on in every
// other app, keeps session and tokens, and sets a factor up on the way into that one.
func TestSelectedAppsInTheBrowser(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, "selected-apps-"+engine, "de", engine)
			org := w.tenant("customer", "Ringwerk GmbH", "", "--preset", "organization-wide", "--settings",
				w.document(`{"requirement":[],"locale":"de","time_zone":"Europe/Berlin","recommended_app":"Duo Mobile"}`))
			security := "/admin/tenants/" + org + "/security"
			lena, jonas := w.person("lena", "Lena Vogt", org, "customer_admin"), w.person("jonas", "Jonas Weber", org)
			ledger, till := w.relying("Ledger", org), w.relying("Kasse", org)
			in := func(a *relying) {
				t.Helper()
				jonas.Goto(a.url)
				jonas.Press("#in")
				if jonas.Name() == "consent" { // the first time
					jonas.look("consent")
					jonas.Press("main form button[value=allow]")
				}
			}

			// Before: a password is enough everywhere.
			w.step("WBX-03")
			jonas.knock()
			jonas.Expect("account")
			for _, a := range []*relying{ledger, till} {
				in(a)
				jonas.Expect("ledger")
				if got := jonas.Text("#acr"); got != "urn:sallyport:password" {
					w.errorf("a password alone is %q to an app", got)
				}
			}
			earlier := ledger.token

			// The mode asks nobody yet, since no app is selected.
			lena.knock()
			lena.open(security, "tenant-security")
			lena.Click("input[name=requirement][value=organization]")
			lena.Click("input[name=requirement][value=selected_apps]")
			lena.Click("#mfa")
			lena.Await(".slid")
			lena.Press(".slid")
			lena.look("enable-preview")
			if got := lena.Attr(`[data-effect="not_asked"]`, "data-count"); got != "2" || lena.Has(`[data-effect="asked"]`) || lena.Has(`[data-effect="apps_open"]`) {
				w.errorf("%s are not asked, and more", got)
			}
			lena.confirm()
			lena.look("tenant-security")
			lena.reads(w.say("selected.nothing"))
			lena.progress("0/0")

			// One app, with what that would do.
			row := `tr[data-app="` + ledger.conf.ClientID + `"] `
			lena.Click(row + ".switch")
			lena.Await(row + ".slid")
			lena.Press(row + ".slid")
			lena.look("select-app")
			if got := lena.Attr(`[data-effect="app_open"]`, "data-count"); got != "1" || lena.Has(`[data-effect="apps_open"]`) {
				w.errorf("%s set a factor up on opening it", got)
			}
			lena.confirm()
			lena.look("tenant-security")
			if !lena.Has(`tr[data-app="`+ledger.conf.ClientID+`"][data-selected]`) || lena.Has(`tr[data-app="`+till.conf.ClientID+`"][data-selected]`) {
				w.errorf("another app is selected")
			}
			lena.progress("0/1")
			lena.open("/admin/tenants/"+org+"/users?status=setup_required", "users")
			lena.within("main", "Jonas Weber")
			if got := lena.status(jonas); got != w.say("status.setup_required") {
				w.errorf("the table says of who used the app: %q", got)
			}
			lena.readsNot("Lena Vogt")

			// Nothing that was there has ended.
			w.step("WBX-07", "WBX-14")
			jonas.open("/account/", "account")
			if again, err := ledger.conf.TokenSource(t.Context(), &oauth2.Token{RefreshToken: earlier.RefreshToken}).Token(); err != nil || again.AccessToken == earlier.AccessToken {
				w.errorf("the refresh token from before: %v", err)
			} else if left := time.Until(again.Expiry); left > 5*time.Minute || left < 2*time.Minute {
				w.errorf("its access token is good for %v", left)
			}
			w.step("WBX-03")
			in(till)
			jonas.Expect("ledger")

			// The app asks, sets up on the way, and is open then.
			w.step("WBX-06", "WBX-03")
			in(ledger)
			jonas.look("sign-in")
			jonas.reads("Ledger")
			if jonas.Has("#login:not([readonly])") {
				jonas.Fill("#login", jonas.login)
			}
			jonas.Fill("#password", jonas.password)
			jonas.Press("main form button[type=submit]")
			jonas.look("setup-required")
			if jonas.Has("button[value=skip]") {
				w.errorf("it can be put off on the way into the app")
			}
			jonas.submit()
			jonas.look("enrol-totp")
			jonas.scan()
			jonas.answer()
			jonas.Expect("ledger")
			if got := jonas.Text("#acr"); got != "urn:sallyport:mfa" {
				w.errorf("the app is told %q", got)
			}
			lena.open(security, "tenant-security")
			lena.progress("1/1")

			// The whole organisation as well: the strictest wins, and the bar says so.
			w.step("WBX-05")
			lena.Click("input[name=requirement][value=organization]")
			lena.Press(`form[action$="/security/enable"] button[type=submit]`)
			lena.look("enable-preview")
			lena.confirm()
			lena.look("tenant-security")
			lena.progress("1/2")
			jonas.open("/account/", "account")

			w.walkedAll([]string{"WBX-03", "WBX-05", "WBX-06", "WBX-07", "WBX-14"})
			w.quiet(jonas, ledger.url, till.url)
			w.done(lena)
		})
	}
}

// relying makes an app of an organisation, and serves it.
func (w *walk) relying(name, org string) *relying {
	w.t.Helper()
	a := &relying{t: w.t, url: "http://" + program.FreeAddr(w.t), waiting: map[string]string{}, now: time.Now}
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	out := w.site.run("", "app", "create", "--json", "--tenant", org, "--name", name, "--redirect-uri", a.url+"/cb")
	if err := json.Unmarshal([]byte(out), &app); err != nil || app.Secret == "" {
		w.t.Fatalf("app create: %v\n%s", err, out)
	}
	var err error
	if a.provider, err = oidc.NewProvider(w.t.Context(), w.p.URL); err != nil {
		w.t.Fatal(err)
	}
	a.conf = oauth2.Config{ClientID: app.ID, ClientSecret: app.Secret, Endpoint: a.provider.Endpoint(), RedirectURL: a.url + "/cb", Scopes: []string{"openid", "email"}}
	a.serve()
	return a
}
