package proxycheck_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// proxied is an app behind a reverse proxy, and the proxy by hand: it says of each
// request what a proxy would, or what a test wants it to.
type proxied struct {
	h    *house.House
	t    testing.TB
	app  core.App
	host string
}

func newApp(t testing.TB, h *house.House, at core.TenantID, host string, change func(*core.AppDoc)) *proxied {
	t.Helper()
	w := directory.AppWish{Name: "Wiki", Doc: core.AppDoc{Auth: core.AppProxied, Proxy: &core.AppProxy{Hosts: []string{host}, LogoutPath: "/logout",
		Rules: []core.PathRule{{Path: "/admin", Level: core.LevelMFA}, {Path: "/status", Public: true}}}}}
	if change != nil {
		change(&w.Doc)
	}
	a, secret, err := h.Directory.CreateApp(t.Context(), at, w, access.Shell(), core.Client{})
	if err != nil || secret != "" {
		t.Fatal(err, secret)
	}
	return &proxied{h, t, a, host}
}

// visitor is a person's browser: what it has of the sign-in's host and of each app's.
type visitor struct {
	in  *house.Raw
	far map[string]*house.Raw
}

func newVisitor(h *house.House) *visitor { return &visitor{h.Raw(""), map[string]*house.Raw{}} }

func (v *visitor) at(h *house.House, host string) *house.Raw {
	if v.far[host] == nil {
		v.far[host] = h.Raw("")
	}
	return v.far[host]
}

// forwarded is what Caddy and Traefik say of a request.
func forwarded(host, target string) http.Header {
	return http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {host}, "X-Forwarded-Uri": {target}, "X-Forwarded-Method": {"GET"}, "Accept": {"text/html"}}
}

// send asks a check with the browser's cookies; pairs replace or, with an empty value,
// drop headers.
func send(r *house.Raw, path string, h http.Header, pairs ...string) house.Answer {
	c := r.Clone()
	c.Header = h.Clone()
	for i := 0; i+1 < len(pairs); i += 2 {
		delete(c.Header, pairs[i])
		if pairs[i+1] != "" {
			c.Header[pairs[i]] = []string{pairs[i+1]}
		}
	}
	a := c.Get(path)
	r.Take(a)
	return a
}

// ask asks about a page of the app.
func (p *proxied) ask(v *visitor, target string, pairs ...string) house.Answer {
	p.t.Helper()
	return send(v.at(p.h, p.host), "/forward-auth", forwarded(p.host, target), pairs...)
}

// follow goes from the app to the sign-in's own host and returns what that says.
func (p *proxied) follow(v *visitor, a house.Answer) house.Answer {
	p.t.Helper()
	to, ok := strings.CutPrefix(a.Location, p.h.URL)
	if a.Status != http.StatusFound || !ok {
		p.t.Fatalf("not sent to the sign-in: status %d to %q: %s", a.Status, a.Location, a.Body)
	}
	return v.in.Get(to)
}

// ticket is the target on the app's host to which the sign-in leads back.
func (p *proxied) ticket(a house.Answer) string {
	p.t.Helper()
	to, ok := strings.CutPrefix(a.Location, "https://"+p.host)
	if a.Status != http.StatusSeeOther || !ok || !strings.HasPrefix(to, "/.sallyport/callback?ticket=") {
		p.t.Fatalf("no ticket: status %d to %q, page %q, fault %q", a.Status, a.Location, a.Page(), a.Fault())
	}
	return to
}

// enter takes somebody who has a session into the app, from the page where they were
// going and back to it.
func (p *proxied) enter(v *visitor, target string) {
	p.t.Helper()
	a := p.ask(v, p.ticket(p.follow(v, p.ask(v, target))))
	if a.Status != http.StatusFound || a.Location != "https://"+p.host+target {
		p.t.Fatalf("the ticket leads to %q, status %d: %s", a.Location, a.Status, a.Body)
	}
}

// passes and stays out.
func (p *proxied) passes(v *visitor, target string) bool {
	p.t.Helper()
	return p.ask(v, target).Status == http.StatusOK
}

func unescape(s string) string {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return out
}
