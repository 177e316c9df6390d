package sqlstore

import (
	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) factorOf(r db.Factor) (core.Factor, error) {
	doc, rest, err := decode[core.FactorDoc](r.Doc)
	if err != nil {
		return core.Factor{}, err
	}
	t.remember(r.ID, rest)
	t.sawFactor(core.FactorID(r.ID), core.UserID(r.UserID), makesEnrolled(core.FactorKind(r.Kind), core.FactorState(r.State)))
	return core.Factor{
		ID: core.FactorID(r.ID), Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID),
		Kind: core.FactorKind(r.Kind), State: core.FactorState(r.State), Name: r.Name, Handle: r.Handle,
		Secret: bytesOut(r.Secret), Doc: doc, LastStep: r.LastStep,
		Budget:  budgetOf(r.WindowAt, r.Failures, r.LockedUntil, r.Locks, r.Consecutive),
		Version: r.Version, CreatedAt: instant(r.CreatedAt), ConfirmedAt: instant(r.ConfirmedAt),
		LastUsedAt: instant(r.LastUsedAt), RevokedAt: instant(r.RevokedAt), RevokedWhy: r.RevokedWhy,
		ExpiresAt: instant(r.ExpiresAt),
	}, nil
}

func (t *tx) factorList(rows []db.Factor, err error) ([]core.Factor, error) {
	if err != nil {
		return nil, t.err(err)
	}
	out := make([]core.Factor, 0, len(rows))
	for _, r := range rows {
		f, err := t.factorOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (t *tx) Factor(id core.FactorID) (core.Factor, error) {
	row, err := t.q.Factor(t.ctx, db.FactorParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return core.Factor{}, t.err(err)
	}
	return t.factorOf(row)
}

func (t *tx) Factors(user core.UserID) ([]core.Factor, error) {
	return t.factorList(t.q.Factors(t.ctx, db.FactorsParams{TenantID: t.own(), UserID: string(user)}))
}

func (t *tx) FactorHistory(user core.UserID) ([]core.Factor, error) {
	return t.factorList(t.q.FactorHistory(t.ctx, db.FactorHistoryParams{TenantID: t.own(), UserID: string(user)}))
}

func (t *tx) InsertFactor(f core.Factor) error {
	if t.foreign(f.Tenant) {
		return core.ErrNotFound
	}
	row, err := factorRow(f)
	if err != nil {
		return err
	}
	t.remember(string(f.ID), nil)
	if err := t.err(t.must.InsertFactor(t.ctx, row)); err != nil {
		return err
	}
	counts := makesEnrolled(f.Kind, f.State)
	t.sawFactor(f.ID, f.User, counts)
	if !counts {
		return nil
	}
	return t.refit(f.User, true)
}

func (t *tx) sawFactor(id core.FactorID, user core.UserID, counts bool) {
	if !t.writes {
		return
	}
	if t.factors == nil {
		t.factors = map[core.FactorID]counted{}
	}
	t.factors[id] = counted{user, counts}
}

func factorRow(f core.Factor) (db.InsertFactorParams, error) {
	doc, err := encode(f.Doc, nil)
	return db.InsertFactorParams{
		ID: string(f.ID), TenantID: string(f.Tenant), UserID: string(f.User), Kind: string(f.Kind), State: string(f.State),
		Name: text(f.Name), Handle: f.Handle, Secret: bytesIn(f.Secret), Doc: doc, LastStep: f.LastStep,
		WindowAt: micros(f.Budget.Window), Failures: int64(f.Budget.Failures), LockedUntil: micros(f.Budget.LockedUntil),
		Locks: int64(f.Budget.Locks), Consecutive: int64(f.Budget.Consecutive), Version: f.Version,
		CreatedAt: micros(f.CreatedAt), ConfirmedAt: micros(f.ConfirmedAt), LastUsedAt: micros(f.LastUsedAt),
		RevokedAt: micros(f.RevokedAt), RevokedWhy: f.RevokedWhy, ExpiresAt: micros(f.ExpiresAt),
	}, err
}

func (t *tx) UpdateFactor(f core.Factor) error {
	stand := func() (int64, string, error) {
		row, err := t.q.FactorStand(t.ctx, db.FactorStandParams{TenantID: t.own(), ID: string(f.ID)})
		if err == nil {
			t.sawFactor(f.ID, core.UserID(row.UserID), makesEnrolled(core.FactorKind(row.Kind), core.FactorState(row.State)))
		}
		return row.Version, row.Doc, err
	}
	doc, err := redoc(t, string(f.ID), f.Doc, stand)
	if err != nil {
		return err
	}
	was := t.factors[f.ID]
	n, err := t.must.UpdateFactor(t.ctx, db.UpdateFactorParams{
		ID: string(f.ID), TenantID: t.own(), Version: f.Version, State: string(f.State), Name: text(f.Name),
		Handle: f.Handle, Secret: bytesIn(f.Secret), Doc: doc, LastStep: f.LastStep,
		WindowAt: micros(f.Budget.Window), Failures: int64(f.Budget.Failures), LockedUntil: micros(f.Budget.LockedUntil),
		Locks: int64(f.Budget.Locks), Consecutive: int64(f.Budget.Consecutive),
		CreatedAt: micros(f.CreatedAt), ConfirmedAt: micros(f.ConfirmedAt), LastUsedAt: micros(f.LastUsedAt),
		RevokedAt: micros(f.RevokedAt), RevokedWhy: f.RevokedWhy, ExpiresAt: micros(f.ExpiresAt),
	})
	err = t.versioned(n, err, f.Version, func() (int64, error) { v, _, err := stand(); return v, err })
	if err != nil {
		return err
	}
	is := makesEnrolled(f.Kind, f.State)
	t.sawFactor(f.ID, was.user, is)
	if is == was.yes {
		return nil
	}
	return t.refit(was.user, is)
}

// redoc encodes a row's document with the unknown fields that the row has. A
// row that was not read in this transaction is asked for them first.
func redoc[T any](t *tx, id string, doc T, stand func() (int64, string, error)) (string, error) {
	rest, seen := t.docs[id]
	if !seen {
		_, stored, err := stand()
		if err != nil {
			return "", t.err(err)
		}
		if _, rest, err = decode[T](stored); err != nil {
			return "", err
		}
		t.remember(id, rest)
	}
	return encode(doc, rest)
}
