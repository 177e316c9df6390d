package policy

import (
	"time"

	"sallyport/internal/core"
)

// Subject is one person of a simulation.
type Subject struct {
	User   core.UserID `json:"user"`
	Login  string      `json:"login"`
	Person Person      `json:"-"`
}

// Effect is what a change does to one person: how they stand, and what their next
// sign-in asks beside the password, in a browser that nobody trusts.
type Effect struct {
	Subject
	Before     core.MFAStatus `json:"mfa_status_before"`
	After      core.MFAStatus `json:"mfa_status_after"`
	NextBefore Outcome        `json:"next_sign_in_before"`
	NextAfter  Outcome        `json:"next_sign_in_after"`
	DueAt      time.Time      `json:"due_at,omitzero"`
	// Way is tighter, looser or same, as the person meets it.
	Way Direction `json:"way"`
	// Stuck: the change leaves the person without an exit of their own, and only an
	// administrator could help, if anybody.
	Stuck bool `json:"stuck,omitempty"`
}

// Changed reports whether the person meets anything else than before.
func (x Effect) Changed() bool { return x.Before != x.After || x.NextBefore != x.NextAfter || x.Stuck }

// Ahead is what a person's next sign-in asks once the password is shown, in a
// browser that nobody knows and from an address that is allowed.
func Ahead(p Person, e Effective, now time.Time) Decision {
	return Resolve(Facts{Now: now, Person: p, Effective: e, anywhere: true, Shown: Shown{Proofs: []core.Proof{{Kind: core.FactorPassword, At: now}}}})
}

// EffectOn compares one person under two settings.
func EffectOn(s Subject, before, after Effective, now time.Time) Effect {
	was, is := Standing(s.Person, before, now), Standing(s.Person, after, now)
	a, b := Ahead(s.Person, before, now), Ahead(s.Person, after, now)
	x := Effect{Subject: s, Before: was.Status, After: is.Status, NextBefore: a.Outcome, NextAfter: b.Outcome, DueAt: is.DueAt, Way: ordered(rank[b.Outcome] >= rank[a.Outcome], rank[a.Outcome] >= rank[b.Outcome])}
	x.Stuck = b.Outcome == Refused && a.Outcome != Refused || b.Outcome == Prove && a.Outcome != Prove && Lost(s.Person.Factors)
	return x
}

// rank is how far each outcome is from being let in.
var rank = map[Outcome]int{Allowed: 0, MaySkip: 1, Prove: 2, Enrol: 2, Refused: 3}

// Tally counts effects. Add one by one, so that the people of an organisation need
// not be held at once.
type Tally struct {
	People    int `json:"people"`             // all that were looked at
	Exempt    int `json:"exempt"`             // service accounts and federated people
	Pending   int `json:"pending_validation"` // invited and not here yet
	Enrolled  int `json:"enrolled"`           // have a factor and go on using it
	Asked     int `json:"asked"`              // must set one up at the next sign-in
	MayWait   int `json:"may_wait"`           // are to, and may put it off
	Free      int `json:"not_asked"`          // need none
	NewlyDue  int `json:"newly_required"`     // were not required before
	Released  int `json:"released"`           // no longer are
	Stuck     int `json:"stuck"`              // would have no exit of their own
	Different int `json:"changed"`            // meet something else than before
}

func (t *Tally) Add(x Effect) {
	t.People++
	switch {
	case x.After == core.MFAServiceAccount || x.After == core.MFANotApplicable:
		t.Exempt++
	case x.After == core.MFAPendingValidation:
		t.Pending++
	case x.After == core.MFAEnabled:
		t.Enrolled++
	case x.NextAfter == Enrol:
		t.Asked++
	case x.NextAfter == MaySkip:
		t.MayWait++
	default:
		t.Free++
	}
	if x.After == core.MFASetupRequired && x.Before != core.MFASetupRequired {
		t.NewlyDue++
	}
	if x.Before == core.MFASetupRequired && x.After != core.MFASetupRequired {
		t.Released++
	}
	if x.Stuck {
		t.Stuck++
	}
	if x.Changed() {
		t.Different++
	}
}

// Simulation is what a change of an organisation's settings does to its people.
type Simulation struct {
	Settings []Difference `json:"settings"`
	Tally    Tally        `json:"tally"`
	Effects  []Effect     `json:"effects"` // of those who meet something else
}

// Simulate applies a change to the organisation at the end of a line as Change
// would, refusals and all, writes nothing, and says who meets what. The MFA
// switch is simulated with SetRequirement and EffectOn.
func Simulate(line []core.Tenant, change core.SettingsDoc, people []Subject, now time.Time) (Simulation, error) {
	after, err := Change(line, change, core.Stamp{At: now})
	if err != nil {
		return Simulation{}, err
	}
	return Compare(line, after, people, now)
}

// Compare says who meets what when one line becomes another: after a change of
// settings, a lock, a move or a conversion.
func Compare(before, after []core.Tenant, people []Subject, now time.Time) (Simulation, error) {
	was, err := Of(before)
	if err != nil {
		return Simulation{}, err
	}
	is, err := Of(after)
	if err != nil {
		return Simulation{}, err
	}
	out := Simulation{Settings: Differences(was.Settings, is.Settings), Effects: []Effect{}}
	for _, s := range people {
		x := EffectOn(s, was, is, now)
		out.Tally.Add(x)
		if x.Changed() {
			out.Effects = append(out.Effects, x)
		}
	}
	return out, nil
}
