package policy

import "sallyport/internal/core"

// A lock from above, or the shipped one on the platform and on partners in
// production, demands a second factor of everybody in the organisation.
var ruleLock = rule{"lock", func(_ Person, e Effective) verdict {
	if !e.Locked {
		return verdict{why: "nothing is locked on here"}
	}
	if !e.Settings.Requires(core.RequireOrganization) {
		return verdict{why: "the lock is not on the requirement"}
	}
	return verdict{applied: true, demand: true, by: e.LockedBy, why: "locked on"}
}}
