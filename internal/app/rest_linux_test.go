package app

import (
	"os"
	"strings"
	"testing"
)

// After the code was given back the program goes on as before, and holds less of it.
func TestDropStartCode(t *testing.T) {
	resident := func() (pages string) {
		own, err := os.Readlink("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		inside := false
		for line := range strings.SplitSeq(string(b), "\n") {
			if strings.Contains(line, "r-xp") {
				inside = strings.HasSuffix(line, own)
			}
			if word, size, ok := strings.Cut(line, ":"); ok && inside && word == "Rss" {
				return strings.TrimSpace(size)
			}
		}
		t.Fatal("the program's code is nowhere")
		return ""
	}
	before := resident()
	if err := dropStartCode(); err != nil {
		t.Fatal(err)
	}
	if after := resident(); len(after) > len(before) || len(after) == len(before) && after >= before {
		t.Errorf("%s of code before, %s after", before, after)
	}
}
