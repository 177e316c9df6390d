package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// node makes a node of a kind under another.
func (w *world) node(kind core.TenantKind, under core.Tenant, name string) core.Tenant {
	w.t.Helper()
	id := core.TenantID(w.id("tn"))
	n := core.Tenant{ID: id, Parent: under.ID, Organisation: under.Organisation, Path: under.Path + string(id) + "/", Kind: kind,
		State: core.TenantActive, Name: name, CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now()}
	if kind.IsOrganisation() {
		n.Organisation, n.Mode = id, core.Production
	}
	w.update(under.ID, func(tx store.Tx) error { return tx.InsertTenant(n) })
	return n
}

func (w *world) tenant(id core.TenantID) (n core.Tenant) {
	w.t.Helper()
	w.view(id, func(r store.Reader) (err error) { n, err = r.Tenant(); return err })
	return n
}

func names(list []core.Tenant) (out []string) {
	for _, n := range list {
		out = append(out, n.Name)
	}
	return out
}

func testNodes(t *testing.T, w *world) {
	top := w.tenant(root)
	p := w.node(core.Partner, top, "Nordwind")
	for _, name := range []string{"Zoë", "anker", "Bäckerei Huber", "BÄCKEREI Ost", "Ölmühle", "anker"} {
		w.node(core.Customer, p, name)
	}
	deep := w.node(core.Unit, w.node(core.Customer, p, "Cafe"), "Bäckerei am Eck")
	gone := w.node(core.Customer, p, "Bank")
	w.node(core.Unit, gone, "Bankfiliale")
	w.update(gone.ID, func(tx store.Tx) error { _, err := tx.DeleteBranch(); return err })
	w.view(p.ID, func(r store.Reader) error {
		want := []string{"anker", "anker", "Bäckerei Huber", "BÄCKEREI Ost", "Cafe", "Zoë", "Ölmühle"}
		var got []string
		after, calls := "", 0
		for {
			page, next, err := r.Children(store.Page{After: after, Limit: 2}, false)
			if err != nil {
				return err
			}
			got = append(got, names(page)...)
			if calls++; next == "" || calls > 10 {
				break
			}
			after = next
		}
		same(t, "children by name", got, want)
		all, _, err := r.Children(store.Page{Limit: 100}, true)
		same(t, "deleted ones too", len(all), 8)
		found, next, err2 := r.Named("bäck", store.Page{Limit: 2})
		same(t, "by the beginning of the name, whatever the case", names(found), []string{deep.Name, "Bäckerei Huber"})
		rest, next2, err3 := r.Named("bäck", store.Page{After: next, Limit: 2})
		same(t, "and on", names(rest), []string{"BÄCKEREI Ost"})
		same(t, "the end", next2, "")
		// Deleted nodes are found by name too, but only where that is asked for.
		bank, _, err4 := r.Deleted("ba", store.Page{Limit: 2})
		same(t, "deleted ones by name", names(bank), []string{"Bank"})
		nothing, _, err5 := r.Deleted("bä", store.Page{Limit: 2})
		same(t, "and no others", names(nothing), []string(nil))
		// A place that somebody made up is only ever compared with.
		for _, odd := range []string{"\x00\x00", "nonsense", "'; --", string([]byte{0xff, 0})} {
			if _, _, err := r.Children(store.Page{After: odd, Limit: 2}, false); err != nil {
				t.Errorf("the place %q: %v", odd, err)
			}
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
	if n, err := w.FindPlatform(w.ctx); err != nil || n.ID != root {
		t.Errorf("the platform: %+v, %v", n, err)
	}
	if id, name, err := w.PlatformName(w.ctx); err != nil || id != root || name == "" {
		t.Errorf("the platform's name: %s %q, %v", id, name, err)
	}
	if found, err := w.FindTenants(w.ctx, "ANKER", 10); err != nil || len(found) != 2 {
		t.Errorf("by name: %v, %v", found, err)
	}
	if found, err := w.FindTenants(w.ctx, "bank", 10); err != nil || len(found) != 0 {
		t.Errorf("a deleted node is found by name: %v, %v", found, err)
	}
}

func testMoveTenant(t *testing.T, w *world) {
	top := w.tenant(root)
	north, south := w.node(core.Partner, top, "North"), w.node(core.Partner, top, "South")
	folder := w.node(core.Folder, north, "Folder")
	customer := w.node(core.Customer, folder, "Customer")
	unit := w.node(core.Unit, customer, "Unit")
	boss, baker := w.user(folder.ID), w.user(unit.ID)
	w.factor(baker)
	w.clock.Advance(time.Minute)
	w.update(folder.ID, func(tx store.Tx) error { return tx.MoveTenant(south.ID) })
	for id, want := range map[core.TenantID]core.Tenant{
		folder.ID:   {Parent: south.ID, Organisation: south.ID, Path: south.Path + string(folder.ID) + "/"},
		customer.ID: {Parent: folder.ID, Organisation: customer.ID, Path: south.Path + string(folder.ID) + "/" + string(customer.ID) + "/"},
		unit.ID:     {Parent: customer.ID, Organisation: customer.ID, Path: south.Path + string(folder.ID) + "/" + string(customer.ID) + "/" + string(unit.ID) + "/"},
	} {
		n := w.tenant(id)
		if n.Parent != want.Parent || n.Organisation != want.Organisation || n.Path != want.Path || n.Version != 1 {
			t.Errorf("%s moved to %+v", n.Name, n)
		}
	}
	listed := func(at core.TenantID, whom core.User, want bool) {
		t.Helper()
		w.view(at, func(r store.Reader) error {
			people, _, err := r.People(store.PeopleQuery{Page: store.Page{Limit: 10}})
			has := slices.ContainsFunc(people, func(p store.Listed) bool { return p.User.ID == whom.ID })
			if has != want {
				t.Errorf("%s is listed at %s: %v", whom.ID, at, has)
			}
			n, err2 := r.Counts()
			if total := n[core.StandingOpen] + n[core.StandingEnrolled]; total != len(people) {
				t.Errorf("%d are listed and %d counted at %s", len(people), total, at)
			}
			return errors.Join(err, err2)
		})
	}
	listed(north.ID, boss, false)
	listed(south.ID, boss, true)
	listed(folder.ID, boss, true)
	listed(south.ID, baker, false) // of another organisation
	listed(customer.ID, baker, true)
	listed(unit.ID, baker, true)
	if u, err := w.FindUser(w.ctx, boss.ID); err != nil || !u.PlacedAt.Equal(w.clock.Now()) {
		t.Errorf("placed at %v, %v", u.PlacedAt, err)
	}
	if u, err := w.FindUser(w.ctx, baker.ID); err != nil || !u.PlacedAt.Equal(baker.PlacedAt) {
		t.Errorf("whose organisation stayed was placed anew: %v, %v", u.PlacedAt, err)
	}
	for name, move := range map[string]func(store.Tx) error{
		"under itself":         func(tx store.Tx) error { return tx.MoveTenant(folder.ID) },
		"under its own child":  func(tx store.Tx) error { return tx.MoveTenant(unit.ID) },
		"under one that never": func(tx store.Tx) error { return tx.MoveTenant("tn_never") },
	} {
		if err := w.Update(w.ctx, folder.ID, move); err == nil {
			t.Errorf("moved %s", name)
		}
	}
	// Addresses that would not be unique any more are named before.
	twin := w.newUser(customer.ID)
	twin.Email, twin.EmailKey = baker.Email, baker.EmailKey
	w.update(customer.ID, func(tx store.Tx) error { return tx.InsertUser(twin) })
	elsewhere := w.node(core.Customer, south, "Elsewhere")
	clone := w.newUser(elsewhere.ID)
	clone.Email, clone.EmailKey = baker.Email, baker.EmailKey
	w.update(elsewhere.ID, func(tx store.Tx) error { return tx.InsertUser(clone) })
	w.view(unit.ID, func(r store.Reader) error {
		all, err := r.Clashes(elsewhere.ID, 5)
		if len(all) != 1 || all[0].ID != baker.ID {
			t.Errorf("clashes: %+v", all)
		}
		none, err2 := r.Clashes(north.ID, 5)
		same(t, "no clashes", len(none), 0)
		return errors.Join(err, err2)
	})
	w.view(customer.ID, func(r store.Reader) error {
		n, newest, err := r.Newcomers(w.clock.Now().Add(-time.Hour))
		same(t, "newcomers", n, 1) // the baker is enrolled
		if newest.IsZero() || newest.After(w.clock.Now()) {
			t.Errorf("the newest came at %v", newest)
		}
		n, newest, err2 := r.Newcomers(w.clock.Now())
		same(t, "none since now", n, 0)
		same(t, "and no newest", newest.IsZero(), true)
		return errors.Join(err, err2)
	})
	// Each under the other at once: one goes, and the tree stays one.
	a, b := w.node(core.Folder, south, "A"), w.node(core.Folder, south, "B")
	w.together(2, func(i int) {
		of, to := a, b
		if i == 1 {
			of, to = b, a
		}
		_ = w.Update(w.ctx, of.ID, func(tx store.Tx) error { return tx.MoveTenant(to.ID) })
	})
	w.view(root, func(r store.Reader) error {
		below, err := r.Below()
		same(t, "nodes of the tree", len(below), 9)
		for _, n := range below {
			if n.ID == a.ID || n.ID == b.ID {
				line := w.tenant(n.ID)
				if line.Path != n.Path {
					t.Errorf("%+v", line)
				}
			}
		}
		return err
	})
	// What is made below a node that moves at that moment is under its new path.
	for round := range 5 {
		from, to := w.node(core.Folder, north, fmt.Sprint("From ", round)), w.node(core.Folder, south, fmt.Sprint("To ", round))
		child := core.TenantID(w.id("tn"))
		w.together(2, func(i int) {
			if i == 0 {
				_ = w.Update(w.ctx, from.ID, func(tx store.Tx) error { return tx.MoveTenant(to.ID) })
				return
			}
			_ = w.Update(w.ctx, from.ID, func(tx store.Tx) error {
				at, err := tx.Tenant()
				if err != nil {
					return err
				}
				return tx.InsertTenant(core.Tenant{ID: child, Parent: from.ID, Organisation: at.Organisation, Path: at.Path + string(child) + "/", Kind: core.Folder, State: core.TenantActive})
			})
		})
		parent := w.tenant(from.ID)
		err := w.View(w.ctx, child, func(r store.Reader) error {
			n, err := r.Tenant()
			if err == nil && n.Path != parent.Path+string(child)+"/" {
				t.Errorf("a child of %s stands at %s", parent.Path, n.Path)
			}
			return err
		})
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			t.Error(err)
		}
	}
}

func testDeleteBranch(t *testing.T, w *world) {
	top := w.tenant(root)
	p := w.node(core.Partner, top, "Partner")
	kept, old := w.node(core.Customer, p, "Kept"), w.node(core.Customer, p, "Old")
	unit := w.node(core.Unit, kept, "Unit")
	someone := w.user(unit.ID)
	suspended := w.tenant(kept.ID)
	suspended.State = core.TenantSuspended
	w.update(p.ID, func(tx store.Tx) error { return tx.UpdateTenant(suspended) }) // from above
	w.update(old.ID, func(tx store.Tx) error { _, err := tx.DeleteBranch(); return err })
	w.clock.Advance(time.Hour)
	at := w.clock.Now()
	w.update(p.ID, func(tx store.Tx) error {
		n, err := tx.DeleteBranch()
		same(t, "deleted", n, 3)
		return err
	})
	for _, id := range []core.TenantID{p.ID, kept.ID, unit.ID} {
		if n := w.tenant(id); n.State != core.TenantDeleted || !n.DeletedAt.Equal(at) {
			t.Errorf("%+v", n)
		}
	}
	w.view(kept.ID, func(r store.Reader) error {
		people, _, err := r.People(store.PeopleQuery{Page: store.Page{Limit: 10}})
		n, err2 := r.Counts()
		if len(people) != 0 || len(n) != 0 {
			t.Errorf("people of a deleted branch are listed: %v, %v", people, n)
		}
		return errors.Join(err, err2)
	})
	w.clock.Advance(24 * time.Hour)
	if list, err := w.Erasable(w.ctx, w.clock.Now().Add(-25*time.Hour), 10); err != nil || len(list) != 1 || list[0].ID != old.ID {
		t.Errorf("to erase: %v, %v", names(list), err)
	}
	erased := w.tenant(old.ID)
	erased.ErasedAt = w.clock.Now()
	w.update(old.ID, func(tx store.Tx) error { return tx.UpdateTenant(erased) })
	if list, err := w.Erasable(w.ctx, w.clock.Now(), 10); err != nil || len(list) != 3 {
		t.Errorf("to erase: %v, %v", names(list), err)
	}
	w.update(p.ID, func(tx store.Tx) error {
		n, err := tx.RestoreBranch()
		same(t, "restored", n, 3)
		return err
	})
	for id, want := range map[core.TenantID]core.TenantState{p.ID: core.TenantActive, kept.ID: core.TenantSuspended, unit.ID: core.TenantActive, old.ID: core.TenantDeleted} {
		if n := w.tenant(id); n.State != want || (want != core.TenantDeleted) != n.DeletedAt.IsZero() {
			t.Errorf("%s is %s, deleted at %v; want %s", n.Name, n.State, n.DeletedAt, want)
		}
	}
	w.view(unit.ID, func(r store.Reader) error {
		u, err := r.User(someone.ID)
		same(t, "somebody of it", u.State, someone.State)
		return err
	})
	trial := w.tenant(kept.ID)
	trial.TrialEnds = w.clock.Now()
	w.update(kept.ID, func(tx store.Tx) error { return tx.UpdateTenant(trial) })
	if list, err := w.DueTrials(w.ctx, w.clock.Now().Add(-1), 10); err != nil || len(list) != 0 {
		t.Errorf("due too early: %v, %v", list, err)
	}
	if list, err := w.DueTrials(w.ctx, w.clock.Now(), 10); err != nil || len(list) != 1 || list[0].ID != kept.ID {
		t.Errorf("due: %v, %v", list, err)
	}
	// Nobody writes a node that is not below.
	if err := w.Update(w.ctx, old.ID, func(tx store.Tx) error { return tx.UpdateTenant(w.tenant(kept.ID)) }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a sibling was written: %v", err)
	}
}

func testActing(t *testing.T, w *world) {
	h := w.household()
	unit := w.node(core.Unit, h.tenant, "Unit")
	op := w.operator()
	inside := w.newSession(op)
	inside.ActingIn = unit.ID
	over := w.newSession(op)
	over.ActingIn, over.ExpiresAt = unit.ID, w.clock.Now()
	w.update(root, func(tx store.Tx) error { return errors.Join(tx.InsertSession(inside), tx.InsertSession(over)) })
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Acting()
		if len(all) != 2 || all[0].User.ID != op.ID || all[0].Session.ActingIn == "" {
			t.Errorf("who acts here: %+v", all)
		}
		return err
	})
	w.view(unit.ID, func(r store.Reader) error {
		all, err := r.Acting()
		if len(all) != 1 || all[0].Session.ID != inside.ID {
			t.Errorf("who acts in the unit: %+v", all)
		}
		return err
	})
	w.update(h.tenant.ID, func(tx store.Tx) error {
		ended, err := tx.EndActing(inside.ID, "closed")
		again, err2 := tx.EndActing(inside.ID, "closed")
		plain, err3 := tx.EndActing(h.session.ID, "closed")
		if !ended || again || plain {
			t.Errorf("ended %v, again %v, an ordinary session %v", ended, again, plain)
		}
		return errors.Join(err, err2, err3)
	})
	if s, _, err := w.FindSession(w.ctx, inside.TokenHash); err != nil || s.EndedAt.IsZero() || s.EndedWhy != "closed" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, _, err := w.FindSession(w.ctx, h.session.TokenHash); err != nil || !s.EndedAt.IsZero() {
		t.Errorf("an ordinary session ended: %+v, %v", s, err)
	}
}

