package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// waits are the keys that say whether, and for how long, a setup may be put off.
var waits = []string{"requirement", "new_user_window", "enforce_at"}

// anyWait draws a document of some of these keys.
func anyWait(t *rapid.T, name string) core.SettingsDoc {
	doc := map[string]any{}
	if rapid.Bool().Draw(t, name+" requires") {
		doc["requirement"] = rapid.SampledFrom([][]string{{"organization"}, {"organization", "per_user"}, {"per_user"}}).Draw(t, name+" requirement")
	}
	if rapid.Bool().Draw(t, name+" has a window") {
		doc["new_user_window"] = map[string]int{"days": rapid.IntRange(0, 30).Draw(t, name+" window")}
	}
	if rapid.Bool().Draw(t, name+" enforces") {
		grace := map[string]any{"grace": map[string]int{"days": rapid.IntRange(1, 90).Draw(t, name+" days"), "skips": rapid.IntRange(1, 9).Draw(t, name+" skips")}}
		doc["enforce_at"] = rapid.SampledFrom([]any{"next_sign_in", "revoke_now", grace, grace}).Draw(t, name+" enforce")
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	out, err := core.SettingsDoc(b).Stamped(core.Stamp{At: ago(rapid.IntRange(0, 100).Draw(t, name+" since")), By: "us_1"}, core.SettingsDoc(b).Keys()...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Tightening gives nobody more time: of somebody who is to set a factor up and is drawn
// near every edge of the window and of the grace, with the very keys that decide it.
func TestTighteningGivesNobodyMoreTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := anyWait(t, "own")
		own, err := own.Merge(core.SettingsDoc(`{"requirement":["organization"]}`))
		if err == nil {
			own, err = own.Stamped(core.Stamp{At: ago(rapid.IntRange(0, 60).Draw(t, "required since")), By: "us_1"}, "requirement")
		}
		if err != nil {
			t.Fatal(err)
		}
		partner := core.Tenant{ID: "tn_p", Organisation: "tn_p", Parent: platform.ID, Kind: core.Partner, Mode: core.Trial, State: core.TenantActive, Name: "Nordwind", Path: platform.Path + "tn_p/", CreatedAt: ago(100)}
		child := customer
		child.Parent, child.Path, child.Settings = partner.ID, partner.Path+string(child.ID)+"/", own
		if rapid.Bool().Draw(t, "locked before") {
			partner.Locks = anyWait(t, "lock")
		}
		line := []core.Tenant{platform, partner, child}
		before := effective(t, line)
		more := anyWait(t, "more") // today
		tighter := slices.Clone(line)
		target, base, was := &tighter[2], core.DefaultSettings(), own
		if locked := rapid.Bool().Draw(t, "by a lock"); locked {
			target, base, was = &tighter[1], policy.Loosest(), partner.Locks
		}
		values, floor := over(t, was, base), over(t, more, policy.Loosest())
		doc := document(t, policy.Tighten(values, floor), func(k string) bool { return slices.Contains(waits, k) })
		// What was said before keeps its day; what is new was said on that of the change.
		stamps := was.Stamps()
		for _, k := range doc.Keys() {
			stamp, said := stamps[k]
			if !said {
				stamp = core.Stamp{At: now, By: "us_2"}
			}
			if doc, err = doc.Stamped(stamp, k); err != nil {
				t.Fatal(err)
			}
		}
		if target == &tighter[1] {
			target.Locks = doc
		} else {
			target.Settings = doc
		}
		after := effective(t, tighter)
		who := policy.Person{Kind: core.Person, State: core.UserActive, ValidatedAt: ago(rapid.IntRange(0, 40).Draw(t, "validated")), AwakeAt: now,
			Skips: rapid.IntRange(0, 9).Draw(t, "skips")}
		f := at(who, before, policy.Shown{Proofs: []core.Proof{pwd}, KnownBrowser: true})
		if rapid.Bool().Draw(t, "skips are of the demand") {
			f.Person.SkipsSince = policy.Resolve(f).CountedSince
		}
		g := f
		g.Effective = after
		if err := notLooser(policy.Resolve(f), policy.Resolve(g)); err != nil {
			t.Fatalf("%v\nown %s\nlock %s\nmore %s", err, own, partner.Locks, more)
		}
		f.Shown.Skip, g.Shown.Skip = true, true
		if err := notLooser(policy.Resolve(f), policy.Resolve(g)); err != nil {
			t.Fatalf("putting it off: %v", err)
		}
	})
}

