// Package store is the contract between the journeys and whatever keeps the
// rows. Journeys speak to it; only app names an engine.
//
// Every reader is opened for one tenant and finds nothing of another: an id of
// a foreign tenant is core.ErrNotFound, exactly as an id that never was. The few
// doors that cross tenants stand together in cross.go, each named for what it
// does.
//
// Update runs its function in one transaction that has one instant, Now. The
// function may run again after a conflict, so it must have no effect outside
// the transaction: mail goes through the outbox, caches listen to the change
// feed. Methods that change a row check its Version (optimistic locking): the
// loser of a race gets ErrConflict, which Update answers by running the
// function again on fresh rows. A one-time thing is consumed by a statement
// that must hit exactly one row. An engine's error (a duplicate, no room) ends
// the transaction even when fn overlooks it. When fn returns an error nothing
// is kept; a refusal that must leave a trace is therefore a result, not an error.
//
// What can go wrong: core.ErrNotFound, ErrConflict (only after many tries),
// ErrDuplicate with the name of what must be unique, and ErrDown when the store
// cannot be reached or cannot write, which faces show as "unavailable".
package store
