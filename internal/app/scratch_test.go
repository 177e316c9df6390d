package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What a killed process left is a copy of the store in clear. It goes, and
// nothing else does: not what somebody is at work in, and not what only has our
// name.
func TestOnlyOwnScratchThatNobodyHoldsIsSwept(t *testing.T) {
	dir := t.TempDir()
	names := func() (out []string) {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			out = append(out, e.Name())
		}
		return out
	}
	make := func() *scratchFolder {
		t.Helper()
		s, err := makeScratch(dir, "backup")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.Path, "copy"), []byte("names"), 0o600); err != nil {
			t.Fatal(err)
		}
		return s
	}
	killed := make()
	_ = killed.held.Close() // as the kernel does
	working := make()
	if _, err := os.Stat(killed.Path); err == nil {
		t.Error("what was left is still there beside a new one")
	}
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "theirs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := []string{".sallyport-backup-file", ".sallyport-backup-link", ".sallyport-backup-open", "backup-1"}
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, foreign[0]), nil, 0o600),
		os.Symlink(elsewhere, filepath.Join(dir, foreign[1])),
		os.Mkdir(filepath.Join(dir, foreign[2]), 0o755),
		os.Chmod(filepath.Join(dir, foreign[2]), 0o755),
		os.Mkdir(filepath.Join(dir, foreign[3]), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		foreign = append(foreign, ".sallyport-backup-other")
		path := filepath.Join(dir, foreign[4])
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	sweepScratch(dir)
	want := append(foreign, filepath.Base(working.Path))
	slices.Sort(want)
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "theirs")); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
	working.Remove()
	if slices.Contains(names(), filepath.Base(working.Path)) {
		t.Error("it stays when the work is done")
	}
}
