package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/rollout"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// ACR-06, ACR-07, ACR-08, ACR-10, ACR-26: switching on says first who meets what;
// then everybody without a factor is to set one up, sessions stay, and the bar
// counts.
func TestSwitchingOn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx, r := t.Context(), h.Rollout
		admin := h.Actor(b.admin)
		before := status(h, b.customer.ID, admin)
		if before.State != rollout.Enabled || !slices.Equal(before.Requirement, perUser) || !before.UpdateAllowed || before.Locked || before.Inherited ||
			before.Progress != (directory.Progress{Enabled: 3, Pending: 1, Disabled: 1, Inactive: 1}) {
			t.Errorf("%+v", before)
		}
		p, err := r.PlanEnable(ctx, b.customer.ID, organization, admin)
		if err != nil || p.Of(directory.EffectAsked).Count != 1 || p.Of(directory.EffectAsked).First[0].Login != b.carl.Login ||
			p.Of(directory.EffectPending).Count != 1 || p.Of(directory.EffectEnrolled).Count != 3 || p.Of(directory.EffectStuck).Count != 0 || len(p.Settings) != 1 {
			t.Errorf("%+v, %v", p, err)
		}
		if s := status(h, b.customer.ID, admin); !slices.Equal(s.Requirement, perUser) {
			t.Error("a preview changed something")
		}
		e, err := r.Enable(ctx, b.customer.ID, organization, admin, core.Client{Request: "req_1"})
		if err != nil || !e.Settings.Requires(core.RequireOrganization) {
			t.Fatal(e.Settings.Requirement, err)
		}
		s := status(h, b.customer.ID, admin)
		if s.State != rollout.Enabled || s.Progress != (directory.Progress{Enabled: 3, SetupRequired: 1, Pending: 1, Inactive: 1}) || s.Progress.Asked() != 5 ||
			!s.Since.Equal(h.Clock.Now()) && s.Since.IsZero() {
			t.Errorf("%+v", s)
		}
		if all := events(h, b.customer.ID, "tenant.mfa."); len(all) != 1 || all[0].Name != audit.TenantMFAMode || all[0].Detail["requirement"] != "organization" ||
			all[0].Actor != string(b.admin.ID) || all[0].Request != "req_1" {
			t.Errorf("%+v", all)
		}
		// Sessions stay; the next sign-in asks.
		if len(b.carl.Sessions()) != 1 {
			t.Error("a session ended")
		}
		if page := b.carl.Door(h.Browser("")); page.Name != "setup-required" {
			t.Errorf("the next sign-in leads to %q", page.Name)
		}
		// A unit has no switch; it takes the customer's.
		if _, err := r.Enable(ctx, b.unit.ID, organization, admin, core.Client{}); code(err) != "tenant.settings_inherited" {
			t.Errorf("on a unit: %v", err)
		}
		if s := status(h, b.unit.ID, admin); !s.Inherited || s.UpdateAllowed || s.Organisation.ID != b.customer.ID || s.State != rollout.Enabled ||
			s.Progress != (directory.Progress{Enabled: 1, SetupRequired: 1}) {
			t.Errorf("%+v", s)
		}
		// It does not come down from a partner to its customers, nor beside.
		if s := status(h, b.other.ID, h.Actor(b.boss)); !slices.Equal(s.Requirement, perUser) {
			t.Errorf("%+v", s)
		}
		for name, c := range map[string]struct {
			by   access.Actor
			id   core.TenantID
			r    []core.Requirement
			want string
		}{
			"nothing":                    {admin, b.customer.ID, nil, "mfa.empty"},
			"what nobody knows":          {admin, b.customer.ID, []core.Requirement{"pigeon"}, "settings.invalid"},
			"another customer's":         {admin, b.other.ID, organization, "not_found"},
			"above":                      {admin, b.partner.ID, organization, "not_found"},
			"an id that never was":       {admin, "tn_never", organization, "not_found"},
			"by somebody without rights": {h.Actor(b.anna), b.customer.ID, organization, "not_found"},
		} {
			if _, err := r.Enable(ctx, c.id, c.r, c.by, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := r.PlanEnable(ctx, c.id, c.r, c.by); code(err) != c.want {
				t.Errorf("plan of %s: %v", name, err)
			}
		}
	})
}

