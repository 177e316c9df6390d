-- name: InsertDevice :exec
INSERT INTO devices (id, tenant_id, app_id, code, state, doc, family_tenant_id, family_id, wait, created_at, polled_at, expires_at)
VALUES (@id, @tenant_id, @app_id, @code, @state, @doc, '', '', @wait, @created_at, 0, @expires_at);

-- name: Device :one
SELECT * FROM devices WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindDevice :one
SELECT * FROM devices WHERE code = @code;

-- name: PolledDevice :execrows
UPDATE devices SET polled_at = CAST(@now AS bigint), wait = @wait
WHERE tenant_id = @tenant_id AND id = @id AND polled_at = CAST(@had AS bigint);

-- name: AnswerDevice :execrows
UPDATE devices SET state = @state, family_tenant_id = @family_tenant_id, family_id = @family_id
WHERE id = @id AND state = 'pending' AND expires_at > CAST(@now AS bigint);

-- name: EndAllDevices :execrows
UPDATE devices SET expires_at = CAST(@at AS bigint) WHERE expires_at > CAST(@at AS bigint);

-- name: SweepDevices :execrows
DELETE FROM devices WHERE id IN (SELECT d.id FROM devices d WHERE d.expires_at < @expired_before LIMIT CAST(@most AS bigint));
