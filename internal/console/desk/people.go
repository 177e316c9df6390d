package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// People lists the people of a node with the counts of the same moment.
func (d *Desk) People(ctx context.Context, by console.Caller, q console.PeopleQuery) (console.PeopleList, error) {
	found, err := d.Directory.People(ctx, q.Tenant, directory.PeopleQuery{Status: q.Status, Prefix: q.Prefix, After: q.Cursor, Limit: q.Limit}, by.Actor)
	if err != nil {
		return console.PeopleList{}, err
	}
	eff, err := d.Directory.Tree.Effective(ctx, q.Tenant)
	if err != nil {
		return console.PeopleList{}, err
	}
	list := console.PeopleList{Shown: eff.Settings.On() && !eff.Disabling(), Counts: counts(found.Progress), Next: found.Next}
	names := map[core.TenantID]string{q.Tenant: ""}
	for _, p := range found.People {
		row, err := d.personRow(ctx, p.User, p.Status, p.DueAt, p.Inactive, p.Roles)
		if err != nil {
			return list, err
		}
		if err := d.seen(ctx, &row); err != nil {
			return list, err
		}
		name, known := names[p.User.Tenant]
		if !known {
			if name, err = d.tenantName(ctx, p.User.Tenant); err != nil {
				return list, err
			}
			names[p.User.Tenant] = name
		}
		row.Tenant = name
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

func (d *Desk) personRow(ctx context.Context, u core.User, status core.MFAStatus, due time.Time, inactive bool, roles []core.RoleGrant) (console.PersonRow, error) {
	row := console.PersonRow{User: u, Status: status, DueAt: due}
	if inactive {
		row.Status = console.Inactive
	}
	for _, g := range roles {
		name, err := d.roleName(ctx, g)
		if err != nil {
			return row, err
		}
		if !slices.Contains(row.Roles, name) {
			row.Roles = append(row.Roles, name)
		}
	}
	return row, nil
}

// seen fills in what a list shows of factors and locks.
func (d *Desk) seen(ctx context.Context, row *console.PersonRow) error {
	u := row.User
	return d.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(u.ID)
		if err != nil {
			return err
		}
		row.Methods = nil
		row.Flags = nil
		flag := func(f console.Flag, yes bool) {
			if yes && !slices.Contains(row.Flags, f) {
				row.Flags = append(row.Flags, f)
			}
		}
		for _, name := range []string{"password", "codes"} {
			b, err := r.Budget(u.ID, name)
			if err != nil {
				return err
			}
			flag(console.FlagPasswordLocked, name == "password" && b.Locked(r.Now()))
			flag(console.FlagFactorLocked, name == "codes" && b.Locked(r.Now()))
		}
		for _, f := range factors {
			if f.State != core.FactorConfirmed || f.Kind == core.FactorRecoveryCode {
				continue
			}
			if !slices.Contains(row.Methods, f.Kind) {
				row.Methods = append(row.Methods, f.Kind)
			}
			flag(console.FlagFactorLocked, f.Budget.Locked(r.Now()))
			flag(console.FlagFactorDead, f.Budget.Dead())
		}
		return nil
	})
}

// roleName is a role as people read it. A custom one is known to the organisation
// that made it, which is the one of the grant's tenant or one above.
func (d *Desk) roleName(ctx context.Context, g core.RoleGrant) (console.RoleName, error) {
	if !strings.HasPrefix(string(g.Role), core.PrefixRole+"_") {
		return console.RoleName{Role: g.Role}, nil
	}
	at, err := d.Directory.Tree.Place(ctx, g.Tenant)
	if err != nil {
		return console.RoleName{}, err
	}
	for _, o := range slices.Backward(at.Line) {
		var all []core.CustomRole
		if err := d.Store.View(ctx, o.ID, func(r store.Reader) (err error) { all, err = r.CustomRoles(); return err }); err != nil {
			return console.RoleName{}, err
		}
		for _, c := range all {
			if c.ID == g.Role {
				return console.RoleName{Role: g.Role, Name: c.Name}, nil
			}
		}
	}
	return console.RoleName{Role: g.Role, Name: string(g.Role)}, nil
}

// eventsShown is how much of the log a person's page has.
const eventsShown = 10

