// Package directory owns the tenant tree and the accounts in it: create, invite,
// accept, disable, unlock, and what holds where.
//
// Tree keeps the effective settings of tenants in memory; the change feed clears
// it. Everything that writes is a journey of one transaction: the change, its
// audit event, its mail and, where something is taken away, a line of the feed.
//
// An invitation link lives as long as its organisation says, shows itself to a
// GET and is spent by a POST only; a newer one kills it. Whoever has not accepted
// is pending validation and cannot sign in.
package directory
