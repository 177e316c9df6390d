package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/internal/store/postgres"
	"sallyport/internal/testkit/pgtest"
)

var (
	statement = regexp.MustCompile("(?s)`-- name: (\\w+) :\\w+\n(.*?)`")
	parameter = regexp.MustCompile(`\$([0-9]+)`)
)

// pages are the lists of which a page must cost the same wherever it stands.
var pages = []string{"PeoplePage", "PeopleNamed", "PeopleOfFamily", "PeopleMailed", "Children", "NamedBelow", "EventsHere", "Users", "AllUsers", "AllJobs"}

// TestPlans: where PostgreSQL is kept from reading tables whole and from sorting, it
// finds a way without for everything that grows with the number of people. Planners
// choose by size; that there is something to choose is what a test can hold.
func TestPlans(t *testing.T) {
	dsn := pgtest.Database(t)
	s := at(t, dsn, postgres.Options{Now: time.Now})
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, set := range []string{"plan_cache_mode = force_generic_plan", "enable_seqscan = off", "enable_sort = off", "enable_hashjoin = off", "enable_mergejoin = off"} {
		if _, err := conn.Exec(t.Context(), "SET "+set); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("../sqlstore/db/*.sql.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	whole := []string{
		"AllTenants", "CountUsers", "Keys", "EndAllAttempts", "EndAllFamilies", "EndAllSessions", "SupersedeAllTokens", "RaiseSteps", "EndRecoveryCodes", "HashSettings",
	}
	seen := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range statement.FindAllStringSubmatch(string(text), -1) {
			if slices.Contains(whole, q[1]) || strings.HasPrefix(strings.TrimSpace(q[2]), "INSERT") {
				continue
			}
			seen++
			plan, err := explain(t, conn, q[1], q[2])
			if err != nil {
				t.Fatalf("%s: %v", q[1], err)
			}
			if strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s reads a whole table:\n%s", q[1], plan)
			}
			if slices.Contains(pages, q[1]) && (strings.Contains(plan, "Sort Key") || strings.Contains(plan, "Presorted")) {
				t.Errorf("%s is sorted, not read in its order:\n%s", q[1], plan)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d statements were looked at", seen)
	}
}

func explain(t *testing.T, conn *pgx.Conn, name, sql string) (string, error) {
	most := 0
	for _, p := range parameter.FindAllStringSubmatch(sql, -1) {
		n, _ := strconv.Atoi(p[1])
		most = max(most, n)
	}
	ctx := t.Context()
	if _, err := conn.Exec(ctx, fmt.Sprintf("PREPARE %q AS %s", name, strings.TrimRight(strings.TrimSpace(sql), ";"))); err != nil {
		return "", err
	}
	args := ""
	if most > 0 {
		args = "(" + strings.TrimSuffix(strings.Repeat("NULL,", most), ",") + ")"
	}
	rows, err := conn.Query(ctx, fmt.Sprintf("EXPLAIN (COSTS OFF) EXECUTE %q%s", name, args), pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return "", err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(lines, "\n"), err
}
