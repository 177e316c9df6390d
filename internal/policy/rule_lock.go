package policy

import "sallyport/internal/core"

// A lock demands a second factor of everybody in the organisation: the one that
// ships for the platform and for partners in production, or one that the platform
// holds over those below.
var rulePlatformLock = rule{"platform_lock", func(f *Facts, s *sofar) verdict {
	return lockRuled(f, s, WhyNoPlatformLock, func(l *floor) bool { return l.shipped || l.by.Kind == core.Platform })
}}

// The same, held by a partner above.
var ruleAncestorLock = rule{"ancestor_lock", func(f *Facts, s *sofar) verdict {
	return lockRuled(f, s, WhyNoAncestorLock, func(l *floor) bool { return !l.shipped && l.by.Kind != core.Platform })
}}

func lockRuled(f *Facts, s *sofar, none string, mine func(*floor) bool) verdict {
	if s.disables {
		return no(WhyDisabling)
	}
	held := none
	for i := range f.Effective.locks {
		l := &f.Effective.locks[i]
		if !mine(l) || !l.holds("requirement") {
			continue
		}
		if l.values.Requires(core.RequireOrganization) {
			since := l.since("requirement")
			s.demand(&l.by, since, dueInTime)
			return yes(WhyLocked, &l.by).with("since", since)
		}
		held = WhyLockIsNotOnAll
	}
	return no(held)
}
