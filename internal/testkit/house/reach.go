package house

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/pgtest"
	"sallyport/internal/web"
)

// CodeOf is what an app with this key and this many digits shows at an instant.
func CodeOf(t testing.TB, key string, digits int, at time.Time) string {
	t.Helper()
	plain, ok := totp.ParseSetupKey(key)
	if !ok {
		t.Fatalf("%q is no setup key", key)
	}
	params := totp.DefaultParams()
	params.Digits = digits
	return totp.Code(plain, totp.StepAt(at, params.Period), params)
}

// CodeIn is what the person's app shows, or will show, some steps from now.
func (p *Person) CodeIn(steps int) string {
	return CodeAt(p.h.T, p.Key, p.h.Clock.Now().Add(time.Duration(steps)*30*time.Second))
}

// MidStep moves the clock into the early part of a new time step, so that a test
// that counts steps does not run across their border.
func (h *House) MidStep() {
	into := time.Duration(h.Clock.Now().UnixNano() % int64(30*time.Second))
	h.Clock.Advance(30*time.Second - into + 2*time.Second)
}

// View reads as a tenant.
func (h *House) View(tenant core.TenantID, fn func(store.Reader) error) {
	h.T.Helper()
	if err := h.Store.View(h.T.Context(), tenant, fn); err != nil {
		h.T.Fatal(err)
	}
}

// Change writes as a tenant what no page can bring about.
func (h *House) Change(tenant core.TenantID, fn func(store.Tx) error) {
	h.T.Helper()
	if err := h.Store.Update(h.T.Context(), tenant, fn); err != nil {
		h.T.Fatal(err)
	}
}

// Settings lays a change over an organisation's settings.
func (h *House) Settings(tenant core.TenantID, change string) {
	h.T.Helper()
	if _, err := h.Directory.ChangeSettings(h.T.Context(), tenant, core.SettingsDoc(change), access.System(), core.Client{}); err != nil {
		h.T.Fatal(err)
	}
	h.Settle()
}

// Settle makes this node read the change feed now.
func (h *House) Settle() {
	h.T.Helper()
	if err := h.Feed.Read(h.T.Context()); err != nil {
		h.T.Fatal(err)
	}
}

