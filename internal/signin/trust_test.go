package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

const trusting = `{"challenge":"untrusted_browser","trusted_browser":{"days":14},"display_name":"Bäckerei Huber"}`

// through takes a raw browser in with password and code, and answers the question
// whether to trust it.
func through(t *testing.T, p *house.Person, r *house.Raw, trust string) house.Answer {
	t.Helper()
	a := p.Knock(r)
	if step(a) != "code" {
		t.Fatalf("%s: no code is asked, leads to %q", p.Login, a.Location)
	}
	if a = r.Post(a.Location, "code", p.Fresh()); a.Location != "/account/trust-browser" || !a.In() {
		t.Fatalf("%s: the code leads to %q, fault %q", p.Login, a.Location, a.Fault())
	}
	return r.Post(a.Location, "trust", trust)
}

// excused tells whether the next sign-in in this browser asks for the password
// alone.
func excused(t *testing.T, p *house.Person, r *house.Raw) bool {
	t.Helper()
	a := p.Knock(r.Clone().Plant("sallyport", ""))
	switch {
	case a.In():
		return true
	case step(a) == "code":
		return false
	}
	t.Fatalf("%s: leads to %q, fault %q", p.Login, a.Location, a.Fault())
	return false
}

// Row ACR-15, N-11: after a right code the person is asked, nothing is chosen
// beforehand, and yes excuses this person in this browser for the days that were
// said. What comes of it never says more than it is.
func TestTrustedBrowser(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", trusting)
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("203.0.113.7")
		a := r.Post("/sign-in", "login", p.Login, "password", p.Password, "return_to", "/account/profile")
		if a = r.Post(a.Location, "code", p.Fresh()); a.Location != "/account/trust-browser" || !a.In() {
			t.Fatalf("the code leads to %q", a.Location)
		}
		page := r.Get(a.Location)
		if page.Page() != "trust-browser" || strings.Contains(page.Body, "checked") || strings.Contains(page.Body, "btn-primary") {
			t.Errorf("page %q, or an answer is chosen beforehand", page.Page())
		}
		says(t, page, "14 days", "Chrome", "203.0.113.7", h.Clock.Now().Add(14*24*time.Hour).UTC().Format("2 January 2006"))
		// Every other path is open while it is unanswered.
		for _, path := range []string{"/account/", "/account/profile", "/account/security", "/account/security/browsers", "/account/security/sessions"} {
			if b := r.Get(path); b.Status != http.StatusOK {
				t.Errorf("%s answers %d, to %q", path, b.Status, b.Location)
			}
		}
		if b := r.Post("/account/trust-browser", "trust", "maybe"); b.Status != http.StatusUnprocessableEntity || b.Page() != "trust-browser" {
			t.Errorf("another answer: status %d, page %q", b.Status, b.Page())
		}
		if b := r.Post("/account/trust-browser", "trust", "yes"); b.Location != "/account/profile" {
			t.Errorf("yes leads to %q, fault %q", b.Location, b.Fault())
		}
		if m := h.Mail(p.Login, "is now trusted"); !strings.Contains(m.Text, "203.0.113.7") || !strings.Contains(m.Text, "/account/security/browsers") {
			t.Errorf("the mail says\n%s", m.Text)
		}

		h.Clock.Advance(13 * 24 * time.Hour)
		fresh := r.Clone().Plant("sallyport", "")
		if a := p.Knock(fresh); !a.In() || a.Location != "/account/" {
			t.Fatalf("trusted, and it leads to %q", a.Location)
		}
		s := p.Sessions()[0]
		if s.Level != core.LevelTrustedBrowser || s.Level.ACR() != "urn:sallyport:trusted-browser" || s.Level.AtLeast(core.LevelMFA) {
			t.Errorf("a session of level %q", s.Level)
		}
		if e := p.Events()[0]; e.Name != "signin.succeeded" || e.Detail["level"] != "trusted-browser" || strings.Contains(e.Detail["methods"], "totp") {
			t.Errorf("written down as %s %v", e.Name, e.Detail)
		}
		if excused(t, p, h.Raw("203.0.113.7")) {
			t.Error("another browser at the same address is excused")
		}
		h.Clock.Advance(24*time.Hour + time.Second)
		if excused(t, p, r) {
			t.Error("after the days the browser is still excused")
		}
		// No is remembered for this sign-in only.
		if a := through(t, p, r.Plant("sallyport", ""), "no"); a.Location != "/account/" {
			t.Errorf("no leads to %q", a.Location)
		}
		if excused(t, p, r) {
			t.Error("no, and the browser is excused")
		}
	})
}

