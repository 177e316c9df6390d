package desk

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

// Clients lists the API clients of a node.
func (d *Desk) Clients(ctx context.Context, by console.Caller, tenant core.TenantID, cursor string) (console.ClientList, error) {
	found, next, err := d.Directory.ClientsOf(ctx, tenant, store.Page{Limit: 50, After: cursor}, by.Actor)
	if err != nil {
		return console.ClientList{}, err
	}
	list := console.ClientList{Next: next}
	for _, a := range found {
		_, err := d.Directory.Tree.StandIn(ctx, a, nil)
		left := errors.Is(err, directory.ErrOwnerGone)
		if err != nil && !left {
			return list, err
		}
		one, err := d.client(ctx, a, left)
		if err != nil {
			return list, err
		}
		list.Rows = append(list.Rows, one)
	}
	return list, nil
}

func (d *Desk) client(ctx context.Context, a core.App, left bool) (console.Client, error) {
	owner, err := d.nameOf(ctx, string(a.Owner))
	return console.Client{App: a, Owner: owner.who.Name, Left: left, Over: a.Over(d.Now())}, err
}

// Client is one of a node; one of another node is not found there.
func (d *Desk) Client(ctx context.Context, by console.Caller, tenant core.TenantID, id core.ClientID) (console.Client, error) {
	// Who may see none here learns that first, and of no id whether it exists.
	if _, _, err := d.Directory.Tree.On(ctx, by.Actor, access.ManageApps, tenant); err != nil {
		return console.Client{}, err
	}
	x, err := d.Directory.Client(ctx, id, by.Actor)
	if err == nil && x.Client.Tenant != tenant {
		err = core.ErrNotFound
	}
	if err != nil {
		return console.Client{}, err
	}
	out, err := d.client(ctx, x.Client, x.Left)
	out.Secrets = x.Secrets
	return out, err
}

// SaveClient makes or changes one. The branches that it may see stay as they are: only
// the shell sets them.
func (d *Desk) SaveClient(ctx context.Context, by console.Caller, w console.ClientWish) (core.App, string, error) {
	wish := directory.ClientWish{Name: w.Name, Write: w.Write, Networks: w.Networks, ExpiresAt: w.Expires}
	for _, r := range w.Rights {
		wish.Scopes = append(wish.Scopes, string(r))
	}
	switch {
	case w.Service != "":
		if _, err := d.Replaceable(ctx, by, w.Tenant, w.Service); err != nil {
			return core.App{}, "", err
		}
		wish.Scopes = nil
		return d.Directory.ReplaceService(ctx, w.Service, wish, time.Duration(w.Quiet)*24*time.Hour, by.Actor, by.Client)
	case w.Client == "":
		return d.Directory.CreateClient(ctx, w.Tenant, wish, by.Actor, by.Client)
	}
	had, err := d.Client(ctx, by, w.Tenant, w.Client)
	if err != nil {
		return core.App{}, "", err
	}
	wish.Tenants = had.App.Doc.Tenants
	a, err := d.Directory.ChangeClient(ctx, w.Client, wish, w.Version, by.Actor, by.Client)
	return a, "", err
}

// DoClient does a deed on one.
func (d *Desk) DoClient(ctx context.Context, by console.Caller, id core.ClientID, deed console.ClientDeed, days int) (secret string, err error) {
	switch deed {
	case console.ClientRotate:
		secret, _, err = d.Directory.RotateClientSecret(ctx, id, time.Duration(days)*24*time.Hour, by.Actor, by.Client)
	case console.ClientStop, console.ClientStart:
		_, err = d.Directory.SwitchClient(ctx, id, deed == console.ClientStart, by.Actor, by.Client)
	case console.ClientDelete:
		err = d.Directory.DeleteClient(ctx, id, by.Actor, by.Client)
	default:
		err = core.ErrNotFound
	}
	return secret, err
}

// Replaceable is a service account of a node.
func (d *Desk) Replaceable(ctx context.Context, by console.Caller, tenant core.TenantID, id core.UserID) (core.User, error) {
	u, _, err := d.Directory.ServiceOf(ctx, id, by.Actor)
	if err == nil && (u.Tenant != tenant || u.Kind != core.ServiceAccount) {
		err = core.ErrNotFound
	}
	return u, err
}
