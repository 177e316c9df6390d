// Package house opens a whole house for a test: real store (SQLite in a folder of
// the test, or a PostgreSQL database of its own), real HTTP on loopback, a real
// SMTP inbox, and a clock that the test moves. Only the password hash is made
// cheap, by its documented key.
package house

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/demo"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/pgtest"
)

// Engines are the stores that journeys are tested on.
var Engines = []string{"sqlite", "postgres"}

// Password is the one that Person gives to everybody.
const Password = "A long enough pass phrase"

// House is an open house under test.
type House struct {
	*app.House
	T       testing.TB
	URL     string
	Serving *app.Serving
	Inbox   *outbox.Inbox
	Root    core.Tenant
	Logs    *Log
}

// Option changes the configuration before the house is opened.
type Option func(*config.Config)

// Each runs a test on both engines, side by side with each other and with the
// tests that do the same: every house has a store, a port and a clock of its own.
func Each(t *testing.T, fn func(t *testing.T, h *House), options ...Option) {
	t.Parallel()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			fn(t, Open(t, engine, options...))
		})
	}
}

// Open opens a house with the platform's tenant in it.
func Open(t testing.TB, engine string, options ...Option) *House {
	t.Helper()
	dsn := ""
	if engine == "postgres" {
		dsn = pgtest.Database(t)
	}
	dir := t.TempDir()
	h := OpenAt(t, filepath.Join(dir, "data"), dsn, options...)
	h.Found()
	return h
}

