package proxycheck_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// A rule asks for more on some paths: the browser is sent to show it, a program is
// told, and what was shown is good for the whole app.
func TestStepUpByPath(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bakery", "self-service", "")
		p := h.Person(org, "anna@example.com")
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		v := newVisitor(h)
		p.Enter(v.in)
		wiki.enter(v, "/")
		if a := wiki.ask(v, "/page"); a.Status != http.StatusOK || a.Header.Get("Remote-Acr") != "urn:sallyport:password" {
			t.Fatalf("with a password: %d, %q", a.Status, a.Header.Get("Remote-Acr"))
		}
		for _, path := range []string{"/admin", "/admin/", "/admin/users?x=1", "/%61dmin", "/ADMIN/x"} {
			if a := wiki.ask(v, path); a.Status != http.StatusFound {
				t.Errorf("%s with a password: %d", path, a.Status)
			}
			a := wiki.ask(v, path, "Accept", "application/json")
			if a.Status != http.StatusUnauthorized || !strings.Contains(a.Header.Get("WWW-Authenticate"), `acr_values="urn:sallyport:mfa"`) {
				t.Errorf("%s by a program: %d, %q", path, a.Status, a.Header.Get("WWW-Authenticate"))
			}
		}
		if !wiki.passes(v, "/administrators") {
			t.Error("a path that only begins alike")
		}
		// They have no second factor yet, so one is set up on the way.
		a := wiki.follow(v, wiki.ask(v, "/admin"))
		if !strings.HasPrefix(a.Location, "/sign-in?again=yes") {
			t.Errorf("nothing enrolled: to %q", a.Location)
		}

		q := h.Enrolled(org, "berta@example.com")
		w := newVisitor(h)
		q.Enter(w.in)
		wiki.enter(w, "/admin")
		if a := wiki.ask(w, "/admin"); a.Status != http.StatusOK || a.Header.Get("Remote-Acr") != "urn:sallyport:mfa" {
			t.Errorf("with a code: %d, %q", a.Status, a.Header.Get("Remote-Acr"))
		}
	})
}

// The app's own level, and a selected app, are asked at the one gate (WBX-03).
func TestTheGateIsAskedForProxiedApps(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bakery", "self-service", `{"new_user_window":{"days":0}}`)
		p := h.Person(org, "anna@example.com")
		open := newApp(t, h, h.Root.ID, "open.example.com", nil)
		guarded := newApp(t, h, h.Root.ID, "guarded.example.com", nil)
		strict := newApp(t, h, h.Root.ID, "strict.example.com", func(d *core.AppDoc) { d.RequiredLevel = core.LevelMFA })
		v := newVisitor(h)
		p.Enter(v.in)
		admin := h.Proven(h.Enrolled(org, "boss@example.com", core.CustomerAdmin))
		h.Settings(org.ID, `{"selected_apps":["`+string(guarded.app.ID)+`"]}`)
		if _, err := h.Rollout.Enable(t.Context(), org.ID, []core.Requirement{core.RequireSelectedApps}, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		open.enter(v, "/")
		for _, app := range []*proxied{guarded, strict} {
			a := app.follow(v, app.ask(v, "/"))
			if !strings.HasPrefix(a.Location, "/sign-in?again=yes") {
				t.Errorf("%s: to %q, fault %q", app.host, a.Location, a.Fault())
			}
		}
	})
}

