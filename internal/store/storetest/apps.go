package storetest

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

func (w *world) newApp(tenant core.TenantID) core.App {
	id := w.id("ap")
	return core.App{
		ID: core.AppID(id), Tenant: tenant, Name: "App " + id, State: core.AppActive,
		Doc: core.AppDoc{Auth: core.AppSecret, RedirectURIs: []string{"https://app.example.org/cb"}, Grants: []string{core.GrantCode, core.GrantRefresh},
			Scopes: []string{"read"}, RequiredLevel: core.LevelMFA, Tenants: []core.TenantID{tenant}, AccessLife: core.Duration(time.Minute)},
		CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now(),
	}
}

func (w *world) app(tenant core.TenantID) core.App {
	w.t.Helper()
	a := w.newApp(tenant)
	w.update(tenant, func(tx store.Tx) error { return tx.InsertApp(a) })
	return a
}

func (w *world) newSecret(a core.App) core.AppSecretRow {
	return core.AppSecretRow{Hash: []byte("hash of " + w.id("secret")), App: a.ID, Tenant: a.Tenant, Hint: "x7Qk", CreatedAt: w.clock.Now()}
}

func (w *world) newFamily(u core.User, a core.AppID, s core.SessionID) core.Family {
	return core.Family{
		ID: core.FamilyID(w.id("fm")), Tenant: u.Tenant, User: u.ID, App: a, Session: s, Level: core.LevelMFA,
		Doc:       core.FamilyDoc{Scopes: []string{"openid"}, Methods: []string{"pwd", "otp", "mfa"}, AuthTime: w.clock.Now(), Nonce: "n"},
		CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(40 * 24 * time.Hour),
	}
}

func (w *world) family(u core.User, a core.AppID, s core.SessionID) core.Family {
	w.t.Helper()
	f := w.newFamily(u, a, s)
	w.update(u.Tenant, func(tx store.Tx) error { return tx.InsertFamily(f) })
	return f
}

func (w *world) familyNow(of core.Family) (f core.Family) {
	w.view(of.Tenant, func(r store.Reader) (err error) { f, err = r.Family(of.ID); return err })
	return f
}

