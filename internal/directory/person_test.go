package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// B-34, B-36, A-16: on another branch's person everything is answered as on one
// that never was, and nothing is done; one who is seen and out of reach is
// forbidden.
func TestPeopleOfOtherBranchesAreNotFoundB34(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		d, rec, ctx := h.Directory, h.Recovery, t.Context()
		name := "Changed"
		target := h.Enrolled(b.unit, "anna@huber.example")
		ask := map[string]func(id core.UserID, by access.Actor) error{
			"disable": func(id core.UserID, by access.Actor) error { return d.Disable(ctx, id, by, core.Client{}) },
			"enable":  func(id core.UserID, by access.Actor) error { return d.Enable(ctx, id, by, core.Client{}) },
			"unlock":  func(id core.UserID, by access.Actor) error { return d.Unlock(ctx, id, by, core.Client{}) },
			"re-invite": func(id core.UserID, by access.Actor) error {
				_, err := d.Reinvite(ctx, id, by, core.Client{})
				return err
			},
			"change": func(id core.UserID, by access.Actor) error {
				_, err := d.ChangeUser(ctx, id, directory.Change{Name: &name}, by, core.Client{})
				return err
			},
			"plan delete": func(id core.UserID, by access.Actor) error { _, _, err := d.PlanDelete(ctx, id, by); return err },
			"delete": func(id core.UserID, by access.Actor) error {
				_, err := d.Delete(ctx, id, by, core.Client{})
				return err
			},
			"plan move": func(id core.UserID, by access.Actor) error {
				_, err := d.PlanMove(ctx, id, b.theirs.ID, by)
				return err
			},
			"move": func(id core.UserID, by access.Actor) error {
				_, err := d.Move(ctx, id, b.theirs.ID, by, core.Client{})
				return err
			},
			"end sessions": func(id core.UserID, by access.Actor) error {
				_, err := d.EndSessions(ctx, id, by, core.Client{})
				return err
			},
			"mark": func(id core.UserID, by access.Actor) error {
				_, err := d.MarkService(ctx, id, directory.ServiceFacts{Reason: "x"}, by, core.Client{})
				return err
			},
			"unmark": func(id core.UserID, by access.Actor) error {
				_, err := d.MarkRegular(ctx, id, by, core.Client{})
				return err
			},
			"service": func(id core.UserID, by access.Actor) error { _, _, err := d.ServiceOf(ctx, id, by); return err },
			"grant": func(id core.UserID, by access.Actor) error {
				return d.GrantRole(ctx, id, core.CustomerAdmin, b.theirs.ID, by, core.Client{})
			},
			"grant there": func(id core.UserID, by access.Actor) error {
				return d.GrantRole(ctx, id, core.CustomerAdmin, b.customer.ID, by, core.Client{})
			},
			"revoke": func(id core.UserID, by access.Actor) error {
				return d.RevokeRole(ctx, id, core.RoleUser, b.unit.ID, by, core.Client{})
			},
			"reset": func(id core.UserID, by access.Actor) error {
				_, err := rec.ResetMFA(ctx, id, by, core.Client{})
				return err
			},
			"plan reset": func(id core.UserID, by access.Actor) error { _, _, err := rec.PlanReset(ctx, id, by); return err },
			"untrust": func(id core.UserID, by access.Actor) error {
				_, err := rec.ResetBrowsers(ctx, id, by, core.Client{})
				return err
			},
			"pass": func(id core.UserID, by access.Actor) error {
				_, err := rec.MakePass(ctx, id, 0, by, core.Client{})
				return err
			},
			"detail": func(id core.UserID, by access.Actor) error { _, err := d.Detail(ctx, id, by); return err },
		}
		plain := h.Enrolled(b.customer, "plain@huber.example")
		before := target.User().Version
		for what, fn := range ask {
			for who, by := range map[string]access.Actor{"another partner": h.Proven(b.stranger), "the partner, who does not act": h.Proven(b.boss), "nobody": {}, "a plain person": h.Proven(plain)} {
				never, err := fmt.Sprint(fn("us_never", by)), fn(target.ID, by)
				if !errors.Is(err, core.ErrNotFound) || fmt.Sprint(err) != never {
					t.Errorf("%s, %s: %v; one that never was: %s", who, what, err, never)
				}
			}
		}
		if u := target.User(); u.Version != before || u.Tenant != b.unit.ID || target.Status() != core.MFAEnabled {
			t.Errorf("something was done: %+v", u)
		}
		// An auditor sees, and may nothing.
		auditor := h.Enrolled(b.customer, "auditor@huber.example", core.Auditor)
		for what, fn := range ask {
			by := h.Proven(auditor)
			if err := fn(target.ID, by); what == "detail" || what == "service" {
				if errors.Is(err, core.ErrForbidden) {
					t.Errorf("an auditor does not see: %s: %v", what, err)
				}
			} else if !errors.Is(err, core.ErrForbidden) && !errors.Is(err, core.ErrNotFound) {
				t.Errorf("an auditor: %s: %v", what, err)
			}
		}
		if u := target.User(); u.Version != before {
			t.Error("an auditor changed something")
		}
		// Helpdesk: reset, re-invite, unlock, pass, and nothing else; on plain users only.
		help := h.Enrolled(b.customer, "help@huber.example", core.Helpdesk)
		may := []string{"unlock", "re-invite", "reset", "plan reset", "untrust", "pass", "detail", "service"}
		for what, fn := range ask {
			err := fn(target.ID, h.Proven(help))
			refused := errors.Is(err, core.ErrForbidden) || errors.Is(err, core.ErrNotFound) && what != "service"
			if refused == slices.Contains(may, what) {
				t.Errorf("helpdesk: %s: %v", what, err)
			}
			if err := fn(b.admin.ID, h.Proven(help)); what != "detail" && what != "service" && err == nil {
				t.Errorf("helpdesk on an administrator: %s", what)
			}
		}
	})
}

