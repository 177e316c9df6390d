package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"sallyport/internal/bench"
)

// describe tells on what machine the figures came about.
func describe(ctx context.Context, c *bench.Cluster) ([]string, error) {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return nil, err
	}
	out := []string{
		"Measured on " + time.Now().UTC().Format("2006-01-02 15:04") + " UTC.",
		fmt.Sprintf("%d cores of %s, Linux %s, %s.", runtime.NumCPU(), processor(), strings.TrimSpace(string(kernel)), runtime.Version()),
		"Server, database and generator share the cores.",
	}
	if c != nil {
		admin, err := sql.Open("pgx", c.DSN("postgres"))
		if err != nil {
			return nil, err
		}
		defer admin.Close()
		var version string
		if err := admin.QueryRowContext(ctx, "SHOW server_version").Scan(&version); err != nil {
			return nil, err
		}
		out = append(out, "PostgreSQL "+version+" with fsync on.")
	}
	return append(out, "Load when it began: "+loadAverage()+"."), nil
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

// loadAverage tells whether anything else ran: it is the kernel's count of
// processes that wanted a core, over 1, 5 and 15 minutes.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func write(w io.Writer, machine []string, rows []bench.Row) error {
	if _, err := fmt.Fprintln(w, strings.Join(machine, "\n")+"\n"); err != nil {
		return err
	}
	return bench.Print(w, rows)
}

const (
	tableBegins = "<!-- the last run -->\n"
	tableEnds   = "<!-- end of the last run -->\n"
)

// keepTable puts the table between the two marks of the file.
func keepTable(path string, machine []string, rows []bench.Row) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	_, after, also := strings.Cut(rest, tableEnds)
	if !ok || !also {
		return fmt.Errorf("%s has no place for the table", path)
	}
	var table bytes.Buffer
	if err := write(&table, machine, rows); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+tableBegins+"\n"+table.String()+"\n"+tableEnds+after), 0o644)
}