func testApps(t *testing.T, w *world) {
	own := w.customer()
	a, b := w.app(own.ID), w.app(own.ID)
	old := w.newSecret(a)
	w.update(own.ID, func(tx store.Tx) error { return tx.InsertAppSecret(old) })
	w.clock.Advance(time.Second)

	got, secrets, err := w.FindApp(w.ctx, a.ID)
	same(t, "found", got, a)
	same(t, "with secrets", secrets, []core.AppSecretRow{old})
	same(t, "error", err, nil)
	if _, _, err := w.FindApp(w.ctx, "ap_never"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("an app that never was: %v", err)
	}
	w.view(own.ID, func(r store.Reader) error {
		all, next, err := r.Apps(store.Page{Limit: 10})
		same(t, "all", all, []core.App{a, b})
		same(t, "no more", next, "")
		first, next, err2 := r.Apps(store.Page{Limit: 1})
		rest, _, err3 := r.Apps(store.Page{Limit: 10, After: next})
		same(t, "page by page", append(first, rest...), all)
		return errors.Join(err, err2, err3)
	})

	// API clients are apps of another kind, and listed apart.
	c := w.newApp(own.ID)
	c.Kind, c.Owner, c.Doc.Client = core.AppClient, "us_owner", core.ClientDoc{Write: true, ExpiresAt: w.clock.Now().Add(time.Hour), Networks: []string{"192.0.2.0/24"}}
	used := w.clock.Now()
	w.update(own.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertApp(c), tx.UsedApp(c.ID, used, "192.0.2.7"), tx.UsedApp(c.ID, used.Add(-time.Hour), "old"))
	})
	c.UsedAt, c.UsedFrom = used, "192.0.2.7"
	w.view(own.ID, func(r store.Reader) error {
		clients, _, err := r.Clients(store.Page{Limit: 10})
		apps, _, err2 := r.Apps(store.Page{Limit: 10})
		same(t, "clients", clients, []core.App{c})
		same(t, "and apps", len(apps), 2)
		return errors.Join(err, err2)
	})
	everywhere, err := w.AllClients(w.ctx, "", 1000)
	if err != nil || !slices.ContainsFunc(everywhere, func(x core.App) bool { return x.ID == c.ID }) || slices.ContainsFunc(everywhere, func(x core.App) bool { return x.ID == a.ID }) {
		t.Errorf("clients of every tenant: %d, %v", len(everywhere), err)
	}

	// A second secret lets the first one go on for a while, and no longer than it had.
	fresh := w.newSecret(a)
	till := w.clock.Now().Add(time.Hour)
	w.update(own.ID, func(tx store.Tx) error {
		n, err := tx.ExpireAppSecrets(a.ID, till)
		same(t, "that go on", n, 1)
		return errors.Join(err, tx.InsertAppSecret(fresh), tx.UsedAppSecret(fresh.Hash, w.clock.Now()))
	})
	w.view(own.ID, func(r store.Reader) error {
		all, err := r.AppSecrets(a.ID)
		if len(all) != 2 || !all[0].ExpiresAt.IsZero() || !all[0].LastUsedAt.Equal(w.clock.Now()) || !all[1].ExpiresAt.Equal(till) || !all[1].Good(w.clock.Now()) || all[1].Good(till) {
			t.Errorf("secrets: %+v", all)
		}
		return err
	})
	w.update(own.ID, func(tx store.Tx) error { _, err := tx.ExpireAppSecrets(a.ID, till.Add(time.Hour)); return err })
	w.clock.Advance(2 * time.Hour)
	w.update(own.ID, func(tx store.Tx) error {
		_, err := tx.ExpireAppSecrets(a.ID, w.clock.Now().Add(time.Hour))
		return err
	})
	w.view(own.ID, func(r store.Reader) error {
		all, err := r.AppSecrets(a.ID)
		same(t, "secrets that did not end", len(all), 0)
		return err
	})

	// One of two ends alone, once, and only where it is.
	first, second := w.newSecret(b), w.newSecret(b)
	elsewhere := w.customer()
	w.update(own.ID, func(tx store.Tx) error { return errors.Join(tx.InsertAppSecret(first), tx.InsertAppSecret(second)) })
	var foreign, again1, again2 error
	w.update(elsewhere.ID, func(tx store.Tx) error { foreign = tx.EndAppSecret(b.ID, first.Hash); return nil })
	w.update(own.ID, func(tx store.Tx) error { again1 = tx.EndAppSecret(b.ID, first.Hash); return nil })
	w.update(own.ID, func(tx store.Tx) error { again2 = tx.EndAppSecret(b.ID, first.Hash); return nil })
	if !errors.Is(foreign, core.ErrNotFound) || again1 != nil || !errors.Is(again2, core.ErrNotFound) {
		t.Errorf("ended by another tenant, by its own, and again: %v, %v, %v", foreign, again1, again2)
	}
	w.view(own.ID, func(r store.Reader) error {
		all, err := r.AppSecrets(b.ID)
		good := 0
		for _, s := range all {
			if s.Good(w.clock.Now()) {
				good++
				same(t, "the one that is left", s.Hash, second.Hash)
			}
		}
		same(t, "good secrets", good, 1)
		return err
	})

	// What a change was not based on is not overwritten, and a deleted app stays so.
	changed := a
	changed.Name, changed.Doc.FirstParty = "Renamed", true
	var said error
	w.update(own.ID, func(tx store.Tx) error { return tx.UpdateApp(changed) })
	w.update(own.ID, func(tx store.Tx) error { said = tx.UpdateApp(a); return nil })
	if !errors.Is(said, store.ErrConflict) {
		t.Errorf("a stale change: %v", said)
	}
	changed.Version++
	changed.State, changed.DeletedAt = core.AppDeleted, w.clock.Now()
	w.update(own.ID, func(tx store.Tx) error { return tx.UpdateApp(changed) })
	changed.Version++
	back := changed
	back.State = core.AppActive
	w.update(own.ID, func(tx store.Tx) error { said = tx.UpdateApp(back); return nil })
	if !errors.Is(said, store.ErrConflict) {
		t.Errorf("a deleted app came back: %v", said)
	}
	if got, _, err := w.FindApp(w.ctx, a.ID); err != nil || got.State != core.AppDeleted || got.Name != "Renamed" {
		t.Errorf("a deleted app is %+v, %v", got, err)
	}
	w.view(own.ID, func(r store.Reader) error {
		all, _, err := r.Apps(store.Page{Limit: 10})
		same(t, "that are left", all, []core.App{b})
		return err
	})
	again := w.newApp(own.ID)
	again.ID = a.ID
	var dup store.ErrDuplicate
	if err := w.Update(w.ctx, own.ID, func(tx store.Tx) error { return tx.InsertApp(again) }); !errors.As(err, &dup) {
		t.Errorf("an id was used again: %v", err)
	}
}

