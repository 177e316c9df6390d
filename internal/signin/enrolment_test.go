package signin_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Decision 7.5: setup that is due means nothing else is reachable. There is no
// session, it cannot be skipped, and the pages of the account lead to the door.
func TestSetupThatIsDueCannotBePassed(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Due", "self-service", `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		p := h.Person(org, "anna@example.com")
		r := h.Raw(at(1))
		a := p.Knock(r)
		if step(a) != "setup-required" || r.Cookie("sallyport") != "" {
			t.Fatalf("leads to %q, with a session %v", a.Location, r.Cookie("sallyport") != "")
		}
		for _, choice := range [][]string{{"go", "skip"}, {"go", ""}, nil, {"go", "later"}, {"go", "enrol", "go", "skip"}} {
			if b := r.Post(a.Location, choice...); b.Location != "" || b.Status != 422 {
				t.Errorf("%v: status %d to %q", choice, b.Status, b.Location)
			}
		}
		for _, path := range []string{"/account/", "/account/profile", "/account/security", "/account/security/totp", "/account/password"} {
			if b := r.Get(path); b.Status != http.StatusSeeOther || !strings.HasPrefix(b.Location, "/sign-in?") {
				t.Errorf("%s: status %d to %q", path, b.Status, b.Location)
			}
		}
		a = r.Post(a.Location, "go", "enrol")
		p.Key = r.Get(a.Location).Of("data-setup-key")
		if again := r.Get(a.Location).Of("data-setup-key"); again != p.Key || p.Key == "" {
			t.Errorf("a reload shows another key")
		}
		if b := r.Post(a.Location, "code", p.Wrong()); b.Status != 422 || b.Of("data-setup-key") != p.Key {
			t.Errorf("a wrong code: status %d, and another key", b.Status)
		}
		if b := r.Post(a.Location, "code", p.Code()); !b.In() || b.Location != "/account/security/recovery-code" {
			t.Errorf("the right code: status %d to %q", b.Status, b.Location)
		}
		if p.Status() != core.MFAEnabled {
			t.Errorf("status %s", p.Status())
		}
	})
}

// Decision 6, required_level: whoever holds a role may be asked for more than
// others, and tables say the same as the door.
func TestALevelForARole(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Roles", "self-service", `{"required_level":{"customer_admin":"mfa"},"new_user_window":{"days":0}}`)
		plain, admin := h.Person(org, "anna@example.com"), h.Person(org, "berta@example.com", core.CustomerAdmin)
		if a := plain.Knock(h.Raw(at(1))); !a.In() || plain.Status() != core.MFADisabled {
			t.Errorf("a plain person: leads to %q, status %s", a.Location, plain.Status())
		}
		if a := admin.Knock(h.Raw(at(2))); step(a) != "setup-required" || admin.Status() != core.MFASetupRequired {
			t.Errorf("an administrator: leads to %q, status %s", a.Location, admin.Status())
		}
	})
}

// Decision 7.4: a requirement that is switched on leaves sessions alone and asks
// at the next sign-in.
func TestSessionsStayWhenARequirementIsSwitchedOn(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Switch", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw(at(1))
		p.Enter(r)
		h.Settings(org.ID, `{"requirement":["organization"]}`)
		if !r.Inside() {
			t.Error("the session ended")
		}
		if p.Status() != core.MFASetupRequired {
			t.Errorf("status %s", p.Status())
		}
		if a := p.Knock(h.Raw(at(2))); step(a) != "setup-required" {
			t.Errorf("the next sign-in leads to %q", a.Location)
		}
		// Whoever has a session sets up from within, on the security page.
		if a := r.Follow(r.Get("/account/security/totp")); a.Page() != "enrol-totp" {
			t.Errorf("the security page shows %q, fault %q", a.Page(), a.Fault())
		}
	})
}

