-- name: Job :one
SELECT * FROM jobs WHERE tenant_id = @tenant_id AND kind = @kind;

-- name: InsertJob :execrows
INSERT INTO jobs (tenant_id, kind, cursor, doc, version, created_at, changed_at)
VALUES (@tenant_id, @kind, @cursor, @doc, @version, @created_at, @changed_at)
ON CONFLICT (tenant_id, kind) DO NOTHING;

-- name: UpdateJob :execrows
UPDATE jobs SET cursor = @cursor, doc = @doc, version = version + 1, changed_at = @changed_at
WHERE tenant_id = @tenant_id AND kind = @kind AND version = @version;

-- name: EndJob :execrows
DELETE FROM jobs WHERE tenant_id = @tenant_id AND kind = @kind AND version = @version;

-- name: AllJobs :many
SELECT * FROM jobs WHERE (tenant_id, kind) > (CAST(@after_tenant AS text), CAST(@after_kind AS text))
ORDER BY tenant_id, kind LIMIT CAST(@most AS bigint);
