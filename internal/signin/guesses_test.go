package signin_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

const noWords = "never the right words"

// B-04 (GHSA-7h8m-vrxx-vr4m): two hundred passwords at once. Exactly as many are
// evaluated as the limit says, and the right one among those that come after the
// lock opens nothing.
func TestParallelPasswordsKeepTheLimitB04(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Rush", "self-service", `{"lockout":{"password":{"limit":5}}}`)
		p := h.Person(org, "anna@example.com")
		answers := make([]house.Answer, 200)
		together(len(answers), func(i int) {
			answers[i] = h.Raw(at(i)).Post("/sign-in", "login", p.Login, "password", noWords)
		})
		for _, a := range answers {
			if a.Status != 422 && a.Status != 429 {
				t.Errorf("status %d, fault %q", a.Status, a.Fault())
			}
		}
		names := p.Names()
		if got := names["signin.failed wrong_password"]; got != 5 {
			t.Errorf("%d passwords were evaluated, the limit is 5: %v", got, names)
		}
		if names["user.locked"] != 1 || !p.Budget("password").Locked(h.Clock.Now()) {
			t.Errorf("locked %d times: %+v", names["user.locked"], p.Budget("password"))
		}
		if a := p.Knock(h.Raw(at(999))); a.Fault() != core.ErrRefused.Code {
			t.Errorf("the right password opens a locked account: status %d to %q", a.Status, a.Location)
		}
		h.Clock.Advance(5*time.Minute + time.Second)
		p.Enter(h.Raw(at(999)))
		if !p.Budget("password").Clean() {
			t.Errorf("a success forgets all failures: %+v", p.Budget("password"))
		}
	})
}

// Tries while locked are neither evaluated nor counted (decision 7.3), and each
// lock is longer than the one before.
func TestTriesWhileLockedAreNotCounted(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Wait", "self-service", `{"lockout":{"password":{"limit":2}}}`)
		p := h.Person(org, "anna@example.com")
		wrong := func() { h.Raw(at(1)).Post("/sign-in", "login", p.Login, "password", noWords) }
		for _, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
			wrong()
			wrong()
			b := p.Budget("password")
			if got := b.Wait(h.Clock.Now()).Round(time.Minute); got != want*time.Minute {
				t.Fatalf("locked for %s, want %s", got, want*time.Minute)
			}
			for range 5 {
				wrong()
			}
			if now := p.Budget("password"); now != b {
				t.Fatalf("tries while locked changed the count from %+v to %+v", b, now)
			}
			h.Clock.Advance(want*time.Minute + time.Second)
		}
		p.Enter(h.Raw(at(1)))
	})
}

// the owner is mailed at the first lock, and not again at each following one.
func TestOwnerIsToldOfTheFirstLockA05(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Tell", "self-service", `{"lockout":{"password":{"limit":2}}}`)
		p := h.Person(org, "anna@example.com")
		before := len(h.Mails(p.Login))
		for range 3 {
			for range 2 {
				h.Raw(at(1)).Post("/sign-in", "login", p.Login, "password", noWords)
			}
			h.Clock.Advance(2 * time.Hour)
		}
		if got := len(h.Mails(p.Login)) - before; got != 1 {
			t.Errorf("%d mails for three locks", got)
		}
	})
}

// B-06, B-07, DS-03, DS-04: however a login is spelled, it is one account with one budget.
func TestSpellingsShareOneBudgetB06(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Spell", "self-service", "")
		p := h.Person(org, "jose.strasse@example.com")
		q := h.Person(org, "zoe@example.com")
		h.Change(q.Tenant, rename(q, "zoë.straße"))
		for _, who := range []struct {
			p         *house.Person
			spellings []string
		}{
			{p, []string{"jose.strasse@example.com", "JOSE.STRASSE@EXAMPLE.COM", " jose.strasse@example.com ", "Jose.Strasse@Example.Com", "jose.straße@example.com",
				"ｊｏｓｅ.strasse@example.com", "jose.strasse＠example.com", "jose.ſtrasse@example.com", "jose.strasse@ｅxample.com", "ⓙose.strasse@example.com"}},
			{q, []string{"zoë.straße", norm.NFD.String("zoë.straße"), "ZOË.STRASSE", norm.NFD.String("ZOË.STRASSE"), "Zoë.Straße", "zoë.strasse", "ｚｏë.straße", "Zoë.STRAẞE", " zoë.straße", "zoë．straße"}},
		} {
			for i, s := range who.spellings {
				h.Raw(at(i)).Post("/sign-in", "login", s, "password", noWords)
			}
			if b := who.p.Budget("password"); !b.Locked(h.Clock.Now()) || b.Consecutive != len(who.spellings) {
				t.Errorf("ten spellings of %s: %+v", who.spellings[0], b)
			}
			for i, s := range who.spellings {
				if a := h.Raw(at(100+i)).Post("/sign-in", "login", s, "password", who.p.Password); a.Fault() != core.ErrRefused.Code {
					t.Errorf("locked, but %q opens it: to %q", s, a.Location)
				}
			}
		}
		// What only looks alike is another name.
		for _, s := range []string{"jоse.strasse@example.com", "jose.strasse@example.com.", "jose+x.strasse@example.com", "jose..strasse@example.com", "jose.strasse@example.com\u200b"} {
			before := p.Budget("password")
			h.Raw(at(200)).Post("/sign-in", "login", s, "password", noWords)
			if p.Budget("password") != before {
				t.Errorf("%q was taken for %s", s, p.Login)
			}
		}
	})
}

