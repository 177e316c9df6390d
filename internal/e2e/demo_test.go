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

// TestDemoOnce runs the walk as `make demo ARGS=--once` does: exit 0, every step
// held, a line each, and well under the fifteen seconds that were promised.
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
		rows, ready := map[string]bool{}, false
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

// TestDemoPeople: after the walk the promised people are there, signed in, owing
// nothing, and each can sign in with what people.json says.
func TestDemoPeople(t *testing.T) {
	stores(t, func(t *testing.T, o program.Options) {
		p := program.Demo(t, o)
		var off, on int
		roles := map[string]bool{}
		for _, who := range people(t, p) {
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
			if who.SetupKey != "" {
				advance(t, p.URL, "30s")
				if page.Name != "code" {
					t.Fatalf("%s: page %q, fault %q", who.Login, page.Name, page.Fault)
				}
				var clock struct{ Now time.Time }
				p.GetJSON(t, "/demo/clock", &clock)
				if page, err = v.Submit(page, "code", house.CodeAt(t, who.SetupKey, clock.Now)); err != nil {
					t.Fatal(err)
				}
			}
			if page.Name != "account" {
				t.Errorf("%s: page %q, fault %q", who.Login, page.Name, page.Fault)
			}
		}
		if off < 2 || on < 2 {
			t.Errorf("%d people without and %d with a second factor in a self-service organisation, want two of each", off, on)
		}
		for _, r := range []string{"platform_admin", "partner_admin", "customer_admin"} {
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
