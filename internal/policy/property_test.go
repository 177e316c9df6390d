package policy_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// anybody draws a person with whatever factors.
func anybody(t *rapid.T) policy.Person {
	kinds := []core.FactorKind{core.FactorTOTP, core.FactorRecoveryCode, core.FactorPasskey, core.FactorEmailCode, "carrier_pigeon"}
	states := []core.FactorState{core.FactorUnconfirmed, core.FactorConfirmed}
	factor := rapid.Custom(func(t *rapid.T) core.Factor {
		return core.Factor{
			ID:     core.FactorID(rapid.SampledFrom([]string{"fa_1", "fa_2", "fa_3"}).Draw(t, "id")),
			Kind:   rapid.SampledFrom(kinds).Draw(t, "kind"),
			State:  rapid.SampledFrom(states).Draw(t, "state"),
			Budget: core.Budget{Consecutive: rapid.SampledFrom([]int{0, 3, 99, 100, 200}).Draw(t, "consecutive")},
		}
	})
	return policy.Person{
		Kind:      rapid.SampledFrom([]core.UserKind{core.Person, core.Person, core.Person, core.ServiceAccount, "robot"}).Draw(t, "who"),
		Federated: rapid.SampledFrom([]bool{false, false, false, true}).Draw(t, "federated"),
		Factors:   rapid.SliceOfN(factor, 0, 4).Draw(t, "factors"),
	}
}

func anyShown(t *rapid.T) policy.Shown {
	kinds := []core.FactorKind{core.FactorPassword, core.FactorTOTP, core.FactorRecoveryCode, core.FactorEmailCode, "carrier_pigeon", ""}
	p := rapid.Custom(func(t *rapid.T) core.Proof {
		return core.Proof{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), ID: core.FactorID(rapid.SampledFrom([]string{"", "fa_1", "fa_2"}).Draw(t, "id")),
			By: rapid.SampledFrom([]string{"", "reset", policy.ProofEnrolled}).Draw(t, "by"), At: now}
	})
	return policy.Shown{Proofs: rapid.SliceOfN(p, 0, 4).Draw(t, "proofs"), Anew: rapid.Bool().Draw(t, "anew")}
}

// anyLine draws a way from the root down to a tenant.
func anyLine(t *rapid.T) []core.Tenant {
	line := []core.Tenant{platform}
	if rapid.Bool().Draw(t, "partner") {
		p := core.Tenant{ID: "tn_p", Kind: core.Partner, State: core.TenantActive, Path: "/tn_root/tn_p/", Mode: rapid.SampledFrom([]core.TenantMode{core.Trial, core.Production}).Draw(t, "mode")}
		p.Settings = anySettings(t)
		line = append(line, p)
	}
	if rapid.Bool().Draw(t, "customer") {
		c := customer
		c.Settings = anySettings(t)
		line = append(line, c)
		if rapid.Bool().Draw(t, "unit") {
			line = append(line, core.Tenant{ID: "tn_u", Kind: core.Unit, State: core.TenantActive, Path: c.Path + "tn_u/"})
		}
	}
	return line
}

func anySettings(t *rapid.T) core.SettingsDoc {
	return core.SettingsDoc(rapid.SampledFrom([]string{``, off, perUser, all, both, `{"factors":["totp"]}`, `{"factors":["totp","email_code"],"requirement":["organization"]}`,
		`{"user_may_disable":"confirm_only"}`, `{"user_may_disable":"no","requirement":["per_user"]}`}).Draw(t, "settings"))
}

func effective(t *rapid.T, line []core.Tenant) policy.Effective {
	e, err := policy.Of(line)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func confirmed(p policy.Person) bool {
	return slices.ContainsFunc(p.Factors, func(f core.Factor) bool {
		return f.State == core.FactorConfirmed && f.Kind != core.FactorRecoveryCode
	})
}

func isShown(s policy.Shown, kinds ...core.FactorKind) bool {
	return slices.ContainsFunc(s.Proofs, func(p core.Proof) bool { return slices.Contains(kinds, p.Kind) })
}

// No way in without the password; none past a confirmed factor or a demand
// without a second proof; none for who does not sign in on pages.
func TestNeverAllowedWithoutWhatIsDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, e, s := anybody(t), effective(t, anyLine(t)), anyShown(t)
		d := policy.Resolve(p, e, s)
		if d.Outcome != policy.Allowed {
			return
		}
		if !isShown(s, core.FactorPassword) {
			t.Fatal("allowed without a password")
		}
		if p.Kind != core.Person || p.Federated {
			t.Fatalf("allowed: kind %s, federated %v", p.Kind, p.Federated)
		}
		second := isShown(s, core.FactorTOTP, core.FactorRecoveryCode)
		if (confirmed(p) || d.Required || s.Anew) && !second {
			t.Fatalf("allowed without a second proof: %+v", d)
		}
		if !second && d.Level != core.LevelPassword || second && d.Level != core.LevelMFA {
			t.Fatalf("allowed at level %q", d.Level)
		}
	})
}

