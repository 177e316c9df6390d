package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// leaves are all verbs of the grammar.
func leaves(t *testing.T) []*kong.Node {
	t.Helper()
	var g grammar
	k, err := kong.New(&g, kong.Name("sallyport"), kong.Vars{"presets": "", "roles": "", "languages": "", "languages_enum": "en"})
	if err != nil {
		t.Fatal(err)
	}
	return k.Model.Leaves(false)
}

func run(t *testing.T, stdin string, args ...string) (out, errs string, code int) {
	t.Helper()
	t.Chdir(t.TempDir())
	var o, e bytes.Buffer
	code = Run(t.Context(), Process{Args: args, In: strings.NewReader(stdin), Out: &o, Err: &e})
	return o.String(), e.String(), code
}

// Help of every verb works, goes to stdout, and says what the verb does.
func TestEveryVerbHasHelp(t *testing.T) {
	if n := len(leaves(t)); n < 30 {
		t.Errorf("only %d verbs were found: this test looks in the wrong place", n)
	}
	for _, leaf := range leaves(t) {
		args := append(strings.Fields(leaf.FullPath())[1:], "--help")
		out, errs, code := run(t, "", args...)
		if code != 0 || errs != "" || !strings.Contains(out, "Usage: "+leaf.FullPath()) || leaf.Help == "" || !strings.Contains(out, leaf.Help[:min(20, len(leaf.Help))]) {
			t.Errorf("%v: exit %d, stderr %q, stdout %q", args, code, errs, out)
		}
		for _, f := range leaf.AllFlags(true) {
			for _, flag := range f {
				if flag.Help == "" {
					t.Errorf("%s: --%s has no help", leaf.FullPath(), flag.Name)
				}
			}
		}
	}
}

// Verbs that change nothing; every other one shows first what it would change.
var onlyLook = []string{"serve", "demo", "doctor", "healthcheck", "version", "config check", "config print", "migrate plan", "migrate history",
	"backup verify", "keys list", "tenant list", "tenant tree", "tenant show", "tenant support show", "mfa status", "mfa list", "mfa what-if", "user list", "user show",
	"user sessions list", "user roles list", "role list", "role holders", "service-account list", "service-account show", "policy explain", "policy simulate", "policy compare",
	"policy show", "policy locks show", "policy template show", "policy preset list", "policy preset show", "audit verify", "audit tail", "audit list", "audit export",
	"totp verify", "app list", "app show", "api-client list", "api-client show", "mfa apps list", "user apps list", "export people"}

func TestEveryWriteHasADryRun(t *testing.T) {
	for _, leaf := range leaves(t) {
		has := false
		for _, group := range leaf.AllFlags(true) {
			has = has || slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == "dry-run" })
		}
		path := strings.TrimPrefix(leaf.FullPath(), "sallyport ")
		if looks := slices.Contains(onlyLook, path); has == looks {
			t.Errorf("%s: dry-run %v, only looks %v", path, has, looks)
		}
	}
}

// No secret can be given as an argument: everybody on the machine reads those.
func TestNoFlagTakesASecret(t *testing.T) {
	for _, leaf := range leaves(t) {
		for _, group := range leaf.AllFlags(true) {
			for _, f := range group {
				for _, word := range []string{"password", "secret", "code", "token", "smtp"} {
					if strings.Contains(f.Name, word) && !strings.HasSuffix(f.Name, "-file") {
						t.Errorf("%s has --%s", leaf.FullPath(), f.Name)
					}
				}
			}
		}
	}
}

// Text that others chose cannot steer a terminal.
func TestPlain(t *testing.T) {
	if got := plain("a\x1b[31mb\u202ec\r\nd"); got != "a·[31mb·c··d" {
		t.Errorf("%q", got)
	}
}
