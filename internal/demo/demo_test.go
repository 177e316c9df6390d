package demo

import (
	"strings"
	"testing"
)

func TestTheBarIsEmptyAndFullOnlyAtItsEnds(t *testing.T) {
	for _, c := range []struct {
		done, of int
		want     string
	}{{0, 41, "░░░░░░░░░░"}, {1, 41, "█░░░░░░░░░"}, {4, 41, "█░░░░░░░░░"}, {21, 41, "█████░░░░░"}, {40, 41, "█████████░"}, {41, 41, "██████████"}, {0, 0, "░░░░░░░░░░"}} {
		if got := cells(c.done, c.of); got != c.want {
			t.Errorf("%d of %d: %s, want %s", c.done, c.of, got, c.want)
		}
	}
}

func TestLongProofsAreFolded(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("Bäckerei Huber → ", 20))
	lines := strings.Split(folded(text), "\n")
	for i, l := range lines {
		if i > 0 {
			if !strings.HasPrefix(l, strings.Repeat(" ", 39)) {
				t.Errorf("line %d does not stand below the first: %q", i, l)
			}
			l = l[39:]
		}
		if n := len([]rune(l)); n > 90 || n == 0 || strings.TrimSpace(l) != l {
			t.Errorf("line %d has %d characters: %q", i, n, l)
		}
		lines[i] = l
	}
	if len(lines) < 2 || strings.Join(lines, " ") != text {
		t.Errorf("words were lost: %q", lines)
	}
	if folded("short") != "short" {
		t.Error("what is short was folded")
	}
}

// Nobody is counted twice, and no two people have the same name or password.
func TestEverybodyIsSomebody(t *testing.T) {
	if len(bakers)+len(branch) != atHuber {
		t.Errorf("%d people at the bakery, not %d", len(bakers)+len(branch), atHuber)
	}
	if len(loaves)*len(places) < atHuber {
		t.Error("there are fewer passwords than people")
	}
	seen := map[string]bool{}
	for _, name := range append(append([]string{}, bakers...), branch...) {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
	for name := range staff {
		if !seen[name] {
			t.Errorf("%s has a role and is nobody", name)
		}
	}
}
