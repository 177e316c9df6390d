package adminapi

import (
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	api "sallyport/pkg/sallyport"
)

func (h *Handler) clientOf(a core.App) api.APIClient {
	return api.APIClient{ID: string(a.ID), Tenant: string(a.Tenant), Name: a.Name, State: string(a.State), Owner: string(a.Owner), Scopes: append([]string{}, a.Doc.Scopes...),
		Tenants: text(a.Doc.Tenants), ReadOnly: !a.Doc.Client.Write, ExpiresAt: a.Doc.Client.ExpiresAt.UTC(), Over: a.Over(h.Now()), Networks: append([]string{}, a.Doc.Client.Networks...),
		LastUsedAt: some(a.UsedAt), LastUsedFrom: a.UsedFrom}
}

func (h *Handler) listClients(c *call, _ nothing) (out api.Page[api.APIClient], err error) {
	out.Items = []api.APIClient{}
	p, err := c.page()
	if err != nil {
		return out, err
	}
	at := core.TenantID(c.query("tenant"))
	if at == "" {
		at = c.Actor.Top()
	}
	found, next, err := h.Directory.ClientsOf(c, at, store.Page{After: p.After, Limit: p.Limit}, c.Actor)
	if err != nil {
		return out, err
	}
	for _, a := range found {
		out.Items = append(out.Items, h.clientOf(a))
	}
	out.NextCursor, err = c.next(next)
	return out, err
}

func (h *Handler) createClient(c *call, in api.NewClient) (api.APIClient, error) {
	a, text, err := c.dir.CreateClient(c, core.TenantID(in.Tenant), clientWish(core.App{}, in.ClientFacts, &in.Name), c.Actor, c.From)
	if err != nil || c.dry {
		return api.APIClient{}, err
	}
	c.made("/api-clients/" + string(a.ID))
	c.tag(a.Version)
	o := h.clientOf(a)
	o.Secret = text
	return o, nil
}

// clientWish lays what was said over what an API client is.
func clientWish(had core.App, in api.ClientFacts, name *string) directory.ClientWish {
	w := directory.ClientWish{Name: had.Name, Scopes: had.Doc.Scopes, Tenants: had.Doc.Tenants, Write: had.Doc.Client.Write, ExpiresAt: had.Doc.Client.ExpiresAt, Networks: had.Doc.Client.Networks}
	if name != nil {
		w.Name = *name
	}
	if in.Scopes != nil {
		w.Scopes = *in.Scopes
	}
	if in.Tenants != nil {
		w.Tenants = nil
		for _, t := range *in.Tenants {
			w.Tenants = append(w.Tenants, core.TenantID(t))
		}
	}
	if in.ReadOnly != nil {
		w.Write = !*in.ReadOnly
	}
	if in.ExpiresAt != nil {
		w.ExpiresAt = *in.ExpiresAt
	}
	if in.Networks != nil {
		w.Networks = *in.Networks
	}
	return w
}

func (h *Handler) getClient(c *call, _ nothing) (api.APIClient, error) {
	d, err := h.Directory.Client(c, c.app(), c.Actor)
	if err != nil {
		return api.APIClient{}, err
	}
	c.tag(d.Client.Version)
	o := h.clientOf(d.Client)
	o.OwnerLeft = d.Left
	for _, k := range d.Secrets {
		o.Secrets = append(o.Secrets, api.AppSecret{Hint: k.Hint, CreatedAt: k.CreatedAt.UTC(), ExpiresAt: some(k.ExpiresAt), LastUsedAt: some(k.LastUsedAt)})
	}
	return o, nil
}

// changeClient does one thing at a time: whether it works, or what it is.
func (h *Handler) changeClient(c *call, in api.ClientChange) (api.APIClient, error) {
	d, err := h.Directory.Client(c, c.app(), c.Actor)
	if err != nil {
		return api.APIClient{}, err
	}
	f := in.ClientFacts
	switch set := in.Name != nil || f.Scopes != nil || f.Tenants != nil || f.ReadOnly != nil || f.ExpiresAt != nil || f.Networks != nil; {
	case set == (in.State != nil):
		return api.APIClient{}, core.Invalid("api.one_change")
	case in.State != nil:
		_, err = c.dir.SwitchClient(c, c.app(), *in.State == string(core.AppActive), c.Actor, c.From)
	default:
		_, err = c.dir.ChangeClient(c, c.app(), clientWish(d.Client, f, in.Name), d.Client.Version, c.Actor, c.From)
	}
	if err != nil || c.dry {
		return api.APIClient{}, err
	}
	return h.getClient(c, nothing{})
}

func (h *Handler) rotateClient(c *call, in api.Rotation) (api.APIClient, error) {
	overlap, err := overlapOf(in)
	if err != nil {
		return api.APIClient{}, err
	}
	text, until, err := c.dir.RotateClientSecret(c, c.app(), overlap, c.Actor, c.From)
	if err != nil || c.dry {
		return api.APIClient{}, err
	}
	o, err := h.getClient(c, nothing{})
	o.Secret, o.Until = text, some(until)
	return o, err
}

func overlapOf(in api.Rotation) (time.Duration, error) {
	if in.OverlapHours == nil {
		return directory.SecretOverlap, nil
	}
	if *in.OverlapHours < 0 || *in.OverlapHours > int(directory.SecretOverlapMost/time.Hour) {
		return 0, badField("api.field_invalid", "overlap_hours")
	}
	return time.Duration(*in.OverlapHours) * time.Hour, nil
}

func (h *Handler) deleteClient(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.dir.DeleteClient(c, c.app(), c.Actor, c.From)
}

// replaceService makes an API client that takes a service account's place. Both work,
// until nobody used the account for so many days.
func (h *Handler) replaceService(c *call, in api.Replacement) (api.APIClient, error) {
	quiet := directory.HeirQuiet
	if in.QuietDays != nil {
		if *in.QuietDays < 1 || *in.QuietDays > 3650 {
			return api.APIClient{}, badField("api.field_invalid", "quiet_days")
		}
		quiet = time.Duration(*in.QuietDays) * 24 * time.Hour
	}
	a, text, err := c.dir.ReplaceService(c, c.user(), clientWish(core.App{}, in.ClientFacts, &in.Name), quiet, c.Actor, c.From)
	if err != nil || c.dry {
		return api.APIClient{}, err
	}
	c.made("/api-clients/" + string(a.ID))
	c.tag(a.Version)
	o := h.clientOf(a)
	o.Secret = text
	return o, nil
}

func (h *Handler) keepService(c *call, _ nothing) (api.ServiceAccount, error) {
	if err := c.dir.KeepService(c, c.user(), c.Actor, c.From); err != nil || c.dry {
		return api.ServiceAccount{}, err
	}
	return h.getService(c, nothing{})
}
