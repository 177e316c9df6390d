package core_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
)

// The defaults of decision 6.
func TestDefaultSettings(t *testing.T) {
	s := core.DefaultSettings()
	if err := s.Check(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"requirement":[]`, `"factors":["totp","passkey"]`, `"challenge":"always"`, `"recovery":["recovery_code"]`, `"recovery_code_format":"single"`,
		`"password_reset_effect":"keep_mfa"`, `"user_may_disable":"second_factor"`, `"enforce_at":"next_sign_in"`, `"enrol_proof":"known_browser_or_mail"`,
		`"totp":{"digits":6,"skew":1}`, `"password":{"limit":10,"window":"15m","period":"5m","growth":"1h"}`,
		`"factor":{"limit":5,"window":"15m","period":"5m","growth":"1h"}`, `"session":{"idle":"1h","max":"1d"}`, `"unique_email":true`, `"invitation_days":15`,
		`"selected_apps":[]`, `"required_level":"none"`, `"trusted_browser":{"days":14}`, `"new_user_window":{"days":7}`, `"login_networks":[]`,
		`"service_accounts_at":["platform","partner","folder","customer","unit"]`, `"rollout":{"date":"","reminder_days":[0,2,10]}`, `"logo":""`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the defaults are %s, without %s", b, want)
		}
	}
}

func TestParseSettingsRefusesByName(t *testing.T) {
	for _, c := range []struct{ name, doc, says string }{
		{"unknown key", `{"requirment":[]}`, "requirment"},
		{"unknown key inside", `{"totp":{"digits":6,"period":60}}`, "period"},
		{"a key in other letters", `{"Requirement":["organization"]}`, "Requirement"},
		{"a key in other letters inside", `{"totp":{"Skew":2}}`, "Skew"},
		{"a key twice", `{"requirement":["organization"],"requirement":[]}`, "requirement"},
		{"not JSON", `requirement: []`, ""},
		{"nothing", ``, ""},
		{"null", `null`, ""},
		{"an array", `[]`, ""},
		{"a number", `7`, ""},
		{"two documents", `{} {}`, ""},
		{"unknown mode", `{"requirement":["everybody"]}`, "requirement"},
		{"unknown factor", `{"factors":["totp","carrier_pigeon"]}`, "factors"},
		{"challenge", `{"challenge":"sometimes"}`, "challenge"},
		{"recovery", `{"recovery":["questions"]}`, "recovery"},
		{"recovery code format", `{"recovery_code_format":"three"}`, "recovery_code_format"},
		{"password reset effect", `{"password_reset_effect":"drop"}`, "password_reset_effect"},
		{"user may disable", `{"user_may_disable":"maybe"}`, "user_may_disable"},
		{"enforce at", `{"enforce_at":"never"}`, "enforce_at"},
		{"enrol proof", `{"enrol_proof":""}`, "enrol_proof"},
		{"seven digits", `{"totp":{"digits":7}}`, "totp.digits"},
		{"T-06: three steps", `{"totp":{"skew":3}}`, "totp.skew"},
		{"T-06: less than none", `{"totp":{"skew":-1}}`, "totp.skew"},
		{"no limit", `{"lockout":{"factor":{"limit":0}}}`, "lockout.factor.limit"},
		{"N-01: a limit past a hundred", `{"lockout":{"password":{"limit":101}}}`, "lockout.password.limit"},
		{"short window", `{"lockout":{"factor":{"window":"59s"}}}`, "lockout.factor"},
		{"no period", `{"lockout":{"factor":{"period":"0s"}}}`, "lockout.factor"},
		{"growth below the period", `{"lockout":{"factor":{"growth":"4m"}}}`, "lockout.factor"},
		{"no idle end", `{"session":{"idle":"0s"}}`, "session"},
		{"N-09: no overall end", `{"session":{"max":"31d"}}`, "session.max"},
		{"max below idle", `{"session":{"idle":"2h","max":"1h"}}`, "session"},
		{"no invitation", `{"invitation_days":0}`, "invitation_days"},
		{"invitation for ever", `{"invitation_days":91}`, "invitation_days"},
		{"time zone", `{"time_zone":"Mars/Olympus"}`, "time_zone"},
		{"no app", `{"selected_apps":[""]}`, "selected_apps"},
		{"an app in two words", `{"selected_apps":["ap 1"]}`, "selected_apps"},
		{"a level", `{"required_level":"aal3"}`, "required_level"},
		{"a level of a role", `{"required_level":{"customer_admin":"high"}}`, "required_level.customer_admin"},
		{"a role", `{"required_level":{"cook":"mfa"}}`, "required_level.cook"},
		{"a level that is neither", `{"required_level":7}`, "required_level"},
		{"trust for ever is a word", `{"trusted_browser":{"days":0}}`, "trusted_browser.days"},
		{"trust for years", `{"trusted_browser":{"days":366}}`, "trusted_browser.days"},
		{"trust by the hour", `{"trusted_browser":{"hours":1}}`, "trusted_browser.hours"},
		{"trust in a word that is none", `{"trusted_browser":"days"}`, "trusted_browser"},
		{"trust sometimes", `{"trusted_browser":"sometimes"}`, "trusted_browser"},
		{"trust as a number", `{"trusted_browser":14}`, "14"},
		{"grace is no word", `{"enforce_at":"grace"}`, "enforce_at"},
		{"no grace", `{"enforce_at":{"grace":{"days":0}}}`, "enforce_at.grace.days"},
		{"no skips", `{"enforce_at":{"grace":{"skips":0}}}`, "enforce_at.grace.skips"},
		{"grace unknown inside", `{"enforce_at":{"grace":{"weeks":1}}}`, "enforce_at.grace.weeks"},
		{"a mode by name", `{"enforce_at":{"mode":"revoke_now"}}`, `enforce_at is "next_sign_in", "revoke_now" or {"grace"`},
		{"grace twice", `{"enforce_at":{"grace":{},"grace":{}}}`, "enforce_at.grace"},
		{"a window before", `{"new_user_window":{"days":-1}}`, "new_user_window.days"},
		{"a network", `{"login_networks":["192.0.2.7"]}`, "192.0.2.7"},
		{"a network that means another", `{"login_networks":["192.0.2.7/24"]}`, "192.0.2.0/24"},
		{"a network in two ways", `{"login_networks":["::ffff:192.0.2.0/120"]}`, "IPv4"},
		{"no network", `{"login_networks":[""]}`, "login_networks"},
		{"nowhere", `{"login_networks":["nowhere"]}`, "nowhere"},
		{"a kind of tenant", `{"service_accounts_at":["castle"]}`, "castle"},
		{"a day", `{"rollout":{"date":"14.12.2026"}}`, "rollout.date"},
		{"days that do not rise", `{"rollout":{"reminder_days":[2,2]}}`, "rollout.reminder_days"},
		{"a name on two lines", `{"mail_from_name":"a\nBcc: b"}`, "mail_from_name"},
		{"a name that turns around", "{\"display_name\":\"a\u202eb\"}", "display_name"},
		{"a logo by script", `{"logo":"javascript:alert(1)"}`, "logo"},
		{"a logo that ends its attribute", `{"logo":"https://x\" onload=y"}`, "logo"},
		{"a language", `{"locale":"de ch"}`, "locale"},
		{"a language that nobody speaks", `{"locale":"xx"}`, "is not one of de, en, fr, sv"},
		{"a key of other letters", `{"challange":"always"}`, "did you mean challenge?"},
		{"a key inside of other letters", `{"lockout":{"facter":{}}}`, "did you mean lockout.factor?"},
		{"a word for yes", `{"unique_email":"x"}`, "unique_email reason:must be true or false"},
		{"a word for a number", `{"lockout":{"factor":{"limit":"a"}}}`, "lockout.factor.limit reason:must be a whole number"},
		{"a word for a list", `{"requirement":"organization"}`, "requirement reason:must be a list in brackets"},
		{"a word for an object", `{"new_user_window":"3 days"}`, "new_user_window reason:must be an object in braces"},
		{"a number for a word", `{"locale":3}`, "locale reason:must be text in quotes"},
		{"a length of time that runs back", `{"session":{"idle":"-1h"}}`, "-1h"},
		{"a document that ends too early", `{`, "ends too early"},
		{"a document that is broken", `{"locale":"de",}`, "not JSON"},
		{"who set what", `{"_provenance":{}}`, "_provenance"},
		{"since when", `{"requirement_since":"2026-01-01T00:00:00Z"}`, "requirement_since"},
		{"since when trust counts", `{"_trust_since":"2020-01-01T00:00:00Z"}`, "_trust_since"},
		{"a key of a later release", `{"risk_actions":{}}`, "later release"},
		{"N-18: composition rules do not exist", `{"password_rules":{"digits":1}}`, "password_rules"},
		{"N-18: nor periodic change", `{"password_max_age":"90d"}`, "password_max_age"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := core.ParseSettings([]byte(c.doc))
			var f *core.Fault
			if !errors.As(err, &f) || f.Kind != core.KindInvalid || f.Code != "settings.invalid" {
				t.Fatalf("read as %s, %v", doc, err)
			}
			if said := fmt.Sprint(f.Params); !strings.Contains(said, c.says) {
				t.Errorf("says %s, without %q", said, c.says)
			}
		})
	}
}

// Decision 2: what would leave nobody able to enrol is refused under its own
// name. Passkeys and codes by mail cannot be enrolled with this program.
func TestSettingsKeepEnrolmentPossible(t *testing.T) {
	for _, doc := range []string{`{"factors":[]}`, `{"factors":null}`, `{"factors":["passkey"]}`, `{"factors":["email_code"]}`, `{"factors":["passkey","email_code"]}`,
		`{"required_level":"phishing_resistant"}`, `{"required_level":{"platform_admin":"phishing_resistant"}}`} {
		if _, err := core.ParseSettings([]byte(doc)); !errors.Is(err, core.ErrNobodyCouldEnrol) {
			t.Errorf("%s: %v", doc, err)
		}
	}
	for _, doc := range []string{`{"factors":["totp"]}`, `{"factors":["totp","email_code"]}`} {
		if _, err := core.ParseSettings([]byte(doc)); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

func TestSettingsOverDefaults(t *testing.T) {
	base := core.DefaultSettings()
	before := fmt.Sprintf("%+v", base)
	s, err := core.SettingsDoc(`{"requirement":["organization"],"factors":["totp"],"lockout":{"factor":{"limit":3}},"of_a_later_release":{"a":1}}`).Over(base)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Requires(core.RequireOrganization) || s.Requires(core.RequirePerUser) || !s.Offers(core.FactorTOTP) || s.Offers(core.FactorPasskey) {
		t.Errorf("%+v", s)
	}
	if s.Lockout.Factor.Limit != 3 || s.Lockout.Factor.Window != core.Duration(15*time.Minute) || s.Lockout.Password.Limit != 10 {
		t.Errorf("a part of a value takes its neighbours along: %+v", s.Lockout)
	}
	if fmt.Sprintf("%+v", base) != before {
		t.Error("the base was written through")
	}
	if _, err := core.SettingsDoc(`{"requirement":7}`).Over(base); err == nil {
		t.Error("a broken document is no error")
	}
	if same, err := core.SettingsDoc(nil).Over(base); err != nil || !reflect.DeepEqual(same, base) {
		t.Errorf("no document: %v", err)
	}
}

func TestSettingsMerge(t *testing.T) {
	for _, c := range []struct{ name, own, change, want string }{
		{"a new key", `{}`, `{"challenge":"always"}`, `{"challenge":"always"}`},
		{"into nothing", ``, `{"totp":{"skew":0}}`, `{"totp":{"skew":0}}`},
		{"replaces", `{"requirement":["per_user"]}`, `{"requirement":["organization"]}`, `{"requirement":["organization"]}`},
		{"leaves the rest", `{"invitation_days":3}`, `{"time_zone":"UTC"}`, `{"invitation_days":3,"time_zone":"UTC"}`},
		{"null takes out", `{"invitation_days":3,"time_zone":"UTC"}`, `{"invitation_days": null}`, `{"time_zone":"UTC"}`},
		{"null of what is not there", `{}`, `{"invitation_days":null}`, `{}`},
		// Both are keys of their own in what an organisation may set: writing one
		// must not put the other back to its default.
		{"one lock rule leaves the other", `{"lockout":{"password":{"limit":3}}}`, `{"lockout":{"factor":{"limit":2}}}`, `{"lockout":{"factor":{"limit":2},"password":{"limit":3}}}`},
		{"and its own other parts", `{"lockout":{"factor":{"limit":3,"period":"1h"}}}`, `{"lockout":{"factor":{"limit":2}}}`, `{"lockout":{"factor":{"limit":2,"period":"1h"}}}`},
		{"null inside", `{"lockout":{"factor":{"limit":3},"password":{"limit":3}}}`, `{"lockout":{"factor":null}}`, `{"lockout":{"password":{"limit":3}}}`},
		{"keeps a later release's keys", `{"rollout":{"a":[1]}}`, `{"invitation_days":9}`, `{"invitation_days":9,"rollout":{"a":[1]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := core.SettingsDoc(c.own).Merge(core.SettingsDoc(c.change))
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	for _, bad := range []string{`null`, `[]`, `7`, `{`, ``} {
		if got, err := core.SettingsDoc(`{}`).Merge(core.SettingsDoc(bad)); err == nil {
			t.Errorf("%q was laid over as %s", bad, got)
		}
	}
}

func FuzzSettings(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"requirement":null}`, `{"lockout":{"factor":null}}`, `{"totp":{"digits":8,"skew":2}}`, `{"session":{"idle":"1h","max":"24h"}}`, `{"enforce_at":{"grace":{"days":null}}}`, `{"enforce_at":{}}`, `{"trusted_browser":{}}`, `{"trusted_browser":null}`,
		`{"required_level":{"all":null}}`, `{"required_level":{"helpdesk":"mfa"}}`, `{"login_networks":["10.0.0.0/8"]}`, `{"selected_apps":["ap_1"]}`, "{\"requirement\":[\"\xff\"]}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := core.ParseSettings([]byte(s))
		if err != nil {
			if _, ok := core.AsFault(err); !ok {
				t.Fatalf("%q: not a fault: %v", s, err)
			}
			return
		}
		// What was let in holds, also once it is stored and read back.
		merged, err := core.SettingsDoc(`{}`).Merge(doc)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		over, err := merged.Over(core.DefaultSettings())
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if err := over.Check(); err != nil {
			t.Fatalf("%q was let in and holds as %+v: %v", s, over, err)
		}
	})
}

// Values that are a word or an object read both, and write what they read.
func TestWordsAndObjects(t *testing.T) {
	for doc, want := range map[string]string{
		`{"trusted_browser":"off"}`:                                     "",
		`{"trusted_browser":"no_expiry"}`:                               "",
		`{"trusted_browser":{"days":3}}`:                                "",
		`{"trusted_browser":{}}`:                                        `{"trusted_browser":{"days":14}}`,
		`{"trusted_browser":null}`:                                      `{"trusted_browser":{"days":14}}`,
		`{"trusted_browser":"of_tomorrow"}`:                             "",
		`{"enforce_at":"revoke_now"}`:                                   "",
		`{"enforce_at":{"grace":{"days":2,"skips":1}}}`:                 "",
		`{"enforce_at":{"grace":{"days":2}}}`:                           `{"enforce_at":{"grace":{"days":2,"skips":3}}}`,
		`{"enforce_at":{"grace":null}}`:                                 `{"enforce_at":{"grace":{"days":14,"skips":3}}}`,
		`{"enforce_at":null}`:                                           `{"enforce_at":"next_sign_in"}`,
		`{"required_level":"mfa"}`:                                      "",
		`{"required_level":{"all":"none","helpdesk":"mfa"}}`:            "",
		`{"required_level":{"helpdesk":"mfa"}}`:                         `{"required_level":{"all":"none","helpdesk":"mfa"}}`,
		`{"required_level":{}}`:                                         `{"required_level":"none"}`,
		`{"login_networks":["192.0.2.0/24","2001:db8::/32"]}`:           "",
		`{"login_networks":null}`:                                       `{"login_networks":[]}`,
		`{"rollout":{"date":"2026-12-14","reminder_days":[1]}}`:         "",
		`{"new_user_window":{}}`:                                        `{"new_user_window":{"days":7}}`,
		`{"enforce_at":{"grace":{"days":2,"skips":1},"of_tomorrow":1}}`: `{"enforce_at":{"grace":{"days":2,"skips":1}}}`,
	} {
		s, err := core.SettingsDoc(doc).Over(core.DefaultSettings())
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if want == "" {
			want = doc
		}
		all, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var wanted map[string]json.RawMessage
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		for key, value := range wanted {
			if got := core.SettingsDoc(all).Value(key); string(got) != string(value) {
				t.Errorf("%s is written as %s, want %s", doc, got, value)
			}
		}
	}
	for _, doc := range []string{`{"trusted_browser":true}`, `{"enforce_at":[]}`, `{"enforce_at":{"grace":5}}`, `{"required_level":["mfa"]}`, `{"required_level":{"all":1}}`, `{"login_networks":"all"}`} {
		if s, err := core.SettingsDoc(doc).Over(core.DefaultSettings()); err == nil {
			t.Errorf("%s is read as %+v", doc, s)
		}
	}
	// A word replaces an object and the other way round: nothing of the old mode stays.
	for _, c := range [][3]string{
		{`{"enforce_at":{"grace":{"days":9,"skips":9}}}`, `{"enforce_at":"next_sign_in"}`, `{"enforce_at":"next_sign_in"}`},
		{`{"trusted_browser":"off"}`, `{"trusted_browser":{"days":30}}`, `{"trusted_browser":{"days":30}}`},
		{`{"enforce_at":{"grace":{"days":9,"skips":9}}}`, `{"enforce_at":{"grace":{"days":2}}}`, `{"enforce_at":{"grace":{"days":2,"skips":9}}}`},
	} {
		if got, err := core.SettingsDoc(c[0]).Merge(core.SettingsDoc(c[1])); err != nil || string(got) != c[2] {
			t.Errorf("%s over %s is %s, %v", c[1], c[0], got, err)
		}
	}
}

// Who set a key, and when, stands in the document beside the values, and never
// among them; documents from before say it of the requirement.
func TestStamps(t *testing.T) {
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	old := core.SettingsDoc(`{"requirement":["organization"],"requirement_since":"2026-01-02T03:04:05Z","of_tomorrow":{"a":1}}`)
	if got := old.Stamps()["requirement"]; !got.At.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || got.By != "" {
		t.Errorf("%+v", got)
	}
	if got := fmt.Sprint(old.Keys()); got != "[requirement of_tomorrow]" {
		t.Errorf("keys %s", got)
	}
	doc, err := old.Merge(core.SettingsDoc(`{"lockout":{"factor":{"limit":3}},"session":{"idle":"30m"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if doc, err = doc.Stamped(core.Stamp{At: at, By: "us_1"}, "lockout.factor", "session", "challenge"); err != nil {
		t.Fatal(err)
	}
	stamps := doc.Stamps()
	if len(stamps) != 3 || stamps["lockout.factor"].By != "us_1" || !stamps["session"].At.Equal(at) || stamps["requirement"].By != "" || stamps["requirement"].At.IsZero() {
		t.Errorf("%+v", stamps) // what the document does not set has no stamp
	}
	if got := fmt.Sprint(doc.Keys()); got != "[requirement lockout.factor session of_tomorrow]" {
		t.Errorf("keys %s", got)
	}
	if got := string(doc.Bare()); got != `{"lockout":{"factor":{"limit":3}},"of_tomorrow":{"a":1},"requirement":["organization"],"session":{"idle":"30m"}}` {
		t.Errorf("bare %s", got)
	}
	if got := string(doc.Value("lockout.factor")); got != `{"limit":3}` || doc.Value("lockout.password") != nil || doc.Value("challenge") != nil {
		t.Errorf("%s", got)
	}
	// An older node writes its own word beside ours: the later one counts.
	both, err := doc.Merge(core.SettingsDoc(`{"requirement":[],"requirement_since":"2026-12-01T00:00:00Z"}`))
	if err != nil || both.Stamps()["requirement"].At.Month() != time.December {
		t.Errorf("%+v, %v", both.Stamps(), err)
	}
	less, err := doc.Without("lockout.factor", "session", "never_there")
	if err != nil || fmt.Sprint(less.Keys()) != "[requirement of_tomorrow]" || len(less.Stamps()) != 1 {
		t.Errorf("%s, %v", less, err)
	}
	s, err := doc.Over(core.DefaultSettings())
	if err != nil || s.Lockout.Factor.Limit != 3 || !s.Requires(core.RequireOrganization) {
		t.Errorf("%+v, %v", s, err)
	}
	// Gone with the key; and a stamp that is moved keeps its beginning.
	if gone, err := doc.Merge(core.SettingsDoc(`{"session":null}`)); err != nil {
		t.Fatal(err)
	} else if gone, err = gone.Stamped(core.Stamp{At: at}); err != nil || len(gone.Stamps()) != 2 {
		t.Errorf("%+v, %v", gone.Stamps(), err)
	}
	if b := (core.Stamp{At: at, Since: at.AddDate(-1, 0, 0)}).Began(); !b.Equal(at.AddDate(-1, 0, 0)) || !(core.Stamp{At: at}).Began().Equal(at) {
		t.Errorf("%v", b)
	}
	for _, broken := range []string{`[]`, `7`, `{"_provenance":7}`, `{`} {
		if got := core.SettingsDoc(broken).Stamps(); got == nil || len(got) != 0 {
			t.Errorf("%s: %+v", broken, got)
		}
	}
	if _, err := core.SettingsDoc(`[]`).Stamped(core.Stamp{At: at}, "session"); err == nil {
		t.Error("a list was stamped")
	}
}

// Since when trust counts outlives the setting, and is nothing that people see.
func TestTrustSince(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	d, err := core.SettingsDoc(`{"trusted_browser":"off","challenge":"always"}`).Distrusting(at)
	if err != nil || !d.TrustSince().Equal(at) {
		t.Fatalf("since %v, %v", d.TrustSince(), err)
	}
	for _, step := range []func(core.SettingsDoc) (core.SettingsDoc, error){
		func(d core.SettingsDoc) (core.SettingsDoc, error) { return d.Distrusting(at.Add(-time.Hour)) },
		func(d core.SettingsDoc) (core.SettingsDoc, error) {
			return d.Stamped(core.Stamp{At: at}, "trusted_browser")
		},
		func(d core.SettingsDoc) (core.SettingsDoc, error) {
			return d.Merge(core.SettingsDoc(`{"trusted_browser":null}`))
		},
		func(d core.SettingsDoc) (core.SettingsDoc, error) { return d.Without("challenge") },
	} {
		if d, err = step(d); err != nil || !d.TrustSince().Equal(at) {
			t.Fatalf("%s: since %v, %v", d, d.TrustSince(), err)
		}
	}
	if len(d.Keys()) != 0 || string(d.Bare()) != "{}" {
		t.Errorf("keys %v, bare %s", d.Keys(), d.Bare())
	}
	if got := core.SettingsDoc(`{"_trust_since":7}`).TrustSince(); !got.IsZero() {
		t.Errorf("rubbish is since %v", got)
	}
}
