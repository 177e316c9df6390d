package console

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/core"
)

// RoleHeld is a role that somebody holds, and where.
type RoleHeld struct {
	Role      RoleName
	On        core.Tenant
	MayRevoke bool
}

// Holder is somebody who holds a role here.
type Holder struct {
	Who  Who
	From string // their own tenant, where that is another
	RoleHeld
}

// CustomRole is a shipped role with fewer rights.
type CustomRole struct {
	core.Role
	Name    string
	Base    core.Role
	Rights  []access.Permission
	Holders int
	Version int64
}

// RolesView is who may do what at a place.
type RolesView struct {
	Holders []Holder
	Custom  []CustomRole
	// Grants are the roles that the caller may give here; Clones those from which they
	// may make one with fewer rights.
	Grants []RoleName
	Clones []core.Role
}

// RoleWish is a custom role to make or to change.
type RoleWish struct {
	Role    core.Role // empty: a new one
	Name    string
	Base    core.Role
	Rights  []access.Permission
	Version int64
}

// Roles is what the pages of roles need.
type Roles interface {
	Roles(ctx context.Context, by Caller, tenant core.TenantID) (RolesView, error)
	// Grant and Revoke name the person by id or by login.
	Grant(ctx context.Context, by Caller, tenant core.TenantID, who string, role core.Role) error
	Revoke(ctx context.Context, by Caller, tenant core.TenantID, who string, role core.Role) error
	SaveRole(ctx context.Context, by Caller, tenant core.TenantID, w RoleWish) error
	DeleteRole(ctx context.Context, by Caller, tenant core.TenantID, role core.Role) error
	// RightsOf are the rights of a shipped role, from which a clone takes some.
	RightsOf(role core.Role) []access.Permission
}

// RolesPage lists who holds which role.
type RolesPage struct {
	Page
	View RolesView
	Who  string // typed in the form that gives a role
	Role core.Role
}

// RolePage makes a custom role or changes one.
type RolePage struct {
	Page
	Wish   RoleWish
	Rights []access.Permission // of its base: what may be ticked
	Bases  []core.Role
	New    bool
}
