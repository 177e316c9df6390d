package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func appOf(r db.App) (core.App, unknown, error) {
	doc, rest, err := decode[core.AppDoc](r.Doc)
	return core.App{
		ID: core.AppID(r.ID), Tenant: core.TenantID(r.TenantID), Name: r.Name, State: core.AppState(r.State), Doc: doc, Version: r.Version,
		CreatedAt: instant(r.CreatedAt), ChangedAt: instant(r.ChangedAt), DeletedAt: instant(r.DeletedAt),
		Kind: core.AppKind(r.Kind), Owner: core.UserID(r.OwnerID), UsedAt: instant(r.UsedAt), UsedFrom: r.UsedFrom,
	}, rest, err
}

func appSecretOf(r db.AppSecret) core.AppSecretRow {
	return core.AppSecretRow{
		Hash: bytesOut(r.Hash), App: core.AppID(r.AppID), Tenant: core.TenantID(r.TenantID), Hint: r.Hint,
		CreatedAt: instant(r.CreatedAt), ExpiresAt: instant(r.ExpiresAt), LastUsedAt: instant(r.LastUsedAt),
	}
}

func (s *Store) FindApp(ctx context.Context, id core.AppID) (a core.App, secrets []core.AppSecretRow, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindApp(ctx, string(id))
		if err != nil {
			return err
		}
		rows, err := q.AppSecrets(ctx, string(id))
		if err != nil {
			return err
		}
		secrets = each(rows, appSecretOf)
		a, _, err = appOf(row)
		return err
	})
	return a, secrets, err
}

func (s *Store) FindHost(ctx context.Context, host string) (id core.AppID, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		found, err := q.FindHost(ctx, text(host))
		id = core.AppID(found)
		return err
	})
	return id, err
}

// SetHosts asks for the app first: a host without one would be nobody's for good.
func (t *tx) SetHosts(id core.AppID, hosts []string) error {
	if _, err := t.q.AppStand(t.ctx, db.AppStandParams{TenantID: t.own(), ID: string(id)}); err != nil {
		return t.err(err)
	}
	if _, err := t.q.DropHosts(t.ctx, db.DropHostsParams{TenantID: t.own(), AppID: string(id)}); err != nil {
		return t.err(err)
	}
	for _, h := range hosts {
		if err := t.q.InsertHost(t.ctx, db.InsertHostParams{Host: text(h), TenantID: t.own(), AppID: string(id)}); err != nil {
			return t.err(err)
		}
	}
	return nil
}

func (t *tx) App(id core.AppID) (core.App, error) {
	row, err := t.q.App(t.ctx, db.AppParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return core.App{}, t.err(err)
	}
	a, rest, err := appOf(row)
	t.remember(row.ID, rest)
	return a, err
}

func (t *tx) Apps(p store.Page) ([]core.App, string, error) { return t.apps(core.AppSignIn, p) }

func (t *tx) Clients(p store.Page) ([]core.App, string, error) { return t.apps(core.AppClient, p) }

// UsedApp may come late, as UsedAppSecret.
func (t *tx) UsedApp(id core.AppID, at time.Time, from string) error {
	_, err := t.q.UsedApp(t.ctx, db.UsedAppParams{TenantID: t.own(), ID: string(id), At: micros(at), UsedFrom: from})
	return t.err(err)
}

func (s *Store) AllClients(ctx context.Context, after core.ClientID, limit int) (out []core.App, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.AllClients(ctx, db.AllClientsParams{After: string(after), Most: int64(limit)})
		if err != nil {
			return err
		}
		out = nil
		for _, r := range rows {
			a, _, err := appOf(r)
			if err != nil {
				return err
			}
			out = append(out, a)
		}
		return nil
	})
	return out, err
}

func (t *tx) apps(kind core.AppKind, p store.Page) ([]core.App, string, error) {
	after := placeOf(p.After, 2)
	rows, err := t.q.Apps(t.ctx, db.AppsParams{TenantID: t.own(), Kind: string(kind), AfterName: after[0], AfterID: after[1], Most: int64(p.Limit)})
	if err != nil {
		return nil, "", t.err(err)
	}
	out, next := make([]core.App, 0, len(rows)), ""
	for _, r := range rows {
		a, rest, err := appOf(r)
		if err != nil {
			return nil, "", err
		}
		t.remember(r.ID, rest)
		out = append(out, a)
		next = place(r.NameKey, r.ID)
	}
	if len(rows) < p.Limit {
		next = ""
	}
	return out, next, nil
}

func (t *tx) InsertApp(a core.App) error {
	if t.foreign(a.Tenant) {
		return core.ErrNotFound
	}
	doc, err := encode(a.Doc, nil)
	if err != nil {
		return err
	}
	t.remember(string(a.ID), nil)
	return t.err(t.q.InsertApp(t.ctx, db.InsertAppParams{
		ID: string(a.ID), TenantID: t.own(), Name: text(a.Name), NameKey: ident.NameKey(text(a.Name)), State: string(a.State), Doc: doc,
		Version: a.Version, CreatedAt: micros(a.CreatedAt), ChangedAt: micros(a.ChangedAt), DeletedAt: micros(a.DeletedAt),
		Kind: string(a.Kind), OwnerID: string(a.Owner),
	}))
}

func (t *tx) UpdateApp(a core.App) error {
	stand := func() (int64, string, error) {
		row, err := t.q.AppStand(t.ctx, db.AppStandParams{TenantID: t.own(), ID: string(a.ID)})
		return row.Version, row.Doc, err
	}
	doc, err := redoc(t, string(a.ID), a.Doc, stand)
	if err != nil {
		return err
	}
	n, err := t.q.UpdateApp(t.ctx, db.UpdateAppParams{
		ID: string(a.ID), TenantID: t.own(), Version: a.Version, Name: text(a.Name), NameKey: ident.NameKey(text(a.Name)), State: string(a.State),
		Doc: doc, ChangedAt: micros(a.ChangedAt), DeletedAt: micros(a.DeletedAt),
	})
	return t.versioned(n, err, a.Version, func() (int64, error) { v, _, err := stand(); return v, err })
}

