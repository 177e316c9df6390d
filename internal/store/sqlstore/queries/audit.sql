-- name: EventsOf :many
SELECT * FROM audit_events
WHERE tenant_id = @tenant_id AND (target = @user_id OR actor = @user_id) AND seq < @before
ORDER BY seq DESC LIMIT CAST(@most AS bigint);

-- name: AppendEvent :exec
INSERT INTO audit_events (at, name, tenant_id, actor, target, result, reason, address, request, session_id,
    detail, batch, position)
VALUES (@at, @name, @tenant_id, @actor, @target, @result, @reason, @address, @request, @session_id,
    @detail, 0, 0);

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
