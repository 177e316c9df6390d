package policy_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// Whatever somebody wrote on the way down, the shipped locks hold.
func TestShippedLocksHoldWhateverIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := effective(t, anyLine(t))
		o := e.Organisation
		if provider := o.Kind == core.Platform || o.Kind == core.Partner; provider && (e.Settings.NewUserWindow.Days != 0 || e.Settings.PasswordResetEffect != core.ResetKeepsMFA) {
			t.Fatalf("%+v", e.Settings)
		}
		if !(o.Kind == core.Platform || o.Kind == core.Partner && o.Mode == core.Production) {
			return
		}
		if !e.Locked || !e.Settings.Requires(core.RequireOrganization) || e.Settings.Offers(core.FactorEmailCode) || !e.Settings.Offers(core.FactorTOTP) {
			t.Fatalf("locked %v, %+v", e.Locked, e.Settings)
		}
		who := policy.Person{Kind: core.Person}
		if by, ok := policy.Required(who, e); !ok || by.ID != platform.ID {
			t.Fatalf("required %v by %s", ok, by.ID)
		}
	})
}

// DS-10: a child never ends weaker than any lock on its line.
func TestAChildNeverEndsWeakerThanItsLock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := anyLine(t)
		e := effective(t, line)
		for _, above := range organisation(line)[:len(organisation(line))-1] {
			floor, err := above.Locks.Over(policy.Loosest())
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range policy.Differences(e.Settings, policy.Tighten(e.Settings, floor)) {
				if slices.Contains(above.Locks.Keys(), d.Key) {
					t.Fatalf("%s is %s, and %s holds it at %s", d.Key, d.From, above.ID, d.To)
				}
			}
		}
	})
}

// The strictest wins in whatever order locks come: who holds which of them on the
// way down changes nothing.
func TestStrictestWinsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := organisation(anyLine(t))
		if len(line) < 3 {
			return
		}
		turned := slices.Clone(line)
		above := turned[:len(turned)-1]
		order := rapid.Permutation([]int{0, 1, 2}[:len(above)]).Draw(t, "order")
		for i, from := range order {
			above[i].Locks = line[from].Locks
		}
		a, b := effective(t, line), effective(t, turned)
		if d := policy.Differences(a.Settings, b.Settings); len(d) > 0 {
			t.Fatalf("%+v", d)
		}
		if a.Locked != b.Locked {
			t.Fatalf("locked %v and %v", a.Locked, b.Locked)
		}
	})
}

// What tighter means is an order, and Tighten its least upper bound: at least as
// strict as both, the same whichever comes first, and nothing when done twice.
func TestTightenIsAMeetingPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		read := func(d core.SettingsDoc, base core.Settings) core.Settings {
			s, err := d.Over(base)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		a, b := read(anySettings(t), core.DefaultSettings()), read(anyLocks(t), policy.Loosest())
		both, again := policy.Tighten(a, b), policy.Tighten(b, a)
		same := func(what string, x, y core.Settings) {
			for _, d := range policy.Differences(x, y) {
				if policy.Lockable(d.Key) && d.Key != "totp" { // its digits are of the first
					t.Fatalf("%s: %+v", what, d)
				}
			}
		}
		same("turned round", both, again)
		same("twice", both, policy.Tighten(both, b))
		for _, d := range append(policy.Differences(a, both), policy.Differences(b, both)...) {
			if policy.Lockable(d.Key) && d.Key != "totp" && d.Way != policy.Tighter {
				t.Fatalf("looser than a part of it: %+v", d)
			}
		}
		turn := map[policy.Direction]policy.Direction{policy.Tighter: policy.Looser, policy.Looser: policy.Tighter, policy.Neither: policy.Neither}
		there, back := policy.Differences(a, b), policy.Differences(b, a)
		for i := range there {
			if len(back) != len(there) || back[i].Key != there[i].Key || back[i].Way != turn[there[i].Way] {
				t.Fatalf("%+v and %+v", there, back)
			}
		}
	})
}

