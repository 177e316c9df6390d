package pgtest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Own gives a folder to the user that the server runs as.
func (s *Server) Own(path string) error {
	if s.as == nil {
		return nil
	}
	return os.Chown(path, int(s.as.Uid), int(s.as.Gid))
}

// Pooler runs pgbouncer in front of the cluster until the test ends, and
// returns the DSN of a database through it. It is watched over as the server is.
func (s *Server) Pooler(t testing.TB, program, database, settings string) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(s.dir, "pooler.ini")
	text := fmt.Sprintf("[databases]\n%s = host=127.0.0.1 port=%d user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
		"auth_type = any\nunix_socket_dir =\n%s", database, s.port, port, settings)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := s.command("/bin/sh", "-c", watchPooler, "watch", program, config)
	leash, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(s.dir, "pooler.log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leash.Close()
		_ = c.Wait() // it was told to end
	})
	dsn := "postgres://postgres@127.0.0.1:" + strconv.Itoa(port) + "/" + database + "?sslmode=disable"
	var last error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if last = answersAt(dsn); last == nil {
			return dsn
		}
	}
	said, _ := os.ReadFile(log)
	t.Fatalf("pgbouncer does not answer: %v\n%s", last, said)
	return ""
}

const watchPooler = `"$@" </dev/null &
pooler=$!
read -r word
kill "$pooler" 2>/dev/null
wait "$pooler" 2>/dev/null
exit 0`

func answersAt(dsn string) error {
	pool, err := sql.Open("pgx", dsn+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		return err
	}
	defer pool.Close()
	return pool.Ping()
}
