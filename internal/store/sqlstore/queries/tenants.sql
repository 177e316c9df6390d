-- name: Tenant :one
SELECT * FROM tenants WHERE id = @id;

-- name: TenantLine :many
WITH RECURSIVE line (id, parent_id, above) AS (
    SELECT t.id, t.parent_id, 0 FROM tenants t WHERE t.id = @id
    UNION ALL
    SELECT p.id, p.parent_id, line.above + 1 FROM tenants p JOIN line ON p.id = line.parent_id
)
SELECT sqlc.embed(tenants) FROM line JOIN tenants ON tenants.id = line.id ORDER BY line.above DESC;

-- name: TenantsBelow :many
SELECT * FROM tenants WHERE path >= CAST(@low AS text) AND path < CAST(@high AS text) ORDER BY path;

-- name: AllTenants :many
SELECT * FROM tenants ORDER BY path;

-- name: InsertTenant :exec
INSERT INTO tenants (id, parent_id, organisation_id, path, kind, mode, state, before_state, name, name_key, managed_by,
    support_access, settings, locks, template, mfa_state, trial_ends_at, erased_at, version, created_at, changed_at, deleted_at)
VALUES (@id, @parent_id, @organisation_id, @path, @kind, @mode, @state, @before_state, @name, @name_key, @managed_by,
    @support_access, @settings, @locks, @template, @mfa_state, @trial_ends_at, @erased_at, @version, @created_at, @changed_at, @deleted_at);

-- name: UpdateTenant :execrows
-- The node itself or one below it: its path begins with @branch.
UPDATE tenants SET kind = @kind, mode = @mode, state = @state, before_state = @before_state, name = @name, name_key = @name_key,
    managed_by = @managed_by, support_access = @support_access, settings = @settings, locks = @locks, template = @template,
    mfa_state = @mfa_state, trial_ends_at = @trial_ends_at, erased_at = @erased_at, version = version + 1,
    created_at = @created_at, changed_at = @changed_at, deleted_at = @deleted_at
WHERE id = @id AND version = @version AND substr(path, 1, length(CAST(@branch AS text))) = CAST(@branch AS text);

-- name: Children :many
SELECT * FROM tenants
WHERE parent_id = @tenant_id AND (name_key, id) > (CAST(@after_name AS text), CAST(@after_id AS text))
  AND (state <> 'deleted' OR CAST(@deleted_too AS bigint) = 1)
ORDER BY name_key, id LIMIT CAST(@most AS bigint);

-- name: NamedBelow :many
SELECT * FROM tenants
WHERE name_key >= @low_name AND name_key < @high_name AND (name_key, id) > (CAST(@after_name AS text), CAST(@after_id AS text))
  AND path >= CAST(@low AS text) AND path < CAST(@high AS text) AND state <> 'deleted'
ORDER BY name_key, id LIMIT CAST(@most AS bigint);

-- name: DeletedBelow :many
-- Of a branch that was deleted whole only its top: what is below comes back with it.
SELECT * FROM tenants
WHERE tenants.name_key >= @low_name AND tenants.name_key < @high_name AND (tenants.name_key, tenants.id) > (CAST(@after_name AS text), CAST(@after_id AS text))
  AND tenants.path >= CAST(@low AS text) AND tenants.path < CAST(@high AS text) AND tenants.state = 'deleted' AND tenants.erased_at = 0
  AND NOT EXISTS (SELECT 1 FROM tenants AS above WHERE above.id = tenants.parent_id AND above.state = 'deleted')
ORDER BY tenants.name_key, tenants.id LIMIT CAST(@most AS bigint);

-- name: FindTenants :many
SELECT * FROM tenants WHERE name_key = @name_key AND state <> 'deleted' ORDER BY id LIMIT CAST(@most AS bigint);

-- name: FindPlatform :one
SELECT * FROM tenants WHERE kind = 'platform';

-- name: PlatformName :one
-- It is asked before migrations, too: no column that came later may stand here.
SELECT id, name FROM tenants WHERE kind = 'platform';

-- name: DueTrials :many
SELECT * FROM tenants WHERE trial_ends_at > 0 AND trial_ends_at <= @now ORDER BY trial_ends_at LIMIT CAST(@most AS bigint);

-- name: Erasable :many
SELECT * FROM tenants WHERE state = 'deleted' AND erased_at = 0 AND deleted_at <= @deleted_before
ORDER BY deleted_at LIMIT CAST(@most AS bigint);

-- name: DeleteBranch :execrows
UPDATE tenants SET before_state = state, state = 'deleted', deleted_at = @deleted_at, changed_at = @deleted_at, version = version + 1
WHERE path >= CAST(@low AS text) AND path < CAST(@high AS text) AND state <> 'deleted';

-- name: RestoreBranch :execrows
-- What was deleted before stays so.
UPDATE tenants SET state = before_state, before_state = '', deleted_at = 0, changed_at = @changed_at, version = version + 1
WHERE path >= CAST(@low AS text) AND path < CAST(@high AS text) AND state = 'deleted' AND deleted_at = @deleted_at;

-- name: MoveBranch :execrows
UPDATE tenants SET path = CAST(@new_path AS text) || substr(path, length(CAST(@low AS text)) + 1), version = version + 1,
    parent_id = CASE WHEN id = CAST(@id AS text) THEN CAST(@parent_id AS text) ELSE parent_id END,
    organisation_id = CASE WHEN organisation_id = CAST(@old_organisation AS text) THEN CAST(@new_organisation AS text) ELSE organisation_id END,
    changed_at = CASE WHEN id = CAST(@id AS text) THEN CAST(@changed_at AS bigint) ELSE changed_at END
WHERE path >= CAST(@low AS text) AND path < CAST(@high AS text);

-- name: MoveBranchPeople :execrows
UPDATE users SET organisation_id = CAST(@new_organisation AS text), placed_at = CAST(@placed_at AS bigint)
WHERE organisation_id = CAST(@old_organisation AS text) AND tenant_id IN (
    SELECT t.id FROM tenants t WHERE t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text));

-- name: CountsHere :many
SELECT c.standing, CAST(sum(c.people) AS bigint) AS people
FROM tenants t JOIN people_counts c ON c.tenant_id = t.id
WHERE t.organisation_id = @organisation_id AND t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted'
GROUP BY c.standing HAVING sum(c.people) <> 0;

-- name: CountsBelow :many
SELECT t.organisation_id, c.standing, CAST(sum(c.people) AS bigint) AS people
FROM tenants t JOIN people_counts c ON c.tenant_id = t.id
WHERE t.path >= CAST(@low AS text) AND t.path < CAST(@high AS text) AND t.state <> 'deleted'
GROUP BY t.organisation_id, c.standing HAVING sum(c.people) <> 0;

-- name: MoveCount :exec
INSERT INTO people_counts (tenant_id, standing, slot, people) VALUES (@tenant_id, @standing, @slot, @people)
ON CONFLICT (tenant_id, standing, slot) DO UPDATE SET people = people_counts.people + excluded.people;

-- name: CompareCounts :many
-- One statement, one snapshot: people and their counts move in one transaction,
-- so a difference is one.
SELECT d.standing, CAST(sum(d.people) AS bigint) AS missing FROM (
    SELECT u.standing, count(*) AS people FROM users u WHERE u.tenant_id = @tenant_id AND u.standing <> 'deleted' GROUP BY u.standing
    UNION ALL
    SELECT c.standing, -sum(c.people) AS people FROM people_counts c WHERE c.tenant_id = @tenant_id GROUP BY c.standing
) d GROUP BY d.standing HAVING sum(d.people) <> 0;
