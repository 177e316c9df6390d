package directory

import (
	"context"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/outbox"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// stop ends what an account has under way: sign-ins, links, sessions.
func stop(tx store.Tx, id core.UserID, why string, by access.Actor, c core.Client) (sessions int, err error) {
	if err := tx.EndAttempts(id); err != nil {
		return 0, err
	}
	for _, k := range core.TokenKinds {
		if _, err := tx.SupersedeTokens(id, k); err != nil {
			return 0, err
		}
	}
	if sessions, err = session.EndAll(tx, id, why, audit.Did(audit.SessionRevoked, by, string(id), c)); err != nil {
		return 0, err
	}
	return sessions, tx.Changed(core.ChangeUser, string(id))
}

// Disable stops an account: its sessions end on every node and it can do
// nothing until it is enabled again. Factors are kept.
func (s *Service) Disable(ctx context.Context, id core.UserID, by access.Actor, c core.Client) error {
	u, _, err := s.Tree.Person(ctx, by, access.Disable, id)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if u.State == core.UserDisabled || u.State == core.UserDeleted {
			return nil
		}
		if err := keepsOne(tx, u); err != nil {
			return err
		}
		u.Before, u.State, u.ChangedAt = u.State, core.UserDisabled, tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		if err := tx.Append(audit.Did(audit.UserDeactivated, by, string(id), c)); err != nil {
			return err
		}
		_, err = stop(tx, id, session.WhyDisabled, by, c)
		return err
	})
	if err != nil {
		return fmt.Errorf("disable %s: %w", id, err)
	}
	return nil
}

// Enable gives a disabled account back what it was; its factors are kept.
func (s *Service) Enable(ctx context.Context, id core.UserID, by access.Actor, c core.Client) error {
	u, _, err := s.Tree.Person(ctx, by, access.Disable, id)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if u.State != core.UserDisabled {
			return nil
		}
		u.State, u.Before, u.ChangedAt = u.Before, "", tx.Now()
		if u.State == "" {
			u.State = core.UserInvited
		}
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		if err := tx.Append(audit.Did(audit.UserReactivated, by, string(id), c)); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
	if err != nil {
		return fmt.Errorf("enable %s: %w", id, err)
	}
	return nil
}

// EndSessions signs somebody out everywhere ("reset access", row WBX-15). It
// returns how many sessions ended.
func (s *Service) EndSessions(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (n int, err error) {
	u, _, err := s.Tree.Person(ctx, by, access.EndSessions, id)
	if err != nil {
		return 0, err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if err := tx.EndAttempts(id); err != nil {
			return err
		}
		n, err = session.EndAll(tx, id, session.WhyRevoked, audit.Did(audit.SessionRevoked, by, string(id), c))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end sessions of %s: %w", id, err)
	}
	return n, nil
}

// Gone is what deleting an account takes with it.
type Gone struct {
	Lost     enrol.Lost
	Sessions int
	Roles    []core.RoleGrant
}

// PlanDelete says what deleting an account would take with it.
func (s *Service) PlanDelete(ctx context.Context, id core.UserID, by access.Actor) (core.User, Gone, error) {
	u, _, err := s.Tree.Person(ctx, by, access.DeletePeople, id)
	if err != nil {
		return u, Gone{}, err
	}
	var g Gone
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(id)
		if err != nil {
			return err
		}
		g.Lost = enrol.WouldLose(factors)
		sessions, err := r.Sessions(id)
		if err != nil {
			return err
		}
		g.Sessions = len(sessions)
		g.Roles, err = r.Roles(id)
		return err
	})
	return u, g, err
}

// Delete ends an account for good. Its factors are wiped and their history is
// kept (DS-13); its id is never used again, its login may be.
func (s *Service) Delete(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (Gone, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.DeletePeople, id)
	if err != nil {
		return Gone{}, err
	}
	if string(id) == by.ID() {
		return Gone{}, core.NewFault(core.KindConflict, "user.yourself")
	}
	var g Gone
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if u.State == core.UserDeleted {
			return core.ErrNotFound
		}
		if err := keepsOne(tx, u); err != nil {
			return err
		}
		if g, err = s.erase(tx, u, by, c); err != nil {
			return err
		}
		return s.Post.Queue(tx, outbox.Message{Kind: core.MailAccountDeleted, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name()}})
	})
	if err != nil {
		return Gone{}, fmt.Errorf("delete %s: %w", id, err)
	}
	return g, nil
}

// Erase is Delete for who works through a node that was deleted long ago: nobody is
// asked, told or kept.
func (s *Service) Erase(tx store.Tx, u core.User, by access.Actor, c core.Client) error {
	_, err := s.erase(tx, u, by, c)
	return err
}

