package policy_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

func node(id string, kind core.TenantKind, mode core.TenantMode, settings string, above ...core.Tenant) core.Tenant {
	path := "/"
	if len(above) > 0 {
		path = above[len(above)-1].Path
	}
	return core.Tenant{ID: core.TenantID(id), Kind: kind, Mode: mode, State: core.TenantActive, Name: strings.ToUpper(id), Path: path + id + "/",
		Settings: core.SettingsDoc(settings), CreatedAt: now}
}

// Decision 2, row ACR-02, ACR-03: the platform and partners in production are
// locked on, a trial is not, customers are their own masters, units and folders
// take what holds above them.
func TestEffective(t *testing.T) {
	root := node("root", core.Platform, core.Production, ``)
	trial := node("trial", core.Partner, core.Trial, ``, root)
	partner := node("partner", core.Partner, core.Production, `{"requirement":[]}`, root)
	folder := node("folder", core.Folder, "", ``, partner)
	client := node("client", core.Customer, core.Production, ``, folder)
	strict := node("strict", core.Customer, core.Production, `{"requirement":["organization"],"display_name":"Strict & Sons"}`, folder)
	unit := node("unit", core.Unit, "", ``, strict)
	deep := node("deep", core.Unit, "", ``, unit)
	for _, c := range []struct {
		name     string
		line     []core.Tenant
		org      core.TenantID
		requires bool
		locked   bool
		by       core.TenantID
	}{
		{"platform", []core.Tenant{root}, "root", true, true, "root"},
		{"partner in production", []core.Tenant{root, partner}, "partner", true, true, "root"},
		{"partner on trial", []core.Tenant{root, trial}, "trial", false, false, ""},
		{"folder of a partner", []core.Tenant{root, partner, folder}, "partner", true, true, "root"},
		{"customer: nothing comes down but locks", []core.Tenant{root, partner, folder, client}, "client", false, false, ""},
		{"customer that chose so", []core.Tenant{root, partner, folder, strict}, "strict", true, false, ""},
		{"its unit inherits", []core.Tenant{root, partner, folder, strict, unit}, "strict", true, false, ""},
		{"and the unit below", []core.Tenant{root, partner, folder, strict, unit, deep}, "strict", true, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := policy.Of(c.line)
			if err != nil {
				t.Fatal(err)
			}
			if e.Organisation.ID != c.org || e.Settings.Requires(core.RequireOrganization) != c.requires || e.Locked != c.locked || e.LockedBy.ID != c.by {
				t.Errorf("of %s, required %v, locked %v by %s", e.Organisation.ID, e.Settings.Requires(core.RequireOrganization), e.Locked, e.LockedBy.ID)
			}
			if e.Path != c.line[len(c.line)-1].Path {
				t.Errorf("path %s", e.Path)
			}
			by, required := policy.Required(policy.Person{Kind: core.Person}, e)
			if required != c.requires || c.locked && by.ID != c.by || !c.locked && required && by.ID != c.org {
				t.Errorf("standing: %v by %s", required, by.ID)
			}
		})
	}
}

// A trial that is turned into production is locked on by that alone.
func TestConversionLocksOn(t *testing.T) {
	root := node("root", core.Platform, core.Production, ``)
	p := node("p", core.Partner, core.Trial, `{"factors":["totp","email_code"]}`, root)
	for _, mode := range []core.TenantMode{core.Trial, core.Production} {
		p.Mode = mode
		e, err := policy.Of([]core.Tenant{root, p})
		if err != nil {
			t.Fatal(err)
		}
		if locked := mode == core.Production; e.Locked != locked || e.Settings.Offers(core.FactorEmailCode) == locked {
			t.Errorf("%s: locked %v, factors %v", mode, e.Locked, e.Settings.Factors)
		}
	}
}

// Suspension goes down the branch, and the node that caused it is named.
func TestSuspensionGoesDown(t *testing.T) {
	root := node("root", core.Platform, core.Production, ``)
	p := node("p", core.Partner, core.Production, ``, root)
	c := node("c", core.Customer, core.Production, ``, p)
	u := node("u", core.Unit, "", ``, c)
	for _, state := range []core.TenantState{core.TenantSuspended, core.TenantDeleted, "frozen"} {
		for i := range 4 {
			line := []core.Tenant{root, p, c, u}
			line[i].State = state
			e, err := policy.Of(line)
			if err != nil || e.Suspended == nil || e.Suspended.ID != line[i].ID {
				t.Errorf("%s at %s: %+v, %v", state, line[i].ID, e.Suspended, err)
			}
		}
	}
	if e, err := policy.Of([]core.Tenant{root, p, c, u}); err != nil || e.Suspended != nil {
		t.Errorf("nobody is suspended: %+v, %v", e.Suspended, err)
	}
}

// Unknown means deny: what cannot be folded is an error and never "no rule".
func TestEffectiveErrs(t *testing.T) {
	bad := node("c", core.Customer, core.Production, `{"requirement":7}`, platform)
	for name, line := range map[string][]core.Tenant{
		"no line": nil, "no organisation": {node("u", core.Unit, "", ``)}, "a broken document": {platform, bad},
	} {
		if e, err := policy.Of(line); err == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestEffectiveKnowsSinceWhen(t *testing.T) {
	since := now.Add(72 * time.Hour)
	c := node("c", core.Customer, core.Production, `{"requirement":["organization"],"requirement_since":"`+since.Format(time.RFC3339)+`"}`, platform)
	e, err := policy.Of([]core.Tenant{platform, c})
	if err != nil || !e.Since.Equal(since) {
		t.Errorf("%v, %v", e.Since, err)
	}
	c.Settings = nil
	if e, err = policy.Of([]core.Tenant{platform, c}); err != nil || !e.Since.Equal(now) {
		t.Errorf("%v, %v", e.Since, err)
	}
	if e.Name() != "C" || e.Zone() != time.UTC {
		t.Errorf("%s, %s", e.Name(), e.Zone())
	}
}
