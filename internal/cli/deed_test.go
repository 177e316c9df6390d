package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"sallyport/internal/core"
)

// A dry run of any write leaves nothing: no event, which every change has, and no
// account, node or setting.
func TestADryRunLeavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("pw", []byte("a copper kettle on the shelf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("doc.json", []byte(`{"session":{"idle":"30m"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	in(t, 0, "init", "--yes")
	in(t, 0, "tenant", "create", "--name", "Nord", "--kind", "partner", "--mode", "trial")
	in(t, 0, "tenant", "create", "--name", "Huber", "--parent", "Nord", "--preset", "managed-tenants")
	in(t, 0, "tenant", "create", "--name", "Gone")
	in(t, 0, "tenant", "delete", "Gone", "--confirm", "gone")
	in(t, 0, "user", "create", "--email", "lena@huber.example", "--tenant", "Huber", "--password-file", "pw")
	in(t, 0, "user", "create", "--email", "emil@huber.example", "--tenant", "Huber", "--password-file", "pw")
	in(t, 0, "user", "invite", "--email", "otto@huber.example", "--tenant", "Huber")
	in(t, 0, "user", "disable", "emil@huber.example", "--yes")
	in(t, 0, "service-account", "create", "--login", "robot", "--tenant", "Huber", "--owner", "lena@huber.example", "--reason", "sync", "--generate", "--yes")
	in(t, 0, "role", "create", "--tenant", "Huber", "--name", "Reader", "--base", "auditor", "--right", "people.view")
	in(t, 0, "user", "roles", "grant", "lena@huber.example", "auditor", "--on", "Huber")

	made, _ := in(t, 0, "app", "create", "--name", "Ledger", "--tenant", "Huber", "--redirect-uri", "https://ledger.example.com/cb", "--json")
	var app struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(made), &app); err != nil {
		t.Fatal(err)
	}
	in(t, 0, "service-account", "create", "--login", "replaced", "--tenant", "Huber", "--owner", "lena@huber.example", "--reason", "sync", "--generate", "--yes")
	in(t, 0, "service-account", "replace", "replaced", "--yes")
	client, _ := in(t, 0, "api-client", "list", "--json")
	client = regexp.MustCompile(`ap_[0-9a-z]+`).FindString(client)

	seen := func() string {
		var all strings.Builder
		for _, look := range [][]string{{"audit", "tail", "-n", "1000", "--json"}, {"tenant", "tree", "--json"}, {"user", "list", "--mfa", "--json"}, {"policy", "show", "--tenant", "Huber", "--json"},
			{"policy", "locks", "show", "--tenant", "Nord"}, {"policy", "template", "show", "--tenant", "Nord"}, {"role", "list", "--tenant", "Huber", "--json"},
			{"api-client", "list", "--json"}, {"service-account", "list", "--json"}} {
			out, _ := in(t, 0, look...)
			all.WriteString(out)
		}
		return all.String()
	}
	before := seen()
	tried := ""
	for _, line := range []string{
		"tenant create --name New --parent Nord", "tenant rename Huber New", "tenant move Huber --to Sallyport", "tenant convert Nord", "tenant trial Nord --days 3",
		"tenant suspend Huber", "tenant delete Huber", "tenant restore Gone", "tenant first-administrator Huber --email first@huber.example", "tenant support close Huber",
		"mfa enable Nord", "mfa disable Huber", "user create --email new@huber.example --tenant Huber --password-file pw", "user invite --email new@huber.example --tenant Huber",
		"user invite otto@huber.example", "user reset-mfa lena@huber.example", "user unlock lena@huber.example", "user disable lena@huber.example",
		"user enable emil@huber.example", "user change lena@huber.example --name New --email new@huber.example", "user move lena@huber.example --to Sallyport", "user delete lena@huber.example",
		"user pass lena@huber.example", "user convert lena@huber.example --owner robot --reason x", "user roles grant lena@huber.example helpdesk", "user roles revoke lena@huber.example auditor",
		"role create --tenant Huber --name More --base auditor --right audit.view", "role change Reader --tenant Huber --name More", "role delete Reader --tenant Huber",
		"service-account create --login robot2 --tenant Huber --owner lena@huber.example --reason x --generate", "service-account change robot --reason x", "service-account convert robot",
		"service-account delete robot", "service-account replace robot", "service-account keep replaced",
		"api-client create --name More --tenant Huber --owner lena@huber.example", "api-client change " + client + " --name More --state off", "api-client rotate " + client, "api-client delete " + client, "policy set --tenant Huber challenge=untrusted_browser", "policy apply --tenant Huber -f doc.json", "policy locks set --tenant Nord challenge=always",
		"policy template set --tenant Nord locale=de", "policy preset apply self-service --tenant Huber",
		// Where there is nothing to change there is nothing to leave either.
		"tenant resume Huber", "tenant sessions end Huber", "tenant support open Huber", "user untrust lena@huber.example", "user sessions end lena@huber.example",
		"mfa apps require Huber " + app.ID, "mfa apps release Huber " + app.ID, "user apps end lena@huber.example " + app.ID,
	} {
		args := append(strings.Fields(line), "--dry-run")
		tried += line + "\n"
		if strings.Contains(line, "--owner robot ") || strings.HasPrefix(line, "user apps end") {
			in(t, 1, args...) // refused, as it would be
			continue
		}
		out, _ := in(t, 0, args...)
		if !strings.Contains(out, "would") {
			t.Errorf("%s: %q", line, out)
		}
	}
	if after := seen(); after != before {
		t.Errorf("something was left:\n%s\nwas\n%s", after, before)
	}
	// And none of these nouns has a write that is not tried here.
	for _, leaf := range leaves(t) {
		noun, _, _ := strings.Cut(verbOf(leaf), " ")
		if slices.Contains([]string{"tenant", "mfa", "user", "role", "service-account", "api-client", "policy"}, noun) && takes(leaf, "dry-run") &&
			!strings.Contains(tried, verbOf(leaf)+" ") && verbOf(leaf) != "tenant support end" { // nobody acts there
			t.Errorf("%s was not tried", verbOf(leaf))
		}
	}
}

