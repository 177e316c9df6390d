package access_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/internal/access"
	"sallyport/internal/core"
)

// The tree that the tables speak of:
//
//	root
//	├── partner (closed)                              other (a partner, closed)
//	│   ├── folder
//	│   │   └── mine (customer, provider, open)
//	│   │       └── unit
//	│   ├── sibling (customer, self, closed)
//	│   └── sub (partner, closed)
//	│       └── deep (customer, provider, open)
var (
	platformNode = node("", "r", core.Platform, false, core.ManagedBySelf)
	partnerNode  = node(platformNode.Path, "p", core.Partner, false, core.ManagedBySelf)
	folderNode   = node(partnerNode.Path, "f", core.Folder, false, "")
	mineNode     = node(folderNode.Path, "mine", core.Customer, true, core.ManagedByProvider)
	unitNode     = node(mineNode.Path, "u", core.Unit, false, "")
	siblingNode  = node(partnerNode.Path, "mine2", core.Customer, false, core.ManagedBySelf) // its id begins like another
	subNode      = node(partnerNode.Path, "sub", core.Partner, false, core.ManagedBySelf)
	deepNode     = node(subNode.Path, "deep", core.Customer, true, core.ManagedByProvider)
	otherNode    = node(platformNode.Path, "q", core.Partner, false, core.ManagedBySelf)

	root    = access.PlaceOf([]core.Tenant{platformNode})
	partner = access.PlaceOf([]core.Tenant{platformNode, partnerNode})
	folder  = access.PlaceOf([]core.Tenant{platformNode, partnerNode, folderNode})
	mine    = access.PlaceOf([]core.Tenant{platformNode, partnerNode, folderNode, mineNode})
	unit    = access.PlaceOf([]core.Tenant{platformNode, partnerNode, folderNode, mineNode, unitNode})
	sibling = access.PlaceOf([]core.Tenant{platformNode, partnerNode, siblingNode})
	sub     = access.PlaceOf([]core.Tenant{platformNode, partnerNode, subNode})
	deep    = access.PlaceOf([]core.Tenant{platformNode, partnerNode, subNode, deepNode})
	other   = access.PlaceOf([]core.Tenant{platformNode, otherNode})

	places = map[string]access.Place{"root": root, "partner": partner, "folder": folder, "mine": mine, "unit": unit, "sibling": sibling, "sub": sub, "deep": deep, "other": other}
)

func node(above, id string, kind core.TenantKind, open bool, by core.ManagedBy) core.Tenant {
	if above == "" {
		above = "/"
	}
	return core.Tenant{ID: core.TenantID(id), Path: above + id + "/", Kind: kind, SupportAccess: open, ManagedBy: by}
}

func holder(grants ...access.Grant) access.Actor {
	return access.Actor{User: core.User{ID: "us_1", Name: "Eva"}, Grants: grants}
}

func grant(r core.Role, at access.Place) access.Grant { return access.Grant{Role: r, At: at} }

func without(p ...access.Permission) []access.Permission {
	return slices.DeleteFunc(slices.Clone(access.Permissions), func(q access.Permission) bool { return slices.Contains(p, q) })
}

// The whole table, written out: who may do what in the organisation where they
// hold the role, and nowhere beside or above.
func TestRoles(t *testing.T) {
	may := map[core.Role][]access.Permission{
		core.PlatformAdmin: access.Permissions,
		core.PartnerAdmin:  without(access.Operate),
		core.CustomerAdmin: without(access.Operate, access.ActAs),
		core.Helpdesk:      {access.ViewPeople, access.Reinvite, access.Unlock, access.ResetMFA, access.Untrust, access.MakePass},
		core.Auditor:       {access.ViewTenants, access.ViewPeople, access.ViewAudit},
		core.RoleUser:      nil,
		"superuser":        nil, // not in the table: nothing
		"":                 nil,
	}
	for role, want := range may {
		a := holder(grant(role, mine))
		for _, p := range append(slices.Clone(access.Permissions), "everything", "") {
			has := slices.Contains(want, p)
			for name, at := range places {
				inside := name == "mine" || name == "unit"
				if got := a.Can(p, at); got != (has && inside) {
					t.Errorf("%s may %s at %s: %v", role, p, name, got)
				}
			}
			for name, at := range map[string]access.Place{"nowhere": {}, "a path without an organisation": {Path: mine.Path}, "a path without an end": {Path: "/r/p/f/mine", Line: mine.Line}} {
				if a.Can(p, at) || a.Holds(p, at) {
					t.Errorf("%s may %s at %s", role, p, name)
				}
			}
		}
	}
}

