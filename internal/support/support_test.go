package support_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/support"
	"sallyport/internal/testkit/house"
)

// branch is a partner with a customer that lets it in, and somebody in each.
type branch struct {
	partner, customer, unit core.Tenant
	boss, admin             *house.Person
}

func grow(h *house.House) branch {
	var b branch
	b.partner = h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
	b.customer = h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: b.partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
	b.unit = h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "South", Parent: b.customer.ID})
	b.boss = h.Enrolled(b.partner, "boss@nordwind.example", core.PartnerAdmin)
	b.admin = h.Enrolled(b.customer, "admin@huber.example", core.CustomerAdmin)
	return b
}

// inside is a browser of somebody who has just signed in.
func inside(h *house.House, p *house.Person) (*house.Raw, session.Current) {
	r := h.Raw("")
	p.Enter(r)
	return r, h.Current(r)
}

func code(err error) string {
	if f, ok := core.AsFault(err); ok {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// act begins to act and puts the token into the browser.
func act(h *house.House, r *house.Raw, in core.TenantID) session.Current {
	h.T.Helper()
	o, err := h.Support.Begin(h.T.Context(), h.Current(r), in, "ticket 4711", core.Client{Request: "req_1"})
	if err != nil {
		h.T.Fatal(err)
	}
	r.Wear(o)
	return h.Current(r)
}

func events(h *house.House, at core.TenantID, name string) (out []core.Event) {
	h.View(at, func(r store.Reader) (err error) {
		out, _, err = r.Events(store.EventsQuery{Page: store.Page{Limit: 50}, Name: name})
		return err
	})
	return out
}

// ACR-05, DS-11: somebody from above acts as a customer's administrator, in a
// session of its own with a reason; both logs have both names, the customer is
// mailed, and going back is to the session from before.
func TestActingAsAnAdministrator(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		someone := h.Enrolled(b.unit, "anna@huber.example")
		r, before := inside(h, b.boss)
		if boss := h.Actor(b.boss); boss.Can(access.ResetMFA, place(h, b.unit.ID)) {
			t.Fatal("without acting")
		}
		cur := act(h, r, b.customer.ID)
		s := cur.Session
		if s.ActingIn != b.customer.ID || s.Doc.From != before.Session.ID || s.Doc.Reason != "ticket 4711" || s.User != b.boss.ID || s.Tenant != b.partner.ID ||
			s.Level != core.LevelMFA || !s.ExpiresAt.Equal(s.CreatedAt.Add(session.ActingLife)) {
			t.Errorf("%+v", s)
		}
		banner, ok, err := h.Support.Banner(ctx, cur)
		if err != nil || !ok || banner.Who != "Somebody" || banner.From != "Nordwind" || banner.Organisation != "Huber" || banner.Reason != "ticket 4711" ||
			!banner.Since.Equal(s.CreatedAt) || !banner.Until.Equal(s.ExpiresAt) {
			t.Errorf("%+v, %v, %v", banner, ok, err)
		}
		if _, ok, err := h.Support.Banner(ctx, before); ok || err != nil {
			t.Error("a banner for everybody", err)
		}
		by, err := h.Tree.Actor(ctx, cur)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Recovery.ResetMFA(ctx, someone.ID, by, core.Client{}); err != nil {
			t.Errorf("reset while acting: %v", err)
		}
		if _, err := h.Recovery.ResetMFA(ctx, b.boss.ID, by, core.Client{}); code(err) != "not_found" {
			t.Errorf("one's own, while acting elsewhere: %v", err)
		}
		// Both logs, both names.
		for _, at := range []core.TenantID{b.partner.ID, b.customer.ID} {
			all := events(h, at, audit.ActingStarted)
			if len(all) != 1 || all[0].Actor != string(b.boss.ID) || all[0].Target != string(b.customer.ID) || all[0].Session != s.ID ||
				all[0].Detail["acting_in"] != string(b.customer.ID) || all[0].Detail["reason"] != "ticket 4711" || all[0].Request != "req_1" {
				t.Errorf("the log of %s: %+v", at, all)
			}
		}
		if all := events(h, b.customer.ID, audit.MFAReset); len(all) != 1 || all[0].Actor != string(b.boss.ID) || all[0].Target != string(someone.ID) ||
			all[0].Detail["acting_in"] != string(b.customer.ID) || all[0].Detail["reason"] != "ticket 4711" {
			t.Errorf("%+v", all)
		}
		if n := len(events(h, b.partner.ID, audit.SignInSucceeded)); n != 2 {
			t.Errorf("%d sign-ins in the log: acting is none", n)
		}
		if mail := h.Mail(b.admin.Login, "acts as administrator"); !strings.Contains(mail.Text, "Nordwind") || !strings.Contains(mail.Text, "ticket 4711") {
			t.Errorf("%s", mail.Text)
		}
		// The organisation sees it live.
		live, err := h.Support.Acting(ctx, b.customer.ID, h.Actor(b.admin))
		if err != nil || len(live) != 1 || live[0].Session != s.ID || live[0].User.ID != b.boss.ID || live[0].From != "Nordwind" || live[0].Reason != "ticket 4711" {
			t.Errorf("%+v, %v", live, err)
		}
		// Not twice, and not to a third.
		if _, err := h.Support.Begin(ctx, cur, b.customer.ID, "again", core.Client{}); code(err) != "support.acting" {
			t.Errorf("acting while acting: %v", err)
		}
		o, err := h.Support.End(ctx, cur, core.Client{})
		if err != nil || o.Session.ID != before.Session.ID || o.Token == "" {
			t.Fatalf("%+v, %v", o, err)
		}
		if _, err := h.Checker.Check(ctx, r.Cookie("sallyport"), netip.IPv6Loopback()); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("acting goes on: %v", err)
		}
		back := h.Current(r.Wear(o))
		if back.Session.ID != before.Session.ID || back.Session.ActingIn != "" || back.Session.Level != core.LevelMFA {
			t.Errorf("%+v", back.Session)
		}
		if _, err := h.Support.End(ctx, back, core.Client{}); code(err) != "support.not_acting" {
			t.Errorf("%v", err)
		}
		for _, at := range []core.TenantID{b.partner.ID, b.customer.ID} {
			if all := events(h, at, audit.ActingEnded); len(all) != 1 || all[0].Detail["why"] != session.WhyActed {
				t.Errorf("the log of %s: %+v", at, all)
			}
		}
	})
}

