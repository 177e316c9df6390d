package adminapi

import (
	"cmp"
	"net/netip"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/signin"
	api "sallyport/pkg/sallyport"
)

func whoIs(u core.User) api.Who {
	return api.Who{ID: string(u.ID), Login: u.Login, Name: u.Name}
}

func userOf(u core.User, status core.MFAStatus, due time.Time) api.User {
	return api.User{ID: string(u.ID), Login: u.Login, Name: u.Name, Email: u.Email, Tenant: string(u.Tenant), Kind: string(u.Kind), State: string(u.State), Locale: u.Locale,
		MFAStatus: string(status), DueAt: some(due)}
}

func (h *Handler) listUsers(c *call, _ nothing) (out api.Page[api.User], err error) {
	out.Items = []api.User{}
	p, err := c.page()
	if err != nil {
		return out, err
	}
	found, err := h.Directory.People(c, c.tenant(), directory.PeopleQuery{Status: core.MFAStatus(c.query("status")), Prefix: c.query("search"), After: p.After, Limit: p.Limit}, c.Actor)
	if err != nil {
		return out, err
	}
	for _, l := range found.People {
		out.Items = append(out.Items, userOf(l.User, l.Status, l.DueAt))
	}
	out.NextCursor, err = c.next(found.Next)
	return out, err
}

// findUser lists the account that has a login, where the caller may see it. A login is
// one person's in the whole house, so nobody has to know the organisation first.
func (h *Handler) findUser(c *call, _ nothing) (out api.Page[api.User], err error) {
	out.Items = []api.User{}
	if c.query("login") == "" {
		return out, badField("api.field_missing", "login")
	}
	u, err := h.whom(c, c.query("login"))
	if f, ok := core.AsFault(err); ok && f.Code == "user.unknown" {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	d, err := h.Directory.Detail(c, u.ID, c.Actor)
	if err == nil {
		out.Items = append(out.Items, userOf(d.User, d.Stand.Status, d.Stand.DueAt))
	}
	return out, err
}

func newUser(at core.TenantID, in api.NewUser) (directory.NewUser, error) {
	n := directory.NewUser{Tenant: at, Login: in.Login, Email: in.Email, Name: in.Name, Locale: in.Locale}
	for _, r := range in.Roles {
		if r != string(core.RoleUser) {
			n.Roles = append(n.Roles, core.Role(r))
		}
	}
	return n, nil
}

// createUser invites somebody, or makes their account with a first password.
func (h *Handler) createUser(c *call, in api.NewUser) (api.Invited, error) {
	n, err := newUser(c.tenant(), in)
	if err != nil {
		return api.Invited{}, err
	}
	if in.Password == "" {
		if in.MustChange {
			return api.Invited{}, badField("api.field_missing", "password")
		}
		made, err := c.dir.Invite(c, n, c.Actor, c.From)
		return h.invited(c, made, err)
	}
	u, eff, err := c.dir.CheckUser(c, n, c.Actor)
	if err != nil {
		return api.Invited{}, err
	}
	if err := signin.CheckPassword(u, eff, in.Password); err != nil {
		return api.Invited{}, err
	}
	made, err := h.SignIn.MakePassword(c, u, eff, in.Password, c.visitor())
	if err != nil {
		return api.Invited{}, err
	}
	made.MustChange = in.MustChange
	u, err = c.dir.Create(c, u, eff, n.Roles, made, c.Actor, c.From)
	return h.invited(c, directory.Invited{User: u}, err)
}

// invited answers a new account, and until when its invitation works. The link is for
// the mailbox alone.
func (h *Handler) invited(c *call, made directory.Invited, err error) (api.Invited, error) {
	if err != nil || c.dry {
		return api.Invited{}, err
	}
	c.made("/users/" + string(made.User.ID))
	c.tag(made.User.Version)
	d, err := h.Directory.Detail(c, made.User.ID, c.Actor)
	status := d.Stand.Status
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
		// From above one may invite into an organisation whose people one may not see.
		status, err = core.MFAPendingValidation, nil
	}
	return api.Invited{User: userOf(made.User, status, d.Stand.DueAt), InvitationUntil: some(made.Till)}, err
}

func (h *Handler) getUser(c *call, _ nothing) (api.UserDetail, error) {
	d, err := h.Directory.Detail(c, c.user(), c.Actor)
	if err == nil && d.User.State == core.UserDeleted {
		err = core.ErrNotFound
	}
	if err != nil {
		return api.UserDetail{}, err
	}
	c.tag(d.User.Version)
	return h.detailOf(d), nil
}

