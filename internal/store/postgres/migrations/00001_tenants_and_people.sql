-- +goose Up

CREATE TABLE meta (
    key   text COLLATE "C" NOT NULL PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

CREATE TABLE tenants (
    id              text COLLATE "C" NOT NULL PRIMARY KEY,
    parent_id       text COLLATE "C" NOT NULL, -- empty for the platform
    organisation_id text COLLATE "C" NOT NULL,
    path            text COLLATE "C" NOT NULL UNIQUE,
    kind            text COLLATE "C" NOT NULL,
    mode            text COLLATE "C" NOT NULL,
    state           text COLLATE "C" NOT NULL,
    name            text COLLATE "C" NOT NULL,
    managed_by      text COLLATE "C" NOT NULL,
    support_access  boolean NOT NULL,
    settings        text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    created_at      bigint NOT NULL,
    changed_at      bigint NOT NULL,
    deleted_at      bigint NOT NULL
);

CREATE UNIQUE INDEX tenants_platform ON tenants (kind) WHERE kind = 'platform';
CREATE INDEX tenants_organisation ON tenants (organisation_id);

CREATE TABLE users (
    id              text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id       text COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind            text COLLATE "C" NOT NULL,
    state           text COLLATE "C" NOT NULL,
    before_state    text COLLATE "C" NOT NULL,
    login           text COLLATE "C" NOT NULL,
    login_key       text COLLATE "C" NOT NULL,
    name            text COLLATE "C" NOT NULL,
    email           text COLLATE "C" NOT NULL,
    email_key       text COLLATE "C" NOT NULL,
    federated       boolean NOT NULL,
    locale          text COLLATE "C" NOT NULL,
    last_sign_in_at bigint NOT NULL,
    version         bigint NOT NULL,
    created_at      bigint NOT NULL,
    changed_at      bigint NOT NULL,
    validated_at    bigint NOT NULL,
    UNIQUE (tenant_id, id)
);

CREATE UNIQUE INDEX users_login ON users (login_key) WHERE state <> 'deleted';
CREATE INDEX users_email ON users (email_key) WHERE email_key <> '';

CREATE TABLE passwords (
    user_id     text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id   text COLLATE "C" NOT NULL,
    hash        text COLLATE "C" NOT NULL,
    length      bigint NOT NULL,
    must_change boolean NOT NULL,
    set_at      bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE TABLE browsers (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    hash       bytea NOT NULL,
    agent      text COLLATE "C" NOT NULL,
    seen_at    bigint NOT NULL,
    created_at bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX browsers_user ON browsers (user_id);

-- tenant_id is the account's own tenant, held_on the one where the role holds.
CREATE TABLE roles (
    user_id    text COLLATE "C" NOT NULL,
    tenant_id  text COLLATE "C" NOT NULL,
    held_on    text COLLATE "C" NOT NULL REFERENCES tenants (id),
    role       text COLLATE "C" NOT NULL,
    granted_at bigint NOT NULL,
    PRIMARY KEY (user_id, held_on, role),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX roles_role ON roles (role);

-- No foreign key: guesses at accounts that do not exist write here too, so that
-- they cost what the others cost.
CREATE TABLE budgets (
    tenant_id      text COLLATE "C" NOT NULL,
    user_id        text COLLATE "C" NOT NULL,
    name           text COLLATE "C" NOT NULL,
    window_at      bigint NOT NULL,
    failures       bigint NOT NULL,
    locked_until   bigint NOT NULL,
    locks          bigint NOT NULL,
    consecutive    bigint NOT NULL,
    version        bigint NOT NULL,
    reserved       bigint NOT NULL,
    reserved_until bigint NOT NULL,
    PRIMARY KEY (user_id, name, tenant_id)
);
