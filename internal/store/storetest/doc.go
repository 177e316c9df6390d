// Package storetest is the promise of package store as tests. Every engine runs
// all of it: package sqlite on a file of its own, package postgres on a server
// that the test starts.
//
// What a store promises is said at the contract; here it is only tried, by as
// many goroutines at once as an engine has connections and more. The sweep over
// tenants calls every method of a transaction with the ids of another tenant
// and compares all that the other has before and after; a method that is added
// to the contract and not to the sweep fails it.
//
// Faulty connections for the migration tests of both engines live here too.
package storetest
