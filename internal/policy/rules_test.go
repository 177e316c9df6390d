package policy_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// under are the effective settings of a customer below a partner that holds locks.
func under(t testing.TB, locks, doc string) policy.Effective {
	t.Helper()
	p := core.Tenant{ID: "tn_p", Organisation: "tn_p", Path: "/tn_root/tn_p/", Kind: core.Partner, Mode: core.Production, State: core.TenantActive, Name: "Partner",
		Locks: core.SettingsDoc(locks), CreatedAt: ago(50)}
	c := customer
	c.Settings = core.SettingsDoc(doc)
	e, err := policy.Of([]core.Tenant{platform, p, c})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func stamped(doc string, days int) string {
	d, err := core.SettingsDoc(doc).Stamped(core.Stamp{At: ago(days), By: "us_1"}, core.SettingsDoc(doc).Keys()...)
	if err != nil {
		panic(err)
	}
	return string(d)
}

// asked is one line of a table: what a person meets, and why.
type asked struct {
	name   string
	e      policy.Effective
	person policy.Person
	shown  policy.Shown
	app    policy.App
	want   policy.Outcome
	level  core.Level
	rule   string // whose answer is looked at
	why    string
}

func ask(t *testing.T, table []asked) {
	t.Helper()
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			if c.person.Kind == "" {
				c.person.Kind = core.Person
			}
			d := policy.Resolve(policy.Facts{Now: now, Person: c.person, Effective: c.e, App: c.app, Shown: c.shown})
			if d.Outcome != c.want || d.Level != c.level {
				t.Errorf("%s at %q, want %s at %q", d.Outcome, d.Level, c.want, c.level)
			}
			for _, s := range d.Trace {
				if s.Rule == c.rule {
					if s.Why != c.why {
						t.Errorf("%s says %s, want %s", s.Rule, s.Why, c.why)
					}
					return
				}
			}
			t.Errorf("no rule %q", c.rule)
		})
	}
}

func trusts(days int) core.Proof {
	return core.Proof{Kind: core.FactorTrustedBrowser, ID: "br_1", At: ago(days)}
}

// voided are settings whose trust in browsers was switched off and on some days ago.
func voided(e policy.Effective, days int) policy.Effective {
	e.TrustSince = ago(days)
	return e
}

var mine = policy.Person{Kind: core.Person, Factors: []core.Factor{app, spare}}