// Decision 2: without acting, those above see that an organisation is there, decide
// what becomes of it as a whole, and move the switch where the provider manages it; nothing else.
func TestWhatReachesIntoOrganisationsBelow(t *testing.T) {
	for name, c := range map[string]struct {
		actor access.Actor
		at    access.Place
		may   []access.Permission
	}{
		"partner in a customer it manages": {holder(grant(core.PartnerAdmin, partner)), mine, []access.Permission{access.ViewTenants, access.ManageTenants, access.ActAs, access.SwitchMFA}},
		"and in its unit":                  {holder(grant(core.PartnerAdmin, partner)), unit, []access.Permission{access.ViewTenants, access.ActAs, access.SwitchMFA}},
		"partner in one that is its own":   {holder(grant(core.PartnerAdmin, partner)), sibling, []access.Permission{access.ViewTenants, access.ManageTenants, access.ActAs}},
		"platform in a partner":            {holder(grant(core.PlatformAdmin, root)), partner, []access.Permission{access.ViewTenants, access.ManageTenants, access.ActAs}},
		"administrator of the folder":      {holder(grant(core.PartnerAdmin, folder)), mine, []access.Permission{access.ViewTenants, access.ManageTenants, access.ActAs, access.SwitchMFA}},
		"and not above it":                 {holder(grant(core.PartnerAdmin, folder)), partner, nil},
		"partner in its own folder":        {holder(grant(core.PartnerAdmin, partner)), folder, without(access.Operate)},
		"partner's helpdesk in a customer": {holder(grant(core.Helpdesk, partner)), mine, nil},
		"partner's auditor in a customer":  {holder(grant(core.Auditor, partner)), mine, []access.Permission{access.ViewTenants}},
		"another partner":                  {holder(grant(core.PartnerAdmin, other)), mine, nil},
		"customer in its partner":          {holder(grant(core.CustomerAdmin, mine)), partner, nil},
		"a custom role that may not act": {holder(access.Grant{Role: "ro_1", Base: core.PartnerAdmin, At: partner, Cut: []access.Permission{access.ViewTenants, access.ResetMFA}}), mine,
			[]access.Permission{access.ViewTenants}},
	} {
		for _, p := range access.Permissions {
			if got := c.actor.Can(p, c.at); got != slices.Contains(c.may, p) {
				t.Errorf("%s: %s: %v", name, p, got)
			}
		}
	}
}

