// Package oidc is the face that apps sign people in through: OpenID Connect and
// OAuth 2.0.
//
//	authorize ──asked──> proceed ──no session──> /sign-in ──┐
//	                       │ ├──more to show──> /account/verify ─┤
//	                       │ └──consent page ──> POST ───┐       │
//	                       │<────────── continue <───────┴───────┘
//	                       └──gate──> code ──> app ──> token
//
// What an app asked for travels through the sign-in as one sealed word in the address
// to come back to; the sign-in carries it and does not know what it is. proceed alone
// decides what comes next, each time from the beginning: whether somebody is signed
// in, how freshly, at which level, and whether the app is for them. session.OpenFamily
// is the gate behind it, and asks the resolver itself.
//
// Codes and refresh tokens are handles: the name of a family of tokens and a number,
// under a keyed hash. The family's row says which number is good, so one that comes
// twice is known without a row for each, and ends the family. Access tokens are JWTs
// (RFC 9068); those of a family that ended are refused by us at once, and by others
// when they expire.
//
// A client or an address to return to that is not known is answered here and never by
// a redirect. A store that does not answer is a 503, never a token, and never a
// revocation that says it was done.
package oidc
