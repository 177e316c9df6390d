package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// household is one tenant's person with one of everything.
type household struct {
	tenant  core.Tenant
	user    core.User
	browser core.Browser
	grant   core.RoleGrant
	factor  core.Factor
	attempt core.Attempt
	session core.Session
	token   core.Token
	mail    core.Mail
	role    core.CustomRole
	service core.Service
	acting  core.Session // of somebody of the platform, in this tenant
	job     core.Job

	app        core.App
	client     core.App // an API client
	secret     core.AppSecretRow
	family     core.Family
	connection core.Connection
	device     core.Device
}

func (w *world) household() household {
	h := household{tenant: w.customer()}
	id := h.tenant.ID
	h.user = w.user(id)
	h.browser = core.Browser{ID: core.BrowserID(w.id("br")), User: h.user.ID, Tenant: id, Hash: []byte("device " + h.user.ID), Agent: "Browser", SeenAt: w.clock.Now(), CreateAt: w.clock.Now()}
	h.grant = core.RoleGrant{User: h.user.ID, Tenant: id, Role: core.CustomerAdmin, At: w.clock.Now()}
	h.factor, h.attempt, h.session, h.token = w.factor(h.user), w.attempt(h.user), w.session(h.user), w.token(h.user)
	h.mail = w.newMail(h.user)
	h.browser.Place, h.browser.TrustedAt, h.browser.TrustedUntil = "Ulm", w.clock.Now(), w.clock.Now().Add(time.Hour)
	h.role = core.CustomRole{ID: core.Role(w.id("ro")), Tenant: id, Base: core.Helpdesk, Name: "Unlockers", Rights: []string{"people.view", "people.unlock"},
		CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now()}
	h.service = core.Service{User: h.user.ID, Owner: h.user.ID, Reason: "backups", Networks: []string{"10.0.0.0/8"}, ExpiresAt: w.clock.Now().Add(time.Hour), CreatedAt: w.clock.Now()}
	h.job = core.Job{Tenant: id, Kind: core.JobDisableMFA, Cursor: "us_1", Doc: core.JobDoc{Actor: "us_2", Apps: 3}, CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now()}
	h.app = w.newApp(id)
	h.client = w.newApp(id)
	h.client.Kind, h.client.Owner = core.AppClient, h.user.ID
	h.secret, h.family = w.newSecret(h.app), w.newFamily(h.user, h.app.ID, h.session.ID)
	h.device = w.newDevice(h.app)
	h.connection = core.Connection{Tenant: id, User: h.user.ID, App: h.app.ID, Scopes: []string{"openid"}, ConsentedAt: w.clock.Now(), FirstUsedAt: w.clock.Now(), LastUsedAt: w.clock.Now()}
	h.acting = w.newSession(w.operator())
	h.acting.ActingIn, h.acting.Doc.Reason = id, "ticket 4711"
	w.update(root, func(tx store.Tx) error { return tx.InsertSession(h.acting) })
	w.update(id, func(tx store.Tx) error {
		return errors.Join(
			tx.InsertCustomRole(h.role), tx.SaveService(h.service), tx.InsertJob(h.job),
			tx.SetPassword(h.user.ID, core.Password{Hash: "$argon2id$", Length: 12, SetAt: w.clock.Now()}),
			tx.InsertBrowser(h.browser), tx.Grant(h.grant),
			tx.SaveBudget(h.user.ID, "password", core.Budget{Window: w.clock.Now(), Failures: 2, Consecutive: 2}),
			tx.Append(core.Event{Name: "signin.succeeded", Actor: string(h.user.ID), Target: string(h.user.ID), Result: "ok"}),
			tx.QueueMail(h.mail),
			tx.InsertApp(h.app), tx.InsertApp(h.client), tx.InsertAppSecret(h.secret), tx.InsertFamily(h.family), tx.SaveConnection(h.connection), tx.InsertDevice(h.device),
			tx.SetHosts(h.app.ID, []string{string(h.app.ID) + ".example.org"}), tx.InsertHostCookie([]byte("cookie "+h.family.ID), h.family.ID),
			tx.Spend(core.SpentAccess, []byte(h.user.ID), w.clock.Now().Add(40*24*time.Hour)),
			tx.BeginReply(core.Reply{Mark: []byte(h.user.ID), Tenant: h.tenant.ID, Print: []byte("print"), BusyUntil: w.clock.Now().Add(time.Hour), ExpiresAt: w.clock.Now().Add(40 * 24 * time.Hour)}),
		)
	})
	return h
}

