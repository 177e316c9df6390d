package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/secret"
)

// Cluster is the PostgreSQL that a run may use.
type Cluster struct {
	DSN    func(database string) string
	Create func(ctx context.Context, database string) error
	PID    int    // of the process whose children serve connections
	Log    string // its log file, with logPrefix before each line
}

// LogPrefix is the log_line_prefix that a Cluster must have.
const LogPrefix = logPrefix

// Bench is one run.
type Bench struct {
	Dir     string // empty; everything is made in here
	Binary  string // the built program
	Cluster *Cluster
	Small   int      // people in the small stores
	Large   int      // and in the large ones
	Huge    int      // and in the largest, with 10,000 tenants; 0 leaves them out
	Only    []string // parts to run: statements, steps, sign-ins, checks, proxied, tokens, storm, memory, imports, sizes, switch; empty is all
	Say     func(format string, args ...any)

	rows   []Row
	limits limits
	sites  int
}

type limits struct {
	library, own  float64       // hashes per second on all cores
	fast          time.Duration // CPU of one cheap hash
	bare          result
	bareCPU       time.Duration
	commit        map[string]time.Duration
	commitsSecond map[string]float64
}

const clients = 32

// Run measures everything and returns the rows.
func (b *Bench) Run(ctx context.Context) ([]Row, error) {
	if err := b.measureLimits(ctx); err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	engines := []string{"sqlite"}
	if b.Cluster != nil {
		engines = append(engines, "postgres")
	}
	for _, engine := range engines {
		if err := b.small(ctx, engine); err != nil {
			return nil, fmt.Errorf("%s, %d people: %w", engine, b.Small, err)
		}
		if b.wants("imports") {
			if err := b.imports(ctx, engine); err != nil {
				return nil, fmt.Errorf("%s, import: %w", engine, err)
			}
		}
		if b.Large == 0 {
			continue
		}
		for _, part := range []struct {
			name string
			run  func(context.Context, string) error
		}{{"sizes", b.sizes}, {"switch", b.switching}} {
			if !b.wants(part.name) {
				continue
			}
			if err := part.run(ctx, engine); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", engine, part.name, err)
			}
		}
		if err := b.large(ctx, engine); err != nil {
			return nil, fmt.Errorf("%s, %d people: %w", engine, b.Large, err)
		}
	}
	slices.SortStableFunc(b.rows, func(x, y Row) int { return goalNumber(x.ID) - goalNumber(y.ID) })
	return b.rows, nil
}

// goalNumber is 10 of P10.
func goalNumber(id string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(id, "P")) // what is no goal stands first
	return n
}

func (b *Bench) row(r Row) {
	b.rows = append(b.rows, r)
	b.Say("%s %s: %s (limit %s) goal %s %s", r.ID, r.Work, r.Ours, r.Limit, r.Goal, r.Reached)
}

func (b *Bench) measureLimits(ctx context.Context) (err error) {
	l := &b.limits
	b.Say("measuring limits on %d cores", runtime.NumCPU())
	if l.fast, err = hashCPU(fastCost, 2000); err != nil {
		return err
	}
	var addr string
	bare, err := child(ctx, &addr, "-child", "bare")
	if err != nil {
		return err
	}
	defer func() {
		_ = bare.Process.Kill()
		_ = bare.Wait() // it was killed, which it says
	}()
	conns := dialAll(addr, 8)
	defer closeAll(conns)
	cpu := func() (time.Duration, error) { return treeCPU(bare.Process.Pid) }
	get := func(i int) error {
		a, err := conns[i].do("GET", checkPath, "sallyport=0123456789012345678901234567890123456789012", "")
		if err == nil && a.status != 200 {
			err = fmt.Errorf("status %d", a.status)
		}
		return err
	}
	if l.bare, l.bareCPU, err = perOp(ctx, load{clients: 8, most: 1 << 30, limit: 3 * time.Second}, cpu, get); err != nil {
		return err
	}
	b.Say("bare net/http: %s, %s of CPU each", perSecond(l.bare.rate()), us(l.bareCPU))
	l.commit, l.commitsSecond = map[string]time.Duration{}, map[string]float64{}
	if l.commit["sqlite"], l.commitsSecond["sqlite"], err = commitCPU(ctx, "sqlite", b.Dir, nil); err != nil {
		return err
	}
	if b.Cluster != nil {
		if err = b.Cluster.Create(ctx, "bare"); err != nil {
			return err
		}
		l.commit["postgres"], l.commitsSecond["postgres"], err = commitCPU(ctx, "postgres", b.Cluster.DSN("bare"), b.clusterCPU)
	}
	b.Say("bare commits: %v", l.commit)
	return err
}

func (b *Bench) clusterCPU() (time.Duration, error) { return treeCPU(b.Cluster.PID) }

// site makes a store with people in it.
func (b *Bench) site(ctx context.Context, engine string, c cost, kinds ...hashed) (site, []*crowd, error) {
	b.sites++
	s := site{name: engine, dir: filepath.Join(b.Dir, fmt.Sprintf("site%d", b.sites)), costs: c}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return s, nil, err
	}
	workers := 1
	if engine == "postgres" {
		db := fmt.Sprintf("site%d", b.sites)
		if err := b.Cluster.Create(ctx, db); err != nil {
			return s, nil, err
		}
		s.dsn, workers = b.Cluster.DSN(db), 8
		if _, err := secret.CreateMaster(filepath.Join(s.dir, "master.key")); err != nil {
			return s, nil, err
		}
	}
	h, err := s.open(ctx, true)
	if err != nil {
		return s, nil, err
	}
	defer h.Close()
	began := time.Now()
	crowds, err := seed(ctx, h, workers, kinds...)
	if err == nil {
		s.apps, err = register(ctx, h)
	}
	n := 0
	for _, k := range kinds {
		n += k.count
	}
	b.Say("%s: %d people stored in %.1f s", engine, n, time.Since(began).Seconds())
	return s, crowds, err
}

// phcOf hashes the passphrase once; everybody gets the same hash.
func phcOf(ctx context.Context, c cost) (string, error) {
	h, err := secret.NewHasher(secret.HasherOptions{Cost: secret.Cost{MemoryKiB: uint32(c.memoryKiB), Time: uint32(c.time), Lanes: 1}, Workers: 1})
	if err != nil {
		return "", err
	}
	defer h.Close()
	return h.Hash(ctx, secret.Lane{}, passphrase)
}

// running is a served site.
type running struct {
	*server
	b    *Bench
	site site
}

func (b *Bench) serve(s site) (*running, error) {
	srv, err := s.serve(b.Binary)
	if err != nil {
		return nil, err
	}
	return &running{srv, b, s}, nil
}

// cpu is the server's CPU time, with the database's on PostgreSQL.
func (r *running) cpu() (time.Duration, error) {
	own, err := treeCPU(r.pid())
	if err != nil || r.site.name == "sqlite" {
		return own, err
	}
	theirs, err := r.b.clusterCPU()
	return own + theirs, err
}

func dialAll(addr string, n int) []*client {
	out := make([]*client, n)
	for i := range out {
		out[i] = dial(addr, 30*time.Second)
	}
	return out
}

func closeAll(conns []*client) {
	for _, c := range conns {
		c.close()
	}
}
