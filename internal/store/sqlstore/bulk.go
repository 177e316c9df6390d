package sqlstore

import (
	"context"
	"fmt"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// Bulk is Update for people of many tenants.
func (s *Store) Bulk(ctx context.Context, fn func(store.BulkTx) error) error {
	return s.retry(ctx, func() error {
		return s.WriteMuch(ctx, func(q db.DBTX) error {
			b := &bulk{ctx: ctx, s: s, raw: q, now: s.instant()}
			err := fn(b)
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
		out[core.TenantID(id)] = p
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

func (b *bulk) Insert(people []store.Newcomer) error {
	users, passwords := newTable("users", len(people)), newTable("passwords", len(people))
	roles, factors := newTable("roles", len(people)), newTable("factors", len(people))
	for _, p := range people {
		u := p.User
		users.add(userRow(u))
		if p.Password.Hash != "" {
			passwords.add(passwordRow(u.Tenant, u.ID, p.Password))
		}
		for _, g := range p.Roles {
			if g.User != u.ID {
				return core.ErrNotFound
			}
			roles.add(grantRow(u.Tenant, g))
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
	for _, t := range []*table{users, passwords, roles, factors} {
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
	return b.do(func() error { return b.s.InsertMany(b.ctx, b.raw, t.name, t.columns, t.rows) })
}
