// Package outbox is what leaves the house later: mail. A journey queues a
// message in the transaction of the deed that it tells of, so a mail goes out
// exactly when the deed happened, and the answer to a browser never waits for a
// mail server (security rows DS-22, B-25).
//
//	queued ──► sent
//	   │  ╲──► failed    the recipient's server refused it for good
//	   ╰─────► expired   its link died, or its news grew old, before it could leave
//
// Post queues, Worker claims what is due and hands it to a Sender (SMTP), one
// node at a time. A claim is a lease: a worker that is killed loses it, and the
// mail goes out from the next. Between the receiving server's "250" and our
// note of it a kill may send a mail twice, never lose it; both copies carry the
// same Message-ID.
//
// What a mail says is sealed at rest, because it may hold a single-use link. It
// is put into words only when it is sent, by the catalogs of i18n and the two
// templates here; no other package writes mail.
//
// Nobody can be flooded: mails that a stranger can cause (reset, first lock)
// are dropped once half of an address's hour is used, all others wait for their
// turn. Inbox is a receiver of our own, for demo and tests.
package outbox
