package policy

import "sallyport/internal/core"

// The organisation's own switch: mandatory for all its people (rows WBX-04, ACR-06).
var ruleOrganization = rule{"organization", func(f *Facts, s *sofar) verdict {
	e := &f.Effective
	_, locked := e.lockOnAll()
	switch {
	case s.disables:
		return no(WhyDisabling)
	case !e.Settings.On():
		return no(WhyMFAOff)
	case !e.Settings.Requires(core.RequireOrganization):
		return no(WhyNotOfEverybody)
	case locked && !e.ownAll:
		return no(WhyLockSaysSo)
	}
	since := e.ownSince("requirement")
	s.demand(&e.Organisation, since, dueInTime)
	return yes(WhyOfEverybody, &e.Organisation).with("since", since)
}}

// A level that the organisation wants of every sign-in, or of those of people
// who hold some role. It says what MFA must amount to, and sleeps while MFA is
// switched off.
var ruleRequiredLevel = rule{"required_level", func(f *Facts, s *sofar) verdict {
	e := &f.Effective
	level := core.LevelOf(e.Settings.RequiredLevel.All)
	for role := range e.Settings.RequiredLevel.Roles {
		if own := core.LevelOf(levelFor(e.Settings.RequiredLevel, role)); f.Person.holds(role) && !level.AtLeast(own) {
			level = own
		}
	}
	switch {
	case s.disables:
		return no(WhyDisabling)
	case level == core.LevelNone:
		return no(WhyNoLevel)
	case !e.Settings.On():
		return no(WhyMFAOff)
	}
	by, since := e.from("required_level")
	s.demand(by, since, dueInTime)
	s.raise(level)
	return yes(WhyLevel, by).with("level", string(level)).with("since", since)
}}
