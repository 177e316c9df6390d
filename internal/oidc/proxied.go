package oidc

import (
	"context"
	"net/netip"

	"sallyport/internal/core"
)

// Presented is a person's access token that somebody sent to an API beside us.
type Presented struct {
	User  core.User
	For   []string
	Level core.Level
}

// Present looks at such a token. One that is bound to a key is not taken: its proof is
// for the API's own address, which is not asked here. Nor is one that no person stands
// behind.
func (h *Handler) Present(ctx context.Context, text string, from netip.Addr) (p Presented, ok bool, err error) {
	if len(text) > longest {
		return p, false, nil
	}
	a, ok, err := h.look(ctx, text)
	if err != nil || !ok || a.Bound != nil || a.Family == "" {
		return p, false, err
	}
	if a.app.Public() {
		eff, err := h.Tree.Effective(ctx, a.user.Tenant)
		if err != nil || !eff.Settings.LoginNetworks.Allow(from) {
			return p, false, err
		}
	}
	return Presented{a.user, a.Audience, a.family.Level}, true, nil
}
