-- +goose Up

-- locks and template are settings documents; mfa_state is set only while the
-- second factors of an organisation's people are being taken away. before_state is
-- what a deleted node was, erased_at when what was left of it went.
ALTER TABLE tenants ADD COLUMN locks text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN template text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN mfa_state text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN trial_ends_at bigint NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN name_key text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN before_state text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN erased_at bigint NOT NULL DEFAULT 0;

CREATE INDEX tenants_parent ON tenants (parent_id, name_key, id);
CREATE INDEX tenants_name ON tenants (name_key, id);
CREATE INDEX tenants_trial ON tenants (trial_ends_at) WHERE trial_ends_at > 0;
CREATE INDEX tenants_deleted ON tenants (deleted_at) WHERE state = 'deleted' AND erased_at = 0;

UPDATE tenants SET name_key = lower(name);

-- organisation_id, enrolled, standing and the keys to search by are kept by the
-- store beside what they are made of, so that lists need no join and no scan. A
-- recount compares them.
ALTER TABLE users ADD COLUMN organisation_id text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN enrolled bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN standing text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name_key text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN family_key text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN placed_at bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN skips bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN skips_since bigint NOT NULL DEFAULT 0;

UPDATE users SET name_key = lower(name), family_key = lower(name), placed_at = created_at,
    organisation_id = (SELECT t.organisation_id FROM tenants t WHERE t.id = users.tenant_id),
    enrolled = CASE WHEN EXISTS (
        SELECT 1 FROM factors f WHERE f.user_id = users.id AND f.state = 'confirmed' AND f.kind <> 'recovery_code'
    ) THEN 1 ELSE 0 END;

UPDATE users SET standing = CASE
    WHEN state = 'deleted' THEN 'deleted' WHEN state = 'disabled' THEN 'inactive' WHEN kind = 'service_account' THEN 'service'
    WHEN federated THEN 'federated' WHEN state = 'invited' THEN 'pending' WHEN enrolled = 1 THEN 'enrolled' ELSE 'open' END;

CREATE INDEX users_standing ON users (organisation_id, standing, login_key, tenant_id);
CREATE INDEX users_name ON users (organisation_id, name_key, id) WHERE state <> 'deleted';
CREATE INDEX users_family ON users (organisation_id, family_key, id) WHERE state <> 'deleted' AND family_key <> name_key;
CREATE INDEX users_mail ON users (organisation_id, email_key, id) WHERE state <> 'deleted' AND email_key <> login_key;

-- How many people of a tenant stand where. A few slots each, so that many who
-- enrol at once do not all wait for one row.
CREATE TABLE people_counts (
    tenant_id text COLLATE "C" NOT NULL REFERENCES tenants (id),
    standing  text COLLATE "C" NOT NULL,
    slot      bigint NOT NULL,
    people    bigint NOT NULL,
    PRIMARY KEY (tenant_id, standing, slot)
);

INSERT INTO people_counts (tenant_id, standing, slot, people)
SELECT tenant_id, standing, 0, count(*) FROM users WHERE standing <> 'deleted' GROUP BY tenant_id, standing;

-- A browser is trusted when trusted_at is set; trusted_until is 0 for no end.
ALTER TABLE browsers ADD COLUMN place text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE browsers ADD COLUMN trusted_at bigint NOT NULL DEFAULT 0;
ALTER TABLE browsers ADD COLUMN trusted_until bigint NOT NULL DEFAULT 0;

CREATE TABLE service_accounts (
    user_id      text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL,
    owner_id     text COLLATE "C" NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    networks     text COLLATE "C" NOT NULL,
    expires_at   bigint NOT NULL,
    last_used_at bigint NOT NULL,
    created_at   bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

-- tenant_id is the organisation that made the role.
CREATE TABLE custom_roles (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenants (id),
    base       text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    rights     text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL
);

CREATE INDEX custom_roles_tenant ON custom_roles (tenant_id);
CREATE INDEX roles_held ON roles (held_on, role);

-- The organisation that a session acts in; empty for an ordinary session.
ALTER TABLE sessions ADD COLUMN acting_in text COLLATE "C" NOT NULL DEFAULT '';

-- Ended ones too: whoever moves to another tenant takes them along.
DROP INDEX sessions_user;
CREATE INDEX sessions_user ON sessions (user_id, ended_at);
CREATE INDEX sessions_acting ON sessions (acting_in) WHERE acting_in <> '' AND ended_at = 0;

-- Work in batches; the cursor says how far it has come.
CREATE TABLE jobs (
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind       text COLLATE "C" NOT NULL,
    cursor     text COLLATE "C" NOT NULL,
    doc        text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, kind)
);

-- The organisation at the time of the event: its history stays with it.
ALTER TABLE audit_events ADD COLUMN organisation_id text COLLATE "C" NOT NULL DEFAULT '';
UPDATE audit_events SET organisation_id = COALESCE((SELECT t.organisation_id FROM tenants t WHERE t.id = audit_events.tenant_id), '');
CREATE INDEX audit_events_organisation ON audit_events (organisation_id, at, seq, tenant_id);

-- Somebody who moves takes all rows along: their tenants are checked when all
-- have moved.
ALTER TABLE passwords ALTER CONSTRAINT passwords_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE browsers ALTER CONSTRAINT browsers_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE roles ALTER CONSTRAINT roles_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE factors ALTER CONSTRAINT factors_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE attempts ALTER CONSTRAINT attempts_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE sessions ALTER CONSTRAINT sessions_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE tokens ALTER CONSTRAINT tokens_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE service_accounts ALTER CONSTRAINT service_accounts_tenant_id_user_id_fkey DEFERRABLE INITIALLY IMMEDIATE;
