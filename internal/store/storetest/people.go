package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

func testTree(t *testing.T, w *world) {
	a := w.customer()
	b := w.customer()
	// A sibling whose id continues ours, and one that LIKE would take for ours.
	for _, id := range []core.TenantID{a.ID + "0", a.ID + "~", core.TenantID("tnX" + a.ID[3:])} {
		w.update(root, func(tx store.Tx) error {
			return tx.InsertTenant(core.Tenant{ID: id, Parent: root, Organisation: id, Path: "/tn_root/" + string(id) + "/", Kind: core.Customer})
		})
	}
	unit := core.Tenant{ID: "tn_unit", Parent: a.ID, Organisation: a.ID, Path: a.Path + "tn_unit/", Kind: core.Unit, State: core.TenantActive}
	deep := core.Tenant{ID: "tn_deep", Parent: unit.ID, Organisation: a.ID, Path: unit.Path + "tn_deep/", Kind: core.Unit, State: core.TenantActive}
	w.update(a.ID, func(tx store.Tx) error { return tx.InsertTenant(unit) })
	w.update(unit.ID, func(tx store.Tx) error { return tx.InsertTenant(deep) })
	ids := func(list []core.Tenant, err error) (out []core.TenantID) {
		if err != nil {
			t.Error(err)
		}
		for _, n := range list {
			out = append(out, n.ID)
		}
		return out
	}
	w.view(a.ID, func(r store.Reader) error {
		n, err := r.Tenant()
		same(t, "tenant", n, a)
		same(t, "below", ids(r.Below()), []core.TenantID{a.ID, unit.ID, deep.ID})
		same(t, "line", ids(r.Line()), []core.TenantID{root, a.ID})
		return err
	})
	w.view(deep.ID, func(r store.Reader) error {
		same(t, "deep line", ids(r.Line()), []core.TenantID{root, a.ID, unit.ID, deep.ID})
		same(t, "deep below", ids(r.Below()), []core.TenantID{deep.ID})
		same(t, "another's line", ids(r.LineOf(b.ID)), []core.TenantID{root, b.ID})
		if _, err := r.LineOf("tn_never"); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("the line of a node that never was: %v", err)
		}
		return nil
	})
	all := ids(w.AllTenants(w.ctx))
	if len(all) != 8 || all[0] != root {
		t.Errorf("all tenants: %v", all)
	}
	place := map[core.TenantID]int{}
	for i, id := range all {
		place[id] = i
	}
	if place[a.ID] > place[unit.ID] || place[unit.ID] > place[deep.ID] {
		t.Errorf("children stand before parents: %v", all)
	}
	b.Name, b.State, b.SupportAccess, b.Settings = "Renamed", core.TenantSuspended, false, core.SettingsDoc(`{"digits":8}`)
	w.update(b.ID, func(tx store.Tx) error { return tx.UpdateTenant(b) })
	b.Version++
	w.view(b.ID, func(r store.Reader) error {
		n, err := r.Tenant()
		same(t, "updated", n, b)
		return err
	})
	for name, n := range map[string]core.Tenant{
		"a path that is not under its parent": {ID: "tn_x", Parent: a.ID, Path: "/tn_root/tn_x/", Kind: core.Unit},
		"a second root":                       {ID: "tn_y", Path: "/tn_y/", Kind: core.Platform},
	} {
		if err := w.Update(w.ctx, a.ID, func(tx store.Tx) error { return tx.InsertTenant(n) }); err == nil {
			t.Errorf("%s was inserted", name)
		}
	}
	if err := w.View(w.ctx, "tn_never", func(r store.Reader) error { _, err := r.Tenant(); return err }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("an unknown tenant: %v", err)
	}
}

