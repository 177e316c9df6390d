package desk

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

// appsShown is how many apps a page of the list has.
const appsShown = 50

// AppsOf lists the apps of a node.
func (d *Desk) AppsOf(ctx context.Context, by console.Caller, tenant core.TenantID, cursor string) (l console.AppList, err error) {
	l.Rows, l.Next, err = d.Directory.AppsOf(ctx, tenant, store.Page{After: cursor, Limit: appsShown}, by.Actor)
	return l, err
}

// App is one app with all that its page shows.
func (d *Desk) App(ctx context.Context, by console.Caller, id core.AppID) (console.AppView, error) {
	x, err := d.Directory.App(ctx, id, by.Actor)
	if err != nil {
		return console.AppView{}, err
	}
	v := console.AppView{App: x.App, Issuer: d.Issuer, Secrets: x.Secrets}
	if v.Place, err = d.Place(ctx, by, x.App.Tenant); err != nil {
		return v, err
	}
	for _, t := range x.App.Doc.Tenants {
		name, err := d.tenantName(ctx, t)
		if err != nil {
			return v, err
		}
		if name == "" {
			name = string(t)
		}
		v.Tenants = append(v.Tenants, core.Tenant{ID: t, Name: name})
	}
	n, err := d.Directory.AppCounts(ctx, id, by.Actor)
	if err != nil {
		return v, err
	}
	v.People, v.Lately, v.Selects = n.People, n.Lately, n.Selects
	if v.Unreachable, err = d.unreachable(ctx, x.App); err != nil {
		return v, err
	}
	if by.Actor.Acting != nil || by.User.ID == "" {
		return v, nil
	}
	home, err := d.Directory.Tree.Place(ctx, by.User.Tenant)
	if err != nil {
		return v, plainly(err)
	}
	v.Testable = x.App.State == core.AppActive && x.App.May(core.GrantCode) && directory.Reaches(x.App, x.Owner, home)
	return v, nil
}

// unreachable reports whether nobody could open an app, by what may be set up where it
// belongs. Of an app of the platform each organisation's own table says it.
func (d *Desk) unreachable(ctx context.Context, a core.App) (bool, error) {
	eff, err := d.Directory.Tree.Effective(ctx, a.Tenant)
	if err != nil {
		return false, plainly(err)
	}
	return !directory.Reachable(a, eff), nil
}

// branches puts ids in the place of the words for branches: an id, or a name that is
// somebody's alone. What is unknown and what is foreign is refused in the same words.
func (d *Desk) branches(ctx context.Context, w *console.AppWish) error {
	for i, word := range w.Doc.Tenants {
		t, err := d.Directory.FindTenant(ctx, string(word))
		if f, ok := core.AsFault(err); ok && f.Kind != core.KindUnavailable {
			return core.Invalid("app.tenant", "tenant", string(word))
		}
		if err != nil {
			return err
		}
		w.Doc.Tenants[i] = t.ID
	}
	return nil
}

// CreateApp makes an app.
func (d *Desk) CreateApp(ctx context.Context, by console.Caller, tenant core.TenantID, w console.AppWish) (core.AppID, string, error) {
	if _, _, err := d.Directory.Tree.On(ctx, by.Actor, access.ManageApps, tenant); err != nil {
		return "", "", err
	}
	if err := d.branches(ctx, &w); err != nil {
		return "", "", err
	}
	a, secret, err := d.Directory.CreateApp(ctx, tenant, directory.AppWish{Name: w.Name, Doc: w.Doc}, by.Actor, by.Client)
	return a.ID, secret, err
}

// SaveApp replaces what is set of an app.
func (d *Desk) SaveApp(ctx context.Context, by console.Caller, id core.AppID, w console.AppWish, version int64) error {
	x, err := d.Directory.App(ctx, id, by.Actor)
	if err == nil {
		err = fresh(x.App.Version, version)
	}
	if err == nil {
		err = d.branches(ctx, &w)
	}
	if err != nil {
		return err
	}
	_, err = d.Directory.ChangeApp(ctx, id, directory.AppWish{Name: w.Name, Doc: w.Doc}, by.Actor, by.Client)
	return err
}

