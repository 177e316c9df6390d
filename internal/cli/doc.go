// Package cli is the command line: noun then verb, one file per noun.
//
// Each verb that touches a store has two halves. The near half reads flags and
// files, asks on the terminal and prints; the far half is an app.Verb that works
// on a house and never sees a terminal. Between them goes JSON: in this process
// when nobody holds the data folder or the store is PostgreSQL, else through the
// socket of the server that holds it, so that caches and the change feed of that
// server stay right. Verbs lists the far halves for a server to answer.
//
// Results go to stdout, everything else to stderr. Secrets come from stdin or a
// file and never from an argument. Exit: 0 done, 1 failed, 2 wrong usage, 3
// findings, 4 refused by policy (fault.go).
//
// Decisions are made below: a verb asks a journey and shows its answer.
package cli
