// Package sqlstore keeps the promises of package store once for both engines,
// over database/sql and the statements in queries/, which sqlc checks and turns
// into package db. What the engines cannot do alike stands behind Dialect:
// connections and transactions, the two locks, the book of reserved guesses,
// and the words for what went wrong.
//
// A transaction that met an error of the engine is over: whatever its function
// does next is refused, and so is the commit. PostgreSQL does that by itself;
// here it holds for SQLite too, so that a journey cannot come to rely on less.
//
// Times are microseconds since 1970 in UTC, 0 for the zero time. Documents are
// JSON; fields of a newer program survive being written by an older one (row
// Callers see core.ErrNotFound and the errors of package store.
package sqlstore
