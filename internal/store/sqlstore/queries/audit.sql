-- name: EventsOf :many
SELECT * FROM audit_events
WHERE tenant_id = @tenant_id AND (target = @user_id OR actor = @user_id) AND seq < @before
ORDER BY seq DESC LIMIT CAST(@most AS bigint);

-- name: AppendEvent :exec
INSERT INTO audit_events (at, name, tenant_id, actor, target, result, reason, address, request, session_id,
    detail, batch, position, organisation_id)
VALUES (@at, @name, @tenant_id, @actor, @target, @result, @reason, @address, @request, @session_id,
    @detail, 0, 0, COALESCE((SELECT t.organisation_id FROM tenants t WHERE t.id = @tenant_id), ''));

-- name: EventsHere :many
-- An organisation's own history, of a node and what is below it.
SELECT * FROM audit_events
WHERE audit_events.organisation_id = @organisation_id AND audit_events.at >= @since AND (audit_events.at, audit_events.seq) < (CAST(@before_at AS bigint), CAST(@before_seq AS bigint))
  AND (CAST(@from_name AS text) = '' OR audit_events.name >= CAST(@from_name AS text) AND audit_events.name < CAST(@to_name AS text))
  AND (CAST(@want_result AS text) = '' OR audit_events.result = CAST(@want_result AS text))
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = audit_events.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text))
ORDER BY audit_events.at DESC, audit_events.seq DESC LIMIT CAST(@most AS bigint);

-- name: EventsAbout :many
-- The same, of what one account did or what was done to it.
SELECT * FROM audit_events
WHERE (audit_events.target = @about OR audit_events.actor = @about) AND audit_events.organisation_id = @organisation_id AND audit_events.at >= @since
  AND (audit_events.at, audit_events.seq) < (CAST(@before_at AS bigint), CAST(@before_seq AS bigint))
  AND (CAST(@from_name AS text) = '' OR audit_events.name >= CAST(@from_name AS text) AND audit_events.name < CAST(@to_name AS text))
  AND (CAST(@want_result AS text) = '' OR audit_events.result = CAST(@want_result AS text))
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = audit_events.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text))
ORDER BY audit_events.at DESC, audit_events.seq DESC LIMIT CAST(@most AS bigint);

-- name: Unsealed :many
SELECT * FROM audit_events WHERE batch = 0 ORDER BY seq LIMIT CAST(@most AS bigint);

-- name: SealedEvents :many
SELECT * FROM audit_events WHERE batch > 0 AND position >= @first_position ORDER BY position LIMIT CAST(@most AS bigint);

-- name: EventsAfter :many
SELECT * FROM audit_events WHERE seq > @after ORDER BY seq LIMIT CAST(@most AS bigint);

-- name: InsertBatch :execrows
INSERT INTO audit_batches (number, first_position, event_count, root, previous, at, signature)
VALUES (@number, @first_position, @event_count, @root, @previous, @at, @signature)
ON CONFLICT (number) DO NOTHING;

-- name: LastBatch :one
SELECT * FROM audit_batches ORDER BY number DESC LIMIT 1;

-- name: Batches :many
SELECT * FROM audit_batches WHERE number >= @first_number ORDER BY number LIMIT CAST(@most AS bigint);
