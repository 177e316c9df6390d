package e2e

import (
	"slices"
	"strings"
	"testing"

	"sallyport/internal/testkit/browser"
)

// managed are the rows that the story of managed tenants holds.
var managed = []string{"ACR-01", "ACR-02", "ACR-03", "ACR-04", "ACR-05", "ACR-06", "ACR-07", "ACR-08", "ACR-09", "ACR-10", "ACR-11", "ACR-12", "ACR-13", "ACR-14", "ACR-15",
	"ACR-16", "ACR-17", "ACR-18", "ACR-19", "ACR-20", "ACR-21", "ACR-24", "ACR-25", "ACR-26", "ACR-27", "ACR-28", "ACR-29", "ACR-30", "ACR-32", "ACR-34", "ACR-35"}

// managedCast are the names and the words of the story in a language. The words are
// those that administrators know the thing by.
var managedCast = map[string]struct {
	platform, partner, trial, folder, customer, unit, other                string
	eva, anna, tobias, mia, jonas, lea                                     string
	twoFactor, enable, disable, setupRequired, statusColumn, service, zone string
	reason, ticket                                                         string
}{
	"de": {"Plattform", "Nordwind MSP", "Südwind Systempartner", "Bestandskunden", "Bäckerei Huber", "Filiale Süd", "Café Lindner",
		"Eva Sommer", "Anna Huber", "Tobias Koch", "Mia Brandt", "Jonas Weber", "Lea Braun",
		"Zwei-Faktor-Authentifizierung", "Aktivieren", "Deaktivieren", "Setup erforderlich", "2FA-Status", "Dienstkonto", "Europe/Berlin",
		"Kassenabgleich mit der Warenwirtschaft", "Ticket 4711"},
	"sv": {"Plattform", "Nordanvind Drift", "Sunnanvind Systempartner", "Befintliga kunder", "Bageriet Lindqvist", "Filialen Söder", "Kafé Ekström",
		"Eva Sommar", "Anna Lindqvist", "Tobias Ek", "Mia Berg", "Jonas Holm", "Lea Norén",
		"Tvåfaktorsautentisering", "Aktivera", "Inaktivera", "Konfiguration krävs", "2FA-status", "Tjänstkonto", "Europe/Stockholm",
		"Kassaavstämning mot affärssystemet", "Ärende 4711"},
}

// TestManagedTenantsInTheBrowser walks the way of a provider with managed tenants,
// in German and in Swedish, on the two stores: locked on for partners, switched on
// for a customer, everybody finds their way in, and switched off again.
func TestManagedTenantsInTheBrowser(t *testing.T) {
	for tag, engine := range map[string]string{"de": "sqlite", "sv": "postgres"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, "managed-tenants", tag, engine)
			m := &managedWalk{walk: w}
			m.people()
			m.partners()
			m.before()
			m.enable()
			m.setUp()
			m.prompt()
			m.administrator()
			m.services()
			m.rest()
			m.disable()
			w.walkedAll(managed)
			w.done(m.eva, m.anna, m.tobias, m.mia)
		})
	}
}

type managedWalk struct {
	*walk
	partner, trial, folder, customer, unit, other string // ids
	eva, anna, tobias, mia, jonas, lea            *hand
	sheet                                         string // the setup key on Tobias's sheet
	machine                                       string // login of the service account that was there before
	machineSecret                                 string
}

func (m *managedWalk) at(tenant string, tail string) string { return "/admin/tenants/" + tenant + tail }

// people sets the stage from the operator's shell: the tree, and who is in it.
func (m *managedWalk) people() {
	c := managedCast[m.tag]
	organisation := `{"requirement":[],"locale":"` + m.tag + `","time_zone":"` + c.zone + `"}`
	m.partner = m.tenant("partner", c.partner, "", "--settings", m.document(`{"locale":"`+m.tag+`","time_zone":"`+c.zone+`"}`))
	m.folder = m.tenant("folder", c.folder, m.partner)
	m.customer = m.tenant("customer", c.customer, m.folder, "--preset", "managed-tenants", "--settings", m.document(organisation))
	m.unit = m.tenant("unit", c.unit, m.customer)
	m.eva = m.person("eva.sommer", c.eva, m.partner, "partner_admin")
	m.anna = m.person("anna.huber", c.anna, m.customer, "customer_admin")
	m.tobias = m.person("tobias.koch", c.tobias, m.customer)
	m.mia = m.person("mia.brandt", c.mia, m.unit)
	m.jonas = m.person("jonas.weber", c.jonas, m.customer)
}

