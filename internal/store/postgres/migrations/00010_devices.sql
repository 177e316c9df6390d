-- +goose Up

-- Devices that wait for a person to let them in (RFC 8628). tenant_id is the app's;
-- code is a keyed hash of what the person types. Who allowed one has the family of
-- tokens under the person's own tenant. wait is how long it must leave between two
-- questions, in seconds.
CREATE TABLE devices (
    id               text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id        text COLLATE "C" NOT NULL,
    app_id           text COLLATE "C" NOT NULL,
    code             bytea NOT NULL UNIQUE,
    state            text COLLATE "C" NOT NULL,
    doc              text COLLATE "C" NOT NULL,
    family_tenant_id text COLLATE "C" NOT NULL,
    family_id        text COLLATE "C" NOT NULL,
    wait             bigint NOT NULL,
    created_at       bigint NOT NULL,
    polled_at        bigint NOT NULL,
    expires_at       bigint NOT NULL,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id)
);

CREATE INDEX devices_expiry ON devices (expires_at);
