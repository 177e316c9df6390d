-- name: App :one
SELECT * FROM apps WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindApp :one
SELECT * FROM apps WHERE id = @id;

-- name: Apps :many
SELECT * FROM apps
WHERE tenant_id = @tenant_id AND kind = @kind AND state <> 'deleted'
  AND (name_key > CAST(@after_name AS text) OR (name_key = CAST(@after_name AS text) AND id > CAST(@after_id AS text)))
ORDER BY name_key, id LIMIT CAST(@most AS bigint);

-- name: AppStand :one
SELECT version, doc FROM apps WHERE tenant_id = @tenant_id AND id = @id;

-- name: InsertApp :exec
INSERT INTO apps (id, tenant_id, name, name_key, state, doc, version, created_at, changed_at, deleted_at, kind, owner_id)
VALUES (@id, @tenant_id, @name, @name_key, @state, @doc, @version, @created_at, @changed_at, @deleted_at, @kind, @owner_id);

-- name: UsedApp :execrows
UPDATE apps SET used_at = CAST(@at AS bigint), used_from = @used_from WHERE tenant_id = @tenant_id AND id = @id AND used_at < CAST(@at AS bigint);

-- name: AllClients :many
SELECT * FROM apps WHERE kind = 'api_client' AND state <> 'deleted' AND id > CAST(@after AS text) ORDER BY id LIMIT CAST(@most AS bigint);

-- name: UpdateApp :execrows
UPDATE apps SET name = @name, name_key = @name_key, state = @state, doc = @doc, version = version + 1,
    changed_at = @changed_at, deleted_at = @deleted_at
WHERE tenant_id = @tenant_id AND id = @id AND version = @version AND state <> 'deleted';

-- name: FindHost :one
SELECT app_id FROM app_hosts WHERE host = @host;

-- name: DropHosts :execrows
DELETE FROM app_hosts WHERE tenant_id = @tenant_id AND app_id = @app_id;

-- name: InsertHost :exec
INSERT INTO app_hosts (host, tenant_id, app_id) VALUES (@host, @tenant_id, @app_id);

-- name: FindHosted :one
SELECT sqlc.embed(families), sqlc.embed(sessions), sqlc.embed(users)
FROM host_cookies
JOIN families ON families.id = host_cookies.family_id
JOIN sessions ON sessions.tenant_id = families.tenant_id AND sessions.id = families.session_id
JOIN users ON users.tenant_id = families.tenant_id AND users.id = families.user_id
WHERE host_cookies.token_hash = @token_hash;

-- name: InsertHostCookie :exec
INSERT INTO host_cookies (token_hash, family_id) VALUES (@token_hash, @family_id);

-- name: AppSecrets :many
SELECT * FROM app_secrets WHERE app_id = @app_id ORDER BY created_at DESC, hash;

-- name: InsertAppSecret :exec
INSERT INTO app_secrets (hash, app_id, tenant_id, hint, created_at, expires_at, last_used_at)
VALUES (@hash, @app_id, @tenant_id, @hint, @created_at, @expires_at, @last_used_at);

-- name: ExpireAppSecrets :execrows
-- Never later than they would have ended anyway.
UPDATE app_secrets SET expires_at = CAST(@until AS bigint)
WHERE tenant_id = @tenant_id AND app_id = @app_id AND (expires_at = 0 OR expires_at > CAST(@until AS bigint));

-- name: DropAppSecrets :execrows
DELETE FROM app_secrets WHERE tenant_id = @tenant_id AND app_id = @app_id AND expires_at > 0 AND expires_at <= CAST(@now AS bigint);

-- name: UsedAppSecret :execrows
UPDATE app_secrets SET last_used_at = CAST(@at AS bigint) WHERE tenant_id = @tenant_id AND hash = @hash AND last_used_at < CAST(@at AS bigint);

-- name: Family :one
SELECT * FROM families WHERE tenant_id = @tenant_id AND id = @id;

-- name: Families :many
SELECT * FROM families WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND expires_at > @now
ORDER BY created_at DESC, id DESC;

