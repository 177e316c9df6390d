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
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

// tally counts people as their rows stand, the long way.
func (w *world) tally(at core.TenantID) store.Counts {
	w.t.Helper()
	out := store.Counts{}
	w.view(at, func(r store.Reader) error {
		users, err := r.Users("", 10_000)
		if err != nil {
			return err
		}
		for _, u := range users {
			factors, err := r.Factors(u.ID)
			if err != nil {
				return err
			}
			enrolled := slices.ContainsFunc(factors, func(f core.Factor) bool {
				return f.State == core.FactorConfirmed && f.Kind != core.FactorRecoveryCode
			})
			out[core.StandingOf(u, enrolled)]++
		}
		return nil
	})
	return out
}

// right holds the counts, and the list of each standing, to the rows.
func (w *world) right(at core.TenantID, when string) {
	w.t.Helper()
	want := w.tally(at)
	w.view(at, func(r store.Reader) error {
		got, err := r.Counts()
		for _, s := range core.Standings {
			people, _, err := r.People(store.PeopleQuery{Page: store.Page{Limit: 10_000}, Standings: []core.Standing{s}})
			if err != nil {
				return err
			}
			if got[s] != want[s] || len(people) != want[s] {
				w.t.Errorf("%s: %d are %s, %d are counted and %d listed", when, want[s], s, got[s], len(people))
			}
		}
		return err
	})
}

func testCounted(t *testing.T, w *world) {
	at := w.customer()
	id := at.ID
	p := w.newUser(id)
	p.State = core.UserInvited
	w.update(id, func(tx store.Tx) error { return tx.InsertUser(p) })
	w.right(id, "invited")
	step := func(what string, want core.Standing, fn func(store.Tx, core.User) error) {
		t.Helper()
		w.update(id, func(tx store.Tx) error {
			u, err := tx.User(p.ID)
			if err != nil {
				return err
			}
			return fn(tx, u)
		})
		w.right(id, what)
		w.view(id, func(r store.Reader) error {
			people, _, err := r.People(store.PeopleQuery{Page: store.Page{Limit: 10}})
			if len(people) != 1 || people[0].Standing != want {
				t.Errorf("%s: %+v, want %s", what, people, want)
			}
			return err
		})
	}
	state := func(s core.UserState) func(store.Tx, core.User) error {
		return func(tx store.Tx, u core.User) error { u.State = s; return tx.UpdateUser(u) }
	}
	f := w.newFactor(p)
	f.State = core.FactorUnconfirmed
	code := w.newFactor(p)
	code.Kind, code.Handle = core.FactorRecoveryCode, ""
	move := func(to core.FactorState) func(store.Tx, core.User) error {
		return func(tx store.Tx, _ core.User) error {
			got, err := tx.Factor(f.ID)
			if err != nil {
				return err
			}
			got.State = to
			return tx.UpdateFactor(got)
		}
	}
	step("accepted", core.StandingOpen, state(core.UserValidated))
	step("signed in", core.StandingOpen, state(core.UserActive))
	step("a key", core.StandingOpen, func(tx store.Tx, _ core.User) error { return tx.InsertFactor(f) })
	step("a recovery code", core.StandingOpen, func(tx store.Tx, _ core.User) error { return tx.InsertFactor(code) })
	step("confirmed", core.StandingEnrolled, move(core.FactorConfirmed))
	second := w.newFactor(p)
	step("a second app", core.StandingEnrolled, func(tx store.Tx, _ core.User) error { return tx.InsertFactor(second) })
	step("one of two gone", core.StandingEnrolled, move(core.FactorRevoked))
	step("disabled", core.StandingInactive, state(core.UserDisabled))
	step("enabled again", core.StandingEnrolled, state(core.UserActive))
	step("a service account", core.StandingService, func(tx store.Tx, u core.User) error { u.Kind = core.ServiceAccount; return tx.UpdateUser(u) })
	step("its app goes", core.StandingService, func(tx store.Tx, _ core.User) error {
		got, err := tx.Factor(second.ID)
		if err != nil {
			return err
		}
		got.State = core.FactorRevoked
		return tx.UpdateFactor(got)
	})
	step("a person again", core.StandingOpen, func(tx store.Tx, u core.User) error { u.Kind = core.Person; return tx.UpdateUser(u) })
	step("federated", core.StandingFederated, func(tx store.Tx, u core.User) error { u.Federated = true; return tx.UpdateUser(u) })
	step("here again", core.StandingOpen, func(tx store.Tx, u core.User) error { u.Federated = false; return tx.UpdateUser(u) })
	step("replaced in one go", core.StandingEnrolled, func(tx store.Tx, u core.User) error {
		third, fourth := w.newFactor(u), w.newFactor(u)
		if err := tx.InsertFactor(third); err != nil {
			return err
		}
		third.State = core.FactorRevoked
		return errors.Join(tx.UpdateFactor(third), tx.InsertFactor(fourth))
	})
	step("what an error leaves", core.StandingEnrolled, func(tx store.Tx, u core.User) error { return nil })
	undo := errors.New("undo")
	if err := w.Update(w.ctx, id, func(tx store.Tx) error { return errors.Join(tx.InsertUser(w.newUser(id)), undo) }); !errors.Is(err, undo) {
		t.Fatal(err)
	}
	w.right(id, "undone")
	w.update(id, func(tx store.Tx) error {
		u, err := tx.User(p.ID)
		u.State = core.UserDeleted
		return errors.Join(err, tx.UpdateUser(u))
	})
	w.right(id, "deleted")
	// Written without having been read in the same transaction.
	q := w.user(id)
	q.State = core.UserDisabled
	w.update(id, func(tx store.Tx) error { return tx.UpdateUser(q) })
	w.right(id, "written unread")
	// Made whole in one transaction, as an import does.
	w.update(id, func(tx store.Tx) error {
		for i := range 20 {
			u := w.newUser(id)
			if err := tx.InsertUser(u); err != nil {
				return err
			}
			if i%2 == 0 {
				if err := tx.InsertFactor(w.newFactor(u)); err != nil {
					return err
				}
			}
			if i%5 == 0 {
				u.State = core.UserDisabled
				if err := tx.UpdateUser(u); err != nil {
					return err
				}
			}
		}
		return nil
	})
	w.right(id, "made whole")
	// A unit counts for its organisation, and for itself.
	unit := w.node(core.Unit, at, "Unit")
	w.factor(w.user(unit.ID))
	w.view(id, func(r store.Reader) error {
		n, err := r.Counts()
		same(t, "with the unit", n[core.StandingEnrolled], w.tally(id)[core.StandingEnrolled]+1)
		below, err2 := r.CountsBelow()
		same(t, "by organisation", below, map[core.TenantID]store.Counts{id: n})
		l, err3 := r.Losses()
		// 8 of those made whole are active and enrolled, 2 disabled; the unit's one.
		same(t, "losses", l, store.Losses{People: 11, Apps: 11})
		return errors.Join(err, err2, err3)
	})
	w.view(unit.ID, func(r store.Reader) error {
		n, err := r.Counts()
		same(t, "the unit", n, store.Counts{core.StandingEnrolled: 1})
		return err
	})
	w.view(root, func(r store.Reader) error {
		n, err := r.Counts()
		if len(n) != 0 {
			t.Errorf("the platform's own people: %v", n)
		}
		below, err2 := r.CountsBelow()
		if len(below) != 1 || below[id] == nil {
			t.Errorf("below the platform: %v", below)
		}
		return errors.Join(err, err2)
	})
}

