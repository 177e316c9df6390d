package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// Bulk is Update for people of many tenants.
func (s *Store) Bulk(ctx context.Context, fn func(store.BulkTx) error) error {
	return s.retry(ctx, func() error {
		return s.WriteMuch(ctx, func(q db.DBTX) error {
			b := &bulk{ctx: ctx, s: s, raw: q, now: s.instant(), places: map[core.TenantID]store.Place{}, seats: map[seat]int64{}}
			err := fn(b)
			if err == nil {
				err = b.saveCounts()
			}
			if b.failed != nil && (err == nil || again(b.failed)) {
				return b.failed
			}
			return err
		})
	})
}

// bulk is a BulkTx. It lives for one run of a function.
type bulk struct {
	ctx    context.Context
	s      *Store
	raw    db.DBTX
	now    time.Time
	failed error // the first error of the engine: there is no commit after it
	places map[core.TenantID]store.Place
	seats  map[seat]int64 // see tx.count
}

var _ store.BulkTx = (*bulk)(nil)

func (b *bulk) Now() time.Time { return b.now }

// do runs a statement, unless the engine has refused one before.
func (b *bulk) do(run func() error) error {
	if b.failed != nil {
		return fmt.Errorf("after an error: %w", b.failed)
	}
	if err := run(); err != nil {
		b.failed = translate(b.s, err)
		return b.failed
	}
	return nil
}

// What a bulk asks, up to the condition that a column is one of a list. Every
// engine has that its own way.
const (
	BulkPlaces    = "SELECT id, organisation_id, path, state FROM tenants WHERE "
	BulkLogins    = "SELECT login_key, id, tenant_id FROM users WHERE state <> 'deleted' AND "
	BulkAddresses = `SELECT u.email_key, t.organisation_id, u.id FROM users u JOIN tenants t ON t.id = u.tenant_id
	WHERE u.email_key <> '' AND u.state <> 'deleted' AND `
)