// testDry: a dry run says what the engine would say, late refusals too, and leaves
// nothing.
func testDry(t *testing.T, w *world) {
	h := w.household()
	s := store.Dry(w.Store)
	u := w.newUser(h.tenant.ID)
	before, err := w.LastChange(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertUser(u), tx.Append(core.Event{Name: "dry", Target: string(u.ID)}), tx.Changed(core.ChangeUser, string(u.ID)))
	})
	if err != nil {
		t.Errorf("a dry run: %v", err)
	}
	if _, err := w.FindUser(w.ctx, u.ID); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("something stayed: %v", err)
	}
	if after, err := w.LastChange(w.ctx); err != nil || after != before {
		t.Errorf("the feed went from %d to %d, %v", before, after, err)
	}
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, _, err := r.Events(store.EventsQuery{Page: store.Page{Limit: 5}, Name: "dry"})
		if n, err2 := r.Counts(); len(all) != 0 || n[core.StandingEnrolled] != 1 || err2 != nil {
			t.Errorf("%v, %v, %v", all, n, err2)
		}
		return err
	})
	var dup store.ErrDuplicate
	u.Login, u.LoginKey = h.user.Login, h.user.LoginKey
	if err := s.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.InsertUser(u) }); !errors.As(err, &dup) {
		t.Errorf("a login that is taken: %v", err)
	}
	stale := h.user
	stale.Version--
	if err := s.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.UpdateUser(stale) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a stale version: %v", err)
	}
	if err := s.Update(w.ctx, h.tenant.ID, func(store.Tx) error { return core.ErrForbidden }); !errors.Is(err, core.ErrForbidden) {
		t.Errorf("a refusal: %v", err)
	}
}