// testCountedTogether: many change the same people and factors at once; what is
// counted is what is there.
func testCountedTogether(t *testing.T, w *world) {
	at := w.customer()
	const crowd = 6
	var people []core.User
	var factors [][2]core.Factor
	for range crowd {
		u := w.user(at.ID)
		people = append(people, u)
		factors = append(factors, [2]core.Factor{w.factor(u), w.factor(u)})
	}
	w.together(12, func(i int) {
		for round := range 12 {
			n := (i + round) % crowd
			var err error
			switch i % 4 {
			case 0, 1: // one of the two apps comes and goes
				err = w.Update(w.ctx, at.ID, func(tx store.Tx) error {
					f, err := tx.Factor(factors[n][i%4].ID)
					if err != nil {
						return err
					}
					if f.State == core.FactorConfirmed {
						f.State = core.FactorRevoked
					} else {
						f.State = core.FactorConfirmed
					}
					return tx.UpdateFactor(f)
				})
			case 2: // the account goes and comes
				err = w.Update(w.ctx, at.ID, func(tx store.Tx) error {
					u, err := tx.User(people[n].ID)
					if err != nil {
						return err
					}
					if u.State == core.UserActive {
						u.State = core.UserDisabled
					} else {
						u.State = core.UserActive
					}
					return tx.UpdateUser(u)
				})
			case 3: // others come
				u := w.newUser(at.ID)
				err = w.Update(w.ctx, at.ID, func(tx store.Tx) error {
					return errors.Join(tx.InsertUser(u), tx.InsertFactor(w.newFactor(u)))
				})
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	w.right(at.ID, "after all")
	if r, err := w.Recount(w.ctx, at.ID); err != nil || !r.Clean() {
		t.Errorf("the recount found %+v, %v", r, err)
	}
}

func testRecount(t *testing.T, w *world) {
	at := w.customer()
	for range 3 {
		w.factor(w.user(at.ID))
	}
	u := w.user(at.ID)
	if r, err := w.Recount(w.ctx, at.ID); err != nil || !r.Clean() || r.People != 4 {
		t.Errorf("nothing is wrong, and it found %+v, %v", r, err)
	}
	w.spoil(u.ID, at.ID)
	r, err := w.Recount(w.ctx, at.ID)
	if err != nil || r.Wrong != 1 || len(r.First) != 1 || r.First[0] != u.ID || r.Missing[core.StandingEnrolled] != 2 {
		t.Errorf("it found %+v, %v", r, err)
	}
	w.right(at.ID, "repaired")
	if r, err := w.Recount(w.ctx, at.ID); err != nil || !r.Clean() {
		t.Errorf("it was repaired, and it found %+v, %v", r, err)
	}
}

// spoil writes what only a fault could: wrong facts beside an account, and a
// wrong count.
func (w *world) spoil(u core.UserID, at core.TenantID) {
	w.t.Helper()
	err := w.Store.(*sqlstore.Store).Write(w.ctx, func(q db.DBTX) error {
		_, err := q.ExecContext(w.ctx, "UPDATE users SET standing = 'pending', organisation_id = 'tn_x', enrolled = 1, name_key = 'x' WHERE id = $1", string(u))
		_, err2 := q.ExecContext(w.ctx, "UPDATE people_counts SET people = people - 2 WHERE tenant_id = $1 AND standing = 'enrolled' AND slot = (SELECT min(slot) FROM people_counts WHERE tenant_id = $1 AND standing = 'enrolled')", string(at))
		return errors.Join(err, err2)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func testPeopleLists(t *testing.T, w *world) {
	at := w.customer()
	other := w.customer()
	unit := w.node(core.Unit, at, "Unit")
	make := func(tenant core.TenantID, login, name, mail string) core.User {
		u := w.newUser(tenant)
		u.Login, u.LoginKey, u.Name, u.Email, u.EmailKey = login, login, name, mail, mail
		w.update(tenant, func(tx store.Tx) error { return tx.InsertUser(u) })
		return u
	}
	make(at.ID, "anna@x.example", "Anna Lindner", "anna@x.example")
	make(unit.ID, "bert", "Bert ANDERS", "b.anders@x.example")
	admin := make(at.ID, "carla", "Carla Öztürk", "office@x.example")
	make(at.ID, "dora", "Dora Stein", "anton.dora@x.example")
	gone := make(at.ID, "emil", "Emil Anders", "emil@x.example")
	make(other.ID, "anna@y.example", "Anna Fremd", "anna@y.example")
	gone.State = core.UserDeleted
	w.update(at.ID, func(tx store.Tx) error {
		return errors.Join(tx.UpdateUser(gone), tx.Grant(core.RoleGrant{User: admin.ID, Tenant: at.ID, Role: core.CustomerAdmin, At: w.clock.Now()}),
			tx.Grant(core.RoleGrant{User: gone.ID, Tenant: at.ID, Role: core.RoleUser, At: w.clock.Now()}), tx.InsertFactor(w.newFactor(admin)))
	})
	ask := func(in core.TenantID, limit int, q store.PeopleQuery) (out []string) {
		t.Helper()
		q.Limit = limit
		w.view(in, func(r store.Reader) error {
			for range 20 {
				page, next, err := r.People(q)
				if err != nil {
					return err
				}
				for _, p := range page {
					out = append(out, p.User.Login)
					if p.Privileged != (p.User.Login == "carla") || p.Enrolled != (p.User.Login == "carla") {
						t.Errorf("%+v", p)
					}
				}
				if next == "" {
					return nil
				}
				q.After = next
			}
			t.Error("pages without an end")
			return nil
		})
		return out
	}
	for _, limit := range []int{1, 2, 100} {
		same(t, "by login", ask(at.ID, limit, store.PeopleQuery{}), []string{"anna@x.example", "bert", "carla", "dora"})
		same(t, "of the unit", ask(unit.ID, limit, store.PeopleQuery{}), []string{"bert"})
		same(t, "by standing", ask(at.ID, limit, store.PeopleQuery{Standings: []core.Standing{core.StandingOpen}}), []string{"anna@x.example", "bert", "dora"})
		same(t, "login, then name, family and address", ask(at.ID, limit, store.PeopleQuery{Prefix: "AN"}), []string{"anna@x.example", "bert", "dora"})
		same(t, "by name", ask(at.ID, limit, store.PeopleQuery{Prefix: "carla ö"}), []string{"carla"})
		same(t, "by family", ask(at.ID, limit, store.PeopleQuery{Prefix: "öZTÜ"}), []string{"carla"})
		same(t, "by address", ask(at.ID, limit, store.PeopleQuery{Prefix: "office@"}), []string{"carla"})
		same(t, "search by standing", ask(at.ID, limit, store.PeopleQuery{Prefix: "o", Standings: []core.Standing{core.StandingOpen}}), []string(nil))
		same(t, "nobody", ask(at.ID, limit, store.PeopleQuery{Prefix: "%"}), []string(nil))
	}
	w.update(at.ID, func(tx store.Tx) error {
		d, err := w.FindLogin(w.ctx, "dora", nil)
		return errors.Join(err, tx.Grant(core.RoleGrant{User: d.User.ID, Tenant: root, Role: core.Auditor, At: tx.Now()}), tx.Grant(core.RoleGrant{User: d.User.ID, Tenant: at.ID, Role: core.Helpdesk, At: tx.Now()}))
	})
	w.view(at.ID, func(r store.Reader) error {
		all, err := r.OpenHolders(core.Roles, 10)
		if len(all) != 1 || all[0].Login != "dora" { // carla has a factor
			t.Errorf("holders without a factor: %+v", all)
		}
		none, err2 := r.OpenHolders([]core.Role{core.PartnerAdmin}, 10)
		same(t, "holders of another role", len(none), 0)
		return errors.Join(err, err2)
	})
	for _, odd := range []string{"\x00", "login", "login\x00", "mail\x00zzz", "nonsense\x00a\x00b", string([]byte{0xff})} {
		w.view(at.ID, func(r store.Reader) error {
			_, _, err := r.People(store.PeopleQuery{Page: store.Page{After: odd, Limit: 2}, Prefix: "a"})
			return err
		})
	}
}

func testMoveUser(t *testing.T, w *world) {
	a, b := w.household(), w.household()
	w.clock.Advance(time.Minute)
	own := w.everything(b)
	w.update(a.tenant.ID, func(tx store.Tx) error {
		// What left other traces goes along too.
		old := w.newSession(a.user)
		old.EndedAt, old.EndedWhy = tx.Now(), "test"
		return errors.Join(tx.InsertSession(old), tx.InsertFactor(core.Factor{ID: core.FactorID(w.id("fa")), Tenant: a.tenant.ID, User: a.user.ID,
			Kind: core.FactorTOTP, State: core.FactorRevoked, CreatedAt: tx.Now()}))
	})
	w.update(a.tenant.ID, func(tx store.Tx) error { return tx.MoveUser(a.user, b.tenant.ID) })
	w.view(a.tenant.ID, func(r store.Reader) error {
		if _, err := r.User(a.user.ID); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("still where they were: %v", err)
		}
		if all, err := r.FactorHistory(a.user.ID); err != nil || len(all) != 0 {
			t.Errorf("factors stayed: %v, %v", all, err)
		}
		return nil
	})
	w.view(b.tenant.ID, func(r store.Reader) error {
		u, err := r.User(a.user.ID)
		if u.Tenant != b.tenant.ID || u.Version != 1 || !u.PlacedAt.Equal(w.clock.Now()) || !u.CreatedAt.Equal(a.user.CreatedAt) {
			t.Errorf("%+v", u)
		}
		p, err2 := r.Password(a.user.ID)
		same(t, "password", p.Hash, "$argon2id$")
		factors, err3 := r.FactorHistory(a.user.ID)
		same(t, "factors", len(factors), 2)
		roles, err4 := r.Roles(a.user.ID)
		same(t, "roles hold where they held", roles, []core.RoleGrant{a.grant})
		browsers, err5 := r.Browsers(a.user.ID)
		same(t, "browsers", len(browsers), 1)
		sessions, err6 := r.Sessions(a.user.ID)
		same(t, "sessions", len(sessions), 1)
		tokens, err7 := r.Tokens(a.user.ID, core.TokenReset)
		same(t, "links", len(tokens), 1)
		s, err8 := r.Service(a.user.ID)
		same(t, "service", s, a.service)
		bu, err9 := r.Budget(a.user.ID, "password")
		same(t, "budget", bu.Failures, 2)
		_, err10 := r.Attempt(a.attempt.ID)
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10)
	})
	for _, h := range []household{a, b} {
		w.right(h.tenant.ID, "moved")
	}
	now := w.everything(b)
	for _, what := range []string{"password", "factors", "sessions", "tokens", "roles"} {
		same(t, what+" of who was there", now[what], own[what])
	}
	for name, move := range map[string]func(store.Tx) error{
		"a stale version": func(tx store.Tx) error {
			return tx.MoveUser(core.User{ID: b.user.ID, Tenant: b.tenant.ID, Version: 7}, a.tenant.ID)
		},
		"a tenant that never": func(tx store.Tx) error { return tx.MoveUser(b.user, "tn_never") },
		"somebody who never": func(tx store.Tx) error {
			return tx.MoveUser(core.User{ID: "us_never", Tenant: b.tenant.ID}, a.tenant.ID)
		},
	} {
		if err := w.Update(w.ctx, b.tenant.ID, move); !errors.Is(err, store.ErrConflict) && !errors.Is(err, core.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A reference that fails at the same time fails where it is made.
	errs := [8]error{}
	w.together(len(errs), func(i int) {
		if i%2 == 0 {
			errs[i] = w.Update(w.ctx, a.tenant.ID, func(tx store.Tx) error {
				return tx.InsertFactor(core.Factor{ID: core.FactorID(w.id("fa")), Tenant: a.tenant.ID, User: "us_never"})
			})
			return
		}
		errs[i] = w.Update(w.ctx, a.tenant.ID, func(tx store.Tx) error {
			u := w.newUser(a.tenant.ID)
			return errors.Join(tx.InsertUser(u), tx.MoveUser(u, b.tenant.ID))
		})
	})
	for i, err := range errs {
		if i%2 == 0 && !errors.Is(err, core.ErrNotFound) || i%2 == 1 && err != nil {
			t.Errorf("%d at once: %v", i, err)
		}
	}
	for _, h := range []household{a, b} {
		w.right(h.tenant.ID, "many moved")
	}
}

func testTrust(t *testing.T, w *world) {
	h := w.household()
	known := core.Browser{ID: core.BrowserID(w.id("br")), User: h.user.ID, Tenant: h.tenant.ID, Hash: []byte("known"), SeenAt: w.clock.Now().Add(time.Second), CreateAt: w.clock.Now()}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertBrowser(known) })
	trusted := func() (out []core.BrowserID) {
		t.Helper()
		w.view(h.tenant.ID, func(r store.Reader) error {
			all, err := r.Browsers(h.user.ID)
			for _, b := range all {
				if b.Trusted(w.clock.Now()) {
					out = append(out, b.ID)
				}
			}
			return err
		})
		return out
	}
	same(t, "trusted", trusted(), []core.BrowserID{h.browser.ID})
	// A device that two of them could be is the one that is trusted.
	l, err := w.FindLogin(w.ctx, h.user.LoginKey, [][]byte{known.Hash, h.browser.Hash})
	same(t, "no error", err, nil)
	same(t, "which of two", l.Browser, h.browser.ID)
	known.TrustedAt, known.Place = w.clock.Now(), "Lund"
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.TrustBrowser(known) })
	same(t, "without an end", trusted(), []core.BrowserID{known.ID, h.browser.ID})
	w.clock.Advance(2 * time.Hour)
	same(t, "one has ended", trusted(), []core.BrowserID{known.ID})
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.Untrust(h.user.ID, known.ID, "br_never")
		same(t, "by name", n, 1)
		n, err2 := tx.Untrust(h.user.ID)
		same(t, "all that are left", n, 1)
		n, err3 := tx.Untrust(h.user.ID)
		same(t, "again", n, 0)
		return errors.Join(err, err2, err3)
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Browsers(h.user.ID)
		same(t, "known all the same", len(all), 2)
		return err
	})
	somebody := w.user(h.tenant.ID)
	known.User = somebody.ID
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.TrustBrowser(known) }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("another person's browser is trusted: %v", err)
	}
}

