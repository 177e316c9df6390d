package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

var by = core.Stamp{At: now, By: "us_9"}

// tree is a way down: platform, partner, and a customer, with documents.
func tree(partnerLocks, customerDoc string) []core.Tenant {
	p := core.Tenant{ID: "tn_p", Organisation: "tn_p", Path: "/tn_root/tn_p/", Kind: core.Partner, Mode: core.Production, State: core.TenantActive, Name: "Partner",
		Locks: core.SettingsDoc(partnerLocks), CreatedAt: ago(50)}
	c := customer
	c.Path, c.Parent, c.Settings = "/tn_root/tn_p/tn_c/", "tn_p", core.SettingsDoc(customerDoc)
	return []core.Tenant{platform, p, c}
}

func faultOf(err error) string {
	if f, ok := core.AsFault(err); ok {
		return fmt.Sprintf("%s%v%v", f.Code, f.Params["by"], f.Params["key"])
	}
	return fmt.Sprint(err)
}

// Decision 6, the column "tighter", key by key.
func TestWhatTighterMeans(t *testing.T) {
	for _, c := range []struct {
		key, from, to string
		want          policy.Direction
	}{
		{"requirement", `["per_user"]`, `["per_user","organization"]`, policy.Tighter},
		{"requirement", `["organization"]`, `["per_user"]`, policy.Neither},
		{"requirement", `["organization","per_user"]`, `["per_user","organization"]`, policy.Same},
		{"selected_apps", `["ap_1","ap_2"]`, `["ap_1"]`, policy.Looser},
		{"factors", `["totp","passkey"]`, `["totp"]`, policy.Tighter},
		{"factors", `["totp"]`, `["totp","email_code"]`, policy.Looser},
		{"required_level", `"none"`, `"mfa"`, policy.Tighter},
		{"required_level", `"mfa"`, `"phishing_resistant"`, policy.Tighter},
		{"required_level", `{"customer_admin":"mfa"}`, `"mfa"`, policy.Tighter},
		{"required_level", `{"customer_admin":"mfa"}`, `{"helpdesk":"mfa"}`, policy.Neither},
		{"required_level", `{"all":"mfa","helpdesk":"none"}`, `"mfa"`, policy.Same},
		{"challenge", `"risk"`, `"untrusted_browser"`, policy.Tighter},
		{"challenge", `"always"`, `"untrusted_browser"`, policy.Looser},
		{"challenge", `"always"`, `"by_moonlight"`, policy.Tighter},
		{"trusted_browser", `"no_expiry"`, `{"days":365}`, policy.Tighter},
		{"trusted_browser", `{"days":1}`, `"off"`, policy.Tighter},
		{"trusted_browser", `{"days":14}`, `{"days":30}`, policy.Looser},
		{"recovery", `["recovery_code"]`, `[]`, policy.Tighter},
		{"recovery", `["recovery_code"]`, `["setup_key_sheet"]`, policy.Neither},
		{"recovery_code_format", `"single"`, `"set"`, policy.Neither},
		{"password_reset_effect", `"clear_mfa"`, `"keep_mfa"`, policy.Tighter},
		{"user_may_disable", `"confirm_only"`, `"second_factor"`, policy.Tighter},
		{"user_may_disable", `"no"`, `"second_factor"`, policy.Looser},
		{"enforce_at", `{"grace":{"days":14,"skips":3}}`, `"next_sign_in"`, policy.Tighter},
		{"enforce_at", `"next_sign_in"`, `"revoke_now"`, policy.Tighter},
		{"enforce_at", `{"grace":{"days":14,"skips":3}}`, `{"grace":{"days":7,"skips":3}}`, policy.Tighter},
		{"enforce_at", `{"grace":{"days":14,"skips":3}}`, `{"grace":{"days":7,"skips":9}}`, policy.Neither},
		{"new_user_window", `{"days":7}`, `{"days":0}`, policy.Tighter},
		{"enrol_proof", `"none"`, `"known_browser_or_mail"`, policy.Tighter},
		{"enrol_proof", `"always_mail"`, `"known_browser_or_mail"`, policy.Looser},
		{"totp", `{"skew":1}`, `{"skew":0}`, policy.Tighter},
		{"totp", `{"digits":6}`, `{"digits":8}`, policy.Neither},
		{"lockout.password", `{"limit":10}`, `{"limit":5}`, policy.Tighter},
		{"lockout.factor", `{"period":"5m"}`, `{"period":"10m"}`, policy.Tighter},
		{"lockout.factor", `{"limit":3}`, `{"limit":5,"window":"1h"}`, policy.Neither},
		{"session", `{"idle":"1h"}`, `{"idle":"30m"}`, policy.Tighter},
		{"session", `{"idle":"1h","max":"8h"}`, `{"idle":"30m","max":"1d"}`, policy.Neither},
		{"login_networks", `[]`, `["192.0.2.0/24"]`, policy.Tighter},
		{"login_networks", `["192.0.2.0/24"]`, `["192.0.2.0/25","192.0.2.128/25"]`, policy.Same},
		{"login_networks", `["192.0.2.0/25"]`, `["192.0.2.0/24"]`, policy.Looser},
		{"login_networks", `["192.0.2.0/24"]`, `["198.51.100.0/24"]`, policy.Neither},
		{"login_networks", `["0.0.0.0/0"]`, `["2001:db8::/32"]`, policy.Neither},
		{"unique_email", `false`, `true`, policy.Tighter},
		{"service_accounts_at", `["customer","unit"]`, `["unit"]`, policy.Tighter},
		{"rollout", `{"date":""}`, `{"date":"2026-12-14"}`, policy.Neither},
		{"invitation_days", `15`, `3`, policy.Tighter},
		{"display_name", `"A"`, `"B"`, policy.Neither},
		{"time_zone", `""`, `"UTC"`, policy.Neither},
	} {
		doc := func(v string) core.Settings {
			text := fmt.Sprintf(`{%q:%s}`, c.key, v)
			if outer, inner, nested := strings.Cut(c.key, "."); nested {
				text = fmt.Sprintf(`{%q:{%q:%s}}`, outer, inner, v)
			}
			s, err := core.SettingsDoc(text).Over(core.DefaultSettings())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		got := policy.Same
		for _, d := range policy.Differences(doc(c.from), doc(c.to)) {
			if d.Key != c.key {
				t.Errorf("%s: %s differs, too", c.key, d.Key)
			}
			got = d.Way
		}
		if got != c.want {
			t.Errorf("%s from %s to %s is %s, want %s", c.key, c.from, c.to, got, c.want)
		}
	}
	locked := []string{"recovery_code_format", "rollout", "display_name", "logo", "locale", "time_zone", "mail_from_name", "recommended_app"}
	for _, k := range core.SettingKeys {
		if policy.Lockable(k) == slices.Contains(locked, k) {
			t.Errorf("%s can be locked: %v", k, policy.Lockable(k))
		}
	}
	if policy.Lockable("of_tomorrow") {
		t.Error("a key that nobody knows can be locked")
	}
}

// Decision 2, rows ACR-02, ACR-26: a lock is a floor. A child goes up from it and
// never down, and what a lock does not say stays free.
func TestLocks(t *testing.T) {
	for _, c := range []struct{ name, locks, own, change, want string }{
		{"nothing is locked", `{}`, `{}`, `{"challenge":"risk"}`, ""},
		{"at the floor", `{"challenge":"untrusted_browser"}`, `{}`, `{"challenge":"untrusted_browser"}`, ""},
		{"above it", `{"challenge":"untrusted_browser"}`, `{"challenge":"untrusted_browser"}`, `{"challenge":"always"}`, ""},
		{"under it", `{"challenge":"untrusted_browser"}`, `{}`, `{"challenge":"risk"}`, "policy.lockedPartnerchallenge"},
		{"by taking the key out", `{"session":{"idle":"10m"}}`, `{"session":{"idle":"10m"}}`, `{"session":null}`, "policy.lockedPartnersession"},
		{"another key", `{"session":{"idle":"10m"}}`, `{}`, `{"invitation_days":30}`, ""},
		{"what was there before the lock is nobody's fault now", `{"session":{"idle":"10m"}}`, `{"session":{"idle":"30m"}}`, `{"invitation_days":30}`, ""},
		{"half of a key", `{"session":{"idle":"10m"}}`, `{}`, `{"session":{"idle":"5m","max":"20d"}}`, ""},
		{"one lock rule is not the other", `{"lockout":{"factor":{"limit":3}}}`, `{}`, `{"lockout":{"password":{"limit":50}}}`, ""},
		{"one lock rule is", `{"lockout":{"factor":{"limit":3}}}`, `{}`, `{"lockout":{"factor":{"limit":4}}}`, "policy.lockedPartnerlockout.factor"},
		{"the requirement", `{"requirement":["organization"]}`, `{}`, `{"requirement":["per_user"]}`, "policy.lockedPartnerrequirement"},
		{"more than the requirement", `{"requirement":["organization"]}`, `{}`, `{"requirement":["organization","per_user"]}`, ""},
		{"the switch is no way around", `{"requirement":["organization"]}`, `{"requirement":["organization"]}`, `{"requirement":[]}`, "policy.lockedPartnerrequirement"},
		{"the switch", `{}`, `{"requirement":["organization"]}`, `{"requirement":[]}`, "policy.use_mfa_switch<nil><nil>"},
		{"nothing to empty", `{}`, `{}`, `{"requirement":[]}`, ""},
		{"networks", `{"login_networks":["192.0.2.0/24"]}`, `{}`, `{"login_networks":["192.0.2.128/25"]}`, ""},
		{"other networks", `{"login_networks":["192.0.2.0/24"]}`, `{}`, `{"login_networks":["192.0.2.0/23"]}`, "policy.lockedPartnerlogin_networks"},
		{"factors that nobody has", `{"factors":["totp"]}`, `{}`, `{"factors":["totp","passkey"]}`, "policy.lockedPartnerfactors"},
		{"a later release's key", `{}`, `{}`, `{"min_client_versions":{"phone/ios":"8.5.0"}}`, "settings.invalid<nil>min_client_versions"},
		{"unknown", `{}`, `{}`, `{"nonsense":1}`, "settings.invalid<nil>nonsense"},
		{"who set what", `{}`, `{}`, `{"_provenance":{}}`, "settings.invalid<nil>_provenance"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := tree(c.locks, c.own)
			out, err := policy.Change(line, core.SettingsDoc(c.change), by)
			if got := faultOf(err); err == nil != (c.want == "") || err != nil && got != c.want {
				t.Fatalf("%v, want %q", got, c.want)
			}
			if string(line[2].Settings) != c.own {
				t.Error("the line was written to")
			}
			if err == nil && len(out) != 3 {
				t.Errorf("%d nodes came back", len(out))
			}
		})
	}
	if _, err := policy.SetRequirement(tree(`{}`, all), nil, by); err != nil {
		t.Errorf("the switch: %v", err)
	}
	if _, err := policy.SetRequirement(tree(all, all), nil, by); !errors.Is(err, core.ErrPolicyLocked) {
		t.Errorf("the switch under a lock: %v", err)
	}
}

