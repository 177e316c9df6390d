package signin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Row ACR-16: links at the prompt, each confirmed by a current code, lead to what
// policy says of somebody without a second factor.
func TestResetTwoFactorAtThePrompt(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		for i, c := range []struct {
			name, settings string
			linked         bool
			then           string // step after the code; "in" for a session
			status         core.MFAStatus
		}{
			{"required", `{"requirement":["organization"],"new_user_window":{"days":0},"challenge":"untrusted_browser"}`, true, "setup-required", core.MFASetupRequired},
			{"required, and the mailbox asked always", `{"requirement":["organization"],"new_user_window":{"days":0},"enrol_proof":"always_mail"}`, true, "setup-required", core.MFASetupRequired},
			{"own choice", `{"user_may_disable":"second_factor"}`, true, "in", core.MFADisabled},
			{"own choice, and it may not be undone", `{"user_may_disable":"no"}`, false, "", core.MFAEnabled},
		} {
			t.Run(c.name, func(t *testing.T) {
				org := h.Organisation("Prompt", "self-service", "")
				p := h.Enrolled(org, "anna"+string(rune('0'+i))+"@example.com")
				h.Settings(org.ID, c.settings)
				inside := h.Raw(at(2 * i))
				if a := inside.Post(p.Attempt(inside), "code", p.Fresh()); !a.In() {
					t.Fatalf("leads to %q", a.Location)
				}
				inside.Post("/account/trust-browser", "trust", "yes")
				r := h.Raw(at(2*i + 1))
				code := p.Attempt(r)
				reset := strings.TrimSuffix(code, "code") + "reset-mfa"
				if has := strings.Contains(r.Get(code).Body, `href="`+reset+`"`); has != c.linked {
					t.Errorf("linked: %v", has)
				}
				if !c.linked {
					if a := r.Get(reset); a.Status != http.StatusForbidden || a.Fault() != core.ErrPolicyLocked.Code {
						t.Errorf("the page: status %d, fault %q", a.Status, a.Fault())
					}
					if a := r.Post(reset, "code", p.Fresh()); a.Status != http.StatusForbidden || p.Status() != core.MFAEnabled {
						t.Errorf("the form: status %d; %s", a.Status, p.Status())
					}
					if a := r.Post(code, "code", p.Code()); !a.In() {
						t.Errorf("and the code is used up: fault %q", a.Fault())
					}
					return
				}
				page := r.Get(reset)
				if page.Page() != "reset-mfa" || !strings.Contains(page.Body, `name="code"`) {
					t.Fatalf("page %q", page.Page())
				}
				for _, wrong := range []string{"", p.Wrong(), "not even digits"} {
					if a := r.Post(reset, "code", wrong); a.Status != http.StatusUnprocessableEntity || a.Page() != "reset-mfa" || p.Status() != core.MFAEnabled {
						t.Errorf("%q: status %d, page %q, %s", wrong, a.Status, a.Page(), p.Status())
					}
				}
				if b := p.Factor().Budget; b.Failures != 1 {
					t.Errorf("%d failures are counted on the app", b.Failures)
				}
				old := p.Code
				a := r.Post(reset, "code", p.Fresh())
				if c.then == "in" && !a.In() || c.then != "in" && (step(a) != c.then || a.In()) {
					t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
				}
				if p.Status() != c.status {
					t.Errorf("status %s", p.Status())
				}
				if inside.Inside() {
					t.Error("the other session lives on")
				}
				for _, f := range p.History() {
					if f.State != core.FactorRevoked || len(f.Secret) > 0 {
						t.Errorf("%s is %s, with a secret: %v", f.Kind, f.State, len(f.Secret) > 0)
					}
				}
				for _, b := range p.Browsers() {
					if !b.TrustedAt.IsZero() {
						t.Error("a browser is still trusted")
					}
				}
				h.Mail(p.Login, "You reset your second factor")
				if n := p.Names()["user.mfa.reset"]; n != 1 {
					t.Errorf("%d rows", n)
				}
				if c.then == "in" {
					if a := p.Knock(h.Raw(at(99))); !a.In() {
						t.Errorf("the next sign-in leads to %q", a.Location)
					}
					return
				}
				if a = r.Post(a.Location, "go", "enrol"); step(a) != "enrol-totp" {
					t.Fatalf("enrol leads to %q", a.Location)
				}
				p.Key = r.Get(a.Location).Of("data-setup-key")
				if a = r.Post(a.Location, "code", old()); !a.In() {
					t.Errorf("the new app: status %d, fault %q", a.Status, a.Fault())
				}
			})
		}
	})
}

