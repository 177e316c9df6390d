package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// world is the tree that every row is walked in:
//
//	platform
//	├── Nordwind (partner, closed)          Südwind (partner)
//	│   ├── Huber (customer, where          └── Fremd (customer)
//	│   │   those who walk have accounts)
//	│   └── a new customer for every step
type world struct {
	*house.House
	t               *testing.T
	nordwind, huber core.Tenant
	suedwind, fremd core.Tenant
	hash            string
	n               int
	shown           *spot // what was only looked at so far, by shownTo
	shownTo         string
	vera            *house.Person // administers Nordwind
	base            *house.Raw    // Vera's own session, from which she acts
}

// walker is somebody who goes over every row.
type walker struct {
	name string
	p    *house.Person // nil: nobody
	role core.Role     // what they hold on the customer of a step
}

func newWorld(t *testing.T, h *house.House) *world {
	w := &world{House: h, t: t}
	const on = `{"requirement":["per_user"],"recovery":["recovery_code"]}`
	w.nordwind = h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Production, Name: "Nordwind"})
	w.huber = h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Huber", Parent: w.nordwind.ID, ManagedBy: core.ManagedByProvider, Settings: core.SettingsDoc(on)})
	w.suedwind = h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Production, Name: "Suedwind"})
	w.fremd = h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Fremd", Parent: w.suedwind.ID, ManagedBy: core.ManagedByProvider, Settings: core.SettingsDoc(on)})
	var err error
	if w.hash, err = h.Hasher.Hash(t.Context(), secret.Lane{}, house.Password); err != nil {
		t.Fatal(err)
	}
	w.vera = w.holder(w.nordwind, core.PartnerAdmin)
	return w
}

// account makes somebody with an app, a trusted browser, a session, and a lock after
// wrong passwords, so that every deed makes sense.
func (w *world) account(org core.Tenant, change func(*core.User)) *house.Person {
	w.t.Helper()
	w.n++
	now := w.Clock.Now()
	u := core.User{ID: core.UserID(secret.NewID(core.PrefixUser, now)), Tenant: org.ID, Kind: core.Person, State: core.UserActive, Login: fmt.Sprintf("p%d@example.com", w.n),
		Name: "Somebody", LastSignInAt: now.Add(-time.Hour), AwakeAt: now.Add(-time.Hour), CreatedAt: now, ChangedAt: now, PlacedAt: now, ValidatedAt: now.Add(-90 * 24 * time.Hour)}
	u.LoginKey, u.Email, u.EmailKey = u.Login, u.Login, u.Login
	if change != nil {
		change(&u)
	}
	p := w.Whose(u, house.Password)
	plain := totp.NewSecret()
	p.Key = totp.SetupKey(plain)
	f := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, now)), Tenant: org.ID, User: u.ID, Kind: core.FactorTOTP, State: core.FactorConfirmed,
		CreatedAt: now, ConfirmedAt: now, Doc: core.FactorDoc{Digits: 6, Period: 30, Skew: 1, Algorithm: "SHA1"}}
	var err error
	if f.Secret, err = w.Ring.Seal(plain, string(f.Tenant), "factor", string(f.ID)); err != nil {
		w.t.Fatal(err)
	}
	w.Change(org.ID, func(tx store.Tx) error {
		if err := errors.Join(tx.InsertUser(u), tx.SetPassword(u.ID, core.Password{Hash: w.hash, Length: len(house.Password), SetAt: now})); err != nil {
			return err
		}
		if u.Kind == core.ServiceAccount {
			return tx.SaveService(core.Service{User: u.ID, Owner: w.vera.ID, Reason: "test", CreatedAt: now})
		}
		if u.State != core.UserActive {
			return nil
		}
		return tx.InsertFactor(f)
	})
	return p
}

