package cli_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sallyport/internal/cli"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sallyport": func() { os.Exit(cli.Main()) }})
}

// The scripts drive the real program, as an operator would.
func TestScripts(t *testing.T) {
	testscript.Run(t, params("testdata/script/*.txt"))
}

// What support is told about codes is held against another program's codes.
func TestCodesOfOathtool(t *testing.T) {
	need.Tool(t, "oathtool")
	testscript.Run(t, params("testdata/oathtool/*.txt"))
}

// The verbs do the same on the other engine, and backups move between the two.
func TestScriptsOnPostgreSQL(t *testing.T) {
	p := params("testdata/postgres/*.txt")
	first, second := pgtest.Database(t), pgtest.Database(t)
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("SALLYPORT_STORE_DSN", first)
		e.Setenv("SECOND", second)
		return setup(e)
	}
	testscript.Run(t, p)
}

// A server on the other engine is asked over its API as well.
func TestRemoteOnPostgreSQL(t *testing.T) {
	p := params("testdata/script/remote.txt")
	dsn := pgtest.Database(t)
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("SALLYPORT_STORE_DSN", dsn)
		return setup(e)
	}
	testscript.Run(t, p)
}

// What the console does is done on the shell in three ways: with nobody else there,
// beside a running server through its socket, and beside one on PostgreSQL.
func TestStoriesOfTheConsole(t *testing.T) {
	const glob = "testdata/console/*.txt"
	run := func(name string, server bool, dsn func(t *testing.T) func(script string) string) {
		t.Run(name, func(t *testing.T) {
			p := params(glob)
			p.Deadline = time.Now().Add(5 * time.Minute)
			of := dsn(t)
			p.Condition = func(c string) (bool, error) {
				if c != "server" {
					return false, errors.New("unknown condition " + c)
				}
				return server, nil
			}
			p.Setup = func(e *testscript.Env) error {
				e.Setenv("SALLYPORT_STORE_DSN", of(strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")))
				return setup(e)
			}
			testscript.Run(t, p)
		})
	}
	embedded := func(*testing.T) func(string) string { return func(string) string { return "" } }
	run("alone", false, embedded)
	run("server", true, embedded)
	run("postgres", true, func(t *testing.T) func(string) string {
		databases := map[string]string{}
		for _, f := range params(glob).Files {
			databases[strings.TrimSuffix(filepath.Base(f), ".txt")] = pgtest.Database(t)
		}
		return func(script string) string { return databases[script] }
	})
}

func params(glob string) testscript.Params {
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		panic("no scripts at " + glob)
	}
	return testscript.Params{Files: files, Deadline: time.Now().Add(time.Minute), RequireExplicitExec: true, Setup: setup, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"exits": exits, "ready": ready, "term": term, "capture": capture, "mode": mode, "sql": rawSQL, "flip": flip, "same": same, "oath": oath,
		"demoed": demoed, "mailed": mailed, "personcode": personcode, "sealed": sealed, "join": join, "now": codeNow, "alike": alike,
	}}
}

// setup gives each script ports of its own and an environment without ours.
func setup(e *testscript.Env) error {
	for _, name := range []string{"PORT", "OPS"} {
		e.Setenv(name, port())
	}
	e.Setenv("SALLYPORT_LISTEN", "127.0.0.1:"+e.Getenv("PORT"))
	e.Setenv("SALLYPORT_LISTEN_OPS", "127.0.0.1:"+e.Getenv("OPS"))
	e.Setenv("NO_COLOR", "1")
	e.Setenv("KEY", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
	return nil
}

// port is one that nobody listens on, below those that the system hands out by
// itself, so that no other script's connection takes it before the server does.
func port() string {
	for {
		n := strconv.Itoa(15000 + rand.IntN(17000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+n); err == nil {
			_ = l.Close()
			return n
		}
	}
}

// exits N prog args...: the program ends with exactly this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// ready waits until the server that was started in the background answers.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := ts.Exec("sallyport", "healthcheck")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the server was not ready in time: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// term ends background programs as an operator would, and waits for them.
func term(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// capture NAME [PATTERN]: the last output, or what the pattern's group found in
// it, becomes a variable.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) == 2 {
		m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(text)
		if m == nil {
			ts.Fatalf("%s does not match %s", args[1], text)
		}
		text = m[1]
	}
	ts.Setenv(args[0], text)
}

// alike args...: the verb says the same on this machine and over the API of the server on
// it, for people and for programs, and ends alike.
func alike(ts *testscript.TestScript, neg bool, args []string) {
	forms := [][]string{nil, {"--json"}}
	if slices.Contains(args, "--format") {
		forms = forms[:1]
	}
	for _, form := range forms {
		args := append(args[:len(args):len(args)], form...)
		says := func(more ...string) (out, errs string, failed bool) {
			err := ts.Exec("sallyport", append(more, args...)...)
			return ts.ReadFile("stdout"), ts.ReadFile("stderr"), err != nil
		}
		out, errs, failed := says()
		farOut, farErrs, farFailed := says("--server", "http://localhost:"+ts.Getenv("PORT"), "--client-id", ts.Getenv("CLIENT"), "--client-secret-file", ts.MkAbs("secret"))
		if failed != neg || farFailed != neg {
			ts.Fatalf("failed here: %v, over the API: %v", failed, farFailed)
		}
		if out != farOut || errs != farErrs {
			ts.Fatalf("here:\n%s%s\nover the API:\n%s%s", out, errs, farOut, farErrs)
		}
	}
}

// mode FILE 0600: the file is readable for whom it should be.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := info.Mode().Perm().String(); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// same FILE FILE | ! same FILE FILE: the bytes are equal, or not.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if (ts.ReadFile(args[0]) == ts.ReadFile(args[1])) == neg {
		ts.Fatalf("%s and %s: equal is %v", args[0], args[1], !neg)
	}
}

// sql FILE STATEMENT...: changes an embedded store behind the program's back.
func rawSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	for _, s := range args[1:] {
		_, err := db.Exec(s)
		ts.Check(err)
	}
}

// flip FILE N: changes one byte, counted from the end when N is negative.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	b := []byte(ts.ReadFile(args[0]))
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 {
		n += len(b)
	}
	b[n] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// oath OFFSET FILE: asks oathtool for the code of a time so many steps from now
// and puts it into a file, and that time into AT, so that no test hangs on how
// long it takes.
func oath(ts *testscript.TestScript, _ bool, args []string) {
	steps, err := strconv.Atoi(args[0])
	ts.Check(err)
	at := time.Now().UTC().Truncate(time.Second)
	then := at.Add(time.Duration(steps) * 30 * time.Second).Format("2006-01-02 15:04:05 UTC")
	ts.Check(ts.Exec("oathtool", append([]string{"--base32", "-N", then}, args[2:]...)...))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile("stdout")), 0o600))
	ts.Setenv("AT", at.Format(time.RFC3339))
}
