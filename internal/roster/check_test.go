package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
)

const goodHash = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

var above = core.Tenant{ID: "tn_0", Kind: core.Platform, Path: "/tn_0/"}

func checked(t testing.TB, row Row, o Options, kind core.TenantKind, by access.Actor) (candidate, string) {
	t.Helper()
	tenant := core.Tenant{ID: "tn_1", Kind: kind, Path: "/tn_0/tn_1/"}
	at := &place{tenant: tenant, eff: policy.Effective{Path: tenant.Path, Settings: core.DefaultSettings()}, at: access.PlaceOf([]core.Tenant{above, tenant})}
	c, err := check(row, at, o, by)
	if err == nil {
		return c, ""
	}
	fault, ok := core.AsFault(err)
	if !ok {
		t.Fatalf("not a fault: %v", err)
	}
	for name, v := range fault.Params {
		for _, secret := range []string{row.PasswordHash, row.TOTPSecret, row.Login, row.Email, row.Name, row.Roles, row.Status, row.Kind, row.Federated, row.TOTPAlgorithm} {
			if said := fmt.Sprint(v); len(secret) > 3 && strings.Contains(said, secret) && said != "SHA256" && said != "HOTP" && said != "partner_admin" {
				t.Errorf("%s: %s shows what stood in the row: %v", fault.Code, name, v)
			}
		}
	}
	return c, fault.Code
}