func testRolesAndServices(t *testing.T, w *world) {
	h := w.household()
	w.view(h.tenant.ID, func(r store.Reader) error {
		got, err := r.CustomRole(h.role.ID)
		same(t, "custom role", got, h.role)
		s, err2 := r.Service(h.user.ID)
		same(t, "service", s, h.service)
		return errors.Join(err, err2)
	})
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return tx.Grant(core.RoleGrant{User: h.user.ID, Tenant: h.tenant.ID, Role: h.role.ID, At: tx.Now()})
	})
	roles, err := w.RolesOf(w.ctx, h.user.ID)
	if err != nil || len(roles) != 2 || roles[1].Role != h.role.ID || roles[1].Base != core.Helpdesk || fmt.Sprint(roles[1].Rights) != "[people.view people.unlock]" || roles[0].Base != "" {
		t.Errorf("%+v, %v", roles, err)
	}
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.DeleteCustomRole(h.role.ID) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a role that somebody holds is gone: %v", err)
	}
	w.update(h.tenant.ID, func(tx store.Tx) error {
		r := h.role
		r.Name, r.Rights = "Renamed", []string{"people.view"}
		return tx.UpdateCustomRole(r)
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		held, err := r.RolesHeld()
		if len(held) != 2 || held[0].User.ID != h.user.ID || held[1].Grant.Rights == nil || len(held[1].Grant.Rights) != 1 {
			t.Errorf("%+v", held)
		}
		return err
	})
	later := w.clock.Now().Add(time.Hour)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.Revoke(core.RoleGrant{User: h.user.ID, Tenant: h.tenant.ID, Role: h.role.ID}), tx.DeleteCustomRole(h.role.ID),
			tx.UsedService(h.user.ID, later, "192.0.2.7"))
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		s, err := r.Service(h.user.ID)
		same(t, "last used", s.LastUsedAt, later)
		same(t, "from", s.UsedFrom, "192.0.2.7")
		return err
	})
	heir := h.service
	heir.Heir, heir.HeirAt, heir.Quiet, heir.WarnedAt = "ap_heir", later, 30*24*time.Hour, later.Add(time.Hour)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.SaveService(heir) })
	all, err := w.Replaced(w.ctx, "", 1000)
	if i := slices.IndexFunc(all, func(r store.Replaced) bool { return r.Service.User == h.user.ID }); err != nil || i < 0 {
		t.Errorf("a service account with an heir is not found: %v", err)
	} else {
		same(t, "with an heir", all[i], store.Replaced{Tenant: h.tenant.ID, Service: heir})
	}
	if rest, err := w.Replaced(w.ctx, h.user.ID, 1000); err != nil || slices.ContainsFunc(rest, func(r store.Replaced) bool { return r.Service.User == h.user.ID }) {
		t.Errorf("listed after itself: %v", err)
	}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.DropService(h.user.ID) })
}

