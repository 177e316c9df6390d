-- +goose Up

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

CREATE INDEX attempts_user ON attempts (user_id);
CREATE INDEX attempts_expiry ON attempts (expires_at);

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
    ended_why    text NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_user ON sessions (user_id) WHERE ended_at = 0;
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at > 0;

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

CREATE INDEX tokens_user ON tokens (user_id, kind);
CREATE INDEX tokens_expiry ON tokens (expires_at);