// B-31 (CVE-2026-40575, CVE-2025-64484, CVE-2026-34457), O-11: nothing that a client says
// gets it in, and what may be read in two ways opens nothing.
func TestHeadersOpenNothingB31(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		secret := newApp(t, h, h.Root.ID, "secret.example.com", func(d *core.AppDoc) { d.Proxy.Rules = nil })
		r := h.Raw("")
		if a := send(r, "/forward-auth", forwarded(wiki.host, "/status/up")); a.Status != http.StatusOK || a.Header.Get("Remote-User") != "" || len(a.Header["Remote-User"]) != 1 {
			t.Fatalf("what is for everybody: %d, %v", a.Status, a.Header)
		}
		for what, target := range map[string]string{
			"dots": "/status/../admin", "escaped dots": "/status/%2e%2e/admin", "half escaped": "/status/.%2e/admin", "an escaped slash": "/status%2f..%2fadmin",
			"a double slash": "//status", "a slash within": "/status//x", "a dot": "/./status", "a semicolon": "/status;/../admin", "tomcat's": "/status/..;/admin",
			"escaped twice": "/status/%252e%252e/admin", "another case": "/Status", "a name that begins alike": "/statusx",
			"a query that looks alike": "/?/status", "a rule in the query": "/admin?x=/status/",
		} {
			if a := send(r, "/forward-auth", forwarded(wiki.host, target)); a.Status == http.StatusOK {
				t.Errorf("%s passes: %s", what, target)
			}
		}
		for what, target := range map[string]string{
			"a whole address": "https://wiki.example.com/status", "no slash": "status", "a backslash": `/status\..\admin`, "a fragment": "/status#x",
			"a bad escape": "/status/%zz", "a hidden NUL": "/status%00", "a hidden line": "/status%0a", "nothing": "",
		} {
			a := send(r, "/forward-auth", forwarded(wiki.host, target))
			if a.Status != http.StatusBadRequest || !strings.Contains(a.Body, "proxy.unclear") {
				t.Errorf("%s: %d", what, a.Status)
			}
		}
		for _, pairs := range [][]string{
			{"X-Forwarded-Method", "CONNECT"}, {"X-Forwarded-Method", "TRACE"}, {"X-Forwarded-Method", "get"}, {"X-Forwarded-Method", "GET, POST"}, {"X-Forwarded-Method", ""},
			{"X-Forwarded-Proto", "javascript"}, {"X-Forwarded-Proto", "https,http"}, {"X-Forwarded-Proto", ""}, {"X-Forwarded-Uri", ""},
			{"X-Forwarded-Host", ""}, {"X-Forwarded-Host", "wiki.example.com, evil.example"}, {"X-Forwarded-Host", "wiki.example.com@evil.example"},
			{"X-Forwarded-Host", "wiki.example.com:99999"}, {"X-Forwarded-Host", "wiki.example.com."}, {"X-Forwarded-Host", "wíki.example.com"}, {"X-Forwarded-Host", "wiki.example.com/status"},
		} {
			if a := send(r, "/forward-auth", forwarded(wiki.host, "/status"), pairs...); a.Status != http.StatusBadRequest {
				t.Errorf("%v: %d", pairs, a.Status)
			}
		}
		for _, name := range []string{"Remote-User", "Remote-Groups", "Remote-Acr"} {
			for _, as := range []string{name, strings.ReplaceAll(name, "-", "_"), strings.ToUpper(strings.ReplaceAll(name, "-", "_")), strings.Replace(name, "-", ".", 1)} {
				if a := send(r, "/forward-auth", forwarded(wiki.host, "/status"), as, "admin"); a.Status != http.StatusBadRequest || !strings.Contains(a.Body, "proxy.spoofed") {
					t.Errorf("a client says %s: %d", as, a.Status)
				}
			}
		}
		for _, as := range []string{"X_Forwarded_Uri", "X_Forwarded_Host", "X-Forwarded_Method", "x_original_url"} {
			if a := send(r, "/forward-auth", forwarded(wiki.host, "/status"), as, "/status"); a.Status != http.StatusBadRequest {
				t.Errorf("a client says %s: %d", as, a.Status)
			}
		}
		twice := forwarded(wiki.host, "/status")
		twice["X-Forwarded-Uri"] = []string{"/status", "/admin"}
		if a := send(r, "/forward-auth", twice); a.Status != http.StatusBadRequest {
			t.Errorf("two targets: %d", a.Status)
		}
		// What another kind of proxy would write is a client's own invention here.
		for _, pairs := range [][]string{
			{"X-Original-Url", "https://wiki.example.com/status"}, {"X-Original-Uri", "/status"}, {"X-Rewrite-Url", "/status"}, {"X-Http-Method-Override", "OPTIONS"},
			{"X-Original-Method", "OPTIONS"}, {"Forwarded", "host=wiki.example.com;proto=https"}, {"User-Agent", "GoogleHC/1.0"}, {"User-Agent", "kube-probe/1.30"},
			{"X-Forwarded-Method", "OPTIONS"}, {"X-Forwarded-Prefix", "/status"}, {"X-Forwarded-User", "admin"}, {"X-Auth-Request-User", "admin"},
		} {
			if a := send(r, "/forward-auth", forwarded(secret.host, "/"), pairs...); a.Status == http.StatusOK {
				t.Errorf("%v opens the app", pairs)
			}
		}
		nginx := http.Header{"X-Original-Url": {"https://secret.example.com/"}, "X-Original-Method": {"GET"}, "X-Forwarded-Uri": {"/status"}, "X-Forwarded-Host": {wiki.host}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Method": {"GET"}}
		if a := send(r, "/auth-request", nginx); a.Status != http.StatusUnauthorized {
			t.Errorf("nginx with a client's X-Forwarded-Uri: %d", a.Status)
		}
		nginx.Set("X-Original-Url", "https://wiki.example.com/status")
		if a := send(r, "/auth-request", nginx); a.Status != http.StatusOK {
			t.Errorf("nginx itself: %d %s", a.Status, a.Body)
		}
	})
}

