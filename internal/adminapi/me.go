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
	o := api.Account{ID: string(u.ID), Login: u.Login, Name: u.Name, Kind: string(c.Kind), Roles: []api.RoleHeld{}}
	in := u.Tenant
	switch c.Kind {
	case CallerService:
		o.MFAStatus, o.ExpiresAt = string(core.MFAServiceAccount), some(c.Program.Service.ExpiresAt)
	case CallerClient:
		app, err := h.Apps.Find(c, c.Client)
		if err != nil {
			return o, err
		}
		in = app.Tenant
		o.ID, o.Login, o.Name, o.Owner = string(app.ID), "", app.Name, string(u.ID)
		o.Scopes, o.ReadOnly, o.ExpiresAt = c.Scopes, c.ReadOnly, some(app.Doc.Client.ExpiresAt)
	case CallerPerson:
		o.App, o.Level = string(c.Client), string(c.Level)
	}
	t, org, err := h.home(c, in)
	if err != nil {
		return o, err
	}
	o.Tenant, o.Organisation = node(t), node(org)
	for _, g := range c.Actor.Grants {
		o.Roles = append(o.Roles, api.RoleHeld{Role: string(g.Role), Tenant: string(g.At.Tenant)})
	}
	return o, nil
}

func (h *Handler) line(c *call, id core.TenantID) (line []core.Tenant, err error) {
	err = h.Directory.Store.View(c, id, func(r store.Reader) error { line, err = r.Line(); return err })
	return line, err
}

func (h *Handler) home(c *call, id core.TenantID) (t, organisation core.Tenant, err error) {
	eff, err := h.Tree.Effective(c, id)
	if err != nil {
		return t, organisation, err
	}
	line, err := h.line(c, id)
	if err != nil {
		return t, organisation, err
	}
	return line[len(line)-1], eff.Organisation, nil
}
