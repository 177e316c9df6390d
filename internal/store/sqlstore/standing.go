package sqlstore

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// What decides where an account stands is its own row and whether it has a
// confirmed second factor. The row keeps both answers, and people_counts how many
// stand where; all of it moves in the transaction of the transition, so that a
// list and a progress bar read in one snapshot agree.

// stand are the fields of an account that its standing is made of.
type stand struct {
	kind      core.UserKind
	state     core.UserState
	federated bool
	// ours: this transaction made the account, so nobody else knows it yet.
	ours     bool
	enrolled bool // only kept for ours
}

func standOf(u core.User) stand {
	return stand{kind: u.Kind, state: u.State, federated: u.Federated}
}

func (s stand) at(enrolled bool) core.Standing {
	return core.StandingOf(core.User{Kind: s.kind, State: s.state, Federated: s.federated}, enrolled)
}

// saw remembers an account that may be written later in this transaction.
func (t *tx) saw(u core.User) core.User {
	if t.writes {
		s := standOf(u)
		if was, has := t.stands[u.ID]; has {
			s.ours, s.enrolled = was.ours, was.enrolled
		}
		t.keepStand(u.ID, s)
	}
	return u
}

func (t *tx) keepStand(id core.UserID, s stand) {
	if t.stands == nil {
		t.stands = map[core.UserID]stand{}
	}
	t.stands[id] = s
}

// seat is a line of people_counts.
type seat struct {
	tenant   string
	standing core.Standing
	slot     int64
}

func (a seat) compare(b seat) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.standing, b.standing), cmp.Compare(a.slot, b.slot))
}

func slotOf(id core.UserID, slots int64) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int64(h.Sum32()) % slots
}

// count moves somebody from one standing to another; StandingDeleted is none.
func (t *tx) count(tenant string, id core.UserID, from, to core.Standing) {
	if from == to {
		return
	}
	if t.seats == nil {
		t.seats = map[seat]int64{}
	}
	slot := slotOf(id, t.s.Slots())
	if from != core.StandingDeleted {
		t.seats[seat{tenant, from, slot}]--
	}
	if to != core.StandingDeleted {
		t.seats[seat{tenant, to, slot}]++
	}
}

// saveCounts writes what count noted, late, so that the rows are held for the
// shortest time, and in one order, so that two who move the same never both wait.
// Such a write inserts its row or changes it, so it may be put off like the rest.
func (t *tx) saveCounts(ctx context.Context) error {
	var moved []seat
	for s, n := range t.seats {
		if n != 0 {
			moved = append(moved, s)
		}
	}
	slices.SortFunc(moved, seat.compare)
	for _, s := range moved {
		err := t.must.MoveCount(ctx, db.MoveCountParams{TenantID: s.tenant, Standing: string(s.standing), Slot: s.slot, People: t.seats[s]})
		if err != nil {
			return err
		}
	}
	return nil
}

// counted is what is kept of a factor that was read: whose it is and whether it
// makes somebody enrolled.
type counted struct {
	user core.UserID
	yes  bool
}

func makesEnrolled(kind core.FactorKind, state core.FactorState) bool {
	return state == core.FactorConfirmed && kind != core.FactorRecoveryCode
}

// refit follows a factor that came or went. Whoever does the same to the same
// person waits for us at the first statement, and counts what we left.
func (t *tx) refit(user core.UserID, came bool) error {
	who, ours := t.stands[user]
	ours = ours && who.ours
	was := who.enrolled
	if !ours {
		held, err := t.q.HoldUser(t.ctx, db.HoldUserParams{TenantID: t.own(), ID: string(user)})
		if err != nil {
			return t.err(err)
		}
		was = held.Enrolled == 1
		who = stand{kind: core.UserKind(held.Kind), state: core.UserState(held.State), federated: held.Federated}
	}
	is := came
	if !came {
		n, err := t.q.CountFactors(t.ctx, db.CountFactorsParams{TenantID: t.own(), UserID: string(user)})
		if err != nil {
			return t.err(err)
		}
		is = n > 0
	}
	if is == was {
		return nil
	}
	_, err := t.q.SetEnrolled(t.ctx, db.SetEnrolledParams{
		TenantID: t.own(), ID: string(user), Enrolled: truth(is), Standing: string(who.at(is)),
	})
	if err != nil {
		return t.err(err)
	}
	if ours {
		who.enrolled = is
		t.stands[user] = who
	}
	t.count(t.own(), user, who.at(was), who.at(is))
	return nil
}

