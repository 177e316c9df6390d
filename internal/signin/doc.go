// Package signin is the attempt to sign in: begin, answer, next step.
//
//	login + password ──right──> attempt ──next──> code ──────────┐
//	       │ anything else                  ├──> setup-required ──> (mail proof) ──> enrol
//	       └─> sign_in.refused              ├──> new-password                          │
//	reset link, invitation, admin link ─────┘                     └────> gate <────────┘
//
// next (next.go) is the only place that picks a step, from what has been proved
// and what the resolver says; steps never call each other. The gate is
// session.Open; nothing here makes a session by itself.
//
// Outside, everything that is not a right password of an account that may sign
// in is one answer, in text and in time: unknown login, wrong password, pending
// validation, disabled, locked (decision 7.11). The true reason goes to the audit
// log. Guesses are counted exactly: password guesses are reserved before the
// hash, codes are checked and counted in one transaction that commits a refusal
// as readily as a success (decision 7.2, 7.3).
//
// An attempt lives fifteen minutes and belongs to the browser that began it.
package signin
