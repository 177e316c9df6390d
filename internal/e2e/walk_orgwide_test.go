package e2e

import (
	"strings"
	"testing"

	"sallyport/internal/testkit/browser"
)

// orgwide are the rows that the story of the organisation-wide requirement holds.
var orgwide = []string{"WBX-01", "WBX-02", "WBX-04", "WBX-05", "WBX-06", "WBX-07", "WBX-08", "WBX-09", "WBX-10", "WBX-11", "WBX-15", "WBX-16", "WBX-17", "WBX-18",
	"ACR-15", "ACR-18", "CAL-13", "CAL-14"}

var orgwideCast = map[string]struct {
	customer, unit                               string
	lena, olle, maja, hanna, sven                string
	perUser, organization, enable, setupRequired string
	app, firstLine, zone                         string
}{
	"de": {"Ringwerk GmbH", "Werk Nord", "Lena Vogt", "Ole Hansen", "Maja Lind", "Hanna Frank", "Sven Adler",
		"MFA pro Benutzer zulassen", "MFA für die Organisation vorschreiben", "Aktivieren", "Setup erforderlich", "Duo Mobile", "Erste Hilfe", "Europe/Berlin"},
	"sv": {"Ringverket AB", "Verk Nord", "Lena Wik", "Olle Hansson", "Maja Lind", "Hanna Frank", "Sven Adler",
		"Tillåt MFA per användare", "Kräv MFA för organisationen", "Aktivera", "Konfiguration krävs", "Duo Mobile", "Första hjälpen", "Europe/Stockholm"},
}

// TestOrganisationWideInTheBrowser walks the way of an organisation that first lets
// its people choose and then asks everybody, in Swedish and in German, on the two
// stores: told why, by whom and since when; skips while there is grace; a password
// reset that clears the factor; trusted browsers; roles.
func TestOrganisationWideInTheBrowser(t *testing.T) {
	for tag, engine := range map[string]string{"sv": "sqlite", "de": "postgres"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, "organization-wide", tag, engine)
			o := &orgwideWalk{walk: w}
			o.people()
			o.choice()
			o.everybody()
			o.due()
			o.newPhone()
			o.browsers()
			o.roles()
			o.accounts()
			o.record()
			w.walkedAll(orgwide)
			w.done(o.lena, o.olle, o.maja, o.hanna)
		})
	}
}

type orgwideWalk struct {
	*walk
	org                           string
	lena, olle, maja, hanna, sven *hand
}

func (o *orgwideWalk) at(tail string) string { return "/admin/tenants/" + o.org + tail }

func (o *orgwideWalk) people() {
	c := orgwideCast[o.tag]
	o.org = o.tenant("customer", c.customer, "", "--preset", "organization-wide", "--settings",
		o.document(`{"requirement":[],"locale":"`+o.tag+`","time_zone":"`+c.zone+`","recommended_app":"`+c.app+`"}`))
	o.lena = o.person("lena", c.lena, o.org, "customer_admin")
	o.olle = o.person("olle", c.olle, o.org)
	o.maja = o.person("maja", c.maja, o.org)
	o.hanna = o.person("hanna", c.hanna, o.org)
}

// choice: the switch, and the mode in which everybody decides.
func (o *orgwideWalk) choice() {
	c, lena, olle := orgwideCast[o.tag], o.lena, o.olle
	o.step("WBX-01")
	lena.knock()
	lena.open("/admin/", "admin-home")
	lena.Press(`#side a[href$="/security"]`)
	lena.look("tenant-security")
	if !lena.Has("#mfa:not([disabled]):not([checked])") {
		o.errorf("the switch is on or closed")
	}
	lena.reads(c.perUser, c.organization, o.say("scope_text.organization"))
	olle.knock()
	olle.open("/account/security", "security")
	olle.reads(o.say("security.not_offered", "Organisation", c.customer))

	o.step("WBX-02")
	lena.Click("input[name=requirement][value=organization]")
	lena.Click("input[name=requirement][value=per_user]")
	lena.Click("#mfa")
	lena.Await(".slid")
	if got := lena.Text(".slid"); got != c.enable {
		o.errorf("the button says %q", got)
	}
	lena.Press(".slid")
	lena.look("enable-preview")
	if got := lena.Attr(`[data-effect="not_asked"]`, "data-count"); got != "4" || lena.Has(`[data-effect="asked"]`) {
		o.errorf("%s are not asked", got)
	}
	lena.confirm()
	lena.look("tenant-security")

	// The toggle on one's own page: on, and off again.
	o.step("WBX-02", "WBX-08")
	optIn := func(h *hand) {
		h.Goto(o.p.URL + "/account/security")
		h.Press(`main a[href="/account/security/totp"]`)
		h.look("enrol-totp")
		h.scan()
		h.Fill("#code", "12345") // six digits
		h.submit()
		h.look("enrol-totp")
		if !h.Has("[role=alert]") {
			o.errorf("five digits are taken")
		}
		h.answer()
		h.look("security")
		h.reads(o.say("status.enabled"), story[o.tag].on)
	}
	optIn(olle)
	olle.Press(`main a[href="/account/security/disable"]`)
	olle.look("disable")
	olle.confirm()
	olle.look("security")
	olle.reads(story[o.tag].off)
	optIn(olle)
	optIn(lena)

	o.step("WBX-10")
	for range 2 {
		olle.out()
		olle.knock()
		olle.look("code")
		olle.answer()
		olle.Expect("account") // and nobody asks whether this browser is to be trusted
	}
}

