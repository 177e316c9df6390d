package adminapi

import (
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	api "sallyport/pkg/sallyport"
)

// scanned is how many nodes are read at once while looking for those that a filter names.
const scanned = 200

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func text[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}

func nameOf(t core.Tenant) *api.Name {
	if t.ID == "" {
		return nil
	}
	return &api.Name{ID: string(t.ID), Name: t.Name}
}

func openOr(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}

func tenantOf(t core.Tenant) api.Tenant {
	o := api.Tenant{ID: string(t.ID), Parent: string(t.Parent), Organisation: string(t.Organisation), Kind: string(t.Kind), Mode: string(t.Mode), State: string(t.State), Name: t.Name,
		ManagedBy: string(t.ManagedBy), TrialEndsAt: some(t.TrialEnds), Path: t.Path, CreatedAt: t.CreatedAt.UTC(), DeletedAt: some(t.DeletedAt)}
	if t.Kind.IsOrganisation() && t.Kind != core.Platform {
		o.SupportAccess = openOr(t.SupportAccess)
	}
	return o
}

// listTenants lists nodes of a branch by name, until a page is full of those that fit.
// Pages of the list below are read whole, so that a place in it is never in between.
func (h *Handler) listTenants(c *call, _ nothing) (out api.Page[api.Tenant], err error) {
	out.Items = []api.Tenant{}
	under := core.TenantID(c.query("under"))
	if under == "" {
		if under = c.Actor.Top(); under == "" {
			return out, core.ErrForbidden
		}
	}
	p, err := c.page()
	if err != nil {
		return out, err
	}
	most, state := p.Limit, core.TenantState(c.query("state"))
	filtered := c.query("kind")+c.query("mode")+c.query("state")+c.query("requirement") != ""
	if filtered {
		p.Limit = scanned
	}
	look := h.Directory.Named
	if state == core.TenantDeleted {
		look = h.Directory.Deleted
	}
	for {
		nodes, next, err := look(c, under, c.query("name"), p, c.Actor)
		if err != nil {
			return out, err
		}
		for _, t := range nodes {
			fits, err := h.fitsTenant(c, t, state)
			if err != nil {
				return out, err
			}
			if fits {
				out.Items = append(out.Items, tenantOf(t))
			}
		}
		if next == "" || len(out.Items) >= most {
			out.NextCursor, err = c.next(next)
			return out, err
		}
		p.After = next
	}
}

func (h *Handler) fitsTenant(c *call, t core.Tenant, state core.TenantState) (bool, error) {
	kind, mode, requirement := c.query("kind"), c.query("mode"), c.query("requirement")
	switch {
	case kind != "" && string(t.Kind) != kind, mode != "" && string(t.Mode) != mode:
		return false, nil
	case state != "" && t.State != state, state == "" && t.State == core.TenantDeleted:
		return false, nil
	case requirement == "":
		return true, nil
	case !t.Kind.IsOrganisation():
		return false, nil
	}
	e, err := h.Tree.Effective(c, t.ID)
	if err != nil || requirement == "off" {
		return len(e.Settings.Requirement) == 0, err
	}
	return slices.Contains(e.Settings.Requirement, core.Requirement(requirement)), nil
}

func (h *Handler) createTenant(c *call, in api.NewTenant) (api.Tenant, error) {
	n := directory.NewTenant{Parent: core.TenantID(in.Parent), Kind: core.TenantKind(in.Kind), Mode: core.TenantMode(in.Mode), Name: in.Name, ManagedBy: core.ManagedBy(in.ManagedBy),
		TrialDays: in.TrialDays, Settings: core.SettingsDoc(in.Settings)}
	if in.Preset != "" {
		doc, err := policy.Preset(in.Preset)
		if err != nil {
			return api.Tenant{}, err
		}
		if len(in.Settings) > 0 {
			if doc, err = doc.Merge(core.SettingsDoc(in.Settings)); err != nil {
				return api.Tenant{}, err
			}
		}
		n.Settings = doc
	}
	t, err := c.dir.CreateTenant(c, n, c.Actor, c.From)
	if err != nil {
		return api.Tenant{}, err
	}
	c.made("/tenants/" + string(t.ID))
	c.tag(t.Version)
	return tenantOf(t), nil
}

func (h *Handler) getTenant(c *call, _ nothing) (api.Tenant, error) {
	t, _, err := h.Directory.Tenant(c, c.tenant(), c.Actor)
	if err == nil {
		c.tag(t.Version)
	}
	return tenantOf(t), err
}

// changedTenant answers a node as it is after a change.
func (h *Handler) changedTenant(c *call, err error) (api.Tenant, error) {
	if err != nil || c.dry {
		return api.Tenant{}, err
	}
	return h.getTenant(c, nothing{})
}

