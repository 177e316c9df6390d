// Package ident reads the names that people are found by: login names and mail
// addresses.
//
// It decides which spellings are the same name and which input is no name at
// all. It knows nothing of accounts: who has a name, and whether it is taken, is
// the directory's business.
//
// A login name is compared by LoginKey, a mail address by Address.Key; the typed
// login is what gets shown. Mail is only ever sent to the address that is
// stored, never to the one that somebody typed to find it (B-28).
//
// What can go wrong: two names that look alike and are not the same, or the
// other way round, one name that two programs read as two addresses. The second
// is met by a narrow grammar, the first by folding what Unicode itself calls the
// same; look-alikes of different scripts stay different names.
package ident
