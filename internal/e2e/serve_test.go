package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/demo"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/mailtest"
	"sallyport/internal/testkit/pgtest"
	"sallyport/internal/testkit/program"
)

const phrase = "Nine grey stones by the river"

// site is an installation as an operator has it: a folder with configuration,
// key and data, and what the environment says besides.
type site struct {
	t   testing.TB
	dir string
	env []string
	dsn string // of its database; empty is the embedded store
}

// newSite initialises an installation on one of the stores.
func newSite(t testing.TB, engine string, env ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), env: env}
	if engine == "postgres" {
		s.dsn = pgtest.Database(t)
		s.env = append(s.env, "SALLYPORT_STORE_DSN="+s.dsn)
	}
	s.run("", "init", "--yes")
	return s
}

func (s *site) options() program.Options { return program.Options{Dir: s.dir, Env: s.env} }

// run runs a verb that must succeed, and returns its results.
func (s *site) run(stdin string, args ...string) string {
	s.t.Helper()
	out, errs, code := program.Run(s.t, s.options(), stdin, append(args, "--no-input")...)
	if code != 0 {
		s.t.Fatalf("sallyport %s: exit %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

func (s *site) serve() *program.Process {
	s.t.Helper()
	return program.Serve(s.t, s.options(), filepath.Join(s.dir, "data"))
}

// account makes a person of an organisation with a password, and returns the id.
func (s *site) account(login, tenant string) string {
	s.t.Helper()
	var u struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(s.run(phrase, "user", "create", "--email", login, "--name", "Somebody", "--tenant", tenant, "--json")), &u); err != nil {
		s.t.Fatal(err)
	}
	return u.ID
}

// app is an authenticator app beside the real clock: it hands out a code per
// time step, the one before now first, so that a test need not wait for three.
type app struct {
	t    testing.TB
	key  string
	last int64
}

func (a *app) code() string {
	a.t.Helper()
	step := max(a.last+1, time.Now().Unix()/30-1)
	if ahead := step - time.Now().Unix()/30; ahead > 1 {
		time.Sleep(time.Until(time.Unix((step-1)*30, 0)))
	}
	a.last = step
	return house.CodeAt(a.t, a.key, time.Unix(step*30, 0))
}

// visit is a browser at the running program.
type visit struct {
	t testing.TB
	*demo.Visitor
}

func newVisit(t testing.TB, p *program.Process) *visit {
	return &visit{t, demo.NewVisitor(p.URL, "en")}
}

func (v *visit) get(path, name string) demo.Page {
	v.t.Helper()
	return v.want(name)(v.Get(path))
}

func (v *visit) submit(p demo.Page, name string, fields ...string) demo.Page {
	v.t.Helper()
	return v.want(name)(v.Submit(p, fields...))
}

func (v *visit) want(name string) func(demo.Page, error) demo.Page {
	v.t.Helper()
	return func(p demo.Page, err error) demo.Page {
		v.t.Helper()
		if err == nil {
			err = p.Expect(name)
		}
		if err != nil {
			v.t.Fatal(err)
		}
		return p
	}
}

// TestServeStory takes a person through the main story on the product as it is
// installed, with a real mail server between: the same on both stores.
func TestServeStory(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			postfix := mailtest.StartPostfix(t)
			s := newSite(t, engine, "SALLYPORT_MAIL_SMTP_URL="+postfix.URL(), "SALLYPORT_MAIL_FROM=Sign-in <no-reply@sallyport.example>")
			p := s.serve()
			s.run("", "tenant", "create", "--name", "Ringwerk", "--preset", "self-service")
			s.run("", "user", "invite", "--email", "anna@example.com", "--name", "Anna", "--tenant", "Ringwerk", "--locale", "en")

			v := newVisit(t, p)
			page := v.get(linkIn(t, postfix, "anna@example.com", "/invitation/", 1), "invitation")
			v.submit(page, "account", "new_password", phrase)
			page = v.get("/account/security/totp", "enrol-totp")
			a := &app{t: t, key: page.Of("data-setup-key")}
			page = v.submit(page, "recovery-code", "code", a.code())
			recovery := page.Of("data-recovery-code")
			v.submit(page, "security", "saved", "yes")
			v.want("signed-out")(v.Post("/sign-out", url.Values{}))

			page = v.submit(v.get("/sign-in", "sign-in"), "code", "login", "anna@example.com", "password", phrase)
			v.submit(page, "account", "code", a.code())
			v.want("signed-out")(v.Post("/sign-out", url.Values{}))

			// The phone is lost and the password forgotten: the mail gives the password
			// back, and still the second factor is asked for.
			v.submit(v.get("/reset", "reset"), "reset-sent", "login", "anna@example.com")
			page = v.get(linkIn(t, postfix, "anna@example.com", "/reset/", 3), "new-password")
			page = v.submit(page, "code", "new_password", phrase+" again")
			page = v.submit(page, "recovery-code", "code", recovery)
			if fresh := page.Of("data-recovery-code"); fresh == "" || fresh == recovery {
				t.Error("no new recovery code")
			}
			v.submit(page, "account", "saved", "yes")
			page = v.get("/account/security/disable", "disable")
			v.submit(page, "security")
			v.get("/account/security/disable", "security") // a second time there is nothing to switch off

			show := s.run("", "user", "show", "anna@example.com", "--json")
			if !strings.Contains(show, `"mfa_status":"disabled"`) && !strings.Contains(show, `"mfa_status": "disabled"`) {
				t.Errorf("user show says: %s", show)
			}
			s.run("", "audit", "verify")
			if code := p.Stop(t); code != 0 {
				t.Errorf("serve ended with %d: %s", code, p.Stderr())
			}
			for _, secret := range []string{recovery, strings.ReplaceAll(a.key, " ", ""), phrase} {
				if strings.Contains(p.Stderr()+p.Stdout(), secret) {
					t.Error("a secret stands in the log")
				}
			}
		})
	}
}

