-- +goose Up

-- The hosts of apps behind a reverse proxy. One host is one app's, or the sign-in at
-- one would be good for the other's people.
CREATE TABLE app_hosts (
    host      text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    app_id    text NOT NULL,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id)
) STRICT;

CREATE INDEX app_hosts_app ON app_hosts (app_id);

-- Cookies of such hosts, by the hash of their token. One stands for a sign-in to the
-- app and ends with it.
CREATE TABLE host_cookies (
    token_hash blob NOT NULL PRIMARY KEY,
    family_id  text NOT NULL REFERENCES families (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX host_cookies_family ON host_cookies (family_id);
