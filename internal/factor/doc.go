// Package factor says what an authentication factor is, by its properties, and
// its closets (password, totp, backupcode) know how each is made and checked.
//
// A factor here has no owner, no row and no page: journeys keep the record, ask
// a closet whether an answer is right, and hand the properties to policy, which
// never needs to know a factor by name. A closet takes the time as an argument,
// gets its randomness from package secret, and neither stores nor sends.
//
// What can go wrong: a property that promises too much. It would lift a sign-in
// to a level that was not proved, so properties say what holds for every
// authenticator of the kind, not for the best of them.
package factor
