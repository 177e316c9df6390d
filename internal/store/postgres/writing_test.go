package postgres

import "testing"

// Only a question without an effect on its transaction may run outside of it.
func TestLooks(t *testing.T) {
	for query, want := range map[string]bool{
		"SELECT id FROM users WHERE id = $1":                                   true,
		"-- name: User :one\nSELECT for_what FROM users WHERE \"before\" = $1": true,
		"-- name: A :many\n  select a from b":                                  true,
		"SELECT id FROM users WHERE id = $1 FOR SHARE":                         false,
		"SELECT id FROM users\nFOR  UPDATE SKIP LOCKED":                        false,
		"select id from users for no key update":                               false,
		"SELECT id FROM users FOR KEY SHARE":                                   false,
		"SELECT pg_advisory_xact_lock(1)":                                      false,
		"SELECT nextval('a')":                                                  false,
		"WITH a AS (UPDATE users SET name = '' RETURNING 1) SELECT 1 FROM a":   false,
		"UPDATE outbox SET state = 'queued' RETURNING id":                      false,
		"INSERT INTO a (b) SELECT 1":                                           false,
	} {
		if got := looks(query); got != want {
			t.Errorf("%q only looks: %v", query, got)
		}
	}
}
