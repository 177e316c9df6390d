package docscheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/internal/testkit/need"
)

// TestPagesAreGeneratedFromTheirSources makes all pages anew in a scratch folder
// and compares them with those that are committed. (What sqlc makes is compared
// beside it, in store/sqlstore.)
func TestPagesAreGeneratedFromTheirSources(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	root, names := files(t)
	scratch := t.TempDir()
	sources := 0
	for _, name := range names {
		if strings.HasSuffix(name, ".templ") {
			sources++
			to := filepath.Join(scratch, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, []byte(read(t, root, name)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if sources == 0 {
		t.Fatal("there are no pages")
	}
	tool := exec.Command("go", "tool", "-modfile="+filepath.Join(root, "tools.mod"), "-n", "templ")
	tool.Dir = root
	where, err := tool.Output()
	if err != nil {
		t.Logf("go tool templ: %v", err)
		need.Missing(t, "templ, as tools.mod names it,")
	}
	generate := exec.Command(strings.TrimSpace(string(where)), "generate", "-path", scratch)
	generate.Dir = scratch
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("templ generate: %v\n%s", err, out)
	}
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, ".templ"):
			made := strings.TrimSuffix(name, ".templ") + "_templ.go"
			fresh := read(t, scratch, made)
			if committed, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(made))); err != nil || string(committed) != fresh {
				t.Errorf("%s is not what %s makes; run `make generate`", made, name)
			}
		case strings.HasSuffix(name, "_templ.go"):
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(strings.TrimSuffix(name, "_templ.go")+".templ"))); err != nil {
				t.Errorf("%s has lost its source", name)
			}
		}
	}
}