// testWhoUsesApps: a branch's apps, and by how many of its people each was used.
func testWhoUsesApps(t *testing.T, w *world) {
	own, other := w.customer(), w.customer()
	below := w.node(core.Unit, own, "Below")
	a, b, foreign := w.app(own.ID), w.app(below.ID), w.app(other.ID)
	w.view(own.ID, func(r store.Reader) error {
		all, err := r.AppsHere(10)
		same(t, "apps of the branch", all, []core.App{a, b})
		one, err2 := r.AppsHere(1)
		same(t, "at most one", one, []core.App{a})
		return errors.Join(err, err2)
	})
	w.view(below.ID, func(r store.Reader) error {
		all, err := r.AppsHere(10)
		same(t, "apps of the unit", all, []core.App{b})
		return err
	})

	use := func(u core.User, id core.AppID, at time.Time) {
		t.Helper()
		w.update(u.Tenant, func(tx store.Tx) error {
			return tx.SaveConnection(core.Connection{Tenant: u.Tenant, User: u.ID, App: id, FirstUsedAt: at, LastUsedAt: at})
		})
	}
	now := w.clock.Now()
	open, enrolled, away := w.user(own.ID), w.user(below.ID), w.user(own.ID)
	f := w.newFactor(enrolled)
	f.State, f.ConfirmedAt = core.FactorConfirmed, now
	w.update(below.ID, func(tx store.Tx) error { return tx.InsertFactor(f) })
	stranger := w.user(other.ID)
	use(open, a.ID, now)
	use(enrolled, a.ID, now.Add(-time.Hour))
	use(away, a.ID, now.Add(-100*24*time.Hour))
	use(stranger, a.ID, now)
	use(stranger, foreign.ID, now)
	use(open, b.ID, now)
	since := now.Add(-90 * 24 * time.Hour)
	w.view(own.ID, func(r store.Reader) error {
		used, err := r.AppsUsed(since)
		same(t, "used in the branch", used, map[core.AppID]store.AppUse{a.ID: {People: 2, Open: 1}, b.ID: {People: 1, Open: 1}})
		return err
	})
	w.view(below.ID, func(r store.Reader) error {
		used, err := r.AppsUsed(since)
		same(t, "used in the unit", used, map[core.AppID]store.AppUse{a.ID: {People: 1}})
		return err
	})

	w.view(own.ID, func(r store.Reader) error {
		for _, c := range []struct {
			who  core.UserID
			want []core.AppID
		}{{enrolled.ID, []core.AppID{a.ID}}, {away.ID, nil}, {stranger.ID, nil}, {"us_never", nil}} {
			ids, err := r.AppsUsedBy(c.who, since)
			if err != nil {
				return err
			}
			same(t, "used by one of the branch", ids, c.want)
		}
		return nil
	})

	// Who has no second factor and used one of some apps: everybody once.
	w.view(own.ID, func(r store.Reader) error {
		for _, c := range []struct {
			apps []core.AppID
			want int
		}{{nil, 0}, {[]core.AppID{a.ID}, 1}, {[]core.AppID{a.ID, b.ID}, 1}, {[]core.AppID{b.ID, a.ID, foreign.ID, "ap_never"}, 1}, {[]core.AppID{foreign.ID}, 0}} {
			n, err := r.CountOpenUsing(c.apps, since)
			if err != nil {
				return err
			}
			all, next, err := r.OpenUsing(c.apps, since, store.Page{Limit: 5})
			if n != c.want || len(all) != c.want || next != "" || err != nil {
				t.Errorf("who uses one of %v: %d, %+v, %q, %v", c.apps, n, all, next, err)
			}
			for _, l := range all {
				same(t, "who", []any{l.User.ID, l.Standing, l.Enrolled, l.Privileged}, []any{open.ID, core.StandingOpen, false, false})
			}
		}
		return nil
	})
	use(away, a.ID, now)
	use(stranger, b.ID, now)
	w.update(own.ID, func(tx store.Tx) error {
		return tx.Grant(core.RoleGrant{User: away.ID, Tenant: own.ID, Role: core.Helpdesk, At: now})
	})
	w.view(own.ID, func(r store.Reader) error {
		n, err := r.CountOpenUsing([]core.AppID{b.ID, a.ID}, since)
		same(t, "two of them", n, 2)
		var got []core.UserID
		for at := (store.Page{Limit: 1}); err == nil; {
			var page []store.Listed
			if page, at.After, err = r.OpenUsing([]core.AppID{a.ID, b.ID}, since, at); len(page) > 0 {
				got = append(got, page[0].User.ID)
				same(t, "holds a right", page[0].Privileged, page[0].User.ID == away.ID)
			}
			if at.After == "" {
				break
			}
		}
		want := []core.UserID{open.ID, away.ID}
		if away.LoginKey < open.LoginKey {
			want = []core.UserID{away.ID, open.ID}
		}
		same(t, "page by page", got, want)
		return err
	})
	w.view(below.ID, func(r store.Reader) error {
		n, err := r.CountOpenUsing([]core.AppID{a.ID, b.ID}, since)
		same(t, "in the unit", n, 0)
		return err
	})
	use(away, a.ID, now.Add(-100*24*time.Hour))
	people, lately, err := w.AppPeople(w.ctx, a.ID, since)
	same(t, "people of everywhere", []int{people, lately}, []int{4, 3})
	same(t, "error", err, nil)
	people, lately, err = w.AppPeople(w.ctx, "ap_never", since)
	same(t, "of an app that never was", []int{people, lately}, []int{0, 0})
	same(t, "error", err, nil)
}