// PreviewApp says what a deed would do.
func (d *Desk) PreviewApp(ctx context.Context, by console.Caller, c console.AppChange) (console.Effect, error) {
	var e console.Effect
	x, err := d.Directory.App(ctx, c.App, by.Actor)
	if err != nil {
		return e, err
	}
	e.Version = x.App.Version
	if err := d.changeApp(ctx, d.Directory.Dry(), by, c, nil); err != nil {
		return e, err
	}
	if c.Deed == console.AppDelete || c.Deed == console.AppDisable {
		n, err := d.Directory.AppCounts(ctx, c.App, by.Actor)
		if err != nil {
			return e, err
		}
		line(&e, console.EffectUsers, n.People)
		line(&e, console.EffectSelects, n.Selects)
		if c.Deed == console.AppDelete && n.People > 0 {
			e.Name = x.App.Name
		}
	}
	return e, nil
}

// ChangeApp does it.
func (d *Desk) ChangeApp(ctx context.Context, by console.Caller, c console.AppChange) (out console.AppChanged, err error) {
	x, err := d.Directory.App(ctx, c.App, by.Actor)
	if err == nil {
		err = fresh(x.App.Version, c.Version)
	}
	if err != nil {
		return out, err
	}
	err = d.changeApp(ctx, d.Directory, by, c, &out)
	return out, err
}

func (d *Desk) changeApp(ctx context.Context, s *directory.Service, by console.Caller, c console.AppChange, out *console.AppChanged) error {
	switch c.Deed {
	case console.AppRotate:
		secret, until, err := s.RotateAppSecret(ctx, c.App, time.Duration(c.Days)*24*time.Hour, by.Actor, by.Client)
		if out != nil {
			out.Secret, out.Until = secret, until
		}
		return err
	case console.AppRetire:
		return s.RetireAppSecret(ctx, c.App, c.Secret, by.Actor, by.Client)
	case console.AppDisable, console.AppEnable:
		_, err := s.SwitchApp(ctx, c.App, c.Deed == console.AppEnable, by.Actor, by.Client)
		return err
	case console.AppDelete:
		return s.DeleteApp(ctx, c.App, by.Actor, by.Client)
	}
	return core.ErrNotFound
}

// Selection is the table of the apps that an organisation's people may open.
func (d *Desk) Selection(ctx context.Context, by console.Caller, tenant core.TenantID) (console.SelectionView, error) {
	all, err := d.Directory.Selection(ctx, tenant, by.Actor)
	v := console.SelectionView{On: all.On}
	for _, a := range all.Apps {
		row, err := d.selectedRow(ctx, by, a)
		if err != nil {
			return v, err
		}
		v.Rows = append(v.Rows, row)
	}
	return v, err
}

func (d *Desk) selectedRow(ctx context.Context, by console.Caller, a directory.SelectedApp) (console.SelectedApp, error) {
	row := console.SelectedApp{App: a.App, Owner: a.Owner, Shared: a.Shared, Selected: a.Selected, People: a.Use.People, Wrong: a.Wrong}
	if a.Lock != nil {
		row.LockedBy = a.Lock.Name
	}
	if a.App.Tenant == "" {
		return row, nil
	}
	at, err := d.Directory.Tree.Place(ctx, a.App.Tenant)
	row.Mine = err == nil && by.Actor.Can(access.ManageApps, at)
	return row, plainly(err)
}

// PreviewSelect says what switching one app would do.
func (d *Desk) PreviewSelect(ctx context.Context, by console.Caller, tenant core.TenantID, app core.AppID, on bool) (console.Effect, console.SelectedApp, error) {
	p, a, version, err := d.Directory.PlanSelect(ctx, tenant, app, on, by.Actor)
	if err != nil {
		return console.Effect{}, console.SelectedApp{}, err
	}
	e := effect(p)
	e.Version = version
	row, err := d.selectedRow(ctx, by, a)
	return e, row, err
}

// SelectApp switches one app.
func (d *Desk) SelectApp(ctx context.Context, by console.Caller, tenant core.TenantID, app core.AppID, on bool, version int64) error {
	all, err := d.Directory.Selection(ctx, tenant, by.Actor)
	if err == nil {
		err = fresh(all.Version, version)
	}
	if err != nil {
		return err
	}
	_, err = d.Directory.SelectApp(ctx, tenant, app, on, by.Actor, by.Client)
	return err
}
