package directory

import (
	"context"
	"errors"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/session"
)

// Account is an account as one who asks without a session: with the roles it holds at
// this moment, and no proof.
func (t *Tree) Account(ctx context.Context, u core.User) (access.Actor, error) {
	eff, err := t.Effective(ctx, u.Tenant)
	if err != nil {
		return access.Actor{}, err
	}
	return t.Actor(ctx, session.Current{User: u, Effective: eff})
}

// ErrOwnerGone refuses an API client whose owner can do nothing any more.
var ErrOwnerGone = core.NewFault(core.KindForbidden, "client.owner_gone")

// StandIn is an API client as an actor (row ACR-22): what its owner may do at this
// moment, and of that what the client was given. Scopes are those of the token, which
// may be fewer. Nothing is left of it where the owner cannot sign in, or left the
// organisation that they were in when they made it.
func (t *Tree) StandIn(ctx context.Context, a core.App, scopes []string) (access.Actor, error) {
	u, err := t.store.FindUser(ctx, a.Owner)
	if errors.Is(err, core.ErrNotFound) {
		return access.Actor{}, ErrOwnerGone
	}
	if err != nil {
		return access.Actor{}, err
	}
	eff, err := t.Effective(ctx, u.Tenant)
	if err != nil {
		return access.Actor{}, gone(err)
	}
	if u.Kind != core.Person || !canSignIn(u) || u.PlacedAt.After(a.CreatedAt) || eff.Deleted() || eff.Suspended != nil {
		return access.Actor{}, ErrOwnerGone
	}
	at, err := t.Place(ctx, a.Tenant)
	if err != nil {
		return access.Actor{}, gone(err)
	}
	by, err := t.lent(ctx, u, at, string(a.ID))
	if err != nil {
		return access.Actor{}, gone(err)
	}
	b := access.Bound{Client: a.ID, Write: a.Doc.Client.Write}
	for _, s := range a.Doc.Scopes {
		if slices.Contains(scopes, s) {
			b.Rights = append(b.Rights, access.Permission(s))
		}
	}
	branches := a.Doc.Tenants
	if len(branches) == 0 {
		branches = []core.TenantID{a.Tenant}
	}
	for _, id := range branches {
		p, err := t.Place(ctx, id)
		if errors.Is(err, core.ErrNotFound) {
			continue
		}
		if err != nil {
			return access.Actor{}, err
		}
		// A branch that was moved away is none of the client's any more.
		if below(p, at) {
			b.Under = append(b.Under, p.Path)
		}
	}
	by.Bound = &b
	return by, nil
}

// lent is somebody as one who lends their rights to a program at a place: their own
// where they hold a role, and else, as long as they may act there, those of one who
// acts.
func (t *Tree) lent(ctx context.Context, u core.User, at access.Place, why string) (access.Actor, error) {
	by, err := t.Account(ctx, u)
	if err != nil || by.AtHomeIn(at) {
		return by, err
	}
	if org := at.Organisation(); by.MayActIn(org) {
		by.Acting = &access.Acting{At: org, Reason: why}
	}
	return by, nil
}

// below reports whether a place is in the branch of another, itself included.
func below(p, branch access.Place) bool {
	return branch.Path != "" && len(p.Path) >= len(branch.Path) && p.Path[:len(branch.Path)] == branch.Path
}

// gone is why nothing is left of an owner's rights. Trouble of our own stays what it is.
func gone(err error) error {
	if f, ok := core.AsFault(err); ok && f.Kind != core.KindUnavailable && f.Kind != core.KindInternal {
		return ErrOwnerGone
	}
	return err
}
