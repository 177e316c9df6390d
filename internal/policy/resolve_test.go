package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

var (
	now      = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	platform = core.Tenant{ID: "tn_root", Organisation: "tn_root", Path: "/tn_root/", Kind: core.Platform, Mode: core.Production, State: core.TenantActive, Name: "Platform", CreatedAt: now}
	customer = core.Tenant{ID: "tn_c", Parent: "tn_root", Organisation: "tn_c", Path: "/tn_root/tn_c/", Kind: core.Customer, Mode: core.Production, State: core.TenantActive, Name: "Customer", CreatedAt: now}
)

// holds are the effective settings of a customer with this document.
func holds(t testing.TB, doc string) policy.Effective {
	t.Helper()
	c := customer
	c.Settings = core.SettingsDoc(doc)
	e, err := policy.Of([]core.Tenant{platform, c})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var (
	app    = core.Factor{ID: "fa_app", Kind: core.FactorTOTP, State: core.FactorConfirmed}
	dead   = core.Factor{ID: "fa_dead", Kind: core.FactorTOTP, State: core.FactorConfirmed, Budget: core.Budget{Consecutive: core.DeadAt}}
	begun  = core.Factor{ID: "fa_new", Kind: core.FactorTOTP, State: core.FactorUnconfirmed}
	spare  = core.Factor{ID: "fa_rc", Kind: core.FactorRecoveryCode, State: core.FactorConfirmed}
	pigeon = core.Factor{ID: "fa_x", Kind: "carrier_pigeon", State: core.FactorConfirmed}
)

func proof(kind core.FactorKind, id core.FactorID) core.Proof {
	return core.Proof{Kind: kind, ID: id, At: now}
}

var (
	pwd      = proof(core.FactorPassword, "")
	code     = proof(core.FactorTOTP, app.ID)
	recovery = proof(core.FactorRecoveryCode, spare.ID)
	mailed   = proof(core.FactorEmailCode, "")
)

func proofs(p ...core.Proof) []core.Proof { return p }

const (
	off     = `{}`
	perUser = `{"requirement":["per_user"]}`
	all     = `{"requirement":["organization"]}`
	both    = `{"requirement":["per_user","organization"]}`
)

func TestResolve(t *testing.T) {
	service := policy.Person{Kind: core.ServiceAccount}
	federated := policy.Person{Kind: core.Person, Federated: true}
	who := func(f ...core.Factor) policy.Person { return policy.Person{Kind: core.Person, Factors: f} }
	enrolled := core.Proof{Kind: core.FactorTOTP, ID: app.ID, At: now, By: policy.ProofEnrolled}
	for _, c := range []struct {
		name     string
		person   policy.Person
		settings string
		shown    policy.Shown
		want     policy.Outcome
		methods  string
		level    core.Level
		required bool
	}{
		{"nothing shown", who(), off, policy.Shown{}, policy.Prove, "[password]", core.LevelNone, false},
		{"nothing shown, required", who(), all, policy.Shown{}, policy.Prove, "[password]", core.LevelNone, true},
		{"off: the password is enough", who(), off, policy.Shown{Proofs: proofs(pwd)}, policy.Allowed, "[]", core.LevelPassword, false},
		{"CAL-01 per user: nobody is forced", who(), perUser, policy.Shown{Proofs: proofs(pwd)}, policy.Allowed, "[]", core.LevelPassword, false},
		{"CAL-07 per user, switched on: asked", who(app), perUser, policy.Shown{Proofs: proofs(pwd)}, policy.Prove, "[totp]", core.LevelPassword, false},
		{"off, but a factor is there: asked", who(app), off, policy.Shown{Proofs: proofs(pwd)}, policy.Prove, "[totp]", core.LevelPassword, false},
		{"required: enrol", who(), all, policy.Shown{Proofs: proofs(pwd)}, policy.Enrol, "[totp]", core.LevelPassword, true},
		{"required and per user: enrol", who(), both, policy.Shown{Proofs: proofs(pwd)}, policy.Enrol, "[totp]", core.LevelPassword, true},
		{"required, begun is not there yet", who(begun), all, policy.Shown{Proofs: proofs(pwd)}, policy.Enrol, "[totp]", core.LevelPassword, true},
		{"required, there", who(app), all, policy.Shown{Proofs: proofs(pwd)}, policy.Prove, "[totp]", core.LevelPassword, true},
		{"CAL-08 code", who(app, spare), all, policy.Shown{Proofs: proofs(pwd, code)}, policy.Allowed, "[]", core.LevelMFA, true},
		{"CAL-08 recovery code", who(app, spare), all, policy.Shown{Proofs: proofs(pwd, recovery)}, policy.Allowed, "[]", core.LevelMFA, true},
		{"CAL-09 a code without the password", who(app), all, policy.Shown{Proofs: proofs(code)}, policy.Prove, "[password]", core.LevelNone, true},
		{"N-01 dead: neither proves nor counts as missing", who(dead), all, policy.Shown{Proofs: proofs(pwd)}, policy.Prove, "[totp]", core.LevelPassword, true},
		{"N-01 dead, not required", who(dead), off, policy.Shown{Proofs: proofs(pwd)}, policy.Prove, "[totp]", core.LevelPassword, false},
		{"a recovery code alone is no second factor to ask for", who(spare), all, policy.Shown{Proofs: proofs(pwd)}, policy.Enrol, "[totp]", core.LevelPassword, true},
		{"a factor of a kind that is not known is asked for", who(pigeon), off, policy.Shown{Proofs: proofs(pwd)}, policy.Prove, "[carrier_pigeon]", core.LevelPassword, false},
		{"a proof of a kind that is not known is none", who(app), off, policy.Shown{Proofs: proofs(pwd, proof("carrier_pigeon", "fa_x"))}, policy.Prove, "[totp]", core.LevelPassword, false},
		{"N-04 a code by mail is no second factor here", who(app), off, policy.Shown{Proofs: proofs(pwd, mailed)}, policy.Prove, "[totp]", core.LevelPassword, false},
		{"service account", service, off, policy.Shown{Proofs: proofs(pwd)}, policy.Refused, "[]", core.LevelPassword, false},
		{"service account with a code", service, all, policy.Shown{Proofs: proofs(pwd, code)}, policy.Refused, "[]", core.LevelMFA, false},
		{"federated", federated, off, policy.Shown{Proofs: proofs(pwd)}, policy.Refused, "[]", core.LevelPassword, false},
		{"anew: what is there does not count", who(app), off, policy.Shown{Proofs: proofs(pwd, code), Anew: true}, policy.Enrol, "[totp]", core.LevelMFA, false},
		{"anew: a recovery code neither", who(app, spare), off, policy.Shown{Proofs: proofs(pwd, recovery), Anew: true}, policy.Enrol, "[totp]", core.LevelMFA, false},
		{"anew: enrolled now", who(app), off, policy.Shown{Proofs: proofs(pwd, enrolled), Anew: true}, policy.Allowed, "[]", core.LevelMFA, false},
		{"anew: enrolled and revoked since", who(), off, policy.Shown{Proofs: proofs(pwd, enrolled), Anew: true}, policy.Enrol, "[totp]", core.LevelMFA, false},
		{"anew: without a password", who(app), off, policy.Shown{Proofs: proofs(enrolled), Anew: true}, policy.Prove, "[password]", core.LevelNone, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := policy.Resolve(policy.Facts{Now: now, Person: c.person, Effective: holds(t, c.settings), Shown: c.shown})
			if d.Outcome != c.want || fmt.Sprint(d.Methods) != c.methods || d.Level != c.level || d.Required != c.required {
				t.Errorf("%s %v, level %q, required %v; want %s %s, %q, %v", d.Outcome, d.Methods, d.Level, d.Required, c.want, c.methods, c.level, c.required)
			}
		})
	}
}