// Row ACR-15, N-11, decision 7.10: a trusted browser excuses where the organisation
// is content with it, for as long as it says, and the level tells the truth.
func TestTrustedBrowser(t *testing.T) {
	content := func(more string) policy.Effective {
		return holds(t, `{"requirement":["organization"],"challenge":"untrusted_browser"`+more+`}`)
	}
	with := policy.Shown{Proofs: proofs(pwd, trusts(3))}
	ask(t, []asked{
		{"excused", content(``), mine, with, policy.App{}, policy.Allowed, core.LevelTrustedBrowser, "trusted_browser", policy.WhyTrusted},
		{"another browser", content(``), mine, policy.Shown{Proofs: proofs(pwd)}, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyNotTrusted},
		{"without the password", content(``), mine, policy.Shown{Proofs: proofs(trusts(3))}, policy.App{}, policy.Prove, core.LevelNone, "trusted_browser", policy.WhyTrusted},
		{"the day before it is over", content(``), mine, policy.Shown{Proofs: proofs(pwd, trusts(13))}, policy.App{}, policy.Allowed, core.LevelTrustedBrowser, "trusted_browser", policy.WhyTrusted},
		{"over", content(``), mine, policy.Shown{Proofs: proofs(pwd, trusts(14))}, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyTrustOver},
		{"shortened meanwhile", content(`,"trusted_browser":{"days":2}`), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyTrustOver},
		{"no expiry", content(`,"trusted_browser":"no_expiry"`), mine, policy.Shown{Proofs: proofs(pwd, trusts(4000))}, policy.App{}, policy.Allowed, core.LevelTrustedBrowser, "trusted_browser", policy.WhyTrusted},
		{"off and on again since", voided(content(``), 2), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyTrustVoid},
		{"trusted after that", voided(content(``), 4), mine, with, policy.App{}, policy.Allowed, core.LevelTrustedBrowser, "trusted_browser", policy.WhyTrusted},
		{"off", content(`,"trusted_browser":"off"`), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyTrustOff},
		{"a mode that nobody knows", content(`,"trusted_browser":"by_moonlight"`), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyTrustOff},
		{"asked always", holds(t, all), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyAskedAlways},
		{"risk acts as always", holds(t, `{"challenge":"risk"}`), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyAskedAlways},
		{"a lock asks always", under(t, `{"challenge":"always"}`, `{"challenge":"untrusted_browser"}`), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyAskedAlways},
		{"a level is asked", content(`,"required_level":"mfa"`), mine, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyLevelAsked},
		{"the app asks for a level", content(``), mine, with, policy.App{ID: "ap_1", RequiredLevel: core.LevelMFA}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyLevelAsked},
		{"the app is content", content(``), mine, with, policy.App{ID: "ap_1", RequiredLevel: core.LevelTrustedBrowser}, policy.Allowed, core.LevelTrustedBrowser, "trusted_browser", policy.WhyTrusted},
		{"it replaces no setup", content(``), policy.Person{}, with, policy.App{}, policy.Enrol, core.LevelPassword, "trusted_browser", policy.WhyNothingToExcuse},
		{"nor an operator's link", content(``), mine, policy.Shown{Proofs: with.Proofs, Anew: true}, policy.App{}, policy.Enrol, core.LevelPassword, "trusted_browser", policy.WhyAnew},
		{"7.15: nor a dead factor", content(``), policy.Person{Factors: []core.Factor{dead}}, with, policy.App{}, policy.Prove, core.LevelPassword, "trusted_browser", policy.WhyFactorDead},
		{"a code is more", content(``), mine, policy.Shown{Proofs: proofs(pwd, trusts(3), code)}, policy.App{}, policy.Allowed, core.LevelMFA, "trusted_browser", policy.WhyTrusted},
	})
}

