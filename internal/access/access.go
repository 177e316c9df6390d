package access

import (
	"slices"
	"strings"

	"sallyport/internal/core"
)

// Permission is one thing that an administrator may be allowed to do.
type Permission string

const (
	ViewPeople     Permission = "people.view"
	Invite         Permission = "people.invite"
	Disable        Permission = "people.disable"
	Unlock         Permission = "people.unlock"
	ResetMFA       Permission = "people.reset_mfa"
	GrantRoles     Permission = "roles.grant"
	ManageTenants  Permission = "tenants.manage"
	ManageSettings Permission = "settings.manage"
	ViewAudit      Permission = "audit.view"
	Operate        Permission = "platform.operate" // keys, backups, migrations
)

// Permissions lists all.
var Permissions = []Permission{ViewPeople, Invite, Disable, Unlock, ResetMFA, GrantRoles, ManageTenants, ManageSettings, ViewAudit, Operate}

var administrator = []Permission{ViewPeople, Invite, Disable, Unlock, ResetMFA, GrantRoles, ManageTenants, ManageSettings, ViewAudit}

// table is the whole of what roles may do. A role that is not here may nothing.
var table = map[core.Role][]Permission{
	core.PlatformAdmin: append(slices.Clone(administrator), Operate),
	core.PartnerAdmin:  administrator,
	core.CustomerAdmin: administrator,
	core.Helpdesk:      {ViewPeople, Invite, Unlock, ResetMFA},
	core.Auditor:       {ViewPeople, ViewAudit},
	core.RoleUser:      {},
}

// Grant is a role on the branch that begins at Path.
type Grant struct {
	Role core.Role
	Path string
}

// Actor is who asks: an account with its grants, the operator's shell, or the
// product itself.
type Actor struct {
	User   core.User
	Grants []Grant
	shell  string
}

// Shell is the operator on the machine: allowed everything, audited as such.
func Shell() Actor { return Actor{shell: core.ActorShell} }

// System is the product itself, in jobs that nobody asked for by hand.
func System() Actor { return Actor{shell: core.ActorSystem} }

// ID is how the audit log names the actor.
func (a Actor) ID() string {
	if a.shell != "" {
		return a.shell
	}
	return string(a.User.ID)
}

// Name is how mails name the actor; empty for the shell.
func (a Actor) Name() string { return a.User.Name }

// Can reports whether the actor may do p in the tenant at path.
func (a Actor) Can(p Permission, path string) bool {
	if a.shell != "" {
		return true
	}
	for _, g := range a.Grants {
		if within(path, g.Path) && slices.Contains(table[g.Role], p) {
			return true
		}
	}
	return false
}

// MayGrant reports whether the actor may give role to somebody in the tenant at
// path: nobody grants a right they lack (row CAL-14).
func (a Actor) MayGrant(role core.Role, path string) bool {
	rights, known := table[role]
	if !known {
		return false
	}
	if a.shell != "" {
		return true
	}
	if len(rights) == 0 {
		return a.Can(Invite, path)
	}
	if !a.Can(GrantRoles, path) {
		return false
	}
	for _, p := range rights {
		if !a.Can(p, path) {
			return false
		}
	}
	return true
}

// MayActOn reports whether the actor may reset, invite again, unlock or disable
// somebody with these grants: never who holds a right that the actor lacks, and
// who is helpdesk acts on plain users only (decision 3). Otherwise a helpdesk
// could reset an administrator's factors and walk in as one.
func (a Actor) MayActOn(target []Grant) bool {
	if a.shell != "" {
		return true
	}
	for _, g := range target {
		rights, known := table[g.Role]
		if !known {
			return false
		}
		// Only who could have granted the role stands above it; helpdesk grants none.
		if len(rights) > 0 && !a.Can(GrantRoles, g.Path) {
			return false
		}
		for _, p := range rights {
			if !a.Can(p, g.Path) {
				return false
			}
		}
	}
	return true
}

// Fits reports whether a role may be held on a tenant of this kind.
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

// within reports whether path is branch or below it. Paths end in a slash, so
// that one id is never a prefix of another.
func within(path, branch string) bool {
	return branch != "" && strings.HasSuffix(branch, "/") && strings.HasPrefix(path, branch)
}
