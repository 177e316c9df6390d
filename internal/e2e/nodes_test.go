package e2e

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/demo"
	"sallyport/internal/testkit/program"
)

// agreed waits until a node does what another was told, and says how long it took.
// The promise is a second; ten of them are allowed, for other tests share the machine.
func agreed(t *testing.T, what string, holds func() bool) {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s: not felt on the other node", what)
		}
	}
	t.Logf("%s was felt on the other node after %v", what, time.Since(began).Round(time.Millisecond))
}

// made runs a verb that makes something, and returns its id.
func (s *site) made(stdin string, args ...string) string {
	s.t.Helper()
	var v struct {
		ID string `json:"id"`
	}
	if out := s.run(stdin, append(args, "--json")...); json.Unmarshal([]byte(out), &v) != nil || v.ID == "" {
		s.t.Fatalf("no id: %s", out)
	}
	return v.ID
}

// enrolled signs somebody in and sets an app up.
func enrolled(t *testing.T, p *program.Process, login string) (*visit, *app) {
	t.Helper()
	v := newVisit(t, p)
	v.submit(v.get("/sign-in", "sign-in"), "account", "login", login, "password", phrase)
	page := v.get("/account/security/totp", "enrol-totp")
	a := &app{t: t, key: page.Of("data-setup-key")}
	v.submit(v.submit(page, "recovery-code", "code", a.code()), "security", "saved", "yes")
	return v, a
}

// knock gives login and password to the door of a new browser, and returns what came.
func knock(t *testing.T, p *program.Process, login string) (*visit, demo.Page) {
	t.Helper()
	v := newVisit(t, p)
	page, err := v.Submit(v.get("/sign-in", "sign-in"), "login", login, "password", phrase)
	if err != nil {
		t.Fatal(err)
	}
	return v, page
}

// TestTwoNodesAgreeA15: two processes on one PostgreSQL. What is done in the console of
// one, to somebody who acts, to sessions and trusted browsers, to the switch, and by a
// lock from above, holds on the other within a second; and switching off goes on there
// when the node that began it is killed.
func TestTwoNodesAgreeA15(t *testing.T) {
	s := newSite(t, "postgres")
	node := func() *program.Process {
		return program.Serve(t, program.Options{Dir: s.dir, Env: s.env}, filepath.Join(s.dir, "data"))
	}
	one, two := node(), node()
	partner := s.made("", "tenant", "create", "--name", "Nordwind", "--kind", "partner", "--mode", "trial")
	huber := s.made("", "tenant", "create", "--name", "Huber", "--parent", partner, "--preset", "self-service")
	s.made(phrase, "user", "create", "--email", "boss@nordwind.example", "--name", "Boss", "--tenant", partner, "--role", "partner_admin")
	s.made(phrase, "user", "create", "--email", "tom@huber.example", "--name", "Tom", "--tenant", huber, "--role", "customer_admin")
	anna := s.made(phrase, "user", "create", "--email", "anna@huber.example", "--name", "Anna", "--tenant", huber)
	s.made(phrase, "user", "create", "--email", "ole@huber.example", "--name", "Ole", "--tenant", huber)
	here, person := "/admin/tenants/"+huber, "/admin/users/"+anna

	boss, bossApp := enrolled(t, one, "boss@nordwind.example")
	tom, _ := enrolled(t, one, "tom@huber.example")
	hers, app := enrolled(t, one, "anna@huber.example")

	// Support access: whoever acts is out when the customer closes it.
	boss.want("tenant")(boss.Post(here+"/act", url.Values{"reason": {"a question"}}))
	boss.Move(two.URL)
	boss.get(here, "tenant")
	tom.submit(tom.get(here+"/support-close", "tenant-support-close"), "tenant")
	agreed(t, "support access closed", func() bool {
		page, err := boss.Get(here)
		return err == nil && page.Name == "sign-in"
	})

	// A session that an administrator ended, and trust that they took away.
	hers.Move(two.URL)
	hers.get("/account/", "account")
	tom.submit(tom.get(person+"/end-sessions", "person-end-sessions"), "person")
	agreed(t, "sessions ended", func() bool {
		page, err := hers.Get("/account/")
		return err == nil && page.Name == "sign-in"
	})
	set := tom.get(here+"/security", "tenant-security")
	change := url.Values{"change": {`{"challenge":"untrusted_browser","trusted_browser":{"days":14}}`}, "version": {hidden(set, "version")}}
	tom.want("tenant-security")(tom.Post(here+"/security/settings", change))
	trusting, page := knock(t, one, "anna@huber.example")
	page = trusting.submit(page, "trust-browser", "code", app.code())
	trusting.submit(page, "account", "trust", "yes")
	trusting.Move(two.URL)
	// Out, and in again by trust alone: that is the session that rests on it.
	if _, err := trusting.Post("/sign-out", url.Values{}); err != nil {
		t.Fatal(err)
	}
	again := func() demo.Page {
		page, err := trusting.Get("/sign-in")
		if err == nil && page.Name == "sign-in" {
			page, err = trusting.Submit(page, "login", "anna@huber.example", "password", phrase)
		}
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if page := again(); page.Name != "account" {
		t.Fatalf("a trusted browser is asked: %q", page.Name)
	}
	tom.submit(tom.get(person+"/reset-trusted-browsers", "person-reset-trusted-browsers"), "person")
	agreed(t, "trust taken away", func() bool { return again().Name == "code" })

	// Off: told to one node, which dies at once; the other lets a password do from then
	// on, takes away what there is, and comes to the end.
	off := tom.get(here+"/security/disable", "disable-preview")
	tom.want("tenant-security")(tom.Post(here+"/security/disable", url.Values{"confirm": {"Huber"}, "version": {hidden(off, "version")}}))
	one.Kill()
	agreed(t, "the switch, off", func() bool { _, page := knock(t, two, "anna@huber.example"); return page.Name == "account" })
	until := time.Now().Add(2 * time.Minute)
	for {
		v, page := knock(t, two, "tom@huber.example")
		if page.Name != "account" {
			t.Fatalf("its administrator stands at %q", page.Name)
		}
		sw := v.get(here+"/security", "tenant-security")
		if !strings.Contains(sw.Raw, `data-mfa-state="disabling"`) {
			break
		}
		if time.Now().After(until) {
			t.Fatal("the other node does not come to the end")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if left := s.run("", "user", "show", "anna@huber.example", "--json"); !strings.Contains(strings.ReplaceAll(left, " ", ""), `"mfa_status":"disabled"`) {
		t.Errorf("left: %s", left)
	}

	// A lock: the partner holds what its customer said no to.
	one = node()
	if _, page := knock(t, two, "ole@huber.example"); page.Name != "account" {
		t.Fatalf("Ole stands at %q before anything is locked", page.Name)
	}
	boss, page = knock(t, one, "boss@nordwind.example")
	boss.submit(page, "account", "code", bossApp.code())
	locks := boss.get("/admin/tenants/"+partner+"/security/locks", "locks")
	boss.want("locks")(boss.Post("/admin/tenants/"+partner+"/security/locks", url.Values{"change": {`{"requirement":["organization"]}`}, "version": {hidden(locks, "version")}}))
	agreed(t, "a lock", func() bool { _, page := knock(t, two, "ole@huber.example"); return page.Name == "setup-required" })
}

// hidden is the value of a hidden field of a page.
func hidden(p demo.Page, name string) string {
	_, rest, _ := strings.Cut(p.Raw, `type="hidden" name="`+name+`" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
