package sqlstore

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// ErrNotEmpty says that a restore would have mixed two stores.
var ErrNotEmpty = errors.New("the store is not empty")

// Restore fills an empty store from a backup of either engine and brings its
// schema up to date. All rows come in one transaction. Who restores must raise
// the epoch before serving: what was spent since the backup must stay spent.
func (s *Store) Restore(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return fmt.Errorf("restore: %s is not a backup: %w", path, err)
	}
	if err := s.load(ctx, &backupReader{in: bufio.NewReaderSize(zip, 1<<16)}); err != nil {
		return fmt.Errorf("restore: %w", translate(s, err))
	}
	return s.migrateTo(ctx, 0, nil)
}

// backupReader reads lines of a backup.
type backupReader struct {
	in   *bufio.Reader
	line int64
}

func (r *backupReader) next() ([]byte, error) {
	b, err := r.in.ReadBytes('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the end has a line of its own
		}
		return nil, fmt.Errorf("the backup breaks off after line %d: %w", r.line, err)
	}
	r.line++
	return b, nil
}

func (s *Store) load(ctx context.Context, r *backupReader) error {
	line, err := r.next()
	if err != nil {
		return err
	}
	var head backupHead
	if err := json.Unmarshal(line, &head); err != nil || head.Format == 0 {
		return errors.New("the file is not a backup")
	}
	list, err := s.list()
	if err != nil {
		return err
	}
	if ours := list[len(list)-1].Version; head.Format > backupFormat || head.Schema > ours {
		return fmt.Errorf("%w: the backup's schema is version %d, this program knows up to %d", store.ErrNewerSchema, head.Schema, ours)
	}
	if err := s.empty(ctx); err != nil {
		return err
	}
	if err := s.migrateTo(ctx, head.Schema, nil); err != nil {
		return err
	}
	has, err := s.applied(ctx)
	if err != nil {
		return err
	}
	if v := newest(has); v != head.Schema {
		return fmt.Errorf("the store's schema is version %d and the backup's %d: restore into a new store", v, head.Schema)
	}
	return s.Write(ctx, func(q db.DBTX) error {
		if _, err := q.ExecContext(ctx, "DELETE FROM meta"); err != nil {
			return err
		}
		if err := s.loadTables(ctx, q, r); err != nil {
			return err
		}
		return s.Renumber(ctx, q)
	})
}

// empty refuses a store that has rows of anybody. What a store says about
// itself (meta) is no row of anybody's.
func (s *Store) empty(ctx context.Context) error {
	return s.One(ctx, func(q db.DBTX) error {
		has, err := s.Tables(ctx, q)
		if err != nil {
			return err
		}
		for _, table := range tableOrder {
			if table == "meta" || !slices.Contains(has, table) {
				continue
			}
			var n int64
			if err := q.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+table+" LIMIT 1) AS any_row").Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("%w: table %s has rows", ErrNotEmpty, table)
			}
		}
		return nil
	})
}

func (s *Store) loadTables(ctx context.Context, q db.DBTX, r *backupReader) error {
	var in *inserter
	got := map[string]int64{}
	for {
		line, err := r.next()
		if err != nil {
			return err
		}
		if line[0] == '[' {
			if in == nil {
				return fmt.Errorf("line %d is a row of no table", r.line)
			}
			if err := in.add(ctx, line); err != nil {
				return fmt.Errorf("line %d: %w", r.line, err)
			}
			continue
		}
		if in != nil {
			if err := in.flush(ctx); err != nil {
				return fmt.Errorf("table %s: %w", in.table.Table, err)
			}
			got[in.table.Table] = in.rows
		}
		var next struct {
			backupTable
			End *backupEnd `json:"end"`
		}
		if err := json.Unmarshal(line, &next); err != nil {
			return fmt.Errorf("line %d: %w", r.line, err)
		}
		if next.End != nil {
			return complete(got, next.End.Tables)
		}
		if in, err = newInserter(ctx, q, next.backupTable); err != nil {
			return fmt.Errorf("line %d: %w", r.line, err)
		}
	}
}

func complete(got, want map[string]int64) error {
	for table, n := range want {
		if got[table] != n {
			return fmt.Errorf("table %s came with %d rows of %d", table, got[table], n)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d tables came, the end speaks of %d", len(got), len(want))
	}
	return nil
}

// inserter writes rows of one table, many in a statement.
type inserter struct {
	q     db.DBTX
	table backupTable
	truth []bool // columns that want a truth value on this engine
	batch int
	args  []any
	rows  int64
}

// newInserter takes the names of tables and columns from this program's own
// lists and the store's catalogue, never from the file.
func newInserter(ctx context.Context, q db.DBTX, t backupTable) (*inserter, error) {
	if !slices.Contains(tableOrder[:], t.Table) {
		return nil, fmt.Errorf("%q is no table of ours", t.Table)
	}
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+t.Table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	has := map[string]string{}
	for _, c := range types {
		has[c.Name()] = strings.ToUpper(c.DatabaseTypeName())
	}
	in := &inserter{q: q, table: t, batch: max(1, 2000/max(1, len(t.Columns)))}
	for _, c := range t.Columns {
		kind, ok := has[c.Name]
		if !ok || columnKinds[kind] != c.Kind {
			return nil, fmt.Errorf("table %s has no column %q of kind %s", t.Table, c.Name, c.Kind)
		}
		in.truth = append(in.truth, kind == "BOOL")
	}
	if len(t.Columns) != len(has) {
		return nil, fmt.Errorf("table %s has %d columns, the backup %d", t.Table, len(has), len(t.Columns))
	}
	return in, rows.Err()
}

func (in *inserter) add(ctx context.Context, line []byte) error {
	var cells []any
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&cells); err != nil {
		return err
	}
	if len(cells) != len(in.table.Columns) {
		return fmt.Errorf("%d values for %d columns", len(cells), len(in.table.Columns))
	}
	for i, cell := range cells {
		v, err := value(cell, in.table.Columns[i].Kind)
		if err != nil {
			return fmt.Errorf("column %s: %w", in.table.Columns[i].Name, err)
		}
		if in.truth[i] {
			v = v != int64(0)
		}
		in.args = append(in.args, v)
	}
	in.rows++
	if len(in.args) >= in.batch*len(cells) {
		return in.flush(ctx)
	}
	return nil
}

func value(cell any, kind string) (any, error) {
	switch v := cell.(type) {
	case json.Number:
		if kind == "int" {
			return v.Int64()
		}
	case string:
		if kind == "text" {
			return v, nil
		}
		if kind == "blob" {
			return base64.StdEncoding.DecodeString(v)
		}
	}
	return nil, fmt.Errorf("%T is no %s", cell, kind)
}

func (in *inserter) flush(ctx context.Context) error {
	if len(in.args) == 0 {
		return nil
	}
	var sql strings.Builder
	sql.WriteString("INSERT INTO " + in.table.Table + " (")
	for i, c := range in.table.Columns {
		if i > 0 {
			sql.WriteString(", ")
		}
		sql.WriteString(c.Name)
	}
	sql.WriteString(") VALUES ")
	for i := range in.args {
		switch {
		case i == 0:
			sql.WriteString("(")
		case i%len(in.table.Columns) == 0:
			sql.WriteString("), (")
		default:
			sql.WriteString(", ")
		}
		fmt.Fprintf(&sql, "$%d", i+1)
	}
	sql.WriteString(")")
	_, err := in.q.ExecContext(ctx, sql.String(), in.args...)
	in.args = in.args[:0]
	return err
}
