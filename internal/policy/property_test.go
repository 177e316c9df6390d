package policy_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// No way in without the password; none past a confirmed factor or a demand
// without a second proof, but for a trusted browser where the organisation is
// content with it and a setup that may wait; none for who does not sign in here.
func TestNeverAllowedWithoutWhatIsDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t, effective(t, anyLine(t)))
		p, e, s := f.Person, f.Effective, f.Shown
		d := policy.Resolve(f)
		if d.Outcome != policy.Allowed {
			return
		}
		if !isShown(s, core.FactorPassword) {
			t.Fatal("allowed without a password")
		}
		if p.Federated || (s.Door == policy.Pages) != (p.Kind == core.Person) || p.Kind != core.Person && p.Kind != core.ServiceAccount {
			t.Fatalf("allowed: kind %s at %q, federated %v", p.Kind, s.Door, p.Federated)
		}
		if !e.Settings.LoginNetworks.Allow(s.Address) {
			t.Fatalf("allowed from %s, outside %v", s.Address, e.Settings.LoginNetworks)
		}
		second := isShown(s, core.FactorTOTP, core.FactorRecoveryCode)
		if second != d.Level.AtLeast(core.LevelMFA) {
			t.Fatalf("level %q, second proof %v", d.Level, second)
		}
		if p.Kind != core.Person || e.Disabling() {
			return
		}
		if trusted := d.Level == core.LevelTrustedBrowser; trusted {
			if e.Settings.Challenge != core.ChallengeUntrustedBrowser || e.Settings.TrustedBrowser.Mode == core.TrustOff || !isShown(s, core.FactorTrustedBrowser) || !confirmed(p) || s.Anew ||
				f.App.RequiredLevel.AtLeast(core.LevelEmail) || e.Settings.On() && e.Settings.RequiredLevel.All == core.RequireMFA {
				t.Fatalf("excused by a browser: %+v", d)
			}
			return
		}
		if (confirmed(p) || s.Anew) && !second {
			t.Fatalf("allowed without a second proof: %+v", d)
		}
		if d.Required && !confirmed(p) && !(d.Skipped && s.Skip) {
			t.Fatalf("allowed without what is required: %+v", d)
		}
	})
}

// N-01, decision 7.15: a dead factor never leads to an invitation to enrol in its
// place; only what an administrator or the operator hands out replaces it.
func TestADeadFactorNeverLeadsToEnrol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t, effective(t, anyLine(t)))
		f.Person.Factors = []core.Factor{dead}
		f.Shown.Anew = false
		if isShown(f.Shown, core.FactorTemporaryPass) || f.Effective.Disabling() {
			return
		}
		d := policy.Resolve(f)
		if d.Outcome == policy.Enrol || d.Outcome == policy.MaySkip || d.Level == core.LevelTrustedBrowser {
			t.Fatalf("%+v", d)
		}
	})
}

var rank = map[policy.Outcome]int{policy.Allowed: 0, policy.MaySkip: 1, policy.Prove: 2, policy.Enrol: 2, policy.Refused: 3}

// notLooser says how the second answer gives more than the first.
func notLooser(before, after policy.Decision) error {
	switch {
	case rank[after.Outcome] < rank[before.Outcome]:
		return fmt.Errorf("from %s to %s", before.Outcome, after.Outcome)
	case before.Required && !after.Required && after.Outcome != policy.Refused:
		return fmt.Errorf("what was required no longer is")
	case before.Outcome == policy.MaySkip && after.Outcome == policy.MaySkip && !before.DueAt.IsZero() && (after.DueAt.IsZero() || after.DueAt.After(before.DueAt)):
		return fmt.Errorf("it may wait until %v instead of %v", after.DueAt, before.DueAt)
	}
	return nil
}

