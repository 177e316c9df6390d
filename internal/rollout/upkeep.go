package rollout

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Erase takes what is left of nodes that were deleted so long ago that nobody can
// bring them back: every account, with its factors and roles. Their rows stay, so
// that ids are never used again (DS-13). before is asked before each batch and may
// stop it. It returns how many nodes it was done with.
func (s *Service) Erase(ctx context.Context, before func(context.Context) error) (nodes int, err error) {
	list, err := s.Store.Erasable(ctx, s.Now().AddDate(0, 0, -core.RestoreDays), 100)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, t := range list {
		err := s.erase(ctx, t, before)
		if errors.Is(err, ErrStop) {
			break
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("erase %s: %w", t.ID, err))
			continue
		}
		nodes++
	}
	return nodes, errors.Join(errs...)
}

func (s *Service) erase(ctx context.Context, t core.Tenant, before func(context.Context) error) error {
	for {
		if err := asked(ctx, before); err != nil {
			return err
		}
		n := 0
		err := s.Store.Update(ctx, t.ID, func(tx store.Tx) error {
			n = 0
			own, err := tx.Tenant()
			if err != nil || own.State != core.TenantDeleted || own.Restorable(tx.Now()) || !own.ErasedAt.IsZero() {
				return err
			}
			users, err := tx.Users("", batch)
			if err != nil {
				return err
			}
			for _, u := range users {
				if err := s.Directory.Erase(tx, u, access.System(), core.Client{}); err != nil {
					return fmt.Errorf("%s: %w", u.ID, err)
				}
			}
			n = len(users)
			if n == batch {
				return nil
			}
			own.ErasedAt, own.ChangedAt = tx.Now(), tx.Now()
			if err := tx.UpdateTenant(own); err != nil {
				return err
			}
			return tx.Append(audit.On(audit.TenantErased, core.ActorSystem, string(own.ID), core.Client{}))
		})
		if err != nil || n < batch {
			return err
		}
	}
}

// Recount compares what is kept of a tenant's people with what there is, repairs
// what differs, and is loud about it: it never should.
func (s *Service) Recount(ctx context.Context, id core.TenantID, by access.Actor) (store.Recounted, error) {
	root, err := s.Tree.Root(ctx)
	if err == nil {
		_, _, err = s.Tree.On(ctx, by, access.Operate, root)
	}
	if err != nil {
		return store.Recounted{}, err
	}
	return s.recount(ctx, id, by)
}

func (s *Service) recount(ctx context.Context, id core.TenantID, by access.Actor) (store.Recounted, error) {
	found, err := s.Store.Recount(ctx, id)
	if err != nil {
		return found, fmt.Errorf("recount %s: %w", id, err)
	}
	if found.Clean() {
		return found, nil
	}
	s.Log.Error("counts of people were wrong and are repaired", "event", "store.counts_repaired", "tenant", string(id), "wrong", found.Wrong, "people", found.People)
	err = s.Store.Update(ctx, id, func(tx store.Tx) error {
		e := audit.Count(audit.Did(audit.CountsRepaired, by, string(id), core.Client{}), "wrong", found.Wrong)
		for standing, n := range found.Missing {
			e = audit.Note(e, "missing_"+string(standing), strconv.Itoa(n))
		}
		return tx.Append(e)
	})
	if err != nil {
		return found, fmt.Errorf("recount %s: %w", id, err)
	}
	return found, nil
}

// asked asks before, where there is one.
func asked(ctx context.Context, before func(context.Context) error) error {
	if before == nil {
		return ctx.Err()
	}
	return before(ctx)
}

// recountEvery is how long counts are trusted without looking.
const recountEvery = 24 * time.Hour

// metaRecount is when everything was recounted last.
const metaRecount = "recounted_at"

// RecountDue recounts every tenant, once a day; before is asked before each and may
// stop it. It returns how many tenants had something to repair. A store that was
// never recounted is young, or was counted when it was migrated: its day begins now,
// and no server starts by reading everybody.
func (s *Service) RecountDue(ctx context.Context, before func(context.Context) error) (repaired int, err error) {
	said, err := s.Store.Meta(ctx, metaRecount)
	if err != nil {
		return 0, err
	}
	if said == "" {
		return 0, s.Store.SetMeta(ctx, metaRecount, s.Now().UTC().Format(time.RFC3339))
	}
	if last, err := time.Parse(time.RFC3339, said); err == nil && s.Now().Sub(last) < recountEvery {
		return 0, nil
	}
	all, err := s.Store.AllTenants(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range all {
		if !t.ErasedAt.IsZero() {
			continue
		}
		if err := asked(ctx, before); errors.Is(err, ErrStop) {
			return repaired, nil
		} else if err != nil {
			return repaired, err
		}
		found, err := s.recount(ctx, t.ID, access.System())
		if err != nil {
			return repaired, err
		}
		if !found.Clean() {
			repaired++
		}
	}
	return repaired, s.Store.SetMeta(ctx, metaRecount, s.Now().UTC().Format(time.RFC3339))
}