// Person is one account with all that its administrators may see.
func (d *Desk) Person(ctx context.Context, by console.Caller, id core.UserID) (console.PersonView, error) {
	x, err := d.Directory.Detail(ctx, id, by.Actor)
	if err != nil {
		return console.PersonView{}, err
	}
	if x.User.State == core.UserDeleted {
		return console.PersonView{}, core.ErrNotFound
	}
	v := console.PersonView{Required: x.Stand.Required, Since: x.Stand.Since, Why: x.Explained}
	if v.Place, err = d.Place(ctx, by, x.User.Tenant); err != nil {
		return v, err
	}
	if v.PersonRow, err = d.personRow(ctx, x.User, x.Stand.Status, x.Stand.DueAt, x.User.State == core.UserDisabled, nil); err != nil {
		return v, err
	}
	if err := d.seen(ctx, &v.PersonRow); err != nil {
		return v, err
	}
	if v.Required {
		v.By = x.Stand.By.Name
		if x.Stand.By.ID == x.Effective.Organisation.ID {
			v.By = x.Effective.Name()
		}
	}
	for _, f := range x.Factors {
		switch {
		case f.State != core.FactorConfirmed:
		case f.Kind == core.FactorRecoveryCode:
			v.Recovery.Left++
			v.Recovery.Made = f.ConfirmedAt
		default:
			v.Factors = append(v.Factors, console.Factor{Kind: f.Kind, Name: f.Name, Added: f.ConfirmedAt, Used: f.LastUsedAt, LockedUntil: f.Budget.LockedUntil, Dead: f.Budget.Dead()})
		}
	}
	for _, b := range x.Browsers {
		if b.Trusted(d.Now()) {
			v.Browsers = append(v.Browsers, console.Browser{ID: b.ID, Agent: d.Device(b.Agent), Place: b.Place, Seen: b.SeenAt, Trusted: b.TrustedAt, Until: b.TrustedUntil})
		}
	}
	for _, s := range x.Sessions {
		v.Sessions = append(v.Sessions, console.Session{ID: s.ID, Agent: d.Device(s.Doc.Agent), Address: s.Doc.Address, Since: s.CreatedAt, Seen: s.LastSeenAt, Level: s.Level})
	}
	if x.User.Kind == core.Person {
		apps, err := d.Directory.Connections(ctx, id, by.Actor)
		if err != nil {
			return v, err
		}
		for _, a := range apps {
			v.Apps = append(v.Apps, console.ConnectedApp{ID: a.App, Name: a.Name, Since: a.FirstUsedAt, Used: a.LastUsedAt, Scopes: a.Scopes, SignIn: a.Live, Gone: a.Gone})
		}
	}
	if x.Service != nil {
		one, err := d.service(ctx, x.User, *x.Service)
		if err != nil {
			return v, err
		}
		v.Service = &one
	}
	if err := d.personRoles(ctx, by, x, &v); err != nil {
		return v, err
	}
	if v.Events, err = d.eventsOf(ctx, x.User); err != nil {
		return v, err
	}
	v.Deeds = d.personDeeds(ctx, by, x)
	return v, nil
}

func (d *Desk) personRoles(ctx context.Context, by console.Caller, x directory.Detail, v *console.PersonView) error {
	for _, r := range x.Roles {
		if r.Grant.Role == core.RoleUser {
			continue
		}
		name, err := d.roleName(ctx, r.Grant)
		if err != nil {
			return err
		}
		held := console.RoleHeld{Role: name, On: r.On}
		if held.MayRevoke, err = d.mayRevoke(ctx, by, r.Grant); err != nil {
			return err
		}
		held.MayRevoke = held.MayRevoke && x.User.ID != by.Actor.User.ID
		v.Held = append(v.Held, held)
		v.Roles = append(v.Roles, name)
	}
	if x.User.Kind != core.Person || x.User.ID == by.Actor.User.ID {
		return nil
	}
	view, err := d.Roles(ctx, by, x.User.Tenant)
	v.Grants = view.Grants
	return err
}

func (d *Desk) mayRevoke(ctx context.Context, by console.Caller, g core.RoleGrant) (bool, error) {
	at, err := d.Directory.Tree.Place(ctx, g.Tenant)
	if err != nil {
		return false, err
	}
	return by.Actor.MayGrant(access.GrantOf(g, at)), nil
}

func (d *Desk) eventsOf(ctx context.Context, u core.User) (out []console.Entry, err error) {
	var events []core.Event
	err = d.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		events, err = r.EventsOf(u.ID, 0, eventsShown)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d.entries(ctx, events)
}

