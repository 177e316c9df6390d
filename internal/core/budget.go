package core

import "time"

// DeadAt is the number of consecutive failures at which a second factor is
// dead until it is bound anew (NIST SP 800-63B-4 §3.2.2, N-01).
const DeadAt = 100

// Budget counts guesses at one secret of one person: across devices, browsers
// and nodes, and in a row of the store, so that neither parallel requests nor a
// restart forget any (DS-03).
type Budget struct {
	Window      time.Time // when the present window began
	Failures    int       // in the window
	LockedUntil time.Time
	Locks       int // consecutive locks: each doubles the next
	Consecutive int // failures since the last success; time does not reset it
}

// LockRule is the setting behind a budget: after Limit failures within Window
// the secret is locked for Period, doubling up to Growth.
type LockRule struct {
	Limit  int      `json:"limit"`
	Window Duration `json:"window"`
	Period Duration `json:"period"`
	Growth Duration `json:"growth"`
}

func (b Budget) Locked(now time.Time) bool { return now.Before(b.LockedUntil) }
func (b Budget) Dead() bool                { return b.Consecutive >= DeadAt }

// Wait is how long a locked budget stays so.
func (b Budget) Wait(now time.Time) time.Duration {
	if !b.Locked(now) {
		return 0
	}
	return b.LockedUntil.Sub(now)
}

// Left is how many failures the present window still allows.
func (b Budget) Left(now time.Time, r LockRule) int {
	if b.Locked(now) {
		return 0
	}
	if !b.inWindow(now, r) {
		return r.Limit
	}
	return max(0, r.Limit-b.Failures)
}

func (b Budget) inWindow(now time.Time, r LockRule) bool {
	return !b.Window.IsZero() && now.Before(b.Window.Add(time.Duration(r.Window)))
}

// Fail counts one failure. It reports whether this one began a lock, and
// whether that was the first since the last success.
func (b Budget) Fail(now time.Time, r LockRule) (next Budget, locked, first bool) {
	next = b
	if !b.inWindow(now, r) {
		next.Window, next.Failures = now, 0
	}
	next.Failures++
	next.Consecutive++
	if next.Failures < r.Limit {
		return next, false, false
	}
	period := time.Duration(r.Period)
	for range min(b.Locks, 20) {
		period = min(period*2, time.Duration(r.Growth))
	}
	next.LockedUntil = now.Add(period)
	next.Locks++
	next.Failures, next.Window = 0, time.Time{} // the window's count restarts after a lock
	return next, true, b.Locks == 0
}

// Succeed is the budget after a success: all is forgotten.
func (b Budget) Succeed() Budget { return Budget{} }

// Clean reports whether there is nothing to reset.
func (b Budget) Clean() bool { return b == Budget{} }