func testLiveSessions(t *testing.T, w *world) {
	h := w.household()
	unit := w.node(core.Unit, h.tenant, "Unit")
	below := w.node(core.Customer, w.tenant(root), "Other")
	add := func(at core.TenantID, change func(*core.Session)) {
		u := w.newUser(at)
		s := w.newSession(u)
		change(&s)
		w.update(at, func(tx store.Tx) error { return errors.Join(tx.InsertUser(u), tx.InsertSession(s)) })
	}
	add(unit.ID, func(*core.Session) {})
	add(unit.ID, func(s *core.Session) { s.EndedAt, s.EndedWhy = w.clock.Now(), "test" })
	add(unit.ID, func(s *core.Session) { s.ExpiresAt = w.clock.Now() })
	add(below.ID, func(*core.Session) {})
	for at, want := range map[core.TenantID]int{h.tenant.ID: 2, unit.ID: 1, below.ID: 1, root: 1} { // the operator who acts in the household
		w.view(at, func(r store.Reader) error {
			n, err := r.LiveSessions("")
			if n != want {
				t.Errorf("%s has %d sessions, want %d", at, n, want)
			}
			if n, err := r.LiveSessions(core.StandingInactive); n != 0 || err != nil {
				t.Errorf("of disabled people: %d, %v", n, err)
			}
			return err
		})
	}
}