// Decision 2: those above turn the switch where they manage the organisation, and
// not where it manages itself; they see it in both.
func TestTheSwitchFromAbove(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		self := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Self", Parent: b.partner.ID, ManagedBy: core.ManagedBySelf})
		if s := status(h, self.ID, h.Actor(b.boss)); s.UpdateAllowed || s.State != rollout.Disabled {
			t.Errorf("%+v", s)
		}
		if _, err := h.Rollout.Enable(ctx, self.ID, organization, h.Actor(b.boss), core.Client{}); code(err) != "forbidden" {
			t.Errorf("self-managed: %v", err)
		}
		if s := status(h, b.customer.ID, h.Actor(b.boss)); !s.UpdateAllowed {
			t.Errorf("%+v", s)
		}
		if _, err := h.Rollout.Enable(ctx, b.customer.ID, organization, h.Actor(b.boss), core.Client{}); err != nil {
			t.Errorf("managed from above: %v", err)
		}
		e, err := h.Rollout.Enable(ctx, self.ID, organization, access.Shell(), core.Client{})
		if err != nil || !e.Settings.On() {
			t.Errorf("by the operator: %v", err)
		}
		if all := events(h, self.ID, "tenant.mfa."); len(all) != 1 || all[0].Name != audit.TenantMFAEnabled || all[0].Actor != core.ActorShell {
			t.Errorf("%+v", all)
		}
	})
}

// ACR-02: partners in production and the platform are locked on, and say by whom.
func TestSwitchesThatAreLocked(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		if s := status(h, b.partner.ID, h.Actor(b.boss)); !s.Locked || s.UpdateAllowed || s.State != rollout.Enabled {
			t.Errorf("%+v", s)
		}
		for _, id := range []core.TenantID{b.partner.ID, h.Root.ID} {
			if _, err := h.Rollout.PlanDisable(ctx, id, access.Shell()); code(err) != "policy.locked" {
				t.Errorf("%s: %v", id, err)
			}
			if _, err := h.Rollout.Disable(ctx, id, "Nordwind", access.Shell(), core.Client{}); code(err) != "policy.locked" {
				t.Errorf("%s: %v", id, err)
			}
		}
		// A customer that its partner holds to it.
		if _, err := h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":["organization"]}`), h.Actor(b.boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		s := status(h, b.customer.ID, h.Actor(b.admin))
		if !s.Locked || s.LockedBy.ID != b.partner.ID || s.UpdateAllowed || !slices.Contains(s.Requirement, core.RequireOrganization) {
			t.Errorf("%+v", s)
		}
		if _, err := h.Rollout.Disable(ctx, b.customer.ID, "Huber", h.Proven(b.admin), core.Client{}); code(err) != "policy.locked" {
			t.Errorf("%v", err)
		}
	})
}

