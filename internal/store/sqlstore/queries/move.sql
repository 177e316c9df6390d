-- Somebody who moves to another tenant takes all rows along.

-- name: MoveUser :execrows
UPDATE users SET tenant_id = CAST(@to_tenant AS text), version = version + 1, changed_at = @changed_at,
    placed_at = CASE WHEN organisation_id = CAST(@organisation_id AS text) THEN placed_at ELSE CAST(@changed_at AS bigint) END,
    organisation_id = CAST(@organisation_id AS text)
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;

-- name: MovePasswords :exec
UPDATE passwords SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveBrowsers :exec
UPDATE browsers SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveRoles :exec
UPDATE roles SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveFactors :exec
UPDATE factors SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveAttempts :exec
UPDATE attempts SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveSessions :exec
UPDATE sessions SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveTokens :exec
UPDATE tokens SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveServices :exec
UPDATE service_accounts SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveBudgets :exec
UPDATE budgets SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveFamilies :exec
UPDATE families SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: MoveConnections :exec
UPDATE connections SET tenant_id = CAST(@to_tenant AS text) WHERE tenant_id = @tenant_id AND user_id = @user_id;