// erase takes everything from an account that anybody could sign in with or act
// by.
func (s *Service) erase(tx store.Tx, u core.User, by access.Actor, c core.Client) (g Gone, err error) {
	factors, err := tx.Factors(u.ID)
	if err != nil {
		return g, err
	}
	if g.Lost, err = s.Enrol.Wipe(tx, factors, "deleted"); err != nil {
		return g, err
	}
	if g.Roles, err = tx.Roles(u.ID); err != nil {
		return g, err
	}
	for _, r := range g.Roles {
		if err := tx.Revoke(r); err != nil {
			return g, err
		}
	}
	if _, err := tx.DropBrowsers(u.ID); err != nil {
		return g, err
	}
	if err := tx.DropBudgets(u.ID); err != nil {
		return g, err
	}
	if err := tx.SetPassword(u.ID, core.Password{SetAt: tx.Now()}); err != nil {
		return g, err
	}
	if u.Kind == core.ServiceAccount {
		if err := dropService(tx, u.ID); err != nil {
			return g, err
		}
	}
	u.Before, u.State, u.ChangedAt = u.State, core.UserDeleted, tx.Now()
	if err := tx.UpdateUser(u); err != nil {
		return g, err
	}
	e := audit.Did(audit.UserDeleted, by, string(u.ID), c)
	e = audit.Count(audit.Count(e, "apps", g.Lost.Apps), "codes", g.Lost.Codes)
	if err := tx.Append(e); err != nil {
		return g, err
	}
	g.Sessions, err = stop(tx, u.ID, session.WhyDeleted, by, c)
	return g, err
}

// Moved is what moving an account does.
type Moved struct {
	User core.User // as it is now
	From core.TenantID
	To   core.TenantID
	// Away: it goes to another organisation. Then its sessions end and the roles
	// that it holds in the old one go.
	Away  bool
	Roles []core.RoleGrant // that go
}

// PlanMove says what moving an account to another tenant would do, and whether it
// may be done.
func (s *Service) PlanMove(ctx context.Context, id core.UserID, to core.TenantID, by access.Actor) (Moved, error) {
	u, from, err := s.Tree.Person(ctx, by, access.MovePeople, id)
	if err != nil {
		return Moved{}, err
	}
	at, err := s.Tree.Place(ctx, to)
	if err == nil {
		err = See(by, access.MovePeople, access.ViewTenants, at)
	}
	if err != nil {
		return Moved{}, plainly(err)
	}
	into, err := s.Tree.Effective(ctx, to)
	if err != nil {
		return Moved{}, err
	}
	if into.Suspended != nil {
		return Moved{}, core.NewFault(core.KindConflict, "tenant.parent_inactive")
	}
	out := Moved{User: u, From: u.Tenant, To: to, Away: from.Organisation.ID != into.Organisation.ID}
	if !out.Away {
		return out, nil
	}
	if from.Disabling() || into.Disabling() {
		return out, enrol.ErrDisabling
	}
	roles, err := s.Store.RolesOf(ctx, id)
	if err != nil {
		return out, err
	}
	for _, g := range roles {
		e, err := s.Tree.Effective(ctx, g.Tenant)
		if err != nil {
			return out, err
		}
		if e.Organisation.ID == from.Organisation.ID {
			out.Roles = append(out.Roles, g)
		}
	}
	if into.Settings.UniqueEmail && u.EmailKey != "" {
		err = s.Store.View(ctx, to, func(r store.Reader) error {
			held, err := r.EmailTaken(into.Organisation.ID, u.EmailKey, u.ID)
			if err == nil && held {
				err = core.NewFault(core.KindConflict, "user.email_taken")
			}
			return err
		})
	}
	return out, err
}

// Move puts an account with all its rows into another tenant. What holds there is
// asked at its next sign-in (behaviours §7.22).
func (s *Service) Move(ctx context.Context, id core.UserID, to core.TenantID, by access.Actor, c core.Client) (Moved, error) {
	plan, err := s.PlanMove(ctx, id, to, by)
	if err != nil {
		return plan, err
	}
	if plan.From == to {
		return plan, nil
	}
	err = s.Store.Update(ctx, plan.From, func(tx store.Tx) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		var on []core.TenantID
		for _, g := range plan.Roles {
			on = append(on, g.Tenant)
		}
		if len(on) > 0 {
			if err := keepsOne(tx, u, on...); err != nil {
				return err
			}
		}
		for _, g := range plan.Roles {
			if err := tx.Revoke(g); err != nil {
				return err
			}
		}
		if plan.Away {
			// Whoever goes begins there as a plain user.
			if err := tx.Grant(core.RoleGrant{User: id, Tenant: to, Role: core.RoleUser, At: tx.Now()}); err != nil {
				return err
			}
			if _, err := session.EndAll(tx, id, session.WhyMoved, audit.Did(audit.SessionRevoked, by, string(id), c)); err != nil {
				return err
			}
			// What the old organisation let somebody trust is not the new one's word.
			if _, err := tx.Untrust(id); err != nil {
				return err
			}
		}
		if err := tx.EndAttempts(id); err != nil {
			return err
		}
		factors, err := tx.Factors(id)
		if err != nil {
			return err
		}
		if err := s.Enrol.Move(tx, factors, to); err != nil {
			return err
		}
		if err := tx.MoveUser(u, to); err != nil {
			return err
		}
		e := audit.Note(audit.Did(audit.UserMoved, by, string(id), c), "to", string(to))
		if err := tx.Append(audit.Count(e, "roles", len(plan.Roles))); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
	if err != nil {
		return plan, fmt.Errorf("move %s: %w", id, err)
	}
	plan.User, err = s.Store.FindUser(ctx, id)
	return plan, err
}
