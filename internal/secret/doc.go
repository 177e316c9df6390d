// Package secret is the only place that makes, compares, seals and hashes
// secrets.
//
// It owns randomness (tokens, ids, digits), the key ring with its three
// purposes (sealing, keyed hashes, signing) under a master key that lives in a
// file, and the queue in front of the password hash.
//
// It leaves to others what a secret means: which record a sealed document
// belongs to is said by the caller and bound into the seal, what follows a
// wrong password is decided by the journeys. Rows of the key ring are kept by
// whoever implements RingStore.
//
// Callers are every journey, the factor closets and the protocol faces.
//
// What can go wrong: a node meets a key that another node made a moment ago
// (the ring is read again, at most once a second), the master key file does not
// belong to the store (OpenRing says so before anything is served), or more
// people sign in than the processors can hash for (ErrBusy says when to retry).
// Nothing here puts a secret into an error or a log line.
package secret