// ACR-10, ACR-24, ACR-25, DS-13: switching off asks for the name and for a second
// factor of the actor's own, and ends with nothing left but the history.
func TestSwitchingOff(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		b := grow(h)
		ctx, r := t.Context(), h.Rollout
		_, err := r.Enable(ctx, b.customer.ID, organization, h.Actor(b.admin), core.Client{})
		must(t, err)
		h.Settle()
		h.Change(b.customer.ID, func(tx store.Tx) error {
			all, err := tx.Browsers(b.anna.ID)
			if err != nil {
				return err
			}
			all[0].TrustedAt, all[0].TrustedUntil = tx.Now(), tx.Now().Add(24*time.Hour)
			return tx.TrustBrowser(all[0])
		})
		pass, err := h.Recovery.MakePass(ctx, b.berta.ID, 0, h.Proven(b.admin), core.Client{})
		must(t, err)

		// Asked first.
		p, err := r.PlanDisable(ctx, b.customer.ID, h.Actor(b.admin))
		if err != nil || p.Losses != (store.Losses{People: 4, Apps: 4, Codes: 4, Browsers: 1}) || p.Confirm != "Huber" ||
			p.Of(directory.EffectLost).Count != 4 || len(p.Of(directory.EffectLost).First) != 3 || p.Of(directory.EffectReleased).Count != 1 || p.Of(directory.EffectEnrolled).Count != 0 {
			t.Errorf("%+v, %v", p, err)
		}
		stale := h.Proven(b.admin)
		for i := range stale.Proofs {
			stale.Proofs[i].At = h.Clock.Now().Add(-access.Fresh)
		}
		acting := h.Proven(b.boss)
		for name, c := range map[string]struct {
			by    access.Actor
			typed string
			want  string
		}{
			"without a proof":     {h.Actor(b.admin), "Huber", core.ErrStepUp.Code},
			"with a stale one":    {stale, "Huber", core.ErrStepUp.Code},
			"without the name":    {h.Proven(b.admin), "", core.ErrConfirmRequired.Code},
			"with another name":   {h.Proven(b.admin), "Weber", core.ErrConfirmRequired.Code},
			"by a plain user":     {h.Proven(b.anna), "Huber", "not_found"},
			"from above, unnamed": {acting, "", core.ErrConfirmRequired.Code},
		} {
			if _, err := r.Disable(ctx, b.customer.ID, c.typed, c.by, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := status(h, b.customer.ID, h.Actor(b.admin)); s.State != rollout.Enabled {
			t.Fatalf("%+v", s)
		}
		door := h.Raw("")
		b.anna.Attempt(door) // somebody stands at the door with a code

		// Said.
		_, err = r.Disable(ctx, b.customer.ID, " huber ", h.Proven(b.admin), core.Client{Request: "req_9"})
		must(t, err)
		s := status(h, b.customer.ID, h.Actor(b.admin))
		if s.State != rollout.Disabling || s.UpdateAllowed || s.Began.IsZero() || s.Done != (rollout.Counts{}) || len(s.Requirement) != 0 {
			t.Errorf("%+v", s)
		}
		// A password is enough at once, nobody enrols, and the switch waits.
		if page := b.anna.Door(h.Browser("")); page.Name != "account" {
			t.Errorf("while it is switched off: %q", page.Name)
		}
		v := h.Browser("")
		b.carl.Door(v)
		if page := h.Must(v.Get("/account/security/totp")); page.Name == "enrol-totp" {
			t.Error("somebody can enrol")
		}
		for name, err := range map[string]error{
			"enable":     second(r.Enable(ctx, b.customer.ID, organization, h.Actor(b.admin), core.Client{})),
			"plan":       second(r.PlanEnable(ctx, b.customer.ID, perUser, h.Actor(b.admin))),
			"settings":   second(h.Directory.ChangeSettings(ctx, b.customer.ID, core.SettingsDoc(`{"requirement":["per_user"]}`), h.Actor(b.admin), core.Client{})),
			"again":      second(r.Disable(ctx, b.customer.ID, "Huber", h.Proven(b.admin), core.Client{})),
			"a pass":     second(h.Recovery.MakePass(ctx, b.berta.ID, 0, h.Proven(b.admin), core.Client{})),
			"move a man": second(h.Directory.PlanMove(ctx, b.carl.ID, b.other.ID, access.Shell())),
		} {
			if code(err) != "mfa.disabling" {
				t.Errorf("%s while disabling: %v", name, err)
			}
		}
		if _, err := h.Directory.ChangeSettings(ctx, b.customer.ID, core.SettingsDoc(`{"invitation_days":3}`), h.Actor(b.admin), core.Client{}); err != nil {
			t.Errorf("another setting: %v", err)
		}

		// Done.
		finish(h, r)
		s = status(h, b.customer.ID, h.Actor(b.admin))
		if s.State != rollout.Disabled || !s.UpdateAllowed || s.Progress != (directory.Progress{Pending: 1, Disabled: 4, Inactive: 1}) {
			t.Errorf("%+v", s)
		}
		if left := losses(h, b.customer.ID); left != (store.Losses{}) {
			t.Errorf("left: %+v", left)
		}
		all := events(h, b.customer.ID, "tenant.mfa.disabled")
		if len(all) != 1 || all[0].Actor != string(b.admin.ID) || all[0].Request != "req_9" || all[0].Detail["people"] != "4" || all[0].Detail["apps"] != "4" ||
			all[0].Detail["codes"] != "4" || all[0].Detail["browsers"] != "1" {
			t.Errorf("%+v", all)
		}
		if all := events(h, b.customer.ID, audit.TenantMFADisabling); len(all) != 1 || all[0].Detail["people"] != "4" {
			t.Errorf("%+v", all)
		}
		const subject = "Two-factor authentication was switched off"
		for p, want := range map[*house.Person]int{b.anna: 1, b.berta: 1, b.admin: 1, b.carl: 0, b.off: 0, b.boss: 0} {
			if got := mails(h, p.Login, subject); got != want {
				t.Errorf("%s was told %d times", p.Login, got)
			}
		}
		for _, f := range b.off.History() {
			if f.State != core.FactorRevoked || len(f.Secret) > 0 || f.Handle != "" || f.RevokedWhy != "switched_off" && f.Kind != core.FactorRecoveryCode {
				t.Errorf("%+v", f)
			}
		}
		if len(b.boss.Factors()) == 0 {
			t.Error("the partner's own factor went")
		}
		h.View(b.unit.ID, func(r store.Reader) error {
			tokens, err := r.Tokens(b.berta.ID, core.TokenPass)
			for _, k := range tokens {
				if k.State(r.Now()) == core.TokenGood {
					t.Errorf("the pass %s works on", pass.Code)
				}
			}
			return err
		})
		if a := door.Get("/account/profile"); a.Status == 200 {
			t.Error("the attempt of before got in without an answer")
		}
		if page := b.berta.Door(h.Browser("")); page.Name != "account" {
			t.Errorf("after: %q", page.Name)
		}
		if _, err := r.PlanDisable(ctx, b.customer.ID, h.Actor(b.admin)); code(err) != "mfa.is_off" {
			t.Errorf("off twice: %v", err)
		}
		// And on again: everybody enrols anew.
		if _, err := r.Enable(ctx, b.customer.ID, organization, h.Actor(b.admin), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if s := status(h, b.customer.ID, h.Actor(b.admin)); s.Progress.SetupRequired != 4 {
			t.Errorf("%+v", s.Progress)
		}
	})
}

func second[A any](_ A, err error) error { return err }

// Decision 7.8: where nobody has a second factor, the actor's password is enough;
// where somebody has and the actor has none, they enrol first.
func TestWhatSwitchingOffAsksOfTheActor(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		ctx := t.Context()
		org := h.Organisation("Bare", "", `{"requirement":["per_user"]}`)
		admin := h.Person(org, "admin@bare.example", core.CustomerAdmin)
		anna := h.Enrolled(org, "anna@bare.example")
		if _, err := h.Rollout.Disable(ctx, org.ID, "Bare", h.Proven(admin), core.Client{}); code(err) != core.ErrStepUp.Code || method(err) != access.AskEnrol {
			t.Errorf("%v", err)
		}
		if _, err := h.Recovery.ResetMFA(ctx, anna.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Rollout.Disable(ctx, org.ID, "Bare", h.Actor(admin), core.Client{}); code(err) != core.ErrStepUp.Code || method(err) != access.AskPassword {
			t.Errorf("%v", err)
		}
		_, err := h.Rollout.Disable(ctx, org.ID, "Bare", h.Proven(admin), core.Client{})
		must(t, err)
		finish(h, h.Rollout)
		if all := events(h, org.ID, audit.TenantMFADisabled); len(all) != 1 || all[0].Detail["people"] != "0" {
			t.Errorf("%+v", all)
		}
	})
}

