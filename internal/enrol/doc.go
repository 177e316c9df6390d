// Package enrol is a person adding, replacing and removing their own second
// factor, at a sign-in that demands it or on the security page.
//
//	(none) --Begin--> unconfirmed --Confirm--> confirmed --Remove--> revoked
//	                      |  wrong code: stays, the key stays too
//	                      +--15 min or begun elsewhere--> a new key
//
// A secret becomes a factor only with a right code; a factor that exists keeps
// working until the new one is confirmed, and is revoked in that transaction.
// Each confirmation makes a new recovery code, shown once. Rows are kept for the
// record with their secrets wiped (row N-29), and every change is told to the
// person by mail.
//
// The functions work inside the caller's transaction; whether the proof was
// fresh enough to call them is the caller's business (session.FreshKind).
package enrol
