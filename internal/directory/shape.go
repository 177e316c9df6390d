package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	if !by.Can(access.ManageTenants, at) {
		return t, core.ErrForbidden
	}
	return t, nil
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
	return t, p, err
}

// Convert makes a trial productive, for an administrator from above or for the
// timer: one event either way (decision 2).
func (s *Service) Convert(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, _, err := s.PlanConvert(ctx, id, by); err != nil {
		return core.Tenant{}, err
	}
	return s.rewrite(ctx, id, by, audit.TenantConverted, c, func(tx store.Tx, t *core.Tenant) (bool, error) {
		if !by.IsSystem() || !t.TrialEnds.IsZero() && !tx.Now().Before(t.TrialEnds) {
			var err error
			*t, err = converted(*t, core.Stamp{At: tx.Now(), By: by.ID()})
			return true, err
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

// line is the way from the root to a node.
func (s *Service) line(ctx context.Context, id core.TenantID) (line []core.Tenant, err error) {
	err = s.Store.View(ctx, id, func(r store.Reader) error { line, err = r.Line(); return err })
	return line, err
}

// move is a branch that goes elsewhere, as one transaction or look sees it.
type move struct {
	node  core.Tenant
	from  []core.Tenant // the line to the node's parent
	to    []core.Tenant // the line to where it goes
	below []core.Tenant // the node and all below it, parents first
	byID  map[core.TenantID]core.Tenant
}

// lines are the ways to a node of the branch before and after.
func (m move) lines(id core.TenantID) (before, after []core.Tenant) {
	var tail []core.Tenant
	for t := m.byID[id]; ; t = m.byID[t.Parent] {
		tail = append(tail, t)
		if t.ID == m.node.ID {
			break
		}
	}
	slices.Reverse(tail)
	return append(slices.Clone(m.from), tail...), append(slices.Clone(m.to), tail...)
}

// away reports whether the people of the node itself change their organisation.
func (m move) away() bool {
	return !m.node.Kind.IsOrganisation() && m.node.Organisation != m.to[len(m.to)-1].Organisation
}

// readMove looks at a branch and at where it shall go, and refuses what the tree
// does not allow.
func readMove(r store.Reader, to core.TenantID) (move, error) {
	line, err := r.Line()
	if err != nil {
		return move{}, err
	}
	m := move{node: line[len(line)-1], from: line[:len(line)-1]}
	if m.to, err = r.LineOf(to); err != nil {
		return m, plainly(err)
	}
	if m.below, err = r.Below(); err != nil {
		return m, err
	}
	m.byID = make(map[core.TenantID]core.Tenant, len(m.below))
	for _, t := range m.below {
		m.byID[t.ID] = t
	}
	target := m.to[len(m.to)-1]
	switch {
	case m.node.Parent == "":
		return m, core.NewFault(core.KindConflict, "tenant.is_platform")
	case strings.HasPrefix(target.Path, m.node.Path):
		return m, core.Invalid("tenant.under_itself")
	case !m.node.Kind.MayStandUnder(target.Kind):
		return m, core.Invalid("tenant.parent_wrong", "kind", string(m.node.Kind), "parent", string(target.Kind))
	case slices.ContainsFunc(m.to, func(t core.Tenant) bool { return t.State != core.TenantActive }):
		return m, core.NewFault(core.KindConflict, "tenant.parent_inactive")
	case m.node.State == core.TenantDeleted:
		return m, core.NewFault(core.KindConflict, "tenant.deleted")
	}
	if !m.away() {
		return m, nil
	}
	// People change their organisation: not while factors are being taken away on
	// either side, and not where an address would not be one person's any more.
	for _, line := range [][]core.Tenant{m.from, m.to} {
		if e, err := policy.Of(line); err != nil || e.Disabling() {
			return m, errors.Join(err, core.NewFault(core.KindConflict, "mfa.disabling"))
		}
	}
	into, err := policy.Of(m.to)
	if err != nil || !into.Settings.UniqueEmail {
		return m, err
	}
	clashes, err := r.Clashes(into.Organisation.ID, firstNames)
	if err != nil {
		return m, err
	}
	if len(clashes) > 0 {
		return m, core.NewFault(core.KindConflict, "tenant.email_clash").With("login", clashes[0].Login).With("count", len(clashes))
	}
	return m, nil
}

// mayMove asks for rights at the source, at the target and on the node (DS-10, row
// B-37): else a branch could be put under one's own.
func (s *Service) mayMove(ctx context.Context, id, to core.TenantID, by access.Actor) error {
	if _, err := s.above(ctx, id, by); err != nil {
		return err
	}
	_, _, err := s.Tree.On(ctx, by, access.ManageTenants, to)
	return err
}

// PlanMoveTenant says what putting a node under another would do for whom.
func (s *Service) PlanMoveTenant(ctx context.Context, id, to core.TenantID, by access.Actor) (core.Tenant, Preview, error) {
	if err := s.mayMove(ctx, id, to, by); err != nil {
		return core.Tenant{}, Preview{}, err
	}
	var p Preview
	var m move
	err := s.Store.View(ctx, id, func(r store.Reader) (err error) {
		m, err = readMove(r, to)
		return err
	})
	if err != nil {
		return m.node, p, err
	}
	p.Nodes = len(m.below)
	if m.away() {
		e := Effect{What: EffectMoved}
		err := s.Store.View(ctx, id, func(r store.Reader) error {
			n, err := r.Counts()
			for _, k := range n {
				e.Count += k
			}
			if err == nil {
				e.First, err = first(r)
			}
			return err
		})
		if err != nil {
			return m.node, p, err
		}
		p.add(e)
		before, after := m.lines(id)
		return m.node, p, s.compareBranch(ctx, &p, id, before, after)
	}
	for _, t := range m.below {
		if !t.Kind.IsOrganisation() || t.State == core.TenantDeleted {
			continue
		}
		before, after := m.lines(t.ID)
		doc, kept, err := policy.Inherit(before, after)
		if err != nil {
			return m.node, p, err
		}
		if kept {
			after[len(after)-1].Settings = doc
		}
		if err := policy.CheckLine(after); err != nil {
			return m.node, p, named(err, t)
		}
		if err := s.compare(ctx, &p, before, after); err != nil {
			return m.node, p, err
		}
	}
	return m.node, p, nil
}

// compareBranch adds what the people of a folder or unit meet who get another
// organisation.
func (s *Service) compareBranch(ctx context.Context, p *Preview, id core.TenantID, before, after []core.Tenant) error {
	was, err := policy.Of(before)
	if err != nil {
		return err
	}
	is, err := policy.Of(after)
	if err != nil {
		return err
	}
	return s.Store.View(ctx, id, func(r store.Reader) error { return p.effects(r, was, is) })
}

// named says of which node a refusal is.
func named(err error, t core.Tenant) error {
	if f, ok := core.AsFault(err); ok {
		return f.With("tenant", t.Name)
	}
	return err
}

// MoveTenant puts a node with all that is below it under another. What a lock on
// the old way demanded and no lock on the new one does becomes the organisation's
// own value (decision 5); everybody moved is asked anew by what holds there.
func (s *Service) MoveTenant(ctx context.Context, id, to core.TenantID, by access.Actor, c core.Client) (core.Tenant, error) {
	if err := s.mayMove(ctx, id, to, by); err != nil {
		return core.Tenant{}, err
	}
	var out core.Tenant
	err := s.Store.Update(ctx, id, func(tx store.Tx) error {
		m, err := readMove(tx, to)
		if err != nil {
			return err
		}
		if m.node.Parent == to {
			out = m.node
			return nil
		}
		for _, t := range m.below {
			if !t.Kind.IsOrganisation() || t.State == core.TenantDeleted {
				continue
			}
			before, after := m.lines(t.ID)
			if err := keepDemand(tx, before, after, by, c); err != nil {
				return named(err, t)
			}
		}
		if err := tx.MoveTenant(to); err != nil {
			return err
		}
		if out, err = tx.Tenant(); err != nil {
			return err
		}
		e := audit.Note(audit.Did(audit.TenantMoved, by, string(id), c), "from", string(m.node.Parent))
		e = audit.Note(audit.Note(e, "to", string(to)), "nodes", strconv.Itoa(len(m.below)))
		if err := tx.Append(e); err != nil {
			return err
		}
		// Places and settings of the branch, and who acts in it.
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return out, fmt.Errorf("move tenant %s: %w", id, err)
	}
	return out, nil
}

// keepDemand writes into an organisation below the reader's own node what a lock
// demanded that falls away, and refuses a change that would leave nobody a way in.
func keepDemand(tx store.Tx, before, after []core.Tenant, by access.Actor, c core.Client) error {
	doc, kept, err := policy.Inherit(before, after)
	if err != nil {
		return err
	}
	t := after[len(after)-1]
	if kept {
		t.Settings, t.ChangedAt = doc, tx.Now()
		after[len(after)-1] = t
	}
	if err := policy.CheckLine(after); err != nil {
		return err
	}
	if !kept {
		return nil
	}
	if err := tx.UpdateTenant(t); err != nil {
		return err
	}
	return tx.Append(audit.Did(audit.RequirementKept, by, string(t.ID), c))
}
