package access

import (
	"time"

	"sallyport/internal/core"
)

// Fresh is how long an administrator's own proof counts (decision 7.8, DS-14).
const Fresh = 5 * time.Minute

// What an actor is asked for when a proof is missing, in step_up.required.
const (
	AskPassword = "password"
	AskSecond   = "totp"
	AskEnrol    = "enrol"
	// AskPerson: a program asked, and no program can do this.
	AskPerson = "person"
)

// Prove refuses an actor who has not shown themselves freshly enough to reset,
// untrust, convert, make a pass, switch off or act elsewhere: the highest level
// they have, and a second factor as soon as anybody in the organisation it is
// about has one. Whoever has none then enrols first. It is always the actor's own
// proof and never one of the person it is about.
func (a Actor) Prove(now time.Time, anybodyEnrolled bool) error {
	if a.shell != "" {
		return nil
	}
	if a.IsProgram() {
		return core.ErrStepUp.With("method", AskPerson)
	}
	second := a.Enrolled || anybodyEnrolled
	for _, p := range a.Proofs {
		if age := now.Sub(p.At); age < 0 || age >= Fresh {
			continue
		}
		switch p.Kind {
		case core.FactorTOTP, core.FactorPasskey, core.FactorRecoveryCode:
			return nil
		case core.FactorPassword:
			if !second {
				return nil
			}
		}
	}
	switch {
	case a.Enrolled:
		return core.ErrStepUp.With("method", AskSecond)
	case anybodyEnrolled:
		return core.ErrStepUp.With("method", AskEnrol)
	}
	return core.ErrStepUp.With("method", AskPassword)
}
