package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// newcomer has everything that an account can come with.
func (w *world) newcomer(tenant core.TenantID) store.Newcomer {
	u := w.newUser(tenant)
	return store.Newcomer{User: u, Password: core.Password{Hash: "hash of " + string(u.ID), Length: 17, MustChange: true, SetAt: w.clock.Now()},
		Factors: []core.Factor{w.newFactor(u), w.newFactor(u)},
		Roles: []core.RoleGrant{{User: u.ID, Tenant: root, Role: core.Auditor, At: w.clock.Now()},
			{User: u.ID, Tenant: tenant, Role: core.RoleUser, At: w.clock.Now()}}}
}

func (w *world) bulk(fn func(store.BulkTx) error) {
	w.t.Helper()
	if err := w.Bulk(w.ctx, fn); err != nil {
		w.t.Fatal(err)
	}
}

func testBulk(t *testing.T, w *world) {
	a, b := w.customer(), w.customer()
	// Enough for every size of statement that an engine may cut this into.
	var people []store.Newcomer
	var events []core.Event
	for i := range 137 {
		n := w.newcomer([]core.TenantID{a.ID, b.ID}[i%2])
		switch i % 5 {
		case 1:
			n.Password = core.Password{}
		case 2:
			n.Factors = nil
		case 3:
			n.Roles = nil
			n.User.Federated, n.User.Kind, n.User.State, n.User.Email, n.User.EmailKey = true, core.ServiceAccount, core.UserDisabled, "", ""
		}
		people = append(people, n)
		events = append(events, core.Event{Name: "user.created", Tenant: n.User.Tenant, Actor: core.ActorShell, Target: string(n.User.ID), Result: "ok",
			Detail: map[string]string{"with": "import"}})
	}
	w.bulk(func(tx store.BulkTx) error {
		same(t, "now", tx.Now(), w.clock.Now())
		return errors.Join(tx.Insert(people), tx.Append(events), tx.Insert(nil), tx.Append(nil))
	})
	for i, n := range people {
		w.view(n.User.Tenant, func(r store.Reader) error {
			u, err := r.User(n.User.ID)
			same(t, "user", u, n.User)
			p, err2 := r.Password(n.User.ID)
			if n.Password.Hash == "" && errors.Is(err2, core.ErrNotFound) {
				err2 = nil
			}
			same(t, "password", p, n.Password)
			f, err3 := r.Factors(n.User.ID)
			same(t, "factors", f, append([]core.Factor{}, n.Factors...))
			g, err4 := r.Roles(n.User.ID)
			slices.SortFunc(n.Roles, func(a, b core.RoleGrant) int { return compare(a.Tenant, b.Tenant) })
			slices.SortFunc(g, func(a, b core.RoleGrant) int { return compare(a.Tenant, b.Tenant) })
			same(t, "roles", g, append([]core.RoleGrant{}, n.Roles...))
			e, err5 := r.EventsOf(n.User.ID, 0, 10)
			want := events[i]
			if len(e) == 1 {
				want.Seq, want.At = e[0].Seq, w.clock.Now()
			}
			same(t, "events", e, []core.Event{want})
			return errors.Join(err, err2, err3, err4, err5)
		})
	}
	w.right(a.ID, "a chunk")
	w.right(b.ID, "a chunk")
	// They are accounts like others: found at the door, changed by their version.
	l, err := w.FindLogin(w.ctx, people[0].User.LoginKey, nil)
	if err != nil || !l.Enrolled || l.Password != people[0].Password {
		t.Errorf("at the door: %+v, %v", l, err)
	}
	w.update(a.ID, func(tx store.Tx) error { return tx.UpdateUser(people[0].User) })
}

func compare[T ~string](a, b T) int {
	if a < b {
		return -1
	}
	return 1
}

