package policy_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// What the property tests draw: people, sign-ins, documents, and lines of tenants
// with locks on the way.

func at(p policy.Person, e policy.Effective, s policy.Shown) policy.Facts {
	return policy.Facts{Now: now, Person: p, Effective: e, Shown: s}
}

func ago(days int) time.Time { return now.AddDate(0, 0, -days) }

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
	p := policy.Person{
		Kind:      rapid.SampledFrom([]core.UserKind{core.Person, core.Person, core.Person, core.ServiceAccount, "robot"}).Draw(t, "who"),
		State:     rapid.SampledFrom([]core.UserState{core.UserActive, core.UserValidated, core.UserInvited}).Draw(t, "state"),
		Federated: rapid.SampledFrom([]bool{false, false, false, true}).Draw(t, "federated"),
		Factors:   rapid.SliceOfN(factor, 0, 4).Draw(t, "factors"),
		HasMail:   rapid.Bool().Draw(t, "mail"),
		Skips:     rapid.SampledFrom([]int{0, 0, 1, 3, 50}).Draw(t, "skips"),
		Roles:     rapid.SliceOfN(rapid.SampledFrom(core.Roles), 0, 2).Draw(t, "roles"), RolesKnown: rapid.Bool().Draw(t, "known"),
		AppsUsed: rapid.SliceOfN(rapid.SampledFrom(apps), 0, 2).Draw(t, "used"),
	}
	if rapid.Bool().Draw(t, "validated") {
		p.ValidatedAt = ago(rapid.SampledFrom([]int{0, 3, 8, 400}).Draw(t, "days"))
		p.AwakeAt = p.ValidatedAt
	}
	return p
}

var apps = []core.AppID{"ap_1", "ap_2"}

func anyShown(t *rapid.T) policy.Shown {
	kinds := []core.FactorKind{core.FactorPassword, core.FactorTOTP, core.FactorRecoveryCode, core.FactorEmailCode, core.FactorTrustedBrowser, core.FactorTemporaryPass, "carrier_pigeon", ""}
	p := rapid.Custom(func(t *rapid.T) core.Proof {
		return core.Proof{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), ID: core.FactorID(rapid.SampledFrom([]string{"", "fa_1", "fa_2"}).Draw(t, "id")),
			By: rapid.SampledFrom([]string{"", "reset", policy.ProofEnrolled}).Draw(t, "by"), At: ago(rapid.SampledFrom([]int{0, 0, 10, 40, 1000}).Draw(t, "age"))}
	})
	s := policy.Shown{Proofs: rapid.SliceOfN(p, 0, 4).Draw(t, "proofs"), Anew: rapid.SampledFrom([]bool{false, false, true}).Draw(t, "anew"), Skip: rapid.Bool().Draw(t, "skip"),
		KnownBrowser: rapid.Bool().Draw(t, "browser"), MailProved: rapid.Bool().Draw(t, "shown"), Door: rapid.SampledFrom([]policy.Door{policy.Pages, policy.Pages, policy.Basic}).Draw(t, "door")}
	if rapid.Bool().Draw(t, "addressed") {
		s.Address = netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.7", "198.51.100.9", "2001:db8::1"}).Draw(t, "address"))
	}
	return s
}

func anyFacts(t *rapid.T, e policy.Effective) policy.Facts {
	f := at(anybody(t), e, anyShown(t))
	if rapid.Bool().Draw(t, "opens") {
		f.App = policy.App{ID: rapid.SampledFrom(apps).Draw(t, "app"), RequiredLevel: rapid.SampledFrom([]core.Level{core.LevelNone, core.LevelPassword, core.LevelTrustedBrowser, core.LevelMFA}).Draw(t, "level")}
	}
	return f
}

