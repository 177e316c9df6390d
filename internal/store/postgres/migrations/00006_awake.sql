-- +goose Up

-- awake_at is the last sign-in that counts for the setting enrol_proof: one by a
-- password alone, from an unknown browser and after a long time, does not. Neither
-- does the browser that came with it.
ALTER TABLE users ADD COLUMN awake_at bigint NOT NULL DEFAULT 0;
UPDATE users SET awake_at = last_sign_in_at;

ALTER TABLE browsers ADD COLUMN met_asleep boolean NOT NULL DEFAULT false;
