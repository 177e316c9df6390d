// Package need decides what becomes of a test whose tool is not on the machine:
// it is skipped and says so, but with CI=true it fails, so that a check can
// never vanish unseen. It also knows where the repository begins.
//
// It is used by tests and by the other packages of testkit only.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// CI reports whether a missing tool is a failure.
func CI() bool { return os.Getenv("CI") == "true" }

// Missing ends the test for want of something.
func Missing(t testing.TB, what string) {
	t.Helper()
	if CI() {
		t.Fatalf("%s is missing, and with CI=true that is a failure; `make deps` installs it", what)
	}
	t.Skipf("skipped: %s is missing; `make deps` installs it", what)
}

// Tool finds the first of the named programs, on the path and in the folders of
// system programs, which are not on everybody's path.
func Tool(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path
			}
		}
	}
	Missing(t, names[0])
	return ""
}

// Root is the folder of go.mod, above the package under test.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