// The trace names each rule, in order, and why it did not apply; what was decided
// before a rule was asked says so.
func TestResolveExplains(t *testing.T) {
	d := policy.Resolve(policy.Facts{Now: now, Person: policy.Person{Kind: core.Person}, Effective: holds(t, all), Shown: policy.Shown{Proofs: proofs(pwd)}})
	order := []string{"service_account", "federated", "login_networks", "disabling", "platform_lock", "ancestor_lock", "organization", "required_level",
		"selected_apps", "app_level", "own_choice", "trusted_browser", "temporary_pass", "new_user_window", "grace", "enrol_proof"}
	if !slices.Equal(policy.Rules(), order) || len(d.Trace) != len(order) {
		t.Fatalf("%v, %+v", policy.Rules(), d.Trace)
	}
	for i, s := range d.Trace {
		if s.Rule != order[i] || !slices.Contains(policy.Reasons, s.Why) || s.Applied != (s.Rule == "organization") {
			t.Errorf("step %d: %+v", i, s)
		}
	}
	if d.By.ID != customer.ID || len(d.Reasons()) != 1 || d.Reasons()[0].From.ID != customer.ID {
		t.Errorf("demanded by %s, reasons %+v", d.By.ID, d.Reasons())
	}
	d = policy.Resolve(policy.Facts{Now: now, Person: policy.Person{Kind: core.ServiceAccount}, Effective: holds(t, all)})
	if len(d.Trace) != len(order) || !d.Trace[0].Applied {
		t.Errorf("%+v", d.Trace)
	}
	for _, s := range d.Trace[1:] {
		if s.Applied || s.Why != policy.WhySettled || s.Params["rule"] != "service_account" {
			t.Errorf("after a refusal: %+v", s)
		}
	}
}

