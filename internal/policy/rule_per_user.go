package policy

import "sallyport/internal/core"

// Each person's own choice (rows CAL-01, WBX-02). It demands nothing of who has
// not chosen; who has a factor is asked for it anyway.
var rulePerUser = rule{"per_user", func(p Person, e Effective) verdict {
	if !e.Settings.Requires(core.RequirePerUser) {
		return verdict{why: "not offered to people here"}
	}
	if !Enrolled(p.Factors) {
		return verdict{why: "the person has not switched it on"}
	}
	return verdict{applied: true, why: "the person switched it on"}
}}