// values are some good ones of each key, loose and strict.
var values = map[string][]string{
	"requirement":           {`[]`, `["per_user"]`, `["organization"]`, `["selected_apps"]`, `["per_user","organization"]`, `["selected_apps","per_user"]`},
	"selected_apps":         {`[]`, `["ap_1"]`, `["ap_1","ap_2"]`},
	"factors":               {`["totp"]`, `["totp","passkey"]`, `["passkey","totp","email_code"]`},
	"required_level":        {`"none"`, `"mfa"`, `{"customer_admin":"mfa"}`, `{"all":"none","helpdesk":"mfa","auditor":"none"}`},
	"challenge":             {`"always"`, `"untrusted_browser"`, `"risk"`},
	"trusted_browser":       {`"off"`, `{"days":1}`, `{"days":30}`, `"no_expiry"`},
	"recovery":              {`[]`, `["recovery_code"]`, `["setup_key_sheet","recovery_code"]`},
	"recovery_code_format":  {`"single"`, `"set"`},
	"password_reset_effect": {`"keep_mfa"`, `"clear_mfa"`},
	"user_may_disable":      {`"no"`, `"second_factor"`, `"confirm_only"`},
	"enforce_at":            {`"next_sign_in"`, `"revoke_now"`, `{"grace":{"days":5,"skips":9}}`, `{"grace":{"days":90,"skips":2}}`},
	"new_user_window":       {`{"days":0}`, `{"days":2}`, `{"days":30}`},
	"enrol_proof":           {`"none"`, `"always_mail"`, `"known_browser_or_mail"`},
	"totp":                  {`{"skew":0}`, `{"skew":2,"digits":8}`},
	"lockout":               {`{"factor":{"limit":2}}`, `{"password":{"limit":50,"period":"2h","growth":"3h"}}`, `{"factor":{"window":"1h"},"password":{"limit":3}}`},
	"session":               {`{"idle":"10m"}`, `{"max":"2d"}`, `{"idle":"5m","max":"30m"}`},
	"login_networks":        {`[]`, `["192.0.2.0/24"]`, `["192.0.2.0/25","192.0.2.128/25"]`, `["192.0.2.0/28","2001:db8::/32"]`, `["198.51.100.0/24"]`},
	"unique_email":          {`true`, `false`},
	"service_accounts_at":   {`[]`, `["customer"]`, `["customer","unit"]`},
	"rollout":               {`{"date":"2026-12-14"}`, `{"reminder_days":[1,3]}`},
	"invitation_days":       {`3`, `30`},
	"display_name":          {`"Strict & Sons"`},
	"time_zone":             {`"Europe/Berlin"`},
}

// anyDoc draws a document that sets some keys.
func anyDoc(t *rapid.T, name string, only func(string) bool) core.SettingsDoc {
	doc := map[string]json.RawMessage{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if only(k) && rapid.IntRange(0, 3).Draw(t, name+" sets "+k) == 0 {
			doc[k] = json.RawMessage(rapid.SampledFrom(values[k]).Draw(t, name+" "+k))
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func anySettings(t *rapid.T) core.SettingsDoc {
	doc := anyDoc(t, "settings", func(string) bool { return true })
	if _, err := core.ParseSettings(doc); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	if rapid.Bool().Draw(t, "stamped") {
		var err error
		if doc, err = doc.Stamped(core.Stamp{At: ago(rapid.SampledFrom([]int{0, 4, 60}).Draw(t, "since")), By: "us_1"}, doc.Keys()...); err != nil {
			t.Fatal(err)
		}
	}
	return doc
}

func anyLocks(t *rapid.T) core.SettingsDoc {
	doc := anyDoc(t, "locks", func(k string) bool { return k == "lockout" || policy.Lockable(k) })
	if _, err := policy.ParseLocks(doc); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return doc
}

// anyLine draws a way from the root down to a tenant.
func anyLine(t *rapid.T) []core.Tenant {
	root := platform
	root.Settings, root.Locks = anySettings(t), anyLocks(t)
	line := []core.Tenant{root}
	add := func(n core.Tenant) {
		n.Parent, n.State, n.CreatedAt = line[len(line)-1].ID, core.TenantActive, ago(100)
		n.Path = line[len(line)-1].Path + string(n.ID) + "/"
		line = append(line, n)
	}
	for _, id := range []core.TenantID{"tn_p", "tn_q"} {
		if rapid.Bool().Draw(t, "partner") {
			add(core.Tenant{ID: id, Organisation: id, Kind: core.Partner, Name: string(id), Settings: anySettings(t), Locks: anyLocks(t),
				Mode: rapid.SampledFrom([]core.TenantMode{core.Trial, core.Production}).Draw(t, "mode")})
		}
	}
	if rapid.Bool().Draw(t, "customer") {
		c := customer
		c.Settings = anySettings(t)
		c.MFAState = rapid.SampledFrom([]core.MFAState{core.MFASettled, core.MFASettled, core.MFADisabling}).Draw(t, "mfa")
		add(c)
		if rapid.Bool().Draw(t, "unit") {
			add(core.Tenant{ID: "tn_u", Organisation: "tn_c", Kind: core.Unit})
		}
	}
	return line
}

// organisation cuts a line off behind its last organisation.
func organisation(line []core.Tenant) []core.Tenant {
	for !line[len(line)-1].Kind.IsOrganisation() {
		line = line[:len(line)-1]
	}
	return line
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
