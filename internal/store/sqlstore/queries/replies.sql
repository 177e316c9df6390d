-- name: DropExpiredReply :exec
DELETE FROM replies WHERE mark = @mark AND expires_at <= @now;

-- name: BeginReply :execrows
INSERT INTO replies (mark, tenant_id, print, answer, busy_until, expires_at) VALUES (@mark, @tenant_id, @print, @answer, @busy_until, @expires_at) ON CONFLICT (mark) DO NOTHING;

-- name: Reply :one
SELECT * FROM replies WHERE mark = @mark AND tenant_id = @tenant_id AND expires_at > @now;

-- name: EndReply :execrows
UPDATE replies SET answer = @answer WHERE mark = @mark AND tenant_id = @tenant_id;

-- name: DropReply :execrows
DELETE FROM replies WHERE mark = @mark AND tenant_id = @tenant_id;

-- name: SweepReplies :execrows
DELETE FROM replies WHERE mark IN (SELECT r.mark FROM replies r WHERE r.expires_at < @expired_before LIMIT CAST(@most AS bigint));
