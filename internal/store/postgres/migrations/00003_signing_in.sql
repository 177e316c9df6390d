-- +goose Up

CREATE TABLE attempts (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    browser    bytea NOT NULL,
    doc        text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    done_at    bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX attempts_user ON attempts (user_id);
CREATE INDEX attempts_expiry ON attempts (expires_at);

CREATE TABLE sessions (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    token_hash   bytea NOT NULL,
    level        text COLLATE "C" NOT NULL,
    doc          text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    created_at   bigint NOT NULL,
    rotated_at   bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at   bigint NOT NULL,
    idle_until   bigint NOT NULL,
    ended_at     bigint NOT NULL,
    ended_why    text COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_user ON sessions (user_id) WHERE ended_at = 0;
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at > 0;

CREATE TABLE tokens (
    hash          bytea NOT NULL PRIMARY KEY,
    kind          text COLLATE "C" NOT NULL,
    tenant_id     text COLLATE "C" NOT NULL,
    user_id       text COLLATE "C" NOT NULL,
    email         text COLLATE "C" NOT NULL,
    bound         text COLLATE "C" NOT NULL,
    created_at    bigint NOT NULL,
    expires_at    bigint NOT NULL,
    used_at       bigint NOT NULL,
    superseded_at bigint NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX tokens_user ON tokens (user_id, kind);
CREATE INDEX tokens_expiry ON tokens (expires_at);
