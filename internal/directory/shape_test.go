package directory_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// branch is a partner with a customer and its unit, an administrator each, and a
// partner beside.
type branch struct {
	partner, folder, customer, unit core.Tenant
	other, theirs                   core.Tenant
	boss, admin, stranger           *house.Person
}

func grow(h *house.House) branch {
	var b branch
	b.partner = h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
	b.folder = h.Tenant(directory.NewTenant{Kind: core.Folder, Name: "Bakers", Parent: b.partner.ID})
	b.customer = h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: b.folder.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
	b.unit = h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "South", Parent: b.customer.ID})
	b.other = h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Other"})
	b.theirs = h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Theirs", Parent: b.other.ID})
	b.boss = h.Enrolled(b.partner, "boss@nordwind.example", core.PartnerAdmin)
	b.admin = h.Enrolled(b.customer, "admin@huber.example", core.CustomerAdmin)
	b.stranger = h.Enrolled(b.other, "boss@other.example", core.PartnerAdmin)
	return b
}

func tenantOf(h *house.House, id core.TenantID) (t core.Tenant) {
	h.View(id, func(r store.Reader) (err error) { t, err = r.Tenant(); return err })
	return t
}

func effective(h *house.House, id core.TenantID) policy.Effective {
	h.T.Helper()
	h.Settle()
	e, err := h.Tree.Effective(h.T.Context(), id)
	if err != nil {
		h.T.Fatal(err)
	}
	return e
}

