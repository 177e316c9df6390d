package sqlstore

import (
	"context"

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

func (t *tx) Job(kind core.JobKind) (core.Job, error) {
	row, err := t.q.Job(t.ctx, db.JobParams{TenantID: t.own(), Kind: string(kind)})
	if err != nil {
		return core.Job{}, t.err(err)
	}
	j, rest, err := jobOf(row)
	t.remember("job "+row.Kind, rest)
	return j, err
}

func (t *tx) InsertJob(j core.Job) error {
	if t.foreign(j.Tenant) {
		return core.ErrNotFound
	}
	doc, err := encode(j.Doc, nil)
	if err != nil {
		return err
	}
	n, err := t.q.InsertJob(t.ctx, db.InsertJobParams{
		TenantID: t.own(), Kind: string(j.Kind), Cursor: j.Cursor, Doc: doc, Version: j.Version,
		CreatedAt: micros(j.CreatedAt), ChangedAt: micros(j.ChangedAt),
	})
	if err == nil && n == 0 {
		return store.ErrDuplicate{What: "job"}
	}
	t.remember("job "+string(j.Kind), nil)
	return t.err(err)
}

func (t *tx) jobStand(j core.Job) func() (int64, string, error) {
	return func() (int64, string, error) {
		row, err := t.q.JobStand(t.ctx, db.JobStandParams{TenantID: t.own(), JobTenant: string(j.Tenant), Kind: string(j.Kind)})
		return row.Version, row.Doc, err
	}
}

func (t *tx) UpdateJob(j core.Job) error {
	stand := t.jobStand(j)
	doc, err := redoc(t, "job "+string(j.Kind), j.Doc, stand)
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
