package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

func notThere(err error) error {
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	return err
}

// PlanEnable says who would be asked for a second factor in these ways, and when,
// who is exempt, and who would be stuck; refusals and all.
func (s *Service) PlanEnable(ctx context.Context, id core.TenantID, r []core.Requirement, by access.Actor) (directory.Preview, error) {
	return s.Directory.PlanRequirement(ctx, id, r, by)
}

// Enable asks an organisation's people for a second factor in these ways (row
// ACR-06, ACR-07). Sessions stay, but where enforce_at says otherwise. Taking one
// way away while another stays keeps every factor.
func (s *Service) Enable(ctx context.Context, id core.TenantID, r []core.Requirement, by access.Actor, c core.Client) (policy.Effective, error) {
	return s.Directory.SetRequirement(ctx, id, r, by, c)
}

// OffPlan is what switching off would do.
type OffPlan struct {
	directory.Preview
	Losses store.Losses
	// Confirm is what must be typed: the organisation's name.
	Confirm string
}

// off is an organisation's line as it is once the switch is off.
func off(line []core.Tenant, stamp core.Stamp) ([]core.Tenant, error) {
	was, err := policy.Of(line)
	if err != nil {
		return nil, err
	}
	own := line[len(line)-1]
	switch {
	case was.Organisation.ID != own.ID:
		return nil, core.Invalid("tenant.settings_inherited")
	case was.Disabling():
		return nil, enrol.ErrDisabling
	case was.Locked && was.Settings.On():
		return nil, core.ErrPolicyLocked.With("by", was.LockedBy.Name)
	case !was.Settings.On():
		return nil, core.NewFault(core.KindConflict, "mfa.is_off")
	}
	after, err := policy.SetRequirement(line, nil, stamp)
	if err != nil {
		return nil, err
	}
	after[len(after)-1].MFAState = core.MFADisabling
	return after, nil
}

// PlanDisable says what switching off would take from whom, refusals and all.
func (s *Service) PlanDisable(ctx context.Context, id core.TenantID, by access.Actor) (OffPlan, error) {
	var p OffPlan
	if _, _, err := s.Tree.On(ctx, by, access.SwitchMFA, id); err != nil {
		return p, err
	}
	var before []core.Tenant
	var enrolled []store.Listed
	err := s.Store.View(ctx, id, func(r store.Reader) (err error) {
		if before, err = r.Line(); err != nil {
			return err
		}
		if p.Losses, err = r.Losses(); err != nil {
			return err
		}
		enrolled, _, err = r.People(store.PeopleQuery{Page: store.Page{Limit: 5}, Standings: []core.Standing{core.StandingEnrolled}})
		return err
	})
	if err != nil {
		return p, fmt.Errorf("look at %s: %w", id, err)
	}
	p.Confirm = before[len(before)-1].Name
	after, err := off(before, core.Stamp{At: s.Now(), By: by.ID()})
	if err != nil {
		return p, err
	}
	if p.Preview, err = s.Directory.Compare(ctx, before, after); err != nil {
		return p, err
	}
	// Who has a factor does not go on using it: it goes.
	p.Effects = slices.DeleteFunc(p.Effects, func(e directory.Effect) bool { return e.What == directory.EffectEnrolled })
	if p.Losses.People > 0 {
		lost := directory.Effect{What: directory.EffectLost, Count: p.Losses.People}
		for _, l := range enrolled {
			lost.First = append(lost.First, directory.Named{ID: l.User.ID, Login: l.User.Login, Name: l.User.Name})
		}
		p.Effects = append(p.Effects, lost)
	}
	return p, nil
}

// Disable switches an organisation's MFA off (rows ACR-24, ACR-25): its name must be
// typed, and the actor shows a second factor of their own as soon as anybody there
// has one. From now on a password opens everything, nobody can enrol, and a job
// takes away what there is.
func (s *Service) Disable(ctx context.Context, id core.TenantID, confirm string, by access.Actor, c core.Client) (OffPlan, error) {
	plan, err := s.PlanDisable(ctx, id, by)
	if err != nil {
		return plan, fmt.Errorf("switch off %s: %w", id, err)
	}
	if err := by.Prove(s.Now(), plan.Losses.People > 0); err != nil {
		return plan, fmt.Errorf("switch off %s: %w", id, err)
	}
	if !directory.Confirmed(confirm, plan.Confirm) {
		return plan, core.ErrConfirmRequired
	}
	err = s.Store.Update(ctx, id, func(tx store.Tx) error {
		before, err := tx.Line()
		if err != nil {
			return err
		}
		after, err := off(before, core.Stamp{At: tx.Now(), By: by.ID()})
		if err != nil {
			return err
		}
		t := after[len(after)-1]
		t.ChangedAt = tx.Now()
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		if err := directory.BeginJob(tx, id, core.JobDisableMFA, directory.DocOf(by, c)); err != nil {
			return err
		}
		if err := tx.Append(audit.Count(audit.Did(audit.TenantMFADisabling, by, string(id), c), "people", plan.Losses.People)); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return plan, fmt.Errorf("switch off %s: %w", id, err)
	}
	return plan, nil
}

// PlanSignOut counts the sessions that signing everybody of an organisation out
// would end, the actor's own not among them.
func (s *Service) PlanSignOut(ctx context.Context, id core.TenantID, by access.Actor) (sessions int, err error) {
	_, eff, err := s.Tree.On(ctx, by, access.EndSessions, id)
	if err != nil {
		return 0, err
	}
	if eff.Organisation.ID != id {
		return 0, core.Invalid("tenant.no_organisation")
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error {
		n, err := r.LiveSessions("")
		if err != nil {
			return err
		}
		sessions = n
		if own, err := r.Session(by.Session); err == nil && own.EndedAt.IsZero() {
			sessions--
		}
		return nil
	})
	return sessions, err
}

// SignOutAll signs everybody of an organisation out, but the actor where they are
// (decision 7.4): a job ends the sessions person by person.
func (s *Service) SignOutAll(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) error {
	if _, err := s.PlanSignOut(ctx, id, by); err != nil {
		return fmt.Errorf("sign out %s: %w", id, err)
	}
	d := directory.DocOf(by, c)
	d.Everyone = true
	err := s.Store.Update(ctx, id, func(tx store.Tx) error { return directory.BeginJob(tx, id, core.JobEndSessions, d) })
	if err != nil {
		return fmt.Errorf("sign out %s: %w", id, err)
	}
	return nil
}
