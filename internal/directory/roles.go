package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// roleAt is a role, shipped or custom, as a grant on a place, when it fits there.
// A custom role is known to the organisation that made it and to those below.
func (s *Service) roleAt(ctx context.Context, r core.Role, at access.Place) (access.Grant, error) {
	g := core.RoleGrant{Role: r, Tenant: at.Tenant}
	fits := r
	if strings.HasPrefix(string(r), core.PrefixRole+"_") {
		custom, err := s.customRole(ctx, r, at)
		if err != nil {
			return access.Grant{}, err
		}
		g.Base, g.Rights, fits = custom.Base, custom.Rights, custom.Base
	}
	if !access.Fits(fits, at.Kind) {
		return access.Grant{}, core.Invalid("role.wrong_place", "role", string(r), "kind", string(at.Kind))
	}
	return access.GrantOf(g, at), nil
}

func (s *Service) customRole(ctx context.Context, id core.Role, at access.Place) (out core.CustomRole, err error) {
	for i := len(at.Line) - 1; i >= 0; i-- {
		err = s.Store.View(ctx, at.Line[i].ID, func(r store.Reader) error { out, err = r.CustomRole(id); return err })
		if err == nil || !errors.Is(err, core.ErrNotFound) {
			return out, err
		}
	}
	return out, core.Invalid("role.unknown", "role", string(id))
}

func roleEvent(name string, by access.Actor, u core.UserID, r core.Role, on core.TenantID, c core.Client) core.Event {
	return audit.Note(audit.Note(audit.Did(name, by, string(u), c), "role", string(r)), "on", string(on))
}

// GrantRole gives somebody a role on a node. The account may be of another tenant,
// as long as the actor can see it.
func (s *Service) GrantRole(ctx context.Context, id core.UserID, r core.Role, on core.TenantID, by access.Actor, c core.Client) error {
	return s.changeRole(ctx, id, r, on, by, func(tx store.Tx, u core.User, had bool) error {
		if had {
			return nil
		}
		if err := tx.Grant(core.RoleGrant{User: id, Tenant: on, Role: r, At: tx.Now()}); err != nil {
			return err
		}
		return tx.Append(roleEvent(audit.RoleGranted, by, id, r, on, c))
	})
}

// RevokeRole takes a role from somebody. The last administrator of the platform or
// of an organisation that manages itself keeps theirs.
func (s *Service) RevokeRole(ctx context.Context, id core.UserID, r core.Role, on core.TenantID, by access.Actor, c core.Client) error {
	return s.changeRole(ctx, id, r, on, by, func(tx store.Tx, u core.User, had bool) error {
		if !had {
			return core.ErrNotFound
		}
		if err := keepsOne(tx, u, on); err != nil {
			return err
		}
		if err := tx.Revoke(core.RoleGrant{User: id, Tenant: on, Role: r}); err != nil {
			return err
		}
		return tx.Append(roleEvent(audit.RoleRevoked, by, id, r, on, c))
	})
}

