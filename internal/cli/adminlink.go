package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

type adminLinkCmd struct {
	For string `help:"Login of the account; not needed while there is one platform administrator." placeholder:"LOGIN"`
	sure
	dry
}

func (*adminLinkCmd) Help() string {
	return "The link works once. It leads to a new password and a new authenticator app; the old password ends when the new one is set, the old app when the new one is confirmed, and no session exists before. " +
		"Every platform administrator is told by mail, and it is audited as local-shell."
}

type adminLinkIn struct {
	For    string `json:"for,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
	// Sure: replacing what the account has was agreed to.
	Sure bool `json:"sure,omitempty"`
}

type adminLinkOut struct {
	Login string    `json:"login"`
	URL   string    `json:"url,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Replaces: the account has a password or a factor, which the link ends.
	Replaces bool `json:"replaces"`
	DryRun   bool `json:"dry_run,omitempty"`
}

func (v *adminLinkCmd) Run(s *shell) error {
	in := adminLinkIn{For: v.For, DryRun: true}
	plan, err := one[adminLinkOut](s, "admin-link", how{}, in)
	if err != nil {
		return err
	}
	if v.DryRun {
		return s.result(plan, func(w io.Writer) {
			fmt.Fprintf(w, "would make a link for %s, good for 30 minutes, and tell every platform administrator\n", plain(plan.Login))
			if plan.Replaces {
				fmt.Fprintln(w, "using it would replace the password and the second factor")
			}
		})
	}
	if plan.Replaces {
		if err := s.confirm(v.Yes, "", "Using the link replaces the password and the second factor of %s.", plain(plan.Login)); err != nil {
			return err
		}
	}
	out, err := one[adminLinkOut](s, "admin-link", how{}, adminLinkIn{For: plan.Login, Sure: true})
	if err != nil {
		return err
	}
	s.say("for %s, once, until %s:", plain(out.Login), out.Until.Local().Format("15:04"))
	if err := s.result(out, func(w io.Writer) { fmt.Fprintln(w, out.URL) }); err != nil {
		return err
	}
	s.next("open it in a browser; if nothing answers there: sallyport serve")
	return nil
}

func farAdminLink(ctx context.Context, h *app.House, in adminLinkIn, out *answers) error {
	answer, err := adminLink(ctx, h, in)
	if err != nil {
		return err
	}
	return out.Result(answer)
}

func adminLink(ctx context.Context, h *app.House, in adminLinkIn) (adminLinkOut, error) {
	u, err := linkFor(ctx, h, in.For)
	if err != nil {
		return adminLinkOut{}, err
	}
	out := adminLinkOut{Login: u.Login, DryRun: in.DryRun}
	err = h.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(u.ID)
		if err != nil {
			return err
		}
		p, err := r.Password(u.ID)
		if errors.Is(err, core.ErrNotFound) {
			err = nil
		}
		out.Replaces = len(factors) > 0 || p.Hash != ""
		return err
	})
	if err != nil || in.DryRun {
		return out, err
	}
	if out.Replaces && !in.Sure {
		return out, core.ErrConfirmRequired
	}
	path, till, err := h.Recovery.AdminLink(ctx, u.ID, access.Shell(), core.Client{})
	if err != nil {
		return out, err
	}
	// Loud before useful: who cannot be told of the link does not get it.
	if err := h.Recovery.TellOperators(ctx, "sallyport admin-link --for "+u.Login, string(u.ID)); err != nil {
		return out, fmt.Errorf("the link was not handed out, because the administrators could not be told: %w", err)
	}
	out.URL, out.Until = h.BaseURL()+path, till
	return out, nil
}

// linkFor finds the account that a link is for.
func linkFor(ctx context.Context, h *app.House, login string) (core.User, error) {
	if login != "" {
		return h.Directory.FindUser(ctx, login)
	}
	admins, err := administrators(ctx, h)
	if err != nil {
		return core.User{}, err
	}
	switch len(admins) {
	case 1:
		return admins[0], nil
	case 0:
		return core.User{}, errors.New("nobody administers the platform yet. Make the first administrator:\n" +
			"  sallyport user invite --role platform_admin --name \"YOUR NAME\" --email YOU@EXAMPLE.COM --print-link")
	}
	logins := make([]string, len(admins))
	for i, u := range admins {
		logins[i] = plain(u.Login)
	}
	return core.User{}, fmt.Errorf("several people administer the platform; say for whom with --for: %s", strings.Join(logins, ", "))
}
