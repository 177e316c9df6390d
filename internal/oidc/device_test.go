package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// device is an app that runs where nobody can type.
func device(d *core.AppDoc) {
	d.Grants, d.RedirectURIs, d.LogoutURIs = []string{core.GrantDevice, core.GrantRefresh}, nil, nil
}

// begun is what a device got when it asked.
type begun struct{ code, user string }

func (c *client) begin(pairs ...string) begun {
	c.t.Helper()
	r := c.good(c.post("/oauth2/device_authorization", append([]string{"scope", "openid profile offline_access"}, pairs...)...))
	b := begun{r.str("device_code"), r.str("user_code")}
	if len(b.user) != 9 || strings.Trim(b.user, "BCDFGHJKLMNPQRSTVWXZ-") != "" || r.str("verification_uri") != c.h.URL+"/device" || r.Body["interval"] != 5.0 || r.Body["expires_in"] != 600.0 ||
		r.str("verification_uri_complete") != c.h.URL+"/device?user_code="+b.user {
		c.t.Fatalf("begun: %s", r.Raw)
	}
	return b
}

func (c *client) poll(b begun) reply {
	c.t.Helper()
	return c.post("/oauth2/token", "grant_type", core.GrantDevice, "device_code", b.code)
}

// confirm types a code and returns the page that asks.
func confirm(t *testing.T, r *house.Raw, user string) house.Answer {
	t.Helper()
	a := r.Post("/device", "user_code", user)
	if !strings.HasPrefix(a.Location, "/oauth2/continue?request=") {
		t.Fatalf("the code leads to %q, page %q, fault %q", a.Location, a.Page(), a.Fault())
	}
	return r.Get(a.Location)
}

// V-01, V-02: a device asks, waits in the rhythm that it is told, and gets tokens once a
// person who sees what asks lets it in; they say what that person showed.
func TestDeviceIsLetInV01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, _ := inside(t, h, nil)
		c := newApp(t, h, h.Root.ID, device)
		b := c.begin()
		pending := func(what, code string) {
			t.Helper()
			c.refused(what, c.poll(b), http.StatusBadRequest, code)
		}
		pending("at once", "authorization_pending")
		h.Clock.Advance(time.Second)
		pending("a second later", "slow_down")
		h.Clock.Advance(5 * time.Second)
		pending("five seconds later, when it should leave ten", "slow_down")
		h.Clock.Advance(15 * time.Second)
		pending("in time", "authorization_pending")

		// The code is forgiven its looks; the page says what asks, as whom and from where.
		page := confirm(t, in, " "+strings.ToLower(strings.ReplaceAll(b.user, "-", " "))+" ")
		if page.Page() != "device-confirm" || !strings.Contains(page.Body, "Ledger") || !strings.Contains(page.Body, p.Login) || !strings.Contains(page.Body, "127.0.0.1") {
			t.Fatalf("page %q: %s", page.Page(), page.Body)
		}
		if a := in.Post("/device/answer", "request", page.Hidden("request"), "go", "perhaps"); a.Status != http.StatusUnprocessableEntity || a.Page() != "device-confirm" {
			t.Errorf("neither yes nor no: %d, %q", a.Status, a.Page())
		}
		a := in.Post("/device/answer", "request", page.Hidden("request"), "go", "allow")
		if a.Location != "/device/done" || in.Get(a.Location).Page() != "device-done" {
			t.Fatalf("let in: %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if a := in.Post("/device/answer", "request", page.Hidden("request"), "go", "deny"); a.Fault() != "device.gone" {
			t.Errorf("answered twice: %d, %q", a.Status, a.Fault())
		}
		got := c.good(c.poll(b))
		id := claims(t, got.str("id_token"))
		if id["acr"] != "urn:sallyport:mfa" || id["sub"] != string(p.ID) || got.str("scope") != "openid profile offline_access" || got.str("refresh_token") == "" {
			t.Errorf("the tokens: %s, %v", got.Raw, id)
		}
		if c.userinfo(got.str("access_token")).Status != http.StatusOK {
			t.Error("the token does not work")
		}
		// It is somewhere else: the browser that let it in signs out, and it goes on.
		in.Post("/sign-out")
		next := c.good(c.refresh(got.str("refresh_token")))

		// Whoever comes with the code once more ends all of it (DS-05).
		c.refused("collected twice", c.poll(b), http.StatusBadRequest, "invalid_grant")
		if c.active(next.str("access_token")) {
			t.Error("the tokens of a code that came twice count")
		}
		told := false
		for _, e := range p.Events() {
			told = told || e.Name == "app.opened" && e.Detail["via"] == "device"
		}
		if !told {
			t.Error("the audit log does not say that it was a device")
		}
	})
}

