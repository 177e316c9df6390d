package docscheck

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// made are names of files that the program or a builder makes; documents speak
// of them, the repository does not hold them.
var made = []string{"sallyport.yaml", "data.key", "store.db", "axe.min.js", "openapi.json", "people.json", "mail.json", "jwks.json"}

var (
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	linked    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	extension = regexp.MustCompile(`\.(go|md|toml|sql|templ|yaml|css|js|svg|png|mod|sum|tmpl)$`)
)

// TestDocumentsNameFilesThatExist finds names of files between backquotes and
// behind links.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	root, names := files(t)
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
		return err == nil
	}
	top := map[string]bool{}
	for _, n := range names {
		if first, _, inFolder := strings.Cut(n, "/"); inFolder {
			top[first] = true
		}
	}
	checked := 0
	for _, doc := range names {
		if !strings.HasSuffix(doc, ".md") {
			continue
		}
		text := read(t, root, doc)
		at := path.Dir(doc)
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			checked++
			if !exists(path.Join(at, target)) {
				t.Errorf("%s links to %s, which is not there", doc, m[1])
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			word := strings.TrimSuffix(m[1], "/")
			first, _, inFolder := strings.Cut(word, "/")
			switch {
			case strings.ContainsAny(word, " *<>{}…$=|:,") || strings.Contains(word, "NNNN") || strings.HasPrefix(word, "/") || slices.Contains(made, path.Base(word)):
				continue
			case inFolder && top[first]:
			case extension.MatchString(word):
			default:
				continue // not a file's name
			}
			checked++
			if !exists(word) && !exists(path.Join("internal", word)) && !exists(path.Join(at, word)) && !slices.ContainsFunc(names, func(n string) bool { return !inFolder && path.Base(n) == word }) {
				t.Errorf("%s names %s, which is not there", doc, m[1])
			}
		}
	}
	if checked == 0 {
		t.Error("no document names any file; the patterns must be wrong")
	}
}

var (
	counts = regexp.MustCompile(`AIR (\d+), CAL (\d+), ACR (\d+), WBX (\d+)`)
	row    = regexp.MustCompile(`^\| ([A-Z]{3})-(\d{2}) \| ([^|]+) \| ([a-z]+) \|([^|]*)\|$`)
	tests  = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]*)\(`)
)

// TestFeaturesAreWholeAndNameTestsThatExist reads docs/features.md.
func TestFeaturesAreWholeAndNameTestsThatExist(t *testing.T) {
	root, names := files(t)
	known := map[string]bool{}
	for _, n := range names {
		if strings.HasSuffix(n, "_test.go") {
			for _, m := range tests.FindAllStringSubmatch(read(t, root, n), -1) {
				known[m[1]] = true
			}
		}
	}
	for _, problem := range checkFeatures(read(t, root, "docs/features.md"), known) {
		t.Error(problem)
	}
}

// TestFeatureCheckFindsFaults holds the check itself to what it promises.
func TestFeatureCheckFindsFaults(t *testing.T) {
	known := map[string]bool{"TestA": true}
	head := "Rows: AIR 1, CAL 2, ACR 0, WBX 0.\n"
	good := head + "| AIR-01 | x | context | |\n| CAL-01 | x | done | TestA |\n| CAL-02 | x | no | |\n"
	if p := checkFeatures(good, known); len(p) != 0 {
		t.Errorf("a right list is refused: %v", p)
	}
	for name, text := range map[string]string{
		"no counts":       strings.TrimPrefix(good, head),
		"a gap":           strings.Replace(good, "CAL-01", "CAL-03", 1),
		"too few":         strings.Replace(good, "| CAL-02 | x | no | |\n", "", 1),
		"too many":        good + "| CAL-03 | x | no | |\n",
		"twice":           good + "| CAL-02 | x | no | |\n",
		"an unknown test": strings.Replace(good, "TestA", "TestB", 1),
		"done by nothing": strings.Replace(good, "TestA ", "", 1),
		"partly nothing":  strings.Replace(good, "done | TestA ", "partly | ", 1),
		"unknown state":   strings.Replace(good, "done", "almost", 1),
		"a broken line":   good + "| CAL-02 | x |\n",
	} {
		if len(checkFeatures(text, known)) == 0 {
			t.Errorf("%s is not noticed", name)
		}
	}
}
