package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) Tenant() (core.Tenant, error) {
	row, err := t.q.Tenant(t.ctx, t.own())
	return get(t, row, err, tenantOf)
}

func (t *tx) Line() ([]core.Tenant, error) { return t.LineOf(t.tenant) }

func (t *tx) LineOf(id core.TenantID) ([]core.Tenant, error) {
	rows, err := t.q.TenantLine(t.ctx, string(id))
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

// lockTree makes changes of the tree's shape wait for each other: else a child
// could be put under a path that its parent is just leaving, or two nodes each
// under the other.
func (t *tx) lockTree() error { return t.err(t.s.Lock(t.ctx, t.raw, "tree")) }

func (t *tx) InsertTenant(n core.Tenant) error {
	if err := t.lockTree(); err != nil {
		return err
	}
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
		Kind: string(n.Kind), Mode: string(n.Mode), State: string(n.State), BeforeState: string(n.Before), Name: text(n.Name),
		NameKey: ident.NameKey(text(n.Name)), ManagedBy: string(n.ManagedBy), SupportAccess: n.SupportAccess, Settings: string(n.Settings),
		Locks: string(n.Locks), Template: string(n.Template), MfaState: string(n.MFAState), TrialEndsAt: micros(n.TrialEnds),
		ErasedAt: micros(n.ErasedAt), Version: n.Version, CreatedAt: micros(n.CreatedAt), ChangedAt: micros(n.ChangedAt), DeletedAt: micros(n.DeletedAt),
	}))
}

func (t *tx) UpdateTenant(n core.Tenant) error {
	branch := "" // our own node, wherever it is
	if t.foreign(n.ID) {
		own, err := t.Tenant()
		if err != nil {
			return err
		}
		branch = own.Path
	}
	hit, err := t.q.UpdateTenant(t.ctx, db.UpdateTenantParams{
		ID: string(n.ID), Version: n.Version, Branch: branch, Kind: string(n.Kind), Mode: string(n.Mode), State: string(n.State),
		BeforeState: string(n.Before), Name: text(n.Name), NameKey: ident.NameKey(text(n.Name)), ManagedBy: string(n.ManagedBy),
		SupportAccess: n.SupportAccess, Settings: string(n.Settings), Locks: string(n.Locks), Template: string(n.Template),
		MfaState: string(n.MFAState), TrialEndsAt: micros(n.TrialEnds), ErasedAt: micros(n.ErasedAt),
		CreatedAt: micros(n.CreatedAt), ChangedAt: micros(n.ChangedAt), DeletedAt: micros(n.DeletedAt),
	})
	return t.versioned(hit, err, n.Version, func() (int64, error) {
		row, err := t.q.Tenant(t.ctx, string(n.ID))
		if err == nil && !strings.HasPrefix(row.Path, branch) {
			err = sql.ErrNoRows
		}
		return row.Version, err
	})
}

func (t *tx) MoveTenant(parent core.TenantID) error {
	if err := t.lockTree(); err != nil {
		return err
	}
	own, err := t.Tenant()
	if err != nil {
		return err
	}
	to, err := t.q.Tenant(t.ctx, string(parent))
	if err != nil {
		return t.err(err)
	}
	if own.Parent == "" || strings.HasPrefix(to.Path, own.Path) {
		return fmt.Errorf("tenant %s cannot stand under %s", own.ID, parent)
	}
	organisation := own.Organisation
	if !own.Kind.IsOrganisation() {
		organisation = core.TenantID(to.OrganisationID)
	}
	low, high := branch(own.Path)
	path := to.Path + string(own.ID) + "/"
	_, err = t.q.MoveBranch(t.ctx, db.MoveBranchParams{
		NewPath: path, ID: t.own(), ParentID: string(parent), OldOrganisation: string(own.Organisation),
		NewOrganisation: string(organisation), ChangedAt: micros(t.now), Low: low, High: high,
	})
	if err != nil {
		return t.err(err)
	}
	if organisation == own.Organisation {
		return nil
	}
	low, high = branch(path)
	_, err = t.q.MoveBranchPeople(t.ctx, db.MoveBranchPeopleParams{
		NewOrganisation: string(organisation), PlacedAt: micros(t.now), OldOrganisation: string(own.Organisation), Low: low, High: high,
	})
	return t.err(err)
}

func (t *tx) DeleteBranch() (int, error) {
	if err := t.lockTree(); err != nil {
		return 0, err
	}
	own, err := t.Tenant()
	if err != nil {
		return 0, err
	}
	low, high := branch(own.Path)
	n, err := t.q.DeleteBranch(t.ctx, db.DeleteBranchParams{DeletedAt: micros(t.now), Low: low, High: high})
	return int(n), t.err(err)
}

func (t *tx) RestoreBranch() (int, error) {
	if err := t.lockTree(); err != nil {
		return 0, err
	}
	own, err := t.Tenant()
	if err != nil {
		return 0, err
	}
	low, high := branch(own.Path)
	n, err := t.q.RestoreBranch(t.ctx, db.RestoreBranchParams{ChangedAt: micros(t.now), Low: low, High: high, DeletedAt: micros(own.DeletedAt)})
	return int(n), t.err(err)
}

func (s *Store) FindPlatform(ctx context.Context) (out core.Tenant, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindPlatform(ctx)
		if err == nil {
			out = tenantOf(row)
		}
		return err
	})
	return out, err
}

func (s *Store) PlatformName(ctx context.Context) (id core.TenantID, name string, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.PlatformName(ctx)
		id, name = core.TenantID(row.ID), row.Name
		return err
	})
	return id, name, err
}

func (s *Store) tenants(ctx context.Context, ask func(*db.Queries) ([]db.Tenant, error)) (out []core.Tenant, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := ask(q)
		out = each(rows, tenantOf)
		return err
	})
	return out, err
}

func (s *Store) FindTenants(ctx context.Context, name string, limit int) ([]core.Tenant, error) {
	return s.tenants(ctx, func(q *db.Queries) ([]db.Tenant, error) {
		return q.FindTenants(ctx, db.FindTenantsParams{NameKey: ident.NameKey(text(name)), Most: int64(limit)})
	})
}

func (s *Store) DueTrials(ctx context.Context, now time.Time, limit int) ([]core.Tenant, error) {
	return s.tenants(ctx, func(q *db.Queries) ([]db.Tenant, error) {
		return q.DueTrials(ctx, db.DueTrialsParams{Now: micros(now), Most: int64(limit)})
	})
}

func (s *Store) Erasable(ctx context.Context, before time.Time, limit int) ([]core.Tenant, error) {
	return s.tenants(ctx, func(q *db.Queries) ([]db.Tenant, error) {
		return q.Erasable(ctx, db.ErasableParams{DeletedBefore: micros(before), Most: int64(limit)})
	})
}
