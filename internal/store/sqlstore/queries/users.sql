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
    federated, locale, last_sign_in_at, awake_at, version, created_at, changed_at, validated_at,
    organisation_id, enrolled, standing, name_key, family_key, placed_at, skips, skips_since)
VALUES (@id, @tenant_id, @kind, @state, @before_state, @login, @login_key, @name, @email, @email_key,
    @federated, @locale, @last_sign_in_at, @awake_at, @version, @created_at, @changed_at, @validated_at,
    COALESCE((SELECT t.organisation_id FROM tenants t WHERE t.id = @tenant_id), ''), 0, @standing, @name_key, @family_key,
    @placed_at, @skips, @skips_since);

-- name: UpdateUser :execrows
-- @standing is that of somebody without a second factor; whether there is one the
-- row knows better than who read it before.
UPDATE users SET kind = @kind, state = @state, before_state = @before_state, login = @login,
    login_key = @login_key, name = @name, email = @email, email_key = @email_key, federated = @federated,
    locale = @locale, last_sign_in_at = @last_sign_in_at, awake_at = @awake_at, version = version + 1,
    created_at = @created_at, changed_at = @changed_at, validated_at = @validated_at,
    standing = CASE WHEN CAST(@standing AS text) = 'open' AND enrolled = 1 THEN 'enrolled' ELSE CAST(@standing AS text) END,
    name_key = @name_key, family_key = @family_key, placed_at = @placed_at, skips = @skips, skips_since = @skips_since
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;

-- name: UserStand :one
SELECT version, kind, state, federated FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: HoldUser :one
-- Changes nothing and makes others who change the row wait, on both engines.
UPDATE users SET enrolled = enrolled WHERE tenant_id = @tenant_id AND id = @id
RETURNING enrolled, kind, state, federated;

-- name: SetEnrolled :execrows
UPDATE users SET enrolled = @enrolled, standing = @standing WHERE tenant_id = @tenant_id AND id = @id;

-- name: CountFactors :one
SELECT count(*) FROM factors
WHERE tenant_id = @tenant_id AND user_id = @user_id AND state = 'confirmed' AND kind <> 'recovery_code';

-- name: PeoplePage :many
SELECT sqlc.embed(users), CAST(CASE WHEN EXISTS (
        SELECT 1 FROM roles r WHERE r.user_id = users.id AND r.role < 'user'
    ) THEN 1 ELSE 0 END AS bigint) AS privileged
FROM users
WHERE users.organisation_id = @organisation_id AND users.standing = @standing AND users.login_key > @after AND users.login_key >= @from_login AND users.login_key < @to_login
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = users.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
ORDER BY users.login_key LIMIT CAST(@most AS bigint);

-- name: PeopleNamed :many
SELECT sqlc.embed(users), CAST(CASE WHEN EXISTS (
        SELECT 1 FROM roles r WHERE r.user_id = users.id AND r.role < 'user'
    ) THEN 1 ELSE 0 END AS bigint) AS privileged
FROM users
WHERE users.organisation_id = @organisation_id AND users.state <> 'deleted' AND users.name_key >= @from_key AND users.name_key < @to_key
  AND (users.name_key, users.id) > (CAST(@after_key AS text), CAST(@after_id AS text))
  AND NOT (users.login_key >= @from_key AND users.login_key < @to_key)
  AND (CAST(@standings AS text) = '' OR replace(CAST(@standings AS text), '|' || users.standing || '|', '') <> CAST(@standings AS text))
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = users.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
ORDER BY users.name_key, users.id LIMIT CAST(@most AS bigint);

-- name: PeopleOfFamily :many
SELECT sqlc.embed(users), CAST(CASE WHEN EXISTS (
        SELECT 1 FROM roles r WHERE r.user_id = users.id AND r.role < 'user'
    ) THEN 1 ELSE 0 END AS bigint) AS privileged
FROM users
WHERE users.organisation_id = @organisation_id AND users.state <> 'deleted' AND users.family_key <> users.name_key AND users.family_key >= @from_key AND users.family_key < @to_key
  AND (users.family_key, users.id) > (CAST(@after_key AS text), CAST(@after_id AS text))
  AND NOT (users.login_key >= @from_key AND users.login_key < @to_key) AND NOT (users.name_key >= @from_key AND users.name_key < @to_key)
  AND (CAST(@standings AS text) = '' OR replace(CAST(@standings AS text), '|' || users.standing || '|', '') <> CAST(@standings AS text))
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = users.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
ORDER BY users.family_key, users.id LIMIT CAST(@most AS bigint);

