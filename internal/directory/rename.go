package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/core"
)

// PlanRename is a node as it would be called.
func (s *Service) PlanRename(ctx context.Context, id core.TenantID, name string, by access.Actor) (core.Tenant, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageTenants, id); err != nil {
		return core.Tenant{}, err
	}
	t, err := s.tenant(ctx, id)
	if err != nil {
		return core.Tenant{}, plainly(err)
	}
	t.Name, err = cleanName(name)
	return t, err
}
