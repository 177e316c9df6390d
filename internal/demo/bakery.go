package demo

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
)

// The steps of a partner that switches MFA on for a customer (rows ACR-01 to
// ACR-34), in their order.

func under(t core.Tenant, tail string) string { return "/admin/tenants/" + string(t.ID) + tail }

// lockedOn: the people of a partner in production set up before anything else, and
// there is nothing to switch.
func (s *stage) lockedOn() (string, error) {
	eva, err := s.enters(part{tenant: s.partner, name: "Eva Nordmann", mail: "eva.nordmann@nordwind.example", lang: "de", password: "Wolken ziehen gegen Osten",
		role: core.PartnerAdmin, enrol: true})
	if err != nil {
		return "", err
	}
	s.eva = eva
	eva.open("/admin/", "admin-home")
	eva.open(under(s.partner, "/security"), "tenant-security")
	eva.must(eva.at.Tells("data-mfa-state", "enabled") && !strings.Contains(eva.at.Raw, `action="`+under(s.partner, "/security/disable")+`"`),
		"the partner's switch can be moved")
	if eva.err != nil {
		return "", eva.err
	}
	// Nor by a form that somebody makes up.
	p, err := eva.Post(under(s.partner, "/security/disable"), map[string][]string{"confirm": {s.partner.Name}, "version": {"0"}})
	if err == nil && p.Status < 400 {
		err = errors.New("the partner's switch was moved")
	}
	return s.partner.Name + " asks Eva at once, and its switch does not move", err
}

// integration is an account for a program, made by the customer's administrator
// while nobody there has a second factor.
func (s *stage) integration() (string, error) {
	martin := s.bakery["Martin Huber"]
	martin.open(under(s.customer, "/service-accounts/new"), "service-account-new")
	s.till = "kasse" + s.mark
	p, err := martin.Submit(martin.at, "name", "Kasse", "login", s.till, "reason", "Kassenabgleich jede Nacht")
	if err != nil {
		return "", err
	}
	if s.tillWord = p.Of("data-temporary-pass"); s.tillWord == "" {
		return "", fmt.Errorf("no password for the program on page %q: status %d, fault %q", p.Name, p.Status, p.Fault)
	}
	status, _, err := s.basic(s.till, s.tillWord)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the program got status %d", status)
	}
	return "Kasse comes in with a password at /api/v1/me, on no page", err
}

// basic asks who one is, as a program does.
func (s *stage) basic(login, password string) (status int, code string, err error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.base+"/api/v1/me", nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login+":"+password)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	var said struct{ Code string }
	err = json.NewDecoder(resp.Body).Decode(&said)
	return resp.StatusCode, said.Code, err
}

// preview: what the switch would do stands there before it is moved.
func (s *stage) preview() (string, error) {
	eva := s.eva
	eva.open("/admin/tenants?q="+url.QueryEscape(s.customer.Name), "tenants")
	eva.must(eva.at.Tells("data-tenant", string(s.customer.ID)), "%s is not in the tree", s.customer.Name)
	eva.open(under(s.customer, "/security"), "tenant-security")
	eva.must(eva.at.Tells("data-mfa-state", "disabled"), "the switch is not off")
	eva.open(under(s.customer, "/security/enable?requirement=organization"), "enable-preview")
	s.asked = eva.at.Count("asked")
	stuck, exempt := max(0, eva.at.Count("stuck")), eva.at.Count("exempt")
	eva.must(s.asked == atHuber && stuck == 0 && exempt == 1, "the preview says that %d are asked, %d are stuck, %d are exempt", s.asked, stuck, exempt)
	return fmt.Sprintf("%d asked at the next sign-in · %d locked out today · %d integration exempt; nothing changed yet", s.asked, stuck, exempt), eva.err
}

