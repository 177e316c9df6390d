-- name: Attempt :one
SELECT * FROM attempts WHERE tenant_id = @tenant_id AND id = @id;

-- name: AttemptFacts :many
-- One row per factor; one with an empty factor id when there is none.
SELECT sqlc.embed(attempts), sqlc.embed(users),
    COALESCE(f.id, '') AS factor_id, COALESCE(f.kind, '') AS factor_kind, COALESCE(f.state, '') AS factor_state,
    COALESCE(f.name, '') AS factor_name, COALESCE(f.handle, '') AS handle, f.secret AS secret,
    COALESCE(f.doc, '') AS factor_doc, COALESCE(f.last_step, 0) AS last_step,
    COALESCE(f.window_at, 0) AS window_at, COALESCE(f.failures, 0) AS failures,
    COALESCE(f.locked_until, 0) AS locked_until, COALESCE(f.locks, 0) AS locks,
    COALESCE(f.consecutive, 0) AS consecutive, COALESCE(f.version, 0) AS factor_version,
    COALESCE(f.created_at, 0) AS factor_created_at, COALESCE(f.confirmed_at, 0) AS confirmed_at,
    COALESCE(f.last_used_at, 0) AS last_used_at, COALESCE(f.expires_at, 0) AS factor_expires_at
FROM attempts
JOIN users ON users.tenant_id = attempts.tenant_id AND users.id = attempts.user_id
LEFT JOIN factors f ON f.user_id = attempts.user_id AND f.tenant_id = attempts.tenant_id AND f.state <> 'revoked'
WHERE attempts.tenant_id = @tenant_id AND attempts.id = @id;

-- name: AttemptStand :one
SELECT version, doc FROM attempts WHERE tenant_id = @tenant_id AND id = @id;

-- name: InsertAttempt :exec
INSERT INTO attempts (id, tenant_id, user_id, browser, doc, version, created_at, expires_at, done_at)
VALUES (@id, @tenant_id, @user_id, @browser, @doc, @version, @created_at, @expires_at, @done_at);

-- name: UpdateAttempt :execrows
UPDATE attempts SET browser = @browser, doc = @doc, version = version + 1, created_at = @created_at,
    expires_at = @expires_at, done_at = @done_at
WHERE tenant_id = @tenant_id AND id = @id AND version = @version AND done_at = 0;

-- name: EndAttempts :execrows
-- @spared holds ids between bars: |a|b|. An id that can be cut out of it is spared.
UPDATE attempts SET expires_at = CAST(@ended_at AS bigint), version = version + 1
WHERE tenant_id = @tenant_id AND user_id = @user_id AND done_at = 0 AND expires_at > CAST(@ended_at AS bigint)
  AND replace(CAST(@spared AS text), '|' || id || '|', '') = CAST(@spared AS text);

-- name: EndAllAttempts :execrows
UPDATE attempts SET expires_at = CAST(@ended_at AS bigint), version = version + 1
WHERE expires_at > CAST(@ended_at AS bigint);

-- name: SweepAttempts :execrows
DELETE FROM attempts WHERE id IN (SELECT a.id FROM attempts a WHERE a.expires_at < @expired_before LIMIT CAST(@most AS bigint));