// AppSecrets asks for the app first: secrets are found by it alone.
func (t *tx) AppSecrets(id core.AppID) ([]core.AppSecretRow, error) {
	if _, err := t.q.AppStand(t.ctx, db.AppStandParams{TenantID: t.own(), ID: string(id)}); err != nil {
		return nil, t.err(err)
	}
	rows, err := t.q.AppSecrets(t.ctx, string(id))
	return list(t, rows, err, appSecretOf)
}

func (t *tx) InsertAppSecret(s core.AppSecretRow) error {
	if t.foreign(s.Tenant) {
		return core.ErrNotFound
	}
	return t.err(t.q.InsertAppSecret(t.ctx, db.InsertAppSecretParams{
		Hash: bytesIn(s.Hash), AppID: string(s.App), TenantID: t.own(), Hint: s.Hint, CreatedAt: micros(s.CreatedAt),
		ExpiresAt: micros(s.ExpiresAt), LastUsedAt: micros(s.LastUsedAt),
	}))
}

func (t *tx) ExpireAppSecrets(id core.AppID, until time.Time) (int, error) {
	if _, err := t.q.DropAppSecrets(t.ctx, db.DropAppSecretsParams{TenantID: t.own(), AppID: string(id), Now: micros(t.now)}); err != nil {
		return 0, t.err(err)
	}
	n, err := t.q.ExpireAppSecrets(t.ctx, db.ExpireAppSecretsParams{TenantID: t.own(), AppID: string(id), Until: micros(until)})
	return int(n), t.err(err)
}

func (s *Store) AppPeople(ctx context.Context, id core.AppID, since time.Time) (people, lately int, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.AppPeople(ctx, db.AppPeopleParams{AppID: string(id), Since: micros(since)})
		people, lately = int(row.People), int(row.Lately)
		return err
	})
	return people, lately, err
}

func (t *tx) AppsHere(limit int) ([]core.App, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.AppsHere(t.ctx, db.AppsHereParams{OrganisationID: organisation, Low: low, High: high, Most: int64(limit)})
	if err != nil {
		return nil, t.err(err)
	}
	out := make([]core.App, 0, len(rows))
	for _, r := range rows {
		a, _, err := appOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (t *tx) AppsUsed(since time.Time) (map[core.AppID]store.AppUse, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.AppsUsed(t.ctx, db.AppsUsedParams{OrganisationID: organisation, Low: low, High: high, Since: micros(since)})
	if err != nil {
		return nil, t.err(err)
	}
	out := map[core.AppID]store.AppUse{}
	for _, r := range rows {
		out[core.AppID(r.AppID)] = store.AppUse{People: int(r.People), Open: int(r.Open)}
	}
	return out, nil
}

func (t *tx) AppsUsedBy(user core.UserID, since time.Time) ([]core.AppID, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.AppsUsedBy(t.ctx, db.AppsUsedByParams{UserID: string(user), OrganisationID: organisation, Low: low, High: high, Since: micros(since)})
	if err != nil {
		return nil, t.err(err)
	}
	var out []core.AppID
	for _, id := range rows {
		out = append(out, core.AppID(id))
	}
	return out, nil
}

func (t *tx) CountOpenUsing(apps []core.AppID, since time.Time) (int, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return 0, err
	}
	people := 0
	for i, a := range apps {
		others := ""
		if i > 0 {
			others = spared(apps[:i])
		}
		n, err := t.q.CountOpenUsing(t.ctx, db.CountOpenUsingParams{OrganisationID: organisation, Low: low, High: high, AppID: string(a), Since: micros(since), Others: others})
		if err != nil {
			return 0, t.err(err)
		}
		people += int(n)
	}
	return people, nil
}

func (t *tx) OpenUsing(apps []core.AppID, since time.Time, p store.Page) ([]store.Listed, string, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, "", err
	}
	after := placeOf(p.After, 3)[1]
	found := map[string]store.Listed{}
	for _, a := range apps {
		rows, err := t.q.OpenUsing(t.ctx, db.OpenUsingParams{OrganisationID: organisation, Low: low, High: high, AppID: string(a), Since: micros(since),
			After: after, Most: int64(p.Limit)})
		if err != nil {
			return nil, "", t.err(err)
		}
		for _, r := range rows {
			found[r.User.LoginKey] = store.Listed{User: userOf(r.User), Standing: core.Standing(r.User.Standing), Enrolled: r.User.Enrolled == 1, Privileged: r.Privileged == 1}
		}
	}
	var out []store.Listed
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if out = append(out, found[key]); len(out) >= p.Limit {
			return out, place("login", key), nil
		}
	}
	return out, "", nil
}

func (t *tx) EndAppSecret(id core.AppID, hash []byte) error {
	return t.one(t.q.EndAppSecret(t.ctx, db.EndAppSecretParams{TenantID: t.own(), AppID: string(id), Hash: bytesIn(hash), Now: micros(t.now)}))
}

// UsedAppSecret may come late: the use that is there may be newer, or the secret gone.
func (t *tx) UsedAppSecret(hash []byte, at time.Time) error {
	_, err := t.q.UsedAppSecret(t.ctx, db.UsedAppSecretParams{TenantID: t.own(), Hash: bytesIn(hash), At: micros(at)})
	return t.err(err)
}