// partners: what holds for partners by itself.
func (m *managedWalk) partners() {
	c, eva := managedCast[m.tag], m.eva
	// A partner in production is locked on: its administrator sets up first.
	m.step("ACR-02", "ACR-11")
	eva.open("/sign-in", "sign-in")
	eva.knock()
	eva.look("setup-required")
	eva.reads(m.say("setup.title"))
	eva.submit()
	eva.look("enrol-totp")
	eva.scan()
	eva.answer()
	eva.look("recovery-code")
	eva.Click("input[name=saved]")
	eva.submit()
	eva.look("security")
	eva.open("/account/", "account")
	eva.Press(`main a[href="/admin/"]`)
	eva.look("admin-home")

	m.step("ACR-01")
	eva.open("/admin/tenants", "tenants")
	for id, kind := range map[string]string{m.partner: "partner", m.folder: "folder", m.customer: "customer", m.unit: "unit"} {
		eva.within(`tr[data-tenant="`+id+`"]`, m.say("kind."+kind))
	}
	stranger := m.tenant("partner", "Ostwind", "")
	for _, path := range []string{m.at(stranger, ""), m.at("tn_00000000000000000000000000", "")} {
		eva.Goto(m.p.URL + path)
		if eva.Status() != 404 {
			m.errorf("what is not hers: status %d at %s", eva.Status(), path)
		}
	}
	eva.look("error")

	m.step("ACR-02")
	eva.open(m.at(m.partner, "/security"), "tenant-security")
	if !eva.Has("#mfa[disabled][checked]") || eva.Has(`form[action$="/security/disable"]`) {
		m.errorf("the switch of a partner in production can be moved")
	}
	eva.reads(c.twoFactor, m.say("mfa_switch.on"))
	eva.within("[aria-labelledby=h-mfa] .held", m.say("mfa_switch.locked", "By", "Sallyport"))
	eva.progress("1/1")

	// A trial partner gets it with production.
	m.step("ACR-03")
	eva.open(m.at(m.partner, ""), "tenant")
	eva.Press(`main a[href$="kind=partner"]`)
	eva.look("tenant-new")
	eva.Fill("#name", c.trial)
	eva.choose("#mode", "trial")
	eva.Fill("#trial_days", "30")
	eva.submit()
	eva.look("tenant-new") // what it would begin with
	eva.submit()
	eva.look("tenant")
	m.trial = eva.tenantOpen()
	eva.reads(m.say("mode.trial"), m.say("tenant.trial_until")) // the timer, and from when
	eva.open("/admin/tenants", "tenants")
	eva.within(`tr[data-tenant="`+m.trial+`"]`, m.say("mode.trial"), m.say("requirement.off"), m.say("tenants.with_production"))
	eva.open(m.at(m.trial, ""), "tenant")
	eva.Press(`main a[href$="/convert"]`)
	eva.look("tenant-convert")
	eva.confirm()
	eva.look("tenant")
	eva.reads(m.say("mode.production"), m.say("requirement.organization"))
	eva.open(m.at(m.trial, "/security"), "tenant-security")
	if !eva.Has("#mfa[disabled][checked]") {
		m.errorf("the switch of a converted partner can be moved")
	}

	// Customers are asked, not forced; one that is made begins in production and off.
	m.step("ACR-35", "ACR-04")
	eva.open(m.at(m.partner, ""), "tenant")
	eva.Press(`main a[href$="kind=customer"]`)
	eva.look("tenant-new")
	if got := browser.Eval[string](eva.Page, `document.querySelector("#mode").value`); got != "production" {
		m.errorf("a new customer begins as %s", got)
	}
	eva.Fill("#name", c.other)
	eva.submit()
	eva.look("tenant-new")
	eva.submit()
	eva.look("tenant")
	m.other = eva.tenantOpen()
	eva.reads(m.say("mode.production"), m.say("requirement.off"), m.say("tenant.no_administrator"))
	eva.open(m.at(m.other, "/security"), "tenant-security")
	if !eva.Has("#mfa:not([disabled]):not([checked])") {
		m.errorf("the switch of a new customer is on or closed")
	}
	eva.reads(m.say("scope.recommended"))
}

