package signin_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

const attemptCookie = "sallyport-attempt"

// Decision 7.20, B-18: an attempt belongs to the browser that began it. Its id
// alone, with no cookie, another's cookie or a made-up one, reads as one that never
// was, and a right code there opens nothing and is not spent.
func TestAnAttemptBelongsToItsBrowserB18(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bound", "self-service", "")
		p, eve := h.Enrolled(org, "anna@example.com"), h.Enrolled(org, "eve@example.com")
		mine, hers := h.Raw(at(1)), h.Raw(at(2))
		page, foreign := p.Attempt(mine), eve.Attempt(hers)
		never := mine.Clone().Get("/sign-in/at_01jd0000000000000000000000/code")
		if never.Fault() != core.ErrAttemptUnknown.Code {
			t.Errorf("one that never was: status %d, fault %q", never.Status, never.Fault())
		}
		for name, r := range map[string]*house.Raw{
			"no cookie":              h.Raw(at(3)),
			"another person's":       hers.Clone(),
			"a made-up one":          h.Raw(at(3)).Plant(attemptCookie, strings.Repeat("A", 43)),
			"an overlong one":        h.Raw(at(3)).Plant(attemptCookie, strings.Repeat("A", 4000)),
			"one from before (B-26)": h.Raw(at(3)).Plant(attemptCookie, "planted"),
			"the tenant, a guess":    h.Raw(at(3)).Plant(attemptCookie, string(org.ID)+"."+strings.Repeat("A", 43)),
			"the tenant alone":       h.Raw(at(3)).Plant(attemptCookie, string(org.ID)+"."),
			"another tenant":         h.Raw(at(3)).Plant(attemptCookie, strings.Replace(mine.Cookie(attemptCookie), string(org.ID), string(h.Root.ID), 1)),
			"no tenant":              h.Raw(at(3)).Plant(attemptCookie, strings.Replace(mine.Cookie(attemptCookie), string(org.ID), "tn_none", 1)),
			"no dot":                 h.Raw(at(3)).Plant(attemptCookie, strings.ReplaceAll(mine.Cookie(attemptCookie), ".", "")),
		} {
			code := p.Code()
			for _, a := range []house.Answer{r.Get(page), r.Get(strings.TrimSuffix(page, "/code")), r.Post(page, "code", code), r.Post(page),
				r.Post(strings.Replace(page, "/code", "/setup-required", 1), "go", "enrol"), r.Post(strings.Replace(page, "/code", "/new-password", 1), "new_password", house.Password)} {
				if a.Status != http.StatusNotFound || a.Body != never.Body || len(a.Set) > 0 {
					t.Errorf("%s: status %d to %q, cookies %v", name, a.Status, a.Location, a.Set)
				}
			}
		}
		// Her own code on my attempt, with her own cookie and with mine.
		if a := hers.Clone().Post(page, "code", eve.Code()); a.Status != http.StatusNotFound {
			t.Errorf("her code on my attempt: %d", a.Status)
		}
		if a := mine.Clone().Post(foreign, "code", p.Code()); a.Status != http.StatusNotFound {
			t.Errorf("my code on her attempt: %d", a.Status)
		}
		if a := mine.Clone().Post(page, "code", eve.Fresh()); a.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("her code on my attempt with my cookie: status %d, fault %q", a.Status, a.Fault())
		}
		if b := p.Factor().Budget; b.Consecutive != 1 {
			t.Errorf("what opened nothing was counted: %+v", b)
		}
		if a := mine.Post(page, "code", p.Code()); !a.In() {
			t.Errorf("mine: status %d, fault %q", a.Status, a.Fault())
		}
	})
}