-- name: PeopleMailed :many
SELECT sqlc.embed(users), CAST(CASE WHEN EXISTS (
        SELECT 1 FROM roles r WHERE r.user_id = users.id AND r.role < 'user'
    ) THEN 1 ELSE 0 END AS bigint) AS privileged
FROM users
WHERE users.organisation_id = @organisation_id AND users.state <> 'deleted' AND users.email_key <> users.login_key AND users.email_key >= @from_key AND users.email_key < @to_key
  AND (users.email_key, users.id) > (CAST(@after_key AS text), CAST(@after_id AS text))
  AND NOT (users.login_key >= @from_key AND users.login_key < @to_key) AND NOT (users.name_key >= @from_key AND users.name_key < @to_key)
  AND NOT (users.family_key >= @from_key AND users.family_key < @to_key)
  AND (CAST(@standings AS text) = '' OR replace(CAST(@standings AS text), '|' || users.standing || '|', '') <> CAST(@standings AS text))
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = users.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
ORDER BY users.email_key, users.id LIMIT CAST(@most AS bigint);

-- name: FactorsHere :one
-- What taking every second factor of an organisation away would delete.
SELECT CAST(COALESCE(sum(CASE WHEN f.kind = 'recovery_code' THEN 0 ELSE 1 END), 0) AS bigint) AS apps,
    CAST(COALESCE(sum(CASE WHEN f.kind = 'recovery_code' THEN 1 ELSE 0 END), 0) AS bigint) AS codes,
    count(DISTINCT f.user_id) AS people
FROM users u JOIN factors f ON f.user_id = u.id AND f.state = 'confirmed'
WHERE u.organisation_id = @organisation_id AND u.standing <> 'deleted';

-- name: TrustedHere :one
SELECT count(*) FROM users u JOIN browsers b ON b.user_id = u.id AND b.trusted_at > 0
WHERE u.organisation_id = @organisation_id AND u.standing <> 'deleted';

-- name: WithoutEntry :one
-- People who would have to sign in and have neither a password nor an address to
-- send a link to.
SELECT count(*) FROM users u LEFT JOIN passwords p ON p.user_id = u.id AND p.hash <> ''
WHERE u.organisation_id = @organisation_id AND u.standing = 'open' AND u.email_key = '' AND p.user_id IS NULL
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = u.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted');

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
INSERT INTO browsers (id, tenant_id, user_id, hash, agent, seen_at, created_at, met_asleep, place, trusted_at, trusted_until)
VALUES (@id, @tenant_id, @user_id, @hash, @agent, @seen_at, @created_at, @met_asleep, @place, @trusted_at, @trusted_until);

-- name: TrustBrowser :execrows
UPDATE browsers SET trusted_at = @trusted_at, trusted_until = @trusted_until, place = @place, agent = @agent
WHERE tenant_id = @tenant_id AND user_id = @user_id AND id = @id;

-- name: UntrustBrowsers :execrows
UPDATE browsers SET trusted_at = 0, trusted_until = 0
WHERE tenant_id = @tenant_id AND user_id = @user_id AND trusted_at > 0;

-- name: UntrustBrowser :execrows
UPDATE browsers SET trusted_at = 0, trusted_until = 0
WHERE tenant_id = @tenant_id AND user_id = @user_id AND id = @id AND trusted_at > 0;

-- name: SeenBrowser :execrows
UPDATE browsers SET seen_at = @seen_at, place = @place, met_asleep = @met_asleep WHERE tenant_id = @tenant_id AND id = @id;

-- name: DropBrowsers :execrows
DELETE FROM browsers WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: DropBrowser :execrows
DELETE FROM browsers WHERE tenant_id = @tenant_id AND user_id = @user_id AND id = @id;

-- name: Roles :many
SELECT sqlc.embed(roles), COALESCE(c.base, '') AS base, COALESCE(c.rights, '') AS rights
FROM roles LEFT JOIN custom_roles c ON c.id = roles.role
WHERE roles.tenant_id = @tenant_id AND roles.user_id = @user_id ORDER BY roles.held_on, roles.role;

-- name: RolesHeld :many
-- Who holds a right on a node or below it within the organisation: every role but
-- "user" sorts before it.
SELECT sqlc.embed(roles), sqlc.embed(users), COALESCE(c.base, '') AS base, COALESCE(c.rights, '') AS rights
FROM tenants t JOIN roles ON roles.held_on = t.id AND roles.role < 'user'
JOIN users ON users.id = roles.user_id LEFT JOIN custom_roles c ON c.id = roles.role
WHERE t.organisation_id = @organisation_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted'
ORDER BY t.path, users.login_key, roles.role;

