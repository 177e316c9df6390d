package app

import (
	"context"

	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// networks looks for organisations whose networks keep out administrators of theirs, by
// the address that each came from last: with the last of them nobody there could widen
// the networks again.
func (x examination) networks(ctx context.Context, d *Diagnosis) error {
	// A house without its master key has no journeys, and can be looked at all the same.
	tree := directory.NewTree(x.h.Store, func() bool { return false })
	dir := directory.Service{Store: x.h.Store, Tree: tree}
	all, err := x.h.Store.AllTenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.State == core.TenantDeleted || !t.Kind.IsOrganisation() {
			continue
		}
		e, err := tree.Effective(ctx, t.ID)
		if err != nil {
			return err
		}
		out, err := dir.Outside(ctx, t.ID, e.Settings.LoginNetworks)
		if err != nil {
			return err
		}
		for _, n := range out {
			d.find("%s (%s) came last from outside the networks of %s", n.Login, n.ID, t.Name)
		}
	}
	return nil
}
