package policy

import (
	"fmt"
	"slices"
	"time"

	"sallyport/internal/core"
)

// Effective are the settings that hold for a tenant, with where they came from.
// It is plain data and may be kept and shared; nobody changes it.
type Effective struct {
	Organisation core.Tenant
	Settings     core.Settings
	// Locked says that the requirement cannot be taken away here, and by whom.
	Locked   bool
	LockedBy core.Tenant
	// Since is when what is required of everybody began to be: by the lock, or
	// else by the organisation's own word.
	Since time.Time
	// TrustSince is since when trust in browsers counts here: what was given until
	// then is void, for trust was switched off meanwhile.
	TrustSince time.Time
	// MFA tells whether the organisation's factors are just being taken away.
	MFA core.MFAState
	// Suspended is the node on the line that is suspended or deleted, if any.
	Suspended *core.Tenant
	Path      string

	// locks are the floors that hold here, from the root down, and raised says
	// which of them is the reason for a key's value: only of keys whose own value
	// would be looser.
	locks  []floor
	raised map[string]int
	own    map[string]core.Stamp
	// ownAll: the organisation's own document requires it of everybody.
	ownAll bool
}

// Name is how the organisation calls itself to people.
func (e Effective) Name() string {
	if e.Settings.DisplayName != "" {
		return e.Settings.DisplayName
	}
	return e.Organisation.Name
}

// Calls is how people of the organisation hear of a tenant: their own by the name
// that it gave itself.
func (e Effective) Calls(t core.Tenant) string {
	if t.ID == "" || t.ID == e.Organisation.ID {
		return e.Name()
	}
	return t.Name
}

// Zone is the organisation's time zone, UTC when it set none.
func (e Effective) Zone() *time.Location {
	if z, err := time.LoadLocation(e.Settings.TimeZone); err == nil {
		return z
	}
	return time.UTC
}

// Disabling reports whether the organisation's factors are being taken away.
// Another state than the two that are known is not settled, and asks as ever.
func (e *Effective) Disabling() bool { return e.MFA == core.MFADisabling }

// Deleted reports whether the node or one above it was deleted: then nobody is
// told that there is, or was, such an organisation.
func (e *Effective) Deleted() bool {
	return e.Suspended != nil && e.Suspended.State == core.TenantDeleted
}

// Of folds the line of tenants from the root to a node, both included, into
// what holds there. The platform and every partner in production are locked on
// (decision 2, row ACR-02).
func Of(line []core.Tenant) (Effective, error) {
	if len(line) == 0 {
		return Effective{}, fmt.Errorf("effective settings: empty line")
	}
	e := Effective{Path: line[len(line)-1].Path}
	for i := len(line) - 1; i >= 0; i-- {
		if line[i].State != core.TenantActive && (line[i].State == core.TenantDeleted || !e.Deleted()) {
			e.Suspended = &line[i]
		}
	}
	at := organisationOf(line)
	if at < 0 {
		return Effective{}, fmt.Errorf("effective settings: no organisation above %s", line[len(line)-1].ID)
	}
	e.Organisation = line[at]
	s, err := e.Organisation.Settings.Over(core.DefaultSettings())
	if err != nil {
		return Effective{}, fmt.Errorf("effective settings of %s: %w", e.Organisation.ID, err)
	}
	if locksItself(e.Organisation) {
		// Administrators of the platform and of partners always have these and
		// never a code by mail (decision 6, factors).
		s.Factors = slices.Clone(providerFactors)
	}
	e.ownAll = s.Requires(core.RequireOrganization)
	if e.locks, err = floors(line[:at+1]); err != nil {
		return Effective{}, err
	}
	s, e.raised = fold(s, e.locks)
	e.TrustSince = trustSince(line[:at+1])
	e.Settings, e.MFA, e.own = s, e.Organisation.MFAState, e.Organisation.Settings.Stamps()
	e.Since = e.ownSince("requirement")
	if l, ok := e.lockOnAll(); ok {
		e.Locked, e.LockedBy, e.Since = true, l.by, l.since("requirement")
	} else if l, ok := e.heldBy("requirement"); ok {
		e.Locked, e.LockedBy = true, l.by
	}
	return e, nil
}

// organisationOf is where on the line the node's organisation stands.
func organisationOf(line []core.Tenant) int {
	for i := len(line) - 1; i >= 0; i-- {
		if line[i].Kind.IsOrganisation() {
			return i
		}
	}
	return -1
}

// trustSince is the latest instant at which the organisation at the end of a line, or
// a lock above it, switched trust in browsers off or on.
func trustSince(line []core.Tenant) time.Time {
	since := line[len(line)-1].Settings.TrustSince()
	for _, t := range line[:len(line)-1] {
		if at := t.Locks.TrustSince(); provides(t.Kind) && at.After(since) {
			since = at
		}
	}
	return since
}

// fold lays floors over values, and says which floor each raised key owes its
// value to: of several the one that is the strictest, of equals the highest.
func fold(s core.Settings, locks []floor) (core.Settings, map[string]int) {
	var raised map[string]int
	for i := range locks {
		l, before := &locks[i], s
		for _, k := range keys {
			if !k.lockable() || !l.holds(k.name) {
				continue
			}
			k.tighten(&s, &l.values)
			if k.compare(&before, &s) != Same {
				if raised == nil {
					raised = map[string]int{}
				}
				raised[k.name] = i
			}
		}
	}
	return s, raised
}

// heldBy is the lock on a key: the one that its value is owed to, or else the
// highest.
func (e *Effective) heldBy(key string) (*floor, bool) {
	if i, ok := e.raised[key]; ok {
		return &e.locks[i], true
	}
	for i := range e.locks {
		if e.locks[i].holds(key) {
			return &e.locks[i], true
		}
	}
	return nil, false
}

// lockOnAll is the highest lock that demands a second factor of everybody,
// whatever the organisation says itself.
func (e *Effective) lockOnAll() (*floor, bool) {
	for i := range e.locks {
		if l := &e.locks[i]; l.holds("requirement") && l.values.Requires(core.RequireOrganization) {
			return l, true
		}
	}
	return nil, false
}

// from is the tenant that a key's value is owed to, and since when.
func (e *Effective) from(key string) (*core.Tenant, time.Time) {
	if i, ok := e.raised[key]; ok {
		return &e.locks[i].by, e.locks[i].since(key)
	}
	return &e.Organisation, e.ownSince(key)
}

// ownSince is since when the organisation's own word on a key holds: at the
// latest since there is an organisation.
func (e *Effective) ownSince(key string) time.Time {
	if s, ok := e.own[key]; ok {
		return s.Began()
	}
	return e.Organisation.CreatedAt
}

// providerFactors are what administrators of the platform and of partners may
// enrol, whatever is set: never a mailbox.
var providerFactors = []core.FactorKind{core.FactorTOTP, core.FactorPasskey}

// provides reports whether a tenant serves others: the platform and partners.
func provides(k core.TenantKind) bool { return k == core.Platform || k == core.Partner }

// locksItself are the shipped locks on the requirement.
func locksItself(t core.Tenant) bool {
	return t.Kind == core.Platform || t.Kind == core.Partner && t.Mode == core.Production
}
