package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/factor/password"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// usedEvery is how often the last use of a service account is written at most.
const usedEvery = time.Hour

// Program is a service account that came with login and password.
type Program struct {
	User      core.User
	Service   core.Service
	Tenant    core.Tenant
	Effective policy.Effective
	Roles     []core.RoleGrant
}

// Basic lets a program in for one request (decision 7.17). Only service accounts
// are; a person's right login and password get mfa.required whatever their second
// factor, or the password alone would pass it by, and everything else is one
// answer. Both spend the password's budget. A browser is not known here, so nobody
// has a budget of their own.
func (s *Service) Basic(ctx context.Context, login, typed string, v Visitor) (Program, error) {
	v.Device = ""
	if len(typed) > password.MaxBytes {
		return Program{}, core.ErrRefused
	}
	g, err := s.guess(ctx, policy.Basic, login, typed, v)
	if err != nil {
		return Program{}, err
	}
	if g.refused != "" {
		s.count("basic", "refused", g.refused)
		return Program{}, core.ErrRefused
	}
	u := g.login.User
	if u.Kind == core.Person {
		return Program{}, s.turnAway(ctx, g, "person_at_basic", core.ErrMFARequired, v)
	}
	p := Program{User: u, Effective: g.eff}
	ask := session.Ask{User: u, Effective: g.eff, Door: policy.Basic, Client: v.Client}
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) (err error) {
		if p.Service, err = r.Service(u.ID); err != nil {
			return err
		}
		if p.Tenant, err = r.Tenant(); err != nil {
			return err
		}
		if p.Roles, err = r.Roles(u.ID); err != nil {
			return err
		}
		ask.Proofs = []core.Proof{{Kind: core.FactorPassword, At: r.Now()}}
		return session.Admit(r, ask)
	})
	if fault, ok := core.AsFault(err); ok && fault.Kind != core.KindUnavailable {
		return Program{}, s.turnAway(ctx, g, fault.Code, core.ErrRefused, v)
	}
	if err != nil {
		s.release(g.guess)
		return Program{}, fmt.Errorf("basic authentication: %w", err)
	}
	return p, s.letIn(ctx, g, p.Service, v)
}

// turnAway counts a right password as a wrong one, with its true reason in the
// audit log, and answers with the fault.
func (s *Service) turnAway(ctx context.Context, g *guessed, reason string, answer *core.Fault, v Visitor) error {
	s.Limiter.Fail(v.Source(), s.Now())
	s.count("basic", "refused", reason)
	g.refused = reason
	if err := s.settleWrong(ctx, g, true, v); err != nil {
		return errors.Join(err)
	}
	return answer
}

// letIn settles a right guess. Programs come often: what they did is written once
// an hour, and a request in between writes nothing at all.
func (s *Service) letIn(ctx context.Context, g *guessed, kept core.Service, v Visitor) error {
	s.count("basic", "ok", "")
	if s.Now().Sub(kept.LastUsedAt) < usedEvery && g.budget.Clean() && g.rehash == "" {
		s.release(g.guess)
		return nil
	}
	err := s.settled(ctx, g, func(tx store.Tx, _ ...store.Guess) (bool, error) {
		if tx.Now().Sub(kept.LastUsedAt) < usedEvery {
			return false, nil
		}
		if err := tx.UsedService(kept.User, tx.Now(), v.Client.Where()); err != nil {
			return false, err
		}
		return false, tx.Append(audit.By(audit.ServiceUsed, kept.User, v.Client))
	})
	if err != nil {
		return fmt.Errorf("basic authentication: %w", err)
	}
	return nil
}