// Where the setting says so trust has no end; where it is off, or the code is
// asked always, nobody is asked and nothing is excused.
func TestTrustFollowsTheSettings(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Settings", "self-service", `{"challenge":"untrusted_browser","trusted_browser":"no_expiry"}`)
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		through(t, p, r, "yes")
		h.Clock.Advance(300 * 24 * time.Hour)
		if !excused(t, p, r) {
			t.Error("without an end, and over after 300 days")
		}
		for _, c := range []struct {
			change string
			want   bool
		}{
			{`{"challenge":"always"}`, false},
			{`{"challenge":"risk"}`, false},
			{`{"challenge":"untrusted_browser"}`, true},
			{`{"trusted_browser":{"days":30}}`, false},
			{`{"trusted_browser":{"days":365}}`, true},
			{`{"required_level":"mfa"}`, false},
			{`{"required_level":"none"}`, true},
			{`{"trusted_browser":"off"}`, false},
		} {
			h.Settings(org.ID, c.change)
			if got := excused(t, p, r); got != c.want {
				t.Errorf("%s: excused %v", c.change, got)
			}
			if c.want {
				continue
			}
			o := h.Raw(at(2))
			if a := o.Post(p.Attempt(o), "code", p.Fresh()); c.change != `{"trusted_browser":{"days":30}}` && a.Location != "/account/" {
				t.Errorf("%s: somebody is asked whether to trust: %q", c.change, a.Location)
			}
		}
		// The promise of fewer days holds though the setting grew.
		h.Settings(org.ID, `{"trusted_browser":{"days":1}}`)
		q := h.Enrolled(org, "berta@example.com")
		o := h.Raw(at(3))
		through(t, q, o, "yes")
		h.Settings(org.ID, `{"trusted_browser":"no_expiry"}`)
		h.Clock.Advance(25 * time.Hour)
		if excused(t, q, o) {
			t.Error("more days than were promised")
		}
	})
}

