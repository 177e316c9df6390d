//go:build soak

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/need"
)

// TestSoakKilledUnderLoad is TestKilledUnderLoad with the large number, or with
// SOAK_KILLS. With SOAK_KEEP its figures go into docs/soak.md.
func TestSoakKilledUnderLoad(t *testing.T) {
	kills := 500
	if v := os.Getenv("SOAK_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("SOAK_KILLS is %q; it is how often to kill", v)
		}
		kills = n
	}
	began := time.Now()
	var rows []killed
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) { rows = append(rows, killLoop(t, engine, kills)) })
	}
	if t.Failed() {
		return // no figures of a run that did not hold
	}
	text := figures(rows, time.Since(began))
	t.Log("\n" + text)
	if os.Getenv("SOAK_KEEP") != "" {
		if err := keepFigures(filepath.Join(need.Root(t), "docs", "soak.md"), text); err != nil {
			t.Fatal(err)
		}
	}
}

func figures(rows []killed, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Run on %s UTC, %d cores, %s. It took %s.\n\n", time.Now().UTC().Format("2006-01-02 15:04"), runtime.NumCPU(), runtime.Version(), took.Round(time.Second))
	b.WriteString("| store | kills | acknowledged sign-ins | serving again after at most | pages of new codes that never arrived |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %v | %d |\n", r.engine, r.kills, r.signIns, r.slowest.Round(time.Millisecond), r.lost)
	}
	return b.String()
}

// keepFigures puts them between the two marks of the file.
func keepFigures(path, text string) error {
	const begins, ends = "<!-- the last run -->\n", "<!-- end of the last run -->\n"
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(doc), begins)
	_, after, also := strings.Cut(rest, ends)
	if !ok || !also {
		return fmt.Errorf("%s has no place for the figures", path)
	}
	return os.WriteFile(path, []byte(before+begins+"\n"+text+"\n"+ends+after), 0o644)
}

// TestSoakImportedPeople is TestImportedPeopleOfManyTenants with a million people
// of ten thousand organisations, on both stores.
func TestSoakImportedPeople(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) { importMany(t, engine, 1_000_000, 10_000) })
	}
}
