package sqlstore_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/testkit/need"
)

// sqlc finds the generator: one on the path if it is of the right version, or
// the tool of tools.mod, which is built when it is first used.
func sqlc(t *testing.T) []string {
	t.Helper()
	const version = "v1.31.1"
	if path, err := exec.LookPath("sqlc"); err == nil {
		if out, err := exec.Command(path, "version").Output(); err == nil && strings.TrimSpace(string(out)) == version {
			return []string{path}
		}
	}
	if testing.Short() {
		t.Skip("skipped: sqlc is not on the path, and building it takes minutes")
	}
	tool := []string{"go", "tool", "-modfile=" + filepath.Join(need.Root(t), "tools.mod"), "sqlc"}
	c := exec.Command(tool[0], append(tool[1:], "version")...)
	c.Dir = need.Root(t)
	if out, err := c.CombinedOutput(); err != nil {
		t.Logf("%s", out)
		need.Missing(t, "sqlc "+version)
	}
	return tool
}

func generate(t *testing.T, tool []string, config string) {
	t.Helper()
	c := exec.Command(tool[0], append(tool[1:], "generate", "-f", config)...)
	c.Dir = need.Root(t)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("sqlc: %v\n%s", err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// numbered is how the engines write the places of parameters.
var numbered = regexp.MustCompile(`\$([0-9]+)`)

// TestGenerated: the committed code is what sqlc makes of the queries, and made
// for SQLite it would be the same but for the sign of parameters.
func TestGenerated(t *testing.T) {
	tool := sqlc(t)
	root := need.Root(t)
	scratch := t.TempDir()
	from, err := filepath.Rel(scratch, root)
	if err != nil {
		t.Fatal(err)
	}
	moved := string(read(t, filepath.Join(root, "sqlc.yaml")))
	moved = strings.ReplaceAll(moved, "internal/store/sqlstore/db", "again")
	moved = strings.ReplaceAll(moved, "internal/", from+"/internal/")
	write(t, filepath.Join(scratch, "sqlc.yaml"), moved)
	generate(t, tool, filepath.Join(scratch, "sqlc.yaml"))

	other := string(read(t, "testdata/sqlc.sqlite.yaml"))
	other = strings.ReplaceAll(other, "SCHEMA", from+"/internal/store/sqlite/migrations")
	other = strings.ReplaceAll(other, "QUERIES", from+"/internal/store/sqlstore/queries")
	write(t, filepath.Join(scratch, "other.yaml"), other)
	generate(t, tool, filepath.Join(scratch, "other.yaml"))

	committed, err := filepath.Glob("db/*.go")
	if err != nil || len(committed) < 10 {
		t.Fatal(committed, err)
	}
	for folder, same := range map[string]func([]byte) []byte{
		"again": func(b []byte) []byte { return b },
		"db":    func(b []byte) []byte { return numbered.ReplaceAll(b, []byte("?$1")) },
	} {
		made, err := filepath.Glob(filepath.Join(scratch, folder, "*.go"))
		if err != nil || len(made) != len(committed) {
			t.Errorf("%s: %d files, committed are %d", folder, len(made), len(committed))
		}
		for _, path := range committed {
			want := same(read(t, path))
			if got := read(t, filepath.Join(scratch, folder, filepath.Base(path))); !bytes.Equal(got, want) {
				t.Errorf("%s/%s differs from what is committed: run `make generate`", folder, filepath.Base(path))
			}
		}
	}
}

// TestEveryStatementNamesItsTenant: whatever runs for one tenant says so.
func TestEveryStatementNamesItsTenant(t *testing.T) {
	// These are for a tenant's own node, by its id, or cross tenants on purpose.
	across := map[string]string{
		"Tenant": "id", "TenantLine": "id", "UpdateTenant": "id", "InsertTenant": "parent_id",
		"TenantsBelow": "path", "AllTenants": "", "FindLogin": "", "FindByEmail": "", "FindUser": "",
		"AllUsers": "", "AllRoles": "", "RolesOf": "", "CountUsers": "", "HashSettings": "", "EndAllAttempts": "",
		"SweepAttempts": "", "FindSession": "", "EndAllSessions": "", "TouchSession": "", "SweepSessions": "",
		"FindToken": "", "SupersedeAllTokens": "", "SweepTokens": "", "Unsealed": "", "SealedEvents": "",
		"EventsAfter": "", "InsertBatch": "", "LastBatch": "", "Batches": "", "MailsTo": "", "ClaimMail": "",
		"SettleMail": "", "MailQueue": "", "ExpireLinkMails": "", "SweepMails": "", "AppendChange": "", "Changes": "",
		"LastChange": "", "SweepChanges": "", "TakeLease": "", "Meta": "", "SetMeta": "", "Keys": "", "InsertKey": "",
		"ReplaceKey": "", "EndRecoveryCodes": "", "RaiseSteps": "", "PlatformName": "",
		"FindApp": "", "FindHost": "", "FindHosted": "", "InsertHostCookie": "family_id", "AllClients": "", "Replaced": "", "AppSecrets": "app_id", "EndAllFamilies": "", "SweepFamilies": "", "IsSpent": "", "SweepSpent": "", "SweepReplies": "", "DropExpiredReply": "", "DueLogouts": "", "SettleLogout": "",
		"FindDevice": "", "AnswerDevice": "", "EndAllDevices": "", "SweepDevices": "",
		"NamedBelow": "path", "DeletedBelow": "path", "FindTenants": "", "FindPlatform": "", "DueTrials": "", "Erasable": "", "AllJobs": "",
		"DeleteBranch": "path", "RestoreBranch": "path", "MoveBranch": "path", "MoveBranchPeople": "old_organisation",
		"AppsHere": "organisation_id", "AppsUsed": "organisation_id", "AppsUsedBy": "organisation_id", "CountOpenUsing": "organisation_id", "OpenUsing": "organisation_id", "AppPeople": "", "CountsHere": "organisation_id", "CountsBelow": "path", "PeoplePage": "organisation_id", "PeopleNamed": "organisation_id",
		"PeopleOfFamily": "organisation_id", "PeopleMailed": "organisation_id", "FactorsHere": "organisation_id",
		"TrustedHere": "organisation_id", "Newcomers": "organisation_id", "Clashes": "organisation_id", "OpenHolders": "organisation_id", "WithoutEntry": "organisation_id", "RolesHeld": "organisation_id", "Administrators": "held_on",
		"ActingBelow": "path", "CountSessions": "organisation_id", "EndActing": "path", "EventsHere": "organisation_id", "EventsAbout": "organisation_id",
	}
	files, err := filepath.Glob("queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		for _, q := range strings.Split(string(read(t, path)), "-- name: ")[1:] {
			name, body, _ := strings.Cut(q, " ")
			column, crosses := across[name]
			switch {
			case crosses && column != "" && !strings.Contains(body, "@"+column) && !strings.Contains(body, column+" >="):
				t.Errorf("%s does not look at %s", name, column)
			case !crosses && !strings.Contains(body, "@tenant_id"):
				t.Errorf("%s does not name the tenant", name)
			}
			delete(across, name)
		}
	}
	for name := range across {
		t.Errorf("there is no query %s", name)
	}
}
