package adminapi

import (
	"sallyport/internal/core"
	"sallyport/internal/store"
	api "sallyport/pkg/sallyport"
)

func node(t core.Tenant) api.Node {
	return api.Node{ID: string(t.ID), Kind: string(t.Kind), Name: t.Name}
}

// me says who the request comes from.
func (h *Handler) me(c *call, _ nothing) (api.Account, error) {
	u := c.User
	t, eff, err := h.home(c, u)
	if err != nil {
		return api.Account{}, err
	}
	o := api.Account{ID: string(u.ID), Login: u.Login, Name: u.Name, Kind: string(c.Kind), Tenant: node(t), Organisation: node(eff), Roles: []api.RoleHeld{}}
	if c.Kind == CallerService {
		o.MFAStatus = string(core.MFAServiceAccount)
	}
	for _, g := range c.Actor.Grants {
		o.Roles = append(o.Roles, api.RoleHeld{Role: string(g.Role), Tenant: string(g.At.Tenant)})
	}
	o.ExpiresAt = some(c.Program.Service.ExpiresAt)
	return o, nil
}

func (h *Handler) line(c *call, id core.TenantID) (line []core.Tenant, err error) {
	err = h.Directory.Store.View(c, id, func(r store.Reader) error { line, err = r.Line(); return err })
	return line, err
}

func (h *Handler) home(c *call, u core.User) (t, organisation core.Tenant, err error) {
	eff, err := h.Tree.Effective(c, u.Tenant)
	if err != nil {
		return t, organisation, err
	}
	line, err := h.line(c, u.Tenant)
	if err != nil {
		return t, organisation, err
	}
	return line[len(line)-1], eff.Organisation, nil
}
