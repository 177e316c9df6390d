package postgres

import (
	"context"
	"fmt"
	"strings"

	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

func (e *engine) Among(column string, list []string) (string, any, error) {
	return column + " = ANY(CAST($1 AS text[]))", list, nil
}

func (e *engine) ForShare() string { return " FOR SHARE" }

const addresses = "sallyport_addresses"

func (e *engine) LockAddress(ctx context.Context, q db.DBTX, name string) error {
	_, err := q.ExecContext(ctx, `SELECT pg_advisory_xact_lock_shared(hashtextextended(CAST($1 AS text), 0)),
		pg_advisory_xact_lock(hashtextextended(CAST($2 AS text), 0))`, addresses, name)
	return err
}

func (e *engine) LockAddresses(ctx context.Context, q db.DBTX) (bool, error) {
	return true, e.Lock(ctx, q, addresses)
}

// InsertMany sends each column as one array: a statement and a way to the server
// and back for all rows.
func (e *engine) InsertMany(ctx context.Context, q db.DBTX, table string, columns []sqlstore.Column, _ int, after string) error {
	var names, arrays []string
	var args []any
	for i, c := range columns {
		kind, values := "bytea", any(c.Blobs)
		switch {
		case c.Texts != nil:
			kind, values = "text", c.Texts
		case c.Ints != nil:
			kind, values = "bigint", c.Ints
		case c.Bools != nil:
			kind, values = "boolean", c.Bools
		}
		names = append(names, c.Name)
		arrays = append(arrays, fmt.Sprintf("CAST($%d AS %s[])", i+1, kind))
		args = append(args, values)
	}
	_, err := q.ExecContext(ctx, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") SELECT * FROM unnest("+strings.Join(arrays, ", ")+")"+after, args...)
	return err
}
