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
