package signin_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"sallyport/internal/testkit/house"
)

// A double click in a browser without scripts sends a form twice with the cookies
// of the page it stood on. twice does so, one after the other or at once, and
// returns what the browser shows at the end: it follows the second answer, with
// the cookies of both.
func twice(r *house.Raw, atOnce bool, path string, fields ...string) house.Answer {
	second := r.Clone()
	var a house.Answer
	if atOnce {
		var both sync.WaitGroup
		both.Add(1)
		first := r.Clone()
		go func() { defer both.Done(); first.Post(path, fields...) }()
		a = second.Post(path, fields...)
		both.Wait()
		r.Plant("sallyport", first.Cookie("sallyport"))
	} else {
		r.Post(path, fields...)
		a = second.Post(path, fields...)
	}
	for _, c := range a.Set { // in the order in which a browser reads them
		if c.MaxAge < 0 {
			r.Plant(c.Name, "")
		} else {
			r.Plant(c.Name, c.Value)
		}
	}
	return r.Follow(a)
}

// TestDoubleClicks: none of them signs anybody out, loses a recovery code, or
// says that something failed which was done.
func TestDoubleClicks(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", "")
		for _, atOnce := range []bool{false, true} {
			name := map[bool]string{false: "one after the other", true: "at once"}[atOnce]
			t.Run(name, func(t *testing.T) {
				from := map[bool]string{false: "a", true: "b"}[atOnce]
				p := h.Person(org, from+"@example.com")
				r := h.Raw("")
				p.Enter(r)
				page := r.Get("/account/security/totp")
				p.Key = page.Of("data-setup-key")
				landed := func(what string, a house.Answer, want ...string) {
					t.Helper()
					if !slices.Contains(want, a.Page()) {
						t.Errorf("%s: page %q, fault %q", what, a.Page(), a.Fault())
					}
				}
				a := twice(r, atOnce, "/account/security/totp", "code", p.Code())
				landed("enrolment", a, "recovery-code")
				if a = r.Follow(r.Get("/account/")); a.Of("data-recovery-code") == "" {
					t.Errorf("enrolment: the recovery code is never shown; page %q", a.Page())
				}
				r.Follow(r.Post("/account/security/recovery-code", "saved", "yes"))
				h.Clock.Advance(6 * time.Minute)
				landed("step-up", twice(r, atOnce, "/account/verify?next=/account/security/totp", "code", p.Fresh()), "enrol-totp", "account")
				if n := p.Factor().Budget.Failures; n != 0 {
					t.Errorf("the double click counted %d failures", n)
				}
				fresh := "Another long pass phrase " + from
				a = twice(r, atOnce, "/account/password", "password", p.Password, "new_password", fresh, "end_others", "yes")
				p.Password = fresh
				landed("change of password", a, "security")
				if !r.Inside() {
					t.Error("the session is gone")
				}

				out := h.Raw("")
				out.Post("/reset", "login", p.Login)
				link := h.Link(p.Login, "/reset/")
				landed("reset", twice(out, atOnce, link, "new_password", "A third long pass phrase "+from, "page", out.Get(link).Hidden("page")), "code")
			})
		}
	})
}
