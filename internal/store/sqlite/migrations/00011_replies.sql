-- +goose Up

-- What was answered to a request that has a key of its own, so that the same request
-- sent again is answered and not done again. mark is a hash of who asked and of the
-- key, print one of what was asked; answer is sealed, and empty while the request is
-- under way.
CREATE TABLE replies (
    mark       blob NOT NULL PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants (id),
    print      blob NOT NULL,
    answer     blob NOT NULL,
    busy_until integer NOT NULL,
    expires_at integer NOT NULL
) STRICT;

CREATE INDEX replies_expiry ON replies (expires_at);
