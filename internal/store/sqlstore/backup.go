package sqlstore

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sallyport/internal/store/sqlstore/db"
)

// A backup is gzipped lines of JSON, the same from both engines, so that it
// also moves a store from one to the other:
//
//	{"sallyport_backup":1,"schema":5}
//	{"table":"tenants","columns":[{"name":"id","kind":"text"},…]}
//	["tn_…","",…]                      one line per row
//	…
//	{"end":{"tables":{"tenants":12,…}}}
//
// The last line proves that nothing is missing at the end.
const backupFormat = 1

type backupHead struct {
	Format int   `json:"sallyport_backup"`
	Schema int64 `json:"schema"`
}

type backupTable struct {
	Table   string         `json:"table"`
	Columns []backupColumn `json:"columns"`
}

type backupColumn struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "int" (truth values too), "text" or "blob"
}

type backupEnd struct {
	Tables map[string]int64 `json:"tables"`
}

// Tables in an order that has every row after those it refers to.
var tableOrder = [...]string{
	"meta", "tenants", "users", "people_counts", "passwords", "browsers", "custom_roles", "roles", "service_accounts", "budgets", "factors",
	"attempts", "sessions", "tokens", "jobs", "apps", "app_secrets", "app_hosts", "families", "host_cookies", "devices", "connections", "spent", "replies",
	"audit_events", "audit_batches", "outbox", "changes", "keyrings", "leases",
}

// rowOrder is for tables whose first column does not tell rows apart: the same
// store gives the same lines.
var rowOrder = map[string]string{
	"budgets": "tenant_id, user_id, name", "roles": "user_id, held_on, role", "people_counts": "tenant_id, standing, slot", "jobs": "tenant_id, kind",
	"connections": "user_id, app_id", "spent": "kind, mark",
}

// Backup reads all tables on one snapshot while others go on writing.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	has, err := s.applied(ctx)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("backup: %w", e)
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	buf := bufio.NewWriterSize(f, 1<<16)
	zip := gzip.NewWriter(buf)
	if err := s.Read(ctx, func(q db.DBTX) error { return s.dump(ctx, q, zip, newest(has)) }); err != nil {
		return fmt.Errorf("backup: %w", translate(s, err))
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return f.Sync()
}

func (s *Store) dump(ctx context.Context, q db.DBTX, to io.Writer, schema int64) error {
	has, err := s.Tables(ctx, q)
	if err != nil {
		return err
	}
	out := json.NewEncoder(to)
	out.SetEscapeHTML(false)
	if err := out.Encode(backupHead{Format: backupFormat, Schema: schema}); err != nil {
		return err
	}
	end := backupEnd{Tables: map[string]int64{}}
	for _, table := range tableOrder {
		if !slices.Contains(has, table) {
			continue // the schema is older than this program
		}
		n, err := dumpTable(ctx, q, out, table)
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		end.Tables[table] = n
	}
	return out.Encode(map[string]backupEnd{"end": end})
}

func dumpTable(ctx context.Context, q db.DBTX, out *json.Encoder, table string) (n int64, err error) {
	order := "1"
	if by, more := rowOrder[table]; more {
		order = by
	}
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+table+" ORDER BY "+order)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	head := backupTable{Table: table}
	for _, c := range types {
		kind, ok := columnKinds[strings.ToUpper(c.DatabaseTypeName())]
		if !ok {
			return 0, fmt.Errorf("column %s has type %s, which no backup knows", c.Name(), c.DatabaseTypeName())
		}
		head.Columns = append(head.Columns, backupColumn{c.Name(), kind})
	}
	if err := out.Encode(head); err != nil {
		return 0, err
	}
	row := make([]any, len(types))
	into := make([]any, len(types))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if err := rows.Scan(into...); err != nil {
			return n, err
		}
		for i, v := range row {
			switch v := v.(type) {
			case bool:
				row[i] = truth(v)
			case []byte: // no column is NULL: an empty blob may look so
				row[i] = bytesIn(v)
			}
		}
		if err := out.Encode(row); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

var columnKinds = map[string]string{
	"TEXT": "text", "INTEGER": "int", "INT8": "int", "BOOL": "int", "BLOB": "blob", "BYTEA": "blob",
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// TableNames lists the tables that a backup has, all of ours.
func TableNames() []string { return slices.Clone(tableOrder[:]) }