// before: the customer while it is off.
func (m *managedWalk) before() {
	c, anna := managedCast[m.tag], m.anna
	m.step("ACR-11", "ACR-09")
	m.tobias.knock() // his session begins now, and will go on
	m.tobias.look("account")
	anna.knock()
	anna.look("account")
	anna.open(m.at(m.customer, "/users"), "users")
	if anna.Has("[data-column=mfa_status]") {
		m.errorf("the column of the status is shown while MFA is off")
	}
	anna.readsNot(c.statusColumn, c.setupRequired)

	// An integration that cannot do two factors is there before.
	m.step("ACR-19", "ACR-21")
	anna.open(m.at(m.customer, "/service-accounts"), "service-accounts")
	anna.open(m.at(m.customer, "/service-accounts/new"), "service-account-new")
	m.machine = "kasse"
	anna.Fill("#name", "Kasse 1")
	anna.Fill("#login", m.machine)
	anna.Fill("#reason", c.reason)
	anna.confirm()
	anna.look("temporary-pass")
	m.machineSecret = anna.Content("[data-temporary-pass]")
	if body, status := m.basic(m.machine, m.machineSecret); status != 200 {
		m.errorf("the integration got %d: %s", status, body)
	}

	m.step("ACR-26")
	m.eva.open(m.at(m.unit, "/security"), "tenant-security")
	if m.eva.Has("#mfa:not([disabled])") || m.eva.Has("main form[method=get]") {
		m.errorf("a unit has a switch of its own")
	}
	m.eva.reads(m.say("security_page.inherits", "Organisation", c.customer))
}

// enable: the partner's administrator acts for the customer and slides the switch.
func (m *managedWalk) enable() {
	c, eva := managedCast[m.tag], m.eva
	m.step("ACR-05")
	eva.open("/admin/tenants", "tenants")
	eva.Press(`tr[data-tenant="` + m.customer + `"] th a`)
	eva.look("tenant")
	eva.Press(`main a[href$="/act"]`)
	eva.look("act")
	eva.Fill("#reason", "   ")
	eva.submit() // a reason is no blank
	eva.look("act")
	eva.Fill("#reason", c.ticket)
	eva.confirm()
	eva.look("tenant")
	eva.within(".act-as", c.eva, c.partner, c.customer, c.ticket)

	m.step("ACR-06")
	eva.Press(`#side a[href$="/security"]`)
	eva.look("tenant-security")
	eva.reads(c.twoFactor, m.say("mfa_switch.off"))
	if eva.Seen(".slid") {
		m.errorf("the button is there before the switch is slid")
	}
	eva.Click("#mfa")
	eva.Await(".slid")
	if got := eva.Text(".slid"); got != c.enable {
		m.errorf("the button says %q", got)
	}
	eva.keep("tenant-security", "-slid")
	eva.Press(".slid")
	eva.look("enable-preview")
	for what, want := range map[string]string{"asked": "4", "exempt": "1", "stuck": ""} {
		got := ""
		if eva.Has(`[data-effect="` + what + `"]`) {
			got = eva.Attr(`[data-effect="`+what+`"]`, "data-count")
		}
		if got != want {
			m.errorf("the preview counts %q as %s, want %q", got, what, want)
		}
	}
	eva.reads(m.say("effect_text.asked"))
	eva.confirm()
	eva.look("tenant-security")

	m.step("ACR-08", "ACR-10")
	eva.progress("0/4") // those of the unit are counted
	if got := eva.Attr("[data-mfa-state]", "data-mfa-state"); got != "enabled" {
		m.errorf("the state is %s", got)
	}
	m.step("ACR-05")
	eva.Press(".act-as button")
	eva.look("admin-home")
	if eva.Has(".act-as") {
		m.errorf("the banner stays")
	}
	// From above the switch and the numbers are seen, and no people.
	eva.open(m.at(m.customer, "/security"), "tenant-security")
	eva.progress("0/4")
	eva.Goto(m.p.URL + m.at(m.customer, "/users"))
	if eva.Status() == 200 {
		m.errorf("people are shown to who does not act there")
	}

	m.step("ACR-07")
	m.tobias.open("/account/", "account") // who is in stays in
	m.step("ACR-21")
	if body, status := m.basic(m.machine, m.machineSecret); status != 200 {
		m.errorf("the integration got %d: %s", status, body)
	}

	m.step("ACR-09")
	m.anna.open(m.at(m.customer, "/users"), "users")
	m.anna.within("[data-column=mfa_status]", c.statusColumn)
	for _, h := range []*hand{m.anna, m.tobias, m.mia, m.jonas} {
		if got := m.anna.status(h); got != c.setupRequired {
			m.errorf("the status of %s is %q", h.name, got)
		}
	}
	m.anna.reads(c.service)
	m.anna.Press(`.tabs a[href$="status=setup_required"]`)
	m.anna.look("users")
	m.anna.readsNot("Kasse 1")
	for _, format := range []string{"csv", "json"} {
		file := m.anna.download(m.at(m.customer, "/users?status=setup_required&format="+format))
		if !strings.Contains(file, "tobias.koch") || strings.Contains(file, m.machine) {
			m.errorf("the filtered view as %s: %s", format, file)
		}
	}
	m.anna.Press(`.tabs a[href$="status=enabled"]`)
	m.anna.look("users") // nobody yet: the empty state
	m.anna.reads(m.say("users.none"))
}

