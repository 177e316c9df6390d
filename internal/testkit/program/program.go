package program

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say how to start it.
type Options struct {
	Env []string // added to an environment that holds none of our names
	Dir string   // working directory; a fresh one when empty
	// Wait bounds the time until it is ready; 60 s when zero, because other tests
	// may share the machine.
	Wait time.Duration
}

// Step is a line that `demo --json` prints for each step of its walk.
type Step struct {
	Step  string   `json:"step"`
	Rows  []string `json:"rows"`
	OK    bool     `json:"ok"`
	MS    int64    `json:"ms"`
	Proof string   `json:"proof"`
}

// Process is a started program.
type Process struct {
	URL   string // of the pages, as the ready line says
	Ops   string // of the ops listener
	SMTP  string // of demo's inbox
	Steps []Step // of the walk, complete once it is ready

	cmd    *exec.Cmd
	done   chan struct{}
	err    error
	mu     sync.Mutex
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// ready is the line that says that it serves.
type ready struct {
	Ready bool   `json:"ready"`
	URL   string `json:"url"`
	Ops   string `json:"ops"`
	SMTP  string `json:"smtp"`
}

// Demo starts `demo --json` on free ports and waits until its walk is over. It
// fails the test when a step of the walk did not hold.
func Demo(t testing.TB, o Options, args ...string) *Process {
	t.Helper()
	p := Start(t, o, append([]string{"demo", "--json", "--listen", FreeAddr(t)}, args...)...)
	p.AwaitReady(t, o.Wait)
	for _, s := range p.Steps {
		if !s.OK {
			t.Fatalf("demo: the step %q did not hold: %s", s.Step, s.Proof)
		}
	}
	return p
}

// Serve starts `serve --json` on free ports of loopback with its data in dir and
// waits until it is ready.
func Serve(t testing.TB, o Options, dir string, args ...string) *Process {
	t.Helper()
	o.Env = append([]string{"SALLYPORT_LISTEN_OPS=" + FreeAddr(t)}, o.Env...)
	p := Start(t, o, append([]string{"serve", "--json", "--listen", FreeAddr(t), "--data", dir}, args...)...)
	p.AwaitReady(t, o.Wait)
	return p
}

// Start starts the program with any arguments and returns at once. It is killed
// when the test ends.
func Start(t testing.TB, o Options, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(Binary(t), args...), done: make(chan struct{})}
	p.cmd.Env = environment(o.Env)
	if p.cmd.Dir = o.Dir; o.Dir == "" {
		p.cmd.Dir = t.TempDir()
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &guarded{&p.mu, &p.stderr}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %v: %v", args, err)
	}
	lines := make(chan struct{})
	go func() {
		defer close(lines)
		p.read(out)
	}()
	go func() {
		<-lines // Wait closes the pipe, so everything must be read before
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%v said:\n%s", args, p.Stderr())
		}
	})
	return p
}

// Run runs a verb to its end and returns what it printed and its exit code.
func Run(t testing.TB, o Options, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	wait := o.Wait
	if wait == 0 {
		wait = 60 * time.Second
	}
	binary := Binary(t) // it may have to be built, which is not the verb's time
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = environment(o.Env)
	if cmd.Dir = o.Dir; o.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%v did not end within %v; it said:\n%s", args, wait, errs.String())
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		t.Fatalf("%v: %v", args, err)
	}
	return out.String(), errs.String(), code
}

// environment is the caller's without our own names, so that no test hangs on
// what the developer exported.
func environment(add []string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SALLYPORT_") {
			env = append(env, e)
		}
	}
	return append(append(env, "NO_COLOR=1"), add...)
}

func (p *Process) read(r io.Reader) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		p.mu.Lock()
		p.stdout.Write(scan.Bytes())
		p.stdout.WriteByte('\n')
		var line struct {
			Step
			ready
		}
		if json.Unmarshal(scan.Bytes(), &line) == nil {
			switch {
			case line.Ready:
				p.URL, p.Ops, p.SMTP = line.URL, line.Ops, line.SMTP
			case line.Step.Step != "":
				p.Steps = append(p.Steps, line.Step)
			}
		}
		p.mu.Unlock()
	}
}

// AwaitReady waits for the ready line and fails the test when it does not come.
func (p *Process) AwaitReady(t testing.TB, wait time.Duration) {
	t.Helper()
	if wait == 0 {
		wait = 60 * time.Second
	}
	deadline := time.After(wait)
	for {
		p.mu.Lock()
		is := p.URL != ""
		p.mu.Unlock()
		if is {
			return
		}
		select {
		case <-p.done:
			p.mu.Lock()
			is := p.URL != ""
			p.mu.Unlock()
			if !is {
				t.Fatalf("%v ended before it was ready (%v):\n%s%s", p.cmd.Args[1:], p.err, p.Stdout(), p.Stderr())
			}
		case <-deadline:
			t.Fatalf("%v was not ready within %v:\n%s%s", p.cmd.Args[1:], wait, p.Stdout(), p.Stderr())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Stop asks it to end and returns its exit code.
func (p *Process) Stop(t testing.TB) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.Kill()
		t.Fatalf("it did not end within 30 s of being asked:\n%s", p.Stderr())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Kill ends it at once, as a power cut would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// Wait waits until it ends by itself and returns its exit code.
func (p *Process) Wait(t testing.TB, wait time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(wait):
		t.Fatalf("it did not end within %v:\n%s", wait, p.Stderr())
	}
	return p.cmd.ProcessState.ExitCode()
}

// PID is the process's id, for measuring it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout is what it printed so far.
func (p *Process) Stdout() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String()
}

// Stderr is what it said so far.
func (p *Process) Stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// GetJSON reads a JSON document of the running program.
func (p *Process) GetJSON(t testing.TB, path string, into any) {
	t.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Get(p.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", path, res.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, body)
	}
}

// FreeAddr is an address on loopback that nothing listens on.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

type guarded struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(p)
}