// The three values of enrol_proof, at the door.
func TestEnrolProofAtTheDoor(t *testing.T) {
	cases := []struct {
		name, setting string
		away          time.Duration // since the last sign-in
		known         bool
		mail          bool
	}{
		{"none, long away", core.EnrolProofNone, 90 * 24 * time.Hour, false, false},
		{"known or mail: signed in lately", core.EnrolProofKnownBrowserOrMail, 29 * 24 * time.Hour, false, false},
		{"known or mail: long away, known browser", core.EnrolProofKnownBrowserOrMail, 31 * 24 * time.Hour, true, false},
		{"known or mail: long away, unknown browser", core.EnrolProofKnownBrowserOrMail, 31 * 24 * time.Hour, false, true},
		{"always mail: signed in a minute ago", core.EnrolProofAlwaysMail, time.Minute, true, true},
	}
	each(t, func(t *testing.T, h *house.House) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				org := h.Organisation(fmt.Sprintf("Proof %d", i), "self-service", fmt.Sprintf(`{"enrol_proof":%q}`, c.setting))
				p := h.Person(org, fmt.Sprintf("anna%d@example.com", i))
				known := h.Raw(at(1))
				p.Enter(known)
				known.Post("/sign-out")
				h.Settings(org.ID, `{"requirement":["organization"],"new_user_window":{"days":0}}`)
				h.Clock.Advance(c.away)
				r := h.Raw(at(2))
				if c.known {
					r = known
				}
				a := p.Knock(r)
				if c.mail != (step(a) == "confirm-mail") {
					t.Fatalf("leads to %q", a.Location)
				}
				if !c.mail {
					return
				}
				page := a.Location
				base := strings.TrimSuffix(page, "confirm-mail")
				h.Mails(p.Login)
				r.Get(page) // the page sends the link, and a reload none
				r.Get(page)
				first := h.Link(p.Login, "/confirm/")
				if b := r.Post(page); b.Status != 422 || b.Fault() != "enrol_proof.missing" {
					t.Errorf("before the link was followed: status %d, fault %q", b.Status, b.Fault())
				}
				for _, path := range []string{"setup-required", "enrol-totp"} {
					if b := r.Post(base+path, "go", "enrol"); b.In() || r.Get(base+path).Status == http.StatusOK {
						t.Errorf("%s is open before the mailbox is shown", path)
					}
				}
				h.Clock.Advance(time.Minute)
				r.Post(base + "confirm-mail/resend")
				h.Mails(p.Login)
				second := h.Link(p.Login, "/confirm/")
				other := h.Raw(at(3)) // the mail may be read anywhere
				if first == second {
					t.Error("the second mail has the first link")
				}
				other.Get(first)
				other.Get(second)
				if b := r.Get(page); b.Status != http.StatusOK {
					t.Error("looking at the link was enough")
				}
				if b := other.Post(second); b.Page() != "proof-done" || len(b.Set) > 0 || other.Inside() {
					t.Errorf("the link: page %q, fault %q, cookies %v", b.Page(), b.Fault(), b.Set)
				}
				if b := other.Post(second); b.Fault() != "enrol_proof.used" { // B-17
					t.Errorf("the link again: %q", b.Fault())
				}
				if b := other.Post(first); b.Fault() != "enrol_proof.superseded" {
					t.Errorf("the older link after the newer one's use: %q", b.Fault())
				}
				if b := other.Get(base + "setup-required"); b.Status != http.StatusNotFound {
					t.Error("where the mail was read, the sign-in is open now")
				}
				if b := r.Get(page); step(b) != "setup-required" {
					t.Errorf("the sign-in that asked goes on to %q", b.Location)
				}
			})
		}
	})
}

