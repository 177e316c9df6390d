package app

import (
	"context"

	"sallyport/internal/core"
)

// networks looks for organisations whose networks keep out administrators of theirs, by
// the address that each came from last: with the last of them nobody there could widen
// the networks again.
func (x examination) networks(ctx context.Context, d *Diagnosis) error {
	if x.h.Tree == nil {
		return nil // the store was not opened whole, and another check says why
	}
	all, err := x.h.Store.AllTenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.State == core.TenantDeleted || !t.Kind.IsOrganisation() {
			continue
		}
		e, err := x.h.Tree.Effective(ctx, t.ID)
		if err != nil {
			return err
		}
		out, err := x.h.Directory.Outside(ctx, t.ID, e.Settings.LoginNetworks)
		if err != nil {
			return err
		}
		for _, n := range out {
			d.find("%s (%s) came last from outside the networks of %s", n.Login, n.ID, t.Name)
		}
	}
	return nil
}