// Decision 6, enforce_at and new_user_window; decision 7.5.
func TestWaiting(t *testing.T) {
	grace := `{"requirement":["organization"],"enforce_at":{"grace":{"days":14,"skips":3}},"new_user_window":{"days":0}}`
	window := `{"requirement":["organization"]}`
	old := policy.Person{Kind: core.Person, ValidatedAt: ago(300), AwakeAt: ago(1)}
	fresh := policy.Person{Kind: core.Person, ValidatedAt: ago(3), AwakeAt: ago(3)}
	skipped := func(n int) policy.Person { p := old; p.Skips = n; return p }
	of := func(days int, p policy.Person) policy.Person { p.SkipsSince = ago(days); return p }
	for _, c := range []struct {
		name    string
		doc     string
		since   int
		person  policy.Person
		want    policy.Outcome
		until   int // days from now; of MaySkip
		left    int
		counted bool
	}{
		{"next sign-in", window, 1, old, policy.Enrol, 0, 0, false},
		{"revoke now is due at once, too", `{"requirement":["organization"],"enforce_at":"revoke_now"}`, 1, old, policy.Enrol, 0, 0, false},
		{"a mode that nobody knows", `{"requirement":["organization"],"enforce_at":"some_day"}`, 1, old, policy.Enrol, 0, 0, false},
		{"grace, never skipped", grace, 4, old, policy.MaySkip, 10, 3, true},
		{"grace, the last skip", grace, 4, skipped(2), policy.MaySkip, 10, 1, true},
		{"grace, no skips left", grace, 4, skipped(3), policy.Enrol, 0, 0, false},
		{"grace, no skips left of this very demand", grace, 4, of(4, skipped(3)), policy.Enrol, 0, 0, false},
		{"grace, skips of an earlier demand do not count", grace, 4, of(40, skipped(3)), policy.MaySkip, 10, 3, true},
		{"grace over", grace, 14, old, policy.Enrol, 0, 0, false},
		{"a new person", window, 100, fresh, policy.MaySkip, 4, -1, false},
		{"not so new", window, 100, policy.Person{Kind: core.Person, ValidatedAt: ago(7)}, policy.Enrol, 0, 0, false},
		{"never validated", window, 100, policy.Person{Kind: core.Person}, policy.Enrol, 0, 0, false},
		{"new, and grace lasts longer", `{"requirement":["organization"],"enforce_at":{"grace":{"days":30,"skips":2}}}`, 1, fresh, policy.MaySkip, 29, 2, false},
		{"new, and grace is shorter", `{"requirement":["organization"],"enforce_at":{"grace":{"days":2,"skips":2}}}`, 1, fresh, policy.MaySkip, 4, -1, false},
		{"no time for new people", `{"requirement":["organization"],"new_user_window":{"days":0}}`, 100, fresh, policy.Enrol, 0, 0, false},
		{"not required, nothing waits", `{"requirement":["per_user"]}`, 1, fresh, policy.Allowed, 0, 0, false},
		{"a level waits like the rest", `{"requirement":["per_user"],"required_level":"mfa","enforce_at":{"grace":{"days":14,"skips":3}}}`, 4, old, policy.MaySkip, 10, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := holds(t, stamped(c.doc, c.since))
			facts := policy.Facts{Now: now, Person: c.person, Effective: e, Shown: policy.Shown{Proofs: proofs(pwd), Skip: false}}
			d := policy.Resolve(facts)
			if d.Outcome != c.want {
				t.Fatalf("%s, want %s: %+v", d.Outcome, c.want, d)
			}
			facts.Shown.Skip = true
			put := policy.Resolve(facts)
			if c.want != policy.MaySkip {
				if put.Outcome != c.want || put.Skipped {
					t.Errorf("it was put off: %+v", put)
				}
				return
			}
			if until := now.AddDate(0, 0, c.until); !d.DueAt.Equal(until) || d.SkipsLeft != c.left || d.Counted != c.counted || len(d.Methods) == 0 {
				t.Errorf("until %v, left %d, counted %v; want %v, %d, %v", d.DueAt, d.SkipsLeft, d.Counted, until, c.left, c.counted)
			}
			if put.Outcome != policy.Allowed || put.Level != core.LevelPassword || !put.Skipped || put.Counted != c.counted || c.counted && !put.CountedSince.Equal(ago(c.since).Truncate(time.Microsecond)) {
				t.Errorf("put off: %+v", put)
			}
			if s := policy.Standing(c.person, e, now); s.Status != core.MFASetupRequired || !s.DueAt.Equal(d.DueAt) || s.SkipsLeft != d.SkipsLeft {
				t.Errorf("standing %+v", s)
			}
		})
	}
}

