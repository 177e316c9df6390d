package signin_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Decision 7.1: every path that makes a session, or lets somebody in without one,
// under every set of requirements, for every status that a person can have. What
// must come of it is worked out here from the sentences of the decisions, not asked
// of the resolver.

// rules is what an organisation of the table asks for.
type rules struct {
	set   []core.Requirement
	trust bool // asks for a code in browsers only that are not trusted
	grace bool // the setup may be put off
	// window: it may be put off because everybody is new.
	window bool
	// held: the organisation says nothing, and a lock of its partner requires it.
	held bool
	// disabling: it was switched off, and the factors are still there.
	disabling bool
}

func (r rules) has(x core.Requirement) bool { return slices.Contains(r.set, x) }

// required of everybody; offered at a sign-in to one's account, because it is due
// for some app only.
func (r rules) required() bool { return r.has(core.RequireOrganization) || r.held }
func (r rules) offered() bool  { return !r.required() && r.has(core.RequireSelectedApps) }

func (r rules) String() string {
	s := fmt.Sprint(r.set)
	if r.trust {
		s += " trusting"
	}
	for word, is := range map[string]bool{" with grace": r.grace, " for new people": r.window, " held": r.held, " disabling": r.disabling} {
		if is {
			s += word
		}
	}
	return s
}

// allRules are all sets, and the variants of those that a variant changes.
func allRules() (out []rules) {
	all := []core.Requirement{core.RequirePerUser, core.RequireSelectedApps, core.RequireOrganization}
	for bits := range 8 {
		r := rules{set: []core.Requirement{}}
		for i, x := range all {
			if bits&(1<<i) != 0 {
				r.set = append(r.set, x)
			}
		}
		out = append(out, r)
		r.trust = true
		out = append(out, r)
		if r.required() {
			r.grace = true
			out = append(out, r)
			r.grace, r.window = false, true
			out = append(out, r)
		}
	}
	for _, trust := range []bool{false, true} {
		out = append(out, rules{trust: trust, held: true}, rules{trust: trust, disabling: true})
	}
	return out
}

// organisation makes one with these rules.
func (x *table) organisation(r rules) core.Tenant {
	x.t.Helper()
	settings := map[string]any{"requirement": r.set, "selected_apps": []string{"ap_till"}, "new_user_window": map[string]int{"days": 0}, "user_may_disable": "second_factor"}
	if r.trust {
		settings["challenge"] = "untrusted_browser"
	}
	if r.grace {
		settings["enforce_at"] = map[string]any{"grace": map[string]int{"days": 14, "skips": 3}}
	}
	if r.window {
		settings["new_user_window"] = map[string]int{"days": 7}
	}
	if r.set == nil {
		delete(settings, "requirement")
	}
	doc, err := json.Marshal(settings)
	if err != nil {
		x.t.Fatal(err)
	}
	if !r.held {
		org := x.h.Organisation("Table "+r.String(), "", string(doc))
		if r.disabling {
			x.h.Change(org.ID, func(tx store.Tx) error {
				t, err := tx.Tenant()
				t.MFAState = core.MFADisabling
				return errors.Join(err, tx.UpdateTenant(t), tx.Changed(core.ChangeTenant, string(org.ID)))
			})
			x.h.Settle()
		}
		return org
	}
	partner := x.h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Partner " + r.String()})
	if _, err := x.h.Directory.SetLocks(x.t.Context(), partner.ID, core.SettingsDoc(`{"requirement":["organization"]}`), access.System(), core.Client{}); err != nil {
		x.t.Fatal(err)
	}
	return x.h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Trial, Name: "Table " + r.String(), Parent: partner.ID, Settings: core.SettingsDoc(doc)})
}

// being is what somebody of the table is.
type being string

const (
	without   being = "without a factor" // disabled, or setup_required where one is
	enabled   being = "with a factor"
	deadOne   being = "with a dead factor"
	shutOne   being = "with a locked factor"
	pending   being = "pending validation"
	federated being = "federated"
	program   being = "a service account"
	stopped   being = "a disabled account"
	shut      being = "locked"
)

var beings = []being{without, enabled, deadOne, shutOne, pending, federated, program, stopped, shut}

func (b being) factor() bool { return b == enabled || b == deadOne || b == shutOne }

