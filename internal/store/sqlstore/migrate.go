package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// VersionTable is where goose keeps what it applied.
const VersionTable = "goose_db_version"

// sideBySide is the meta key of a migration that only widens: its value
// "<version>:<oldest>" says that programs which know the schema up to <oldest>
// still run on <version> (row Q-06). Without it a newer schema is refused.
const sideBySide = "schema_runs_with"

// applied is what the store has; nothing when it was never migrated.
func (s *Store) applied(ctx context.Context) (has map[int64]time.Time, err error) {
	err = s.One(ctx, func(q db.DBTX) error {
		tables, err := s.Tables(ctx, q)
		if err != nil || !slices.Contains(tables, VersionTable) {
			return err
		}
		has, err = s.Applied(ctx, q)
		delete(has, 0) // goose's own first row
		return err
	})
	return has, translate(s, err)
}

// known lists the migrations that the program brings.
func known(p *goose.Provider) []store.Migration {
	var out []store.Migration
	for _, src := range p.ListSources() {
		name := strings.TrimSuffix(path.Base(src.Path), ".sql")
		if _, rest, ok := strings.Cut(name, "_"); ok {
			name = rest
		}
		out = append(out, store.Migration{Version: src.Version, Name: name})
	}
	return out
}

func newest(has map[int64]time.Time) (v int64) {
	for version := range has {
		v = max(v, version)
	}
	return v
}

// Check refuses a store that a newer program migrated, unless that one said
// that this program may go on beside it.
func (s *Store) Check(ctx context.Context) error {
	has, err := s.applied(ctx)
	if err != nil {
		return err
	}
	list, err := s.list()
	if err != nil {
		return err
	}
	ours, theirs := list[len(list)-1].Version, newest(has)
	if theirs <= ours {
		return nil
	}
	word, err := s.Meta(ctx, sideBySide)
	if err != nil {
		return err
	}
	version, oldest, _ := strings.Cut(word, ":")
	if version == fmt.Sprint(theirs) {
		if n, err := strconv.ParseInt(oldest, 10, 64); err == nil && n <= ours {
			return nil
		}
	}
	return fmt.Errorf("%w: its schema is version %d, this program knows up to %d", store.ErrNewerSchema, theirs, ours)
}

func (s *Store) list() (out []store.Migration, err error) {
	p, done, err := s.Migrator()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	return known(p), nil
}

func (s *Store) Migrations(ctx context.Context) ([]store.Migration, error) {
	out, err := s.list()
	if err != nil {
		return nil, err
	}
	has, err := s.applied(ctx)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].AppliedAt = has[out[i].Version]
	}
	return out, nil
}

// Blank asks for nothing that a migration may have changed: the first one makes
// tenants, whole or not at all.
func (s *Store) Blank(ctx context.Context) (bool, error) {
	has, err := s.applied(ctx)
	if err != nil || len(has) == 0 {
		return err == nil, err
	}
	var tenants int64
	err = s.One(ctx, func(q db.DBTX) error {
		return q.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM tenants LIMIT 1) AS t").Scan(&tenants)
	})
	return tenants == 0, translate(s, err)
}

// Migrate brings the schema up to date, a migration a transaction: killed at
// any point, the next run goes on where this one stopped.
func (s *Store) Migrate(ctx context.Context, report func(store.Migration)) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	return s.migrateTo(ctx, 0, report)
}

// migrateTo stops after a version; 0 means the newest.
//
// The lock is for goroutines of this process; among nodes the engine has one.
func (s *Store) migrateTo(ctx context.Context, last int64, report func(store.Migration)) (err error) {
	s.migrating.Lock()
	defer s.migrating.Unlock()
	p, done, err := s.Migrator()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	has, err := s.applied(ctx)
	if err != nil {
		return err
	}
	for _, m := range known(p) {
		if _, applied := has[m.Version]; applied || (last > 0 && m.Version > last) {
			continue
		}
		// Another node may have been faster: then there is nothing to do.
		ran, err := p.UpTo(ctx, m.Version)
		if err != nil {
			return translate(s, fmt.Errorf("migration %d %s: %w", m.Version, m.Name, err))
		}
		if report != nil && len(ran) > 0 {
			m.AppliedAt = s.instant()
			report(m)
		}
	}
	return nil
}

// ReadApplied reads rows of a version and the second it was applied.
func ReadApplied(rows *sql.Rows) (map[int64]time.Time, error) {
	defer rows.Close()
	out := map[int64]time.Time{}
	for rows.Next() {
		var version, second int64
		if err := rows.Scan(&version, &second); err != nil {
			return nil, err
		}
		out[version] = time.Unix(second, 0).UTC()
	}
	return out, rows.Err()
}
