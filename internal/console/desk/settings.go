package desk

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// Settings is a document of an organisation with where each value comes from.
func (d *Desk) Settings(ctx context.Context, by console.Caller, tenant core.TenantID, which console.Which) (console.SettingsView, error) {
	v := console.SettingsView{Which: which}
	if _, _, err := d.Directory.Tree.On(ctx, by.Actor, access.ManageSettings, tenant); err != nil {
		return v, err
	}
	var line []core.Tenant
	if err := d.Store.View(ctx, tenant, func(r store.Reader) (err error) { line, err = r.Line(); return err }); err != nil {
		return v, plainly(err)
	}
	own := line[len(line)-1]
	if !own.Kind.IsOrganisation() {
		return v, core.Invalid("tenant.settings_inherited")
	}
	v.Version = own.Version
	var err error
	switch which {
	case console.LockSettings, console.TemplateSettings:
		base := core.DefaultSettings()
		v.Doc = own.Template
		if which == console.LockSettings {
			base, v.Doc = policy.Loosest(), own.Locks
		}
		if own.Kind != core.Platform && own.Kind != core.Partner {
			return v, core.Invalid("policy.no_" + string(which) + "_here")
		}
		v.Settings, err = v.Doc.Over(base)
		return v, err
	}
	v.Doc = own.Settings
	e, err := policy.Of(line)
	if err != nil {
		return v, err
	}
	v.Settings = e.Settings
	if v.Values, err = d.Directory.ValuesOf(ctx, line); err != nil {
		return v, err
	}
	if v.Floor, err = floorOf(line); err != nil {
		return v, err
	}
	v.Actors = map[string]string{}
	for _, x := range v.Values {
		if x.By == "" || v.Actors[x.By] != "" {
			continue
		}
		n, err := d.nameOf(ctx, x.By)
		if err != nil {
			return v, err
		}
		v.Actors[x.By] = n.who.Name
	}
	return v, nil
}

// floorOf is what no value of the organisation at the end of a line may be looser
// than: what would hold if its own document were as loose as can be.
func floorOf(line []core.Tenant) (*core.Settings, error) {
	loosest := policy.Loosest()
	loosest.Requirement = []core.Requirement{}
	b, err := json.Marshal(loosest)
	if err != nil {
		return nil, err
	}
	line = slices.Clone(line)
	line[len(line)-1].Settings = core.SettingsDoc(b)
	e, err := policy.Of(line)
	if err != nil {
		return nil, err
	}
	if len(policy.Differences(loosest, e.Settings)) == 0 {
		return nil, nil
	}
	return &e.Settings, nil
}

// PreviewSettings says what a change of a document would differ in, and who would
// meet what.
func (d *Desk) PreviewSettings(ctx context.Context, by console.Caller, tenant core.TenantID, which console.Which, change core.SettingsDoc) (console.Effect, error) {
	v, err := d.Settings(ctx, by, tenant, which)
	if err != nil {
		return console.Effect{}, err
	}
	var e console.Effect
	switch which {
	case console.LockSettings:
		p, err := d.Directory.PlanLocks(ctx, tenant, change, by.Actor)
		if err != nil {
			return e, err
		}
		e = effect(p.Preview)
		line(&e, console.EffectRaised, p.Raised)
		line(&e, console.EffectKept, p.Kept)
		if e.Settings, err = policy.LockDifferences(v.Doc, change); err != nil {
			return e, err
		}
	case console.TemplateSettings:
		if e.Settings, err = d.Directory.PlanTemplate(ctx, tenant, change, by.Actor); err != nil {
			return e, err
		}
	default:
		p, err := d.Directory.PlanSettings(ctx, tenant, change, by.Actor, by.Client)
		if err != nil {
			return e, err
		}
		e = effect(p)
		e.Settings = p.Settings
	}
	if e.Settings == nil {
		e.Settings = []policy.Difference{}
	}
	e.Version = v.Version
	return e, nil
}

// SaveSettings lays a change over a document.
func (d *Desk) SaveSettings(ctx context.Context, by console.Caller, tenant core.TenantID, which console.Which, change core.SettingsDoc, version int64) error {
	v, err := d.Settings(ctx, by, tenant, which)
	if err == nil {
		err = fresh(v.Version, version)
	}
	if err != nil {
		return err
	}
	switch which {
	case console.LockSettings:
		_, err = d.Directory.SetLocks(ctx, tenant, change, by.Actor, by.Client)
	case console.TemplateSettings:
		_, err = d.Directory.SetTemplate(ctx, tenant, change, by.Actor, by.Client)
	default:
		_, err = d.Directory.ChangeSettings(ctx, tenant, change, by.Actor, by.Client)
	}
	return err
}