// B-37, DS-10, ACR-01, A-16: who may shape the tree, and that another branch's id
// is answered exactly as one that never was, whatever is asked.
func TestWhoMayShapeTheTree(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		d, ctx := h.Directory, t.Context()
		ask := map[string]func(id core.TenantID, by access.Actor) error{
			"create": func(id core.TenantID, by access.Actor) error {
				_, err := d.CheckTenant(ctx, directory.NewTenant{Kind: core.Unit, Name: "X", Parent: id}, by)
				return err
			},
			"see": func(id core.TenantID, by access.Actor) error { _, _, err := d.Tenant(ctx, id, by); return err },
			"list": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.Children(ctx, id, store.Page{Limit: 5}, false, by)
				return err
			},
			"search": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.Named(ctx, id, "x", store.Page{Limit: 5}, by)
				return err
			},
			"rename": func(id core.TenantID, by access.Actor) error {
				_, err := d.RenameTenant(ctx, id, "Huber", by, core.Client{})
				return err
			},
			"trial": func(id core.TenantID, by access.Actor) error {
				_, err := d.SetTrial(ctx, id, 0, by, core.Client{})
				return err
			},
			"convert": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.PlanConvert(ctx, id, by)
				return err
			},
			"suspend": func(id core.TenantID, by access.Actor) error { _, _, err := d.PlanSuspend(ctx, id, by); return err },
			"delete": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.PlanDeleteTenant(ctx, id, by)
				return err
			},
			"restore": func(id core.TenantID, by access.Actor) error {
				_, err := d.RestoreTenant(ctx, id, by, core.Client{})
				return err
			},
			"move": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.PlanMoveTenant(ctx, id, b.partner.ID, by)
				return err
			},
			"settings": func(id core.TenantID, by access.Actor) error {
				_, err := d.PlanSettings(ctx, id, core.SettingsDoc(`{}`), by, core.Client{})
				return err
			},
			"values": func(id core.TenantID, by access.Actor) error { _, _, err := d.Values(ctx, id, by); return err },
			"locks": func(id core.TenantID, by access.Actor) error {
				_, err := d.PlanLocks(ctx, id, core.SettingsDoc(`{}`), by)
				return err
			},
			"template": func(id core.TenantID, by access.Actor) error {
				_, err := d.PlanTemplate(ctx, id, core.SettingsDoc(`{}`), by)
				return err
			},
			"invite": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.CheckUser(ctx, directory.NewUser{Tenant: id, Email: "x@example.com", Name: "X"}, by)
				return err
			},
			"first": func(id core.TenantID, by access.Actor) error {
				_, _, err := d.CheckFirst(ctx, directory.NewUser{Tenant: id, Email: "x@example.com", Name: "X"}, by)
				return err
			},
			"role": func(id core.TenantID, by access.Actor) error {
				_, err := d.CheckRole(ctx, directory.NewRole{Tenant: id, Base: core.Helpdesk, Name: "X", Rights: []string{"people.unlock"}}, by)
				return err
			},
		}
		plain := h.Enrolled(b.customer, "plain@huber.example")
		for what, fn := range ask {
			for name, by := range map[string]access.Actor{"another partner": h.Actor(b.stranger), "nobody": {}, "a plain person": h.Actor(plain)} {
				never := fmt.Sprint(fn("tn_never", by))
				for _, id := range []core.TenantID{b.partner.ID, b.folder.ID, b.customer.ID, b.unit.ID, h.Root.ID} {
					err := fn(id, by)
					if !errors.Is(err, core.ErrNotFound) || fmt.Sprint(err) != never {
						t.Errorf("%s, %s of %s: %v; one that never was: %s", name, what, id, err, never)
					}
				}
			}
		}
		// Who sees a node and may not shape it is told so; nobody shapes themselves away.
		for _, c := range []struct {
			what string
			id   core.TenantID
			by   access.Actor
			want error
		}{
			{"create", b.customer.ID, h.Actor(b.admin), nil}, {"create", b.unit.ID, h.Actor(b.admin), nil}, {"create", b.folder.ID, h.Actor(b.admin), core.ErrNotFound},
			// Inside an organisation further down that needs acting (decision 2).
			{"create", b.customer.ID, h.Actor(b.boss), core.ErrForbidden}, {"create", b.unit.ID, h.Actor(b.boss), core.ErrForbidden},
			{"rename", b.unit.ID, h.Actor(b.boss), core.ErrForbidden}, {"suspend", b.unit.ID, h.Actor(b.boss), core.ErrForbidden}, {"delete", b.unit.ID, h.Actor(b.boss), core.ErrForbidden},
			{"rename", b.customer.ID, h.Actor(b.boss), nil}, {"delete", b.customer.ID, h.Actor(b.boss), nil},
			{"rename", b.customer.ID, h.Actor(b.admin), nil}, {"suspend", b.customer.ID, h.Actor(b.admin), core.ErrForbidden}, {"delete", b.customer.ID, h.Actor(b.admin), core.ErrForbidden},
			{"suspend", b.unit.ID, h.Actor(b.admin), nil}, {"delete", b.unit.ID, h.Actor(b.admin), nil},
			{"suspend", b.customer.ID, h.Actor(b.boss), nil}, {"delete", b.folder.ID, h.Actor(b.boss), nil}, {"suspend", b.partner.ID, h.Actor(b.boss), core.ErrForbidden},
			{"settings", b.customer.ID, h.Actor(b.boss), core.ErrForbidden}, {"values", b.customer.ID, h.Actor(b.boss), core.ErrForbidden}, {"see", b.customer.ID, h.Actor(b.boss), nil},
			{"invite", b.customer.ID, h.Actor(b.boss), core.ErrForbidden}, {"role", b.customer.ID, h.Actor(b.boss), core.ErrForbidden},
			{"locks", b.partner.ID, h.Actor(b.boss), nil}, {"template", b.partner.ID, h.Actor(b.boss), nil},
			{"values", b.customer.ID, h.Actor(b.admin), nil}, {"settings", b.customer.ID, h.Actor(b.admin), nil},
		} {
			if err := ask[c.what](c.id, c.by); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s of %s by %s: %v, want %v", c.what, c.id, c.by.ID(), err, c.want)
			}
		}
		// A move needs rights on all three.
		mine := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Mine", Parent: b.partner.ID})
		for name, c := range map[string]struct {
			id, to core.TenantID
			by     access.Actor
			want   error
		}{
			"to one's own from elsewhere":     {b.theirs.ID, b.partner.ID, h.Actor(b.boss), core.ErrNotFound},
			"one's own to elsewhere":          {b.customer.ID, b.other.ID, h.Actor(b.boss), core.ErrNotFound},
			"a unit out into one's own":       {b.unit.ID, mine.ID, h.Actor(b.boss), core.ErrForbidden},
			"oneself up":                      {b.customer.ID, b.partner.ID, h.Actor(b.admin), core.ErrForbidden},
			"one's own unit out":              {b.unit.ID, b.theirs.ID, h.Actor(b.admin), core.ErrNotFound},
			"a partner under another":         {b.partner.ID, b.other.ID, h.Actor(b.boss), core.ErrForbidden},
			"within one's branch":             {b.customer.ID, b.partner.ID, h.Actor(b.boss), nil},
			"by the platform":                 {b.customer.ID, b.other.ID, access.Shell(), nil},
			"under itself":                    {b.partner.ID, b.folder.ID, access.Shell(), core.Invalid("tenant.under_itself")},
			"a customer under a customer":     {b.customer.ID, b.theirs.ID, access.Shell(), core.Invalid("tenant.parent_wrong")},
			"the platform":                    {h.Root.ID, b.partner.ID, access.Shell(), core.NewFault(core.KindConflict, "tenant.is_platform")},
			"where there is nothing":          {b.customer.ID, "tn_never", access.Shell(), core.ErrNotFound},
			"what there is not":               {"tn_never", b.partner.ID, access.Shell(), core.ErrNotFound},
			"elsewhere to where there is not": {b.theirs.ID, "tn_never", h.Actor(b.boss), core.ErrNotFound},
		} {
			_, _, err := d.PlanMoveTenant(ctx, c.id, c.to, c.by)
			_, done := h.Directory, error(nil)
			if c.want != nil {
				_, done2 := d.MoveTenant(ctx, c.id, c.to, c.by, core.Client{})
				if !errors.Is(done2, c.want) {
					t.Errorf("%s: done: %v, want %v", name, done2, c.want)
				}
			}
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || done != nil {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if now := tenantOf(h, b.customer.ID); now.Path != b.customer.Path || now.Name != "Huber" {
			t.Errorf("something of it was done: %+v", now)
		}
	})
}

