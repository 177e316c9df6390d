package sqlstore

import (
	"cmp"
	"fmt"
	"slices"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) attemptOf(r db.Attempt) (core.Attempt, error) {
	doc, rest, err := decode[core.AttemptDoc](r.Doc)
	if err != nil {
		return core.Attempt{}, err
	}
	t.remember(r.ID, rest)
	return core.Attempt{
		ID: core.AttemptID(r.ID), Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID),
		Browser: bytesOut(r.Browser), Doc: doc, Version: r.Version, CreatedAt: instant(r.CreatedAt),
		ExpiresAt: instant(r.ExpiresAt), DoneAt: instant(r.DoneAt),
	}, nil
}

func (t *tx) Attempt(id core.AttemptID) (core.Attempt, error) {
	row, err := t.q.Attempt(t.ctx, db.AttemptParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return core.Attempt{}, t.err(err)
	}
	return t.attemptOf(row)
}

func (t *tx) AttemptFacts(id core.AttemptID) (store.AttemptFacts, error) {
	var facts store.AttemptFacts
	rows, err := t.q.AttemptFacts(t.ctx, db.AttemptFactsParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return facts, t.err(err)
	}
	if len(rows) == 0 {
		return facts, core.ErrNotFound
	}
	if facts.Attempt, err = t.attemptOf(rows[0].Attempt); err != nil {
		return facts, err
	}
	facts.User = t.saw(userOf(rows[0].User))
	facts.Factors = make([]core.Factor, 0, len(rows))
	for _, r := range rows {
		if r.FactorID == "" {
			continue
		}
		// What only a revoked factor has is not asked for.
		f, err := t.factorOf(db.Factor{
			ID: r.FactorID, TenantID: r.Attempt.TenantID, UserID: r.Attempt.UserID, Kind: r.FactorKind,
			State: r.FactorState, Name: r.FactorName, Handle: r.Handle, Secret: r.Secret, Doc: r.FactorDoc,
			LastStep: r.LastStep, WindowAt: r.WindowAt, Failures: r.Failures, LockedUntil: r.LockedUntil,
			Locks: r.Locks, Consecutive: r.Consecutive, Version: r.FactorVersion, CreatedAt: r.FactorCreatedAt,
			ConfirmedAt: r.ConfirmedAt, LastUsedAt: r.LastUsedAt, ExpiresAt: r.FactorExpiresAt,
		})
		if err != nil {
			return facts, err
		}
		facts.Factors = append(facts.Factors, f)
	}
	// A few rows: sorting them here costs less than having the engine do it.
	slices.SortFunc(facts.Factors, func(a, b core.Factor) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return facts, nil
}

func (t *tx) InsertAttempt(a core.Attempt, honours ...store.Guess) error {
	if t.foreign(a.Tenant) {
		return core.ErrNotFound
	}
	doc, err := encode(a.Doc, nil)
	if err != nil {
		return err
	}
	t.remember(string(a.ID), nil)
	row := db.InsertAttemptParams{
		ID: string(a.ID), TenantID: t.own(), UserID: string(a.User), Browser: bytesIn(a.Browser), Doc: doc,
		Version: a.Version, CreatedAt: micros(a.CreatedAt), ExpiresAt: micros(a.ExpiresAt), DoneAt: micros(a.DoneAt),
	}
	if len(honours) == 0 {
		return t.err(t.must.InsertAttempt(t.ctx, row))
	}
	g := honours[0]
	if len(honours) > 1 || t.foreign(g.Tenant) || g.User != a.User {
		return fmt.Errorf("attempt %s honours a guess that is not its own", a.ID)
	}
	t.honoured = append(t.honoured, g)
	return t.err(t.s.InsertHonouring(t.ctx, t.raw, row, g))
}

func (t *tx) UpdateAttempt(a core.Attempt) error {
	stand := func() (int64, string, error) {
		row, err := t.q.AttemptStand(t.ctx, db.AttemptStandParams{TenantID: t.own(), ID: string(a.ID)})
		return row.Version, row.Doc, err
	}
	doc, err := redoc(t, string(a.ID), a.Doc, stand)
	if err != nil {
		return err
	}
	n, err := t.must.UpdateAttempt(t.ctx, db.UpdateAttemptParams{
		ID: string(a.ID), TenantID: t.own(), Version: a.Version, Browser: bytesIn(a.Browser), Doc: doc,
		CreatedAt: micros(a.CreatedAt), ExpiresAt: micros(a.ExpiresAt), DoneAt: micros(a.DoneAt),
	})
	return t.versioned(n, err, a.Version, func() (int64, error) { v, _, err := stand(); return v, err })
}

// EndAttempts lets them expire now; an answer that is under way elsewhere finds
// another version, reads again and sees it.
func (t *tx) EndAttempts(user core.UserID, except ...core.AttemptID) error {
	_, err := t.q.EndAttempts(t.ctx, db.EndAttemptsParams{
		EndedAt: micros(t.now), TenantID: t.own(), UserID: string(user), Spared: spared(except),
	})
	return t.err(err)
}