// setUp: people are asked at the next sign-in and cannot go on without.
func (m *managedWalk) setUp() {
	c, tobias := managedCast[m.tag], m.tobias
	m.step("ACR-07")
	tobias.out()
	tobias.knock()
	tobias.look("setup-required")
	tobias.reads(c.customer, m.say("setup.by"), m.say("setup.since"))
	for _, path := range []string{"/account/", "/account/security", "/account/profile"} {
		tobias.Goto(m.p.URL + path)
		if name := tobias.Name(); name != "sign-in" && name != "setup-required" {
			m.errorf("%s is open before the setup: %s", path, name)
		}
	}
	tobias.knock()
	m.step("ACR-12")
	tobias.submit()
	tobias.look("enrol-totp")
	tobias.scan()
	if len(tobias.phone.key) != 32 {
		m.errorf("the key has %d characters", len(tobias.phone.key))
	}
	tobias.Fill("#code", "000000")
	tobias.submit()
	tobias.look("enrol-totp")
	tobias.refusedWith("factor.code_mismatch")
	tobias.answer()

	m.step("ACR-13")
	tobias.look("setup-key-sheet")
	m.sheet = strings.ReplaceAll(tobias.Content("[data-setup-key]"), " ", "")
	if uri := tobias.qr("svg[role=img]"); m.sheet != tobias.phone.key || !strings.Contains(uri, "secret="+m.sheet) {
		m.errorf("the sheet holds %q, its QR code %q, the app %q", m.sheet, uri, tobias.phone.key)
	}
	tobias.Paper(true)
	if tobias.Seen("main button") || !tobias.Seen("[data-setup-key]") {
		m.errorf("on paper: a button, or no key")
	}
	tobias.keep("setup-key-sheet", "-paper")
	tobias.Paper(false)
	tobias.submit()

	m.step("ACR-15")
	tobias.look("trust-browser")
	if tobias.Has("input[type=checkbox], input[type=radio]") || tobias.Has(".btn-primary") {
		m.errorf("an answer is chosen beforehand")
	}
	tobias.reads(m.say("trust.place"), "127.0.0.1")
	tobias.Press("button[name=trust][value=yes]")
	tobias.look("account")
	tobias.out()
	tobias.knock()
	tobias.look("account") // no code in this browser
	tobias.open("/account/security", "security")
	tobias.reads(m.say("security.locked"), "127.0.0.1")
	tobias.open("/account/security/browsers", "browsers")

	m.step("ACR-08", "ACR-09")
	m.eva.open(m.at(m.customer, "/security"), "tenant-security")
	m.eva.progress("1/4")
	m.anna.open(m.at(m.customer, "/users"), "users")
	if got := m.anna.status(tobias); got != m.say("status.enabled") {
		m.errorf("the status of %s is %q", c.tobias, got)
	}
}

