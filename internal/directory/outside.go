package directory

import (
	"context"
	"net/netip"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// lately is how many of somebody's last events are looked at for where they come from.
const lately = 50

// Outside are the administrators of an organisation who came last from an address that
// these networks do not allow: they would be kept out, and with the last of them
// everybody who could widen the networks again. Whoever has never been here, or belongs
// to another organisation, is not held by them as far as is known.
func (s *Service) Outside(ctx context.Context, org core.TenantID, allowed core.Networks) ([]Named, error) {
	if len(allowed) == 0 {
		return nil, nil
	}
	var admins []core.User
	err := s.Store.View(ctx, org, func(r store.Reader) (err error) { admins, err = r.Administrators(org); return err })
	if err != nil {
		return nil, err
	}
	var out []Named
	for _, u := range admins {
		home, err := s.Tree.Effective(ctx, u.Tenant)
		if err != nil {
			return nil, err
		}
		if home.Organisation.ID != org {
			continue
		}
		from, err := s.cameFrom(ctx, u)
		if err != nil {
			return nil, err
		}
		if from.IsValid() && !allowed.Allow(from) {
			out = append(out, Named{u.ID, u.Login, u.Name})
		}
	}
	return out, nil
}

// cameFrom is the last address at which somebody did something here.
func (s *Service) cameFrom(ctx context.Context, u core.User) (from netip.Addr, err error) {
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		events, err := r.EventsOf(u.ID, 0, lately)
		if err != nil {
			return err
		}
		from = netip.Addr{}
		for _, e := range events {
			if a, err := netip.ParseAddr(e.Address); err == nil && e.Actor == string(u.ID) && e.Result == audit.OK {
				from = a
				return nil
			}
		}
		return nil
	})
	return from, err
}

// keptOut adds to a preview the administrators who would be outside networks that are
// others than before, but not the actor: where they come from now was asked already.
func (s *Service) keptOut(ctx context.Context, p *Preview, before, after []core.Tenant, by access.Actor) error {
	was, err := policy.Of(before)
	if err != nil {
		return err
	}
	is, err := policy.Of(after)
	if err != nil || !newNetworks(was, is) {
		return err
	}
	out, err := s.Outside(ctx, is.Organisation.ID, is.Settings.LoginNetworks)
	out = slices.DeleteFunc(out, func(n Named) bool { return n.ID == by.User.ID })
	p.add(Effect{What: EffectOutside, Count: len(out), First: out[:min(len(out), firstNames)]})
	return err
}
