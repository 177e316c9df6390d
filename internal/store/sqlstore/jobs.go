package sqlstore

import (
	"context"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func jobOf(r db.Job) (core.Job, unknown, error) {
	doc, rest, err := decode[core.JobDoc](r.Doc)
	return core.Job{
		Tenant: core.TenantID(r.TenantID), Kind: core.JobKind(r.Kind), Cursor: r.Cursor, Doc: doc, Version: r.Version,
		CreatedAt: instant(r.CreatedAt), ChangedAt: instant(r.ChangedAt),
	}, rest, err
}

func (t *tx) Job(at core.TenantID, kind core.JobKind) (core.Job, error) {
	row, err := t.q.JobOnLine(t.ctx, db.JobOnLineParams{TenantID: t.own(), JobTenant: string(at), Kind: string(kind)})
	if err != nil {
		return core.Job{}, t.err(err)
	}
	j, rest, err := jobOf(row)
	t.remember(jobKey(j), rest)
	return j, err
}

func jobKey(j core.Job) string { return "job " + string(j.Kind) + " " + string(j.Tenant) }

func (t *tx) InsertJob(j core.Job) error {
	if t.foreign(j.Tenant) {
		own, err := t.Tenant()
		if err != nil {
			return err
		}
		at, err := t.q.Tenant(t.ctx, string(j.Tenant))
		if err != nil {
			return t.err(err)
		}
		if !strings.HasPrefix(at.Path, own.Path) {
			return core.ErrNotFound
		}
	}
	doc, err := encode(j.Doc, nil)
	if err != nil {
		return err
	}
	n, err := t.q.InsertJob(t.ctx, db.InsertJobParams{
		TenantID: string(j.Tenant), Kind: string(j.Kind), Cursor: j.Cursor, Doc: doc, Version: j.Version,
		CreatedAt: micros(j.CreatedAt), ChangedAt: micros(j.ChangedAt),
	})
	if err == nil && n == 0 {
		return store.ErrDuplicate{What: "job"}
	}
	t.remember(jobKey(j), nil)
	return t.err(err)
}

func (t *tx) jobStand(j core.Job) func() (int64, string, error) {
	return func() (int64, string, error) {
		row, err := t.q.JobOnLine(t.ctx, db.JobOnLineParams{TenantID: t.own(), JobTenant: string(j.Tenant), Kind: string(j.Kind)})
		return row.Version, row.Doc, err
	}
}

func (t *tx) UpdateJob(j core.Job) error {
	stand := t.jobStand(j)
	doc, err := redoc(t, jobKey(j), j.Doc, stand)
	if err != nil {
		return err
	}
	n, err := t.must.UpdateJob(t.ctx, db.UpdateJobParams{
		TenantID: t.own(), JobTenant: string(j.Tenant), Kind: string(j.Kind), Version: j.Version, Cursor: j.Cursor, Doc: doc, ChangedAt: micros(t.now),
	})
	return t.versioned(n, err, j.Version, func() (int64, error) { v, _, err := stand(); return v, err })
}

func (t *tx) EndJob(j core.Job) error {
	if t.foreign(j.Tenant) {
		return core.ErrNotFound
	}
	n, err := t.q.EndJob(t.ctx, db.EndJobParams{TenantID: t.own(), Kind: string(j.Kind), Version: j.Version})
	return t.versioned(n, err, j.Version, func() (int64, error) { v, _, err := t.jobStand(j)(); return v, err })
}

func (s *Store) AllJobs(ctx context.Context, after core.Job, limit int) (out []core.Job, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.AllJobs(ctx, db.AllJobsParams{AfterTenant: string(after.Tenant), AfterKind: string(after.Kind), Most: int64(limit)})
		for _, r := range rows {
			j, _, err := jobOf(r)
			if err != nil {
				return err
			}
			out = append(out, j)
		}
		return err
	})
	return out, err
}
