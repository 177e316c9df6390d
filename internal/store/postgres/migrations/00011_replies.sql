-- +goose Up

-- What was answered to a request that has a key of its own, so that the same request
-- sent again is answered and not done again. mark is a hash of who asked and of the
-- key, print one of what was asked; answer is sealed, and empty while the request is
-- under way.
CREATE TABLE replies (
    mark       bytea NOT NULL PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenants (id),
    print      bytea NOT NULL,
    answer     bytea NOT NULL,
    busy_until bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX replies_expiry ON replies (expires_at);