// personDeeds are what makes sense for an account as it is, of which the caller may
// do those that stand there.
func (d *Desk) personDeeds(ctx context.Context, by console.Caller, x directory.Detail) (out []console.PersonDeed) {
	u := x.User
	may := func(p access.Permission) bool { return d.Directory.Tree.MayActOn(ctx, by.Actor, p, u) == nil }
	add := func(deed console.PersonDeed, right access.Permission, sensible bool) {
		if sensible && may(right) {
			out = append(out, deed)
		}
	}
	self := u.ID == by.Actor.User.ID
	person, here := u.Kind == core.Person, u.State == core.UserActive || u.State == core.UserValidated
	trusted := slices.ContainsFunc(x.Browsers, func(b core.Browser) bool { return b.Trusted(d.Now()) })
	lost := enrol.WouldLose(x.Factors)
	locked := !x.PasswordLocked.IsZero() || !x.CodesLocked.IsZero() || slices.ContainsFunc(x.Factors, func(f core.Factor) bool { return f.Budget.Locked(d.Now()) })
	add(console.PersonUnlock, access.Unlock, locked)
	add(console.PersonReinvite, access.Reinvite, u.State == core.UserInvited)
	add(console.PersonPass, access.MakePass, person && here && !u.Federated && !self && !x.Effective.Disabling())
	add(console.PersonUntrust, access.Untrust, trusted)
	add(console.PersonResetMFA, access.ResetMFA, person && lost.Apps+lost.Codes > 0)
	add(console.PersonEndSessions, access.EndSessions, len(x.Sessions) > 0)
	add(console.PersonEdit, access.ChangePeople, true)
	add(console.PersonMove, access.MovePeople, !self)
	add(console.PersonToService, access.Convert, person && here && !self && policy.MayHoldServiceAccounts(x.Effective, x.Tenant.Kind))
	add(console.PersonChangeService, access.Convert, !person)
	add(console.PersonToRegular, access.Convert, !person)
	add(console.PersonDisable, access.Disable, u.State != core.UserDisabled && !self)
	add(console.PersonEnable, access.Disable, u.State == core.UserDisabled)
	add(console.PersonDelete, access.DeletePeople, !self)
	return out
}

// Invite invites somebody: into the caller's own organisation, or as the first
// administrator of one further down.
func (d *Desk) Invite(ctx context.Context, by console.Caller, n console.Invitation) (core.UserID, error) {
	wish := directory.NewUser{Tenant: n.Tenant, Login: n.Login, Email: n.Email, Name: n.Name, Locale: n.Locale}
	if n.Role != "" && n.Role != core.RoleUser {
		wish.Roles = []core.Role{n.Role}
	}
	at, err := d.Directory.Tree.Place(ctx, n.Tenant)
	if err != nil {
		return "", plainly(err)
	}
	var in directory.Invited
	if by.Actor.Can(access.Invite, at) {
		in, err = d.Directory.Invite(ctx, wish, by.Actor, by.Client)
	} else {
		in, err = d.Directory.InviteFirst(ctx, wish, by.Actor, by.Client)
	}
	return in.User.ID, err
}

// Homes are the tenants of the same organisation that a person may be moved to.
func (d *Desk) Homes(ctx context.Context, by console.Caller, id core.UserID) (out []core.Tenant, err error) {
	u, eff, err := d.Directory.Tree.Person(ctx, by.Actor, access.MovePeople, id)
	if err != nil {
		return nil, err
	}
	var below []core.Tenant
	err = d.Store.View(ctx, eff.Organisation.ID, func(r store.Reader) error { below, err = r.Below(); return err })
	for _, t := range below {
		if t.Organisation == eff.Organisation.ID && t.State == core.TenantActive && t.ID != u.Tenant {
			out = append(out, t)
		}
	}
	return out, err
}

// PreviewPerson says what a deed would do to an account.
func (d *Desk) PreviewPerson(ctx context.Context, by console.Caller, c console.PersonChange) (console.Effect, error) {
	x, err := d.Directory.Detail(ctx, c.User, by.Actor)
	if err != nil {
		return console.Effect{}, err
	}
	if !slices.Contains(d.personDeeds(ctx, by, x), c.Deed) {
		return console.Effect{}, core.ErrForbidden
	}
	var e console.Effect
	lose := func(lost enrol.Lost) {
		line(&e, console.EffectApps, lost.Apps)
		line(&e, console.EffectCodes, lost.Codes)
	}
	trusted := 0
	for _, b := range x.Browsers {
		if b.Trusted(d.Now()) {
			trusted++
		}
	}
	switch c.Deed {
	case console.PersonReinvite:
		line(&e, console.EffectInvites, 1)
	case console.PersonUntrust:
		line(&e, console.EffectBrowsers, trusted)
	case console.PersonResetMFA:
		lose(enrol.WouldLose(x.Factors))
		line(&e, console.EffectBrowsers, trusted)
		line(&e, directory.EffectSessions, len(x.Sessions))
	case console.PersonEndSessions, console.PersonDisable:
		line(&e, directory.EffectSessions, len(x.Sessions))
	case console.PersonToService:
		line(&e, console.EffectProgram, 1)
		line(&e, console.EffectBrowsers, trusted)
		line(&e, directory.EffectSessions, len(x.Sessions))
	case console.PersonPass:
		if !x.PassUntil.IsZero() {
			line(&e, console.EffectPass, 1)
		}
	case console.PersonDelete:
		_, gone, err := d.Directory.PlanDelete(ctx, c.User, by.Actor)
		if err != nil {
			return e, err
		}
		lose(gone.Lost)
		line(&e, directory.EffectSessions, gone.Sessions)
		line(&e, console.EffectRoles, privileged(gone.Roles))
		e.Name = x.User.Name
	case console.PersonMove:
		moved, err := d.Directory.PlanMove(ctx, c.User, c.Tenant, by.Actor)
		if err != nil {
			return e, err
		}
		line(&e, console.EffectRoles, privileged(moved.Roles))
	}
	e.Version = x.User.Version
	return e, nil
}