// Tightening never loosens: with a key made stricter by the organisation itself or
// by a lock above it, nobody gets further than before, nor does anything else
// that a setting decides become easier.
func TestTighteningNeverLoosens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := organisation(anyLine(t))
		before := effective(t, line)
		f := anyFacts(t, before)

		tighter := slices.Clone(line)
		org := &tighter[len(tighter)-1]
		if rapid.Bool().Draw(t, "by a lock") && len(line) > 1 {
			over := &tighter[rapid.IntRange(0, len(line)-2).Draw(t, "holder")]
			values, err := over.Locks.Over(policy.Loosest())
			if err != nil {
				t.Fatal(err)
			}
			more, err := anyLocks(t).Over(policy.Loosest())
			if err != nil {
				t.Fatal(err)
			}
			over.Locks = document(t, policy.Tighten(values, more), policy.Lockable)
		} else {
			own, err := org.Settings.Over(core.DefaultSettings())
			if err != nil {
				t.Fatal(err)
			}
			floor, err := anyLocks(t).Over(policy.Loosest())
			if err != nil {
				t.Fatal(err)
			}
			stamps := org.Settings.Stamps()
			org.Settings = document(t, policy.Tighten(own, floor), func(string) bool { return true })
			// Since when it is required does not move by tightening.
			for k, s := range stamps {
				if org.Settings, err = org.Settings.Stamped(s, k); err != nil {
					t.Fatal(err)
				}
			}
		}
		after := effective(t, tighter)
		for _, d := range policy.Differences(before.Settings, after.Settings) {
			if d.Way != policy.Tighter {
				t.Fatalf("%s became %s: %s, was %s", d.Key, d.Way, d.To, d.From)
			}
		}
		g := f
		g.Effective = after
		if err := notLooser(policy.Resolve(f), policy.Resolve(g)); err != nil {
			t.Fatal(err)
		}
		if _, was := policy.MayDisable(f.Person, before); !was {
			if how, is := policy.MayDisable(f.Person, after); is {
				t.Fatalf("may be switched off (%s) where it could not", how)
			}
		}
		if policy.ResetEffect(f.Person, before) == core.ResetKeepsMFA && policy.ResetEffect(f.Person, after) != core.ResetKeepsMFA {
			t.Fatal("a mail clears what it could not")
		}
		if policy.MailFirst(f) && !policy.MailFirst(g) {
			t.Fatal("the mailbox need not be shown any more")
		}
	})
}

// document writes values as a document of the keys that may stand in it.
func document(t *rapid.T, s core.Settings, only func(string) bool) core.SettingsDoc {
	if len(s.LoginNetworks) > 0 && !s.LoginNetworks[0].IsValid() {
		t.Skip("nowhere: nobody could write that")
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var drop []string
	for _, k := range core.SettingKeys {
		if !only(k) {
			drop = append(drop, k)
		}
	}
	doc, err := core.SettingsDoc(b).Without(drop...)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// One proof less never gets further. (Without the password it is asked for, and
// nothing else is said.)
func TestAProofLessNeverGetsFurther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t, effective(t, anyLine(t)))
		if len(f.Shown.Proofs) == 0 {
			return
		}
		less := f
		i := rapid.IntRange(0, len(f.Shown.Proofs)-1).Draw(t, "lost")
		less.Shown.Proofs = slices.Delete(slices.Clone(f.Shown.Proofs), i, i+1)
		if a, b := policy.Resolve(f), policy.Resolve(less); b.Level != core.LevelNone && rank[b.Outcome] < rank[a.Outcome] || b.Level == core.LevelNone && b.Outcome == policy.Allowed || !a.Level.AtLeast(b.Level) {
			t.Fatalf("from %s at %q to %s at %q", a.Outcome, a.Level, b.Outcome, b.Level)
		}
	})
}

// What is not known counts as what gives least: without roles, clock, address or
// the word that something was shown, nobody gets further than with them.
func TestNotKnowingNeverGetsFurther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t, effective(t, anyLine(t)))
		g := f
		switch rapid.IntRange(0, 4).Draw(t, "unknown") {
		case 0:
			g.Person.RolesKnown = false
		case 1:
			g.Now = time.Time{}
		case 2:
			g.Shown.Address = netip.Addr{}
		case 3:
			g.Person.ValidatedAt, g.Person.Skips = time.Time{}, 1000
		case 4:
			g.Shown.KnownBrowser, g.Shown.MailProved, g.Shown.Skip = false, false, false
		}
		a, b := policy.Resolve(f), policy.Resolve(g)
		if rank[b.Outcome] < rank[a.Outcome] || a.MailFirst && b.Outcome == a.Outcome && !b.MailFirst {
			t.Fatalf("from %+v to %+v", a, b)
		}
	})
}

// The answer depends on nothing else: the same facts, the same answer, and the
// facts stay as they were. The trace is whole, whatever the answer.
func TestResolveIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t, effective(t, anyLine(t)))
		before := fmt.Sprintf("%+v", f)
		a, b := policy.Resolve(f), policy.Resolve(f)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v and %+v", a, b)
		}
		if fmt.Sprintf("%+v", f) != before {
			t.Fatal("the facts were written to")
		}
		for i, name := range policy.Rules() {
			if s := a.Trace[i]; s.Rule != name || !slices.Contains(policy.Reasons, s.Why) {
				t.Fatalf("step %d: %+v", i, s)
			}
		}
		if len(a.Trace) != len(policy.Rules()) {
			t.Fatalf("%d steps", len(a.Trace))
		}
		if a.Required && a.By.ID == "" || a.Outcome == policy.MaySkip && a.SkipsLeft == 0 {
			t.Fatalf("%+v", a)
		}
	})
}

