package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockName is the file in a data folder that is locked.
const lockName = "lock"

// ErrHeld says that another process holds the data folder.
type ErrHeld struct{ By string }

func (e ErrHeld) Error() string {
	return fmt.Sprintf("the data folder is in use by %s", e.By)
}

// lock takes a data folder for this process. The kernel gives it back when the
// process ends, however it ends.
func lock(dir, who string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b := make([]byte, 200)
		n, _ := f.Read(b)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			by := strings.TrimSpace(string(b[:n]))
			if by == "" {
				by = "another process"
			}
			return nil, ErrHeld{by}
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	note := fmt.Sprintf("%s, process %d\n", who, os.Getpid())
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(note), 0)
		if err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EROFS) {
			_ = f.Close()
			return nil, fmt.Errorf("lock the data folder: %w", err)
		}
	}
	sweepScratch(dir)
	return func() { _ = f.Close() }, nil
}
