package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

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
			return m, errors.Join(err, enrol.ErrDisabling)
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
	t, err := s.above(ctx, id, by)
	if err != nil {
		return err
	}
	return s.into(ctx, to, by, func(at access.Place) bool { return by.MayPutUnder(t.Kind, at) })
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
		var one Preview
		if err := s.compare(ctx, &one, before, after); err != nil {
			return m.node, p, err
		}
		if err := s.spareOwn(ctx, &one, t.ID, by); err != nil {
			return m.node, p, err
		}
		if err := s.keptOut(ctx, &one, before, after, by); err != nil {
			return m.node, p, err
		}
		p.join(one)
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
			if !t.Kind.IsOrganisation() || !t.ErasedAt.IsZero() {
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
		if m.away() {
			// As of one person who is moved: everybody's sessions end, in a job.
			d := DocOf(by, c)
			d.Everyone, d.Moved, d.Keep = true, true, ""
			if err := BeginJob(tx, id, core.JobEndSessions, d); err != nil {
				return err
			}
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
// One that is deleted keeps it too, for it may come back; whether it has a way in is
// asked then.
func keepDemand(tx store.Tx, before, after []core.Tenant, by access.Actor, c core.Client) error {
	doc, kept, err := policy.Inherit(before, after)
	if err != nil {
		return err
	}
	t := after[len(after)-1]
	if kept {
		t.Settings = doc
		after[len(after)-1] = t
	}
	doc, voids, err := policy.Distrust(before, after, tx.Now())
	if err != nil {
		return err
	}
	if voids {
		t.Settings = doc
		after[len(after)-1] = t
	}
	if t.State != core.TenantDeleted {
		if err := policy.CheckLine(after); err != nil {
			return err
		}
		if err := enforce(tx, before, after, by, c); err != nil {
			return err
		}
	}
	if !kept && !voids {
		return nil
	}
	t.ChangedAt = tx.Now()
	if err := tx.UpdateTenant(t); err != nil || !kept {
		return err
	}
	return tx.Append(audit.Did(audit.RequirementKept, by, string(t.ID), c))
}
