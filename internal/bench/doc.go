// Package bench is the load generator: it measures what a sign-in and a session
// check cost, beside what the same machine needs for the parts that nobody can
// avoid, and prints both with their ratio (docs/performance.md).
//
// It drives the built program over HTTP on loopback, in closed loops of a bounded
// number of clients, operations and seconds. People come into the store by bulk
// insert and carry an authenticator whose codes the generator computes itself.
// A code works once, so the generator goes around among people and takes a time
// step of each only once; a run that has used up everybody ends early.
//
// CPU is read from /proc, of the server and, on PostgreSQL, of the whole cluster:
// CPU per operation stays the same where requests per second depend on who else
// runs. Limits (bare hash, bare HTTP answer, bare commit) are measured in the
// same run by the same program.
//
// Nothing here is part of the product and nothing in the product knows of it.
// The entry is run/ (make bench); benchmark_test.go holds Go benchmarks of
// single pieces.
package bench
