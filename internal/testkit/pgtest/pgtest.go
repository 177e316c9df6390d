package pgtest

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver for making databases

	"sallyport/internal/testkit/need"
)

// shared is the cluster of this test binary. It ends with the process.
var shared = sync.OnceValues(func() (*Server, error) { return launch(nil) })

// Database returns the DSN of an empty database that is dropped after the test.
func Database(t testing.TB) string {
	t.Helper()
	s, err := shared()
	orEnd(t, err)
	return s.Database(t)
}

// Start gives the test a cluster of its own, with settings as they stand in
// postgresql.conf ("max_connections=20").
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := launch(settings)
	orEnd(t, err)
	t.Cleanup(s.end)
	return s
}

// errMissing says that the machine has no PostgreSQL.
var errMissing = errors.New("PostgreSQL (initdb and postgres)")

func orEnd(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) {
		need.Missing(t, errMissing.Error())
	}
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
}

// Server is a cluster.
type Server struct {
	bin  string
	dir  string
	port int
	as   *syscall.Credential // nil: as we are
	set  []string

	watcher *exec.Cmd
	leash   io.WriteCloser // the watcher's standard input
	made    atomic.Int64
}

// DSN names a database of the cluster.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Socket names it by the unix socket.
func (s *Server) Socket(database string) string {
	return fmt.Sprintf("host=%s port=%d user=postgres dbname=%s", s.dir, s.port, database)
}

// Port is where the cluster listens on loopback.
func (s *Server) Port() int { return s.port }

// Database makes a database for a test.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	if err := s.admin("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A test that stopped its server has nothing to drop.
		_ = s.admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
	})
	return s.DSN(name)
}

func (s *Server) admin(statement string) error {
	pool, err := sql.Open("pgx", s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = pool.Exec(statement)
	return err
}

// Stop ends the server as a crash would: nothing is written any more. Run goes
// on with the same folder and port.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if _, err := io.WriteString(s.leash, "keep\n"); err != nil {
		t.Fatal(err)
	}
	s.leash.Close()
	if err := s.watcher.Wait(); err != nil {
		t.Fatalf("stopping PostgreSQL: %v", err)
	}
}

// Run starts a stopped server again.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) end() {
	if s.watcher != nil {
		s.leash.Close()
		_ = s.watcher.Wait() // it was stopped before, or ends by itself
	}
	os.RemoveAll(s.dir) // the watcher of a running server did that
}

// launch makes a cluster and starts it.
func launch(settings []string) (*Server, error) {
	s := &Server{set: settings}
	var err error
	if s.bin, err = binaries(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "sallyport-postgres-"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if s.as, err = unprivileged(); err != nil {
			return nil, err
		}
		if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, err
		}
	}
	// A default collation that does not sort by bytes finds queries that count on it.
	args := []string{"-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--locale=C.UTF-8"}
	if out, err := s.command(filepath.Join(s.bin, "initdb"), append(slices.Clone(args), "--locale-provider=icu", "--icu-locale=en")...).CombinedOutput(); err != nil {
		os.RemoveAll(s.data())
		if again, err := s.command(filepath.Join(s.bin, "initdb"), args...).CombinedOutput(); err != nil {
			os.RemoveAll(s.dir)
			return nil, fmt.Errorf("initdb: %w\n%s%s", err, out, again)
		}
	}
	for range 3 {
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	os.RemoveAll(s.dir)
	return nil, err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	// A group of its own: an interrupt from the keyboard is for the test.
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.as}
	return c
}

// watch runs the server until standard input ends. One word there keeps the
// folder; without it everything goes.
const watch = `dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null &
server=$!
word=
read -r word
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ "$word" = keep ] || rm -rf "$dir"
exit 0`

func (s *Server) run() error {
	if s.port == 0 || s.watcher == nil {
		port, err := freePort()
		if err != nil {
			return err
		}
		s.port = port
	}
	args := []string{"-c", watch, "watch", s.dir, filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir}
	for _, setting := range append([]string{
		"listen_addresses=127.0.0.1", "fsync=on", "shared_buffers=32MB", "max_connections=200", "max_wal_size=256MB",
	}, s.set...) {
		args = append(args, "-c", setting)
	}
	c := s.command("/bin/sh", args...)
	leash, err := c.StdinPipe()
	if err != nil {
		return err
	}
	// The last run's words must not be taken for this one's.
	os.Remove(filepath.Join(s.dir, "log"))
	if err := c.Start(); err != nil {
		return err
	}
	s.watcher, s.leash = c, leash
	if err := s.answers(); err != nil {
		_, _ = io.WriteString(leash, "keep\n")
		leash.Close()
		_ = c.Wait()
		s.watcher = nil
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

// answers waits until the server takes statements, for as long as its machine
// may be busy with other tests.
func (s *Server) answers() (err error) {
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		if err = s.admin("SELECT 1"); err == nil {
			return nil
		}
		if log, _ := os.ReadFile(filepath.Join(s.dir, "log")); strings.Contains(string(log), "database system is shut down") {
			return fmt.Errorf("the server gave up: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("the server does not answer: %w", err)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// binaries finds the newest installed server: distributions keep them off the path.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		_, initdb := os.Stat(filepath.Join(dir, "initdb"))
		_, server := os.Stat(filepath.Join(dir, "postgres"))
		if initdb == nil && server == nil {
			return dir, nil
		}
	}
	return "", errMissing
}

func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.ParseUint(u.Uid, 10, 32)
		gid, errG := strconv.ParseUint(u.Gid, 10, 32)
		if errU == nil && errG == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("running as root, and there is no user postgres or nobody to run the server as")
}