// switchOn moves the switch from the preview, and the table says the same.
func (s *stage) switchOn() (string, error) {
	s.eva.send("tenant-security")
	bar, err := s.bar()
	if err != nil {
		return "", err
	}
	// Who is signed in stays so, until their session ends.
	anna := s.bakery["Anna Huber"]
	anna.open("/account/", "account")
	return bar, anna.err
}

// bar is the progress of the bakery as its page shows it to Eva.
func (s *stage) bar() (string, error) {
	s.eva.open(under(s.customer, "/security"), "tenant-security")
	if s.eva.err != nil {
		return "", s.eva.err
	}
	var done, of int
	text := s.eva.at.Value("data-progress")
	if _, err := fmt.Sscanf(text, "%d/%d", &done, &of); err != nil || of != atHuber {
		return "", fmt.Errorf("the bar says %q", text)
	}
	return fmt.Sprintf("%s [%s] %s %s", s.customer.Name, cells(done, of), text, i18n.For("de").T("status.setup_required", nil)), nil
}

// cells draws a bar of ten. It is empty and full only when nobody and everybody is
// done.
func cells(done, of int) string {
	n := 0
	if of > 0 {
		n = 10 * done / of
	}
	if done > 0 && n == 0 {
		n = 1
	}
	return strings.Repeat("█", n) + strings.Repeat("░", 10-n)
}

// table: acting as the customer's administrator, with a reason, Eva counts the
// people one by one.
func (s *stage) table() (string, error) {
	eva := s.eva
	p, err := eva.Get(under(s.customer, "/users"))
	if err != nil {
		return "", err
	}
	if p.Status != http.StatusForbidden && p.Status != http.StatusNotFound {
		return "", fmt.Errorf("from above the people can be seen: status %d", p.Status)
	}
	eva.open(under(s.customer, "/act"), "act")
	eva.send("tenant", "reason", "Umstellung auf 2FA, Auftrag 4711")
	eva.must(strings.Contains(eva.at.Raw, `class="act-as"`), "no banner says for whom she acts")
	for _, t := range []core.Tenant{s.customer, s.unit} {
		want := atHuber
		if t.ID == s.unit.ID {
			want = len(branch)
		}
		var list struct{ Items []json.RawMessage }
		if eva.err == nil {
			if p, eva.err = eva.Get(under(t, "/users?status=setup_required&format=json")); eva.err == nil {
				eva.err = json.Unmarshal([]byte(p.Raw), &list)
			}
		}
		eva.must(len(list.Items) == want, "the table of %s lists %d people, not %d", t.Name, len(list.Items), want)
	}
	eva.open(under(s.customer, "/users?status=setup_required"), "users")
	eva.must(eva.at.Tells("data-mfa-status", "setup_required"), "the table shows no status")
	eva.open(under(s.unit, "/security"), "tenant-security")
	eva.must(eva.at.Value("data-progress") == fmt.Sprintf("0/%d", len(branch)) && !strings.Contains(eva.at.Raw, "/security/disable"), "the branch has a switch of its own")
	eva.see("admin-home", func() (Page, error) { return eva.Post("/admin/acting/end", nil) })
	return fmt.Sprintf("%d in the table, as the preview said, %d of them at %s, which has no switch; Eva acted as administrator, with her reason", s.asked, len(branch), s.unit.Name), eva.err
}

// setup: at her next sign-in Anna is asked, and nothing else is open until it is
// done.
func (s *stage) setup() (string, error) {
	anna := s.bakery["Anna Huber"]
	anna.leaves()
	anna.asks("setup-required")
	anna.must(strings.Contains(anna.at.Text, s.customer.Name), "the page does not say who asks")
	here := anna.at
	anna.open("/account/", "sign-in")
	anna.at = here
	anna.send("enrol-totp")
	anna.must(strings.Contains(anna.at.Raw, "<svg"), "the page shows no QR code")
	anna.setsUp("setup-key-sheet")
	anna.must(strings.Contains(anna.at.Text, anna.key), "the sheet does not hold the key")
	anna.send("trust-browser")
	anna.send("account", "trust", "yes")
	if anna.err != nil {
		return "", anna.err
	}
	return s.bar()
}

