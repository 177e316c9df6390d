package signin_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

const session = "sallyport"

// A-13, B-26: two requests of one click that overlap, each past the guard with
// the token that the first one replaces. Whichever answer the browser reads last,
// and if it reads only one of them, it holds the one live token; the old one is
// dead, and what was asked for happened once.
func TestADoubleClickThatOverlapsKeepsTheSessionA13(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", `{"user_may_disable":"second_factor"}`)
		stale := func(p *house.Person, r *house.Raw) {
			p.Enter(r)
			h.Clock.Advance(6 * time.Minute)
		}
		kinds := []struct {
			name  string
			begin func(r *house.Raw, login string) (p *house.Person, path string, fields []string)
			event string // that stands in the log once
			to    string // where both answers lead
		}{
			{"enrolling", func(r *house.Raw, login string) (*house.Person, string, []string) {
				p := h.Person(org, login)
				p.Enter(r)
				p.Key = r.Get(totpPage).Of("data-setup-key")
				return p, totpPage, []string{"code", p.Code()}
			}, "user.mfa.enrolled", recoveryPage},
			{"a new phone", func(r *house.Raw, login string) (*house.Person, string, []string) {
				p := h.Enrolled(org, login)
				p.Enter(r)
				p.Key = r.Get(totpPage).Of("data-setup-key")
				return p, totpPage, []string{"code", p.Code()}
			}, "user.mfa.enrolled", recoveryPage},
			{"proving by password", func(r *house.Raw, login string) (*house.Person, string, []string) {
				p := h.Person(org, login)
				stale(p, r)
				return p, verifyPage + "?next=" + totpPage, []string{"password", p.Password}
			}, "signin.step_up", totpPage},
			{"proving by code", func(r *house.Raw, login string) (*house.Person, string, []string) {
				p := h.Enrolled(org, login)
				stale(p, r)
				return p, verifyPage + "?next=" + totpPage, []string{"code", p.Code()}
			}, "signin.step_up", totpPage},
			{"proving by recovery code", func(r *house.Raw, login string) (*house.Person, string, []string) {
				p := h.Enrolled(org, login)
				stale(p, r)
				return p, verifyPage + "?next=" + totpPage, []string{"code", p.Recovery}
			}, "signin.step_up", recoveryPage},
			{"switching off", func(r *house.Raw, login string) (*house.Person, string, []string) {
				p := h.Enrolled(org, login)
				stale(p, r)
				return p, disablePage, []string{"confirm", "yes", "code", p.Code()}
			}, "user.mfa.removed", "/account/security?done=mfa_off"},
		}
		n := 0
		for _, k := range kinds {
			for _, atOnce := range []bool{false, true} {
				for _, last := range []int{0, 1} {
					n++
					r := h.Raw(at(n))
					p, path, fields := k.begin(r, string(rune('a'+n))+"@example.com")
					before := p.Names()[k.event]
					old := r.Cookie(session)
					both := [2]*house.Held{r.Hold(path, fields...), r.Hold(path, fields...)}
					var answers [2]house.Answer
					if both[0].Give(); atOnce {
						both[1].Give()
						answers = [2]house.Answer{both[0].Answer(), both[1].Answer()}
					} else {
						answers[0] = both[0].Answer()
						both[1].Give()
						answers[1] = both[1].Answer()
					}
					name := k.name
					if atOnce {
						name += ", at once"
					}
					for i, a := range answers {
						c := a.Cookie(session)
						if a.Location != k.to || c == nil || c.Value == old || c.Value != answers[0].Cookie(session).Value {
							t.Fatalf("%s: answer %d: status %d to %q, fault %q, sets %v", name, i, a.Status, a.Location, a.Fault(), a.Set)
						}
					}
					r.Take(answers[1-last])
					r.Take(answers[last])
					if !r.Inside() {
						t.Errorf("%s: signed out when answer %d is read last", name, last)
					}
					if h.Raw("").Plant(session, old).Inside() {
						t.Errorf("%s: the old token is good", name)
					}
					if got := p.Names()[k.event] - before; got != 1 {
						t.Errorf("%s: it happened %d times", name, got)
					}
					if k.to == recoveryPage {
						if page := r.Get(recoveryPage); len(page.Of("data-recovery-code")) != 29 {
							t.Errorf("%s: no recovery code on the page %q", name, page.Page())
						}
					}
					if slices.ContainsFunc(p.Factors(), func(f core.Factor) bool { return !f.Budget.Clean() }) || !p.Budget("codes").Clean() {
						t.Errorf("%s: the second request counted as a failure", name)
					}
				}
			}
		}
	})
}

// A-13, B-26: that forgiveness is for the same press of the same button in the
// same browser. Whatever else was under way with the old token when the session
// rose has come too late: it gets no token, changes nothing and spends nothing.
func TestWhatElseWasUnderWayIsOverA13(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", `{"user_may_disable":"second_factor"}`)
		n := 0
		type late func(r *house.Raw, p *house.Person, code string) *house.Held
		other := h.Raw("")
		for name, late := range map[string]late{
			"the same code from another browser": func(r *house.Raw, p *house.Person, code string) *house.Held {
				return r.Clone().Plant("sallyport-device", "").Hold(verifyPage, "code", code)
			},
			"the same code from a browser that says it is another known one": func(r *house.Raw, p *house.Person, code string) *house.Held {
				return r.Clone().Plant("sallyport-device", other.Cookie("sallyport-device")).Hold(verifyPage, "code", code)
			},
			"another answer, right as well": func(r *house.Raw, p *house.Person, code string) *house.Held {
				return r.Hold(verifyPage, "code", p.Recovery)
			},
			"another form": func(r *house.Raw, p *house.Person, code string) *house.Held {
				return r.Hold("/account/password", "password", p.Password, "new_password", "Another long pass phrase")
			},
			"a form without a proof": func(r *house.Raw, p *house.Person, code string) *house.Held {
				return r.Hold("/account/profile", "locale", "sv")
			},
		} {
			n++
			p := h.Enrolled(org, string(rune('a'+n))+"@example.com")
			r := h.Raw(at(n))
			p.Enter(r)
			p.Enter(other)
			h.Clock.Advance(6 * time.Minute)
			code := p.Fresh()
			second := late(r, p, code)
			factors, user, sessions := p.Factors(), p.User(), len(p.Sessions())
			first := r.Hold(verifyPage, "code", code)
			first.Give()
			a := first.Answer()
			if a.Cookie(session) == nil {
				t.Fatalf("%s: the first: status %d to %q, fault %q", name, a.Status, a.Location, a.Fault())
			}
			second.Give()
			b := second.Answer()
			if b.Status != http.StatusSeeOther || b.Location != "/sign-in" || len(b.Set) > 0 {
				t.Errorf("%s: status %d to %q, fault %q, sets %v", name, b.Status, b.Location, b.Fault(), b.Set)
			}
			r.Take(a)
			if !r.Inside() || len(p.Sessions()) != sessions {
				t.Errorf("%s: inside %v, %d sessions of %d", name, r.Inside(), len(p.Sessions()), sessions)
			}
			if now := p.Factors(); len(now) != len(factors) || p.User().Locale != user.Locale || !p.Budget("codes").Clean() {
				t.Errorf("%s: something changed", name)
			}
			if a := p.Knock(h.Raw("")); a.Fault() != "" {
				t.Errorf("%s: the password: %q", name, a.Fault())
			}
		}
	})
}
