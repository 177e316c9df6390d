package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// put makes an account that stands somewhere, without walking through pages.
func put(h *house.House, where core.Tenant, login string, standing core.Standing, roles ...core.Role) {
	h.T.Helper()
	u, _ := h.Invite(where, login, roles...)
	if standing == core.StandingPending {
		return
	}
	h.Change(where.ID, func(tx store.Tx) error {
		u, err := tx.User(u.ID)
		if err != nil {
			return err
		}
		u.State = core.UserActive
		switch standing {
		case core.StandingService:
			u.Kind = core.ServiceAccount
		case core.StandingFederated:
			u.Federated = true
		case core.StandingInactive:
			u.State = core.UserDisabled
		case core.StandingDeleted:
			u.State = core.UserDeleted
		}
		if err := tx.UpdateUser(u); err != nil || standing != core.StandingEnrolled {
			return err
		}
		return tx.InsertFactor(core.Factor{ID: core.FactorID("fa_" + string(u.ID)[3:]), Tenant: where.ID, User: u.ID, Kind: core.FactorTOTP, State: core.FactorConfirmed,
			Secret: []byte{1}, CreatedAt: tx.Now(), ConfirmedAt: tx.Now()})
	})
}

var statuses = []core.MFAStatus{core.MFAEnabled, core.MFASetupRequired, core.MFAPendingValidation, core.MFADisabled, core.MFAServiceAccount, core.MFANotApplicable, directory.FilterInactive}