// everybody: the organisation asks all of them, with some grace.
func (o *orgwideWalk) everybody() {
	c, lena, maja := orgwideCast[o.tag], o.lena, o.maja
	maja.knock()
	maja.Expect("account")
	o.step("WBX-06")
	lena.open(o.at("/security"), "tenant-security")
	lena.reads(o.say("value_text.enforce_at.next_sign_in"), o.say("value_text.enforce_at.grace"), o.say("value_text.enforce_at.revoke_now"), o.say("setting_help.new_user_window"))
	o.settings(func() {
		lena.Click("input[name=enforce_at][value=grace]")
		lena.Fill("#grace_days", "14")
		lena.Fill("#grace_skips", "2")
	})

	o.step("WBX-04", "WBX-05", "CAL-13")
	lena.Click("input[name=requirement][value=organization]")
	lena.Press(`form[action$="/security/enable"] button[type=submit]`)
	lena.look("enable-preview")
	if got := lena.Attr(`[data-effect="may_wait"]`, "data-count"); got != "2" {
		o.errorf("%s may wait", got)
	}
	lena.confirm()
	lena.look("tenant-security")
	lena.progress("2/4")

	o.step("WBX-07")
	maja.open("/account/", "account")
	o.step("WBX-04")
	o.olle.open("/account/security", "security")
	o.olle.reads(o.say("security.locked"), c.customer)
	if o.olle.Has(`a[href="/account/security/disable"]`) {
		o.errorf("what everybody must have can be switched off")
	}

	o.step("WBX-06", "WBX-09")
	for _, left := range []string{"2", "1"} {
		maja.out()
		maja.knock()
		maja.look("setup-required")
		maja.reads(c.customer, o.say("setup.by"), o.say("setup.since"), o.say("setup.due"), left, c.app)
		maja.Press("button[name=go][value=skip]")
		maja.Expect("account")
	}
	maja.open("/account/security", "security")
	maja.reads(c.setupRequired)
	lena.open(o.at("/users?status=setup_required"), "users")
	lena.reads(c.maja)
	lena.readsNot(c.olle)
	maja.out()
	maja.knock()
	maja.look("setup-required") // no skip is left
	if maja.Has("button[value=skip]") {
		o.errorf("a third skip")
	}
}

// settings changes fields of the form, looks at what it would do, and saves.
func (o *orgwideWalk) settings(change func()) {
	o.t.Helper()
	o.lena.Goto(o.p.URL + o.at("/security"))
	change()
	o.lena.Press(`form[action$="/security/settings"] button[type=submit]`)
	o.lena.look("settings-preview")
	o.lena.confirm()
	o.lena.look("tenant-security")
}

// due: nothing else is reachable, and setting up is five pages.
func (o *orgwideWalk) due() {
	c, maja := orgwideCast[o.tag], o.maja
	o.step("WBX-09", "WBX-08")
	maja.Goto(o.p.URL + "/account/")
	if name := maja.Name(); name != "sign-in" && name != "setup-required" {
		o.errorf("the account is open: %s", name)
	}
	maja.knock()
	maja.reads(c.customer, c.app)
	maja.submit()
	maja.look("enrol-totp")
	maja.scan()
	if len(maja.phone.code()) != 6 {
		o.errorf("a code of %d digits", len(maja.phone.code()))
	}
	maja.answer()
	maja.Expect("account")
	o.lena.open(o.at("/security"), "tenant-security")
	o.lena.progress("3/4")
}

