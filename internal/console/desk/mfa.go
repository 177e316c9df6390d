package desk

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/rollout"
	"sallyport/internal/store"
)

// MFA is the switch of the organisation that a node belongs to, with the counts of
// the node.
func (d *Desk) MFA(ctx context.Context, by console.Caller, tenant core.TenantID) (console.MFAView, error) {
	s, err := d.Rollout.Status(ctx, tenant, by.Actor)
	if err != nil {
		return console.MFAView{}, err
	}
	org := s.Organisation
	v := console.MFAView{Requirement: s.Requirement, State: org.MFAState, Counts: counts(s.Progress), UpdateAllowed: s.UpdateAllowed, Version: org.Version}
	if s.State == rollout.Disabling {
		v.State = core.MFADisabling
	}
	if s.Locked {
		v.LockedBy = s.LockedBy.Name
	}
	if err := d.outside(ctx, by, tenant, org.ID, &v); err != nil {
		return v, err
	}
	if s.State == rollout.Enabled {
		if err := d.whoseWord(ctx, org.ID, &v); err != nil {
			return v, err
		}
	}
	if s.State == rollout.Disabling {
		var left store.Counts
		err := d.Store.View(ctx, org.ID, func(r store.Reader) (err error) { left, err = r.Counts(); return err })
		if err != nil {
			return v, err
		}
		v.Doing = console.Doing{Done: s.Done.People, Total: s.Done.People + left[core.StandingEnrolled], Since: s.Began}
	}
	return v, nil
}

// outside names the administrators who came last from outside the networks that hold,
// to whoever sees the people.
func (d *Desk) outside(ctx context.Context, by console.Caller, tenant, org core.TenantID, v *console.MFAView) error {
	at, err := d.Directory.Tree.Place(ctx, tenant)
	if err != nil || !by.Actor.Can(access.ViewPeople, at) {
		return err
	}
	eff, err := d.Directory.Tree.Effective(ctx, org)
	if err != nil {
		return err
	}
	found, err := d.Directory.Outside(ctx, org, eff.Settings.LoginNetworks)
	for _, n := range found {
		v.Outside = append(v.Outside, console.Who{ID: n.ID, Name: n.Name, Login: n.Login})
	}
	return err
}

// whoseWord says since when it is required, who set it, and on whose word.
func (d *Desk) whoseWord(ctx context.Context, org core.TenantID, v *console.MFAView) error {
	var line []core.Tenant
	if err := d.Store.View(ctx, org, func(r store.Reader) (err error) { line, err = r.Line(); return err }); err != nil {
		return err
	}
	values, err := d.Directory.ValuesOf(ctx, line)
	if err != nil {
		return err
	}
	for _, x := range values {
		if x.Key != "requirement" {
			continue
		}
		v.Since = x.Since
		if x.From != nil && x.From.ID != org {
			v.From = x.From.Name
		}
		if x.By != "" {
			n, err := d.nameOf(ctx, x.By)
			if err != nil {
				return err
			}
			v.By = n.who.Name
			if v.By != "" && n.from != "" && n.from != line[len(line)-1].Name {
				v.By += " (" + n.from + ")"
			}
		}
	}
	return nil
}

// PreviewMFA says what a requirement would do; of an empty one, what it deletes.
func (d *Desk) PreviewMFA(ctx context.Context, by console.Caller, tenant core.TenantID, r []core.Requirement) (console.Effect, error) {
	view, err := d.MFA(ctx, by, tenant)
	if err != nil {
		return console.Effect{}, err
	}
	if len(r) == 0 {
		plan, err := d.Rollout.PlanDisable(ctx, tenant, by.Actor)
		if err != nil {
			return console.Effect{}, err
		}
		var e console.Effect
		line(&e, console.EffectApps, plan.Losses.Apps)
		line(&e, console.EffectCodes, plan.Losses.Codes)
		line(&e, console.EffectBrowsers, plan.Losses.Browsers)
		e.Deletes = plan.Losses.Apps + plan.Losses.Codes + plan.Losses.Browsers
		e.Name, e.Version = plan.Confirm, view.Version
		return e, nil
	}
	p, err := d.Rollout.PlanEnable(ctx, tenant, r, by.Actor)
	if err != nil {
		return console.Effect{}, err
	}
	e := effect(p)
	after := view.Counts
	// Among those who are asked may be some who were already, in an app.
	asked := min(after.Off, e.Count(directory.EffectAsked)+e.Count(directory.EffectMayWait)+e.Count(directory.EffectAppsOpen))
	after.SetupRequired, after.Off = after.SetupRequired+asked, after.Off-asked
	if back := e.Count(directory.EffectReleased); back > 0 {
		after.SetupRequired, after.Off = max(0, after.SetupRequired-back), after.Off+back
	}
	if after != view.Counts {
		e.Before, e.After = &view.Counts, &after
	}
	e.Version = view.Version
	return e, nil
}

// SetMFA moves the switch.
func (d *Desk) SetMFA(ctx context.Context, by console.Caller, tenant core.TenantID, r []core.Requirement, confirm string, version int64) error {
	view, err := d.MFA(ctx, by, tenant)
	if err == nil {
		err = fresh(view.Version, version)
	}
	if err != nil {
		return err
	}
	if len(r) == 0 {
		_, err = d.Rollout.Disable(ctx, tenant, confirm, by.Actor, by.Client)
	} else {
		_, err = d.Rollout.Enable(ctx, tenant, r, by.Actor, by.Client)
	}
	return err
}