// Recount goes through the accounts in pages, each repaired in a transaction of
// its own, and then compares the counts in one statement: what others move
// meanwhile moves both sides.
func (s *Store) Recount(ctx context.Context, tenant core.TenantID) (store.Recounted, error) {
	const page = 500
	out := store.Recounted{Tenant: tenant}
	after := ""
	for {
		var rows []db.DerivedRow
		err := s.look(ctx, func(q *db.Queries) (err error) {
			rows, err = q.Derived(ctx, db.DerivedParams{TenantID: string(tenant), After: after, Most: page})
			return err
		})
		if err != nil {
			return out, err
		}
		for _, r := range rows {
			after = r.ID
			out.People++
			if right(r) == (db.SetDerivedParams{TenantID: "", ID: r.ID, WasStanding: r.Standing, OrganisationID: r.OrganisationID,
				Enrolled: r.Enrolled, Standing: r.Standing, NameKey: r.NameKey, FamilyKey: r.FamilyKey}) {
				continue
			}
			if err := s.rederive(ctx, tenant, r.ID); err != nil {
				return out, err
			}
			out.Wrong++
			if len(out.First) < 5 {
				out.First = append(out.First, core.UserID(r.ID))
			}
		}
		if len(rows) < page {
			break
		}
	}
	missing := store.Counts{}
	err := s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		clear(missing)
		rows, err := q.CompareCounts(ctx, string(tenant))
		if err != nil {
			return err
		}
		for _, r := range rows {
			missing[core.Standing(r.Standing)] = int(r.Missing)
			err := q.MoveCount(ctx, db.MoveCountParams{TenantID: string(tenant), Standing: r.Standing, Slot: 0, People: r.Missing})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if len(missing) > 0 {
		out.Missing = missing
	}
	return out, err
}

// right is what should be kept beside an account.
func right(r db.DerivedRow) db.SetDerivedParams {
	who := stand{kind: core.UserKind(r.Kind), state: core.UserState(r.State), federated: r.Federated}
	return db.SetDerivedParams{
		ID: r.ID, WasStanding: r.Standing, OrganisationID: r.RightOrganisation, Enrolled: r.RightEnrolled,
		Standing: string(who.at(r.RightEnrolled == 1)), NameKey: ident.NameKey(r.Name), FamilyKey: ident.FamilyKey(r.Name),
	}
}

// rederive repairs one account, in a transaction that moves its count along.
func (s *Store) rederive(ctx context.Context, tenant core.TenantID, id string) error {
	return s.Update(ctx, tenant, func(w store.Tx) error {
		t := w.(*tx)
		if _, err := t.q.HoldUser(ctx, db.HoldUserParams{TenantID: t.own(), ID: id}); err != nil {
			return t.err(err)
		}
		rows, err := t.q.Derived(ctx, db.DerivedParams{TenantID: t.own(), After: before(id), Most: 1})
		if err != nil {
			return t.err(err)
		}
		if len(rows) == 0 || rows[0].ID != id {
			return nil // it moved away meanwhile
		}
		set := right(rows[0])
		set.TenantID = t.own()
		if _, err := t.q.SetDerived(ctx, set); err != nil {
			return t.err(err)
		}
		from := core.Standing(rows[0].Standing)
		if from == "" {
			from = core.StandingDeleted // it was counted nowhere
		}
		t.count(t.own(), core.UserID(id), from, core.Standing(set.Standing))
		return nil
	})
}

// before is a text that sorts right before an id, with none of its kind between.
func before(id string) string { return id[:len(id)-1] + string(id[len(id)-1]-1) + "\x7f" }
