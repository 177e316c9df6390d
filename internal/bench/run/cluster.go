package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver for making databases

	"sallyport/internal/bench"
	"sallyport/internal/testkit/pgtest"
)

// keeper lets pgtest start a cluster outside of a test: it collects what is to
// be given back, and a failure ends the goroutine as it would end a test's.
type keeper struct {
	testing.TB
	back []func()
	why  string
}

func (k *keeper) Helper()           {}
func (k *keeper) Cleanup(fn func()) { k.back = append(k.back, fn) }
func (k *keeper) Fatal(args ...any) { k.why = fmt.Sprint(args...); runtime.Goexit() }
func (k *keeper) Skipf(format string, args ...any) {
	k.Fatalf(format, args...)
}
func (k *keeper) Fatalf(format string, args ...any) {
	k.why = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (k *keeper) end() {
	for i := len(k.back) - 1; i >= 0; i-- {
		k.back[i]()
	}
}

// startCluster starts a PostgreSQL of our own.
func startCluster(ctx context.Context) (*bench.Cluster, func(), error) {
	k := &keeper{}
	var server *pgtest.Server
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Room for the largest store, so that it is the statements that are measured
		// and not the disk of the day.
		server = pgtest.Start(k, "log_line_prefix="+bench.LogPrefix, "shared_buffers=256MB", "max_wal_size=1GB")
	}()
	<-done
	if k.why != "" {
		k.end()
		return nil, nil, fmt.Errorf("PostgreSQL: %s (leave it out with ARGS=-postgres=false)", k.why)
	}
	admin, err := sql.Open("pgx", server.DSN("postgres"))
	if err != nil {
		k.end()
		return nil, nil, err
	}
	end := func() { _ = admin.Close(); k.end() }
	var data string
	if err := admin.QueryRowContext(ctx, "SHOW data_directory").Scan(&data); err != nil {
		end()
		return nil, nil, err
	}
	// The first line of this file is the id of the process that answers connections.
	file, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		end()
		return nil, nil, err
	}
	first, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("postmaster.pid: %w", err)
	}
	return &bench.Cluster{DSN: server.DSN, PID: pid, Log: filepath.Join(filepath.Dir(data), "log"), Create: func(ctx context.Context, database string) error {
		_, err := admin.ExecContext(ctx, "CREATE DATABASE "+database)
		return err
	}}, end, nil
}