// What somebody said yes to is what is done: not where it is another by then.
func TestAYesIsToWhatWasShown(t *testing.T) {
	t.Chdir(t.TempDir())
	in(t, 0, "init", "--yes")
	in(t, 0, "tenant", "create", "--name", "Huber")
	var o, e bytes.Buffer
	s, _, err := read(t.Context(), Process{Args: []string{"version"}, In: strings.NewReader(""), Out: &o, Err: &e})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c changing) (changed, error) {
		return one[changed](s, "tenant.rename", how{}, nodeIn{Tenant: "Huber", changing: c, Name: "Bäcker"})
	}
	plan, err := ask(changing{DryRun: true})
	if err != nil || !plan.DryRun {
		t.Fatalf("%+v, %v", plan, err)
	}
	in(t, 0, "tenant", "rename", "Huber", "huber")
	_, err = ask(changing{Seen: &plan.Version})
	if f, ok := core.AsFault(err); !ok || f.Code != "form.stale" {
		t.Errorf("%v", err)
	}
	if code := s.fail(err); code != exitFailed || !strings.Contains(e.String(), "changed this meanwhile") {
		t.Errorf("exit %d, %q", code, e.String())
	}
	if _, err := ask(changing{}); err != nil {
		t.Errorf("who looked at nothing: %v", err)
	}
}

// Every way on that a refusal names is a verb.
func TestWaysAreVerbs(t *testing.T) {
	verbs := map[string]*kong.Node{}
	for _, leaf := range leaves(t) {
		verbs[verbOf(leaf)] = leaf
	}
	for code, way := range ways {
		found := false
		for verb, leaf := range verbs {
			rest, ok := strings.CutPrefix(way, verb)
			if !ok || rest != "" && rest[0] != ' ' {
				continue
			}
			found = true
			for _, w := range strings.Fields(rest) {
				if name, isFlag := strings.CutPrefix(w, "--"); isFlag && !takes(leaf, name) {
					t.Errorf("%s: %s takes no %s", code, verb, w)
				}
			}
		}
		if !found {
			t.Errorf("%s: there is no verb %q", code, way)
		}
	}
}

func TestTimesThatPeopleWrite(t *testing.T) {
	day := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"2027-01-31": day, "never": {}, "2027-01-31T18:00:00+01:00": day.Add(-7 * time.Hour)} {
		if at, err := dateOf(text); err != nil || !at.Equal(want) {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
	for _, text := range []string{"", "soon", "31.1.2027", "2027-02-30"} {
		var u usageError
		if _, err := dateOf(text); !errors.As(err, &u) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, ago, err := sinceOf("--since", "7d"); err != nil || ago != 7*24*time.Hour {
		t.Error(ago, err)
	}
	if at, ago, err := sinceOf("--since", "2027-02-01"); err != nil || ago != 0 || !at.Equal(day) {
		t.Error(at, ago, err)
	}
	for d, want := range map[time.Duration]string{time.Hour: "1h", 30 * time.Minute: "30m", 90 * time.Minute: "1h30m", 10 * time.Second: "10s"} {
		if got := spell(d); got != want {
			t.Errorf("%s: %s", want, got)
		}
	}
}

// A file of people cannot run anything in a spreadsheet.
func TestCellsAreNoFormulas(t *testing.T) {
	var b bytes.Buffer
	s, err := newSheet(&b, []string{"name"})
	for _, name := range []string{"=1+1", "@sum", "+49", "-x", "Anna, \"A\""} {
		err = errors.Join(err, s.line([]string{name}))
	}
	if err := errors.Join(err, s.end()); err != nil || b.String() != "name\n'=1+1\n'@sum\n'+49\n'-x\n\"Anna, \"\"A\"\"\"\n" {
		t.Errorf("%v\n%s", err, b.String())
	}
}
