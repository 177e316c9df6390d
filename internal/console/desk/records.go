package desk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Services lists the service accounts of a node.
func (d *Desk) Services(ctx context.Context, by console.Caller, tenant core.TenantID, cursor string) (console.ServiceList, error) {
	q := directory.PeopleQuery{Status: core.MFAServiceAccount, After: cursor, Limit: 50}
	found, err := d.Directory.People(ctx, tenant, q, by.Actor)
	if err != nil {
		return console.ServiceList{}, err
	}
	at, err := d.Directory.Tree.Place(ctx, tenant)
	if err != nil {
		return console.ServiceList{}, err
	}
	eff, err := d.Directory.Tree.Effective(ctx, tenant)
	if err != nil {
		return console.ServiceList{}, err
	}
	list := console.ServiceList{Next: found.Next, Allowed: slices.Contains(eff.Settings.ServiceAccountsAt, at.Kind)}
	for _, p := range found.People {
		_, facts, err := d.Directory.ServiceOf(ctx, p.User.ID, by.Actor)
		if err != nil && !errors.Is(err, core.ErrNotFound) && !errors.Is(err, core.ErrForbidden) {
			return list, err
		}
		one, err := d.service(ctx, p.User, facts)
		if err != nil {
			return list, err
		}
		if p.User.Tenant != tenant {
			if one.Tenant, err = d.tenantName(ctx, p.User.Tenant); err != nil {
				return list, err
			}
		}
		list.Rows = append(list.Rows, one)
	}
	return list, nil
}

func (d *Desk) service(ctx context.Context, u core.User, f core.Service) (console.Service, error) {
	out := console.Service{User: u, Reason: f.Reason, Networks: f.Networks, Expires: f.ExpiresAt, Used: f.LastUsedAt, From: f.UsedFrom, Heir: f.Heir, Retires: directory.RetiresAt(f), Over: f.Over(d.Now())}
	if f.Owner == "" {
		return out, nil
	}
	owner, err := d.nameOf(ctx, string(f.Owner))
	out.Owner = owner.who.Name
	return out, err
}

// CreateService makes a service account with a password that nobody chose.
func (d *Desk) CreateService(ctx context.Context, by console.Caller, w console.ServiceWish) (core.UserID, string, error) {
	n := directory.NewUser{Tenant: w.Tenant, Login: w.Login, Name: w.Name, Email: w.Email}
	u, facts, eff, err := d.Directory.CheckService(ctx, n, directory.ServiceFacts{Reason: w.Reason, Networks: w.Networks, ExpiresAt: w.Expires}, by.Actor)
	if err != nil {
		return "", "", err
	}
	word := secret.Token()
	hash, err := d.Hasher.Hash(ctx, secret.Lane{Source: by.Source()}, word)
	if err != nil {
		return "", "", err
	}
	u, err = d.Directory.CreateService(ctx, u, facts, eff, nil, core.Password{Hash: hash, Length: len([]rune(word))}, by.Actor, by.Client)
	return u.ID, word, err
}

// Roles is who holds which role at a node, and what the caller may give there.
func (d *Desk) Roles(ctx context.Context, by console.Caller, tenant core.TenantID) (console.RolesView, error) {
	var v console.RolesView
	held, custom, err := d.Directory.Holders(ctx, tenant, by.Actor)
	if err != nil {
		return v, err
	}
	at, err := d.Directory.Tree.Place(ctx, tenant)
	if err != nil {
		return v, err
	}
	times := map[core.Role]int{}
	for _, h := range held {
		times[h.Grant.Role]++
		name, err := d.roleName(ctx, h.Grant)
		if err != nil {
			return v, err
		}
		one := console.Holder{Who: console.Who{ID: h.User.ID, Name: h.User.Name, Login: h.User.Login}, RoleHeld: console.RoleHeld{Role: name}}
		if err := d.Store.View(ctx, h.Grant.Tenant, func(r store.Reader) (err error) { one.On, err = r.Tenant(); return err }); err != nil {
			return v, err
		}
		home, err := d.Directory.Tree.Place(ctx, h.User.Tenant)
		if err != nil {
			return v, err
		}
		if !strings.HasPrefix(home.Path, at.Path) {
			if one.From, err = d.tenantName(ctx, h.User.Tenant); err != nil {
				return v, err
			}
		}
		if one.MayRevoke, err = d.mayRevoke(ctx, by, h.Grant); err != nil {
			return v, err
		}
		one.MayRevoke = one.MayRevoke && h.User.ID != by.Actor.User.ID
		v.Holders = append(v.Holders, one)
	}
	for _, r := range core.Roles {
		if r != core.RoleUser && access.Fits(r, at.Kind) && by.Actor.MayGrant(access.GrantOf(core.RoleGrant{Role: r, Tenant: tenant}, at)) {
			v.Grants = append(v.Grants, console.RoleName{Role: r})
		}
	}
	for _, c := range custom {
		one := console.CustomRole{Role: c.ID, Name: c.Name, Base: c.Base, Holders: times[c.ID], Version: c.Version}
		for _, right := range c.Rights {
			one.Rights = append(one.Rights, access.Permission(right))
		}
		v.Custom = append(v.Custom, one)
		grant := core.RoleGrant{Role: c.ID, Tenant: tenant, Base: c.Base, Rights: c.Rights}
		if access.Fits(c.Base, at.Kind) && by.Actor.MayGrant(access.GrantOf(grant, at)) {
			v.Grants = append(v.Grants, console.RoleName{Role: c.ID, Name: c.Name})
		}
	}
	own, _ := at.Own()
	if own.Path == at.Path && by.Actor.Can(access.ManageRoles, at) {
		for _, r := range core.Roles {
			if rights := access.Rights(r); len(rights) > 1 && access.Fits(r, at.Kind) {
				v.Clones = append(v.Clones, r)
			}
		}
	}
	return v, nil
}

