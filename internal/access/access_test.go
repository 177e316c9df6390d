package access_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sallyport/internal/access"
	"sallyport/internal/core"
)

const (
	root    = "/r/"
	partner = "/r/p/"
	mine    = "/r/p/mine/"
	unit    = "/r/p/mine/u/"
	sibling = "/r/p/mine2/" // its id begins like ours
	other   = "/r/q/"
)

func holder(grants ...access.Grant) access.Actor {
	return access.Actor{User: core.User{ID: "us_1", Name: "Eva"}, Grants: grants}
}

// The whole table, written out: who may do what on the branch where they hold
// the role.
func TestRoles(t *testing.T) {
	may := map[core.Role][]access.Permission{
		core.PlatformAdmin: access.Permissions,
		core.PartnerAdmin:  slices.DeleteFunc(slices.Clone(access.Permissions), func(p access.Permission) bool { return p == access.Operate }),
		core.CustomerAdmin: slices.DeleteFunc(slices.Clone(access.Permissions), func(p access.Permission) bool { return p == access.Operate }),
		core.Helpdesk:      {access.ViewPeople, access.Invite, access.Unlock, access.ResetMFA},
		core.Auditor:       {access.ViewPeople, access.ViewAudit},
		core.RoleUser:      nil,
		"superuser":        nil, // not in the table: nothing
		"":                 nil,
	}
	for role, want := range may {
		a := holder(access.Grant{Role: role, Path: mine})
		for _, p := range append(slices.Clone(access.Permissions), "everything", "") {
			has := slices.Contains(want, p)
			for path, inside := range map[string]bool{mine: true, unit: true, root: false, partner: false, sibling: false, other: false, "": false, "/r/p/mine": false} {
				if got := a.Can(p, path); got != (has && inside) {
					t.Errorf("%s may %s at %q: %v", role, p, path, got)
				}
			}
		}
	}
}

func TestNobodyHasNoRights(t *testing.T) {
	for name, a := range map[string]access.Actor{"nobody": {}, "no grants": holder(), "an empty branch": holder(access.Grant{Role: core.PlatformAdmin}),
		"a branch without an end": holder(access.Grant{Role: core.PlatformAdmin, Path: "/r"})} {
		for _, p := range access.Permissions {
			if a.Can(p, mine) || a.Can(p, "") {
				t.Errorf("%s may %s", name, p)
			}
		}
		if a.MayGrant(core.RoleUser, mine) {
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
		if !a.MayGrant(core.PlatformAdmin, root) || a.MayGrant("superuser", root) {
			t.Errorf("%s grants wrongly", a.ID())
		}
	}
	if access.Shell().ID() != core.ActorShell || access.System().ID() != core.ActorSystem || holder().ID() != "us_1" || holder().Name() != "Eva" || access.Shell().Name() != "" {
		t.Error("actors are named wrongly")
	}
}

// Row CAL-14.
func TestMayGrant(t *testing.T) {
	for _, c := range []struct {
		name  string
		actor access.Actor
		role  core.Role
		path  string
		want  bool
	}{
		{"administrator makes administrator", holder(access.Grant{Role: core.CustomerAdmin, Path: mine}), core.CustomerAdmin, mine, true},
		{"and helpdesk below", holder(access.Grant{Role: core.CustomerAdmin, Path: mine}), core.Helpdesk, unit, true},
		{"not at the neighbour's", holder(access.Grant{Role: core.CustomerAdmin, Path: mine}), core.RoleUser, sibling, false},
		{"not above", holder(access.Grant{Role: core.CustomerAdmin, Path: mine}), core.CustomerAdmin, partner, false},
		{"not one who operates", holder(access.Grant{Role: core.PartnerAdmin, Path: partner}), core.PlatformAdmin, partner, false},
		{"helpdesk invites people", holder(access.Grant{Role: core.Helpdesk, Path: mine}), core.RoleUser, mine, true},
		{"but makes no helpdesk", holder(access.Grant{Role: core.Helpdesk, Path: mine}), core.Helpdesk, mine, false},
		{"and no auditor", holder(access.Grant{Role: core.Helpdesk, Path: mine}), core.Auditor, mine, false},
		{"an auditor invites nobody", holder(access.Grant{Role: core.Auditor, Path: mine}), core.RoleUser, mine, false},
		{"two roles together", holder(access.Grant{Role: core.CustomerAdmin, Path: mine}, access.Grant{Role: core.PlatformAdmin, Path: root}), core.PlatformAdmin, root, true},
		{"a role that nobody knows", holder(access.Grant{Role: core.PlatformAdmin, Path: root}), "superuser", root, false},
	} {
		if got := c.actor.MayGrant(c.role, c.path); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

var paths = []string{root, partner, mine, unit, sibling, other}

func anyActor(t *rapid.T) access.Actor {
	g := rapid.Custom(func(t *rapid.T) access.Grant {
		return access.Grant{Role: rapid.SampledFrom(append(slices.Clone(core.Roles), "superuser")).Draw(t, "role"), Path: rapid.SampledFrom(paths).Draw(t, "path")}
	})
	return holder(rapid.SliceOfN(g, 0, 3).Draw(t, "grants")...)
}

// Nobody grants what they lack: whatever A may make of B, B can do nothing there
// that A could not.
func TestNobodyGrantsWhatTheyLack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyActor(t)
		role, path := rapid.SampledFrom(core.Roles).Draw(t, "role"), rapid.SampledFrom(paths).Draw(t, "path")
		if !a.MayGrant(role, path) {
			return
		}
		b := holder(access.Grant{Role: role, Path: path})
		for _, p := range access.Permissions {
			for _, at := range paths {
				if b.Can(p, at) && !a.Can(p, at) {
					t.Fatalf("%+v made %s at %s, who may %s at %s", a.Grants, role, path, p, at)
				}
			}
		}
	})
}

// Decision 3: nobody acts on a person who holds a right that they lack, and
// helpdesk acts on plain users only.
func TestMayActOn(t *testing.T) {
	admin, help := access.Grant{Role: core.CustomerAdmin, Path: mine}, access.Grant{Role: core.Helpdesk, Path: mine}
	user, auditor := access.Grant{Role: core.RoleUser, Path: mine}, access.Grant{Role: core.Auditor, Path: mine}
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
		{"administrator on one who is that elsewhere too", holder(admin), []access.Grant{user, {Role: core.CustomerAdmin, Path: sibling}}, false},
		{"administrator on one who is helpdesk above", holder(admin), []access.Grant{{Role: core.Helpdesk, Path: partner}}, false},
		{"administrator who is helpdesk too", holder(admin, help), []access.Grant{help}, true},
		{"partner on customer", holder(access.Grant{Role: core.PartnerAdmin, Path: partner}), []access.Grant{admin, {Role: core.CustomerAdmin, Path: sibling}}, true},
		{"partner on who operates", holder(access.Grant{Role: core.PartnerAdmin, Path: partner}), []access.Grant{{Role: core.PlatformAdmin, Path: root}}, false},
		{"on a role that nobody knows", holder(access.Grant{Role: core.PlatformAdmin, Path: root}), []access.Grant{{Role: "superuser", Path: mine}}, false},
		{"the shell", access.Shell(), []access.Grant{{Role: core.PlatformAdmin, Path: root}}, true},
	} {
		if got := c.actor.MayActOn(c.on); got != c.want {
			t.Errorf("%s: %v", c.name, got)
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
}
