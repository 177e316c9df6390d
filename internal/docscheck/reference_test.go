package docscheck

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/audit"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// section is what stands under a heading of a document, up to the next of the
// same rank.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut("\n"+text, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("no section %q", heading)
	}
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

var word = regexp.MustCompile("`([^`]+)`")

// firstColumn lists what stands between backquotes in the first cell of each
// row of a section's tables.
func firstColumn(part string) (names []string) {
	for _, line := range strings.Split(part, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.HasPrefix(line, "| ") {
			for _, m := range word.FindAllStringSubmatch(cells[1], -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// sameNames says which names a reference lacks and which it made up.
func sameNames(t *testing.T, doc string, said, are []string) {
	t.Helper()
	if len(are) == 0 {
		t.Fatalf("%s: there is nothing to compare with", doc)
	}
	for i, name := range said {
		if !slices.Contains(are, name) {
			t.Errorf("%s names %q, which there is not", doc, name)
		}
		if slices.Contains(said[:i], name) {
			t.Errorf("%s names %q twice", doc, name)
		}
	}
	for _, name := range are {
		if !slices.Contains(said, name) {
			t.Errorf("%s does not name %q", doc, name)
		}
	}
}

// TestEventsReferenceIsWhole: each audit event and each kind of mail has its row.
func TestEventsReferenceIsWhole(t *testing.T) {
	root, _ := files(t)
	text := read(t, root, "docs/events.md")
	sameNames(t, "docs/events.md, audit events", firstColumn(section(t, text, "Audit events")), audit.Names)
	var kinds []string
	for _, k := range core.MailKinds {
		kinds = append(kinds, string(k))
	}
	sameNames(t, "docs/events.md, mails", firstColumn(section(t, text, "Mails")), kinds)
}

// TestConfigurationReferenceIsWhole: each key has its row, with its default.
func TestConfigurationReferenceIsWhole(t *testing.T) {
	root, _ := files(t)
	part := section(t, read(t, root, "docs/operators.md"), "Configuration")
	var keys []string
	for _, f := range config.Fields() {
		keys = append(keys, f.Key)
		row := "| `" + f.Key + "`"
		if f.Secret {
			row += " *(secret)*"
		}
		if row += " | "; f.Default != "" {
			row += "`" + f.Default + "`"
		}
		if row += " | "; !strings.Contains(part, "\n"+row) {
			t.Errorf("docs/operators.md has no row that begins with %q", row)
		}
	}
	sameNames(t, "docs/operators.md, configuration", firstColumn(part), keys)
}

var (
	counters = regexp.MustCompile(`counter\("([a-z_]+)"`)
	metrics  = regexp.MustCompile(`"(sallyport_[a-z_]{3,})"`)
	logged   = regexp.MustCompile(`"event", "([a-z]+\.[a-z_]+)"`)
)

// TestMetricsAndLogReferenceIsWhole compares the names in the operator's guide
// with those in the sources.
func TestMetricsAndLogReferenceIsWhole(t *testing.T) {
	root, names := files(t)
	text := read(t, root, "docs/operators.md")

	var are []string
	source := read(t, root, "internal/app/metrics.go")
	for _, m := range counters.FindAllStringSubmatch(source, -1) {
		are = append(are, "sallyport_"+m[1])
	}
	for _, m := range metrics.FindAllStringSubmatch(source, -1) {
		are = append(are, m[1])
	}
	sameNames(t, "docs/operators.md, metrics", firstColumn(section(t, text, "Health and metrics")), are)

	// A mail's line is named for its state, and a request's is written by attributes.
	events := []string{"http.request", "mail." + core.MailSent, "mail." + core.MailFailed, "mail." + core.MailExpired}
	for _, name := range names {
		if !strings.HasPrefix(name, "internal/") || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "internal/testkit/") || strings.HasPrefix(name, "internal/store/storetest/") {
			continue
		}
		for _, m := range logged.FindAllStringSubmatch(read(t, root, name), -1) {
			if !slices.Contains(events, m[1]) {
				events = append(events, m[1])
			}
		}
	}
	sameNames(t, "docs/operators.md, log events", firstColumn(section(t, text, "Logs")), events)
}

// TestSettingsReferenceIsWhole: each key has its row, with its default, and says
// whether it can be locked.
func TestSettingsReferenceIsWhole(t *testing.T) {
	root, _ := files(t)
	part := section(t, read(t, root, "docs/settings.md"), "Keys")
	all, err := json.Marshal(core.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(part, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.HasPrefix(line, "| `") {
			continue
		}
		key := word.FindStringSubmatch(cells[1])[1]
		if want := "`" + string(core.SettingsDoc(all).Value(key)) + "`"; strings.TrimSpace(cells[3]) != want {
			t.Errorf("docs/settings.md: %s has the default %s, not %s", key, want, cells[3])
		}
		if want := map[bool]string{true: "yes", false: "no"}[policy.Lockable(key)]; strings.TrimSpace(cells[5]) != want {
			t.Errorf("docs/settings.md: lock of %s is %s, not %s", key, want, cells[5])
		}
	}
	sameNames(t, "docs/settings.md, keys", firstColumn(part), core.SettingKeys)
	for _, k := range core.LaterKeys {
		if !strings.Contains(part, "`"+k+"`") {
			t.Errorf("docs/settings.md does not say that %s comes later", k)
		}
	}
}
