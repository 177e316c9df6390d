package signin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// clickTwice sends a link's form two times from one browser, as a double click does, and
// returns both answers.
func clickTwice(r *house.Raw, link, when string, fields ...string) (answers [2]house.Answer) {
	if when == "one after the other" {
		// The first answer is cancelled by the browser: its cookies are never read.
		return [2]house.Answer{r.Clone().Post(link, fields...), r.Clone().Post(link, fields...)}
	}
	both := [2]*house.Held{r.Hold(link, fields...), r.Hold(link, fields...)}
	if both[0].Give(); when == "at once" {
		both[1].Give()
		return [2]house.Answer{both[0].Answer(), both[1].Answer()}
	}
	answers[0] = both[0].Answer()
	both[1].Give()
	answers[1] = both[1].Answer()
	return answers
}

var whens = []string{"one after the other", "overlapping", "at once"}

// B-17, decision 7.19: a double click on the operator's link begins one attempt, and
// whichever answer the browser reads has the cookie that leads on: the first
// administrator of a new house has no other way in.
func TestADoubleClickOnTheOperatorsLinkIsOneB17(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Operator", "self-service", "")
		n := 0
		for _, pending := range []bool{false, true} {
			for _, when := range whens {
				for last := range 2 {
					n++
					var p *house.Person
					if login := string(rune('a'+n)) + "@example.com"; pending {
						u, _ := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: login})
						p = h.Whose(u, "")
					} else {
						p = h.Enrolled(org, login)
					}
					link, r := adminLink(h, p), h.Raw(at(n))
					page := r.Get(link).Hidden("page")
					if page == "" {
						t.Fatal("the form names no page")
					}
					answers := clickTwice(r, link, when, "page", page)
					for i, a := range answers {
						c := a.Cookie(attemptCookie)
						if a.Status != http.StatusSeeOther || step(a) != "new-password" || a.Location != answers[0].Location || c == nil || c.Value != answers[0].Cookie(attemptCookie).Value {
							t.Fatalf("%s: answer %d: status %d to %q, fault %q, sets %v", when, i, a.Status, a.Location, a.Fault(), a.Set)
						}
					}
					r.Take(answers[last])
					if got := r.Follow(answers[last]).Page(); got != "new-password" {
						t.Errorf("%s: answer %d leads to page %q", when, last, got)
					}
					if got := p.Names()["user.admin_link.used"]; got != 1 {
						t.Errorf("%s: it was used %d times", when, got)
					}
				}
			}
		}
		// Everybody else hears that it is used, and so does this page when its time is over.
		p := h.Enrolled(org, "zoe@example.com")
		link := adminLink(h, p)
		owner, finder := h.Raw(at(60)), h.Raw(at(61))
		own, found := owner.Get(link).Hidden("page"), finder.Get(link).Hidden("page")
		a := owner.Post(link, "page", own)
		if own == found || step(a) != "new-password" {
			t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
		}
		for name, fields := range map[string][]string{"another page": {"page", found}, "no page": nil, "an empty page": {"page", ""}, "a page that nobody made": {"page", "AAAA"}} {
			if b := finder.Post(link, fields...); b.Status != http.StatusConflict || b.Fault() != "admin_link.used" || len(b.Set) > 0 {
				t.Errorf("%s: status %d to %q, fault %q, sets %v", name, b.Status, b.Location, b.Fault(), b.Set)
			}
		}
		h.Clock.Advance(time.Minute)
		if b := owner.Post(link, "page", own); b.Fault() != "admin_link.used" || len(b.Set) > 0 {
			t.Errorf("after a minute: status %d to %q, fault %q", b.Status, b.Location, b.Fault())
		}
		if b := owner.Post(a.Location, "new_password", another); step(b) != "setup-required" {
			t.Errorf("the attempt goes on to %q, fault %q", b.Location, b.Fault())
		}
	})
}

// A double click on the link that shows the mailbox is told twice that it worked, at
// the door and from within; everybody else hears that it is used.
func TestADoubleClickOnTheProofIsOneB17(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Proof", "self-service", `{"enrol_proof":"always_mail"}`)
		strict := h.Organisation("Strict", "self-service", `{"enrol_proof":"always_mail","requirement":["organization"],"new_user_window":{"days":0}}`)
		n := 0
		for _, where := range []core.Tenant{org, strict} {
			for _, when := range whens {
				n++
				p := h.Person(where, string(rune('a'+n))+"@example.com")
				asks := h.Raw(at(n))
				page := p.Knock(asks).Location
				if where.ID == org.ID {
					page = "/account/security/confirm-mail"
				}
				if a := asks.Follow(asks.Get(page)); a.Page() != "confirm-mail" {
					t.Fatalf("page %q, fault %q", a.Page(), a.Fault())
				}
				h.Mails(p.Login)
				link, r := h.Link(p.Login, "/confirm/"), h.Raw(at(100+n))
				word := r.Get(link).Hidden("page")
				if word == "" {
					t.Fatal("the form names no page")
				}
				for i, a := range clickTwice(r, link, when, "page", word) {
					if a.Status != http.StatusOK || a.Page() != "proof-done" || len(a.Set) > 0 {
						t.Errorf("%s: answer %d: status %d, page %q, fault %q", when, i, a.Status, a.Page(), a.Fault())
					}
				}
				if got := p.Names()["user.mfa.mail_proof_given"]; got != 1 {
					t.Errorf("%s: it was given %d times", when, got)
				}
				for name, fields := range map[string][]string{"another page": {"page", strings.Repeat("A", 43)}, "no page": nil} {
					if a := h.Raw(at(200)).Post(link, fields...); a.Status != http.StatusConflict || a.Fault() != "enrol_proof.used" {
						t.Errorf("%s: status %d, fault %q", name, a.Status, a.Fault())
					}
				}
				h.Clock.Advance(time.Minute)
				if a := r.Post(link, "page", word); a.Fault() != "enrol_proof.used" {
					t.Errorf("after a minute: status %d, fault %q", a.Status, a.Fault())
				}
				if a := asks.Follow(asks.Get(page)); a.Page() != "enrol-totp" && a.Page() != "setup-required" {
					t.Errorf("who asked goes on to %q, fault %q", a.Page(), a.Fault())
				}
			}
		}
	})
}
