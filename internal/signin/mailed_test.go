package signin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// mailed are the links of a kind in a person's mails, newest first.
func mailed(h *house.House, p *house.Person, kind string) (links []string) {
	h.T.Helper()
	h.Mails(p.Login)
	for _, m := range h.Inbox.List(p.Login) {
		for _, word := range strings.Fields(m.Text) {
			if path, ours := strings.CutPrefix(word, h.URL); ours && strings.HasPrefix(path, kind) {
				links = append(links, path)
			}
		}
	}
	return links
}

// A-02, decision 7.6: looking at the page of a setup, and asking for the link again and
// again, takes no link away: one that is mailed works until its time or until one
// of them was followed, and one that is not mailed never was.
func TestAskingAgainLeavesEveryProofLinkA02(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Again", "self-service", `{"enrol_proof":"always_mail"}`)
		p := h.Person(org, "anna@example.com")
		h.Clock.Advance(2 * time.Hour)
		r := h.Raw(at(1))
		p.Enter(r)
		for range 6 {
			if a := r.Follow(r.Get("/account/security/totp")); a.Page() != "confirm-mail" {
				t.Fatalf("page %q, fault %q", a.Page(), a.Fault())
			}
		}
		if n := len(mailed(h, p, "/confirm/")); n != 1 {
			t.Errorf("six looks at the page sent %d mails", n)
		}
		resend := "/account/security/confirm-mail/resend"
		for i := range 4 {
			if a := r.Post(resend); a.Status != http.StatusSeeOther {
				t.Fatalf("asking again %d: status %d, fault %q", i, a.Status, a.Fault())
			}
		}
		// Too many now, and the page says so rather than promise another.
		for range 3 {
			if a := r.Post(resend); a.Status != http.StatusTooManyRequests || a.Page() != "confirm-mail" || a.Fault() != "enrol_proof.later" {
				t.Errorf("one too many: status %d, page %q, fault %q", a.Status, a.Page(), a.Fault())
			}
		}
		links := mailed(h, p, "/confirm/")
		if len(links) != 5 || p.Names()["user.mfa.mail_proof_asked"] != 5 {
			t.Fatalf("%d links, %v", len(links), p.Names())
		}
		for i, link := range links {
			if a := h.Raw(at(2)).Get(link); a.Status != http.StatusOK {
				t.Errorf("link %d: status %d, fault %q", i, a.Status, a.Fault())
			}
		}
		// At the door the same: the attempt of somebody else who has the password ends
		// no link of hers.
		thief := h.Raw(at(3))
		h.Settings(org.ID, `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		page := p.Knock(thief).Location
		if !strings.HasSuffix(page, "/confirm-mail") {
			t.Fatalf("the door leads to %q", page)
		}
		for range 2 {
			if a := thief.Get(page); a.Status != http.StatusTooManyRequests || a.Fault() != "enrol_proof.later" {
				t.Errorf("at the door: status %d, fault %q", a.Status, a.Fault())
			}
		}
		if a := thief.Post(page + "/resend"); a.Status != http.StatusTooManyRequests || a.Page() != "confirm-mail" || a.Fault() != "enrol_proof.later" {
			t.Errorf("at the door, again: status %d, page %q, fault %q", a.Status, a.Page(), a.Fault())
		}
		first := links[len(links)-1]
		if a := h.Raw(at(2)).Post(first); a.Page() != "proof-done" {
			t.Errorf("the first link: status %d, fault %q", a.Status, a.Fault())
		}
		if a := r.Follow(r.Get("/account/security/totp")); a.Page() != "enrol-totp" {
			t.Errorf("then the setup shows %q, fault %q", a.Page(), a.Fault())
		}
		if a := h.Raw(at(2)).Get(links[0]); a.Fault() != "enrol_proof.superseded" {
			t.Errorf("another, after one was followed: status %d, fault %q", a.Status, a.Fault())
		}
	})
}

// A link that died is followed by another one without a button.
func TestTheNextLookAfterALinkDiedMailsOne(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Died", "self-service", `{"enrol_proof":"always_mail"}`)
		p := h.Person(org, "anna@example.com")
		r := h.Raw(at(1))
		p.Enter(r)
		for i, wait := range []time.Duration{0, core.AttemptLife - time.Second, time.Second} {
			h.Clock.Advance(wait)
			r.Follow(r.Get("/account/security/confirm-mail"))
			if n, want := len(mailed(h, p, "/confirm/")), []int{1, 1, 2}[i]; n != want {
				t.Errorf("look %d: %d links, want %d", i, n, want)
			}
		}
	})
}

// Decision 7.6: news of what a person did themselves costs them no link, however much
// they did in the hour.
func TestNewsCostsNobodyALink(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Busy", "self-service", "")
		p := h.Person(org, "anna@example.com")
		for range 3 {
			h.Clock.Advance(time.Minute)
			page := h.Must(p.Get("/account/security/totp"))
			p.Key = page.Of("data-setup-key")
			page = h.Must(p.Submit(page, "code", p.Code()))
			h.Must(p.Submit(page, "saved", "yes"))
			if page = h.Must(p.Get("/account/security/disable")); page.Name == "" {
				t.Fatalf("page %q, fault %q", page.Name, page.Fault)
			}
			h.Must(p.Submit(page))
			if p.Status() != core.MFADisabled {
				t.Fatalf("status %s", p.Status())
			}
		}
		if n := len(h.Mails(p.Login)); n < 6 {
			t.Fatalf("%d mails before", n)
		}
		if a := h.Raw(at(1)).Post("/reset", "login", p.Login); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
		if n := len(mailed(h, p, "/reset/")); n != 1 {
			t.Errorf("asked once: %d reset links", n)
		}
		h.Settings(org.ID, `{"enrol_proof":"always_mail"}`)
		r := h.Raw(at(2))
		p.Enter(r)
		if a := r.Follow(r.Get("/account/security/totp")); a.Page() != "confirm-mail" {
			t.Errorf("the setup shows %q", a.Page())
		}
		if n := len(mailed(h, p, "/confirm/")); n != 1 {
			t.Errorf("one look at the setup: %d links", n)
		}
	})
}

// W-03, A-05, decision 7.11: who only knows a login and asks for resets silences none of
// the warnings that somebody has the password, nor that of the first lock.
func TestAskingForResetsSilencesNoWarningW03(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Loud", "self-service", "")
		p, q := h.Enrolled(org, "anna@example.com"), h.Person(org, "berta@example.com")
		h.Mails("")
		h.Clock.Advance(2 * time.Hour)
		stranger, thief := h.Raw(at(1)), h.Raw(at(2))
		for range 12 {
			stranger.Post("/reset", "login", p.Login)
		}
		told := func(kind string) bool {
			t.Helper()
			return slices.Contains(h.Mails(p.Login), i18n.For("en").T("mail."+kind+".subject", nil))
		}
		page := p.Attempt(thief)
		thief.Post(page, "code", p.Wrong())
		if !told("wrong_code") {
			t.Error("a wrong code after the right password is not told")
		}
		for range core.DefaultSettings().Lockout.Factor.Limit {
			thief.Post(page, "code", p.Wrong())
		}
		if !p.Factor().Budget.Locked(h.Clock.Now()) || !told("first_lock") {
			t.Error("the first lock of the second factor is not told")
		}
		h.Clock.Advance(15 * time.Minute)
		stranger.Post("/reset", "login", p.Login)
		h.Change(p.Tenant, func(tx store.Tx) error {
			f := p.Factor()
			f.Budget.Consecutive = core.DeadAt - 1
			return tx.UpdateFactor(f)
		})
		thief.Post(p.Attempt(thief), "code", p.Wrong())
		if !p.Factor().Budget.Dead() || !told("factor_dead") {
			t.Error("the end of the second factor is not told")
		}
		// The stranger alone, who guesses passwords as well.
		for range 12 {
			h.Raw(at(3)).Post("/reset", "login", q.Login)
		}
		lock(h, q)
		if !slices.Contains(h.Mails(q.Login), i18n.For("en").T("mail.first_lock.subject", nil)) {
			t.Error("the first lock of the password is not told")
		}
	})
}
