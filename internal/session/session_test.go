package session_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

const cookie = "sallyport"

// home is where requests come from when it does not matter.
var home = netip.MustParseAddr("127.0.0.1")

// Decision 7.1: the gate asks the resolver itself, whatever the journey that
// comes to it believes, and every refusal names what is missing.
func TestTheGateAsksForItself(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Gate", "self-service", "")
		strict := h.Organisation("Strict", "self-service", `{"requirement":["organization"]}`)
		p, q := h.Person(org, "anna@example.com"), h.Enrolled(strict, "berta@example.com")
		password := []core.Proof{{Kind: core.FactorPassword, At: h.Clock.Now()}}
		code := append(password, core.Proof{Kind: core.FactorTOTP, ID: q.Factor().ID, At: h.Clock.Now()})
		user := p.User()
		in := func(state core.UserState) core.User { u := user; u.State = state; return u }
		service, federated := user, user
		service.Kind, federated.Federated = core.ServiceAccount, true
		suspended := effective(h, org)
		suspended.Suspended = &org
		for _, c := range []struct {
			name string
			ask  session.Ask
			want error
		}{
			{"password, nothing required", session.Ask{User: user, Effective: effective(h, org), Proofs: password}, nil},
			{"nothing shown", session.Ask{User: user, Effective: effective(h, org)}, core.ErrMFARequired},
			{"a code without a password", session.Ask{User: user, Effective: effective(h, org), Proofs: code[1:]}, core.ErrMFARequired},
			{"required, nothing set up", session.Ask{User: user, Effective: effective(h, strict), Proofs: password}, core.ErrSetupRequired},
			{"required, not shown", session.Ask{User: user, Factors: q.Factors(), Effective: effective(h, strict), Proofs: password}, core.ErrMFARequired},
			{"there, not required, not shown", session.Ask{User: user, Factors: q.Factors(), Effective: effective(h, org), Proofs: password}, core.ErrMFARequired},
			{"required and shown", session.Ask{User: user, Factors: q.Factors(), Effective: effective(h, strict), Proofs: code}, nil},
			{"anew, and not enrolled", session.Ask{User: user, Factors: q.Factors(), Effective: effective(h, org), Proofs: code, Anew: true}, core.ErrSetupRequired},
			{"invited", session.Ask{User: in(core.UserInvited), Effective: effective(h, org), Proofs: password}, core.ErrRefused},
			{"validated", session.Ask{User: in(core.UserValidated), Effective: effective(h, org), Proofs: password}, nil},
			{"disabled", session.Ask{User: in(core.UserDisabled), Effective: effective(h, org), Proofs: password}, core.ErrRefused},
			{"deleted", session.Ask{User: in(core.UserDeleted), Effective: effective(h, org), Proofs: password}, core.ErrRefused},
			{"a state nobody knows", session.Ask{User: in("asleep"), Effective: effective(h, org), Proofs: password}, core.ErrRefused},
			{"service account", session.Ask{User: service, Effective: effective(h, org), Proofs: password}, core.ErrRefused},
			{"federated", session.Ask{User: federated, Effective: effective(h, org), Proofs: password}, core.ErrRefused},
			{"suspended", session.Ask{User: user, Effective: suspended, Proofs: password}, core.ErrTenantSuspended},
		} {
			before := len(p.Sessions())
			err := h.Store.Update(t.Context(), org.ID, func(tx store.Tx) error {
				_, err := session.Open(tx, c.ask)
				return err
			})
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			if made := len(p.Sessions()) - before; made > 0 != (c.want == nil) {
				t.Errorf("%s: %d sessions were made", c.name, made)
			}
		}
	})
}

func effective(h *house.House, org core.Tenant) policy.Effective {
	h.T.Helper()
	e, err := h.Tree.Effective(h.T.Context(), org.ID)
	if err != nil {
		h.T.Fatal(err)
	}
	return e
}