func testPeople(t *testing.T, w *world) {
	h := w.household()
	all := []core.User{h.user}
	for range 4 {
		all = append(all, w.user(h.tenant.ID))
	}
	w.view(h.tenant.ID, func(r store.Reader) error {
		u, err := r.User(h.user.ID)
		same(t, "user", u, h.user)
		first, err2 := r.Users("", 2)
		same(t, "first page", first, all[:2])
		rest, err3 := r.Users(first[1].ID, 10)
		same(t, "second page", rest, all[2:])
		p, err4 := r.Password(h.user.ID)
		same(t, "password", p, core.Password{Hash: "$argon2id$", Length: 12, SetAt: w.clock.Now()})
		b, err5 := r.Browsers(h.user.ID)
		same(t, "browsers", b, []core.Browser{h.browser})
		g, err6 := r.Roles(h.user.ID)
		same(t, "roles", g, []core.RoleGrant{h.grant})
		bu, err7 := r.Budget(h.user.ID, "password")
		same(t, "budget", bu, core.Budget{Window: w.clock.Now(), Failures: 2, Consecutive: 2})
		clean, err8 := r.Budget(h.user.ID, "other")
		same(t, "no budget", clean, core.Budget{})
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8)
	})
	gone := all[2]
	gone.State, gone.Federated = core.UserDeleted, true
	newer := core.Browser{ID: core.BrowserID(w.id("br")), User: h.user.ID, Tenant: h.tenant.ID, Hash: []byte("other"), SeenAt: w.clock.Now()}
	later := w.clock.Now().Add(time.Hour)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(
			tx.UpdateUser(gone), tx.SetPassword(h.user.ID, core.Password{Hash: "new", MustChange: true, SetAt: later}),
			tx.InsertBrowser(newer), tx.SeenBrowser(newer.ID, later, "203.0.113.9", true),
			tx.Grant(h.grant), // again: no change
			tx.Grant(core.RoleGrant{User: h.user.ID, Tenant: root, Role: core.Auditor, At: later}),
			tx.DropBudgets(h.user.ID),
		)
	})
	newer.SeenAt, newer.Place, newer.MetAsleep = later, "203.0.113.9", true
	w.view(h.tenant.ID, func(r store.Reader) error {
		users, err := r.Users("", 100)
		same(t, "without the deleted", len(users), 4)
		u, err2 := r.User(gone.ID)
		gone.Version++
		same(t, "deleted and still there", u, gone)
		p, err3 := r.Password(h.user.ID)
		same(t, "new password", p, core.Password{Hash: "new", MustChange: true, SetAt: later})
		b, err4 := r.Browsers(h.user.ID)
		same(t, "newest browser first", b, []core.Browser{newer, h.browser})
		g, err5 := r.Roles(h.user.ID)
		same(t, "two roles", len(g), 2)
		bu, err6 := r.Budget(h.user.ID, "password")
		same(t, "no budget any more", bu, core.Budget{})
		return errors.Join(err, err2, err3, err4, err5, err6)
	})
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.DropBrowsers(h.user.ID, newer.ID, "br_never")
		same(t, "dropped by name", n, 1)
		n, err2 := tx.DropBrowsers(h.user.ID)
		same(t, "dropped all", n, 1)
		return errors.Join(err, err2, tx.Revoke(h.grant))
	})
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.Revoke(h.grant) }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a role revoked twice: %v", err)
	}
}

