package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"sallyport/internal/console"
	"sallyport/internal/core"
)

// inBrowser marks what has a meaning in a signed-in browser only: to act as another
// organisation's administrator is to hold such a session, and the shell holds none.
const inBrowser = "in a browser only"

// deeds say by which verbs the shell does what a page of the console does. A page
// that is not in here has none, and a verb that the grammar does not have is none.
var deeds = map[string][]string{
	"GET /admin":             {"mfa list"},
	"GET /admin/{$}":         {"mfa list", "audit list"},
	"GET /admin/tenants":     {"tenant list", "tenant tree"},
	"GET /admin/tenants/new": {"tenant create"}, "POST /admin/tenants/new": {"tenant create", "tenant first-administrator"},
	"GET T": {"tenant show"},

	"T/rename": {"tenant rename"}, "T/move": {"tenant move"}, "T/convert": {"tenant convert"}, "T/suspend": {"tenant suspend"}, "T/resume": {"tenant resume"},
	"T/delete": {"tenant delete"}, "T/restore": {"tenant restore"}, "T/sign-out": {"tenant sessions end"}, "T/support-open": {"tenant support open"},
	"T/support-close": {"tenant support close"},

	"GET T/security": {"mfa status", "policy show"}, "GET T/security/enable": {"mfa what-if", "mfa enable"}, "POST T/security/enable": {"mfa enable"},
	"GET T/security/disable": {"mfa what-if", "mfa disable"}, "POST T/security/disable": {"mfa disable"},
	"T/security/settings": {"policy show", "policy set", "policy apply"}, "GET T/security/locks": {"policy locks show"}, "POST T/security/locks": {"policy locks set"},
	"GET T/security/template": {"policy template show"}, "POST T/security/template": {"policy template set"}, "GET T/security/presets": {"policy preset list"},
	"GET T/security/presets/{preset}": {"policy preset show", "policy compare"}, "POST T/security/presets/{preset}": {"policy preset apply"},

	"GET T/users": {"user list"}, "T/users/invite": {"user invite", "tenant first-administrator"},
	"T/users/bulk":                  {"user list", "user invite", "user unlock", "user untrust", "user reset-mfa", "user disable", "user enable"},
	"GET T/service-accounts":        {"service-account list", "service-account show"},
	"T/service-accounts/new":        {"service-account create"},
	"GET T/security/apps":           {"mfa apps list", "mfa apps require", "mfa apps release"},
	"POST T/security/apps":          {"mfa apps require", "mfa apps release"},
	"GET T/apps":                    {"app list"},
	"T/apps/new":                    {"app create"},
	"GET A":                         {"app show"},
	"A/edit":                        {"app change"},
	"A/rotate":                      {"app rotate"},
	"A/retire":                      {"app retire"},
	"A/disable":                     {"app change"},
	"A/enable":                      {"app change"},
	"A/delete":                      {"app delete"},
	"A/test":                        {inBrowser}, // it is a sign-in
	"POST U/apps":                   {"user apps list", "user apps end"},
	"GET T/roles":                   {"role list", "role holders", "user roles list"},
	"T/roles/grant":                 {"user roles grant"},
	"T/roles/revoke":                {"user roles revoke"},
	"T/roles/new":                   {"role create"},
	"T/roles/{role}":                {"role change"},
	"POST T/roles/{role}/delete":    {"role delete"},
	"GET T/support":                 {"tenant support show"},
	"POST T/support/end":            {"tenant support end"},
	"T/act":                         {inBrowser},
	"POST /admin/acting/end":        {inBrowser},
	"GET T/audit":                   {"audit list", "audit tail", "audit export"},
	"GET /admin/policy":             {"policy explain"},
	"GET U":                         {"user show", "user sessions list", "user roles list"},
	"POST U/sessions":               {"user sessions end"},
	"POST U/browsers":               {"user untrust"},
	"U/unlock":                      {"user unlock"},
	"U/reinvite":                    {"user invite"},
	"U/pass":                        {"user pass"},
	"U/reset-trusted-browsers":      {"user untrust"},
	"U/reset-mfa":                   {"user reset-mfa"},
	"U/end-sessions":                {"user sessions end"},
	"U/to-service-account":          {"user convert"},
	"U/to-regular":                  {"service-account convert"},
	"U/edit":                        {"user change"},
	"U/move":                        {"user move"},
	"U/disable":                     {"user disable"},
	"U/enable":                      {"user enable"},
	"U/delete":                      {"user delete", "service-account delete"},
	"U/service-account":             {"service-account change"},
	"GET T/api-clients":             {"api-client list"},
	"T/api-clients/new":             {"api-client create", "service-account replace"},
	"GET T/api-clients/{client}":    {"api-client show"},
	"T/api-clients/{client}/change": {"api-client change"},
	"T/api-clients/{client}/rotate": {"api-client rotate"},
	"T/api-clients/{client}/stop":   {"api-client change"},
	"T/api-clients/{client}/start":  {"api-client change"},
	"T/api-clients/{client}/delete": {"api-client delete"},
}

