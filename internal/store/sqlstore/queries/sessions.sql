-- name: Session :one
SELECT * FROM sessions WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindSession :one
SELECT sqlc.embed(sessions), sqlc.embed(users)
FROM sessions JOIN users ON users.tenant_id = sessions.tenant_id AND users.id = sessions.user_id
WHERE sessions.token_hash = @token_hash;

-- name: Sessions :many
SELECT * FROM sessions
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND expires_at > @now
ORDER BY created_at DESC, id DESC;

-- name: SessionStand :one
SELECT version, doc FROM sessions WHERE tenant_id = @tenant_id AND id = @id;

-- name: InsertSession :exec
INSERT INTO sessions (id, tenant_id, user_id, token_hash, level, doc, version, created_at, rotated_at,
    last_seen_at, expires_at, idle_until, ended_at, ended_why, acting_in)
VALUES (@id, @tenant_id, @user_id, @token_hash, @level, @doc, @version, @created_at, @rotated_at,
    @last_seen_at, @expires_at, @idle_until, @ended_at, @ended_why, @acting_in);

-- name: UpdateSession :execrows
UPDATE sessions SET token_hash = @token_hash, level = @level, doc = @doc, version = version + 1,
    created_at = @created_at, rotated_at = @rotated_at, last_seen_at = @last_seen_at,
    expires_at = @expires_at, idle_until = @idle_until, ended_at = @ended_at, ended_why = @ended_why
WHERE tenant_id = @tenant_id AND id = @id AND version = @version AND ended_at = 0;

-- name: EndSessions :execrows
-- @spared holds ids between bars: |a|b|. An id that can be cut out of it is spared.
UPDATE sessions SET ended_at = CAST(@now AS bigint), ended_why = @ended_why, version = version + 1
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND expires_at > CAST(@now AS bigint)
  AND replace(CAST(@spared AS text), '|' || id || '|', '') = CAST(@spared AS text);

-- name: ActingBelow :many
-- Sessions of other tenants that act in a node or below it.
SELECT sqlc.embed(sessions), sqlc.embed(users)
FROM tenants t JOIN sessions ON sessions.acting_in = t.id AND sessions.acting_in <> '' AND sessions.ended_at = 0
JOIN users ON users.id = sessions.user_id
WHERE t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND sessions.expires_at > @now
ORDER BY sessions.created_at DESC, sessions.id DESC;

-- name: CountSessions :one
SELECT count(*) FROM users u
JOIN tenants t ON t.id = u.tenant_id AND t.state <> 'deleted' AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text)
JOIN sessions s ON s.user_id = u.id AND s.ended_at = 0 AND s.expires_at > @now
WHERE u.organisation_id = @organisation_id AND u.state <> 'deleted'
  AND (CAST(@standing AS text) = '' OR u.standing = CAST(@standing AS text));

-- name: EndActing :execrows
UPDATE sessions SET ended_at = CAST(@now AS bigint), ended_why = @ended_why, version = version + 1
WHERE sessions.id = @id AND sessions.ended_at = 0 AND sessions.acting_in IN (
    SELECT t.id FROM tenants t WHERE t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text));

-- name: EndAllSessions :execrows
UPDATE sessions SET ended_at = @ended_at, ended_why = @ended_why, version = version + 1 WHERE ended_at = 0;

-- name: TouchSession :execrows
UPDATE sessions SET last_seen_at = @last_seen_at, idle_until = @idle_until
WHERE id = @id AND ended_at = 0 AND last_seen_at < @last_seen_at;

-- name: SweepSessions :execrows
DELETE FROM sessions WHERE id IN (
    SELECT s.id FROM sessions s
    WHERE s.expires_at < @cut OR (s.ended_at > 0 AND s.ended_at < @cut) LIMIT CAST(@most AS bigint));