// testFamilies is DS-05, DS-18 and Q-04: of many that come with one code or one
// refresh token at once, one gets through.
func testFamilies(t *testing.T, w *world) {
	h := w.household()
	f := w.family(h.user, h.app.ID, h.session.ID)
	f.Seq, f.ExpiresAt, f.Doc.Nonce = 1, w.clock.Now().Add(time.Hour), ""
	race := func(what string, fn func(store.Tx) error) {
		t.Helper()
		var won atomic.Int64
		w.together(12, func(int) {
			err := w.Update(w.ctx, h.tenant.ID, fn)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v", what, err)
			}
		})
		same(t, what+" was used", won.Load(), int64(1))
	}
	race("the code", func(tx store.Tx) error { return tx.ExchangeCode(f) })
	race("the first refresh token", func(tx store.Tx) error { return tx.Refreshed(f.ID, 1) })
	race("the second", func(tx store.Tx) error { return tx.Refreshed(f.ID, 2) })
	got := w.familyNow(f)
	f.Seq, f.CodeAt, f.UsedAt = 3, w.clock.Now(), w.clock.Now()
	same(t, "the family", got, f)

	refused := func(what string, fn func(store.Tx) error) {
		t.Helper()
		if err := w.Update(w.ctx, h.tenant.ID, fn); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	late := w.family(h.user, h.app.ID, h.session.ID)
	refused("a number of nothing", func(tx store.Tx) error { return tx.Refreshed(late.ID, 0) })
	w.clock.Advance(time.Hour)
	refused("a family that expired", func(tx store.Tx) error { return tx.Refreshed(f.ID, 3) })
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.EndFamily(late.ID, "reuse"), tx.EndFamily(late.ID, "again"))
	})
	refused("a family that ended", func(tx store.Tx) error { return tx.ExchangeCode(late) })
	if got := w.familyNow(late); got.EndedWhy != "reuse" || got.Live(w.clock.Now()) {
		t.Errorf("an ended family: %+v", got)
	}
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.EndFamily("fm_never", "x") }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a family that never was: %v", err)
	}
}

