package signin

import (
	"context"
	"log/slog"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Service holds what the steps of a sign-in need.
type Service struct {
	Store   store.Store
	Tree    *directory.Tree
	Ring    *secret.Ring
	Hasher  *secret.Hasher
	Decoys  *Decoys
	Post    *outbox.Post
	Enrol   enrol.Room
	Limiter *Limiter
	Log     *slog.Logger
	Now     func() time.Time
	// Count is told of each answer for the metrics; may be nil.
	Count func(what, result, reason string)
	// Leads says what an address to return to leads into. It is the face that made
	// the address who knows; nil is nowhere but our own pages.
	Leads func(ctx context.Context, returnTo string) Lead
}

// Lead is what an address to return to leads into. The zero value is a page of ours.
type Lead struct {
	App     policy.App // as rules see it
	Name    string     // of the app, for people
	Origin  string     // that forms may end at
	Locales string     // the languages that the app asked for, best first
	Login   string     // whom the app expects
}

// Lead says what an address to return to leads into.
func (s *Service) Lead(ctx context.Context, returnTo string) Lead {
	if s.Leads == nil || returnTo == "" {
		return Lead{}
	}
	return s.Leads(ctx, returnTo)
}

// Visitor is the browser at the other end: where it is and the cookies it has.
type Visitor struct {
	core.Client
	Device  string // the device cookie, empty when there is none; see devices.go
	Browser string // the attempt cookie's secret, empty when there is none
}

func (v Visitor) lane() secret.Lane { return secret.Lane{Source: v.Source()} }

// Step is a page that a sign-in stands at.
type Step string

const (
	StepPassword      Step = "password" // begin anew
	StepCode          Step = "code"
	StepSetupRequired Step = "setup-required"
	StepConfirmMail   Step = "confirm-mail"
	StepEnrolTOTP     Step = "enrol-totp"
	StepNewPassword   Step = "new-password"
	StepDone          Step = "done"
)

// Result is where a sign-in stands after an answer, and the cookies to set.
type Result struct {
	Step    Step
	Attempt core.AttemptID
	// Browser is the attempt cookie's secret when it must be set.
	Browser string
	// Device is the device cookie when it must be set.
	Device string
	// Opened is the session, at StepDone.
	Opened *session.Opened
	// ReturnTo is where the person was going, at StepDone; empty for the start.
	ReturnTo string
	// Between is the page that stands before ReturnTo, if one does.
	Between Between
}

func (s *Service) count(what, result, reason string) {
	if s.Count != nil {
		s.Count(what, result, reason)
	}
}
