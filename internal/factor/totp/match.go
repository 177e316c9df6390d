package totp

import (
	"crypto/subtle"
	"time"
)

// driftSteps is how far around now a code is looked for, in order to tell a
// clock that is off from a wrong code: ten minutes either way.
const driftSteps = 20

type outcome int

const (
	wrong outcome = iota
	drifted
	replayed
	accepted
)

// Result is what a typed code turned out to be. The zero value is a wrong code.
type Result struct {
	outcome outcome
	// Step is the time step that the code belongs to; 0 for a wrong code.
	Step int64
	// Offset is how many steps the code lies ahead of now, negative when behind.
	Offset int
	period int
}

// Accepted: the code is right, within the permitted skew, and of a step after
// the last one accepted. The caller stores Step in the same transaction.
func (r Result) Accepted() bool { return r.outcome == accepted }

// Replayed: the code is right, but of the last accepted step or one before it
// (T-05).
func (r Result) Replayed() bool { return r.outcome == replayed }

// Drifted: the code would be right at another time within ten minutes. It
// proves nothing; the person's clock is probably off.
func (r Result) Drifted() bool { return r.outcome == drifted }

// DriftMinutes is how far the person's clock seems off, in whole minutes,
// positive when it is ahead. It is 0 unless Drifted.
func (r Result) DriftMinutes() int {
	if r.outcome != drifted {
		return 0
	}
	seconds := r.Offset * r.period
	if seconds < 0 {
		return -((-seconds + 30) / 60)
	}
	return (seconds + 30) / 60
}

// Match compares a typed code with the codes around now. The code is digits
// only; forgiving spaces is the page's business. It always computes and compares
// every step in reach, so its time tells nothing about which one was meant.
func Match(secret []byte, code string, now time.Time, lastStep int64, p Params) Result {
	if p.Validate() != nil || len(code) != p.Digits || len(secret) == 0 {
		return Result{}
	}
	result := Result{period: p.Period}
	current := StepAt(now, p.Period)
	codes := newHOTP(secret, p)
	// From the edges inwards, so that of two equal codes the one nearest to now
	// is kept. Only of the step that was accepted last a refusal as used is stronger
	// than that: its digits are never accepted again, even if they come round. Were it
	// so of each of the steps before it, one right code in 50,000 would be refused.
	for distance := driftSteps; distance >= 0; distance-- {
		for _, offset := range [2]int{distance, -distance} {
			step := current + int64(offset)
			if step < 0 {
				continue
			}
			if subtle.ConstantTimeCompare(codes.code(step), []byte(code)) == 0 || result.outcome == replayed && result.Step == lastStep {
				continue
			}
			result.Step, result.Offset = step, offset
			switch {
			case step <= lastStep:
				result.outcome = replayed
			case distance <= p.Skew:
				result.outcome = accepted
			default:
				result.outcome = drifted
			}
		}
	}
	return result
}

// Clock looks for a code far around now, for a helper who wants to know how far
// a person's clock is off. found is false when no step within reach has this
// code. It decides nothing about signing in.
func Clock(secret []byte, code string, now time.Time, reach time.Duration, p Params) (offset time.Duration, found bool) {
	if p.Validate() != nil || len(code) != p.Digits || len(secret) == 0 {
		return 0, false
	}
	current := StepAt(now, p.Period)
	codes := newHOTP(secret, p)
	steps := int64(min(reach, maxReach) / (time.Duration(p.Period) * time.Second))
	for distance := steps; distance >= 0; distance-- {
		for _, d := range [2]int64{distance, -distance} {
			if step := current + d; step >= 0 && subtle.ConstantTimeCompare(codes.code(step), []byte(code)) == 1 {
				offset, found = time.Duration(d*int64(p.Period))*time.Second, true
			}
		}
	}
	return offset, found
}

// maxReach keeps Clock cheap and its answer meaningful: over a day, 5,760 codes
// of a million are tried, so one wrong code in 170 finds a step by chance.
const maxReach = 24 * time.Hour
