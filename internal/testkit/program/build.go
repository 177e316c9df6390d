package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"sallyport/internal/testkit/need"
)

// build makes the binary once. It lies in a folder of the process, not of a
// test, because several tests use it; the system's temporary folder is emptied
// by whoever owns it.
var build = sync.OnceValues(func() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	// A fixed place lets `go build` see that nothing changed since the last run.
	out := filepath.Join(root, "bin", "test", "sallyport")
	cmd := exec.Command("go", "build", "-o", out, "./cmd/sallyport")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sallyport: %v\n%s", err, text)
	}
	return out, nil
})

func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// Binary is the path of the built program.
func Binary(t testing.TB) string {
	t.Helper()
	need.Tool(t, "go")
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
