-- +goose Up

CREATE TABLE factors (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    state        text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    handle       text COLLATE "C" NOT NULL,
    secret       bytea NOT NULL,
    doc          text COLLATE "C" NOT NULL,
    last_step    bigint NOT NULL,
    window_at    bigint NOT NULL,
    failures     bigint NOT NULL,
    locked_until bigint NOT NULL,
    locks        bigint NOT NULL,
    consecutive  bigint NOT NULL,
    version      bigint NOT NULL,
    created_at   bigint NOT NULL,
    confirmed_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    revoked_at   bigint NOT NULL,
    revoked_why  text COLLATE "C" NOT NULL,
    expires_at   bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX factors_user ON factors (user_id, created_at);
CREATE UNIQUE INDEX factors_handle ON factors (handle) WHERE handle <> '';