// everything is what a tenant has of a household.
func (w *world) everything(h household) map[string]any {
	all := map[string]any{}
	w.view(h.tenant.ID, func(r store.Reader) error {
		var errs []error
		put := func(name string, v any, err error) {
			all[name] = v
			errs = append(errs, err)
		}
		u := h.user.ID
		{
			v, err := r.Tenant()
			put("tenant", v, err)
		}
		{
			v, err := r.Users("", 100)
			put("users", v, err)
		}
		{
			v, err := r.Password(u)
			put("password", v, err)
		}
		{
			v, err := r.Browsers(u)
			put("browsers", v, err)
		}
		{
			v, err := r.Roles(u)
			put("roles", v, err)
		}
		{
			v, err := r.Budget(u, "password")
			put("budget", v, err)
		}
		{
			v, err := r.CustomRoles()
			put("custom roles", v, err)
		}
		{
			v, err := r.Service(u)
			put("service", v, err)
		}
		{
			v, err := r.Job(r.TenantID(), core.JobDisableMFA)
			put("job", v, err)
		}
		{
			v, err := r.Acting()
			put("acting", v, err)
		}
		{
			v, err := r.Counts()
			put("counts", v, err)
		}
		{
			v, err := r.FactorHistory(u)
			put("factors", v, err)
		}
		{
			v, err := r.Attempt(h.attempt.ID)
			put("attempt", v, err)
		}
		{
			v, err := r.Sessions(u)
			put("sessions", v, err)
		}
		{
			v, err := r.Tokens(u, core.TokenReset)
			put("tokens", v, err)
		}
		{
			v, err := r.EventsOf(u, 0, 100)
			put("events", v, err)
		}
		{
			v, _, err := r.Apps(store.Page{Limit: 10})
			put("apps", v, err)
		}
		{
			v, _, err := r.Clients(store.Page{Limit: 10})
			put("api clients", v, err)
		}
		{
			v, err := r.AppSecrets(h.app.ID)
			put("app secrets", v, err)
		}
		{
			v, err := r.Families(u)
			put("families", v, err)
		}
		{
			v, err := r.Reply([]byte(u))
			put("reply", v, err)
		}
		{
			v, err := r.Device(h.device.ID)
			put("device", v, err)
		}
		{
			v, err := r.Connections(u)
			put("connections", v, err)
		}
		{
			v, own, err := r.MailsTo(h.user.Email, h.mail.Kind, h.user.ID, time.Time{})
			if own != v {
				err = errors.Join(err, fmt.Errorf("%d mails, %d of the person", v, own))
			}
			put("mails", v, err)
		}
		return errors.Join(errs...)
	})
	return all
}

var errSeen = errors.New("found something of another tenant")

// nothing is for lists: an id that is not ours has an empty one.
func nothing[T any](list []T, err error) error {
	if err == nil && len(list) > 0 {
		return errSeen
	}
	return err
}

// none is for counts.
func none(n int, err error) error {
	if err == nil && n != 0 {
		return errSeen
	}
	return err
}

// missing is for single rows, which have to be core.ErrNotFound.
func missing[T any](_ T, err error) error {
	if err == nil {
		return errSeen
	}
	return err
}

