package sqlstore

import (
	"database/sql"
	"errors"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) guess(user core.UserID, name string) store.Guess {
	return store.Guess{Tenant: t.tenant, User: user, Name: name}
}

func (t *tx) Budget(user core.UserID, name string) (core.Budget, error) {
	row, err := t.q.Budget(t.ctx, db.BudgetParams{TenantID: t.own(), UserID: string(user), Name: name})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return core.Budget{}, t.err(err)
	}
	t.sawBudget(t.guess(user, name), row.Version)
	return BudgetOf(row), nil
}

func (t *tx) sawBudget(g store.Guess, version int64) {
	if t.budgets == nil {
		t.budgets = map[store.Guess]int64{}
	}
	t.budgets[g] = version
}

// SaveBudget is safe against parallel failures when the budget was read in this
// transaction: if another saved it meanwhile, this is a conflict and the
// function runs again on the newer count.
func (t *tx) SaveBudget(user core.UserID, name string, b core.Budget) error {
	g := t.guess(user, name)
	seen, read := t.budgets[g]
	if !read {
		if _, err := t.Budget(user, name); err != nil {
			return err
		}
		seen = t.budgets[g]
	}
	var n int64
	var err error
	if seen == 0 {
		n, err = t.q.InsertBudget(t.ctx, db.InsertBudgetParams{
			TenantID: t.own(), UserID: string(user), Name: name, WindowAt: micros(b.Window), Failures: int64(b.Failures),
			LockedUntil: micros(b.LockedUntil), Locks: int64(b.Locks), Consecutive: int64(b.Consecutive),
		})
	} else {
		n, err = t.q.UpdateBudget(t.ctx, db.UpdateBudgetParams{
			TenantID: t.own(), UserID: string(user), Name: name, Version: seen, WindowAt: micros(b.Window),
			Failures: int64(b.Failures), LockedUntil: micros(b.LockedUntil), Locks: int64(b.Locks), Consecutive: int64(b.Consecutive),
		})
	}
	if err != nil {
		return t.err(err)
	}
	if n == 0 {
		if _, err := t.q.UserVersion(t.ctx, db.UserVersionParams{TenantID: t.own(), ID: string(user)}); err != nil {
			return t.err(err)
		}
		return store.ErrConflict
	}
	t.sawBudget(g, seen+1)
	t.settled = append(t.settled, g)
	return nil
}

func (t *tx) DropBudgets(user core.UserID) error {
	_, err := t.q.DropBudgets(t.ctx, db.DropBudgetsParams{TenantID: t.own(), UserID: string(user)})
	for g := range t.budgets {
		if g.User == user {
			t.budgets[g] = 0
		}
	}
	return t.err(err)
}