// A change that is accepted leaves no lock undercut by what it says, the switch
// on, and everybody able to enrol; what it refuses it refuses by a name.
func TestChangesKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := organisation(anyLine(t))
		change := anySettings(t).Bare()
		before := effective(t, line)
		out, err := policy.Change(line, change, core.Stamp{At: now, By: "us_9"})
		if err != nil {
			if f, ok := core.AsFault(err); !ok || !slices.Contains([]string{"policy.locked", "policy.use_mfa_switch", "settings.invalid", "policy.nobody_could_enrol", "policy.nobody_could_sign_in"}, f.Code) {
				t.Fatalf("%v", err)
			}
			return
		}
		after := effective(t, out)
		if before.Settings.On() && !after.Settings.On() {
			t.Fatal("a change switched MFA off")
		}
		if err := policy.CheckLine(out); err != nil {
			t.Fatal(err)
		}
		own, err := out[len(out)-1].Settings.Over(core.DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		changed := policy.Differences(mustOver(t, line[len(line)-1].Settings), own)
		for _, d := range policy.Differences(own, after.Settings) {
			for _, c := range changed {
				if c.Key == d.Key && d.Key != "factors" { // whoever provides has those that ship
					t.Fatalf("%s was accepted as %s and holds as %s", d.Key, d.From, d.To)
				}
			}
		}
		stamps := out[len(out)-1].Settings.Stamps()
		for _, c := range changed {
			if own := stamps[c.Key]; slices.Contains(out[len(out)-1].Settings.Keys(), c.Key) && (own.By != "us_9" || !own.At.Equal(now)) {
				t.Fatalf("%s has the stamp %+v", c.Key, own)
			}
		}
	})
}

func mustOver(t *rapid.T, d core.SettingsDoc) core.Settings {
	s, err := d.Over(core.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Decision 5: when a lock goes, by being lifted or by a move, what it demanded
// stays as the organisation's own; only the switch empties what holds.
func TestWhatALockDemandedOutlivesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := organisation(anyLine(t))
		after := slices.Clone(before)
		for i := range after[:len(after)-1] {
			if rapid.Bool().Draw(t, "lifted") {
				after[i].Locks = nil
			}
		}
		doc, write, err := policy.Inherit(before, after)
		if err != nil {
			t.Fatal(err)
		}
		if write {
			after[len(after)-1].Settings = doc
		}
		was, is := effective(t, before), effective(t, after)
		for _, r := range was.Settings.Requirement {
			if !is.Settings.Requires(r) {
				t.Fatalf("%s was lost", r)
			}
		}
		if write && !is.Locked && was.Settings.Requires(core.RequireOrganization) && is.Since.After(was.Since) {
			t.Fatalf("required since %v, and was since %v", is.Since, was.Since)
		}
	})
}

// Refusals of documents are faults, whatever is handed in.
func TestErrorsAreNeverSwallowed(t *testing.T) {
	broken := customer
	broken.Settings = core.SettingsDoc(`{"requirement":7}`)
	locked := platform
	locked.Locks = core.SettingsDoc(`{"session":7}`)
	for name, line := range map[string][]core.Tenant{"own": {platform, broken}, "lock": {locked, customer}} {
		if _, err := policy.Of(line); err == nil {
			t.Errorf("%s: folded", name)
		}
		if _, err := policy.Change(line, core.SettingsDoc(`{"unique_email":false}`), core.Stamp{At: now}); err == nil {
			t.Errorf("%s: changed", name)
		}
		if _, err := policy.Values(line); err == nil {
			t.Errorf("%s: listed", name)
		}
		if _, _, err := policy.Inherit(line, line); err == nil {
			t.Errorf("%s: inherited", name)
		}
	}
	if _, err := policy.Change([]core.Tenant{platform, {Kind: core.Folder, State: core.TenantActive}}, core.SettingsDoc(`{}`), core.Stamp{At: now}); !errors.Is(err, core.Invalid("tenant.settings_inherited")) {
		t.Errorf("a folder: %v", err)
	}
}