// enters tells whether a right password is one at the door.
func (b being) enters() bool { return b == without || b.factor() }

// outcome of a path: a session of a level, the step that is next, or a refusal.
type outcome struct {
	level core.Level // of the session; empty: there is none
	step  string     // where it stands otherwise
	code  string     // the fault's code, where it is refused
}

func in(l core.Level) outcome    { return outcome{level: l} }
func stands(s string) outcome    { return outcome{step: s} }
func refusedBy(c string) outcome { return outcome{code: c} }

// withPassword is what the password leads to where nothing excuses.
func (r rules) withPassword(b being) outcome {
	switch {
	case r.disabling:
		return in(core.LevelPassword)
	case b.factor():
		return stands("code")
	case r.required() || r.offered():
		return stands("setup-required")
	}
	return in(core.LevelPassword)
}

var refusedAtTheDoor = refusedBy(core.ErrRefused.Code)

// visit is somebody going one path.
type visit struct {
	*table
	r rules
	b being
	p *house.Person
	*house.Raw
}

// path is one way in, with what must come of it.
type path struct {
	name  string
	takes func(r rules, b being) bool
	walk  func(v *visit) house.Answer
	want  func(r rules, b being) outcome
}

func everybody(rules, being) bool { return true }

var paths = []path{
	{"the password", everybody, func(v *visit) house.Answer { return v.p.Knock(v.Raw) }, func(r rules, b being) outcome {
		if !b.enters() {
			return refusedAtTheDoor
		}
		return r.withPassword(b)
	}},
	{"the password in a trusted browser", func(r rules, b being) bool { return b.factor() }, func(v *visit) house.Answer {
		v.trusted()
		return v.p.Knock(v.Raw)
	}, func(r rules, b being) outcome {
		if r.trust && b != deadOne {
			return in(core.LevelTrustedBrowser)
		}
		return stands("code")
	}},
	{"the code", func(r rules, b being) bool { return b.factor() }, func(v *visit) house.Answer { return v.code(v.p.Code()) }, func(r rules, b being) outcome {
		if b == deadOne {
			return refusedBy(core.ErrFactorDead.Code)
		}
		if b == shutOne {
			return refusedBy(core.ErrFactorLocked.Code)
		}
		return in(core.LevelMFA)
	}},
	{"a wrong code", func(r rules, b being) bool { return b == enabled }, func(v *visit) house.Answer { return v.code(v.p.Wrong()) },
		func(rules, being) outcome { return refusedBy(core.ErrCodeMismatch.Code) }},
	{"the recovery code", func(r rules, b being) bool { return b.factor() }, func(v *visit) house.Answer { return v.code(v.p.Recovery) },
		func(rules, being) outcome { return in(core.LevelMFA) }},
	{"a temporary pass", func(r rules, b being) bool { return b.factor() }, func(v *visit) house.Answer { return v.code(makePass(v.t, v.h, v.p, time.Hour)) },
		func(rules, being) outcome { return stands("enrol-totp") }},
	{"a temporary pass, and the new app", func(r rules, b being) bool { return b.factor() }, func(v *visit) house.Answer {
		return v.confirm(v.code(makePass(v.t, v.h, v.p, time.Hour)))
	}, func(rules, being) outcome { return in(core.LevelMFA) }},
	{"skipping", func(r rules, b being) bool { return b == without && (r.required() || r.offered()) }, func(v *visit) house.Answer {
		return v.Post(v.p.Knock(v.Raw).Location, "go", "skip")
	}, func(r rules, b being) outcome {
		if r.required() && !r.grace && !r.window {
			return refusedBy(core.ErrSetupRequired.Code)
		}
		return in(core.LevelPassword)
	}},
	{"setting up", func(r rules, b being) bool { return b == without && (r.required() || r.offered()) }, func(v *visit) house.Answer {
		return v.Post(v.p.Knock(v.Raw).Location, "go", "enrol")
	}, func(rules, being) outcome { return stands("enrol-totp") }},
	{"setting up, and the first code", func(r rules, b being) bool { return b == without && (r.required() || r.offered()) }, func(v *visit) house.Answer {
		return v.confirm(v.Post(v.p.Knock(v.Raw).Location, "go", "enrol"))
	}, func(rules, being) outcome { return in(core.LevelMFA) }},
	{"a reset link", everybody, func(v *visit) house.Answer {
		return v.Post(v.link(core.TokenReset, "/reset/"), "new_password", another)
	}, func(r rules, b being) outcome {
		switch b {
		case pending, stopped:
			return refusedBy("reset.unknown")
		case federated, program:
			return refusedAtTheDoor
		}
		return r.withPassword(b) // a lock ends with the password that was guessed
	}},
	{"an invitation", everybody, func(v *visit) house.Answer {
		return v.Post(v.link(core.TokenInvitation, "/invitation/"), "new_password", another)
	}, func(r rules, b being) outcome {
		switch b {
		case pending:
			return r.withPassword(without)
		case stopped:
			return refusedBy("invitation.unknown")
		}
		return refusedBy("invitation.used")
	}},
	{"an operator's link", func(r rules, b being) bool { return b != federated && b != program }, func(v *visit) house.Answer { return v.Post(v.link(core.TokenAdminLink, "/admin-link/")) }, func(r rules, b being) outcome {
		if b == stopped {
			return refusedBy("admin_link.unknown")
		}
		return stands("new-password")
	}},
	{"an operator's link, a new password and a new app", func(r rules, b being) bool { return b.enters() || b == pending || b == shut }, func(v *visit) house.Answer {
		a := v.Post(v.link(core.TokenAdminLink, "/admin-link/"))
		if a = v.Post(a.Location, "new_password", another); step(a) == "setup-required" {
			a = v.Post(a.Location, "go", "enrol")
		}
		return v.confirm(a)
	}, func(rules, being) outcome { return in(core.LevelMFA) }},
	{"a password that must change", func(r rules, b being) bool { return b.enters() }, func(v *visit) house.Answer {
		v.change(func(tx store.Tx) error {
			p, err := tx.Password(v.p.ID)
			p.MustChange = true
			return errors.Join(err, tx.SetPassword(v.p.ID, p))
		})
		a := v.p.Knock(v.Raw)
		if step(a) == "code" {
			a = v.Post(a.Location, "code", v.p.Recovery)
		}
		return v.Post(a.Location, "new_password", another)
	}, func(r rules, b being) outcome {
		if b.factor() {
			return in(core.LevelMFA)
		}
		return r.withPassword(b)
	}},
	{"a password that must change, in a trusted browser", func(r rules, b being) bool { return b == enabled && r.trust }, func(v *visit) house.Answer {
		v.trusted()
		v.change(func(tx store.Tx) error {
			p, err := tx.Password(v.p.ID)
			p.MustChange = true
			return errors.Join(err, tx.SetPassword(v.p.ID, p))
		})
		return v.Post(v.p.Knock(v.Raw).Location, "new_password", another)
	}, func(rules, being) outcome { return stands("code") }},
	{"resetting the factor at the prompt", func(r rules, b being) bool { return b.factor() }, func(v *visit) house.Answer {
		return v.prompt("reset-mfa", v.p.Recovery)
	}, func(r rules, b being) outcome {
		if r.required() {
			return stands("setup-required")
		}
		return in(core.LevelMFA) // this once, by the code that was shown
	}},
	{"resetting trusted browsers at the prompt", func(r rules, b being) bool { return b == enabled }, func(v *visit) house.Answer {
		return v.prompt("reset-browsers", v.p.Code())
	}, func(rules, being) outcome { return in(core.LevelMFA) }},
}