// linkIn waits until an address got n mails and takes the link of a kind out of
// the newest that has one.
func linkIn(t *testing.T, m *mailtest.Postfix, to, kind string, n int) string {
	t.Helper()
	until := time.Now().Add(60 * time.Second)
	for {
		for _, mail := range m.Mails(t, to) {
			for _, word := range strings.Fields(mail.Text) {
				if u, err := url.Parse(word); err == nil && strings.HasPrefix(u.Path, kind) {
					return u.Path
				}
			}
		}
		if time.Now().After(until) {
			t.Fatalf("no mail with %s arrived (looked for %d mails)", kind, n)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestTwoNodesAreOneProduct: two processes on one PostgreSQL. A code used on one
// is used on the other, a session made on one works on the other and ends there
// when the first ends it.
func TestTwoNodesAreOneProduct(t *testing.T) {
	s := newSite(t, "postgres")
	one, two := s.serve(), program.Serve(t, program.Options{Dir: s.dir, Env: s.env}, filepath.Join(s.dir, "data"))
	s.run("", "tenant", "create", "--name", "Ringwerk", "--preset", "self-service")
	s.account("bo@example.com", "Ringwerk")
	v := newVisit(t, one)
	v.submit(v.get("/sign-in", "sign-in"), "account", "login", "bo@example.com", "password", phrase)
	page := v.get("/account/security/totp", "enrol-totp")
	a := &app{t: t, key: page.Of("data-setup-key")}
	v.submit(v.submit(page, "recovery-code", "code", a.code()), "security", "saved", "yes")

	at := func(p *program.Process) (*visit, demo.Page) {
		w := newVisit(t, p)
		return w, w.submit(w.get("/sign-in", "sign-in"), "code", "login", "bo@example.com", "password", phrase)
	}
	w1, page1 := at(one)
	w2, page2 := at(two)
	code := a.code()
	w1.submit(page1, "account", "code", code)
	if page, err := w2.Submit(page2, "code", code); err != nil || page.Refused("factor.code_used") != nil {
		t.Errorf("the code on the other node: page %q, fault %q, %v", page.Name, page.Fault, err)
	}
	// The session of node one, shown to node two.
	w1.Move(two.URL)
	w1.get("/account/", "account")
	v.submit(v.get("/account/security/sessions", "sessions"), "sessions") // ends it on node one
	ended := time.Now()
	for {
		page, err := w1.Get("/account/")
		if err != nil {
			t.Fatal(err)
		}
		if page.Name == "sign-in" {
			break
		}
		if time.Since(ended) > 10*time.Second { // ten times the promise
			t.Fatal("the session lives on at the other node")
		}
	}
	t.Logf("a session ended on one node was over on the other after %v", time.Since(ended))
}

// TestFullDisk: a store that cannot write refuses clearly and says so on
// /readyz; it recovers by itself and has lost nothing.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "24m")
	s := &site{t: t, dir: dir}
	s.run("", "init", "--yes")
	p := s.serve()
	s.run("", "tenant", "create", "--name", "Ringwerk", "--preset", "self-service")
	s.account("disk@example.com", "Ringwerk")
	v := newVisit(t, p)
	v.submit(v.get("/sign-in", "sign-in"), "account", "login", "disk@example.com", "password", phrase)

	undo := fill(t, dir)
	w := newVisit(t, p)
	refused := false
	for range 50 {
		page := w.get("/sign-in", "sign-in")
		page, err := w.Submit(page, "login", "disk@example.com", "password", phrase)
		if err != nil {
			t.Fatal(err)
		}
		if page.Status == 503 && page.Fault == "unavailable" {
			refused = true
			break
		}
		if page.Name != "account" {
			t.Fatalf("status %d, page %q, fault %q: %s", page.Status, page.Name, page.Fault, page.Text)
		}
		w.want("signed-out")(w.Post("/sign-out", url.Values{}))
	}
	if !refused {
		t.Fatal("nothing was refused")
	}
	if status, body := fetch(t, p.Ops+"/readyz"); status != 503 || !strings.Contains(body, `"name":"store"`) {
		t.Errorf("readyz: %d %s", status, body)
	}
	if status, _ := fetch(t, p.Ops+"/livez"); status != 200 {
		t.Errorf("livez: %d", status)
	}
	undo()
	awaitReady(t, p)
	w = newVisit(t, p)
	w.submit(w.get("/sign-in", "sign-in"), "account", "login", "disk@example.com", "password", phrase)
	v.get("/account/", "account") // nothing was lost
	s.run("", "audit", "verify")
}

// TestReadOnlyDisk: a server that is started where it may not write says so and
// ends; once it may, it starts.
func TestReadOnlyDisk(t *testing.T) {
	dir := tmpfs(t, "24m")
	s := &site{t: t, dir: dir}
	s.run("", "init", "--yes")
	mount(t, "-o", "remount,ro", dir)
	_, errs, code := program.Run(t, s.options(), "", "serve", "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(errs, "read-only") {
		t.Errorf("serve on a read-only disk: exit %d: %s", code, errs)
	}
	mount(t, "-o", "remount,rw", dir)
	if status, body := fetch(t, s.serve().Ops+"/readyz"); status != 200 {
		t.Errorf("readyz: %d %s", status, body)
	}
}

// fill makes the disk under a folder full, and returns the undo.
func fill(t *testing.T, dir string) func() {
	t.Helper()
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(filler); err != nil {
			t.Error(fmt.Errorf("undo: %w", err))
		}
	}
}