// Decision 7.20: fifteen minutes, and then it is over, kindly.
func TestAnAttemptLivesFifteenMinutes(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Life", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r, late := h.Raw(at(1)), h.Raw(at(2))
		inTime, page := p.Attempt(r), p.Attempt(late)
		h.Clock.Advance(15*time.Minute - 10*time.Second)
		if a := r.Post(inTime, "code", p.Code()); !a.In() {
			t.Errorf("at the last moment: status %d, fault %q", a.Status, a.Fault())
		}
		h.Clock.Advance(11 * time.Second)
		code := p.Fresh()
		for _, a := range []house.Answer{late.Post(page, "code", code), late.Get(page)} {
			if a.Fault() != core.ErrAttemptExpired.Code || a.Status != http.StatusConflict || !strings.Contains(a.Body, `href="/sign-in"`) {
				t.Errorf("too late: status %d, fault %q", a.Status, a.Fault())
			}
		}
		if a := late.Post(p.Attempt(late), "code", code); !a.In() {
			t.Errorf("anew, with the same code: fault %q", a.Fault())
		}
	})
}

// the second click of a double click gets the same working session,
// and counts nothing; another code on a finished attempt is no way to look in.
func TestADoubleClickGetsTheSameAnswer(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Click", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		page, code := p.Attempt(r), p.Fresh()
		second := r.Clone()
		first := r.Post(page, "code", code)
		again := second.Post(page, "code", code[:3]+" "+code[3:])
		if !first.In() || !again.In() || r.Cookie("sallyport") != second.Cookie("sallyport") || first.Location != again.Location {
			t.Fatalf("first to %q, second to %q, fault %q", first.Location, again.Location, again.Fault())
		}
		if !r.Inside() || !second.Inside() {
			t.Error("one of them is not in")
		}
		if b := p.Factor().Budget; !b.Clean() {
			t.Errorf("the second click was counted: %+v", b)
		}
		if n := p.Names()["signin.succeeded"]; n != 2 { // with the acceptance of the invitation
			t.Errorf("%d sign-ins in the audit log", n)
		}
		third := second.Clone().Plant("sallyport", "")
		if a := third.Post(page, "code", p.Fresh()); a.In() || a.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("another code on a finished attempt: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if a := h.Raw(at(3)).Post(page, "code", code); a.Status != http.StatusNotFound {
			t.Errorf("the same code from another browser: %d", a.Status)
		}
		// N-12: after sign-out the old answer leads to a session that is over.
		r.Post("/sign-out")
		replay := second.Clone().Plant("sallyport", "")
		replay.Post(page, "code", code)
		if replay.Inside() {
			t.Error("a finished attempt opens a session that was signed out")
		}
	})
}

// The same with all the clicks at once: one session, and each click is in.
func TestManyClicksAreOneSession(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Clicks", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		sessions := len(p.Sessions())
		r := h.Raw(at(1))
		page, code := p.Attempt(r), p.Fresh()
		var in atomic.Int64
		together(16, func(int) {
			c := r.Clone()
			if a := c.Post(page, "code", code); a.In() && c.Inside() {
				in.Add(1)
			} else {
				t.Errorf("status %d to %q, fault %q", a.Status, a.Location, a.Fault())
			}
		})
		if n := len(p.Sessions()) - sessions; n != 1 || in.Load() != 16 {
			t.Errorf("%d sessions, %d of 16 clicks are in", n, in.Load())
		}
		// A recovery code too: all clicks see the same new one.
		page = p.Attempt(r.Plant("sallyport", ""))
		codes := make(chan string, 16)
		together(16, func(int) {
			c := r.Clone()
			codes <- c.Follow(c.Post(page, "code", p.Recovery)).Of("data-recovery-code")
		})
		first := <-codes
		for range 15 {
			if next := <-codes; next != first || len(next) != 29 {
				t.Errorf("one click shows %d characters, another other ones", len(next))
			}
		}
	})
}