func testFamiliesEnd(t *testing.T, w *world) {
	h := w.household() // has one of its own
	second := w.session(h.user)
	other := w.app(h.tenant.ID)
	ofFirst, ofSecond := w.family(h.user, h.app.ID, h.session.ID), w.family(h.user, other.ID, second.ID)
	offline := w.newFamily(h.user, h.app.ID, h.session.ID)
	offline.Offline = true
	stranger := w.user(h.tenant.ID)
	theirs := w.family(stranger, h.app.ID, h.session.ID)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertFamily(offline) })
	lives := func(when string, want ...core.Family) {
		t.Helper()
		w.view(h.tenant.ID, func(r store.Reader) error {
			all, err := r.Families(h.user.ID)
			have := map[core.FamilyID]bool{}
			for _, f := range all {
				have[f.ID] = true
			}
			for _, f := range want {
				if !have[f.ID] {
					t.Errorf("%s: %s does not live", when, f.ID)
				}
			}
			same(t, when, len(all), len(want))
			return err
		})
	}
	ended := func(want int, n int, err error) {
		t.Helper()
		same(t, "ended", n, want)
		if err != nil {
			t.Error(err)
		}
	}
	lives("at first", h.family, ofFirst, ofSecond, offline)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.EndFamiliesOfSession(h.user.ID, h.session.ID, "signed_out")
		ended(2, n, err)
		return nil
	})
	lives("after a sign-out", ofSecond, offline)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.EndFamiliesOfApp(h.user.ID, other.ID, "revoked")
		ended(1, n, err)
		return nil
	})
	lives("after an app was let go", offline)
	kept := w.family(h.user, other.ID, h.session.ID)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.HandOver(h.user.ID, h.session.ID, second.ID) })
	w.family(h.user, other.ID, h.session.ID)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.EndFamilies(h.user.ID, "everywhere", second.ID)
		ended(1, n, err)
		return nil
	})
	lives("after all others ended", kept, offline)
	w.update(h.tenant.ID, func(tx store.Tx) error { _, err := tx.EndFamilies(h.user.ID, "everywhere"); return err })
	lives("after all ended")
	if f := w.familyNow(theirs); !f.Live(w.clock.Now()) {
		t.Errorf("somebody else's ended: %+v", f)
	}

	// Who moves takes them along; what is long over is swept.
	to := w.customer()
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.MoveUser(stranger, to.ID) })
	theirs.Tenant = to.ID
	same(t, "moved", w.familyNow(theirs), theirs)
	w.clock.Advance(42 * 24 * time.Hour)
	if _, err := w.Sweep(w.ctx, w.clock.Now(), 1000); err != nil {
		t.Error(err)
	}
	if err := w.View(w.ctx, to.ID, func(r store.Reader) error { _, err := r.Family(theirs.ID); return err }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("swept: %v", err)
	}
}

// testLogouts is L-03: an app that wants to is told when a sign-in is over, not when it
// gave its tokens back, and once.
func testLogouts(t *testing.T, w *world) {
	h := w.household()
	family := func(change func(*core.Family)) core.Family {
		f := w.newFamily(h.user, h.app.ID, h.session.ID)
		f.Notify = core.NotifyAtEnd
		change(&f)
		w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertFamily(f) })
		return f
	}
	plain, offline := family(func(*core.Family) {}), family(func(f *core.Family) { f.Offline = true })
	family(func(f *core.Family) { f.Notify = core.NotifyNever })
	back := family(func(*core.Family) {})
	due := func(want ...core.Family) {
		t.Helper()
		all, err := w.DueLogouts(w.ctx, w.clock.Now(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids, wanted []core.FamilyID
		for _, f := range all {
			ids = append(ids, f.ID)
		}
		for _, f := range want {
			wanted = append(wanted, f.ID)
		}
		same(t, "to be told", ids, wanted)
	}
	due()
	w.update(h.tenant.ID, func(tx store.Tx) error {
		first := tx.EndFamily(back.ID, "given_back")
		_, err := tx.EndFamiliesOfSession(h.user.ID, h.session.ID, "signed_out")
		return errors.Join(first, err)
	})
	due(plain, offline)
	if err := w.SettleLogout(w.ctx, plain.ID, w.clock.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if err := w.SettleLogout(w.ctx, offline.ID, time.Time{}); err != nil {
		t.Error(err)
	}
	due()
	w.clock.Advance(time.Minute)
	due(plain)
	same(t, "tries", w.familyNow(plain).Tries, 1)
	if f := w.familyNow(offline); !f.Live(w.clock.Now()) || f.Notify != core.NotifyNever {
		t.Errorf("what outlives a session: %+v", f)
	}
	third := family(func(*core.Family) {})
	w.update(h.tenant.ID, func(tx store.Tx) error { _, err := tx.EndFamilies(h.user.ID, "reset"); return err })
	due(third, plain)
}

func testConnections(t *testing.T, w *world) {
	h := w.household()
	had := h.connection
	w.clock.Advance(time.Minute)
	again := had
	again.Scopes, again.FirstUsedAt, again.LastUsedAt = []string{"openid", "email"}, w.clock.Now(), w.clock.Now()
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.SaveConnection(again) })
	again.FirstUsedAt = had.FirstUsedAt
	w.view(h.tenant.ID, func(r store.Reader) error {
		got, err := r.Connection(h.user.ID, h.app.ID)
		same(t, "connection", got, again)
		all, err2 := r.Connections(h.user.ID)
		same(t, "connections", all, []core.Connection{again})
		return errors.Join(err, err2)
	})
	if !again.Allows([]string{"email"}) || again.Allows([]string{"email", "read"}) || (core.Connection{Scopes: []string{"email"}}).Allows([]string{"email"}) {
		t.Error("what was allowed is not what counts as allowed")
	}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.DropConnection(h.user.ID, h.app.ID) })
	if err := w.View(w.ctx, h.tenant.ID, func(r store.Reader) error { _, err := r.Connection(h.user.ID, h.app.ID); return err }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("dropped: %v", err)
	}
}

