-- name: Budget :one
SELECT * FROM budgets WHERE tenant_id = @tenant_id AND user_id = @user_id AND name = @name;

-- name: InsertBudget :execrows
-- A row that Reserve made meanwhile has version 0 and nothing to lose.
INSERT INTO budgets (tenant_id, user_id, name, window_at, failures, locked_until, locks, consecutive,
    version, reserved, reserved_until)
SELECT u.tenant_id, u.id, CAST(@name AS text), CAST(@window_at AS bigint), CAST(@failures AS bigint),
    CAST(@locked_until AS bigint), CAST(@locks AS bigint), CAST(@consecutive AS bigint), 1, 0, 0
FROM users u WHERE u.tenant_id = @tenant_id AND u.id = @user_id
ON CONFLICT (user_id, name, tenant_id) DO UPDATE SET
    window_at = excluded.window_at, failures = excluded.failures, locked_until = excluded.locked_until,
    locks = excluded.locks, consecutive = excluded.consecutive, version = 1,
    reserved = CASE WHEN budgets.reserved > 0 THEN budgets.reserved - 1 ELSE 0 END
WHERE budgets.version = 0;

-- name: UpdateBudget :execrows
UPDATE budgets SET window_at = @window_at, failures = @failures, locked_until = @locked_until,
    locks = @locks, consecutive = @consecutive, version = version + 1,
    reserved = CASE WHEN reserved > 0 THEN reserved - 1 ELSE 0 END
WHERE tenant_id = @tenant_id AND user_id = @user_id AND name = @name AND version = @version;

-- name: DropBudgets :execrows
DELETE FROM budgets WHERE tenant_id = @tenant_id AND user_id = @user_id;
