-- name: AppendChange :exec
INSERT INTO changes (kind, subject, changed_at) VALUES (@kind, @subject, @changed_at);

-- name: Changes :many
SELECT * FROM changes WHERE seq > @after ORDER BY seq LIMIT CAST(@most AS bigint);

-- name: LastChange :one
SELECT CAST(COALESCE(max(seq), 0) AS bigint) AS seq FROM changes;

-- name: SweepChanges :execrows
-- The newest line stays, so that the numbers go on after a restore.
DELETE FROM changes WHERE seq IN (
    SELECT c.seq FROM changes c
    WHERE c.changed_at < @cut AND c.seq < (SELECT max(n.seq) FROM changes n) LIMIT CAST(@most AS bigint));

-- name: TakeLease :execrows
INSERT INTO leases (name, holder, taken_at, until) VALUES (@name, @holder, @taken_at, @until)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, taken_at = excluded.taken_at, until = excluded.until
WHERE leases.holder = excluded.holder OR leases.until <= excluded.taken_at;

-- name: Meta :one
SELECT value FROM meta WHERE key = @key;

-- name: SetMeta :exec
INSERT INTO meta (key, value) VALUES (@key, @value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: Keys :many
SELECT * FROM keyrings ORDER BY purpose;

-- name: InsertKey :execrows
INSERT INTO keyrings (purpose, version, wrapped, changed_at) VALUES (@purpose, @version, @wrapped, @changed_at)
ON CONFLICT (purpose) DO NOTHING;

-- name: ReplaceKey :execrows
UPDATE keyrings SET version = @version, wrapped = @wrapped, changed_at = @changed_at
WHERE purpose = @purpose AND version = @if_version;

-- name: RaiseSteps :execrows
UPDATE factors SET last_step = CAST(@step AS bigint), version = version + 1
WHERE kind = 'totp' AND state <> 'revoked' AND last_step < CAST(@step AS bigint);

-- name: EndRecoveryCodes :execrows
UPDATE factors SET state = 'revoked', secret = @empty, revoked_at = @revoked_at, revoked_why = 'epoch', version = version + 1
WHERE kind = 'recovery_code' AND state <> 'revoked';