// Decision 7.7: taking one way of asking away while another stays keeps factors.
func TestAnotherWayOfAskingKeepsFactors(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		b := grow(h)
		ctx := t.Context()
		both := []core.Requirement{core.RequireOrganization, core.RequirePerUser}
		for _, r := range [][]core.Requirement{both, perUser, organization, perUser} {
			if _, err := h.Rollout.Enable(ctx, b.customer.ID, r, h.Actor(b.admin), core.Client{}); err != nil {
				t.Fatal(err)
			}
			h.Settle()
		}
		if l := losses(h, b.customer.ID); l.People != 4 || l.Apps != 4 {
			t.Errorf("%+v", l)
		}
		if waiting, err := h.Rollout.Waiting(ctx); waiting || err != nil {
			t.Error(waiting, err)
		}
	})
}

// Decision 7.4: with enforce_at revoke_now those who are to set a factor up lose
// their sessions, by the switch as well as by a setting or a lock from above; the
// others keep theirs.
func TestRevokeNow(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		b := grow(h)
		ctx := t.Context()
		dora := h.Person(b.other, "dora@weber.example")
		h.Settings(b.customer.ID, `{"enforce_at":"revoke_now"}`)
		p, err := h.Rollout.PlanEnable(ctx, b.customer.ID, organization, h.Actor(b.admin))
		if err != nil || p.Of(directory.EffectSessions).Count != 1 {
			t.Errorf("%+v, %v", p, err)
		}
		_, err = h.Rollout.Enable(ctx, b.customer.ID, organization, h.Actor(b.admin), core.Client{})
		must(t, err)
		finish(h, h.Rollout)
		if len(b.carl.Sessions()) != 0 || len(b.anna.Sessions()) != 1 || len(b.berta.Sessions()) != 1 || len(b.admin.Sessions()) != 1 {
			t.Errorf("carl %d, anna %d, berta %d, admin %d", len(b.carl.Sessions()), len(b.anna.Sessions()), len(b.berta.Sessions()), len(b.admin.Sessions()))
		}
		if all := events(h, b.unit.ID, audit.SessionRevoked); len(all) != 1 || all[0].Actor != string(b.admin.ID) || all[0].Target != string(b.carl.ID) || all[0].Detail["why"] != session.WhyEnforced {
			t.Errorf("%+v", all)
		}
		if all := events(h, b.customer.ID, audit.SessionsEnded); len(all) != 1 || all[0].Detail["sessions"] != "1" || all[0].Detail["people"] != "1" {
			t.Errorf("%+v", all)
		}
		// A lock from above reaches the customer beside.
		_, err = h.Directory.SetLocks(ctx, b.partner.ID, core.SettingsDoc(`{"requirement":["organization"],"enforce_at":"revoke_now"}`), h.Actor(b.boss), core.Client{})
		must(t, err)
		h.Settle()
		finish(h, h.Rollout)
		if len(dora.Sessions()) != 0 {
			t.Error("a lock that revokes now ended nothing")
		}
		if len(events(h, b.customer.ID, audit.SessionsEnded)) != 1 {
			t.Error("it began where nothing changed")
		}
	})
}

