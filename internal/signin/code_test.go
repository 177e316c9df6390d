package signin_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/testkit/house"
)

// N-01, Q-09: a hundred wrong codes, over many attempts and past every timed lock,
// and the factor is dead: the right code is refused, nobody is invited to enrol
// in its place, and the exits are the recovery code and an administrator.
func TestAHundredWrongCodesKillTheFactorN01(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Dead", "self-service", `{"requirement":["organization"],"lockout":{"factor":{"limit":10}}}`)
		p := h.Enrolled(org, "anna@example.com")
		wrong := 0
		for attempt := 0; wrong < 100; attempt++ {
			r := h.Raw(at(attempt))
			page := p.Attempt(r)
			for range 10 {
				wrong++
				want := core.ErrCodeMismatch.Code
				switch {
				case wrong == 100:
					want = core.ErrFactorDead.Code
				case wrong%10 == 0:
					want = core.ErrFactorLocked.Code
				}
				if a := r.Post(page, "code", p.Wrong()); a.Fault() != want {
					t.Fatalf("wrong code %d: status %d, fault %q, want %q", wrong, a.Status, a.Fault(), want)
				}
			}
			h.Clock.Advance(61 * time.Minute) // past the longest lock
		}
		for range 3 { // and ever after, in whatever attempt
			h.Clock.Advance(48 * time.Hour)
			r := h.Raw(at(500))
			page := p.Attempt(r)
			if a := r.Post(page, "code", p.Fresh()); a.Fault() != core.ErrFactorDead.Code {
				t.Errorf("the right code on a dead factor: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
			}
			for _, other := range []string{"setup-required", "enrol-totp", "confirm-mail", "new-password"} {
				if a := r.Follow(r.Get(strings.TrimSuffix(page, "code") + other)); a.Page() != "code" {
					t.Errorf("%s shows %q to somebody whose factor is dead", other, a.Page())
				}
			}
		}
		if p.Status() != core.MFAEnabled {
			t.Errorf("the status is %s: a dead factor does not count as missing", p.Status())
		}
		if p.Names()["user.mfa.dead"] != 1 {
			t.Errorf("the end of the factor stands %d times in the audit log", p.Names()["user.mfa.dead"])
		}
		// One exit: the recovery code. It leads to the page where a new app is set up.
		v := h.Browser(at(600))
		page := h.Must(v.Submit(p.Door(v), "code", p.Recovery))
		if page.Name != "recovery-code" {
			t.Fatalf("the recovery code leads to %q, fault %q", page.Name, page.Fault)
		}
		p.Recovery = page.Of("data-recovery-code")
		page = h.Must(v.Get("/account/security/totp"))
		if page.Name != "enrol-totp" {
			t.Fatalf("no way to set up a new app: %q, fault %q", page.Name, page.Fault)
		}
		// The other: an administrator.
		if err := h.Directory.Unlock(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if r := h.Raw(at(601)); r.Post(p.Attempt(r), "code", p.Fresh()).Fault() != core.ErrFactorDead.Code {
			t.Error("unlocking brings a dead factor back to life")
		}
		if _, err := h.Recovery.ResetMFA(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if page := p.Door(h.Browser(at(602))); page.Name != "setup-required" {
			t.Errorf("after an administrator's reset: page %q, fault %q", page.Name, page.Fault)
		}
	})
}

// B-01, B-02, T-08 (AuthQuake, CVE-2025-64102): many sign-ins of one account side
// by side share one count, and its owner is told.
func TestManySignInsShareOneCountB01(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Quake", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		type door struct {
			raw  *house.Raw
			page string
		}
		doors := make([]door, 30)
		for i := range doors {
			doors[i].raw = h.Raw(at(i))
			doors[i].page = p.Attempt(doors[i].raw)
		}
		before := p.Names()["signin.factor_failed factor.code_mismatch"]
		mails := len(h.Mails(p.Login))
		wrong := p.Wrong()
		var tooFar atomic.Int64
		together(len(doors), func(i int) {
			for range 3 {
				if a := doors[i].raw.Post(doors[i].page, "code", wrong); a.Fault() == "" || a.Status >= 500 {
					tooFar.Add(1)
				}
			}
		})
		if tooFar.Load() > 0 {
			t.Errorf("%d of 90 answers were no refusal", tooFar.Load())
		}
		names := p.Names()
		if got := names["signin.factor_failed factor.code_mismatch"] - before; got != 5 {
			t.Errorf("%d codes were evaluated before the lock, the limit is 5", got)
		}
		if got := p.Factor().Budget; got.Consecutive != 5 || !got.Locked(h.Clock.Now()) {
			t.Errorf("the count is %+v", got)
		}
		if a := doors[0].raw.Post(doors[0].page, "code", p.Code()); a.Fault() != core.ErrFactorLocked.Code {
			t.Errorf("the right code while locked: status %d, fault %q", a.Status, a.Fault())
		}
		// The first wrong code, the third, and the lock.
		if got := len(h.Mails(p.Login)) - mails; got != 3 {
			t.Errorf("the owner got %d mails about it", got)
		}
	})
}

