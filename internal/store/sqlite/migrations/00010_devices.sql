-- +goose Up

-- Devices that wait for a person to let them in (RFC 8628). tenant_id is the app's;
-- code is a keyed hash of what the person types. Who allowed one has the family of
-- tokens under the person's own tenant. wait is how long it must leave between two
-- questions, in seconds.
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
