package cli

import (
	"context"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
)

// oneTenant are the flags of a verb that changes one node.
type oneTenant struct {
	Tenant string `arg:"" name:"tenant" help:"Id or name."`
	dry
}

// nodeIn names a node, and what is wanted of it.
type nodeIn struct {
	Tenant string `json:"tenant"`
	changing
	Name        string             `json:"name,omitempty"`
	To          string             `json:"to,omitempty"`
	Days        int                `json:"days,omitempty"`
	Session     core.SessionID     `json:"session,omitempty"`
	Requirement []core.Requirement `json:"requirement,omitempty"`
	Which       string             `json:"which,omitempty"`
	App         core.AppID         `json:"app,omitempty"`
	Preset      string             `json:"preset,omitempty"`
	Change      core.SettingsDoc   `json:"change,omitempty"`
}

// tenantDeed is a change of a node: what it would do, doing it, and whether every
// administrator of the platform is told.
type tenantDeed struct {
	find func(ctx context.Context, h *app.House, word string) (core.Tenant, error) // nil: one that was not deleted
	plan func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error
	do   func(ctx context.Context, h *app.House, j journeys, t core.Tenant, in nodeIn) error
	loud string
}

func farTenant(x tenantDeed) far[nodeIn] {
	return func(ctx context.Context, h *app.House, in nodeIn, out *answers) error {
		find := x.find
		if find == nil {
			find = func(ctx context.Context, h *app.House, word string) (core.Tenant, error) {
				return h.Directory.FindTenant(ctx, word)
			}
		}
		t, err := find(ctx, h, in.Tenant)
		if err != nil {
			return err
		}
		o := ofTenant(t, in.DryRun)
		if err := x.plan(ctx, h, t, in, &o); err != nil {
			return err
		}
		if len(o.Changes) == 0 {
			return out.Result(o)
		}
		if err := in.fresh(t.Version); err != nil {
			return err
		}
		if err := x.do(ctx, h, journeysOf(h, in.changing), t, in); err != nil {
			return err
		}
		if x.loud != "" {
			o.Changes = append(o.Changes, "tell every platform administrator")
			if err := loud(ctx, h, in.changing, x.loud, t.Name, string(t.ID)); err != nil {
				return err
			}
		}
		return out.Result(o)
	}
}

// node runs a verb on one node.
func (s *shell) node(verb string, v oneTenant, ask *sure, more func(*nodeIn)) error {
	return s.do(write{verb: verb, dry: v.dry, sure: ask,
		in: func(c changing) any {
			in := nodeIn{Tenant: v.Tenant, changing: c}
			if more != nil {
				more(&in)
			}
			return in
		},
		next: func(c changed) string { return "sallyport tenant show " + c.ID }})
}

type tenantRenameCmd struct {
	oneTenant
	Name string `arg:"" name:"new-name" help:"The new name."`
}

func (v *tenantRenameCmd) Run(s *shell) error {
	return s.node("tenant.rename", v.oneTenant, nil, func(in *nodeIn) { in.Name = v.Name })
}

var renameTenant = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error {
		then, err := h.Directory.PlanRename(ctx, t.ID, in.Name, access.Shell())
		if err == nil && then.Name != t.Name {
			o.Changes = []string{fmt.Sprintf("name it %q", then.Name)}
		}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
		_, err := j.dir.RenameTenant(ctx, t.ID, in.Name, access.Shell(), core.Client{})
		return err
	},
}

type tenantMoveCmd struct {
	oneTenant
	sure
	To string `required:"" help:"Id or name of the node that it goes under." placeholder:"TENANT"`
}

func (*tenantMoveCmd) Help() string {
	return "What the new place demands holds at once for everybody who moves along; what the old one demanded stays as the organisation's own value."
}

func (v *tenantMoveCmd) Run(s *shell) error {
	return s.node("tenant.move", v.oneTenant, &v.sure, func(in *nodeIn) { in.To = v.To })
}

var moveTenant = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error {
		to, err := h.Directory.FindTenant(ctx, in.To)
		if err != nil || to.ID == t.Parent {
			return err
		}
		_, p, err := h.Directory.PlanMoveTenant(ctx, t.ID, to.ID, access.Shell())
		if err != nil {
			return err
		}
		o.take(p)
		o.Changes = []string{"put it under " + to.Name}
		o.count("nodes", p.Nodes-1)
		return nil
	},
	do: func(ctx context.Context, h *app.House, j journeys, t core.Tenant, in nodeIn) error {
		to, err := h.Directory.FindTenant(ctx, in.To)
		if err == nil {
			_, err = j.dir.MoveTenant(ctx, t.ID, to.ID, access.Shell(), core.Client{})
		}
		return err
	},
}

type tenantConvertCmd struct {
	oneTenant
	sure
}

