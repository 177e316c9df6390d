package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// above refuses an actor who may not shape the tree over a node: what becomes of it
// as a whole is decided by those above, never by itself.
func (s *Service) above(ctx context.Context, id core.TenantID, by access.Actor) (core.Tenant, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageTenants, id); err != nil {
		return core.Tenant{}, err
	}
	t, err := s.tenant(ctx, id)
	if err != nil {
		return t, plainly(err)
	}
	if t.Parent == "" {
		return t, core.NewFault(core.KindConflict, "tenant.is_platform")
	}
	at, err := s.Tree.Place(ctx, t.Parent)
	if err != nil {
		return t, err
	}
	if !by.MayPutUnder(t.Kind, at) {
		return t, core.ErrForbidden
	}
	return t, nil
}

// into refuses an actor who may not bring something under a node: what they cannot
// see is not found.
func (s *Service) into(ctx context.Context, parent core.TenantID, by access.Actor, may func(access.Place) bool) error {
	at, err := s.Tree.Place(ctx, parent)
	if err != nil {
		return plainly(err)
	}
	if may(at) {
		return nil
	}
	if err := See(by, access.ManageTenants, access.ViewTenants, at); err != nil {
		return err
	}
	return core.ErrForbidden
}

// RenameTenant gives a node another name.
func (s *Service) RenameTenant(ctx context.Context, id core.TenantID, name string, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageTenants, id); err != nil {
		return core.Tenant{}, err
	}
	name, err := cleanName(name)
	if err != nil {
		return core.Tenant{}, err
	}
	return s.rewrite(ctx, id, by, audit.TenantRenamed, c, func(_ store.Tx, t *core.Tenant) (bool, error) {
		changed := t.Name != name
		t.Name = name
		return changed, nil
	})
}

