// Package sqlite is the embedded engine: one file in WAL mode that one process
// owns. It implements sqlstore's Dialect; package app opens it.
//
// One connection writes and a few read. Writers that wait for each other share
// a commit, and so one wait for the disk: each runs its own function on its own
// goroutine within a savepoint, and returns only when the commit that holds its
// rows is durable (synchronous=FULL). Statements are prepared once per
// connection.
//
// Guesses under way are counted in memory, because this process is the only one:
// a crash forgets them together with the hashing that they stood for.
//
// Trouble with the file (full disk, read-only, unreadable) is store.ErrDown.
package sqlite
