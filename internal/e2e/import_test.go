package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/program"
)

// TestImportedPeopleOfManyTenants brings twenty thousand people of twenty
// organisations in beside a running server, with a kill of the import and, where
// it works through the server, one of that. Then one of them signs in.
func TestImportedPeopleOfManyTenants(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) { importMany(t, engine, 20_000, 20) })
	}
}

const importKey = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// peopleFile writes people of another system, of all organisations in turn.
func peopleFile(t testing.TB, path string, people int, tenants []string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(phrase), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range people {
		// In an order that is not that of the names.
		at := uint32(i) * 2654435761
		line := map[string]any{"login": fmt.Sprintf("person.%x.%d@example.com", at, i), "email": fmt.Sprintf("person.%x.%d@example.com", at, i), "name": fmt.Sprintf("Person %d", i),
			"tenant": tenants[i%len(tenants)], "password_hash": string(hash), "locale": "de"}
		if i%2 == 0 {
			line["totp_secret"] = importKey
		}
		b, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(append(b, '\n')) // Flush tells
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// stored is how many accounts there are, as the metrics say.
func stored(t testing.TB, p *program.Process) (n int) {
	t.Helper()
	_, text := fetch(t, p.Ops+"/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "sallyport_users{") {
			fields := strings.Fields(line)
			v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				t.Fatal(err)
			}
			n += int(v)
		}
	}
	return n
}

func importMany(t *testing.T, engine string, people, tenants int) {
	s := newSite(t, engine)
	p := s.serve()
	names := make([]string, tenants)
	for i := range names {
		names[i] = fmt.Sprintf("Organisation %d", i)
		s.run("", "tenant", "create", "--name", names[i], "--preset", "self-service")
	}
	file := filepath.Join(s.dir, "people.ndjson")
	peopleFile(t, file, people, names)
	options := s.options()
	options.Wait = 10*time.Second + time.Duration(people)*5*time.Millisecond
	begin := func() *program.Process { return program.Start(t, options, "import", "people", file, "--json") }
	// until waits for so many to be in: the point is to be killed in the midst of it.
	until := func(run *program.Process, n int) {
		for began := time.Now(); stored(t, p) < n; time.Sleep(20 * time.Millisecond) {
			if time.Since(began) > options.Wait {
				t.Fatalf("%d people came in %s; the import said:\n%s", stored(t, p), options.Wait, run.Stderr())
			}
		}
	}
	run := begin()
	until(run, people/5)
	run.Kill()
	if engine == "sqlite" {
		run = begin()
		until(run, people/2)
		p.Kill()
		if code := run.Wait(t, options.Wait); code != 1 || !strings.Contains(run.Stderr(), "run it again to go on") {
			t.Errorf("the server was killed under the import, which ended with %d and said:\n%s", code, run.Stderr())
		}
		p = s.serve()
	}
	already := stored(t, p) - 1 // the administrator was there before
	if already >= people {
		t.Fatalf("all %d people were in before the kill", already)
	}
	var report struct {
		Read, Created, Existing, Refused int
		Apps                             int `json:"authenticator_apps"`
	}
	out, errs, code := program.Run(t, options, "", "import", "people", file, "--json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Read != people || report.Created+report.Existing != people || report.Refused != 0 || report.Existing < already {
		t.Errorf("%d had come before: %+v", already, report)
	}
	if n := stored(t, p); n != people+1 {
		t.Errorf("%d accounts, want %d and the administrator", n, people)
	}
	// Everybody once, where they belong, with their app.
	out, errs, code = program.Run(t, options, "", "export", "people")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	seen := map[string]bool{}
	byTenant := map[string]int{}
	apps := 0
	for line := range strings.Lines(out) {
		var u struct {
			Login, Tenant string
			MFA           string `json:"mfa_status"`
		}
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatal(err)
		}
		if seen[u.Login] {
			t.Errorf("%s came twice", u.Login)
		}
		seen[u.Login] = true
		byTenant[u.Tenant]++
		if u.MFA == "enabled" {
			apps++
		}
	}
	if len(seen) != people+1 || apps != people/2 || byTenant[names[tenants-1]] != people/tenants {
		t.Errorf("%d people, %d with an app, %d in the last organisation", len(seen), apps, byTenant[names[tenants-1]])
	}
	for _, i := range []int{0, people - 2} {
		v := newVisit(t, p)
		door := v.submit(v.get("/sign-in", "sign-in"), "code", "login", fmt.Sprintf("person.%x.%d@example.com", uint32(i)*2654435761, i), "password", phrase)
		page := v.submit(door, "recovery-code", "code", (&app{t: t, key: importKey}).code())
		v.submit(page, "account", "saved", "yes")
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	s.run("", "audit", "verify")
}