func place(h *house.House, id core.TenantID) access.Place {
	h.T.Helper()
	h.Settle()
	p, err := h.Tree.Place(h.T.Context(), id)
	if err != nil {
		h.T.Fatal(err)
	}
	return p
}

// B-39, DS-11: nobody acts upward, beside or where they are kept out, nor without a
// reason and their own fresh proof.
func TestWhoMayActB39(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		shut := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Shut", Parent: b.partner.ID, ManagedBy: core.ManagedBySelf})
		inner := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Inner", Parent: b.partner.ID})
		deep := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Deep", Parent: inner.ID})
		other := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Theirs"})
		desk := h.Enrolled(b.partner, "desk@nordwind.example", core.Helpdesk)
		_, boss := inside(h, b.boss)
		_, admin := inside(h, b.admin)
		_, desks := inside(h, desk)
		for name, c := range map[string]struct {
			cur    session.Current
			in     core.TenantID
			reason string
			want   string
		}{
			"upward":                           {admin, b.partner.ID, "x", "not_found"},
			"to the root":                      {boss, h.Root.ID, "x", "not_found"},
			"beside":                           {boss, other.ID, "x", "not_found"},
			"an id that never was":             {boss, "tn_never", "x", "not_found"},
			"one's own, by its administrator":  {boss, b.partner.ID, "x", "support.own"},
			"one's own customer":               {admin, b.customer.ID, "x", "forbidden"},
			"a unit":                           {boss, b.unit.ID, "x", "tenant.no_organisation"},
			"one that is closed":               {boss, shut.ID, "x", "support.closed"},
			"a partner, which begins closed":   {boss, inner.ID, "x", "support.closed"},
			"through a closed one to one open": {boss, deep.ID, "x", "support.closed"},
			"helpdesk":                         {desks, b.customer.ID, "x", "not_found"},
			"without a reason":                 {boss, b.customer.ID, " \t ", "support.reason_required"},
			"with a long one":                  {boss, b.customer.ID, strings.Repeat("ä", support.ReasonMost+1), "support.reason_too_long"},
		} {
			if _, err := h.Support.Begin(ctx, c.cur, c.in, c.reason, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := support.CheckReason("  ticket\n47\x0011 "); err != nil || got != "ticket 47 11" {
			t.Errorf("%q, %v", got, err)
		}
		// The proof is one's own, and fresh.
		r, cur := inside(h, b.boss)
		h.Clock.Advance(access.Fresh)
		cur = h.Current(r)
		if _, err := h.Support.Begin(ctx, cur, b.customer.ID, "x", core.Client{}); code(err) != core.ErrStepUp.Code {
			t.Errorf("a stale proof: %v", err)
		}
		r.Post("/account/verify", "code", b.boss.Fresh())
		old := cur
		cur = h.Current(r)
		if _, err := h.Support.Begin(ctx, old, b.customer.ID, "x", core.Client{}); err == nil {
			t.Error("with a token that was replaced")
		}
		// Who has no second factor enrols first, where anybody there has one.
		trial := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Trying", Mode: core.Trial})
		free := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Free", Parent: trial.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
		_, bare := inside(h, h.Person(trial, "boss@trying.example", core.PartnerAdmin))
		o, err := h.Support.Begin(ctx, bare, free.ID, "x", core.Client{})
		if err != nil || o.Session.Level != core.LevelPassword {
			t.Errorf("nobody there has a second factor: %+v, %v", o.Session, err)
		}
		h.Enrolled(free, "anna@free.example")
		if _, err := h.Support.Begin(ctx, bare, free.ID, "x", core.Client{}); code(err) != core.ErrStepUp.Code || method(err) != access.AskEnrol {
			t.Errorf("somebody there has one: %v", err)
		}
		// Suspended.
		if _, err := h.Directory.Suspend(ctx, b.customer.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if _, err := h.Support.Begin(ctx, cur, b.customer.ID, "x", core.Client{}); code(err) != core.ErrTenantSuspended.Code {
			t.Errorf("a suspended one: %v", err)
		}
	})
}

// Decision 7.8: while somebody acts elsewhere, nothing of their own account can be
// done: no factor set up, shown or taken away, no password, no session of theirs.
func TestOneselfWhileActing(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		r, _ := inside(h, b.boss)
		cur := act(h, r, b.customer.ID)
		me := signin.Self{Current: cur}
		in := h.SignIn
		for name, err := range map[string]error{
			"begin an app":    third(in.BeginTOTP(ctx, me)),
			"confirm one":     third(in.ConfirmTOTP(ctx, me, b.boss.Code(), false)),
			"switch off":      in.Disable(ctx, me),
			"new codes":       in.RenewCodes(ctx, me),
			"saved codes":     second(in.SavedCodes(ctx, me)),
			"a link":          in.AskOwnMail(ctx, me, true),
			"password":        second(in.ChangePassword(ctx, me, house.Password, "Another long pass phrase", true)),
			"language":        in.SetLocale(ctx, me, "de"),
			"another session": session.Revoke(ctx, h.Store, cur.Session, cur.Session.Doc.From, core.Client{}),
			"the others":      second(session.RevokeOthers(ctx, h.Store, cur.Session, core.Client{})),
			"a recovery code": third(in.StepUp(ctx, me, b.boss.Recovery, "")),
		} {
			if code(err) != "support.acting" {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, path := range []string{"/account/", "/account/security", "/account/security/totp", "/account/profile", "/account/password"} {
			if a := r.Get(path); a.Status != 403 || a.Fault() != "support.acting" {
				t.Errorf("%s: %d, %s", path, a.Status, a.Fault())
			}
		}
		// Proving oneself again is what reaching further needs, and still works.
		if a := r.Post("/account/verify", "code", b.boss.Fresh()); a.Status != 303 {
			t.Errorf("step-up: %d, %s", a.Status, a.Fault())
		}
		if now := h.Current(r); now.Session.ActingIn != b.customer.ID || now.Session.Doc.Reason != "ticket 4711" || !now.Session.ExpiresAt.Equal(cur.Session.ExpiresAt) {
			t.Errorf("%+v", now.Session)
		}
		// Signing out is out of both.
		from := h.Current(r).Session.Doc.From
		r.Post("/sign-out")
		for _, s := range b.boss.Sessions() {
			if s.ID == from || s.ActingIn != "" {
				t.Errorf("after signing out: %+v", s)
			}
		}
		if all := events(h, b.customer.ID, audit.ActingEnded); len(all) != 1 || all[0].Detail["why"] != session.WhySignedOut {
			t.Errorf("%+v", all)
		}
	})
}

func method(err error) any {
	f, _ := core.AsFault(err)
	return f.Params["method"]
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// ACR-05: only the organisation opens and closes its support access; closing ends
// what others do there, and says so.
func TestSupportAccess(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		r, _ := inside(h, b.boss)
		cur := act(h, r, b.customer.ID)
		acting, err := h.Tree.Actor(ctx, cur)
		if err != nil {
			t.Fatal(err)
		}
		desk := h.Enrolled(b.customer, "desk@huber.example", core.Helpdesk)
		for name, c := range map[string]struct {
			id   core.TenantID
			by   access.Actor
			want string
		}{
			"from above":            {b.customer.ID, h.Proven(b.boss), "forbidden"},
			"from above, acting":    {b.customer.ID, acting, "forbidden"},
			"helpdesk":              {b.customer.ID, h.Proven(desk), "forbidden"},
			"the customer, upward":  {b.partner.ID, h.Proven(b.admin), "not_found"},
			"of a unit":             {b.unit.ID, h.Proven(b.admin), "tenant.no_organisation"},
			"of nothing":            {"tn_never", h.Proven(b.admin), "not_found"},
			"of the root, by shell": {h.Root.ID, access.Shell(), "tenant.no_organisation"},
		} {
			if _, err := h.Support.SetAccess(ctx, c.id, false, c.by, core.Client{}); code(err) != c.want {
				t.Errorf("closed %s: %v", name, err)
			}
		}
		plan, err := h.Support.PlanClose(ctx, b.customer.ID, h.Actor(b.admin))
		if err != nil || len(plan) != 1 || plan[0].Session != cur.Session.ID {
			t.Errorf("%+v, %v", plan, err)
		}
		// Closing asks for nothing; opening for a proof.
		n, err := h.Support.SetAccess(ctx, b.customer.ID, false, h.Actor(b.admin), core.Client{})
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		h.Settle()
		if _, err := h.Checker.Check(ctx, r.Cookie("sallyport"), netip.IPv6Loopback()); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("acting goes on: %v", err)
		}
		if all := events(h, b.customer.ID, audit.SupportClosed); len(all) != 1 || all[0].Detail["ended"] != "1" || all[0].Actor != string(b.admin.ID) {
			t.Errorf("%+v", all)
		}
		for _, at := range []core.TenantID{b.partner.ID, b.customer.ID} {
			if all := events(h, at, audit.ActingEnded); len(all) != 1 || all[0].Detail["why"] != session.WhyClosed || all[0].Actor != string(b.admin.ID) ||
				all[0].Target != string(b.boss.ID) || all[0].Detail["acting_in"] != string(b.customer.ID) {
				t.Errorf("the log of %s: %+v", at, all)
			}
		}
		r2, cur2 := inside(h, b.boss)
		if _, err := h.Support.Begin(ctx, cur2, b.customer.ID, "x", core.Client{}); code(err) != "support.closed" {
			t.Errorf("%v", err)
		}
		if _, err := h.Support.SetAccess(ctx, b.customer.ID, true, h.Actor(b.admin), core.Client{}); code(err) != core.ErrStepUp.Code {
			t.Errorf("opened without a proof: %v", err)
		}
		if n, err := h.Support.SetAccess(ctx, b.customer.ID, true, h.Proven(b.admin), core.Client{}); err != nil || n != 0 {
			t.Fatal(n, err)
		}
		if _, already, err := h.Support.CheckAccess(ctx, b.customer.ID, true, h.Actor(b.admin)); !already || err != nil {
			h.Settle()
			if _, already, err := h.Support.CheckAccess(ctx, b.customer.ID, true, h.Actor(b.admin)); !already || err != nil {
				t.Errorf("%v, %v", already, err)
			}
		}
		h.Settle()
		// One of them, and not another's session.
		cur2 = act(h, r2, b.customer.ID)
		own, _ := inside(h, b.admin)
		for id, want := range map[core.SessionID]string{h.Current(own).Session.ID: "not_found", "ses_never": "not_found", cur2.Session.ID: ""} {
			if err := h.Support.EndOne(ctx, b.customer.ID, id, h.Actor(b.admin), core.Client{}); code(err) != want {
				t.Errorf("%s: %v", id, err)
			}
		}
		h.Settle()
		if _, err := h.Checker.Check(ctx, r2.Cookie("sallyport"), netip.IPv6Loopback()); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("acting goes on: %v", err)
		}
		if !own.Inside() {
			t.Error("the administrator's own session ended")
		}
	})
}

