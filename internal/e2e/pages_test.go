package e2e

import (
	"context"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
)

// TestRarerPagesInTheBrowser opens the pages that the main story does not pass:
// invitation, setup that is due, mail proof, locks, links, step-up. In German,
// light and dark, wide and narrow, each through axe-core.
func TestRarerPagesInTheBrowser(t *testing.T) {
	h := house.Open(t, "sqlite")
	strict := h.Organisation("Bundesverwaltungsgerichtshof", "", `{"requirement":["organization"],"new_user_window":{"days":0},"locale":"de","enrol_proof":"always_mail"}`)
	calm := h.Organisation("Ringwerk", "self-service", `{"locale":"de","user_may_disable":"second_factor"}`)
	page := browser.Open(t).Page()
	page.Language("de")
	s := &teller{t: t, page: page, who: person{Locale: "de"}, dir: pictures(t)}
	press := func() { page.Press("main form button[type=submit]") }

	// Somebody invited where a second factor is required.
	_, link := h.Invite(strict, "neu@example.com")
	page.Goto(h.URL + link)
	s.look("invitation")
	page.Fill("#new_password", "kurz")
	press()
	s.look("invitation")
	page.Fill("#new_password", house.Password)
	press()
	s.look("setup-required")
	press()
	s.look("enrol-totp")
	page.Fill("#code", house.CodeAt(t, page.Content("[data-setup-key]"), h.Clock.Now()))
	press()
	s.look("recovery-code")
	page.Goto(h.URL + "/account/security")
	s.look("security") // required: no way to switch it off, and the page says who decides
	if page.Has(`a[href="/account/security/disable"]`) {
		t.Error("a required factor can be switched off")
	}
	page.Goto(h.URL + link)
	s.look("error")

	// Somebody who has not set it up, at a later sign-in: the mailbox first.
	u, link := h.Invite(strict, "spaet@example.com")
	w := h.Browser("")
	door := h.Must(w.Get(link))
	h.Must(w.Submit(door, "new_password", house.Password))
	fresh := browser.Open(t).Page()
	fresh.Language("de")
	s.page, page = fresh, fresh
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", "spaet@example.com")
	page.Fill("#password", house.Password)
	press()
	s.look("confirm-mail")
	press()
	s.look("confirm-mail")
	page.Goto(h.URL + h.Link("spaet@example.com", "/confirm/"))
	s.look("link")
	press()
	s.look("proof-done")

	// The operator's link.
	path, _, err := h.Recovery.AdminLink(context.Background(), u.ID, access.Shell(), core.Client{})
	if err != nil {
		t.Fatal(err)
	}
	page.Goto(h.URL + path)
	s.look("link")
	press()
	s.look("new-password")

	// Step-up, lock and reset of somebody with a factor.
	p := h.Enrolled(calm, "mia@example.com")
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", p.Login)
	page.Fill("#password", p.Password)
	press()
	page.Fill("#code", p.Fresh())
	press()
	s.look("account")
	h.Clock.Advance(6 * time.Minute)
	page.Goto(h.URL + "/account/security/totp")
	s.look("code")
	page.Fill("#code", p.Fresh())
	press()
	s.look("enrol-totp")
	h.Clock.Advance(6 * time.Minute)
	page.Goto(h.URL + "/account/security/disable")
	s.look("disable") // asks for a code
	for range 5 {
		page.Fill("#code", "000000")
		press()
	}
	s.look("disable") // locked, and says until when
	page.Press(`form[action="/sign-out"] button`)
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", p.Login)
	page.Fill("#password", p.Password)
	press()
	s.look("code")
	page.Goto(page.URL() + "?inputmode=text")
	s.look("code")

	page.Goto(h.URL + "/reset")
	page.Fill("#login", p.Login)
	press()
	page.Goto(h.URL + h.Link(p.Login, "/reset/"))
	s.look("new-password")

	// A person without a factor proves the password again.
	q := h.Person(calm, "ole@example.com")
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", q.Login)
	page.Fill("#password", q.Password)
	press()
	h.Clock.Advance(6 * time.Minute)
	page.Goto(h.URL + "/account/security/totp")
	s.look("password")

	for _, c := range page.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestScriptsOff goes the whole way in a browser that runs no scripts.
func TestScriptsOff(t *testing.T) {
	h := house.Open(t, "sqlite")
	org := h.Organisation("Ringwerk", "self-service", "")
	q := h.Person(org, "ole@example.com")
	page := browser.Open(t).Page()
	page.NoScripts()
	press := func() { page.Press("main form button[type=submit]") }
	page.Goto(h.URL + "/sign-in")
	if page.Has("[data-show]:not([hidden])") {
		t.Error("a button that needs a script is shown without one")
	}
	page.Fill("#login", q.Login)
	page.Fill("#password", q.Password)
	press()
	page.Expect("account")
	page.Goto(h.URL + "/account/security/totp")
	page.Fill("#code", house.CodeAt(t, page.Content("[data-setup-key]"), h.Clock.Now()))
	press()
	page.Expect("recovery-code")
	recovery := page.Content("[data-recovery-code]")
	page.Click("input[name=saved]")
	press()
	page.Expect("security")
	page.Press(`form[action="/sign-out"] button`)
	page.Expect("signed-out")
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", q.Login)
	page.Fill("#password", q.Password)
	press()
	page.Expect("code")
	page.Fill("#code", recovery)
	press()
	page.Expect("recovery-code")
}