// With a recovery code it works as well, and nothing of the old set is left; a
// double click is one reset.
func TestResettingWithARecoveryCode(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Spare", "self-service", "")
		for i, atOnce := range []bool{false, true} {
			p := h.Enrolled(org, "anna"+string(rune('0'+i))+"@example.com")
			r := h.Raw(at(i))
			reset := strings.TrimSuffix(p.Attempt(r), "code") + "reset-mfa"
			if a := twice(r, atOnce, reset, "code", p.Recovery); a.Page() != "account" || !r.Inside() {
				t.Errorf("at once %v: page %q, fault %q", atOnce, a.Page(), a.Fault())
			}
			if n := len(p.Factors()); n != 0 || p.Status() != core.MFADisabled {
				t.Errorf("%d factors are left, %s", n, p.Status())
			}
			if n := p.Names()["user.mfa.reset"]; n != 1 {
				t.Errorf("at once %v: %d resets", atOnce, n)
			}
		}
	})
}

// The other link: all trust goes, and the code that confirms it signs in.
func TestResetTrustedBrowsersAtThePrompt(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Browsers", "self-service", trusting)
		p := h.Enrolled(org, "anna@example.com")
		one, two := h.Raw(at(1)), h.Raw(at(2))
		through(t, p, one, "yes")
		through(t, p, two, "yes")
		if a := p.Knock(two.Plant("sallyport", "")); !a.In() { // by the trust alone
			t.Fatalf("leads to %q", a.Location)
		}
		r := h.Raw(at(3))
		code := p.Attempt(r)
		reset := strings.TrimSuffix(code, "code") + "reset-browsers"
		if !strings.Contains(r.Get(code).Body, `href="`+reset+`"`) {
			t.Error("no link at the prompt")
		}
		says(t, r.Get(reset), "2 browsers")
		if a := r.Post(reset, "code", p.Wrong()); a.Status != http.StatusUnprocessableEntity || !excused(t, p, one) {
			t.Errorf("a wrong code: status %d", a.Status)
		}
		a := r.Post(reset, "code", p.Fresh())
		if !a.In() || a.Location != "/account/" {
			t.Errorf("leads to %q: whoever took all trust away is not asked for it", a.Location)
		}
		if excused(t, p, one) || excused(t, p, two) || two.Inside() || !one.Inside() {
			t.Errorf("excused %v %v; the session by trust lives on: %v; the one by a code ended: %v", excused(t, p, one), excused(t, p, two), two.Inside(), !one.Inside())
		}
		h.Mail(p.Login, "no longer trusted")
		// With nothing trusted there is nothing to reset.
		r = h.Raw(at(4))
		if code = p.Attempt(r); strings.Contains(r.Get(code).Body, "reset-browsers") {
			t.Error("the link comes again")
		}
	})
}

