package roster

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sallyport/internal/core"
)

// Reader reads the rows of a file.
type Reader interface {
	// Next returns the next row, and io.EOF after the last. A BadRow is about one
	// row and the reader goes on; any other error ends it.
	Next() (Row, error)
}

// BadRow is a row that could not be read.
type BadRow struct {
	Where string
	Fault *core.Fault
}

func (e BadRow) Error() string { return e.Where + ": " + e.Fault.Error() }

// Skipped is an entry of a file that is no person.
type Skipped struct{ Note string }

func (e Skipped) Error() string { return e.Note }

// Formats of files of people.
const (
	FormatNDJSON = "ndjson"
	FormatCSV    = "csv"
)

// maxLine bounds a line of JSON. A person with everything has a few hundred
// bytes.
const maxLine = 1 << 20

// NewReader reads lines of JSON or CSV; an empty format is told by how the file
// begins.
func NewReader(in io.Reader, format string, m Mapping) (Reader, error) {
	buf := bufio.NewReaderSize(in, 1<<16)
	if head, err := buf.Peek(3); err == nil && bytes.Equal(head, []byte("\ufeff")) {
		_, _ = buf.Discard(3) // what spreadsheets put in front; it was just seen
	}
	if format == "" {
		head, _ := buf.Peek(1 << 12) // an error comes again when it is read
		format = FormatCSV
		if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 && head[0] == '{' {
			format = FormatNDJSON
		}
	}
	switch format {
	case FormatNDJSON:
		return &lines{in: buf, mapping: m}, nil
	case FormatCSV:
		return newTable(buf, m)
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

// lines reads NDJSON.
type lines struct {
	in      *bufio.Reader
	mapping Mapping
	line    int64
}

func (l *lines) Next() (Row, error) {
	for {
		text, long, err := l.read()
		if err != nil {
			return Row{}, err
		}
		where := "line " + strconv.FormatInt(l.line, 10)
		if long {
			return Row{}, BadRow{where, core.Invalid("import.line_too_long", "max", maxLine)}
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		row, fault := l.parse(text)
		if fault != nil {
			return Row{}, BadRow{where, fault}
		}
		row.Where = where
		return row, nil
	}
}

// read returns the next line. Of one that is too long nothing is kept.
func (l *lines) read() (text []byte, long bool, err error) {
	l.line++
	for {
		part, err := l.in.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			long, text = true, nil
		}
		if !long {
			text = append(text, part...)
		}
		switch {
		case err == nil:
			return text, long, nil
		case errors.Is(err, io.EOF) && (len(text) > 0 || long):
			return text, long, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
	}
}

func (l *lines) parse(text []byte) (Row, *core.Fault) {
	if !utf8.Valid(text) {
		return Row{}, core.Invalid("import.not_utf8")
	}
	if len(l.mapping) == 0 {
		if row, ok := flat(text); ok {
			return row, nil
		}
	}
	var cells map[string]json.RawMessage
	if json.Unmarshal(text, &cells) != nil {
		return Row{}, core.Invalid("import.not_json")
	}
	var row Row
	for _, name := range slices.Sorted(maps.Keys(cells)) {
		raw := cells[name]
		field, known := l.mapping.column(name)
		if !known {
			return Row{}, unknownColumn(name)
		}
		if field == nil {
			continue
		}
		value, ok := plainText(raw)
		if !ok {
			return Row{}, core.Invalid("import.value_shape", "column", columnName(name))
		}
		*field(&row) = value
	}
	return row, nil
}

// unknownColumn names a key of JSON only when it looks like a name.
func unknownColumn(name string) *core.Fault {
	f := core.Invalid("import.column_unknown")
	if isName(name) {
		f = f.With("column", name)
	}
	return f
}

func isName(s string) bool {
	return s != "" && len(s) <= 40 && !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ .-", r)
	})
}

// plainText is a JSON value as a cell would hold it.
func plainText(raw json.RawMessage) (string, bool) {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "", true
	case raw[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	case raw[0] == '[':
		var list []string
		err := json.Unmarshal(raw, &list)
		return strings.Join(list, ","), err == nil
	case raw[0] == '{':
		return "", false
	}
	return string(raw), true // a number or a truth value
}

// table reads CSV.
type table struct {
	in     *csv.Reader
	fields []func(*Row) *string
}

// HeaderError is a first line that is no header.
type HeaderError struct {
	Column  int    // the first that is unknown, from 1; 0: none is known
	Name    string // empty unless it is surely a name
	Missing bool   // neither login nor email
	Twice   bool
}

func (e HeaderError) Error() string {
	switch {
	case e.Missing:
		return "the first line names neither login nor email: a header is needed, and --map THEIRS=OURS says which column is which"
	case e.Twice:
		return fmt.Sprintf("column %d of the header is one that came before", e.Column)
	case e.Name != "":
		return fmt.Sprintf("column %d of the header is %q, which is none of ours: --map %q=OURS says which it is, =- leaves it out", e.Column, e.Name, e.Name)
	}
	return fmt.Sprintf("column %d of the header is none of ours: --map THEIRS=OURS says which it is, =- leaves it out", e.Column)
}

func newTable(in *bufio.Reader, m Mapping) (*table, error) {
	first, err := in.Peek(in.Size())
	if len(first) == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, err
	}
	first, _, _ = bytes.Cut(first, []byte("\n"))
	t := &table{in: csv.NewReader(in)}
	t.in.Comma = ','
	for _, c := range []rune{';', '\t'} {
		if strings.Count(string(first), string(c)) > strings.Count(string(first), string(t.in.Comma)) {
			t.in.Comma = c
		}
	}
	t.in.FieldsPerRecord = -1
	t.in.ReuseRecord = true
	header, err := t.in.Read()
	if err != nil {
		return nil, errors.New("the first line is no header of CSV")
	}
	// A line of data has no column that is called login or email. Nothing of it may
	// be shown: it has secrets.
	var row Row
	unknown := -1
	for i, name := range header {
		field, known := m.column(name)
		if !known && unknown < 0 {
			unknown = i
		}
		if field != nil && slices.ContainsFunc(t.fields, func(f func(*Row) *string) bool { return f != nil && f(&row) == field(&row) }) {
			return nil, HeaderError{Column: i + 1, Twice: true}
		}
		t.fields = append(t.fields, field)
	}
	has := func(p *string) bool {
		return slices.ContainsFunc(t.fields, func(f func(*Row) *string) bool { return f != nil && f(&row) == p })
	}
	if !has(&row.Login) && !has(&row.Email) {
		return nil, HeaderError{Missing: true}
	}
	if unknown >= 0 {
		e := HeaderError{Column: unknown + 1}
		if isName(header[unknown]) {
			e.Name = header[unknown]
		}
		return nil, e
	}
	return t, nil
}

