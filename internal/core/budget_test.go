package core_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/internal/core"
)

var (
	noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	rule = core.LockRule{Limit: 5, Window: core.Duration(15 * time.Minute), Period: core.Duration(5 * time.Minute), Growth: core.Duration(time.Hour)}
)

// fail counts failures at the given minutes after noon; it returns at which of
// them (by position) a lock began.
func fail(b core.Budget, minutes ...float64) (core.Budget, []int) {
	var locks []int
	for i, m := range minutes {
		var locked bool
		if b, locked, _ = b.Fail(at(m), rule); locked {
			locks = append(locks, i)
		}
	}
	return b, locks
}

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

func TestBudgetLocksAtTheLimitWithinTheWindow(t *testing.T) {
	for _, c := range []struct {
		name   string
		at     []float64
		locks  []int
		failed int // in the window, afterwards
	}{
		{"one short", []float64{0, 1, 2, 3}, nil, 4},
		{"the limit", []float64{0, 1, 2, 3, 4}, []int{4}, 0},
		{"all in one instant", []float64{0, 0, 0, 0, 0}, []int{4}, 0},
		{"the last a moment before the window ends", []float64{0, 1, 2, 3, 14.99}, []int{4}, 0},
		{"the last when the window has ended", []float64{0, 1, 2, 3, 15}, nil, 1},
		{"two windows", []float64{0, 1, 2, 3, 15, 16, 17, 18}, nil, 4},
		{"the count restarts after a lock", []float64{0, 1, 2, 3, 4, 9, 9, 9, 9}, []int{4}, 4},
		{"and locks again at the limit", []float64{0, 1, 2, 3, 4, 9, 9, 9, 9, 9}, []int{4, 9}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, locks := fail(core.Budget{}, c.at...)
			if len(locks) != len(c.locks) || len(locks) > 0 && locks[len(locks)-1] != c.locks[len(c.locks)-1] {
				t.Errorf("locks began at %v, want %v", locks, c.locks)
			}
			if b.Failures != c.failed {
				t.Errorf("%d failures in the window, want %d", b.Failures, c.failed)
			}
			if b.Consecutive != len(c.at) {
				t.Errorf("%d consecutive failures, want %d: time does not reset them", b.Consecutive, len(c.at))
			}
		})
	}
}

// Decision 7.3: locks double up to an hour, until a success.
func TestBudgetLocksDoubleUpToGrowth(t *testing.T) {
	now, b := noon, core.Budget{}
	for i, want := range []time.Duration{5, 10, 20, 40, 60, 60, 60} {
		for n := range rule.Limit {
			var locked, first bool
			b, locked, first = b.Fail(now, rule)
			if locked != (n == rule.Limit-1) || first != (locked && i == 0) {
				t.Fatalf("lock %d, failure %d: locked %v, first %v", i, n, locked, first)
			}
		}
		if got := b.Wait(now); got != want*time.Minute {
			t.Errorf("lock %d lasts %s, want %s", i, got, want*time.Minute)
		}
		if b.Left(now, rule) != 0 || !b.Locked(b.LockedUntil.Add(-time.Microsecond)) {
			t.Errorf("lock %d leaves guesses", i)
		}
		now = b.LockedUntil
		if b.Locked(now) || b.Left(now, rule) != rule.Limit || b.Wait(now) != 0 {
			t.Errorf("lock %d does not end when it said", i)
		}
		now = now.Add(24 * time.Hour) // quiet days do not make locks shorter
	}
	b = b.Succeed()
	if !b.Clean() {
		t.Errorf("after a success: %+v", b)
	}
	if b, _ = fail(b, 0, 0, 0, 0, 0); b.Wait(noon) != 5*time.Minute {
		t.Errorf("the first lock after a success lasts %s", b.Wait(noon))
	}
}

// N-01: the hundredth failure in a row is the last, however slowly they came.
func TestBudgetIsDeadAtAHundredN01(t *testing.T) {
	b, now := core.Budget{}, noon
	for n := 1; n <= 120; n++ {
		b, _, _ = b.Fail(now, rule)
		if b.Dead() != (n >= 100) {
			t.Fatalf("after %d failures: dead %v", n, b.Dead())
		}
		now = now.Add(40 * 24 * time.Hour)
	}
}

func TestBudgetLeft(t *testing.T) {
	b, _ := fail(core.Budget{}, 0, 1)
	for _, c := range []struct {
		name string
		at   float64
		rule core.LockRule
		left int
	}{
		{"some used", 2, rule, 3},
		{"window over", 15, rule, 5},
		{"a limit lowered below what was used", 2, core.LockRule{Limit: 1, Window: rule.Window, Period: rule.Period, Growth: rule.Growth}, 0},
	} {
		if got := b.Left(at(c.at), c.rule); got != c.left {
			t.Errorf("%s: %d left, want %d", c.name, got, c.left)
		}
	}
}

// Whatever comes, in whatever order: between two locks there are never more than
// Limit failures, and a lock is never shorter than the one before it.
func TestBudgetHoldsItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := core.LockRule{
			Limit:  rapid.IntRange(1, 20).Draw(t, "limit"),
			Window: core.Duration(rapid.Int64Range(int64(time.Minute), int64(time.Hour)).Draw(t, "window")),
			Period: core.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "period")),
		}
		r.Growth = r.Period + core.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "growth"))
		b, now := core.Budget{}, noon
		var last time.Duration
		sinceLock := 0
		for range rapid.IntRange(1, 200).Draw(t, "failures") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "pause")))
			if b.Locked(now) {
				continue // not evaluated, not counted
			}
			if b.Left(now, r) < 1 {
				t.Fatalf("neither locked nor a guess left: %+v", b)
			}
			var locked bool
			b, locked, _ = b.Fail(now, r)
			if sinceLock++; !locked {
				continue
			}
			if sinceLock < r.Limit {
				t.Fatalf("locked after %d failures, limit %d", sinceLock, r.Limit)
			}
			if w := b.Wait(now); w < last || w < time.Duration(r.Period) || w > time.Duration(r.Growth) {
				t.Fatalf("a lock of %s after one of %s (period %s, growth %s)", w, last, r.Period, r.Growth)
			}
			last, sinceLock = b.Wait(now), 0
		}
	})
}