// table is the house that the paths are walked in.
type table struct {
	t    *testing.T
	h    *house.House
	hash string
	n    int
	// fresh: whoever is made was validated an hour ago.
	fresh bool
	// closed: the organisation lets nobody in, so that a path may end early.
	closed bool
}

// throughPassword are the paths that the password alone settles; the others begin
// where a code is asked for, and nobody asks while an organisation is switching off.
var throughPassword = map[string]bool{"the password": true, "a reset link": true, "an invitation": true}

func (v *visit) change(fn func(store.Tx) error) { v.h.Change(v.p.Tenant, fn) }

// code types something into the code field of a new sign-in.
func (v *visit) code(typed string) house.Answer {
	return v.Post(v.p.Knock(v.Raw).Location, "code", typed)
}

// prompt types a code into one of the forms beside the prompt of a new sign-in.
func (v *visit) prompt(page, typed string) house.Answer {
	a := v.p.Knock(v.Raw)
	if door, stands := strings.CutSuffix(a.Location, "/code"); stands {
		return v.Post(door+"/"+page, "code", typed)
	}
	return a
}

// confirm reads the key from the page and types its code.
func (v *visit) confirm(a house.Answer) house.Answer {
	v.t.Helper()
	key := v.Get(a.Location).Of("data-setup-key")
	if key == "" {
		if v.closed {
			return a
		}
		v.t.Errorf("%s, %s: no key at %q, fault %q", v.r, v.b, a.Location, a.Fault())
		return a
	}
	return v.Post(a.Location, "code", house.CodeAt(v.t, key, v.h.Clock.Now()))
}

