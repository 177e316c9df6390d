package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// rows reads everything: rows, and what was wrong as "where: code".
func rows(t testing.TB, r Reader) (out []Row, bad []string) {
	t.Helper()
	for {
		row, err := r.Next()
		var b BadRow
		var s Skipped
		switch {
		case errors.Is(err, io.EOF):
			return out, bad
		case errors.As(err, &b):
			bad = append(bad, b.Where+": "+b.Fault.Code)
		case errors.As(err, &s):
			bad = append(bad, "skipped: "+s.Note)
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, row)
		}
	}
}

func read(t testing.TB, text, format string, pairs ...string) ([]Row, []string) {
	t.Helper()
	m, err := ParseMapping(pairs)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(strings.NewReader(text), format, m)
	if err != nil {
		t.Fatal(err)
	}
	return rows(t, r)
}

func TestLinesOfJSON(t *testing.T) {
	text := "\ufeff" + `{"login":"anna","email":"Anna@example.com","name":"Anna Ö","tenant":"A/B","kind":"person","status":"active","locale":"de","roles":["user","helpdesk"],"federated":false,"password_hash":"$2b$","must_change":true,"totp_secret":"AAAA","totp_digits":6,"totp_period":30,"totp_algorithm":"SHA1"}` + "\n" +
		"\n   \r\n" +
		`{"LOGIN":"ben","e-mail":"ben@example.com","roles":"user","federated":null,"id":"us_1","mfa_status":"enabled","created_at":"2026-01-01","last_sign_in_at":"","shoe":44}` + "\n" +
		"[1]\n" + `{"login":"x"` + "\n" + `{"login":{"a":1}}` + "\n" + `{"login":"x","$2b$10$secretsecret":"y"}` + "\n" + `{"login":"x","hat":"y"}` + "\n" +
		"{\"login\":\"\xff\"}\n" + `{"login":"` + strings.Repeat("a", maxLine) + `"}` + "\n" + `{"roles":[1]}` + "\n" +
		`{"login":"last"}`
	got, bad := read(t, text, "", "e-mail=email", "shoe=-")
	want := []Row{
		{Login: "anna", Email: "Anna@example.com", Name: "Anna Ö", Tenant: "A/B", Kind: "person", Status: "active", Locale: "de", Roles: "user,helpdesk", Federated: "false",
			PasswordHash: "$2b$", MustChange: "true", TOTPSecret: "AAAA", TOTPDigits: "6", TOTPPeriod: "30", TOTPAlgorithm: "SHA1", Where: "line 1"},
		{Login: "ben", Email: "ben@example.com", Roles: "user", Where: "line 4"},
		{Login: "last", Where: "line 13"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	wantBad := []string{"line 5: import.not_json", "line 6: import.not_json", "line 7: import.value_shape", "line 8: import.column_unknown", "line 9: import.column_unknown",
		"line 10: import.not_utf8", "line 11: import.line_too_long", "line 12: import.value_shape"}
	if fmt.Sprint(bad) != fmt.Sprint(wantBad) {
		t.Errorf("bad rows\n%v, want\n%v", bad, wantBad)
	}
}

func TestCSV(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		pairs []string
		want  []Row
		bad   []string
	}{
		"plain": {"login,email,roles\nanna,anna@example.com,user helpdesk\n", nil, []Row{{Login: "anna", Email: "anna@example.com", Roles: "user helpdesk", Where: "line 2"}}, nil},
		"a spreadsheet's": {"\ufeffE-Mail;Full Name;Password Hash;Shoe\r\nanna@example.com;\"Berg; Anna \"\"A\"\"\";$2b$;44\r\n", []string{"e-mail=email", "Full Name=name", "shoe=-"},
			[]Row{{Email: "anna@example.com", Name: `Berg; Anna "A"`, PasswordHash: "$2b$", Where: "line 2"}}, nil},
		"tabs":                  {"login\temail\nanna\tanna@example.com", nil, []Row{{Login: "anna", Email: "anna@example.com", Where: "line 2"}}, nil},
		"two lines in a cell":   {"login,name\na,\"x\ny\"\nb,z\n", nil, []Row{{Login: "a", Name: "x\ny", Where: "line 2"}, {Login: "b", Name: "z", Where: "line 4"}}, nil},
		"cells missing":         {"login,name\na\nb,z,1\nc,d\n", nil, []Row{{Login: "c", Name: "d", Where: "line 4"}}, []string{"line 2: import.cells", "line 3: import.cells"}},
		"a quote inside":        {"login,name\na,b\"c\nd,e\n", nil, []Row{{Login: "d", Name: "e", Where: "line 3"}}, []string{"line 2: import.not_csv"}},
		"not UTF-8":             {"login,name\na,\xe4\nd,e\n", nil, []Row{{Login: "d", Name: "e", Where: "line 3"}}, []string{"line 2: import.not_utf8"}},
		"guarded formulas":      {"login,name\n'+49123,'=1+1\n'a,'\n", nil, []Row{{Login: "+49123", Name: "=1+1", Where: "line 2"}, {Login: "'a", Name: "'", Where: "line 3"}}, nil},
		"our own export":        {"login,email,mfa_status,created_at,last_sign_in_at,id\na,b,enabled,x,y,z\n", nil, []Row{{Login: "a", Email: "b", Where: "line 2"}}, nil},
		"a name with an equals": {"login,a=b\nx,y\n", []string{"a=b=name"}, []Row{{Login: "x", Name: "y", Where: "line 2"}}, nil},
		"nobody":                {"login\n", nil, nil, nil},
	} {
		got, bad := read(t, row.text, "", row.pairs...)
		if fmt.Sprint(got) != fmt.Sprint(row.want) || fmt.Sprint(bad) != fmt.Sprint(row.bad) {
			t.Errorf("%s: got %+v, %v", name, got, bad)
		}
	}
}

// A file without a header begins with somebody's secrets: an error must not
// show them.
func TestHeaders(t *testing.T) {
	for text, want := range map[string]string{
		"anna@example.com,$2b$10$N9qo8uLOickgx2ZMRZoMye,JBSWY3DPEHPK3PXP\n": "names neither login nor email",
		"JBSWY3DPEHPK3PXP,login\n":               `"JBSWY3DPEHPK3PXP"`, // a header all the same
		"login,$2b$10$N9qo8uLOickgx2ZMRZoMye\n":  "column 2 of the header is none of ours",
		"login,email,shoe size\n":                `column 3 of the header is "shoe size"`,
		"login,Login\n":                          "column 2 of the header is one that came before",
		"":                                       "the file is empty",
		"\"login\n":                              "no header of CSV",
		"name,roles\n":                           "names neither login nor email",
		strings.Repeat("x", 10_000) + ",login\n": "column 1 of the header is none of ours",
	} {
		_, err := NewReader(strings.NewReader(text), FormatCSV, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "$2b$") {
			t.Errorf("%.40q: a hash stands in the error", text)
		}
	}
	if _, err := NewReader(strings.NewReader("x"), "xml", nil); err == nil {
		t.Error("there is a format xml")
	}
}

func TestMapping(t *testing.T) {
	for _, bad := range []string{"", "=", "login", "=login", "user=nothing", "user=", "id=-=x"} {
		if _, err := ParseMapping([]string{bad}); err == nil {
			t.Errorf("%q maps something", bad)
		}
	}
	if _, err := ParseMapping([]string{"user=login", "User=email"}); err == nil {
		t.Error("one column was mapped twice")
	}
	m, err := ParseMapping([]string{"E Mail=email", "login=-"})
	if err != nil {
		t.Fatal(err)
	}
	var row Row
	if f, ok := m.column("e_mail"); !ok || f(&row) != &row.Email {
		t.Error("e_mail is not the email")
	}
	if f, ok := m.column("LOGIN"); !ok || f != nil {
		t.Error("login is not left out")
	}
	if f, ok := m.column("name"); !ok || f(&row) != &row.Name {
		t.Error("what is not mapped is not itself")
	}
}

// What a spreadsheet would run is guarded on the way out and bare on the way in.
func TestGuardedCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+@\t-]{0,3}[a-z]{0,3}`)).Draw(t, "cell")
		g := guardedCell(s)
		if strings.HasPrefix(s, "'") {
			return // a quote of one's own is no guard; see below
		}
		if g != "" && strings.ContainsRune(guarded, rune(g[0])) {
			t.Fatalf("%q is written as %q", s, g)
		}
		if bareCell(g) != s {
			t.Fatalf("%q is written as %q and read as %q", s, g, bareCell(g))
		}
	})
	if guardedCell("'tis") != "'tis" || bareCell("'tis") != "'tis" {
		t.Error("a quote before a letter was touched")
	}
}

func FuzzReaders(f *testing.F) {
	for _, s := range []string{"login\nx\n", `{"login":"a"}`, "\ufeff{", "login;email\n\"", "{\"roles\":[\"a\"]}\n\n{", "login\r\na\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := NewReader(strings.NewReader(s), "", nil)
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			_, err := r.Next()
			var bad BadRow
			if errors.As(err, &bad) {
				continue
			}
			if err != nil || n > len(s) {
				if n > len(s) {
					t.Fatal("more rows than bytes")
				}
				return
			}
		}
	})
}

// What an export writes an import reads.
func TestExportIsRead(t *testing.T) {
	people := []Person{
		{ID: "us_1", Login: "+49123", Email: "anna@example.com", Name: `Anna "A"; Berg, =x`, Tenant: "A/B C", Kind: "person", Status: "active", Locale: "de", Roles: []string{"helpdesk", "user"}, MFA: "enabled"},
		{ID: "us_2", Login: "job", Name: "=1+1", Tenant: "A", Kind: "service_account", Status: "disabled", Roles: []string{}, Federated: true},
	}
	want := []Row{
		{Login: "+49123", Email: "anna@example.com", Name: `Anna "A"; Berg, =x`, Tenant: "A/B C", Kind: "person", Status: "active", Locale: "de", Roles: "helpdesk,user", Federated: "false"},
		{Login: "job", Name: "=1+1", Tenant: "A", Kind: "service_account", Status: "disabled", Federated: "true"},
	}
	for _, format := range []string{FormatCSV, FormatNDJSON} {
		var out bytes.Buffer
		w, err := NewWriter(&out, format)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			if err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, bad := read(t, out.String(), "")
		for i := range got {
			got[i].Where, got[i].Roles = "", strings.ReplaceAll(got[i].Roles, " ", ",")
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || bad != nil {
			t.Errorf("%s: read as %+v, %v", format, got, bad)
		}
		if format == FormatCSV {
			cells, err := csv.NewReader(&out).ReadAll()
			if err != nil || len(cells) != 3 || cells[1][0] != "'+49123" || cells[2][2] != "'=1+1" {
				t.Errorf("%v, %v", cells, err)
			}
		}
	}
	if _, err := NewWriter(io.Discard, "xml"); err == nil {
		t.Error("there is a format xml")
	}
}

// The short way reads what the library reads, or nothing.
func FuzzFlatJSON(f *testing.F) {
	for _, s := range []string{`{"login":"a","email":"b@example.com","totp_digits":6,"federated":true,"name":null}`, `{}`, `{ "login" : "ä" , "roles":["a"]}`, `{"login":"a\u0041"}`,
		`{"login":"a","login":"b"}`, `{"login":1e5}`, `{"login":01}`, `{"login":"a",}`, `{"login":"a"}}`, `{"login":tru}`, `{"login":"a" "b"}`, "{\"login\":\"\x01\"}", `{"login":-}`, `{"login":[1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, '\n') {
			return
		}
		short, ok := flat([]byte(s))
		if !ok {
			return
		}
		slow := lines{mapping: Mapping{"no such key": LeftOut}} // any mapping sends it the long way
		row, fault := slow.parse([]byte(s))
		if !utf8.ValidString(s) {
			return // refused before
		}
		if fault != nil || fmt.Sprint(row) != fmt.Sprint(short) {
			t.Errorf("%q is read as %+v, and by the library as %+v, %v", s, short, row, fault)
		}
	})
}
