package directory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// What may be wrong with an app that an organisation selected, or could.
const (
	AppGone      = "gone"      // it was deleted
	AppElsewhere = "elsewhere" // it is not for the people here, any more
	AppStopped   = "stopped"   // nobody signs in to it at the moment
	AppTooHigh   = "too_high"  // it asks for a level that nobody here can reach
)

// SelectedApp is an app that people of an organisation may open, or that it selected
// while they might.
type SelectedApp struct {
	App    core.App
	Shared bool   // the platform's
	Owner  string // the node of the organisation that it belongs to
	// Selected: whoever opens it shows a second factor, where the mode is on. Lock is
	// who holds that, so that it cannot be taken off here.
	Selected bool
	Lock     *core.Tenant
	Use      store.AppUse // in the last 90 days
	Wrong    string
}

// Selection is the table of an organisation's apps.
type Selection struct {
	Apps []SelectedApp
	// On: the mode is on, without which no switch of the table does anything.
	On      bool
	Version int64
}

// mostApps bounds the table: of the platform's apps and of the organisation's own.
const mostApps = 1000

// Selection lists the apps that people of an organisation may open, the selected ones
// first, and those that it selected and nobody can open any more.
func (s *Service) Selection(ctx context.Context, id core.TenantID, by access.Actor) (Selection, error) {
	var out Selection
	_, eff, err := s.Tree.On(ctx, by, access.ManageSettings, id)
	if err != nil {
		return out, err
	}
	if eff.Organisation.ID != id {
		return out, core.Invalid("tenant.settings_inherited")
	}
	line, err := s.line(ctx, id)
	if err != nil {
		return out, err
	}
	out.Version, out.On = line[len(line)-1].Version, eff.Settings.Requires(core.RequireSelectedApps)
	if out.Apps, err = s.opens(ctx, id); err != nil {
		return out, err
	}
	if err := s.lost(ctx, &out, eff); err != nil {
		return out, err
	}
	var used map[core.AppID]store.AppUse
	err = s.Store.View(ctx, id, func(r store.Reader) (err error) {
		used, err = r.AppsUsed(r.Now().Add(-policy.AppRecently))
		return err
	})
	if err != nil {
		return out, err
	}
	for i := range out.Apps {
		a := &out.Apps[i]
		a.Selected, a.Use = slices.Contains(eff.Settings.SelectedApps, a.App.ID), used[a.App.ID]
		a.Lock = eff.Selects(a.App.ID)
		switch {
		case a.Wrong != "":
		case a.App.State == core.AppDisabled:
			a.Wrong = AppStopped
		case !policy.Reachable(eff, a.App.Doc.RequiredLevel):
			a.Wrong = AppTooHigh
		}
	}
	slices.SortStableFunc(out.Apps, func(a, b SelectedApp) int {
		if a.Selected != b.Selected {
			if a.Selected {
				return -1
			}
			return 1
		}
		return strings.Compare(strings.ToLower(a.App.Name), strings.ToLower(b.App.Name))
	})
	return out, nil
}

// opens lists the apps that somebody of an organisation may open.
func (s *Service) opens(ctx context.Context, id core.TenantID) (out []SelectedApp, err error) {
	root, err := s.Store.FindPlatform(ctx)
	if err != nil {
		return nil, err
	}
	at, err := s.Tree.Place(ctx, id)
	if err != nil {
		return nil, plainly(err)
	}
	var own, shared []core.App
	err = s.Store.View(ctx, id, func(r store.Reader) (err error) { own, err = r.AppsHere(mostApps); return err })
	if err == nil && id != root.ID {
		err = s.Store.View(ctx, root.ID, func(r store.Reader) (err error) { shared, _, err = r.Apps(store.Page{Limit: mostApps}); return err })
	}
	if err != nil {
		return nil, err
	}
	names := map[core.TenantID]string{}
	for _, a := range own {
		if _, known := names[a.Tenant]; !known {
			t, err := s.tenant(ctx, a.Tenant)
			if err != nil {
				return nil, err
			}
			names[a.Tenant] = t.Name
		}
		out = append(out, SelectedApp{App: a, Shared: a.Tenant == root.ID, Owner: names[a.Tenant]})
	}
	for _, a := range shared {
		for_, err := s.forBranch(ctx, a, at)
		if err != nil {
			return nil, err
		}
		if for_ {
			out = append(out, SelectedApp{App: a, Shared: true, Owner: root.Name})
		}
	}
	return out, nil
}

