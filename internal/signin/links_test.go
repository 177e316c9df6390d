package signin_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

const another = "Another long pass phrase"

// adminLink makes an operator's link for a person.
func adminLink(h *house.House, p *house.Person) string {
	h.T.Helper()
	path, _, err := h.Recovery.AdminLink(h.T.Context(), p.ID, access.Shell(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	return path
}

// resetLink asks for a reset and takes the newest link out of the mail.
func resetLink(h *house.House, p *house.Person) string {
	h.T.Helper()
	if a := h.Raw(at(700)).Post("/reset", "login", p.Login); a.Status != http.StatusSeeOther {
		h.T.Fatalf("asking for a reset: %d", a.Status)
	}
	h.Mails(p.Login)
	return h.Link(p.User().Email, "/reset/")
}

// B-10 (CVE-2026-4325): a link is good for its own purpose only, and a wrong use
// does not spend it.
func TestALinkOfOnePurposeB10(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Links", "self-service", `{"enrol_proof":"always_mail"}`)
		p := h.Person(org, "anna@example.com")
		_, invitation := h.Invite(org, "new@example.com")
		v := h.Raw(at(1))
		p.Enter(v)
		h.Clock.Advance(time.Hour / 2)
		v.Follow(v.Get("/account/security/confirm-mail"))
		h.Mails(p.Login)
		links := map[string]string{"/invitation/": invitation, "/reset/": resetLink(h, p), "/admin-link/": adminLink(h, p)}
		for kind, link := range links {
			token := strings.TrimPrefix(link, kind)
			for other := range map[string]bool{"/invitation/": true, "/reset/": true, "/admin-link/": true, "/confirm/": true} {
				if other == kind {
					continue
				}
				r := h.Raw(at(2))
				unknown := h.Raw(at(2)).Get(other + strings.Repeat("A", 43))
				for _, a := range []house.Answer{r.Get(other + token), r.Post(other+token, "new_password", another), r.Post(other + token)} {
					if a.Status != http.StatusNotFound || a.Fault() != unknown.Fault() || len(a.Set) > 0 {
						t.Errorf("%s used as %s: status %d, fault %q, cookies %v", kind, other, a.Status, a.Fault(), a.Set)
					}
				}
			}
			if a := h.Raw(at(3)).Get(link); a.Status != http.StatusOK {
				t.Errorf("%s was spent by being used for something else: %d, %q", kind, a.Status, a.Fault())
			}
		}
	})
}

// B-17 (CVE-2026-37982), A-08, DS-05: a link works once, by a button and not by being
// looked at, in whatever browser; use, another one's use, or time kills it.
func TestALinkWorksOnceB17(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Once", "self-service", "")
		p := h.Person(org, "anna@example.com")
		old := resetLink(h, p)
		h.Clock.Advance(time.Minute)
		if a := h.Raw(at(1)).Post("/reset", "login", p.Login); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
		h.Mails(p.Login)
		link := h.Link(p.Login, "/reset/")
		if link == old {
			t.Fatal("the second mail has the first link")
		}
		for range 5 { // scanners, previews and prefetching change nothing
			for _, path := range []string{old, link} {
				r := h.Raw(at(2))
				r.Get(path)
				r.Do(http.MethodHead, path, "", "")
			}
		}
		fault := func(path string) string { return h.Raw(at(3)).Post(path, "new_password", another).Fault() }
		if a := h.Raw(at(3)).Post(link, "new_password", "short"); a.Status != 422 || a.Fault() == "" {
			t.Errorf("a password that is refused: status %d", a.Status)
		}
		var in atomic.Int64
		together(12, func(i int) {
			switch a := h.Raw(at(10+i)).Post(link, "new_password", another+" "+strings.Repeat("x", i)); {
			case a.In():
				in.Add(1)
			case a.Fault() != "reset.used":
				t.Errorf("status %d, fault %q", a.Status, a.Fault())
			}
		})
		if in.Load() != 1 {
			t.Errorf("the link set %d passwords", in.Load())
		}
		if got := fault(link); got != "reset.used" {
			t.Errorf("after its use: %q", got)
		}
		if got := fault(old); got != "reset.superseded" {
			t.Errorf("the older link after the newer one's use: %q", got)
		}
		// An hour later the address has its share of mails again.
		h.Clock.Advance(time.Hour)
		expired := resetLink(h, p)
		h.Clock.Advance(time.Hour)
		if got := fault(expired); got != "reset.expired" {
			t.Errorf("after an hour: %q", got)
		}
	})
}