// sweep calls each method of a transaction of one tenant with what belongs to
// another. A method may answer core.ErrNotFound, or have no effect and say so.
var sweep = map[string]func(w *world, tx store.Tx, h household) error{
	"Now":      nil, // takes no id
	"TenantID": nil,
	"Tenant": func(_ *world, tx store.Tx, h household) error {
		n, err := tx.Tenant()
		if n.ID == h.tenant.ID {
			return errSeen
		}
		return err
	},
	"Line": func(_ *world, tx store.Tx, h household) error {
		line, err := tx.Line()
		for _, n := range line {
			if n.ID == h.tenant.ID {
				return errSeen
			}
		}
		return err
	},
	"LineOf": nil, // asked about any node: rights are held on those of other tenants
	"Below": func(_ *world, tx store.Tx, h household) error {
		below, err := tx.Below()
		for _, n := range below {
			if n.ID == h.tenant.ID {
				return errSeen
			}
		}
		return err
	},
	"Children": func(_ *world, tx store.Tx, h household) error {
		all, _, err := tx.Children(store.Page{Limit: 1000}, true)
		return nodeAmong(all, err, h)
	},
	"Named": func(_ *world, tx store.Tx, h household) error {
		all, _, err := tx.Named(h.tenant.Name, store.Page{Limit: 1000})
		return nodeAmong(all, err, h)
	},
	"Deleted": func(_ *world, tx store.Tx, h household) error {
		all, _, err := tx.Deleted(h.tenant.Name, store.Page{Limit: 1000})
		return nodeAmong(all, err, h)
	},
	"Counts": func(_ *world, tx store.Tx, h household) error {
		n, err := tx.Counts()
		if err == nil && n[core.StandingEnrolled] > 1 {
			return errSeen
		}
		return err
	},
	"CountsBelow": func(_ *world, tx store.Tx, h household) error {
		all, err := tx.CountsBelow()
		if _, has := all[h.tenant.ID]; has {
			return errSeen
		}
		return err
	},
	"Losses": func(_ *world, tx store.Tx, h household) error {
		l, err := tx.Losses()
		if err == nil && l.People > 1 {
			return errSeen
		}
		return err
	},
	"Newcomers": func(_ *world, tx store.Tx, h household) error {
		n, newest, err := tx.Newcomers(time.Time{})
		if err == nil && !newest.IsZero() {
			return errSeen
		}
		return none(n, err)
	},
	// Names people of our own by what others have: whoever moves a branch must know.
	"Clashes":       func(_ *world, tx store.Tx, h household) error { return nothing(tx.Clashes(h.tenant.ID, 10)) },
	"WithoutEntry":  func(_ *world, tx store.Tx, h household) error { return none(tx.WithoutEntry()) },
	"MoveTenant":    func(_ *world, tx store.Tx, h household) error { return under(tx, h) },
	"DeleteBranch":  nil, // takes no id: the reader's own branch
	"RestoreBranch": nil,
	"InsertTenant": func(w *world, tx store.Tx, h household) error {
		id := core.TenantID(w.id("tn"))
		return must(tx.InsertTenant(core.Tenant{ID: id, Parent: h.tenant.ID, Organisation: id, Path: h.tenant.Path + string(id) + "/", Kind: core.Unit}))
	},
	"UpdateTenant": func(_ *world, tx store.Tx, h household) error { return must(tx.UpdateTenant(h.tenant)) },
	"User":         func(_ *world, tx store.Tx, h household) error { return missing(tx.User(h.user.ID)) },
	"Users": func(_ *world, tx store.Tx, h household) error {
		users, err := tx.Users("", 1000)
		for _, u := range users {
			if u.ID == h.user.ID {
				return errSeen
			}
		}
		return err
	},
	"EmailTaken": func(_ *world, tx store.Tx, h household) error {
		taken, err := tx.EmailTaken(h.tenant.ID, h.user.EmailKey, "")
		if taken {
			return errSeen
		}
		return err
	},
	"People": func(_ *world, tx store.Tx, h household) error {
		for _, prefix := range []string{"", "log", "name", h.user.Login, h.user.Email} {
			all, _, err := tx.People(store.PeopleQuery{Page: store.Page{Limit: 1000}, Prefix: prefix})
			if err != nil {
				return err
			}
			for _, p := range all {
				if p.User.ID == h.user.ID {
					return errSeen
				}
			}
		}
		return nil
	},
	"OpenHolders": func(_ *world, tx store.Tx, h household) error {
		all, err := tx.OpenHolders(core.Roles, 1000)
		return nothing(all, err)
	},
	"RolesHeld": func(_ *world, tx store.Tx, h household) error {
		all, err := tx.RolesHeld()
		for _, p := range all {
			if p.Grant.Tenant == h.tenant.ID {
				return errSeen
			}
		}
		return err
	},
	// Asked about any tenant and any account: roles cross tenants.
	"Administrators": nil,
	"RolesHeldBy":    nil,
	"CustomRoles": func(_ *world, tx store.Tx, h household) error {
		all, err := tx.CustomRoles()
		for _, r := range all {
			if r.ID == h.role.ID {
				return errSeen
			}
		}
		return err
	},
	"CustomRole": func(_ *world, tx store.Tx, h household) error { return missing(tx.CustomRole(h.role.ID)) },
	"InsertCustomRole": func(w *world, tx store.Tx, h household) error {
		h.role.ID = core.Role(w.id("ro"))
		return must(tx.InsertCustomRole(h.role))
	},
	"UpdateCustomRole": func(_ *world, tx store.Tx, h household) error {
		h.role.Name = "changed"
		return must(tx.UpdateCustomRole(h.role))
	},
	"DeleteCustomRole": func(_ *world, tx store.Tx, h household) error { return must(tx.DeleteCustomRole(h.role.ID)) },
	"Service":          func(_ *world, tx store.Tx, h household) error { return missing(tx.Service(h.user.ID)) },
	"SaveService": func(_ *world, tx store.Tx, h household) error {
		return must(tx.SaveService(core.Service{User: h.user.ID, Reason: "changed"}))
	},
	"DropService": func(_ *world, tx store.Tx, h household) error { return must(tx.DropService(h.user.ID)) },
	"UsedService": func(w *world, tx store.Tx, h household) error {
		return must(tx.UsedService(h.user.ID, w.clock.Now().Add(time.Hour), "192.0.2.1"))
	},
	"TrustBrowser": func(w *world, tx store.Tx, h household) error {
		h.browser.TrustedAt = w.clock.Now().Add(time.Hour)
		return must(tx.TrustBrowser(h.browser))
	},
	"Untrust": func(_ *world, tx store.Tx, h household) error {
		return errors.Join(none(tx.Untrust(h.user.ID)), none(tx.Untrust(h.user.ID, h.browser.ID)))
	},
	"MoveUser": func(_ *world, tx store.Tx, h household) error {
		if err := tx.MoveUser(h.user, tx.TenantID()); !errors.Is(err, core.ErrNotFound) {
			return must(err)
		}
		h.user.Tenant = tx.TenantID()
		return must(tx.MoveUser(h.user, root))
	},
	"Acting": func(_ *world, tx store.Tx, h household) error {
		all, err := tx.Acting()
		for _, a := range all {
			if a.Session.ID == h.acting.ID {
				return errSeen
			}
		}
		return err
	},
	"LiveSessions": func(_ *world, tx store.Tx, _ household) error {
		if n, err := tx.LiveSessions(""); err != nil || n != 1 {
			return errors.Join(errSeen, err)
		}
		return nil
	},
	"EndActing": func(_ *world, tx store.Tx, h household) error {
		ended, err := tx.EndActing(h.acting.ID, "test")
		if ended {
			return errSeen
		}
		return err
	},
	"Events": func(_ *world, tx store.Tx, h household) error {
		return errors.Join(ownEvents(tx, store.EventsQuery{}, h), ownEvents(tx, store.EventsQuery{About: string(h.user.ID)}, h))
	},
	"Job": func(_ *world, tx store.Tx, h household) error { return missing(tx.Job(h.tenant.ID, h.job.Kind)) },
	"InsertJob": func(_ *world, tx store.Tx, h household) error {
		return must(tx.InsertJob(core.Job{Tenant: h.tenant.ID, Kind: core.JobEndSessions}))
	},
	"UpdateJob": func(_ *world, tx store.Tx, h household) error {
		h.job.Cursor = "changed"
		return must(tx.UpdateJob(h.job))
	},
	"EndJob":   func(_ *world, tx store.Tx, h household) error { return must(tx.EndJob(h.job)) },
	"Password": func(_ *world, tx store.Tx, h household) error { return missing(tx.Password(h.user.ID)) },
	"Browsers": func(_ *world, tx store.Tx, h household) error { return nothing(tx.Browsers(h.user.ID)) },
	"Roles":    func(_ *world, tx store.Tx, h household) error { return nothing(tx.Roles(h.user.ID)) },
	"Budget": func(_ *world, tx store.Tx, h household) error {
		b, err := tx.Budget(h.user.ID, "password")
		if !b.Clean() {
			return errSeen
		}
		return err
	},
	"InsertUser": func(w *world, tx store.Tx, h household) error { return must(tx.InsertUser(w.newUser(h.tenant.ID))) },
	"UpdateUser": func(_ *world, tx store.Tx, h household) error {
		h.user.Name = "changed"
		return must(tx.UpdateUser(h.user))
	},
	"SetPassword": func(_ *world, tx store.Tx, h household) error {
		return must(tx.SetPassword(h.user.ID, core.Password{Hash: "changed"}))
	},
	"Rehash": func(_ *world, tx store.Tx, h household) error {
		return tx.Rehash(h.user.ID, "$argon2id$", core.Password{Hash: "changed"})
	},
	"InsertBrowser": func(w *world, tx store.Tx, h household) error {
		h.browser.ID = core.BrowserID(w.id("br"))
		if err := tx.InsertBrowser(h.browser); !errors.Is(err, core.ErrNotFound) {
			return must(err)
		}
		h.browser.Tenant = tx.TenantID()
		return must(tx.InsertBrowser(h.browser))
	},
	"SeenBrowser": func(w *world, tx store.Tx, h household) error {
		return must(tx.SeenBrowser(h.browser.ID, w.clock.Now().Add(time.Hour), "elsewhere", false))
	},
	"DropBrowsers": func(_ *world, tx store.Tx, h household) error {
		return errors.Join(none(tx.DropBrowsers(h.user.ID)), none(tx.DropBrowsers(h.user.ID, h.browser.ID)))
	},
	"Grant": func(_ *world, tx store.Tx, h household) error {
		return must(tx.Grant(core.RoleGrant{User: h.user.ID, Tenant: tx.TenantID(), Role: core.PlatformAdmin}))
	},
	"Revoke": func(_ *world, tx store.Tx, h household) error { return must(tx.Revoke(h.grant)) },
	"SaveBudget": func(_ *world, tx store.Tx, h household) error {
		return must(tx.SaveBudget(h.user.ID, "password", core.Budget{Failures: 9}))
	},
	"DropBudgets":   func(_ *world, tx store.Tx, h household) error { return tx.DropBudgets(h.user.ID) },
	"Factor":        func(_ *world, tx store.Tx, h household) error { return missing(tx.Factor(h.factor.ID)) },
	"Factors":       func(_ *world, tx store.Tx, h household) error { return nothing(tx.Factors(h.user.ID)) },
	"FactorHistory": func(_ *world, tx store.Tx, h household) error { return nothing(tx.FactorHistory(h.user.ID)) },
	"InsertFactor": func(w *world, tx store.Tx, h household) error {
		f := w.newFactor(h.user)
		if err := tx.InsertFactor(f); !errors.Is(err, core.ErrNotFound) {
			return must(err)
		}
		f.Tenant = tx.TenantID()
		return must(tx.InsertFactor(f))
	},
	"UpdateFactor": func(_ *world, tx store.Tx, h household) error {
		h.factor.Name = "changed"
		return must(tx.UpdateFactor(h.factor))
	},
	"Attempt":      func(_ *world, tx store.Tx, h household) error { return missing(tx.Attempt(h.attempt.ID)) },
	"AttemptFacts": func(_ *world, tx store.Tx, h household) error { return missing(tx.AttemptFacts(h.attempt.ID)) },
	"InsertAttempt": func(w *world, tx store.Tx, h household) error {
		a := w.newAttempt(h.user)
		if err := tx.InsertAttempt(a); !errors.Is(err, core.ErrNotFound) {
			return must(err)
		}
		a.Tenant = tx.TenantID()
		return must(tx.InsertAttempt(a))
	},
	"UpdateAttempt": func(w *world, tx store.Tx, h household) error {
		h.attempt.DoneAt = w.clock.Now()
		return must(tx.UpdateAttempt(h.attempt))
	},
	"EndAttempts": func(_ *world, tx store.Tx, h household) error { return tx.EndAttempts(h.user.ID) },
	"Session":     func(_ *world, tx store.Tx, h household) error { return missing(tx.Session(h.session.ID)) },
	"Sessions":    func(_ *world, tx store.Tx, h household) error { return nothing(tx.Sessions(h.user.ID)) },
	"InsertSession": func(w *world, tx store.Tx, h household) error {
		s := w.newSession(h.user)
		if err := tx.InsertSession(s); !errors.Is(err, core.ErrNotFound) {
			return must(err)
		}
		s.Tenant = tx.TenantID()
		return must(tx.InsertSession(s))
	},
	"UpdateSession": func(w *world, tx store.Tx, h household) error {
		h.session.EndedAt = w.clock.Now()
		return must(tx.UpdateSession(h.session))
	},
	"EndSessions": func(_ *world, tx store.Tx, h household) error { return none(tx.EndSessions(h.user.ID, "test")) },
	"Token":       func(_ *world, tx store.Tx, h household) error { return missing(tx.Token(h.token.Hash)) },
	"Tokens":      func(_ *world, tx store.Tx, h household) error { return nothing(tx.Tokens(h.user.ID, core.TokenReset)) },
	"InsertToken": func(w *world, tx store.Tx, h household) error {
		k := w.newToken(h.user)
		if err := tx.InsertToken(k); !errors.Is(err, core.ErrNotFound) {
			return must(err)
		}
		k.Tenant = tx.TenantID()
		return must(tx.InsertToken(k))
	},
	"UseToken": func(_ *world, tx store.Tx, h household) error {
		if err := tx.UseToken(h.token.Hash); !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("want a conflict: %w", must(err))
		}
		return core.ErrNotFound
	},
	"BindToken": func(_ *world, tx store.Tx, h household) error { return tx.BindToken(h.token.Hash, "x") },
	"SupersedeTokens": func(_ *world, tx store.Tx, h household) error {
		return none(tx.SupersedeTokens(h.user.ID, core.TokenReset))
	},
	"EventsOf": func(_ *world, tx store.Tx, h household) error { return nothing(tx.EventsOf(h.user.ID, 0, 100)) },
	"Append": func(_ *world, tx store.Tx, h household) error {
		return must(tx.Append(core.Event{Name: "x", Tenant: h.tenant.ID, Target: string(h.user.ID)}))
	},
	// Writes into any tenant's log, and reads nothing: that is its purpose.
	"AppendTo": nil,
	// Counts mails of any tenant: that is its purpose.
	"MailsTo":   nil,
	"QueueMail": func(w *world, tx store.Tx, h household) error { return must(tx.QueueMail(w.newMail(h.user))) },
	"App":       func(_ *world, tx store.Tx, h household) error { return missing(tx.App(h.app.ID)) },
	"Apps": func(_ *world, tx store.Tx, h household) error {
		all, _, err := tx.Apps(store.Page{Limit: 1000})
		for _, a := range all {
			if a.ID == h.app.ID {
				return errSeen
			}
		}
		return err
	},
	"Clients": func(_ *world, tx store.Tx, h household) error {
		all, _, err := tx.Clients(store.Page{Limit: 1000})
		for _, a := range all {
			if a.ID == h.client.ID {
				return errSeen
			}
		}
		return err
	},
	"UsedApp": func(w *world, tx store.Tx, h household) error {
		return tx.UsedApp(h.client.ID, w.clock.Now().Add(time.Hour), "192.0.2.1")
	},
	"AppSecrets": func(_ *world, tx store.Tx, h household) error { return nothing(tx.AppSecrets(h.app.ID)) },
	"InsertApp":  func(w *world, tx store.Tx, h household) error { return must(tx.InsertApp(w.newApp(h.tenant.ID))) },
	"UpdateApp": func(_ *world, tx store.Tx, h household) error {
		h.app.Name = "changed"
		return must(tx.UpdateApp(h.app))
	},
	"SetHosts": func(_ *world, tx store.Tx, h household) error {
		return must(tx.SetHosts(h.app.ID, []string{"taken.example.org"}))
	},
	"InsertHostCookie": func(_ *world, tx store.Tx, h household) error {
		return must(tx.InsertHostCookie([]byte("planted"), h.family.ID))
	},
	"InsertAppSecret": func(w *world, tx store.Tx, h household) error {
		s := w.newSecret(h.app)
		s.Tenant = tx.TenantID()
		return must(tx.InsertAppSecret(s))
	},
	"ExpireAppSecrets": func(w *world, tx store.Tx, h household) error {
		return none(tx.ExpireAppSecrets(h.app.ID, w.clock.Now()))
	},
	"AppsHere": func(_ *world, tx store.Tx, h household) error {
		all, err := tx.AppsHere(1000)
		for _, a := range all {
			if a.ID == h.app.ID {
				return errSeen
			}
		}
		return err
	},
	"AppsUsed": func(_ *world, tx store.Tx, h household) error {
		used, err := tx.AppsUsed(time.Time{})
		if _, there := used[h.app.ID]; there {
			return errSeen
		}
		return err
	},
	"AppsUsedBy": func(_ *world, tx store.Tx, h household) error {
		return nothing(tx.AppsUsedBy(h.user.ID, time.Time{}))
	},
	"CountOpenUsing": func(_ *world, tx store.Tx, h household) error {
		n, err := tx.CountOpenUsing([]core.AppID{h.app.ID}, time.Time{})
		if n > 0 {
			return errSeen
		}
		return err
	},
	"OpenUsing": func(_ *world, tx store.Tx, h household) error {
		all, _, err := tx.OpenUsing([]core.AppID{h.app.ID}, time.Time{}, store.Page{Limit: 1000})
		return nothing(all, err)
	},
	"EndAppSecret": func(_ *world, tx store.Tx, h household) error { return must(tx.EndAppSecret(h.app.ID, h.secret.Hash)) },
	"UsedAppSecret": func(w *world, tx store.Tx, h household) error {
		return tx.UsedAppSecret(h.secret.Hash, w.clock.Now().Add(time.Hour))
	},
	"Family":   func(_ *world, tx store.Tx, h household) error { return missing(tx.Family(h.family.ID)) },
	"Families": func(_ *world, tx store.Tx, h household) error { return nothing(tx.Families(h.user.ID)) },
	"InsertFamily": func(w *world, tx store.Tx, h household) error {
		f := w.newFamily(h.user, h.app.ID, h.session.ID)
		f.Tenant = tx.TenantID()
		return must(tx.InsertFamily(f))
	},
	"ExchangeCode": func(_ *world, tx store.Tx, h household) error { return notUsed(tx.ExchangeCode(h.family)) },
	"Refreshed": func(_ *world, tx store.Tx, h household) error {
		return notUsed(tx.Refreshed(h.family.ID, h.family.Seq))
	},
	"EndFamily":   func(_ *world, tx store.Tx, h household) error { return must(tx.EndFamily(h.family.ID, "test")) },
	"EndFamilies": func(_ *world, tx store.Tx, h household) error { return none(tx.EndFamilies(h.user.ID, "test")) },
	"EndFamiliesOfSession": func(_ *world, tx store.Tx, h household) error {
		return none(tx.EndFamiliesOfSession(h.user.ID, h.session.ID, "test"))
	},
	// Nothing of theirs moves, and nobody is told.
	"HandOver": func(_ *world, tx store.Tx, h household) error {
		return tx.HandOver(h.user.ID, h.session.ID, "se_other")
	},
	"EndFamiliesOfApp": func(_ *world, tx store.Tx, h household) error {
		return none(tx.EndFamiliesOfApp(h.user.ID, h.app.ID, "test"))
	},
	"Connection":  func(_ *world, tx store.Tx, h household) error { return missing(tx.Connection(h.user.ID, h.app.ID)) },
	"Connections": func(_ *world, tx store.Tx, h household) error { return nothing(tx.Connections(h.user.ID)) },
	"SaveConnection": func(_ *world, tx store.Tx, h household) error {
		h.connection.Tenant, h.connection.Scopes = tx.TenantID(), nil
		return must(tx.SaveConnection(h.connection))
	},
	"DropConnection": func(_ *world, tx store.Tx, h household) error { return must(tx.DropConnection(h.user.ID, h.app.ID)) },
	"Reply":          func(_ *world, tx store.Tx, h household) error { return missing(tx.Reply([]byte(h.user.ID))) },
	// Another tenant's mark is taken, and what is kept under it neither read nor changed.
	"BeginReply": func(_ *world, tx store.Tx, h household) error {
		return must(tx.BeginReply(core.Reply{Mark: []byte(h.user.ID), Tenant: h.tenant.ID, Print: []byte("other"), ExpiresAt: h.family.ExpiresAt}))
	},
	"EndReply": func(_ *world, tx store.Tx, h household) error {
		return must(tx.EndReply([]byte(h.user.ID), []byte("mine")))
	},
	"DropReply": func(_ *world, tx store.Tx, h household) error { return must(tx.DropReply([]byte(h.user.ID))) },
	"Device":    func(_ *world, tx store.Tx, h household) error { return missing(tx.Device(h.device.ID)) },
	"InsertDevice": func(w *world, tx store.Tx, h household) error {
		d := w.newDevice(h.app)
		d.Tenant = tx.TenantID()
		return must(tx.InsertDevice(d))
	},
	"PolledDevice": func(_ *world, tx store.Tx, h household) error {
		return notUsed(tx.PolledDevice(h.device.ID, time.Time{}, time.Second))
	},
	// Whoever has the code answers, of whatever tenant: that is its purpose.
	"AnswerDevice": nil,
	// A mark is taken on the whole platform: that is its purpose.
	"Spent": nil,
	"Spend": nil,
	// A line of the feed makes nodes read again and gives nothing away.
	"Changed": nil,
}