// N-11, A-02: an outsider cannot lock an owner out of a browser that signed in
// before; and that browser's own guesses are bounded too.
func TestKnownBrowserHasItsOwnBudget(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Known", "self-service", "")
		p := h.Person(org, "anna@example.com")
		own := h.Raw(at(1))
		p.Enter(own)
		own.Post("/sign-out")
		lock(h, p)
		if a := p.Knock(h.Raw(at(2))); a.Fault() != core.ErrRefused.Code {
			t.Fatal("a browser nobody knows is let in while locked")
		}
		p.Enter(own)
		own.Post("/sign-out")
		if !p.Budget("password").Locked(h.Clock.Now()) {
			t.Error("a sign-in from a known browser ends the lock for strangers")
		}
		for range 10 {
			own.Post("/sign-in", "login", p.Login, "password", noWords)
		}
		if a := p.Knock(own); a.Fault() != core.ErrRefused.Code {
			t.Error("a known browser guesses without end")
		}
		// B-27: the cookie of somebody else's browser is worth nothing here.
		q := h.Person(org, "berta@example.com")
		lock(h, q)
		thief := h.Raw(at(3)).Plant("sallyport-device", own.Cookie("sallyport-device"))
		if a := q.Knock(thief); a.Fault() != core.ErrRefused.Code {
			t.Error("a device cookie of one person opens another's lock")
		}
	})
}

// B-27, N-11: a device cookie carried to another machine is no second factor.
func TestADeviceCookieIsNoFactorB27(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Carry", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		own := h.Raw(at(1))
		p.Enter(own)
		thief := h.Raw(at(2)).Plant("sallyport-device", own.Cookie("sallyport-device"))
		if a := p.Knock(thief); step(a) != "code" {
			t.Errorf("password and device cookie lead to %q", a.Location)
		}
		if thief.Inside() {
			t.Error("and into the account")
		}
	})
}

// B-26: a device cookie that somebody planted before the owner signed in is not
// known afterwards: the owner's browser gets one of its own.
func TestAPlantedDeviceCookieStaysUnknownB26(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Plant", "self-service", "")
		p := h.Person(org, "anna@example.com")
		const planted = "attackers-own-choice-of-a-device-cookie-000"
		victim := h.Raw(at(1)).Plant("sallyport-device", planted)
		p.Enter(victim)
		if got := victim.Cookie("sallyport-device"); got == planted || got == "" {
			t.Errorf("the browser keeps %q", got)
		}
		lock(h, p)
		if a := p.Knock(h.Raw(at(2)).Plant("sallyport-device", planted)); a.Fault() != core.ErrRefused.Code {
			t.Error("the planted cookie is known now")
		}
		p.Enter(victim)
	})
}

// At most ten browsers are known; the one unused for longest goes.
func TestTenBrowsersAreKnown(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ten", "self-service", "")
		p := h.Person(org, "anna@example.com") // the first browser
		var raws []*house.Raw
		for i := range 11 {
			h.Clock.Advance(time.Minute)
			r := h.Raw(at(i))
			p.Enter(r)
			raws = append(raws, r)
			if i == 5 { // the first of them is in use again, two days later
				h.Clock.Advance(48 * time.Hour)
				raws[0].Post("/sign-out")
				p.Enter(raws[0])
			}
		}
		if n := len(p.Browsers()); n != core.MaxBrowsers {
			t.Fatalf("%d browsers are known", n)
		}
		lock(h, p)
		for i, r := range raws {
			if known := p.Knock(r).In(); known != (i != 1) {
				t.Errorf("browser %d of 11 is known: %v", i+1, known)
			}
		}
	})
}

// limits by source count failures: three hundred honest sign-ins a minute from
// one address pass, and a source that fails a lot is told to wait.
func TestSourcesAreSlowedByTheirFailures(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			h := house.Open(t, engine, func(c *config.Config) { c.RateLimit.FailuresPerSource = 20 })
			org := h.Organisation("Source", "self-service", "")
			p := h.Person(org, "anna@example.com")
			together(8, func(int) {
				for range 38 {
					if a := p.Knock(h.Raw("192.0.2.9")); !a.In() {
						t.Errorf("an honest sign-in got %d", a.Status)
						return
					}
				}
			})
			bad := 0
			var limited house.Answer
			for i := range 40 { // the whole /24 is one source, whichever accounts it tries
				a := h.Raw("192.0.2."+strconv.Itoa(i)).Post("/sign-in", "login", "nobody"+strconv.Itoa(i)+"@example.com", "password", noWords)
				if a.Status == http.StatusTooManyRequests {
					limited = a
					break
				}
				bad++
			}
			if bad != 20 {
				t.Errorf("%d failures were allowed, want 20", bad)
			}
			wait, err := strconv.Atoi(limited.Header.Get("Retry-After"))
			if err != nil || wait < 1 || limited.Fault() != core.ErrRateLimited.Code {
				t.Errorf("Retry-After %q, fault %q", limited.Header.Get("Retry-After"), limited.Fault())
			}
			for _, path := range []string{"/sign-in", "/reset"} {
				if a := h.Raw("192.0.2.77").Post(path, "login", p.Login, "password", p.Password); a.Status != http.StatusTooManyRequests {
					t.Errorf("%s answers %d to a source that is slowed down", path, a.Status)
				}
			}
			if a := p.Knock(h.Raw("192.0.3.9")); !a.In() {
				t.Errorf("the neighbour is slowed down too: %d", a.Status)
			}
			h.Clock.Advance(time.Duration(wait) * time.Second)
			if a := p.Knock(h.Raw("192.0.2.9")); !a.In() {
				t.Errorf("after the wait that was said: %d", a.Status)
			}
		})
	}
}
