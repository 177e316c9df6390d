package directory_test

import (
	"errors"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// WBX-03: the table of an organisation's apps, each with a switch of its own, and what
// becomes of a line whose app is gone, belongs elsewhere or cannot be opened.
func TestTheTableOfSelectedAppsWBX03(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx, shell := t.Context(), access.Shell()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Production, Name: "Nordwind"})
		org := h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Huber", Parent: partner.ID, ManagedBy: core.ManagedByProvider,
			Settings: core.SettingsDoc(`{"requirement":["selected_apps"],"factors":["totp"]}`)})
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Filiale", Parent: org.ID})
		other := h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Fremd", Parent: partner.ID})
		app := func(at core.TenantID, name string, change func(*core.AppDoc)) core.App {
			t.Helper()
			w := directory.AppWish{Name: name, Doc: core.AppDoc{RedirectURIs: []string{"https://app.example.org/cb"}}}
			if change != nil {
				change(&w.Doc)
			}
			a, _, err := h.Directory.CreateApp(ctx, at, w, shell, core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		shared := app(h.Root.ID, "Ledger", nil)
		app(h.Root.ID, "Not for them", func(d *core.AppDoc) { d.Tenants = []core.TenantID{other.ID} })
		own, below := app(org.ID, "Till", nil), app(unit.ID, "Oven", nil)
		app(other.ID, "Foreign", nil)
		high := app(org.ID, "Vault", func(d *core.AppDoc) { d.RequiredLevel = core.LevelPhishingResistant })

		look := func() map[core.AppID]directory.SelectedApp {
			t.Helper()
			all, err := h.Directory.Selection(ctx, org.ID, shell)
			if err != nil || !all.On {
				t.Fatal(all.On, err)
			}
			out := map[core.AppID]directory.SelectedApp{}
			for _, a := range all.Apps {
				out[a.App.ID] = a
			}
			return out
		}
		if is := look(); len(is) != 4 || !is[shared.ID].Shared || is[own.ID].Owner != "Huber" || is[below.ID].Owner != "Filiale" || is[high.ID].Wrong != directory.AppTooHigh {
			t.Fatalf("the table: %+v", is)
		}

		// What switching one would do, and for whom.
		now := h.Clock.Now()
		for i, p := range []*house.Person{h.Person(org, "open@example.com"), h.Enrolled(org, "has@example.com"), h.Person(org, "long.ago@example.com")} {
			at := now
			if i == 2 {
				at = now.AddDate(0, 0, -91)
			}
			h.Change(org.ID, func(tx store.Tx) error {
				return tx.SaveConnection(core.Connection{Tenant: org.ID, User: p.ID, App: shared.ID, FirstUsedAt: at, LastUsedAt: at})
			})
		}
		p, a, _, err := h.Directory.PlanSelect(ctx, org.ID, shared.ID, true, shell)
		if err != nil || a.Use.People != 2 || p.Of(directory.EffectAppOpen).Count != 1 || p.Of(directory.EffectAppShow).Count != 1 {
			t.Errorf("what it would do: %+v, %+v, %v", p.Effects, a.Use, err)
		}
		if p, _, _, err := h.Directory.PlanSelect(ctx, org.ID, high.ID, true, shell); err != nil || p.Of(directory.EffectAppStuck).Count == 0 {
			t.Errorf("an app that nobody could open: %+v, %v", p.Effects, err)
		}

		flip := func(id core.AppID, on bool) error {
			_, err := h.Directory.SelectApp(ctx, org.ID, id, on, shell, core.Client{})
			return err
		}
		for _, id := range []core.AppID{shared.ID, own.ID, below.ID} {
			if err := flip(id, true); err != nil {
				t.Fatal(err)
			}
		}
		if err := flip(own.ID, true); !isFault(err, "app.selected_already") {
			t.Errorf("a second time: %v", err)
		}
		if err := flip("ap_never", true); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("an app that never was: %v", err)
		}

		// Dead ends: deleted, moved away, stopped.
		if err := h.Directory.DeleteApp(ctx, own.ID, shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.ChangeApp(ctx, shared.ID, directory.AppWish{Name: "Ledger", Doc: core.AppDoc{RedirectURIs: shared.Doc.RedirectURIs, Tenants: []core.TenantID{other.ID}}}, shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.SwitchApp(ctx, below.ID, false, shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		is := look()
		for id, wrong := range map[core.AppID]string{own.ID: directory.AppGone, shared.ID: directory.AppElsewhere, below.ID: directory.AppStopped} {
			if !is[id].Selected || is[id].Wrong != wrong {
				t.Errorf("%s: %+v", wrong, is[id])
			}
		}
		for _, id := range []core.AppID{own.ID, shared.ID} {
			if err := flip(id, false); err != nil {
				t.Errorf("taking it off: %v", err)
			}
			if err := flip(id, true); !errors.Is(err, core.ErrNotFound) {
				t.Errorf("putting it on again: %v", err)
			}
		}

		// A lock of the partner holds a line, and says so.
		if _, err := h.Directory.SetLocks(ctx, partner.ID, core.SettingsDoc(`{"selected_apps":["`+string(high.ID)+`"]}`), shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if is := look(); !is[high.ID].Selected || is[high.ID].Lock == nil || is[high.ID].Lock.Name != "Nordwind" {
			t.Errorf("under a lock: %+v", is[high.ID])
		}
		if err := flip(high.ID, false); !isFault(err, "policy.locked") {
			t.Errorf("against a lock: %v", err)
		}

		// Whoever may not change the settings sees no table.
		if _, err := h.Directory.Selection(ctx, org.ID, h.Proven(h.Enrolled(org, "first@example.com", core.Helpdesk))); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("the first line: %v", err)
		}
	})
}

func isFault(err error, code string) bool {
	f, ok := core.AsFault(err)
	return ok && f.Code == code
}

// One secret of several can be ended; the last one stays, and what is ended proves
// nothing any more.
func TestRetiringASecret(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx, shell := t.Context(), access.Shell()
		a, old, err := h.Directory.CreateApp(ctx, h.Root.ID, directory.AppWish{Name: "Ledger", Doc: core.AppDoc{RedirectURIs: []string{"https://app.example.org/cb"}}}, shell, core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		mark := func(good bool) (out []string) {
			t.Helper()
			d, err := h.Directory.App(ctx, a.ID, shell)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range d.Secrets {
				if s.Good(h.Clock.Now()) == good {
					out = append(out, s.Mark())
				}
			}
			return out
		}
		proves := func(text string) bool {
			t.Helper()
			x, err := h.Apps.Find(ctx, a.ID)
			if err != nil {
				t.Fatal(err)
			}
			ok, err := h.Apps.Proves(ctx, x, text)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		first := mark(true)
		if err := h.Directory.RetireAppSecret(ctx, a.ID, first[0], shell, core.Client{}); !isFault(err, "app.last_secret") {
			t.Errorf("the last one: %v", err)
		}
		h.Clock.Advance(time.Second)
		fresh, _, err := h.Directory.RotateAppSecret(ctx, a.ID, time.Hour, shell, core.Client{})
		if err != nil || !proves(old) || !proves(fresh) {
			t.Fatal("two do not go on beside each other", err)
		}
		if err := h.Directory.RetireAppSecret(ctx, a.ID, first[0], shell, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if proves(old) || !proves(fresh) || len(mark(true)) != 1 {
			t.Errorf("the old one proves %v, the new one %v", proves(old), proves(fresh))
		}
		for _, none := range []string{first[0], "", "ffffffffffff"} {
			if err := h.Directory.RetireAppSecret(ctx, a.ID, none, shell, core.Client{}); !errors.Is(err, core.ErrNotFound) {
				t.Errorf("%q: %v", none, err)
			}
		}
	})
}

// What somebody is connected to can be taken from them, by themselves and by whoever
// may end their sessions: the tokens end and the app is told.
func TestDisconnecting(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx, shell := t.Context(), access.Shell()
		org := h.Organisation("Connected", "self-service", "")
		a, _, err := h.Directory.CreateApp(ctx, org.ID, directory.AppWish{Name: "Ledger", Doc: core.AppDoc{RedirectURIs: []string{"https://app.example.org/cb"}, BackchannelURI: "https://app.example.org/out"}}, shell, core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		p, boss, first := h.Person(org, "anna@example.com"), h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "first@example.com", core.Helpdesk)
		now := h.Clock.Now()
		family := core.Family{ID: "fm_1", Tenant: org.ID, User: p.ID, App: a.ID, Session: "se_1", Level: core.LevelPassword, CodeAt: now, Seq: 1, Notify: core.NotifyAtEnd,
			CreatedAt: now, ExpiresAt: now.Add(time.Hour), Doc: core.FamilyDoc{Scopes: []string{core.ScopeOpenID}, SID: "se_1"}}
		h.Change(org.ID, func(tx store.Tx) error {
			return errors.Join(tx.InsertFamily(family), tx.SaveConnection(core.Connection{Tenant: org.ID, User: p.ID, App: a.ID, Scopes: []string{"openid"}, ConsentedAt: now, FirstUsedAt: now, LastUsedAt: now}))
		})
		all, err := h.Directory.Connections(ctx, p.ID, h.Proven(first))
		if err != nil || len(all) != 1 || all[0].Name != "Ledger" || all[0].Live != 1 {
			t.Fatalf("connected: %+v, %v", all, err)
		}
		if err := h.Directory.Disconnect(ctx, p.ID, a.ID, h.Proven(first), core.Client{}); !errors.Is(err, core.ErrForbidden) {
			t.Errorf("by the first line: %v", err)
		}
		if err := h.Directory.Disconnect(ctx, p.ID, a.ID, h.Proven(boss), core.Client{}); err != nil {
			t.Fatal(err)
		}
		due, err := h.Store.DueLogouts(ctx, h.Clock.Now(), 10)
		if err != nil || len(due) != 1 || due[0].ID != family.ID || due[0].EndedWhy != "disconnected" {
			t.Errorf("the app is not told: %+v, %v", due, err)
		}
		if all, err := h.Directory.Connections(ctx, p.ID, shell); err != nil || len(all) != 0 {
			t.Errorf("still connected: %+v, %v", all, err)
		}
		if err := h.Directory.Disconnect(ctx, p.ID, a.ID, shell, core.Client{}); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a second time: %v", err)
		}
		if n := p.Names()["app.disconnected"]; n != 1 {
			t.Errorf("%d rows say so", n)
		}
	})
}