// Signing in again and again with the password alone wakes no sleeping account:
// not from new browsers, not from the one that came with the first, not a week
// later. The mailbox does, and then also for browsers that come after.
func TestSigningInTwiceIsNoMailProof(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Asleep", "self-service", fmt.Sprintf(`{"enrol_proof":%q}`, core.EnrolProofKnownBrowserOrMail))
		p := h.Person(org, "anna@example.com")
		own := h.Raw(at(1))
		p.Enter(own)
		own.Post("/sign-out")
		h.Clock.Advance(31 * 24 * time.Hour)
		opens := func(r *house.Raw) string {
			t.Helper()
			p.Enter(r)
			page := r.Follow(r.Get("/account/security/totp")).Page()
			r.Post("/sign-out")
			return page
		}
		thief := h.Raw(at(2))
		for _, away := range []time.Duration{0, time.Minute, 25 * time.Hour, 7 * 24 * time.Hour, 40 * 24 * time.Hour} {
			h.Clock.Advance(away)
			if got := opens(thief); got != "confirm-mail" {
				t.Errorf("%s later, the same browser: page %q", away, got)
			}
			if got := opens(h.Raw(at(3))); got != "confirm-mail" {
				t.Errorf("%s later, another browser: page %q", away, got)
			}
		}
		// The requirement asks no less.
		h.Settings(org.ID, `{"requirement":["organization"]}`)
		if a := p.Knock(thief); step(a) != "confirm-mail" {
			t.Errorf("required: leads to %q", a.Location)
		}
		h.Settings(org.ID, `{"requirement":["per_user"]}`)
		// The browser from before is known all the while.
		if got := opens(own); got != "enrol-totp" {
			t.Errorf("the owner's browser: page %q", got)
		}
		// And by it the account is awake: a browser that comes now counts.
		if got := opens(h.Raw(at(4))); got != "enrol-totp" {
			t.Errorf("after the owner was here: page %q", got)
		}
		h.Clock.Advance(31 * 24 * time.Hour)
		r := h.Raw(at(5))
		p.Enter(r)
		r.Follow(r.Get("/account/security/totp"))
		h.Mails(p.Login)
		h.Raw(at(6)).Post(h.Link(p.Login, "/confirm/"))
		h.Settle()
		if got := r.Follow(r.Get("/account/security/totp")); got.Page() != "enrol-totp" {
			t.Errorf("after the link: page %q", got.Page())
		}
		if got := opens(h.Raw(at(7))); got != "enrol-totp" {
			t.Errorf("the mailbox did not wake the account: page %q", got)
		}
	})
}

// The three values on the security page.
func TestEnrolProofOnTheSecurityPage(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Inside", "self-service", "")
		p := h.Person(org, "anna@example.com")
		for _, c := range []struct {
			setting string
			away    time.Duration
			page    string
		}{
			{core.EnrolProofNone, 60 * 24 * time.Hour, "enrol-totp"},
			{core.EnrolProofKnownBrowserOrMail, 60 * 24 * time.Hour, "confirm-mail"},
			{core.EnrolProofKnownBrowserOrMail, time.Hour, "enrol-totp"},
			{core.EnrolProofAlwaysMail, time.Hour, "confirm-mail"},
		} {
			h.Settings(org.ID, fmt.Sprintf(`{"enrol_proof":%q}`, c.setting))
			h.Clock.Advance(c.away)
			r := h.Raw(at(1))
			p.Enter(r)
			if got := r.Follow(r.Get("/account/security/totp")); got.Page() != c.page {
				t.Errorf("%s after %s: page %q", c.setting, c.away, got.Page())
			}
			if c.page != "confirm-mail" {
				continue
			}
			if b := r.Post("/account/security/confirm-mail"); b.Fault() != "enrol_proof.missing" {
				t.Errorf("before the link: fault %q", b.Fault())
			}
			if b := r.Post("/account/security/totp", "code", "123456"); b.Location != "/account/security/confirm-mail" {
				t.Errorf("a code before the link: status %d to %q", b.Status, b.Location)
			}
			h.Mails(p.Login)
			if b := h.Raw(at(2)).Post(h.Link(p.Login, "/confirm/")); b.Page() != "proof-done" {
				t.Errorf("the link: page %q, fault %q", b.Page(), b.Fault())
			}
			h.Settle()
			if got := r.Follow(r.Get("/account/security/totp")); got.Page() != "enrol-totp" {
				t.Errorf("after the link: page %q, fault %q", got.Page(), got.Fault())
			}
			// It was this session that asked; another one is asked again.
			s := h.Raw(at(3))
			p.Enter(s)
			if c.setting == core.EnrolProofAlwaysMail && s.Follow(s.Get("/account/security/totp")).Page() != "confirm-mail" {
				t.Error("one session's proof serves another")
			}
		}
	})
}

