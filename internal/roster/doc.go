// Package roster brings people in from files of other systems and writes them
// out again.
//
// A reader turns a file (lines of JSON, CSV, a Keycloak export) into rows, one
// for each person, and knows nothing of the house. Service.Bring takes a chunk
// of rows: it checks each for itself, asks the store for all of them at once what
// is taken, and brings the good ones in by one transaction, with the event of
// each and one for the chunk. So a run that was killed is run again: who is there
// already is skipped, and nobody comes twice. Service.Export writes people
// without anything secret.
//
//	file ─ reader ─ rows ─ chunk ─ Bring ─┬ checked: a fault, or a newcomer
//	                                      ├ known login: skip, update or fault
//	                                      └ one transaction: arrived
//
// What can go wrong: a row (a Problem with its number and a fault's code), a
// chunk (an error; nothing of it came in), the file (the reader's error). A
// problem never holds anything of what stood in the row, since a column that was
// mapped wrongly may be a secret.
package roster
