package signin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

const (
	totpPage     = "/account/security/totp"
	recoveryPage = "/account/security/recovery-code"
	disablePage  = "/account/security/disable"
	verifyPage   = "/account/verify"
)

// N-27, N-33, W-05, DS-14, decision 7.18: factors change only with a proof that
// is less than five minutes old, and at the level the account has: the password
// will do for who has no factor, and nothing but a factor for who has one.
func TestFactorChangesNeedAFreshProofN27(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Fresh", "self-service", `{"user_may_disable":"second_factor"}`)
		p, q := h.Enrolled(org, "anna@example.com"), h.Person(org, "berta@example.com")

		r := h.Raw(at(1))
		p.Enter(r)
		h.Clock.Advance(5*time.Minute - 5*time.Second)
		if a := r.Get(totpPage); a.Page() != "enrol-totp" {
			t.Errorf("just in time: %q", a.Page())
		}
		h.Clock.Advance(10 * time.Second)
		key := p.Factor().ID
		for name, ask := range map[string]func() house.Answer{
			"the page with a key":      func() house.Answer { return r.Get(totpPage) },
			"a code for it":            func() house.Answer { return r.Post(totpPage, "code", p.Code()) },
			"new recovery codes":       func() house.Answer { return r.Post(recoveryPage) },
			"new recovery codes, said": func() house.Answer { return r.Post(recoveryPage, "x", "y") },
		} {
			if a := ask(); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, verifyPage+"?next=") {
				t.Errorf("%s without a fresh proof: status %d to %q", name, a.Status, a.Location)
			}
		}
		if a := r.Post(disablePage, "confirm", "yes"); a.Status != 422 || a.Fault() != core.ErrCodeRequired.Code {
			t.Errorf("switching off without a code: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if p.Factor().ID != key || p.Status() != core.MFAEnabled {
			t.Error("something changed all the same")
		}
		// The password is no proof for who has a factor (B-21, CVE-2026-3429).
		if a := r.Post(verifyPage+"?next="+totpPage, "password", p.Password); a.Location != "" || a.Fault() != core.ErrCodeRequired.Code {
			t.Errorf("the password for a factor: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if a := r.Post(verifyPage+"?next="+totpPage, "code", p.Wrong()); a.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("a wrong code: fault %q", a.Fault())
		}
		if a := r.Post(verifyPage+"?next="+totpPage, "code", p.Fresh()); a.Location != totpPage {
			t.Errorf("the right one leads to %q, fault %q", a.Location, a.Fault())
		}
		if a := r.Get(totpPage); a.Page() != "enrol-totp" {
			t.Errorf("and then: %q", a.Page())
		}

		s := h.Raw(at(2))
		q.Enter(s)
		h.Clock.Advance(5 * time.Minute)
		if a := s.Get(totpPage); !strings.HasPrefix(a.Location, verifyPage) {
			t.Errorf("a first factor in an old session: to %q", a.Location)
		}
		if a := s.Post(verifyPage+"?next="+totpPage, "password", noWords); a.Fault() != "password.wrong_current" {
			t.Errorf("a wrong password: fault %q", a.Fault())
		}
		if a := s.Post(verifyPage+"?next="+totpPage, "code", "123456"); a.Location != "" {
			t.Errorf("a code without a factor: to %q", a.Location)
		}
		if a := s.Post(verifyPage+"?next="+totpPage, "password", q.Password); a.Location != totpPage {
			t.Errorf("the right password: to %q, fault %q", a.Location, a.Fault())
		}
	})
}

