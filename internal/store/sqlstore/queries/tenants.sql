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
INSERT INTO tenants (id, parent_id, organisation_id, path, kind, mode, state, name, managed_by,
    support_access, settings, version, created_at, changed_at, deleted_at)
VALUES (@id, @parent_id, @organisation_id, @path, @kind, @mode, @state, @name, @managed_by,
    @support_access, @settings, @version, @created_at, @changed_at, @deleted_at);

-- name: UpdateTenant :execrows
UPDATE tenants SET kind = @kind, mode = @mode, state = @state, name = @name, managed_by = @managed_by,
    support_access = @support_access, settings = @settings, version = version + 1,
    created_at = @created_at, changed_at = @changed_at, deleted_at = @deleted_at
WHERE id = @id AND version = @version;
