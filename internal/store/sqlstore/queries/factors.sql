-- name: Factor :one
SELECT * FROM factors WHERE tenant_id = @tenant_id AND id = @id;

-- name: Factors :many
SELECT * FROM factors
WHERE tenant_id = @tenant_id AND user_id = @user_id AND state <> 'revoked'
ORDER BY created_at, id;

-- name: FactorHistory :many
SELECT * FROM factors WHERE tenant_id = @tenant_id AND user_id = @user_id ORDER BY created_at, id;

-- name: FactorStand :one
SELECT version, doc, user_id, kind, state FROM factors WHERE tenant_id = @tenant_id AND id = @id;

-- name: InsertFactor :exec
INSERT INTO factors (id, tenant_id, user_id, kind, state, name, handle, secret, doc, last_step, window_at,
    failures, locked_until, locks, consecutive, version, created_at, confirmed_at, last_used_at,
    revoked_at, revoked_why, expires_at)
VALUES (@id, @tenant_id, @user_id, @kind, @state, @name, @handle, @secret, @doc, @last_step, @window_at,
    @failures, @locked_until, @locks, @consecutive, @version, @created_at, @confirmed_at, @last_used_at,
    @revoked_at, @revoked_why, @expires_at);

-- name: UpdateFactor :execrows
UPDATE factors SET state = @state, name = @name, handle = @handle, secret = @secret, doc = @doc,
    last_step = @last_step, window_at = @window_at, failures = @failures, locked_until = @locked_until,
    locks = @locks, consecutive = @consecutive, version = version + 1, created_at = @created_at,
    confirmed_at = @confirmed_at, last_used_at = @last_used_at, revoked_at = @revoked_at,
    revoked_why = @revoked_why, expires_at = @expires_at
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;