// A-05, W-03: who has the password and guesses too slowly for a lock is told about
// all the same, from the first code on, and so is the end of the factor.
func TestSlowGuessesAreToldW03(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Slow", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		own := h.Raw(at(1))
		if a := own.Post(p.Attempt(own), "code", p.Fresh()); !a.In() {
			t.Fatalf("the owner: %q", a.Fault())
		}
		own.Post("/sign-out")
		told := func(subject string) (n int) {
			h.Mails(p.Login)
			for _, m := range h.Inbox.List(p.Login) {
				if m.Subject == i18n.For("en").T(subject, nil) {
					n++
				}
			}
			return n
		}
		// The owner's own slip, in their own browser, is nobody's news.
		page := p.Attempt(own)
		own.Post(page, "code", p.Wrong())
		if n := told("mail.wrong_code.subject"); n != 0 {
			t.Errorf("one slip of the owner's: %d mails", n)
		}
		if a := own.Post(page, "code", p.Fresh()); !a.In() {
			t.Fatalf("the owner: %q", a.Fault())
		}
		h.Clock.Advance(time.Hour)
		thief := h.Raw(at(2))
		for n := 1; n <= core.DeadAt; n++ {
			if n%4 == 1 {
				h.Clock.Advance(16 * time.Minute)
				page = p.Attempt(thief)
			}
			thief.Post(page, "code", p.Wrong())
			want := 0
			for _, at := range []int{1, 3, 10, 25, 50, 75} {
				if n >= at {
					want++
				}
			}
			if n == 1 || n == 2 || n == 4 || n == core.DeadAt {
				if got := told("mail.wrong_code.subject"); got != want {
					t.Errorf("after %d wrong codes: %d mails, want %d", n, got, want)
				}
			}
		}
		if n := told("mail.factor_dead.subject"); n != 1 || !p.Factor().Budget.Dead() {
			t.Errorf("the end of the factor was told %d times", n)
		}
		if n := told("mail.first_lock.subject"); n != 0 {
			t.Errorf("%d locks were told, and there was none", n)
		}
	})
}

// B-03, B-05 (CVE-2024-32868): codes alone lock the factor, and a sign-in that was
// under way before the lock stands before it all the same; the right code of
// that time is not spent by being refused.
func TestCodesAloneLockB03(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Otp", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		early := h.Raw(at(1))
		page := p.Attempt(early)
		r := h.Raw(at(2))
		other := p.Attempt(r)
		for range 5 {
			r.Post(other, "code", p.Wrong())
		}
		locked := p.Factor().Budget
		a := early.Post(page, "code", p.Fresh())
		if a.Status != http.StatusTooManyRequests || a.Fault() != core.ErrFactorLocked.Code || a.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, fault %q, Retry-After %q", a.Status, a.Fault(), a.Header.Get("Retry-After"))
		}
		if !strings.Contains(a.Body, "Codes from your app are not checked until then") || !strings.Contains(a.Body, "A recovery code works here too") {
			t.Error("the page does not say what it checks and what not")
		}
		for range 5 {
			early.Post(page, "code", p.Wrong())
		}
		if b := p.Factor().Budget; b != locked {
			t.Errorf("tries while locked changed the count from %+v to %+v", locked, b)
		}
		if b := p.Budget("password"); !b.Clean() {
			t.Errorf("codes spend the password's budget: %+v", b)
		}
		h.Clock.Advance(5*time.Minute + time.Second)
		if a := early.Post(page, "code", p.Code()); !a.In() {
			t.Errorf("after the lock: status %d, fault %q", a.Status, a.Fault())
		}
		if b := p.Factor().Budget; !b.Clean() {
			t.Errorf("a success forgets all failures: %+v", b)
		}
	})
}