-- name: InsertFamily :exec
INSERT INTO families (id, tenant_id, user_id, app_id, session_id, offline, level, doc, seq, code_at, created_at, used_at, expires_at, ended_at, ended_why, notify, tries, next_at)
VALUES (@id, @tenant_id, @user_id, @app_id, @session_id, @offline, @level, @doc, @seq, @code_at, @created_at, @used_at, @expires_at, @ended_at, @ended_why, @notify, 0, 0);

-- name: ExchangeCode :execrows
UPDATE families SET code_at = CAST(@now AS bigint), used_at = CAST(@now AS bigint), seq = @seq, doc = @doc, expires_at = @until
WHERE tenant_id = @tenant_id AND id = @id AND code_at = 0 AND ended_at = 0 AND expires_at > CAST(@now AS bigint);

-- name: Refreshed :execrows
UPDATE families SET seq = seq + 1, used_at = CAST(@now AS bigint)
WHERE tenant_id = @tenant_id AND id = @id AND seq = @seq AND seq > 0 AND ended_at = 0 AND expires_at > CAST(@now AS bigint);

-- name: EndFamily :execrows
UPDATE families SET ended_at = CAST(@now AS bigint), ended_why = @ended_why WHERE tenant_id = @tenant_id AND id = @id AND ended_at = 0;

-- name: EndFamilies :execrows
-- @spared holds ids of sessions between bars; see EndSessions.
UPDATE families SET ended_at = CAST(@now AS bigint), ended_why = @ended_why, notify = CASE WHEN notify = 1 THEN 2 ELSE notify END
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0
  AND replace(CAST(@spared AS text), '|' || session_id || '|', '') = CAST(@spared AS text);

-- name: EndFamiliesOfSession :execrows
UPDATE families SET ended_at = CAST(@now AS bigint), ended_why = @ended_why, notify = CASE WHEN notify = 1 THEN 2 ELSE notify END
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND session_id = @session_id AND NOT offline;

-- name: TellOfSession :execrows
-- What outlives a session does not end with it, and its app is told all the same.
UPDATE families SET notify = 2 WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND session_id = @session_id AND notify = 1;

-- name: DueLogouts :many
SELECT * FROM families WHERE notify = 2 AND next_at <= @now ORDER BY next_at, id LIMIT CAST(@most AS bigint);

-- name: SettleLogout :execrows
UPDATE families SET notify = @notify, tries = tries + 1, next_at = @next_at WHERE id = @id AND notify = 2;

-- name: EndFamiliesOfApp :execrows
UPDATE families SET ended_at = CAST(@now AS bigint), ended_why = @ended_why, notify = CASE WHEN notify = 1 THEN 2 ELSE notify END
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND app_id = @app_id;

-- name: HandOver :execrows
UPDATE families SET session_id = CAST(@to_session AS text)
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at = 0 AND session_id = CAST(@from_session AS text);

-- name: EndAllFamilies :execrows
UPDATE families SET ended_at = @ended_at, ended_why = @ended_why, notify = CASE WHEN notify = 1 THEN 2 ELSE notify END WHERE ended_at = 0;

-- name: SweepFamilies :execrows
DELETE FROM families WHERE id IN (SELECT f.id FROM families f WHERE f.expires_at < @expired_before LIMIT CAST(@most AS bigint));

-- name: Connection :one
SELECT * FROM connections WHERE tenant_id = @tenant_id AND user_id = @user_id AND app_id = @app_id;

-- name: Connections :many
SELECT * FROM connections WHERE tenant_id = @tenant_id AND user_id = @user_id ORDER BY app_id;

-- name: SaveConnection :execrows
INSERT INTO connections (tenant_id, user_id, app_id, scopes, consented_at, first_used_at, last_used_at)
VALUES (@tenant_id, @user_id, @app_id, @scopes, @consented_at, @first_used_at, @last_used_at)
ON CONFLICT (user_id, app_id) DO UPDATE SET scopes = excluded.scopes, consented_at = excluded.consented_at, last_used_at = excluded.last_used_at
WHERE connections.tenant_id = excluded.tenant_id;