// again: who looked over her shoulder has the password and the code, and too late.
func (s *stage) codeAgain() (string, error) {
	other := s.bakery["Anna Huber"].again()
	other.asks("code")
	other.refused("factor.code_used", "code", other.used)
	return "refused (replay), in another browser within the same half minute", other.err
}

func (s *stage) trusted() (string, error) {
	anna := s.bakery["Anna Huber"]
	anna.leaves()
	anna.asks("account")
	anna.open("/account/security/browsers", "browsers")
	return "Anna's own browser: password, no code; any other browser: code", anna.err
}

// help: the helpdesk takes the lost phone off the account, with a code of her own,
// and can do little else.
func (s *stage) help() (string, error) {
	hanna, anna := s.bakery["Hanna Brandl"], s.bakery["Anna Huber"]
	hanna.leaves()
	hanna.asks("setup-required")
	hanna.send("enrol-totp")
	hanna.finish()
	hanna.open("/admin/", "admin-home")
	if hanna.err != nil {
		return "", hanna.err
	}
	if p, err := hanna.Get(under(s.customer, "/security/disable")); err != nil || p.Status != http.StatusForbidden && p.Status != http.StatusNotFound {
		return "", fmt.Errorf("a helpdesk sees the page that switches off: status %d, %v", p.Status, err)
	}
	hanna.open("/admin/users/"+string(anna.id)+"/reset-mfa", "person-reset-mfa")
	hanna.proves("person")
	if hanna.err != nil {
		return "", hanna.err
	}
	if _, err := s.arrived(anna.mail, i18n.For(anna.lang).T("mail.factor_reset.subject", nil)); err != nil {
		return "", err
	}
	anna.asks("setup-required") // the browser that she trusted is forgotten, too
	anna.send("enrol-totp")
	anna.setsUp("setup-key-sheet")
	anna.send("trust-browser")
	anna.send("account", "trust", "yes")
	if anna.err != nil {
		return "", anna.err
	}
	return s.bar()
}

// unbroken: the program goes on, and a person is told by a code what is missing.
func (s *stage) unbroken() (string, error) {
	status, _, err := s.basic(s.till, s.tillWord)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the program got status %d", status)
	}
	if err != nil {
		return "", err
	}
	anna := s.bakery["Anna Huber"]
	status, code, err := s.basic(anna.login, anna.password)
	if err == nil && (status != http.StatusUnauthorized || code != "mfa.required") {
		err = fmt.Errorf("a person got status %d, %q", status, code)
	}
	return "Kasse still comes in; a person's password there is 401 mfa.required", err
}

// keepOn: switching off shows what would be deleted and asks for a code and the
// name; Eva goes back, and all of it is still there.
func (s *stage) keepOn() (string, error) {
	eva, anna := s.eva, s.bakery["Anna Huber"]
	eva.open(under(s.customer, "/security/disable"), "disable-preview")
	apps, browsers := eva.at.Count("apps"), eva.at.Count("browsers")
	eva.must(apps == 2 && browsers == 1, "the preview counts %d secrets and %d browsers", apps, browsers)
	eva.must(strings.Contains(eva.at.Raw, `name="code"`) && strings.Contains(eva.at.Raw, `name="confirm"`), "the page asks for no code or no name")
	eva.refused("confirm.required", "confirm", "Huber")
	if _, err := s.bar(); err != nil {
		return "", err
	}
	still := eva.at.Value("data-progress")
	eva.must(still == fmt.Sprintf("%d/%d", apps, atHuber), "the bar says %q now", still)
	anna.leaves()
	anna.asks("account") // her secret is there, and so is her browser
	other := anna.again()
	other.asks("code")
	other.proves("trust-browser")
	return fmt.Sprintf("%d secrets, %d trusted browser would be deleted; cancelled, nothing deleted, still %s", apps, browsers, still), errors.Join(eva.err, anna.err, other.err)
}
