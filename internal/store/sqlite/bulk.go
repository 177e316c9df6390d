package sqlite

import (
	"context"
	"encoding/json"
	"strings"

	"sallyport/internal/store/sqlstore"
	"sallyport/internal/store/sqlstore/db"
)

func (e *engine) Among(column string, list []string) (string, any, error) {
	b, err := json.Marshal(list)
	return column + " IN (SELECT value FROM json_each($1))", string(b), err
}

// blocks are how many rows a statement inserts: the engine runs one that it has
// seen before for the cost of its values, so there are only a few shapes.
var blocks = []int{50, 5, 1}

func (e *engine) InsertMany(ctx context.Context, q db.DBTX, table string, columns []sqlstore.Column, rows int, after string) error {
	args := make([]any, 0, blocks[0]*len(columns))
	for at := 0; at < rows; {
		n := 1
		for _, block := range blocks {
			if at+block <= rows {
				n = block
				break
			}
		}
		args = args[:0]
		for i := at; i < at+n; i++ {
			for c := range columns {
				args = append(args, cell(&columns[c], i))
			}
		}
		if _, err := q.ExecContext(ctx, insertion(table, columns, n)+after, args...); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func cell(c *sqlstore.Column, i int) any {
	switch {
	case c.Texts != nil:
		return c.Texts[i]
	case c.Ints != nil:
		return c.Ints[i]
	case c.Bools != nil:
		return c.Bools[i]
	}
	return c.Blobs[i]
}

func insertion(table string, columns []sqlstore.Column, rows int) string {
	var sql strings.Builder
	sql.WriteString("INSERT INTO " + table + " (")
	for i, c := range columns {
		if i > 0 {
			sql.WriteString(", ")
		}
		sql.WriteString(c.Name)
	}
	// Not $1 and so on: those are names to this engine, and finding the name of one
	// among hundreds takes longer than everything else.
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	sql.WriteString(") VALUES " + row + strings.Repeat(", "+row, rows-1))
	return sql.String()
}
