package docscheck

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/internal/testkit/need"
)

// unread are folders that are not the project's own text.
var unread = []string{".git", ".cache", "bin", "node_modules", "data"}

// files lists the repository's files, slash-separated, from its root.
func files(t *testing.T) (root string, names []string) {
	t.Helper()
	root = need.Root(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(unread, name) || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.Contains(unread, name) { // a worktree has a file or a link there
			return nil
		}
		names = append(names, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 50 {
		t.Fatalf("only %d files were found under %s", len(names), root)
	}
	return root, names
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func isText(s string) bool {
	return utf8.ValidString(s) && !bytes.ContainsRune([]byte(s[:min(len(s), 8000)]), 0)
}

// TestNothingNamesOneMachine keeps out paths that exist on one machine only and
// hosts that packages come from: which mirror a builder uses is their business.
func TestNothingNamesOneMachine(t *testing.T) {
	root, names := files(t)
	// Written in halves, or this file would find itself.
	banned := []string{
		"/wo" + "rk/", "/ho" + "me/", "/Use" + "rs/",
		"registry.npm" + "js.org", "npm" + "js.com", "proxy.go" + "lang.org", "sum.go" + "lang.org", "deb.deb" + "ian.org", "py" + "pi.org", "crates" + ".io", "hub.dock" + "er.com",
	}
	unfinished := regexp.MustCompile(`(//|/\*|--|#|\{#).*\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for _, name := range names {
		text := read(t, root, name)
		if !isText(text) {
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			for _, b := range banned {
				if strings.Contains(line, b) {
					t.Errorf("%s:%d names %q", name, i+1, b)
				}
			}
			if unfinished.MatchString(line) && !strings.Contains(name, "/testdata/") {
				t.Errorf("%s:%d is unfinished: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// TestEveryPackageSaysWhatItIs: a newcomer finds a few lines about each room.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	root, names := files(t)
	shipped := map[string]bool{}
	for _, name := range names {
		if strings.HasPrefix(name, "internal/") && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.Contains(name, "/testdata/") {
			dir := name[:strings.LastIndex(name, "/")]
			text := "\n" + read(t, root, name)
			said := strings.Contains(text, "\n// Package ") || strings.Contains(text, "\n// Command ")
			shipped[dir] = shipped[dir] || said
		}
	}
	for dir, said := range shipped {
		// sqlc writes this one whole.
		if !said && dir != "internal/store/sqlstore/db" {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
