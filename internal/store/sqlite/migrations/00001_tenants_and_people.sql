-- +goose Up

CREATE TABLE meta (
    key   text NOT NULL PRIMARY KEY,
    value text NOT NULL
) STRICT;

CREATE TABLE tenants (
    id              text NOT NULL PRIMARY KEY,
    parent_id       text NOT NULL, -- empty for the platform
    organisation_id text NOT NULL,
    path            text NOT NULL UNIQUE,
    kind            text NOT NULL,
    mode            text NOT NULL,
    state           text NOT NULL,
    name            text NOT NULL,
    managed_by      text NOT NULL,
    support_access  integer NOT NULL,
    settings        text NOT NULL,
    version         integer NOT NULL,
    created_at      integer NOT NULL,
    changed_at      integer NOT NULL,
    deleted_at      integer NOT NULL
) STRICT;

CREATE UNIQUE INDEX tenants_platform ON tenants (kind) WHERE kind = 'platform';
CREATE INDEX tenants_organisation ON tenants (organisation_id);

CREATE TABLE users (
    id              text NOT NULL PRIMARY KEY,
    tenant_id       text NOT NULL REFERENCES tenants (id),
    kind            text NOT NULL,
    state           text NOT NULL,
    before_state    text NOT NULL,
    login           text NOT NULL,
    login_key       text NOT NULL,
    name            text NOT NULL,
    email           text NOT NULL,
    email_key       text NOT NULL,
    federated       integer NOT NULL,
    locale          text NOT NULL,
    last_sign_in_at integer NOT NULL,
    version         integer NOT NULL,
    created_at      integer NOT NULL,
    changed_at      integer NOT NULL,
    validated_at    integer NOT NULL,
    UNIQUE (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX users_login ON users (login_key) WHERE state <> 'deleted';
CREATE INDEX users_email ON users (email_key) WHERE email_key <> '';

CREATE TABLE passwords (
    user_id     text NOT NULL PRIMARY KEY,
    tenant_id   text NOT NULL,
    hash        text NOT NULL,
    length      integer NOT NULL,
    must_change integer NOT NULL,
    set_at      integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE TABLE browsers (
    id         text NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL,
    user_id    text NOT NULL,
    hash       blob NOT NULL,
    agent      text NOT NULL,
    seen_at    integer NOT NULL,
    created_at integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX browsers_user ON browsers (user_id);

-- tenant_id is the account's own tenant, held_on the one where the role holds.
CREATE TABLE roles (
    user_id    text NOT NULL,
    tenant_id  text NOT NULL,
    held_on    text NOT NULL REFERENCES tenants (id),
    role       text NOT NULL,
    granted_at integer NOT NULL,
    PRIMARY KEY (user_id, held_on, role),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX roles_role ON roles (role);

-- No foreign key: guesses at accounts that do not exist write here too, so that
-- they cost what the others cost.
CREATE TABLE budgets (
    tenant_id      text NOT NULL,
    user_id        text NOT NULL,
    name           text NOT NULL,
    window_at      integer NOT NULL,
    failures       integer NOT NULL,
    locked_until   integer NOT NULL,
    locks          integer NOT NULL,
    consecutive    integer NOT NULL,
    version        integer NOT NULL,
    reserved       integer NOT NULL,
    reserved_until integer NOT NULL,
    PRIMARY KEY (user_id, name, tenant_id)
) STRICT;