func testBulkQuestions(t *testing.T, w *world) {
	h, other := w.household(), w.household()
	unit := core.Tenant{ID: "tn_unit", Parent: h.tenant.ID, Organisation: h.tenant.ID, Path: h.tenant.Path + "tn_unit/", Kind: core.Unit, State: core.TenantSuspended}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertTenant(unit) })
	gone, inUnit := w.user(h.tenant.ID), w.user(unit.ID)
	gone.State = core.UserDeleted
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.UpdateUser(gone) })
	w.bulk(func(tx store.BulkTx) error {
		places, err := tx.Places([]core.TenantID{unit.ID, "tn_never", other.tenant.ID, unit.ID})
		same(t, "places", places, map[core.TenantID]store.Place{
			unit.ID:         {Organisation: h.tenant.ID, Path: unit.Path, State: core.TenantSuspended},
			other.tenant.ID: {Organisation: other.tenant.ID, Path: other.tenant.Path, State: core.TenantActive},
		})
		logins, err2 := tx.Logins([]string{h.user.LoginKey, "free", gone.LoginKey, inUnit.LoginKey, "", "' OR 1=1 --"})
		same(t, "logins", logins, map[string]store.Owner{
			h.user.LoginKey: {User: h.user.ID, Tenant: h.tenant.ID},
			inUnit.LoginKey: {User: inUnit.ID, Tenant: unit.ID},
		})
		taken, err3 := tx.Addresses([]store.Address{
			{Organisation: h.tenant.ID, EmailKey: h.user.EmailKey}, {Organisation: h.tenant.ID, EmailKey: inUnit.EmailKey},
			{Organisation: other.tenant.ID, EmailKey: h.user.EmailKey}, {Organisation: h.tenant.ID, EmailKey: gone.EmailKey},
			{Organisation: h.tenant.ID, EmailKey: "free@example.org"}, {Organisation: h.tenant.ID}, {Organisation: unit.ID, EmailKey: inUnit.EmailKey},
		})
		same(t, "addresses", taken, map[store.Address]bool{
			{Organisation: h.tenant.ID, EmailKey: h.user.EmailKey}: true,
			{Organisation: h.tenant.ID, EmailKey: inUnit.EmailKey}: true,
		})
		none, err4 := tx.Places(nil)
		nobody, err5 := tx.Logins(nil)
		free, err6 := tx.Addresses(nil)
		lost, err7 := tx.Hold(nil)
		same(t, "nothing asked", len(none)+len(nobody)+len(free)+len(lost), 0)
		return errors.Join(err, err2, err3, err4, err5, err6, err7)
	})
}

