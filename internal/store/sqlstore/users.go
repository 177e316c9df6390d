package sqlstore

import (
	"time"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) User(id core.UserID) (core.User, error) {
	row, err := t.q.User(t.ctx, db.UserParams{TenantID: t.own(), ID: string(id)})
	u, err := get(t, row, err, userOf)
	if err == nil {
		t.saw(u)
	}
	return u, err
}

func (t *tx) Users(after core.UserID, limit int) ([]core.User, error) {
	rows, err := t.q.Users(t.ctx, db.UsersParams{TenantID: t.own(), After: string(after), Most: int64(limit)})
	return list(t, rows, err, func(r db.User) core.User { return t.saw(userOf(r)) })
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
	at := core.StandingOf(u, false)
	if err := t.q.InsertUser(t.ctx, userRow(u)); err != nil {
		return t.err(err)
	}
	s := standOf(u)
	s.ours = true
	t.keepStand(u.ID, s)
	t.count(t.own(), u.ID, core.StandingDeleted, at)
	return nil
}

func userRow(u core.User) db.InsertUserParams {
	return db.InsertUserParams{
		ID: string(u.ID), TenantID: string(u.Tenant), Kind: string(u.Kind), State: string(u.State), BeforeState: string(u.Before),
		Login: text(u.Login), LoginKey: u.LoginKey, Name: text(u.Name), Email: text(u.Email), EmailKey: u.EmailKey,
		Federated: u.Federated, Locale: u.Locale, LastSignInAt: micros(u.LastSignInAt), AwakeAt: micros(u.AwakeAt), Version: u.Version,
		CreatedAt: micros(u.CreatedAt), ChangedAt: micros(u.ChangedAt), ValidatedAt: micros(u.ValidatedAt),
		Standing: string(core.StandingOf(u, false)), NameKey: ident.NameKey(text(u.Name)), FamilyKey: ident.FamilyKey(text(u.Name)),
		PlacedAt: micros(u.PlacedAt), Skips: int64(u.Skips), SkipsSince: micros(u.SkipsSince),
	}
}

func (t *tx) UpdateUser(u core.User) error {
	was, known := t.stands[u.ID]
	if !known {
		row, err := t.q.UserStand(t.ctx, db.UserStandParams{TenantID: t.own(), ID: string(u.ID)})
		if err != nil {
			return t.err(err)
		}
		was = stand{kind: core.UserKind(row.Kind), state: core.UserState(row.State), federated: row.Federated}
	}
	is := standOf(u)
	is.ours, is.enrolled = was.ours, was.enrolled
	moves := is != was
	if moves && !is.ours {
		// Whether there is a second factor the row knows better than who read it before.
		held, err := t.q.HoldUser(t.ctx, db.HoldUserParams{TenantID: t.own(), ID: string(u.ID)})
		if err != nil {
			return t.err(err)
		}
		was.enrolled = held.Enrolled == 1
	}
	n, err := t.must.UpdateUser(t.ctx, db.UpdateUserParams{
		ID: string(u.ID), TenantID: t.own(), Version: u.Version, Kind: string(u.Kind), State: string(u.State),
		BeforeState: string(u.Before), Login: text(u.Login), LoginKey: u.LoginKey, Name: text(u.Name),
		Email: text(u.Email), EmailKey: u.EmailKey, Federated: u.Federated, Locale: u.Locale,
		LastSignInAt: micros(u.LastSignInAt), AwakeAt: micros(u.AwakeAt), CreatedAt: micros(u.CreatedAt),
		ChangedAt: micros(u.ChangedAt), ValidatedAt: micros(u.ValidatedAt),
		Standing: string(core.StandingOf(u, false)), NameKey: ident.NameKey(text(u.Name)), FamilyKey: ident.FamilyKey(text(u.Name)),
		PlacedAt: micros(u.PlacedAt), Skips: int64(u.Skips), SkipsSince: micros(u.SkipsSince),
	})
	err = t.versioned(n, err, u.Version, func() (int64, error) {
		row, err := t.q.UserStand(t.ctx, db.UserStandParams{TenantID: t.own(), ID: string(u.ID)})
		return row.Version, err
	})
	if err != nil {
		return err
	}
	if moves {
		// The row was still of the version that was read, so it stood where it stood then.
		t.count(t.own(), u.ID, was.at(was.enrolled), is.at(was.enrolled))
	}
	t.keepStand(u.ID, is)
	return nil
}

