package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/factor/totp"
)

func TestStatOfAProcess(t *testing.T) {
	for _, row := range []struct {
		name, line string
		want       stat
		bad        bool
	}{
		{name: "plain", line: "42 (sallyport) S 7 42 42 0 -1 4194560 1 2 3 4 100 50 10 5 20 0 9 0 1 2 3",
			want: stat{parent: 7, own: 1500 * time.Millisecond, reaped: 150 * time.Millisecond}},
		{name: "a name with brackets and spaces", line: "42 (a) (b c) S 1 42 42 0 -1 0 1 2 3 4 1 1 0 0 20 0 9",
			want: stat{parent: 1, own: 20 * time.Millisecond}},
		{name: "too short", line: "42 (x) S 1 2", bad: true},
		{name: "no name", line: "42 S 1", bad: true},
		{name: "not a number", line: "42 (x) S one 42 42 0 -1 0 1 2 3 4 1 1 0 0 20 0 9", bad: true},
	} {
		got, err := parseStat(row.line)
		if (err != nil) != row.bad || got != row.want {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
}

func TestOwnProcessIsSeen(t *testing.T) {
	before, err := treeCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(60 * time.Millisecond); time.Now().Before(until); {
	}
	after, err := treeCPU(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("60 ms of work went unseen: %v, then %v, %v", before, after, err)
	}
	if rss, err := resident(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("resident: %d, %v", rss, err)
	}
}

func TestAnswerIsRead(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("HTTP/1.1 303 See Other\r\nlocation: /account/\r\nSet-Cookie: sallyport=abc; Path=/; HttpOnly\r\n" +
		"Set-Cookie: sallyport-attempt=; Max-Age=0\r\nContent-Length: 3\r\n\r\nyes" + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	a, err := readAnswer(in, false)
	if err != nil || a.status != 303 || a.location != "/account/" || a.body != 3 || !reflect.DeepEqual(a.cookies, []string{"sallyport=abc"}) {
		t.Errorf("%+v, %v", a, err)
	}
	if a.cookie("sallyport") != "sallyport=abc" || a.cookie("sallyport-attempt") != "" {
		t.Errorf("cookies %v", a.cookies)
	}
	if _, err := readAnswer(in, false); err == nil {
		t.Error("an answer without a length was taken")
	}
}

// A code works once, so each step is used once, and no step past the next one.
func TestCodesAreUsedOnce(t *testing.T) {
	p := &person{secret: totp.NewSecret()}
	now := time.Unix(1_800_000_001, 0)
	seen := map[string]bool{}
	for range 3 {
		code, err := p.code(now)
		if err != nil || seen[code] {
			t.Fatalf("code %q, %v", code, err)
		}
		seen[code] = true
		if !totp.Match(p.secret, code, now, 0, totp.DefaultParams()).Accepted() {
			t.Errorf("%q would not be accepted", code)
		}
	}
	if _, err := p.code(now); !errors.Is(err, errSpent) {
		t.Errorf("a fourth code: %v", err)
	}
	if _, err := p.code(now.Add(30 * time.Second)); err != nil {
		t.Errorf("half a minute later: %v", err)
	}
}

func TestLoadIsBounded(t *testing.T) {
	var n atomic.Int64
	r, err := load{clients: 4, most: 10, limit: time.Minute}.run(context.Background(), func(int) error { n.Add(1); return nil })
	if err != nil || n.Load() != 10 || r.done != 10 || len(r.times) != 10 {
		t.Errorf("%d operations, %+v, %v", n.Load(), r, err)
	}
	if _, err := (load{clients: 2, most: 10, limit: time.Minute}).run(context.Background(), func(int) error { return errSpent }); err == nil {
		t.Error("a run in which nothing was done has a result")
	}
	wrong := errors.New("refused")
	if _, err := (load{clients: 2, most: 10, limit: time.Minute}).run(context.Background(), func(int) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("a refusal: %v", err)
	}
}

func TestStatementsAreCounted(t *testing.T) {
	log := "11 0 LOG:  execute stmt_1: -- name: FindLogin :one\n\tSELECT 1\n" +
		"11 0 DETAIL:  Parameters: $1 = 'INSERT INTO x'\n" +
		"11 0 LOG:  statement: begin isolation level read committed\n" +
		"11 0 LOG:  execute stmt_2: WITH honoured AS (\n\tUPDATE budgets SET reserved = 0\n\t) INSERT INTO attempts VALUES ($1)\n" +
		"11 77 LOG:  statement: commit\n" +
		"12 0 LOG:  execute <unnamed>: INSERT INTO budgets SELECT FROM (SELECT set_config('synchronous_commit', 'off', true))\n" +
		"12 0 LOG:  checkpoint starting: time\n\tnot a statement\n"
	ran := parsePostgres(log)
	if len(ran) != 5 {
		t.Fatalf("%d statements: %+v", len(ran), ran)
	}
	c := tally(ran, 1)
	if c.Reads != 1 || c.Writes != 2 || c.Control != 2 || c.Durable != 1 {
		t.Errorf("%+v", c)
	}
	if c := tally(ran, 3); c.Reads+c.Writes+c.Control != 0 {
		t.Errorf("what ran less than every second time was counted: %+v", c)
	}
}

func TestTableIsMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := Print(&out, []Row{{ID: "P1", Work: "a µs", Ours: "1.0 µs", Goal: "≤ 2", Reached: reached(true)}}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "|----|") || strings.Count(lines[2], "|") != 8 {
		t.Errorf("\n%s", out.String())
	}
	if perSecond(12345.6) != "12,346/s" || perSecond(999) != "999.0/s" || thousands(1234567) != "1,234,567" {
		t.Errorf("%s %s %s", perSecond(12345.6), perSecond(999), thousands(1234567))
	}
}

// The counting of SQLite's statements reaches into the driver's connection; this
// fails when a new version of the driver has moved what it reaches for.
func TestSQLiteTellsItsStatements(t *testing.T) {
	ran, err := traceSQLite()
	if err != nil {
		t.Fatal(err)
	}
	h, err := site{name: "sqlite", dir: t.TempDir(), costs: fastCost}.open(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	from := len(ran())
	if _, err := h.Store.AllTenants(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := ran()[from:]
	if len(got) != 1 || got[0].key() != "AllTenants" || got[0].verb() != "SELECT" {
		t.Errorf("%+v", got)
	}
}
