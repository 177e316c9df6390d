package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

func invite(h *house.House, n directory.NewUser, by access.Actor) error {
	if n.Name == "" {
		n.Name = "Somebody"
	}
	_, err := h.Directory.Invite(h.T.Context(), n, by, core.Client{})
	return err
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

// Decision 3, B-07: a login is unique on the whole platform by its key; an address
// within its organisation, where that is so set.
func TestLoginsAndAddressesAreUnique(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		one, two := h.Organisation("One", "", ""), h.Organisation("Two", "", `{"unique_email":false}`)
		for _, c := range []struct {
			org          core.Tenant
			login, email string
			want         string
		}{
			{one, "anna", "anna@example.com", ""},
			{two, "ANNA", "other@example.com", "user.login_taken"},
			{two, "ａnna", "other@example.com", "user.login_taken"},
			{one, "berta", "Anna@Example.com", "user.email_taken"},
			{two, "berta", "anna@example.com", ""},
			{two, "carla", "anna@example.com", ""}, // not unique there
			{one, "", "doris@example.com", ""},
			{two, "doris@example.com", "x@example.com", "user.login_taken"},
			{one, "a b", "e@example.com", "login.invalid"},
			{one, "us_01jd0000000000000000000000", "e@example.com", "login.like_id"},
			{one, "emil", "e@example.com,f@example.com", "email.invalid"},
			{one, "emil", "", "email.invalid"},
			{one, "straße", "s@example.com", ""},
			{two, "STRASSE", "t@example.com", "user.login_taken"},
		} {
			if got := code(invite(h, directory.NewUser{Tenant: c.org.ID, Login: c.login, Email: c.email}, access.System())); got != c.want {
				t.Errorf("%q, %q in %s: %q, want %q", c.login, c.email, c.org.Name, got, c.want)
			}
		}
		for _, name := range []string{"", "  ", strings.Repeat("x", 121), "a\x00b", "a\u202eb", "\xff"} {
			if got := code(invite(h, directory.NewUser{Tenant: one.ID, Email: "n@example.com", Name: name + " "}, access.System())); name != "" && got != "name.invalid" {
				t.Errorf("the name %q: %q", name, got)
			}
		}
	})
}

// Two invitations of one login or one address at the same time are one.
func TestParallelInvitationsAreOne(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Race", "", "")
		for name, make := range map[string]func(i int) directory.NewUser{
			"login": func(i int) directory.NewUser {
				return directory.NewUser{Login: "anna", Email: fmt.Sprintf("a%d@example.com", i)}
			},
			"address": func(i int) directory.NewUser {
				return directory.NewUser{Login: fmt.Sprintf("b%d", i), Email: "b@example.com"}
			},
		} {
			var wg sync.WaitGroup
			errs := [12]error{}
			for i := range errs {
				wg.Add(1)
				go func() {
					defer wg.Done()
					n := make(i)
					n.Tenant = org.ID
					errs[i] = invite(h, n, access.System())
				}()
			}
			wg.Wait()
			good := 0
			for _, err := range errs {
				switch code(err) {
				case "":
					good++
				case "user.login_taken", "user.email_taken":
				default:
					t.Errorf("%s: %v", name, err)
				}
			}
			if good != 1 {
				t.Errorf("%s: %d of 12 were made", name, good)
			}
		}
	})
}