// testBulkRefuses: a chunk comes whole or not at all.
func testBulkRefuses(t *testing.T, w *world) {
	h, other := w.household(), w.household()
	undone := errors.New("undone")
	for _, row := range []struct {
		name string
		do   func(tx store.BulkTx, n store.Newcomer) error
		is   error
		dup  string
	}{
		{"an error of fn", func(tx store.BulkTx, n store.Newcomer) error {
			return errors.Join(tx.Insert([]store.Newcomer{n}), tx.Append([]core.Event{{Name: "x", Tenant: h.tenant.ID, Target: string(n.User.ID)}}), undone)
		}, undone, ""},
		{"a login that is taken", func(tx store.BulkTx, n store.Newcomer) error {
			m := w.newcomer(h.tenant.ID)
			m.User.LoginKey = h.user.LoginKey
			return tx.Insert([]store.Newcomer{n, m})
		}, nil, "login"},
		{"a login twice", func(tx store.BulkTx, n store.Newcomer) error {
			m := w.newcomer(h.tenant.ID)
			m.User.LoginKey = n.User.LoginKey
			return tx.Insert([]store.Newcomer{n, m})
		}, nil, "login"},
		{"an id that is taken", func(tx store.BulkTx, n store.Newcomer) error {
			m := w.newcomer(h.tenant.ID)
			m.Factors, m.User.ID, m.Roles = nil, h.user.ID, nil
			return tx.Insert([]store.Newcomer{n, m})
		}, nil, "id"},
		{"an error that is overlooked", func(tx store.BulkTx, n store.Newcomer) error {
			m := w.newcomer(h.tenant.ID)
			m.User.LoginKey = n.User.LoginKey
			_ = tx.Insert([]store.Newcomer{n, m})
			if err := tx.Append([]core.Event{{Name: "x", Tenant: h.tenant.ID}}); err == nil {
				t.Error("the transaction went on after an error of the engine")
			}
			return nil
		}, nil, "login"},
		{"a tenant that never was", func(tx store.BulkTx, n store.Newcomer) error {
			return tx.Insert([]store.Newcomer{n, w.newcomer("tn_never")})
		}, core.ErrNotFound, ""},
		{"a role on a tenant that never was", func(tx store.BulkTx, n store.Newcomer) error {
			m := w.newcomer(h.tenant.ID)
			m.Roles[0].Tenant = "tn_never"
			return tx.Insert([]store.Newcomer{n, m})
		}, core.ErrNotFound, ""},
		{"a factor of somebody else", func(tx store.BulkTx, n store.Newcomer) error {
			n.Factors[1].User = h.user.ID
			return tx.Insert([]store.Newcomer{n})
		}, core.ErrNotFound, ""},
		{"a factor of another tenant", func(tx store.BulkTx, n store.Newcomer) error {
			n.Factors[1].Tenant = other.tenant.ID
			return tx.Insert([]store.Newcomer{n})
		}, core.ErrNotFound, ""},
		{"a role of somebody else", func(tx store.BulkTx, n store.Newcomer) error {
			n.Roles[0].User = h.user.ID
			return tx.Insert([]store.Newcomer{n})
		}, core.ErrNotFound, ""},
		{"a service account's facts of somebody else", func(tx store.BulkTx, n store.Newcomer) error {
			n.User.Kind, n.Service = core.ServiceAccount, &core.Service{User: h.user.ID, Owner: h.user.ID, Reason: "backup"}
			return tx.Insert([]store.Newcomer{n})
		}, core.ErrNotFound, ""},
		{"an event of no tenant", func(tx store.BulkTx, n store.Newcomer) error {
			return errors.Join(tx.Insert([]store.Newcomer{n}), tx.Append([]core.Event{{Name: "x", Target: string(n.User.ID)}}))
		}, core.ErrNotFound, ""},
	} {
		n := w.newcomer(h.tenant.ID)
		err := w.Bulk(w.ctx, func(tx store.BulkTx) error { return row.do(tx, n) })
		var dup store.ErrDuplicate
		errors.As(err, &dup)
		if err == nil || row.is != nil && !errors.Is(err, row.is) || dup.What != row.dup {
			t.Errorf("%s: %v", row.name, err)
		}
		if _, err := w.FindUser(w.ctx, n.User.ID); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("%s: the account stayed, %v", row.name, err)
		}
		if l, err := w.FindLogin(w.ctx, n.User.LoginKey, nil); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("%s: the login stayed, %+v %v", row.name, l, err)
		}
		w.view(h.tenant.ID, func(r store.Reader) error {
			e, err := r.EventsOf(n.User.ID, 0, 1)
			same(t, row.name+": events", len(e), 0)
			return err
		})
	}
}

