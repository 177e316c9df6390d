// Command run measures Sallyport and prints the table (make bench).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"sallyport/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	child := flag.String("child", "", "part of the work that needs a process of its own")
	dir := flag.String("dir", "", "folder of a child")
	binary := flag.String("binary", "", "the program to measure; empty builds it")
	small := flag.Int("small", 1000, "people in the small stores")
	large := flag.Int("large", 100_000, "people in the large stores; 0 leaves them out")
	huge := flag.Int("huge", 0, "people in the largest stores, among 10,000 tenants; 0 leaves them out")
	pg := flag.Bool("postgres", true, "measure on PostgreSQL too")
	only := flag.String("only", "", "parts to run, with commas: statements, steps, sign-ins, checks, proxied, tokens, storm, memory, imports, sizes, switch")
	keep := flag.Bool("keep", false, "write the table into docs/performance.md")
	flag.Parse()
	switch *child {
	case "":
	case "bare":
		return bench.Bare()
	case "count":
		return bench.CountSQLite(ctx, *dir)
	default:
		return fmt.Errorf("unknown child %q", *child)
	}

	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0fs  "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
	}
	work, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	b := &bench.Bench{Dir: work, Binary: *binary, Small: *small, Large: *large, Huge: *huge, Say: say}
	if *only != "" {
		b.Only = strings.Split(*only, ",")
	}
	if b.Binary != "" {
		// The server runs in a folder of its own.
		if b.Binary, err = filepath.Abs(b.Binary); err != nil {
			return err
		}
	} else {
		b.Binary = filepath.Join(work, "sallyport")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.Binary, "./cmd/sallyport")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build the program: %w", err)
		}
	}
	if *pg {
		cluster, end, err := startCluster(ctx)
		if err != nil {
			return err
		}
		defer end()
		b.Cluster = cluster
	}
	machine, err := describe(ctx, b.Cluster)
	if err != nil {
		return err
	}
	rows, err := b.Run(ctx)
	if err != nil {
		return err
	}
	machine = append(machine, fmt.Sprintf("The whole run took %.0f s.", time.Since(began).Seconds()), "Load when it ended: "+loadAverage()+".")
	if *keep {
		return keepTable("docs/performance.md", machine, rows)
	}
	return write(os.Stdout, machine, rows)
}