// CAL-14, decision 3: an inviter grants only what they hold, where they hold it,
// and roles stand where they belong.
func TestInvitersGrantOnlyWhatTheyHold(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org, other := h.Organisation("Mine", "self-service", ""), h.Organisation("Other", "self-service", "")
		boss, helper, auditor, user := h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "help@example.com", core.Helpdesk),
			h.Enrolled(org, "audit@example.com", core.Auditor), h.Enrolled(org, "user@example.com")
		for i, c := range []struct {
			by   access.Actor
			at   core.Tenant
			role core.Role
			want string
		}{
			{h.Actor(boss), org, core.CustomerAdmin, ""}, {h.Actor(boss), org, core.Helpdesk, ""}, {h.Actor(boss), org, core.RoleUser, ""},
			{h.Actor(boss), org, core.PlatformAdmin, "role.wrong_place"}, {h.Actor(boss), org, core.PartnerAdmin, "role.wrong_place"},
			{h.Actor(boss), other, core.RoleUser, "not_found"}, {h.Actor(boss), h.Root, core.PlatformAdmin, "not_found"},
			{h.Actor(helper), org, core.RoleUser, "forbidden"}, {h.Actor(helper), org, core.Helpdesk, "forbidden"}, {h.Actor(helper), org, core.CustomerAdmin, "forbidden"},
			{h.Actor(auditor), org, core.RoleUser, "forbidden"}, {h.Actor(user), org, core.RoleUser, "not_found"}, {access.Actor{}, org, core.RoleUser, "not_found"},
			{access.Shell(), org, core.CustomerAdmin, ""}, {access.Shell(), h.Root, core.CustomerAdmin, "role.wrong_place"}, {access.Shell(), org, "superuser", "role.wrong_place"},
		} {
			err := invite(h, directory.NewUser{Tenant: c.at.ID, Email: fmt.Sprintf("n%d@example.com", i), Roles: []core.Role{c.role}}, c.by)
			if got := code(err); got != c.want {
				t.Errorf("%s makes %s at %s: %q, want %q", c.by.ID(), c.role, c.at.Name, got, c.want)
			}
		}
	})
}

// Decision 3: who may disable, unlock and invite again; the row of what was
// refused does not change.
func TestWhoMayActOnWhom(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org, other := h.Organisation("Mine", "self-service", ""), h.Organisation("Other", "self-service", "")
		boss, second, helper, user := h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "second@example.com", core.CustomerAdmin),
			h.Enrolled(org, "help@example.com", core.Helpdesk), h.Enrolled(org, "user@example.com")
		stranger := h.Enrolled(other, "stranger@example.com", core.CustomerAdmin)
		pending, _ := h.Invite(org, "pending@example.com", core.CustomerAdmin)
		ctx := t.Context()
		for _, c := range []struct {
			name string
			do   func() error
			want error
		}{
			{"helpdesk unlocks a user", func() error { return h.Directory.Unlock(ctx, user.ID, h.Actor(helper), core.Client{}) }, nil},
			{"helpdesk unlocks an administrator", func() error { return h.Directory.Unlock(ctx, boss.ID, h.Actor(helper), core.Client{}) }, core.ErrForbidden},
			{"helpdesk disables", func() error { return h.Directory.Disable(ctx, user.ID, h.Actor(helper), core.Client{}) }, core.ErrForbidden},
			{"helpdesk invites an administrator again", func() error {
				_, err := h.Directory.Reinvite(ctx, pending.ID, h.Actor(helper), core.Client{})
				return err
			}, core.ErrForbidden},
			{"a stranger disables", func() error { return h.Directory.Disable(ctx, user.ID, h.Actor(stranger), core.Client{}) }, core.ErrNotFound},
			{"a stranger unlocks", func() error { return h.Directory.Unlock(ctx, user.ID, h.Actor(stranger), core.Client{}) }, core.ErrNotFound},
			{"an id that never was", func() error { return h.Directory.Disable(ctx, "us_none", h.Actor(boss), core.Client{}) }, core.ErrNotFound},
			{"administrator disables administrator", func() error { return h.Directory.Disable(ctx, second.ID, h.Actor(boss), core.Client{}) }, nil},
			{"administrator enables again", func() error { return h.Directory.Enable(ctx, second.ID, h.Actor(boss), core.Client{}) }, nil},
			{"administrator invites again", func() error {
				_, err := h.Directory.Reinvite(ctx, pending.ID, h.Actor(boss), core.Client{})
				return err
			}, nil},
		} {
			if err := c.do(); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		for _, p := range []*house.Person{user, boss, second} {
			if p.User().State != core.UserActive {
				t.Errorf("%s is %s", p.Login, p.User().State)
			}
		}
	})
}