// B-14 (CVE-2026-18963): whatever step is called in whatever order, with whatever
// body, nothing is left out and nothing is marked as done.
func TestStepsOutOfOrderB14(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Order", "self-service", `{"requirement":["organization"],"new_user_window":{"days":0},"enrol_proof":"always_mail"}`)
		enrolled := h.Organisation("Order too", "self-service", "")
		p := h.Enrolled(enrolled, "anna@example.com")
		q := h.Person(org, "berta@example.com") // nothing set up yet, and the mailbox is to be shown
		steps := []string{"code", "setup-required", "confirm-mail", "confirm-mail/resend", "enrol-totp", "new-password", ""}
		bodies := [][]string{nil, {"code", ""}, {"code", "000000"}, {"go", "enrol"}, {"go", "skip"}, {"go", ""}, {"new_password", "Another long pass phrase"}, {"saved", "yes"}, {"confirm", "yes"}, {"trust", "yes"}}
		for _, who := range []struct {
			p     *house.Person
			stays string
		}{{p, "code"}, {q, "confirm-mail"}} {
			r := h.Raw(at(1))
			a := who.p.Knock(r)
			if step(a) != who.stays {
				t.Fatalf("%s begins at %q", who.p.Login, a.Location)
			}
			base := a.Location[:strings.LastIndexByte(a.Location, '/')+1]
			hash := password(h, who.p)
			for _, s := range steps {
				for _, b := range bodies {
					r.Get(base + s)
					if a := r.Post(base+s, b...); a.In() || a.Status >= 500 || a.Cookie("sallyport") != nil {
						t.Errorf("%s with %v: status %d to %q", s, b, a.Status, a.Location)
					}
				}
			}
			if a := r.Get(strings.TrimSuffix(base, "/")); step(a) != who.stays {
				t.Errorf("%s was moved from %s to %q", who.p.Login, who.stays, a.Location)
			}
			if password(h, who.p) != hash {
				t.Errorf("%s has another password now", who.p.Login)
			}
			if r.Inside() {
				t.Errorf("%s is in", who.p.Login)
			}
		}
		if len(slices.DeleteFunc(q.Factors(), func(f core.Factor) bool { return f.State != core.FactorConfirmed })) > 0 {
			t.Error("a factor was bound without the mailbox")
		}
	})
}

// Decision 7.2: a refusal commits. The count, the audit row and the burned step of
// a refused code stand, although the sign-in got nowhere.
func TestARefusalCommits(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Commit", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		h.Clock.Advance(time.Hour)
		h.MidStep()
		r := h.Raw(at(1))
		page := p.Attempt(r)
		before := p.Names()
		r.Post(page, "code", p.Wrong())
		r.Post(page, "code", p.CodeIn(5))
		r.Post(page, "code", "no recovery code")
		h.Raw(at(2)).Post("/sign-in", "login", p.Login, "password", noWords)
		after := p.Names()
		for name, want := range map[string]int{"signin.factor_failed factor.code_mismatch": 3, "signin.failed wrong_password": 1} {
			if got := after[name] - before[name]; got != want {
				t.Errorf("%s: %d rows, want %d", name, got, want)
			}
		}
		f := p.Factor()
		if f.Budget.Consecutive != 2 || len(f.Doc.Burned) != 1 || p.Budget("codes").Consecutive != 1 || p.Budget("password").Consecutive != 1 {
			t.Errorf("%+v, burned %v, %+v, %+v", f.Budget, f.Doc.Burned, p.Budget("codes"), p.Budget("password"))
		}
	})
}

// N-34, B-40: an account that is disabled in the middle of a sign-in gets no
// further with it.
func TestDisabledInTheMiddleN34(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Middle", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw(at(1))
		page := p.Attempt(r)
		session := h.Raw(at(2))
		p.Enter(session)
		disable(h, p)
		if a := r.Post(page, "code", p.Fresh()); a.In() || a.Cookie("sallyport") != nil || a.Status >= 500 {
			t.Errorf("the right code: status %d to %q", a.Status, a.Location)
		}
		if session.Inside() {
			t.Error("the session lives on")
		}
		if a := p.Knock(h.Raw(at(3))); a.Fault() != core.ErrRefused.Code {
			t.Errorf("the door: status %d to %q", a.Status, a.Location)
		}
		if err := h.Directory.Enable(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if a := r.Post(page, "code", p.Fresh()); a.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("enabled again, and the old sign-in goes on: status %d to %q", a.Status, a.Location)
		}
		if session.Inside() {
			t.Error("enabled again, and the old session lives")
		}
		p.Enter(r)
	})
}