// Decision 7.5, rows WBX-03, WBX-05: due when a selected app is opened, offered
// otherwise; the organisation's word and the app's own level come on top.
func TestApps(t *testing.T) {
	selected := holds(t, `{"requirement":["selected_apps"],"selected_apps":["ap_1"]}`)
	open := policy.App{ID: "ap_1"}
	with := policy.Shown{Proofs: proofs(pwd)}
	skip := policy.Shown{Proofs: proofs(pwd), Skip: true}
	ask(t, []asked{
		{"opens it", selected, policy.Person{}, with, open, policy.Enrol, core.LevelPassword, "selected_apps", policy.WhyAppSelected},
		{"cannot put it off", selected, policy.Person{ValidatedAt: now}, skip, open, policy.Enrol, core.LevelPassword, "new_user_window", policy.WhyDueForApp},
		{"opens another", selected, policy.Person{}, with, policy.App{ID: "ap_2"}, policy.MaySkip, core.LevelPassword, "selected_apps", policy.WhyOffered},
		{"opens none", selected, policy.Person{}, with, policy.App{}, policy.MaySkip, core.LevelPassword, "grace", policy.WhyOnlyOffered},
		{"puts it off", selected, policy.Person{}, skip, policy.App{}, policy.Allowed, core.LevelPassword, "selected_apps", policy.WhyOffered},
		{"has one", selected, mine, with, open, policy.Prove, core.LevelPassword, "own_choice", policy.WhyFactorConfirmed},
		{"none selected", holds(t, `{"requirement":["selected_apps"]}`), policy.Person{}, with, open, policy.Allowed, core.LevelPassword, "selected_apps", policy.WhyNoAppSelected},
		{"the mode is off", holds(t, `{"requirement":["per_user"],"selected_apps":["ap_1"]}`), policy.Person{}, with, open, policy.Allowed, core.LevelPassword, "selected_apps", policy.WhyNotForApps},
		{"and the organisation", holds(t, `{"requirement":["selected_apps","organization"],"selected_apps":["ap_1"]}`), policy.Person{}, with, policy.App{}, policy.Enrol, core.LevelPassword, "organization", policy.WhyOfEverybody},
		{"the app's own level", holds(t, off), policy.Person{}, skip, policy.App{ID: "ap_9", RequiredLevel: core.LevelMFA}, policy.Enrol, core.LevelPassword, "app_level", policy.WhyAppLevel},
		{"the password is enough", holds(t, off), policy.Person{}, with, policy.App{ID: "ap_9", RequiredLevel: core.LevelPassword}, policy.Allowed, core.LevelPassword, "app_level", policy.WhyPasswordIsEnough},
		{"a level that nobody reaches", holds(t, off), mine, policy.Shown{Proofs: proofs(pwd, code)}, policy.App{ID: "ap_9", RequiredLevel: core.LevelPhishingResistant}, policy.Refused, core.LevelMFA, "app_level", policy.WhyAppLevel},
		{"nor knows", holds(t, off), mine, policy.Shown{Proofs: proofs(pwd, code)}, policy.App{ID: "ap_9", RequiredLevel: "aal4"}, policy.Refused, core.LevelMFA, "app_level", policy.WhyAppLevel},
	})
	// Decision 4: who used a selected app lately counts as asked.
	p := policy.Person{Kind: core.Person, State: core.UserActive}
	if s := policy.Standing(p, selected, now); s.Status != core.MFADisabled || s.Required {
		t.Errorf("used none: %+v", s)
	}
	p.AppsUsed = []core.AppID{"ap_1"}
	if s := policy.Standing(p, selected, now); s.Status != core.MFASetupRequired || !s.DueAt.IsZero() {
		t.Errorf("used one: %+v", s)
	}
}

// Decision 6, required_level; also per role.
func TestRequiredLevel(t *testing.T) {
	with := policy.Shown{Proofs: proofs(pwd)}
	everybody, admins := `{"requirement":["per_user"],"required_level":"mfa"}`, `{"requirement":["per_user"],"required_level":{"customer_admin":"mfa"}}`
	user := policy.Person{RolesKnown: true}
	admin := policy.Person{RolesKnown: true, Roles: []core.Role{core.CustomerAdmin}}
	ask(t, []asked{
		{"of everybody", holds(t, everybody), user, with, policy.App{}, policy.Enrol, core.LevelPassword, "required_level", policy.WhyLevel},
		{"sleeps while MFA is off", holds(t, `{"required_level":"mfa"}`), user, with, policy.App{}, policy.Allowed, core.LevelPassword, "required_level", policy.WhyMFAOff},
		{"of administrators", holds(t, admins), admin, with, policy.App{}, policy.Enrol, core.LevelPassword, "required_level", policy.WhyLevel},
		{"not of others", holds(t, admins), user, with, policy.App{}, policy.Allowed, core.LevelPassword, "required_level", policy.WhyNoLevel},
		{"roles not known", holds(t, admins), policy.Person{}, with, policy.App{}, policy.Enrol, core.LevelPassword, "required_level", policy.WhyLevel},
		{"by a lock", under(t, `{"required_level":"mfa"}`, perUser), user, with, policy.App{}, policy.Enrol, core.LevelPassword, "required_level", policy.WhyLevel},
		{"none that this program reaches", holds(t, `{"requirement":["per_user"],"required_level":"phishing_resistant"}`), user, with, policy.App{}, policy.Refused, core.LevelPassword, "required_level", policy.WhyLevel},
	})
	d := policy.Resolve(policy.Facts{Now: now, Person: policy.Person{Kind: core.Person, RolesKnown: true}, Effective: under(t, `{"required_level":"mfa"}`, perUser), Shown: with})
	if d.By.ID != "tn_p" {
		t.Errorf("demanded by %s, and a partner's lock is the reason", d.By.ID)
	}
}