func (t *table) Next() (Row, error) {
	cells, err := t.in.Read()
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return Row{}, BadRow{fmt.Sprintf("line %d", bad.StartLine), core.Invalid("import.not_csv")}
	}
	if err != nil {
		return Row{}, err
	}
	line, _ := t.in.FieldPos(0)
	row := Row{Where: "line " + strconv.Itoa(line)}
	if len(cells) != len(t.fields) {
		return Row{}, BadRow{row.Where, core.Invalid("import.cells", "has", len(cells), "header", len(t.fields))}
	}
	for i, cell := range cells {
		if t.fields[i] == nil {
			continue
		}
		if !utf8.ValidString(cell) {
			return Row{}, BadRow{row.Where, core.Invalid("import.not_utf8")}
		}
		*t.fields[i](&row) = bareCell(cell)
	}
	return row, nil
}

// guarded are beginnings that a spreadsheet takes for a formula.
const guarded = "=+-@\t\r"

// guardedCell keeps a cell from being run by a spreadsheet, and bareCell takes
// the guard off again.
func guardedCell(s string) string {
	if s != "" && strings.IndexByte(guarded, s[0]) >= 0 {
		return "'" + s
	}
	return s
}

func bareCell(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte(guarded, s[1]) >= 0 {
		return s[1:]
	}
	return s
}