// link makes a single-use link for the person, as the journeys do.
func (v *visit) link(kind core.TokenKind, path string) string {
	token := secret.Token()
	v.change(func(tx store.Tx) error {
		return tx.InsertToken(core.Token{Hash: secret.TokenHash(token), Kind: kind, Tenant: v.p.Tenant, User: v.p.ID, Email: v.p.Login, Bound: core.ActorShell,
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(time.Hour)})
	})
	return path + token
}

// trusted makes this browser one that the person trusts.
func (v *visit) trusted() {
	device := secret.Token()
	v.change(func(tx store.Tx) error {
		return tx.InsertBrowser(core.Browser{ID: core.BrowserID(secret.NewID(core.PrefixBrowser, tx.Now())), User: v.p.ID, Tenant: v.p.Tenant, Hash: secret.TokenHash(device),
			SeenAt: tx.Now(), CreateAt: tx.Now(), TrustedAt: tx.Now().Add(-time.Hour), TrustedUntil: tx.Now().Add(time.Hour)})
	})
	v.Plant("sallyport-device", device)
}

// somebody makes an account without a page, for there are hundreds.
func (x *table) somebody(org core.Tenant, b being) *house.Person {
	x.t.Helper()
	x.n++
	now := x.h.Clock.Now()
	u := core.User{ID: core.UserID(secret.NewID(core.PrefixUser, now)), Tenant: org.ID, Kind: core.Person, State: core.UserActive, Login: fmt.Sprintf("p%d@example.com", x.n),
		Name: "Somebody", LastSignInAt: now.Add(-time.Hour), AwakeAt: now.Add(-time.Hour), CreatedAt: now, ChangedAt: now, PlacedAt: now, ValidatedAt: now.Add(-90 * 24 * time.Hour)}
	u.LoginKey, u.Email, u.EmailKey = u.Login, u.Login, u.Login
	p := &house.Person{ID: u.ID, Tenant: org.ID, Login: u.Login, Password: house.Password}
	if x.fresh {
		u.ValidatedAt = now.Add(-time.Hour)
	}
	switch b {
	case pending:
		u.State, u.ValidatedAt = core.UserInvited, time.Time{}
	case federated:
		u.Federated = true
	case program:
		u.Kind = core.ServiceAccount
	case stopped:
		u.Before, u.State = core.UserActive, core.UserDisabled
	}
	x.h.Change(org.ID, func(tx store.Tx) error {
		if err := errors.Join(tx.InsertUser(u), tx.SetPassword(u.ID, core.Password{Hash: x.hash, Length: len(house.Password), SetAt: now})); err != nil {
			return err
		}
		if b == program {
			return tx.SaveService(core.Service{User: u.ID, Owner: u.ID, Reason: "test", CreatedAt: now})
		}
		if b == shut {
			return tx.SaveBudget(u.ID, "password", core.Budget{LockedUntil: now.Add(time.Hour), Locks: 1, Consecutive: 10})
		}
		if !b.factor() {
			return nil
		}
		plain := totp.NewSecret()
		p.Key = totp.SetupKey(plain)
		f := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, now)), Tenant: org.ID, User: u.ID, Kind: core.FactorTOTP, State: core.FactorConfirmed,
			CreatedAt: now, ConfirmedAt: now, Doc: core.FactorDoc{Digits: 6, Period: 30, Skew: 1, Algorithm: "SHA1"}}
		switch b {
		case deadOne:
			f.Budget.Consecutive = core.DeadAt
		case shutOne:
			f.Budget = core.Budget{LockedUntil: now.Add(time.Hour), Locks: 1, Consecutive: 5}
		}
		var err error
		if f.Secret, err = x.h.Ring.Seal(plain, string(f.Tenant), "factor", string(f.ID)); err != nil {
			return err
		}
		eff, err := x.h.Tree.Effective(x.t.Context(), org.ID)
		if err != nil {
			return err
		}
		made, codes, err := x.h.SignIn.Enrol.MakeCodes(tx, u, eff)
		if err != nil {
			return err
		}
		p.Recovery = codes[0]
		made[0].Doc.Unsaved = false
		return errors.Join(tx.InsertFactor(f), tx.UpdateFactor(made[0]))
	})
	return p.In(x.h)
}

