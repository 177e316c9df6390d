-- name: InsertJob :execrows
INSERT INTO jobs (tenant_id, kind, cursor, doc, version, created_at, changed_at)
VALUES (@tenant_id, @kind, @cursor, @doc, @version, @created_at, @changed_at)
ON CONFLICT (tenant_id, kind) DO NOTHING;

-- name: JobOnLine :one
-- A job of the own node, of one above it or of one below it.
SELECT j.* FROM jobs j
JOIN tenants o ON o.id = j.tenant_id
JOIN tenants t ON t.id = @tenant_id
WHERE j.tenant_id = @job_tenant AND j.kind = @kind
  AND (substr(t.path, 1, length(o.path)) = o.path OR substr(o.path, 1, length(t.path)) = t.path);

-- name: UpdateJob :execrows
UPDATE jobs SET cursor = @cursor, doc = @doc, version = version + 1, changed_at = @changed_at
WHERE jobs.tenant_id = @job_tenant AND jobs.kind = @kind AND jobs.version = @version
  AND EXISTS (SELECT 1 FROM tenants o JOIN tenants t ON substr(t.path, 1, length(o.path)) = o.path
        OR substr(o.path, 1, length(t.path)) = t.path
      WHERE o.id = @job_tenant AND t.id = @tenant_id);

-- name: EndJob :execrows
DELETE FROM jobs WHERE tenant_id = @tenant_id AND kind = @kind AND version = @version;

-- name: AllJobs :many
SELECT * FROM jobs WHERE (tenant_id, kind) > (CAST(@after_tenant AS text), CAST(@after_kind AS text))
ORDER BY tenant_id, kind LIMIT CAST(@most AS bigint);