// newPhone: the phone is gone, and the reset of the password lets set up again.
func (o *orgwideWalk) newPhone() {
	c, maja := orgwideCast[o.tag], o.maja
	o.step("WBX-11")
	o.lena.open(o.at("/security"), "tenant-security")
	o.lena.reads(o.say("setting_warning.clear_mfa"), o.say("setting_warning.clear_mfa_text"))
	maja.out()
	maja.knock()
	maja.look("code")
	maja.open("/reset", "reset")
	maja.Fill("#login", maja.login)
	maja.submit()
	maja.look("reset-sent")
	link := o.link(maja.mail, "/reset/")
	maja.open(link, "new-password")
	maja.password = phrase + " anew"
	maja.Fill("#new_password", maja.password)
	maja.submit()
	maja.look("setup-required")
	maja.submit()
	old := maja.phone.key
	maja.Expect("enrol-totp")
	maja.scan()
	if maja.phone.key == old {
		o.errorf("the old key was given again")
	}
	maja.answer()
	maja.Expect("account")
	maja.open(link, "error") // a link works once
	o.told(maja.mail, c.customer)

	// An administrator can do the same without the password.
	o.step("CAL-13", "WBX-11")
	o.lena.open("/admin/users/"+maja.id+"/reset-mfa", "person-reset-mfa")
	o.lena.confirm()
	o.lena.look("person")
	maja.knock()
	maja.Expect("setup-required")
	maja.submit()
	maja.scan()
	maja.answer()
	maja.Expect("account")
}

// browsers: trust, where the organisation offers it: listed, revoked by its person
// and by the administrator.
func (o *orgwideWalk) browsers() {
	maja := o.maja
	o.step("ACR-15")
	o.settings(func() {
		o.lena.choose("#challenge", "untrusted_browser")
		o.lena.choose("#trusted_browser", "days")
		o.lena.Fill("#trusted_browser_days", "30")
	})
	trust := func(h *hand) {
		h.knock()
		h.answer()
		h.look("trust-browser")
		h.reads("30")
		h.Press("button[name=trust][value=yes]")
		h.Expect("account")
	}
	maja.out()
	trust(maja)
	there := maja.elsewhere()
	trust(there)
	there.open("/account/security/browsers", "browsers")
	if got := browser.Eval[int](there.Page, `document.querySelectorAll("main .items > li").length`); got != 2 {
		o.errorf("%d trusted browsers are listed", got)
	}
	there.reads("127.0.0.1")
	// One is taken back by the person, the other by the administrator.
	there.Press("main .items a.btn")
	there.look("forget-browser")
	there.confirm()
	there.look("browsers")
	o.step("ACR-18")
	o.lena.open("/admin/users/"+maja.id, "person")
	o.lena.Press(`main a[href$="/reset-trusted-browsers"]`)
	o.lena.look("person-reset-trusted-browsers")
	o.lena.confirm()
	o.lena.look("person")
	for _, h := range []*hand{maja, there} {
		h.Goto(o.p.URL + "/account/")
		if h.Name() == "account" {
			h.out()
		}
		h.knock()
		h.Expect("code")
	}
	maja.answer()
	maja.Press("button[name=trust][value=no]")
	maja.Expect("account")
}

// roles: somebody who helps, and no more.
func (o *orgwideWalk) roles() {
	c, lena, hanna := orgwideCast[o.tag], o.lena, o.hanna
	o.step("CAL-14")
	lena.open(o.at("/roles"), "roles")
	lena.Fill("#user", hanna.login)
	lena.choose("#role", "helpdesk")
	lena.Press(`form[action$="/roles/grant"] button[type=submit]`)
	lena.look("roles")
	lena.reads(c.hanna, o.say("role.helpdesk"))
	lena.Press(`main a[href$="/roles/new"]`)
	lena.look("role")
	lena.open(o.at("/roles"), "roles")

	hanna.knock()
	hanna.Expect("setup-required")
	hanna.Press("button[value=enrol]")
	hanna.scan()
	hanna.answer()
	hanna.Press("button[name=trust][value=no]")
	hanna.open("/admin/", "admin-home")
	// The addresses of the tenant lead to its people, who are all that helpdesk sees.
	for _, path := range []string{"/admin/tenants", o.at("")} {
		hanna.open(path, "users")
	}
	for _, tail := range []string{"/security", "/audit", "/support", "/users/invite", "/act"} {
		hanna.Goto(o.p.URL + o.at(tail))
		if hanna.Status() == 200 {
			o.errorf("helpdesk opens %s", tail)
		}
	}
	hanna.open("/admin/users/"+o.olle.id, "person")
	for _, deed := range []string{"edit", "move", "to-service-account", "disable", "delete", "end-sessions"} {
		if hanna.Has(`main a[href$="/` + deed + `"]`) {
			o.errorf("helpdesk may %s", deed)
		}
	}
	hanna.open("/admin/users/"+lena.id, "person")
	if hanna.Has(`main a[href$="/reset-mfa"], main a[href$="/pass"]`) {
		o.errorf("helpdesk may reset an administrator")
	}

	// Somebody locked out gets a pass by telephone.
	o.step("CAL-13")
	hanna.open("/admin/users/"+o.olle.id+"/pass", "person-pass")
	hanna.confirm()
	hanna.look("temporary-pass")
	pass := hanna.Content("[data-temporary-pass]")
	o.olle.out()
	o.olle.knock()
	o.olle.Fill("#code", pass)
	o.olle.submit()
	o.olle.look("enrol-totp")
	o.olle.scan()
	o.olle.answer()
	o.olle.Press("button[name=trust][value=no]")
	o.olle.Expect("account")
}