// changeRole asks what GrantRole and RevokeRole have in common, in the transaction
// that writes: roles of both sides are read behind one lock, so that nobody gives
// away a right in the moment in which they lose it (row B-39).
func (s *Service) changeRole(ctx context.Context, id core.UserID, r core.Role, on core.TenantID, by access.Actor, write func(tx store.Tx, u core.User, had bool) error) error {
	u, err := s.Store.FindUser(ctx, id)
	if err != nil {
		return plainly(err)
	}
	home, err := s.Tree.Place(ctx, u.Tenant)
	if err != nil {
		return err
	}
	if err := See(by, access.GrantRoles, access.ViewPeople, home); err != nil {
		return err
	}
	at, err := s.Tree.Place(ctx, on)
	if err != nil {
		return plainly(err)
	}
	if err := See(by, access.GrantRoles, access.ViewTenants, at); err != nil {
		return err
	}
	given, err := s.roleAt(ctx, r, at)
	if err != nil {
		return err
	}
	if string(id) == by.ID() {
		// Nobody makes or unmakes themselves, acting or not.
		return core.NewFault(core.KindConflict, "user.yourself")
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if u.State == core.UserDeleted {
			return core.ErrNotFound
		}
		theirs, err := tx.RolesHeldBy(id)
		if err != nil {
			return err
		}
		now := by
		if by.User.ID != "" {
			mine, err := tx.RolesHeldBy(by.User.ID)
			if err != nil {
				return err
			}
			if now.Grants, err = GrantsIn(tx, mine); err != nil {
				return err
			}
		}
		held, err := GrantsIn(tx, theirs)
		if err != nil {
			return err
		}
		if !now.MayGrant(given) || !now.MayActOn(held) {
			return core.ErrForbidden
		}
		had := false
		for _, g := range theirs {
			had = had || g.Role == r && g.Tenant == on
		}
		if err := write(tx, u, had); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
	if err != nil {
		return fmt.Errorf("role %s of %s: %w", r, id, err)
	}
	return nil
}

// Roles that make somebody an organisation's administrator.
var administrators = []core.Role{core.PlatformAdmin, core.PartnerAdmin, core.CustomerAdmin}

func isAdministrator(r core.Role) bool { return slices.Contains(administrators, r) }

// keepsOne refuses to let the last administrator go who can sign in: the platform
// and every organisation that manages itself keep one (decision 3). only narrows
// the question to the administration of some nodes; without it all count.
func keepsOne(tx store.Tx, u core.User, only ...core.TenantID) error {
	theirs, err := tx.RolesHeldBy(u.ID)
	if err != nil {
		return err
	}
	for _, g := range theirs {
		if !isAdministrator(g.Role) || len(only) > 0 && !slices.Contains(only, g.Tenant) {
			continue
		}
		line, err := tx.LineOf(g.Tenant)
		if err != nil {
			return err
		}
		at := line[len(line)-1]
		if !at.Kind.IsOrganisation() || at.ManagedBy == core.ManagedByProvider || at.State == core.TenantDeleted {
			continue
		}
		all, err := tx.Administrators(g.Tenant)
		if err != nil {
			return err
		}
		// Whoever has not signed in yet counts as the last one too: a link leads them in.
		if u.State != core.UserDisabled && !slices.ContainsFunc(all, func(a core.User) bool { return a.ID != u.ID }) {
			return core.NewFault(core.KindConflict, "user.last_administrator").With("tenant", at.Name)
		}
	}
	return nil
}

// GrantsIn turns roles into grants inside a transaction, from the tree as the
// transaction sees it.
func GrantsIn(tx store.Reader, roles []core.RoleGrant) ([]access.Grant, error) {
	var out []access.Grant
	for _, r := range roles {
		line, err := tx.LineOf(r.Tenant)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(line, func(t core.Tenant) bool { return t.State == core.TenantDeleted }) {
			continue
		}
		out = append(out, access.GrantOf(r, access.PlaceOf(line)))
	}
	return out, nil
}

func canSignIn(u core.User) bool { return u.State == core.UserActive || u.State == core.UserValidated }

// MayInviteFirst reports whether the actor may invite an organisation's first
// administrator, or the next one after the last has left: there is none who can
// sign in, and the actor stands above (decision 2).
func (s *Service) MayInviteFirst(ctx context.Context, organisation core.TenantID, by access.Actor) (bool, error) {
	at, err := s.Tree.Place(ctx, organisation)
	if err != nil {
		return false, plainly(err)
	}
	if own, ok := at.Own(); !ok || own.Path != at.Path || !by.MayInviteFirst(at) {
		return false, nil
	}
	var none bool
	err = s.Store.View(ctx, organisation, func(r store.Reader) error {
		all, err := r.Administrators(organisation)
		none = len(all) == 0
		return err
	})
	return none, err
}

// CheckFirst says what is wrong with a wish for an organisation's first
// administrator.
func (s *Service) CheckFirst(ctx context.Context, n NewUser, by access.Actor) (core.User, policy.Effective, error) {
	at, err := s.Tree.Place(ctx, n.Tenant)
	if err != nil {
		return core.User{}, policy.Effective{}, plainly(err)
	}
	if err := See(by, access.ManageTenants, access.ViewTenants, at); err != nil {
		return core.User{}, policy.Effective{}, err
	}
	if own, ok := at.Own(); !ok || own.Path != at.Path {
		return core.User{}, policy.Effective{}, core.Invalid("tenant.no_organisation")
	}
	if !by.MayInviteFirst(at) {
		return core.User{}, policy.Effective{}, core.ErrForbidden
	}
	may, err := s.MayInviteFirst(ctx, n.Tenant, by)
	if err != nil {
		return core.User{}, policy.Effective{}, err
	}
	if !may {
		return core.User{}, policy.Effective{}, core.NewFault(core.KindConflict, "tenant.has_administrator")
	}
	return s.check(ctx, n)
}

// InviteFirst invites an administrator into an organisation that has none who can
// sign in, from above. It is loud: everybody there who holds a role is told.
func (s *Service) InviteFirst(ctx context.Context, n NewUser, by access.Actor, c core.Client) (Invited, error) {
	u, eff, err := s.CheckFirst(ctx, n, by)
	if err != nil {
		return Invited{}, fmt.Errorf("invite an administrator: %w", err)
	}
	role := access.Administrator(eff.Organisation.Kind)
	var out Invited
	err = s.Store.Update(ctx, n.Tenant, func(tx store.Tx) error {
		all, err := tx.Administrators(n.Tenant)
		if err != nil {
			return err
		}
		if len(all) > 0 {
			return core.NewFault(core.KindConflict, "tenant.has_administrator")
		}
		if err := s.insert(tx, u, eff, []core.Role{role}, "", by, c); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.Did(audit.FirstAdministrator, by, string(n.Tenant), c), "user", string(u.ID))); err != nil {
			return err
		}
		held, err := tx.RolesHeld()
		if err != nil {
			return err
		}
		told := map[core.UserID]bool{u.ID: true}
		for _, h := range held {
			if told[h.User.ID] || h.User.State == core.UserDeleted {
				continue
			}
			told[h.User.ID] = true
			m := outbox.Message{Kind: core.MailAdminInvited, To: h.User, Effective: eff, Client: c, Args: map[string]string{"by": by.Name(), "whom": u.Name}}
			if err := s.Post.Queue(tx, m); err != nil {
				return err
			}
		}
		out, err = s.sendInvitation(tx, u, eff, by, c)
		return err
	})
	if err != nil {
		return Invited{}, fmt.Errorf("invite an administrator: %w", taken(err))
	}
	return out, nil
}

