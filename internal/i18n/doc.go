// Package i18n holds every word that is shown to people, in English, German,
// French and Swedish, and chooses which of the four somebody reads.
//
// The texts live in catalog/<tag>.toml and nowhere in Go. Pages, mails and the
// command line ask a Lang for a message by its id; the ids are grouped by what
// shows them:
//
//	page.part          a page's own words ("sign_in.title")
//	fault.<code>       the sentence of a refusal; fault_title, fault_detail and
//	                   fault_next add a heading, a second line and the way out
//	mail.<kind>.…      subject, body1..n and button of a mail
//	date.…             months, and how a date is put together
//
// A Lang is a value without state: it is bound to a request or to a mail and
// never kept in anything shared. A message that is missing in one language, a
// placeholder that differs between two, and a word that the glossary rejects
// are caught by the tests of this package, not at run time; at run time a
// missing id shows as itself, so that a page is never lost over a word.
package i18n