// Decision 7.6: there is no state from which nobody finds a way in. From wherever
// a sign-in stands, following any of the exits ends inside.
func TestNoStateIsATrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := anyLine(t)
		if policy.CheckLine(organisation(line)) != nil {
			return // a lock that nobody could have written
		}
		f := anyFacts(t, effective(t, line))
		f.Person.Kind, f.Person.Federated, f.Shown.Door, f.Shown.Proofs = core.Person, false, policy.Pages, nil
		f.Shown.Skip = false
		helped := false
		for range 8 {
			d := policy.Resolve(f)
			exits := policy.Exits(d, f.Person)
			if len(exits) == 0 {
				t.Fatalf("a trap: %+v", d)
			}
			if helped { // nobody is helped twice
				exits = slices.DeleteFunc(exits, func(x policy.Exit) bool { return x == policy.ExitAdministrator })
			}
			if len(exits) == 0 {
				t.Fatalf("help did not help: %+v", d)
			}
			switch exit := rapid.SampledFrom(exits).Draw(t, "exit"); exit {
			case policy.ExitEnter:
				return
			case policy.ExitPassword:
				f.Shown.Proofs = append(f.Shown.Proofs, pwd)
			case policy.ExitProve, policy.ExitRecovery:
				i := slices.IndexFunc(f.Person.Factors, func(x core.Factor) bool {
					return x.Usable() && (exit == policy.ExitRecovery) == (x.Kind == core.FactorRecoveryCode) && (x.Kind == core.FactorTOTP || x.Kind == core.FactorRecoveryCode)
				})
				f.Shown.Proofs = append(f.Shown.Proofs, proof(f.Person.Factors[i].Kind, f.Person.Factors[i].ID))
			case policy.ExitEnrol:
				f.Shown.MailProved = true
				fresh := core.Factor{ID: "fa_fresh", Kind: d.Methods[0], State: core.FactorConfirmed}
				f.Person.Factors = append(slices.Clone(f.Person.Factors), fresh)
				f.Shown.Proofs = append(f.Shown.Proofs, core.Proof{Kind: fresh.Kind, ID: fresh.ID, At: now, By: policy.ProofEnrolled})
			case policy.ExitSkip:
				f.Shown.Skip = true
			case policy.ExitAdministrator:
				helped = true
				f.Person.Factors, f.Shown = nil, policy.Shown{Anew: f.Shown.Anew, Address: f.Shown.Address}
			case policy.ExitNetwork:
				f.Shown.Address = f.Effective.Settings.LoginNetworks[0].Addr()
			case policy.ExitWait:
				f.Effective.MFA = core.MFASettled
			default:
				t.Fatalf("%s leads nowhere: %+v", exit, d)
			}
		}
		t.Fatalf("no way in after eight steps: %+v", policy.Resolve(f))
	})
}

// What tables show and what the door asks are one answer.
func TestStandingAgreesWithTheDoor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := effective(t, anyLine(t))
		p := anybody(t)
		p.Kind, p.Federated, p.AppsUsed = core.Person, false, nil
		e.Settings.LoginNetworks = nil
		stand := policy.Standing(p, e, now)
		d := policy.Resolve(at(p, e, policy.Shown{Proofs: proofs(pwd)}))
		if stand.Required != d.Required || stand.By.ID != d.By.ID || !stand.Since.Equal(d.Since) {
			t.Fatalf("%+v and %+v", stand, d)
		}
		if p.State == core.UserInvited {
			if stand.Status != core.MFAPendingValidation {
				t.Fatalf("%+v", stand)
			}
			return
		}
		due := d.Required && (d.Outcome == policy.Enrol || d.Outcome == policy.MaySkip)
		if due != (stand.Status == core.MFASetupRequired) || (d.Outcome == policy.Prove) != (stand.Status == core.MFAEnabled) {
			t.Fatalf("%s at the door, %s in tables", d.Outcome, stand.Status)
		}
		if due && !stand.DueAt.Equal(d.DueAt) {
			t.Fatalf("due %v and %v", stand.DueAt, d.DueAt)
		}
	})
}