// N-28: a link by mail binds no factor to somebody who has one.
func TestMailProofIsNoneForWhoHasAFactorN28(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bind", "self-service", `{"enrol_proof":"none"}`)
		p := h.Enrolled(org, "anna@example.com")
		h.Settings(org.ID, `{"enrol_proof":"always_mail"}`)
		h.Clock.Advance(time.Hour)
		r := h.Raw(at(1))
		page := p.Attempt(r)
		if a := r.Get(strings.TrimSuffix(page, "code") + "confirm-mail"); step(a) != "code" {
			t.Errorf("leads to %q", a.Location)
		}
		r.Post(strings.TrimSuffix(page, "code") + "confirm-mail/resend")
		for _, m := range h.Inbox.List(p.Login) {
			if strings.Contains(m.Text, "/confirm/") {
				t.Error("a link was mailed")
			}
		}
	})
}

// CAL rows, AIR-10, AIR-11: an invitation lives fifteen days, a resend kills the
// old one, and until it is accepted nobody signs in, whatever they know.
func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Invite", "self-service", "")
		u, first := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: "anna@example.com", Locale: "de"})
		if m := h.Mail("anna@example.com", "/invitation/"); !strings.Contains(m.Subject, "Einladung") && !strings.Contains(m.Text, "Sie ") {
			t.Errorf("not in German: %q", m.Subject)
		}
		if a := h.Raw(at(1)).Post("/sign-in", "login", "anna@example.com", "password", house.Password); a.Fault() != core.ErrRefused.Code {
			t.Error("somebody who is pending signs in")
		}
		if a := h.Raw(at(1)).Post("/reset", "login", "anna@example.com"); a.Status != http.StatusSeeOther {
			t.Error(a.Status)
		}
		for _, subject := range h.Mails("anna@example.com") {
			if strings.Contains(subject, "asswor") {
				t.Errorf("a reset for who is pending: %q", subject)
			}
		}
		h.Clock.Advance(15*24*time.Hour - time.Minute)
		if a := h.Raw(at(2)).Get(first); a.Status != http.StatusOK {
			t.Errorf("a minute before its end: %d", a.Status)
		}
		h.Clock.Advance(time.Minute)
		for _, a := range []house.Answer{h.Raw(at(2)).Get(first), h.Raw(at(2)).Post(first, "new_password", house.Password)} {
			if a.Status != http.StatusConflict || a.Fault() != "invitation.expired" || !strings.Contains(a.Body, "15") {
				t.Errorf("after fifteen days: status %d, fault %q", a.Status, a.Fault())
			}
		}
		again, err := h.Directory.Reinvite(t.Context(), u.ID, access.System(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		newest, err := h.Directory.Reinvite(t.Context(), u.ID, access.System(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		if a := h.Raw(at(3)).Post(again.Path, "new_password", house.Password); a.Fault() != "invitation.superseded" {
			t.Errorf("the older one: %q", a.Fault())
		}
		r := h.Raw(at(4))
		if a := r.Post(newest.Path, "new_password", house.Password); !a.In() || !r.Inside() {
			t.Errorf("the newest: status %d, fault %q", a.Status, a.Fault())
		}
		if a := h.Raw(at(5)).Post(newest.Path, "new_password", another); a.Fault() != "invitation.used" {
			t.Errorf("once more: %q", a.Fault())
		}
		if _, err := h.Directory.Reinvite(t.Context(), u.ID, access.System(), core.Client{}); err == nil {
			t.Error("who has accepted is invited again")
		}
	})
}

// Accepting counts as a sign-in and as the mail proof, so a first factor can be
// set up at once even where the mailbox is always to be shown.
func TestAcceptingIsTheMailProof(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Accept", "self-service", `{"requirement":["organization"],"enrol_proof":"always_mail"}`)
		_, path := h.Invite(org, "anna@example.com")
		if a := h.Raw(at(1)).Post(path, "new_password", house.Password); step(a) != "setup-required" {
			t.Errorf("leads to %q, fault %q", a.Location, a.Fault())
		}
	})
}

