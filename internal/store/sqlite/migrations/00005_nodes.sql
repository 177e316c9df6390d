-- +goose Up

-- seq is given under one lock, so that lines become visible in its order.
CREATE TABLE changes (
    seq        integer PRIMARY KEY AUTOINCREMENT,
    kind       text NOT NULL,
    subject    text NOT NULL,
    changed_at integer NOT NULL
) STRICT;

CREATE INDEX changes_age ON changes (changed_at);

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
