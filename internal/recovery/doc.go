// Package recovery is getting back in: the forgotten password or login, an
// administrator's reset of somebody's factors, and the operator's admin link.
//
// Asking for a reset answers the same whatever it finds; the mail goes to the
// stored address only and names the login it is for (rows B-16, B-28). None of
// these ways signs anybody in past their second factor: a reset link sets a
// password and begins an attempt (signin.Reset), an administrator's reset ends
// sessions and makes the next sign-in enrol anew, the admin link replaces
// password and factor before there is a session (decision 7.19).
package recovery
