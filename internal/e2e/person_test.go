package e2e

import (
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
)

// TestWhatAPersonMeetsInTheBrowser walks the pages of a tightening organisation in
// German, light and dark, wide and narrow, through axe-core: grace and its end, the
// sheet, trust given, listed and taken back, both resets at the prompt, a reset
// that clears, and the door from outside.
func TestWhatAPersonMeetsInTheBrowser(t *testing.T) {
	h := house.Open(t, "sqlite")
	org := h.Organisation("Bäckerei Huber", "managed-tenants", `{"requirement":["per_user"],"locale":"de","time_zone":"Europe/Berlin","trusted_browser":{"days":14},
		"recommended_app":"Duo Mobile","enforce_at":{"grace":{"days":14,"skips":3}}}`)
	page := browser.Open(t).Page()
	page.Language("de")
	s := &teller{t: t, page: page, who: person{Locale: "de"}, dir: pictures(t)}
	press := func() { page.Press("main form button[type=submit]") }
	knock := func(p *house.Person) {
		page.Goto(h.URL + "/sign-in")
		page.Fill("#login", p.Login)
		page.Fill("#password", p.Password)
		press()
	}
	out := func() { page.Press(`form[action="/sign-out"] button`) }

	h.Person(org, "anna.huber@example.com", core.CustomerAdmin)
	p := h.Person(org, "tobias@example.com")
	h.Settings(org.ID, `{"requirement":["organization"]}`)

	knock(p)
	s.look("setup-required")
	page.Press("button[value=skip]")
	s.look("account")
	page.Goto(h.URL + "/account/security")
	s.look("security")
	out()
	knock(p)
	press()
	s.look("enrol-totp")
	p.Key = page.Content("[data-setup-key]")
	page.Fill("#code", p.Code())
	press()
	s.look("setup-key-sheet")
	press()
	s.look("trust-browser")
	page.Press("button[name=trust][value=yes]")
	s.look("account")
	out()

	knock(p) // trusted: the password is enough
	page.Expect("account")
	page.Goto(h.URL + "/account/security")
	s.look("security")
	page.Goto(h.URL + "/account/security/browsers")
	s.look("browsers")
	h.Clock.Advance(6 * time.Minute)
	page.Press("main .items a.btn")
	s.look("forget-browser")
	page.Fill("#code", p.Fresh())
	press()
	s.look("browsers")
	out()

	knock(p)
	page.Fill("#code", p.Fresh())
	press()
	page.Press("button[name=trust][value=yes]")
	other := browser.Open(t).Page()
	other.Language("de")
	s.page, page = other, other
	knock(p)
	s.look("code")
	page.Press(`a[href$="/reset-browsers"]`)
	s.look("reset-browsers")
	page.Fill("#code", p.Fresh())
	press()
	page.Expect("account")
	out()
	knock(p)
	page.Press(`a[href$="/reset-mfa"]`)
	s.look("reset-mfa")
	page.Fill("#code", p.Fresh())
	press()
	s.look("setup-required")

	h.Clock.Advance(time.Hour) // so much news within one would use up what strangers may cause
	h.Settings(org.ID, `{"password_reset_effect":"clear_mfa"}`)
	page.Goto(h.URL + "/reset")
	page.Fill("#login", p.Login)
	press()
	s.look("reset-sent")
	page.Goto(h.URL + h.Link(p.Login, "/reset/"))
	s.look("new-password")

	h.Settings(org.ID, `{"login_networks":["192.0.2.0/24"]}`)
	knock(p)
	s.look("error")

	for _, c := range page.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestTheSheetOnPaper: what is printed is the key, its code to scan and what they
// are for, without buttons; the trust page works with scripts off.
func TestTheSheetOnPaper(t *testing.T) {
	h := house.Open(t, "sqlite")
	org := h.Organisation("Bäckerei Huber", "managed-tenants", `{"requirement":["per_user"]}`)
	p := h.Person(org, "tobias@example.com")
	page := browser.Open(t).Page()
	page.NoScripts()
	press := func() { page.Press("main form button[type=submit]") }
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", p.Login)
	page.Fill("#password", p.Password)
	press()
	page.Goto(h.URL + "/account/security/totp")
	p.Key = page.Content("[data-setup-key]")
	page.Fill("#code", p.Code())
	press()
	page.Expect("setup-key-sheet")
	if got := page.Content("[data-setup-key]"); got != p.Key {
		t.Errorf("the sheet has %q", got)
	}
	page.Paper(true)
	if page.Seen("main button") || page.Seen(".door-foot") || !page.Seen("[data-setup-key]") || !page.Seen("svg[role=img]") {
		t.Error("on paper: a button, or no key")
	}
	s := &teller{t: t, page: page, who: person{Locale: "en"}, dir: pictures(t)}
	s.picture("setup-key-sheet-paper")
	page.Paper(false)
	press()
	page.Expect("security")
	page.Press(`form[action="/sign-out"] button`)
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", p.Login)
	page.Fill("#password", p.Password)
	press()
	page.Fill("#code", p.Fresh())
	press()
	page.Expect("trust-browser")
	page.Press("button[name=trust][value=no]")
	page.Expect("account")
}
