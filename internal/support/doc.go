// Package support is help from above: an organisation opens or closes its support
// access, and while it is open somebody who administers an organisation above may
// act as its administrator (row ACR-05, decision 2).
//
// Acting is a session of its own: short, with a reason, of the person themselves.
// It has the rights of that organisation's administrator as far as the person holds
// them, and none over the person's own account. Both logs have both names, and the
// organisation's administrators are told by mail when it begins. Every request of
// such a session is checked against the tree (session.Checker.MayAct), so closing
// support access ends it on every node as soon as the change feed is read.
package support
