package audit

import (
	"sallyport/internal/access"
	"sallyport/internal/core"
)

// What an event of somebody who acts in another organisation says besides: where,
// and why. The actor stays the person who did it, so that the log has both names.
const (
	DetailActingIn = "acting_in"
	DetailReason   = "reason"
	// DetailClient is the API client that did it for the actor.
	DetailClient = "api_client"
)

// Did is an event of an administrator, of whatever kind.
func Did(name string, by access.Actor, target string, c core.Client) core.Event {
	e := On(name, by.ID(), target, c)
	e.Session = by.Session
	if by.Acting != nil {
		e = Note(e, DetailActingIn, string(by.Acting.At.Tenant))
		e = Note(e, DetailReason, by.Acting.Reason)
	}
	if by.Bound != nil {
		e = Note(e, DetailClient, string(by.Bound.Client))
	}
	return e
}
