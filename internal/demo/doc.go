// Package demo is the product shown at work on one machine: a house on loopback
// with its own inbox and a clock that can be moved, a walk through the main jobs
// over real HTTP against itself, and people to try it with afterwards: four of
// them with one click, by doors on the start page.
//
// Nothing here is simulated: invitations are mails that went through SMTP, codes
// are computed from the setup key that the page showed, and every line of the
// walk is printed only after what it claims was seen in an answer. The data is
// invented and, without --data, gone at the end.
//
// The routes under /demo exist in this process only. A store made here is marked,
// and serve refuses it.
package demo