// B-21, A-01: a session that has shown the password only, from before the factor
// was there, changes nothing of it.
func TestAPasswordSessionTouchesNoFactorB21(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Low", "self-service", "")
		p := h.Person(org, "anna@example.com")
		low := h.Raw(at(1))
		p.Enter(low)
		page := h.Must(p.Get(totpPage))
		p.Key = page.Of("data-setup-key")
		page = h.Must(p.Submit(page, "code", p.Code()))
		p.Recovery = page.Of("data-recovery-code")
		factor := p.Factor()
		for path, pairs := range map[string][]string{totpPage: {"code", p.Fresh()}, recoveryPage: nil} {
			if a := low.Post(path, pairs...); !strings.HasPrefix(a.Location, verifyPage) {
				t.Errorf("%s: status %d to %q, fault %q", path, a.Status, a.Location, a.Fault())
			}
		}
		if a := low.Get(recoveryPage); strings.Contains(a.Body, p.Recovery) || a.Of("data-recovery-code") != "" {
			t.Error("another session's recovery code is shown")
		}
		// confirm_only asks nothing more of who has shown the factor, and only of them.
		if a := low.Post(disablePage, "confirm", "yes"); a.Status != http.StatusUnprocessableEntity || a.Fault() != core.ErrCodeRequired.Code {
			t.Errorf("switching off: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if got := p.Factor(); got.ID != factor.ID {
			t.Error("the factor was replaced")
		}
		// Raised by the factor itself, it may.
		if a := low.Post(verifyPage+"?next="+recoveryPage, "code", p.Fresh()); a.Location != recoveryPage {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		if a := low.Follow(low.Post(recoveryPage)); len(a.Of("data-recovery-code")) != 29 {
			t.Errorf("page %q, fault %q", a.Page(), a.Fault())
		}
		if l := p.Sessions(); len(l) == 0 {
			t.Error("no session is left")
		}
	})
}

// who sets up a factor, or moves it to another phone, is offered to end the
// other sessions: ticked, and only when it is.
func TestFactorChangesOfferToEndOthersA14(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Others", "self-service", "")
		p := h.Person(org, "anna@example.com")
		other := h.Raw(at(1))
		for n, ends := range []bool{false, true, true} {
			p.Enter(other)
			page := h.Must(p.Get(totpPage))
			if !strings.Contains(page.Raw, `name="end_others" value="yes" checked`) {
				t.Fatalf("round %d: page %q offers nothing", n, page.Name)
			}
			p.Key = page.Of("data-setup-key")
			pairs := []string{"code", p.Fresh()}
			if ends {
				pairs = append(pairs, "end_others", "yes")
			}
			page = h.Must(p.Submit(page, pairs...))
			if page.Name == "recovery-code" {
				p.Recovery = page.Of("data-recovery-code")
				h.Must(p.Submit(page, "saved", "yes"))
			}
			if other.Inside() == ends {
				t.Errorf("round %d: the other session lives: %v", n, other.Inside())
			}
			other.Post("/sign-out")
		}
	})
}

// B-22 (GHSA-hp74-gm6m-2qm5): what got somebody in by a link is no proof of a
// factor: after a reset by mail the code is still asked for, at the door and at
// every change.
func TestALinkIsNoStepUpB22(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Link", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		inside := h.Raw(at(1))
		p.Enter(inside)
		h.Clock.Advance(10 * time.Minute)
		// A link spent in the same browser, session and all, raises nothing.
		link := resetLink(h, p)
		a := inside.Post(link, "new_password", another)
		if step(a) != "code" {
			t.Fatalf("leads to %q", a.Location)
		}
		if b := inside.Get(totpPage); b.Status == http.StatusOK {
			t.Error("the factor can be replaced")
		}
		if b := inside.Post(disablePage, "confirm", "yes"); p.Status() != core.MFAEnabled {
			t.Errorf("switched off: to %q", b.Location)
		}
	})
}