// N-02: a right password resets nothing of the factor's count; N-03: neither do a
// new sign-in, a new day or another browser.
func TestOnlyItsOwnSuccessResetsACountN02(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Count", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		for i := range 4 {
			r := h.Raw(at(i))
			r.Post(p.Attempt(r), "code", p.Wrong())
			h.Clock.Advance(26 * time.Hour)
		}
		if b := p.Factor().Budget; b.Consecutive != 4 {
			t.Errorf("after four sign-ins with a wrong code: %+v", b)
		}
		// A recovery code is another factor: it resets its own count only.
		r := h.Raw(at(9))
		page := p.Attempt(r)
		r.Post(page, "code", "no such recovery code at all")
		if b := p.Budget("codes"); b.Consecutive != 1 {
			t.Errorf("the codes' budget: %+v", b)
		}
		if a := r.Post(page, "code", p.Recovery); !a.In() {
			t.Fatalf("the recovery code: status %d, fault %q", a.Status, a.Fault())
		}
		if b := p.Budget("codes"); !b.Clean() {
			t.Errorf("the codes' budget after a success: %+v", b)
		}
		if b := p.Factor().Budget; b.Consecutive != 4 {
			t.Errorf("a recovery code resets the app's count: %+v", b)
		}
		p.Enter(h.Raw(at(10)))
		if b := p.Factor().Budget; !b.Clean() {
			t.Errorf("the app's own success does not: %+v", b)
		}
	})
}

// Decision 7.3: digits of the right length spend the app's budget, everything
// else the codes' budget, which exists even for somebody without any code.
func TestTheCodeFieldSpendsTheRightBudget(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Field", "self-service", `{"recovery":[]}`)
		p := h.Person(org, "anna@example.com")
		page := h.Must(p.Get("/account/security/totp"))
		p.Key = page.Of("data-setup-key")
		if page = h.Must(p.Submit(page, "code", p.Code())); page.Fault != "" {
			t.Fatal(page.Fault)
		}
		wrong := p.Wrong()
		r := h.Raw(at(1))
		door := p.Attempt(r)
		for _, c := range []struct {
			typed       string
			app, others int
		}{
			{"", 0, 0},
			{"   ", 0, 0},
			{wrong, 1, 0},
			{" " + wrong[:3] + " - " + wrong[3:] + " ", 2, 0},
			{"12345", 2, 1},
			{"1234567", 2, 2},
			{"ABCD-EFGH-JKMN-PQRS-TVWX-YZ23", 2, 3},
			{"١٢٣٤٥٦", 2, 4}, // digits are ASCII only
		} {
			a := r.Post(door, "code", c.typed)
			if a.Status != 422 || a.Fault() == "" {
				t.Errorf("%q: status %d, fault %q", c.typed, a.Status, a.Fault())
			}
			if app, others := p.Factor().Budget.Consecutive, p.Budget("codes").Consecutive; app != c.app || others != c.others {
				t.Errorf("%q: the app's count is %d, the others' %d; want %d and %d", c.typed, app, others, c.app, c.others)
			}
		}
		if a := r.Post(door, "code", "not a code"); a.Fault() != core.ErrFactorLocked.Code || a.Status != http.StatusTooManyRequests {
			t.Errorf("the fifth: status %d, fault %q", a.Status, a.Fault())
		} else if !strings.Contains(a.Body, "Recovery codes are not checked until then") || strings.Contains(a.Body, "from your app are not checked") {
			t.Error("the page denies codes of the app, which it takes")
		}
		// The lock is the codes' own: the app still opens.
		if a := r.Post(door, "code", p.Fresh()); !a.In() {
			t.Errorf("the app while the codes are locked: status %d, fault %q", a.Status, a.Fault())
		}
	})
}

