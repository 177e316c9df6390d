package policy

import "sallyport/internal/core"

// The organisation's own switch: mandatory for all its people (rows WBX-04, ACR-06).
var ruleOrganization = rule{"organization", func(_ Person, e Effective) verdict {
	if !e.Settings.Requires(core.RequireOrganization) {
		return verdict{why: "the organisation does not require it of everybody"}
	}
	return verdict{applied: true, demand: true, by: e.Organisation, why: "required of everybody"}
}}