// asks are the fields and filters of pages by the flags or words of their verb.
var asks = map[string][]string{
	"tenant list":            {"under", "name", "kind", "mode", "state", "requirement"},
	"tenant create":          {"parent", "kind", "mode", "name", "managed-by", "trial-days"},
	"tenant rename":          {"tenant", "new-name"},
	"tenant move":            {"to"},
	"tenant delete":          {"confirm"},
	"mfa enable":             {"requirement"},
	"mfa disable":            {"confirm"},
	"user list":              {"tenant", "status", "search", "format"},
	"user invite":            {"email", "login", "name", "locale", "role"},
	"user change":            {"name", "email", "locale"},
	"user move":              {"to"},
	"user pass":              {"for"},
	"user untrust":           {"browser"},
	"user sessions end":      {"session"},
	"user convert":           {"owner", "reason", "network", "expires"},
	"service-account create": {"login", "name", "email", "owner", "reason", "network", "expires"},
	"service-account change": {"owner", "reason", "network", "expires"},
	"role create":            {"name", "base", "right"},
	"role change":            {"name", "right"},
	"user roles grant":       {"login", "role", "on"},
	"audit list":             {"tenant", "about", "event", "result", "since", "format"},
	"app create":             {"name", "tenant", "public", "redirect-uri", "logout-uri", "backchannel-uri", "grant", "scope", "resource", "consent", "level", "for", "access-life", "refresh-life", "alg", "keys", "without-pkce"},
	"app change":             {"name", "state", "redirect-uri", "level", "with-pkce"},
	"app rotate":             {"overlap"},
	"policy explain":         {"user", "app", "address", "known-browser", "trusted-browser", "at"},
}

// Everything that the console does has a verb.
func TestEveryDeedOfTheConsoleHasAVerb(t *testing.T) {
	verbs := map[string]*kong.Node{}
	for _, leaf := range leaves(t) {
		verbs[verbOf(leaf)] = leaf
	}
	met := map[string]bool{}
	for _, r := range (&console.Handler{}).Routes() {
		pattern := r.Pattern
		for long, short := range map[string]string{"/admin/tenants/{tenant}": "T", "/admin/users/{user}": "U", "/admin/apps/{app}": "A"} {
			pattern = strings.Replace(pattern, long, short, 1)
		}
		_, page, _ := strings.Cut(pattern, " ")
		by, known := deeds[pattern]
		if !known {
			by, known = deeds[page]
			pattern = page
		}
		if !known || len(by) == 0 {
			t.Errorf("%s: there is no verb for it", r.Pattern)
		}
		met[pattern] = true
	}
	for pattern, by := range deeds {
		if !met[pattern] {
			t.Errorf("%s is no page of the console", pattern)
		}
		for _, verb := range by {
			if verbs[verb] == nil && verb != inBrowser {
				t.Errorf("%s: there is no verb %q", pattern, verb)
			}
		}
	}
	for _, d := range slices.Concat(words(console.TenantDeeds, "T/"), words(console.PersonDeeds, "U/"), words(console.AppDeeds, "A/")) {
		if len(deeds[d]) == 0 {
			t.Errorf("the deed %s has no verb", d)
		}
	}
	for verb, flags := range asks {
		for _, name := range flags {
			if verbs[verb] == nil || !takes(verbs[verb], name) {
				t.Errorf("%s takes no %s", verb, name)
			}
		}
	}
	// What filters choose from is the same.
	for _, c := range []struct {
		verb, flag string
		values     []string
	}{
		{"user list", "status", words(console.Statuses, "")},
		{"tenant list", "requirement", console.RequirementFilters},
		{"tenant list", "kind", words(core.TenantKinds, "")},
	} {
		for _, group := range verbs[c.verb].AllFlags(true) {
			for _, f := range group {
				for _, v := range c.values {
					if f.Name == c.flag && !slices.Contains(strings.Split(f.Enum, ","), v) {
						t.Errorf("%s --%s does not take %s", c.verb, c.flag, v)
					}
				}
			}
		}
	}
}

func words[T ~string](list []T, before string) (out []string) {
	for _, w := range list {
		out = append(out, before+string(w))
	}
	return out
}

func takes(leaf *kong.Node, name string) bool {
	for _, group := range leaf.AllFlags(true) {
		if slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == name }) {
			return true
		}
	}
	return slices.ContainsFunc(leaf.Positional, func(p *kong.Positional) bool { return p.Name == name })
}

// Every verb of those nouns is part of a story that is run.
func TestEveryVerbHasAStory(t *testing.T) {
	var told strings.Builder
	for _, glob := range []string{"testdata/script/*.txt", "testdata/postgres/*.txt", "testdata/console/*.txt"} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatal(glob, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			told.Write(b)
		}
	}
	for _, leaf := range leaves(t) {
		path := "sallyport " + verbOf(leaf)
		noun := strings.Fields(path)[1]
		if slices.Contains([]string{"tenant", "mfa", "user", "role", "service-account", "api-client", "policy", "audit"}, noun) && !regexp.MustCompile(path+`(\s|$)`).MatchString(told.String()) {
			t.Errorf("%s stands in no story", path)
		}
	}
}