func privileged(roles []core.RoleGrant) (n int) {
	for _, r := range roles {
		if r.Role != core.RoleUser {
			n++
		}
	}
	return n
}

// ChangePerson does it.
func (d *Desk) ChangePerson(ctx context.Context, by console.Caller, c console.PersonChange) (out console.PersonChanged, err error) {
	if c.Version != console.AnyVersion {
		x, err := d.Directory.Detail(ctx, c.User, by.Actor)
		if err == nil {
			err = fresh(x.User.Version, c.Version)
		}
		if err != nil {
			return out, err
		}
	}
	s, facts := d.Directory, directory.ServiceFacts{Reason: c.Reason, ExpiresAt: c.Expires, Networks: c.Networks}
	switch c.Deed {
	case console.PersonUnlock:
		err = s.Unlock(ctx, c.User, by.Actor, by.Client)
	case console.PersonReinvite:
		_, err = s.Reinvite(ctx, c.User, by.Actor, by.Client)
	case console.PersonPass:
		made, passErr := d.Recovery.MakePass(ctx, c.User, time.Duration(c.Hours)*time.Hour, by.Actor, by.Client)
		out, err = console.PersonChanged{Secret: made.Code, Until: made.Till}, passErr
	case console.PersonUntrust:
		_, err = d.Recovery.ResetBrowsers(ctx, c.User, by.Actor, by.Client)
	case console.PersonResetMFA:
		_, err = d.Recovery.ResetMFA(ctx, c.User, by.Actor, by.Client)
	case console.PersonEndSessions:
		_, err = s.EndSessions(ctx, c.User, by.Actor, by.Client)
	case console.PersonEdit:
		_, err = s.ChangeUser(ctx, c.User, directory.Change{Name: &c.Name, Email: &c.Email, Locale: &c.Locale}, by.Actor, by.Client)
	case console.PersonMove:
		_, err = s.Move(ctx, c.User, c.Tenant, by.Actor, by.Client)
	case console.PersonToService:
		_, err = s.MarkService(ctx, c.User, facts, by.Actor, by.Client)
	case console.PersonChangeService:
		err = d.changeService(ctx, by, c.User, facts)
	case console.PersonToRegular:
		_, err = s.MarkRegular(ctx, c.User, by.Actor, by.Client)
	case console.PersonDisable:
		err = s.Disable(ctx, c.User, by.Actor, by.Client)
	case console.PersonEnable:
		err = s.Enable(ctx, c.User, by.Actor, by.Client)
	case console.PersonDelete:
		_, err = s.Delete(ctx, c.User, by.Actor, by.Client)
	default:
		err = core.ErrNotFound
	}
	return out, err
}

// changeService keeps who answers for a service account; only the rest is on the
// form.
func (d *Desk) changeService(ctx context.Context, by console.Caller, id core.UserID, facts directory.ServiceFacts) error {
	_, had, err := d.Directory.ServiceOf(ctx, id, by.Actor)
	if err != nil {
		return err
	}
	facts.Owner = had.Owner
	_, err = d.Directory.ChangeService(ctx, id, facts, by.Actor, by.Client)
	return err
}

// EndSession ends one session of somebody.
func (d *Desk) EndSession(ctx context.Context, by console.Caller, id core.UserID, which core.SessionID) error {
	return d.Directory.EndSession(ctx, id, which, by.Actor, by.Client)
}

// Disconnect takes an app from somebody.
func (d *Desk) Disconnect(ctx context.Context, by console.Caller, id core.UserID, app core.AppID) error {
	return d.Directory.Disconnect(ctx, id, app, by.Actor, by.Client)
}

// ForgetBrowser takes the trust from one browser of somebody.
func (d *Desk) ForgetBrowser(ctx context.Context, by console.Caller, id core.UserID, which core.BrowserID) error {
	return d.Recovery.ResetBrowser(ctx, id, which, by.Actor, by.Client)
}