// Locks that lock nothing, or everybody out, are refused when they are written.
func TestChangeLocks(t *testing.T) {
	root, line := platform, tree(``, `{}`)
	root.Locks = core.SettingsDoc(`{"session":{"idle":"30m"}}`)
	for _, c := range []struct {
		name   string
		line   []core.Tenant
		change string
		want   string
	}{
		{"a floor", line[:2], `{"requirement":["organization"],"session":{"idle":"10m"}}`, ""},
		{"a period longer than the growth", line[:2], `{"lockout":{"factor":{"period":"2h"}}}`, ""},
		{"a short session", line[:2], `{"session":{"max":"10m"}}`, ""},
		{"a key without a stricter", line[:2], `{"time_zone":"UTC"}`, "settings.invalid<nil>time_zone"},
		{"nobody could enrol", line[:2], `{"factors":["passkey"]}`, "policy.nobody_could_enrol<nil>factors"},
		{"a level that nobody reaches", line[:2], `{"required_level":"phishing_resistant"}`, "policy.nobody_could_enrol<nil>required_level"},
		{"out of range", line[:2], `{"totp":{"skew":9}}`, "settings.invalid<nil>totp.skew"},
		{"under a lock from further up", []core.Tenant{root, line[1]}, `{"session":{"idle":"45m"}}`, "policy.lockedPlatformsession"},
		{"above it", []core.Tenant{root, line[1]}, `{"session":{"idle":"20m"}}`, ""},
		{"a customer", line, `{"session":{"idle":"10m"}}`, "policy.no_locks_here<nil><nil>"},
		{"unknown", line[:2], `{"nonsense":1}`, "settings.invalid<nil>nonsense"},
	} {
		out, err := policy.ChangeLocks(c.line, core.SettingsDoc(c.change), by)
		if got := faultOf(err); err == nil != (c.want == "") || err != nil && got != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
			continue
		}
		if err == nil && (len(out[len(out)-1].Locks) == 0 || len(out[len(out)-1].Locks.Stamps()) == 0) {
			t.Errorf("%s: %s", c.name, out[len(out)-1].Locks)
		}
	}
	// Taking one out lifts it.
	held := tree(`{"session":{"idle":"10m"},"challenge":"always"}`, `{}`)
	out, err := policy.ChangeLocks(held[:2], core.SettingsDoc(`{"session":null}`), by)
	if err != nil || fmt.Sprint(out[1].Locks.Keys()) != "[challenge]" {
		t.Errorf("%s, %v", out[1].Locks, err)
	}
	// Two that disagree: whoever writes the second is told by each child's own check.
	if err := policy.CheckLine(tree(`{"login_networks":["192.0.2.0/24"]}`, `{"login_networks":["198.51.100.0/24"]}`)); !errors.Is(err, core.Invalid("policy.nobody_could_sign_in")) {
		t.Errorf("nowhere to sign in from: %v", err)
	}
	if err := policy.CheckLine(tree(`{"factors":["totp"]}`, `{"factors":["passkey"]}`)); !errors.Is(err, core.ErrNobodyCouldEnrol) {
		t.Errorf("nothing to enrol: %v", err)
	}
}