// testSpent is DS-05 for marks that others make: each is taken once on the whole
// platform, until it is swept, and never before it would have expired.
func testSpent(t *testing.T, w *world) {
	a, b := w.customer(), w.customer()
	till := w.clock.Now().Add(time.Hour)
	var won atomic.Int64
	w.together(12, func(i int) {
		tenant := a.ID
		if i%2 == 1 {
			tenant = b.ID
		}
		err := w.Update(w.ctx, tenant, func(tx store.Tx) error { return tx.Spend(core.SpentAccess, []byte("mark"), till) })
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, store.ErrConflict) {
			t.Error(err)
		}
	})
	same(t, "spent", won.Load(), int64(1))
	w.update(a.ID, func(tx store.Tx) error { return tx.Spend("other", []byte("mark"), till) })
	spent := func(want bool) {
		t.Helper()
		w.view(b.ID, func(r store.Reader) error {
			is, err := r.Spent(core.SpentAccess, []byte("mark"))
			same(t, "spent", is, want)
			no, err2 := r.Spent(core.SpentAccess, []byte("another"))
			same(t, "another", no, false)
			return errors.Join(err, err2)
		})
	}
	spent(true)
	w.clock.Advance(59 * time.Minute)
	if _, err := w.Sweep(w.ctx, w.clock.Now(), 100); err != nil {
		t.Error(err)
	}
	spent(true)
	w.clock.Advance(2 * time.Minute)
	if n, err := w.Sweep(w.ctx, w.clock.Now(), 100); err != nil || n != 2 {
		t.Errorf("swept %d, %v", n, err)
	}
	spent(false)
}

// testHosts: a host is one app's, and a cookie of one stands for a sign-in to the app
// as long as that is kept.
func testHosts(t *testing.T, w *world) {
	h := w.household()
	other := w.app(w.customer().ID)
	first, second := w.id("wiki")+".example.org", w.id("files")+".example.org:8443"
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.SetHosts(h.app.ID, []string{first, second}) })
	for _, host := range []string{first, second} {
		id, err := w.FindHost(w.ctx, host)
		same(t, "the app of "+host, id, h.app.ID)
		same(t, "error", err, nil)
	}
	var dup store.ErrDuplicate
	err := w.Update(w.ctx, other.Tenant, func(tx store.Tx) error { return tx.SetHosts(other.ID, []string{second}) })
	if !errors.As(err, &dup) || dup.What != "host" {
		t.Errorf("a host of two apps: %v", err)
	}
	if err := w.Update(w.ctx, other.Tenant, func(tx store.Tx) error { return tx.SetHosts(h.app.ID, nil) }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("another tenant's app lost its hosts: %v", err)
	}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.SetHosts(h.app.ID, []string{first}) })
	if _, err := w.FindHost(w.ctx, second); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a host that was given up: %v", err)
	}
	w.update(other.Tenant, func(tx store.Tx) error { return tx.SetHosts(other.ID, []string{second}) })

	f := w.newFamily(h.user, h.app.ID, h.session.ID)
	f.Doc.Host, f.Doc.Browser = first, []byte("whose")
	hash := []byte("hash of " + w.id("cookie"))
	w.update(h.tenant.ID, func(tx store.Tx) error { return errors.Join(tx.InsertFamily(f), tx.InsertHostCookie(hash, f.ID)) })
	got, err := w.FindHosted(w.ctx, hash)
	same(t, "error", err, nil)
	same(t, "family", got.Family, w.familyNow(f))
	same(t, "its host", got.Family.Doc.Host, first)
	same(t, "session", got.Session.ID, h.session.ID)
	same(t, "person", got.User.ID, h.user.ID)
	if _, err := w.FindHosted(w.ctx, []byte("hash of nothing")); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a cookie that never was: %v", err)
	}
	if err := w.Update(w.ctx, other.Tenant, func(tx store.Tx) error { return tx.InsertHostCookie([]byte("planted"), f.ID) }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a cookie for another tenant's family: %v", err)
	}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.EndFamily(f.ID, "test") })
	if got, err := w.FindHosted(w.ctx, hash); err != nil || got.Family.EndedAt.IsZero() {
		t.Errorf("a family that ended: %+v, %v", got.Family, err)
	}
}
