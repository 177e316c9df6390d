package policy

import (
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/factor"
)

// Outcome is what a sign-in may or must do now.
type Outcome string

const (
	Allowed Outcome = "allowed"  // what was proved is enough
	Prove   Outcome = "prove"    // one of Methods must be shown
	Enrol   Outcome = "enrol"    // one of Methods must be set up first; nothing else is reachable
	MaySkip Outcome = "may_skip" // one of Methods is to be set up, and it may be put off
	Refused Outcome = "refused"  // this account does not sign in here
)

// Decision is the answer with its reasons.
type Decision struct {
	Outcome Outcome
	Methods []core.FactorKind
	Level   core.Level // what the proofs amount to
	// Required says that a standing rule demands a second factor, By whom and
	// Since when: of several the first in the order of the rules.
	Required bool
	By       core.Tenant
	Since    time.Time
	// DueAt is until when the setup may be put off, zero for ever; SkipsLeft how
	// often still, this time included, of SkipsOf, and -1 when nobody counts. A skip
	// is to be counted where Counted says so, of the demand that began at
	// CountedSince. All are of MaySkip, and of what was skipped.
	DueAt        time.Time
	SkipsLeft    int
	SkipsOf      int
	Counted      bool
	CountedSince time.Time
	// MailFirst: the mailbox must be shown before a factor is set up.
	MailFirst bool
	// Skipped: it is allowed because the setup was put off just now.
	Skipped bool
	Trace   []Step
}

// Step is one line of the trace: a rule that applied, or the first condition for
// which it did not.
type Step struct {
	Rule    string
	Applied bool
	Why     string     // one of the Why… words
	From    TenantName // whose word it is; empty where it is nobody's
	Params  map[string]any
}

// Reasons are the steps that applied, in order.
func (d Decision) Reasons() []Step {
	var out []Step
	for _, s := range d.Trace {
		if s.Applied {
			out = append(out, s)
		}
	}
	return out
}

// Resolve is the one answer for a person, what holds for them, an app, and what
// this sign-in has shown. It never says Allowed where a confirmed second factor
// exists that was neither shown nor excused by a rule, dead or not.
func Resolve(f Facts) Decision {
	s := sofar{level: LevelOf(f.Shown.Proofs), enrolled: Enrolled(f.Person.Factors)}
	d := Decision{Trace: ask(&f, &s)}
	s.answer(&f, &d)
	return d
}

// ask asks all rules. Once one has refused or let in, the rest have nothing to say.
func ask(f *Facts, s *sofar) []Step {
	trace := make([]Step, 0, len(rules))
	for _, r := range rules {
		if s.settled != "" {
			trace = append(trace, Step{Rule: r.name, Why: WhySettled, Params: map[string]any{"rule": s.settled}})
			continue
		}
		v := r.ask(f, s)
		step := Step{Rule: r.name, Applied: v.applied, Why: v.why, Params: v.params}
		if v.from != nil {
			step.From = TenantName{v.from.ID, v.from.Name}
		}
		trace = append(trace, step)
		// A service account is let in only after its network was looked at.
		if s.refused || s.exempt && r.name == ruleLoginNetworks.name {
			s.settled = r.name
			if !s.refused {
				s.settled = ruleServiceAccount.name
			}
		}
	}
	return trace
}

// answer makes of what the rules found what may or must be done now.
func (s *sofar) answer(f *Facts, d *Decision) {
	d.Level = s.level
	if s.excused && s.level == core.LevelPassword {
		d.Level = core.LevelTrustedBrowser
	}
	for _, x := range s.demands {
		if x.due != dueOffered {
			d.Required, d.By, d.Since = true, *x.by, x.since
			break
		}
	}
	switch {
	case s.refused:
		d.Outcome = Refused
	case s.level == core.LevelNone:
		d.Outcome, d.Methods = Prove, []core.FactorKind{core.FactorPassword}
	case s.exempt:
		d.Outcome = Allowed
	case s.disables:
		// Nobody can set one up now. An app that asks for more waits like everybody.
		d.Outcome = Refused
		if s.level.AtLeast(s.need) {
			d.Outcome = Allowed
		}
	case f.Shown.Anew:
		d.Outcome = Allowed
		if !s.level.AtLeast(core.LevelMFA) || !s.level.AtLeast(s.need) || !enrolledIn(f.Shown.Proofs, f.Person.Factors) {
			s.enrol(f, d)
		}
	case s.enrolled:
		s.prove(f, d)
	case s.asked() || len(s.demands) > 0 && !s.level.AtLeast(core.LevelMFA):
		s.enrol(f, d)
	default:
		d.Outcome = Allowed
	}
}

// prove answers where a factor is confirmed. It is asked for as long as it exists.
// A dead one cannot prove anything, but it does not count as missing either, or
// the password alone could bind a new one (decision 7.15).
func (s *sofar) prove(f *Facts, d *Decision) {
	want := s.need
	if core.LevelMFA.AtLeast(want) && !s.excused {
		want = core.LevelMFA // and a level that nobody knows stays out of reach
	}
	switch {
	case d.Level.AtLeast(want):
		d.Outcome = Allowed
	case s.pass || s.level.AtLeast(core.LevelMFA) && !reaches(f.Person.Factors, want):
		// Either an administrator lets them begin anew, or what they have was shown
		// and is not enough.
		s.enrol(f, d)
	default:
		d.Outcome, d.Methods = Prove, Confirmed(f.Person.Factors)
	}
}

// enrol answers where a factor is to be set up.
func (s *sofar) enrol(f *Facts, d *Decision) {
	d.Outcome, d.Methods, d.MailFirst = Enrol, offered(f.Person, f.Effective, s.need), s.mail
	if len(d.Methods) == 0 {
		d.Outcome = Refused // by settings of another release: there is no way that we know
		return
	}
	if f.Shown.Anew || s.enrolled || !s.waiting() {
		return
	}
	if s.asked() && len(s.waits) == 0 {
		return
	}
	d.Outcome, d.SkipsLeft = MaySkip, -1
	for _, w := range s.waits {
		if !w.until.Before(d.DueAt) {
			d.DueAt, d.SkipsLeft, d.SkipsOf = w.until, w.left, w.of
		}
	}
	// Whoever is new skips for nothing while that lasts.
	if d.Counted = len(s.waits) > 0 && !slices.ContainsFunc(s.waits, func(w wait) bool { return w.left < 0 }); d.Counted {
		d.CountedSince = s.waits[0].since.Truncate(time.Microsecond) // as the store keeps it
	}
	if f.Shown.Skip {
		d.Outcome, d.Methods, d.MailFirst, d.Skipped = Allowed, nil, false, true
	}
}

// reaches reports whether a usable factor of the person's, not a spare, reaches a
// level.
func reaches(factors []core.Factor, want core.Level) bool {
	return slices.ContainsFunc(factors, func(f core.Factor) bool {
		is, ok := factor.Of(f.Kind)
		return ok && is.Here && !is.Spare && f.Usable() && is.Level.AtLeast(want)
	})
}
