package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

const security = "/account/security"

// The new code is to be had as a file, without scripts, while it is shown and no
// longer.
func TestTheRecoveryCodeAsAFile(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p := h.Enrolled(h.Organisation("Filed", "self-service", ""), "anna@example.com")
		const page, file = "/account/security/recovery-code", "/account/security/recovery-code/file"
		r := h.Raw("")
		p.Enter(r)
		if a := r.Post(file, "go", "file"); a.Location != page || strings.Contains(a.Body, p.Recovery) {
			t.Errorf("nothing is shown: status %d to %q", a.Status, a.Location)
		}
		s := h.Raw("")
		s.Post(p.Attempt(s), "code", p.Recovery)
		sheet := s.Get(page)
		code := sheet.Of("data-recovery-code")
		if code == "" || !strings.Contains(sheet.Body, `action="`+file+`"`) {
			t.Fatalf("page %q, code %q", sheet.Page(), code)
		}
		a := s.Post(file, "go", "file")
		if a.Status != http.StatusOK || a.Body != code+"\n" || a.Header.Get("Content-Disposition") != "attachment; filename=recovery-code.txt" ||
			!strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("status %d, %v: %q", a.Status, a.Header, a.Body)
		}
		if a := s.Get(file); a.Status == http.StatusOK {
			t.Error("an address alone gets the file")
		}
		if strings.Contains(h.Logs.String(), code) {
			t.Error("the code is in the log")
		}
		s.Post(page, "saved", "yes")
		if a := s.Post(file, "go", "file"); strings.Contains(a.Body, code) {
			t.Error("the file is to be had after the code was saved")
		}
	})
}

