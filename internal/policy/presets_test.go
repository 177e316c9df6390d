package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// Decision 6, the table of presets.
func TestPresets(t *testing.T) {
	if got := fmt.Sprint(policy.Presets()); got != "[adaptive-email managed-tenants organization-wide self-service]" {
		t.Fatal(got)
	}
	for name, want := range map[string]string{
		"adaptive-email": `requirement ["organization"] factors ["email_code"] challenge "risk" trusted_browser "off" recovery [] password_reset_effect "keep_mfa" user_may_disable "no" enforce_at "next_sign_in" new_user_window {"days":0}`,
		"self-service":   `requirement ["per_user"] factors ["totp"] challenge "always" trusted_browser "off" recovery ["recovery_code"] password_reset_effect "keep_mfa" user_may_disable "confirm_only" enforce_at "next_sign_in" new_user_window {"days":7}`,
		"managed-tenants": `requirement ["organization"] factors ["totp"] challenge "untrusted_browser" trusted_browser "no_expiry" recovery ["setup_key_sheet"] ` +
			`password_reset_effect "keep_mfa" user_may_disable "no" enforce_at "next_sign_in" new_user_window {"days":0}`,
		"organization-wide": `requirement ["organization"] factors ["totp"] challenge "always" trusted_browser "off" recovery [] password_reset_effect "clear_mfa" user_may_disable "second_factor" enforce_at "next_sign_in" new_user_window {"days":0}`,
	} {
		doc, err := policy.PresetShown(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := doc.Over(core.DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		all, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range []string{"requirement", "factors", "challenge", "trusted_browser", "recovery", "password_reset_effect", "user_may_disable", "enforce_at", "new_user_window"} {
			got = append(got, k, string(core.SettingsDoc(all).Value(k)))
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s\n%s, want\n%s", name, g, want)
		}
		_, err = policy.Preset(name)
		if unavailable := errors.Is(err, core.NewFault(core.KindConflict, "policy.preset_unavailable")); unavailable != (name == "adaptive-email") || err != nil && !unavailable {
			t.Errorf("%s to apply: %v", name, err)
		}
		diff, err := policy.ComparePreset(name, core.SettingsDoc(`{"invitation_days":3}`))
		if err != nil || len(diff) < 3 || slices.ContainsFunc(diff, func(d policy.Difference) bool { return d.Key == "invitation_days" }) {
			t.Errorf("%s to compare: %+v, %v", name, diff, err)
		}
	}
	if doc, err := policy.PresetShown("adaptive-email"); err != nil || string(doc.Value("min_client_versions")) == "" {
		t.Errorf("%s, %v", doc, err)
	}
	for _, name := range []string{"", "nope", "../presets/self-service", "self-service.json", "Self-Service"} {
		if doc, err := policy.Preset(name); !errors.Is(err, core.Invalid("settings.preset_unknown")) {
			t.Errorf("%q is a preset: %s, %v", name, doc, err)
		}
	}
}

// What applying would change is shown first, with its direction.
func TestApplyPreset(t *testing.T) {
	_, diff, err := policy.ApplyPreset("managed-tenants", core.SettingsDoc(`{"requirement":["per_user"],"factors":["totp"],"user_may_disable":"confirm_only","time_zone":"UTC"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range diff {
		got = append(got, fmt.Sprintf("%s %s>%s %s", d.Key, policy.Plainly(d.From), policy.Plainly(d.To), d.Way))
	}
	want := "requirement per_user>organization neither; challenge always>untrusted_browser looser; trusted_browser {\"days\":14}>no_expiry looser; " +
		"recovery recovery_code>setup_key_sheet neither; user_may_disable confirm_only>no tighter; new_user_window {\"days\":7}>{\"days\":0} tighter"
	if g := strings.Join(got, "; "); g != want {
		t.Errorf("%s, want %s", g, want)
	}
	if _, _, err := policy.ApplyPreset("adaptive-email", nil); err == nil {
		t.Error("applied what cannot be")
	}
	diff, err = policy.DocDifferences(core.SettingsDoc(`{"min_client_versions":{"phone/ios":"1"}}`), nil)
	if err != nil || len(diff) != 1 || string(diff[0].To) != "null" || diff[0].Way != policy.Neither {
		t.Errorf("%+v, %v", diff, err)
	}
}
