-- name: QueueMail :exec
INSERT INTO outbox (id, tenant_id, user_id, kind, address, locale, body, state, attempts, next_at, lease_until,
    expires_at, last_error, created_at, sent_at)
VALUES (@id, @tenant_id, @user_id, @kind, @address, @locale, @body, @state, @attempts, @next_at, @lease_until,
    @expires_at, @last_error, @created_at, @sent_at);

-- name: MailsTo :one
SELECT count(*) AS sent, CAST(COALESCE(sum(CASE WHEN user_id = @user_id THEN 1 ELSE 0 END), 0) AS bigint) AS own
FROM outbox WHERE address = @address AND kind = @kind AND created_at > @after;

-- name: ClaimMail :many
-- The conditions stand twice: a second worker that waited for these rows meets
-- the outer ones and goes without.
UPDATE outbox SET lease_until = CAST(@lease_until AS bigint)
WHERE state = 'queued' AND lease_until <= CAST(@now AS bigint) AND id IN (
    SELECT o.id FROM outbox o
    WHERE o.state = 'queued' AND o.next_at <= CAST(@now AS bigint) AND o.lease_until <= CAST(@now AS bigint)
    ORDER BY o.next_at, o.id LIMIT CAST(@most AS bigint))
RETURNING *;

-- name: SettleMail :execrows
UPDATE outbox SET body = @body, state = @state, attempts = @attempts, next_at = @next_at, lease_until = 0,
    expires_at = @expires_at, last_error = @last_error, sent_at = @sent_at
WHERE id = @id AND state = 'queued' AND lease_until = @claimed_until;

-- name: MailQueue :one
SELECT count(*) AS waiting, CAST(COALESCE(min(created_at), 0) AS bigint) AS oldest FROM outbox WHERE state = 'queued';

-- name: ExpireLinkMails :execrows
UPDATE outbox SET state = 'expired', body = @emptied
WHERE state = 'queued' AND kind IN ('invitation', 'reset', 'enrol_proof', 'email_confirm');

-- name: SweepMails :execrows
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox o WHERE o.state <> 'queued' AND o.created_at < @cut LIMIT CAST(@most AS bigint));
