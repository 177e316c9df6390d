package sqlstore

import (
	"context"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) RolesHeld() ([]store.Holder, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.RolesHeld(t.ctx, db.RolesHeldParams{OrganisationID: organisation, Low: low, High: high})
	return list(t, rows, err, func(r db.RolesHeldRow) store.Holder {
		return store.Holder{User: userOf(r.User), Grant: customGrantOf(r.Role, r.Base, r.Rights)}
	})
}

// Administrators, asked in a transaction that writes, makes the next who asks
// wait: else of two who go at the same time each would count on the other.
func (t *tx) Administrators(on core.TenantID) ([]core.User, error) {
	if t.writes {
		if err := t.s.Lock(t.ctx, t.raw, "administrators "+string(on)); err != nil {
			return nil, t.err(err)
		}
	}
	rows, err := t.q.Administrators(t.ctx, string(on))
	return list(t, rows, err, userOf)
}

// RolesHeldBy, asked in a transaction that writes, is asked by one at a time: else
// somebody could give away a right in the moment in which they lose it.
func (t *tx) RolesHeldBy(user core.UserID) ([]core.RoleGrant, error) {
	if t.writes {
		if err := t.s.Lock(t.ctx, t.raw, "roles"); err != nil {
			return nil, t.err(err)
		}
	}
	rows, err := t.q.RolesOf(t.ctx, string(user))
	return list(t, rows, err, func(r db.RolesOfRow) core.RoleGrant { return customGrantOf(r.Role, r.Base, r.Rights) })
}

func (t *tx) CustomRoles() ([]core.CustomRole, error) {
	rows, err := t.q.CustomRoles(t.ctx, t.own())
	return list(t, rows, err, customRoleOf)
}

func (t *tx) CustomRole(id core.Role) (core.CustomRole, error) {
	row, err := t.q.CustomRole(t.ctx, db.CustomRoleParams{TenantID: t.own(), ID: string(id)})
	return get(t, row, err, customRoleOf)
}

func (t *tx) InsertCustomRole(r core.CustomRole) error {
	if t.foreign(r.Tenant) {
		return core.ErrNotFound
	}
	return t.err(t.q.InsertCustomRole(t.ctx, db.InsertCustomRoleParams{
		ID: string(r.ID), TenantID: t.own(), Base: string(r.Base), Name: text(r.Name), Rights: strings.Join(r.Rights, " "),
		Version: r.Version, CreatedAt: micros(r.CreatedAt), ChangedAt: micros(r.ChangedAt),
	}))
}

func (t *tx) UpdateCustomRole(r core.CustomRole) error {
	n, err := t.q.UpdateCustomRole(t.ctx, db.UpdateCustomRoleParams{
		ID: string(r.ID), TenantID: t.own(), Version: r.Version, Name: text(r.Name), Rights: strings.Join(r.Rights, " "), ChangedAt: micros(r.ChangedAt),
	})
	return t.versioned(n, err, r.Version, func() (int64, error) {
		row, err := t.q.CustomRole(t.ctx, db.CustomRoleParams{TenantID: t.own(), ID: string(r.ID)})
		return row.Version, err
	})
}

func (t *tx) DeleteCustomRole(id core.Role) error {
	n, err := t.q.DeleteCustomRole(t.ctx, db.DeleteCustomRoleParams{TenantID: t.own(), ID: string(id)})
	if err != nil || n == 1 {
		return t.err(err)
	}
	if _, err := t.CustomRole(id); err != nil {
		return err
	}
	return conflict{"somebody holds the role"}
}

func (t *tx) Service(user core.UserID) (core.Service, error) {
	row, err := t.q.Service(t.ctx, db.ServiceParams{TenantID: t.own(), UserID: string(user)})
	return get(t, row, err, serviceOf)
}

func (t *tx) SaveService(s core.Service) error {
	return t.one(t.q.SaveService(t.ctx, serviceRow(t.tenant, s)))
}

func serviceRow(tenant core.TenantID, s core.Service) db.SaveServiceParams {
	return db.SaveServiceParams{
		UserID: string(s.User), TenantID: string(tenant), OwnerID: string(s.Owner), Reason: text(s.Reason), Networks: strings.Join(s.Networks, " "),
		ExpiresAt: micros(s.ExpiresAt), LastUsedAt: micros(s.LastUsedAt), CreatedAt: micros(s.CreatedAt),
		UsedFrom: s.UsedFrom, HeirID: string(s.Heir), HeirAt: micros(s.HeirAt), Quiet: s.Quiet.Microseconds(), WarnedAt: micros(s.WarnedAt),
	}
}

func (t *tx) DropService(user core.UserID) error {
	return t.one(t.q.DropService(t.ctx, db.DropServiceParams{TenantID: t.own(), UserID: string(user)}))
}

func (t *tx) UsedService(user core.UserID, at time.Time, from string) error {
	return t.one(t.q.UsedService(t.ctx, db.UsedServiceParams{TenantID: t.own(), UserID: string(user), LastUsedAt: micros(at), UsedFrom: from}))
}

func (s *Store) Replaced(ctx context.Context, after core.UserID, limit int) (out []store.Replaced, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.Replaced(ctx, db.ReplacedParams{After: string(after), Most: int64(limit)})
		out = each(rows, func(r db.ServiceAccount) store.Replaced {
			return store.Replaced{Tenant: core.TenantID(r.TenantID), Service: serviceOf(r)}
		})
		return err
	})
	return out, err
}
