package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
	"sallyport/internal/store"
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
func (h *House) EnsurePlatform(ctx context.Context, name, actor string) (t core.Tenant, made bool, err error) {
	if t, err = h.Directory.Platform(ctx); !errors.Is(err, core.ErrNotFound) {
		return t, false, err
	}
	t, err = h.Directory.CreateTenant(ctx, directory.NewTenant{Kind: core.Platform, Name: name}, actor, core.Client{})
	if err == nil {
		return t, true, nil
	}
	// Another node may have made it in this moment.
	if there, again := h.Directory.Platform(ctx); again == nil {
		return there, false, nil
	}
	return core.Tenant{}, false, err
}

// CreateUser makes an account that has a password already. Whoever makes it
// vouches for its mailbox: it is validated at once, and for as long as an
// accepted invitation would, that stands in for the mail proof.
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
	roles := n.Roles
	if len(roles) == 0 {
		roles = []core.Role{core.RoleUser}
	}
	err = h.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if eff.Settings.UniqueEmail {
			taken, err := tx.EmailTaken(eff.Organisation.ID, u.EmailKey, "")
			if err != nil {
				return err
			}
			if taken {
				return core.NewFault(core.KindConflict, "user.email_taken")
			}
		}
		u.State, u.ValidatedAt, u.LastSignInAt = core.UserValidated, tx.Now(), tx.Now()
		if err := tx.InsertUser(u); err != nil {
			return err
		}
		for _, r := range roles {
			if err := tx.Grant(core.RoleGrant{User: u.ID, Tenant: u.Tenant, Role: r, At: tx.Now()}); err != nil {
				return err
			}
		}
		made.SetAt = tx.Now()
		if err := tx.SetPassword(u.ID, made); err != nil {
			return err
		}
		e := audit.On(audit.UserCreated, by.ID(), string(u.ID), core.Client{})
		if err := tx.Append(audit.Note(e, "with", "password")); err != nil {
			return err
		}
		return tx.Append(audit.On(audit.UserValidated, by.ID(), string(u.ID), core.Client{}))
	})
	var dup store.ErrDuplicate
	if errors.As(err, &dup) && dup.What == "login" {
		return core.User{}, core.NewFault(core.KindConflict, "user.login_taken")
	}
	if err != nil {
		return core.User{}, fmt.Errorf("create account: %w", err)
	}
	return u, nil
}
