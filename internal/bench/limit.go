package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the bare commit
	"golang.org/x/crypto/argon2"
	_ "modernc.org/sqlite" // likewise

	"sallyport/internal/secret/argon"
)

// ownCPU is the CPU time that this process has used.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// hashRate runs a hash on all cores for a while.
func hashRate(d time.Duration, each func() func()) float64 {
	var n atomic.Int64
	var wait sync.WaitGroup
	start := time.Now()
	for range runtime.NumCPU() {
		wait.Add(1)
		go func() {
			defer wait.Done()
			hash := each()
			for time.Since(start) < d {
				hash()
				n.Add(1)
			}
		}()
	}
	wait.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

var benchSalt = []byte("sixteen bytes ok")

// libraryHash is Argon2id as everybody else has it: golang.org/x/crypto.
func libraryHash(c cost) func() func() {
	return func() func() {
		return func() { argon2.IDKey([]byte(passphrase), benchSalt, uint32(c.time), uint32(c.memoryKiB), 1, 32) }
	}
}

// ownHash is the same with the product's own code.
func ownHash(c cost) func() func() {
	return func() func() {
		var s argon.Scratch
		return func() {
			s.Key([]byte(passphrase), benchSalt, nil, nil, uint32(c.time), uint32(c.memoryKiB), 1, 32)
		}
	}
}

// hashCPU is the CPU time of one bare hash.
func hashCPU(c cost, n int) (time.Duration, error) {
	hash := ownHash(c)()
	hash()
	before, err := ownCPU()
	if err != nil {
		return 0, err
	}
	for range n {
		hash()
	}
	after, err := ownCPU()
	return (after - before) / time.Duration(n), err
}

// commitCPU is the CPU time of one durable commit of one row, alone: on SQLite
// in this process, on PostgreSQL with the cluster's share.
func commitCPU(ctx context.Context, engine, where string, cluster func() (time.Duration, error)) (each time.Duration, rate float64, err error) {
	driver, dsn := "pgx", where
	if engine == "sqlite" {
		driver = "sqlite"
		dsn = "file:" + filepath.Join(where, "commit.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return 0, 0, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if _, err := pool.ExecContext(ctx, "CREATE TABLE bare (id bigint PRIMARY KEY, doc text NOT NULL)"); err != nil {
		return 0, 0, err
	}
	insert, err := pool.PrepareContext(ctx, "INSERT INTO bare (id, doc) VALUES ($1, $2)")
	if err != nil {
		return 0, 0, err
	}
	defer insert.Close()
	cpu := func() (time.Duration, error) {
		own, err := ownCPU()
		if err != nil || cluster == nil {
			return own, err
		}
		theirs, err := cluster()
		return own + theirs, err
	}
	doc := strings.Repeat("x", 300)
	before, err := cpu()
	if err != nil {
		return 0, 0, err
	}
	start, n := time.Now(), 0
	for ; time.Since(start) < 2*time.Second && n < 20_000; n++ {
		if _, err := insert.ExecContext(ctx, n, doc); err != nil {
			return 0, 0, err
		}
	}
	took := time.Since(start)
	after, err := cpu()
	return (after - before) / time.Duration(n), float64(n) / took.Seconds(), err
}

// Bare serves the least that net/http can answer. It is a process of its own, so
// that its CPU can be told from the generator's.
func Bare() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(l.Addr().String()); err != nil {
		return err
	}
	// Standard input ends with the parent.
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	}))
}

// perOp measures a load with the CPU that was used meanwhile.
func perOp(ctx context.Context, l load, cpu func() (time.Duration, error), op func(int) error) (result, time.Duration, error) {
	before, err := cpu()
	if err != nil {
		return result{}, 0, err
	}
	r, err := l.run(ctx, op)
	if err != nil {
		return r, 0, err
	}
	after, err := cpu()
	if err != nil {
		return r, 0, fmt.Errorf("CPU after the run: %w", err)
	}
	return r, (after - before) / time.Duration(r.done), nil
}