// B-31 over the wire, as Envoy asks: the path and the method are anybody's.
func TestEnvoysRequestsB31(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		wire := func(request string) (int, http.Header) {
			t.Helper()
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			fmt.Fprintf(c, "%s\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n", request)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%q: %v", request, err)
			}
			defer resp.Body.Close()
			return resp.StatusCode, resp.Header
		}
		for request, want := range map[string]int{
			"GET /ext-authz/status HTTP/1.1\r\nHost: wiki.example.com":                                      200,
			"POST /ext-authz/status?a=b HTTP/1.1\r\nHost: wiki.example.com:443\r\nContent-Length: 0":        200,
			"GET /ext-authz/ HTTP/1.1\r\nHost: wiki.example.com\r\nAccept: text/html":                       302,
			"GET /ext-authz/ HTTP/1.1\r\nHost: wiki.example.com":                                            401,
			"POST /ext-authz/ HTTP/1.1\r\nHost: wiki.example.com\r\nAccept: text/html\r\nContent-Length: 0": 401,
			"DELETE /ext-authz/a HTTP/1.1\r\nHost: wiki.example.com\r\nSec-Fetch-Site: cross-site":          401,
			"OPTIONS /ext-authz/a HTTP/1.1\r\nHost: wiki.example.com":                                       401,
			"GET /ext-authz/a HTTP/1.1\r\nHost: wiki.example.com\r\nX-Envoy-Original-Path: /status":         401,
			"GET /ext-authz/a HTTP/1.1\r\nHost: wiki.example.com\r\nX-Forwarded-Uri: /status":               401,
			"GET /ext-authz/status/../admin HTTP/1.1\r\nHost: wiki.example.com":                             401,
			"GET /ext-authz/status/%2e%2e/admin HTTP/1.1\r\nHost: wiki.example.com":                         401,
			"GET /ext-authz//status HTTP/1.1\r\nHost: wiki.example.com":                                     401,
			"GET /ext-authz/../forward-auth HTTP/1.1\r\nHost: wiki.example.com":                             401,
			"GET /ext-authz/a HTTP/1.1\r\nHost: wiki.example.com\r\nRemote_User: admin":                     400,
			"GET /ext-authz/a%zz HTTP/1.1\r\nHost: wiki.example.com":                                        400,
			"GET http://wiki.example.com/ext-authz/status HTTP/1.1\r\nHost: wiki.example.com":               421,
			"TRACE /ext-authz/status HTTP/1.1\r\nHost: wiki.example.com":                                    400,
			"GET /ext-authz/status HTTP/1.1\r\nHost: evil.example":                                          403,
			"GET /forward-auth HTTP/1.1\r\nHost: wiki.example.com":                                          400,
			"GET /account/ HTTP/1.1\r\nHost: wiki.example.com":                                              421,
			"GET /.sallyport/callback HTTP/1.1\r\nHost: evil.example":                                       421,
			"GET /.sallyport/callback?ticket=x HTTP/1.1\r\nHost: wiki.example.com":                          403,
			"GET /.sallyport/else HTTP/1.1\r\nHost: wiki.example.com":                                       404,
			"GET /ext-authz/.sallyport/else HTTP/1.1\r\nHost: wiki.example.com":                             404,
			"GET /ext-authz/.sallyport/../a HTTP/1.1\r\nHost: wiki.example.com\r\nAccept: application/json": 404,
		} {
			if got, h := wire(request); got != want {
				t.Errorf("%q is answered with %d, not %d (%v)", request, got, want, h["Location"])
			}
		}
		_ = wiki
	})
}

