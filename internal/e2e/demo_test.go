package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/demo"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/pgtest"
	"sallyport/internal/testkit/program"
)

// stores are the two that the program runs on, as an operator names them.
func stores(t *testing.T, fn func(t *testing.T, o program.Options)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, program.Options{}) })
	t.Run("postgres", func(t *testing.T) { fn(t, program.Options{Env: []string{"SALLYPORT_STORE_DSN=" + pgtest.Database(t)}}) })
}

// walked are the rows that the walk shows at work.
var walked = []string{"ACR-01", "ACR-02", "ACR-04", "ACR-05", "ACR-06", "ACR-07", "ACR-08", "ACR-09", "ACR-11", "ACR-12", "ACR-13", "ACR-14", "ACR-15", "ACR-17",
	"ACR-19", "ACR-21", "ACR-22", "ACR-23", "ACR-24", "ACR-26", "ACR-27", "ACR-31", "ACR-33", "ACR-34", "CAL-13", "CAL-14", "WBX-01", "WBX-02", "WBX-03",
	"WBX-04", "WBX-06", "WBX-07", "WBX-08", "WBX-09", "WBX-10", "WBX-11", "WBX-14"}

// TestDemoOnce runs the walk as `make demo ARGS=--once` does: exit 0, every step
// held, a line each, and well under the fifteen seconds that were promised. The
// numbers of the preview, the bar, the table and the people are one number.
func TestDemoOnce(t *testing.T) {
	stores(t, func(t *testing.T, o program.Options) {
		began := time.Now()
		out, errs, code := program.Run(t, o, "", "demo", "--once", "--json")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		if took := time.Since(began); took > 150*time.Second {
			t.Errorf("the walk took %v", took)
		}
		rows, said, ready := map[string]bool{}, map[string]string{}, false
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			var s struct {
				program.Step
				Ready bool   `json:"ready"`
				URL   string `json:"url"`
			}
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("not a line of JSON: %q", line)
			}
			if s.Ready {
				ready = strings.HasPrefix(s.URL, "http://localhost:")
				continue
			}
			if !s.OK || s.Proof == "" {
				t.Errorf("step %q: %s", s.Step.Step, s.Proof)
			}
			said[s.Step.Step] = s.Proof
			for _, r := range s.Rows {
				rows[r] = true
			}
		}
		if !ready {
			t.Error("no line says where it serves")
		}
		for i := 1; i <= 12; i++ {
			if r := fmt.Sprintf("CAL-%02d", i); !rows[r] {
				t.Errorf("no step of the walk covers %s", r)
			}
		}
		for _, r := range walked {
			if !rows[r] {
				t.Errorf("no step of the walk covers %s", r)
			}
		}
		for step, want := range map[string]string{
			"tenants":                        "Nordwind MSP (partner, locked on) → Bäckerei Huber (customer, managed-tenants, off) → Filiale Süd (unit, inherits)",
			"people":                         "41 of 48 people",
			"what would happen":              "41 asked at the next sign-in · 0 locked out today · 1 integration exempt",
			"switch on":                      "Bäckerei Huber [░░░░░░░░░░] 0/41 Setup erforderlich",
			"table":                          "41 in the table",
			"setup at the next sign-in":      "Bäckerei Huber [█░░░░░░░░░] 1/41 Setup erforderlich",
			"the same code elsewhere":        "refused (replay)",
			"helpdesk resets the lost phone": "Bäckerei Huber [█░░░░░░░░░] 2/41 Setup erforderlich",
			"switch off, looked at":          "2 secrets, 1 trusted browser would be deleted; cancelled, nothing deleted, still 2/41",
			"an app signs in":                "code with PKCE over HTTP: Jonas is in without a question, acr=urn:sallyport:password; his access token lives 5 minutes",
			"MFA for a selected app":         "the page behind the proxy lets a password in; the app goes on with the tokens it had, and at the next sign-in sets MFA up on the way",
			"an app asks for more":           "Anna's trusted browser, then acr_values: a code, and the token says acr=urn:sallyport:mfa amr=[pwd otp mfa]; her sign-out there is one here",
			"API client":                     "Martin's Wochenbericht, with a token of its own: 4 people with MFA at Bäckerei Huber read; a change is 403 client.read_only",
			"Basic refused for a person":     "Anna's right password there: 401 mfa.required",
			"everybody":                      "48 people in all, each signed in today; Bäckerei Huber [█░░░░░░░░░] 4/41 Setup erforderlich",
		} {
			if !strings.HasPrefix(said[step], want) {
				t.Errorf("step %q says %q, not %q", step, said[step], want)
			}
		}
	})
}

// TestDemoFolderAgain: a folder that a demo made can be walked again, the clock
// does not go back, and serve refuses it.
func TestDemoFolderAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	for range 2 {
		if _, errs, code := program.Run(t, program.Options{}, "", "demo", "--once", "--data", dir); code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
	}
	_, errs, code := program.Run(t, program.Options{}, "", "serve", "--data", dir, "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(errs, "demo") {
		t.Errorf("serve on a demo's folder: exit %d: %s", code, errs)
	}
}