// A partner that closes keeps out those above it, and what it does itself goes on.
func TestClosingEndsOnlyWhatCameThroughIt(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		op := h.Enrolled(h.Root, "op@platform.example", core.PlatformAdmin)
		if _, err := h.Support.SetAccess(ctx, b.partner.ID, true, h.Proven(b.boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		from, _ := inside(h, op)
		above := act(h, from, b.customer.ID)
		r, _ := inside(h, b.boss)
		near := act(h, r, b.customer.ID)
		if n, err := h.Support.SetAccess(ctx, b.partner.ID, false, h.Proven(b.boss), core.Client{}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		h.Settle()
		if _, err := h.Checker.Check(ctx, from.Cookie("sallyport"), netip.IPv6Loopback()); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("the operator acts on: %v", err)
		}
		if got := h.Current(r); got.Session.ID != near.Session.ID {
			t.Error("the partner was thrown out of its own customer")
		}
		for at, want := range map[core.TenantID]int{h.Root.ID: 1, b.partner.ID: 1, b.customer.ID: 1} {
			if all := events(h, at, audit.ActingEnded); len(all) != want || all[0].Session != above.Session.ID {
				t.Errorf("the log of %s: %+v", at, all)
			}
		}
	})
}

// B-39, B-40: what lets somebody act is looked at with each request, not only when
// it began: a role that was taken, a customer that was suspended, moved or deleted.
func TestActingEndsWithWhatItStoodOnB40(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		for name, take := range map[string]func(b branch) error{
			"the role": func(b branch) error {
				return h.Directory.RevokeRole(ctx, b.boss.ID, core.PartnerAdmin, b.partner.ID, access.System(), core.Client{})
			},
			"the account": func(b branch) error { return h.Directory.Disable(ctx, b.boss.ID, access.System(), core.Client{}) },
			"suspended": func(b branch) error {
				_, err := h.Directory.Suspend(ctx, b.customer.ID, access.System(), core.Client{})
				return err
			},
			"moved away": func(b branch) error {
				_, err := h.Directory.MoveTenant(ctx, b.customer.ID, h.Root.ID, access.System(), core.Client{})
				return err
			},
			"deleted": func(b branch) error {
				_, err := h.Directory.DeleteTenant(ctx, b.customer.ID, "Huber", access.System(), core.Client{})
				return err
			},
			"its time": func(branch) error { h.Clock.Advance(session.ActingLife); return nil },
		} {
			t.Run(name, func(t *testing.T) {
				word := strings.ReplaceAll(name, " ", "-")
				var b branch
				b.partner = h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "P " + word})
				b.customer = h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: b.partner.ID})
				h.Enrolled(b.partner, "second@"+word+".example", core.PartnerAdmin)
				b.boss = h.Enrolled(b.partner, "boss@"+word+".example", core.PartnerAdmin)
				r, _ := inside(h, b.boss)
				act(h, r, b.customer.ID)
				if err := take(b); err != nil {
					t.Fatal(err)
				}
				h.Settle()
				if _, err := h.Checker.Check(ctx, r.Cookie("sallyport"), netip.IPv6Loopback()); !errors.Is(err, core.ErrNoSession) {
					t.Errorf("acting goes on: %v", err)
				}
			})
		}
	})
}