// NewRole is a wish for a custom role.
type NewRole struct {
	Tenant core.TenantID // an organisation
	Base   core.Role
	Name   string
	Rights []string
}

// CheckRole says what is wrong with a custom role: it is a clone with fewer rights,
// and whoever makes it holds them all.
func (s *Service) CheckRole(ctx context.Context, n NewRole, by access.Actor) (core.CustomRole, error) {
	at, _, err := s.Tree.On(ctx, by, access.ManageRoles, n.Tenant)
	if err != nil {
		return core.CustomRole{}, err
	}
	if own, ok := at.Own(); !ok || own.Path != at.Path {
		return core.CustomRole{}, core.Invalid("tenant.no_organisation")
	}
	name, err := cleanName(n.Name)
	if err != nil {
		return core.CustomRole{}, err
	}
	if err := access.CheckCustom(n.Base, n.Rights); err != nil {
		return core.CustomRole{}, err
	}
	for _, r := range n.Rights {
		if !by.Can(access.Permission(r), at) && !by.Holds(access.Permission(r), at) {
			return core.CustomRole{}, core.ErrForbidden
		}
	}
	now := s.Now()
	return core.CustomRole{ID: core.Role(secret.NewID(core.PrefixRole, now)), Tenant: n.Tenant, Base: n.Base, Name: name, Rights: n.Rights, CreatedAt: now, ChangedAt: now}, nil
}

// MakeRole adds a custom role to an organisation.
func (s *Service) MakeRole(ctx context.Context, n NewRole, by access.Actor, c core.Client) (core.CustomRole, error) {
	r, err := s.CheckRole(ctx, n, by)
	if err != nil {
		return r, err
	}
	err = s.Store.Update(ctx, n.Tenant, func(tx store.Tx) error {
		if err := tx.InsertCustomRole(r); err != nil {
			return err
		}
		return tx.Append(audit.Note(audit.Did(audit.RoleMade, by, string(r.ID), c), "rights", strings.Join(r.Rights, " ")))
	})
	return r, err
}

// ChangeRole gives a custom role another name and other rights, at once for
// everybody who holds it.
func (s *Service) ChangeRole(ctx context.Context, id core.Role, n NewRole, by access.Actor, c core.Client) (core.CustomRole, error) {
	var out core.CustomRole
	_, _, err := s.Tree.On(ctx, by, access.ManageRoles, n.Tenant)
	if err != nil {
		return out, err
	}
	err = s.Store.View(ctx, n.Tenant, func(r store.Reader) error { out, err = r.CustomRole(id); return err })
	if err != nil {
		return out, plainly(err)
	}
	n.Base = out.Base
	checked, err := s.CheckRole(ctx, n, by)
	if err != nil {
		return out, err
	}
	// Whoever changes what others may must hold what these have now, too.
	at, err := s.Tree.Place(ctx, n.Tenant)
	if err != nil {
		return out, err
	}
	if !by.MayActOn([]access.Grant{access.GrantOf(core.RoleGrant{Role: id, Tenant: n.Tenant, Base: out.Base, Rights: out.Rights}, at)}) {
		return out, core.ErrForbidden
	}
	err = s.Store.Update(ctx, n.Tenant, func(tx store.Tx) error {
		if out, err = tx.CustomRole(id); err != nil {
			return err
		}
		out.Name, out.Rights, out.ChangedAt = checked.Name, checked.Rights, tx.Now()
		if err := tx.UpdateCustomRole(out); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.Did(audit.RoleChanged, by, string(id), c), "rights", strings.Join(out.Rights, " "))); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(n.Tenant))
	})
	return out, err
}

// DeleteRole takes a custom role away that nobody holds.
func (s *Service) DeleteRole(ctx context.Context, tenant core.TenantID, id core.Role, by access.Actor, c core.Client) error {
	if _, _, err := s.Tree.On(ctx, by, access.ManageRoles, tenant); err != nil {
		return err
	}
	err := s.Store.Update(ctx, tenant, func(tx store.Tx) error {
		if err := tx.DeleteCustomRole(id); err != nil {
			return err
		}
		return tx.Append(audit.Did(audit.RoleDeleted, by, string(id), c))
	})
	if errors.Is(err, store.ErrConflict) {
		return core.NewFault(core.KindConflict, "role.held")
	}
	return plainly(err)
}
