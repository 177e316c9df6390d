package enrol_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/factor/totp"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

const (
	totpPage     = "/account/security/totp"
	recoveryPage = "/account/security/recovery-code"
)

// CAL-04, T-07: the key stands beside the QR code, is active only after a right
// code, and a wrong one keeps it.
func TestAKeyIsAFactorAfterARightCode(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Key", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		a := r.Get(totpPage)
		p.Key = a.Of("data-setup-key")
		if plain := strings.ReplaceAll(p.Key, " ", ""); len(plain) != 32 || strings.Trim(plain, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" || len(p.Key) != 32+7 {
			t.Errorf("the key is %q", p.Key)
		}
		if p.Status() != core.MFADisabled {
			t.Error("looking at the page switches it on")
		}
		if b := p.Knock(h.Raw("")); !b.In() {
			t.Errorf("a key without a code is asked for: to %q", b.Location)
		}
		if b := r.Post(totpPage, "code", ""); b.Fault() != core.ErrCodeRequired.Code {
			t.Errorf("no code: fault %q", b.Fault())
		}
		if b := r.Post(totpPage, "code", p.Wrong()); b.Status != 422 || b.Fault() != core.ErrCodeMismatch.Code || b.Of("data-setup-key") != p.Key {
			t.Errorf("a wrong code: status %d, fault %q, the same key %v", b.Status, b.Fault(), b.Of("data-setup-key") == p.Key)
		}
		if b := r.Post(totpPage, "code", p.CodeIn(6)); !strings.Contains(b.Body, "3 minutes") {
			t.Error("a phone that is ahead is not told")
		}
		if b := r.Post(totpPage, "code", p.Code()); b.Location != recoveryPage {
			t.Errorf("a right one leads to %q, fault %q", b.Location, b.Fault())
		}
		f := p.Factor()
		plain, _ := totp.ParseSetupKey(p.Key)
		if len(plain) != 20 || bytes.Contains(f.Secret, plain) || len(f.Secret) <= len(plain) {
			t.Error("the secret is not sealed")
		}
		if f.Doc.Algorithm != "SHA1" || f.Doc.Digits != 6 || f.Doc.Period != 30 || f.Doc.Skew != 1 || f.Doc.Issuer != "Key" || f.Doc.Account != p.Login {
			t.Errorf("%+v", f.Doc)
		}
		h.Mail(p.Login, "Two-factor authentication is on")
	})
}

// N-25: the key is never shown again, by nobody.
func TestAKeyIsShownOnceN25(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Shown", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		for _, path := range []string{"/account/", "/account/security", totpPage, recoveryPage, "/account/profile"} {
			if a := r.Get(path); strings.Contains(a.Body, p.Key) || strings.Contains(a.Body, strings.ReplaceAll(p.Key, " ", "")) || strings.Contains(a.Body, p.Recovery) {
				t.Errorf("%s shows it", path)
			}
		}
	})
}

// A key waits a quarter of an hour for its code, and belongs to the sign-in or the
// session that began it.
func TestAKeyWaitsFifteenMinutesForItsCode(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Wait", "self-service", `{"enrol_proof":"none"}`)
		p := h.Person(org, "anna@example.com")
		r, other := h.Raw(""), h.Raw("")
		p.Enter(r)
		p.Enter(other)
		first := r.Get(totpPage).Of("data-setup-key")
		if again := r.Get(totpPage).Of("data-setup-key"); again != first || first == "" {
			t.Error("a reload shows another key")
		}
		theirs := other.Get(totpPage).Of("data-setup-key")
		if theirs == first {
			t.Error("two sessions share a key")
		}
		for where, key := range map[*house.Raw]string{other: first, r: theirs} {
			p.Key = key
			if a := where.Post(totpPage, "code", p.Code()); a.Location != "" {
				t.Error("one session's key is confirmed in another")
			}
		}
		p.Key = first
		h.Clock.Advance(enrol.UnconfirmedLife)
		if a := r.Post("/account/verify?next="+totpPage, "password", p.Password); a.Location != totpPage {
			t.Fatal(a.Fault())
		}
		if a := r.Post(totpPage, "code", p.Code()); a.Location != "" || a.Fault() != "enrol.expired" {
			t.Errorf("an old key: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		p.Key = r.Get(totpPage).Of("data-setup-key")
		if p.Key == first {
			t.Error("an old key is shown again")
		}
		if a := r.Post(totpPage, "code", p.Code()); a.Location != recoveryPage {
			t.Errorf("the new one: fault %q", a.Fault())
		}
		for _, f := range p.Factors() {
			if f.State == core.FactorUnconfirmed {
				t.Errorf("%s is left over", f.ID)
			}
		}
	})
}