// changeTenant does one thing at a time: each is a deed with refusals of its own, and
// one that is refused leaves nothing half done.
func (h *Handler) changeTenant(c *call, in api.TenantChange) (api.Tenant, error) {
	deeds := 0
	for _, asked := range []bool{in.Name != nil, in.Parent != nil, in.State != nil, in.SupportAccess != nil, in.TrialDays != nil} {
		if asked {
			deeds++
		}
	}
	if deeds != 1 {
		return api.Tenant{}, core.Invalid("api.one_change")
	}
	id := c.tenant()
	var err error
	switch {
	case in.Name != nil:
		_, err = c.dir.RenameTenant(c, id, *in.Name, c.Actor, c.From)
	case in.Parent != nil:
		to := core.TenantID(*in.Parent)
		if err = c.nodes(h.Directory.PlanMoveTenant(c, id, to, c.Actor)); err == nil {
			_, err = c.dir.MoveTenant(c, id, to, c.Actor, c.From)
		}
	case in.State != nil && *in.State == string(core.TenantSuspended):
		return h.suspendTenant(c, nothing{})
	case in.State != nil:
		return h.resumeTenant(c, nothing{})
	case in.SupportAccess != nil:
		err = h.access(c, *in.SupportAccess == "open")
	default:
		_, err = c.dir.SetTrial(c, id, *in.TrialDays, c.Actor, c.From)
	}
	return h.changedTenant(c, err)
}

func (h *Handler) suspendTenant(c *call, _ nothing) (api.Tenant, error) {
	err := c.nodes(h.Directory.PlanSuspend(c, c.tenant(), c.Actor))
	if err == nil {
		_, err = c.dir.Suspend(c, c.tenant(), c.Actor, c.From)
	}
	return h.changedTenant(c, err)
}

func (h *Handler) resumeTenant(c *call, _ nothing) (api.Tenant, error) {
	err := c.nodes(h.Directory.PlanResume(c, c.tenant(), c.Actor))
	if err == nil {
		_, err = c.dir.Resume(c, c.tenant(), c.Actor, c.From)
	}
	return h.changedTenant(c, err)
}

func (h *Handler) convertTenant(c *call, _ nothing) (api.Tenant, error) {
	err := c.nodes(h.Directory.PlanConvert(c, c.tenant(), c.Actor))
	if err == nil {
		_, err = c.dir.Convert(c, c.tenant(), c.Actor, c.From)
	}
	return h.changedTenant(c, err)
}

// deleteTenant takes the name that confirms it.
func (h *Handler) deleteTenant(c *call, in api.Confirmed) (nothing, error) {
	t, p, err := h.Directory.PlanDeleteTenant(c, c.tenant(), c.Actor)
	if err = c.nodes(t, p, err); err != nil {
		return nothing{}, err
	}
	if t.State == core.TenantDeleted {
		return nothing{}, core.NewFault(core.KindConflict, "tenant.deleted")
	}
	if c.plan.Confirm = t.Name; c.dry && in.Confirm == "" {
		in.Confirm = t.Name
	}
	_, err = c.dir.DeleteTenant(c, c.tenant(), in.Confirm, c.Actor, c.From)
	return nothing{}, err
}

func (h *Handler) restoreTenant(c *call, _ nothing) (api.Tenant, error) {
	_, err := c.dir.RestoreTenant(c, c.tenant(), c.Actor, c.From)
	return h.changedTenant(c, err)
}

// signOutTenant signs everybody of an organisation out; a job does it person by person.
func (h *Handler) signOutTenant(c *call, _ nothing) (api.Count, error) {
	n, err := h.Rollout.PlanSignOut(c, c.tenant(), c.Actor)
	if err == nil {
		c.count(directory.EffectSessions, n)
		err = c.roll.SignOutAll(c, c.tenant(), c.Actor, c.From)
	}
	return api.Count{Count: n}, err
}

func (h *Handler) inviteFirst(c *call, in api.NewUser) (api.Invited, error) {
	if in.Password != "" || in.MustChange {
		return api.Invited{}, badField("api.field_unknown", "password")
	}
	n, err := newUser(c.tenant(), in)
	if err != nil {
		return api.Invited{}, err
	}
	made, err := c.dir.InviteFirst(c, n, c.Actor, c.From)
	return h.invited(c, made, err)
}

// nodes keeps the preview of a change of a branch.
func (c *call) nodes(_ core.Tenant, p directory.Preview, err error) error {
	if err == nil {
		c.take(p)
		c.count("nodes", p.Nodes-1)
	}
	return err
}
