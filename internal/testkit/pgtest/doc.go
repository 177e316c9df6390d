// Package pgtest starts a PostgreSQL of a test's own: its own folder, its own
// port on loopback, fsync on, as an unprivileged user when the test runs as
// root (the server refuses root). Nothing on the machine is touched, and a
// server that runs already is never used.
//
// Database gives a fresh database on one cluster that all tests of a binary
// share. Start gives a whole cluster to a test that stops it or breaks it.
//
// Every cluster is watched over by a small shell process that waits for its
// standard input to end. That happens however the test binary goes, killed
// included; the watcher then stops the server and removes its folder.
package pgtest