// B-15 (kc#12759), A-07, CAL-09, N-32, DS-12: a reset by mail ends at the second factor:
// the app and the recovery code are what they were, sessions and known browsers
// are gone, and the mailbox alone gets nobody in.
func TestAResetEndsAtTheSecondFactorB15(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Reset", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		session := h.Raw(at(1))
		p.Enter(session)
		before := p.Factors()
		under := h.Raw(at(5)) // begun by somebody who knew the old password
		underWay := p.Attempt(under)
		r := h.Raw(at(2))
		a := r.Post(resetLink(h, p), "new_password", another)
		if a.In() || step(a) != "code" {
			t.Fatalf("the link leads to %q", a.Location)
		}
		if r.Inside() {
			t.Error("the mailbox alone is in")
		}
		if session.Inside() {
			t.Error("the session from before lives on")
		}
		if b := under.Post(underWay, "code", p.Fresh()); b.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("a sign-in with the old password goes on: status %d to %q, fault %q", b.Status, b.Location, b.Fault())
		}
		if n := len(p.Browsers()); n != 0 {
			t.Errorf("%d browsers are still known", n)
		}
		if b := r.Post(a.Location, "code", p.Wrong()); b.In() {
			t.Error("a wrong code opens it")
		}
		if b := r.Post(a.Location, "code", p.Recovery); !b.In() { // CAL-09: first the password, then the recovery code
			t.Errorf("the recovery code: fault %q", b.Fault())
		}
		after := p.Factors()
		if len(after) != len(before) || p.Factor().ID != before[0].ID && p.Factor().ID != before[1].ID {
			t.Errorf("%d factors before, %d after", len(before), len(after))
		}
		if b := p.Knock(h.Raw(at(3))); b.Fault() != core.ErrRefused.Code {
			t.Error("the old password still opens the door")
		}
		p.Password = another
		p.Enter(h.Raw(at(4)))
		h.Mail(p.Login, "Your password was changed")
	})
}

// A reset that was begun and left lying gives no time: its attempt is bound to
// its browser like any other, and a wrong turn does not skip the code.
func TestAResetAttemptIsAnAttempt(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Left", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		page := r.Post(resetLink(h, p), "new_password", another).Location
		if a := h.Raw(at(2)).Get(page); a.Status != http.StatusNotFound {
			t.Errorf("another browser sees it: %d", a.Status)
		}
		h.Clock.Advance(core.AttemptLife)
		if a := r.Post(page, "code", p.Fresh()); a.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("later: fault %q", a.Fault())
		}
	})
}

