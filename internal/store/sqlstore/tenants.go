package sqlstore

import (
	"fmt"

	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) Tenant() (core.Tenant, error) {
	row, err := t.q.Tenant(t.ctx, t.own())
	return get(t, row, err, tenantOf)
}

func (t *tx) Line() ([]core.Tenant, error) {
	rows, err := t.q.TenantLine(t.ctx, t.own())
	if err == nil && len(rows) == 0 {
		return nil, core.ErrNotFound
	}
	return list(t, rows, err, func(r db.TenantLineRow) core.Tenant { return tenantOf(r.Tenant) })
}

func (t *tx) Below() ([]core.Tenant, error) {
	own, err := t.Tenant()
	if err != nil {
		return nil, err
	}
	low, high := branch(own.Path)
	rows, err := t.q.TenantsBelow(t.ctx, db.TenantsBelowParams{Low: low, High: high})
	return list(t, rows, err, tenantOf)
}

// branch is the range of all paths that begin with one. A path ends with a
// slash, and "0" is the character after it; a range, unlike LIKE, has no
// characters that mean something else, and uses the index on both engines.
func branch(path string) (low, high string) {
	return path, path[:len(path)-1] + "0"
}

func (t *tx) InsertTenant(n core.Tenant) error {
	above := "/"
	if n.Parent != "" || n.ID != t.tenant {
		if t.foreign(n.Parent) {
			return core.ErrNotFound
		}
		parent, err := t.Tenant()
		if err != nil {
			return err
		}
		above = parent.Path
	}
	if want := above + string(n.ID) + "/"; n.Path != want {
		return fmt.Errorf("tenant %s: path %q must be %q", n.ID, n.Path, want)
	}
	return t.err(t.q.InsertTenant(t.ctx, db.InsertTenantParams{
		ID: string(n.ID), ParentID: string(n.Parent), OrganisationID: string(n.Organisation), Path: n.Path,
		Kind: string(n.Kind), Mode: string(n.Mode), State: string(n.State), Name: text(n.Name),
		ManagedBy: string(n.ManagedBy), SupportAccess: n.SupportAccess, Settings: string(n.Settings),
		Version: n.Version, CreatedAt: micros(n.CreatedAt), ChangedAt: micros(n.ChangedAt), DeletedAt: micros(n.DeletedAt),
	}))
}

func (t *tx) UpdateTenant(n core.Tenant) error {
	if t.foreign(n.ID) {
		return core.ErrNotFound
	}
	hit, err := t.q.UpdateTenant(t.ctx, db.UpdateTenantParams{
		ID: string(n.ID), Version: n.Version, Kind: string(n.Kind), Mode: string(n.Mode), State: string(n.State),
		Name: text(n.Name), ManagedBy: string(n.ManagedBy), SupportAccess: n.SupportAccess, Settings: string(n.Settings),
		CreatedAt: micros(n.CreatedAt), ChangedAt: micros(n.ChangedAt), DeletedAt: micros(n.DeletedAt),
	})
	return t.versioned(hit, err, n.Version, func() (int64, error) {
		row, err := t.q.Tenant(t.ctx, t.own())
		return row.Version, err
	})
}