// ask runs a query with one list of texts in it and reads its rows.
func ask[T ~string](b *bulk, query, column, after string, list []T, row func(scan func(...any) error) error) error {
	if len(list) == 0 {
		return nil
	}
	return b.do(func() error {
		among, arg, err := b.s.Among(column, texts(list))
		if err != nil {
			return err
		}
		rows, err := b.raw.QueryContext(b.ctx, query+among+after, arg)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func texts[T ~string](list []T) []string { return each(list, func(v T) string { return string(v) }) }

func (b *bulk) Places(ids []core.TenantID) (map[core.TenantID]store.Place, error) {
	out := map[core.TenantID]store.Place{}
	err := ask(b, BulkPlaces, "id", " ORDER BY id"+b.s.ForShare(), ids, func(scan func(...any) error) error {
		var id, organisation, state string
		var p store.Place
		err := scan(&id, &organisation, &p.Path, &state)
		p.Organisation, p.State = core.TenantID(organisation), core.TenantState(state)
		out[core.TenantID(id)], b.places[core.TenantID(id)] = p, p
		return err
	})
	return out, err
}

func (b *bulk) Logins(keys []string) (map[string]store.Owner, error) {
	out := map[string]store.Owner{}
	err := ask(b, BulkLogins, "login_key", "", keys, func(scan func(...any) error) error {
		var key, id, tenant string
		err := scan(&key, &id, &tenant)
		out[key] = store.Owner{User: core.UserID(id), Tenant: core.TenantID(tenant)}
		return err
	})
	return out, err
}

func (b *bulk) Addresses(list []store.Address) (map[store.Address]bool, error) {
	wanted := make(map[store.Address]core.UserID, len(list))
	for _, a := range list {
		if a.EmailKey != "" {
			wanted[a] = ""
		}
	}
	taken, err := b.holders(wanted)
	out := map[store.Address]bool{}
	for _, a := range taken {
		out[a] = true
	}
	return out, err
}

func (b *bulk) Hold(addresses map[store.Address]core.UserID) ([]store.Address, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	others := false
	err := b.do(func() (err error) { others, err = b.s.LockAddresses(b.ctx, b.raw); return err })
	if err != nil || !others {
		return nil, err // nobody has written since the transaction began
	}
	return b.holders(addresses)
}

// holders returns the addresses that another account has than the one given.
func (b *bulk) holders(wanted map[store.Address]core.UserID) (taken []store.Address, err error) {
	keys := make([]string, 0, len(wanted))
	for a := range wanted {
		keys = append(keys, a.EmailKey)
	}
	err = ask(b, BulkAddresses, "u.email_key", "", keys, func(scan func(...any) error) error {
		var key, organisation, id string
		err := scan(&key, &organisation, &id)
		a := store.Address{Organisation: core.TenantID(organisation), EmailKey: key}
		if owner, asked := wanted[a]; asked && core.UserID(id) != owner {
			taken = append(taken, a)
		}
		return err
	})
	return taken, err
}

// newUser is a row of somebody new with what is kept beside them.
type newUser struct {
	db.InsertUserParams
	OrganisationID string
	Enrolled       int64
}

// organisations reads those that it does not know yet.
func (b *bulk) organisations(people []store.Newcomer) error {
	var ask []core.TenantID
	for _, p := range people {
		if _, known := b.places[p.User.Tenant]; !known {
			b.places[p.User.Tenant] = store.Place{}
			ask = append(ask, p.User.Tenant)
		}
	}
	_, err := b.Places(ask)
	return err
}

// saveCounts comes last, when addresses are held already: whoever else holds some
// writes their counts after them, too.
func (b *bulk) saveCounts() error {
	counts := newTable("people_counts", len(b.seats))
	counts.after = " ON CONFLICT (tenant_id, standing, slot) DO UPDATE SET people = people_counts.people + excluded.people"
	for _, s := range slices.SortedFunc(maps.Keys(b.seats), seat.compare) {
		counts.add(db.MoveCountParams{TenantID: s.tenant, Standing: string(s.standing), Slot: s.slot, People: b.seats[s]})
	}
	return b.insert(counts)
}

func (b *bulk) Insert(people []store.Newcomer) error {
	if err := b.organisations(people); err != nil || len(people) == 0 {
		return err
	}
	slot := slotOf(people[0].User.ID, b.s.Slots()) // one for all, or there would be a row for each
	users, passwords := newTable("users", len(people)), newTable("passwords", len(people))
	roles, factors := newTable("roles", len(people)), newTable("factors", len(people))
	services := newTable("service_accounts", len(people))
	for _, p := range people {
		u := p.User
		row, enrolled := newUser{InsertUserParams: userRow(u), OrganisationID: string(b.places[u.Tenant].Organisation)}, false
		for _, f := range p.Factors {
			enrolled = enrolled || makesEnrolled(f.Kind, f.State)
		}
		at := core.StandingOf(u, enrolled)
		row.Enrolled, row.Standing = truth(enrolled), string(at)
		users.add(row)
		if at != core.StandingDeleted {
			b.seats[seat{string(u.Tenant), at, slot}]++
		}
		if p.Password.Hash != "" {
			passwords.add(passwordRow(u.Tenant, u.ID, p.Password))
		}
		for _, g := range p.Roles {
			if g.User != u.ID {
				return core.ErrNotFound
			}
			roles.add(grantRow(u.Tenant, g))
		}
		if p.Service != nil {
			if p.Service.User != u.ID {
				return core.ErrNotFound
			}
			services.add(serviceRow(u.Tenant, *p.Service))
		}
		for _, f := range p.Factors {
			if f.User != u.ID || f.Tenant != u.Tenant {
				return core.ErrNotFound
			}
			row, err := factorRow(f)
			if err != nil {
				return err
			}
			factors.add(row)
		}
	}
	for _, t := range []*table{users, passwords, roles, factors, services} {
		if err := b.insert(t); err != nil {
			return err
		}
	}
	return nil
}

func (b *bulk) Append(events []core.Event) error {
	t := newTable("audit_events", len(events), "batch", "position")
	for _, e := range events {
		if e.Tenant == "" {
			return core.ErrNotFound
		}
		row, err := eventRow(e.Tenant, e, b.now)
		if err != nil {
			return err
		}
		t.add(row)
	}
	return b.insert(t)
}

func (b *bulk) insert(t *table) error {
	if t.rows == 0 {
		return nil
	}
	return b.do(func() error { return b.s.InsertMany(b.ctx, b.raw, t.name, t.columns, t.rows, t.after) })
}