// seated gives somebody a session and a trusted browser that nobody sits at, and a
// password lock.
func (w *world) seated(p *house.Person) (core.SessionID, core.BrowserID) {
	now := w.Clock.Now()
	s := core.Session{ID: core.SessionID(secret.NewID(core.PrefixSession, now)), Tenant: p.Tenant, User: p.ID, TokenHash: secret.TokenHash(secret.Token()), Level: core.LevelMFA,
		CreatedAt: now, RotatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(30 * 24 * time.Hour), IdleUntil: now.Add(30 * 24 * time.Hour)}
	b := core.Browser{ID: core.BrowserID(secret.NewID(core.PrefixBrowser, now)), User: p.ID, Tenant: p.Tenant, Hash: secret.TokenHash(secret.Token()),
		SeenAt: now, CreateAt: now, TrustedAt: now, TrustedUntil: now.Add(24 * time.Hour)}
	w.Change(p.Tenant, func(tx store.Tx) error {
		return errors.Join(tx.InsertSession(s), tx.InsertBrowser(b), tx.SaveBudget(p.ID, "password", core.Budget{LockedUntil: now.Add(24 * time.Hour), Locks: 1, Consecutive: 10}))
	})
	return s.ID, b.ID
}

// holder makes somebody who holds a role where they have their account.
func (w *world) holder(org core.Tenant, role core.Role) *house.Person {
	p := w.account(org, nil)
	if role != "" {
		w.grant(p, role, org)
	}
	return p
}

func (w *world) grant(p *house.Person, role core.Role, on core.Tenant) {
	w.t.Helper()
	must(w.t, w.Directory.GrantRole(w.t.Context(), p.ID, role, on.ID, access.System(), core.Client{}))
}

// enter signs somebody in a moment ago, with all that they have.
func (w *world) enter(p *house.Person) *house.Raw {
	w.t.Helper()
	r := w.Raw(at(w.n))
	if a := p.Enter(r); !a.In() {
		w.t.Fatalf("%s is not in", p.Login)
	}
	return r
}

// customRights are what the custom role of the walk may, of an administrator's.
var customRights = []string{string(access.ViewTenants), string(access.ViewPeople), string(access.ChangePeople), string(access.Disable)}

// spot is the place of one step: a customer with a person and a custom role, on
// which somebody holds what they hold.
type spot struct {
	*world
	x, unit     core.Tenant // the customer, or the partner where a step is about one
	who         *house.Person
	session     core.SessionID
	browser     core.BrowserID
	role        core.Role
	client      core.ClientID
	roleVersion string
	acting      core.SessionID // of somebody who acts in x
	app         core.App
	secret      string      // the mark of an older secret of it
	other       core.UserID // somebody else of the customer, where a step names one
	raw         *house.Raw
}

// spotFor makes the place of a step, and the browser of the one who walks there.
func (w *world) spotFor(k walker, raw *house.Raw, change func(*core.User)) *spot {
	w.t.Helper()
	w.n++
	s := &spot{world: w, raw: raw.Clone()}
	s.x = w.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Trial, Name: fmt.Sprintf("Customer %d", w.n), Parent: w.nordwind.ID, ManagedBy: core.ManagedByProvider,
		Settings: core.SettingsDoc(`{"requirement":["per_user"]}`)})
	s.furnish(change)
	switch {
	case k.role == "custom":
		w.grant(k.p, w.custom(s.x, "Of the walk"), s.x)
	case k.role != "" && access.Fits(k.role, core.Customer):
		w.grant(k.p, k.role, s.x)
	}
	if k.name == "acting" {
		s.raw = w.act(s.x)
	}
	return s
}

// furnish puts a unit, a person and a custom role into a customer.
func (s *spot) furnish(change func(*core.User)) {
	s.unit = s.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Filiale", Parent: s.x.ID})
	s.who = s.account(s.x, change)
	s.session, s.browser = s.seated(s.who)
	s.role = s.custom(s.x, "Some")
	var err error
	s.app, _, err = s.Directory.CreateApp(s.t.Context(), s.x.ID, directory.AppWish{Name: "Ledger", Doc: core.AppDoc{RedirectURIs: []string{"https://ledger.example.com/cb"}}}, access.System(), core.Client{})
	must(s.t, err)
	now := s.Clock.Now()
	s.client = core.ClientID(secret.NewID(core.PrefixApp, now))
	s.Change(s.x.ID, func(tx store.Tx) error {
		return tx.InsertApp(core.App{ID: s.client, Tenant: s.x.ID, Kind: core.AppClient, Owner: s.who.ID, Name: "Some", State: core.AppActive, CreatedAt: now, ChangedAt: now,
			Doc: core.AppDoc{Auth: core.AppSecret, Grants: []string{core.GrantClient}, Scopes: []string{"people.view"}, Client: core.ClientDoc{ExpiresAt: now.Add(core.ClientLife)}}})
	})
	s.View(s.x.ID, func(r store.Reader) error {
		c, err := r.CustomRole(s.role)
		s.roleVersion = fmt.Sprint(c.Version)
		return err
	})
}