func (*tenantConvertCmd) Help() string {
	return "A partner in production is locked on: its people set a second factor up at the next sign-in."
}

func (v *tenantConvertCmd) Run(s *shell) error {
	return s.node("tenant.convert", v.oneTenant, &v.sure, nil)
}

var convertTenant = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		_, p, err := h.Directory.PlanConvert(ctx, t.ID, access.Shell())
		if err != nil {
			return err
		}
		o.take(p)
		o.Changes = []string{"make the trial productive"}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, _ nodeIn) error {
		_, err := j.dir.Convert(ctx, t.ID, access.Shell(), core.Client{})
		return err
	},
}

type tenantTrialCmd struct {
	oneTenant
	Days int `required:"" help:"After so many days, counted from now; 0 is never."`
}

func (v *tenantTrialCmd) Run(s *shell) error {
	return s.node("tenant.trial", v.oneTenant, nil, func(in *nodeIn) { in.Days = v.Days })
}

var trialTenant = tenantDeed{
	plan: func(_ context.Context, _ *app.House, t core.Tenant, in nodeIn, o *changed) error {
		switch {
		case t.Mode != core.Trial:
			return core.NewFault(core.KindConflict, "tenant.not_a_trial")
		case in.Days != 0:
			o.Changes = []string{"make it production by itself in " + count(in.Days, "day", "days")}
		case !t.TrialEnds.IsZero():
			o.Changes = []string{"let the trial go on without an end"}
		}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
		_, err := j.dir.SetTrial(ctx, t.ID, in.Days, access.Shell(), core.Client{})
		return err
	},
}

type tenantSuspendCmd struct {
	oneTenant
	sure
}

func (v *tenantSuspendCmd) Run(s *shell) error {
	return s.node("tenant.suspend", v.oneTenant, &v.sure, nil)
}

var suspendTenant = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		_, p, err := h.Directory.PlanSuspend(ctx, t.ID, access.Shell())
		if err == nil && t.State != core.TenantSuspended {
			o.take(p)
			o.Changes = []string{"keep its people out, and refuse their sessions at once"}
			o.count("nodes", p.Nodes-1)
		}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, _ nodeIn) error {
		_, err := j.dir.Suspend(ctx, t.ID, access.Shell(), core.Client{})
		return err
	},
	loud: "tenant suspend",
}

type tenantResumeCmd struct{ oneTenant }

func (v *tenantResumeCmd) Run(s *shell) error { return s.node("tenant.resume", v.oneTenant, nil, nil) }

var resumeTenant = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		_, p, err := h.Directory.PlanResume(ctx, t.ID, access.Shell())
		if err == nil && t.State != core.TenantActive {
			o.take(p)
			o.Changes = []string{"let its people in again"}
			o.count("nodes", p.Nodes-1)
		}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, _ nodeIn) error {
		_, err := j.dir.Resume(ctx, t.ID, access.Shell(), core.Client{})
		return err
	},
}

type tenantDeleteCmd struct {
	oneTenant
	named
}

func (*tenantDeleteCmd) Help() string {
	return "Nobody of it can sign in any more. tenant restore brings it back as it was, for thirty days; then its accounts are erased. Its id is never used again."
}

func (v *tenantDeleteCmd) Run(s *shell) error {
	return s.do(write{verb: "tenant.delete", dry: v.dry, name: &v.named, in: func(c changing) any { return nodeIn{Tenant: v.Tenant, changing: c} },
		next: func(c changed) string { return "sallyport tenant restore " + c.ID }})
}

var deleteTenant = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		_, p, err := h.Directory.PlanDeleteTenant(ctx, t.ID, access.Shell())
		if err != nil {
			return err
		}
		if t.State == core.TenantDeleted {
			return core.NewFault(core.KindConflict, "tenant.deleted")
		}
		o.take(p)
		o.Changes, o.Confirm = []string{"delete it with all below it"}, t.Name
		o.count("nodes", p.Nodes-1)
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
		_, err := j.dir.DeleteTenant(ctx, t.ID, in.typed(t.Name), access.Shell(), core.Client{})
		return confirmed(err, t.Name)
	},
	loud: "tenant delete",
}

type tenantRestoreCmd struct{ oneTenant }

func (v *tenantRestoreCmd) Run(s *shell) error {
	return s.node("tenant.restore", v.oneTenant, nil, nil)
}

var restoreTenant = tenantDeed{
	find: findTenant,
	plan: func(_ context.Context, _ *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		if t.State != core.TenantDeleted {
			return core.NewFault(core.KindConflict, "tenant.not_deleted")
		}
		o.Changes = []string{"bring it back with all that was deleted along with it"}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, _ nodeIn) error {
		_, err := j.dir.RestoreTenant(ctx, t.ID, access.Shell(), core.Client{})
		return err
	},
}