-- name: Administrators :many
SELECT users.* FROM roles JOIN users ON users.id = roles.user_id
WHERE roles.held_on = @held_on AND roles.role IN ('platform_admin', 'partner_admin', 'customer_admin')
  AND users.state IN ('active', 'validated') AND users.kind = 'person'
ORDER BY users.id;

-- name: CustomRoles :many
SELECT * FROM custom_roles WHERE tenant_id = @tenant_id ORDER BY name, id;

-- name: CustomRole :one
SELECT * FROM custom_roles WHERE tenant_id = @tenant_id AND id = @id;

-- name: InsertCustomRole :exec
INSERT INTO custom_roles (id, tenant_id, base, name, rights, version, created_at, changed_at)
VALUES (@id, @tenant_id, @base, @name, @rights, @version, @created_at, @changed_at);

-- name: UpdateCustomRole :execrows
UPDATE custom_roles SET name = @name, rights = @rights, version = version + 1, changed_at = @changed_at
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;

-- name: DeleteCustomRole :execrows
DELETE FROM custom_roles
WHERE custom_roles.tenant_id = @tenant_id AND custom_roles.id = @id AND NOT EXISTS (SELECT 1 FROM roles r WHERE r.role = custom_roles.id);

-- name: Service :one
SELECT * FROM service_accounts WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: SaveService :execrows
INSERT INTO service_accounts (user_id, tenant_id, owner_id, reason, networks, expires_at, last_used_at, created_at, used_from, heir_id, heir_at, quiet, warned_at)
VALUES (@user_id, @tenant_id, @owner_id, @reason, @networks, @expires_at, @last_used_at, @created_at, @used_from, @heir_id, @heir_at, @quiet, @warned_at)
ON CONFLICT (user_id) DO UPDATE SET owner_id = excluded.owner_id, reason = excluded.reason, networks = excluded.networks,
    expires_at = excluded.expires_at, last_used_at = excluded.last_used_at, created_at = excluded.created_at,
    used_from = excluded.used_from, heir_id = excluded.heir_id, heir_at = excluded.heir_at, quiet = excluded.quiet, warned_at = excluded.warned_at
WHERE service_accounts.tenant_id = excluded.tenant_id;

-- name: DropService :execrows
DELETE FROM service_accounts WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: UsedService :execrows
UPDATE service_accounts SET last_used_at = @last_used_at, used_from = @used_from WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: Replaced :many
SELECT * FROM service_accounts WHERE heir_id <> '' AND user_id > CAST(@after AS text) ORDER BY user_id LIMIT CAST(@most AS bigint);

-- name: Grant :exec
INSERT INTO roles (user_id, tenant_id, held_on, role, granted_at)
VALUES (@user_id, @tenant_id, @held_on, @role, @granted_at)
ON CONFLICT (user_id, held_on, role) DO NOTHING;

-- name: Revoke :execrows
DELETE FROM roles WHERE tenant_id = @tenant_id AND user_id = @user_id AND held_on = @held_on AND role = @role;

-- name: Newcomers :one
-- People without a second factor whose mailbox was confirmed after an instant, and
-- when the last of them did.
SELECT count(*) AS people, CAST(COALESCE(max(u.validated_at), 0) AS bigint) AS newest FROM users u
WHERE u.organisation_id = @organisation_id AND u.standing = 'open' AND u.validated_at > @since
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = u.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted');

-- name: Clashes :many
-- People of a branch whose address somebody of another organisation has.
SELECT users.* FROM tenants t JOIN users ON users.tenant_id = t.id AND users.organisation_id = t.organisation_id
WHERE t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.organisation_id = @organisation_id
  AND users.state <> 'deleted' AND users.email_key <> '' AND EXISTS (
    SELECT 1 FROM users o WHERE o.email_key = users.email_key AND o.organisation_id = @other_organisation AND o.email_key <> '' AND o.state <> 'deleted')
LIMIT CAST(@most AS bigint);

-- name: OpenHolders :many
-- People without a second factor who hold a role anywhere: few, found by the role.
SELECT users.* FROM roles r JOIN users ON users.id = r.user_id
WHERE r.role = @role AND users.organisation_id = @organisation_id AND users.standing = 'open'
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = users.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
ORDER BY users.login_key LIMIT CAST(@most AS bigint);