-- name: DropConnection :execrows
DELETE FROM connections WHERE tenant_id = @tenant_id AND user_id = @user_id AND app_id = @app_id;

-- name: Spend :execrows
INSERT INTO spent (kind, mark, tenant_id, expires_at) VALUES (@kind, @mark, @tenant_id, @expires_at) ON CONFLICT (kind, mark) DO NOTHING;

-- name: IsSpent :one
SELECT CAST(count(*) AS bigint) FROM spent WHERE kind = @kind AND mark = @mark;

-- name: SweepSpent :execrows
DELETE FROM spent WHERE mark IN (SELECT s.mark FROM spent s WHERE s.expires_at < @expired_before LIMIT CAST(@most AS bigint))
  AND expires_at < @expired_before;

-- name: EndAppSecret :execrows
UPDATE app_secrets SET expires_at = CAST(@now AS bigint)
WHERE tenant_id = @tenant_id AND app_id = @app_id AND hash = @hash AND (expires_at = 0 OR expires_at > CAST(@now AS bigint));

-- name: AppsHere :many
-- The apps of a branch within its organisation.
SELECT a.* FROM tenants t JOIN apps a ON a.tenant_id = t.id
WHERE t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.organisation_id = @organisation_id AND t.state <> 'deleted' AND a.state <> 'deleted'
ORDER BY a.name_key, a.id LIMIT CAST(@most AS bigint);

-- name: AppsUsed :many
-- By how many people of a branch each app was used, and by how many who have no
-- second factor.
SELECT c.app_id, count(*) AS people, CAST(sum(CASE WHEN u.standing = 'open' THEN 1 ELSE 0 END) AS bigint) AS open
FROM users u JOIN connections c ON c.user_id = u.id
WHERE u.organisation_id = @organisation_id AND u.standing IN ('open', 'enrolled') AND c.last_used_at >= @since
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = u.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
GROUP BY c.app_id ORDER BY c.app_id;

-- name: AppPeople :one
-- How many people use an app, and how many of them did lately.
SELECT count(*) AS people, CAST(COALESCE(sum(CASE WHEN c.last_used_at >= @since THEN 1 ELSE 0 END), 0) AS bigint) AS lately
FROM connections c JOIN users u ON u.id = c.user_id
WHERE c.app_id = @app_id AND u.state <> 'deleted';

-- name: CountOpenUsing :one
-- How many people without a second factor used an app lately, and none of some
-- others, so that nobody is counted twice. The joins keep their order: it begins with
-- who used the app, never with everybody who has no second factor. @others holds ids
-- between bars; see EndSessions.
SELECT count(*) AS people
FROM tenants t CROSS JOIN connections c CROSS JOIN users u
WHERE t.organisation_id = @organisation_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted'
  AND c.app_id = @app_id AND c.tenant_id = t.id AND c.last_used_at >= @since
  AND u.id = c.user_id AND u.standing = 'open'
  AND (CAST(@others AS text) = '' OR NOT EXISTS (
      SELECT 1 FROM connections o WHERE o.user_id = c.user_id AND o.last_used_at >= @since
        AND replace(CAST(@others AS text), '|' || o.app_id || '|', '') <> CAST(@others AS text)));

-- name: OpenUsing :many
-- The same people by login.
SELECT sqlc.embed(users), CAST(CASE WHEN EXISTS (
        SELECT 1 FROM roles r WHERE r.user_id = users.id AND r.role < 'user'
    ) THEN 1 ELSE 0 END AS bigint) AS privileged
FROM tenants t CROSS JOIN connections c CROSS JOIN users
WHERE t.organisation_id = @organisation_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted'
  AND c.app_id = @app_id AND c.tenant_id = t.id AND c.last_used_at >= @since
  AND users.id = c.user_id AND users.standing = 'open' AND users.login_key > @after
ORDER BY users.login_key LIMIT CAST(@most AS bigint);

-- name: AppsUsedBy :many
SELECT c.app_id FROM users u JOIN connections c ON c.user_id = u.id
WHERE u.id = @user_id AND u.organisation_id = @organisation_id AND c.last_used_at >= @since
  AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = u.tenant_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted')
ORDER BY c.app_id;
