package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
)

// BaseURL is the public address without a slash at its end: the one that is
// served now, or the one that a server of this configuration would have.
func (h *House) BaseURL() string {
	if h.URL != "" {
		return h.URL
	}
	bound := &net.TCPAddr{}
	if _, port, err := net.SplitHostPort(h.Config.Listen); err == nil {
		bound.Port, _ = strconv.Atoi(port) // checked when it was loaded
	}
	return h.Config.BaseURL(bound)
}

// EnsurePlatform finds the root of the tree, or makes it.
func (h *House) EnsurePlatform(ctx context.Context, name string, by access.Actor) (t core.Tenant, made bool, err error) {
	if t, err = h.Directory.Platform(ctx); !errors.Is(err, core.ErrNotFound) {
		return t, false, err
	}
	t, err = h.Directory.CreateTenant(ctx, directory.NewTenant{Kind: core.Platform, Name: name}, by, core.Client{})
	if err == nil {
		return t, true, nil
	}
	// Another node may have made it in this moment.
	if there, again := h.Directory.Platform(ctx); again == nil {
		return there, false, nil
	}
	return core.Tenant{}, false, err
}

// CreateUser makes an account with a first password.
func (h *House) CreateUser(ctx context.Context, n directory.NewUser, password string, mustChange bool, by access.Actor) (core.User, error) {
	u, eff, err := h.Directory.CheckUser(ctx, n, by)
	if err != nil {
		return core.User{}, fmt.Errorf("create account: %w", err)
	}
	made, err := h.SignIn.MakePassword(ctx, u, eff, password, signin.Visitor{})
	if err != nil {
		return core.User{}, fmt.Errorf("create account: %w", err)
	}
	made.MustChange = mustChange
	return h.Directory.Create(ctx, u, eff, n.Roles, made, by, core.Client{})
}