// B-30 (GHSA-2wmj-46rj-qm2w, CVE-2025-64101, GHSA-93m4-mfpg-c3xf): the address of the
// sign-in is the configured one, and the way back is the app's, whatever is claimed.
func TestNobodyElseIsSentAnywhereB30(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		for _, pairs := range [][]string{{"Forwarded", "host=evil.example"}, {"X-Forwarded-Server", "evil.example"}, {"Host", "evil.example"}, {"X-Forwarded-Port", "1"}, {"Referer", "https://evil.example/"}, {"Origin", "https://evil.example"}} {
			v := newVisitor(h)
			a := wiki.ask(v, "/page", pairs...)
			if a.Status != http.StatusFound || !strings.HasPrefix(a.Location, h.URL+"/proxied/continue?request=") {
				t.Errorf("%v: %d to %q", pairs, a.Status, a.Location)
			}
		}
		for _, host := range []string{"evil.example", "wiki.example.com.evil.example", "evil.wiki.example.com", "example.com", "localhost"} {
			a := send(h.Raw(""), "/forward-auth", forwarded(host, "/"))
			if a.Status != http.StatusForbidden || a.Location != "" || len(a.Set) > 0 {
				t.Errorf("%s: %d to %q", host, a.Status, a.Location)
			}
		}
		// A target that a browser would take for another site leads back to this one.
		p := h.Enrolled(h.Organisation("Bakery", "self-service", ""), "anna@example.com")
		v := newVisitor(h)
		p.Enter(v.in)
		for _, target := range []string{"//evil.example/x", "/%2f/evil.example", "/@evil.example", "/.evil.example"} {
			a := wiki.ask(v, target)
			if a.Status == http.StatusOK {
				continue // in already, by the one before
			}
			back := wiki.ask(v, wiki.ticket(wiki.follow(v, a)))
			if back.Location != "https://wiki.example.com"+target {
				t.Errorf("%s leads back to %q", target, back.Location)
			}
			v.far = map[string]*house.Raw{}
		}
	})
}

// B-32 (CVE-2026-20896, CVE-2023-49792, CVE-2025-66508): who is no listed proxy asks
// nothing, and says nothing about where a request comes from.
func TestUnlistedPeersAreRefusedB32(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		faces := h.Faces(h.URL)
		for _, path := range []string{"/forward-auth", "/auth-request", "/ext-authz/status"} {
			for peer, want := range map[string]int{"192.0.2.77:999": http.StatusForbidden, "[2001:db8::1]:999": http.StatusForbidden, "nonsense": http.StatusForbidden, "127.0.0.1:999": http.StatusOK} {
				req := httptest.NewRequest("GET", h.URL+path, nil)
				req.RequestURI, req.Host, req.RemoteAddr = path, wiki.host, peer
				req.Header = forwarded(wiki.host, "/status")
				req.Header.Set("X-Original-Url", "https://"+wiki.host+"/status")
				req.Header.Set("X-Original-Method", "GET")
				req.Header.Set("X-Forwarded-For", "127.0.0.1")
				w := httptest.NewRecorder()
				faces.ServeHTTP(w, req)
				if w.Code != want {
					t.Errorf("%s from %s: %d", path, peer, w.Code)
				}
				if want != http.StatusOK && !strings.Contains(w.Body.String(), "proxy.unlisted") {
					t.Errorf("%s from %s says %q", path, peer, w.Body)
				}
			}
		}
	})
}

// B-33 (CVE-2021-22915): the address that a proxy passes on is the one that the login
// networks are asked about, IPv6 whole networks too.
func TestLoginNetworksHoldBehindProxiesB33(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bakery", "self-service", `{"login_networks":["203.0.113.0/24","2001:db8:1::/64","127.0.0.0/8"]}`)
		p := h.Person(org, "anna@example.com")
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		v := newVisitor(h)
		v.in.From = "203.0.113.9"
		p.Enter(v.in)
		wiki.enter(v, "/")
		for from, want := range map[string]int{"203.0.113.200": 200, "2001:db8:1::77": 200, "198.51.100.1": 403, "2001:db8:2::77": 403, "203.0.113.9, 198.51.100.1": 403, "garbage": 200} {
			if a := wiki.ask(v, "/", "X-Forwarded-For", from); a.Status != want {
				t.Errorf("from %s: %d, not %d", from, a.Status, want)
			}
		}
	})
}

// A bearer token is good where it is meant for the app, and nowhere else (O-13). Other
// programs are told 401, whatever they send.
func TestProgramsAreTold(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
		for _, pairs := range [][]string{
			{"Accept", "application/json"}, {"Accept", ""}, {"X-Requested-With", "XMLHttpRequest"}, {"X-Forwarded-Method", "POST"}, {"Sec-Fetch-Mode", "cors"},
			{"Authorization", "Bearer nonsense"}, {"Authorization", "Bearer " + strings.Repeat("a", 20000)}, {"Authorization", "Basic YTpi", "Accept", "*/*"}, {"Authorization", "Bearer a.b.c"},
		} {
			a := send(h.Raw(""), "/forward-auth", forwarded(wiki.host, "/"), pairs...)
			if a.Status != http.StatusUnauthorized || a.Location != "" || len(a.Set) > 0 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%.60v: %d to %q", pairs, a.Status, a.Location)
			}
		}
	})
}