func testAppendTo(t *testing.T, w *world) {
	h := w.household()
	w.update(root, func(tx store.Tx) error {
		e := core.Event{Name: "support.acting.started", Actor: "us_far", Target: "us_far"}
		if err := tx.AppendTo("tn_never", e); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a log that is not there: %v", err)
		}
		e.Tenant = root
		if err := tx.AppendTo(h.tenant.ID, e); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("an event of another tenant: %v", err)
		}
		e.Tenant = ""
		return tx.AppendTo(h.tenant.ID, e)
	})
	for at, want := range map[core.TenantID]int{h.tenant.ID: 1, root: 0} {
		w.view(at, func(r store.Reader) error {
			got, _, err := r.Events(store.EventsQuery{Page: store.Page{Limit: 5}, About: "us_far"})
			if len(got) != want || want == 1 && (got[0].Tenant != at || !got[0].At.Equal(w.clock.Now())) {
				t.Errorf("the log of %s has %+v", at, got)
			}
			return err
		})
	}
}

func testJobs(t *testing.T, w *world) {
	a, b := w.household(), w.household()
	var dup store.ErrDuplicate
	if err := w.Update(w.ctx, a.tenant.ID, func(tx store.Tx) error { return tx.InsertJob(a.job) }); !errors.As(err, &dup) || dup.What != "job" {
		t.Errorf("the same job twice: %v", err)
	}
	w.clock.Advance(time.Second)
	j := a.job
	j.Cursor, j.Doc.Apps = "us_2", 9
	w.update(a.tenant.ID, func(tx store.Tx) error { return tx.UpdateJob(j) })
	if err := w.Update(w.ctx, a.tenant.ID, func(tx store.Tx) error { return tx.EndJob(a.job) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("ended on a stale version: %v", err)
	}
	j.Version, j.ChangedAt = j.Version+1, w.clock.Now()
	w.view(a.tenant.ID, func(r store.Reader) error {
		got, err := r.Job(j.Tenant, j.Kind)
		same(t, "job", got, j)
		return err
	})
	first, err := w.AllJobs(w.ctx, core.Job{}, 1)
	if err != nil || len(first) != 1 || first[0].Tenant != a.tenant.ID {
		t.Fatalf("%v, %v", first, err)
	}
	if rest, err := w.AllJobs(w.ctx, first[0], 10); err != nil || len(rest) != 1 || rest[0].Tenant != b.tenant.ID {
		t.Errorf("%v, %v", rest, err)
	}
	// A batch is done where the people are, with the cursor of the job above.
	unit := w.node(core.Unit, a.tenant, "Unit")
	w.update(unit.ID, func(tx store.Tx) error {
		j.Cursor = "us_3"
		if err := tx.EndJob(j); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("ended from below: %v", err)
		}
		return tx.UpdateJob(j)
	})
	if err := w.Update(w.ctx, unit.ID, func(tx store.Tx) error { return tx.UpdateJob(j) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a batch on a stale version: %v", err)
	}
	if err := w.Update(w.ctx, b.tenant.ID, func(tx store.Tx) error { return tx.UpdateJob(j) }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a batch from beside: %v", err)
	}
	j.Version++
	// Whoever changes something above begins or begins anew what follows below.
	w.update(root, func(tx store.Tx) error {
		got, err := tx.Job(j.Tenant, j.Kind)
		if got.Cursor != "us_3" || got.Version != j.Version {
			t.Errorf("seen from above: %+v", got)
		}
		got.Cursor = ""
		below := core.Job{Tenant: unit.ID, Kind: core.JobEndSessions, CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now()}
		return errors.Join(err, tx.UpdateJob(got), tx.InsertJob(below))
	})
	w.update(unit.ID, func(tx store.Tx) error {
		got, err := tx.Job(unit.ID, core.JobEndSessions)
		return errors.Join(err, tx.EndJob(got))
	})
	j.Version++
	w.update(a.tenant.ID, func(tx store.Tx) error { return tx.EndJob(j) })
	w.view(a.tenant.ID, func(r store.Reader) error {
		if _, err := r.Job(j.Tenant, j.Kind); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("an ended job: %v", err)
		}
		return nil
	})
}

