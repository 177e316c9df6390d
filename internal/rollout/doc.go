// Package rollout is the MFA switch of an organisation: asking everybody for a
// second factor, how far that has come, and switching it off again; and the work
// that is too much for one answer and goes on behind it.
//
// Switching off is a state of its own (decision 7.7): from the moment it is said,
// nobody is asked and nobody can enrol, and a job takes the factors away in batches.
// A batch commits with the place behind it, so a job that was killed anywhere goes
// on there, on whatever node; each person is told once, and at the end one event
// has the counts.
package rollout
