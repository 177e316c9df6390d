package sqlstore

import (
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// sessionOf also hands out the fields that only a newer program knows.
func sessionOf(r db.Session) (core.Session, unknown, error) {
	doc, rest, err := decode[core.SessionDoc](r.Doc)
	if err != nil {
		return core.Session{}, nil, err
	}
	return core.Session{
		ID: core.SessionID(r.ID), Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID),
		TokenHash: bytesOut(r.TokenHash), Level: core.Level(r.Level), ActingIn: core.TenantID(r.ActingIn), Doc: doc, Version: r.Version,
		CreatedAt: instant(r.CreatedAt), RotatedAt: instant(r.RotatedAt), LastSeenAt: instant(r.LastSeenAt),
		ExpiresAt: instant(r.ExpiresAt), IdleUntil: instant(r.IdleUntil), EndedAt: instant(r.EndedAt), EndedWhy: r.EndedWhy,
	}, rest, nil
}

func (t *tx) Session(id core.SessionID) (core.Session, error) {
	row, err := t.q.Session(t.ctx, db.SessionParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return core.Session{}, t.err(err)
	}
	s, rest, err := sessionOf(row)
	t.remember(row.ID, rest)
	return s, err
}

func (t *tx) Sessions(user core.UserID) ([]core.Session, error) {
	rows, err := t.q.Sessions(t.ctx, db.SessionsParams{TenantID: t.own(), UserID: string(user), Now: micros(t.now)})
	if err != nil {
		return nil, t.err(err)
	}
	out := make([]core.Session, 0, len(rows))
	for _, r := range rows {
		s, rest, err := sessionOf(r)
		if err != nil {
			return nil, err
		}
		t.remember(r.ID, rest)
		out = append(out, s)
	}
	return out, nil
}

func (t *tx) InsertSession(s core.Session) error {
	if t.foreign(s.Tenant) {
		return core.ErrNotFound
	}
	doc, err := encode(s.Doc, nil)
	if err != nil {
		return err
	}
	t.remember(string(s.ID), nil)
	return t.err(t.must.InsertSession(t.ctx, db.InsertSessionParams{
		ID: string(s.ID), TenantID: t.own(), UserID: string(s.User), TokenHash: bytesIn(s.TokenHash),
		Level: string(s.Level), Doc: doc, Version: s.Version, CreatedAt: micros(s.CreatedAt),
		RotatedAt: micros(s.RotatedAt), LastSeenAt: micros(s.LastSeenAt), ExpiresAt: micros(s.ExpiresAt),
		IdleUntil: micros(s.IdleUntil), EndedAt: micros(s.EndedAt), EndedWhy: s.EndedWhy, ActingIn: string(s.ActingIn),
	}))
}

func (t *tx) UpdateSession(s core.Session) error {
	stand := func() (int64, string, error) {
		row, err := t.q.SessionStand(t.ctx, db.SessionStandParams{TenantID: t.own(), ID: string(s.ID)})
		return row.Version, row.Doc, err
	}
	doc, err := redoc(t, string(s.ID), s.Doc, stand)
	if err != nil {
		return err
	}
	n, err := t.must.UpdateSession(t.ctx, db.UpdateSessionParams{
		ID: string(s.ID), TenantID: t.own(), Version: s.Version, TokenHash: bytesIn(s.TokenHash),
		Level: string(s.Level), Doc: doc, CreatedAt: micros(s.CreatedAt), RotatedAt: micros(s.RotatedAt),
		LastSeenAt: micros(s.LastSeenAt), ExpiresAt: micros(s.ExpiresAt), IdleUntil: micros(s.IdleUntil),
		EndedAt: micros(s.EndedAt), EndedWhy: s.EndedWhy,
	})
	return t.versioned(n, err, s.Version, func() (int64, error) { v, _, err := stand(); return v, err })
}

func (t *tx) EndSessions(user core.UserID, why string, except ...core.SessionID) (int, error) {
	n, err := t.q.EndSessions(t.ctx, db.EndSessionsParams{
		Now: micros(t.now), EndedWhy: why, TenantID: t.own(), UserID: string(user), Spared: spared(except),
	})
	return int(n), t.err(err)
}

func (t *tx) Acting() ([]store.Acting, error) {
	own, err := t.Tenant()
	if err != nil {
		return nil, err
	}
	low, high := branch(own.Path)
	rows, err := t.q.ActingBelow(t.ctx, db.ActingBelowParams{Low: low, High: high, Now: micros(t.now)})
	if err != nil {
		return nil, t.err(err)
	}
	out := make([]store.Acting, 0, len(rows))
	for _, r := range rows {
		s, _, err := sessionOf(r.Session)
		if err != nil {
			return nil, err
		}
		out = append(out, store.Acting{Session: s, User: userOf(r.User)})
	}
	return out, nil
}

func (t *tx) LiveSessions(of core.Standing) (int, error) {
	own, err := t.Tenant()
	if err != nil {
		return 0, err
	}
	low, high := branch(own.Path)
	n, err := t.q.CountSessions(t.ctx, db.CountSessionsParams{Low: low, High: high, Now: micros(t.now), OrganisationID: string(own.Organisation), Standing: string(of)})
	return int(n), t.err(err)
}

func (t *tx) EndActing(id core.SessionID, why string) (bool, error) {
	own, err := t.Tenant()
	if err != nil {
		return false, err
	}
	low, high := branch(own.Path)
	n, err := t.q.EndActing(t.ctx, db.EndActingParams{Now: micros(t.now), EndedWhy: why, ID: string(id), Low: low, High: high})
	return n == 1, t.err(err)
}