func testEmailTaken(t *testing.T, w *world) {
	h := w.household()
	unit := core.Tenant{ID: "tn_unit", Parent: h.tenant.ID, Organisation: h.tenant.ID, Path: h.tenant.Path + "tn_unit/", Kind: core.Unit}
	other := w.household()
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertTenant(unit) })
	for _, row := range []struct {
		name   string
		in     core.TenantID
		org    core.TenantID
		key    string
		except core.UserID
		want   bool
	}{
		{"the same tenant", h.tenant.ID, h.tenant.ID, h.user.EmailKey, "", true},
		{"a unit of the same organisation", unit.ID, h.tenant.ID, h.user.EmailKey, "", true},
		{"the owner itself", h.tenant.ID, h.tenant.ID, h.user.EmailKey, h.user.ID, false},
		{"another organisation", other.tenant.ID, other.tenant.ID, h.user.EmailKey, "", false},
		{"asked about another organisation", other.tenant.ID, h.tenant.ID, h.user.EmailKey, "", false},
		{"no address", h.tenant.ID, h.tenant.ID, "", "", false},
	} {
		w.view(row.in, func(r store.Reader) error {
			taken, err := r.EmailTaken(row.org, row.key, row.except)
			if taken != row.want {
				t.Errorf("%s: taken %v", row.name, taken)
			}
			return err
		})
	}
	// Asked and inserted by many at once, one gets it.
	var got atomic.Int64
	w.together(64, func(int) {
		u := w.newUser(h.tenant.ID)
		u.EmailKey = "wanted@example.org"
		err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
			taken, err := tx.EmailTaken(h.tenant.ID, u.EmailKey, u.ID)
			if err != nil {
				return err
			}
			if taken {
				return store.ErrDuplicate{What: "email"}
			}
			return tx.InsertUser(u)
		})
		var dup store.ErrDuplicate
		if err == nil {
			got.Add(1)
		} else if !errors.As(err, &dup) {
			t.Error(err)
		}
	})
	if got.Load() != 1 {
		t.Errorf("%d people got the address", got.Load())
	}
}

func testRehash(t *testing.T, w *world) {
	h := w.household()
	password := func() (p core.Password) {
		w.view(h.tenant.ID, func(r store.Reader) (err error) { p, err = r.Password(h.user.ID); return err })
		return p
	}
	had := password()
	learned := core.Password{Hash: "new", Length: 9, MustChange: true, SetAt: w.clock.Now().Add(time.Hour)}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.Rehash(h.user.ID, "another", learned) })
	same(t, "another hash", password(), had)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.Rehash(h.user.ID, had.Hash, learned) })
	learned.SetAt = had.SetAt // it is the same password
	same(t, "the hash that it was", password(), learned)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.Rehash("us_never", had.Hash, learned) })

	// Counted by what checking them costs.
	imported, err := secret.ReadImported("$2b$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		u := w.user(h.tenant.ID)
		w.update(h.tenant.ID, func(tx store.Tx) error { return tx.SetPassword(u.ID, core.Password{Hash: imported.Stored()}) })
	}
	counts, err := w.HashSettings(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "settings", counts, map[string]int64{"": 1, "bcrypt,c=14": 3})
}

func testDuplicates(t *testing.T, w *world) {
	h := w.household()
	for _, row := range []struct {
		what string
		make func(tx store.Tx) error
	}{
		{"login", func(tx store.Tx) error {
			u := w.newUser(h.tenant.ID)
			u.LoginKey = h.user.LoginKey
			return tx.InsertUser(u)
		}},
		{"id", func(tx store.Tx) error { u := w.newUser(h.tenant.ID); u.ID = h.user.ID; return tx.InsertUser(u) }},
		{"handle", func(tx store.Tx) error {
			f := w.newFactor(h.user)
			f.Handle = h.factor.Handle
			return tx.InsertFactor(f)
		}},
		{"id", func(tx store.Tx) error { f := w.newFactor(h.user); f.ID = h.factor.ID; return tx.InsertFactor(f) }},
		{"id", func(tx store.Tx) error { a := w.newAttempt(h.user); a.ID = h.attempt.ID; return tx.InsertAttempt(a) }},
		{"token", func(tx store.Tx) error {
			s := w.newSession(h.user)
			s.TokenHash = h.session.TokenHash
			return tx.InsertSession(s)
		}},
		{"id", func(tx store.Tx) error { s := w.newSession(h.user); s.ID = h.session.ID; return tx.InsertSession(s) }},
		{"token", func(tx store.Tx) error { k := w.newToken(h.user); k.Hash = h.token.Hash; return tx.InsertToken(k) }},
		{"id", func(tx store.Tx) error { m := w.newMail(h.user); m.ID = h.mail.ID; return tx.QueueMail(m) }},
		{"id", func(tx store.Tx) error { b := h.browser; return tx.InsertBrowser(b) }},
	} {
		err := w.Update(w.ctx, h.tenant.ID, row.make)
		var dup store.ErrDuplicate
		if !errors.As(err, &dup) || dup.What != row.what {
			t.Errorf("want a duplicate %s, got %v", row.what, err)
		}
	}
	// A deleted account's login is free again; its id is not.
	gone := h.user
	gone.State = core.UserDeleted
	again := w.newUser(h.tenant.ID)
	again.LoginKey = h.user.LoginKey
	w.update(h.tenant.ID, func(tx store.Tx) error { return errors.Join(tx.UpdateUser(gone), tx.InsertUser(again)) })
	if l, err := w.FindLogin(w.ctx, again.LoginKey, nil); err != nil || l.User.ID != again.ID {
		t.Errorf("the login leads to %s, %v", l.User.ID, err)
	}
}

