package recovery

import (
	"context"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// proved finds an account that the actor may do p to, and asks the actor for the
// proof that it needs: their own and fresh, never the other person's (row ACR-17).
func (s *Service) proved(ctx context.Context, id core.UserID, by access.Actor, p access.Permission) (core.User, policy.Effective, error) {
	u, eff, err := s.whom(ctx, id, by, p)
	if err != nil {
		return u, eff, err
	}
	enrolled := false
	err = s.Store.View(ctx, eff.Organisation.ID, func(r store.Reader) error {
		n, err := r.Counts()
		enrolled = n[core.StandingEnrolled] > 0
		return err
	})
	if err == nil {
		err = by.Prove(s.Now(), enrolled)
	}
	return u, eff, err
}

// whom finds an account that the actor may do p to. One's own factor is changed on
// the security page, which asks for more.
func (s *Service) whom(ctx context.Context, id core.UserID, by access.Actor, p access.Permission) (core.User, policy.Effective, error) {
	u, eff, err := s.Tree.Person(ctx, by, p, id)
	if err == nil && p == access.ResetMFA && string(id) == by.ID() {
		err = core.NewFault(core.KindConflict, "user.yourself")
	}
	return u, eff, err
}

// PlanReset says what resetting somebody's factors would end, and whether the actor
// may.
func (s *Service) PlanReset(ctx context.Context, id core.UserID, by access.Actor) (u core.User, lost enrol.Lost, err error) {
	if u, _, err = s.whom(ctx, id, by, access.ResetMFA); err != nil {
		return u, lost, err
	}
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(id)
		lost = enrol.WouldLose(factors)
		return err
	})
	return u, lost, err
}

// ResetMFA ends all of somebody's factors: the next sign-in asks for the
// password and, where a rule demands it, for a new factor. Their sessions end and
// no browser is known any more; they are told by mail.
func (s *Service) ResetMFA(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (enrol.Lost, error) {
	u, eff, err := s.proved(ctx, id, by, access.ResetMFA)
	if err != nil {
		return enrol.Lost{}, err
	}
	var lost enrol.Lost
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		factors, err := tx.Factors(id)
		if err != nil {
			return err
		}
		if lost, err = s.Enrol.Wipe(tx, factors, "reset"); err != nil {
			return err
		}
		if err := tx.EndAttempts(id); err != nil {
			return err
		}
		if _, err := tx.DropBrowsers(id); err != nil {
			return err
		}
		if err := tx.SaveBudget(id, "codes", core.Budget{}); err != nil {
			return err
		}
		e := audit.Did(audit.MFAReset, by, string(id), c)
		e = audit.Count(e, "apps", lost.Apps)
		if err := tx.Append(audit.Count(e, "codes", lost.Codes)); err != nil {
			return err
		}
		if _, err := session.EndAll(tx, id, session.WhyReset, audit.Did(audit.SessionRevoked, by, string(id), c)); err != nil {
			return err
		}
		if lost.Apps+lost.Codes == 0 {
			return nil
		}
		return s.Post.Queue(tx, outbox.Message{Kind: core.MailFactorReset, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name()}})
	})
	if err != nil {
		return enrol.Lost{}, fmt.Errorf("reset factors of %s: %w", id, err)
	}
	return lost, nil
}

// PlanUntrust says from how many browsers resetting them would take the trust, and
// whether the actor may.
func (s *Service) PlanUntrust(ctx context.Context, id core.UserID, by access.Actor) (u core.User, browsers int, err error) {
	if u, _, err = s.Tree.Person(ctx, by, access.Untrust, id); err != nil {
		return u, 0, err
	}
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		all, err := r.Browsers(id)
		for _, b := range all {
			if b.Trusted(r.Now()) {
				browsers++
			}
		}
		return err
	})
	return u, browsers, err
}

// ResetBrowsers takes the trust from all browsers of somebody: their next sign-in
// asks for a code everywhere (row ACR-18), and the sessions end that were given for
// that trust alone. The browsers stay known, so that nobody can lock their owner out.
func (s *Service) ResetBrowsers(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (int, error) {
	u, eff, err := s.proved(ctx, id, by, access.Untrust)
	if err != nil {
		return 0, err
	}
	var n int
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if n, err = tx.Untrust(id); err != nil {
			return err
		}
		if err := tx.EndAttempts(id); err != nil {
			return err
		}
		if _, err := session.EndTrusting(tx, id, "", audit.Did(audit.SessionRevoked, by, string(id), c)); err != nil {
			return err
		}
		if err := tx.Append(audit.Count(audit.Did(audit.BrowsersUntrusted, by, string(id), c), "browsers", n)); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		return s.Post.Queue(tx, outbox.Message{Kind: core.MailBrowsersReset, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name()}})
	})
	if err != nil {
		return 0, fmt.Errorf("reset browsers of %s: %w", id, err)
	}
	return n, nil
}