// N-05, N-11, DS-02: what proofs amount to, every pair of kinds.
func TestLevelOfEveryPairN05(t *testing.T) {
	second := map[core.FactorKind]bool{core.FactorTOTP: true, core.FactorRecoveryCode: true}
	kinds := []core.FactorKind{core.FactorPassword, core.FactorTOTP, core.FactorRecoveryCode, core.FactorEmailCode, "trusted_browser", ""}
	for _, a := range kinds {
		for _, b := range kinds {
			want := core.LevelNone
			password := a == core.FactorPassword || b == core.FactorPassword
			switch {
			case password && (second[a] || second[b]):
				want = core.LevelMFA
			case password:
				want = core.LevelPassword
			}
			if got := policy.LevelOf(proofs(proof(a, ""), proof(b, ""))); got != want {
				t.Errorf("%s and %s amount to %q, want %q", a, b, got, want)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	user := func(s core.UserState) core.User { return core.User{Kind: core.Person, State: s} }
	for _, c := range []struct {
		name     string
		user     core.User
		factors  []core.Factor
		settings string
		want     core.MFAStatus
	}{
		{"service account", core.User{Kind: core.ServiceAccount, State: core.UserActive}, []core.Factor{app}, all, core.MFAServiceAccount},
		{"federated", core.User{Kind: core.Person, Federated: true, State: core.UserActive}, nil, all, core.MFANotApplicable},
		{"pending", user(core.UserInvited), nil, all, core.MFAPendingValidation},
		{"enabled", user(core.UserActive), []core.Factor{app, spare}, off, core.MFAEnabled},
		{"enabled, but dead", user(core.UserActive), []core.Factor{dead}, all, core.MFAEnabled},
		{"setup required", user(core.UserValidated), []core.Factor{begun}, all, core.MFASetupRequired},
		{"a recovery code alone", user(core.UserActive), []core.Factor{spare}, all, core.MFASetupRequired},
		{"disabled", user(core.UserActive), nil, perUser, core.MFADisabled},
		{"off", user(core.UserActive), nil, off, core.MFADisabled},
	} {
		if got := policy.Status(policy.PersonOf(c.user, c.factors), holds(t, c.settings)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The three values of user_may_disable, and none of them while a rule demands a
// second factor.
func TestMayDisable(t *testing.T) {
	p := policy.Person{Kind: core.Person, Factors: []core.Factor{app}}
	for _, c := range []struct {
		settings string
		how      string
		ok       bool
	}{
		{`{"requirement":["per_user"]}`, core.DisableSecondFactor, true},
		{`{"requirement":["per_user"],"user_may_disable":"confirm_only"}`, core.DisableConfirmOnly, true},
		{`{"requirement":["per_user"],"user_may_disable":"no"}`, core.DisableNo, false},
		{`{"user_may_disable":"confirm_only"}`, core.DisableConfirmOnly, true},
		{`{"requirement":["organization"],"user_may_disable":"confirm_only"}`, core.DisableNo, false},
		{`{"requirement":["organization","per_user"],"user_may_disable":"second_factor"}`, core.DisableNo, false},
		{`{"requirement":["per_user"],"user_may_disable":"whenever"}`, "whenever", false}, // unknown means deny
	} {
		if how, ok := policy.MayDisable(p, holds(t, c.settings)); how != c.how || ok != c.ok {
			t.Errorf("%s: %s, %v", c.settings, how, ok)
		}
	}
}

func TestMayOptIn(t *testing.T) {
	p := policy.Person{Kind: core.Person}
	for _, c := range []struct {
		settings string
		admin    bool
		want     bool
	}{{off, false, false}, {off, true, true}, {perUser, false, true}, {all, false, true}, {both, false, true}} {
		if got := policy.MayOptIn(p, holds(t, c.settings), c.admin); got != c.want {
			t.Errorf("%s, administrator %v: %v", c.settings, c.admin, got)
		}
	}
}
