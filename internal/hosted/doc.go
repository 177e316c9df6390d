// Package hosted holds the pages of the door: sign-in, the second factor, the
// prompts to set one up, and the links that arrive by mail.
//
// Handlers parse, ask a journey and show: each step of an attempt is a page of
// its own under /sign-in/{attempt}/, and the journey alone says which is next.
// An attempt is bound to its browser by a cookie; a page of somebody else's
// attempt reads as not found. All of it works with scripts off.
package hosted