// Decision 7.4: everybody is signed out, with a count before, but the administrator
// who says so where they are.
func TestSigningEverybodyOut(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		idle(h)
		b := grow(h)
		ctx := t.Context()
		r, cur := inside(h, b.admin)
		by, err := h.Tree.Actor(ctx, cur)
		must(t, err)
		n, err := h.Rollout.PlanSignOut(ctx, b.customer.ID, by)
		if err != nil || n != 4 {
			t.Errorf("%d sessions, %v", n, err)
		}
		for id, want := range map[core.TenantID]string{b.unit.ID: "tenant.no_organisation", b.other.ID: "not_found", "tn_never": "not_found"} {
			if err := h.Rollout.SignOutAll(ctx, id, by, core.Client{}); code(err) != want {
				t.Errorf("%s: %v", id, err)
			}
		}
		if err := h.Rollout.SignOutAll(ctx, b.customer.ID, h.Proven(b.boss), core.Client{}); code(err) != "forbidden" {
			t.Errorf("from above, not acting: %v", err)
		}
		must(t, h.Rollout.SignOutAll(ctx, b.customer.ID, by, core.Client{}))
		finish(h, h.Rollout)
		for _, p := range []*house.Person{b.anna, b.berta, b.carl} {
			if len(p.Sessions()) != 0 {
				t.Errorf("%s is signed in", p.Login)
			}
		}
		if all := b.admin.Sessions(); len(all) != 1 || !r.Inside() || len(b.boss.Sessions()) != 1 {
			t.Errorf("the administrator has %d sessions", len(all))
		}
		all := events(h, b.customer.ID, audit.SessionsEnded)
		if len(all) != 1 || all[0].Detail["sessions"] != "4" || all[0].Detail["people"] != "4" || all[0].Actor != string(b.admin.ID) {
			t.Errorf("%+v", all)
		}
		if !strings.HasPrefix(all[0].Name, "tenant.") {
			t.Error(all[0].Name)
		}
	})
}
