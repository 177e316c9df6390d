-- +goose Up

-- Apps that sign people in through us. A deleted one keeps its row: its id is
-- never anybody else's.
CREATE TABLE apps (
    id         text NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants (id),
    name       text NOT NULL,
    name_key   text NOT NULL,
    state      text NOT NULL,
    doc        text NOT NULL,
    version    integer NOT NULL,
    created_at integer NOT NULL,
    changed_at integer NOT NULL,
    deleted_at integer NOT NULL,
    UNIQUE (tenant_id, id)
) STRICT;

CREATE INDEX apps_tenant ON apps (tenant_id, name_key, id) WHERE state <> 'deleted';

CREATE TABLE app_secrets (
    hash         blob NOT NULL PRIMARY KEY,
    app_id       text NOT NULL,
    tenant_id    text NOT NULL,
    hint         text NOT NULL,
    created_at   integer NOT NULL,
    expires_at   integer NOT NULL,
    last_used_at integer NOT NULL,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id)
) STRICT;

CREATE INDEX app_secrets_app ON app_secrets (app_id, created_at);

-- All tokens of one sign-in to an app. seq is the number of the refresh token that
-- is good, 0 for none; code_at is when the code was exchanged. notify is whether the
-- app is to be told when the sign-in is over: 0 no, 1 yes, 2 now, and not before next_at.
CREATE TABLE families (
    id         text NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL,
    user_id    text NOT NULL,
    app_id     text NOT NULL REFERENCES apps (id),
    session_id text NOT NULL,
    offline    integer NOT NULL,
    level      text NOT NULL,
    doc        text NOT NULL,
    seq        integer NOT NULL,
    code_at    integer NOT NULL,
    created_at integer NOT NULL,
    used_at    integer NOT NULL,
    expires_at integer NOT NULL,
    ended_at   integer NOT NULL,
    ended_why  text NOT NULL,
    notify     integer NOT NULL,
    tries      integer NOT NULL,
    next_at    integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX families_user ON families (user_id, ended_at);
CREATE INDEX families_expiry ON families (expires_at);
CREATE INDEX families_told ON families (next_at, id) WHERE notify = 2;

-- Which apps a person uses, and what they allowed them.
CREATE TABLE connections (
    tenant_id     text NOT NULL,
    user_id       text NOT NULL,
    app_id        text NOT NULL REFERENCES apps (id),
    scopes        text NOT NULL,
    consented_at  integer NOT NULL,
    first_used_at integer NOT NULL,
    last_used_at  integer NOT NULL,
    PRIMARY KEY (user_id, app_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

-- What was used once and must not be again, by a mark of its own, until it would
-- have expired anyway.
CREATE TABLE spent (
    kind       text NOT NULL,
    mark       blob NOT NULL,
    tenant_id  text NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (kind, mark)
) STRICT;

CREATE INDEX spent_expiry ON spent (expires_at);
