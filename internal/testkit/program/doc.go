// Package program builds the sallyport program once per test binary and starts
// it as an operator would: a process of its own, spoken to over HTTP and by
// signals. Everything it listens on is a free port on loopback; everything it
// keeps lies in a folder that the test made.
package program
