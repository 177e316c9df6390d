package cli

import (
	"context"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
)

type userRolesCmd struct {
	List   userRolesListCmd   `cmd:"" help:"Show the roles that an account holds, and where."`
	Grant  userRolesGrantCmd  `cmd:"" help:"Give an account a role on a node and below."`
	Revoke userRolesRevokeCmd `cmd:"" help:"Take a role from an account."`
}

type userRolesListCmd struct {
	User string `arg:"" name:"login" help:"Login or id."`
}

type roleOf struct {
	oneAccount
	Role string `arg:"" name:"role" help:"${roles}, or a custom role by its id or name."`
	On   string `help:"Id or name of the node; the account's own when not given." placeholder:"TENANT"`
}

func (v roleOf) more(in *userIn) { in.Role, in.On = v.Role, v.On }

type userRolesGrantCmd struct{ roleOf }

func (v *userRolesGrantCmd) Run(s *shell) error {
	return s.change("user.roles.grant", v.oneAccount, nil, v.more)
}

type userRolesRevokeCmd struct {
	roleOf
	sure
}

func (v *userRolesRevokeCmd) Run(s *shell) error {
	return s.change("user.roles.revoke", v.oneAccount, &v.sure, v.more)
}

// roleMeant finds the role and the node that a verb names. A shipped role is its own
// name.
func roleMeant(ctx context.Context, h *app.House, u core.User, in userIn) (core.CustomRole, core.Tenant, error) {
	word := in.On
	if word == "" {
		word = string(u.Tenant)
	}
	on, err := h.Directory.FindTenant(ctx, word)
	if err != nil {
		return core.CustomRole{}, on, err
	}
	if slices.Contains(core.Roles, core.Role(in.Role)) {
		return core.CustomRole{ID: core.Role(in.Role), Name: in.Role}, on, nil
	}
	r, err := customRole(ctx, h, on.ID, in.Role)
	return r, on, err
}

func holds(ctx context.Context, h *app.House, u core.User, r core.Role, on core.TenantID) (bool, error) {
	all, err := h.Store.RolesOf(ctx, u.ID)
	return slices.ContainsFunc(all, func(g core.RoleGrant) bool { return g.Role == r && g.Tenant == on }), err
}

var grantRole = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		r, on, err := roleMeant(ctx, h, u, in)
		if err != nil {
			return err
		}
		if has, err := holds(ctx, h, u, r.ID, on.ID); err != nil || has {
			return err
		}
		o.Changes = []string{"give it the role " + r.Name + " on " + on.Name}
		return nil
	},
	do: func(ctx context.Context, h *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		r, on, err := roleMeant(ctx, h, u, in)
		if err == nil {
			err = j.dir.GrantRole(ctx, u.ID, r.ID, on.ID, access.Shell(), core.Client{})
		}
		return err
	},
}

var revokeRole = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		r, on, err := roleMeant(ctx, h, u, in)
		if err != nil {
			return err
		}
		if has, err := holds(ctx, h, u, r.ID, on.ID); err != nil || !has {
			return err
		}
		o.Changes = []string{"take the role " + r.Name + " on " + on.Name + " from it"}
		return nil
	},
	do: func(ctx context.Context, h *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		r, on, err := roleMeant(ctx, h, u, in)
		if err == nil {
			err = j.dir.RevokeRole(ctx, u.ID, r.ID, on.ID, access.Shell(), core.Client{})
		}
		return err
	},
}

type userSessionsCmd struct {
	List userSessionsListCmd `cmd:"" help:"Show where an account is signed in."`
	End  userSessionsEndCmd  `cmd:"" help:"Sign an account out, everywhere or in one place."`
}

type userSessionsListCmd struct {
	User string `arg:"" name:"login" help:"Login or id."`
}

type userSessionsEndCmd struct {
	oneAccount
	sure
	Session string `help:"Only this one, by its id (user sessions list); all when not given." placeholder:"ID"`
}

func (v *userSessionsEndCmd) Run(s *shell) error {
	return s.do(write{verb: "user.sessions.end", dry: v.dry, sure: &v.sure,
		in:   func(c changing) any { return userIn{User: v.User, changing: c, Session: core.SessionID(v.Session)} },
		next: func(c changed) string { return "sallyport user sessions list " + c.Login }})
}

var endSessions = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		d, err := detailOf(ctx, h, u)
		if in.Session != "" {
			if err == nil && !slices.ContainsFunc(d.Sessions, func(s core.Session) bool { return s.ID == in.Session }) {
				err = core.ErrNotFound.With("session", string(in.Session))
			}
			o.Changes = []string{"end the session " + string(in.Session)}
			return err
		}
		if err == nil && len(d.Sessions) > 0 {
			o.Changes = []string{"end " + count(len(d.Sessions), "session", "sessions") + " and every sign-in under way"}
		}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		if in.Session != "" {
			return j.dir.EndSession(ctx, u.ID, in.Session, access.Shell(), core.Client{})
		}
		_, err := j.dir.EndSessions(ctx, u.ID, access.Shell(), core.Client{})
		return err
	},
}
