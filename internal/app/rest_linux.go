package app

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropStartCode takes the program's code and constants out of this process's
// memory; what is used from now on comes back from the system's file cache at a
// touch, 64 KiB at a time. Reading configuration, catalogs and migrations touches
// most of a large program, and little of that is needed again. Neither is ever
// written to, so nothing can be lost.
func dropStartCode() error {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Text()
		var from, to uintptr
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || (mode != "r-xp" && mode != "r--p") || !strings.HasSuffix(line, " "+own) {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); errno != 0 {
			return errno
		}
	}
	return nil
}