// V-01: no is no, late is late, and a code is its own app's (row B-43).
func TestDeviceStaysOutV01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, plain := inside(t, h, nil)
		c, other := newApp(t, h, h.Root.ID, device), newApp(t, h, h.Root.ID, device)
		denied := c.begin()
		page := confirm(t, in, denied.user)
		if a := in.Post("/device/answer", "request", page.Hidden("request"), "go", "deny"); a.Location != "/device/done?to=denied" {
			t.Fatalf("denied: %d to %q", a.Status, a.Location)
		}
		c.refused("denied", c.poll(denied), http.StatusBadRequest, "access_denied")
		if a := in.Post("/device", "user_code", denied.user); a.Fault() != "device.code_unknown" {
			t.Errorf("an answered code: %q", a.Fault())
		}

		b := c.begin()
		other.refused("another app's", other.poll(b), http.StatusBadRequest, "invalid_grant")
		for what, code := range map[string]string{"none": "", "cut": b.code[:len(b.code)-1], "changed": b.code[:20] + string(rune(b.code[20])^1) + b.code[21:], "the short one": b.user} {
			c.refused(what, c.poll(begun{code: code}), http.StatusBadRequest, "invalid_grant")
		}
		// A code of one kind is none of another.
		c.refused("as a refresh token", c.refresh(b.code), http.StatusBadRequest, "invalid_grant")
		plain.refused("as a code", plain.exchange(b.code), http.StatusBadRequest, "invalid_grant")
		plain.refused("an app that may not", plain.post("/oauth2/device_authorization"), http.StatusBadRequest, "unauthorized_client")
		c.refused("a scope twice", send(t, h, "/oauth2/device_authorization", nil, "client_id", string(c.app.ID), "client_id", "x"), http.StatusBadRequest, "invalid_request")
		h.Clock.Advance(10*time.Minute + time.Second)
		c.refused("late", c.poll(b), http.StatusBadRequest, "expired_token")

		// Allowed in time, and collected too late.
		b = c.begin()
		p.Enter(in)
		page = confirm(t, in, b.user)
		if a := in.Post("/device/answer", "request", page.Hidden("request"), "go", "allow"); a.Location != "/device/done" {
			t.Fatalf("let in: %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		h.Clock.Advance(10 * time.Minute)
		c.refused("collected late", c.poll(b), http.StatusBadRequest, "expired_token")
		_ = p
	})
}

// V-02: guesses are taken from whoever makes them, and nobody guesses without a name.
func TestUserCodesAreNotGuessedV02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		_, in, _ := inside(t, h, nil)
		c := newApp(t, h, h.Root.ID, device)
		b := c.begin()
		out := h.Raw("")
		for _, a := range []house.Answer{out.Get("/device?user_code=" + b.user), out.Post("/device", "user_code", b.user)} {
			if a.Location != "/sign-in?return_to="+url.QueryEscape("/device?user_code="+b.user) {
				t.Errorf("nobody is led to %q", a.Location)
			}
		}
		if a := in.Get("/device?user_code=" + b.user); a.Page() != "device" || !strings.Contains(a.Body, b.user) {
			t.Errorf("the page: %q", a.Page())
		}
		if a := in.Get("/device?user_code=" + url.QueryEscape(`"><script>`)); strings.Contains(a.Body, "<script>") {
			t.Error("what stands in the address stands in the page")
		}
		looked := 0
		for range 1000 {
			a := in.Post("/device", "user_code", "BBBB-BBBB")
			if a.Status == http.StatusTooManyRequests {
				if a.Header.Get("Retry-After") == "" {
					t.Error("nobody says when to come again")
				}
				break
			}
			if a.Status != http.StatusUnprocessableEntity || a.Fault() != "device.code_unknown" {
				t.Fatalf("a guess: %d, %q", a.Status, a.Fault())
			}
			looked++
		}
		if looked > 20 {
			t.Errorf("%d guesses were looked at", looked)
		}
		if a := in.Post("/device", "user_code", b.user); a.Status != http.StatusTooManyRequests {
			t.Errorf("the right one after all those: %d", a.Status)
		}
	})
}

// Decision 7.1: the resolver is asked when somebody lets a device in, and once more when
// the device collects its tokens.
func TestDeviceGoesThroughTheGate(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Gate", "self-service", `{"new_user_window":{"days":0}}`)
		c := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { device(d); d.RequiredLevel = core.LevelMFA })
		p := h.Person(org, "weak@example.com")
		weak := h.Raw("")
		p.Enter(weak)
		b := c.begin()
		a := weak.Post("/device", "user_code", b.user)
		a = weak.Get(a.Location)
		if !strings.HasPrefix(a.Location, "/sign-in?") {
			t.Fatalf("who has no factor is led to %q, page %q", a.Location, a.Page())
		}
		c.refused("meanwhile", c.poll(b), http.StatusBadRequest, "authorization_pending")

		// Allowed with a password where that is enough; required meanwhile: not any more.
		loose := newApp(t, h, h.Root.ID, device)
		b = loose.begin()
		page := confirm(t, weak, b.user)
		if a := weak.Post("/device/answer", "request", page.Hidden("request"), "go", "allow"); a.Location != "/device/done" {
			t.Fatalf("let in: %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		admin := h.Proven(h.Enrolled(org, "boss@example.com", core.CustomerAdmin))
		if _, err := h.Rollout.Enable(t.Context(), org.ID, []core.Requirement{core.RequireOrganization}, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		loose.refused("required meanwhile", loose.poll(b), http.StatusBadRequest, "access_denied")
		loose.refused("and again", loose.poll(b), http.StatusBadRequest, "access_denied")

		// Whoever is stopped meanwhile lets nobody in (row B-40), nor an app that is not
		// for them.
		q := h.Enrolled(org, "strong@example.com")
		in := h.Raw("")
		q.Enter(in)
		b = c.begin()
		page = confirm(t, in, b.user)
		if a := in.Post("/device/answer", "request", page.Hidden("request"), "go", "allow"); a.Location != "/device/done" {
			t.Fatalf("let in: %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if err := h.Directory.Disable(t.Context(), q.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if r := c.poll(b); r.Status != http.StatusBadRequest || r.str("access_token") != "" {
			t.Errorf("of somebody who was stopped: %d %s", r.Status, r.Raw)
		}
		foreign := newApp(t, h, h.Organisation("Elsewhere", "self-service", "").ID, device)
		stranger := h.Enrolled(org, "stranger@example.com")
		there := h.Raw("")
		stranger.Enter(there)
		a = there.Post("/device", "user_code", foreign.begin().user)
		if a = there.Get(a.Location); a.Fault() != "app.not_for_you" {
			t.Errorf("another organisation's: %d, %q", a.Status, a.Fault())
		}
	})
}
