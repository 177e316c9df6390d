// Package adminapi is the JSON face, under /api/v1: everything that the console and the
// command line do, by the same journeys and with the same refusals.
//
// Its table (ops.go) is the one place that an operation stands in. The routes, the checks
// of what comes in, the OpenAPI document and the readable page are made of its rows, and
// bodies are the types of pkg/sallyport, which the Go client has. A request walks one
// way (handler.go): who asks, how often, what is asked; then the journey, as it is, dry, or
// held to the version that If-Match names.
//
//	caller ─ quota ─ address and body ─ If-Match, dry_run ─ Idempotency-Key ─ journey
//
// A person's login and password are turned away whatever they have proved: the password
// alone would pass a second factor by. What wants a fresh proof is never a program's
// (decision 7.8).
//
// Refusals are problems (RFC 9457) with the fault's code; the words are in the language
// that the request asks for, and never say more than a page would. What is foreign and
// what never was get the same bytes, but for the request's number.
package adminapi