// Decision 5: the highest word comes first; what holds and by whom is told.
func TestOrderOfDemands(t *testing.T) {
	with := policy.Shown{Proofs: proofs(pwd)}
	org := `{"requirement":["organization"]}`
	root := platform
	root.Locks = core.SettingsDoc(stamped(org, 9))
	c := customer
	c.Settings = core.SettingsDoc(stamped(org, 20))
	e, err := policy.Of([]core.Tenant{root, c})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name  string
		e     policy.Effective
		by    core.TenantID
		since time.Time
		trace map[string]string
	}{
		{"the platform's lock", e, "tn_root", ago(9), map[string]string{"platform_lock": policy.WhyLocked, "organization": policy.WhyOfEverybody}},
		{"a partner's lock", under(t, stamped(org, 3), off), "tn_p", ago(3), map[string]string{"platform_lock": policy.WhyNoPlatformLock, "ancestor_lock": policy.WhyLocked, "organization": policy.WhyLockSaysSo}},
		{"the organisation", holds(t, stamped(org, 5)), "tn_c", ago(5), map[string]string{"ancestor_lock": policy.WhyNoAncestorLock, "organization": policy.WhyOfEverybody}},
		{"a lock on another switch", under(t, `{"requirement":["per_user"]}`, stamped(org, 5)), "tn_c", ago(5), map[string]string{"ancestor_lock": policy.WhyLockIsNotOnAll}},
	} {
		d := policy.Resolve(policy.Facts{Now: now, Person: policy.Person{Kind: core.Person}, Effective: x.e, Shown: with})
		if d.By.ID != x.by || !d.Since.Equal(x.since) || !d.Required {
			t.Errorf("%s: by %s since %v", x.name, d.By.ID, d.Since)
		}
		for _, s := range d.Trace {
			if why, ok := x.trace[s.Rule]; ok && s.Why != why {
				t.Errorf("%s: %s says %s, want %s", x.name, s.Rule, s.Why, why)
			}
		}
	}
}

// Row ACR-30: who comes from elsewhere is refused, whoever it is.
func TestLoginNetworks(t *testing.T) {
	e := holds(t, `{"login_networks":["192.0.2.0/24","2001:db8::/32"]}`)
	from := func(a string) policy.Shown {
		s := policy.Shown{Proofs: proofs(pwd)}
		if a != "" {
			s.Address = netip.MustParseAddr(a)
		}
		return s
	}
	ask(t, []asked{
		{"inside", e, policy.Person{}, from("192.0.2.7"), policy.App{}, policy.Allowed, core.LevelPassword, "login_networks", policy.WhyInsideNetworks},
		{"inside, mapped", e, policy.Person{}, from("::ffff:192.0.2.7"), policy.App{}, policy.Allowed, core.LevelPassword, "login_networks", policy.WhyInsideNetworks},
		{"inside, with a zone", e, policy.Person{}, from("2001:db8::1%eth0"), policy.App{}, policy.Allowed, core.LevelPassword, "login_networks", policy.WhyInsideNetworks},
		{"outside", e, policy.Person{}, from("198.51.100.1"), policy.App{}, policy.Refused, core.LevelPassword, "login_networks", policy.WhyOutsideNetworks},
		{"with a code", e, mine, policy.Shown{Proofs: proofs(pwd, code), Address: netip.MustParseAddr("198.51.100.1")}, policy.App{}, policy.Refused, core.LevelMFA, "own_choice", policy.WhySettled},
		{"unknown", e, policy.Person{}, from(""), policy.App{}, policy.Refused, core.LevelPassword, "login_networks", policy.WhyOutsideNetworks},
		{"no list", holds(t, off), policy.Person{}, from(""), policy.App{}, policy.Allowed, core.LevelPassword, "login_networks", policy.WhyEveryNetwork},
	})
}

