package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// scratch begins the names of folders for copies on their way. Most of them hold
// the store in clear for a while, so none may stay behind when its process is
// killed.
const scratch = ".sallyport-"

// scratchFolder is such a folder. It is locked while its process lives; the
// kernel gives the lock back however that ends.
type scratchFolder struct {
	Path string
	held *os.File
}

// makeScratch makes one in dir, for this user only, and first takes away what
// killed processes left there.
func makeScratch(dir, what string) (*scratchFolder, error) {
	sweepScratch(dir)
	for {
		path, err := os.MkdirTemp(dir, scratch+what+"-")
		if err != nil {
			return nil, err
		}
		s := &scratchFolder{Path: path}
		if s.held, _, err = hold(path); err == nil && s.ours() {
			return s, nil
		}
		s.Remove()
		// Somebody who tidies up took it in the moment before it was locked.
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, err
		}
	}
}

// ours reports whether what is locked still stands where it was made.
func (s *scratchFolder) ours() bool {
	locked, err := s.held.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(s.Path)
	return err == nil && os.SameFile(locked, there)
}

// Remove takes the folder away with all that is in it.
func (s *scratchFolder) Remove() {
	_ = os.RemoveAll(s.Path) // what stays is tried again by the next one
	_ = s.held.Close()       // nil when it was never locked, and that is well
}

// hold opens a folder and locks it; syscall.EWOULDBLOCK when another process has
// it. A file system may know no locks: work goes on there, unlocked, and nothing
// is tidied up.
func hold(path string) (f *os.File, locked bool, err error) {
	if f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0); err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, false, err
	}
	return f, err == nil, nil
}

// sweepScratch removes what killed processes of this user left in a folder: what
// has our name, is a folder of ours and is locked by nobody.
func sweepScratch(dir string) {
	left, err := os.ReadDir(dir)
	if err != nil {
		return // whoever works there says it better
	}
	for _, e := range left {
		info, err := e.Info()
		if err != nil || !info.IsDir() || !strings.HasPrefix(e.Name(), scratch) || !isOwn(info) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		f, locked, err := hold(path)
		if err != nil {
			continue
		}
		if locked {
			_ = os.RemoveAll(path)
		}
		_ = f.Close()
	}
}

func isOwn(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid() && info.Mode().Perm() == 0o700
}
