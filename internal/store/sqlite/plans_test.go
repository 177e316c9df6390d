package sqlite

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

var (
	query = regexp.MustCompile("(?s)`-- name: (\\w+) :\\w+\n(.*?)`")
	place = regexp.MustCompile(`\$([0-9]+)`)
)

// TestPlans: no statement reads a whole table, but for those whose purpose that
// is. So what sign-in does costs the same with a thousand people and a million.
func TestPlans(t *testing.T) {
	whole := []string{
		"AllTenants", "CountUsers", "Keys", "EndAllAttempts", "EndAllFamilies", "EndAllSessions", "SupersedeAllTokens", "RaiseSteps", "EndRecoveryCodes", "HashSettings",
	}
	s := opened(t, file(t))
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../sqlstore/db/*.sql.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range query.FindAllStringSubmatch(string(text), -1) {
			seen++
			if slices.Contains(whole, q[1]) {
				continue
			}
			most := 0
			for _, p := range place.FindAllStringSubmatch(q[2], -1) {
				n, _ := strconv.Atoi(p[1])
				most = max(most, n)
			}
			err := s.One(t.Context(), func(on db.DBTX) error {
				rows, err := on.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q[2], make([]any, most)...)
				if err != nil {
					return err
				}
				defer rows.Close()
				var plan []string
				for rows.Next() {
					var a, b, c int
					var step string
					if err := rows.Scan(&a, &b, &c, &step); err != nil {
						return err
					}
					plan = append(plan, step)
				}
				for _, step := range plan {
					// A scan of an index in its order ends at a LIMIT or is a covering one.
					// d and line are results of the statement itself, not tables.
					if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "line") && step != "SCAN d" && !ordered(q[1]) {
						t.Errorf("%s reads a whole table:\n%s", q[1], strings.Join(plan, "\n"))
					}
					// A list that is sorted has been read to its end before the first row.
					if strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && slices.Contains(paged, q[1]) {
						t.Errorf("%s is sorted, not read in its order:\n%s", q[1], strings.Join(plan, "\n"))
					}
				}
				return rows.Err()
			})
			if err != nil {
				t.Fatalf("%s: %v", q[1], err)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d statements were looked at", seen)
	}
}

// TestPlansOfAChunk: what a chunk of people asks costs by their number, too.
func TestPlansOfAChunk(t *testing.T) {
	s := opened(t, file(t))
	if err := s.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for query, column := range map[string]string{sqlstore.BulkPlaces: "id", sqlstore.BulkLogins: "login_key", sqlstore.BulkAddresses: "u.email_key"} {
		among, arg, err := s.Among(column, []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		err = s.One(t.Context(), func(on db.DBTX) error {
			rows, err := on.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query+among, arg)
			if err != nil {
				return err
			}
			defer rows.Close()
			steps := 0
			for rows.Next() {
				var a, b, c int
				var step string
				if err := rows.Scan(&a, &b, &c, &step); err != nil {
					return err
				}
				steps++
				if strings.HasPrefix(step, "SCAN") && !strings.HasPrefix(step, "SCAN json_each") {
					t.Errorf("%s reads a whole table: %s", query, step)
				}
			}
			if steps == 0 {
				t.Errorf("%s has no plan", query)
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// paged are the lists of people, nodes and events: a page costs the same wherever
// it stands and however long the list is.
var paged = []string{
	"PeoplePage", "PeopleNamed", "PeopleOfFamily", "PeopleMailed", "Children", "NamedBelow", "DeletedBelow", "FindTenants", "DueTrials", "Erasable",
	"EventsHere", "AllJobs", "Users", "AllUsers", "Derived",
}

// ordered statements walk along an index and stop at their limit, or along one
// that has only the few rows that still wait for something.
func ordered(name string) bool {
	return slices.Contains([]string{"Unsealed", "LastBatch", "MailQueue", "ExpireLinkMails"}, name)
}

// TestTheBarReadsCounters: what the bar is drawn from looks at no account, so that it
// costs the same at a hundred people and at a million.
func TestTheBarReadsCounters(t *testing.T) {
	text, err := os.ReadFile("../sqlstore/db/tenants.sql.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, q := range query.FindAllStringSubmatch(string(text), -1) {
		if q[1] != "CountsHere" && q[1] != "CountsBelow" {
			continue
		}
		seen++
		if tables := regexp.MustCompile(`(?:FROM|JOIN) (\w+)`).FindAllStringSubmatch(q[2], -1); len(tables) != 2 || tables[0][1] != "tenants" || tables[1][1] != "people_counts" {
			t.Errorf("%s reads %v", q[1], tables)
		}
	}
	if seen != 2 {
		t.Errorf("%d statements count", seen)
	}
}