// Rows ACR-19, ACR-21, ACR-23, decision 7.17: a program comes in by its own door,
// untouched by enforcement, and a person never does.
func TestServiceAccounts(t *testing.T) {
	prog := policy.Person{Kind: core.ServiceAccount}
	basic := policy.Shown{Door: policy.Basic, Proofs: proofs(pwd), Address: netip.MustParseAddr("192.0.2.7")}
	fenced, old := prog, prog
	fenced.Networks = core.Networks{netip.MustParsePrefix("198.51.100.0/24")}
	old.ExpiresAt = now
	ask(t, []asked{
		{"at its door", holds(t, all), prog, basic, policy.App{}, policy.Allowed, core.LevelPassword, "service_account", policy.WhyServiceAccount},
		{"the rest is not asked", holds(t, all), prog, basic, policy.App{}, policy.Allowed, core.LevelPassword, "organization", policy.WhySettled},
		{"without its password", holds(t, all), prog, policy.Shown{Door: policy.Basic}, policy.App{}, policy.Prove, core.LevelNone, "service_account", policy.WhyServiceAccount},
		{"on pages", holds(t, off), prog, policy.Shown{Proofs: proofs(pwd)}, policy.App{}, policy.Refused, core.LevelPassword, "service_account", policy.WhyNotOnPages},
		{"outside its networks", holds(t, off), fenced, basic, policy.App{}, policy.Refused, core.LevelPassword, "service_account", policy.WhyOutsideNetworks},
		{"outside the organisation's", holds(t, `{"login_networks":["198.51.100.0/24"]}`), prog, basic, policy.App{}, policy.Refused, core.LevelPassword, "login_networks", policy.WhyOutsideNetworks},
		{"expired", holds(t, off), old, basic, policy.App{}, policy.Refused, core.LevelPassword, "service_account", policy.WhyExpired},
		{"a person there", holds(t, off), policy.Person{}, basic, policy.App{}, policy.Refused, core.LevelPassword, "service_account", policy.WhyPersonAtBasic},
		{"a person with a code", holds(t, off), mine, policy.Shown{Door: policy.Basic, Proofs: proofs(pwd, code)}, policy.App{}, policy.Refused, core.LevelMFA, "service_account", policy.WhyPersonAtBasic},
		{"a federated one", holds(t, off), policy.Person{Kind: core.ServiceAccount, Federated: true}, basic, policy.App{}, policy.Refused, core.LevelPassword, "federated", policy.WhyFederated},
		{"no such door", holds(t, off), prog, policy.Shown{Door: "window", Proofs: proofs(pwd)}, policy.App{}, policy.Refused, core.LevelPassword, "service_account", policy.WhyNotOnPages},
	})
}

