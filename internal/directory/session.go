package directory

import (
	"context"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// EndSession ends one session of somebody; one that is not theirs is not found.
func (s *Service) EndSession(ctx context.Context, id core.UserID, which core.SessionID, by access.Actor, c core.Client) error {
	u, _, err := s.Tree.Person(ctx, by, access.EndSessions, id)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		e := audit.Did(audit.SessionRevoked, by, string(id), c)
		return session.End(tx, id, which, session.WhyRevoked, e)
	})
	if err != nil {
		return plainly(fmt.Errorf("end a session of %s: %w", id, err))
	}
	return nil
}