func testAdministrators(t *testing.T, w *world) {
	h := w.household()
	elsewhere := w.operator()
	asleep := w.newUser(h.tenant.ID)
	asleep.State = core.UserInvited
	w.update(root, func(tx store.Tx) error {
		return tx.Grant(core.RoleGrant{User: elsewhere.ID, Tenant: h.tenant.ID, Role: core.CustomerAdmin, At: tx.Now()})
	})
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertUser(asleep), tx.Grant(core.RoleGrant{User: asleep.ID, Tenant: h.tenant.ID, Role: core.CustomerAdmin, At: tx.Now()}))
	})
	for _, in := range []core.TenantID{h.tenant.ID, root} {
		w.view(in, func(r store.Reader) error {
			all, err := r.Administrators(h.tenant.ID)
			if len(all) != 2 || all[0].ID != h.user.ID || all[1].ID != elsewhere.ID {
				t.Errorf("%+v", all)
			}
			return err
		})
	}
	// Two of different tenants go at once, each only while another stays.
	last := errors.New("the last one")
	var stayed atomic.Int64
	w.together(2, func(i int) {
		id, at := h.user.ID, h.tenant.ID
		if i == 1 {
			id, at = elsewhere.ID, root
		}
		err := w.Update(w.ctx, at, func(tx store.Tx) error {
			all, err := tx.Administrators(h.tenant.ID)
			if err != nil {
				return err
			}
			if len(all) < 2 {
				return last
			}
			u, err := tx.User(id)
			u.State = core.UserDisabled
			return errors.Join(err, tx.UpdateUser(u))
		})
		if errors.Is(err, last) {
			stayed.Add(1)
		} else if err != nil {
			t.Error(err)
		}
	})
	if stayed.Load() != 1 {
		t.Errorf("of two who go at once %d stayed", stayed.Load())
	}
}