// Rows B-26, B-27: several people share a browser and each is known in it by a
// secret of their own. What is copied, planted or carried elsewhere helps nobody.
func TestTrustIsOnePersonsInOneBrowserB27(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Shared", "self-service", trusting)
		a, b, c := h.Enrolled(org, "anna@example.com"), h.Enrolled(org, "berta@example.com"), h.Enrolled(org, "carla@example.com")
		till := h.Raw(at(1))
		through(t, a, till, "yes")
		through(t, b, till.Plant("sallyport", ""), "yes")
		through(t, c, till.Plant("sallyport", ""), "no")
		if !excused(t, a, till) || !excused(t, b, till) || excused(t, c, till) {
			t.Errorf("on one till: Anna %v, Berta %v, Carla %v", excused(t, a, till), excused(t, b, till), excused(t, c, till))
		}
		secrets := strings.Split(till.Cookie("sallyport-device"), ".")
		if len(secrets) != 3 || secrets[0] == secrets[1] {
			t.Fatalf("the cookie has %d secrets", len(secrets))
		}
		// Each secret opens for its person alone: Carla's, Berta's, Anna's.
		for i, owner := range []*house.Person{c, b, a} {
			for _, p := range []*house.Person{a, b, c} {
				r := h.Raw(at(9)).Plant("sallyport-device", secrets[i])
				if got := excused(t, p, r); got != (p == owner && p != c) {
					t.Errorf("the secret of %s excuses %s: %v", owner.Login, p.Login, got)
				}
			}
		}
		// An attacker leaves their own cookie in Carla's browser, before she trusts it.
		mallory := h.Enrolled(org, "mallory@example.com")
		evil := h.Raw(at(2))
		through(t, mallory, evil, "yes")
		hers := h.Raw(at(3)).Plant("sallyport-device", evil.Cookie("sallyport-device"))
		through(t, c, hers, "yes")
		if !excused(t, c, hers) || excused(t, c, evil) {
			t.Errorf("after planting: in her own browser %v, in the attacker's %v", excused(t, c, hers), excused(t, c, evil))
		}
		// A cookie of rubbish is no trouble.
		for _, junk := range []string{"....", strings.Repeat("x", 4000), "a.b.c.d.e.f.g.h.i.j", "é", secrets[0] + "." + secrets[0]} {
			if excused(t, a, h.Raw(at(4)).Plant("sallyport-device", url.QueryEscape(junk))) {
				t.Errorf("%.20q excuses", junk)
			}
		}
		// A browser keeps so many people; the newest push the oldest out.
		crowd := h.Raw(at(5))
		var all []*house.Person
		for i := range core.MaxPeople + 1 {
			p := h.Enrolled(org, fmt.Sprintf("till%d@example.com", i))
			through(t, p, crowd.Plant("sallyport", ""), "yes")
			all = append(all, p)
		}
		if excused(t, all[0], crowd) || !excused(t, all[1], crowd) || !excused(t, all[core.MaxPeople], crowd) {
			t.Error("the wrong one was pushed out")
		}
		if n := len(strings.Split(crowd.Cookie("sallyport-device"), ".")); n != core.MaxPeople {
			t.Errorf("the cookie has %d secrets", n)
		}
	})
}

// The question belongs to the sign-in that was just proved and to its browser.
func TestWhoMayAnswerTheTrustPage(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Answer", "self-service", trusting)
		p := h.Enrolled(org, "anna@example.com")
		enter := func(n int) *house.Raw {
			r := h.Raw(at(n))
			if a := r.Post(p.Attempt(r), "code", p.Fresh()); a.Location != "/account/trust-browser" {
				t.Fatalf("leads to %q", a.Location)
			}
			return r
		}
		// The session alone, carried into another browser, trusts nothing there.
		r := enter(1)
		thief := h.Raw(at(2)).Plant("sallyport", r.Cookie("sallyport"))
		if a := thief.Post("/account/trust-browser", "trust", "yes"); a.Status != http.StatusUnprocessableEntity || a.Fault() != "browser.unknown" {
			t.Errorf("carried elsewhere: status %d, fault %q", a.Status, a.Fault())
		}
		if a := r.Post("/account/trust-browser", "trust", "yes"); a.Location != "/account/" {
			t.Errorf("its own browser: %d, fault %q", a.Status, a.Fault())
		}
		// Answered is answered.
		h.Clock.Advance(2 * time.Minute)
		if a := r.Get("/account/trust-browser"); a.Location != "/account/" {
			t.Errorf("the page comes again: status %d", a.Status)
		}
		// Too late is a no.
		r = enter(3)
		h.Clock.Advance(15 * time.Minute)
		if a := r.Post("/account/trust-browser", "trust", "yes"); a.Location != "/account/" || excused(t, p, r) {
			t.Errorf("after fifteen minutes: to %q, excused %v", a.Location, excused(t, p, r))
		}
		// Offered no longer is a no, too.
		r = enter(4)
		h.Settings(org.ID, `{"trusted_browser":"off"}`)
		if a := r.Post("/account/trust-browser", "trust", "yes"); a.Location != "/account/" {
			t.Errorf("switched off meanwhile: %d, fault %q", a.Status, a.Fault())
		}
		h.Settings(org.ID, `{"trusted_browser":{"days":14}}`)
		if excused(t, p, r) {
			t.Error("switched off meanwhile, and excused")
		}
		for i, atOnce := range []bool{false, true} {
			r = enter(5 + i)
			if a := twice(r, atOnce, "/account/trust-browser", "trust", "yes"); a.Page() != "account" || !excused(t, p, r) {
				t.Errorf("a double click, at once %v: page %q", atOnce, a.Page())
			}
		}
		n := 0
		for _, b := range p.Browsers() {
			if !b.TrustedAt.IsZero() {
				n++
			}
		}
		if got := p.Names()["user.browser.trusted"]; n != 3 || got != 3 {
			t.Errorf("%d browsers are trusted, %d rows say so; want 3", n, got)
		}
		// Whoever types a recovery code has lost something, and is not asked.
		r = h.Raw(at(9))
		if a := r.Post(p.Attempt(r), "code", p.Recovery); a.Location != "/account/security/recovery-code" {
			t.Fatalf("leads to %q", a.Location)
		}
		if a := r.Post("/account/security/recovery-code", "saved", "yes"); a.Location != "/account/" {
			t.Errorf("after a recovery code: to %q", a.Location)
		}
	})
}

