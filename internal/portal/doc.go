// Package portal holds the pages of one's own account: how it is protected, where
// it is signed in, its password and its profile.
//
// Every row needs a session. What changes factors needs a fresh proof besides;
// a handler that the journey refuses with step_up.required sends the person to
// /account/verify and back. The page with a new recovery code stands before
// /account/ until it is answered; every other page stays open (interfaces §3).
package portal
