package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Decision 4, WBX-03: where a second factor is asked for in selected apps, it is due
// for who used one of them in the last 90 days. The bar, the table, what a search
// finds, a person's page and the branch say the same.
func TestSelectedAppsAreDueForWhoUsesThem(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx, now := t.Context(), h.Clock.Now()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
		org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: partner.ID, Settings: core.SettingsDoc(`{"requirement":["selected_apps"]}`)})
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Filiale", Parent: org.ID})
		other := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Fremd", Parent: partner.ID})
		app := func(at core.TenantID, name string) core.AppID {
			t.Helper()
			a, _, err := h.Directory.CreateApp(ctx, at, directory.AppWish{Name: name, Doc: core.AppDoc{RedirectURIs: []string{"https://app.example.org/cb"}}}, access.Shell(), core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			return a.ID
		}
		ledger, till, oven := app(h.Root.ID, "Ledger"), app(org.ID, "Till"), app(unit.ID, "Oven")
		used := func(at core.Tenant, login string, standing core.Standing, ago time.Duration, apps ...core.AppID) core.UserID {
			t.Helper()
			put(h, at, login, standing)
			h.Settle()
			found, err := h.Store.FindLogin(ctx, login, nil)
			if err != nil {
				t.Fatal(err)
			}
			h.Change(at.ID, func(tx store.Tx) error {
				for _, a := range apps {
					if err := tx.SaveConnection(core.Connection{Tenant: at.ID, User: found.User.ID, App: a, FirstUsedAt: now.Add(-ago), LastUsedAt: now.Add(-ago)}); err != nil {
						return err
					}
				}
				return nil
			})
			return found.User.ID
		}
		day := 24 * time.Hour
		both := used(org, "p1@example.com", core.StandingOpen, day, ledger, till)
		used(org, "p2@example.com", core.StandingOpen, 89*day, till)
		used(org, "p3@example.com", core.StandingOpen, 91*day, ledger)
		used(org, "p4@example.com", core.StandingOpen, day, oven)
		used(org, "p5@example.com", core.StandingOpen, 0)
		used(org, "p6@example.com", core.StandingEnrolled, day, ledger)
		used(org, "p7@example.com", core.StandingFederated, day, ledger)
		used(org, "p8@example.com", core.StandingInactive, day, ledger)
		used(org, "p9@example.com", core.StandingPending, day, ledger)
		used(unit, "q1@example.com", core.StandingOpen, day, ledger)
		used(unit, "q2@example.com", core.StandingOpen, day, oven)
		used(other, "x1@example.com", core.StandingOpen, day, ledger)

		agree := func(name string, at core.Tenant, want directory.Progress, due ...string) {
			t.Helper()
			bar, err := h.Directory.Progress(ctx, at.ID, access.System())
			if err != nil || bar != want {
				t.Errorf("%s: the bar %+v, %v", name, bar, err)
			}
			for _, prefix := range []string{"", "p", "q"} {
				for _, status := range []core.MFAStatus{core.MFASetupRequired, core.MFADisabled, ""} {
					var got []string
					for q := (directory.PeopleQuery{Status: status, Prefix: prefix, Limit: 1}); ; {
						page, err := h.Directory.People(ctx, at.ID, q, access.System())
						if err != nil || page.Progress != bar {
							t.Fatal(name, page.Progress, err)
						}
						for _, l := range page.People {
							if l.Status == core.MFASetupRequired && !l.Inactive || status == core.MFASetupRequired {
								got = append(got, l.User.Login[:2])
							}
							x, err := h.Directory.Detail(ctx, l.User.ID, access.System())
							if err != nil || x.Stand.Status != l.Status || status != "" && l.Status != status {
								t.Errorf("%s: %s is %s on their page, %s in the table, under %q: %v", name, l.User.Login, x.Stand.Status, l.Status, status, err)
							}
						}
						if q.After = page.Next; q.After == "" {
							break
						}
					}
					var of []string
					for _, d := range due {
						if strings.HasPrefix(d, prefix) && status != core.MFADisabled {
							of = append(of, d)
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(of) {
						t.Errorf("%s: searched for %q under %q it is due for %v, not %v", name, prefix, status, got, of)
					}
				}
			}
		}
		agree("none selected", org, directory.Progress{Enabled: 1, Disabled: 7, Pending: 1, NotApplicable: 1, Inactive: 1})
		flip := func(id core.AppID, on bool) {
			t.Helper()
			if _, err := h.Directory.SelectApp(ctx, org.ID, id, on, access.Shell(), core.Client{}); err != nil {
				t.Fatal(err)
			}
		}
		flip(ledger, true)
		agree("one", org, directory.Progress{Enabled: 1, SetupRequired: 2, Disabled: 5, Pending: 1, NotApplicable: 1, Inactive: 1}, "p1", "q1")
		flip(till, true)
		agree("two", org, directory.Progress{Enabled: 1, SetupRequired: 3, Disabled: 4, Pending: 1, NotApplicable: 1, Inactive: 1}, "p1", "p2", "q1")
		agree("two, in the unit", unit, directory.Progress{SetupRequired: 1, Disabled: 1}, "q1")
		agree("elsewhere", other, directory.Progress{Disabled: 1})
		rows, _, err := h.Directory.Rows(ctx, partner.ID, store.Page{Limit: 9}, false, access.System())
		if err != nil || len(rows) != 2 || rows[0].Progress.SetupRequired+rows[1].Progress.SetupRequired != 3 {
			t.Errorf("the rows of the tree: %+v, %v", rows, err)
		}

		// What a change would do says the same.
		for change, want := range map[string]map[string]int{
			`{"requirement":["per_user"]}`:               {directory.EffectReleased: 3},
			`{"requirement":["organization"]}`:           {directory.EffectAsked: 7},
			`{"selected_apps":["` + string(oven) + `"]}`: {directory.EffectReleased: 1},
		} {
			p, err := h.Directory.PlanSettings(ctx, org.ID, core.SettingsDoc(change), access.Shell(), core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			for what, n := range want {
				if p.Of(what).Count != n {
					t.Errorf("%s: %+v", change, p.Effects)
				}
			}
		}

		// Who holds a role that is asked of counts once, with or without an app.
		h.Change(org.ID, func(tx store.Tx) error {
			return tx.Grant(core.RoleGrant{User: both, Tenant: org.ID, Role: core.CustomerAdmin, At: tx.Now()})
		})
		put(h, org, "p0@example.com", core.StandingOpen, core.CustomerAdmin)
		h.Settle()
		h.Settings(org.ID, `{"required_level":{"customer_admin":"mfa"}}`)
		agree("roles too", org, directory.Progress{Enabled: 1, SetupRequired: 4, Disabled: 4, Pending: 1, NotApplicable: 1, Inactive: 1}, "p0", "p1", "p2", "q1")

		// 90 days later nobody used any.
		h.Clock.Advance(91 * day)
		agree("long after", org, directory.Progress{Enabled: 1, SetupRequired: 2, Disabled: 6, Pending: 1, NotApplicable: 1, Inactive: 1}, "p0", "p1")
	})
}