// RightsOf are the rights of a shipped role.
func (d *Desk) RightsOf(r core.Role) []access.Permission { return access.Rights(r) }

// whom finds who is meant by an id or a login: only somebody whom the caller sees.
func (d *Desk) whom(ctx context.Context, by console.Caller, word string) (core.User, error) {
	unknown := core.Invalid("user.unknown", "field", "user")
	u, err := d.Directory.FindUser(ctx, word)
	if f, ok := core.AsFault(err); ok && f.Kind != core.KindInternal {
		return u, unknown
	}
	if err != nil {
		return u, err
	}
	at, err := d.Directory.Tree.Place(ctx, u.Tenant)
	if err != nil {
		return u, err
	}
	if u.State == core.UserDeleted || !by.Actor.Can(access.ViewPeople, at) {
		return core.User{}, unknown
	}
	return u, nil
}

func (d *Desk) Grant(ctx context.Context, by console.Caller, tenant core.TenantID, who string, role core.Role) error {
	u, err := d.whom(ctx, by, who)
	if err != nil {
		return err
	}
	return d.Directory.GrantRole(ctx, u.ID, role, tenant, by.Actor, by.Client)
}

func (d *Desk) Revoke(ctx context.Context, by console.Caller, tenant core.TenantID, who string, role core.Role) error {
	u, err := d.whom(ctx, by, who)
	if err != nil {
		return err
	}
	return d.Directory.RevokeRole(ctx, u.ID, role, tenant, by.Actor, by.Client)
}

func (d *Desk) SaveRole(ctx context.Context, by console.Caller, tenant core.TenantID, w console.RoleWish) error {
	n := directory.NewRole{Tenant: tenant, Base: w.Base, Name: w.Name}
	for _, r := range w.Rights {
		n.Rights = append(n.Rights, string(r))
	}
	if w.Role == "" {
		_, err := d.Directory.MakeRole(ctx, n, by.Actor, by.Client)
		return err
	}
	view, err := d.Roles(ctx, by, tenant)
	if err != nil {
		return err
	}
	for _, c := range view.Custom {
		if c.Role == w.Role {
			if err := fresh(c.Version, w.Version); err != nil {
				return err
			}
		}
	}
	_, err = d.Directory.ChangeRole(ctx, w.Role, n, by.Actor, by.Client)
	return err
}

func (d *Desk) DeleteRole(ctx context.Context, by console.Caller, tenant core.TenantID, role core.Role) error {
	return d.Directory.DeleteRole(ctx, tenant, role, by.Actor, by.Client)
}

// Entries is a page of the log of a node and of what is below it in its
// organisation.
func (d *Desk) Entries(ctx context.Context, by console.Caller, q console.AuditQuery) (console.AuditList, error) {
	ask := store.EventsQuery{Page: store.Page{After: q.Cursor, Limit: q.Limit}, Name: q.Family, Result: q.Result}
	if q.Since > 0 {
		ask.Since = d.Now().AddDate(0, 0, -q.Since)
	}
	if q.About != "" {
		ask.About = q.About
		// A login is looked up; what is none may be an id of something else.
		u, err := d.whom(ctx, by, q.About)
		switch {
		case err == nil:
			ask.About = string(u.ID)
		case !isFault(err):
			return console.AuditList{}, err
		}
	}
	events, next, err := d.Directory.Events(ctx, q.Tenant, ask, by.Actor)
	if err != nil {
		return console.AuditList{}, err
	}
	list := console.AuditList{Next: next}
	list.Entries, err = d.entries(ctx, events)
	return list, err
}

func isFault(err error) bool {
	_, ok := core.AsFault(err)
	return ok
}

// entries puts names to the ids of events. The log holds ids alone, so that a person
// can be erased: then the id is left.
func (d *Desk) entries(ctx context.Context, events []core.Event) ([]console.Entry, error) {
	people, tenants := map[string]named{}, map[core.TenantID]string{}
	person := func(id string) (string, error) {
		if !strings.HasPrefix(id, core.PrefixUser+"_") {
			return "", nil
		}
		n, known := people[id]
		if !known {
			var err error
			if n, err = d.nameOf(ctx, id); err != nil {
				return "", err
			}
			people[id] = n
		}
		return n.who.Name, nil
	}
	tenant := func(id core.TenantID) (string, error) {
		if !strings.HasPrefix(string(id), core.PrefixTenant+"_") {
			return "", nil
		}
		name, known := tenants[id]
		if !known {
			var err error
			if name, err = d.tenantName(ctx, id); err != nil {
				return "", err
			}
			tenants[id] = name
		}
		return name, nil
	}
	out := []console.Entry{}
	for _, e := range events {
		entry := console.Entry{Event: e, Sealed: e.Batch > 0}
		var err error
		if entry.ActorName, err = person(e.Actor); err != nil {
			return nil, err
		}
		if entry.TargetName, err = person(e.Target); err != nil {
			return nil, err
		}
		if entry.TargetName == "" {
			if entry.TargetName, err = tenant(core.TenantID(e.Target)); err != nil {
				return nil, err
			}
		}
		if entry.For, err = tenant(core.TenantID(e.Detail[audit.DetailActingIn])); err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}
