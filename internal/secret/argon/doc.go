// Package argon computes Argon2id (RFC 9106, version 0x13) on the goroutine
// that asks for it, in memory that the caller keeps between hashes.
//
// The maintained library computes the same function, but starts a goroutine
// for every segment of its work and allocates its memory afresh. The first
// takes the work off the low-priority thread that the hash queue prepared for
// it, so that hashing competes with requests again; the second makes the
// garbage collector run on every hash. Both cost more than they look: the
// slowest session checks took ten times as long, and memory doubled.
//
// What can go wrong in a second implementation is a wrong digest, so the tests
// compare it with the RFC's vector and with the library over many parameters.
//
// The only caller is the Hasher in the parent package.
package argon