// testBulkAddresses: who comes one by one and who comes by the chunk ask at the
// same time for the same addresses, and each goes to one of them.
func testBulkAddresses(t *testing.T, w *world) {
	h := w.household()
	var got [4]atomic.Int64
	w.together(48, func(i int) {
		address := func(n int) store.Address {
			return store.Address{Organisation: h.tenant.ID, EmailKey: fmt.Sprintf("wanted%d@example.org", n)}
		}
		if i%3 == 0 {
			u, n := w.newUser(h.tenant.ID), i/3%len(got)
			u.EmailKey = address(n).EmailKey
			held := false
			err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) (err error) {
				if held, err = tx.EmailTaken(h.tenant.ID, u.EmailKey, ""); err == nil && !held {
					err = tx.InsertUser(u)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			} else if !held {
				got[n].Add(1)
			}
			return
		}
		var people []store.Newcomer
		another := errors.New("somebody else was faster")
		err := another
		for errors.Is(err, another) {
			err = w.Bulk(w.ctx, func(tx store.BulkTx) error {
				people = nil
				var ask []store.Address
				for n := range got {
					ask = append(ask, address(n))
				}
				taken, err := tx.Addresses(ask)
				if err != nil {
					return err
				}
				hold := map[store.Address]core.UserID{}
				for n, a := range ask {
					if taken[a] || (i+n)%2 == 0 {
						continue
					}
					p := w.newcomer(h.tenant.ID)
					p.User.EmailKey, p.User.Name = a.EmailKey, fmt.Sprint(n)
					people, hold[a] = append(people, p), p.User.ID
				}
				if err := tx.Insert(people); err != nil {
					return err
				}
				lost, err := tx.Hold(hold)
				if err == nil && len(lost) > 0 {
					err = another
				}
				return err
			})
		}
		if err != nil {
			t.Error(err)
		}
		for _, p := range people {
			n := 0
			_, _ = fmt.Sscan(p.User.Name, &n)
			got[n].Add(1)
		}
	})
	for n := range got {
		if got[n].Load() != 1 {
			t.Errorf("%d people got address %d", got[n].Load(), n)
		}
	}
}

// testBulkPlaces: nobody comes into a node after it was closed, since a chunk
// that found it open is waited for.
func testBulkPlaces(t *testing.T, w *world) {
	n := w.customer()
	var came, seen atomic.Int64
	w.together(24, func(i int) {
		if i == 11 {
			w.update(n.ID, func(tx store.Tx) error {
				at, err := tx.Tenant()
				if err != nil {
					return err
				}
				at.State = core.TenantSuspended
				if err := tx.UpdateTenant(at); err != nil {
					return err
				}
				people, err := tx.Users("", 100)
				seen.Store(int64(len(people)))
				return err
			})
			return
		}
		open := false
		err := w.Bulk(w.ctx, func(tx store.BulkTx) error {
			places, err := tx.Places([]core.TenantID{n.ID})
			if open = places[n.ID].State == core.TenantActive; err != nil || !open {
				return err
			}
			return tx.Insert([]store.Newcomer{w.newcomer(n.ID)})
		})
		if err != nil {
			t.Error(err)
		} else if open {
			came.Add(1)
		}
	})
	if came.Load() != seen.Load() {
		t.Errorf("%d people were there when the node was closed, and then %d", seen.Load(), came.Load())
	}
}

// testBulkServices: what is kept of a service account comes with it.
func testBulkServices(t *testing.T, w *world) {
	h := w.household()
	n := w.newcomer(h.tenant.ID)
	n.User.Kind, n.Factors = core.ServiceAccount, nil
	n.Service = &core.Service{User: n.User.ID, Owner: h.user.ID, Reason: "nightly backup", Networks: []string{"192.0.2.0/24", "198.51.100.7/32"},
		ExpiresAt: w.clock.Now().Add(48 * time.Hour), CreatedAt: w.clock.Now()}
	person := w.newcomer(h.tenant.ID)
	w.bulk(func(tx store.BulkTx) error { return tx.Insert([]store.Newcomer{n, person}) })
	err := w.View(w.ctx, h.tenant.ID, func(r store.Reader) error {
		got, err := r.Service(n.User.ID)
		if err != nil {
			return err
		}
		if got.Owner != n.Service.Owner || got.Reason != n.Service.Reason || !slices.Equal(got.Networks, n.Service.Networks) || !got.ExpiresAt.Equal(n.Service.ExpiresAt) {
			t.Errorf("kept %+v, want %+v", got, *n.Service)
		}
		if _, err := r.Service(person.User.ID); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a person has facts of a service account: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
