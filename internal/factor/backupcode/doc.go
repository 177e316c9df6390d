// Package backupcode makes recovery codes and reads them as people type them.
//
// A code has 24 characters of a 32-letter alphabet, so 120 bits: enough that a
// keyed hash, which takes microseconds, may stand in the store (N-22, N-30).
// The hash, the limit on guesses and the use-once rule are the caller's.
//
// What can go wrong is reading: people write codes down and type them back. The
// alphabet therefore has no I, L, O or U; where somebody types one of these, the
// character that looks like it is meant.
package backupcode