var shape = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$`)

// N-22, N-30, CAL-05, CAL-08, CAL-10, decision 7.12: one code of 120 bits, hashed
// with a key, once; it signs in, dies, a new one is shown, and a mail says so.
func TestTheRecoveryCodeN30(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Spare", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		if !shape.MatchString(p.Recovery) {
			t.Fatalf("the code is %q", p.Recovery)
		}
		app := p.Factor().ID
		for i, spell := range []func(string) string{
			strings.ToLower,
			func(code string) string { return "  " + strings.ReplaceAll(code, "-", "") + " " },
			func(code string) string { return strings.ReplaceAll(code, "-", " \u2013 ") },
		} {
			r := h.Raw("")
			a := r.Post(p.Attempt(r), "code", spell(p.Recovery))
			if !a.In() || a.Location != recoveryPage {
				t.Fatalf("spelling %d: to %q, fault %q", i, a.Location, a.Fault())
			}
			next := r.Get(recoveryPage).Of("data-recovery-code")
			if !shape.MatchString(next) || next == p.Recovery {
				t.Fatalf("the next code is %q", next)
			}
			dead := h.Raw("")
			if b := dead.Post(p.Attempt(dead), "code", p.Recovery); b.In() {
				t.Error("a used code signs in")
			}
			p.Recovery = next
			if b := r.Post(recoveryPage, "saved", "yes"); b.Location != "/account/" {
				t.Errorf("saved leads to %q", b.Location)
			}
		}
		if p.Status() != core.MFAEnabled || p.Factor().ID != app {
			t.Error("the app did not stay")
		}
		if n := p.Names()["user.mfa.recovery_used"]; n != 3 {
			t.Errorf("%d uses in the audit log", n)
		}
		h.Mail(p.Login, "Your recovery code was used")
		for _, f := range p.History() {
			if f.Kind == core.FactorRecoveryCode && (bytes.Contains(f.Secret, []byte(strings.ReplaceAll(p.Recovery, "-", ""))) || f.State == core.FactorRevoked && len(f.Secret) > 0) {
				t.Errorf("%s keeps a secret", f.ID)
			}
		}
	})
}

// A set of ten: each works once, the rest stays, the last one brings a new set.
func TestASetOfTenCodes(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ten", "self-service", `{"recovery_code_format":"set","lockout":{"factor":{"limit":50}}}`)
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		p.Key = r.Get(totpPage).Of("data-setup-key")
		r.Post(totpPage, "code", p.Code())
		codes := r.Get(recoveryPage).All("data-recovery-code")
		if len(codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 10 {
			t.Fatalf("%d codes: %v", len(codes), codes)
		}
		r.Post(recoveryPage, "saved", "yes")
		for i, code := range codes {
			s := h.Raw("")
			a := s.Post(p.Attempt(s), "code", code)
			if !a.In() {
				t.Fatalf("code %d: fault %q", i+1, a.Fault())
			}
			if last := i == 9; (a.Location == recoveryPage) != last {
				t.Errorf("code %d leads to %q", i+1, a.Location)
			}
			if b := h.Raw(""); b.Post(p.Attempt(b), "code", code).In() {
				t.Errorf("code %d works twice", i+1)
			}
			if i == 9 {
				if next := s.Get(recoveryPage).All("data-recovery-code"); len(next) != 10 || slices.Contains(next, code) {
					t.Errorf("the next set has %d", len(next))
				}
			}
		}
	})
}

// Interfaces §3: an unanswered recovery page comes again at /account/ only; every
// other path is open; after a quarter of an hour it is gone, and the next sign-in
// makes a fresh code.
func TestAnUnansweredRecoveryPage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Page", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		p.Key = r.Get(totpPage).Of("data-setup-key")
		r.Post(totpPage, "code", p.Code())
		code := r.Get(recoveryPage).Of("data-recovery-code")
		for path, page := range map[string]string{"/account/": recoveryPage, "/account/security": "", "/account/profile": "", "/account/password": "", "/account/security/sessions": "", recoveryPage: ""} {
			if a := r.Get(path); a.Location != page {
				t.Errorf("%s leads to %q", path, a.Location)
			}
		}
		for _, pairs := range [][]string{nil, {"saved", ""}, {"saved", "no"}, {"saved", "YES"}} {
			if a := r.Post(recoveryPage, pairs...); a.Status != 422 || a.Fault() != core.ErrSavedRequired.Code || a.Of("data-recovery-code") != code {
				t.Errorf("%v: status %d, fault %q", pairs, a.Status, a.Fault())
			}
		}
		s := h.Raw("")
		if a := s.Post(p.Attempt(s), "code", p.Fresh()); a.Location != recoveryPage { // never answered: nobody may count on it
			t.Fatalf("the next sign-in leads to %q", a.Location)
		}
		next := s.Get(recoveryPage).Of("data-recovery-code")
		if next == code || next == "" {
			t.Error("no fresh code is made")
		}
		// Somebody may have written the old one down without an answer (row N-30).
		told := func() (n int) {
			for _, subject := range h.Mails("anna@example.com") {
				if subject == "A new recovery code was made" {
					n++
				}
			}
			return n
		}
		if told() != 1 {
			t.Errorf("%d mails tell that the code on the unanswered page was replaced", told())
		}
		if a := h.Raw(""); a.Post(p.Attempt(a), "code", code).In() {
			t.Error("the one that was replaced works")
		}
		h.Clock.Advance(enrol.RevealLife - time.Second)
		if a := s.Get(recoveryPage); a.Of("data-recovery-code") != next {
			t.Error("gone too early")
		}
		h.Clock.Advance(time.Second)
		if a := s.Get("/account/"); a.Status != http.StatusOK {
			t.Errorf("after fifteen minutes /account/ leads to %q", a.Location)
		}
		if a := s.Get(recoveryPage); a.Of("data-recovery-code") != "" {
			t.Error("the code is still shown")
		}
		if a := s.Post(recoveryPage, "saved", "yes"); a.Location != "/account/" {
			t.Errorf("answered too late: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		u := h.Raw("")
		if a := u.Post(p.Attempt(u), "code", p.Fresh()); a.Location != recoveryPage {
			t.Errorf("too late is no answer: the next sign-in leads to %q", a.Location)
		}
		last := u.Get(recoveryPage).Of("data-recovery-code")
		if a := u.Post(recoveryPage, "saved", "yes"); a.Location != "/account/" {
			t.Errorf("answered: to %q", a.Location)
		}
		v := h.Raw("")
		if told() != 2 {
			t.Errorf("%d mails after the second replacement", told())
		}
		if a := v.Post(p.Attempt(v), "code", p.Fresh()); a.Location != "/account/" {
			t.Errorf("answered, and the next sign-in leads to %q", a.Location)
		}
		if a := v.Post("/sign-out"); a.Status != http.StatusSeeOther {
			t.Error(a.Status)
		}
		if a := v.Post(p.Attempt(v), "code", last); !a.In() {
			t.Errorf("the answered code: fault %q", a.Fault())
		}
	})
}

// The page stands between the sign-in and where the person was going.
func TestTheRecoveryPageLeadsOn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Going", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("")
		a := r.Post("/sign-in", "login", p.Login, "password", p.Password, "return_to", "/account/password")
		if a = r.Post(a.Location, "code", p.Recovery); a.Location != recoveryPage {
			t.Fatal(a.Location)
		}
		if a = r.Post(recoveryPage, "saved", "yes"); a.Location != "/account/password" {
			t.Errorf("leads to %q", a.Location)
		}
	})
}

// N-29, DS-13: factors are never deleted: what was bound, when, how it came and
// why it ended stays; the secret does not.
func TestFactorHistoryIsKeptN29(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("History", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		p.Key = r.Get(totpPage).Of("data-setup-key")
		h.Clock.Advance(time.Minute)
		if a := r.Post(totpPage, "code", p.Code()); a.Status != http.StatusSeeOther {
			t.Fatal(a.Fault())
		}
		r.Post(recoveryPage, "saved", "yes")
		if _, err := h.Recovery.ResetMFA(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		why := map[string]int{}
		for _, f := range p.History() {
			if f.State != core.FactorRevoked || len(f.Secret) > 0 || f.Handle != "" || f.CreatedAt.IsZero() || f.ConfirmedAt.IsZero() || f.RevokedAt.Before(f.ConfirmedAt) {
				t.Errorf("%s %s: %s, %d bytes of secret, made %v, ended %v", f.Kind, f.ID, f.State, len(f.Secret), f.CreatedAt, f.RevokedAt)
			}
			if f.Kind == core.FactorTOTP && f.Doc.Source == "" {
				t.Errorf("%s came from nowhere", f.ID)
			}
			why[string(f.Kind)+" "+f.RevokedWhy]++
		}
		for reason, want := range map[string]int{"totp replaced": 1, "totp reset": 1, "recovery_code replaced": 1, "recovery_code reset": 1} {
			if why[reason] != want {
				t.Errorf("%s: %d, want %d; all: %v", reason, why[reason], want, why)
			}
		}
		if len(p.Factors()) != 0 {
			t.Error("something is still bound")
		}
	})
}

// A hash or a seal that is moved to another person's row opens nothing there.
func TestSecretsAreBoundToTheirRows(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Rows", "self-service", `{"lockout":{"factor":{"limit":50}}}`)
		p, eve := h.Enrolled(org, "anna@example.com"), h.Enrolled(org, "eve@example.com")
		h.Change(org.ID, func(tx store.Tx) error {
			mine, err := tx.Factors(eve.ID)
			if err != nil {
				return err
			}
			theirs, err := tx.Factors(p.ID)
			if err != nil {
				return err
			}
			for _, f := range theirs {
				for _, g := range mine {
					if f.Kind == g.Kind {
						f.Secret = g.Secret
					}
				}
				if err := tx.UpdateFactor(f); err != nil {
					return err
				}
			}
			return nil
		})
		r := h.Raw("")
		page := p.Attempt(r)
		if a := r.Post(page, "code", eve.Recovery); a.In() {
			t.Error("her recovery code opens his account")
		}
		if a := r.Post(page, "code", eve.Fresh()); a.In() || a.Status != http.StatusInternalServerError {
			t.Errorf("her secret in his row: status %d, fault %q", a.Status, a.Fault())
		}
	})
}

// Decision 7.12: codes that an organisation does not offer are not made.
func TestWithoutRecoveryCodes(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("None", "self-service", `{"recovery":[]}`)
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		p.Key = r.Get(totpPage).Of("data-setup-key")
		if a := r.Post(totpPage, "code", p.Code()); a.Location != "/account/security?done=mfa_on" {
			t.Errorf("leads to %q, fault %q", a.Location, a.Fault())
		}
		if a := r.Post(recoveryPage); a.Status < 400 && a.Location != "/account/security" {
			t.Errorf("a code is made: status %d to %q", a.Status, a.Location)
		}
		for _, f := range p.Factors() {
			if f.Kind == core.FactorRecoveryCode {
				t.Error("there is one")
			}
		}
	})
}
