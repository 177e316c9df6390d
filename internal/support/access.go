package support

import (
	"context"
	"errors"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// CheckAccess says whether the actor may open or close an organisation's support
// access: only its own administrators may, never somebody from above, acting or
// not (decision 2). Opening it needs their own fresh proof; closing is for when
// somebody is in a hurry, and asks for nothing. already tells that it is so now.
func (s *Service) CheckAccess(ctx context.Context, id core.TenantID, open bool, by access.Actor) (eff policy.Effective, already bool, err error) {
	at, eff, err := s.Tree.On(ctx, by, access.SupportAccess, id)
	if err != nil {
		return eff, false, err
	}
	own, ok := at.Own()
	if !ok || own.Path != at.Path || eff.Organisation.Kind == core.Platform {
		return eff, false, core.Invalid("tenant.no_organisation")
	}
	if open && !own.Open {
		err = s.prove(ctx, by, id)
	}
	return eff, own.Open == open, err
}

// PlanClose lists whom closing support access would throw out at this moment.
func (s *Service) PlanClose(ctx context.Context, id core.TenantID, by access.Actor) ([]Live, error) {
	if _, _, err := s.CheckAccess(ctx, id, false, by); err != nil {
		return nil, err
	}
	var out []store.Acting
	err := s.Store.View(ctx, id, func(r store.Reader) error {
		all, err := r.Acting()
		if err != nil {
			return err
		}
		for _, a := range all {
			if err := allowed(r, a, id); errors.Is(err, errShut) {
				out = append(out, a)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("who acts in %s: %w", id, err)
	}
	return s.live(ctx, out)
}

// SetAccess opens or closes an organisation's support access. Closing ends what
// others do in it, and below it by way of it, at once: their sessions end in the
// same transaction, and every request of one is checked against the tree besides.
// It returns how many it ended.
func (s *Service) SetAccess(ctx context.Context, id core.TenantID, open bool, by access.Actor, c core.Client) (n int, err error) {
	if _, _, err := s.CheckAccess(ctx, id, open, by); err != nil {
		return 0, fmt.Errorf("support access of %s: %w", id, err)
	}
	err = s.Store.Update(ctx, id, func(tx store.Tx) error {
		n = 0
		t, err := tx.Tenant()
		if err != nil || t.SupportAccess == open {
			return err
		}
		t.SupportAccess, t.ChangedAt = open, tx.Now()
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		if err := tx.Changed(core.ChangeTenant, string(id)); err != nil {
			return err
		}
		if open {
			return tx.Append(audit.Did(audit.SupportOpened, by, string(id), c))
		}
		all, err := tx.Acting()
		if err != nil {
			return err
		}
		var out []core.Session
		for _, a := range all {
			if err := allowed(tx, a, id); errors.Is(err, errShut) {
				out = append(out, a.Session)
			} else if err != nil {
				return err
			}
		}
		if err := ended(tx, out, session.WhyClosed, by, c, &n); err != nil {
			return err
		}
		return tx.Append(audit.Count(audit.Did(audit.SupportClosed, by, string(id), c), "ended", n))
	})
	if err != nil {
		return 0, fmt.Errorf("support access of %s: %w", id, err)
	}
	return n, nil
}

// errShut: somebody who acts could not, once an organisation is closed.
var errShut = errors.New("shut out")

// allowed says whether somebody may act where they do with an organisation closed.
func allowed(r store.Reader, a store.Acting, closed core.TenantID) error {
	line, err := r.LineOf(a.Session.ActingIn)
	if err != nil {
		return err
	}
	for i := range line {
		if line[i].ID == closed {
			line[i].SupportAccess = false
		}
	}
	err = mayActAt(r, a.User, access.PlaceOf(line))
	if _, refused := core.AsFault(err); refused {
		return errShut
	}
	return err
}
