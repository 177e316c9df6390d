package e2e

import (
	"fmt"
	"testing"

	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
)

// TestByKeyboardAlone goes the story with nothing but keys: everything can be
// reached by Tab, in the order in which it is read, and where the focus is can
// be seen.
func TestByKeyboardAlone(t *testing.T) {
	h := house.Open(t, "sqlite")
	p := h.Person(h.Organisation("Ringwerk", "self-service", ""), "ole@example.com")
	page := browser.Open(t).Page()
	// to presses Tab until the focus is on the element, or the group that it stands in
	// shows it.
	to := func(selector string) {
		t.Helper()
		if page.Has("[autofocus]") && browser.Eval[bool](page, `document.activeElement === document.body`) {
			page.Await(":focus") // the browser sets it when it first draws the page
		}
		last := -1.0
		for range 60 {
			on := browser.Eval[bool](page, fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
			if on {
				if !browser.Eval[bool](page, `[document.activeElement, document.activeElement.parentElement].some(e => {
					const s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1 })`) {
					t.Errorf("%s on page %s: nothing shows that the focus is there", selector, page.Name())
				}
				return
			}
			page.Keys("\t")
			// The order of the focus is the order on the page.
			if at := browser.Eval[float64](page, `Array.from(document.querySelectorAll("*")).indexOf(document.activeElement)`); at > 5 {
				if at < last {
					t.Fatalf("page %s: the focus went back before it reached %s", page.Name(), selector)
				}
				last = at
			}
		}
		t.Fatalf("page %s: Tab never reaches %s", page.Name(), selector)
	}
	enter := func(name string) {
		t.Helper()
		page.Keys("\r")
		page.Await(fmt.Sprintf("main[data-page=%q]", name))
	}

	page.Goto(h.URL + "/sign-in")
	to("#login")
	page.Keys(p.Login)
	to("#password")
	page.Keys(p.Password)
	to("main button[type=submit]")
	enter("account")
	to(`main a[href="/account/security"]`)
	enter("security")
	to(`main a[href="/account/security/totp"]`)
	enter("enrol-totp")
	p.Key = page.Content("[data-setup-key]")
	to("#code")
	page.Keys(p.Code())
	enter("recovery-code")
	recovery := page.Content("[data-recovery-code]")
	to("input[name=saved]")
	page.Keys(" ")
	to("main form button[type=submit]")
	enter("security")
	to(`form[action="/sign-out"] button`)
	enter("signed-out")
	page.Goto(h.URL + "/sign-in")
	to("#login")
	page.Keys(p.Login)
	to("#password")
	page.Keys(p.Password)
	enter("code")
	to("#code")
	page.Keys(recovery)
	enter("recovery-code")
}