func testCounts(t *testing.T, w *world) {
	h := w.household() // active, with a confirmed TOTP factor
	bare, dead, codes := w.user(h.tenant.ID), w.user(h.tenant.ID), w.user(h.tenant.ID)
	_ = bare
	f := w.newFactor(dead)
	f.Budget.Consecutive = core.DeadAt
	c := w.newFactor(codes)
	c.Kind = core.FactorRecoveryCode
	svc := w.newUser(h.tenant.ID)
	svc.Kind, svc.State = core.ServiceAccount, core.UserDisabled
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertFactor(f), tx.InsertFactor(c), tx.InsertUser(svc))
	})
	got, err := w.CountUsers(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "counts", got, []store.UserCount{
		{State: core.UserActive, Kind: core.Person, Enrolled: false, Count: 4}, // with the operator
		{State: core.UserActive, Kind: core.Person, Enrolled: true, Count: 1},
		{State: core.UserDisabled, Kind: core.ServiceAccount, Enrolled: false, Count: 1},
	})
	// A dead factor is no way in, but it was set up: the password step must ask.
	for _, u := range []core.User{dead, h.user} {
		if l, err := w.FindLogin(w.ctx, u.LoginKey, nil); err != nil || !l.Enrolled {
			t.Errorf("%s counts as not enrolled, %v", u.ID, err)
		}
	}
	for _, u := range []core.User{bare, codes} {
		if l, err := w.FindLogin(w.ctx, u.LoginKey, nil); err != nil || l.Enrolled {
			t.Errorf("%s counts as enrolled, %v", u.ID, err)
		}
	}
}

// testOddTexts: what browsers and people send ends up alike in both engines.
func testOddTexts(t *testing.T, w *world) {
	h := w.household()
	odd := "a\x00b\xffc'\"\\%_😀"
	kept := "a\uFFFDb\uFFFDc'\"\\%_😀"
	u := h.user
	u.Name = odd
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.UpdateUser(u), tx.Append(core.Event{
			Name: "x", Actor: "us_odd", Address: odd, Detail: map[string]string{"agent": odd},
		}))
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		got, err := r.User(u.ID)
		same(t, "name", got.Name, kept)
		events, err2 := r.EventsOf("us_odd", 0, 1)
		same(t, "address", events[0].Address, kept)
		same(t, "detail", events[0].Detail["agent"], "a\x00b\uFFFDc'\"\\%_😀")
		return errors.Join(err, err2)
	})
	for _, id := range []string{"us_\x00", "us_\xff", "us_' OR 1=1 --", fmt.Sprintf("us_%05000d", 1)} {
		if _, err := w.FindUser(w.ctx, core.UserID(id)); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("id %.20q: %v", id, err)
		}
		if _, err := w.FindLogin(w.ctx, id, nil); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("login %.20q: %v", id, err)
		}
		err := w.View(w.ctx, h.tenant.ID, func(r store.Reader) error { _, err := r.Attempt(core.AttemptID(id)); return err })
		if !errors.Is(err, core.ErrNotFound) {
			t.Errorf("attempt %.20q: %v", id, err)
		}
	}
}
