package session

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// WhyDisconnected is why the tokens of an app end that was taken from a person.
const WhyDisconnected = "disconnected"

// Connected is an app that somebody uses, as their pages show it.
type Connected struct {
	core.Connection
	Name string
	// Live is how many sign-ins it has tokens of.
	Live int
	// Gone: it was deleted, so nothing of it counts any more.
	Gone bool
}

// ConnectedApps lists the apps that somebody uses, by name.
func ConnectedApps(ctx context.Context, st store.Store, tenant core.TenantID, user core.UserID) ([]Connected, error) {
	var out []Connected
	err := st.View(ctx, tenant, func(r store.Reader) error {
		all, err := r.Connections(user)
		if err != nil {
			return err
		}
		families, err := r.Families(user)
		if err != nil {
			return err
		}
		live := map[core.AppID]int{}
		for _, f := range families {
			if !f.CodeAt.IsZero() {
				live[f.App]++
			}
		}
		out = out[:0]
		for _, c := range all {
			out = append(out, Connected{Connection: c, Live: live[c.App]})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		a, _, err := st.FindApp(ctx, out[i].App)
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return nil, err
		}
		out[i].Name, out[i].Gone = a.Name, a.State != core.AppActive && a.State != core.AppDisabled
	}
	slices.SortFunc(out, func(a, b Connected) int {
		if c := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(string(a.App), string(b.App))
	})
	return out, nil
}

// Disconnect takes an app from somebody in the caller's transaction: its tokens end,
// it is told where it wants to be, and what was allowed is forgotten. An app that
// they do not use is not found.
func Disconnect(tx store.Tx, user core.UserID, app core.AppID, e core.Event) error {
	if _, err := tx.Connection(user, app); err != nil {
		return err
	}
	n, err := tx.EndFamiliesOfApp(user, app, WhyDisconnected)
	if err != nil {
		return err
	}
	if err := tx.DropConnection(user, app); err != nil {
		return err
	}
	if err := tx.Append(audit.Count(audit.Note(e, "app", string(app)), "sign_ins", n)); err != nil {
		return err
	}
	return tx.Changed(core.ChangeUser, string(user))
}

// DisconnectOwn takes an app from the person whose session it is.
func DisconnectOwn(ctx context.Context, st store.Store, own core.Session, app core.AppID, c core.Client) error {
	if own.ActingIn != "" {
		return ErrActing
	}
	return st.Update(ctx, own.Tenant, func(tx store.Tx) error {
		e := audit.By(audit.AppDisconnected, own.User, c)
		e.Session = own.ID
		return Disconnect(tx, own.User, app, e)
	})
}