// Newcomer invites somebody with every wish in hand; the path is the link.
func (h *House) Newcomer(n directory.NewUser) (core.User, string) {
	h.T.Helper()
	if n.Name == "" {
		n.Name = "Somebody"
	}
	in, err := h.Directory.Invite(h.T.Context(), n, access.System(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	return in.User, in.Path
}

// History are all factors that a person ever had.
func (p *Person) History() (out []core.Factor) {
	p.h.View(p.Tenant, func(r store.Reader) (err error) {
		out, err = r.FactorHistory(p.ID)
		return err
	})
	return out
}

// Sessions are the person's sessions that have not ended.
func (p *Person) Sessions() (out []core.Session) {
	p.h.View(p.Tenant, func(r store.Reader) (err error) {
		out, err = r.Sessions(p.ID)
		return err
	})
	return out
}

// Browsers are those that the person is known from.
func (p *Person) Browsers() (out []core.Browser) {
	p.h.View(p.Tenant, func(r store.Reader) (err error) {
		out, err = r.Browsers(p.ID)
		return err
	})
	return out
}

// Budget is a named guess budget of the person.
func (p *Person) Budget(name string) (b core.Budget) {
	p.h.View(p.Tenant, func(r store.Reader) (err error) {
		b, err = r.Budget(p.ID, name)
		return err
	})
	return b
}

// User is the account as it stands.
func (p *Person) User() core.User {
	p.h.T.Helper()
	u, err := p.h.Store.FindUser(p.h.T.Context(), p.ID)
	if err != nil {
		p.h.T.Fatal(err)
	}
	return u
}

// Mails waits until the outbox is empty and returns what came to an address.
func (h *House) Mails(to string) []string {
	h.T.Helper()
	until := time.Now().Add(20 * time.Second)
	for {
		n, _, err := h.Store.MailQueue(h.T.Context())
		if err != nil {
			h.T.Fatal(err)
		}
		if n == 0 {
			break
		}
		if time.Now().After(until) {
			h.T.Fatalf("%d mails still wait", n)
		}
		h.Serving.Mail.Wake()
		time.Sleep(10 * time.Millisecond)
	}
	var out []string
	for _, m := range h.Inbox.List(to) {
		out = append(out, m.Subject)
	}
	return out
}

// Restartable opens a house and a function that ends it and opens it again on
// the same data, with the clock where it stood.
func Restartable(t *testing.T, engine string, options ...Option) (*House, func() *House) {
	t.Helper()
	dsn := ""
	if engine == "postgres" {
		dsn = pgtest.Database(t)
	}
	dir := filepath.Join(t.TempDir(), "data")
	h := OpenAt(t, dir, dsn, options...)
	h.Found()
	return h, func() *House {
		offset, root := h.Clock.Offset(), h.Root
		h.Stop()
		h = OpenAt(t, dir, dsn, options...)
		h.Clock.Advance(offset)
		h.Root = root
		return h
	}
}

// Nodes opens two nodes of one house on PostgreSQL, with one key file.
func Nodes(t *testing.T, options ...Option) (a, b *House) {
	t.Helper()
	dsn := pgtest.Database(t)
	dir := t.TempDir()
	key := func(c *config.Config) { c.Encryption.KeyFile = filepath.Join(dir, "master.key") }
	a = OpenAt(t, filepath.Join(dir, "a"), dsn, append(options, key)...)
	a.Found()
	b = OpenAt(t, filepath.Join(dir, "b"), dsn, append(options, key)...)
	b.Root = a.Root
	return a, b
}

// Found makes the platform's tenant.
func (h *House) Found() {
	h.T.Helper()
	root, err := h.Directory.CreateTenant(h.T.Context(), directory.NewTenant{Kind: core.Platform, Name: "Test Platform"}, access.System(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	h.Root = root
}

// Whose is the person of an account that a test made by hand.
func (h *House) Whose(u core.User, password string) *Person {
	return &Person{h: h, ID: u.ID, Tenant: u.Tenant, Login: u.Login, Password: password, Visitor: h.Browser("")}
}

// In is the same person seen from another node, or after a restart.
func (p *Person) In(h *House) *Person {
	c := *p
	c.h = h
	return &c
}

// EnrolledWith is Enrolled where codes have another number of digits.
func (h *House) EnrolledWith(tenant core.Tenant, login string, digits int, roles ...core.Role) *Person {
	h.T.Helper()
	p := h.Person(tenant, login, roles...)
	page := h.Must(p.Get("/account/security/totp"))
	p.Key = page.Of("data-setup-key")
	if page = h.Must(p.Submit(page, "code", CodeOf(h.T, p.Key, digits, h.Clock.Now()))); page.Name != "recovery-code" {
		h.T.Fatalf("%s: page %q, fault %q", login, page.Name, page.Fault)
	}
	p.Recovery = page.Of("data-recovery-code")
	h.Must(p.Submit(page, "saved", "yes"))
	return p
}

// Actor is a person as one who acts on others, with the roles they hold.
func (h *House) Actor(p *Person) access.Actor {
	h.T.Helper()
	grants, err := h.Tree.Grants(h.T.Context(), p.ID)
	if err != nil {
		h.T.Fatal(err)
	}
	a := access.Actor{User: p.User(), Grants: grants}
	for _, f := range p.Factors() {
		a.Enrolled = a.Enrolled || f.State == core.FactorConfirmed && f.Kind != core.FactorRecoveryCode
	}
	return a
}

// Proven is a person as an actor who has just shown all they have.
func (h *House) Proven(p *Person) access.Actor {
	h.T.Helper()
	a := h.Actor(p)
	a.Proofs = []core.Proof{{Kind: core.FactorPassword, At: h.Clock.Now()}}
	if a.Enrolled {
		a.Proofs = append(a.Proofs, core.Proof{Kind: core.FactorTOTP, At: h.Clock.Now()})
	}
	return a
}

// Current is the session of a browser, as a page sees it.
func (h *House) Current(r *Raw) session.Current {
	h.T.Helper()
	cur, err := h.Checker.Check(h.T.Context(), r.Cookie(string(web.SessionCookie)), netip.IPv6Loopback())
	if err != nil {
		h.T.Fatal(err)
	}
	return cur
}

// Wear puts a session's token into a browser, as a page does with its cookie.
func (r *Raw) Wear(o session.Opened) *Raw { return r.Plant(string(web.SessionCookie), o.Token) }

// Tenant makes a node.
func (h *House) Tenant(n directory.NewTenant) core.Tenant {
	h.T.Helper()
	if n.Parent == "" {
		n.Parent = h.Root.ID
	}
	t, err := h.Directory.CreateTenant(h.T.Context(), n, access.System(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	return t
}