// What the security page offers in each state of organisation and person.
func TestTheSecurityPage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		per, off := h.Organisation("Per user", "self-service", ""), h.Organisation("Off", "", "")
		no := h.Organisation("No", "self-service", `{"user_may_disable":"no"}`)
		all := h.Organisation("All", "self-service", `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		const setUp, disable, renew = `href="/account/security/totp"`, `href="/account/security/disable"`, `href="/account/security/recovery-code"`
		for _, c := range []struct {
			name      string
			p         *house.Person
			has, lack []string
		}{
			{"may set up", h.Person(per, "a@example.com"), []string{setUp}, []string{disable, renew}},
			{"not offered", h.Person(off, "b@example.com"), nil, []string{setUp, disable, renew}},
			{"not offered, but an administrator may", h.Person(off, "c@example.com", core.CustomerAdmin), []string{setUp}, []string{disable}},
			{"on", h.Enrolled(per, "d@example.com"), []string{disable, renew, setUp}, nil},
			{"on, may not switch off", h.Enrolled(no, "e@example.com"), []string{renew}, []string{disable}},
			{"required", h.Enrolled(all, "f@example.com"), []string{renew, "All"}, []string{disable}},
		} {
			r := h.Raw("")
			c.p.Enter(r)
			a := r.Get(security)
			for _, want := range c.has {
				if !strings.Contains(a.Body, want) {
					t.Errorf("%s: no %s", c.name, want)
				}
			}
			for _, not := range c.lack {
				if strings.Contains(a.Body, not) {
					t.Errorf("%s: there is %s", c.name, not)
				}
			}
		}
		// What the page does not offer, its address does not do either.
		r := h.Raw("")
		p := h.Person(off, "g@example.com")
		p.Enter(r)
		if a := r.Get(security + "/totp"); a.Status != http.StatusForbidden || a.Fault() != core.ErrPolicyLocked.Code {
			t.Errorf("not offered, and the page answers %d, %q", a.Status, a.Fault())
		}
		if a := r.Post(security+"/totp", "code", "123456"); a.Status < 400 {
			t.Errorf("not offered, and the form answers %d", a.Status)
		}
		if a := r.Post(security + "/recovery-code"); a.Status < 400 && a.Location != security {
			t.Errorf("a recovery code without a factor: %d to %q", a.Status, a.Location)
		}
	})
}

// A-05, N-27, N-33, W-05: every change of how one proves oneself is told by mail,
// once, with where it happened and what to do about it.
func TestEveryChangeIsToldN33(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Told", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("198.51.100.7")
		p.Enter(r)
		count := func(subject string) (n int) {
			for _, s := range h.Mails(p.Login) {
				if s == subject {
					n++
				}
			}
			return n
		}
		enrol := func() house.Answer {
			p.Key = r.Get(security + "/totp").Of("data-setup-key")
			h.Clock.Advance(time.Minute)
			a := r.Post(security+"/totp", "code", p.Code())
			p.Recovery = r.Get(security + "/recovery-code").Of("data-recovery-code")
			r.Post(security+"/recovery-code", "saved", "yes")
			return a
		}
		for _, c := range []struct {
			subject string
			do      func() house.Answer
		}{
			{"Two-factor authentication is on", enrol},
			{"Codes now come from another phone", enrol},
			{"A new recovery code was made", func() house.Answer { return r.Post(security + "/recovery-code") }},
			{"Your recovery code was used", func() house.Answer {
				p.Recovery = r.Get(security + "/recovery-code").Of("data-recovery-code")
				r.Post(security+"/recovery-code", "saved", "yes")
				s := h.Raw("198.51.100.7")
				return s.Post(p.Attempt(s), "code", p.Recovery)
			}},
			{"Two-factor authentication is off", func() house.Answer { return r.Post(security+"/disable", "confirm", "yes") }},
			{"Your password was changed", func() house.Answer {
				return r.Post("/account/password", "password", p.Password, "new_password", "Another long pass phrase")
			}},
		} {
			h.Mails(p.Login)
			before := count(c.subject)
			if a := c.do(); a.Status != http.StatusSeeOther {
				t.Fatalf("%s: status %d, fault %q", c.subject, a.Status, a.Fault())
			}
			if n := count(c.subject) - before; n != 1 {
				t.Errorf("%q came %d times", c.subject, n)
				continue
			}
			m := h.Mail(p.Login, c.subject)
			if !strings.Contains(m.Text, "198.51.100.7") || !strings.Contains(m.HTML, "198.51.100.7") {
				t.Errorf("%q does not say where:\n%s", c.subject, m.Text)
			}
			if m.To != p.Login || !strings.Contains(m.Text, "you") {
				t.Errorf("%q to %s", c.subject, m.To)
			}
		}
	})
}

// The profile's language is the one that pages and mails follow; what was picked
// in the footer before gives way to it.
func TestTheProfile(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Profile", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		r.Get("/sign-in?lang=fr")
		for _, bad := range []string{"xx", "de-CH", "../de", strings.Repeat("d", 400)} {
			if a := r.Post("/account/profile", "locale", bad); a.Status != 422 {
				t.Errorf("%.20q: status %d", bad, a.Status)
			}
		}
		if a := r.Post("/account/profile", "locale", "sv"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Fault())
		}
		h.Settle()
		if a := r.Get("/account/"); a.Header.Get("Content-Language") != "sv" {
			t.Errorf("the page is in %q", a.Header.Get("Content-Language"))
		}
		p.Key = r.Get(security + "/totp").Of("data-setup-key")
		r.Post(security+"/totp", "code", p.Code())
		h.Mail(p.Login, "Tvåfaktorsautentisering är aktiverad")
		if p.User().Login != "anna@example.com" || p.User().Email != "anna@example.com" {
			t.Error("more than the language changed")
		}
		for _, field := range []string{"email", "login", "name", "email_verified", "state", "federated"} { // B-49
			r.Post("/account/profile", "locale", "sv", field, "eve@evil.example")
		}
		if u := p.User(); u.Email != "anna@example.com" || u.Login != "anna@example.com" || u.Name != "Somebody" || u.Federated {
			t.Errorf("%+v", u)
		}
	})
}

// W-03: what happened to the account is shown to its owner, refusals as refusals.
func TestActivityIsShown(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Activity", "self-service", "")
		p := h.Person(org, "anna@example.com")
		h.Raw("203.0.113.9").Post("/sign-in", "login", p.Login, "password", "wrong wrong wrong")
		r := h.Raw("198.51.100.7")
		p.Enter(r)
		a := r.Get(security)
		if !strings.Contains(a.Body, "203.0.113.9") || !strings.Contains(a.Body, "198.51.100.7") {
			t.Error("where somebody tried is not shown")
		}
		other := h.Person(org, "berta@example.com")
		s := h.Raw("")
		other.Enter(s)
		if b := s.Get(security); strings.Contains(b.Body, "203.0.113.9") {
			t.Error("somebody else's activity is shown")
		}
	})
}

// The page before switching off says what is lost; it needs the word yes.
func TestTheDisablePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Disable", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		a := r.Get(security + "/disable")
		if a.Page() != "disable" || strings.Contains(a.Body, `name="code"`) { // confirm_only asks nothing more
			t.Errorf("page %q", a.Page())
		}
		for _, word := range []string{"", "no", "YES", "true", "on", " yes"} {
			if b := r.Post(security+"/disable", "confirm", word); b.Status != 422 || b.Fault() != core.ErrConfirmRequired.Code {
				t.Errorf("%q: status %d, fault %q", word, b.Status, b.Fault())
			}
		}
		if p.Status() != core.MFAEnabled {
			t.Fatal("off without a yes")
		}
		if b := r.Post(security+"/disable", "confirm", "yes"); b.Location != security+"?done=mfa_off" {
			t.Errorf("to %q", b.Location)
		}
		if b := r.Get(security + "?done=mfa_off"); !strings.Contains(b.Body, "MFA is now disabled.") {
			t.Error("nothing says that it is off")
		}
		for _, word := range []string{"mfa_off", "mfa_on", "password_changed"} { // it was said; and what an address claims never is
			if b := r.Get(security + "?done=" + word); strings.Contains(b.Body, `class="flash`) || strings.Contains(b.Body, "MFA is now") {
				t.Errorf("%s is believed", word)
			}
		}
		if b := r.Get(security + "?done=%3Cscript%3E"); strings.Contains(b.Body, "&lt;script") {
			t.Error("any word is shown")
		}
		if b := r.Get(security + "/disable"); b.Location != security+"?done=mfa_off" {
			t.Errorf("once more: %d to %q", b.Status, b.Location)
		}
	})
}