// forBranch reports whether an app of the platform is for anybody at a place or below.
func (s *Service) forBranch(ctx context.Context, a core.App, at access.Place) (bool, error) {
	if len(a.Doc.Tenants) == 0 {
		return true, nil
	}
	for _, t := range a.Doc.Tenants {
		place, err := s.Tree.Place(ctx, t)
		if errors.Is(err, core.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if strings.HasPrefix(at.Path, place.Path) || strings.HasPrefix(place.Path, at.Path) {
			return true, nil
		}
	}
	return false, nil
}

// lost adds what is selected and not among what people may open. Of an app that
// belongs to another organisation by now nothing is told but its id.
func (s *Service) lost(ctx context.Context, out *Selection, eff policy.Effective) error {
	for _, id := range eff.Settings.SelectedApps {
		if slices.ContainsFunc(out.Apps, func(a SelectedApp) bool { return a.App.ID == id }) {
			continue
		}
		row := SelectedApp{App: core.App{ID: id, Name: string(id)}, Wrong: AppGone}
		a, _, err := s.Store.FindApp(ctx, id)
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		if err == nil && a.State != core.AppDeleted {
			row.Wrong = AppElsewhere
		}
		if err == nil {
			home, err := s.Tree.Effective(ctx, a.Tenant)
			if err == nil && (home.Organisation.Kind == core.Platform || home.Organisation.ID == eff.Organisation.ID) {
				row.App.Name = a.Name
			}
		}
		out.Apps = append(out.Apps, row)
	}
	return nil
}

// selects puts an app on an organisation's own list, or takes it off. What a lock
// holds is refused by the lock.
func selects(id core.AppID, on bool) lay {
	return func(line []core.Tenant, stamp core.Stamp) ([]core.Tenant, error) {
		eff, err := policy.Of(line)
		if err != nil {
			return nil, err
		}
		if by := eff.Selects(id); !on && by != nil {
			return nil, core.ErrPolicyLocked.With("by", by.Name).With("key", "selected_apps")
		}
		list := slices.DeleteFunc(slices.Clone(eff.Settings.SelectedApps), func(a core.AppID) bool { return a == id })
		if on {
			list = append(list, id)
		}
		if len(list) == len(eff.Settings.SelectedApps) {
			return nil, core.NewFault(core.KindConflict, "app.selected_already")
		}
		change, err := json.Marshal(map[string]any{"selected_apps": list})
		if err != nil {
			return nil, err
		}
		return policy.Change(line, change, stamp)
	}
}

// What switching one app does, besides the words of the other previews.
const (
	EffectAppOpen   = "app_open"   // have no second factor: they set one up when they open it
	EffectAppShow   = "app_show"   // have one and show it when they open it
	EffectAppFreed  = "app_freed"  // open it with what they have, from then on
	EffectAppStuck  = "app_stuck"  // nobody can open it, because of the level that it asks for
	EffectAppAsleep = "app_asleep" // nothing yet: the mode is off
)

// PlanSelect says what switching one app on or off would do.
func (s *Service) PlanSelect(ctx context.Context, org core.TenantID, id core.AppID, on bool, by access.Actor) (Preview, SelectedApp, int64, error) {
	all, err := s.Selection(ctx, org, by)
	if err != nil {
		return Preview{}, SelectedApp{}, 0, err
	}
	app, err := selectable(all, id, on)
	if err != nil {
		return Preview{}, app, 0, err
	}
	p, err := s.planLay(ctx, org, access.ManageSettings, selects(id, on), by)
	if err != nil {
		return p, app, 0, err
	}
	// Of one app it is said in words of its own.
	p.Effects = slices.DeleteFunc(p.Effects, func(e Effect) bool { return e.What == EffectAppsOpen || e.What == EffectReleased })
	switch {
	case !all.On:
		p.add(Effect{What: EffectAppAsleep, Count: app.Use.People})
	case on:
		p.add(Effect{What: EffectAppOpen, Count: app.Use.Open})
		p.add(Effect{What: EffectAppShow, Count: app.Use.People - app.Use.Open})
	default:
		p.add(Effect{What: EffectAppFreed, Count: app.Use.People})
	}
	if on && app.Wrong == AppTooHigh {
		p.add(Effect{What: EffectAppStuck, Count: max(1, app.Use.People)})
	}
	return p, app, all.Version, nil
}

// selectable finds an app of the table that may be switched so. One that nobody can
// open may be taken off and not put on.
func selectable(all Selection, id core.AppID, on bool) (SelectedApp, error) {
	for _, a := range all.Apps {
		switch {
		case a.App.ID != id:
		case on && (a.Wrong == AppGone || a.Wrong == AppElsewhere):
			return a, core.ErrNotFound
		default:
			return a, nil
		}
	}
	return SelectedApp{}, core.ErrNotFound
}

// SelectApp puts an app on the list of those that an organisation asks a second
// factor for, or takes it off. Nobody's session or token ends with that (row WBX-07).
func (s *Service) SelectApp(ctx context.Context, org core.TenantID, id core.AppID, on bool, by access.Actor, c core.Client) (policy.Effective, error) {
	all, err := s.Selection(ctx, org, by)
	if err != nil {
		return policy.Effective{}, err
	}
	if _, err := selectable(all, id, on); err != nil {
		return policy.Effective{}, err
	}
	return s.layOver(ctx, org, access.ManageSettings, selects(id, on), []string{"selected_apps"}, by, c)
}