// The list, and forgetting one or all: with a code, and what leaned on the trust
// ends with it.
func TestForgettingBrowsers(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Forget", "self-service", trusting)
		p, q := h.Enrolled(org, "anna@example.com"), h.Enrolled(org, "berta@example.com")
		one, two, three := h.Raw("203.0.113.1"), h.Raw("203.0.113.2"), h.Raw("203.0.113.3")
		for _, r := range []*house.Raw{one, two, three} {
			through(t, p, r, "yes")
		}
		theirs := h.Raw(at(1))
		through(t, q, theirs, "yes")
		// Two of them come in again without a code.
		for _, r := range []*house.Raw{two, three} {
			if a := p.Knock(r.Plant("sallyport", "")); !a.In() {
				t.Fatalf("leads to %q", a.Location)
			}
		}
		h.Clock.Advance(6 * time.Minute)
		page := one.Get("/account/security/browsers")
		if page.Page() != "browsers" {
			t.Fatalf("page %q", page.Page())
		}
		says(t, page, "203.0.113.1", "203.0.113.2", "203.0.113.3", "this one", "Chrome", "used today", "Forget all 3 browsers")
		ids := map[string]string{}
		for _, b := range p.Browsers() {
			if !b.TrustedAt.IsZero() {
				ids[b.Place] = string(b.ID)
			}
		}
		if a := one.Get("/account/security/browsers/forget?browser=" + string(q.Browsers()[0].ID)); a.Location != "/account/security/browsers" {
			t.Errorf("somebody else's: status %d, page %q", a.Status, a.Page())
		}
		form := one.Get("/account/security/browsers/forget?browser=" + ids["203.0.113.2"])
		if form.Page() != "forget-browser" || !strings.Contains(form.Body, `name="code"`) || strings.Contains(form.Text(), "203.0.113.3") {
			t.Fatalf("page %q", form.Page())
		}
		// Neither without a code nor with a wrong one.
		for _, code := range []string{"", p.Wrong()} {
			if a := one.Post("/account/security/browsers/forget", "browser", ids["203.0.113.2"], "code", code); a.Status != http.StatusUnprocessableEntity || !excused(t, p, two) {
				t.Errorf("with %q: status %d", code, a.Status)
			}
		}
		if a := one.Post("/account/security/browsers/forget", "browser", ids["203.0.113.2"], "code", p.Fresh()); a.Location != "/account/security/browsers?done=browsers_forgotten" {
			t.Fatalf("status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if excused(t, p, two) || !excused(t, p, three) || !excused(t, p, one) {
			t.Error("the wrong browser was forgotten")
		}
		if two.Inside() || !three.Inside() || !one.Inside() {
			t.Errorf("the session that came by the trust: ended %v; another's: %v; the own: %v", !two.Inside(), three.Inside(), one.Inside())
		}
		if a := one.Post("/account/security/browsers/forget", "browser", string(q.Browsers()[0].ID)); a.Location != "/account/security/browsers" || !excused(t, q, theirs) {
			t.Errorf("somebody else's: status %d to %q", a.Status, a.Location)
		}
		// All: the proof is fresh still.
		if a := one.Post("/account/security/browsers/forget"); a.Location != "/account/security/browsers?done=browsers_forgotten" {
			t.Fatalf("all: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if excused(t, p, one) || excused(t, p, three) || three.Inside() || !one.Inside() || !excused(t, q, theirs) {
			t.Error("all: not all, or more than all")
		}
		says(t, one.Get("/account/security/browsers"), "You trust no browser")
		h.Mail(p.Login, "no longer trusted")
		if n := p.Names()["user.browser.untrusted"]; n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

// Trust ends with what it leaned on.
func TestWhatEndsTrust(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ends", "self-service", trusting)
		for i, c := range []struct {
			name string
			do   func(p *house.Person, r *house.Raw)
		}{
			{"a change of the password", func(p *house.Person, r *house.Raw) {
				fresh := "Another long pass phrase"
				if a := r.Post("/account/password", "password", p.Password, "new_password", fresh); a.Status != http.StatusSeeOther {
					t.Fatalf("status %d, fault %q", a.Status, a.Fault())
				}
				p.Password = fresh
			}},
			{"a reset by mail", func(p *house.Person, r *house.Raw) {
				r.Post("/reset", "login", p.Login)
				p.Password = "A third long pass phrase"
				if a := r.Clone().Post(h.Link(p.Login, "/reset/"), "new_password", p.Password); step(a) != "code" {
					t.Fatalf("leads to %q: the trust passed the reset by", a.Location)
				}
			}},
			{"a recovery code at the door", func(p *house.Person, r *house.Raw) {
				o := h.Raw(at(50))
				o.Post(p.Attempt(o), "code", p.Recovery)
			}},
			{"a recovery code on the security page", func(p *house.Person, r *house.Raw) {
				h.Clock.Advance(6 * time.Minute)
				if a := r.Post("/account/verify", "code", p.Recovery); a.Status != http.StatusSeeOther {
					t.Fatalf("status %d, fault %q", a.Status, a.Fault())
				}
			}},
			{"another authenticator app", func(p *house.Person, r *house.Raw) {
				p.Key = r.Get("/account/security/totp").Of("data-setup-key")
				if a := r.Post("/account/security/totp", "code", p.Code()); a.Status != http.StatusSeeOther {
					t.Fatalf("status %d, fault %q", a.Status, a.Fault())
				}
			}},
			{"an administrator's reset", func(p *house.Person, _ *house.Raw) {
				if _, err := h.Recovery.ResetMFA(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
					t.Fatal(err)
				}
				enrolAgain(t, h, p)
			}},
			{"an administrator's reset of the browsers", func(p *house.Person, r *house.Raw) {
				excusedOne := r.Clone().Plant("sallyport", "")
				p.Knock(excusedOne)
				if !excusedOne.Inside() || !r.Inside() {
					t.Fatal("not inside to begin with")
				}
				if _, err := h.Recovery.ResetBrowsers(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
					t.Fatal(err)
				}
				if excusedOne.Inside() || !r.Inside() {
					t.Errorf("the session that came by the trust is inside: %v; the one that showed a code: %v", excusedOne.Inside(), r.Inside())
				}
			}},
			{"switching off and on again", func(p *house.Person, r *house.Raw) {
				if a := r.Post("/account/security/disable", "confirm", "yes"); a.Status != http.StatusSeeOther {
					t.Fatalf("status %d, fault %q", a.Status, a.Fault())
				}
				enrolAgain(t, h, p)
			}},
		} {
			p := h.Enrolled(org, fmt.Sprintf("anna%d@example.com", i))
			r := h.Raw(at(i))
			through(t, p, r, "yes")
			if !excused(t, p, r) {
				t.Fatalf("%s: not trusted to begin with", c.name)
			}
			c.do(p, r)
			if excused(t, p, r) {
				t.Errorf("%s: the browser is still excused", c.name)
			}
			if slices.ContainsFunc(p.Browsers(), func(b core.Browser) bool { return !b.TrustedAt.IsZero() }) {
				t.Errorf("%s: a row says trusted", c.name)
			}
		}
	})
}

func enrolAgain(t *testing.T, h *house.House, p *house.Person) {
	t.Helper()
	o := h.Raw(at(60))
	if a := p.Knock(o); !a.In() {
		t.Fatalf("without a factor it leads to %q", a.Location)
	}
	p.Key = o.Get("/account/security/totp").Of("data-setup-key")
	if a := o.Post("/account/security/totp", "code", p.Code()); a.Status != http.StatusSeeOther {
		t.Fatalf("status %d, fault %q", a.Status, a.Fault())
	}
}

// What trust does not excuse from: a dead factor, a password that must change,
// and any change of factors (rows N-27, DS-14).
func TestWhatTrustDoesNotExcuseN27(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Excuse", "self-service", trusting)
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		through(t, p, r, "yes")
		if a := p.Knock(r.Plant("sallyport", "")); !a.In() {
			t.Fatalf("leads to %q", a.Location)
		}
		for _, path := range []string{"/account/security/totp", "/account/security/recovery-code"} {
			way := r.Get(path)
			if path == "/account/security/recovery-code" {
				way = r.Post(path)
			}
			if !strings.HasPrefix(way.Location, "/account/verify?") {
				t.Errorf("%s: status %d to %q", path, way.Status, way.Location)
			}
			if page := r.Get("/account/verify?next=" + path); page.Page() != "code" {
				t.Errorf("%s: %q is asked, not a code", path, page.Page())
			}
		}
		if a := r.Post("/account/verify?next=/account/security/totp", "password", p.Password); a.Status == http.StatusSeeOther {
			t.Error("the password proves a change of factors")
		}
		if a := r.Post("/account/verify?next=/account/security/totp", "code", p.Fresh()); a.Location != "/account/security/totp" {
			t.Errorf("a code: status %d, fault %q", a.Status, a.Fault())
		}
		if s := p.Sessions()[0]; s.Level != core.LevelMFA {
			t.Errorf("after the code the session is of level %q", s.Level)
		}

		// A password that must change takes the trust with it.
		h.Change(p.Tenant, func(tx store.Tx) error {
			pw, err := tx.Password(p.ID)
			pw.MustChange = true
			if err != nil {
				return err
			}
			return tx.SetPassword(p.ID, pw)
		})
		o := r.Clone().Plant("sallyport", "")
		a := p.Knock(o)
		if step(a) != "new-password" {
			t.Fatalf("leads to %q", a.Location)
		}
		p.Password = "Another long pass phrase"
		if a = o.Post(a.Location, "new_password", p.Password); step(a) != "code" || a.In() {
			t.Errorf("the new password leads to %q", a.Location)
		}

		q := h.Enrolled(org, "berta@example.com")
		r = h.Raw(at(2))
		through(t, q, r, "yes")
		h.Change(q.Tenant, func(tx store.Tx) error {
			f, err := tx.Factor(q.Factor().ID)
			if err != nil {
				return err
			}
			f.Budget.Consecutive = core.DeadAt
			return tx.UpdateFactor(f)
		})
		if excused(t, q, r) {
			t.Error("trust stands in for a dead factor")
		}
	})
}
