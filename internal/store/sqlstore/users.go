package sqlstore

import (
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) User(id core.UserID) (core.User, error) {
	row, err := t.q.User(t.ctx, db.UserParams{TenantID: t.own(), ID: string(id)})
	return get(t, row, err, userOf)
}

func (t *tx) Users(after core.UserID, limit int) ([]core.User, error) {
	rows, err := t.q.Users(t.ctx, db.UsersParams{TenantID: t.own(), After: string(after), Most: int64(limit)})
	return list(t, rows, err, userOf)
}

// EmailTaken, asked in a transaction that writes, holds the address until the
// transaction ends: else two could ask at once, hear no, and both insert.
func (t *tx) EmailTaken(organisation core.TenantID, emailKey string, except core.UserID) (bool, error) {
	if t.writes {
		if err := t.s.LockAddress(t.ctx, t.raw, "email "+string(organisation)+" "+emailKey); err != nil {
			return false, t.err(err)
		}
	}
	n, err := t.q.EmailTaken(t.ctx, db.EmailTakenParams{
		TenantID: t.own(), OrganisationID: string(organisation), EmailKey: emailKey, ExceptID: string(except),
	})
	return n > 0, t.err(err)
}

func (t *tx) InsertUser(u core.User) error {
	if t.foreign(u.Tenant) {
		return core.ErrNotFound
	}
	return t.err(t.q.InsertUser(t.ctx, userRow(u)))
}

func userRow(u core.User) db.InsertUserParams {
	return db.InsertUserParams{
		ID: string(u.ID), TenantID: string(u.Tenant), Kind: string(u.Kind), State: string(u.State), BeforeState: string(u.Before),
		Login: text(u.Login), LoginKey: u.LoginKey, Name: text(u.Name), Email: text(u.Email), EmailKey: u.EmailKey,
		Federated: u.Federated, Locale: u.Locale, LastSignInAt: micros(u.LastSignInAt), AwakeAt: micros(u.AwakeAt), Version: u.Version,
		CreatedAt: micros(u.CreatedAt), ChangedAt: micros(u.ChangedAt), ValidatedAt: micros(u.ValidatedAt),
	}
}

func (t *tx) UpdateUser(u core.User) error {
	n, err := t.must.UpdateUser(t.ctx, db.UpdateUserParams{
		ID: string(u.ID), TenantID: t.own(), Version: u.Version, Kind: string(u.Kind), State: string(u.State),
		BeforeState: string(u.Before), Login: text(u.Login), LoginKey: u.LoginKey, Name: text(u.Name),
		Email: text(u.Email), EmailKey: u.EmailKey, Federated: u.Federated, Locale: u.Locale,
		LastSignInAt: micros(u.LastSignInAt), AwakeAt: micros(u.AwakeAt), CreatedAt: micros(u.CreatedAt),
		ChangedAt: micros(u.ChangedAt), ValidatedAt: micros(u.ValidatedAt),
	})
	return t.versioned(n, err, u.Version, func() (int64, error) {
		return t.q.UserVersion(t.ctx, db.UserVersionParams{TenantID: t.own(), ID: string(u.ID)})
	})
}

func (t *tx) Password(user core.UserID) (core.Password, error) {
	row, err := t.q.Password(t.ctx, db.PasswordParams{TenantID: t.own(), UserID: string(user)})
	return get(t, row, err, func(r db.Password) core.Password {
		return core.Password{Hash: r.Hash, Length: int(r.Length), MustChange: r.MustChange, SetAt: instant(r.SetAt)}
	})
}

func (t *tx) SetPassword(user core.UserID, p core.Password) error {
	return t.one(t.q.SetPassword(t.ctx, passwordRow(t.tenant, user, p)))
}

func passwordRow(tenant core.TenantID, user core.UserID, p core.Password) db.SetPasswordParams {
	return db.SetPasswordParams{
		UserID: string(user), TenantID: string(tenant), Hash: p.Hash, Length: int64(p.Length),
		MustChange: p.MustChange, SetAt: micros(p.SetAt),
	}
}

func (t *tx) Rehash(user core.UserID, had string, p core.Password) error {
	_, err := t.q.Rehash(t.ctx, db.RehashParams{TenantID: t.own(), UserID: string(user), Had: had,
		Hash: p.Hash, Length: int64(p.Length), MustChange: p.MustChange})
	return t.err(err)
}

func (t *tx) Browsers(user core.UserID) ([]core.Browser, error) {
	rows, err := t.q.Browsers(t.ctx, db.BrowsersParams{TenantID: t.own(), UserID: string(user)})
	return list(t, rows, err, browserOf)
}

func (t *tx) InsertBrowser(b core.Browser) error {
	if t.foreign(b.Tenant) {
		return core.ErrNotFound
	}
	return t.err(t.must.InsertBrowser(t.ctx, db.InsertBrowserParams{
		ID: string(b.ID), TenantID: t.own(), UserID: string(b.User), Hash: bytesIn(b.Hash), Agent: text(b.Agent),
		SeenAt: micros(b.SeenAt), CreatedAt: micros(b.CreateAt), MetAsleep: b.MetAsleep,
	}))
}

func (t *tx) SeenBrowser(id core.BrowserID, at time.Time, asleep bool) error {
	return t.one(t.must.SeenBrowser(t.ctx, db.SeenBrowserParams{TenantID: t.own(), ID: string(id), SeenAt: micros(at), MetAsleep: asleep}))
}

func (t *tx) DropBrowsers(user core.UserID, ids ...core.BrowserID) (int, error) {
	if len(ids) == 0 {
		n, err := t.q.DropBrowsers(t.ctx, db.DropBrowsersParams{TenantID: t.own(), UserID: string(user)})
		return int(n), t.err(err)
	}
	gone := 0
	for _, id := range ids {
		n, err := t.q.DropBrowser(t.ctx, db.DropBrowserParams{TenantID: t.own(), UserID: string(user), ID: string(id)})
		if err != nil {
			return gone, t.err(err)
		}
		gone += int(n)
	}
	return gone, nil
}

func (t *tx) Roles(user core.UserID) ([]core.RoleGrant, error) {
	rows, err := t.q.Roles(t.ctx, db.RolesParams{TenantID: t.own(), UserID: string(user)})
	return list(t, rows, err, grantOf)
}

func (t *tx) Grant(g core.RoleGrant) error {
	return t.err(t.q.Grant(t.ctx, grantRow(t.tenant, g)))
}

// grantRow is of an account's own tenant; the role may be held on another.
func grantRow(own core.TenantID, g core.RoleGrant) db.GrantParams {
	return db.GrantParams{
		UserID: string(g.User), TenantID: string(own), HeldOn: string(g.Tenant), Role: string(g.Role), GrantedAt: micros(g.At),
	}
}

func (t *tx) Revoke(g core.RoleGrant) error {
	return t.one(t.q.Revoke(t.ctx, db.RevokeParams{
		UserID: string(g.User), TenantID: t.own(), HeldOn: string(g.Tenant), Role: string(g.Role),
	}))
}