// rotated gives the app a second secret.
func (s *spot) rotated() {
	d, err := s.Directory.App(s.t.Context(), s.app.ID, access.System())
	must(s.t, err)
	s.secret = d.Secrets[0].Mark()
	_, _, err = s.Directory.RotateAppSecret(s.t.Context(), s.app.ID, directory.SecretOverlap, access.System(), core.Client{})
	must(s.t, err)
	s.app.Version++
}

// paused stops the app.
func (s *spot) paused() {
	var err error
	s.app, err = s.Directory.SwitchApp(s.t.Context(), s.app.ID, false, access.System(), core.Client{})
	must(s.t, err)
}

// connected lets the person use the app.
func (s *spot) connected() {
	now := s.Clock.Now()
	s.Change(s.who.Tenant, func(tx store.Tx) error {
		return tx.SaveConnection(core.Connection{Tenant: s.who.Tenant, User: s.who.ID, App: s.app.ID, FirstUsedAt: now, LastUsedAt: now})
	})
}

func (w *world) custom(on core.Tenant, name string) core.Role {
	w.t.Helper()
	r, err := w.Directory.MakeRole(w.t.Context(), directory.NewRole{Tenant: on.ID, Base: core.CustomerAdmin, Name: name, Rights: customRights}, access.System(), core.Client{})
	must(w.t, err)
	return r.ID
}

// act lets Vera act in a customer, in a browser of its own that she came in by a
// moment ago.
func (w *world) act(in core.Tenant) *house.Raw { return w.actAs(w.vera, in) }

func (w *world) actAs(p *house.Person, in core.Tenant) *house.Raw {
	w.t.Helper()
	r := w.enter(p)
	if a := r.Post("/admin/tenants/"+string(in.ID)+"/act", "reason", "a question"); a.Status != http.StatusSeeOther {
		w.t.Fatalf("nobody acts: %d %q %s", a.Status, a.Fault(), a.Text())
	}
	return r
}

// version is what a form says it has looked at.
func (w *world) version(id core.TenantID) (v string) {
	w.View(id, func(r store.Reader) error {
		t, err := r.Tenant()
		v = fmt.Sprint(t.Version)
		return err
	})
	return v
}

// path fills in a row's pattern with the ids of a spot.
func (s *spot) path(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.NewReplacer("{$}", "", "{tenant}", string(s.x.ID), "{user}", string(s.who.ID), "{role}", string(s.role), "{app}", string(s.app.ID), "{client}", string(s.client), "{preset}", "self-service").Replace(path)
}

// twin is the same spot with ids that never were.
func (s *spot) twin() *spot {
	c, now := *s, s.Clock.Now()
	c.x.ID, c.unit.ID = core.TenantID(secret.NewID(core.PrefixTenant, now)), core.TenantID(secret.NewID(core.PrefixTenant, now))
	who := *s.who
	who.ID = core.UserID(secret.NewID(core.PrefixUser, now))
	c.who, c.role = &who, core.Role(secret.NewID(core.PrefixRole, now))
	c.session, c.browser = core.SessionID(secret.NewID(core.PrefixSession, now)), core.BrowserID(secret.NewID(core.PrefixBrowser, now))
	c.app.ID = core.AppID(secret.NewID(core.PrefixApp, now))
	c.client = core.ClientID(secret.NewID(core.PrefixApp, now))
	c.acting = core.SessionID(secret.NewID(core.PrefixSession, now))
	return &c
}