// Asking for more excuses nobody: of somebody in a browser that they trust, with the
// keys that decide what that is worth, and an app that may ask for more besides.
func TestAskingForMoreExcusesNobody(t *testing.T) {
	levels := []core.Level{core.LevelNone, core.LevelPassword, core.LevelTrustedBrowser, core.LevelEmail, core.LevelMFA, core.LevelPhishingResistant, "levitation"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) string {
			return fmt.Sprintf(`{"requirement":["per_user"],"challenge":%q,"trusted_browser":%s,"required_level":%s}`,
				rapid.SampledFrom([]string{"always", "untrusted_browser", "untrusted_browser", "untrusted_browser"}).Draw(t, name+" challenge"),
				rapid.SampledFrom([]string{`"off"`, `{"days":1}`, `{"days":14}`, `"no_expiry"`, `"no_expiry"`}).Draw(t, name+" trust"),
				rapid.SampledFrom([]string{`"none"`, `"none"`, `"mfa"`, `{"auditor":"mfa"}`}).Draw(t, name+" level"))
		}
		child := customer
		child.Settings = core.SettingsDoc(draw("own"))
		before := effective(t, []core.Tenant{platform, child})
		more := child
		more.Settings = document(t, policy.Tighten(over(t, child.Settings, core.DefaultSettings()), over(t, core.SettingsDoc(draw("more")), policy.Loosest())), func(string) bool { return true })
		after := effective(t, []core.Tenant{platform, more})
		who := policy.Person{Kind: core.Person, State: core.UserActive, AwakeAt: now, Factors: []core.Factor{app},
			RolesKnown: rapid.Bool().Draw(t, "known"), Roles: rapid.SampledFrom([][]core.Role{nil, {core.Auditor}, {core.Helpdesk}}).Draw(t, "roles")}
		shown := policy.Shown{Proofs: []core.Proof{pwd, {Kind: core.FactorTrustedBrowser, At: ago(rapid.SampledFrom([]int{0, 2, 20}).Draw(t, "trusted"))}}, KnownBrowser: true}
		f := at(who, before, shown)
		low, high := rapid.IntRange(0, len(levels)-1).Draw(t, "app asks"), rapid.IntRange(0, len(levels)-1).Draw(t, "or")
		if low > high {
			low, high = high, low
		}
		f.App = policy.App{ID: "ap_1", RequiredLevel: levels[low]}
		d := policy.Resolve(f)
		for name, g := range map[string]policy.Facts{
			"stricter settings": {Now: now, Person: who, Effective: after, Shown: shown, App: f.App},
			"a stricter app":    {Now: now, Person: who, Effective: before, Shown: shown, App: policy.App{ID: "ap_1", RequiredLevel: levels[high]}},
			"both":              {Now: now, Person: who, Effective: after, Shown: shown, App: policy.App{ID: "ap_1", RequiredLevel: levels[high]}},
		} {
			if err := notLooser(d, policy.Resolve(g)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		// And whatever lets them in meets what each of the two asks for.
		if d.Outcome != policy.Allowed {
			return
		}
		if l := f.App.RequiredLevel; l != core.LevelNone && !d.Level.AtLeast(l) {
			t.Fatalf("in at %q, the app asks for %q", d.Level, l)
		}
		if all := before.Settings.RequiredLevel.All; all == core.RequireMFA && before.Settings.On() && !d.Level.AtLeast(core.LevelMFA) {
			t.Fatalf("in at %q, the organisation asks for %q", d.Level, all)
		}
	})
}

func over(t *rapid.T, d core.SettingsDoc, base core.Settings) core.Settings {
	s, err := d.Over(base)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
