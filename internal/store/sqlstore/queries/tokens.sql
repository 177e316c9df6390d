-- name: Token :one
SELECT * FROM tokens WHERE tenant_id = @tenant_id AND hash = @hash;

-- name: FindToken :one
SELECT * FROM tokens WHERE hash = @hash;

-- name: Tokens :many
SELECT * FROM tokens
WHERE tenant_id = @tenant_id AND user_id = @user_id AND kind = @kind
ORDER BY created_at DESC, hash;

-- name: InsertToken :exec
INSERT INTO tokens (hash, kind, tenant_id, user_id, email, bound, created_at, expires_at, used_at, superseded_at)
VALUES (@hash, @kind, @tenant_id, @user_id, @email, @bound, @created_at, @expires_at, @used_at, @superseded_at);

-- name: UseToken :execrows
UPDATE tokens SET used_at = CAST(@now AS bigint)
WHERE tenant_id = @tenant_id AND hash = @hash
  AND used_at = 0 AND superseded_at = 0 AND expires_at > CAST(@now AS bigint);

-- name: BindToken :execrows
UPDATE tokens SET bound = @bound WHERE tenant_id = @tenant_id AND hash = @hash AND used_at > 0;

-- name: SupersedeTokens :execrows
UPDATE tokens SET superseded_at = @superseded_at
WHERE tenant_id = @tenant_id AND user_id = @user_id AND kind = @kind AND used_at = 0 AND superseded_at = 0;

-- name: SupersedeAllTokens :execrows
UPDATE tokens SET superseded_at = @superseded_at WHERE used_at = 0 AND superseded_at = 0;

-- name: SweepTokens :execrows
DELETE FROM tokens WHERE hash IN (SELECT t.hash FROM tokens t WHERE t.expires_at < @expired_before LIMIT CAST(@most AS bigint));
