package e2e

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
)

// TestAdministrationInTheBrowser goes the way of a customer's administrator in a real
// browser without scripts: find the pages, make MFA mandatory after seeing whom it asks,
// follow the bar to those who are late, help one of them, and switch it off again.
func TestAdministrationInTheBrowser(t *testing.T) {
	h := house.Open(t, "sqlite")
	org := h.Organisation("Ringwerk", "self-service", `{"new_user_window":{"days":0}}`)
	boss, anna := h.Enrolled(org, "boss@ringwerk.example", core.CustomerAdmin), h.Enrolled(org, "anna@ringwerk.example")
	h.Person(org, "ole@ringwerk.example")
	page := browser.Open(t).Page()
	page.NoScripts()
	page.Goto(h.URL + "/sign-in")
	page.Fill("#login", boss.Login)
	page.Fill("#password", boss.Password)
	page.Press("main button[type=submit]")
	page.Fill("#code", boss.Fresh())
	page.Press("main button[type=submit]")
	page.Expect("account")
	page.Press(`main a[href="/admin/"]`)
	page.Expect("admin-home")
	page.Press(`#side a[href$="/security"]`)
	page.Expect("tenant-security")

	page.Click("input[name=requirement][value=organization]")
	page.Press(`form[action$="/security/enable"] button[type=submit]`)
	page.Expect("enable-preview")
	if got := page.Attr(`[data-effect="asked"]`, "data-count"); got != "1" {
		t.Errorf("%s would be asked", got)
	}
	page.Press("main form[method=post] button[type=submit]")
	page.Expect("tenant-security")
	if got := page.Attr("[data-progress]", "data-progress"); got != "2/3" {
		t.Errorf("the bar says %s", got)
	}
	page.Press(`.legend a[href*="setup_required"]`)
	page.Expect("users")
	if text := page.Text("main"); !strings.Contains(text, "ole@ringwerk.example") || strings.Contains(text, anna.Login) {
		t.Errorf("who is late: %s", text)
	}
	page.Press(`main a[href$="/users"]`)
	page.Press(`main a[href="/admin/users/` + string(anna.ID) + `"]`)
	page.Expect("person")
	h.Clock.Advance(20 * time.Minute)
	page.Press(`main a[href$="/reset-mfa"]`)
	page.Expect("person-reset-mfa")
	page.Fill("#code", boss.Fresh())
	page.Press("main form[method=post] button[type=submit]")
	page.Expect("person")
	if anna.Status() != core.MFASetupRequired {
		t.Errorf("she is %s", anna.Status())
	}

	page.Goto(h.URL + "/admin/tenants/" + string(org.ID) + "/security")
	page.Click("#mfa")
	page.Await(".slid")
	page.Press(".slid")
	page.Expect("disable-preview")
	page.Fill("#confirm", "Ringwerk")
	page.Fill("#code", boss.Fresh())
	page.Press("main form[method=post] button[type=submit]")
	page.Expect("tenant-security")
	if text := page.Text("main"); !strings.Contains(text, "switched off") {
		t.Errorf("the page of the switch: %s", text)
	}
	if got := page.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %v", got)
	}
}
