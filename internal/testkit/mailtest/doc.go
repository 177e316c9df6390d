// Package mailtest gives tests mail servers to deliver to: a private Postfix
// that nobody here wrote, with a folder of its own for configuration, queue and
// mailboxes, and a server that answers what a test tells it to, for faults.
// Both listen on a free port of loopback and end with the test; the machine's
// own mail is not touched.
package mailtest