// Where the session from before is over, ending leads to the door and not into an
// error; and the store being away is no reason to let anybody act.
func TestEndingWithNothingToGoBackTo(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		r, before := inside(h, b.boss)
		cur := act(h, r, b.customer.ID)
		h.Change(b.partner.ID, func(tx store.Tx) error {
			s, err := tx.Session(before.Session.ID)
			s.EndedAt, s.EndedWhy = tx.Now(), "test"
			return errors.Join(err, tx.UpdateSession(s), tx.Changed(core.ChangeSession, string(s.ID)))
		})
		o, err := h.Support.End(ctx, cur, core.Client{})
		if err != nil || o.Token != "" {
			t.Errorf("%+v, %v", o, err)
		}
		if _, err := h.Support.End(ctx, cur, core.Client{}); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("twice: %v", err)
		}
		nobody := session.NewChecker(h.Store, h.Clock.Now, h.Feed.Fresh, h.Tree.Effective)
		r2, _ := inside(h, b.boss)
		act(h, r2, b.customer.ID)
		if _, err := nobody.Check(ctx, r2.Cookie("sallyport"), netip.IPv6Loopback()); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("a checker that knows nothing of the tree: %v", err)
		}
	})
}

// closing on one node is felt on the other.
func TestClosingIsFeltOnEveryNodeA15(t *testing.T) {
	one, two := house.Nodes(t)
	b := grow(one)
	r, _ := inside(one, b.boss)
	act(one, r, b.customer.ID)
	away := r.At(two)
	if cur := two.Current(away); cur.Session.ActingIn != b.customer.ID {
		t.Fatalf("%+v", cur.Session)
	}
	if _, err := one.Support.SetAccess(t.Context(), b.customer.ID, false, one.Actor(b.admin), core.Client{}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, err := two.Checker.Check(t.Context(), away.Cookie("sallyport"), netip.IPv6Loopback())
		if errors.Is(err, core.ErrNoSession) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the other node lets them act on: %v", err)
		}
	}
}
