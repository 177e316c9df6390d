package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc. The kernel shows hundredths of a second
// to every program, whatever it counts in itself.
const tick = 10 * time.Millisecond

// stat is a line of /proc/<pid>/stat, as far as it matters here.
type stat struct {
	parent int
	own    time.Duration // user and system time
	reaped time.Duration // the same of children that have ended
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(b))
}

func parseStat(line string) (stat, error) {
	// The name may hold anything, brackets and spaces too; what counts comes after.
	_, rest, ok := strings.Cut(line, "(")
	at := strings.LastIndex(rest, ")")
	if !ok || at < 0 {
		return stat{}, errors.New("/proc stat: no name in brackets")
	}
	f := strings.Fields(rest[at+1:])
	if len(f) < 15 {
		return stat{}, errors.New("/proc stat: too few fields")
	}
	var n [5]int64
	for i, field := range []string{f[1], f[11], f[12], f[13], f[14]} {
		v, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("/proc stat: %w", err)
		}
		n[i] = v
	}
	return stat{parent: int(n[0]), own: time.Duration(n[1]+n[2]) * tick, reaped: time.Duration(n[3]+n[4]) * tick}, nil
}

// treeCPU is the CPU time of a process, its children, and those of its children
// that have ended.
func treeCPU(root int) (time.Duration, error) {
	s, err := readStat(root)
	if err != nil {
		return 0, err
	}
	sum := s.own + s.reaped
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if err != nil {
			continue
		}
		c, err := readStat(pid)
		if errors.Is(err, fs.ErrNotExist) || err == nil && c.parent != root {
			continue
		}
		if err == nil {
			sum += c.own
		}
	}
	return sum, nil
}

// resident is the memory of a process that lies in RAM, in bytes.
func resident(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		name, value, _ := strings.Cut(scan.Text(), ":")
		if name != "VmRSS" {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		return kib << 10, err
	}
	return 0, errors.Join(errors.New("/proc status: no VmRSS"), scan.Err())
}