// N-07, N-08, N-09, N-10: an hour without use is the end, a day is the end whatever the
// use; use moves the one and not the other.
func TestSessionsEndByThemselvesN07(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Time", "self-service", "")
		short := h.Organisation("Short", "self-service", `{"session":{"idle":"10m","max":"30m"}}`)
		p, q := h.Person(org, "anna@example.com"), h.Person(short, "berta@example.com")
		for _, c := range []struct {
			name  string
			p     *house.Person
			every time.Duration // how often it is used
			uses  int
			pause time.Duration // after the last use
			alive bool
		}{
			{"idle, a moment short of an hour", p, 0, 0, time.Hour - 2*time.Second, true},
			{"idle for an hour", p, 0, 0, time.Hour, false},
			{"used, then idle for an hour", p, 50 * time.Minute, 3, time.Hour, false},
			{"used for almost a day", p, 50 * time.Minute, 28, 30 * time.Minute, true},
			{"used for a day", p, 50 * time.Minute, 28, 41 * time.Minute, false},
			{"another setting: idle", q, 0, 0, 10 * time.Minute, false},
			{"another setting: used", q, 9 * time.Minute, 2, 9 * time.Minute, true},
			{"another setting: overall", q, 9 * time.Minute, 3, 4 * time.Minute, false},
		} {
			r := h.Raw("")
			c.p.Enter(r)
			for i := range c.uses {
				h.Clock.Advance(c.every)
				if !r.Inside() {
					t.Fatalf("%s: over at use %d", c.name, i)
				}
			}
			h.Clock.Advance(c.pause)
			token := r.Cookie(cookie)
			if r.Inside() != c.alive {
				t.Errorf("%s: alive %v", c.name, !c.alive)
			}
			if !c.alive { // N-14: the end is enforced here, whatever the browser still sends
				if r.Plant(cookie, token).Inside() {
					t.Errorf("%s: the token is good again", c.name)
				}
			}
		}
	})
}

// The end holds without the node's memory of it: another process that reads the
// row sees what use has moved.
func TestUseIsWrittenDown(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h, again := house.Restartable(t, engine)
			org := h.Organisation("Written", "self-service", "")
			p := h.Person(org, "anna@example.com")
			r := h.Raw("")
			p.Enter(r)
			h.Clock.Advance(50 * time.Minute)
			if !r.Inside() {
				t.Fatal("over too early")
			}
			h = again()
			h.Clock.Advance(50 * time.Minute)
			if !r.At(h).Inside() {
				t.Error("the use before the restart is forgotten")
			}
			h.Clock.Advance(time.Hour)
			if r.At(h).Inside() {
				t.Error("idle for an hour, and alive")
			}
		})
	}
}

// N-12, A-13, B-26: the token is 256 random bits, made here, new at each sign-in
// and at each rise of level; what was planted or was there before is dead.
func TestTokensAreNewAtEachRiseA13(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Rise", "self-service", "")
		p := h.Person(org, "anna@example.com")
		const planted = "cGxhbnRlZC1ieS1zb21lYm9keS1lbHNlLWJlZm9yZS1pdA"
		r := h.Raw("").Plant(cookie, planted)
		p.Enter(r)
		var seen []string
		note := func(what string) {
			t.Helper()
			token := r.Cookie(cookie)
			raw, err := base64.RawURLEncoding.DecodeString(token)
			if err != nil || len(raw) != 32 {
				t.Errorf("%s: the token is %d bytes, %v", what, len(raw), err)
			}
			for _, old := range append(seen, planted) {
				if old == token {
					t.Errorf("%s: the token is an old one", what)
				}
				if h.Raw("").Plant(cookie, old).Inside() {
					t.Errorf("%s: an older token still opens", what)
				}
			}
			seen = append(seen, token)
			if !r.Inside() {
				t.Errorf("%s: the new one does not", what)
			}
		}
		note("sign-in")
		h.Clock.Advance(6 * time.Minute)
		if a := r.Post("/account/verify", "password", p.Password); a.Status != http.StatusSeeOther {
			t.Fatal(a.Fault())
		}
		note("step-up by password")
		p.Key = r.Get("/account/security/totp").Of("data-setup-key")
		if a := r.Post("/account/security/totp", "code", p.Code()); a.Status != http.StatusSeeOther {
			t.Fatal(a.Fault())
		}
		note("enrolment")
		h.Clock.Advance(6 * time.Minute)
		if a := r.Post("/account/verify", "code", p.Fresh()); a.Status != http.StatusSeeOther {
			t.Fatal(a.Fault())
		}
		note("step-up by code")
		p.Enter(r) // signing in again, in a browser that is signed in: the old session is over
		note("sign-in again")
		if s := p.Sessions(); len(s) != 2 { // with the one that accepted the invitation
			t.Errorf("%d sessions", len(s))
		}
	})
}

