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

// Connections lists which apps somebody uses, for whoever may see them.
func (s *Service) Connections(ctx context.Context, id core.UserID, by access.Actor) ([]session.Connected, error) {
	u, err := s.Store.FindUser(ctx, id)
	if err != nil {
		return nil, plainly(err)
	}
	at, err := s.Tree.Place(ctx, u.Tenant)
	if err == nil {
		err = See(by, access.ViewPeople, access.ViewPeople, at)
	}
	if err != nil {
		return nil, plainly(err)
	}
	return session.ConnectedApps(ctx, s.Store, u.Tenant, id)
}

// Disconnect takes an app from somebody: all its tokens of them end, it is told, and
// what they allowed it is forgotten. It may ask for it again.
func (s *Service) Disconnect(ctx context.Context, id core.UserID, app core.AppID, by access.Actor, c core.Client) error {
	u, _, err := s.Tree.Person(ctx, by, access.EndSessions, id)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		return session.Disconnect(tx, id, app, audit.Did(audit.AppDisconnected, by, string(id), c))
	})
	if err != nil {
		return plainly(fmt.Errorf("disconnect %s of %s: %w", app, id, err))
	}
	return nil
}