func (h *Handler) detailOf(d directory.Detail) api.UserDetail {
	u, now := d.User, h.Now()
	o := api.UserDetail{User: userOf(u, d.Stand.Status, d.Stand.DueAt), Required: d.Stand.Required, HasPassword: d.HasPassword, PasswordSetAt: some(d.PasswordSetAt), PasswordLockedUntil: some(d.PasswordLocked),
		CodesLockedUntil: some(d.CodesLocked), Factors: []api.Factor{}, Roles: []api.RoleHeld{}, Browsers: len(d.Browsers), Trusted: []api.Browser{}, Sessions: len(d.Sessions), EmailWaiting: d.Waiting,
		PassUntil: some(d.PassUntil), CreatedAt: u.CreatedAt.UTC(), TenantName: d.Tenant.Name}
	if u.State == core.UserDisabled {
		o.Before = string(cmp.Or(u.Before, core.UserInvited))
	}
	if o.Required {
		o.RequiredBy, o.RequiredSince = d.Stand.By.Name, some(d.Stand.Since)
	}
	for _, f := range d.Factors {
		x := api.Factor{ID: string(f.ID), Kind: string(f.Kind), State: string(f.State), Dead: f.Budget.Dead(), Failures: f.Budget.Consecutive, CreatedAt: f.CreatedAt.UTC(), LastUsedAt: some(f.LastUsedAt)}
		switch {
		case f.Kind == core.FactorRecoveryCode:
			x.LockedUntil = some(d.CodesLocked)
		case !f.Budget.Dead() && f.Budget.Locked(now):
			x.LockedUntil = some(f.Budget.LockedUntil)
		}
		o.Factors = append(o.Factors, x)
	}
	o.Roles = rolesOf(d)
	for _, b := range d.Browsers {
		if b.Trusted(now) {
			o.Trusted = append(o.Trusted, api.Browser{ID: string(b.ID), Device: h.Device(b.Agent), Place: b.Place, LastSeenAt: b.SeenAt.UTC(), TrustedAt: b.TrustedAt.UTC(), TrustedUntil: some(b.TrustedUntil)})
		}
	}
	if d.Invited != nil && d.Invited.State(now) == core.TokenGood {
		o.InvitationUntil = some(d.Invited.ExpiresAt)
	}
	if d.Service != nil {
		s := serviceOf(*d.Service, now)
		o.Service = &s
	}
	if at := u.LastSignIn(); !at.IsZero() {
		o.LastSignInDay = at.UTC().Format(time.DateOnly)
	}
	return o
}

func rolesOf(d directory.Detail) []api.RoleHeld {
	out := []api.RoleHeld{}
	for _, r := range d.Roles {
		out = append(out, api.RoleHeld{Role: string(r.Grant.Role), Name: r.Name, Tenant: string(r.Grant.Tenant), On: r.On.Name})
	}
	return out
}

func (h *Handler) changedUser(c *call, err error) (api.UserDetail, error) {
	if err != nil || c.dry {
		return api.UserDetail{}, err
	}
	return h.getUser(c, nothing{})
}

func (h *Handler) changeUser(c *call, in api.UserChange) (api.UserDetail, error) {
	if in.Tenant != nil {
		if in.Name != nil || in.Email != nil || in.Locale != nil {
			return api.UserDetail{}, core.Invalid("api.one_change")
		}
		m, err := c.dir.Move(c, c.user(), core.TenantID(*in.Tenant), c.Actor, c.From)
		c.count("roles", len(m.Roles))
		return h.changedUser(c, err)
	}
	if in.Name == nil && in.Email == nil && in.Locale == nil {
		return api.UserDetail{}, core.Invalid("api.one_change")
	}
	_, err := c.dir.ChangeUser(c, c.user(), directory.Change{Name: in.Name, Email: in.Email, Locale: in.Locale}, c.Actor, c.From)
	return h.changedUser(c, err)
}

func (h *Handler) deleteUser(c *call, _ nothing) (nothing, error) {
	g, err := c.dir.Delete(c, c.user(), c.Actor, c.From)
	if err == nil {
		c.lost(g.Lost)
		c.count(directory.EffectSessions, g.Sessions)
	}
	return nothing{}, err
}

func (c *call) lost(l enrol.Lost) {
	c.count("apps", l.Apps)
	c.count("codes", l.Codes)
}

func (h *Handler) reinvite(c *call, _ nothing) (api.Invited, error) {
	made, err := c.dir.Reinvite(c, c.user(), c.Actor, c.From)
	return h.invited(c, made, err)
}

func (h *Handler) resetMFA(c *call, _ nothing) (api.Reset, error) {
	lost, err := c.rec.ResetMFA(c, c.user(), c.Actor, c.From)
	if err == nil {
		c.lost(lost)
	}
	return api.Reset{Apps: lost.Apps, Codes: lost.Codes}, err
}

func (h *Handler) resetBrowsers(c *call, _ nothing) (api.Count, error) {
	n, err := c.rec.ResetBrowsers(c, c.user(), c.Actor, c.From)
	if err == nil {
		c.count("browsers", n)
	}
	return api.Count{Count: n}, err
}