// N-15, decision 7.16: fifteen characters where the password can be the only
// factor, eight where a second one is compulsory; a shorter one is changed at
// the next sign-in when that falls away.
func TestTheFloorFollowsThePolicyN15(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		const eight, fourteen, fifteen = "qüßzt x9", "fourteen chars", "fifteen letters"
		alone := h.Organisation("Alone", "self-service", "")
		strict := h.Organisation("Strict", "self-service", `{"requirement":["organization"]}`)
		risky := h.Organisation("Risky", "self-service", `{"requirement":["organization"],"challenge":"risk"}`)
		for i, c := range []struct {
			org      core.Tenant
			password string
			taken    bool
		}{{risky, eight, false}, {risky, fifteen, true}, {alone, eight, false}, {alone, fourteen, false}, {alone, fifteen, true}, {strict, "7 chars", false}, {strict, eight, true},
			{alone, "éàéüéöéßéåéäéîé", true}, {alone, strings.Repeat("🙂", 14), false}, {strict, strings.Repeat("🙂", 7), false}, // N-16: code points
		} {
			_, path := h.Invite(c.org, fmt.Sprintf("n%d@example.com", i))
			a := h.Raw(at(1)).Post(path, "new_password", c.password)
			if taken := a.Status == http.StatusSeeOther; taken != c.taken {
				t.Errorf("%q in %s: taken %v, fault %q", c.password, c.org.Name, taken, a.Fault())
			}
		}
		u, path := h.Invite(strict, "anna@example.com")
		p := &house.Person{ID: u.ID, Tenant: strict.ID, Login: u.Login, Password: eight}
		p = p.In(h)
		r := h.Raw(at(2))
		a := r.Post(path, "new_password", eight)
		a = r.Post(a.Location, "go", "enrol")
		p.Key = r.Get(a.Location).Of("data-setup-key")
		if a = r.Post(a.Location, "code", p.Code()); !a.In() {
			t.Fatal(a.Fault())
		}
		h.Settings(strict.ID, `{"requirement":["per_user"]}`)
		r = h.Raw(at(3))
		page := p.Attempt(r) // the second factor comes first: who has only the password learns and changes nothing
		a = r.Post(page, "code", p.Fresh())
		if step(a) != "new-password" || r.Inside() {
			t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
		}
		for _, bad := range []string{eight, fourteen, "", p.Login, "Strict", strings.Repeat("a", 1025)} {
			if b := r.Post(a.Location, "new_password", bad); b.Location != "" || b.Status != 422 {
				t.Errorf("%.20q: status %d to %q", bad, b.Status, b.Location)
			}
		}
		if b := r.Post(a.Location, "new_password", fifteen); !b.In() {
			t.Errorf("status %d, fault %q", b.Status, b.Fault())
		}
		p.Password = fifteen
		p.Enter(h.Raw(at(4)))
	})
}

// an initial password that somebody else knows opens the door once, to the
// page that replaces it, and cannot be kept by typing it again.
func TestAnInitialPasswordIsReplacedA08(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Initial", "self-service", "")
		u, err := h.CreateUser(t.Context(), directory.NewUser{Tenant: org.ID, Email: "anna@example.com", Name: "Anna"}, house.Password, true, access.Shell())
		if err != nil {
			t.Fatal(err)
		}
		p := (&house.Person{ID: u.ID, Tenant: org.ID, Login: u.Login, Password: house.Password}).In(h)
		r := h.Raw(at(1))
		a := p.Knock(r)
		if step(a) != "new-password" || r.Inside() {
			t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
		}
		if b := r.Post(a.Location, "new_password", house.Password); b.Fault() != "password.same" {
			t.Errorf("the same again: status %d to %q, fault %q", b.Status, b.Location, b.Fault())
		}
		if b := r.Post(a.Location, "new_password", another); !b.In() {
			t.Errorf("a new one: fault %q", b.Fault())
		}
		if b := p.Knock(h.Raw(at(2))); b.Fault() != core.ErrRefused.Code {
			t.Error("the initial password still opens the door")
		}
		p.Password = another
		if b := p.Knock(h.Raw(at(3))); !b.In() {
			t.Errorf("and asks for a new one again: to %q", b.Location)
		}
	})
}