// TestDemoRefusesFoldersOfOthers: what is neither empty nor made by a demo stays as
// it is.
func TestDemoRefusesFoldersOfOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := program.Run(t, program.Options{}, "", "demo", "--once", "--data", dir)
	if code != 1 || !strings.Contains(errs, "neither empty nor made by the demo") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files in the folder, %v", len(left), err)
	}
	if _, err := os.Stat(dir + ".key"); err == nil {
		t.Error("a key was made")
	}
}

// TestDemoSaysWhatStays: only data that goes is said to go.
func TestDemoSaysWhatStays(t *testing.T) {
	for _, c := range []struct {
		env  []string
		args []string
		gone bool
	}{
		{nil, nil, true},
		{nil, []string{"--data", filepath.Join(t.TempDir(), "kept")}, false},
		{[]string{"SALLYPORT_STORE_DSN=" + pgtest.Database(t)}, nil, false},
	} {
		out, errs, code := program.Run(t, program.Options{Env: c.env}, "", append([]string{"demo", "--once"}, c.args...)...)
		if gone := strings.Contains(out, "data gone at the end"); code != 0 || gone != c.gone {
			t.Errorf("%v: exit %d, says gone: %v: %s", c.args, code, gone, errs)
		}
	}
}

// TestDemoPeople: after the walk the promised people are there, 48 of them, signed
// in within the day, with nothing counted against them, and each comes as far as
// they are to with what people.json says.
func TestDemoPeople(t *testing.T) {
	stores(t, func(t *testing.T, o program.Options) {
		p := program.Demo(t, o)
		var clock struct {
			Now    time.Time
			Offset string
		}
		p.GetJSON(t, "/demo/clock", &clock)
		if clock.Offset != "0s" || time.Since(clock.Now).Abs() > time.Minute {
			t.Errorf("after the walk the clock says %v, offset %s: no phone shows the right code", clock.Now, clock.Offset)
		}
		all := people(t, p)
		if len(all) != 48 {
			t.Errorf("%d people", len(all))
		}
		var off, on, due int
		roles := map[string]bool{}
		for _, who := range all {
			for _, r := range who.Roles {
				roles[r] = true
			}
			if who.Preset == "self-service" && len(who.Roles) == 1 && who.Roles[0] == "user" {
				switch who.MFAStatus {
				case "disabled":
					off++
				case "enabled":
					on++
				}
			}
			v := demo.NewVisitor(p.URL, "en")
			page, err := v.Get("/sign-in")
			if err != nil {
				t.Fatal(err)
			}
			if page, err = v.Submit(page, "login", who.Login, "password", who.Password); err != nil {
				t.Fatal(err)
			}
			want := "account"
			switch who.MFAStatus {
			case "setup_required":
				due, want = due+1, "setup-required"
			case "enabled":
				advance(t, p.URL, "30s")
				if page.Name != "code" {
					t.Fatalf("%s: page %q, fault %q", who.Login, page.Name, page.Fault)
				}
				p.GetJSON(t, "/demo/clock", &clock)
				if page, err = v.Submit(page, "code", house.CodeAt(t, who.SetupKey, clock.Now)); err != nil {
					t.Fatal(err)
				}
				if page.Name == "trust-browser" {
					want = "trust-browser" // asked, and the account is open already
				}
			}
			if page.Name != want {
				t.Errorf("%s: page %q, fault %q, not %q", who.Login, page.Name, page.Fault, want)
			}
		}
		if off != 2 || on != 2 || due != 37 {
			t.Errorf("%d people without and %d with a second factor in a self-service organisation, %d who are to set up; want 2, 2 and 37", off, on, due)
		}
		for _, r := range []string{"platform_admin", "partner_admin", "customer_admin", "helpdesk", "auditor"} {
			if !roles[r] {
				t.Errorf("no %s among the people", r)
			}
		}
	})
}

// TestDemoAnswersOnlyAsItself: localhost and 127.0.0.1 are the demo, any other
// Host is refused; redirects are relative.
func TestDemoAnswersOnlyAsItself(t *testing.T) {
	p := program.Demo(t, program.Options{})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	port := p.URL[strings.LastIndex(p.URL, ":"):]
	for host, want := range map[string]int{"localhost" + port: 200, "127.0.0.1" + port: 200, "evil.example": 421, "localhost.evil.example": 421} {
		req, err := http.NewRequest(http.MethodGet, p.URL+"/sign-in", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: status %d, want %d", host, resp.StatusCode, want)
		}
	}
	resp, err := client.Get(p.URL + "/account/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		t.Errorf("the redirect leads to %q, not to a path of ours", to)
	}
}
