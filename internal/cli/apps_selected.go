package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/session"
)

type mfaAppsCmd struct {
	List    mfaAppsListCmd    `cmd:"" help:"List the apps of an organisation's people, and which of them ask for a second factor."`
	Require mfaAppsRequireCmd `cmd:"" help:"Ask whoever opens an app for a second factor."`
	Release mfaAppsReleaseCmd `cmd:"" help:"Ask nobody for one because of that app any more; factors stay."`
}

type mfaAppsListCmd struct {
	Tenant string `arg:"" name:"tenant" help:"Id or name."`
}

// selectedOut is an app as an organisation's table has it.
type selectedOut struct {
	ID       core.AppID `json:"client_id"`
	Name     string     `json:"name"`
	Owner    string     `json:"owner,omitempty"`
	Shared   bool       `json:"of_platform"`
	Selected bool       `json:"selected"`
	LockedBy string     `json:"locked_by,omitempty"`
	People   int        `json:"used_by_people"`
	Wrong    string     `json:"wrong,omitempty"`
}

func (v *mfaAppsListCmd) Run(s *shell) error {
	list := items[selectedOut]{Items: []selectedOut{}}
	if err := each(s, "mfa.apps.list", how{}, tenantIn{v.Tenant}, func(o selectedOut) error { list.Items = append(list.Items, o); return nil }); err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tREQUIRED\tUSED IN 90 DAYS\tOF\tNOTE\tCLIENT ID")
		for _, o := range list.Items {
			required, note, owner := "no", o.Wrong, plain(o.Owner)
			if o.Selected {
				required = "yes"
			}
			if o.LockedBy != "" {
				required = "locked by " + plain(o.LockedBy)
			}
			if o.Shared {
				owner = "the platform"
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", plain(o.Name), required, o.People, owner, note, o.ID)
		}
		t.Flush()
	})
}

func farMFAApps(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	t, err := nodeOr(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	all, err := h.Directory.Selection(ctx, t.ID, access.Shell())
	if err != nil {
		return err
	}
	for _, a := range all.Apps {
		o := selectedOut{ID: a.App.ID, Name: a.App.Name, Owner: a.Owner, Shared: a.Shared, Selected: a.Selected, People: a.Use.People, Wrong: a.Wrong}
		if a.Lock != nil {
			o.LockedBy = a.Lock.Name
		}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	return nil
}

// oneSelected names an app of an organisation's table.
type oneSelected struct {
	oneTenant
	App string `arg:"" name:"app" help:"Client id of the app (mfa apps list)."`
	sure
}

func (v oneSelected) run(s *shell, verb string) error {
	return s.do(write{verb: verb, dry: v.dry, sure: &v.sure, in: func(c changing) any { return nodeIn{Tenant: v.Tenant, changing: c, App: core.AppID(v.App)} },
		next: func(c changed) string { return "sallyport mfa apps list " + c.ID }})
}

type mfaAppsRequireCmd struct{ oneSelected }

func (v *mfaAppsRequireCmd) Run(s *shell) error { return v.run(s, "mfa.apps.require") }

type mfaAppsReleaseCmd struct{ oneSelected }

func (v *mfaAppsReleaseCmd) Run(s *shell) error { return v.run(s, "mfa.apps.release") }

func selectApp(on bool) tenantDeed {
	return tenantDeed{
		plan: func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error {
			all, err := h.Directory.Selection(ctx, t.ID, access.Shell())
			if err != nil {
				return err
			}
			if slices.ContainsFunc(all.Apps, func(a directory.SelectedApp) bool { return a.App.ID == in.App && a.Selected == on }) {
				return nil // it is so already
			}
			p, a, _, err := h.Directory.PlanSelect(ctx, t.ID, in.App, on, access.Shell())
			if err != nil {
				return err
			}
			o.take(p)
			o.Changes = []string{"ask nobody for a second factor because of " + a.App.Name + " any more"}
			if on {
				o.Changes = []string{"ask whoever opens " + a.App.Name + " for a second factor"}
			}
			return nil
		},
		do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
			_, err := j.dir.SelectApp(ctx, t.ID, in.App, on, access.Shell(), core.Client{})
			return err
		},
	}
}

type userAppsCmd struct {
	List userAppsListCmd `cmd:"" help:"Show which apps somebody uses and what they allowed them."`
	End  userAppsEndCmd  `cmd:"" help:"Take an app from somebody: all its tokens of them end."`
}

type userAppsListCmd struct {
	User string `arg:"" name:"login" help:"Login or id."`
}

type connectedOut struct {
	ID     core.AppID `json:"client_id"`
	Name   string     `json:"name"`
	Since  time.Time  `json:"since"`
	Used   time.Time  `json:"last_used_at"`
	Scopes []string   `json:"allowed_scopes"`
	Live   int        `json:"sign_ins"`
	Gone   bool       `json:"deleted,omitempty"`
}

func (v *userAppsListCmd) Run(s *shell) error {
	list := items[connectedOut]{Items: []connectedOut{}}
	if err := each(s, "user.apps.list", how{}, userIn{User: v.User}, func(o connectedOut) error { list.Items = append(list.Items, o); return nil }); err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tSINCE\tLAST USED\tSIGN-INS\tALLOWED\tCLIENT ID")
		for _, o := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%v\t%s\n", plain(o.Name), when(o.Since), when(o.Used), o.Live, o.Scopes, o.ID)
		}
		t.Flush()
	})
}

