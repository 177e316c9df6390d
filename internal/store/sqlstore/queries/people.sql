-- Doors that cross tenants: sign-in before it knows one, workers, the shell.

-- name: FindLogin :one
SELECT sqlc.embed(users),
    COALESCE(p.hash, '') AS hash, COALESCE(p.length, 0) AS length,
    COALESCE(p.must_change, false) AS must_change, COALESCE(p.set_at, 0) AS set_at,
    COALESCE(b.id, '') AS browser_id, COALESCE(b.seen_at, 0) AS browser_seen_at,
    COALESCE(b.trusted_at, 0) AS trusted_at, COALESCE(b.trusted_until, 0) AS trusted_until, COALESCE(b.met_asleep, false) AS browser_met_asleep,
    CAST(CASE WHEN EXISTS (
        SELECT 1 FROM factors f
        WHERE f.user_id = users.id AND f.state = 'confirmed' AND f.kind <> 'recovery_code'
    ) THEN 1 ELSE 0 END AS bigint) AS enrolled
FROM users
LEFT JOIN passwords p ON p.user_id = users.id
LEFT JOIN browsers b ON b.user_id = users.id AND length(b.hash) > 0
    AND b.hash IN (@device1, @device2, @device3, @device4, @device5, @device6, @device7, @device8)
WHERE users.login_key = @login_key AND users.state <> 'deleted'
ORDER BY COALESCE(b.trusted_at, 0) DESC, COALESCE(b.seen_at, 0) DESC
LIMIT 1;

-- name: FindByEmail :many
SELECT * FROM users
WHERE email_key = @email_key AND email_key <> '' AND state <> 'deleted'
ORDER BY id LIMIT CAST(@most AS bigint);

-- name: FindUser :one
SELECT * FROM users WHERE id = @id;

-- name: AllUsers :many
SELECT * FROM users WHERE id > @after ORDER BY id LIMIT CAST(@most AS bigint);

-- name: AllRoles :many
SELECT * FROM roles WHERE role = @role ORDER BY user_id, held_on;

-- name: RolesOf :many
SELECT sqlc.embed(roles), COALESCE(c.base, '') AS base, COALESCE(c.rights, '') AS rights
FROM roles LEFT JOIN custom_roles c ON c.id = roles.role
WHERE roles.user_id = @user_id ORDER BY roles.held_on, roles.role;

-- name: CountUsers :many
SELECT c.state, c.kind, CAST(c.enrolled AS bigint) AS enrolled, count(*) AS users FROM (
    SELECT u.state, u.kind, CASE WHEN EXISTS (
        SELECT 1 FROM factors f
        WHERE f.user_id = u.id AND f.state = 'confirmed' AND f.kind <> 'recovery_code' AND f.consecutive < 100
    ) THEN 1 ELSE 0 END AS enrolled
    FROM users u
) c GROUP BY c.state, c.kind, c.enrolled ORDER BY c.state, c.kind, c.enrolled;

-- name: Derived :many
-- What the store keeps beside an account, and what it is made of.
SELECT users.id, users.kind, users.state, users.federated, users.name, users.organisation_id, users.enrolled, users.standing,
    users.name_key, users.family_key, t.organisation_id AS right_organisation,
    CAST(CASE WHEN EXISTS (
        SELECT 1 FROM factors f
        WHERE f.user_id = users.id AND f.state = 'confirmed' AND f.kind <> 'recovery_code'
    ) THEN 1 ELSE 0 END AS bigint) AS right_enrolled
FROM users JOIN tenants t ON t.id = users.tenant_id
WHERE users.tenant_id = @tenant_id AND users.id > @after ORDER BY users.id LIMIT CAST(@most AS bigint);

-- name: SetDerived :execrows
UPDATE users SET organisation_id = @organisation_id, enrolled = @enrolled, standing = @standing,
    name_key = @name_key, family_key = @family_key
WHERE tenant_id = @tenant_id AND id = @id AND standing = @was_standing;

-- name: HashSettings :many
SELECT CAST(CASE WHEN substr(hash, 1, 9) = 'imported ' THEN substr(hash, 10, 44) ELSE '' END AS text) AS setting, count(*) AS passwords
FROM passwords GROUP BY 1 ORDER BY 1;