func nodeAmong(all []core.Tenant, err error, h household) error {
	for _, n := range all {
		if n.ID == h.tenant.ID {
			return errSeen
		}
	}
	return err
}

// under moves the reader's own node below another, which is possible: who may do
// that is for others to say. An id that never was is not found; both are undone.
func under(tx store.Tx, h household) error {
	if err := tx.MoveTenant("tn_nowhere"); !errors.Is(err, core.ErrNotFound) {
		return must(err)
	}
	return core.ErrNotFound
}

func ownEvents(tx store.Tx, q store.EventsQuery, h household) error {
	q.Limit = 1000
	all, _, err := tx.Events(q)
	for _, e := range all {
		if e.Tenant == h.tenant.ID {
			return errSeen
		}
	}
	return err
}

// notUsed is for what is consumed: of what is not here there is nothing to use.
func notUsed(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return core.ErrNotFound
	}
	return must(err)
}

// must turns the success of something that had to be refused into an error.
func must(err error) error {
	if err == nil {
		return errSeen
	}
	return err
}

func testIsolation(t *testing.T, w *world) {
	contract := reflect.TypeFor[store.Tx]()
	for m := range contract.Methods() {
		if _, has := sweep[m.Name]; !has {
			t.Errorf("the sweep does not know store.Tx.%s: another tenant's ids must be tried on it", m.Name)
		}
	}
	for name := range sweep {
		if _, has := contract.MethodByName(name); !has {
			t.Errorf("the sweep tries %s, which is no method of store.Tx", name)
		}
	}
	theirs := w.household()
	ours := w.household()
	before, own := w.everything(theirs), w.everything(ours)
	for name, call := range sweep {
		if call == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var said error
			err := w.Update(w.ctx, ours.tenant.ID, func(tx store.Tx) error {
				said = call(w, tx, theirs)
				return nil
			})
			// A refusal by the engine itself ends the transaction, with the same answer.
			if err != nil && !errors.Is(err, core.ErrNotFound) {
				t.Errorf("the transaction failed: %v", err)
			}
			if said != nil && !errors.Is(said, core.ErrNotFound) || errors.Is(said, errSeen) {
				t.Errorf("said %v", said)
			}
			same(t, "the other tenant's rows", w.everything(theirs), before)
			same(t, "our own rows", w.everything(ours), own)
			never := theirs
			never.user.ID, never.factor.ID, never.attempt.ID, never.session.ID = "us_never", "fa_never", "at_never", "se_never"
			never.tenant.ID, never.token.Hash, never.browser.ID = "tn_never", []byte("never"), "br_never"
			never.role.ID, never.role.Tenant, never.acting.ID, never.job.Tenant = "ro_never", "tn_never", "se_never", "tn_never"
			never.grant.User, never.user.EmailKey = "us_never", "never@example.org"
			never.user.Tenant = "tn_never"
			never.app.ID, never.app.Tenant, never.family.ID, never.secret.Hash = "ap_never", "tn_never", "fm_never", []byte("never")
			never.device.ID = "dv_never"
			var unknown error
			_ = w.Update(w.ctx, ours.tenant.ID, func(tx store.Tx) error {
				if unknown = call(w, tx, never); errors.Is(unknown, errSeen) {
					return nil // perhaps put off: then it is looked at now
				}
				return errors.New("undo")
			})
			if fmt.Sprint(said) != fmt.Sprint(unknown) {
				t.Errorf("an id of another tenant is told from one that never was: %v, %v", said, unknown)
			}
		})
	}
	// The reads that found nothing find what is ours.
	if len(own["users"].([]core.User)) != 1 || len(own["factors"].([]core.Factor)) != 1 || own["mails"] != 1 {
		t.Errorf("a household lost something: %v", own)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// pinnedDoors are the methods that cross tenants. Adding one is a decision.
var pinnedDoors = []string{
	"AllClients", "AllJobs", "AllRoles", "AllTenants", "AllUsers", "AppPeople", "Batches", "Bulk", "Changes", "ClaimMail", "CountUsers", "DueLogouts", "DueTrials", "Erasable",
	"EventsAfter", "FindApp", "FindByEmail", "FindDevice", "FindHost", "FindHosted", "FindLogin", "FindPlatform", "FindSession", "FindTenants", "FindToken", "FindUser", "HashSettings",
	"LastBatch", "LastChange", "Lease", "MailQueue", "Meta", "PlatformName", "RaiseEpoch", "Recount", "Replaced", "RolesOf", "SealBatch", "SealedEvents", "SetMeta", "SettleLogout", "SettleMail", "Sweep", "TouchSessions", "Unsealed",
}

func testDoors(t *testing.T, w *world) {
	var doors []string
	for m := range reflect.TypeFor[store.Cross]().Methods() {
		doors = append(doors, m.Name)
	}
	same(t, "doors that cross tenants", doors, pinnedDoors)

	a, b := w.household(), w.household()
	for _, h := range []household{a, b} {
		l, err := w.FindLogin(w.ctx, h.user.LoginKey, [][]byte{h.browser.Hash})
		same(t, "login", l, store.Login{
			User: h.user, Password: core.Password{Hash: "$argon2id$", Length: 12, SetAt: w.clock.Now()},
			Enrolled: true, Browser: h.browser.ID, KnownAt: h.browser.SeenAt, TrustedAt: h.browser.TrustedAt, TrustedUntil: h.browser.TrustedUntil,
		})
		u, err2 := w.FindUser(w.ctx, h.user.ID)
		same(t, "user", u, h.user)
		s, owner, err3 := w.FindSession(w.ctx, h.session.TokenHash)
		same(t, "session", s, h.session)
		same(t, "owner", owner, h.user)
		k, err4 := w.FindToken(w.ctx, h.token.Hash)
		same(t, "token", k, h.token)
		same(t, "errors", []error{err, err2, err3, err4}, make([]error, 4))
		byMail, err := w.FindByEmail(w.ctx, h.user.EmailKey, 10)
		if err != nil || len(byMail) != 1 || byMail[0].ID != h.user.ID {
			t.Errorf("by address: %v, %v", byMail, err)
		}
		roles, err := w.RolesOf(w.ctx, h.user.ID)
		if err != nil || len(roles) != 1 {
			t.Errorf("roles: %v, %v", roles, err)
		}
		same(t, "role", roles[0], h.grant)
	}
	// Another person's device is not known.
	for _, devices := range [][][]byte{nil, {}, {nil}, {{}}, {b.browser.Hash}, {[]byte("stranger")}, {nil, []byte("stranger"), b.browser.Hash}} {
		if l, err := w.FindLogin(w.ctx, a.user.LoginKey, devices); err != nil || l.Browser != "" {
			t.Errorf("device %q is known as %q, %v", devices, l.Browser, err)
		}
	}
	// A device may have secrets of several people, and each finds its own.
	shared := [][]byte{[]byte("1"), b.browser.Hash, []byte("3"), []byte("4"), []byte("5"), []byte("6"), []byte("7"), a.browser.Hash}
	for _, h := range []household{a, b} {
		if l, err := w.FindLogin(w.ctx, h.user.LoginKey, shared); err != nil || l.Browser != h.browser.ID {
			t.Errorf("%s is known as %q on a shared device, %v", h.user.Login, l.Browser, err)
		}
	}
	if all, err := w.AllRoles(w.ctx, core.CustomerAdmin); err != nil || len(all) != 2 {
		t.Errorf("all administrators: %v, %v", all, err)
	}
	if all, err := w.AllUsers(w.ctx, "", 1); err != nil || len(all) != 1 || all[0].ID != a.user.ID {
		t.Errorf("first user: %v, %v", all, err)
	}
	if all, err := w.AllUsers(w.ctx, a.user.ID, 10); err != nil || len(all) != 2 || all[0].ID != b.user.ID {
		t.Errorf("users after the first: %v, %v", all, err)
	}
	for name, err := range map[string]error{
		"login":   second(w.FindLogin(w.ctx, "nobody", nil)),
		"user":    second(w.FindUser(w.ctx, "us_never")),
		"token":   second(w.FindToken(w.ctx, []byte("never"))),
		"session": func() error { _, _, err := w.FindSession(w.ctx, nil); return err }(),
	} {
		if !errors.Is(err, core.ErrNotFound) {
			t.Errorf("an unknown %s: %v", name, err)
		}
	}
	gone := a.user
	gone.State = core.UserDeleted
	w.update(a.tenant.ID, func(tx store.Tx) error { return tx.UpdateUser(gone) })
	if _, err := w.FindLogin(w.ctx, a.user.LoginKey, nil); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a deleted account signs in: %v", err)
	}
	if found, err := w.FindByEmail(w.ctx, a.user.EmailKey, 10); err != nil || len(found) != 0 {
		t.Errorf("a deleted account gets mail: %v, %v", found, err)
	}
}

func second[T any](_ T, err error) error { return err }
