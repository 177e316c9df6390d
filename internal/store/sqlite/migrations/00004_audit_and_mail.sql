-- +goose Up

-- batch and position are 0 until the sealer has given the event its place.
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
) STRICT;

CREATE INDEX audit_events_target ON audit_events (target, seq);
CREATE INDEX audit_events_actor ON audit_events (actor, seq);
CREATE INDEX audit_events_unsealed ON audit_events (seq) WHERE batch = 0;
CREATE UNIQUE INDEX audit_events_position ON audit_events (position) WHERE batch > 0;

CREATE TABLE audit_batches (
    number         integer NOT NULL PRIMARY KEY,
    first_position integer NOT NULL,
    event_count    integer NOT NULL,
    root           blob NOT NULL,
    previous       blob NOT NULL,
    at             integer NOT NULL,
    signature      blob NOT NULL
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

CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'queued';
CREATE INDEX outbox_address ON outbox (address, created_at);
CREATE INDEX outbox_done ON outbox (created_at) WHERE state <> 'queued';