// rewrite changes a node's own row, with its event; fn says whether there is
// anything to write.
func (s *Service) rewrite(ctx context.Context, id core.TenantID, by access.Actor, event string, c core.Client, fn func(store.Tx, *core.Tenant) (bool, error)) (core.Tenant, error) {
	var t core.Tenant
	err := s.Store.Update(ctx, id, func(tx store.Tx) (err error) {
		if t, err = tx.Tenant(); err != nil {
			return err
		}
		write, err := fn(tx, &t)
		if err != nil || !write {
			return err
		}
		t.ChangedAt = tx.Now()
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		t.Version++
		e := audit.Did(event, by, string(id), c)
		if event == audit.TenantConverted {
			e = audit.Note(e, "mode", string(t.Mode))
		}
		if err := tx.Append(e); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return t, fmt.Errorf("%s %s: %w", event, id, err)
	}
	return t, nil
}

// SetTrial says after how many days a trial becomes production by itself; 0 takes
// the timer away.
func (s *Service) SetTrial(ctx context.Context, id core.TenantID, days int, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, err := s.above(ctx, id, by); err != nil {
		return core.Tenant{}, err
	}
	return s.rewrite(ctx, id, by, audit.TenantTrial, c, func(tx store.Tx, t *core.Tenant) (bool, error) {
		ends, err := trialEnds(t.Mode, days, tx.Now())
		changed := !ends.Equal(t.TrialEnds)
		t.TrialEnds = ends
		return changed, err
	})
}

// converted is a node as it is in production. A partner is locked on by that; the
// lock is written down, so that it is known since when (row ACR-03).
func converted(t core.Tenant, stamp core.Stamp) (core.Tenant, error) {
	if t.Mode != core.Trial {
		return t, core.NewFault(core.KindConflict, "tenant.not_a_trial")
	}
	t.Mode, t.TrialEnds = core.Production, time.Time{}
	if t.Kind != core.Partner {
		return t, nil
	}
	var err error
	t.Settings, err = policy.Convert(t, stamp)
	return t, err
}

// PlanConvert says what making a trial productive would do.
func (s *Service) PlanConvert(ctx context.Context, id core.TenantID, by access.Actor) (core.Tenant, Preview, error) {
	t, err := s.above(ctx, id, by)
	if err != nil {
		return t, Preview{}, err
	}
	before, err := s.line(ctx, id)
	if err != nil {
		return t, Preview{}, err
	}
	t, err = converted(t, core.Stamp{At: s.Now(), By: by.ID()})
	if err != nil {
		return t, Preview{}, err
	}
	after := append(slices.Clone(before[:len(before)-1]), t)
	if err := policy.CheckLine(after); err != nil {
		return t, Preview{}, err
	}
	p, err := s.Compare(ctx, before, after)
	if err != nil {
		return t, p, err
	}
	return t, p, s.spareOwn(ctx, &p, id, by)
}

// Convert makes a trial productive, for an administrator from above or for the
// timer: one event either way (decision 2).
func (s *Service) Convert(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, _, err := s.PlanConvert(ctx, id, by); err != nil {
		return core.Tenant{}, err
	}
	return s.rewrite(ctx, id, by, audit.TenantConverted, c, func(tx store.Tx, t *core.Tenant) (bool, error) {
		if !by.IsSystem() || !t.TrialEnds.IsZero() && !tx.Now().Before(t.TrialEnds) {
			line, err := tx.Line()
			if err != nil {
				return false, err
			}
			after := slices.Clone(line)
			own := &after[len(after)-1]
			if *own, err = converted(*t, core.Stamp{At: tx.Now(), By: by.ID()}); err != nil {
				return false, err
			}
			*t = *own
			return true, enforce(tx, line, after, by, c)
		}
		return false, nil // the timer was set anew meanwhile
	})
}

// ConvertDue converts every trial whose time is over; it returns how many.
func (s *Service) ConvertDue(ctx context.Context) (n int, err error) {
	due, err := s.Store.DueTrials(ctx, s.Now(), 100)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, t := range due {
		if t.State == core.TenantDeleted {
			// It waits for whoever restores it; then it is due at once.
			continue
		}
		if _, err := s.Convert(ctx, t.ID, access.System(), core.Client{}); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

// people counts everybody of a branch who could sign in, by organisation.
func (s *Service) peopleBelow(ctx context.Context, id core.TenantID) (count, organisations, nodes int, names []Named, err error) {
	err = s.Store.View(ctx, id, func(r store.Reader) error {
		all, err := r.CountsBelow()
		if err != nil {
			return err
		}
		organisations = len(all)
		for _, n := range all {
			for _, standing := range core.Standings {
				if standing != core.StandingInactive {
					count += n[standing]
				}
			}
		}
		below, err := r.Below()
		if err != nil {
			return err
		}
		for _, n := range below {
			if n.State != core.TenantDeleted {
				nodes++
			}
		}
		names, err = first(r)
		return err
	})
	return count, organisations, nodes, names, err
}

func (s *Service) planBranch(ctx context.Context, id core.TenantID, by access.Actor, what string) (core.Tenant, Preview, error) {
	t, err := s.above(ctx, id, by)
	if err != nil {
		return t, Preview{}, err
	}
	p := Preview{}
	e := Effect{What: what}
	e.Count, p.Organisations, p.Nodes, e.First, err = s.peopleBelow(ctx, id)
	p.add(e)
	return t, p, err
}

// PlanSuspend says whom suspending a node and all below it would keep out.
func (s *Service) PlanSuspend(ctx context.Context, id core.TenantID, by access.Actor) (core.Tenant, Preview, error) {
	return s.planBranch(ctx, id, by, EffectRefused)
}

// Suspend keeps everybody of a node and of all below it out, until it is resumed:
// their sessions are refused at once, on every node of ours.
func (s *Service) Suspend(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) (core.Tenant, error) {
	return s.setState(ctx, id, core.TenantActive, core.TenantSuspended, audit.TenantSuspended, by, c)
}

// PlanResume says who could sign in again.
func (s *Service) PlanResume(ctx context.Context, id core.TenantID, by access.Actor) (core.Tenant, Preview, error) {
	return s.planBranch(ctx, id, by, EffectAllowed)
}

// Resume ends a suspension.
func (s *Service) Resume(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) (core.Tenant, error) {
	return s.setState(ctx, id, core.TenantSuspended, core.TenantActive, audit.TenantResumed, by, c)
}

func (s *Service) setState(ctx context.Context, id core.TenantID, from, to core.TenantState, event string, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, err := s.above(ctx, id, by); err != nil {
		return core.Tenant{}, err
	}
	return s.rewrite(ctx, id, by, event, c, func(_ store.Tx, t *core.Tenant) (bool, error) {
		if t.State != from && t.State != to {
			return false, core.NewFault(core.KindConflict, "tenant.deleted")
		}
		changed := t.State != to
		t.State = to
		return changed, nil
	})
}

// PlanDeleteTenant says whom deleting a branch would keep out.
func (s *Service) PlanDeleteTenant(ctx context.Context, id core.TenantID, by access.Actor) (core.Tenant, Preview, error) {
	return s.planBranch(ctx, id, by, EffectRefused)
}

// DeleteTenant deletes a node with all that is below it. Nobody of it can sign in
// any more. For thirty days it can be brought back as it was; its id is never used
// again. confirm is the node's name, typed.
func (s *Service) DeleteTenant(ctx context.Context, id core.TenantID, confirm string, by access.Actor, c core.Client) (nodes int, err error) {
	t, err := s.above(ctx, id, by)
	if err != nil {
		return 0, err
	}
	if !Confirmed(confirm, t.Name) {
		return 0, core.ErrConfirmRequired
	}
	err = s.Store.Update(ctx, id, func(tx store.Tx) error {
		now, err := tx.Tenant()
		if err != nil {
			return err
		}
		if now.State == core.TenantDeleted {
			return core.NewFault(core.KindConflict, "tenant.deleted")
		}
		if nodes, err = tx.DeleteBranch(); err != nil {
			return err
		}
		if err := tx.Append(audit.Count(audit.Did(audit.TenantDeleted, by, string(id), c), "nodes", nodes)); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return 0, fmt.Errorf("delete tenant %s: %w", id, err)
	}
	return nodes, nil
}

// Confirmed compares what somebody typed to confirm with what they had to type:
// spaces around it and the case of letters are forgiven.
func Confirmed(typed, want string) bool {
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	return fold(typed) != "" && fold(typed) == fold(want)
}

// RestoreTenant brings a branch back that was deleted less than thirty days ago,
// as it was.
func (s *Service) RestoreTenant(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) (nodes int, err error) {
	t, err := s.above(ctx, id, by)
	if err != nil {
		return 0, err
	}
	if t.State != core.TenantDeleted {
		return 0, core.NewFault(core.KindConflict, "tenant.not_deleted")
	}
	err = s.Store.Update(ctx, id, func(tx store.Tx) error {
		line, err := tx.Line()
		if err != nil {
			return err
		}
		own := line[len(line)-1]
		if own.State != core.TenantDeleted {
			return core.NewFault(core.KindConflict, "tenant.not_deleted")
		}
		if line[len(line)-2].State == core.TenantDeleted || !own.Restorable(tx.Now()) || !own.ErasedAt.IsZero() {
			return core.NewFault(core.KindConflict, "tenant.not_restorable").With("days", core.RestoreDays)
		}
		if nodes, err = tx.RestoreBranch(); err != nil {
			return err
		}
		if err := standing(tx); err != nil {
			return err
		}
		if err := tx.Append(audit.Count(audit.Did(audit.TenantRestored, by, string(id), c), "nodes", nodes)); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return 0, fmt.Errorf("restore tenant %s: %w", id, err)
	}
	return nodes, nil
}

// standing refuses a branch that comes back where locks were set meanwhile that leave
// somebody of it no way in.
func standing(tx store.Tx) error {
	line, err := tx.Line()
	if err != nil {
		return err
	}
	below, err := tx.Below()
	if err != nil {
		return err
	}
	lines := map[core.TenantID][]core.Tenant{}
	for _, t := range below {
		if l, ok := lines[t.Parent]; ok {
			lines[t.ID] = append(slices.Clone(l), t)
		} else {
			lines[t.ID] = line
		}
		if !t.Kind.IsOrganisation() || t.State == core.TenantDeleted {
			continue
		}
		if err := policy.CheckLine(lines[t.ID]); err != nil {
			return named(err, t)
		}
	}
	return nil
}

// line is the way from the root to a node.
func (s *Service) line(ctx context.Context, id core.TenantID) (line []core.Tenant, err error) {
	err = s.Store.View(ctx, id, func(r store.Reader) error { line, err = r.Line(); return err })
	return line, err
}