// T-05, N-24, A-09, A-10: a code that was accepted is never accepted again: not in another
// attempt, not by the enrolment that it confirmed, not one of an earlier step.
func TestACodeIsAcceptedOnceT05(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Once", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		enrolledWith := p.Code()
		r := h.Raw(at(1))
		if a := r.Post(p.Attempt(r), "code", enrolledWith); a.Fault() != core.ErrCodeUsed.Code {
			t.Errorf("the code that confirmed the factor: status %d, fault %q", a.Status, a.Fault())
		}
		h.Clock.Advance(2 * time.Minute)
		h.MidStep()
		older, newer := p.CodeIn(-1), p.CodeIn(0)
		if a := r.Post(p.Attempt(r), "code", newer); !a.In() {
			t.Fatalf("status %d, fault %q", a.Status, a.Fault())
		}
		for name, code := range map[string]string{"the same": newer, "an older one, still within the skew": older} {
			r := h.Raw(at(2))
			a := r.Post(p.Attempt(r), "code", code)
			if a.Fault() != core.ErrCodeUsed.Code {
				t.Errorf("%s in another attempt: status %d, fault %q", name, a.Status, a.Fault())
			}
		}
		if b := p.Factor().Budget; b.Consecutive != 2 {
			t.Errorf("replays elsewhere count as failures: %+v", b)
		}
		// Step-up is no other surface either.
		elsewhere := h.Raw(at(4))
		p.Enter(elsewhere)
		h.Clock.Advance(10 * time.Minute)
		h.MidStep()
		code := p.CodeIn(0)
		if a := r.Post("/account/verify?next=/account/security/totp", "code", code); a.Status != http.StatusSeeOther {
			t.Fatalf("step-up: status %d, fault %q", a.Status, a.Fault())
		}
		s := h.Raw(at(3))
		if a := s.Post(p.Attempt(s), "code", code); a.Fault() != core.ErrCodeUsed.Code {
			t.Errorf("after step-up: status %d, fault %q", a.Status, a.Fault())
		}
		if a := elsewhere.Post("/account/verify?next=/account/security/totp", "code", code); a.Fault() != core.ErrCodeUsed.Code {
			t.Errorf("at another step-up: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
	})
}

// T-05, B-08, B-09 (CVE-2026-20779, CVE-2025-55003): one code, sixty-four times at
// once, on two surfaces: sign-ins and step-ups. Exactly one succeeds.
func TestOneCodeOnceInParallelB08(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Race", "self-service", `{"lockout":{"factor":{"limit":100}}}`)
		p := h.Enrolled(org, "anna@example.com")
		const steps, doors = 6, 58
		type caller struct {
			raw  *house.Raw
			path string
		}
		var callers []caller
		for i := range steps {
			r := h.Raw(at(i))
			p.Enter(r)
			callers = append(callers, caller{r, "/account/verify?next=/account/security/totp"})
		}
		h.Clock.Advance(10 * time.Minute) // no proof is fresh any more
		for i := range doors {
			r := h.Raw(at(100 + i))
			callers = append(callers, caller{r, p.Attempt(r)})
		}
		h.MidStep()
		code := p.CodeIn(0)
		var won, lost, odd atomic.Int64
		together(len(callers), func(i int) {
			switch a := callers[i].raw.Post(callers[i].path, "code", code); {
			case a.Status == http.StatusSeeOther && a.Cookie("sallyport") != nil && a.Cookie("sallyport").MaxAge >= 0:
				won.Add(1)
			case a.Fault() == core.ErrCodeUsed.Code:
				lost.Add(1)
			default:
				odd.Add(1)
				t.Errorf("%s: status %d to %q, fault %q", callers[i].path, a.Status, a.Location, a.Fault())
			}
		})
		if won.Load() != 1 || lost.Load() != steps+doors-1 {
			t.Errorf("%d succeeded, %d were told that it is used", won.Load(), lost.Load())
		}
		if b := p.Factor().Budget; b.Consecutive > steps+doors-1 {
			t.Errorf("more failures than tries: %+v", b)
		}
	})
}

// T-05: what was accepted before a restart is not accepted after it, and what was
// counted is counted.
func TestCountsSurviveARestartT05(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			h, again := house.Restartable(t, engine)
			org := h.Organisation("Again", "self-service", "")
			p := h.Enrolled(org, "anna@example.com")
			r := h.Raw(at(1))
			p.Enter(r)
			used := p.Code()
			for range 3 {
				s := h.Raw(at(2))
				s.Post(p.Attempt(s), "code", p.Wrong())
				h.Raw(at(3)).Post("/sign-in", "login", p.Login, "password", noWords)
			}
			under := h.Raw(at(4))
			page := p.Attempt(under)
			h = again()
			p = p.In(h)
			if b := p.Factor().Budget; b.Consecutive != 3 || p.Budget("password").Consecutive != 0 {
				t.Errorf("after the restart: %+v, %+v", b, p.Budget("password"))
			}
			s := h.Raw(at(5))
			if a := s.Post(p.Attempt(s), "code", used); a.Fault() != core.ErrCodeUsed.Code {
				t.Errorf("the used code: status %d, fault %q", a.Status, a.Fault())
			}
			if !r.At(h).Inside() {
				t.Error("the session is gone")
			}
			if a := under.At(h).Post(page, "code", p.Fresh()); !a.In() {
				t.Errorf("the sign-in that was under way: status %d, fault %q", a.Status, a.Fault())
			}
		})
	}
}

