-- +goose Up

-- Apps that sign people in through us. A deleted one keeps its row: its id is
-- never anybody else's.
CREATE TABLE apps (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       text COLLATE "C" NOT NULL,
    name_key   text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL,
    doc        text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    deleted_at bigint NOT NULL,
    UNIQUE (tenant_id, id)
);

CREATE INDEX apps_tenant ON apps (tenant_id, name_key, id) WHERE state <> 'deleted';

CREATE TABLE app_secrets (
    hash         bytea NOT NULL PRIMARY KEY,
    app_id       text COLLATE "C" NOT NULL,
    tenant_id    text COLLATE "C" NOT NULL,
    hint         text COLLATE "C" NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    last_used_at bigint NOT NULL,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id)
);

CREATE INDEX app_secrets_app ON app_secrets (app_id, created_at);

-- All tokens of one sign-in to an app. seq is the number of the refresh token that
-- is good, 0 for none; code_at is when the code was exchanged. notify is whether the
-- app is to be told when the sign-in is over: 0 no, 1 yes, 2 now, and not before next_at.
CREATE TABLE families (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    app_id     text COLLATE "C" NOT NULL REFERENCES apps (id),
    session_id text COLLATE "C" NOT NULL,
    offline    boolean NOT NULL,
    level      text COLLATE "C" NOT NULL,
    doc        text COLLATE "C" NOT NULL,
    seq        bigint NOT NULL,
    code_at    bigint NOT NULL,
    created_at bigint NOT NULL,
    used_at    bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at   bigint NOT NULL,
    ended_why  text COLLATE "C" NOT NULL,
    notify     bigint NOT NULL,
    tries      bigint NOT NULL,
    next_at    bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE INDEX families_user ON families (user_id, ended_at);
CREATE INDEX families_expiry ON families (expires_at);
CREATE INDEX families_told ON families (next_at, id) WHERE notify = 2;

-- Which apps a person uses, and what they allowed them.
CREATE TABLE connections (
    tenant_id     text COLLATE "C" NOT NULL,
    user_id       text COLLATE "C" NOT NULL,
    app_id        text COLLATE "C" NOT NULL REFERENCES apps (id),
    scopes        text COLLATE "C" NOT NULL,
    consented_at  bigint NOT NULL,
    first_used_at bigint NOT NULL,
    last_used_at  bigint NOT NULL,
    PRIMARY KEY (user_id, app_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) DEFERRABLE INITIALLY IMMEDIATE
);

-- What was used once and must not be again, by a mark of its own, until it would
-- have expired anyway.
CREATE TABLE spent (
    kind       text COLLATE "C" NOT NULL,
    mark       bytea NOT NULL,
    tenant_id  text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (kind, mark)
);

CREATE INDEX spent_expiry ON spent (expires_at);