// Rows WBX-02, WBX-04, CAL-01: where it is everybody's own choice the security page
// has the switch; where somebody else decides there is none, and the page says who
// and since when, whether the person has set it up or not.
func TestTheSecurityPageSaysWhoDecides(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		own := h.Organisation("Own", "self-service", "")
		all := h.Organisation("Huber GmbH", "self-service", `{"display_name":"Bäckerei Huber","time_zone":"Europe/Berlin"}`)
		never := h.Organisation("Never", "", "")
		fixed := h.Organisation("Fixed", "self-service", `{"user_may_disable":"no"}`)
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Nordwind"})
		below := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Below", Parent: partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
		a, b := h.Person(own, "anna@example.com"), h.Enrolled(own, "berta@example.com")
		c, d := h.Person(all, "carla@example.com"), h.Enrolled(all, "dora@example.com")
		e, f, g := h.Person(never, "emma@example.com"), h.Enrolled(fixed, "frida@example.com"), h.Enrolled(below, "greta@example.com")
		inside := map[*house.Person]*house.Raw{}
		for _, p := range []*house.Person{a, b, c, d, e, f, g} {
			inside[p] = h.Raw("")
			p.Enter(inside[p])
		}
		h.Settings(all.ID, `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		if _, err := h.Directory.SetLocks(t.Context(), partner.ID, core.SettingsDoc(`{"requirement":["organization"]}`), access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		berlin, _ := time.LoadLocation("Europe/Berlin")
		since := h.Clock.Now().In(berlin).Format("2 January 2006")
		for _, x := range []struct {
			name     string
			p        *house.Person
			toggle   bool
			setUp    bool
			off      bool
			says     string
			mayOff   int // status of the form that switches off
			offFault string
		}{
			{"own choice, off", a, true, true, false, "once you have set it up", http.StatusSeeOther, ""},
			{"own choice, on", b, true, false, true, "You chose this yourself", 0, ""},
			{"required, not set up", c, false, true, false, "Bäckerei Huber has required it since " + since, http.StatusSeeOther, ""},
			{"required, set up", d, false, false, false, "Bäckerei Huber has required it since " + since, http.StatusForbidden, core.ErrPolicyLocked.Code},
			{"not offered", e, false, false, false, "Never does not offer it", http.StatusSeeOther, ""},
			{"own choice that may not be undone", f, false, false, false, "Fixed has decided that only an administrator can switch it off", http.StatusForbidden, core.ErrPolicyLocked.Code},
			{"held by the partner above", g, false, false, false, "Nordwind has required it since", http.StatusForbidden, core.ErrPolicyLocked.Code},
		} {
			r := inside[x.p]
			page := r.Get("/account/security")
			if page.Status != http.StatusOK || !strings.Contains(page.Text(), x.says) {
				t.Errorf("%s: status %d, does not say %q:\n%s", x.name, page.Status, x.says, page.Text())
			}
			for what, want := range map[string]bool{`class="switch"`: x.toggle, `href="/account/security/disable"`: x.off, "btn btn-primary\" href=\"/account/security/totp": x.setUp} {
				if strings.Contains(page.Body, what) != want {
					t.Errorf("%s: %s there: %v", x.name, what, !want)
				}
			}
			if x.mayOff == 0 {
				continue
			}
			if got := r.Post("/account/security/disable", "confirm", "yes"); got.Status != x.mayOff || got.Fault() != x.offFault {
				t.Errorf("%s: switching off answers %d, fault %q", x.name, got.Status, got.Fault())
			}
		}
		// Whoever owes it hears so at the start, too, and sets it up from within.
		if page := inside[c].Get("/account/"); !strings.Contains(page.Text(), "Bäckerei Huber has required it since "+since) || !strings.Contains(page.Body, `data-status="setup_required"`) {
			t.Errorf("the start says\n%s", page.Text())
		}
		if page := inside[c].Get("/account/security/totp"); page.Page() != "enrol-totp" {
			t.Errorf("setting up shows %q", page.Page())
		}
	})
}
