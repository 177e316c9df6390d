package adminapi

import (
	"sallyport/internal/core"
	"sallyport/internal/directory"
	api "sallyport/pkg/sallyport"
)

func customOf(r core.CustomRole) api.CustomRole {
	return api.CustomRole{ID: string(r.ID), Base: string(r.Base), Name: r.Name, Tenant: string(r.Tenant), Rights: append([]string{}, r.Rights...)}
}

func (h *Handler) getRoles(c *call, _ nothing) (api.Roles, error) {
	held, custom, err := h.Directory.Holders(c, c.tenant(), c.Actor)
	out := api.Roles{Holders: []api.Holder{}, Custom: []api.CustomRole{}}
	names := map[core.Role]string{}
	for _, r := range custom {
		names[r.ID] = r.Name
		out.Custom = append(out.Custom, customOf(r))
	}
	for _, x := range held {
		out.Holders = append(out.Holders, api.Holder{User: whoIs(x.User), Role: api.RoleHeld{Role: string(x.Grant.Role), Name: names[x.Grant.Role], Tenant: string(x.Grant.Tenant)}})
	}
	return out, err
}

func (h *Handler) createRole(c *call, in api.RoleWish) (api.CustomRole, error) {
	r, err := c.dir.MakeRole(c, directory.NewRole{Tenant: c.tenant(), Base: core.Role(in.Base), Name: in.Name, Rights: in.Rights}, c.Actor, c.From)
	if err != nil || c.dry {
		return api.CustomRole{}, err
	}
	c.made("/tenants/" + string(c.tenant()) + "/roles/" + string(r.ID))
	c.tag(r.Version)
	return customOf(r), nil
}

func (h *Handler) changeRole(c *call, in api.RoleWish) (api.CustomRole, error) {
	r, err := c.dir.ChangeRole(c, c.role(), directory.NewRole{Tenant: c.tenant(), Base: core.Role(in.Base), Name: in.Name, Rights: in.Rights}, c.Actor, c.From)
	if err != nil || c.dry {
		return api.CustomRole{}, err
	}
	c.tag(r.Version)
	return customOf(r), nil
}

func (h *Handler) deleteRole(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.dir.DeleteRole(c, c.tenant(), c.role(), c.Actor, c.From)
}