// Decision 7.19: the operator's link replaces password and factor once. It makes
// no session before both are new; the old factors live until the new one is
// confirmed; it is mailed and audited loudly, and its new password is a new one.
func TestAdminLink(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Operator", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		old, oldKey := p.Factor(), p.Key
		link := adminLink(h, p)
		for range 3 {
			h.Raw(at(1)).Get(link)
		}
		r, under := h.Raw(at(2)), h.Raw(at(6))
		underWay := p.Attempt(under)
		a := r.Post(link)
		if b := under.Post(underWay, "code", p.Fresh()); b.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("a sign-in under way goes on: status %d to %q, fault %q", b.Status, b.Location, b.Fault())
		}
		if step(a) != "new-password" || r.Inside() {
			t.Fatalf("leads to %q", a.Location)
		}
		if b := h.Raw(at(3)).Post(link); b.Fault() != "admin_link.used" {
			t.Errorf("a second time: %q", b.Fault())
		}
		base := strings.TrimSuffix(a.Location, "new-password")
		for path, pairs := range map[string][]string{"setup-required": {"go", "enrol"}, "enrol-totp": {"code", p.Fresh()}, "code": {"code", p.Fresh()}} {
			if b := r.Post(base+path, pairs...); b.In() || step(b) != "new-password" {
				t.Errorf("%s before the password: to %q", path, b.Location)
			}
		}
		if b := r.Post(a.Location, "new_password", p.Password); b.Status != 422 {
			t.Errorf("the old password is taken as the new one: status %d to %q", b.Status, b.Location)
		}
		a = r.Post(a.Location, "new_password", another)
		if step(a) != "setup-required" || r.Inside() {
			t.Fatalf("after the password: to %q, fault %q", a.Location, a.Fault())
		}
		if b := r.Post(base+"code", "code", p.Fresh()); b.In() {
			t.Error("the old app's code skips the new factor")
		}
		if b := r.Post(a.Location, "go", "skip"); b.In() {
			t.Error("the new factor can be skipped")
		}
		p.Password = another
		if b := h.Raw(at(4)); !b.Post(p.Attempt(b), "code", p.Fresh()).In() {
			t.Error("the old factor ended before the new one is there")
		}
		a = r.Post(a.Location, "go", "enrol")
		p.Key = r.Get(a.Location).Of("data-setup-key")
		if a = r.Post(a.Location, "code", p.Fresh()); !a.In() {
			t.Fatalf("the new factor: status %d, fault %q", a.Status, a.Fault())
		}
		if f := p.Factor(); f.ID == old.ID {
			t.Error("the old factor is still the one")
		}
		s := h.Raw(at(5))
		h.Clock.Advance(time.Minute)
		if b := s.Post(p.Attempt(s), "code", house.CodeAt(t, oldKey, h.Clock.Now())); b.In() {
			t.Error("the old app still opens the door")
		}
		h.Mail(p.Login, "one-time link was used")
		if n := p.Names(); n["user.admin_link.made"] != 1 || n["user.admin_link.used"] != 1 {
			t.Errorf("%v", n)
		}
	})
}

func TestAdminLinkEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ends", "self-service", "")
		p := h.Person(org, "anna@example.com")
		expired := adminLink(h, p)
		h.Clock.Advance(30 * time.Minute)
		older := adminLink(h, p)
		newer := adminLink(h, p)
		for link, want := range map[string]string{expired: "admin_link.superseded", older: "admin_link.superseded", newer: ""} {
			if got := h.Raw(at(1)).Get(link).Fault(); got != want {
				t.Errorf("fault %q, want %q", got, want)
			}
		}
		h.Clock.Advance(30 * time.Minute)
		if got := h.Raw(at(1)).Post(newer).Fault(); got != "admin_link.expired" {
			t.Errorf("after 30 minutes: %q", got)
		}
		// Somebody who is disabled gets none, and one made before is dead.
		newer = adminLink(h, p)
		disable(h, p)
		if a := h.Raw(at(1)).Post(newer); a.Location != "" || a.Status < 400 {
			t.Errorf("a disabled person's link: %d to %q", a.Status, a.Location)
		}
		if _, _, err := h.Recovery.AdminLink(t.Context(), p.ID, access.Shell(), core.Client{}); err == nil {
			t.Error("a disabled person gets one")
		}
	})
}

// A link dies with the address that it was sent to.
func TestALinkDiesWithItsAddress(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Moved", "self-service", "")
		p := h.Person(org, "anna@example.com")
		link := resetLink(h, p)
		h.Change(p.Tenant, func(tx store.Tx) error {
			u, err := tx.User(p.ID)
			if err != nil {
				return err
			}
			u.Email, u.EmailKey = "anna@elsewhere.example", "anna@elsewhere.example"
			return tx.UpdateUser(u)
		})
		if a := h.Raw(at(1)).Post(link, "new_password", another); a.Fault() != "reset.superseded" {
			t.Errorf("status %d, fault %q", a.Status, a.Fault())
		}
	})
}

// B-48: a link that lacks or changes one character is unknown.
func TestAMangledLinkIsUnknown(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Mangled", "self-service", "")
		_, link := h.Invite(org, "anna@example.com")
		for i := len("/invitation/"); i < len(link); i += 5 {
			other := byte('A')
			if link[i] == 'A' {
				other = 'B'
			}
			for _, bad := range []string{link[:i] + string(other) + link[i+1:], link[:i] + link[i+1:], link[:i]} {
				if a := h.Raw(at(1)).Get(bad); a.Status == http.StatusOK {
					t.Errorf("%s opens", bad)
				}
			}
		}
		if a := h.Raw(at(1)).Get(link); a.Status != http.StatusOK {
			t.Errorf("the whole one: %d", a.Status)
		}
	})
}
