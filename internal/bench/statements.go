package bench

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/app"
)

// statement is what an engine says that it ran.
type statement struct {
	conn string // the connection
	text string
	xid  bool // PostgreSQL: the transaction had written something
}

// key names a statement: the name that its query has in the code, else its
// beginning.
func (s statement) key() string {
	text := strings.TrimSpace(s.text)
	if name, ok := strings.CutPrefix(text, "-- name: "); ok {
		return strings.Fields(name)[0]
	}
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), 3)], " ")
}

func (s statement) verb() string {
	for line := range strings.Lines(s.text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			return strings.ToUpper(strings.Fields(line)[0])
		}
	}
	return ""
}

func (s statement) writes() bool {
	return slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "WITH"}, s.verb())
}

// counted is what one sign-in asks of an engine.
type counted struct {
	Reads, Writes float64
	Control       float64 // BEGIN, COMMIT, SAVEPOINT
	Durable       float64 // commits that wait for the disk
	Lines         []string
}

// tally counts what ran for n sign-ins, one after another. Work that goes on
// beside them (sealing, the change feed when nothing wakes it) runs less than
// once for two sign-ins and is left out.
func tally(ran []statement, n int) counted {
	var c counted
	each := map[string]int{}
	kind := map[string]*float64{}
	durable := 0
	wrote := map[string]bool{} // per connection: inside a transaction that wrote
	open := map[string]bool{}
	for _, s := range ran {
		verb := s.verb()
		key := s.key()
		each[key]++
		switch {
		case verb == "BEGIN":
			open[s.conn], wrote[s.conn] = true, false
			kind[key] = &c.Control
		case verb == "COMMIT" || verb == "END":
			if wrote[s.conn] || s.xid {
				durable++
			}
			open[s.conn] = false
			kind[key] = &c.Control
		case verb == "ROLLBACK" || verb == "SAVEPOINT" || verb == "RELEASE":
			kind[key] = &c.Control
		case s.writes():
			wrote[s.conn] = wrote[s.conn] || open[s.conn]
			if !open[s.conn] && !strings.Contains(s.text, "synchronous_commit") {
				durable++
			}
			kind[key] = &c.Writes
		default:
			kind[key] = &c.Reads
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(each), func(a, b string) int {
		return cmp.Or(cmp.Compare(each[b], each[a]), cmp.Compare(a, b))
	}) {
		if 2*each[key] < n {
			continue
		}
		share := float64(each[key]) / float64(n)
		*kind[key] += share
		c.Lines = append(c.Lines, fmt.Sprintf("%s %.1f", key, share))
	}
	c.Durable = float64(durable) / float64(n)
	return c
}

// postgresLine begins a statement in a server's log of which log_line_prefix is
// "%p %x " and log_statement is all.
var postgresLine = regexp.MustCompile(`^(\d+) (\d+) LOG:  (?:execute [^:]*|statement): ?(.*)$`)

// logPrefix and the rest are what postgresStatements needs of a server.
const logPrefix = "%p %x "

// parsePostgres reads the statements in a part of a server's log.
func parsePostgres(text string) []statement {
	var out []statement
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if rest, more := strings.CutPrefix(line, "\t"); more {
			if inside {
				out[len(out)-1].text += "\n" + rest
			}
			continue
		}
		m := postgresLine.FindStringSubmatch(line)
		inside = m != nil
		if inside {
			out = append(out, statement{conn: m[1], text: m[3], xid: m[2] != "0"})
		}
	}
	return out
}

// signInsForCount is how many sign-ins statements are counted over.
const signInsForCount = 100

// countPostgres counts the statements of sign-ins that the built program does.
func (b *Bench) countPostgres(ctx context.Context, r *running, c *crowd) (known, fresh counted, err error) {
	admin, err := sql.Open("pgx", b.Cluster.DSN("postgres"))
	if err != nil {
		return known, fresh, err
	}
	defer admin.Close()
	if _, err = admin.ExecContext(ctx, "ALTER SYSTEM SET log_statement = 'all'"); err == nil {
		_, err = admin.ExecContext(ctx, "SELECT pg_reload_conf()")
	}
	if err != nil {
		return known, fresh, err
	}
	defer func() {
		_, _ = admin.ExecContext(ctx, "ALTER SYSTEM RESET log_statement")
		_, _ = admin.ExecContext(ctx, "SELECT pg_reload_conf()")
	}()
	time.Sleep(200 * time.Millisecond) // until every backend has heard
	one := func(known bool) (counted, error) {
		info, err := os.Stat(b.Cluster.Log)
		if err != nil {
			return counted{}, err
		}
		if err := signInsInTurn(c, r.addr, known); err != nil {
			return counted{}, err
		}
		time.Sleep(50 * time.Millisecond)
		text, err := os.ReadFile(b.Cluster.Log)
		if err != nil {
			return counted{}, err
		}
		return tally(parsePostgres(string(text[info.Size():])), signInsForCount), nil
	}
	if known, err = one(true); err != nil {
		return known, fresh, err
	}
	fresh, err = one(false)
	return known, fresh, err
}

func signInsInTurn(c *crowd, addr string, known bool) error {
	conn := dial(addr, 20*time.Second)
	defer conn.close()
	for range signInsForCount {
		if _, err := signIn(conn, c.someone(), known); err != nil {
			return err
		}
	}
	return nil
}

// SQLiteCounts is what the child process says that counts statements.
type SQLiteCounts struct{ Known, Fresh counted }

// CountSQLite serves a store of its own inside this process, signs people in and
// prints what the engine's own trace saw. The engine is in the server's process,
// so only a process that is both can look; the program itself has no such hook.
func CountSQLite(ctx context.Context, dir string) error {
	ran, err := traceSQLite()
	if err != nil {
		return err
	}
	s := site{name: "sqlite", dir: dir, costs: fastCost}
	h, err := s.open(ctx, false)
	if err != nil {
		return err
	}
	defer h.Close()
	phc, err := phcOf(ctx, s.costs)
	if err != nil {
		return err
	}
	crowds, err := seed(ctx, h, 1, hashed{2*signInsForCount + 10, phc})
	if err != nil {
		return err
	}
	serving, err := h.Serve(ctx, app.ServeOptions{})
	if err != nil {
		return err
	}
	defer serving.Close()
	addr := strings.TrimPrefix(serving.URL, "http://")
	var out SQLiteCounts
	for _, part := range []struct {
		known bool
		into  *counted
	}{{true, &out.Known}, {false, &out.Fresh}} {
		from := len(ran())
		if err := signInsInTurn(crowds[0], addr, part.known); err != nil {
			return err
		}
		*part.into = tally(ran()[from:], signInsForCount)
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func (b *Bench) countSQLite(ctx context.Context) (SQLiteCounts, error) {
	dir := filepath.Join(b.Dir, "count-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return SQLiteCounts{}, err
	}
	var out SQLiteCounts
	c, err := child(ctx, &out, "-child", "count", "-dir", dir)
	if err != nil {
		return out, err
	}
	return out, c.Wait()
}
