package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sallyport/internal/core"
)

// Effective are the settings that hold for a tenant, with where the requirement
// came from. It is plain data and may be kept and shared; nobody changes it.
type Effective struct {
	Organisation core.Tenant
	Settings     core.Settings
	// Locked says that the requirement cannot be taken away here, and by whom.
	Locked   bool
	LockedBy core.Tenant
	// Since is when the requirement was last set.
	Since time.Time
	// Suspended is the node on the line that is suspended or deleted, if any.
	Suspended *core.Tenant
	Path      string
}

// Name is how the organisation calls itself to people.
func (e Effective) Name() string {
	if e.Settings.DisplayName != "" {
		return e.Settings.DisplayName
	}
	return e.Organisation.Name
}

// Zone is the organisation's time zone, UTC when it set none.
func (e Effective) Zone() *time.Location {
	if z, err := time.LoadLocation(e.Settings.TimeZone); err == nil {
		return z
	}
	return time.UTC
}

// sinceKey is where a settings document keeps the instant at which its
// requirement was set. It stands beside the settings, not among them.
type provenance struct {
	RequirementSince time.Time `json:"requirement_since"`
}

// Of folds the line of tenants from the root to a node, both included, into
// what holds there. The platform and every partner in production are locked on
// (decision 2, row ACR-02).
func Of(line []core.Tenant) (Effective, error) {
	if len(line) == 0 {
		return Effective{}, fmt.Errorf("effective settings: empty line")
	}
	e := Effective{Path: line[len(line)-1].Path}
	found := false
	for i := len(line) - 1; i >= 0; i-- {
		t := line[i]
		if t.State != core.TenantActive {
			e.Suspended = &line[i]
		}
		if !found && t.Kind.IsOrganisation() {
			e.Organisation, found = t, true
		}
	}
	if !found {
		return Effective{}, fmt.Errorf("effective settings: no organisation above %s", line[len(line)-1].ID)
	}
	s, err := e.Organisation.Settings.Over(core.DefaultSettings())
	if err != nil {
		return Effective{}, fmt.Errorf("effective settings of %s: %w", e.Organisation.ID, err)
	}
	e.Settings = s
	e.Since = e.Organisation.CreatedAt
	var from provenance
	if len(e.Organisation.Settings) > 0 && json.Unmarshal(e.Organisation.Settings, &from) == nil && !from.RequirementSince.IsZero() {
		e.Since = from.RequirementSince
	}
	if locksItself(e.Organisation) {
		e.Locked, e.LockedBy = true, line[0]
		if !e.Settings.Requires(core.RequireOrganization) {
			e.Settings.Requirement = append(slices.Clone(e.Settings.Requirement), core.RequireOrganization)
		}
		// Administrators of the platform and of partners always have these and
		// never a code by mail (decision 6, factors).
		e.Settings.Factors = []core.FactorKind{core.FactorTOTP, core.FactorPasskey}
	}
	return e, nil
}

// locksItself are the shipped locks.
func locksItself(t core.Tenant) bool {
	return t.Kind == core.Platform || t.Kind == core.Partner && t.Mode == core.Production
}