// DS-10, behaviours §7.22: a move re-evaluates everybody who is moved, and what a
// lock demanded that falls away becomes the organisation's own value.
func TestMovingABranch(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		if _, err := h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":["organization"],"session":{"idle":"20m"}}`), access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		bare := h.Person(b.unit, "bare@huber.example")
		if bare.Status() != core.MFASetupRequired {
			t.Fatal("the lock does not hold")
		}
		since := effective(h, b.customer.ID).Since
		_, plan, err := h.Directory.PlanMoveTenant(ctx, b.customer.ID, b.other.ID, access.Shell())
		if err != nil || plan.Nodes != 2 {
			t.Errorf("%+v, %v", plan, err)
		}
		moved, err := h.Directory.MoveTenant(ctx, b.customer.ID, b.other.ID, access.Shell(), core.Client{})
		if err != nil || moved.Parent != b.other.ID {
			t.Fatal(moved, err)
		}
		e := effective(h, b.unit.ID)
		if !e.Settings.Requires(core.RequireOrganization) || e.Locked || !e.Since.Equal(since) {
			t.Errorf("what the lock demanded is lost: %+v, locked %v, since %v (was %v)", e.Settings.Requirement, e.Locked, e.Since, since)
		}
		if time.Duration(e.Settings.Session.Idle) != time.Hour {
			t.Errorf("another lock's floor stayed: %v", e.Settings.Session.Idle)
		}
		if bare.Status() != core.MFASetupRequired {
			t.Errorf("status %s", bare.Status())
		}
		// Whoever was above is not any more.
		if _, _, err := h.Directory.Tenant(ctx, b.customer.ID, h.Actor(b.boss)); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("the former partner sees it: %v", err)
		}
		if _, _, err := h.Directory.Tenant(ctx, b.unit.ID, h.Actor(b.stranger)); err != nil {
			t.Errorf("the new one does not: %v", err)
		}
		// People of a unit that goes to another customer are asked by what holds there.
		calm := h.Organisation("Calm", "", `{"requirement":[]}`)
		_, plan, err = h.Directory.PlanMoveTenant(ctx, b.unit.ID, calm.ID, access.Shell())
		if err != nil || plan.Of(directory.EffectMoved).Count != 1 || plan.Of(directory.EffectReleased).Count != 1 || plan.Of(directory.EffectReleased).First[0].Login != bare.Login {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := h.Directory.MoveTenant(ctx, b.unit.ID, calm.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if got := bare.Status(); got != core.MFADisabled {
			t.Errorf("moved: %s", got)
		}
		bare.Enter(h.Raw(""))
		// And the other way round: into one that requires it.
		strict := h.Organisation("Strict", "", `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		_, plan, err = h.Directory.PlanMoveTenant(ctx, b.unit.ID, strict.ID, access.Shell())
		if err != nil || plan.Of(directory.EffectAsked).Count != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := h.Directory.MoveTenant(ctx, b.unit.ID, strict.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if a := bare.Knock(h.Raw("")); !strings.HasSuffix(a.Location, "setup-required") {
			t.Errorf("at the door of the new organisation: to %q, fault %q", a.Location, a.Fault())
		}
		// An address must stay one person's.
		h.Newcomer(directory.NewUser{Tenant: calm.ID, Login: "twin", Email: bare.Login})
		if _, _, err := h.Directory.PlanMoveTenant(ctx, b.unit.ID, calm.ID, access.Shell()); code(err) != "tenant.email_clash" {
			t.Errorf("a clash of addresses: %v", err)
		}
	})
}

// ACR-02, ACR-03: a trial partner is switched on by its conversion, by hand or by
// the timer, in one event; service accounts stay as they are (ACR-21).
func TestConvertingATrial(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		make := func(kind core.TenantKind, days int) (core.Tenant, *house.Person) {
			tn := h.Tenant(directory.NewTenant{Kind: kind, Name: fmt.Sprintf("Trial %s %d", kind, days), Mode: core.Trial, TrialDays: days})
			return tn, h.Person(tn, fmt.Sprintf("p%s%d@example.com", kind, days))
		}
		byHand, p := make(core.Partner, 0)
		svc := h.Person(byHand, "svc@example.com")
		boss := h.Enrolled(byHand, "chief@example.com", core.PartnerAdmin)
		if _, err := h.Directory.MarkService(ctx, svc.ID, directory.ServiceFacts{Reason: "backups", Owner: boss.ID}, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if p.Status() != core.MFADisabled {
			t.Fatalf("a trial asks already: %s", p.Status())
		}
		_, plan, err := h.Directory.PlanConvert(ctx, byHand.ID, access.Shell())
		if err != nil || plan.Of(directory.EffectAsked).Count != 1 || plan.Of(directory.EffectEnrolled).Count != 1 || plan.Of(directory.EffectExempt).Count != 1 || plan.Of(directory.EffectAsked).First[0].Login != p.Login {
			t.Errorf("the plan: %+v, %v", plan, err)
		}
		h.Clock.Advance(time.Hour)
		at := h.Clock.Now()
		if _, err := h.Directory.Convert(ctx, byHand.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		e := effective(h, byHand.ID)
		if !e.Locked || !e.Settings.Requires(core.RequireOrganization) || e.Since.Before(at) {
			t.Errorf("converted: locked %v, %v, since %v", e.Locked, e.Settings.Requirement, e.Since)
		}
		if p.Status() != core.MFASetupRequired || svc.Status() != core.MFAServiceAccount {
			t.Errorf("a person is %s, a service account %s", p.Status(), svc.Status())
		}
		if _, err := h.Directory.Convert(ctx, byHand.ID, access.Shell(), core.Client{}); code(err) != "tenant.not_a_trial" {
			t.Errorf("twice: %v", err)
		}
		customer, c := make(core.Customer, 0)
		if _, err := h.Directory.Convert(ctx, customer.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if c.Status() != core.MFADisabled || tenantOf(h, customer.ID).Mode != core.Production { // ACR-04
			t.Errorf("a customer's person is %s", c.Status())
		}
		// By the timer.
		timed, _ := make(core.Partner, 30)
		longer, _ := make(core.Partner, 60)
		if n, err := h.Directory.ConvertDue(ctx); err != nil || n != 0 {
			t.Errorf("converted too early: %d, %v", n, err)
		}
		h.Clock.Advance(31 * 24 * time.Hour)
		for _, want := range []int{1, 0} {
			if n, err := h.Directory.ConvertDue(ctx); err != nil || n != want {
				t.Errorf("converted %d, want %d, %v", n, want, err)
			}
		}
		if now := tenantOf(h, timed.ID); now.Mode != core.Production || !now.TrialEnds.IsZero() {
			t.Errorf("%+v", now)
		}
		if now := tenantOf(h, longer.ID); now.Mode != core.Trial {
			t.Errorf("%+v", now)
		}
		if _, err := h.Directory.SetTrial(ctx, longer.ID, 0, access.Shell(), core.Client{}); err != nil || !tenantOf(h, longer.ID).TrialEnds.IsZero() {
			t.Errorf("the timer stays: %v", err)
		}
		for _, days := range []int{-1, directory.TrialDaysAtMost + 1} {
			if _, err := h.Directory.SetTrial(ctx, longer.ID, days, access.Shell(), core.Client{}); code(err) != "tenant.trial_days" {
				t.Errorf("%d days: %v", days, err)
			}
		}
		if _, err := h.Directory.SetTrial(ctx, timed.ID, 5, access.Shell(), core.Client{}); code(err) != "tenant.trial_days" {
			t.Errorf("a timer in production: %v", err)
		}
		events, err := h.Store.EventsAfter(ctx, 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]string{}
		for _, e := range events {
			if e.Name == "tenant.converted" {
				if by[e.Target] != "" {
					t.Errorf("%s was converted in two events", e.Target)
				}
				by[e.Target] = e.Actor
			}
		}
		if by[string(byHand.ID)] != core.ActorShell || by[string(timed.ID)] != core.ActorSystem || len(by) != 3 {
			t.Errorf("%v", by)
		}
	})
}

// Decision 2: suspension goes down the branch and keeps people out after the
// password, with its own sentence; sessions are refused at once and come back.
func TestSuspendingABranch(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		p := h.Enrolled(b.unit, "anna@huber.example")
		r := h.Raw("")
		p.Enter(r)
		if !r.Inside() {
			t.Fatal("not inside")
		}
		_, plan, err := h.Directory.PlanSuspend(ctx, b.folder.ID, h.Actor(b.boss))
		if err != nil || plan.Of(directory.EffectRefused).Count != 2 || plan.Nodes != 3 || plan.Organisations != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := h.Directory.Suspend(ctx, b.folder.ID, h.Actor(b.boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if r.Inside() {
			t.Error("a session of a suspended branch opens pages")
		}
		if a := p.Knock(h.Raw("")); a.Fault() != core.ErrTenantSuspended.Code {
			t.Errorf("at the door: %q", a.Fault())
		}
		if a := h.Raw("").Post("/sign-in", "login", p.Login, "password", "wrong wrong wrong"); a.Fault() != core.ErrRefused.Code {
			t.Errorf("a wrong password is told more: %q", a.Fault())
		}
		if _, err := h.Directory.CheckTenant(ctx, directory.NewTenant{Kind: core.Unit, Name: "X", Parent: b.customer.ID}, access.Shell()); code(err) != "tenant.parent_inactive" {
			t.Errorf("made below a suspended node: %v", err)
		}
		if _, err := h.Directory.Resume(ctx, b.folder.ID, h.Actor(b.boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if !r.Inside() {
			t.Error("the session does not come back")
		}
		if _, err := h.Directory.Suspend(ctx, h.Root.ID, access.Shell(), core.Client{}); code(err) != "tenant.is_platform" {
			t.Errorf("the platform was suspended: %v", err)
		}
	})
}

// B-35: ids are never used again, people of a deleted branch cannot sign in, and
// within thirty days everything comes back as it was.
func TestDeletingABranchAndBringingItBackB35(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		p := h.Enrolled(b.unit, "anna@huber.example")
		r := h.Raw("")
		p.Enter(r)
		if _, err := h.Directory.DeleteTenant(ctx, b.customer.ID, "hubert", h.Actor(b.boss), core.Client{}); !errors.Is(err, core.ErrConfirmRequired) {
			t.Errorf("deleted without its name: %v", err)
		}
		n, err := h.Directory.DeleteTenant(ctx, b.customer.ID, " huber ", h.Actor(b.boss), core.Client{})
		if err != nil || n != 2 {
			t.Fatal(n, err)
		}
		h.Settle()
		if r.Inside() || p.Knock(h.Raw("")).In() {
			t.Error("somebody of a deleted branch is in")
		}
		if _, err := h.Directory.DeleteTenant(ctx, b.customer.ID, "Huber", h.Actor(b.boss), core.Client{}); code(err) != "tenant.deleted" {
			t.Errorf("twice: %v", err)
		}
		nodes, _, err := h.Directory.Children(ctx, b.folder.ID, store.Page{Limit: 10}, false, h.Actor(b.boss))
		if err != nil || len(nodes) != 0 {
			t.Errorf("it is listed: %v, %v", nodes, err)
		}
		// What is made anew under the same name is another one, and has nobody of it.
		again := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: b.folder.ID})
		if again.ID == b.customer.ID {
			t.Error("an id was used again")
		}
		h.View(again.ID, func(r store.Reader) error {
			people, _, err := r.People(store.PeopleQuery{Page: store.Page{Limit: 10}})
			if len(people) != 0 {
				t.Errorf("it has %v", people)
			}
			return err
		})
		if _, err := h.Directory.RestoreTenant(ctx, b.unit.ID, access.Shell(), core.Client{}); code(err) != "tenant.not_restorable" {
			t.Errorf("a unit without its customer: %v", err)
		}
		h.Clock.Advance(29 * 24 * time.Hour)
		if n, err := h.Directory.RestoreTenant(ctx, b.customer.ID, h.Actor(b.boss), core.Client{}); err != nil || n != 2 {
			t.Errorf("restored %d, %v", n, err)
		}
		h.Settle()
		p.Enter(h.Raw("")) // factor and all
		if _, err := h.Directory.DeleteTenant(ctx, b.customer.ID, "Huber", h.Actor(b.boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(core.RestoreDays * 24 * time.Hour)
		if _, err := h.Directory.RestoreTenant(ctx, b.customer.ID, h.Actor(b.boss), core.Client{}); code(err) != "tenant.not_restorable" {
			t.Errorf("after thirty days: %v", err)
		}
	})
}

// Decisions 2 and 5: a partner's lock is a floor over those below, closed ones too;
// lifting it takes nothing away from anybody.
func TestLocksAndTemplates(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		boss, admin := h.Actor(b.boss), h.Actor(b.admin)
		bare := h.Person(b.unit, "bare@huber.example")
		closed := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Closed", Parent: b.partner.ID, ManagedBy: core.ManagedBySelf})
		lock := func(doc string) error {
			_, err := h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(doc), boss, core.Client{})
			h.Settle()
			return err
		}
		plan, err := h.Directory.PlanLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":["organization"]}`), boss)
		if err != nil || plan.Raised != 2 || plan.Of(directory.EffectAsked).Count+plan.Of(directory.EffectMayWait).Count != 1 || plan.Of(directory.EffectEnrolled).Count != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
		if err := lock(`{"requirement":["organization"]}`); err != nil {
			t.Fatal(err)
		}
		for _, id := range []core.TenantID{b.customer.ID, closed.ID} {
			if e := effective(h, id); !e.Locked || e.LockedBy.ID != b.partner.ID || !e.Settings.Requires(core.RequireOrganization) {
				t.Errorf("%s is not held: %+v", id, e.Settings.Requirement)
			}
		}
		if bare.Status() != core.MFASetupRequired {
			t.Errorf("status %s", bare.Status())
		}
		// The child may tighten and not loosen.
		for _, c := range []struct{ doc, want string }{
			{`{"requirement":["organization","per_user"]}`, ""}, {`{"requirement":["per_user"]}`, core.ErrPolicyLocked.Code}, {`{"invitation_days":3}`, ""},
		} {
			if _, err := h.Directory.ChangeSettings(ctx, b.customer.ID, core.SettingsDoc(c.doc), admin, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.doc, err, c.want)
			}
		}
		// What is locked further up cannot be set lower, and only providers hold locks.
		if _, err := h.Directory.SetLocks(ctx, b.customer.ID, core.SettingsDoc(`{"invitation_days":3}`), admin, core.Client{}); code(err) != "policy.no_locks_here" {
			t.Errorf("a customer holds locks: %v", err)
		}
		if err := lock(`{"factors":["passkey"]}`); code(err) != core.ErrNobodyCouldEnrol.Code {
			t.Errorf("a lock that leaves nothing to set up: %v", err)
		}
		// Lifted: what it demanded is their own value from then on.
		plan, err = h.Directory.PlanLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":null}`), boss)
		if err != nil || plan.Kept != 1 { // the customer says so itself by now
			t.Errorf("%+v, %v", plan, err)
		}
		if err := lock(`{"requirement":null}`); err != nil {
			t.Fatal(err)
		}
		for _, id := range []core.TenantID{b.customer.ID, closed.ID} {
			e := effective(h, id)
			if e.Locked || !e.Settings.Requires(core.RequireOrganization) {
				t.Errorf("%s lost what the lock demanded: %+v", id, e.Settings.Requirement)
			}
		}
		values, _, err := h.Directory.Values(ctx, closed.ID, access.Shell())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(values, func(v policy.Value) bool { return v.Key == "requirement" })
		if i < 0 || values[i].From == nil || values[i].From.ID != b.partner.ID || values[i].By != boss.ID() {
			t.Errorf("its provenance: %+v", values)
		}
		// ACR-35: what new customers begin with.
		if _, err := h.Directory.PlanTemplate(ctx, b.partner.ID, core.SettingsDoc(`{"invitation_days":5}`), boss); err != nil {
			t.Error(err)
		}
		if _, err := h.Directory.SetTemplate(ctx, b.partner.ID, core.SettingsDoc(`{"invitation_days":5,"requirement":["per_user"]}`), boss, core.Client{}); err != nil {
			t.Fatal(err)
		}
		fresh := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Fresh", Parent: b.folder.ID, Settings: core.SettingsDoc(`{"recovery_code_format":"set"}`)})
		e := effective(h, fresh.ID)
		if e.Settings.InvitationDays != 5 || !e.Settings.Requires(core.RequirePerUser) || e.Settings.RecoveryCodeFormat != core.RecoverySet {
			t.Errorf("%+v", e.Settings)
		}
		if e := effective(h, b.customer.ID); e.Settings.InvitationDays != 3 {
			t.Errorf("those that exist changed: %d", e.Settings.InvitationDays)
		}
	})
}

