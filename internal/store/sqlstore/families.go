package sqlstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func familyOf(r db.Family) (core.Family, unknown, error) {
	doc, rest, err := decode[core.FamilyDoc](r.Doc)
	return core.Family{
		ID: core.FamilyID(r.ID), Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID), App: core.AppID(r.AppID),
		Session: core.SessionID(r.SessionID), Offline: r.Offline, Level: core.Level(r.Level), Doc: doc, Seq: r.Seq,
		CodeAt: instant(r.CodeAt), CreatedAt: instant(r.CreatedAt), UsedAt: instant(r.UsedAt), ExpiresAt: instant(r.ExpiresAt),
		EndedAt: instant(r.EndedAt), EndedWhy: r.EndedWhy, Notify: core.Notify(r.Notify), Tries: int(r.Tries),
	}, rest, err
}

func connectionOf(r db.Connection) core.Connection {
	return core.Connection{
		Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID), App: core.AppID(r.AppID), Scopes: words(r.Scopes),
		ConsentedAt: instant(r.ConsentedAt), FirstUsedAt: instant(r.FirstUsedAt), LastUsedAt: instant(r.LastUsedAt),
	}
}

func (t *tx) Family(id core.FamilyID) (core.Family, error) {
	row, err := t.q.Family(t.ctx, db.FamilyParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return core.Family{}, t.err(err)
	}
	f, rest, err := familyOf(row)
	t.remember(row.ID, rest)
	return f, err
}

func (t *tx) Families(user core.UserID) ([]core.Family, error) {
	rows, err := t.q.Families(t.ctx, db.FamiliesParams{TenantID: t.own(), UserID: string(user), Now: micros(t.now)})
	if err != nil {
		return nil, t.err(err)
	}
	out := make([]core.Family, 0, len(rows))
	for _, r := range rows {
		f, _, err := familyOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (t *tx) InsertFamily(f core.Family) error {
	if t.foreign(f.Tenant) {
		return core.ErrNotFound
	}
	doc, err := encode(f.Doc, nil)
	if err != nil {
		return err
	}
	return t.err(t.q.InsertFamily(t.ctx, db.InsertFamilyParams{
		ID: string(f.ID), TenantID: t.own(), UserID: string(f.User), AppID: string(f.App), SessionID: string(f.Session), Offline: f.Offline,
		Level: string(f.Level), Doc: doc, Seq: f.Seq, CodeAt: micros(f.CodeAt), CreatedAt: micros(f.CreatedAt), UsedAt: micros(f.UsedAt),
		ExpiresAt: micros(f.ExpiresAt), EndedAt: micros(f.EndedAt), EndedWhy: f.EndedWhy, Notify: int64(f.Notify),
	}))
}

func (t *tx) ExchangeCode(f core.Family) error {
	doc, err := encode(f.Doc, t.docs[string(f.ID)])
	if err != nil {
		return err
	}
	n, err := t.q.ExchangeCode(t.ctx, db.ExchangeCodeParams{
		TenantID: t.own(), ID: string(f.ID), Now: micros(t.now), Seq: f.Seq, Doc: doc, Until: micros(f.ExpiresAt),
	})
	return t.once(n, err, "the code cannot be exchanged, or not again")
}

// InsertHostCookie asks for the family first: another tenant's is not here.
func (t *tx) InsertHostCookie(hash []byte, id core.FamilyID) error {
	if _, err := t.q.Family(t.ctx, db.FamilyParams{TenantID: t.own(), ID: string(id)}); err != nil {
		return t.err(err)
	}
	return t.err(t.q.InsertHostCookie(t.ctx, db.InsertHostCookieParams{TokenHash: bytesIn(hash), FamilyID: string(id)}))
}

func (s *Store) FindHosted(ctx context.Context, tokenHash []byte) (out store.Hosted, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindHosted(ctx, bytesIn(tokenHash))
		if err != nil {
			return err
		}
		if out.Family, _, err = familyOf(row.Family); err != nil {
			return err
		}
		out.User = userOf(row.User)
		out.Session, _, err = sessionOf(row.Session)
		return err
	})
	return out, err
}

func (t *tx) Refreshed(id core.FamilyID, seq int64) error {
	n, err := t.q.Refreshed(t.ctx, db.RefreshedParams{TenantID: t.own(), ID: string(id), Now: micros(t.now), Seq: seq})
	return t.once(n, err, "the refresh token cannot be used, or not again")
}

// once turns the count of an update that consumes something into an error.
func (t *tx) once(n int64, err error, why string) error {
	if err != nil {
		return t.err(err)
	}
	if n != 1 {
		return conflict{why}
	}
	return nil
}