// N-16, N-17: a password is its NFC form, whole.
func TestPasswordsAreWholeN17(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Whole", "self-service", "")
		u, path := h.Invite(org, "anna@example.com")
		long := "Caf\u00e9 " + strings.Repeat("and the number 0123", 5)[:90]
		if a := h.Raw(at(1)).Post(path, "new_password", long); !a.In() {
			t.Fatal(a.Fault())
		}
		knock := func(typed string) bool {
			return h.Raw(at(2)).Post("/sign-in", "login", u.Login, "password", typed).In()
		}
		if !knock(long) || !knock(strings.Replace(long, "\u00e9", "e\u0301", 1)) {
			t.Error("composed and decomposed are two passwords")
		}
		for name, typed := range map[string]string{"the 73rd byte": long[:72] + "x" + long[73:], "the last one": long[:len(long)-1] + "x", "one less": long[:len(long)-1],
			"one more": long + "0", "another case": strings.ToLower(long), "a space at the end": long + " "} {
			if knock(typed) {
				t.Errorf("%s makes no difference", name)
			}
		}
	})
}

// How long a password is stands nowhere: a new row has the floor that it met, and an
// older release's row gets there when it is written again.
func TestTheLengthOfAPasswordIsNotKept(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		p := h.Person(h.Organisation("Lengths", "self-service", ""), "anna@example.com")
		kept := func() (pw core.Password) {
			h.Change(p.Tenant, func(tx store.Tx) (err error) {
				pw, err = tx.Password(p.ID)
				return err
			})
			return pw
		}
		if n := kept().Length; n != 15 {
			t.Errorf("a new one has %d, want the floor of 15", n)
		}
		salt := []byte("sixteen bytes ab")
		code := base64.RawStdEncoding.EncodeToString
		old := kept()
		old.Hash = "$argon2id$v=19$m=128,t=1,p=1$" + code(salt) + "$" + code(argon2.IDKey([]byte(house.Password), salt, 1, 128, 1, 32))
		old.Length = len(house.Password)
		h.Change(p.Tenant, func(tx store.Tx) error { return tx.SetPassword(p.ID, old) })
		p.Enter(h.Raw(at(1)))
		if now := kept(); now.Hash == old.Hash || now.Length != 15 {
			t.Errorf("hashed anew: %v, length %d", now.Hash != old.Hash, now.Length)
		}
	})
}

// A recovery code that is used while a new password is due still flags the
// session, and its successor is shown.
func TestRecoveryCodeBeforeAForcedPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Forced", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		h.Change(p.Tenant, func(tx store.Tx) error {
			pw, err := tx.Password(p.ID)
			if err != nil {
				return err
			}
			pw.MustChange = true
			return tx.SetPassword(p.ID, pw)
		})
		r := h.Raw(at(1))
		a := r.Post(p.Attempt(r), "code", p.Recovery)
		if step(a) != "new-password" {
			t.Fatalf("leads to %q, fault %q", a.Location, a.Fault())
		}
		a = r.Post(a.Location, "new_password", another)
		if !a.In() || a.Location != "/account/security/recovery-code" || r.Get(a.Location).Of("data-recovery-code") == "" {
			t.Errorf("leads to %q: no new code is shown", a.Location)
		}
		if s := p.Sessions(); len(s) != 1 || !s[0].Doc.Recovered {
			t.Errorf("%d sessions, not flagged", len(s))
		}
	})
}
