package policy

import (
	"slices"

	"sallyport/internal/core"
)

// Mandatory for the people of some apps (row WBX-03): due when one is opened,
// offered at any other sign-in (decision 7.5).
var ruleSelectedApps = rule{"selected_apps", func(f *Facts, s *sofar) verdict {
	e := &f.Effective
	list := e.Settings.SelectedApps
	switch {
	case s.disables:
		return no(WhyDisabling)
	case !e.Settings.Requires(core.RequireSelectedApps):
		return no(WhyNotForApps)
	case len(list) == 0:
		return no(WhyNoAppSelected)
	}
	by, since := e.from("requirement")
	v := yes(WhyAppSelected, by).with("since", since)
	switch {
	case f.App.ID != "" && slices.Contains(list, f.App.ID):
		s.demand(by, since, dueNow)
		return v.with("app", string(f.App.ID))
	case f.standing:
		for _, app := range f.Person.AppsUsed {
			if slices.Contains(list, app) {
				s.demand(by, since, dueNow)
				return v.with("app", string(app))
			}
		}
		return no(WhyNoAppUsed)
	}
	s.demand(by, since, dueOffered)
	v.why = WhyOffered
	return v
}}

// Selects reports who holds an app on the list of an organisation's selected ones
// by a lock; nil where it is the organisation's own word, or not selected.
func (e Effective) Selects(id core.AppID) *core.Tenant {
	for _, l := range e.locks {
		if l.holds("selected_apps") && slices.Contains(l.values.SelectedApps, id) {
			by := l.by
			return &by
		}
	}
	return nil
}

// Reachable reports whether somebody of an organisation without a role could set up
// what a level takes: where nobody can, an app that asks for it is closed to all.
func Reachable(e Effective, level core.Level) bool {
	p := Person{Kind: core.Person, State: core.UserActive, RolesKnown: true, Roles: []core.Role{core.RoleUser}}
	return core.LevelPassword.AtLeast(level) || level == core.LevelNone || len(offered(p, e, level)) > 0
}

// A level that an app asks for by itself, whatever its organisations require.
var ruleAppLevel = rule{"app_level", func(f *Facts, s *sofar) verdict {
	switch {
	case f.App.ID == "":
		return no(WhyNoApp)
	case f.App.RequiredLevel == core.LevelNone:
		return no(WhyNoLevel)
	case core.LevelPassword.AtLeast(f.App.RequiredLevel):
		return no(WhyPasswordIsEnough)
	}
	s.demand(&f.Effective.Organisation, f.Effective.Organisation.CreatedAt, dueNow)
	s.raise(f.App.RequiredLevel)
	return yes(WhyAppLevel, &f.Effective.Organisation).with("app", string(f.App.ID)).with("level", string(f.App.RequiredLevel))
}}
