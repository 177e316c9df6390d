-- +goose Up

-- API clients are apps of another kind: kind is empty for one that signs people in.
-- owner_id is whose rights an API client has; used_at and used_from are when it last
-- got a token, and from where.
ALTER TABLE apps ADD COLUMN kind text NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN owner_id text NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN used_at integer NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN used_from text NOT NULL DEFAULT '';

DROP INDEX apps_tenant;
CREATE INDEX apps_tenant ON apps (tenant_id, kind, name_key, id) WHERE state <> 'deleted';
CREATE INDEX apps_clients ON apps (id) WHERE kind = 'api_client' AND state <> 'deleted';

-- The API client that takes a service account's place, since when, after how long
-- without use the account is stopped, and when its owner was warned.
ALTER TABLE service_accounts ADD COLUMN used_from text NOT NULL DEFAULT '';
ALTER TABLE service_accounts ADD COLUMN heir_id text NOT NULL DEFAULT '';
ALTER TABLE service_accounts ADD COLUMN heir_at integer NOT NULL DEFAULT 0;
ALTER TABLE service_accounts ADD COLUMN quiet integer NOT NULL DEFAULT 0;
ALTER TABLE service_accounts ADD COLUMN warned_at integer NOT NULL DEFAULT 0;

CREATE INDEX service_accounts_heirs ON service_accounts (user_id) WHERE heir_id <> '';
