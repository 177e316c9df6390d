-- +goose Up

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

CREATE INDEX factors_user ON factors (user_id, created_at);
CREATE UNIQUE INDEX factors_handle ON factors (handle) WHERE handle <> '';