// A recovery code is a proof at the account's level: it raises, it is spent, and
// the next one is shown before anything else.
func TestStepUpWithTheRecoveryCode(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Spare", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		p.Enter(r)
		h.Clock.Advance(10 * time.Minute)
		a := r.Post(verifyPage+"?next="+totpPage, "code", strings.ToLower(strings.ReplaceAll(p.Recovery, "-", " ")))
		if a.Location != recoveryPage {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		fresh := r.Get(recoveryPage).Of("data-recovery-code")
		if fresh == "" || fresh == p.Recovery {
			t.Errorf("the next code is %q", fresh)
		}
		if b := r.Get(totpPage); b.Page() != "enrol-totp" {
			t.Errorf("and the phone can be replaced: %q", b.Page())
		}
		s := h.Raw(at(2))
		if b := s.Post(p.Attempt(s), "code", p.Recovery); b.In() {
			t.Error("the used code opens the door")
		}
		if b := s.Post(p.Attempt(s), "code", fresh); !b.In() {
			t.Errorf("the new one: fault %q", b.Fault())
		}
	})
}

// user_may_disable, its three values (CAL-12), and none under a requirement.
func TestDisabling(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		for i, c := range []struct {
			settings string
			without  string // what switching off without a code comes to
			with     string // and with one
		}{
			{`{"user_may_disable":"confirm_only"}`, "off", "off"},
			{`{"user_may_disable":"second_factor"}`, core.ErrCodeRequired.Code, "off"},
			{`{"user_may_disable":"no"}`, core.ErrPolicyLocked.Code, core.ErrPolicyLocked.Code},
			{`{"user_may_disable":"confirm_only","requirement":["organization"]}`, core.ErrPolicyLocked.Code, core.ErrPolicyLocked.Code},
		} {
			org := h.Organisation("Off"+string(rune('0'+i)), "self-service", "")
			for j, want := range []string{c.without, c.with} {
				p := h.Enrolled(org, "anna"+string(rune('0'+i))+string(rune('0'+j))+"@example.com")
				h.Settings(org.ID, c.settings)
				r := h.Raw(at(i))
				p.Enter(r)
				h.Clock.Advance(10 * time.Minute)
				if a := r.Post(disablePage, "code", p.Code()); want == "off" && a.Fault() != core.ErrConfirmRequired.Code {
					t.Errorf("%s: not confirmed: status %d to %q, fault %q", c.settings, a.Status, a.Location, a.Fault())
				}
				pairs := []string{"confirm", "yes"}
				if j == 1 {
					pairs = append(pairs, "code", p.Fresh())
				}
				a := r.Post(disablePage, pairs...)
				got := a.Fault()
				if a.Location == "/account/security?done=mfa_off" {
					got = "off"
				}
				if got != want {
					t.Errorf("%s, code %v: %q, want %q", c.settings, j == 1, got, want)
				}
				if off := p.Status() == core.MFADisabled; off != (want == "off") {
					t.Errorf("%s: status %s", c.settings, p.Status())
				}
				if want != "off" {
					continue
				}
				for _, f := range p.History() { // N-29: what ended is kept, its secret is not
					if f.State != core.FactorRevoked || len(f.Secret) > 0 || f.RevokedAt.IsZero() || f.RevokedWhy != "disabled" && f.RevokedWhy != "renewed" {
						t.Errorf("%s %s is %s, %d bytes of secret, %q", f.Kind, f.ID, f.State, len(f.Secret), f.RevokedWhy)
					}
				}
				if a := p.Knock(h.Raw(at(50 + i))); !a.In() {
					t.Errorf("%s: the next sign-in leads to %q", c.settings, a.Location)
				}
				if a := r.Post(disablePage, pairs...); a.Status >= 500 {
					t.Errorf("a second click: %d", a.Status)
				}
			}
		}
	})
}

