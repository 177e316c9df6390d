package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/config"
)

// site is a store with people in it, and where its server would listen.
type site struct {
	name  string // "sqlite" or "postgres"
	dir   string
	dsn   string
	costs cost
	// proxied: this machine's proxies may ask about apps behind them.
	proxied bool
	// public is the address that the server goes by; empty is where it listens.
	public string
	// apps are those whose tokens are measured.
	apps []tokenApp
}

// cost of the password hash.
type cost struct {
	memoryKiB, time int
	insecure        bool
}

var (
	realCost = cost{19456, 2, false}
	// fastCost is as little as Argon2id can be asked for with room to spare.
	fastCost = cost{64, 1, true}
)

// settings are the program's environment for this site.
func (s site) settings(listen, ops string) []string {
	env := []string{
		"SALLYPORT_LISTEN=" + listen, "SALLYPORT_LISTEN_OPS=" + ops, "SALLYPORT_DATA_DIR=" + filepath.Join(s.dir, "data"),
		"SALLYPORT_ENCRYPTION_KEY_FILE=" + filepath.Join(s.dir, "master.key"), "SALLYPORT_STORE_DSN=" + s.dsn,
		fmt.Sprintf("SALLYPORT_HASH_MEMORY_KIB=%d", s.costs.memoryKiB), fmt.Sprintf("SALLYPORT_HASH_TIME=%d", s.costs.time),
		fmt.Sprintf("SALLYPORT_HASH_INSECURE_FAST=%t", s.costs.insecure),
	}
	if s.public != "" {
		env = append(env, "SALLYPORT_PUBLIC_URL="+s.public)
	}
	if s.proxied {
		env = append(env, "SALLYPORT_TRUSTED_PROXIES=127.0.0.0/8")
	}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SALLYPORT_") {
			env = append(env, e)
		}
	}
	return env
}

// open opens the site's house inside this process, for bringing people in.
func (s site) open(ctx context.Context, noHasher bool) (*app.House, error) {
	c, _, _, err := config.Load(config.Source{Environ: s.settings("127.0.0.1:0", "127.0.0.1:0")})
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, app.Options{Config: c, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Who: "bench", Migrate: true, NoHasher: noHasher})
}

// server is the built program, serving a site.
type server struct {
	cmd  *exec.Cmd
	addr string // of the pages
	ops  string
	logs *os.File
	// ready is the time from its start to the first good answer of /readyz.
	ready time.Duration
}

// serve starts the program and waits until it is ready.
func (s site) serve(binary string) (*server, error) {
	main, err := freeAddr()
	if err != nil {
		return nil, err
	}
	ops, err := freeAddr()
	if err != nil {
		return nil, err
	}
	out := &server{addr: main, ops: ops}
	// A file, not nothing: a real server's log lines cost their write as well.
	if out.logs, err = os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	out.cmd = exec.Command(binary, "serve", "--json")
	out.cmd.Env = s.settings(main, ops)
	out.cmd.Dir = s.dir
	out.cmd.Stderr = out.logs
	printed, err := out.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := out.cmd.Start(); err != nil {
		return nil, err
	}
	for {
		if ask(ops, "/readyz") == nil {
			out.ready = time.Since(began)
			// It has more to say about itself, and is not to be stopped before.
			_, err := bufio.NewReader(printed).ReadString('\n')
			if err != nil {
				return nil, errors.Join(fmt.Errorf("the server's line that it is ready: %w", err), out.stop())
			}
			return out, nil
		}
		if time.Since(began) > 30*time.Second {
			said, _ := os.ReadFile(out.logs.Name())
			return nil, errors.Join(fmt.Errorf("the server did not become ready:\n%s", said), out.stop())
		}
		time.Sleep(250 * time.Microsecond)
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the server as an operator would.
func (s *server) stop() error {
	defer s.logs.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	kill := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	if err := s.cmd.Wait(); err != nil {
		said, _ := os.ReadFile(s.logs.Name())
		return fmt.Errorf("the server's end: %w\n%s", err, said[max(0, len(said)-1000):])
	}
	return nil
}

func ask(addr, path string) error {
	c := dial(addr, 5*time.Second)
	defer c.close()
	a, err := c.do("GET", path, "", "")
	if err == nil && a.status != 200 {
		err = fmt.Errorf("status %d", a.status)
	}
	return err
}

// gauge reads one line of /metrics.
func (s *server) gauge(name string) (string, error) {
	resp, err := http.Get("http://" + s.ops + "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	scan := bufio.NewScanner(resp.Body)
	for scan.Scan() {
		if value, ok := strings.CutPrefix(scan.Text(), name+" "); ok {
			return value, nil
		}
	}
	return "", errors.Join(fmt.Errorf("/metrics has no %s", name), scan.Err())
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// child starts this very program again for one part of the work that needs a
// process of its own, and reads the one line of JSON that it prints first.
func child(ctx context.Context, into any, args ...string) (*exec.Cmd, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, own, args...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// Its other end closes when this process ends, however it ends.
	if _, err := c.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(into); err != nil {
		_ = c.Process.Kill()
		return nil, errors.Join(fmt.Errorf("%v said nothing useful: %w", args, err), c.Wait())
	}
	return c, nil
}