// Disabling and enabling keeps factors and what the account was (behaviours §7.23).
func TestDisabledAndEnabledAgain(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Again", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		invited, link := h.Invite(org, "pending@example.com")
		for range 2 {
			for _, id := range []core.UserID{p.ID, invited.ID} {
				if err := h.Directory.Disable(t.Context(), id, access.System(), core.Client{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if a := h.Raw("").Post(link, "new_password", house.Password); a.Location != "" {
			t.Errorf("a disabled person accepts an invitation: to %q", a.Location)
		}
		for range 2 {
			for _, id := range []core.UserID{p.ID, invited.ID} {
				if err := h.Directory.Enable(t.Context(), id, access.System(), core.Client{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if a := h.Raw("").Post(link, "new_password", house.Password); a.Location != "" {
			t.Error("the old invitation is alive again")
		}
		if u, err := h.Store.FindUser(t.Context(), invited.ID); err != nil || u.State != core.UserInvited {
			t.Errorf("the invited one is %s, %v", u.State, err)
		}
		p.Enter(h.Raw(""))
	})
}

// Unlocking ends timed locks of password, codes and app, and no more: the count
// towards the end of a factor stays (N-01).
func TestUnlock(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Unlock", "self-service", `{"lockout":{"factor":{"limit":2},"password":{"limit":2}}}`)
		p := h.Enrolled(org, "anna@example.com")
		r := h.Raw("")
		page := p.Attempt(r)
		for range 2 {
			r.Post(page, "code", p.Wrong())
			r.Post(page, "code", "no such recovery code")
		}
		r.Plant("sallyport-device", "")
		for range 2 {
			r.Post("/sign-in", "login", p.Login, "password", "wrong wrong wrong")
		}
		now := h.Clock.Now()
		if !p.Factor().Budget.Locked(now) || !p.Budget("codes").Locked(now) || !p.Budget("password").Locked(now) {
			t.Fatal("not everything is locked")
		}
		if err := h.Directory.Unlock(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if b := p.Factor().Budget; b.Locked(now) || b.Consecutive != 2 {
			t.Errorf("the app: %+v", b)
		}
		p.Enter(h.Raw(""))
	})
}

// B-39: the platform, and each self-managed organisation, keeps one
// administrator who can sign in, also when two go at the same time.
func TestTheLastAdministratorStays(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		self := h.Organisation("Self", "self-service", "")
		provider, err := h.Directory.CreateTenant(t.Context(), directory.NewTenant{Kind: core.Customer, Name: "Managed", Parent: h.Root.ID, ManagedBy: core.ManagedByProvider}, access.System(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		gone := func(p *house.Person) error {
			return h.Directory.Disable(t.Context(), p.ID, access.System(), core.Client{})
		}
		for i, c := range []struct {
			org  core.Tenant
			role core.Role
			want string
		}{{self, core.CustomerAdmin, "user.last_administrator"}, {h.Root, core.PlatformAdmin, "user.last_administrator"}, {provider, core.CustomerAdmin, ""}} {
			login := func(name string) string { return fmt.Sprintf("%s%d@example.com", name, i) }
			one, two := h.Enrolled(c.org, login("one"), c.role), h.Enrolled(c.org, login("two"), c.role)
			h.Invite(c.org, login("three"), c.role) // pending: cannot sign in
			h.Enrolled(c.org, login("help"), core.Helpdesk)
			if err := gone(one); err != nil {
				t.Errorf("%s: one of two: %v", c.org.Name, err)
			}
			if got := code(gone(two)); got != c.want {
				t.Errorf("%s: the last: %q, want %q", c.org.Name, got, c.want)
			}
		}
		for round := range 5 {
			org := h.Organisation(fmt.Sprintf("Race %d", round), "self-service", "")
			var people [3]*house.Person
			for i := range people {
				people[i] = h.Person(org, fmt.Sprintf("r%d.%d@example.com", round, i), core.CustomerAdmin)
			}
			var wg sync.WaitGroup
			for _, p := range people {
				wg.Add(1)
				go func() { defer wg.Done(); _ = gone(p) }()
			}
			wg.Wait()
			left := 0
			for _, p := range people {
				if s := p.User().State; s == core.UserActive || s == core.UserValidated {
					left++
				}
			}
			if left != 1 {
				t.Fatalf("three went at once, and %d stayed", left)
			}
		}
	})
}

// Decision 2: kinds and their parents, organisations and their settings.
func TestTenants(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		make := func(n directory.NewTenant) (core.Tenant, string) {
			tn, err := h.Directory.CreateTenant(t.Context(), n, access.System(), core.Client{})
			return tn, code(err)
		}
		partner, _ := make(directory.NewTenant{Kind: core.Partner, Name: "Partner", Parent: h.Root.ID})
		trial, _ := make(directory.NewTenant{Kind: core.Partner, Name: "Trial", Parent: h.Root.ID, Mode: core.Trial})
		folder, _ := make(directory.NewTenant{Kind: core.Folder, Name: "Folder", Parent: partner.ID})
		customer, _ := make(directory.NewTenant{Kind: core.Customer, Name: "Customer", Parent: folder.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
		unit, _ := make(directory.NewTenant{Kind: core.Unit, Name: "Unit", Parent: customer.ID})
		if unit.Path != h.Root.Path+string(partner.ID)+"/"+string(folder.ID)+"/"+string(customer.ID)+"/"+string(unit.ID)+"/" || unit.Organisation != customer.ID || folder.Organisation != partner.ID {
			t.Errorf("%+v", unit)
		}
		if customer.ManagedBy != core.ManagedByProvider || partner.ManagedBy != core.ManagedBySelf || !customer.SupportAccess || partner.SupportAccess {
			t.Errorf("managed by %s and %s, support access %v and %v", customer.ManagedBy, partner.ManagedBy, customer.SupportAccess, partner.SupportAccess)
		}
		for _, c := range []struct {
			name string
			n    directory.NewTenant
			want string
		}{
			{"a second platform", directory.NewTenant{Kind: core.Platform, Name: "X"}, "tenant.platform_exists"},
			{"a platform below", directory.NewTenant{Kind: core.Platform, Name: "X", Parent: h.Root.ID}, "tenant.parent_wrong"},
			{"a unit of a partner", directory.NewTenant{Kind: core.Unit, Name: "X", Parent: partner.ID}, "tenant.parent_wrong"},
			{"a customer of a customer", directory.NewTenant{Kind: core.Customer, Name: "X", Parent: customer.ID}, "tenant.parent_wrong"},
			{"a partner of a customer", directory.NewTenant{Kind: core.Partner, Name: "X", Parent: customer.ID}, "tenant.parent_wrong"},
			{"no such kind", directory.NewTenant{Kind: "team", Name: "X", Parent: h.Root.ID}, "tenant.parent_wrong"},
			{"a folder with settings", directory.NewTenant{Kind: core.Folder, Name: "X", Parent: partner.ID, Settings: core.SettingsDoc(`{}`)}, "tenant.settings_inherited"},
			{"a unit with a mode", directory.NewTenant{Kind: core.Unit, Name: "X", Parent: customer.ID, Mode: core.Trial}, "tenant.mode_inherited"},
			{"no such mode", directory.NewTenant{Kind: core.Customer, Name: "X", Parent: h.Root.ID, Mode: "demo"}, "tenant.mode_unknown"},
			{"bad settings", directory.NewTenant{Kind: core.Customer, Name: "X", Parent: h.Root.ID, Settings: core.SettingsDoc(`{"factors":[]}`)}, "policy.nobody_could_enrol"},
			{"null for settings", directory.NewTenant{Kind: core.Customer, Name: "X", Parent: h.Root.ID, Settings: core.SettingsDoc(`null`)}, "settings.invalid"},
			{"no name", directory.NewTenant{Kind: core.Customer, Name: " ", Parent: h.Root.ID}, "name.invalid"},
			{"no parent", directory.NewTenant{Kind: core.Customer, Name: "X", Parent: "tn_none"}, "not_found"},
		} {
			if _, got := make(c.n); got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
		for tn, want := range map[core.TenantID]core.MFAStatus{h.Root.ID: core.MFASetupRequired, partner.ID: core.MFASetupRequired, folder.ID: core.MFASetupRequired,
			trial.ID: core.MFADisabled, customer.ID: core.MFADisabled, unit.ID: core.MFADisabled} {
			login := string(tn) + "@example.com"
			u, err := h.CreateUser(t.Context(), directory.NewUser{Tenant: tn, Email: login, Name: "X"}, house.Password, false, access.Shell())
			if err != nil {
				t.Fatal(err)
			}
			p := (&house.Person{ID: u.ID, Tenant: tn, Login: login, Password: house.Password}).In(h)
			if got := p.Status(); got != want {
				t.Errorf("%s: %s, want %s", tn, got, want)
			}
			a := p.Knock(h.Raw(""))
			if due := strings.HasSuffix(a.Location, "setup-required"); due != (want == core.MFASetupRequired) {
				t.Errorf("%s: the door leads to %q, fault %q", tn, a.Location, a.Fault())
			}
		}
	})
}

// Settings are written one on top of another; what is locked or would lock people
// out is refused, and each change is felt at once and written down.
func TestChangeSettings(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Set", "self-service", "")
		unit, err := h.Directory.CreateTenant(t.Context(), directory.NewTenant{Kind: core.Unit, Name: "Unit", Parent: org.ID}, access.System(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		change := func(id core.TenantID, doc string) string {
			_, err := h.Directory.ChangeSettings(t.Context(), id, core.SettingsDoc(doc), access.System(), core.Client{})
			h.Settle()
			return code(err)
		}
		for _, c := range []struct{ doc, want string }{
			{`{"requirement":["organization"]}`, ""},
			{`{"requirement":[]}`, core.ErrUseMFASwitch.Code},
			{`{"requirement":null}`, core.ErrUseMFASwitch.Code}, // the default is empty
			{`{"Requirement":[]}`, "settings.invalid"},
			{`{"requirement":["organization"],"requirement":[]}`, "settings.invalid"},
			{`{"factors":["passkey"]}`, core.ErrNobodyCouldEnrol.Code},
			{`{"factors":[]}`, core.ErrNobodyCouldEnrol.Code},
			{`{"nonsense":1}`, "settings.invalid"},
			{`null`, "settings.invalid"},
			{`[]`, "settings.invalid"},
			{`{"session":{"idle":"30m"}}`, ""},
			{`{"session":{"max":"10m"}}`, "settings.invalid"}, // right by itself, wrong with what is there
			{`{"session":{"max":"2h"}}`, ""},
		} {
			if got := change(org.ID, c.doc); got != c.want {
				t.Errorf("%s: %q, want %q", c.doc, got, c.want)
			}
		}
		if got := change(unit.ID, `{}`); got != "tenant.settings_inherited" {
			t.Errorf("a unit: %q", got)
		}
		e, err := h.Tree.Effective(t.Context(), unit.ID)
		if err != nil || time.Duration(e.Settings.Session.Idle) != 30*time.Minute || time.Duration(e.Settings.Session.Max) != 2*time.Hour || !e.Settings.Requires(core.RequireOrganization) {
			t.Errorf("the unit has %+v, %v", e.Settings.Session, err)
		}
		events, err := h.Store.EventsAfter(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, ev := range events {
			if ev.Name == "policy.changed" && ev.Target == string(org.ID) {
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d changes in the audit log, want 3", n)
		}
	})
}

// TestRolesGivenAreWrittenDown: who was given a right, by whom, stands in the log.
func TestRolesGivenAreWrittenDown(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "", "")
		admin := h.Person(org, "admin@example.com", core.CustomerAdmin)
		plain := h.Person(org, "plain@example.com")
		given := func(p *house.Person) (roles []string) {
			for _, e := range p.Events() {
				if e.Name == "user.role_granted" {
					roles = append(roles, e.Detail["role"])
				}
			}
			return roles
		}
		if got := given(admin); len(got) != 1 || got[0] != "customer_admin" {
			t.Errorf("the administrator's log has %v", got)
		}
		if got := given(plain); len(got) != 0 {
			t.Errorf("a plain person's log has %v", got)
		}
	})
}

// DS-06: what holds for a tenant is remembered while the feed is read, forgotten
// when it says so, and read anew when it is not.
func TestTreeRemembersWhileTheFeedIsRead(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Tree", "self-service", "")
		fresh := true
		tree := directory.NewTree(h.Store, func() bool { return fresh })
		days := func() int {
			t.Helper()
			e, err := tree.Effective(t.Context(), org.ID)
			if err != nil {
				t.Fatal(err)
			}
			return e.Settings.InvitationDays
		}
		if got := days(); got != 15 {
			t.Fatal(got)
		}
		h.Settings(org.ID, `{"invitation_days":3}`)
		if got := days(); got != 15 {
			t.Errorf("%d: nothing is remembered", got)
		}
		tree.Forget(core.Change{Kind: core.ChangeSession, Key: "se_1"})
		if got := days(); got != 15 {
			t.Errorf("%d: forgotten for a reason that is none", got)
		}
		tree.Forget(core.Change{Kind: core.ChangeTenant, Key: string(org.ID)})
		if got := days(); got != 3 {
			t.Errorf("%d: told of the change, and not read anew", got)
		}
		h.Settings(org.ID, `{"invitation_days":4}`)
		fresh = false
		if got := days(); got != 4 {
			t.Errorf("%d: remembered without the feed", got)
		}
		if _, err := tree.Effective(t.Context(), "tn_none"); err == nil {
			t.Error("a tenant that is none has settings")
		}
	})
}
