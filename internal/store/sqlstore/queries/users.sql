-- name: User :one
SELECT * FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: Users :many
SELECT * FROM users
WHERE tenant_id = @tenant_id AND id > @after AND state <> 'deleted'
ORDER BY id LIMIT CAST(@most AS bigint);

-- name: UserVersion :one
SELECT version FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: EmailTaken :one
SELECT count(*) FROM users u
JOIN tenants t ON t.id = u.tenant_id
JOIN tenants own ON own.organisation_id = t.organisation_id
WHERE own.id = @tenant_id AND own.organisation_id = @organisation_id
  AND u.email_key = @email_key AND u.email_key <> '' AND u.state <> 'deleted' AND u.id <> @except_id;

-- name: InsertUser :exec
INSERT INTO users (id, tenant_id, kind, state, before_state, login, login_key, name, email, email_key,
    federated, locale, last_sign_in_at, awake_at, version, created_at, changed_at, validated_at)
VALUES (@id, @tenant_id, @kind, @state, @before_state, @login, @login_key, @name, @email, @email_key,
    @federated, @locale, @last_sign_in_at, @awake_at, @version, @created_at, @changed_at, @validated_at);

-- name: UpdateUser :execrows
UPDATE users SET kind = @kind, state = @state, before_state = @before_state, login = @login,
    login_key = @login_key, name = @name, email = @email, email_key = @email_key, federated = @federated,
    locale = @locale, last_sign_in_at = @last_sign_in_at, awake_at = @awake_at, version = version + 1,
    created_at = @created_at, changed_at = @changed_at, validated_at = @validated_at
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;

-- name: Password :one
SELECT * FROM passwords WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: SetPassword :execrows
INSERT INTO passwords (user_id, tenant_id, hash, length, must_change, set_at)
VALUES (@user_id, @tenant_id, @hash, @length, @must_change, @set_at)
ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, length = excluded.length,
    must_change = excluded.must_change, set_at = excluded.set_at
WHERE passwords.tenant_id = excluded.tenant_id;

-- name: Rehash :execrows
UPDATE passwords SET hash = @hash, length = @length, must_change = @must_change
WHERE tenant_id = @tenant_id AND user_id = @user_id AND hash = @had;

-- name: Browsers :many
SELECT * FROM browsers WHERE tenant_id = @tenant_id AND user_id = @user_id ORDER BY seen_at DESC, id DESC;

-- name: InsertBrowser :exec
INSERT INTO browsers (id, tenant_id, user_id, hash, agent, seen_at, created_at, met_asleep)
VALUES (@id, @tenant_id, @user_id, @hash, @agent, @seen_at, @created_at, @met_asleep);

-- name: SeenBrowser :execrows
UPDATE browsers SET seen_at = @seen_at, met_asleep = @met_asleep WHERE tenant_id = @tenant_id AND id = @id;

-- name: DropBrowsers :execrows
DELETE FROM browsers WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: DropBrowser :execrows
DELETE FROM browsers WHERE tenant_id = @tenant_id AND user_id = @user_id AND id = @id;

-- name: Roles :many
SELECT * FROM roles WHERE tenant_id = @tenant_id AND user_id = @user_id ORDER BY held_on, role;

-- name: Grant :exec
INSERT INTO roles (user_id, tenant_id, held_on, role, granted_at)
VALUES (@user_id, @tenant_id, @held_on, @role, @granted_at)
ON CONFLICT (user_id, held_on, role) DO NOTHING;

-- name: Revoke :execrows
DELETE FROM roles WHERE tenant_id = @tenant_id AND user_id = @user_id AND held_on = @held_on AND role = @role;
