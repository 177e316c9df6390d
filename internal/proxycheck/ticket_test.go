package proxycheck_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/testkit/house"
)

// The whole way, for two apps on two host names: who has no cookie there is sent to
// the sign-in, comes back with a ticket, and gets a cookie of that host alone.
func TestTicketsForTwoHosts(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bakery", "self-service", "")
		p := h.Enrolled(org, "anna@example.com", core.CustomerAdmin)
		wiki, files := newApp(t, h, h.Root.ID, "wiki.example.com", nil), newApp(t, h, org.ID, "files.example.org:8443", nil)
		v := newVisitor(h)
		a := wiki.ask(v, "/page?q=1&r=//x")
		if len(a.Set) != 1 || a.Set[0].Name != "__Host-sallyport-begun" || !a.Set[0].Secure || !a.Set[0].HttpOnly || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("begun with %v, %v", a.Set, a.Header)
		}
		door := wiki.follow(v, a)
		if door.Status != http.StatusSeeOther || !strings.HasPrefix(door.Location, "/sign-in?return_to=") {
			t.Fatalf("the door: %d to %q", door.Status, door.Location)
		}
		page := v.in.Get(door.Location)
		if !strings.Contains(page.Header.Get("Content-Security-Policy"), "form-action 'self' https://wiki.example.com;") || !strings.Contains(page.Body, "Wiki") {
			t.Errorf("the door says nothing of the app: %s", page.Header.Get("Content-Security-Policy"))
		}
		back := unescape(strings.TrimPrefix(door.Location, "/sign-in?return_to="))
		step := v.in.Post("/sign-in", "login", p.Login, "password", p.Password, "return_to", back)
		done := v.in.Post(step.Location, "code", p.Fresh())
		if done.Location != back {
			t.Fatalf("after the sign-in to %q", done.Location)
		}
		in := wiki.ask(v, wiki.ticket(v.in.Get(done.Location)))
		if in.Status != http.StatusFound || in.Location != "https://wiki.example.com/page?q=1&r=//x" {
			t.Fatalf("back to %q, status %d", in.Location, in.Status)
		}
		a = wiki.ask(v, "/page")
		u := p.User()
		for name, want := range map[string]string{"Remote-User": u.Login, "Remote-Name": u.Name, "Remote-Email": u.Email, "Remote-Groups": "customer_admin",
			"Remote-Tenant": string(org.ID), "Remote-Acr": "urn:sallyport:mfa"} {
			got := a.Header.Get(name)
			if got != want {
				t.Errorf("%s is %q, not %q", name, got, want)
			}
		}
		if a.Status != http.StatusOK || a.Body != "" || len(a.Set) > 0 {
			t.Errorf("a check that passes: %d, %q, %v", a.Status, a.Body, a.Set)
		}

		// The second app knows the person by the session alone, and nothing of the first.
		if files.passes(v, "/") {
			t.Error("the second app lets in without a cookie of its own")
		}
		v.at(h, files.host).Plant("__Host-sallyport-host", v.at(h, wiki.host).Cookie("__Host-sallyport-host"))
		if files.passes(v, "/") {
			t.Error("the cookie of one host is good at another")
		}
		v.at(h, files.host).Plant("__Host-sallyport-host", "")
		files.enter(v, "/deep/er")
		if !files.passes(v, "/") || !wiki.passes(v, "/") {
			t.Error("two apps do not go on beside each other")
		}
		// The sign-in's own cookie is none here, nor this one there.
		other := newVisitor(h)
		other.at(h, wiki.host).Plant("__Host-sallyport-host", v.in.Cookie("sallyport")).Plant("sallyport", v.in.Cookie("sallyport"))
		if wiki.passes(other, "/") || other.in.Plant("sallyport", v.at(h, wiki.host).Cookie("__Host-sallyport-host")).Inside() {
			t.Error("a cookie of one purpose is good for another")
		}
	})
}