// T-06: the skew is a setting of 0 to 2 steps and belongs to the factor from its
// enrolment on, as the number of digits does.
func TestSkewAndDigitsBelongToTheFactorT06(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		for skew, doc := range []string{`{"totp":{"digits":6,"skew":0}}`, `{"totp":{"digits":8,"skew":1}}`, `{"totp":{"digits":6,"skew":2}}`} {
			digits := 6 + 2*(skew%2)
			org := h.Organisation("Skew"+string(rune('0'+skew)), "self-service", doc)
			h.MidStep()
			p := h.EnrolledWith(org, "anna"+string(rune('0'+skew))+"@example.com", digits)
			h.Settings(org.ID, `{"totp":{"digits":`+[]string{"8", "6", "8"}[skew]+`,"skew":1}}`) // changes nothing for who is there
			for _, offset := range []int{-3, -2, -1, 0, 1, 2, 3} {
				h.Clock.Advance(10 * time.Minute)
				h.MidStep()
				r := h.Raw(at(skew))
				code := house.CodeOf(t, p.Key, digits, h.Clock.Now().Add(time.Duration(offset)*30*time.Second))
				a := r.Post(p.Attempt(r), "code", code)
				if within := max(offset, -offset) <= skew; a.In() != within {
					t.Errorf("skew %d, %d digits: a code %d steps off: in %v, fault %q", skew, digits, offset, a.In(), a.Fault())
				}
			}
			if f := p.Factor(); f.Doc.Digits != digits || f.Doc.Skew != skew {
				t.Errorf("the factor has %+v", f.Doc)
			}
		}
	})
}

// Drift is told to the person, in both directions, and the window never moves. A
// code that was told as right-but-early is spent: it opens nothing when its time
// comes, even if its owner signs in between.
func TestDriftIsToldAndNoOracle(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Drift", "self-service", `{"lockout":{"factor":{"limit":50}}}`)
		p := h.Enrolled(org, "anna@example.com")
		h.Clock.Advance(time.Hour)
		h.MidStep()
		r := h.Raw(at(1))
		page := p.Attempt(r)
		for offset, word := range map[int]string{-8: "4 minutes", 8: "4 minutes", -2: "1 minute", 12: "6 minutes"} {
			a := r.Post(page, "code", p.CodeIn(offset))
			if a.Fault() != core.ErrCodeMismatch.Code || !strings.Contains(a.Body, word) {
				t.Errorf("%d steps off: fault %q, and no word of %q", offset, a.Fault(), word)
			}
		}
		if a := r.Post(page, "code", p.Wrong()); strings.Contains(a.Body, " minutes ahead") || strings.Contains(a.Body, " minutes behind") {
			t.Error("a wrong code is told as drift")
		}
		early, later := p.CodeIn(8), p.CodeIn(12)
		h.Clock.Advance(4 * time.Minute)
		h.MidStep()
		for shift := -1; shift <= 1; shift++ {
			if p.CodeIn(shift) != early {
				continue
			}
			if a := r.Post(page, "code", early); a.Fault() != core.ErrCodeUsed.Code {
				t.Errorf("the early code in its own time: status %d, fault %q", a.Status, a.Fault())
			}
		}
		// The owner signs in with a code of now; what was given away stays spent.
		p.Enter(h.Raw(at(2)))
		hit := false
		for range 12 {
			h.Clock.Advance(30 * time.Second)
			s := h.Raw(at(3))
			if p.CodeIn(0) != later {
				continue
			}
			hit = true
			if a := s.Post(p.Attempt(s), "code", later); a.Fault() != core.ErrCodeUsed.Code {
				t.Errorf("given away, then the owner signed in: status %d, fault %q", a.Status, a.Fault())
			}
		}
		if !hit {
			t.Error("the time of the code never came: the test is wrong")
		}
	})
}
