package signin_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// A link's form that is sent twice from one page sets one password, and whichever
// answer the browser reads, it goes on from there: with the session, or with the
// sign-in that still wants the second factor. The link itself works once (B-17).
func TestADoubleClickOnALinkIsOneB17(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", "")
		strict := h.Organisation("Strict", "self-service", `{"requirement":["organization"]}`)
		n := 0
		reset := func(p *house.Person) (*house.Person, string) { return p, resetLink(h, p) }
		invite := func(org core.Tenant, login string) (*house.Person, string) {
			u, link := h.Invite(org, login)
			return h.Whose(u, another), link
		}
		for _, k := range []struct {
			name   string
			make   func(login string) (*house.Person, string)
			cookie string // that both answers set to one value
			page   string // where the browser stands then
			event  string // that stands in the log once
		}{
			{"a reset", func(login string) (*house.Person, string) { return reset(h.Person(org, login)) }, session, "account", "user.password.reset"},
			{"a reset before a second factor", func(login string) (*house.Person, string) { return reset(h.Enrolled(org, login)) }, attemptCookie, "code", "user.password.reset"},
			{"an invitation", func(login string) (*house.Person, string) { return invite(org, login) }, session, "account", "user.validated"},
			{"an invitation before enrolling", func(login string) (*house.Person, string) { return invite(strict, login) }, attemptCookie, "setup-required", "user.validated"},
		} {
			for _, when := range []string{"one after the other", "overlapping", "at once"} {
				for last := range 2 {
					n++
					p, link := k.make(string(rune('a'+n)) + "@example.com")
					r := h.Raw(at(n))
					fields := []string{"new_password", another, "page", r.Get(link).Hidden("page")}
					if fields[3] == "" {
						t.Fatalf("%s: the form names no page", k.name)
					}
					var answers [2]house.Answer
					if when == "one after the other" {
						answers = [2]house.Answer{r.Clone().Post(link, fields...), r.Clone().Post(link, fields...)}
					} else {
						both := [2]*house.Held{r.Hold(link, fields...), r.Hold(link, fields...)}
						if both[0].Give(); when == "at once" {
							both[1].Give()
							answers = [2]house.Answer{both[0].Answer(), both[1].Answer()}
						} else {
							answers[0] = both[0].Answer()
							both[1].Give()
							answers[1] = both[1].Answer()
						}
					}
					for i, a := range answers {
						c := a.Cookie(k.cookie)
						if a.Status != http.StatusSeeOther || a.Location != answers[0].Location || c == nil || c.Value != answers[0].Cookie(k.cookie).Value {
							t.Fatalf("%s, %s: answer %d: status %d to %q, fault %q, sets %v", k.name, when, i, a.Status, a.Location, a.Fault(), a.Set)
						}
					}
					r.Take(answers[1-last])
					r.Take(answers[last])
					if page := r.Follow(answers[last]).Page(); page != k.page {
						t.Errorf("%s, %s: answer %d leads to page %q", k.name, when, last, page)
					}
					if got := p.Names()[k.event]; got != 1 {
						t.Errorf("%s, %s: it happened %d times", k.name, when, got)
					}
					p.Password = another
					if p.Knock(h.Raw("")).Fault() != "" {
						t.Errorf("%s, %s: the new password is refused", k.name, when)
					}
				}
			}
		}
	})
}

// B-17, N-32: the forgiveness of a double click is for the page that the link was
// spent from. Whoever else has a used link hears that it is used, with the right
// password and without: nothing is evaluated, counted or written down, so a found
// link is no second door to guess at.
func TestAUsedLinkIsNoDoorB17(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", "")
		p := h.Person(org, "anna@example.com")
		link := resetLink(h, p)
		owner, finder := h.Raw(at(1)), h.Raw(at(2))
		own, found := owner.Get(link).Hidden("page"), finder.Get(link).Hidden("page")
		if own == "" || own == found {
			t.Fatalf("two pages of one link: %q and %q", own, found)
		}
		if a := owner.Post(link, "new_password", another, "page", own); !a.In() {
			t.Fatalf("the owner: status %d, fault %q", a.Status, a.Fault())
		}
		before := p.Names()
		for name, fields := range map[string][]string{
			"the right password":                           {"new_password", another},
			"the right password, from a page of their own": {"new_password", another, "page", found},
			"from no page":                                 {"new_password", another, "page", ""},
			"a page that nobody made":                      {"new_password", another, "page", "AAAA"},
			"a guess":                                      {"new_password", "Wrong and long enough"},
			"a password that could not be":                 {"new_password", "x", "page", found},
		} {
			for range 12 { // more than the door forgives
				if a := finder.Post(link, fields...); a.Status != http.StatusConflict || a.Fault() != "reset.used" || len(a.Set) > 0 {
					t.Fatalf("%s: status %d to %q, fault %q, sets %v", name, a.Status, a.Location, a.Fault(), a.Set)
				}
			}
		}
		if now := p.Names(); len(now) != len(before) || !p.Budget("password").Clean() {
			t.Errorf("something was counted: %v, before %v", now, before)
		}
		// The page that spent it says its own password again, and no other.
		if a := owner.Post(link, "new_password", "Another one, long enough", "page", own); a.Fault() != "reset.used" || len(a.Set) > 0 {
			t.Errorf("another password from the owner's page: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if !p.Budget("password").Clean() {
			t.Error("that was counted as a guess")
		}
		// What is over stays over: the session that came of it, and the minute.
		again := owner.Clone()
		owner.Post("/sign-out")
		if a := again.Post(link, "new_password", another, "page", own); a.Fault() != "reset.used" || len(a.Set) > 0 {
			t.Errorf("after signing out: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		q := h.Enrolled(org, "berta@example.com")
		link = resetLink(h, q)
		own = owner.Get(link).Hidden("page")
		again = owner.Clone()
		page := owner.Post(link, "new_password", another, "page", own).Location
		if a := owner.Post(page, "code", q.Fresh()); !a.In() {
			t.Fatalf("the code: fault %q", a.Fault())
		}
		if a := again.Post(link, "new_password", another, "page", own); a.Fault() != "reset.used" || len(a.Set) > 0 {
			t.Errorf("after the code: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		link = resetLink(h, q)
		own = owner.Get(link).Hidden("page")
		owner.Post(link, "new_password", "A third long pass phrase", "page", own)
		h.Clock.Advance(time.Minute)
		if a := owner.Post(link, "new_password", "A third long pass phrase", "page", own); a.Fault() != "reset.used" || len(a.Set) > 0 {
			t.Errorf("after a minute: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
	})
}