func (t *tx) EndFamily(id core.FamilyID, why string) error {
	n, err := t.q.EndFamily(t.ctx, db.EndFamilyParams{TenantID: t.own(), ID: string(id), Now: micros(t.now), EndedWhy: why})
	if err != nil || n == 1 {
		return t.err(err)
	}
	_, err = t.q.Family(t.ctx, db.FamilyParams{TenantID: t.own(), ID: string(id)})
	return t.err(err)
}

func (t *tx) EndFamilies(user core.UserID, why string, except ...core.SessionID) (int, error) {
	n, err := t.q.EndFamilies(t.ctx, db.EndFamiliesParams{
		TenantID: t.own(), UserID: string(user), Now: micros(t.now), EndedWhy: why, Spared: spared(except),
	})
	return int(n), t.err(err)
}

func (t *tx) EndFamiliesOfSession(user core.UserID, session core.SessionID, why string) (int, error) {
	n, err := t.q.EndFamiliesOfSession(t.ctx, db.EndFamiliesOfSessionParams{
		TenantID: t.own(), UserID: string(user), SessionID: string(session), Now: micros(t.now), EndedWhy: why,
	})
	if err != nil {
		return int(n), t.err(err)
	}
	_, err = t.q.TellOfSession(t.ctx, db.TellOfSessionParams{TenantID: t.own(), UserID: string(user), SessionID: string(session)})
	return int(n), t.err(err)
}

func (s *Store) DueLogouts(ctx context.Context, now time.Time, limit int) (out []core.Family, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.DueLogouts(ctx, db.DueLogoutsParams{Now: micros(now), Most: int64(limit)})
		for _, r := range rows {
			f, _, err := familyOf(r)
			if err != nil {
				return err
			}
			out = append(out, f)
		}
		return err
	})
	return out, err
}

func (s *Store) SettleLogout(ctx context.Context, id core.FamilyID, again time.Time) error {
	return s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		notify := core.NotifyNow
		if again.IsZero() {
			notify = core.NotifyNever
		}
		_, err := q.SettleLogout(ctx, db.SettleLogoutParams{ID: string(id), Notify: int64(notify), NextAt: micros(again)})
		return err
	})
}

func (t *tx) HandOver(user core.UserID, from, to core.SessionID) error {
	_, err := t.q.HandOver(t.ctx, db.HandOverParams{TenantID: t.own(), UserID: string(user), FromSession: string(from), ToSession: string(to)})
	return t.err(err)
}

func (t *tx) EndFamiliesOfApp(user core.UserID, app core.AppID, why string) (int, error) {
	n, err := t.q.EndFamiliesOfApp(t.ctx, db.EndFamiliesOfAppParams{
		TenantID: t.own(), UserID: string(user), AppID: string(app), Now: micros(t.now), EndedWhy: why,
	})
	return int(n), t.err(err)
}

func (t *tx) Connection(user core.UserID, app core.AppID) (core.Connection, error) {
	row, err := t.q.Connection(t.ctx, db.ConnectionParams{TenantID: t.own(), UserID: string(user), AppID: string(app)})
	return get(t, row, err, connectionOf)
}

func (t *tx) Connections(user core.UserID) ([]core.Connection, error) {
	rows, err := t.q.Connections(t.ctx, db.ConnectionsParams{TenantID: t.own(), UserID: string(user)})
	return list(t, rows, err, connectionOf)
}

func (t *tx) SaveConnection(c core.Connection) error {
	if t.foreign(c.Tenant) {
		return core.ErrNotFound
	}
	return t.one(t.q.SaveConnection(t.ctx, db.SaveConnectionParams{
		TenantID: t.own(), UserID: string(c.User), AppID: string(c.App), Scopes: strings.Join(c.Scopes, " "),
		ConsentedAt: micros(c.ConsentedAt), FirstUsedAt: micros(c.FirstUsedAt), LastUsedAt: micros(c.LastUsedAt),
	}))
}

func (t *tx) DropConnection(user core.UserID, app core.AppID) error {
	return t.one(t.q.DropConnection(t.ctx, db.DropConnectionParams{TenantID: t.own(), UserID: string(user), AppID: string(app)}))
}

// Spent is asked across tenants: a mark is unique on the platform.
func (t *tx) Spent(kind core.SpentKind, mark []byte) (bool, error) {
	n, err := t.q.IsSpent(t.ctx, db.IsSpentParams{Kind: string(kind), Mark: bytesIn(mark)})
	return n > 0, t.err(err)
}

func (t *tx) Spend(kind core.SpentKind, mark []byte, until time.Time) error {
	if len(mark) == 0 {
		return errors.New("spend: no mark")
	}
	n, err := t.q.Spend(t.ctx, db.SpendParams{Kind: string(kind), Mark: mark, TenantID: t.own(), ExpiresAt: micros(until)})
	return t.once(n, err, "the mark was used before")
}

var _ store.FamilyWriter = (*tx)(nil)