// prompt: another browser asks for a code, and its page resets what one has, for a
// code.
func (m *managedWalk) prompt() {
	tobias := m.tobias
	there := tobias.elsewhere()
	m.step("ACR-14", "ACR-11")
	there.knock()
	there.look("code")
	there.Fill("#code", there.stale())
	there.submit()
	there.look("code")
	there.refusedWith("factor.code_mismatch")

	m.step("ACR-13", "ACR-27") // the sheet is the key, and no code
	there.Fill("#code", m.sheet)
	there.submit()
	there.look("code")

	m.step("ACR-16")
	there.Press(`a[href$="/reset-browsers"]`)
	there.look("reset-browsers")
	// The phone is new; an app that is given the key of the sheet goes on (ACR-27).
	last := tobias.phone.last
	tobias.phone = &app{t: m.t, key: m.sheet, last: last}
	there.phone = tobias.phone
	there.answer()
	there.Expect("account")
	tobias.open("/account/", "sign-in") // a session that began by trust is over
	tobias.knock()
	tobias.look("code") // and the browser is not trusted any more
	tobias.Press(`a[href$="/reset-mfa"]`)
	tobias.look("reset-mfa")
	tobias.answer()
	tobias.look("setup-required")
	tobias.submit()
	tobias.Expect("enrol-totp")
	tobias.scan()
	if tobias.phone.key == m.sheet {
		m.errorf("the old key was given again")
	}
	tobias.answer()
	tobias.submit()
	tobias.Expect("trust-browser")
	tobias.Press("button[name=trust][value=yes]")
	tobias.Expect("account")
}

// administrator: resets by somebody else, with their own proof.
func (m *managedWalk) administrator() {
	c, anna, tobias := managedCast[m.tag], m.anna, m.tobias
	m.step("ACR-07", "ACR-15")
	anna.out()
	anna.knock()
	anna.submit()
	anna.Expect("enrol-totp")
	anna.scan()
	anna.answer()
	anna.submit()
	anna.Press("button[name=trust][value=yes]")
	anna.Expect("account")
	anna.out()
	anna.knock()
	anna.Expect("account") // trusted: nothing but the password was shown

	m.step("ACR-18")
	anna.open(m.at(m.customer, "/users"), "users")
	anna.Press(`tr[data-user="` + tobias.id + `"] th a`)
	anna.look("person")
	anna.Press(`main a[href$="/reset-trusted-browsers"]`)
	anna.look("person-reset-trusted-browsers")
	anna.Fill("#code", tobias.phone.code()) // not hers
	anna.submit()
	anna.look("person-reset-trusted-browsers")
	anna.refusedWith("factor.code_mismatch")
	anna.answer()
	anna.look("person")
	m.told(tobias.mail, c.customer)
	tobias.out()
	tobias.knock()
	tobias.Expect("code")

	m.step("ACR-17", "ACR-27")
	anna.out()
	anna.knock()
	anna.open("/admin/users/"+tobias.id, "person")
	anna.Press(`main a[href$="/reset-mfa"]`)
	anna.look("person-reset-mfa")
	anna.Fill("#code", "000000")
	anna.submit()
	anna.look("person-reset-mfa")
	anna.refusedWith("factor.code_mismatch")
	anna.answer()
	anna.look("person")
	anna.reads(c.setupRequired)
	tobias.knock()
	tobias.Expect("setup-required") // must set up again
	tobias.submit()
	tobias.scan()
	tobias.answer()
	tobias.submit()
	tobias.Press("button[name=trust][value=yes]")
	tobias.Expect("account")
}

// services: accounts of integrations.
func (m *managedWalk) services() {
	c, anna, jonas := managedCast[m.tag], m.anna, m.jonas
	m.step("ACR-19")
	anna.out()
	anna.knock() // by trust, so her own code is asked for
	anna.open("/admin/users/"+jonas.id+"/to-service-account", "person-to-service-account")
	if !anna.Has("#code") {
		m.errorf("nobody asks for the administrator's code")
	}
	anna.Fill("#reason", c.reason)
	anna.confirm()
	anna.look("person")
	anna.reads(c.service)
	anna.open(m.at(m.customer, "/users"), "users")
	if got := anna.status(jonas); got != c.service {
		m.errorf("the status of %s is %q", c.jonas, got)
	}
	anna.open(m.at(m.customer, "/service-accounts"), "service-accounts")
	anna.reads(c.jonas, c.reason)
	if body, status := m.basic(jonas.login, jonas.password); status != 200 || !strings.Contains(body, "service_account") {
		m.errorf("the service account got %d: %s", status, body)
	}
	jonas.knock() // it never signs in to pages
	jonas.Expect("sign-in")
	m.anna.open(m.at(m.customer, "/security"), "tenant-security")
	m.anna.progress("2/3")

	m.step("ACR-20")
	anna.open("/admin/users/"+jonas.id+"/to-regular", "person-to-regular")
	anna.confirm()
	anna.look("person")
	anna.reads(c.setupRequired)
	if _, status := m.basic(jonas.login, jonas.password); status != 401 {
		m.errorf("a person came in with a password alone: %d", status)
	}
}