// A preset is shown as a difference first, and applied through the same change.
func TestPresets(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		admin := h.Actor(b.admin)
		for _, name := range policy.Presets() {
			if _, err := h.Directory.ComparePreset(ctx, b.customer.ID, name, admin); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, err := h.Directory.PresetChange(ctx, b.customer.ID, "adaptive-email", admin); code(err) != "policy.preset_unavailable" {
			t.Errorf("a preset whose factor there is not: %v", err)
		}
		change, diff, err := h.Directory.PresetChange(ctx, b.customer.ID, "self-service", admin)
		if err != nil || len(diff) == 0 {
			t.Fatal(diff, err)
		}
		plan, err := h.Directory.PlanSettings(ctx, b.customer.ID, change, admin, core.Client{})
		if err != nil || len(plan.Settings) != len(diff) {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := h.Directory.ChangeSettings(ctx, b.customer.ID, change, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if again, err := h.Directory.ComparePreset(ctx, b.customer.ID, "self-service", admin); err != nil || len(again) != 0 {
			t.Errorf("applied, and it still differs: %v, %v", again, err)
		}
	})
}

// Decision 7.6: nobody shuts themselves out of the organisation that they belong to,
// and with them everybody; who stands above is not held by its networks.
func TestNobodyShutsThemselvesOut(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx, admin := t.Context(), h.Proven(b.admin)
		from := func(a string) core.Client { return core.Client{Address: netip.MustParseAddr(a)} }
		try := func(networks string, by access.Actor, c core.Client) (plan, done string) {
			change := core.SettingsDoc(`{"login_networks":` + networks + `}`)
			_, err := h.Directory.PlanSettings(ctx, b.customer.ID, change, by, c)
			plan = code(err)
			_, err = h.Directory.ChangeSettings(ctx, b.customer.ID, change, by, c)
			h.Settle()
			return plan, code(err)
		}
		const outside = "policy.you_are_outside"
		if plan, done := try(`["10.1.0.0/16"]`, admin, from("192.0.2.7")); plan != outside || done != outside {
			t.Errorf("from elsewhere: %q, %q", plan, done)
		}
		if plan, done := try(`["10.1.0.0/16"]`, admin, core.Client{}); plan != outside || done != outside {
			t.Errorf("from nobody knows where: %q, %q", plan, done)
		}
		if doc := tenantOf(h, b.customer.ID).Settings; len(doc.Value("login_networks")) != 0 {
			t.Errorf("it was done: %s", doc)
		}
		if plan, done := try(`["10.1.0.0/16","192.0.2.0/24"]`, admin, from("192.0.2.7")); plan != "" || done != "" {
			t.Errorf("from within: %q, %q", plan, done)
		}
		if _, err := h.Directory.ChangeSettings(ctx, b.customer.ID, core.SettingsDoc(`{"invitation_days":9}`), admin, from("198.51.100.1")); err != nil {
			t.Errorf("another setting: %v", err)
		}
		acting := h.Proven(b.boss)
		acting.Acting = &access.Acting{At: placeOf(h, b.customer.ID)}
		for _, by := range []access.Actor{acting, access.Shell()} {
			if plan, done := try(`["10.1.0.0/16"]`, by, from("198.51.100.1")); plan != "" || done != "" {
				t.Errorf("%s: %q, %q", by.ID(), plan, done)
			}
			h.Settings(b.customer.ID, `{"login_networks":[]}`)
		}
	})
}

func placeOf(h *house.House, id core.TenantID) access.Place {
	h.T.Helper()
	at, err := h.Tree.Place(h.T.Context(), id)
	if err != nil {
		h.T.Fatal(err)
	}
	return at
}