// AIR-14: a new address counts once it is confirmed from there; the old one is
// valid until then, and both are told.
func TestANewAddressIsConfirmed(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		p := h.Enrolled(b.customer, "anna@huber.example")
		admin := h.Actor(b.admin)
		fresh, taken := "Anna.New@huber.example", b.admin.Login
		if _, _, err := h.Directory.CheckChange(ctx, p.ID, directory.Change{Email: &taken}, admin); code(err) != "user.email_taken" {
			t.Errorf("a taken address: %v", err)
		}
		out, err := h.Directory.ChangeUser(ctx, p.ID, directory.Change{Email: &fresh}, admin, core.Client{})
		if err != nil || out.Waiting != fresh || out.Until.IsZero() {
			t.Fatalf("%+v, %v", out, err)
		}
		if p.User().Email != "anna@huber.example" {
			t.Fatal("it counts unconfirmed")
		}
		h.Mail("anna@huber.example", "A new e-mail address was entered")
		link := h.Link(fresh, "/email/")
		// Looking spends nothing, and another kind's page does not know it.
		r := h.Raw("")
		for range 2 {
			if a := r.Get(link); a.Page() != "link" || !strings.Contains(a.Body, p.Login) {
				t.Errorf("the link's page is %q", a.Page())
			}
		}
		token := strings.TrimPrefix(link, "/email/")
		for _, kind := range []string{"/reset/", "/invitation/", "/admin-link/", "/confirm/"} {
			if a := r.Get(kind + token); a.Status != 404 {
				t.Errorf("%s knows it: %d", kind, a.Status)
			}
		}
		if a := r.Post(link); a.Page() != "email-done" {
			t.Errorf("confirmed: page %q, fault %q", a.Page(), a.Fault())
		}
		if u := p.User(); u.Email != fresh || u.EmailKey != strings.ToLower(fresh) || u.Login != "anna@huber.example" {
			t.Errorf("%+v", u)
		}
		for _, to := range []string{"anna@huber.example", fresh} {
			h.Mail(to, "Your e-mail address was changed")
		}
		if a := r.Post(link); a.Fault() != "email_change.used" {
			t.Errorf("twice: %q", a.Fault())
		}
		// The newest link counts, for a week; a disabled account's does not.
		one, two := "one@huber.example", "two@huber.example"
		for _, to := range []string{one, two} {
			if _, err := h.Directory.ChangeUser(ctx, p.ID, directory.Change{Email: &to}, admin, core.Client{}); err != nil {
				t.Fatal(err)
			}
		}
		if a := r.Post(h.Link(one, "/email/")); a.Fault() != "email_change.superseded" {
			t.Errorf("an older link: %q", a.Fault())
		}
		second := h.Link(two, "/email/")
		h.Clock.Advance(directory.EmailChangeLife)
		if a := r.Post(second); a.Fault() != "email_change.expired" {
			t.Errorf("a late one: %q", a.Fault())
		}
		if p.User().Email != fresh {
			t.Error("it counts all the same")
		}
		// An invitation that went to a wrong address is corrected and goes out anew.
		wrong, old := h.Invite(b.customer, "wrnog@huber.example")
		right := "wrong@huber.example"
		if out, err := h.Directory.ChangeUser(ctx, wrong.ID, directory.Change{Email: &right}, admin, core.Client{}); err != nil || !out.Invited || out.User.Email != right {
			t.Errorf("%+v, %v", out, err)
		}
		if a := r.Get(old); a.Status == 200 {
			t.Error("the link to the wrong address is alive")
		}
		h.Link(right, "/invitation/")
		name, locale := " Anna  Huber ", "sv"
		if out, err := h.Directory.ChangeUser(ctx, p.ID, directory.Change{Name: &name, Locale: &locale}, admin, core.Client{}); err != nil || out.User.Name != "Anna Huber" || p.User().Locale != "sv" {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// DS-13, N-29, behaviours §7.23: who is deleted loses their factors, and the history
// of them is kept; the login is free, the id never again.
func TestDeletedPeople(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		p := h.Enrolled(b.customer, "anna@huber.example", core.Helpdesk)
		r := h.Raw("")
		p.Enter(r)
		admin := h.Actor(b.admin)
		if _, plan, err := h.Directory.PlanDelete(ctx, p.ID, admin); err != nil || plan.Lost.Apps != 1 || plan.Lost.Codes != 1 || plan.Sessions < 1 || len(plan.Roles) != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := h.Directory.Delete(ctx, b.admin.ID, admin, core.Client{}); code(err) != "user.yourself" {
			t.Errorf("oneself: %v", err)
		}
		gone, err := h.Directory.Delete(ctx, p.ID, admin, core.Client{})
		if err != nil || gone.Lost.Apps != 1 {
			t.Fatal(gone, err)
		}
		h.Settle()
		if r.Inside() || p.Knock(h.Raw("")).In() {
			t.Error("somebody deleted is in")
		}
		history := p.History()
		if len(history) < 2 {
			t.Errorf("the history is gone: %v", history)
		}
		for _, f := range history {
			if f.State != core.FactorRevoked || len(f.Secret) != 0 || f.RevokedAt.IsZero() {
				t.Errorf("a factor is left: %+v", f)
			}
		}
		if roles, err := h.Store.RolesOf(ctx, p.ID); err != nil || len(roles) != 0 {
			t.Errorf("roles are left: %v, %v", roles, err)
		}
		h.Mail(p.Login, "Your account was deleted")
		for name, err := range map[string]error{"again": second(h.Directory.Delete(ctx, p.ID, admin, core.Client{})), "enabled": h.Directory.Enable(ctx, p.ID, admin, core.Client{})} {
			if !errors.Is(err, core.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		u, _ := h.Invite(b.customer, "anna@huber.example")
		if u.ID == p.ID {
			t.Error("the id was used again")
		}
	})
}

func second[T any](_ T, err error) error { return err }

// Behaviours §7.22: who moves takes factors along and is asked by what holds in the
// new place; roles in the old organisation go.
func TestMovedPeople(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		to := h.Organisation("Target", "", `{"requirement":["organization"]}`)
		p := h.Enrolled(b.customer, "anna@huber.example", core.Helpdesk)
		bare := h.Person(b.customer, "bare@huber.example")
		r := h.Raw("")
		p.Enter(r)
		// Within the organisation nothing ends.
		plan, err := h.Directory.PlanMove(ctx, p.ID, b.unit.ID, h.Actor(b.admin))
		if err != nil || plan.Away || len(plan.Roles) != 0 {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := h.Directory.Move(ctx, p.ID, b.unit.ID, h.Actor(b.admin), core.Client{}); err != nil {
			t.Fatal(err)
		}
		p.Tenant = b.unit.ID
		h.Settle()
		if !r.Inside() {
			t.Error("the session ended within the organisation")
		}
		p.Enter(h.Raw(""))
		// Elsewhere.
		plan, err = h.Directory.PlanMove(ctx, p.ID, to.ID, access.Shell())
		if err != nil || !plan.Away || len(plan.Roles) != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
		moved, err := h.Directory.Move(ctx, p.ID, to.ID, access.Shell(), core.Client{})
		if err != nil || moved.User.Tenant != to.ID {
			t.Fatal(moved, err)
		}
		p.Tenant = to.ID
		h.Settle()
		if r.Inside() {
			t.Error("the session goes on in another organisation")
		}
		if roles, err := h.Store.RolesOf(ctx, p.ID); err != nil || len(roles) != 1 || roles[0].Role != core.RoleUser || roles[0].Tenant != to.ID {
			t.Errorf("roles: %+v, %v", roles, err)
		}
		p.Enter(h.Raw("")) // the app goes on working
		// And so does the paper in the drawer.
		page := p.Attempt(h.Raw(""))
		_ = page
		raw := h.Raw("")
		if a := raw.Post(p.Attempt(raw), "code", p.Recovery); a.Cookie("sallyport") == nil {
			t.Errorf("the recovery code: to %q, fault %q", a.Location, a.Fault())
		}
		if _, err := h.Directory.Move(ctx, bare.ID, to.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		bare.Tenant = to.ID
		if bare.Status() != core.MFASetupRequired {
			t.Errorf("status %s", bare.Status())
		}
		h.Newcomer(directory.NewUser{Tenant: b.customer.ID, Login: "twin", Email: p.Login})
		if _, err := h.Directory.PlanMove(ctx, p.ID, b.customer.ID, access.Shell()); code(err) != "user.email_taken" {
			t.Errorf("a clash of addresses: %v", err)
		}
		if _, err := h.Directory.Move(ctx, b.admin.ID, to.ID, access.Shell(), core.Client{}); err != nil {
			t.Errorf("the administrator of a customer that its provider manages: %v", err)
		}
	})
}

// ACR-19, 20, 21, DS-14: a service account has an owner, a reason, an end and
// networks; making it needs the administrator's own proof; going back, the factor
// that was kept counts.
func TestServiceAccounts(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		p := h.Enrolled(b.customer, "backup@huber.example")
		r := h.Raw("")
		p.Enter(r)
		admin := h.Proven(b.admin)
		facts := directory.ServiceFacts{Reason: " nightly  backups ", ExpiresAt: h.Clock.Now().AddDate(0, 1, 0), Networks: []string{"10.1.2.3", "192.0.2.7/24"}}
		for name, c := range map[string]struct {
			id   core.UserID
			f    directory.ServiceFacts
			by   access.Actor
			want string
		}{
			"without a proof":      {p.ID, facts, h.Actor(b.admin), core.ErrStepUp.Code},
			"without a reason":     {p.ID, directory.ServiceFacts{}, admin, "service.reason_required"},
			"of an unknown owner":  {p.ID, directory.ServiceFacts{Reason: "x", Owner: "us_never"}, admin, "service.owner_unknown"},
			"of a foreign owner":   {p.ID, directory.ServiceFacts{Reason: "x", Owner: b.stranger.ID}, admin, "service.owner_unknown"},
			"that has ended":       {p.ID, directory.ServiceFacts{Reason: "x", ExpiresAt: h.Clock.Now()}, admin, "service.expired"},
			"from nowhere":         {p.ID, directory.ServiceFacts{Reason: "x", Networks: []string{"ten"}}, admin, "service.network_invalid"},
			"of oneself":           {b.admin.ID, facts, admin, "user.yourself"},
			"by nobody in the end": {p.ID, directory.ServiceFacts{Reason: "x"}, access.Shell(), "service.owner_required"},
		} {
			if _, err := h.Directory.MarkService(ctx, c.id, c.f, c.by, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		pending, _ := h.Invite(b.customer, "pending@huber.example")
		if _, err := h.Directory.MarkService(ctx, pending.ID, facts, admin, core.Client{}); code(err) != "service.pending" {
			t.Errorf("of somebody pending: %v", err)
		}
		if _, err := h.Directory.MarkService(ctx, p.ID, facts, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if r.Inside() || p.Knock(h.Raw("")).In() {
			t.Error("a service account is on a page")
		}
		if p.Status() != core.MFAServiceAccount {
			t.Errorf("status %s", p.Status())
		}
		_, kept, err := h.Directory.ServiceOf(ctx, p.ID, admin)
		if err != nil || kept.Owner != b.admin.ID || kept.Reason != "nightly backups" || fmt.Sprint(kept.Networks) != "[10.1.2.3/32 192.0.2.0/24]" || !kept.ExpiresAt.Equal(facts.ExpiresAt) {
			t.Errorf("%+v, %v", kept, err)
		}
		if _, err := h.Directory.MarkService(ctx, p.ID, facts, admin, core.Client{}); code(err) != "service.already" {
			t.Errorf("twice: %v", err)
		}
		if changed, err := h.Directory.ChangeService(ctx, p.ID, directory.ServiceFacts{Reason: "moved", Owner: b.admin.ID}, admin, core.Client{}); err != nil || changed.Reason != "moved" || len(changed.Networks) != 0 || changed.CreatedAt.IsZero() {
			t.Errorf("%+v, %v", changed, err)
		}
		h.Mail(p.Login, "Your account is of another kind now")
		h.Settings(b.customer.ID, `{"requirement":["organization"]}`)
		if p.Status() != core.MFAServiceAccount { // ACR-21
			t.Errorf("touched by the requirement: %s", p.Status())
		}
		if _, err := h.Directory.MarkRegular(ctx, p.ID, h.Actor(b.admin), core.Client{}); code(err) != core.ErrStepUp.Code {
			t.Errorf("back without a proof: %v", err)
		}
		if _, err := h.Directory.MarkRegular(ctx, p.ID, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Directory.ServiceOf(ctx, p.ID, admin); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("facts are left: %v", err)
		}
		if p.Status() != core.MFAEnabled {
			t.Errorf("the old app is forgotten: %s", p.Status())
		}
		p.Enter(h.Raw(""))
		// Where a rule keeps them out.
		h.Settings(b.customer.ID, `{"service_accounts_at":["partner"]}`)
		if _, err := h.Directory.MarkService(ctx, p.ID, facts, admin, core.Client{}); code(err) != "service.not_here" {
			t.Errorf("where they may not be: %v", err)
		}
	})
}

// A customer whose only administrator left is no dead end, and a new customer gets
// its first one the same way; it is loud, and possible only while there is none.
func TestTheFirstAdministrator(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		boss := h.Actor(b.boss)
		closed := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Closed", Parent: b.partner.ID, ManagedBy: core.ManagedBySelf})
		n := directory.NewUser{Tenant: closed.ID, Email: "first@closed.example", Name: "First"}
		if _, err := h.Directory.Invite(ctx, n, boss, core.Client{}); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("the partner invites people there: %v", err)
		}
		in, err := h.Directory.InviteFirst(ctx, n, boss, core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		if roles, err := h.Store.RolesOf(ctx, in.User.ID); err != nil || len(roles) != 1 || roles[0].Role != core.CustomerAdmin {
			t.Errorf("%+v, %v", roles, err)
		}
		// Until that one can sign in, another may be invited.
		if may, err := h.Directory.MayInviteFirst(ctx, closed.ID, boss); err != nil || !may {
			t.Errorf("%v, %v", may, err)
		}
		if a := h.Raw("").Post(in.Path, "new_password", house.Password); !a.In() {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		if _, err := h.Directory.InviteFirst(ctx, directory.NewUser{Tenant: closed.ID, Email: "second@closed.example", Name: "Second"}, boss, core.Client{}); code(err) != "tenant.has_administrator" {
			t.Errorf("there is one: %v", err)
		}
		if _, err := h.Directory.InviteFirst(ctx, directory.NewUser{Tenant: b.unit.ID, Email: "x@closed.example", Name: "X"}, access.Shell(), core.Client{}); code(err) != "tenant.no_organisation" {
			t.Errorf("of a unit: %v", err)
		}
		if _, err := h.Directory.InviteFirst(ctx, directory.NewUser{Tenant: b.unit.ID, Email: "x@closed.example", Name: "X"}, boss, core.Client{}); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("of a unit, from above: %v", err)
		}
		// The last one of a customer that its provider manages leaves.
		help := h.Enrolled(b.customer, "help@huber.example", core.Helpdesk)
		if err := h.Directory.Disable(ctx, b.admin.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.InviteFirst(ctx, directory.NewUser{Tenant: b.customer.ID, Email: "next@huber.example", Name: "Next"}, boss, core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Mail(help.Login, "An administrator was invited from outside")
		h.Link("next@huber.example", "/invitation/")
		events, err := h.Store.EventsAfter(ctx, 0, 10_000)
		if err != nil || !slices.ContainsFunc(events, func(e core.Event) bool {
			return e.Name == "tenant.administrator_invited" && e.Target == string(b.customer.ID) && e.Actor == boss.ID()
		}) {
			t.Errorf("it is not in the log, %v", err)
		}
	})
}

// B-39, CAL-14: parallel role edits give nobody a right that the giver loses at the
// same time, and roles of one's own are nobody's to change.
func TestRolesChangeOneAfterTheOtherB39(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		admin := h.Actor(b.admin)
		for _, r := range []core.Role{core.CustomerAdmin, core.Helpdesk} {
			if err := h.Directory.GrantRole(ctx, b.admin.ID, r, b.customer.ID, admin, core.Client{}); code(err) != "user.yourself" {
				t.Errorf("oneself: %v", err)
			}
			if err := h.Directory.RevokeRole(ctx, b.admin.ID, r, b.customer.ID, admin, core.Client{}); code(err) != "user.yourself" {
				t.Errorf("oneself: %v", err)
			}
		}
		for round := range 4 {
			giver := h.Person(b.customer, fmt.Sprintf("giver%d@huber.example", round), core.CustomerAdmin)
			taker := h.Person(b.customer, fmt.Sprintf("taker%d@huber.example", round))
			by := h.Actor(giver)
			var wg sync.WaitGroup
			var order []string
			var mu sync.Mutex
			do := func(name string, fn func(context.Context) error) {
				defer wg.Done()
				err := fn(ctx)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name+" "+code(err))
			}
			wg.Add(2)
			go do("give", func(ctx context.Context) error {
				return h.Directory.GrantRole(ctx, taker.ID, core.CustomerAdmin, b.customer.ID, by, core.Client{})
			})
			go do("take", func(ctx context.Context) error {
				return h.Directory.RevokeRole(ctx, giver.ID, core.CustomerAdmin, b.customer.ID, access.Shell(), core.Client{})
			})
			wg.Wait()
			var log []core.Event
			if events, err := h.Store.EventsAfter(ctx, 0, 100_000); err == nil {
				log = slices.DeleteFunc(events, func(e core.Event) bool {
					return !(e.Name == "user.role_granted" && e.Target == string(taker.ID)) && !(e.Name == "user.role_revoked" && e.Target == string(giver.ID))
				})
			}
			given := slices.Contains(order, "give ")
			if !slices.Contains(order, "take ") || given == slices.Contains(order, "give forbidden") {
				t.Fatalf("%v", order)
			}
			if given && (len(log) != 2 || log[0].Name != "user.role_granted") {
				t.Errorf("a right was given away after it was lost: %+v", log)
			}
		}
		// Custom roles: clones with fewer rights, known where they were made and below.
		role, err := h.Directory.MakeRole(ctx, directory.NewRole{Tenant: b.customer.ID, Base: core.Helpdesk, Name: "Unlockers", Rights: []string{"people.view", "people.unlock"}}, admin, core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		unlocker, user := h.Enrolled(b.unit, "unlocker@huber.example"), h.Enrolled(b.unit, "user@huber.example")
		if err := h.Directory.GrantRole(ctx, unlocker.ID, role.ID, b.unit.ID, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.GrantRole(ctx, unlocker.ID, role.ID, b.theirs.ID, access.Shell(), core.Client{}); code(err) != "role.unknown" {
			t.Errorf("in another organisation: %v", err)
		}
		if err := h.Directory.Unlock(ctx, user.ID, h.Actor(unlocker), core.Client{}); err != nil {
			t.Errorf("what the role may: %v", err)
		}
		if _, err := h.Recovery.ResetMFA(ctx, user.ID, h.Proven(unlocker), core.Client{}); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("what it may not: %v", err)
		}
		if err := h.Directory.DeleteRole(ctx, b.customer.ID, role.ID, admin, core.Client{}); code(err) != "role.held" {
			t.Errorf("a role that somebody holds: %v", err)
		}
		if _, err := h.Directory.ChangeRole(ctx, role.ID, directory.NewRole{Tenant: b.customer.ID, Name: "Resetters", Rights: []string{"people.view", "people.reset_mfa"}}, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.Unlock(ctx, user.ID, h.Actor(unlocker), core.Client{}); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("what it may no longer: %v", err)
		}
		if err := h.Directory.RevokeRole(ctx, unlocker.ID, role.ID, b.unit.ID, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.DeleteRole(ctx, b.customer.ID, role.ID, admin, core.Client{}); err != nil {
			t.Error(err)
		}
	})
}

// Decision 3: one administrator stays, whatever the way on which they would go.
func TestTheLastAdministratorStaysHoweverTheyGo(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		self := h.Organisation("Self", "self-service", "")
		to := h.Organisation("Elsewhere", "self-service", "")
		last := h.Enrolled(self, "last@example.com", core.CustomerAdmin)
		owner := h.Enrolled(self, "owner@example.com")
		by := access.Shell()
		for name, fn := range map[string]func() error{
			"disabled": func() error { return h.Directory.Disable(ctx, last.ID, by, core.Client{}) },
			"deleted":  func() error { _, err := h.Directory.Delete(ctx, last.ID, by, core.Client{}); return err },
			"without a role": func() error {
				return h.Directory.RevokeRole(ctx, last.ID, core.CustomerAdmin, self.ID, by, core.Client{})
			},
			"moved away": func() error { _, err := h.Directory.Move(ctx, last.ID, to.ID, by, core.Client{}); return err },
			"a program's own": func() error {
				_, err := h.Directory.MarkService(ctx, last.ID, directory.ServiceFacts{Reason: "x", Owner: owner.ID}, by, core.Client{})
				return err
			},
		} {
			if err := fn(); code(err) != "user.last_administrator" {
				t.Errorf("%s: %v", name, err)
			}
		}
		next := h.Enrolled(to, "next@example.com")
		if err := h.Directory.GrantRole(ctx, next.ID, core.CustomerAdmin, self.ID, by, core.Client{}); err != nil {
			t.Fatal(err)
		}
		// Of two, one of another tenant, one goes.
		var wg sync.WaitGroup
		errs := [2]error{}
		for i, p := range []*house.Person{last, next} {
			wg.Add(1)
			go func() { defer wg.Done(); errs[i] = h.Directory.Disable(ctx, p.ID, by, core.Client{}) }()
		}
		wg.Wait()
		if (code(errs[0]) == "user.last_administrator") == (code(errs[1]) == "user.last_administrator") {
			t.Errorf("%v", errs)
		}
	})
}