// Decision 2, ACR-05, B-39: acting needs the right, an open way down, and goes
// down only; it gives what the administrator there may, never more than the actor
// has, and nothing anywhere else.
func TestActing(t *testing.T) {
	boss, admin := holder(grant(core.PartnerAdmin, partner)), holder(grant(core.PlatformAdmin, root))
	for name, c := range map[string]struct {
		actor access.Actor
		in    access.Place
		want  bool
	}{
		"partner in an open customer":             {boss, mine, true},
		"partner in a closed one":                 {boss, sibling, false},
		"partner in a closed partner below":       {boss, sub, false},
		"through a closed one to an open one":     {boss, deep, false},
		"the closed one itself":                   {holder(grant(core.PartnerAdmin, sub)), deep, true},
		"in one's own organisation":               {boss, partner, false},
		"in a unit":                               {boss, unit, false},
		"in a folder":                             {boss, folder, false},
		"upward":                                  {holder(grant(core.CustomerAdmin, mine)), partner, false},
		"platform through a closed partner":       {admin, mine, false},
		"a customer's administrator in their own": {holder(grant(core.CustomerAdmin, mine)), mine, false},
		"helpdesk":                                {holder(grant(core.Helpdesk, partner)), mine, false},
		"auditor":                                 {holder(grant(core.Auditor, partner)), mine, false},
		"a neighbour":                             {holder(grant(core.PartnerAdmin, other)), mine, false},
		"the shell, which needs none of it":       {access.Shell(), mine, false},
		"nobody":                                  {access.Actor{}, mine, false},
	} {
		if got := c.actor.MayActIn(c.in); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	boss.Acting = &access.Acting{At: mine, Reason: "ticket 4711"}
	for _, p := range access.Permissions {
		want := p != access.Operate && p != access.ActAs && p != access.SupportAccess
		for name, at := range places {
			inside := name == "mine" || name == "unit"
			if got := boss.Can(p, at); got != (want && inside) {
				t.Errorf("acting, %s at %s: %v", p, name, got)
			}
		}
	}
	// Support access that was closed meanwhile, and a way that was.
	for name, at := range map[string]access.Place{"closed": sibling, "closed on the way": deep} {
		boss.Acting = &access.Acting{At: at}
		for _, p := range access.Permissions {
			if boss.Can(p, at) {
				t.Errorf("acting in one that is %s: %s", name, p)
			}
		}
	}
	// Fewer rights of one's own are fewer while acting.
	some := holder(access.Grant{Role: "ro_1", Base: core.PartnerAdmin, At: partner, Cut: []access.Permission{access.ActAs, access.ViewPeople}})
	some.Acting = &access.Acting{At: mine}
	for _, p := range access.Permissions {
		if got := some.Can(p, mine); got != (p == access.ViewPeople) {
			t.Errorf("acting with a custom role: %s: %v", p, got)
		}
	}
	// Acting as a partner: what that one's administrator may, customers included.
	open := subNode
	open.SupportAccess = true
	opened, below := access.PlaceOf([]core.Tenant{platformNode, partnerNode, open}), access.PlaceOf([]core.Tenant{platformNode, partnerNode, open, deepNode})
	as := holder(grant(core.PartnerAdmin, partner))
	as.Acting = &access.Acting{At: opened}
	for p, want := range map[access.Permission]bool{access.ManageTenants: true, access.ViewTenants: true, access.SwitchMFA: true, access.ResetMFA: false, access.ActAs: false, access.ViewPeople: false} {
		if got := as.Can(p, below); got != want {
			t.Errorf("acting as a partner, %s in its customer: %v", p, got)
		}
	}
}

func TestNobodyHasNoRights(t *testing.T) {
	for name, a := range map[string]access.Actor{"nobody": {}, "no grants": holder(), "a grant nowhere": holder(access.Grant{Role: core.PlatformAdmin}),
		"a branch without an end": holder(access.Grant{Role: core.PlatformAdmin, At: access.Place{Path: "/r", Line: root.Line}})} {
		for _, p := range access.Permissions {
			if a.Can(p, mine) || a.Can(p, access.Place{}) || a.Holds(p, mine) {
				t.Errorf("%s may %s", name, p)
			}
		}
		if a.MayGrant(grant(core.RoleUser, mine)) || a.MayInviteFirst(mine) {
			t.Errorf("%s may grant", name)
		}
	}
}

func TestShellAndSystem(t *testing.T) {
	for _, a := range []access.Actor{access.Shell(), access.System()} {
		for _, p := range access.Permissions {
			if !a.Can(p, mine) {
				t.Errorf("%s may not %s", a.ID(), p)
			}
		}
		if !a.MayGrant(grant(core.PlatformAdmin, root)) || a.MayGrant(grant("superuser", root)) {
			t.Errorf("%s grants wrongly", a.ID())
		}
		if err := a.Prove(time.Now(), true); err != nil {
			t.Errorf("%s is asked for %v", a.ID(), err)
		}
	}
	if access.Shell().ID() != core.ActorShell || access.System().ID() != core.ActorSystem || holder().ID() != "us_1" || holder().Name() != "Eva" || access.Shell().Name() != "" {
		t.Error("actors are named wrongly")
	}
	if !access.Shell().IsShell() || access.System().IsShell() || !access.System().IsSystem() || holder().IsShell() {
		t.Error("actors are told apart wrongly")
	}
}

// Row CAL-14.
func TestMayGrant(t *testing.T) {
	acting := holder(grant(core.PartnerAdmin, partner))
	acting.Acting = &access.Acting{At: mine}
	few := access.Grant{Role: "ro_1", Base: core.Helpdesk, Cut: []access.Permission{access.ViewPeople, access.Unlock}, At: mine}
	for _, c := range []struct {
		name  string
		actor access.Actor
		give  access.Grant
		want  bool
	}{
		{"administrator makes administrator", holder(grant(core.CustomerAdmin, mine)), grant(core.CustomerAdmin, mine), true},
		{"and helpdesk below", holder(grant(core.CustomerAdmin, mine)), grant(core.Helpdesk, unit), true},
		{"not at the neighbour's", holder(grant(core.CustomerAdmin, mine)), grant(core.RoleUser, sibling), false},
		{"not above", holder(grant(core.CustomerAdmin, mine)), grant(core.CustomerAdmin, partner), false},
		{"not one who operates", holder(grant(core.PartnerAdmin, partner)), grant(core.PlatformAdmin, partner), false},
		{"not one who acts elsewhere", holder(grant(core.CustomerAdmin, mine)), grant(core.PartnerAdmin, mine), false},
		{"partner makes partner's administrator", holder(grant(core.PartnerAdmin, partner)), grant(core.PartnerAdmin, folder), true},
		{"partner in a customer without acting", holder(grant(core.PartnerAdmin, partner)), grant(core.CustomerAdmin, mine), false},
		{"partner in a customer, acting", acting, grant(core.CustomerAdmin, mine), true},
		{"acting, where they come from", acting, grant(core.PartnerAdmin, partner), false},
		{"helpdesk invites nobody", holder(grant(core.Helpdesk, mine)), grant(core.RoleUser, mine), false},
		{"and makes no helpdesk", holder(grant(core.Helpdesk, mine)), grant(core.Helpdesk, mine), false},
		{"an auditor invites nobody", holder(grant(core.Auditor, mine)), grant(core.RoleUser, mine), false},
		{"two roles together", holder(grant(core.CustomerAdmin, mine), grant(core.PlatformAdmin, root)), grant(core.PlatformAdmin, root), true},
		{"a custom role", holder(grant(core.CustomerAdmin, mine)), few, true},
		{"a custom role by one who has less", holder(access.Grant{Role: "ro_2", Base: core.CustomerAdmin, At: mine, Cut: []access.Permission{access.GrantRoles, access.ViewPeople}}), few, false},
		{"a role that nobody knows", holder(grant(core.PlatformAdmin, root)), grant("superuser", root), false},
		{"a custom role of no base", holder(grant(core.PlatformAdmin, root)), access.Grant{Role: "ro_3", Base: "superuser", At: root}, false},
	} {
		if got := c.actor.MayGrant(c.give); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func anyGrant(t *rapid.T) access.Grant {
	at := rapid.SampledFrom([]access.Place{root, partner, folder, mine, unit, sibling, sub, deep, other}).Draw(t, "at")
	if rapid.Bool().Draw(t, "custom") {
		return access.Grant{Role: "ro_1", Base: rapid.SampledFrom(core.Roles).Draw(t, "base"), At: at,
			Cut: rapid.SliceOfN(rapid.SampledFrom(access.Permissions), 0, 12).Draw(t, "cut")}
	}
	return grant(rapid.SampledFrom(append(slices.Clone(core.Roles), "superuser")).Draw(t, "role"), at)
}

func anyActor(t *rapid.T) access.Actor {
	a := holder(rapid.SliceOfN(rapid.Custom(anyGrant), 0, 3).Draw(t, "grants")...)
	if rapid.Bool().Draw(t, "acting") {
		a.Acting = &access.Acting{At: rapid.SampledFrom([]access.Place{partner, mine, sibling, sub, deep}).Draw(t, "acting in")}
	}
	return a
}

// Nobody grants what they lack: whatever A may make of B, B can do nothing there
// that A could not do or does not hold.
func TestNobodyGrantsWhatTheyLack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyActor(t)
		give := anyGrant(t)
		if !a.MayGrant(give) {
			return
		}
		b := holder(give)
		for _, p := range access.Permissions {
			for name, at := range places {
				if b.Can(p, at) && !a.Can(p, at) && !a.Holds(p, at) {
					t.Fatalf("%+v made %+v, who may %s at %s", a.Grants, give, p, name)
				}
			}
		}
	})
}

