package access

import (
	"slices"

	"sallyport/internal/core"
)

// Permission is one thing that somebody may be allowed to do.
type Permission string

const (
	ViewTenants    Permission = "tenants.view"   // name, kind, mode, state, the switch and the counts
	ManageTenants  Permission = "tenants.manage" // make, rename, move, convert, suspend, delete
	ManageSettings Permission = "settings.manage"
	SwitchMFA      Permission = "mfa.switch"
	ViewPeople     Permission = "people.view"
	Invite         Permission = "people.invite"
	Reinvite       Permission = "people.reinvite"
	ChangePeople   Permission = "people.change"  // name, address
	Disable        Permission = "people.disable" // and reactivate
	DeletePeople   Permission = "people.delete"
	MovePeople     Permission = "people.move"
	Unlock         Permission = "people.unlock"
	ResetMFA       Permission = "people.reset_mfa"
	Untrust        Permission = "people.untrust"
	MakePass       Permission = "people.pass"
	EndSessions    Permission = "people.end_sessions"
	Convert        Permission = "people.convert" // to a service account and back
	GrantRoles     Permission = "roles.grant"
	ManageRoles    Permission = "roles.manage" // custom roles
	SupportAccess  Permission = "support.access"
	ActAs          Permission = "support.act"
	ManageApps     Permission = "apps.manage" // see and change apps, make and rotate their secrets
	ViewAudit      Permission = "audit.view"
	Operate        Permission = "platform.operate" // keys, backups, migrations
)

// administrator is what every administrator may; order as pages show it.
var administrator = []Permission{ViewTenants, ManageTenants, ManageSettings, SwitchMFA, ViewPeople, Invite, Reinvite, ChangePeople, Disable, DeletePeople,
	MovePeople, Unlock, ResetMFA, Untrust, MakePass, EndSessions, Convert, GrantRoles, ManageRoles, SupportAccess, ActAs, ManageApps, ViewAudit}

// Permissions lists all.
var Permissions = append(slices.Clone(administrator), Operate)

// table is the whole of what roles may do. A role that is not here may nothing.
var table = map[core.Role][]Permission{
	core.PlatformAdmin: Permissions,
	core.PartnerAdmin:  administrator,
	core.CustomerAdmin: slices.DeleteFunc(slices.Clone(administrator), func(p Permission) bool { return p == ActAs }),
	core.Helpdesk:      {ViewPeople, Reinvite, Unlock, ResetMFA, Untrust, MakePass},
	core.Auditor:       {ViewTenants, ViewPeople, ViewAudit},
	core.RoleUser:      {},
}

// Rights lists what a shipped role may do.
func Rights(r core.Role) []Permission { return slices.Clone(table[r]) }

// Grant is a role on the branch that begins at a place. Base and Cut are those of
// a custom role: what is left of Base.
type Grant struct {
	Role core.Role
	At   Place
	Base core.Role
	Cut  []Permission
}

// GrantOf turns a stored grant into one that can be asked.
func GrantOf(g core.RoleGrant, at Place) Grant {
	out := Grant{Role: g.Role, At: at, Base: g.Base}
	for _, r := range g.Rights {
		out.Cut = append(out.Cut, Permission(r))
	}
	return out
}

// rights are what the grant lets somebody do; known is false for a role that
// nobody knows.
func (g Grant) rights() (rights []Permission, known bool) {
	if g.Base == "" {
		rights, known = table[g.Role]
		return rights, known
	}
	base, known := table[g.Base]
	for _, p := range g.Cut {
		// A right that the base does not have is none: a clone never has more.
		if slices.Contains(base, p) {
			rights = append(rights, p)
		}
	}
	return rights, known
}

// Rights lists what the grant lets somebody do.
func (g Grant) Rights() []Permission {
	rights, _ := g.rights()
	return slices.Clone(rights)
}

func (g Grant) has(p Permission) bool {
	rights, _ := g.rights()
	return slices.Contains(rights, p)
}

// Fits reports whether a shipped role, or a custom one by its base, may be held on
// a tenant of this kind.
func Fits(role core.Role, kind core.TenantKind) bool {
	switch role {
	case core.PlatformAdmin:
		return kind == core.Platform
	case core.PartnerAdmin:
		return kind == core.Partner || kind == core.Folder
	case core.CustomerAdmin:
		return kind == core.Customer || kind == core.Unit
	}
	_, known := table[role]
	return known
}

// Administrator is the role of an organisation's own administrator.
func Administrator(kind core.TenantKind) core.Role {
	switch kind {
	case core.Platform:
		return core.PlatformAdmin
	case core.Partner, core.Folder:
		return core.PartnerAdmin
	}
	return core.CustomerAdmin
}

// CheckCustom says what is wrong with the rights of a custom role: it is a clone of
// a shipped one with fewer rights (decision 3).
func CheckCustom(base core.Role, rights []string) error {
	has, known := table[base]
	if !known || len(has) == 0 {
		return core.Invalid("role.base_unknown", "base", string(base))
	}
	for _, r := range rights {
		if !slices.Contains(has, Permission(r)) {
			return core.Invalid("role.right_not_in_base", "right", r, "base", string(base))
		}
	}
	if len(rights) == 0 {
		return core.Invalid("role.without_rights")
	}
	if len(rights) >= len(has) {
		return core.Invalid("role.not_fewer", "base", string(base))
	}
	return nil
}