// rest: the fences around it.
func (m *managedWalk) rest() {
	c, anna, mia := managedCast[m.tag], m.anna, m.mia
	// New people are asked when they activate their account.
	m.step("ACR-32", "ACR-07")
	anna.open(m.at(m.customer, "/users/invite"), "invite")
	anna.Fill("#name", c.lea)
	anna.Fill("#email", "lea@mail.example")
	anna.submit()
	anna.look("person")
	m.lea = &hand{w: m.walk, Page: m.browser(), name: c.lea, login: "lea@mail.example", password: phrase}
	m.lea.open(m.link("lea@mail.example", "/invitation/"), "invitation")
	for _, weak := range []string{"short", "password1234", "lea@mail.example"} {
		m.lea.Fill("#new_password", weak)
		m.lea.submit()
		m.lea.look("invitation")
		if !m.lea.Has("[role=alert]") {
			m.errorf("%q was not refused with a word", weak)
		}
	}
	m.lea.Fill("#new_password", phrase)
	m.lea.submit()
	m.lea.look("setup-required")

	// Too many codes: a lock that says until when, lifted by who may.
	m.step("ACR-28")
	mia.knock()
	mia.submit()
	mia.scan()
	mia.answer()
	mia.submit()
	mia.Press("button[name=trust][value=no]")
	mia.Expect("account")
	mia.out()
	mia.knock()
	for range 5 {
		mia.Fill("#code", "000000")
		mia.submit()
	}
	mia.look("code")
	if got := mia.Attr("[role=alert]", "data-code"); got != "factor.locked" {
		m.errorf("after five codes: %q", got)
	}
	anna.open(m.at(m.customer, "/users"), "users")
	anna.within(`tr[data-user="`+mia.id+`"]`, m.say("flag.factor_locked"), c.unit)
	anna.open("/admin/users/"+mia.id+"/unlock", "person-unlock")
	anna.confirm()
	anna.look("person")
	mia.answer()
	mia.Press("button[name=trust][value=no]")
	mia.Expect("account")

	m.step("ACR-29")
	anna.open(m.at(m.customer, "/security"), "tenant-security")
	for field, want := range map[string]string{"session_idle": "1h", "session_max": "1d"} {
		if got := anna.Attr("#"+field, "value"); got != want {
			m.errorf("%s is %s", field, got)
		}
	}

	// A fence of addresses holds for the organisation that has it.
	m.step("ACR-30")
	networks := func(list string) {
		m.eva.open(m.at(m.customer, "/act"), "act")
		m.eva.Fill("#reason", c.ticket)
		m.eva.confirm()
		m.eva.Expect("tenant")
		m.eva.open(m.at(m.customer, "/security"), "tenant-security")
		m.eva.Fill("#login_networks", list)
		m.eva.Press(`form[action$="/security/settings"] button[type=submit]`)
		m.eva.look("settings-preview")
		m.eva.confirm()
		m.eva.look("tenant-security")
		m.eva.Press(".act-as button")
	}
	networks("192.0.2.0/24")
	m.tobias.Goto(m.p.URL + "/account/")
	m.tobias.knock()
	m.tobias.look("error")
	networks("")
	m.tobias.open("/account/", "account") // nobody ended the session

	m.step("ACR-34")
	anna.open(m.at(m.customer, "/audit"), "audit")
	anna.reads(c.eva, m.say("audit.for", "Organisation", c.customer))
	anna.open(m.at(m.customer, "/audit?event=tenant."), "audit")
	anna.reads(m.say("event.tenant.mfa.enabled"))
	if anna.Has(`tr[data-event^="signin."]`) {
		m.errorf("sign-ins are among what happened to the tenant")
	}
	anna.open(m.at(m.customer, "/audit?event=nonsense"), "audit")
	anna.refusedWith("form.invalid")
	file := anna.download(m.at(m.customer, "/audit?format=csv"))
	for _, event := range []string{"tenant.mfa.enabled", "signin.succeeded"} {
		if !strings.Contains(file, event) {
			m.errorf("the log has no %s:\n%s", event, file)
		}
	}

	// Where the own administrator is stuck, the provider helps.
	m.step("ACR-27")
	m.eva.open(m.at(m.customer, "/act"), "act")
	m.eva.Fill("#reason", c.ticket)
	m.eva.confirm()
	m.eva.open("/admin/users/"+anna.id, "person")
	m.eva.Press(`main a[href$="/reset-mfa"]`)
	m.eva.look("person-reset-mfa")
	m.eva.confirm()
	m.eva.look("person")
	m.eva.reads(c.setupRequired)
	m.eva.Press(".act-as button")
}

