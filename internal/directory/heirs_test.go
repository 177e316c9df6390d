package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Row ACR-22: a service account and the API client that takes its place work side by
// side until nobody uses the account; its owner is told, and then it is stopped. A use
// begins the wait anew, and a run that is killed is made up for.
func TestServiceAccountsAreReplaced(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Huber", "managed-tenants", "")
		owner := h.Enrolled(org, "owner@example.com", core.CustomerAdmin)
		svc := h.Person(org, "backup@example.com", core.Auditor)
		h.Change(org.ID, func(tx store.Tx) error {
			u, err := tx.User(svc.ID)
			if err != nil {
				return err
			}
			u.Kind = core.ServiceAccount
			return errors.Join(tx.UpdateUser(u), tx.SaveService(core.Service{User: u.ID, Owner: owner.ID, Reason: "backups", CreatedAt: tx.Now()}), tx.Changed(core.ChangeUser, string(u.ID)))
		})
		h.Settle()
		facts := func() (s core.Service) {
			h.View(org.ID, func(r store.Reader) (err error) { s, err = r.Service(svc.ID); return err })
			return s
		}
		free := func(context.Context) error { return nil }
		work := func(wantWarned, wantRetired int) {
			t.Helper()
			warned, retired, err := h.Directory.RetireDue(ctx, free)
			if err != nil || warned != wantWarned || retired != wantRetired {
				t.Fatalf("warned %d, retired %d, %v; want %d and %d", warned, retired, err, wantWarned, wantRetired)
			}
		}
		work(0, 0)
		for name, c := range map[string]struct {
			by    access.Actor
			quiet time.Duration
			want  string
		}{
			"without a proof": {h.Actor(owner), 0, "step_up.required"},
			"too short":       {h.Proven(owner), time.Hour, "service.quiet"},
		} {
			if _, _, err := h.Directory.ReplaceService(ctx, svc.ID, directory.ClientWish{}, c.quiet, c.by, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, err := h.Directory.ReplaceService(ctx, owner.ID, directory.ClientWish{}, 0, h.Proven(owner), core.Client{}); err == nil {
			t.Error("a person is replaced")
		}
		if err := h.Directory.KeepService(ctx, svc.ID, h.Proven(owner), core.Client{}); code(err) != "service.not_replaced" {
			t.Errorf("nothing to take back: %v", err)
		}
		quiet := 10 * 24 * time.Hour
		a, secret, err := h.Directory.ReplaceService(ctx, svc.ID, directory.ClientWish{}, quiet, h.Proven(owner), core.Client{})
		if err != nil || secret == "" || a.Owner != owner.ID || a.Name != svc.User().Name || len(a.Doc.Scopes) != 3 || a.Doc.Client.Write {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, _, err := h.Directory.ReplaceService(ctx, svc.ID, directory.ClientWish{}, quiet, h.Proven(owner), core.Client{}); code(err) != "service.replaced" {
			t.Errorf("replaced twice: %v", err)
		}
		// New facts leave alone who takes its place.
		if _, err := h.Directory.ChangeService(ctx, svc.ID, directory.ServiceFacts{Owner: owner.ID, Reason: "nightly"}, h.Proven(owner), core.Client{}); err != nil || facts().Heir != a.ID || facts().Reason != "nightly" {
			t.Errorf("%+v, %v", facts(), err)
		}
		work(0, 0)
		h.Clock.Advance(5 * 24 * time.Hour)
		killed := errors.New("killed")
		if _, _, err := h.Directory.RetireDue(ctx, func(context.Context) error { return killed }); !errors.Is(err, killed) || !facts().WarnedAt.IsZero() {
			t.Errorf("killed before it wrote: %v", err)
		}
		work(1, 0)
		if at := directory.RetiresAt(facts()); at.Sub(facts().HeirAt.Add(quiet)).Abs() > time.Minute {
			t.Errorf("stopped at %v", at)
		}
		work(0, 0)
		if h.Settle(); len(h.Mails(owner.Login)) == 0 {
			t.Error("its owner is not told")
		}
		// It is used: the wait begins anew, and so does the warning.
		h.Clock.Advance(time.Hour)
		h.Change(org.ID, func(tx store.Tx) error { return tx.UsedService(svc.ID, tx.Now(), "192.0.2.1") })
		h.Clock.Advance(6 * 24 * time.Hour)
		work(1, 0)
		if svc.User().State == core.UserDisabled {
			t.Fatal("stopped too soon")
		}
		// A node that slept through it does not stop without the notice.
		h.Clock.Advance(4*24*time.Hour + time.Minute)
		work(0, 0)
		h.Clock.Advance(24 * time.Hour)
		work(0, 1)
		if svc.User().State != core.UserDisabled || svc.Names()["service_account.retired"] != 1 || svc.Names()["service_account.retiring"] != 2 {
			t.Errorf("state %s, events %v", svc.User().State, svc.Names())
		}
		work(0, 0)
		// Let go on by hand, it stays.
		if err := h.Directory.Enable(ctx, svc.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(90 * 24 * time.Hour)
		work(0, 0)
		if err := h.Directory.KeepService(ctx, svc.ID, access.Shell(), core.Client{}); err != nil || facts().Heir != "" {
			t.Errorf("%+v, %v", facts(), err)
		}
	})
}