// N-01, decision 7.15: a dead factor never leads to an invitation to enrol in its
// place; only an operator's link (anew) replaces it without its proof.
func TestADeadFactorNeverLeadsToEnrol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, e, s := anybody(t), effective(t, anyLine(t)), anyShown(t)
		p.Factors = append(p.Factors, dead)
		s.Anew = false
		if d := policy.Resolve(p, e, s); d.Outcome == policy.Enrol {
			t.Fatalf("%+v", d)
		}
	})
}

var rank = map[policy.Outcome]int{policy.Allowed: 0, policy.Prove: 1, policy.Enrol: 1, policy.Refused: 2}

// Tightening never loosens: with one more requirement, a lock, or one proof
// less, nobody gets further than before.
func TestTighteningNeverLoosens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, e, s := anybody(t), effective(t, anyLine(t)), anyShown(t)
		before := policy.Resolve(p, e, s)
		_, mayBefore := policy.MayDisable(p, e)

		tighter, less := e, s
		switch rapid.IntRange(0, 2).Draw(t, "tighten") {
		case 0:
			more := rapid.SampledFrom([]core.Requirement{core.RequirePerUser, core.RequireOrganization}).Draw(t, "requirement")
			tighter.Settings.Requirement = append(slices.Clone(e.Settings.Requirement), more)
		case 1:
			tighter.Locked, tighter.LockedBy = true, platform
			tighter.Settings.Requirement = append(slices.Clone(e.Settings.Requirement), core.RequireOrganization)
		case 2:
			if len(s.Proofs) > 0 {
				less.Proofs = s.Proofs[1:]
			}
		}
		after := policy.Resolve(p, tighter, less)
		if rank[after.Outcome] < rank[before.Outcome] {
			t.Fatalf("from %s to %s", before.Outcome, after.Outcome)
		}
		if before.Required && !after.Required {
			t.Fatal("what was required no longer is")
		}
		if _, may := policy.MayDisable(p, tighter); may && !mayBefore {
			t.Fatal("may be switched off where it could not")
		}
	})
}

// The answer depends on nothing else: the same facts, the same answer, and the
// facts stay as they were.
func TestResolveIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, e, s := anybody(t), effective(t, anyLine(t)), anyShown(t)
		factors, proofs := slices.Clone(p.Factors), slices.Clone(s.Proofs)
		a, b := policy.Resolve(p, e, s), policy.Resolve(p, e, s)
		if a.Outcome != b.Outcome || a.Level != b.Level || !slices.Equal(a.Methods, b.Methods) || !slices.Equal(a.Trace, b.Trace) {
			t.Fatalf("%+v and %+v", a, b)
		}
		if !slices.EqualFunc(factors, p.Factors, func(x, y core.Factor) bool { return x.ID == y.ID && x.State == y.State && x.Budget == y.Budget }) || !slices.Equal(proofs, s.Proofs) {
			t.Fatal("the facts were written to")
		}
	})
}

// Whatever somebody wrote on the way down, the shipped locks hold.
func TestShippedLocksHoldWhateverIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := effective(t, anyLine(t))
		o := e.Organisation
		lockedOn := o.Kind == core.Platform || o.Kind == core.Partner && o.Mode == core.Production
		if e.Locked != lockedOn {
			t.Fatalf("%s in %s is locked: %v", o.Kind, o.Mode, e.Locked)
		}
		if !lockedOn {
			return
		}
		if !e.Settings.Requires(core.RequireOrganization) || e.Settings.Offers(core.FactorEmailCode) || !e.Settings.Offers(core.FactorTOTP) {
			t.Fatalf("%+v", e.Settings)
		}
		if d := policy.Resolve(policy.Person{Kind: core.Person}, e, policy.Shown{Proofs: proofs(pwd)}); d.Outcome != policy.Enrol {
			t.Fatalf("a person without a factor there: %s", d.Outcome)
		}
	})
}
