package e2e

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/program"
)

// TestSwitchingOffOutlivesKills kills the server at each batch of the job that takes
// factors away, and again before its end: started anew it goes on, and when it says
// that it is off nobody has anything left. Meanwhile a password does.
func TestSwitchingOffOutlivesKills(t *testing.T) {
	const people = 300
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine)
			huber := s.made("", "tenant", "create", "--name", "Huber", "--preset", "self-service")
			s.made(phrase, "user", "create", "--email", "tom@huber.example", "--name", "Tom", "--tenant", huber, "--role", "customer_admin")
			file := filepath.Join(s.dir, "people.jsonl")
			peopleFile(t, file, people, []string{huber})
			s.run("", "import", "people", file)
			p := s.serve()
			here := "/admin/tenants/" + huber
			tom, _ := enrolled(t, p, "tom@huber.example")
			off := tom.get(here+"/security/disable", "disable-preview")
			tom.want("tenant-security")(tom.Post(here+"/security/disable", url.Values{"confirm": {"Huber"}, "version": {hidden(off, "version")}}))
			// On PostgreSQL the one after a kill waits until what was killed has lost its lease.
			kills, last, most := 0, 0, map[string]int{"sqlite": 8, "postgres": 2}[engine]
			for until := time.Now().Add(4 * time.Minute); ; {
				if time.Now().After(until) {
					t.Fatalf("it does not come to an end; %d are done after %d kills", last, kills)
				}
				page, err := tom.Get(here + "/security")
				if err != nil {
					t.Fatal(err)
				}
				if page.Name == "sign-in" {
					// His factor went with the others, and with it what rested on it.
					v, in := knock(t, p, "tom@huber.example")
					if in.Name != "account" {
						t.Fatalf("its administrator stands at %q", in.Name)
					}
					tom = v
					continue
				}
				if !strings.Contains(page.Raw, `data-mfa-state="disabling"`) {
					break
				}
				if list := tom.get(here+"/users", "users"); strings.Contains(list.Raw, "data-mfa-status") {
					t.Fatal("the column is shown while factors go")
				}
				if _, in := knock(t, p, fmt.Sprintf("person.%x.%d@example.com", uint32(0), 0)); in.Name != "account" && in.Name != "new-password" {
					t.Fatalf("a password is not enough: %q", in.Name)
				}
				if n := doneOf(page.Text); kills < most && (n > last || kills == 0) {
					// Something more is done: now it dies, in the midst of the next.
					last = n
					p.Kill()
					kills++
					p = program.Serve(t, s.options(), filepath.Join(s.dir, "data"))
					tom.Move(p.URL)
				}
			}
			t.Logf("%d kills", kills)
			p.Kill()
			out := s.run("", "export", "people", "--tenant", huber)
			if n := strings.Count(out, "@example.com"); n < people {
				t.Errorf("%d people are exported", n)
			}
			for _, word := range []string{"enabled", "setup_required"} {
				if strings.Contains(out, word) {
					t.Errorf("somebody is %s", word)
				}
			}
		})
	}
}

var doneCount = regexp.MustCompile(`([0-9]+) of [0-9]+ people`)

// doneOf is how many the page of the switch says are done.
func doneOf(text string) (n int) {
	if m := doneCount.FindStringSubmatch(text); m != nil {
		_, _ = fmt.Sscan(m[1], &n)
	}
	return n
}
