package adminapi

import (
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	api "sallyport/pkg/sallyport"
)

func serviceOf(s core.Service, now time.Time) api.Service {
	return api.Service{Owner: string(s.Owner), Reason: s.Reason, Networks: append([]string{}, s.Networks...), ExpiresAt: some(s.ExpiresAt), LastUsedAt: some(s.LastUsedAt), UsedFrom: s.UsedFrom, Over: s.Over(now),
		Heir: string(s.Heir), RetiresAt: some(directory.RetiresAt(s))}
}

// factsOver lays what was said over what is kept.
func factsOver(had core.Service, in api.ServiceFacts) directory.ServiceFacts {
	out := directory.ServiceFacts{Owner: had.Owner, Reason: had.Reason, ExpiresAt: had.ExpiresAt, Networks: had.Networks}
	if in.Owner != nil {
		out.Owner = core.UserID(*in.Owner)
	}
	if in.Reason != nil {
		out.Reason = *in.Reason
	}
	if in.ExpiresAt != nil {
		out.ExpiresAt = *in.ExpiresAt
	}
	if in.Networks != nil {
		out.Networks = *in.Networks
	}
	return out
}

func (h *Handler) listServices(c *call, _ nothing) (out api.Page[api.ServiceAccount], err error) {
	out.Items = []api.ServiceAccount{}
	p, err := c.page()
	if err != nil {
		return out, err
	}
	at := core.TenantID(c.query("tenant"))
	if at == "" {
		at = c.Actor.Top()
	}
	found, err := h.Directory.People(c, at, directory.PeopleQuery{Status: core.MFAServiceAccount, After: p.After, Limit: p.Limit}, c.Actor)
	if err != nil {
		return out, err
	}
	for _, l := range found.People {
		d, err := h.Directory.Detail(c, l.User.ID, c.Actor)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, h.accountOf(d))
	}
	out.NextCursor, err = c.next(found.Next)
	return out, err
}

func (h *Handler) accountOf(d directory.Detail) api.ServiceAccount {
	o := api.ServiceAccount{User: userOf(d.User, core.MFAServiceAccount, time.Time{}), Service: api.Service{Networks: []string{}}}
	if d.Service != nil {
		o.Service = serviceOf(*d.Service, h.Now())
	}
	return o
}

func (h *Handler) getService(c *call, _ nothing) (api.ServiceAccount, error) {
	d, err := h.Directory.Detail(c, c.user(), c.Actor)
	if err == nil && (d.User.Kind != core.ServiceAccount || d.User.State == core.UserDeleted) {
		err = core.ErrNotFound
	}
	if err != nil {
		return api.ServiceAccount{}, err
	}
	c.tag(d.User.Version)
	return h.accountOf(d), nil
}

// createService makes a service account with a password that nobody chose.
func (h *Handler) createService(c *call, in api.NewService) (api.ServiceAccount, error) {
	n := directory.NewUser{Tenant: core.TenantID(in.Tenant), Login: in.Login, Name: in.Name, Email: in.Email}
	u, facts, eff, err := c.dir.CheckService(c, n, factsOver(core.Service{}, in.ServiceFacts), c.Actor)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	password := secret.Token()
	hash, err := h.Hasher.Hash(c, secret.Lane{Source: c.From.Source()}, password)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	u, err = c.dir.CreateService(c, u, facts, eff, nil, core.Password{Hash: hash, Length: len([]rune(password))}, c.Actor, c.From)
	if err != nil || c.dry {
		return api.ServiceAccount{}, err
	}
	c.made("/service-accounts/" + string(u.ID))
	c.tag(u.Version)
	o := api.ServiceAccount{User: userOf(u, core.MFAServiceAccount, time.Time{}), Service: serviceOf(facts, h.Now()), Password: password}
	return o, nil
}

func (h *Handler) changeService(c *call, in api.ServiceFacts) (api.ServiceAccount, error) {
	_, had, err := h.Directory.ServiceOf(c, c.user(), c.Actor)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	if _, err := c.dir.ChangeService(c, c.user(), factsOver(had, in), c.Actor, c.From); err != nil || c.dry {
		return api.ServiceAccount{}, err
	}
	return h.getService(c, nothing{})
}

// regular makes a service account a person's again.
func (h *Handler) regular(c *call, _ nothing) (api.UserDetail, error) {
	_, err := c.dir.MarkRegular(c, c.user(), c.Actor, c.From)
	return h.changedUser(c, err)
}
