// Package session owns signed-in browsers: the gate that lets one in, the check
// that every request makes, the rise of its level, and its end.
//
// Open is the one function of the product that creates a session; it asks the
// resolver itself, so no path can bring its own opinion (decision 7.1). A
// session's token is 256 random bits of which the store keeps a hash; it changes
// at each rise of level (rows A-13, B-26).
//
// Check answers from a bounded memory of live sessions that the change feed
// keeps honest: whatever takes something away appends a line in its own
// transaction, and a node that could not read the feed for a second asks the
// store instead (Q-03, DS-06). An unknown, ended or expired token is
// core.ErrNoSession; a store that does not answer is a fault, never a session.
package session
