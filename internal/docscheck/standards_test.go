package docscheck

import (
	"regexp"
	"strings"
	"testing"
)

var (
	standard = regexp.MustCompile(`\b(?:N|A|W|T|B|DS|O|C|L|S|D)-[0-9]{2}\b`)
	testName = regexp.MustCompile(`\bTest[A-Z]\w*`)
	// commented is a test with the lines that stand before it.
	commented = regexp.MustCompile(`(?m)((?:^//.*\n)*)^func (Test[A-Z]\w*)\(`)
)

// TestStandardsAreHeldByTestsThatNameThem: each row of docs/standards.md names
// tests that exist, and one of them names the row, in its name or beside it.
func TestStandardsAreHeldByTestsThatNameThem(t *testing.T) {
	root, names := files(t)
	said := map[string]string{}
	for _, n := range names {
		if !strings.HasSuffix(n, "_test.go") {
			continue
		}
		text := read(t, root, n)
		for _, at := range commented.FindAllStringSubmatchIndex(text, -1) {
			body, _, _ := strings.Cut(text[at[1]:], "\n}\n")
			said[text[at[4]:at[5]]] += text[at[0]:at[1]] + body
		}
	}
	rows := 0
	for _, line := range strings.Split(read(t, root, "docs/standards.md"), "\n") {
		cells := strings.Split(line, " | ")
		ids := standard.FindAllString(cells[0], -1)
		if !strings.HasPrefix(line, "| ") || len(ids) == 0 {
			continue
		}
		tests := testName.FindAllString(cells[len(cells)-1], -1)
		for _, name := range tests {
			if _, ok := said[name]; !ok {
				t.Errorf("%s names %s, which is no test", strings.Join(ids, ", "), name)
			}
		}
		for _, id := range ids {
			rows++
			named := false
			for _, name := range tests {
				named = named || strings.HasSuffix(name, strings.ReplaceAll(id, "-", "")) || strings.Contains(said[name], id)
			}
			if !named {
				t.Errorf("%s is named by none of its tests %v", id, tests)
			}
		}
	}
	if rows < 80 {
		t.Errorf("only %d rows were found: this test looks in the wrong place", rows)
	}
}