// as are fields that name what a twin has in the place of what is there.
func (s *spot) as(twin *spot, fields []string) []string {
	there := strings.NewReplacer(string(s.x.ID), string(twin.x.ID), string(s.unit.ID), string(twin.unit.ID), string(s.who.ID), string(twin.who.ID), string(s.role), string(twin.role), string(s.app.ID), string(twin.app.ID),
		string(s.session), string(twin.session), string(s.browser), string(twin.browser))
	out := slices.Clone(fields)
	for i, f := range out {
		out[i] = there.Replace(f)
	}
	return out
}

var anyID = regexp.MustCompile(`(tn|us|ro|se|br|at|rq|ap)_[0-9a-z]{26}`)

// same is an answer without what differs between any two: its moment, and the ids
// that it was asked for or bears.
func same(a house.Answer) string {
	head := maps.Clone(a.Header)
	delete(head, "Date")
	b, _ := json.Marshal(head)
	return fmt.Sprint(a.Status, "\n", anyID.ReplaceAllString(string(b), "ID"), "\n", anyID.ReplaceAllString(a.Body, "ID"))
}

// ask sends a row's request: fields go into the address of a GET and the form of a
// POST.
func ask(r *house.Raw, method, path string, fields []string) house.Answer {
	if method == http.MethodGet {
		if len(fields) > 0 {
			path += "?" + house.Form(fields...)
		}
		return r.Get(path)
	}
	return r.Post(path, fields...)
}

// print is all that a branch holds which a step could change.
func (w *world) print(id core.TenantID) string {
	w.t.Helper()
	all := map[string]any{}
	var below []core.Tenant
	put := func(name string, v any, err error) error {
		all[name] = v
		return err
	}
	w.View(id, func(r store.Reader) (err error) {
		if below, err = r.Below(); err != nil {
			return err
		}
		held, err := r.RolesHeld()
		if err = errors.Join(err, put("held", held, nil)); err != nil {
			return err
		}
		acting, err := r.Acting()
		ids := []core.SessionID{}
		for _, a := range acting {
			ids = append(ids, a.Session.ID)
		}
		events, _, eventsErr := r.Events(store.EventsQuery{Page: store.Page{Limit: 500}})
		jobs := []string{}
		for _, kind := range []core.JobKind{core.JobDisableMFA, core.JobEndSessions} {
			if _, err := r.Job(id, kind); err == nil {
				jobs = append(jobs, string(kind))
			}
		}
		return errors.Join(put("below", below, nil), put("acting", ids, err), put("events", len(events), eventsErr), put("jobs", jobs, nil))
	})
	for _, t := range below {
		w.View(t.ID, func(r store.Reader) error {
			users, err := r.Users("", 500)
			apps, err7 := r.AppsHere(500)
			for _, a := range apps {
				if a.Tenant == t.ID {
					secrets, err := r.AppSecrets(a.ID)
					err7 = errors.Join(err7, put(string(a.ID), []any{a, secrets}, err))
				}
			}
			err = errors.Join(err, err7)
			roles, rolesErr := r.CustomRoles()
			if err = errors.Join(err, put(string(t.ID), users, nil), put(string(t.ID)+" roles", roles, rolesErr)); err != nil {
				return err
			}
			for _, u := range users {
				factors, err := r.FactorHistory(u.ID)
				browsers, err2 := r.Browsers(u.ID)
				sessions, err3 := r.Sessions(u.ID)
				budget, err4 := r.Budget(u.ID, "password")
				invited, err5 := r.Tokens(u.ID, core.TokenInvitation)
				service, err6 := r.Service(u.ID)
				connected, err8 := r.Connections(u.ID)
				err6 = errors.Join(err6, err8)
				if errors.Is(err6, core.ErrNotFound) {
					err6 = nil
				}
				if err := errors.Join(err, err2, err3, err4, err5, err6, put(string(u.ID), []any{factors, browsers, sessions, budget, invited, service, connected}, nil)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b, err := json.Marshal(all)
	must(w.t, err)
	return string(b)
}

// login is where somebody without a session is sent.
func isDoor(a house.Answer, method, path string) bool {
	if method == http.MethodGet {
		to, err := url.Parse(a.Location)
		return a.Status == http.StatusSeeOther && err == nil && to.Path == "/sign-in"
	}
	return a.Status == http.StatusSeeOther && a.Location == "/sign-in"
}

func sortedRows(table map[string]adminRow) []string { return slices.Sorted(maps.Keys(table)) }