// Decision 7.7: while factors are being taken away the password is enough, and
// nobody sets one up.
func TestWhileFactorsAreTakenAway(t *testing.T) {
	c := customer
	c.Settings, c.MFAState = core.SettingsDoc(off), core.MFADisabling
	e, err := policy.Of([]core.Tenant{platform, c})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, []asked{
		{"with a factor", e, mine, policy.Shown{Proofs: proofs(pwd)}, policy.App{}, policy.Allowed, core.LevelPassword, "own_choice", policy.WhyDisabling},
		{"with a dead one", e, policy.Person{Factors: []core.Factor{dead}}, policy.Shown{Proofs: proofs(pwd)}, policy.App{}, policy.Allowed, core.LevelPassword, "disabling", policy.WhyDisabling},
		{"without the password", e, mine, policy.Shown{}, policy.App{}, policy.Prove, core.LevelNone, "disabling", policy.WhyDisabling},
		{"an app that asks for more waits", e, mine, policy.Shown{Proofs: proofs(pwd)}, policy.App{ID: "ap_1", RequiredLevel: core.LevelMFA}, policy.Refused, core.LevelPassword, "app_level", policy.WhyAppLevel},
		{"or gets it", e, mine, policy.Shown{Proofs: proofs(pwd, code)}, policy.App{ID: "ap_1", RequiredLevel: core.LevelMFA}, policy.Allowed, core.LevelMFA, "app_level", policy.WhyAppLevel},
	})
	if got := policy.Offered(mine, e); len(got) != 0 {
		t.Errorf("%v can be set up", got)
	}
	if policy.MayOptIn(policy.Person{Kind: core.Person}, e, true) {
		t.Error("an administrator may set one up")
	}
	if s := policy.Standing(mine, e, now); s.Status != core.MFADisabled {
		t.Errorf("status %s", s.Status)
	}
	// A state that nobody knows asks as ever.
	e.MFA = "wobbling"
	if d := policy.Resolve(at(mine, e, policy.Shown{Proofs: proofs(pwd)})); d.Outcome != policy.Prove {
		t.Errorf("%s", d.Outcome)
	}
}

// Decision 7.19: a temporary pass lets its bearer set a factor up, and nothing else.
func TestTemporaryPass(t *testing.T) {
	pass := core.Proof{Kind: core.FactorTemporaryPass, At: now}
	fresh := core.Proof{Kind: core.FactorTOTP, ID: app.ID, By: policy.ProofEnrolled, At: now}
	proofLate := `{"requirement":["organization"],"enrol_proof":"always_mail"}`
	mailed := policy.Person{Kind: core.Person, HasMail: true}
	ask(t, []asked{
		{"in place of what is lost", holds(t, all), mine, policy.Shown{Proofs: proofs(pwd, pass)}, policy.App{}, policy.Enrol, core.LevelPassword, "temporary_pass", policy.WhyPass},
		{"of a dead one", holds(t, all), policy.Person{Factors: []core.Factor{dead}}, policy.Shown{Proofs: proofs(pwd, pass)}, policy.App{}, policy.Enrol, core.LevelPassword, "temporary_pass", policy.WhyPass},
		{"then they are in", holds(t, all), mine, policy.Shown{Proofs: proofs(pwd, pass, fresh)}, policy.App{}, policy.Allowed, core.LevelMFA, "temporary_pass", policy.WhyPass},
		{"alone it opens nothing", holds(t, all), mine, policy.Shown{Proofs: proofs(pass)}, policy.App{}, policy.Prove, core.LevelNone, "temporary_pass", policy.WhyPass},
		{"as the first", holds(t, proofLate), mailed, policy.Shown{Proofs: proofs(pwd, pass)}, policy.App{}, policy.Enrol, core.LevelPassword, "enrol_proof", policy.WhyPass},
		{"where nothing is due", holds(t, off), policy.Person{}, policy.Shown{Proofs: proofs(pwd, pass)}, policy.App{}, policy.Allowed, core.LevelPassword, "temporary_pass", policy.WhyNothingToSetUp},
	})
	if policy.Second(pass) || policy.Second(trusts(0)) || policy.Second(pwd) || !policy.Second(code) || !policy.Second(recovery) || policy.Second(core.Proof{Kind: "carrier_pigeon"}) {
		t.Error("a pass or a browser counts as a second factor, or a code does not")
	}
}

