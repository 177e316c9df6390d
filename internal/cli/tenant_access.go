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
	"sallyport/internal/support"
)

type tenantFirstCmd struct {
	Tenant    string `arg:"" name:"tenant" help:"Id or name of the organisation."`
	Email     string `required:"" help:"The person's e-mail address."`
	Login     string `help:"The login; the e-mail address when not given."`
	Name      string `help:"The person's name; the login when not given."`
	Locale    string `help:"Language: ${languages}; the organisation's when not given."`
	PrintLink bool   `help:"Print the link too, for handing it over yourself."`
	dry
}

func (*tenantFirstCmd) Help() string {
	return "From above, for a new organisation or when the last administrator has left. Everybody there who holds a role is told. " +
		"Where there is one who can sign in, it is theirs to invite the next: sallyport user invite --role."
}

func (v *tenantFirstCmd) Run(s *shell) error {
	in, err := (person{Email: v.Email, Login: v.Login, Name: v.Name, Tenant: v.Tenant, Locale: v.Locale}).in()
	if err != nil {
		return err
	}
	in.DryRun = v.DryRun
	u, err := one[userOut](s, "tenant.first", how{}, in)
	if err != nil {
		return err
	}
	return s.invited(u, v.PrintLink, v.DryRun)
}

func farTenantFirst(ctx context.Context, h *app.House, in newUserIn, out *answers) error {
	wish, err := in.wish(ctx, h)
	if err != nil {
		return err
	}
	if in.DryRun {
		u, _, err := h.Directory.CheckFirst(ctx, wish, access.Shell())
		if err != nil {
			return err
		}
		o := userAnswer(u)
		o.ID, o.DryRun = "", true
		return out.Result(o)
	}
	made, err := h.Directory.InviteFirst(ctx, wish, access.Shell(), core.Client{})
	return invited(h, made, err, out)
}

type tenantSessionsCmd struct {
	End tenantSessionsEndCmd `cmd:"" help:"Sign everybody of an organisation out."`
}

type tenantSessionsEndCmd struct {
	oneTenant
	sure
	NoWait bool `help:"Do not wait until all are signed out; a server goes on with it."`
}

func (v *tenantSessionsEndCmd) Run(s *shell) error {
	return s.do(write{verb: "tenant.sessions.end", dry: v.dry, sure: &v.sure, in: func(c changing) any { return nodeIn{Tenant: v.Tenant, changing: c} },
		after: func(c changed) error { return s.finish(c.ID, core.JobEndSessions, v.NoWait) },
		next:  func(c changed) string { return "sallyport tenant show " + c.ID }})
}

var endTenantSessions = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		n, err := h.Rollout.PlanSignOut(ctx, t.ID, access.Shell())
		if err == nil && n > 0 {
			o.Changes = []string{"sign everybody out"}
			o.count(directory.EffectSessions, n)
		}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, _ nodeIn) error {
		return j.roll.SignOutAll(ctx, t.ID, access.Shell(), core.Client{})
	},
}

type tenantSupportCmd struct {
	Show  tenantSupportShowCmd  `cmd:"" help:"Show whether it is open, and who acts there now."`
	Open  tenantSupportOpenCmd  `cmd:"" help:"Let administrators from above act in an organisation."`
	Close tenantSupportCloseCmd `cmd:"" help:"Let nobody from above act in an organisation, and end at once what they do there."`
	End   tenantSupportEndCmd   `cmd:"" help:"End what one of them does there."`
}

type actingOut struct {
	Session core.SessionID `json:"session"`
	User    core.UserID    `json:"user"`
	Login   string         `json:"login"`
	Name    string         `json:"name"`
	From    string         `json:"from"`
	In      core.TenantID  `json:"in"`
	Reason  string         `json:"reason"`
	Since   time.Time      `json:"since"`
	Until   time.Time      `json:"until"`
}

func actingIn(ctx context.Context, h *app.House, t core.Tenant) ([]actingOut, error) {
	all, err := h.Support.Acting(ctx, t.ID, access.Shell())
	out := []actingOut{}
	for _, l := range all {
		out = append(out, actingOut{l.Session, l.User.ID, l.User.Login, l.User.Name, l.From, l.In, l.Reason, l.Since, l.Until})
	}
	return out, err
}

type supportShown struct {
	ID     core.TenantID `json:"id"`
	Name   string        `json:"name"`
	Access string        `json:"support_access"`
	Acting []actingOut   `json:"acting"`
}

type tenantSupportShowCmd struct {
	Tenant string `arg:"" name:"tenant" help:"Id or name of the organisation."`
}

func (v *tenantSupportShowCmd) Run(s *shell) error {
	o, err := one[supportShown](s, "tenant.support.show", how{}, tenantIn{v.Tenant})
	if err != nil {
		return err
	}
	err = s.result(o, func(w io.Writer) {
		fmt.Fprintf(w, "%s: support access is %s\n", plain(o.Name), o.Access)
		if len(o.Acting) == 0 {
			return
		}
		t := table(w)
		fmt.Fprintln(t, "LOGIN\tFROM\tREASON\tSINCE\tUNTIL\tSESSION")
		for _, a := range o.Acting {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", plain(a.Login), plain(a.From), plain(a.Reason), when(a.Since), when(a.Until), a.Session)
		}
		t.Flush()
	})
	if err == nil && len(o.Acting) > 0 {
		s.next("sallyport tenant support end %s --session %s", o.ID, o.Acting[0].Session)
	}
	return err
}