func TestRowsThatAreRefused(t *testing.T) {
	good := Row{Login: "anna", Email: "anna@example.com"}
	for name, r := range map[string]struct {
		change func(*Row)
		code   string
	}{
		"nothing wrong":            {func(r *Row) {}, ""},
		"no address":               {func(r *Row) { r.Email = " " }, "import.email_missing"},
		"two addresses":            {func(r *Row) { r.Email = "a@example.com,b@example.com" }, "email.invalid"},
		"a login like an id":       {func(r *Row) { r.Login = "us_01jd0000000000000000000000" }, "login.like_id"},
		"a bad login":              {func(r *Row) { r.Login = "an\u200bna" }, "login.invalid"},
		"a service without names":  {func(r *Row) { r.Kind, r.Email, r.Login = "service_account", "", "" }, "import.login_missing"},
		"a name on two lines":      {func(r *Row) { r.Name = "Anna\x00" }, "name.invalid"},
		"a long name":              {func(r *Row) { r.Name = strings.Repeat("a", 121) }, "name.invalid"},
		"an unknown kind":          {func(r *Row) { r.Kind = "robot" }, "import.kind_unknown"},
		"an unknown status":        {func(r *Row) { r.Status = "deleted" }, "import.status_unknown"},
		"an unknown role":          {func(r *Row) { r.Roles = "user,cook" }, "import.role_unknown"},
		"a role of another place":  {func(r *Row) { r.Roles = "partner_admin" }, "role.wrong_place"},
		"perhaps federated":        {func(r *Row) { r.Federated = "perhaps" }, "import.not_yes_or_no"},
		"must perhaps change":      {func(r *Row) { r.MustChange = "perhaps" }, "import.not_yes_or_no"},
		"a password for a hash":    {func(r *Row) { r.PasswordHash = "correct horse battery staple" }, "import.hash_unknown"},
		"half a hash":              {func(r *Row) { r.PasswordHash = goodHash[:50] }, "import.hash_malformed"},
		"a hash of a minute":       {func(r *Row) { r.PasswordHash = strings.Replace(goodHash, "10", "16", 1) }, "import.hash_too_costly"},
		"a key that is no base32":  {func(r *Row) { r.TOTPSecret = "0189-not-a-key" }, "import.totp_malformed"},
		"a key of 40 bits":         {func(r *Row) { r.TOTPSecret = "MFRGGZDF" }, "import.totp_short"},
		"a key of 1100 bits":       {func(r *Row) { r.TOTPSecret = strings.Repeat("A", 220) }, "import.totp_malformed"},
		"SHA-256":                  {func(r *Row) { r.TOTPSecret, r.TOTPAlgorithm = "JBSWY3DPEHPK3PXP", "HmacSHA256" }, "import.totp_algorithm"},
		"another algorithm":        {func(r *Row) { r.TOTPSecret, r.TOTPAlgorithm = "JBSWY3DPEHPK3PXP", "topsecret" }, "import.totp_algorithm"},
		"a minute":                 {func(r *Row) { r.TOTPSecret, r.TOTPPeriod = "JBSWY3DPEHPK3PXP", "60" }, "import.totp_period"},
		"seven digits":             {func(r *Row) { r.TOTPSecret, r.TOTPDigits = "JBSWY3DPEHPK3PXP", "7" }, "import.totp_digits"},
		"no digits":                {func(r *Row) { r.TOTPSecret, r.TOTPDigits = "JBSWY3DPEHPK3PXP", "six" }, "import.totp_digits"},
		"a counter":                {func(r *Row) { r.TOTPSecret = "otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP&counter=1" }, "import.totp_algorithm"},
		"a URI with SHA-512":       {func(r *Row) { r.TOTPSecret = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&algorithm=SHA512" }, "import.totp_algorithm"},
		"a URI without a key":      {func(r *Row) { r.TOTPSecret = "otpauth://totp/x" }, "import.totp_short"},
		"a URI that is none":       {func(r *Row) { r.TOTPSecret = "otpauth://%zz" }, "import.totp_malformed"},
		"a good hash and half key": {func(r *Row) { r.PasswordHash, r.TOTPSecret = goodHash, "A" }, "import.totp_short"},
	} {
		row := good
		r.change(&row)
		if _, code := checked(t, row, Options{}, core.Customer, access.Shell()); code != r.code {
			t.Errorf("%s: %q, want %q", name, code, r.code)
		}
	}
	nobody := access.Actor{User: core.User{ID: "us_1"}}
	if _, code := checked(t, good, Options{}, core.Customer, nobody); code != "tenant.unknown" {
		t.Errorf("somebody without a right: %q", code)
	}
	inviter := access.Actor{User: core.User{ID: "us_1"}, Grants: []access.Grant{{Role: "ro_1", Base: core.CustomerAdmin, Cut: []access.Permission{access.ViewPeople, access.Invite}, At: access.PlaceOf([]core.Tenant{above, {ID: "tn_1", Kind: core.Customer, Path: "/tn_0/tn_1/"}})}}}
	row := good
	row.Roles = "customer_admin"
	if _, code := checked(t, row, Options{}, core.Customer, inviter); code != "forbidden" {
		t.Errorf("who may only invite grants an administrator: %q", code)
	}
}

func TestWhatRowsMean(t *testing.T) {
	c, code := checked(t, Row{Login: " Anna.B ", Email: "Anna@Example.com", Name: "  Anna   Berg ", Kind: "person", Status: "active", Locale: "de_AT", Roles: "user; helpdesk|user",
		PasswordHash: " " + goodHash + "\n", MustChange: "Yes", TOTPSecret: "otpauth://totp/Old:anna?secret=jbswy3dpehpk3pxpjbswy3dpehpk3pxp&digits=8&period=30&algorithm=SHA1", TOTPDigits: "6"},
		Options{}, core.Customer, access.Shell())
	if code != "" {
		t.Fatal(code)
	}
	u := c.user
	if u.Login != "Anna.B" || u.LoginKey != "anna.b" || u.Email != "Anna@example.com" || u.EmailKey != "anna@example.com" || u.Name != "Anna Berg" || u.Locale != "de" ||
		u.State != core.UserValidated || u.Kind != core.Person || u.Tenant != "tn_1" || u.Federated {
		t.Errorf("%+v", u)
	}
	if !slices.Equal(c.roles, []core.Role{core.RoleUser, core.Helpdesk}) || !c.mustChange || !c.hashed || c.hash.Kind() != "bcrypt" || len(c.app.secret) != 20 || c.app.digits != 8 || len(c.notes) != 0 {
		t.Errorf("%+v", c)
	}
	for name, r := range map[string]struct {
		row   Row
		check func(c candidate) bool
		notes string
	}{
		"least": {Row{Email: "ben@example.com"}, func(c candidate) bool {
			return c.user.Login == "ben@example.com" && c.user.Name == "ben" && c.user.State == core.UserValidated && slices.Equal(c.roles, []core.Role{core.RoleUser}) && !c.saidRoles && !c.saidName
		}, "[]"},
		"invited":            {Row{Email: "ben@example.com", Status: "invited"}, func(c candidate) bool { return c.user.State == core.UserInvited }, "[]"},
		"pending validation": {Row{Email: "ben@example.com", Status: "pending_validation"}, func(c candidate) bool { return c.user.State == core.UserInvited }, "[]"},
		"disabled": {Row{Email: "ben@example.com", Status: "disabled"}, func(c candidate) bool {
			return c.user.State == core.UserDisabled && c.user.Before == core.UserValidated
		}, "[]"},
		"a language nobody speaks": {Row{Email: "ben@example.com", Locale: "tlh"}, func(c candidate) bool { return c.user.Locale == "" }, "[locale.left_out]"},
		"no language":              {Row{Email: "ben@example.com", Locale: "?"}, func(c candidate) bool { return c.user.Locale == "" }, "[locale.left_out]"},
		"federated": {Row{Email: "ben@example.com", Federated: "true", PasswordHash: "whatever", TOTPSecret: "A"}, func(c candidate) bool {
			return c.user.Federated && !c.hashed && c.app.secret == nil
		}, "[federated.secrets_left_out]"},
		"a service": {Row{Login: "job", Kind: "service_account", PasswordHash: goodHash, TOTPSecret: "JBSWY3DPEHPK3PXP"}, func(c candidate) bool {
			return c.user.Kind == core.ServiceAccount && c.user.Email == "" && c.hashed && c.app.secret == nil
		}, "[service_account.app_left_out]"},
		"an old key": {Row{Email: "ben@example.com", TOTPSecret: "JBSW Y3DP-EHPK3PXP"}, func(c candidate) bool { return len(c.app.secret) == 10 }, "[totp.short]"},
		"padding":    {Row{Email: "ben@example.com", TOTPSecret: "JBSWY3DPEHPK3PXPJBSWY3DPEE======"}, func(c candidate) bool { return len(c.app.secret) == 16 }, "[]"},
		"notes":      {Row{Email: "ben@example.com", Notes: []string{"x"}}, func(c candidate) bool { return true }, "[x]"},
	} {
		c, code := checked(t, r.row, Options{}, core.Customer, access.Shell())
		if code != "" || !r.check(c) || fmt.Sprint(c.notes) != r.notes {
			t.Errorf("%s: %q, %+v", name, code, c)
		}
	}
	c, code = checked(t, Row{Email: "ben@example.com", PasswordHash: "rot13", TOTPSecret: "A"}, Options{DropSecrets: true}, core.Customer, access.Shell())
	if code != "" || c.hashed || c.app.secret != nil || fmt.Sprint(c.notes) != "[password_hash.left_out totp.left_out]" {
		t.Errorf("unusable secrets dropped: %q, %+v", code, c)
	}
}

func TestPlacesAreFound(t *testing.T) {
	node := func(id, parent, name string, kind core.TenantKind, state core.TenantState) core.Tenant {
		return core.Tenant{ID: core.TenantID(id), Parent: core.TenantID(parent), Name: name, Kind: kind, State: state}
	}
	p := newPlaces([]core.Tenant{
		node("tn_root", "", "Vendor", core.Platform, core.TenantActive),
		node("tn_msp", "tn_root", "Nordwind MSP", core.Partner, core.TenantActive),
		node("tn_huber", "tn_msp", "Bäckerei Huber", core.Customer, core.TenantActive),
		node("tn_sued", "tn_huber", "Filiale Süd", core.Unit, core.TenantSuspended),
		node("tn_other", "tn_root", "Andere", core.Customer, core.TenantActive),
		node("tn_sued2", "tn_other", "Filiale Süd", core.Unit, core.TenantActive),
		node("tn_slash", "tn_root", "Nordwind MSP/Bäckerei Huber", core.Customer, core.TenantActive),
		node("tn_gone", "tn_root", "Gone", core.Customer, core.TenantDeleted),
		node("tn_below", "tn_gone", "Below", core.Unit, core.TenantActive),
		node("tn_name", "tn_root", "tn_msp", core.Customer, core.TenantActive),
	}, 0)
	for name, want := range map[string]string{
		"tn_huber": "tn_huber", " tn_huber ": "tn_huber", "Andere/Filiale Süd": "tn_sued2", "andere / filiale  süd": "tn_sued2", "/Andere/Filiale Süd/": "tn_sued2",
		"Vendor/Andere": "tn_other", "Vendor": "tn_root", "nordwind msp": "tn_msp", "ANDERE": "tn_other", "Nordwind MSP/Bäckerei Huber/Filiale Süd": "tn_sued",
		"Bäckerei Huber": "tn_huber", "tn_msp": "tn_msp", "Filiale Süd": "tenant.ambiguous", "Nordwind MSP/Bäckerei Huber": "tenant.ambiguous",
		"Gone": "tenant.unknown", "tn_gone": "tenant.unknown", "tn_below": "tenant.unknown", "Below": "tenant.unknown", "": "tenant.unknown", "/": "tenant.unknown", "Huber": "tenant.unknown",
	} {
		at, fault := p.find(name)
		got := ""
		if fault != nil {
			got = fault.Code
		} else {
			got = string(at.tenant.ID)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
	for id := range p.byID {
		if id == "tn_gone" || id == "tn_below" {
			continue
		}
		if at, fault := p.find(p.pathOf(id)); fault != nil || at.tenant.ID != id {
			t.Errorf("%s is written as %q, which is not found", id, p.pathOf(id))
		}
	}
	if p.pathOf("tn_sued2") != "Andere/Filiale Süd" || p.pathOf("tn_huber") != "tn_huber" || p.pathOf("tn_root") != "Vendor" {
		t.Errorf("%q, %q, %q", p.pathOf("tn_sued2"), p.pathOf("tn_huber"), p.pathOf("tn_root"))
	}
}