// accounts: what may become of one.
func (o *orgwideWalk) accounts() {
	c, lena, olle := orgwideCast[o.tag], o.lena, o.olle
	o.step("WBX-17")
	olle.out()
	stranger := olle.elsewhere()
	for i := range 11 {
		stranger.password = "not the password of anybody"
		stranger.knock()
		stranger.Expect("sign-in")
		stranger.refusedWith("sign_in.refused")
		if i == 0 || i == 10 {
			stranger.look("sign-in") // the same words, locked or not
		}
	}
	stranger.password = olle.password // right by now, and too late
	stranger.knock()
	stranger.Expect("sign-in")
	stranger.refusedWith("sign_in.refused")
	olle.knock() // at the own browser a stranger locks nobody out
	olle.Expect("code")
	o.hanna.open(o.at("/users"), "users")
	o.hanna.within(`tr[data-user="`+olle.id+`"]`, o.say("flag.password_locked"))
	o.told(olle.mail, c.customer)
	o.hanna.open("/admin/users/"+olle.id+"/unlock", "person-unlock")
	o.hanna.confirm()
	o.hanna.look("person")
	stranger.knock() // who knows the password gets to the code again
	stranger.Expect("code")
	olle.answer()
	olle.Press("button[name=trust][value=no]")
	olle.Expect("account")

	o.step("WBX-15")
	lena.open("/admin/users/"+olle.id+"/end-sessions", "person-end-sessions")
	lena.confirm()
	lena.look("person")
	olle.open("/account/", "sign-in")

	o.step("WBX-16")
	lena.open(o.at("/users/invite"), "invite")
	lena.Fill("#name", c.sven)
	lena.Fill("#email", "sven@mail.example")
	lena.confirm()
	lena.look("person")
	lena.reads(o.say("status.pending_validation"))
	o.sven = &hand{w: o.walk, Page: o.browser(), login: "sven@mail.example", mail: "sven@mail.example", name: c.sven, password: phrase,
		id: strings.Split(strings.TrimPrefix(lena.URL(), o.p.URL+"/admin/users/"), "?")[0]}
	first := o.link(o.sven.mail, "/invitation/")
	lena.open("/admin/users/"+o.sven.id+"/reinvite", "person-reinvite")
	lena.confirm()
	lena.look("person")
	second := first
	for second == first {
		second = o.link(o.sven.mail, "/invitation/")
	}
	o.sven.open(first, "error")
	o.sven.open(second, "invitation")
	o.sven.Fill("#new_password", o.sven.password)
	o.sven.submit()
	o.sven.look("setup-required")
	change := func(deed string) {
		lena.open("/admin/users/"+o.sven.id+"/"+deed, "person-"+deed)
		if deed == "delete" {
			lena.Fill("#confirm", c.sven)
		}
		lena.confirm()
	}
	change("disable")
	lena.look("person")
	lena.reads(o.say("account_state.disabled"))
	o.sven.knock()
	o.sven.refusedWith("sign_in.refused")
	change("enable")
	lena.look("person")
	o.sven.knock()
	o.sven.Expect("setup-required")
	change("delete")
	lena.look("users")
	lena.readsNot(c.sven)
	o.sven.knock()
	o.sven.refusedWith("sign_in.refused")
}

// record: who signed in when and how.
func (o *orgwideWalk) record() {
	c, lena := orgwideCast[o.tag], o.lena
	o.step("WBX-18")
	lena.open(o.at("/audit"), "audit")
	lena.reads(c.olle, "127.0.0.1")
	lena.open(o.at("/audit?result=refused"), "audit")
	lena.reads(o.say("status.refused"))
	if lena.Has(`tr[data-event="signin.succeeded"]`) {
		o.errorf("what went well is among what was refused")
	}
	lena.open(o.at("/audit?q=olle"), "audit")
	file := lena.download(o.at("/audit?format=json"))
	if !strings.Contains(file, `"signin.succeeded"`) {
		o.errorf("the log as JSON: %.300s", file)
	}
	lena.open("/admin/policy?user="+o.maja.id, "policy-explain")
	lena.reads(c.maja, c.customer)
}
