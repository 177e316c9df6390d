package signin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// Row ACR-13: after the first right code the setup key is shown once more, to be
// printed; its page is served once, and nobody sees it later. Rows ACR-07, ACR-12,
// ACR-15: the whole way of the preset managed-tenants.
func TestSetupKeySheet(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Nordwind", "managed-tenants", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw(at(1))
		a := r.Post("/sign-in", "login", p.Login, "password", p.Password, "return_to", "/account/profile")
		a = r.Post(a.Location, "go", "enrol")
		setup := r.Get(a.Location)
		p.Key = setup.Of("data-setup-key")
		says(t, setup, "Setup key sheet")
		if a = r.Post(a.Location, "code", p.Code()); a.Location != "/account/security/setup-key" || !a.In() {
			t.Fatalf("the code leads to %q, fault %q", a.Location, a.Fault())
		}
		// It stands between and comes again at the start alone.
		if b := r.Get("/account/"); b.Location != "/account/security/setup-key" {
			t.Errorf("the start leads to %q", b.Location)
		}
		if b := r.Get("/account/profile"); b.Status != http.StatusOK {
			t.Errorf("another path answers %d", b.Status)
		}
		if b := r.Post(a.Location); b.Location != "/account/security/setup-key" {
			t.Errorf("going on unseen leads to %q", b.Location)
		}
		// Looking whether it is there does not use it up.
		if b := r.Do(http.MethodHead, a.Location, "", ""); b.Status != http.StatusConflict {
			t.Errorf("HEAD answers %d", b.Status)
		}
		sheet := r.Get(a.Location)
		if sheet.Page() != "setup-key-sheet" || sheet.Of("data-setup-key") != p.Key || !strings.Contains(sheet.Body, `role="img"`) {
			t.Fatalf("page %q with the key %q", sheet.Page(), sheet.Of("data-setup-key"))
		}
		says(t, sheet, "anna@example.com", "Nordwind", "no recovery code")
		if c := sheet.Header.Get("Cache-Control"); c != "no-store" {
			t.Errorf("Cache-Control %q", c)
		}
		if strings.Contains(sheet.Body, "otpauth:") || strings.Contains(strings.ReplaceAll(sheet.Body, " ", ""), "secret="+strings.ReplaceAll(p.Key, " ", "")) {
			t.Error("the key stands in an address")
		}
		for range 2 {
			b := r.Get(a.Location)
			if b.Status != http.StatusConflict || b.Fault() != "sheet.shown" || strings.Contains(b.Body, p.Key) {
				t.Errorf("once more: status %d, fault %q", b.Status, b.Fault())
			}
		}
		if b := r.Post(a.Location); b.Location != "/account/trust-browser" {
			t.Errorf("going on leads to %q", b.Location)
		}
		if b := r.Post("/account/trust-browser", "trust", "no"); b.Location != "/account/profile" {
			t.Errorf("and to %q", b.Location)
		}
		// Never later: not on the security page, nor at another sign-in.
		for _, path := range []string{"/account/security", "/account/security/recovery-code", "/account/security/browsers"} {
			if b := r.Follow(r.Get(path)); strings.Contains(b.Body, p.Key) {
				t.Errorf("%s shows the key", path)
			}
		}
		o := h.Raw(at(2))
		code := p.Attempt(o)
		says(t, o.Get(code), "sheet with the setup key")
		if b := o.Post(code, "code", p.Fresh()); b.Location != "/account/trust-browser" {
			t.Errorf("the next sign-in leads to %q", b.Location)
		}
		// It is no recovery code, and there is none.
		o = h.Raw(at(3))
		for _, typed := range []string{p.Key, strings.ReplaceAll(p.Key, " ", "")} {
			if b := o.Post(p.Attempt(o), "code", typed); b.In() || b.Fault() != core.ErrCodeMismatch.Code {
				t.Errorf("typed at the prompt: to %q, fault %q", b.Location, b.Fault())
			}
		}
		if n := len(p.Factors()); n != 1 {
			t.Errorf("%d factors", n)
		}
		if m := h.Mail(p.Login, "Two-factor authentication is on"); !strings.Contains(m.Text, "sheet with the setup key") || strings.Contains(m.Text, p.Key) {
			t.Errorf("the mail says\n%s", m.Text)
		}
		if n := p.Names()["user.mfa.sheet_shown"]; n != 1 {
			t.Errorf("%d rows", n)
		}
		if strings.Contains(h.Logs.String(), p.Key) || strings.Contains(h.Logs.String(), strings.ReplaceAll(p.Key, " ", "")) {
			t.Error("the key is in the log")
		}
	})
}

// Of many that ask for the sheet at once one gets it; after fifteen minutes, or
// when the app has ended, nobody does. With both ways the code comes first.
func TestTheSheetIsServedOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Once", "self-service", `{"recovery":["recovery_code","setup_key_sheet"]}`)
		enrol := func(login string, n int) (*house.Person, *house.Raw) {
			p := h.Person(org, login)
			r := h.Raw(at(n))
			p.Enter(r)
			p.Key = r.Get("/account/security/totp").Of("data-setup-key")
			if a := r.Post("/account/security/totp", "code", p.Code()); a.Location != "/account/security/recovery-code" {
				t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
			}
			if a := r.Post("/account/security/recovery-code", "saved", "yes"); a.Location != "/account/security/setup-key" {
				t.Fatalf("saved leads to %q", a.Location)
			}
			return p, r
		}
		p, r := enrol("anna@example.com", 1)
		var tabs [6]*house.Raw
		var shown [6]bool
		for i := range tabs {
			tabs[i] = r.Clone()
		}
		together(len(tabs), func(i int) { shown[i] = tabs[i].Get("/account/security/setup-key").Of("data-setup-key") == p.Key })
		n := 0
		for _, s := range shown {
			if s {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of them got it", n)
		}
		if a := r.Post("/account/security/setup-key"); a.Location != "/account/security?done=mfa_on" {
			t.Errorf("going on leads to %q", a.Location)
		}
		_, r = enrol("berta@example.com", 2)
		h.Clock.Advance(15 * time.Minute)
		if a := r.Get("/account/security/setup-key"); a.Status != http.StatusConflict || a.Of("data-setup-key") != "" {
			t.Errorf("after fifteen minutes: status %d", a.Status)
		}
		_, r = enrol("carla@example.com", 3)
		if a := r.Post("/account/security/disable", "confirm", "yes"); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d, fault %q", a.Status, a.Fault())
		}
		if a := r.Get("/account/security/setup-key"); a.Status != http.StatusConflict || a.Of("data-setup-key") != "" {
			t.Errorf("of an app that ended: status %d", a.Status)
		}
	})
}