func (h *Handler) forgetBrowser(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.rec.ResetBrowser(c, c.user(), core.BrowserID(c.r.PathValue("browser")), c.Actor, c.From)
}

func (h *Handler) unlock(c *call, _ nothing) (api.UserDetail, error) {
	return h.changedUser(c, c.dir.Unlock(c, c.user(), c.Actor, c.From))
}

func (h *Handler) disableUser(c *call, _ nothing) (api.UserDetail, error) {
	return h.changedUser(c, c.dir.Disable(c, c.user(), c.Actor, c.From))
}

func (h *Handler) enableUser(c *call, _ nothing) (api.UserDetail, error) {
	return h.changedUser(c, c.dir.Enable(c, c.user(), c.Actor, c.From))
}

// convertUser makes a person's account one for a program.
func (h *Handler) convertUser(c *call, in api.ServiceFacts) (api.UserDetail, error) {
	_, err := c.dir.MarkService(c, c.user(), factsOver(core.Service{}, in), c.Actor, c.From)
	return h.changedUser(c, err)
}

func (h *Handler) makePass(c *call, in api.PassWish) (api.Pass, error) {
	if in.Minutes == 0 {
		in.Minutes = 60
	}
	p, err := c.rec.MakePass(c, c.user(), time.Duration(in.Minutes)*time.Minute, c.Actor, c.From)
	return api.Pass{Pass: p.Code, Until: p.Till.UTC()}, err
}

func (h *Handler) listSessions(c *call, _ nothing) (out api.Page[api.Session], err error) {
	out.Items = []api.Session{}
	d, err := h.Directory.Detail(c, c.user(), c.Actor)
	for _, s := range d.Sessions {
		out.Items = append(out.Items, api.Session{ID: string(s.ID), Device: h.Device(s.Doc.Agent), Address: s.Doc.Address, Level: string(s.Level), ActingIn: string(s.ActingIn),
			Since: s.CreatedAt.UTC(), LastSeenAt: s.LastSeenAt.UTC(), Until: s.ExpiresAt.UTC()})
	}
	return out, err
}

func (h *Handler) endSessions(c *call, _ nothing) (api.Count, error) {
	n, err := c.dir.EndSessions(c, c.user(), c.Actor, c.From)
	if err == nil {
		c.count(directory.EffectSessions, n)
	}
	return api.Count{Count: n}, err
}

func (h *Handler) endSession(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.dir.EndSession(c, c.user(), core.SessionID(c.r.PathValue("session")), c.Actor, c.From)
}

func (h *Handler) listUserApps(c *call, _ nothing) (out api.Page[api.ConnectedApp], err error) {
	out.Items = []api.ConnectedApp{}
	all, err := h.Directory.Connections(c, c.user(), c.Actor)
	for _, a := range all {
		out.Items = append(out.Items, api.ConnectedApp{ID: string(a.App), Name: a.Name, Scopes: append([]string{}, a.Scopes...), SignIns: a.Live, AllowedAt: some(a.ConsentedAt),
			Since: a.FirstUsedAt.UTC(), LastUsedAt: a.LastUsedAt.UTC()})
	}
	return out, err
}

func (h *Handler) endUserApp(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.dir.Disconnect(c, c.user(), c.app(), c.Actor, c.From)
}

func (h *Handler) listUserRoles(c *call, _ nothing) (api.Page[api.RoleHeld], error) {
	d, err := h.Directory.Detail(c, c.user(), c.Actor)
	return api.Page[api.RoleHeld]{Items: rolesOf(d)}, err
}

func (h *Handler) grantRole(c *call, in api.Grant) (nothing, error) {
	return nothing{}, c.dir.GrantRole(c, c.user(), core.Role(in.Role), core.TenantID(in.Tenant), c.Actor, c.From)
}

func (h *Handler) revokeRole(c *call, _ nothing) (nothing, error) {
	on := core.TenantID(c.query("tenant"))
	if on == "" {
		return nothing{}, badField("api.field_missing", "tenant")
	}
	return nothing{}, c.dir.RevokeRole(c, c.user(), c.role(), on, c.Actor, c.From)
}

// whom finds who is meant by an id or a login: only somebody whom the caller sees.
func (h *Handler) whom(c *call, word string) (core.User, error) {
	unknown := core.Invalid("user.unknown", "field", "user")
	u, err := h.Directory.FindUser(c, word)
	if f, ok := core.AsFault(err); ok && f.Kind != core.KindInternal {
		return u, unknown
	}
	if err != nil {
		return u, err
	}
	at, err := h.Tree.Place(c, u.Tenant)
	if err != nil {
		return u, err
	}
	if u.State == core.UserDeleted || !c.Actor.Can(access.ViewPeople, at) {
		return core.User{}, unknown
	}
	return u, nil
}

func addressIn(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, badField("api.field_invalid", "address")
	}
	return a, nil
}