// decision 7.16: a change of password needs the current one, ends
// other sessions when that is ticked, drops known browsers, and is told by mail.
func TestChangePasswordA03(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Change", "self-service", "")
		p := h.Person(org, "anna@example.com")
		here, there := h.Raw(at(1)), h.Raw(at(2))
		p.Enter(here)
		p.Enter(there)
		h.Clock.Advance(2 * time.Minute) // past the second click of a double click
		for _, c := range []struct{ current, fresh, fault string }{
			{"", another, "password.wrong_current"}, {noWords, another, "password.wrong_current"},
			{p.Password, p.Password, "password.same"}, {p.Password, "short", "password.too_short"}, {p.Password, "", "password.too_short"},
			{p.Password, "passwordpassword", "password.common"}, {p.Password, p.Login, "password.like_account"},
		} {
			a := here.Post("/account/password", "password", c.current, "new_password", c.fresh, "end_others", "yes")
			if a.Status != 422 || a.Fault() != c.fault {
				t.Errorf("%q for %q: status %d to %q, fault %q, want %q", c.fresh, c.current, a.Status, a.Location, a.Fault(), c.fault)
			}
		}
		if !there.Inside() {
			t.Error("a change that was refused ends sessions")
		}
		if a := here.Post("/account/password", "password", p.Password, "new_password", another, "end_others", "yes"); a.Location != "/account/security?done=password_changed" {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		if !here.Inside() || there.Inside() {
			t.Error("the other session lives, or this one does not")
		}
		if n := len(p.Browsers()); n != 0 {
			t.Errorf("%d browsers are still known", n)
		}
		p.Password = another
		p.Enter(there)
		h.Clock.Advance(2 * time.Minute)
		if a := here.Post("/account/password", "password", another, "new_password", house.Password); a.Location == "" {
			t.Fatal(a.Fault())
		}
		if !there.Inside() {
			t.Error("not ticked, and the other session ended")
		}
		n := 0
		for _, subject := range h.Mails(p.Login) {
			if strings.Contains(strings.ToLower(subject), "password") {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%d mails about two changes", n)
		}
	})
}

// The current password is guessed on the same budget as at the door.
func TestTheCurrentPasswordIsCountedToo(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Guess", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw(at(1))
		p.Enter(r)
		r.Plant("sallyport-device", "") // the shared budget
		for i := range 10 {
			path, pairs := "/account/password", []string{"password", noWords, "new_password", another}
			if i%2 == 0 {
				path, pairs = verifyPage, []string{"password", noWords}
			}
			if i == 0 {
				h.Clock.Advance(6 * time.Minute) // so that verify asks at all
			}
			r.Post(path, pairs...)
		}
		if !p.Budget("password").Locked(h.Clock.Now()) {
			t.Errorf("ten wrong ones: %+v", p.Budget("password"))
		}
		if a := r.Post("/account/password", "password", p.Password, "new_password", another); a.Fault() != "password.wrong_current" {
			t.Errorf("the right one while locked: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
	})
}

// CAL-11: on a new phone the old app works until the new one is confirmed, and
// not after.
func TestReplacingThePhone(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Phone", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		old := *p
		r := h.Raw(at(1))
		p.Enter(r)
		key := r.Get(totpPage).Of("data-setup-key")
		if key == "" || key == p.Key {
			t.Fatalf("the key is %q", key)
		}
		old.Enter(h.Raw(at(2)))
		p.Key = key
		h.Clock.Advance(time.Minute)
		if a := r.Post(totpPage, "code", old.Code()); a.Location != "" {
			t.Error("the old app confirms the new one")
		}
		if a := r.Post(totpPage, "code", p.Code()); !strings.HasPrefix(a.Location, recoveryPage) {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		s := h.Raw(at(3))
		page := p.Attempt(s)
		h.Clock.Advance(time.Minute)
		if a := s.Post(page, "code", old.Code()); a.In() {
			t.Error("the old app still opens the door")
		}
		if a := s.Post(page, "code", old.Recovery); a.In() {
			t.Error("the old recovery code still opens the door")
		}
		if a := s.Post(page, "code", p.Fresh()); !a.In() {
			t.Errorf("the new one: fault %q", a.Fault())
		}
		h.Mail(p.Login, "another phone")
	})
}