// A ticket is good once, at one host, in the browser that began, for a minute.
func TestTicketsAreGoodOnce(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bakery", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		wiki, files := newApp(t, h, h.Root.ID, "wiki.example.com", nil), newApp(t, h, h.Root.ID, "files.example.org", nil)
		v := newVisitor(h)
		p.Enter(v.in)
		refused := func(what string, a house.Answer) {
			t.Helper()
			if a.Status != http.StatusForbidden || !strings.Contains(a.Body, `data-code="proxy.ticket"`) || len(a.Set) > 0 || a.Location != "" {
				t.Errorf("%s: status %d to %q, cookies %v", what, a.Status, a.Location, a.Set)
			}
		}
		ticket := wiki.ticket(wiki.follow(v, wiki.ask(v, "/")))

		thief := newVisitor(h)
		refused("another browser", wiki.ask(thief, ticket))
		wiki.ask(thief, "/") // which has begun itself
		refused("another browser that began", wiki.ask(thief, ticket))
		v.at(h, files.host).Plant("__Host-sallyport-begun", v.at(h, wiki.host).Cookie("__Host-sallyport-begun"))
		refused("another host", files.ask(v, ticket))
		for i := len("/.sallyport/callback?ticket=") + 5; i < len(ticket); i += 17 {
			cut := ticket[:i] + string(ticket[i]^1) + ticket[i+1:]
			if a := wiki.ask(v, cut); a.Status != http.StatusForbidden && a.Status != http.StatusBadRequest {
				t.Errorf("a changed ticket: %d", a.Status)
			}
		}
		if a := wiki.ask(v, ticket+"&ticket=x"); a.Status != http.StatusForbidden {
			t.Errorf("two tickets: %d", a.Status)
		}
		if a := wiki.ask(v, ticket); a.Status != http.StatusFound {
			t.Fatalf("the ticket itself: %d %s", a.Status, a.Body)
		}
		refused("a second time", wiki.ask(v, ticket))
		if !wiki.passes(v, "/") {
			t.Error("a second use ended the first")
		}

		// At once, many times: one cookie.
		again := files.ticket(files.follow(v, files.ask(v, "/")))
		got := make(chan house.Answer, 8)
		far := v.at(h, files.host)
		for range cap(got) {
			go func() { got <- send(far.Clone(), "/forward-auth", forwarded(files.host, again)) }()
		}
		cookies := 0
		for range cap(got) {
			a := <-got
			cookies += len(a.Set)
			if a.Status != http.StatusFound {
				refused("at once", a)
			}
		}
		if cookies != 1 {
			t.Errorf("%d cookies of one ticket", cookies)
		}

		late := wiki.ask(newVisitor(h), "/")
		v2 := &visitor{v.in, map[string]*house.Raw{wiki.host: h.Raw("").Plant("__Host-sallyport-begun", late.Set[0].Value)}}
		ticket = wiki.ticket(wiki.follow(v, late))
		h.Clock.Advance(session.CodeLife + time.Second)
		refused("after a minute", wiki.ask(v2, ticket))
		h.Clock.Advance(2 * time.Hour)
		if a := wiki.follow(v, late); a.Status != http.StatusConflict || a.Fault() != "app.request_expired" {
			t.Errorf("a way to the sign-in that took hours: %d %q", a.Status, a.Fault())
		}
	})
}

// Whatever ends the session ends the app's cookie, on the next request: signing out at
// either end, revoking, disabling, a new password, and the app itself.
func TestTheCookieEndsWithTheSession(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bakery", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		boss := h.Proven(h.Enrolled(org, "boss@example.com", core.CustomerAdmin))
		wiki, files := newApp(t, h, h.Root.ID, "wiki.example.com", nil), newApp(t, h, h.Root.ID, "files.example.org", nil)
		inside := func() *visitor {
			t.Helper()
			v := newVisitor(h)
			p.Enter(v.in)
			wiki.enter(v, "/")
			files.enter(v, "/")
			if !wiki.passes(v, "/") || !files.passes(v, "/") {
				t.Fatal("not in")
			}
			return v
		}
		out := func(what string, v *visitor) {
			t.Helper()
			if wiki.passes(v, "/") || files.passes(v, "/") {
				t.Errorf("%s: an app goes on", what)
			}
		}
		v := inside()
		if a := v.in.Post("/sign-out"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
		out("signed out at the sign-in", v)

		v = inside()
		if a := wiki.ask(v, "/logout", "Sec-Fetch-Site", "cross-site"); a.Status != http.StatusForbidden || !wiki.passes(v, "/") {
			t.Errorf("another site signs people out: %d", a.Status)
		}
		a := wiki.ask(v, "/logout")
		if a.Status != http.StatusFound || a.Location != h.URL+"/signed-out" || len(a.Set) != 1 || a.Set[0].MaxAge >= 0 {
			t.Errorf("the app's logout: %d to %q, %v", a.Status, a.Location, a.Set)
		}
		out("signed out at an app", v)
		if v.in.Inside() {
			t.Error("signed out at an app, and still in at the sign-in")
		}

		v = inside()
		own := h.Current(v.in).Session
		other := newVisitor(h)
		p.Enter(other.in)
		if err := session.Revoke(t.Context(), h.Store, h.Current(other.in).Session, own.ID, core.Client{}); err != nil {
			t.Fatal(err)
		}
		out("revoked", v)

		v = inside()
		if _, err := h.Directory.SwitchApp(t.Context(), wiki.app.ID, false, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if wiki.passes(v, "/") || !files.passes(v, "/") {
			t.Error("an app that was stopped")
		}
		if _, err := h.Directory.SwitchApp(t.Context(), wiki.app.ID, true, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if !wiki.passes(v, "/") {
			t.Error("an app that goes on again")
		}
		if err := h.Directory.Disable(t.Context(), p.ID, boss, core.Client{}); err != nil {
			t.Fatal(err)
		}
		out("disabled", v)
	})
}

// The app is for its own people alone.
func TestAppsAreForTheirPeople(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org, elsewhere := h.Organisation("Bakery", "self-service", ""), h.Organisation("Elsewhere", "self-service", "")
		wiki := newApp(t, h, org.ID, "wiki.example.com", nil)
		stranger := h.Person(elsewhere, "other@example.com")
		v := newVisitor(h)
		stranger.Enter(v.in)
		a := wiki.follow(v, wiki.ask(v, "/"))
		if a.Status != http.StatusForbidden || a.Fault() != "app.not_for_you" {
			t.Errorf("a stranger: %d %q", a.Status, a.Fault())
		}
		// Those who were its people and are not any more.
		all := newApp(t, h, h.Root.ID, "all.example.com", nil)
		all.enter(v, "/")
		w := directory.AppWish{Name: all.app.Name, Doc: all.app.Doc}
		w.Doc.Tenants = []core.TenantID{org.ID}
		if _, err := h.Directory.ChangeApp(t.Context(), all.app.ID, w, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if a := all.ask(v, "/"); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "app.not_for_you") {
			t.Errorf("whom the app is not for any more: %d", a.Status)
		}
	})
}
