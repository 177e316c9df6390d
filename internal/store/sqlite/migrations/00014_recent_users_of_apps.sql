-- +goose Up

-- Who of a node used an app lately: those of whom its organisation asks a second
-- factor where it asks for it in that app.
CREATE INDEX connections_lately ON connections (app_id, tenant_id, last_used_at, user_id);