// ACR-08, ACR-09, ACR-26: the bar and the table below it say the same at every node,
// whatever holds there; units count with their customer, folders with their partner,
// and a partner's branch is the sum of its organisations.
func TestTheBarAndTheTableAgree(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
		folder := h.Tenant(directory.NewTenant{Kind: core.Folder, Name: "Bakers", Parent: partner.ID})
		on := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "On", Parent: folder.ID, Settings: core.SettingsDoc(`{"requirement":["organization"]}`)})
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Unit", Parent: on.ID})
		roles := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Roles", Parent: partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"],"required_level":{"customer_admin":"mfa"}}`)})
		off := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Off", Parent: folder.ID})
		gone := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Gone", Parent: partner.ID})
		n := 0
		for at, many := range map[*core.Tenant][]int{&partner: {1, 1, 0, 0, 1, 1, 1}, &folder: {2, 0, 1, 1, 0, 0, 1}, &on: {3, 2, 1, 1, 1, 2, 1}, &unit: {1, 3, 2, 0, 1, 0, 1},
			&roles: {1, 3, 1, 1, 0, 1, 1}, &off: {0, 2, 1, 1, 0, 0, 1}, &gone: {2, 2, 1, 0, 0, 0, 0}} {
			for i, s := range []core.Standing{core.StandingEnrolled, core.StandingOpen, core.StandingPending, core.StandingService, core.StandingFederated, core.StandingInactive, core.StandingDeleted} {
				for range many[i] {
					n++
					put(h, *at, fmt.Sprintf("p%03d@example.com", n), s)
				}
			}
		}
		put(h, roles, "admin@example.com", core.StandingOpen, core.CustomerAdmin)
		put(h, roles, "enrolled-admin@example.com", core.StandingEnrolled, core.CustomerAdmin)
		if _, err := h.Directory.DeleteTenant(ctx, gone.ID, "Gone", access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		for name, c := range map[string]struct {
			at   core.Tenant
			want directory.Progress
		}{
			"a partner with its folder":    {partner, directory.Progress{Enabled: 3, SetupRequired: 1, Pending: 1, Service: 1, NotApplicable: 1, Inactive: 1}},
			"a folder":                     {folder, directory.Progress{Enabled: 2, Pending: 1, Service: 1}},
			"a customer with its unit":     {on, directory.Progress{Enabled: 4, SetupRequired: 5, Pending: 3, Service: 1, NotApplicable: 2, Inactive: 2}},
			"a unit":                       {unit, directory.Progress{Enabled: 1, SetupRequired: 3, Pending: 2, NotApplicable: 1}},
			"one that asks administrators": {roles, directory.Progress{Enabled: 2, SetupRequired: 1, Disabled: 3, Pending: 1, Service: 1, Inactive: 1}},
			"one that asks nobody":         {off, directory.Progress{Disabled: 2, Pending: 1, Service: 1}},
		} {
			bar, err := h.Directory.Progress(ctx, c.at.ID, access.System())
			if err != nil || bar != c.want {
				t.Errorf("%s: %+v, %v", name, bar, err)
			}
			total := 0
			for _, status := range append(statuses, "") {
				seen := 0
				for q := (directory.PeopleQuery{Status: status, Limit: 2}); ; {
					page, err := h.Directory.People(ctx, c.at.ID, q, access.System())
					if err != nil {
						t.Fatal(err)
					}
					if page.Progress != bar {
						t.Errorf("%s: the page of %q counts %+v", name, status, page.Progress)
					}
					for _, p := range page.People {
						seen++
						if got := p.Status; status != "" && status != directory.FilterInactive && (got != status || p.Inactive) {
							t.Errorf("%s: %s is %s and listed as %s", name, p.User.Login, got, status)
						}
					}
					if q.After = page.Next; q.After == "" {
						break
					}
				}
				if status == "" {
					if seen != total {
						t.Errorf("%s: %d in all, %d by filter", name, seen, total)
					}
				} else if total += seen; seen != bar.Of(status) {
					t.Errorf("%s: the table has %d people who are %s, the bar %d", name, seen, status, bar.Of(status))
				}
			}
		}
		all, organisations, err := h.Directory.Branch(ctx, partner.ID, access.System())
		want := directory.Progress{Enabled: 9, SetupRequired: 7, Pending: 6, Disabled: 5, Service: 4, NotApplicable: 3, Inactive: 4}
		if err != nil || organisations != 4 || all != want {
			t.Errorf("the branch: %+v of %d organisations, %v", all, organisations, err)
		}
		if all.Asked() != 22 {
			t.Error(all.Asked())
		}
	})
}

// What was put off is counted under the oldest demand, and tables and explanations
// count as the sign-in does: they do not offer skips that are used up.
func TestSkipsAreCountedAsTheSignInDoes(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Elder", "", `{"requirement":["per_user"],"required_level":"mfa","new_user_window":{"days":0},"enforce_at":{"grace":{"days":14,"skips":3}}}`)
		h.Clock.Advance(24 * time.Hour)
		h.Settings(org.ID, `{"requirement":["organization"]}`) // a demand that is younger
		p := h.Person(org, "anna@example.com")
		admin := h.Enrolled(org, "admin@example.com", core.CustomerAdmin)
		for left := 2; left >= 0; left-- {
			r := h.Raw("")
			if a := r.Post(p.Knock(r).Location, "go", "skip"); !a.In() {
				t.Fatalf("skip: fault %q", a.Fault())
			}
			x, err := h.Directory.Detail(t.Context(), p.ID, h.Actor(admin))
			if err != nil {
				t.Fatal(err)
			}
			if x.Stand.SkipsLeft != left {
				t.Errorf("%d skips are left, the page of the person says %d", left, x.Stand.SkipsLeft)
			}
			if may := x.Explained.Outcome == policy.MaySkip; may != (left > 0) {
				t.Errorf("%d skips are left, explained: %s", left, x.Explained.Outcome)
			}
		}
		found, err := h.Directory.People(t.Context(), org.ID, directory.PeopleQuery{Limit: 9}, h.Actor(admin))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range found.People {
			if l.User.ID == p.ID && !l.DueAt.IsZero() {
				t.Errorf("the list says that it may wait until %v", l.DueAt)
			}
		}
	})
}

// New people may wait until their own days are over, counted from when each showed
// their mailbox and not from the change; the preview says when the last of them are.
func TestPreviewSaysWhenNewPeopleAreDue(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		for name, settings := range map[string]string{"at once": `{"requirement":["per_user"],"new_user_window":{"days":7}}`,
			"after a grace": `{"requirement":["per_user"],"new_user_window":{"days":7},"enforce_at":{"grace":{"days":1,"skips":3}}}`} {
			org := h.Organisation(name, "", settings)
			mailbox := strings.ReplaceAll(name, " ", "-") + ".example"
			h.Person(org, "early@"+mailbox)
			h.Clock.Advance(2 * 24 * time.Hour)
			last := h.Person(org, "late@"+mailbox)
			h.Clock.Advance(3 * 24 * time.Hour)
			p, err := h.Directory.PlanSettings(t.Context(), org.ID, core.SettingsDoc(`{"requirement":["organization"]}`), access.Shell(), core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			if e := p.Of(directory.EffectMayWait); e.Count != 2 || !e.DueAt.Equal(last.User().ValidatedAt.AddDate(0, 0, 7)) {
				t.Errorf("%s: %d may wait until %v, the last one came at %v", name, e.Count, e.DueAt, last.User().ValidatedAt)
			}
			if n := p.Of(directory.EffectAsked).Count; n != 0 {
				t.Errorf("%s: %d are asked", name, n)
			}
		}
	})
}

// The session that switches it on is kept, and is not among those that the preview
// says end.
func TestPreviewLeavesOutTheSessionThatIsKept(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Now", "", `{"requirement":["per_user"],"new_user_window":{"days":0},"enforce_at":"revoke_now"}`)
		admin, other := h.Person(org, "admin@now.example", core.CustomerAdmin), h.Person(org, "other@now.example")
		r := h.Raw("")
		admin.Enter(r)
		by := h.Proven(admin)
		by.Session = h.Current(r).Session.ID
		p, err := h.Directory.PlanRequirement(t.Context(), org.ID, []core.Requirement{core.RequireOrganization}, by)
		if err != nil {
			t.Fatal(err)
		}
		if n, want := p.Of(directory.EffectSessions).Count, len(admin.Sessions())+len(other.Sessions())-1; n != want || want < 1 {
			t.Errorf("%d sessions end, want %d", n, want)
		}
	})
}

// The same of locks, where whoever sets them belongs to an organisation below.
func TestPreviewOfLocksLeavesOutTheSessionThatIsKept(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Trial"})
		org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Below", Parent: partner.ID, Settings: core.SettingsDoc(`{"requirement":["per_user"],"new_user_window":{"days":0},"enforce_at":"revoke_now"}`)})
		admin, other := h.Person(org, "admin@below.example"), h.Person(org, "other@below.example")
		if err := h.Directory.GrantRole(ctx, admin.ID, core.PartnerAdmin, partner.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		r := h.Raw("")
		admin.Enter(r)
		h.Settle()
		by := h.Proven(admin)
		by.Session = h.Current(r).Session.ID
		const lock = `{"requirement":["organization"]}`
		p, err := h.Directory.PlanLocks(ctx, partner.ID, core.SettingsDoc(lock), by)
		if err != nil {
			t.Fatal(err)
		}
		was := len(admin.Sessions()) + len(other.Sessions())
		if n, want := p.Of(directory.EffectSessions).Count, was-1; n != want || want < 1 {
			t.Errorf("%d sessions end, want %d", n, want)
		}
		if _, err := h.Directory.SetLocks(ctx, partner.ID, core.SettingsDoc(lock), by, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Rollout.Work(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if !r.Inside() || len(admin.Sessions()) != 1 || len(other.Sessions()) != 0 {
			t.Errorf("inside %v, %d sessions of the one who did it, %d of the other", r.Inside(), len(admin.Sessions()), len(other.Sessions()))
		}
	})
}
