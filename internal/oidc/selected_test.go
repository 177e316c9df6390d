package oidc_test

import (
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// WBX-03, decision 7.5: an organisation asks for a second factor in some apps. Whoever
// has only shown a password and opens one of them is asked, or sets one up, and is not
// turned away; every other app lets them in.
func TestSelectedAppsWBX03(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Selected", "self-service", `{"new_user_window":{"days":0}}`)
		open, guarded := newApp(t, h, h.Root.ID, nil), newApp(t, h, h.Root.ID, nil)
		elsewhere := h.Person(h.Organisation("Elsewhere", "self-service", ""), "other@example.com")
		p := h.Person(org, "anna@example.com")
		in := h.Raw("")
		p.Enter(in)
		before := guarded.good(guarded.exchange(guarded.code(in)))
		admin := h.Proven(h.Enrolled(org, "boss@example.com", core.CustomerAdmin))
		h.Settings(org.ID, `{"selected_apps":["`+string(guarded.app.ID)+`"]}`)
		if _, err := h.Rollout.Enable(t.Context(), org.ID, []core.Requirement{core.RequireSelectedApps}, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}

		// The session stays, other apps are open, and what the app got before goes on.
		open.code(in)
		before = guarded.good(guarded.refresh(before.str("refresh_token")))
		if q := guarded.back(in.Get(guarded.ask("prompt", "none"))); q.Get("error") != "interaction_required" {
			t.Errorf("without a page: %v", q)
		}
		// A sign-in to one's own account offers it, and it may be put off.
		out := h.Raw("")
		a := p.Knock(out)
		if !strings.HasSuffix(a.Location, "/setup-required") {
			t.Fatalf("the door leads to %q", a.Location)
		}
		if a = out.Post(a.Location, "go", "skip"); !a.In() {
			t.Fatalf("putting it off: %d to %q", a.Status, a.Location)
		}
		open.code(out)
		if q := guarded.back(out.Get(guarded.ask("prompt", "none"))); q.Get("error") != "interaction_required" {
			t.Errorf("put off, and without a page: %v", q)
		}

		// Opening the app sets one up on the way, and then it is open.
		a = in.Get(guarded.ask())
		if !strings.HasPrefix(a.Location, "/sign-in?") {
			t.Fatalf("the guarded app leads to %q", a.Location)
		}
		a = plainSignIn(p, in, in.Get(a.Location))
		if !strings.HasSuffix(a.Location, "/setup-required") {
			t.Fatalf("and then to %q", a.Location)
		}
		at := a.Location
		if a = in.Post(at, "go", "skip"); a.In() {
			t.Error("it was put off on the way into the app")
		}
		a = in.Post(at, "go", "enrol")
		page := in.Get(a.Location)
		key := strings.ReplaceAll(page.Of("data-setup-key"), " ", "")
		if key == "" {
			t.Fatalf("page %q at %q", page.Page(), a.Location)
		}
		a = in.Post(a.Location, "code", house.CodeAt(t, key, h.Clock.Now()))
		if a.Location != "/account/security/recovery-code" {
			t.Fatalf("the first code leads to %q", a.Location)
		}
		if csp := in.Get(a.Location).Header.Get("Content-Security-Policy"); !strings.Contains(csp, "https://app.example.org") {
			t.Errorf("the page between: %s", csp)
		}
		a = in.Post(a.Location, "saved", "yes")
		for strings.HasPrefix(a.Location, "/") {
			a = in.Get(a.Location)
		}
		got := guarded.good(guarded.exchange(guarded.back(a).Get("code")))
		if id := claims(t, got.str("id_token")); id["acr"] != "urn:sallyport:mfa" {
			t.Errorf("the token says %v", id["acr"])
		}
		guarded.good(guarded.refresh(before.str("refresh_token")))

		// Another organisation's people are asked for nothing there.
		there := h.Raw("")
		elsewhere.Enter(there)
		guarded.code(there)

		// Who has a factor and a session from before it shows it, in the session's place.
		q := h.Person(org, "carl@example.com")
		weak := h.Raw("")
		if a := q.Knock(weak); a.In() || !weak.Post(a.Location, "go", "skip").In() {
			t.Fatalf("carl is not in")
		}
		second := h.Raw("")
		a = q.Knock(second)
		a = second.Post(a.Location, "go", "enrol")
		key = strings.ReplaceAll(second.Get(a.Location).Of("data-setup-key"), " ", "")
		second.Post(a.Location, "code", house.CodeAt(t, key, h.Clock.Now()))
		if q := guarded.back(weak.Get(guarded.ask("prompt", "none"))); q.Get("error") != "login_required" {
			t.Errorf("a session from before: %v", q)
		}
		a = weak.Get(guarded.ask())
		if !strings.HasPrefix(a.Location, "/account/verify?next=") {
			t.Fatalf("a session from before is sent to %q", a.Location)
		}
		page = weak.Get(a.Location)
		if csp := page.Header.Get("Content-Security-Policy"); page.Status != http.StatusOK || !strings.Contains(csp, "https://app.example.org") {
			t.Errorf("the page that asks: %d, %s", page.Status, csp)
		}
		q.Key = key
		a = weak.Post(a.Location, "code", q.Fresh())
		for strings.HasPrefix(a.Location, "/") {
			a = weak.Get(a.Location)
		}
		got = guarded.good(guarded.exchange(guarded.back(a).Get("code")))
		if id := claims(t, got.str("id_token")); id["acr"] != "urn:sallyport:mfa" {
			t.Errorf("the token says %v", id["acr"])
		}
	})
}
