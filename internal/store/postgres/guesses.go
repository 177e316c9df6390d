package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

// forgetAfter is when guesses that were neither settled nor released count no
// more. Each new reservation moves that on for all of its budget, so a lost one
// can only cost a guess too many for as long as others keep coming.
const forgetAfter = time.Minute

// quiet makes the transaction of one statement commit without waiting for the
// disk: set_config with is_local ends with it.
const quiet = "(SELECT set_config('synchronous_commit', 'off', true) AS word) quiet WHERE quiet.word = 'off'"

const reserve = `INSERT INTO budgets AS b (tenant_id, user_id, name, window_at, failures, locked_until, locks,
	consecutive, version, reserved, reserved_until)
SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), 0, 0, 0, 0, 0, 0, 1, CAST($5 AS bigint) FROM ` + quiet + `
ON CONFLICT (user_id, name, tenant_id) DO UPDATE SET
	reserved = CASE WHEN b.reserved_until <= $4 THEN 1 ELSE b.reserved + 1 END, reserved_until = excluded.reserved_until
WHERE b.locked_until <= CAST($4 AS bigint)
	AND CASE WHEN b.window_at > 0 AND b.window_at + CAST($6 AS bigint) > $4 THEN b.failures ELSE 0 END
	+ CASE WHEN b.reserved_until <= $4 THEN 0 ELSE b.reserved END < CAST($7 AS bigint)
RETURNING window_at, failures, locked_until, locks, consecutive`

const release = `UPDATE budgets SET reserved = reserved - 1 FROM ` + quiet + `
	AND tenant_id = $1 AND user_id = $2 AND name = $3 AND reserved > 0`

// insertHonouring is one statement where two would each cost a way to the server
// and back, the second in a transaction of its own.
const insertHonouring = `WITH honoured AS (
	UPDATE budgets SET reserved = reserved - 1 WHERE tenant_id = $2 AND user_id = $3 AND name = $10 AND reserved > 0
) INSERT INTO attempts (id, tenant_id, user_id, browser, doc, version, created_at, expires_at, done_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// decoys are the rows that guesses at nobody write to: several, so that they do
// not wait for each other where guesses at somebody would not.
const decoys = 256

func (e *engine) Reserve(ctx context.Context, g store.Guess, rule core.LockRule, now time.Time) (store.Reserved, error) {
	nobody := g.User == ""
	limit := int64(rule.Limit)
	if nobody {
		g.Tenant, g.User = "", core.UserID(fmt.Sprintf("nobody %d", e.decoy.Add(1)%decoys))
		limit = 1 << 62
	}
	var row db.Budget
	err := e.pool.QueryRowContext(ctx, reserve, string(g.Tenant), string(g.User), g.Name, now.UnixMicro(),
		now.Add(forgetAfter).UnixMicro(), time.Duration(rule.Window).Microseconds(), limit).
		Scan(&row.WindowAt, &row.Failures, &row.LockedUntil, &row.Locks, &row.Consecutive)
	if nobody {
		return store.Reserved{}, err
	}
	if err == nil {
		return store.Reserved{OK: true, Budget: sqlstore.BudgetOf(row)}, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return store.Reserved{}, err
	}
	row, err = db.New(e.pool).Budget(ctx, db.BudgetParams{TenantID: string(g.Tenant), UserID: string(g.User), Name: g.Name})
	return store.Reserved{Budget: sqlstore.BudgetOf(row)}, sqlstore.IgnoreNone(err)
}

func (e *engine) Release(ctx context.Context, g store.Guess) error {
	_, err := e.pool.ExecContext(ctx, release, string(g.Tenant), string(g.User), g.Name)
	return err
}

// Settled and Honoured have nothing to do: the row's count was lowered before the
// commit.
func (e *engine) Settled(store.Guess)  {}
func (e *engine) Honoured(store.Guess) {}

func (e *engine) InsertHonouring(ctx context.Context, q db.DBTX, r db.InsertAttemptParams, g store.Guess) error {
	args := []any{r.ID, r.TenantID, r.UserID, r.Browser, r.Doc, r.Version, r.CreatedAt, r.ExpiresAt, r.DoneAt, g.Name}
	_, err := sqlstore.PutOff(q).ExecContext(ctx, insertHonouring, args...)
	return err
}