// OpenAt opens a house on a data folder or database that may be in use already,
// as a second node or after a restart does.
func OpenAt(t testing.TB, dataDir, dsn string, options ...Option) *House {
	t.Helper()
	c, _, _, err := config.Load(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir, c.Encryption.KeyFile, c.Store.DSN = dataDir, dataDir+".key", dsn
	c.Listen, c.ListenOps = "127.0.0.1:0", "127.0.0.1:0"
	c.Hash.MemoryKiB, c.Hash.Time, c.Hash.InsecureFast = 64, 1, true
	// The tests' own browsers stand where a proxy would, and come from many places.
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, o := range options {
		o(&c)
	}
	logs := &Log{}
	log := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	out := &House{T: t, Logs: logs}
	out.Inbox, err = outbox.OpenInbox("127.0.0.1:0", func() time.Time {
		if out.House == nil {
			return time.Now()
		}
		return out.Clock.Now()
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := config.ParseSMTP(out.Inbox.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Encryption.KeyFile); errors.Is(err, fs.ErrNotExist) && dsn != "" {
		// Beside an embedded store it is made by itself; for a database an operator does.
		if _, err := secret.CreateMaster(c.Encryption.KeyFile); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := app.Open(context.Background(), app.Options{Config: c, Log: log, Who: "test", Mail: &server})
	if err != nil {
		t.Fatal(err)
	}
	out.House = opened
	out.Serving, err = opened.Serve(context.Background(), app.ServeOptions{})
	if err != nil {
		opened.Close()
		t.Fatal(err)
	}
	out.URL = out.Serving.URL
	t.Cleanup(out.Stop)
	return out
}

// Stop ends the house; a second call does nothing.
func (h *House) Stop() {
	if h.Serving == nil {
		return
	}
	plainClient.CloseIdleConnections() // or the server waits for requests on them
	h.Serving.Close()
	h.House.Close()
	_ = h.Inbox.Close()
	h.Serving = nil
}

// Log keeps what was logged, for tests that look for what must not be there.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

var _ io.Writer = (*Log)(nil)

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Organisation makes a customer with a preset ("" for defaults) and changes over
// it (a settings document).
func (h *House) Organisation(name, preset, settings string) core.Tenant {
	h.T.Helper()
	doc := core.SettingsDoc("{}")
	var err error
	if preset != "" {
		if doc, err = policy.Preset(preset); err != nil {
			h.T.Fatal(err)
		}
	}
	if settings != "" {
		if doc, err = doc.Merge(core.SettingsDoc(settings)); err != nil {
			h.T.Fatal(err)
		}
	}
	t, err := h.Directory.CreateTenant(h.T.Context(), directory.NewTenant{Kind: core.Customer, Name: name, Parent: h.Root.ID, Settings: doc}, access.System(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	return t
}

// Person is somebody under test.
type Person struct {
	h        *House
	ID       core.UserID
	Tenant   core.TenantID
	Login    string
	Password string
	Key      string // setup key, once enrolled
	Recovery string
	*demo.Visitor
}

// Invite makes an account that is pending validation; the path is its link.
func (h *House) Invite(tenant core.Tenant, login string, roles ...core.Role) (core.User, string) {
	h.T.Helper()
	in, err := h.Directory.Invite(h.T.Context(), directory.NewUser{Tenant: tenant.ID, Email: login, Name: "Somebody", Roles: roles}, access.System(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	return in.User, in.Path
}

// Browser is a browser that has never been here, from an address of its own.
func (h *House) Browser(from string) *demo.Visitor {
	v := demo.NewVisitor(h.URL, "en")
	v.From = from
	return v
}

// Person makes an account with a password and signs it in once.
func (h *House) Person(tenant core.Tenant, login string, roles ...core.Role) *Person {
	h.T.Helper()
	u, path := h.Invite(tenant, login, roles...)
	p := &Person{h: h, ID: u.ID, Tenant: tenant.ID, Login: login, Password: Password, Visitor: h.Browser("")}
	page := h.Must(p.Get(path))
	page = h.Must(p.Submit(page, "new_password", p.Password))
	if page.Name != "account" && page.Name != "setup-required" {
		h.T.Fatalf("%s did not get in: page %q, fault %q: %s", login, page.Name, page.Fault, page.Text)
	}
	return p
}

// Enrolled makes an account with an authenticator app, whatever its
// organisation asks for.
func (h *House) Enrolled(tenant core.Tenant, login string, roles ...core.Role) *Person {
	h.T.Helper()
	p := h.Person(tenant, login, roles...)
	page := h.Must(p.Get("/account/security/totp"))
	if page.Name != "enrol-totp" { // required: the attempt leads there
		page = h.Must(p.Get("/sign-in"))
		page = h.Must(p.Submit(page, "login", login, "password", p.Password))
		if page.Name == "setup-required" {
			page = h.Must(p.Submit(page))
		}
	}
	if page.Name != "enrol-totp" {
		h.T.Fatalf("%s could not enrol: page %q, fault %q", login, page.Name, page.Fault)
	}
	p.Key = page.Of("data-setup-key")
	p.answered(h.Must(p.Submit(page, "code", p.Code())))
	if p.Status() != core.MFAEnabled {
		h.T.Fatalf("%s did not enrol", login)
	}
	return p
}

// answered goes through the pages that stand between a first code and the account.
// No browser is trusted.
func (p *Person) answered(page demo.Page) {
	p.h.T.Helper()
	for range 4 {
		switch page.Name {
		case "recovery-code":
			p.Recovery = page.Of("data-recovery-code")
			page = p.h.Must(p.Submit(page, "saved", "yes"))
		case "setup-key-sheet":
			page = p.h.Must(p.Submit(page))
		case "trust-browser":
			page = p.h.Must(p.Submit(page, "trust", "no"))
		case "account", "security":
			return
		}
	}
	p.h.T.Fatalf("%s: page %q, fault %q", p.Login, page.Name, page.Fault)
}

// Must ends the test when a page could not be had at all.
func (h *House) Must(p demo.Page, err error) demo.Page {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
	return p
}

// Code is what the person's app shows now.
func (p *Person) Code() string { return CodeAt(p.h.T, p.Key, p.h.Clock.Now()) }

// Fresh moves the clock by one time step and reads the app.
func (p *Person) Fresh() string {
	p.h.Clock.Advance(30 * time.Second)
	return p.Code()
}

// CodeAt is what an app with this key shows at an instant.
func CodeAt(t testing.TB, key string, at time.Time) string {
	t.Helper()
	plain, ok := totp.ParseSetupKey(key)
	if !ok {
		t.Fatalf("%q is no setup key", key)
	}
	params := totp.DefaultParams()
	return totp.Code(plain, totp.StepAt(at, params.Period), params)
}

// Door takes a browser through login and password and returns what came then.
func (p *Person) Door(v *demo.Visitor) demo.Page {
	p.h.T.Helper()
	page := p.h.Must(v.Get("/sign-in"))
	if page.Name != "sign-in" {
		return page
	}
	return p.h.Must(v.Submit(page, "login", p.Login, "password", p.Password))
}

// SignIn takes a browser the whole way in.
func (p *Person) SignIn(v *demo.Visitor) demo.Page {
	p.h.T.Helper()
	page := p.Door(v)
	if page.Name == "code" {
		page = p.h.Must(v.Submit(page, "code", p.Fresh()))
	}
	if page.Name != "account" {
		p.h.T.Fatalf("%s did not get in: page %q, fault %q: %s", p.Login, page.Name, page.Fault, page.Text)
	}
	return page
}

// SignOut ends the browser's session.
func (h *House) SignOut(v *demo.Visitor) {
	h.T.Helper()
	h.Must(v.Post("/sign-out", url.Values{}))
}

// Status is the person's MFA status now.
func (p *Person) Status() core.MFAStatus {
	p.h.T.Helper()
	ctx := p.h.T.Context()
	u, err := p.h.Store.FindUser(ctx, p.ID)
	if err != nil {
		p.h.T.Fatal(err)
	}
	eff, err := p.h.Tree.Effective(ctx, u.Tenant)
	if err != nil {
		p.h.T.Fatal(err)
	}
	var st core.MFAStatus
	err = p.h.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(u.ID)
		if err != nil {
			return err
		}
		who, err := session.Who(r, u, factors, eff)
		st = policy.Status(who, eff)
		return err
	})
	if err != nil {
		p.h.T.Fatal(err)
	}
	return st
}

// Factors are the person's factors that are not revoked.
func (p *Person) Factors() (out []core.Factor) {
	p.h.T.Helper()
	err := p.h.Store.View(p.h.T.Context(), p.Tenant, func(r store.Reader) (err error) {
		out, err = r.Factors(p.ID)
		return err
	})
	if err != nil {
		p.h.T.Fatal(err)
	}
	return out
}

// Events are the names of a person's audit events, newest first.
func (p *Person) Events() (out []core.Event) {
	p.h.T.Helper()
	err := p.h.Store.View(p.h.T.Context(), p.Tenant, func(r store.Reader) (err error) {
		out, err = r.EventsOf(p.ID, 0, 500)
		return err
	})
	if err != nil {
		p.h.T.Fatal(err)
	}
	return out
}

// Mail waits for a mail to an address whose subject or text has a word in it.
func (h *House) Mail(to, word string) outbox.Received {
	h.T.Helper()
	until := time.Now().Add(20 * time.Second)
	for {
		h.Serving.Mail.Wake()
		for _, m := range h.Inbox.List(to) {
			if strings.Contains(m.Subject+"\n"+m.Text, word) {
				return m
			}
		}
		if time.Now().After(until) {
			h.T.Fatalf("no mail to %s with %q; got %d mails", to, word, len(h.Inbox.List(to)))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Link is the path of the first link of a kind ("/reset/") in the newest mail
// to an address that has one.
func (h *House) Link(to, kind string) string {
	h.T.Helper()
	m := h.Mail(to, kind)
	for _, word := range strings.Fields(m.Text) {
		u, err := url.Parse(word)
		if err == nil && strings.HasPrefix(u.Path, kind) {
			return u.Path
		}
	}
	h.T.Fatalf("no link %s in the mail %q", kind, m.Subject)
	return ""
}
