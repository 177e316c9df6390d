// Package password decides whether a text may become a password.
//
// It owns the rules: a length in characters, a bound in bytes, the shipped list
// of common and breached passwords and of common words, the few shapes that are
// tried first (guess.go), and likeness to the account. Hashing is
// package secret's; when a password must be changed is decided by policy and the
// journeys.
//
// There are no rules about kinds of characters, no expiry and no hints (N-18):
// they make passwords worse. Everything is compared as a whole, or as one word with
// a number beside it, so a common word inside a longer password does no harm (N-19).
//
// What can go wrong: the list is a picture of one day. It lies in common.txt.gz
// (origin and licence in NOTICE) and is written by generate.go.
package password