// got is what came of a path, as the outside and the store tell it.
func (v *visit) got(a house.Answer) outcome {
	if a.In() {
		return in(v.p.Sessions()[0].Level)
	}
	if a.Fault() != "" {
		return refusedBy(a.Fault())
	}
	return stands(step(a))
}

func TestPathsModesStates(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		hash, err := h.Hasher.Hash(t.Context(), secret.Lane{}, house.Password)
		if err != nil {
			t.Fatal(err)
		}
		x := &table{t: t, h: h, hash: hash}
		walked := 0
		for _, r := range allRules() {
			org := x.organisation(r)
			x.fresh = r.window
			for _, b := range beings {
				for _, way := range paths {
					if !way.takes(r, b) || r.disabling && !throughPassword[way.name] {
						continue
					}
					walked++
					v := &visit{x, r, b, x.somebody(org, b), h.Raw(at(walked))}
					a := way.walk(v)
					want, got := way.want(r, b), v.got(a)
					if got != want {
						t.Errorf("%s, %s, by %s: %+v, want %+v (status %d to %q, fault %q)", r, b, way.name, got, want, a.Status, a.Location, a.Fault())
					}
					v.holds(way.name, want)
				}
				x.basic(org, r, b)
				walked++
			}
		}
		if walked < 1900 {
			t.Errorf("only %d ways were walked", walked)
		}
	})
}

// holds is what must be true after any path, whatever was expected of it: there is
// no session but one that the outcome names, a cookie opens the account exactly
// then, and no session of a confirmed factor's owner has the level of the password.
func (v *visit) holds(name string, want outcome) {
	v.t.Helper()
	sessions := v.p.Sessions()
	if n := len(sessions); (n > 0) != (want.level != "") || n > 1 {
		v.t.Errorf("%s, %s, by %s: %d sessions", v.r, v.b, name, n)
	}
	if v.Inside() != (want.level != "") {
		v.t.Errorf("%s, %s, by %s: inside %v", v.r, v.b, name, v.Inside())
	}
	enrolled := false
	for _, f := range v.p.Factors() {
		enrolled = enrolled || f.Kind == core.FactorTOTP && f.State == core.FactorConfirmed
	}
	for _, s := range sessions {
		if enrolled && s.Level == core.LevelPassword && !v.r.disabling {
			v.t.Errorf("%s, %s, by %s: a session of the password's level beside a factor", v.r, v.b, name)
		}
		if s.Level == core.LevelMFA && !slices.ContainsFunc(s.Doc.Proofs, func(p core.Proof) bool { return p.Kind == core.FactorTOTP || p.Kind == core.FactorRecoveryCode }) {
			v.t.Errorf("%s, %s, by %s: a level that nothing was shown for", v.r, v.b, name)
		}
	}
}

// basic is the path of programs, which makes no session.
func (x *table) basic(org core.Tenant, r rules, b being) {
	x.t.Helper()
	p := x.somebody(org, b)
	raw := x.h.Raw(at(x.n))
	raw.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.Login+":"+p.Password)))
	a := raw.Get("/api/v1/me")
	var doc struct{ Code string }
	_ = json.Unmarshal([]byte(a.Body), &doc)
	want, code := http.StatusUnauthorized, core.ErrRefused.Code
	switch {
	case b == program:
		want, code = http.StatusOK, ""
	case b.enters():
		code = core.ErrMFARequired.Code
	}
	if a.Status != want || doc.Code != code || len(p.Sessions()) != 0 || len(a.Set) != 0 {
		x.t.Errorf("%s, %s, by Basic: status %d, code %q, %d sessions", r, b, a.Status, doc.Code, len(p.Sessions()))
	}
}
