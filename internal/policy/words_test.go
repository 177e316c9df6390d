package policy_test

import (
	"slices"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/policy"
)

// Every rule, reason and outcome has its words in every language, and a reason
// with all that rules hand to it leaves no blank.
func TestTheTraceHasWords(t *testing.T) {
	params := map[string]any{"since": now, "until": now, "left": 2, "days": 14, "app": "ap_1", "level": "mfa", "rule": "organization"}
	for _, tongue := range i18n.Languages() {
		l := i18n.For(tongue.Tag)
		for _, r := range policy.Rules() {
			if !l.Has("policy.rule." + r) {
				t.Errorf("%s has no name for the rule %s", tongue.Tag, r)
			}
		}
		for _, why := range policy.Reasons {
			if said := l.Reason(why, "Nordwind", params, nil); said == "policy.why."+why || strings.Contains(said, "<no value>") {
				t.Errorf("%s: %s is %q", tongue.Tag, why, said)
			}
		}
		for _, o := range []policy.Outcome{policy.Allowed, policy.Prove, policy.Enrol, policy.MaySkip, policy.Refused} {
			if said := l.Outcome(string(o), "mfa", []string{"totp", "password"}); strings.HasPrefix(said, "policy.") {
				t.Errorf("%s: %s is %q", tongue.Tag, o, said)
			}
		}
		for _, level := range []core.Level{core.LevelPassword, core.LevelTrustedBrowser, core.LevelEmail, core.LevelMFA, core.LevelPhishingResistant} {
			if !l.Has("policy.level." + string(level)) {
				t.Errorf("%s has no name for the level %s", tongue.Tag, level)
			}
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(policy.Reasons)))) != len(policy.Reasons) {
		t.Error("a reason is listed twice")
	}
}