// A-13 across accounts: whoever signs in on a shared browser ends the session of
// who was there before, and keeps their own.
func TestASharedBrowserHoldsOneSessionA13(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p := h.Person(h.Organisation("One", "self-service", ""), "anna@example.com")
		q := h.Enrolled(h.Organisation("Two", "self-service", ""), "berta@example.com")
		r := h.Raw("")
		p.Enter(r)
		first := r.Cookie(cookie)
		q.Enter(r)
		if h.Raw("").Plant(cookie, first).Inside() {
			t.Error("the first person's session lives on")
		}
		if !r.Inside() {
			t.Error("the second person is not in")
		}
	})
}

// after sign-out the token is dead at the server, everywhere, at once.
func TestSignOutIsTheEndA14(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Out", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		copied := r.Clone()
		if a := r.Do(http.MethodGet, "/sign-out", "", ""); a.Status != http.StatusMethodNotAllowed || !r.Inside() {
			t.Errorf("a link signs out: %d", a.Status)
		}
		a := r.Post("/sign-out")
		if a.Location != "/signed-out" || a.Cookie(cookie) == nil || a.Cookie(cookie).MaxAge >= 0 {
			t.Errorf("to %q, cookies %v", a.Location, a.Set)
		}
		if copied.Inside() {
			t.Error("a copy of the cookie is still in")
		}
		if a := copied.Post("/sign-out"); a.Location != "/signed-out" {
			t.Errorf("signing out twice: %d", a.Status)
		}
		for _, bad := range []string{"x", strings.Repeat("A", 43), strings.Repeat("A", 128), strings.Repeat("A", 5000), "../../etc"} {
			if h.Raw("").Plant(cookie, bad).Inside() {
				t.Errorf("%.20q is a session", bad)
			}
		}
	})
}

// one sees one's sessions, ends one, or all others; a session of
// somebody else is not found.
func TestEndingSessionsA17(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("List", "self-service", "")
		p, eve := h.Person(org, "anna@example.com"), h.Person(org, "eve@example.com")
		var raws [4]*house.Raw
		for i := range raws {
			raws[i] = h.Raw("192.0.2." + string(rune('1'+i)))
			p.Enter(raws[i])
		}
		page := raws[0].Get("/account/security/sessions")
		list := p.Sessions()
		for _, s := range list {
			if s.Doc.Address != "" && !strings.Contains(page.Body, s.Doc.Address) {
				t.Errorf("%s is not on the page", s.Doc.Address)
			}
		}
		find := func(address string) string {
			for _, s := range list {
				if s.Doc.Address == address {
					return string(s.ID)
				}
			}
			t.Fatalf("no session from %s", address)
			return ""
		}
		thief := h.Raw("198.51.100.1")
		eve.Enter(thief)
		for _, id := range []string{find("192.0.2.2"), "se_nobodys", "", string(eve.Sessions()[0].ID) + "x"} {
			if a := thief.Post("/account/security/sessions", "session", id); a.Status != http.StatusNotFound {
				t.Errorf("%q: status %d to %q", id, a.Status, a.Location)
			}
		}
		if !raws[1].Inside() {
			t.Fatal("somebody else ended it")
		}
		for range 2 { // a second click is no error
			if a := raws[0].Post("/account/security/sessions", "session", find("192.0.2.2")); a.Status != http.StatusSeeOther {
				t.Errorf("status %d, fault %q", a.Status, a.Fault())
			}
		}
		if raws[1].Inside() || !raws[2].Inside() || !raws[0].Inside() {
			t.Error("not exactly the one that was named ended")
		}
		raws[0].Post("/account/security/sessions/others")
		if raws[2].Inside() || raws[3].Inside() || !raws[0].Inside() {
			t.Error("not exactly the others ended")
		}
		if !thief.Inside() {
			t.Error("somebody else's session ended too")
		}
		if n := p.Names()["session.revoked"]; n < 2 {
			t.Errorf("%d events", n)
		}
	})
}

