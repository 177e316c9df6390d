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
	for _, doc := range []string{`{"factors":[]}`, `{"factors":null}`, `{"factors":["passkey"]}`, `{"factors":["email_code"]}`, `{"factors":["passkey","email_code"]}`} {
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
	for _, s := range []string{`{}`, `null`, `{"requirement":null}`, `{"lockout":{"factor":null}}`, `{"totp":{"digits":8,"skew":2}}`, `{"session":{"idle":"1h","max":"24h"}}`, "{\"requirement\":[\"\xff\"]}"} {
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