// Decision 7.19: a temporary pass is typed where a code is, works once, keeps the
// level of the password, and lets its bearer set a factor up and nothing else; the
// old factor goes on until the new one is confirmed.
func TestTemporaryPass(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Pass", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		old := p.Key
		pass := makePass(t, h, p, time.Hour)
		// It is no second factor for somebody signed in, and not used up by trying.
		in := h.Raw(at(1))
		in.Post(p.Attempt(in), "code", p.Fresh())
		h.Clock.Advance(6 * time.Minute)
		if a := in.Post("/account/verify?next=/account/security/totp", "code", pass); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("it proves a change: status %d to %q", a.Status, a.Location)
		}
		for _, deed := range []string{"reset-mfa", "reset-browsers"} {
			r := h.Raw(at(2))
			if a := r.Post(strings.TrimSuffix(p.Attempt(r), "code")+deed, "code", pass); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s takes it: status %d to %q", deed, a.Status, a.Location)
			}
		}
		before := len(p.Sessions())
		r := h.Raw(at(3))
		a := r.Post(p.Attempt(r), "code", " "+strings.ToLower(strings.ReplaceAll(pass, "-", " "))+" ")
		if step(a) != "enrol-totp" || a.In() {
			t.Fatalf("it leads to %q, fault %q", a.Location, a.Fault())
		}
		if n := len(p.Sessions()); n != before {
			t.Errorf("%d sessions more", n-before)
		}
		for _, path := range []string{"/account/", "/account/security", "/account/profile"} {
			if b := r.Get(path); !strings.HasPrefix(b.Location, "/sign-in?") {
				t.Errorf("%s answers %d to %q", path, b.Status, b.Location)
			}
		}
		// Once: the second one to type it is wrong.
		o := h.Raw(at(4))
		if b := o.Post(p.Attempt(o), "code", pass); b.Status != http.StatusUnprocessableEntity || b.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("a second time: status %d, fault %q", b.Status, b.Fault())
		}
		if p.Status() != core.MFAEnabled {
			t.Errorf("status %s", p.Status())
		}
		o = h.Raw(at(5))
		if b := o.Post(p.Attempt(o), "code", p.Fresh()); !b.In() {
			t.Errorf("the old app stopped before the new one was confirmed: %q", b.Fault())
		}
		page := r.Get(a.Location)
		says(t, page, "until") // the old app counts until then
		fresh := page.Of("data-setup-key")
		h.Clock.Advance(30 * time.Second)
		if b := r.Post(a.Location, "code", house.CodeAt(t, fresh, h.Clock.Now())); !b.In() || b.Location != "/account/security/recovery-code" {
			t.Fatalf("confirmed: to %q, fault %q", b.Location, b.Fault())
		}
		if s := p.Sessions()[0]; s.Level != core.LevelMFA {
			t.Errorf("a session of level %q", s.Level)
		}
		h.Clock.Advance(30 * time.Second)
		o = h.Raw(at(6))
		if b := o.Post(p.Attempt(o), "code", house.CodeAt(t, old, h.Clock.Now())); b.In() {
			t.Error("the old app still works")
		}
		h.Mail(p.Login, "another phone")
		if n := p.Names()["user.pass.used"]; n != 1 {
			t.Errorf("%d rows", n)
		}

		// Over is over, and a newer one kills the older.
		q := h.Enrolled(org, "berta@example.com")
		first := makePass(t, h, q, time.Hour)
		second := makePass(t, h, q, time.Hour)
		o = h.Raw(at(7))
		if b := o.Post(q.Attempt(o), "code", first); b.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("an older one: to %q, fault %q", b.Location, b.Fault())
		}
		h.Clock.Advance(time.Hour)
		if b := o.Post(q.Attempt(o), "code", second); b.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("after its time: to %q, fault %q", b.Location, b.Fault())
		}
		// Another person's is worth nothing.
		theirs := makePass(t, h, p, time.Hour)
		if b := o.Post(q.Attempt(o), "code", theirs); b.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("another person's: to %q, fault %q", b.Location, b.Fault())
		}
		if n := q.Budget("codes").Consecutive; n != 3 {
			t.Errorf("%d failures are counted on the budget of codes", n)
		}
	})
}

// Of two who type one pass at once one gets through; and where the mailbox would
// have to be shown, the pass stands in for it.
func TestOnePassOneSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("One", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		pass := makePass(t, h, p, time.Hour)
		var doors [4]*house.Raw
		var paths, to [4]string
		for i := range doors {
			doors[i] = h.Raw(at(i))
			paths[i] = p.Attempt(doors[i])
		}
		together(len(doors), func(i int) { to[i] = step(doors[i].Post(paths[i], "code", pass)) })
		n := 0
		for _, s := range to {
			if s == "enrol-totp" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d got through: %q", n, to)
		}

		due := h.Organisation("Mailbox", "self-service", `{"enrol_proof":"always_mail"}`)
		q := h.Person(due, "berta@example.com")
		h.Settings(due.ID, `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		r := h.Raw(at(9))
		a := q.Knock(r)
		if step(a) != "confirm-mail" {
			t.Fatalf("leads to %q", a.Location)
		}
		if b := r.Post(a.Location, "code", pass); b.Status != http.StatusUnprocessableEntity || b.Fault() != core.ErrCodeMismatch.Code {
			t.Errorf("another person's pass: status %d, fault %q", b.Status, b.Fault())
		}
		if a = r.Post(a.Location, "code", makePass(t, h, q, time.Hour)); step(a) != "enrol-totp" {
			t.Errorf("the pass leads to %q, fault %q", a.Location, a.Fault())
		}
	})
}

// makePass makes a temporary pass as an administrator's journey does.
func makePass(t *testing.T, h *house.House, p *house.Person, life time.Duration) (code string) {
	t.Helper()
	h.Change(p.Tenant, func(tx store.Tx) error {
		if _, err := tx.SupersedeTokens(p.ID, core.TokenPass); err != nil {
			return err
		}
		var hash []byte
		var err error
		if code, hash, err = h.SignIn.Enrol.NewPass(p.User()); err != nil {
			return err
		}
		return tx.InsertToken(core.Token{Hash: hash, Kind: core.TokenPass, Tenant: p.Tenant, User: p.ID, Bound: core.ActorShell, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(life)})
	})
	return code
}
