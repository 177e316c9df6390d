package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Organisations are those of a branch that have people, each with how far they have
// come. Like Branch it costs by their number, not by that of the people.
func (s *Service) Organisations(ctx context.Context, id core.TenantID, by access.Actor) (rows []Row, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ViewTenants, id); err != nil {
		return nil, err
	}
	if err := s.Tree.Fill(ctx, id); err != nil {
		return nil, err
	}
	var all map[core.TenantID]store.Counts
	err = s.Store.View(ctx, id, func(r store.Reader) error { all, err = r.CountsBelow(); return err })
	if err != nil {
		return nil, err
	}
	for org, n := range all {
		r := Row{}
		if r.Effective, err = s.Tree.Effective(ctx, org); err != nil {
			return nil, err
		}
		if r.Progress, err = s.progressOf(ctx, org, r.Effective, n); err != nil {
			return nil, err
		}
		r.Tenant = r.Effective.Organisation
		rows = append(rows, r)
	}
	return rows, nil
}
