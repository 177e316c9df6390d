package console

import (
	"context"

	"sallyport/internal/core"
	"sallyport/internal/session"
)

// Support is acting for an organisation that is not one's own, and letting others
// do so.
type Support interface {
	// Act begins it: the browser gets another session, which goes back to the own one
	// at its end.
	Act(ctx context.Context, by Caller, tenant core.TenantID, reason string) (session.Opened, error)
	// EndAct goes back to the own session.
	EndAct(ctx context.Context, by Caller) (session.Opened, error)
	// ActingIn lists who acts in a tenant now; EndActing ends one of them at once.
	ActingIn(ctx context.Context, by Caller, tenant core.TenantID) ([]Acting, error)
	EndActing(ctx context.Context, by Caller, tenant core.TenantID, id core.SessionID) error
}

// ActPage asks why somebody wants to act for an organisation.
type ActPage struct {
	Page
	Reason string
	Ask    Ask
}

// SupportPage is what an organisation lets its parents do.
type SupportPage struct {
	Page
	Acting []Acting
	May    []TenantDeed // SupportOpen or SupportClose, where the caller may
}