// Explain asks the resolver what a sign-in of somebody would meet.
func (d *Desk) Explain(ctx context.Context, by console.Caller, q console.ExplainQuery) (console.Who, console.Explanation, error) {
	u, err := d.whom(ctx, by, q.User)
	if err != nil {
		return console.Who{}, console.Explanation{}, err
	}
	ask := directory.ExplainQuery{App: core.AppID(q.App), KnownBrowser: q.Browser != "new", TrustedBrowser: q.Browser == "trusted", At: q.At}
	if q.Address != "" {
		if ask.Address, err = netip.ParseAddr(q.Address); err != nil {
			return console.Who{}, console.Explanation{}, core.Invalid("form.invalid", "field", "address")
		}
	}
	x, err := d.Directory.Explain(ctx, u.ID, ask, by.Actor)
	return console.Who{ID: u.ID, Name: u.Name, Login: u.Login}, x, err
}

// explainedApps is how many apps an explanation may choose from.
const explainedApps = 200

// Apps are those that a sign-in may be to: where the caller's own rights begin, of
// those that they may see.
func (d *Desk) Apps(ctx context.Context, by console.Caller) (out []console.Option, err error) {
	apps, _, err := d.Directory.AppsOf(ctx, by.Actor.Top(), store.Page{Limit: explainedApps}, by.Actor)
	if f, ok := core.AsFault(err); ok && f.Code == core.ErrForbidden.Code {
		return nil, nil
	}
	for _, a := range apps {
		out = append(out, console.Option{Value: string(a.ID), Name: a.Name})
	}
	return out, err
}

// barsShown is how many organisations the first page has, refusedShown how many
// refusals.
const (
	barsShown    = 8
	refusedShown = 6
)

// Overview is the first page: where people still have to set up, and what was
// refused lately.
func (d *Desk) Overview(ctx context.Context, by console.Caller) (console.Overview, error) {
	var v console.Overview
	top := by.Actor.Top()
	at, err := d.Directory.Tree.Place(ctx, top)
	if err != nil {
		return v, plainly(err)
	}
	if by.Actor.Can(access.ViewTenants, at) {
		if err := d.bars(ctx, by, top, &v); err != nil {
			return v, err
		}
	} else {
		found, err := d.Directory.People(ctx, top, directory.PeopleQuery{Limit: 1}, by.Actor)
		if err != nil {
			return v, err
		}
		eff, err := d.Directory.Tree.Effective(ctx, top)
		if err != nil {
			return v, err
		}
		place, err := d.Place(ctx, by, top)
		if err != nil {
			return v, err
		}
		v.Organisations = 1
		enter(&v, place.Tenant, eff.Settings.Requirement, counts(found.Progress))
	}
	if !by.Actor.Can(access.ViewAudit, at) {
		return v, nil
	}
	q := store.EventsQuery{Page: store.Page{Limit: refusedShown}, Name: "signin.", Result: "refused"}
	events, _, err := d.Directory.Events(ctx, top, q, by.Actor)
	if err != nil {
		return v, err
	}
	if v.Refused, err = d.entries(ctx, events); err != nil {
		return v, err
	}
	q.Since, q.Limit = d.Now().Add(-24*time.Hour), mostRefused
	day, _, err := d.Directory.Events(ctx, top, q, by.Actor)
	v.RefusedToday = len(day)
	return v, err
}

// enter counts an organisation into the first page. Where one person must have a
// factor, it is required of somebody, whatever the requirement says of the rest.
func enter(v *console.Overview, t core.Tenant, set []core.Requirement, c console.Counts) {
	v.Counts = v.Counts.Add(c)
	if mandatory(set) || c.SetupRequired > 0 {
		v.Required++
	}
	if c.SetupRequired+c.Pending > 0 {
		v.Bars = append(v.Bars, console.OrganisationBar{Tenant: t, Requirement: set, Counts: c})
	}
}

// mandatory reports whether a second factor is asked of somebody who did not choose.
func mandatory(set []core.Requirement) bool {
	return slices.Contains(set, core.RequireOrganization) || slices.Contains(set, core.RequireSelectedApps)
}

// mostRefused is how far refusals of a day are counted.
const mostRefused = 999

// bars lists the organisations where somebody still has to set up, the longest way
// first.
func (d *Desk) bars(ctx context.Context, by console.Caller, top core.TenantID, v *console.Overview) error {
	all, err := d.Directory.Organisations(ctx, top, by.Actor)
	if err != nil {
		return err
	}
	v.Organisations = len(all)
	for _, o := range all {
		enter(v, o.Tenant, o.Effective.Settings.Requirement, counts(o.Progress))
	}
	slices.SortStableFunc(v.Bars, func(a, b console.OrganisationBar) int { return b.Counts.SetupRequired - a.Counts.SetupRequired })
	if len(v.Bars) > barsShown {
		v.More, v.Bars = len(v.Bars)-barsShown, v.Bars[:barsShown]
	}
	return nil
}