// A-14, N-34, B-40: what an administrator takes away is gone at the next request.
func TestTakenAwayIsGoneA14(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Taken", "self-service", "")
		for name, take := range map[string]func(*house.Person) error{
			"disabled": func(p *house.Person) error {
				return h.Directory.Disable(t.Context(), p.ID, access.System(), core.Client{})
			},
			"reset": func(p *house.Person) error {
				_, err := h.Recovery.ResetMFA(t.Context(), p.ID, access.System(), core.Client{})
				return err
			},
		} {
			p := h.Enrolled(org, name+"@example.com")
			r := h.Raw("")
			p.Enter(r)
			if err := take(p); err != nil {
				t.Fatal(err)
			}
			h.Settle()
			if r.Inside() {
				t.Errorf("%s, and still in", name)
			}
			if n := len(p.Sessions()); n > 0 {
				t.Errorf("%s, and %d sessions are left", name, n)
			}
		}
		// A tenant that is suspended takes its people's sessions with it, and its door
		// says why after the password only.
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		suspend := func(s core.TenantState) {
			h.Change(org.ID, func(tx store.Tx) error {
				t, err := tx.Tenant()
				if err != nil {
					return err
				}
				t.State = s
				if err := tx.UpdateTenant(t); err != nil {
					return err
				}
				return tx.Changed(core.ChangeTenant, string(t.ID))
			})
			h.Settle()
		}
		suspend(core.TenantSuspended)
		if r.Inside() {
			t.Error("suspended, and still in")
		}
		if a := p.Knock(h.Raw("")); a.Fault() != core.ErrTenantSuspended.Code || a.Status != http.StatusForbidden {
			t.Errorf("the right password: status %d, fault %q", a.Status, a.Fault())
		}
		if a := h.Raw("").Post("/sign-in", "login", p.Login, "password", "wrong wrong wrong"); a.Fault() != core.ErrRefused.Code {
			t.Errorf("a wrong password: status %d, fault %q", a.Status, a.Fault())
		}
		suspend(core.TenantActive)
		p.Enter(h.Raw(""))
	})
}

// DS-06, DS-07, Q-03: a node that cannot read the feed trusts its memory no more,
// and one that cannot read the store says so and lets nobody in.
func TestNoStoreIsNoSession(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Deny", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		token := r.Cookie(cookie)
		fresh := true
		checker := session.NewChecker(h.Store, h.Clock.Now, func() bool { return fresh }, h.Tree.Effective)
		if _, err := checker.Check(t.Context(), token, home); err != nil {
			t.Fatal(err)
		}
		h.Change(p.Tenant, func(tx store.Tx) error { _, err := tx.EndSessions(p.ID, "test"); return err })
		if _, err := checker.Check(t.Context(), token, home); err != nil {
			t.Errorf("memory that is being kept fresh was not used: %v", err)
		}
		fresh = false
		if _, err := checker.Check(t.Context(), token, home); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("memory is trusted without the feed: %v", err)
		}
		s := h.Raw("")
		p.Enter(s)
		token = s.Cookie(cookie)
		gone := session.NewChecker(downStore{h.Store}, h.Clock.Now, func() bool { return false }, h.Tree.Effective)
		if _, err := gone.Check(t.Context(), token, home); err == nil || errors.Is(err, core.ErrNoSession) {
			t.Errorf("without a store: %v", err)
		}
	})
}

