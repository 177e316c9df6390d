package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/roster"
)

// in runs a verb in this folder and returns what it printed.
func in(t *testing.T, code int, args ...string) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := Run(t.Context(), Process{Args: args, In: strings.NewReader(""), Out: &o, Err: &e}); got != code {
		t.Fatalf("%v: exit %d, want %d: %s%s", args, got, code, o.String(), e.String())
	}
	return o.String(), e.String()
}

// What a dry run says is what happens, also where rows of different chunks want
// the same login or address.
func TestADryRunSaysWhatHappens(t *testing.T) {
	t.Chdir(t.TempDir())
	in(t, 0, "init", "--yes")
	in(t, 0, "tenant", "create", "--name", "Big")
	in(t, 0, "tenant", "create", "--name", "Other")
	var file strings.Builder
	for i := range 3 * chunkRows {
		login, email, tenant := fmt.Sprintf("person%d", i), fmt.Sprintf("person%d@example.com", i), "Big"
		switch i {
		case 2500:
			login = "Person5" // of the first chunk
		case 2501:
			email = "PERSON6@example.com"
		case 2502:
			email, tenant = "person7@example.com", "Other" // where it is free
		case 2503:
			login, email = "person8", "person9@example.com"
		case 2504:
			email = "person2503@example.com" // the row before it does not take its address
		case 2600:
			email = "none"
		}
		fmt.Fprintf(&file, "{\"login\":%q,\"email\":%q,\"tenant\":%q}\n", login, email, tenant)
		if i == 2700 {
			file.WriteString("no JSON\n")
		}
	}
	if err := os.WriteFile("people.ndjson", []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, existing := range []string{"skip", "fail"} {
		told, _ := in(t, 3, "import", "people", "people.ndjson", "--json", "--dry-run", "--existing", existing)
		if existing == "skip" {
			var r importReport
			if err := json.Unmarshal([]byte(told), &r); err != nil {
				t.Fatal(err)
			}
			if r.Read != 3001 || r.Created != 2996 || r.Existing != 2 || r.Refused != 3 || fmt.Sprint(r.Problems[0].Where, r.Problems[1].Where, r.Problems[2].Where) != "line 2502line 2601line 2702" {
				t.Errorf("%+v", r)
			}
			continue
		}
		// Nobody is there yet, so the real run meets the same.
		happened, _ := in(t, 3, "import", "people", "people.ndjson", "--json", "--existing", existing)
		if want := strings.Replace(told, `"dry_run":true`, `"dry_run":false`, 1); happened != want {
			t.Errorf("said\n%s, and it was\n%s", told, happened)
		}
	}
}

// listed is a reader of rows that are there.
type listed struct {
	rows []roster.Row
	then error
}

func (l *listed) Next() (roster.Row, error) {
	if len(l.rows) == 0 {
		return roster.Row{}, l.then
	}
	row := l.rows[0]
	l.rows = l.rows[1:]
	return row, nil
}

func importing1(verb func(string, json.RawMessage, io.Writer) error, o roster.Options) *importer {
	run := runner{verb: verb}
	return &importer{s: &shell{Process: Process{Out: io.Discard, Err: io.Discard}, common: &common{JSON: true}, ctx: context.Background()}, run: run, o: o,
		logins: map[uint64]bool{}, mails: map[uint64]bool{}, report: importReport{Hashes: map[string]int64{}, Notes: map[string]int64{}}}
}

// Two chunks are under way at once, but never two that want the same login.
func TestChunksThatMeetWait(t *testing.T) {
	var mu sync.Mutex
	under := map[string]bool{}
	most, calls := 0, 0
	var meet sync.WaitGroup // neither of the first two leaves before the other is there
	meet.Add(2)
	run := func(_ string, raw json.RawMessage, w io.Writer) error {
		var c importIn
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		first := c.Rows[0].Login
		mu.Lock()
		calls++
		if under[first] {
			t.Errorf("two chunks with %s are under way", first)
		}
		under[first] = true
		most = max(most, len(under))
		mu.Unlock()
		if first == "a" || first == "b" {
			meet.Done()
			meet.Wait()
		}
		mu.Lock()
		delete(under, first)
		mu.Unlock()
		return (&answers{json.NewEncoder(w)}).Result(importOut{Created: len(c.Rows)})
	}
	var rows []roster.Row
	for _, first := range []string{"a", "b", "c", "C", "c", "d"} {
		for i := range chunkRows {
			login := fmt.Sprintf("%s%d", first, len(rows))
			if i == 0 {
				login = first
			}
			rows = append(rows, roster.Row{Login: login})
		}
	}
	i := importing1(func(name string, raw json.RawMessage, w io.Writer) error {
		return run(name, bytes.Replace(raw, []byte(`"C"`), []byte(`"c"`), 1), w)
	}, roster.Options{})
	if err := i.all(&listed{rows, io.EOF}); err != nil {
		t.Fatal(err)
	}
	if calls != 6 || most != 2 || i.report.Created != int64(len(rows)) || i.report.Read != int64(len(rows)) {
		t.Errorf("%d calls, %d at once, %+v", calls, most, i.report)
	}
}

// What went wrong ends the import; what came in before is told all the same.
func TestAnImportThatFails(t *testing.T) {
	broken := errors.New("the server is gone")
	rows := make([]roster.Row, 5*chunkRows)
	for i := range rows {
		rows[i].Login = fmt.Sprint("person", i)
	}
	calls := 0
	var mu sync.Mutex
	run := func(_ string, raw json.RawMessage, w io.Writer) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls > 2 {
			return broken
		}
		return (&answers{json.NewEncoder(w)}).Result(importOut{Created: chunkRows - 1, Problems: []wireProblem{{Row: 0, Kind: core.KindInvalid, Code: "email.invalid"}}})
	}
	i := importing1(run, roster.Options{})
	if err := i.all(&listed{rows, io.EOF}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if i.report.Created != 2*(chunkRows-1) || i.report.Refused != 2 || calls > 4 {
		t.Errorf("%d calls, %+v", calls, i.report)
	}
	// A file that breaks off: what was read of it comes in.
	calls = 0
	cut := errors.New("the file breaks off")
	i = importing1(run, roster.Options{})
	if err := i.all(&listed{rows[:chunkRows+1], cut}); !errors.Is(err, cut) || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	// Strict: nothing is sent after a row that was refused.
	calls = 0
	i = importing1(run, roster.Options{Strict: true})
	if err := i.all(&listed{rows, io.EOF}); !errors.Is(err, errStopped) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
