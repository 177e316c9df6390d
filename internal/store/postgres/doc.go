// Package postgres is the engine for many nodes. It implements sqlstore's
// Dialect over pgx; package app opens it.
//
// Transactions that write run at READ COMMITTED and find out about each other
// by row versions; those that only read see one snapshot. What has to happen
// one at a time (lines of the change feed, an address that must be free) takes
// a named advisory lock until the commit, the feed's as the very last thing.
//
// Statements are prepared on the server, once for each connection: planning them
// anew costs more than running them. A pooler that hands every transaction to
// another connection must know prepared statements (PgBouncer 1.21 and later do);
// for an older one, default_query_exec_mode=cache_describe in the DSN leaves
// preparing out. Only Migrate and Listen want a connection that stays.
//
// Guesses under way are counted in the budget's row, so that all nodes count
// together; that one statement does not wait for the disk, because what a crash
// could forget is a guess whose answer nobody got.
//
// A server that cannot be reached, is shutting down, is a standby or has no
// room is store.ErrDown. A commit whose answer was lost is ErrDown as well: it
// may have happened, so it is never run again here.
package postgres