// What the feed takes away while a node reads it is not remembered: the reading
// may be older than the taking.
func TestAReadingThatLostARaceIsNotKept(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p := h.Person(h.Organisation("Race", "self-service", ""), "anna@example.com")
		r := h.Raw("")
		p.Enter(r)
		slow := &slowStore{Store: h.Store}
		checker := session.NewChecker(slow, h.Clock.Now, func() bool { return true }, h.Tree.Effective)
		slow.meanwhile = func() { checker.Forget(core.Change{Kind: core.ChangeUser, Key: string(p.ID)}) }
		check := func() {
			t.Helper()
			if _, err := checker.Check(t.Context(), r.Cookie(cookie), home); err != nil {
				t.Fatal(err)
			}
		}
		check()
		slow.meanwhile = func() {}
		check()
		if slow.reads != 2 || checker.Live() != 1 {
			t.Errorf("%d readings, %d sessions remembered", slow.reads, checker.Live())
		}
		check()
		if slow.reads != 2 {
			t.Errorf("%d readings: nothing is remembered at all", slow.reads)
		}
	})
}

// slowStore lets something happen while a session is being read.
type slowStore struct {
	store.Store
	meanwhile func()
	reads     int
}

func (s *slowStore) FindSession(ctx ctx, hash []byte) (core.Session, core.User, error) {
	found, user, err := s.Store.FindSession(ctx, hash)
	s.reads++
	s.meanwhile()
	return found, user, err
}

// downStore cannot be reached for sessions.
type downStore struct{ store.Store }

func (downStore) FindSession(_ ctx, _ []byte) (core.Session, core.User, error) {
	return core.Session{}, core.User{}, store.ErrDown
}

// Row ACR-30: the networks of an organisation hold for every request of a session,
// not only for its sign-in. From outside it is refused and not used up: it lives
// on, idle or not, and may be ended from anywhere.
func TestNetworksHoldForEveryRequest(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Fenced", "self-service", "")
		p := h.Person(org, "anna@example.com")
		r := h.Raw("192.0.2.7")
		p.Enter(r)
		h.Settings(org.ID, `{"login_networks":["192.0.2.0/24","2001:db8::/32"]}`)
		if !r.Inside() {
			t.Fatal("refused from within")
		}
		out := r.Clone()
		out.From = "198.51.100.7"
		for _, path := range []string{"/account/", "/account/security", "/account/profile", "/account/security/totp"} {
			a := out.Get(path)
			if a.Status != http.StatusForbidden || a.Fault() != core.ErrOutsideNetwork.Code || !strings.Contains(a.Text(), "198.51.100.7") || strings.Contains(a.Text(), p.Login) {
				t.Errorf("%s: status %d, fault %q", path, a.Status, a.Fault())
			}
		}
		if a := out.Post("/account/profile", "locale", "de"); a.Status != http.StatusForbidden || p.User().Locale != "" {
			t.Errorf("a form: status %d, and the locale is %q", a.Status, p.User().Locale)
		}
		// The door of somebody outside is the door, without a name in it.
		if a := out.Get("/"); a.Status != http.StatusOK || strings.Contains(a.Text(), "Somebody") {
			t.Errorf("the start page: status %d", a.Status)
		}
		if a := out.Get("/sign-in"); a.Page() != "sign-in" {
			t.Errorf("the door shows %q", a.Page())
		}
		six := r.Clone()
		six.From = "2001:db8:1::7"
		if !r.Inside() || !six.Inside() {
			t.Error("refused from within again")
		}
		// Requests from outside do not keep it alive.
		h.Clock.Advance(50 * time.Minute)
		out.Get("/account/")
		h.Clock.Advance(11 * time.Minute)
		if r.Inside() {
			t.Error("uses from outside kept the session alive")
		}
		r = h.Raw("192.0.2.7")
		p.Enter(r)
		out = r.Clone()
		out.From = "198.51.100.7"
		if a := out.Post("/sign-out"); a.Location != "/signed-out" || r.Inside() {
			t.Errorf("signing out from outside: status %d to %q", a.Status, a.Location)
		}
		h.Settings(org.ID, `{"login_networks":[]}`)
		p.Enter(h.Raw("198.51.100.7"))
	})
}