// Lists of people for those who may see them, and one person with all that an
// administrator needs and nothing secret (rows B-44, DS-15).
func TestListsAndDetails(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		p := h.Enrolled(b.unit, "anna@huber.example")
		p.Enter(h.Raw(""))
		h.Invite(b.unit, "pending@huber.example")
		admin := h.Actor(b.admin)
		list := func(id core.TenantID, q directory.PeopleQuery) (out []string) {
			t.Helper()
			q.Limit = 2
			for range 10 {
				page, err := h.Directory.People(ctx, id, q, admin)
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range page.People {
					out = append(out, l.User.Login+" "+string(l.Status))
				}
				if page.Next == "" {
					return out
				}
				q.After = page.Next
			}
			t.Error("pages without an end")
			return out
		}
		if got := list(b.customer.ID, directory.PeopleQuery{}); fmt.Sprint(got) != "[admin@huber.example enabled anna@huber.example enabled pending@huber.example pending_validation]" {
			t.Error(got)
		}
		if got := list(b.unit.ID, directory.PeopleQuery{Status: core.MFAEnabled}); fmt.Sprint(got) != "[anna@huber.example enabled]" {
			t.Error(got)
		}
		if got := list(b.customer.ID, directory.PeopleQuery{Prefix: "ANNA"}); fmt.Sprint(got) != "[anna@huber.example enabled]" {
			t.Error(got)
		}
		for name, by := range map[string]access.Actor{"the partner": h.Actor(b.boss), "a stranger": h.Actor(b.stranger), "a plain person": h.Actor(p)} {
			_, err := h.Directory.People(ctx, b.customer.ID, directory.PeopleQuery{Limit: 5}, by)
			if name == "the partner" && !errors.Is(err, core.ErrForbidden) || name != "the partner" && !errors.Is(err, core.ErrNotFound) {
				t.Errorf("%s lists people: %v", name, err)
			}
		}
		h.Settings(b.customer.ID, `{"challenge":"untrusted_browser","trusted_browser":{"days":14}}`)
		d, err := h.Directory.Detail(ctx, p.ID, admin)
		if err != nil {
			t.Fatal(err)
		}
		if d.Stand.Status != core.MFAEnabled || len(d.Factors) != 2 || len(d.Sessions) < 1 || len(d.Browsers) < 1 || len(d.SignIns) < 1 || len(d.Roles) != 1 || !d.HasPassword {
			t.Errorf("%+v", d)
		}
		for _, f := range d.Factors {
			if len(f.Secret) != 0 || f.Handle != "" {
				t.Errorf("a secret is shown: %+v", f)
			}
		}
		for _, s := range d.Sessions {
			if len(s.TokenHash) != 0 || len(s.Doc.Reveal) != 0 {
				t.Errorf("a session's secret is shown: %+v", s)
			}
		}
		for _, s := range d.Browsers {
			if len(s.Hash) != 0 {
				t.Errorf("a browser's secret is shown: %+v", s)
			}
		}
		for _, e := range d.SignIns {
			if !strings.HasPrefix(e.Name, "signin.") {
				t.Errorf("%+v", e)
			}
		}
		// ACR-34: the log of the branch, and of one person.
		events, next, err := h.Directory.Events(ctx, b.customer.ID, store.EventsQuery{Page: store.Page{Limit: 3}}, admin)
		if err != nil || len(events) != 3 || next == "" {
			t.Errorf("%v, %q, %v", events, next, err)
		}
		about, _, err := h.Directory.Events(ctx, b.customer.ID, store.EventsQuery{Page: store.Page{Limit: 100}, About: string(p.ID), Name: "user.mfa."}, admin)
		if err != nil || len(about) == 0 || slices.ContainsFunc(about, func(e core.Event) bool { return e.Target != string(p.ID) }) {
			t.Errorf("%v, %v", about, err)
		}
		if _, _, err := h.Directory.Events(ctx, b.customer.ID, store.EventsQuery{Page: store.Page{Limit: 3}}, h.Actor(b.boss)); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("the partner reads its log without acting: %v", err)
		}
		_ = time.Now
	})
}
