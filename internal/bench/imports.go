package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sallyport/internal/roster"
)

// importPeople is how many one import brings in.
const importPeople = 60_000

// importedRow is the nth person of another system: a password hash, for every
// second one an app, and names in no order.
func importedRow(n int, tenant string) roster.Row {
	at := uint32(n) * 2654435761
	login := fmt.Sprintf("person.%08x.%d@imported.example", at, n)
	r := roster.Row{Login: login, Email: login, Name: "Anna Müller", Tenant: tenant, Locale: "de", PasswordHash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"}
	if n%2 == 0 {
		r.TOTPSecret, r.TOTPDigits = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "6"
	}
	return r
}

// importFile writes people as lines of JSON.
func importFile(path string, people int, tenant string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for n := range people {
		if err := enc.Encode(importedRow(n, tenant)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// imports measures the verb that brings people in: from the start of the program
// to its end, the file read, every row checked and durably stored.
func (b *Bench) imports(ctx context.Context, engine string) error {
	s, _, err := b.site(ctx, engine, fastCost)
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "people.ndjson")
	if err := importFile(file, importPeople, "Bench GmbH"); err != nil {
		return err
	}
	first, cpu, err := b.importOnce(ctx, s, file, importPeople)
	if err != nil {
		return err
	}
	again, _, err := b.importOnce(ctx, s, file, 0)
	if err != nil {
		return err
	}
	rate := func(d time.Duration) float64 { return importPeople / d.Seconds() }
	where := place(engine, importPeople)
	b.row(Row{ID: "P10", Work: "people brought in with password hashes, every second with an app, " + where, Limit: "—",
		Ours: fmt.Sprintf("%s (%s CPU each)", perSecond(rate(first)), us(cpu/importPeople)), Ratio: "—", Goal: "≥ 20,000/s", Reached: reached(rate(first) >= 20_000)})
	b.row(Row{ID: "P10", Work: "the same file once more, everybody being there, " + where, Limit: "—", Ours: perSecond(rate(again)), Ratio: "—"})
	return nil
}

func (b *Bench) importOnce(ctx context.Context, s site, file string, want int) (took, cpu time.Duration, err error) {
	database := func() (time.Duration, error) {
		if s.name != "postgres" {
			return 0, nil
		}
		return b.clusterCPU()
	}
	before, err := database()
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, b.Binary, "import", "people", file, "--json")
	cmd.Env, cmd.Dir = s.settings("127.0.0.1:0", "127.0.0.1:0"), s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("import: %w: %s", err, errs.String())
	}
	took = time.Since(began)
	var report struct{ Created, Existing int }
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return 0, 0, err
	}
	if report.Created != want || report.Created+report.Existing != importPeople {
		return 0, 0, fmt.Errorf("import: %s", out.String())
	}
	after, err := database()
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + after - before, err
}