// disable: the switch the other way. Everything goes.
func (m *managedWalk) disable() {
	c, eva, tobias := managedCast[m.tag], m.eva, m.tobias
	m.step("ACR-24", "ACR-04")
	eva.open(m.at(m.customer, "/security"), "tenant-security")
	eva.Click("#mfa")
	eva.Await(".slid")
	if got := eva.Text(".slid"); got != c.disable {
		m.errorf("the button says %q", got)
	}
	eva.Press(".slid")
	eva.look("disable-preview")
	count := func(what string) string {
		if !eva.Has(`[data-effect="` + what + `"]`) {
			return "0"
		}
		return eva.Attr(`[data-effect="`+what+`"]`, "data-count")
	}
	if apps, browsers := count("apps"), count("browsers"); apps != "2" || browsers != "1" {
		m.errorf("%s keys and %s trusted browsers would go, want 2 and 1", apps, browsers)
	}
	eva.Fill("#confirm", c.other)
	eva.Fill("#code", eva.phone.code())
	eva.submit()
	eva.look("disable-preview")
	eva.refusedWith("confirm.required")
	eva.Fill("#confirm", c.customer)
	eva.Fill("#code", tobias.phone.code())
	eva.submit()
	eva.look("disable-preview")
	eva.refusedWith("factor.code_mismatch")
	eva.Fill("#confirm", c.customer)
	eva.answer()

	m.step("ACR-10", "ACR-25")
	eva.Expect("tenant-security")
	states := []string{}
	for len(states) < 600 {
		state := eva.Attr("[data-mfa-state]", "data-mfa-state")
		states = append(states, state)
		if state == "disabled" {
			break
		}
		eva.Goto(m.p.URL + m.at(m.customer, "/security"))
	}
	for _, s := range states {
		if !slices.Contains([]string{"disabling", "disabled"}, s) {
			m.errorf("on the way it was %s", s)
		}
	}
	if states[len(states)-1] != "disabled" {
		m.errorf("it is still being switched off")
	}
	eva.look("tenant-security")
	for _, h := range []*hand{tobias, m.mia} {
		if show := m.site.run("", "user", "show", h.login, "--json"); strings.Contains(show, `"totp"`) {
			m.errorf("%s has something left: %s", h.name, show)
		}
	}
	m.anna.knock()
	m.anna.open(m.at(m.customer, "/users"), "users")
	if m.anna.Has("[data-column=mfa_status]") {
		m.errorf("the column is still there")
	}
	m.anna.readsNot(c.setupRequired)
	there := tobias.elsewhere()
	there.knock()
	there.look("account") // the password is enough, in any browser
	there.open("/account/security", "security")
	if there.Has("#h-browsers") || there.Has("#h-methods") {
		m.errorf("there is a method or a trusted browser left")
	}
	m.told(tobias.mail, c.customer)
	if _, status := m.basic(m.machine, m.machineSecret); status != 200 {
		m.errorf("the integration got %d", status)
	}
	m.step("ACR-34")
	m.anna.open(m.at(m.customer, "/audit"), "audit")
	m.anna.reads(m.say("event.tenant.mfa.disabled"))
}
