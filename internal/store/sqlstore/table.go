package sqlstore

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Column is one column of rows that are inserted together. Exactly one of its
// lists is filled.
type Column struct {
	Name  string
	Texts []string
	Ints  []int64
	Bools []bool
	Blobs [][]byte
}

// table gathers rows by the column. A row is the parameters of the statement
// that inserts one, so that a new column of the schema comes along by itself.
type table struct {
	name    string
	rows    int
	room    int
	columns []Column
	fields  [][]int  // where in a row each column is
	zeros   []string // columns that the statement fills with 0
	after   string   // ends the statement
}

// newTable makes room for as many rows as are likely.
func newTable(name string, room int, zeros ...string) *table {
	return &table{name: name, room: room, zeros: zeros}
}

func push[T any](list []T, v T, room int) []T {
	if list == nil {
		list = make([]T, 0, room)
	}
	return append(list, v)
}

func (t *table) add(row any) {
	v := reflect.ValueOf(row)
	if t.rows == 0 {
		for _, f := range reflect.VisibleFields(v.Type()) {
			if !f.Anonymous {
				t.columns, t.fields = append(t.columns, Column{Name: columnOf(f.Name)}), append(t.fields, f.Index)
			}
		}
		for _, name := range t.zeros {
			t.columns = append(t.columns, Column{Name: name})
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		if i >= len(t.fields) {
			c.Ints = push(c.Ints, 0, t.room)
			continue
		}
		switch f := v.FieldByIndex(t.fields[i]); f.Kind() {
		case reflect.String:
			c.Texts = push(c.Texts, f.String(), t.room)
		case reflect.Int64:
			c.Ints = push(c.Ints, f.Int(), t.room)
		case reflect.Bool:
			c.Bools = push(c.Bools, f.Bool(), t.room)
		case reflect.Slice:
			c.Blobs = push(c.Blobs, f.Bytes(), t.room)
		default:
			panic(fmt.Sprintf("sqlstore: column %s of %s holds a %s", c.Name, t.name, f.Type()))
		}
	}
	t.rows++
}

// columnOf is the column behind a field of the generated code: TenantID is
// tenant_id, LastSignInAt is last_sign_in_at.
func columnOf(field string) string {
	var b strings.Builder
	before := 'A'
	for _, r := range field {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		before = r
	}
	return b.String()
}