func testEventsBelow(t *testing.T, w *world) {
	top := w.tenant(root)
	one, two := w.node(core.Customer, top, "One"), w.node(core.Customer, top, "Two")
	unit := w.node(core.Unit, one, "Unit")
	say := func(at core.TenantID, name, who, result string) {
		w.clock.Advance(time.Second)
		w.update(at, func(tx store.Tx) error {
			return tx.Append(core.Event{Name: name, Actor: who, Target: who, Result: result})
		})
	}
	from := w.clock.Now()
	say(one.ID, "signin.failed", "us_a", "refused")
	say(unit.ID, "signin.succeeded", "us_b", "ok")
	say(two.ID, "signin.succeeded", "us_a", "ok")
	half := w.clock.Now()
	say(unit.ID, "user.mfa.reset", "us_a", "ok")
	say(one.ID, "user.mfa.enrolled", "us_b", "ok")
	ask := func(at core.TenantID, q store.EventsQuery) (out []string) {
		t.Helper()
		w.view(at, func(r store.Reader) error {
			for range 20 {
				if q.Limit == 0 {
					q.Limit = 2
				}
				page, next, err := r.Events(q)
				if err != nil {
					return err
				}
				for _, e := range page {
					out = append(out, e.Name+" "+e.Actor)
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
	all := []string{"user.mfa.enrolled us_b", "user.mfa.reset us_a", "signin.succeeded us_b", "signin.failed us_a"}
	same(t, "all", ask(one.ID, store.EventsQuery{}), all)
	same(t, "of the unit", ask(unit.ID, store.EventsQuery{}), []string{all[1], all[2]})
	same(t, "of the neighbour", ask(two.ID, store.EventsQuery{}), []string{"signin.succeeded us_a"})
	same(t, "of the platform's own", len(ask(root, store.EventsQuery{})), 0)
	same(t, "by name", ask(one.ID, store.EventsQuery{Name: "user.mfa."}), all[:2])
	same(t, "refused", ask(one.ID, store.EventsQuery{Result: "refused"}), all[3:])
	same(t, "about somebody", ask(one.ID, store.EventsQuery{About: "us_a"}), []string{all[1], all[3]})
	same(t, "since", ask(one.ID, store.EventsQuery{Since: half.Add(1)}), all[:2])
	same(t, "until", ask(one.ID, store.EventsQuery{Until: half.Add(1)}), all[2:])
	same(t, "between", ask(one.ID, store.EventsQuery{Since: from, Until: half}), all[2:])
	// History stays with the organisation in which it happened.
	w.update(unit.ID, func(tx store.Tx) error { return tx.MoveTenant(two.ID) })
	same(t, "of the unit after it moved", len(ask(unit.ID, store.EventsQuery{})), 0)
	say(unit.ID, "signin.succeeded", "us_c", "ok")
	same(t, "of its new organisation", ask(two.ID, store.EventsQuery{}), []string{"signin.succeeded us_c", "signin.succeeded us_a"})
}
