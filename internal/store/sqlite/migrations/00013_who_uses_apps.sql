-- +goose Up

-- Who uses an app, for its page and for what would be lost with it.
CREATE INDEX connections_app ON connections (app_id, user_id);
