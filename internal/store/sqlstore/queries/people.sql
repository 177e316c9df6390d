-- Doors that cross tenants: sign-in before it knows one, workers, the shell.

-- name: FindLogin :one
SELECT sqlc.embed(users),
    COALESCE(p.hash, '') AS hash, COALESCE(p.length, 0) AS length,
    COALESCE(p.must_change, false) AS must_change, COALESCE(p.set_at, 0) AS set_at,
    COALESCE(b.id, '') AS browser_id, COALESCE(b.seen_at, 0) AS browser_seen_at,
    COALESCE(b.met_asleep, false) AS browser_met_asleep,
    CAST(CASE WHEN EXISTS (
        SELECT 1 FROM factors f
        WHERE f.user_id = users.id AND f.state = 'confirmed' AND f.kind <> 'recovery_code'
    ) THEN 1 ELSE 0 END AS bigint) AS enrolled
FROM users
LEFT JOIN passwords p ON p.user_id = users.id
LEFT JOIN browsers b ON b.user_id = users.id AND b.hash = @device AND length(b.hash) > 0
WHERE users.login_key = @login_key AND users.state <> 'deleted';

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
SELECT * FROM roles WHERE user_id = @user_id ORDER BY held_on, role;

-- name: CountUsers :many
SELECT c.state, c.kind, CAST(c.enrolled AS bigint) AS enrolled, count(*) AS users FROM (
    SELECT u.state, u.kind, CASE WHEN EXISTS (
        SELECT 1 FROM factors f
        WHERE f.user_id = u.id AND f.state = 'confirmed' AND f.kind <> 'recovery_code' AND f.consecutive < 100
    ) THEN 1 ELSE 0 END AS enrolled
    FROM users u
) c GROUP BY c.state, c.kind, c.enrolled ORDER BY c.state, c.kind, c.enrolled;

-- name: HashSettings :many
SELECT CAST(CASE WHEN substr(hash, 1, 9) = 'imported ' THEN substr(hash, 10, 44) ELSE '' END AS text) AS setting, count(*) AS passwords
FROM passwords GROUP BY 1 ORDER BY 1;