func farUserApps(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	all, err := h.Directory.Connections(ctx, u.ID, access.Shell())
	if err != nil {
		return err
	}
	for _, c := range all {
		o := connectedOut{ID: c.App, Name: c.Name, Since: c.FirstUsedAt.UTC(), Used: c.LastUsedAt.UTC(), Scopes: c.Scopes, Live: c.Live, Gone: c.Gone}
		if o.Scopes == nil {
			o.Scopes = []string{}
		}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	return nil
}

type userAppsEndCmd struct {
	oneAccount
	App string `arg:"" name:"app" help:"Client id of the app (user apps list)."`
	sure
}

func (v *userAppsEndCmd) Run(s *shell) error {
	return s.do(write{verb: "user.apps.end", dry: v.dry, sure: &v.sure, in: func(c changing) any { return userIn{User: v.User, changing: c, App: core.AppID(v.App)} },
		next: func(c changed) string { return "sallyport user apps list " + c.Login }})
}

var disconnect = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		all, err := h.Directory.Connections(ctx, u.ID, access.Shell())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(c session.Connected) bool { return c.App == in.App })
		if i < 0 {
			return core.ErrNotFound.With("app", string(in.App))
		}
		o.Changes = []string{"take " + all[i].Name + " from it, with " + count(all[i].Live, "sign-in", "sign-ins")}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		return j.dir.Disconnect(ctx, u.ID, in.App, access.Shell(), core.Client{})
	},
}

type appRetireCmd struct {
	appID
	Secret string `arg:"" help:"Which secret, by its mark (app show)."`
	dry
}

func (v *appRetireCmd) Run(s *shell) error {
	o, err := one[appOut](s, "app.retire", how{}, appIn{App: core.AppID(v.App), Secret: v.Secret, DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintf(w, "would end the secret %s of %q\n", v.Secret, plain(o.Name))
			return
		}
		fmt.Fprintf(w, "%s: the secret %s has ended\n", o.ID, v.Secret)
	})
}

func farAppRetire(ctx context.Context, h *app.House, in appIn, out *answers) error {
	d, err := h.Directory.App(ctx, in.App, access.Shell())
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	if err := service.RetireAppSecret(ctx, in.App, in.Secret, access.Shell(), core.Client{}); err != nil {
		return err
	}
	o := appAnswer(d.App)
	o.DryRun = in.DryRun
	return out.Result(o)
}