// B-39: acting gives nobody a right that they do not hold, and none above.
func TestActingGivesNothingNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyActor(t)
		if a.Acting == nil {
			return
		}
		for _, p := range access.Permissions {
			for name, at := range places {
				if !a.Can(p, at) {
					continue
				}
				if !a.Holds(p, a.Acting.At) {
					t.Fatalf("%+v acting in %s may %s at %s and does not hold it", a.Grants, a.Acting.At.Path, p, name)
				}
				if !a.MayActIn(a.Acting.At) {
					t.Fatalf("%+v may %s at %s and may not act in %s", a.Grants, p, name, a.Acting.At.Path)
				}
			}
		}
	})
}

// Decision 3: nobody acts on a person who holds a right that they lack, and
// helpdesk acts on plain users only.
func TestMayActOn(t *testing.T) {
	admin, help := grant(core.CustomerAdmin, mine), grant(core.Helpdesk, mine)
	user, auditor := grant(core.RoleUser, mine), grant(core.Auditor, mine)
	few := access.Grant{Role: "ro_1", Base: core.CustomerAdmin, At: mine, Cut: []access.Permission{access.GrantRoles, access.ResetMFA, access.ViewPeople}}
	for _, c := range []struct {
		name  string
		actor access.Actor
		on    []access.Grant
		want  bool
	}{
		{"helpdesk on a user", holder(help), []access.Grant{user}, true},
		{"helpdesk on somebody without a role", holder(help), nil, true},
		{"helpdesk on helpdesk", holder(help), []access.Grant{help}, false},
		{"helpdesk on an auditor", holder(help), []access.Grant{user, auditor}, false},
		{"helpdesk on an administrator", holder(help), []access.Grant{admin}, false},
		{"administrator on helpdesk", holder(admin), []access.Grant{help}, true},
		{"administrator on administrator", holder(admin), []access.Grant{admin}, true},
		{"administrator on one who is that elsewhere too", holder(admin), []access.Grant{user, grant(core.CustomerAdmin, sibling)}, false},
		{"administrator on one who is helpdesk above", holder(admin), []access.Grant{grant(core.Helpdesk, partner)}, false},
		{"administrator who is helpdesk too", holder(admin, help), []access.Grant{help}, true},
		{"partner on an open customer's", holder(grant(core.PartnerAdmin, partner)), []access.Grant{admin}, true},
		{"partner on one who is that in a closed one too", holder(grant(core.PartnerAdmin, partner)), []access.Grant{admin, grant(core.CustomerAdmin, sibling)}, false},
		{"partner on one behind a closed one", holder(grant(core.PartnerAdmin, partner)), []access.Grant{grant(core.CustomerAdmin, deep)}, false},
		{"partner on who operates", holder(grant(core.PartnerAdmin, partner)), []access.Grant{grant(core.PlatformAdmin, root)}, false},
		{"fewer rights on more", holder(few), []access.Grant{admin}, false},
		{"fewer rights on the same", holder(few), []access.Grant{few}, true},
		{"on a role that nobody knows", holder(grant(core.PlatformAdmin, root)), []access.Grant{grant("superuser", mine)}, false},
		{"the shell", access.Shell(), []access.Grant{grant(core.PlatformAdmin, root)}, true},
	} {
		if got := c.actor.MayActOn(c.on); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A customer whose only administrator left is no dead end: those above may invite
// one, also where they are kept out otherwise.
func TestMayInviteFirst(t *testing.T) {
	acting := holder(grant(core.PartnerAdmin, partner))
	acting.Acting = &access.Acting{At: mine}
	for _, c := range []struct {
		name  string
		actor access.Actor
		in    access.Place
		want  bool
	}{
		{"partner in a closed customer", holder(grant(core.PartnerAdmin, partner)), sibling, true},
		{"platform in a closed partner", holder(grant(core.PlatformAdmin, root)), partner, true},
		{"platform behind one", holder(grant(core.PlatformAdmin, root)), deep, true},
		{"another partner", holder(grant(core.PartnerAdmin, other)), sibling, false},
		{"helpdesk", holder(grant(core.Helpdesk, partner)), sibling, false},
		{"who may not grant", holder(access.Grant{Role: "ro_1", Base: core.PartnerAdmin, At: partner, Cut: []access.Permission{access.ManageTenants, access.Invite}}), sibling, false},
		{"while acting", acting, mine, false},
		{"the shell", access.Shell(), sibling, true},
	} {
		if got := c.actor.MayInviteFirst(c.in); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Decision 7.8, ACR-17, ACR-24, DS-14, N-27: the actor's own proof, fresh, at the
// highest level they have, and a second factor as soon as anybody there has one.
func TestProve(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := func(k core.FactorKind, ago time.Duration) core.Proof { return core.Proof{Kind: k, At: now.Add(-ago)} }
	for _, c := range []struct {
		name     string
		enrolled bool
		anybody  bool
		proofs   []core.Proof
		want     string
	}{
		{"password, nobody has more", false, false, []core.Proof{p(core.FactorPassword, time.Minute)}, ""},
		{"an old password", false, false, []core.Proof{p(core.FactorPassword, access.Fresh)}, access.AskPassword},
		{"nothing", false, false, nil, access.AskPassword},
		{"the actor has a factor", true, false, []core.Proof{p(core.FactorPassword, time.Minute)}, access.AskSecond},
		{"and shows it", true, false, []core.Proof{p(core.FactorTOTP, access.Fresh-1)}, ""},
		{"and showed it long ago", true, true, []core.Proof{p(core.FactorPassword, 0), p(core.FactorTOTP, access.Fresh)}, access.AskSecond},
		{"a recovery code", true, true, []core.Proof{p(core.FactorRecoveryCode, time.Second)}, ""},
		{"a passkey", true, true, []core.Proof{p(core.FactorPasskey, time.Second)}, ""},
		{"a code by mail", true, false, []core.Proof{p(core.FactorEmailCode, time.Second)}, access.AskSecond},
		{"somebody there has a factor, the actor none", false, true, []core.Proof{p(core.FactorPassword, time.Second)}, access.AskEnrol},
		{"of a moment to come", true, true, []core.Proof{p(core.FactorTOTP, -time.Minute)}, access.AskSecond},
		{"of a kind that nobody knows", true, true, []core.Proof{p("carrier_pigeon", time.Second)}, access.AskSecond},
		{"a temporary pass", false, true, []core.Proof{p("pass", time.Second), p(core.FactorPassword, time.Second)}, access.AskEnrol},
	} {
		a := access.Actor{User: core.User{ID: "us_1"}, Proofs: c.proofs, Enrolled: c.enrolled}
		err := a.Prove(now, c.anybody)
		got := ""
		if f, ok := core.AsFault(err); ok && errors.Is(err, core.ErrStepUp) {
			got, _ = f.Params["method"].(string)
		}
		if got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: asked for %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

func TestRolesFitTheirTenants(t *testing.T) {
	fits := map[core.Role][]core.TenantKind{
		core.PlatformAdmin: {core.Platform}, core.PartnerAdmin: {core.Partner, core.Folder}, core.CustomerAdmin: {core.Customer, core.Unit},
	}
	kinds := []core.TenantKind{core.Platform, core.Partner, core.Folder, core.Customer, core.Unit}
	for _, r := range core.Roles {
		for _, k := range kinds {
			want, bound := fits[r]
			if got := access.Fits(r, k); got != (!bound || slices.Contains(want, k)) {
				t.Errorf("%s on a %s: %v", r, k, got)
			}
		}
	}
	if access.Fits("superuser", core.Platform) {
		t.Error("a role that nobody knows fits")
	}
	for _, k := range kinds {
		if !access.Fits(access.Administrator(k), k) {
			t.Errorf("the administrator of a %s does not fit it", k)
		}
	}
}

// Decision 3: a custom role is a clone with fewer rights.
func TestCustomRolesHaveFewerRights(t *testing.T) {
	all := func(r core.Role) (out []string) {
		for _, p := range access.Rights(r) {
			out = append(out, string(p))
		}
		return out
	}
	for _, c := range []struct {
		name   string
		base   core.Role
		rights []string
		want   string
	}{
		{"fewer", core.Helpdesk, []string{"people.view", "people.unlock"}, ""},
		{"all of them", core.Helpdesk, all(core.Helpdesk), "role.not_fewer"},
		{"one that the base lacks", core.Helpdesk, []string{"people.view", "people.delete"}, "role.right_not_in_base"},
		{"one that nobody knows", core.Helpdesk, []string{"everything"}, "role.right_not_in_base"},
		{"none", core.Helpdesk, nil, "role.without_rights"},
		{"of a plain user", core.RoleUser, []string{"people.view"}, "role.base_unknown"},
		{"of nothing", "", []string{"people.view"}, "role.base_unknown"},
		{"of a custom one", "ro_1", []string{"people.view"}, "role.base_unknown"},
	} {
		got := ""
		if f, ok := core.AsFault(access.CheckCustom(c.base, c.rights)); ok {
			got = f.Code
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// What slipped into a stored role is still no right.
	g := access.Grant{Role: "ro_1", Base: core.Helpdesk, At: mine, Cut: []access.Permission{access.Unlock, access.DeletePeople, "x"}}
	if got := g.Rights(); len(got) != 1 || got[0] != access.Unlock {
		t.Errorf("%v", got)
	}
	if !access.Privileged([]access.Grant{g}) || access.Privileged([]access.Grant{grant(core.RoleUser, mine)}) || !access.Privileged([]access.Grant{grant("superuser", mine)}) {
		t.Error("who holds a right is told wrongly")
	}
}

// Decision 2: what is made, put or taken inside an organisation further down needs
// acting in it; a whole organisation goes where those above it say.
func TestWhoMayShapeWhat(t *testing.T) {
	boss, acting, admin := holder(grant(core.PartnerAdmin, partner)), holder(grant(core.PartnerAdmin, partner)), holder(grant(core.CustomerAdmin, mine))
	acting.Acting = &access.Acting{At: mine}
	for name, c := range map[string]struct {
		got, want bool
	}{
		"make in one's own":                 {boss.MayMakeUnder(partner), true},
		"make in one's own folder":          {boss.MayMakeUnder(folder), true},
		"make in a customer":                {boss.MayMakeUnder(mine), false},
		"make in a customer's unit":         {boss.MayMakeUnder(unit), false},
		"make in a partner below":           {boss.MayMakeUnder(sub), false},
		"make while acting":                 {acting.MayMakeUnder(unit), true},
		"make above, acting":                {acting.MayMakeUnder(folder), false},
		"make as its administrator":         {admin.MayMakeUnder(mine), true},
		"shape a customer":                  {boss.MayShape(mine, folder), true},
		"shape a customer of a partner":     {boss.MayShape(deep, sub), true},
		"shape a partner below":             {boss.MayShape(sub, partner), true},
		"shape one's own folder":            {boss.MayShape(folder, partner), true},
		"shape oneself":                     {boss.MayShape(partner, root), false},
		"shape a unit of a customer":        {boss.MayShape(unit, mine), false},
		"shape it while acting":             {acting.MayShape(unit, mine), true},
		"shape what one acts in":            {acting.MayShape(mine, folder), false},
		"shape it as its administrator":     {admin.MayShape(unit, mine), true},
		"put a customer under a partner":    {boss.MayPutUnder(core.Customer, sub), true},
		"put a unit into a customer":        {boss.MayPutUnder(core.Unit, mine), false},
		"put a folder into a partner below": {boss.MayPutUnder(core.Folder, sub), false},
		"put a folder under one's own":      {boss.MayPutUnder(core.Folder, folder), true},
		"put a customer beside":             {boss.MayPutUnder(core.Customer, other), false},
		"nobody":                            {access.Actor{}.MayMakeUnder(mine), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", name, c.got)
		}
	}
}
