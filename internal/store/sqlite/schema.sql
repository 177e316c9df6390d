-- What the migrations make. Written by: go test ./internal/store/sqlite -run TestSchema -update

CREATE TABLE app_hosts (
    host      text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    app_id    text NOT NULL,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id)
) STRICT;

CREATE INDEX app_hosts_app ON app_hosts (app_id);

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
    deleted_at integer NOT NULL, kind text NOT NULL DEFAULT '', owner_id text NOT NULL DEFAULT '', used_at integer NOT NULL DEFAULT 0, used_from text NOT NULL DEFAULT '',
    UNIQUE (tenant_id, id)
) STRICT;

CREATE INDEX apps_clients ON apps (id) WHERE kind = 'api_client' AND state <> 'deleted';

CREATE INDEX apps_tenant ON apps (tenant_id, kind, name_key, id) WHERE state <> 'deleted';

CREATE TABLE attempts (
    id         text NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL,
    user_id    text NOT NULL,
    browser    blob NOT NULL,
    doc        text NOT NULL,
    version    integer NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    done_at    integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX attempts_expiry ON attempts (expires_at);

CREATE INDEX attempts_user ON attempts (user_id);

CREATE TABLE audit_batches (
    number         integer NOT NULL PRIMARY KEY,
    first_position integer NOT NULL,
    event_count    integer NOT NULL,
    root           blob NOT NULL,
    previous       blob NOT NULL,
    at             integer NOT NULL,
    signature      blob NOT NULL
) STRICT;

CREATE TABLE audit_events (
    seq        integer PRIMARY KEY AUTOINCREMENT,
    at         integer NOT NULL,
    name       text NOT NULL,
    tenant_id  text NOT NULL,
    actor      text NOT NULL,
    target     text NOT NULL,
    result     text NOT NULL,
    reason     text NOT NULL,
    address    text NOT NULL,
    request    text NOT NULL,
    session_id text NOT NULL,
    detail     text NOT NULL,
    batch      integer NOT NULL,
    position   integer NOT NULL
, organisation_id text NOT NULL DEFAULT '') STRICT;

CREATE INDEX audit_events_actor ON audit_events (actor, seq);

CREATE INDEX audit_events_organisation ON audit_events (organisation_id, at, seq, tenant_id);

CREATE UNIQUE INDEX audit_events_position ON audit_events (position) WHERE batch > 0;

CREATE INDEX audit_events_target ON audit_events (target, seq);

CREATE INDEX audit_events_unsealed ON audit_events (seq) WHERE batch = 0;

CREATE TABLE browsers (
    id         text NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL,
    user_id    text NOT NULL,
    hash       blob NOT NULL,
    agent      text NOT NULL,
    seen_at    integer NOT NULL,
    created_at integer NOT NULL, met_asleep integer NOT NULL DEFAULT 0, place text NOT NULL DEFAULT '', trusted_at integer NOT NULL DEFAULT 0, trusted_until integer NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX browsers_user ON browsers (user_id);

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

CREATE TABLE changes (
    seq        integer PRIMARY KEY AUTOINCREMENT,
    kind       text NOT NULL,
    subject    text NOT NULL,
    changed_at integer NOT NULL
) STRICT;

CREATE INDEX changes_age ON changes (changed_at);

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

CREATE INDEX connections_app ON connections (app_id, user_id);

CREATE INDEX connections_lately ON connections (app_id, tenant_id, last_used_at, user_id);

CREATE TABLE custom_roles (
    id         text NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants (id),
    base       text NOT NULL,
    name       text NOT NULL,
    rights     text NOT NULL,
    version    integer NOT NULL,
    created_at integer NOT NULL,
    changed_at integer NOT NULL
) STRICT;

CREATE INDEX custom_roles_tenant ON custom_roles (tenant_id);

CREATE TABLE devices (
    id               text NOT NULL PRIMARY KEY,
    tenant_id        text NOT NULL,
    app_id           text NOT NULL,
    code             blob NOT NULL UNIQUE,
    state            text NOT NULL,
    doc              text NOT NULL,
    family_tenant_id text NOT NULL,
    family_id        text NOT NULL,
    wait             integer NOT NULL,
    created_at       integer NOT NULL,
    polled_at        integer NOT NULL,
    expires_at       integer NOT NULL,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id)
) STRICT;

CREATE INDEX devices_expiry ON devices (expires_at);

CREATE TABLE factors (
    id           text NOT NULL PRIMARY KEY,
    tenant_id    text NOT NULL,
    user_id      text NOT NULL,
    kind         text NOT NULL,
    state        text NOT NULL,
    name         text NOT NULL,
    handle       text NOT NULL,
    secret       blob NOT NULL,
    doc          text NOT NULL,
    last_step    integer NOT NULL,
    window_at    integer NOT NULL,
    failures     integer NOT NULL,
    locked_until integer NOT NULL,
    locks        integer NOT NULL,
    consecutive  integer NOT NULL,
    version      integer NOT NULL,
    created_at   integer NOT NULL,
    confirmed_at integer NOT NULL,
    last_used_at integer NOT NULL,
    revoked_at   integer NOT NULL,
    revoked_why  text NOT NULL,
    expires_at   integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX factors_handle ON factors (handle) WHERE handle <> '';

CREATE INDEX factors_user ON factors (user_id, created_at);

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

CREATE INDEX families_expiry ON families (expires_at);

CREATE INDEX families_told ON families (next_at, id) WHERE notify = 2;

CREATE INDEX families_user ON families (user_id, ended_at);

CREATE TABLE host_cookies (
    token_hash blob NOT NULL PRIMARY KEY,
    family_id  text NOT NULL REFERENCES families (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX host_cookies_family ON host_cookies (family_id);

CREATE TABLE jobs (
    tenant_id  text NOT NULL REFERENCES tenants (id),
    kind       text NOT NULL,
    cursor     text NOT NULL,
    doc        text NOT NULL,
    version    integer NOT NULL,
    created_at integer NOT NULL,
    changed_at integer NOT NULL,
    PRIMARY KEY (tenant_id, kind)
) STRICT;

CREATE TABLE keyrings (
    purpose    text NOT NULL PRIMARY KEY,
    version    integer NOT NULL,
    wrapped    blob NOT NULL,
    changed_at integer NOT NULL
) STRICT;

CREATE TABLE leases (
    name     text NOT NULL PRIMARY KEY,
    holder   text NOT NULL,
    taken_at integer NOT NULL,
    until    integer NOT NULL
) STRICT;

CREATE TABLE meta (
    key   text NOT NULL PRIMARY KEY,
    value text NOT NULL
) STRICT;

CREATE TABLE outbox (
    id          text NOT NULL PRIMARY KEY,
    tenant_id   text NOT NULL,
    user_id     text NOT NULL,
    kind        text NOT NULL,
    address     text NOT NULL,
    locale      text NOT NULL,
    body        blob NOT NULL,
    state       text NOT NULL,
    attempts    integer NOT NULL,
    next_at     integer NOT NULL,
    lease_until integer NOT NULL,
    expires_at  integer NOT NULL,
    last_error  text NOT NULL,
    created_at  integer NOT NULL,
    sent_at     integer NOT NULL
) STRICT;

CREATE INDEX outbox_address ON outbox (address, created_at);

CREATE INDEX outbox_done ON outbox (created_at) WHERE state <> 'queued';

CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'queued';

CREATE TABLE passwords (
    user_id     text NOT NULL PRIMARY KEY,
    tenant_id   text NOT NULL,
    hash        text NOT NULL,
    length      integer NOT NULL,
    must_change integer NOT NULL,
    set_at      integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE TABLE people_counts (
    tenant_id text NOT NULL REFERENCES tenants (id),
    standing  text NOT NULL,
    slot      integer NOT NULL,
    people    integer NOT NULL,
    PRIMARY KEY (tenant_id, standing, slot)
) STRICT;

CREATE TABLE replies (
    mark       blob NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants (id),
    print      blob NOT NULL,
    answer     blob NOT NULL,
    busy_until integer NOT NULL,
    expires_at integer NOT NULL
) STRICT;

CREATE INDEX replies_expiry ON replies (expires_at);

CREATE TABLE roles (
    user_id    text NOT NULL,
    tenant_id  text NOT NULL,
    held_on    text NOT NULL REFERENCES tenants (id),
    role       text NOT NULL,
    granted_at integer NOT NULL,
    PRIMARY KEY (user_id, held_on, role),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX roles_held ON roles (held_on, role);

CREATE INDEX roles_role ON roles (role);

CREATE TABLE service_accounts (
    user_id      text NOT NULL PRIMARY KEY,
    tenant_id    text NOT NULL,
    owner_id     text NOT NULL,
    reason       text NOT NULL,
    networks     text NOT NULL,
    expires_at   integer NOT NULL,
    last_used_at integer NOT NULL,
    created_at   integer NOT NULL, used_from text NOT NULL DEFAULT '', heir_id text NOT NULL DEFAULT '', heir_at integer NOT NULL DEFAULT 0, quiet integer NOT NULL DEFAULT 0, warned_at integer NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX service_accounts_heirs ON service_accounts (user_id) WHERE heir_id <> '';

CREATE TABLE sessions (
    id           text NOT NULL PRIMARY KEY,
    tenant_id    text NOT NULL,
    user_id      text NOT NULL,
    token_hash   blob NOT NULL,
    level        text NOT NULL,
    doc          text NOT NULL,
    version      integer NOT NULL,
    created_at   integer NOT NULL,
    rotated_at   integer NOT NULL,
    last_seen_at integer NOT NULL,
    expires_at   integer NOT NULL,
    idle_until   integer NOT NULL,
    ended_at     integer NOT NULL,
    ended_why    text NOT NULL, acting_in text NOT NULL DEFAULT '',
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX sessions_acting ON sessions (acting_in) WHERE acting_in <> '' AND ended_at = 0;

CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at > 0;

CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);

CREATE INDEX sessions_user ON sessions (user_id, ended_at);

CREATE TABLE spent (
    kind       text NOT NULL,
    mark       blob NOT NULL,
    tenant_id  text NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (kind, mark)
) STRICT;

CREATE INDEX spent_expiry ON spent (expires_at);

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
, locks text NOT NULL DEFAULT '', template text NOT NULL DEFAULT '', mfa_state text NOT NULL DEFAULT '', trial_ends_at integer NOT NULL DEFAULT 0, name_key text NOT NULL DEFAULT '', before_state text NOT NULL DEFAULT '', erased_at integer NOT NULL DEFAULT 0) STRICT;

CREATE INDEX tenants_deleted ON tenants (deleted_at) WHERE state = 'deleted' AND erased_at = 0;

CREATE INDEX tenants_name ON tenants (name_key, id);

CREATE INDEX tenants_organisation ON tenants (organisation_id);

CREATE INDEX tenants_parent ON tenants (parent_id, name_key, id);

CREATE UNIQUE INDEX tenants_platform ON tenants (kind) WHERE kind = 'platform';

CREATE INDEX tenants_trial ON tenants (trial_ends_at) WHERE trial_ends_at > 0;

CREATE TABLE tokens (
    hash          blob NOT NULL PRIMARY KEY,
    kind          text NOT NULL,
    tenant_id     text NOT NULL,
    user_id       text NOT NULL,
    email         text NOT NULL,
    bound         text NOT NULL,
    created_at    integer NOT NULL,
    expires_at    integer NOT NULL,
    used_at       integer NOT NULL,
    superseded_at integer NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX tokens_expiry ON tokens (expires_at);

CREATE INDEX tokens_user ON tokens (user_id, kind);

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
    validated_at    integer NOT NULL, awake_at integer NOT NULL DEFAULT 0, organisation_id text NOT NULL DEFAULT '', enrolled integer NOT NULL DEFAULT 0, standing text NOT NULL DEFAULT '', name_key text NOT NULL DEFAULT '', family_key text NOT NULL DEFAULT '', placed_at integer NOT NULL DEFAULT 0, skips integer NOT NULL DEFAULT 0, skips_since integer NOT NULL DEFAULT 0,
    UNIQUE (tenant_id, id)
) STRICT;

CREATE INDEX users_email ON users (email_key) WHERE email_key <> '';

CREATE INDEX users_family ON users (organisation_id, family_key, id) WHERE state <> 'deleted' AND family_key <> name_key;

CREATE UNIQUE INDEX users_login ON users (login_key) WHERE state <> 'deleted';

CREATE INDEX users_mail ON users (organisation_id, email_key, id) WHERE state <> 'deleted' AND email_key <> login_key;

CREATE INDEX users_name ON users (organisation_id, name_key, id) WHERE state <> 'deleted';

CREATE INDEX users_standing ON users (organisation_id, standing, login_key, tenant_id);

