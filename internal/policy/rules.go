package policy

import (
	"slices"
	"time"

	"sallyport/internal/core"
)

// A rule looks at the facts and at what the rules before it found, and says
// whether it applies.
type rule struct {
	name string
	ask  func(f *Facts, s *sofar) verdict
}

// rules in their order: who does not sign in here at all, then locks, then the
// organisation, then apps, then the person's own choice; then what excuses from
// showing a factor, and what lets a setup wait.
var rules = []rule{ruleServiceAccount, ruleFederated, ruleLoginNetworks, ruleDisabling,
	rulePlatformLock, ruleAncestorLock, ruleOrganization, ruleRequiredLevel, ruleSelectedApps, ruleAppLevel, ruleOwnChoice,
	ruleTrustedBrowser, ruleTemporaryPass, ruleNewUserWindow, ruleGrace, ruleEnrolProof}

// Rules are the names of all rules, in the order in which they are asked.
func Rules() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.name)
	}
	return out
}

type verdict struct {
	applied bool
	why     string
	from    *core.Tenant
	params  map[string]any
}

// no is a rule that does not apply, for its first condition that failed.
func no(why string) verdict { return verdict{why: why} }

// yes is a rule that applies, on whose word.
func yes(why string, from *core.Tenant) verdict { return verdict{applied: true, why: why, from: from} }

func (v verdict) with(name string, value any) verdict {
	if v.params == nil {
		v.params = map[string]any{}
	}
	v.params[name] = value
	return v
}

// due is when what a rule demands is due.
type due int

const (
	dueOffered due = iota // it may be put off for ever
	dueInTime             // at the next sign-in, or when grace or the window is over
	dueNow                // before this goes on
)

// demand is a rule's wish for a second factor.
type demand struct {
	by    *core.Tenant
	since time.Time
	due   due
}

// sofar is what the rules have found.
type sofar struct {
	level    core.Level // what was proved
	enrolled bool
	refused  bool
	exempt   bool // no rule about second factors is asked
	settled  string
	disables bool // the factors are being taken away: none counts
	demands  []demand
	need     core.Level // that rules ask of this sign-in, beside a factor that is there
	excused  bool
	pass     bool
	waits    []wait
	mail     bool
}

// wait is until when a setup may be put off.
type wait struct {
	until time.Time // zero: for ever
	left  int       // how often still; -1 when nobody counts
	of    int       // and of how many
	since time.Time // of the demand whose skips are counted
}

func (s *sofar) demand(by *core.Tenant, since time.Time, d due) {
	s.demands = append(s.demands, demand{by, since, d})
}

// raise asks for a level. One that nobody knows is above all others, and stays.
func (s *sofar) raise(l core.Level) {
	if s.need.AtLeast(s.need) && !s.need.AtLeast(l) {
		s.need = l
	}
}

// asked reports whether a rule demands a second factor of this person, as
// distinct from offering one.
func (s *sofar) asked() bool {
	return slices.ContainsFunc(s.demands, func(d demand) bool { return d.due != dueOffered })
}

// waiting reports whether the demands leave time: none of them is due at once.
func (s *sofar) waiting() bool {
	return len(s.demands) > 0 && !slices.ContainsFunc(s.demands, func(d demand) bool { return d.due == dueNow })
}

// missing reports whether a factor would have to be set up.
func (s *sofar) missing() bool { return !s.enrolled && len(s.demands) > 0 }
