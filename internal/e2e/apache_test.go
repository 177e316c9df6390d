package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/program"
)

// apacheModules is where the module of OpenID Connect lies beside Apache's own.
func apacheModules(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"} {
		if _, err := os.Stat(filepath.Join(dir, "mod_auth_openidc.so")); err == nil {
			return dir
		}
	}
	need.Missing(t, "mod_auth_openidc (libapache2-mod-auth-openidc)")
	return ""
}

// apache is Apache before an app. What makes it ask us is the console's snippet, to the
// letter; around it stands what any Apache has.
func apache(t *testing.T, at, snippet, secret string) {
	t.Helper()
	bin, modules := need.Tool(t, "apache2", "httpd"), apacheModules(t)
	dir := t.TempDir()
	var conf strings.Builder
	fmt.Fprintf(&conf, "ServerName 127.0.0.1\nServerRoot %q\nDefaultRuntimeDir %q\nPidFile %q\nListen %s\nErrorLog /dev/stderr\nLogLevel warn auth_openidc:info\n", dir, dir, filepath.Join(dir, "pid"), at)
	if os.Geteuid() == 0 {
		conf.WriteString("User www-data\nGroup www-data\n")
	}
	for _, m := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"} {
		so := filepath.Join(modules, "mod_"+m+".so")
		if _, err := os.Stat(so); err == nil { // some are built in
			fmt.Fprintf(&conf, "LoadModule %s_module %q\n", m, so)
		}
	}
	conf.WriteString(snippet)
	fmt.Fprintf(&conf, "ProxyPass / http://%s/\n<Location \"/bye\">\n    Require all granted\n</Location>\n", upstream(t))
	file := filepath.Join(dir, "apache.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SALLYPORT_CLIENT_SECRET", secret)
	run(t, at, bin, "-d", dir, "-f", file, "-DFOREGROUND")
}

// TestAnAppBehindApacheL03: Chromium signs in through mod_auth_openidc, set up by the
// console's own snippet, from another origin; the app sees the claims. Signed out there
// it is out here, and a session that ends here is over there, because Apache was told
// (rows O-04, L-01, L-03).
func TestAnAppBehindApacheL03(t *testing.T) {
	h := house.Open(t, "sqlite")
	at := program.FreeAddr(t)
	site := "http://" + at
	org := h.Organisation("Bakery", "self-service", "")
	anna := h.Enrolled(org, "anna@example.com")
	boss := h.Enrolled(org, "boss@example.com", core.CustomerAdmin)
	a, secret, err := h.Directory.CreateApp(t.Context(), org.ID, directory.AppWish{Name: "Ledger", Doc: core.AppDoc{FirstParty: true, Auth: core.AppSecret,
		RedirectURIs: []string{site + "/callback"}, LogoutURIs: []string{site + "/bye"}, BackchannelURI: site + "/callback?logout=backchannel"}}, access.Shell(), core.Client{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := console.Snippets(a, h.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == "apache" {
			apache(t, at, s.Text, secret)
		}
	}

	p := browser.Open(t).Page()
	enter := func() {
		t.Helper()
		p.Expect("sign-in")
		p.Fill("input[name=login]", anna.Login)
		p.Fill("input[name=password]", anna.Password)
		p.Press("main form button[type=submit]")
		p.Expect("code")
		p.Fill("input[name=code]", anna.Fresh())
		p.Press("main form button[type=submit]")
		p.Expect("app")
	}
	p.Goto(site + "/page?q=1")
	enter()
	if p.URL() != site+"/page?q=1" || p.Text("#path") != "/page?q=1" {
		t.Errorf("led back to %s, %q", p.URL(), p.Text("#path"))
	}
	seen := strings.ToLower(p.Text("main"))
	for name, value := range map[string]string{"sub": string(anna.ID), "email": anna.Login, "iss": h.URL, "aud": string(a.ID), "acr": "urn:sallyport:mfa"} {
		if !strings.Contains(seen, fmt.Sprintf("oidc_claim_%s: [%q]", name, strings.ToLower(value))) {
			t.Errorf("the app does not see %s = %s:\n%s", name, value, seen)
		}
	}

	// Out there is out here, and back at an address of the app's.
	p.Goto(site + "/callback?logout=" + site + "/bye")
	p.Expect("app")
	if p.Text("#path") != "/bye" || strings.Contains(strings.ToLower(p.Text("main")), "oidc_claim") {
		t.Errorf("out at %s: %s", p.URL(), p.Text("main"))
	}
	p.Goto(h.URL + "/account/")
	p.Expect("sign-in")

	// Ended here by somebody else: Apache is told, and knows the browser no more.
	p.Goto(site + "/")
	enter()
	p.Goto(site + "/again")
	p.Expect("app")
	if _, err := h.Directory.EndSessions(t.Context(), anna.ID, h.Proven(boss), core.Client{}); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(30 * time.Second); ; {
		p.Goto(site + "/again")
		if p.Name() == "sign-in" {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("Apache was not told: still at %q", p.Name())
		}
	}
	for _, c := range p.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}
