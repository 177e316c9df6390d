package console

import (
	"context"
	"slices"
	"time"

	"sallyport/internal/core"
)

// MFAView is the switch of an organisation and how far its people have come.
type MFAView struct {
	// Outside are administrators who came last from outside the networks that hold.
	Outside     []Who
	Requirement []core.Requirement // what holds, locks counted
	State       core.MFAState      // disabling while factors are being taken away
	Counts      Counts
	// UpdateAllowed says whether the caller may move the switch here, now; where not,
	// LockedBy names who holds it, or nobody does and the right is missing.
	UpdateAllowed bool
	LockedBy      string
	Since         time.Time
	By            string // who set it, as people read it
	From          string // the organisation whose word it was, where that is another
	// Doing is how far switching off has come.
	Doing Doing
	// Wish is what the switch proposes when it is off: what the organisation had last,
	// or its template says.
	Wish    []core.Requirement
	Version int64
}

// On reports whether MFA is on: the set is not empty.
func (v MFAView) On() bool { return len(v.Requirement) > 0 }

// Disabling reports whether factors are just being taken away.
func (v MFAView) Disabling() bool { return v.State == core.MFADisabling }

// requires reports whether a word is in the set.
func (v MFAView) requires(r core.Requirement) bool { return slices.Contains(v.Requirement, r) }

// proposes reports whether the switch would set a word.
func (v MFAView) proposes(r core.Requirement) bool {
	if v.On() {
		return v.requires(r)
	}
	if len(v.Wish) == 0 {
		return r == core.RequireOrganization
	}
	return slices.Contains(v.Wish, r)
}

// Doing is how far a job has come.
type Doing struct {
	Done, Total int
	Since       time.Time
}

// Percent is how much of it is done; it says 100 only at the end.
func (d Doing) Percent() int {
	return Counts{Enabled: d.Done, SetupRequired: max(0, d.Total-d.Done)}.Percent()
}

// MFA is what the switch needs.
type MFA interface {
	MFA(ctx context.Context, by Caller, tenant core.TenantID) (MFAView, error)
	// PreviewMFA says what a requirement would do: who is asked and when, who is
	// exempt, who would be stuck; of an empty one what would be deleted.
	PreviewMFA(ctx context.Context, by Caller, tenant core.TenantID, requirement []core.Requirement) (Effect, error)
	// SetMFA sets it. Emptying it wants the organisation's name as confirmation.
	SetMFA(ctx context.Context, by Caller, tenant core.TenantID, requirement []core.Requirement, confirm string, version int64) error
}

// requirements are the three switches, in the order of the page.
var requirements = []core.Requirement{core.RequirePerUser, core.RequireSelectedApps, core.RequireOrganization}

// wanted reads the three switches of a form. A word that nobody knows is refused.
func wanted(words []string) ([]core.Requirement, error) {
	out := []core.Requirement{}
	for _, r := range requirements {
		if slices.Contains(words, string(r)) {
			out = append(out, r)
		}
	}
	for _, w := range words {
		if !slices.Contains(requirements, core.Requirement(w)) {
			return nil, core.Invalid("form.invalid", "field", "requirement")
		}
	}
	return out, nil
}

// SecurityPage is how an organisation's people sign in: the switch, and below it
// every other setting.
type SecurityPage struct {
	Page
	MFA      MFAView
	Settings *SettingsView // nil where the caller sees the switch alone
	// Apps is the table of selected apps, where the caller sees the settings; From is
	// its first line that is shown.
	Apps *SelectionView
	From int
}

// EnablePage shows what a requirement does before it is set.
type EnablePage struct {
	Page
	MFA    MFAView
	Wish   []core.Requirement
	Effect Effect
	Ask    Ask
}

// DisablePage lists what switching off deletes, before it does.
type DisablePage struct {
	Page
	MFA    MFAView
	Effect Effect
	Ask    Ask
}