// MoveUser leaves an account where it stands, in another tenant.
func (t *tx) MoveUser(u core.User, to core.TenantID) error {
	if t.foreign(u.Tenant) {
		return core.ErrNotFound
	}
	there, err := t.q.Tenant(t.ctx, string(to))
	if err != nil {
		return t.err(err)
	}
	held, err := t.q.HoldUser(t.ctx, db.HoldUserParams{TenantID: t.own(), ID: string(u.ID)})
	if err != nil {
		return t.err(err)
	}
	err = t.s.Loosely(t.ctx, t.raw, func() error { return t.moveRows(u, to, core.TenantID(there.OrganisationID)) })
	if err != nil {
		return t.err(err)
	}
	who := stand{kind: core.UserKind(held.Kind), state: core.UserState(held.State), federated: held.Federated}
	at := who.at(held.Enrolled == 1)
	t.count(t.own(), u.ID, at, core.StandingDeleted)
	t.count(string(to), u.ID, core.StandingDeleted, at)
	delete(t.stands, u.ID)
	return nil
}

func (t *tx) moveRows(u core.User, to, organisation core.TenantID) error {
	n, err := t.q.MoveUser(t.ctx, db.MoveUserParams{
		ToTenant: string(to), TenantID: t.own(), ID: string(u.ID), Version: u.Version, ChangedAt: micros(t.now), OrganisationID: string(organisation),
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return store.ErrConflict
	}
	id, from, into := string(u.ID), t.own(), string(to)
	for _, move := range []func() error{
		func() error {
			return t.q.MovePasswords(t.ctx, db.MovePasswordsParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveBrowsers(t.ctx, db.MoveBrowsersParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveRoles(t.ctx, db.MoveRolesParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveFactors(t.ctx, db.MoveFactorsParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveAttempts(t.ctx, db.MoveAttemptsParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveSessions(t.ctx, db.MoveSessionsParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveTokens(t.ctx, db.MoveTokensParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveServices(t.ctx, db.MoveServicesParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveBudgets(t.ctx, db.MoveBudgetsParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveFamilies(t.ctx, db.MoveFamiliesParams{ToTenant: into, TenantID: from, UserID: id})
		},
		func() error {
			return t.q.MoveConnections(t.ctx, db.MoveConnectionsParams{ToTenant: into, TenantID: from, UserID: id})
		},
	} {
		if err := move(); err != nil {
			return err
		}
	}
	return nil
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
		SeenAt: micros(b.SeenAt), CreatedAt: micros(b.CreateAt), Place: text(b.Place), MetAsleep: b.MetAsleep, TrustedAt: micros(b.TrustedAt), TrustedUntil: micros(b.TrustedUntil),
	}))
}

func (t *tx) TrustBrowser(b core.Browser) error {
	return t.one(t.q.TrustBrowser(t.ctx, db.TrustBrowserParams{
		TenantID: t.own(), UserID: string(b.User), ID: string(b.ID), TrustedAt: micros(b.TrustedAt), TrustedUntil: micros(b.TrustedUntil),
		Place: text(b.Place), Agent: text(b.Agent),
	}))
}

func (t *tx) Untrust(user core.UserID, ids ...core.BrowserID) (int, error) {
	if len(ids) == 0 {
		n, err := t.q.UntrustBrowsers(t.ctx, db.UntrustBrowsersParams{TenantID: t.own(), UserID: string(user)})
		return int(n), t.err(err)
	}
	were := 0
	for _, id := range ids {
		n, err := t.q.UntrustBrowser(t.ctx, db.UntrustBrowserParams{TenantID: t.own(), UserID: string(user), ID: string(id)})
		if err != nil {
			return were, t.err(err)
		}
		were += int(n)
	}
	return were, nil
}

func (t *tx) SeenBrowser(id core.BrowserID, at time.Time, place string, asleep bool) error {
	return t.one(t.must.SeenBrowser(t.ctx, db.SeenBrowserParams{TenantID: t.own(), ID: string(id), SeenAt: micros(at), Place: text(place), MetAsleep: asleep}))
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
	return list(t, rows, err, func(r db.RolesRow) core.RoleGrant { return customGrantOf(r.Role, r.Base, r.Rights) })
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
