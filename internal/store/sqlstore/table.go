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
	columns []Column
	zeros   []string // columns that the statement fills with 0
}

func newTable(name string, zeros ...string) *table { return &table{name: name, zeros: zeros} }

func (t *table) add(row any) {
	v := reflect.ValueOf(row)
	if t.rows == 0 {
		for f := range v.Type().Fields() {
			t.columns = append(t.columns, Column{Name: columnOf(f.Name)})
		}
		for _, name := range t.zeros {
			t.columns = append(t.columns, Column{Name: name})
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		if i >= v.NumField() {
			c.Ints = append(c.Ints, 0)
			continue
		}
		switch x := v.Field(i).Interface().(type) {
		case string:
			c.Texts = append(c.Texts, x)
		case int64:
			c.Ints = append(c.Ints, x)
		case bool:
			c.Bools = append(c.Bools, x)
		case []byte:
			c.Blobs = append(c.Blobs, x)
		default:
			panic(fmt.Sprintf("sqlstore: column %s of %s holds a %T", c.Name, t.name, x))
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