func farSupportShow(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	// That it has a support access at all is the journey's question.
	if _, _, err := h.Support.CheckAccess(ctx, t.ID, false, access.Shell()); err != nil {
		return err
	}
	o := supportShown{ID: t.ID, Name: t.Name, Access: openOr(t.SupportAccess)}
	if o.Acting, err = actingIn(ctx, h, t); err != nil {
		return err
	}
	return out.Result(o)
}

type tenantSupportOpenCmd struct {
	oneTenant
	sure
}

func (*tenantSupportOpenCmd) Help() string {
	return "Whether it is open is the organisation's own decision; the shell stands in for its administrators, and every platform administrator is told."
}

func (v *tenantSupportOpenCmd) Run(s *shell) error {
	return s.support("tenant.support.open", v.oneTenant, v.sure, nil)
}

type tenantSupportCloseCmd struct {
	oneTenant
	sure
}

func (v *tenantSupportCloseCmd) Run(s *shell) error {
	return s.support("tenant.support.close", v.oneTenant, v.sure, nil)
}

type tenantSupportEndCmd struct {
	oneTenant
	sure
	Session string `required:"" help:"Which, by its id (tenant support show)." placeholder:"ID"`
}

func (v *tenantSupportEndCmd) Run(s *shell) error {
	return s.support("tenant.support.end", v.oneTenant, v.sure, func(in *nodeIn) { in.Session = core.SessionID(v.Session) })
}

func (s *shell) support(verb string, v oneTenant, ask sure, more func(*nodeIn)) error {
	return s.do(write{verb: verb, dry: v.dry, sure: &ask,
		in: func(c changing) any {
			in := nodeIn{Tenant: v.Tenant, changing: c}
			if more != nil {
				more(&in)
			}
			return in
		},
		next: func(c changed) string { return "sallyport tenant support show " + c.ID }})
}

// supportAccess opens or closes it.
func supportAccess(open bool) tenantDeed {
	x := tenantDeed{
		plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
			_, already, err := h.Support.CheckAccess(ctx, t.ID, open, access.Shell())
			if err != nil || already {
				return err
			}
			if open {
				o.Changes = []string{"let administrators from above act there"}
				return nil
			}
			o.Changes = []string{"let nobody from above act there"}
			out, err := h.Support.PlanClose(ctx, t.ID, access.Shell())
			if len(out) > 0 {
				o.Effects = append(o.Effects, effect{What: directory.EffectSessions, Count: len(out), First: whoOf(out)})
			}
			return err
		},
		do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, _ nodeIn) error {
			_, err := j.supp.SetAccess(ctx, t.ID, open, access.Shell(), core.Client{})
			return err
		},
		loud: "tenant support close",
	}
	if open {
		x.loud = "tenant support open"
	}
	return x
}

func whoOf(all []support.Live) (out []who) {
	for _, l := range all {
		out = append(out, who{l.User.ID, l.User.Login, l.User.Name})
	}
	return out
}

var endActing = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error {
		all, err := actingIn(ctx, h, t)
		if err == nil && !slices.ContainsFunc(all, func(a actingOut) bool { return a.Session == in.Session }) {
			err = core.ErrNotFound.With("session", string(in.Session))
		}
		if err != nil {
			return err
		}
		o.Changes = []string{"end acting there in the session " + string(in.Session)}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
		return j.supp.EndOne(ctx, t.ID, in.Session, access.Shell(), core.Client{})
	},
}

// jobIn names work that goes on after a deed was answered.
type jobIn struct {
	Tenant core.TenantID `json:"tenant"`
	Kind   core.JobKind  `json:"kind"`
}

// finish stays until the work that a deed began is done, and works along. A kill
// loses nothing: a server goes on with it, or the same verb again.
func (s *shell) finish(tenant string, kind core.JobKind, noWait bool) error {
	if noWait {
		s.say("it goes on where a server runs")
		return nil
	}
	_, err := one[struct{}](s, "job.finish", how{}, jobIn{core.TenantID(tenant), kind})
	if err != nil && s.ctx.Err() != nil {
		return fmt.Errorf("it was begun and is not at its end; it goes on where a server runs, or when this verb is run again: %w", s.ctx.Err())
	}
	return err
}

func farJobFinish(ctx context.Context, h *app.House, in jobIn, out *answers) error {
	for {
		done, left, ended, err := h.Finish(ctx, in.Tenant, in.Kind)
		if err != nil {
			return err
		}
		if ended {
			return out.Result(struct{}{})
		}
		total := 0 // whose sessions are left nobody has counted
		if in.Kind == core.JobDisableMFA {
			total = done.People + left
		}
		out.Progress("people", int64(done.People), int64(total))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