// Setting enrol_proof, for the door and for the security page.
func TestMailFirst(t *testing.T) {
	away := policy.Person{Kind: core.Person, HasMail: true, AwakeAt: ago(31)}
	here := policy.Person{Kind: core.Person, HasMail: true, AwakeAt: ago(30)}
	none := policy.Person{Kind: core.Person, AwakeAt: ago(31)}
	for _, c := range []struct {
		name    string
		setting string
		person  policy.Person
		shown   policy.Shown
		want    bool
	}{
		{"long away, unknown browser", "known_browser_or_mail", away, policy.Shown{}, true},
		{"long away, known browser", "known_browser_or_mail", away, policy.Shown{KnownBrowser: true}, false},
		{"here lately", "known_browser_or_mail", here, policy.Shown{}, false},
		{"shown already", "known_browser_or_mail", away, policy.Shown{MailProved: true}, false},
		{"always", "always_mail", here, policy.Shown{KnownBrowser: true}, true},
		{"what nobody knows asks", "by_pigeon", here, policy.Shown{KnownBrowser: true}, true},
		{"none", "none", away, policy.Shown{}, false},
		{"no mailbox", "always_mail", none, policy.Shown{}, false},
		{"not the first factor", "always_mail", policy.Person{Kind: core.Person, HasMail: true, Factors: []core.Factor{app}}, policy.Shown{}, false},
		{"an operator's link", "always_mail", away, policy.Shown{Anew: true}, false},
	} {
		e := holds(t, fmt.Sprintf(`{"requirement":["organization"],"enrol_proof":%q}`, c.setting))
		if got := policy.MailFirst(at(c.person, e, c.shown)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		shown := c.shown
		shown.Proofs = proofs(pwd)
		d := policy.Resolve(at(c.person, e, shown))
		if d.Outcome == policy.Enrol && d.MailFirst != c.want {
			t.Errorf("%s: at the door %v", c.name, d.MailFirst)
		}
	}
	// Where nothing is required it is asked of whoever sets one up all the same.
	if !policy.MailFirst(at(away, holds(t, perUser), policy.Shown{})) {
		t.Error("of one's own choice: the mailbox is not asked for")
	}
}

// Decision 6: never for who administers the platform or a partner, nor where that
// is not known.
func TestResetEffect(t *testing.T) {
	clears := holds(t, `{"password_reset_effect":"clear_mfa"}`)
	known := policy.Person{Kind: core.Person, RolesKnown: true}
	root := platform
	root.Settings = core.SettingsDoc(`{"password_reset_effect":"clear_mfa"}`)
	top, err := policy.Of([]core.Tenant{root})
	if err != nil {
		t.Fatal(err)
	}
	partner := known
	partner.Roles = []core.Role{core.PartnerAdmin}
	for name, c := range map[string]struct {
		p    policy.Person
		e    policy.Effective
		want string
	}{
		"a plain person":         {known, clears, core.ResetClearsMFA},
		"who runs a partner":     {partner, clears, core.ResetKeepsMFA},
		"roles not known":        {policy.Person{Kind: core.Person}, clears, core.ResetKeepsMFA},
		"by default":             {known, holds(t, off), core.ResetKeepsMFA},
		"of the platform":        {known, top, core.ResetKeepsMFA},
		"what nobody knows":      {known, holds(t, `{"password_reset_effect":"shuffle"}`), core.ResetKeepsMFA},
		"a lock above says keep": {known, under(t, `{"password_reset_effect":"keep_mfa"}`, `{"password_reset_effect":"clear_mfa"}`), core.ResetKeepsMFA},
	} {
		if got := policy.ResetEffect(c.p, c.e); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Decision 6, factors: who runs the platform or a partner has the same factors
// wherever the account lives, and never a mailbox.
func TestFactorsOfProviders(t *testing.T) {
	admin := policy.Person{Kind: core.Person, RolesKnown: true, Roles: []core.Role{core.PartnerAdmin}}
	e := holds(t, `{"factors":["totp","email_code"]}`)
	if got := policy.Offered(admin, e); len(got) != 1 || got[0] != core.FactorTOTP {
		t.Errorf("%v", got)
	}
	// Only a lock takes one away, and it takes it from everybody.
	if got := policy.Offered(admin, holds(t, `{"factors":["passkey"]}`)); len(got) != 1 {
		t.Errorf("the organisation's own list took it away: %v", got)
	}
	if got := policy.Offered(admin, under(t, `{"factors":["passkey"]}`, off)); len(got) != 0 {
		t.Errorf("under a lock: %v", got)
	}
	plain := policy.Person{Kind: core.Person, RolesKnown: true}
	if got := policy.Offered(plain, holds(t, `{"factors":["passkey"]}`)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