// Decision 5: what a lock demanded stays, with its provenance, when the lock goes.
func TestInherit(t *testing.T) {
	locked := tree(stamped(`{"requirement":["organization"]}`, 30), `{"requirement":["per_user"]}`)
	lifted := tree(``, `{"requirement":["per_user"]}`)
	moved := []core.Tenant{platform, lifted[2]}
	for name, after := range map[string][]core.Tenant{"lifted": lifted, "moved": moved} {
		doc, write, err := policy.Inherit(locked, after)
		if err != nil || !write {
			t.Fatalf("%s: %v, %v", name, write, err)
		}
		own, err := doc.Over(core.DefaultSettings())
		if err != nil || !own.Requires(core.RequireOrganization) || !own.Requires(core.RequirePerUser) {
			t.Errorf("%s: %v, %v", name, own.Requirement, err)
		}
		if s := doc.Stamps()["requirement"]; s.From != "tn_p" || s.By != "us_1" || !s.At.Equal(ago(30)) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if _, write, err := policy.Inherit(locked, locked); write || err != nil {
		t.Errorf("nothing was lost: %v, %v", write, err)
	}
	if _, _, err := policy.Inherit(locked, []core.Tenant{platform}); err == nil {
		t.Error("two organisations")
	}
	// Under a lock again somewhere else nothing is lost, and nothing is written.
	if _, write, err := policy.Inherit(locked, tree(`{"requirement":["organization"]}`, `{"requirement":["per_user"]}`)); write || err != nil {
		t.Errorf("from lock to lock: %v, %v", write, err)
	}
	// Row ACR-03: a conversion writes down since when.
	trial := core.Tenant{ID: "tn_t", Kind: core.Partner, Mode: core.Trial, State: core.TenantActive, CreatedAt: ago(90), Settings: core.SettingsDoc(`{"time_zone":"UTC"}`)}
	doc, err := policy.Convert(trial, by)
	if err != nil {
		t.Fatal(err)
	}
	trial.Settings, trial.Mode = doc, core.Production
	e, err := policy.Of([]core.Tenant{platform, trial})
	if err != nil || !e.Since.Equal(now) || !e.Locked || e.Settings.TimeZone != "UTC" {
		t.Errorf("since %v, locked %v, %v", e.Since, e.Locked, err)
	}
	if again, err := policy.Convert(trial, core.Stamp{At: now.AddDate(1, 0, 0)}); err != nil || string(again) != string(doc) {
		t.Errorf("%s, %v", again, err)
	}
}

// Decision 2: a template is copied when a customer is made, and refused where it
// could not hold.
func TestTemplates(t *testing.T) {
	above := tree(`{"challenge":"always"}`, ``)[:2]
	above[1].Template = core.SettingsDoc(`{"requirement":["organization"],"factors":["totp"],"session":{"idle":"30m"}}`)
	doc, err := policy.Begin(above, core.Customer, core.SettingsDoc(`{"session":{"max":"2h"},"time_zone":"UTC"}`), by)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(doc.Bare()); got != `{"factors":["totp"],"requirement":["organization"],"session":{"idle":"30m","max":"2h"},"time_zone":"UTC"}` {
		t.Errorf("%s", got)
	}
	stamps := doc.Stamps()
	if s := stamps["factors"]; s.From != "tn_p" || s.By != "us_9" || !s.At.Equal(now) {
		t.Errorf("%+v", s)
	}
	if s := stamps["time_zone"]; s.From != "" || s.By != "us_9" {
		t.Errorf("%+v", s)
	}
	for _, c := range []struct {
		name     string
		kind     core.TenantKind
		template string
		own      string
		want     string
		keys     string
	}{
		{"none", core.Customer, ``, ``, "", "[]"},
		{"of the nearest", core.Customer, `{"unique_email":false}`, ``, "", "[unique_email]"},
		{"not for partners", core.Partner, `{"unique_email":false}`, ``, "", "[]"},
		{"under a lock", core.Customer, `{"challenge":"risk"}`, ``, "policy.lockedPartnerchallenge", ""},
		{"what is said in particular, too", core.Customer, ``, `{"challenge":"risk"}`, "policy.lockedPartnerchallenge", ""},
		{"said better", core.Customer, `{"challenge":"risk"}`, `{"challenge":"always"}`, "", "[challenge]"},
		{"nobody could enrol", core.Customer, `{"factors":["email_code"]}`, ``, "policy.nobody_could_enrol<nil>factors", ""},
		{"a partner that would clear", core.Partner, ``, `{"password_reset_effect":"clear_mfa"}`, "policy.lockedPlatformpassword_reset_effect", ""},
		{"halves that do not fit", core.Customer, `{"session":{"idle":"2h"}}`, `{"session":{"max":"1h"}}`, "settings.invalid<nil>session", ""},
		{"null is the default", core.Customer, `{"unique_email":false}`, `{"unique_email":null}`, "", "[]"},
		{"unknown", core.Customer, ``, `{"nonsense":1}`, "settings.invalid<nil>nonsense", ""},
	} {
		above[1].Template = core.SettingsDoc(c.template)
		doc, err := policy.Begin(above, c.kind, core.SettingsDoc(c.own), by)
		if got := faultOf(err); err == nil != (c.want == "") || err != nil && got != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
		if err == nil && fmt.Sprint(doc.Keys()) != c.keys {
			t.Errorf("%s: %s", c.name, doc)
		}
	}
	above[1].Template = nil
	for change, want := range map[string]string{`{"session":{"idle":"30m"}}`: "", `{"challenge":"risk"}`: "policy.lockedPartnerchallenge", `{"factors":["passkey"]}`: "policy.nobody_could_enrol<nil>factors"} {
		out, err := policy.ChangeTemplate(above, core.SettingsDoc(change), by)
		if got := faultOf(err); err == nil != (want == "") || err != nil && got != want {
			t.Errorf("template %s: %v", change, got)
		}
		if err == nil && len(out[1].Template.Keys()) == 0 {
			t.Errorf("%s", out[1].Template)
		}
	}
	if _, err := policy.ChangeTemplate(tree(``, `{}`), core.SettingsDoc(`{}`), by); err == nil {
		t.Error("a customer has a template")
	}
}

// Every value knows whose it is, who set it, since when, and whether it is locked.
func TestValues(t *testing.T) {
	line := tree(stamped(`{"requirement":["organization"],"challenge":"untrusted_browser","session":{"idle":"10m"}}`, 30), ``)
	out, err := policy.Change(line, core.SettingsDoc(`{"challenge":"always","time_zone":"UTC"}`), by)
	if err != nil {
		t.Fatal(err)
	}
	list, err := policy.Values(out)
	if err != nil || len(list) != len(core.SettingKeys) {
		t.Fatalf("%d values, %v", len(list), err)
	}
	got := map[string]policy.Value{}
	for _, v := range list {
		got[v.Key] = v
	}
	at := func(v policy.Value) string {
		from, lock := "default", "free"
		if v.From != nil {
			from = string(v.From.ID)
		}
		if v.Locked {
			lock = "locked by " + v.LockedBy.Name
		}
		return fmt.Sprintf("%s of %s by %q, %s", v.Value, from, v.By, lock)
	}
	for key, want := range map[string]string{
		"requirement": `["organization"] of tn_p by "us_1", locked by Partner`,
		"challenge":   `"always" of tn_c by "us_9", locked by Partner`,
		"session":     `{"idle":"10m","max":"1d"} of tn_p by "us_1", locked by Partner`,
		"time_zone":   `"UTC" of tn_c by "us_9", free`,
		"factors":     `["totp","passkey"] of default by "", free`,
	} {
		if s := at(got[key]); s != want {
			t.Errorf("%s: %s, want %s", key, s, want)
		}
	}
	if !got["requirement"].Since.Equal(ago(30)) || !got["challenge"].Since.Equal(now) || !got["factors"].Since.IsZero() {
		t.Errorf("since %v, %v, %v", got["requirement"].Since, got["challenge"].Since, got["factors"].Since)
	}
	top, err := policy.Values(line[:2])
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range top {
		if v.Key == "requirement" && at(v) != `["organization"] of tn_root by "", locked by Platform` {
			t.Errorf("a partner in production: %s", at(v))
		}
	}
}

// Writing the requirement again gives nobody their grace again.
func TestSinceWhenItIsRequiredDoesNotMove(t *testing.T) {
	line := tree(``, stamped(`{"requirement":["organization"]}`, 30))
	out, err := policy.Change(line, core.SettingsDoc(`{"requirement":["organization","per_user"]}`), by)
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.Of(out)
	if err != nil || !e.Since.Equal(ago(30)) {
		t.Errorf("required since %v, %v", e.Since, err)
	}
	if s := out[2].Settings.Stamps()["requirement"]; !s.At.Equal(now) || s.By != "us_9" {
		t.Errorf("set %+v", s)
	}
	if out, err = policy.SetRequirement(out, []core.Requirement{core.RequirePerUser}, by); err != nil {
		t.Fatal(err)
	}
	later := core.Stamp{At: now.AddDate(0, 1, 0), By: "us_9"}
	if out, err = policy.Change(out, core.SettingsDoc(`{"requirement":["organization"]}`), later); err != nil {
		t.Fatal(err)
	}
	if e, err = policy.Of(out); err != nil || !e.Since.Equal(later.At) {
		t.Errorf("required anew since %v, %v", e.Since, err)
	}
}

// Lists of networks are sets of addresses, however they are written.
func TestNetworksAreSets(t *testing.T) {
	e := func(locks, own string) policy.Effective { return under(t, locks, own) }
	for _, c := range []struct{ lock, own, want string }{
		{`["192.0.2.0/24"]`, `["192.0.2.64/26","198.51.100.0/24"]`, `["192.0.2.64/26"]`},
		{`["192.0.2.0/24"]`, `[]`, `["192.0.2.0/24"]`},
		{`[]`, `["192.0.2.0/24"]`, `["192.0.2.0/24"]`},
		{`["0.0.0.0/1","128.0.0.0/1"]`, `["192.0.2.0/24"]`, `["192.0.2.0/24"]`},
		{`["192.0.2.0/24"]`, `["198.51.100.0/24"]`, `["nowhere"]`},
	} {
		got, err := json.Marshal(e(`{"login_networks":`+c.lock+`}`, `{"login_networks":`+c.own+`}`).Settings.LoginNetworks)
		if err != nil || string(got) != c.want {
			t.Errorf("%s under %s: %s, %v; want %s", c.own, c.lock, got, err, c.want)
		}
	}
	// Nowhere is a trap, and the one that doctor looks for by its name.
	d := policy.Ahead(policy.Person{Kind: core.Person}, e(`{"login_networks":["192.0.2.0/24"]}`, `{"login_networks":["198.51.100.0/24"]}`), now)
	if reasons := d.Reasons(); d.Outcome != policy.Refused || len(reasons) != 1 || reasons[0].Why != policy.WhyNowhere || len(policy.Exits(d, policy.Person{})) != 0 {
		t.Errorf("%+v", d)
	}
	if core.Nowhere.Allow(netip.MustParseAddr("192.0.2.1")) || core.Nowhere.Allow(netip.Addr{}) {
		t.Error("somebody comes from nowhere")
	}
}
