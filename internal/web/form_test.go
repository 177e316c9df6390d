package web_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

const formType = "application/x-www-form-urlencoded"

func parse(body, kind string) (web.Form, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return web.ParseForm(httptest.NewRecorder(), r, "login", "password")
}

func TestFormIsRead(t *testing.T) {
	f, err := parse("login=anna%40x.example&password=caf%C3%A9+%F0%9F%A5%90&other=%00&other=2&tick", formType+"; charset=UTF-8")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Get("login"); got != "anna@x.example" {
		t.Errorf("login %q", got)
	}
	if got := f.Get("password"); got != "café 🥐" {
		t.Errorf("password %q", got)
	}
	if f.Has("other") || f.Has("tick") || f.Get("other") != "" {
		t.Error("a field that nobody asked for was read")
	}
	if empty, err := parse("", ""); err != nil || empty.Has("login") {
		t.Errorf("an empty form: %v", err)
	}
	if blank, err := parse("login=", formType); err != nil || !blank.Has("login") || blank.Get("login") != "" {
		t.Errorf("an empty field: %v", err)
	}
}

func TestFormIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, body, kind string
		status           int
		code, field      string
	}{
		{"repeated field (B-16)", "login=a&login=b", formType, 422, "form.invalid", "login"},
		{"the same twice", "login=a&login=a", formType, 422, "form.invalid", "login"},
		{"NUL", "login=a%00b", formType, 422, "form.invalid", "login"},
		{"newline", "login=a%0d%0aBcc:x", formType, 422, "form.invalid", "login"},
		{"tab in a password", "password=a%09b", formType, 422, "form.invalid", "password"},
		{"escape", "password=%1b%5b2J", formType, 422, "form.invalid", "password"},
		{"control beyond ASCII", "password=a%C2%85b", formType, 422, "form.invalid", "password"},
		{"Latin-1", "login=caf%E9", formType, 422, "form.invalid", "login"},
		{"overlong UTF-8", "login=%C0%80", formType, 422, "form.invalid", "login"},
		{"half a surrogate", "login=%ED%A0%80", formType, 422, "form.invalid", "login"},
		{"broken escape", "login=%zz", formType, 400, "form.invalid", ""},
		{"semicolons", "login=a;password=b", formType, 400, "form.invalid", ""},
		{"multipart", "--x\r\nContent-Disposition: form-data; name=\"login\"\r\n\r\na\r\n--x--", "multipart/form-data; boundary=x", 415, "form.invalid", ""},
		{"JSON", `{"login":["a","b"]}`, "application/json", 415, "form.invalid", ""},
		{"no type", "login=a", "", 415, "form.invalid", ""},
		{"rubbish type", "login=a", ";;;", 415, "form.invalid", ""},
		{"one byte too many", "password=" + strings.Repeat("a", web.MaxForm-8), formType, 413, "form.too_large", ""},
		{"ten megabytes (B-52)", "password=" + strings.Repeat("a", 10<<20), formType, 413, "form.too_large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.body, c.kind)
			f, ok := core.AsFault(err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			field, _ := f.Params["field"].(string)
			if web.Status(err) != c.status || f.Code != c.code || field != c.field {
				t.Errorf("%d %s %q, want %d %s %q", web.Status(err), f.Code, field, c.status, c.code, c.field)
			}
			if strings.Contains(err.Error(), "Bcc") {
				t.Error("the error repeats what was typed")
			}
		})
	}
	r := httptest.NewRequest(http.MethodGet, "/?login=a", nil)
	if _, err := web.ParseForm(httptest.NewRecorder(), r, "login"); web.Status(err) != http.StatusMethodNotAllowed {
		t.Errorf("a GET as a form: %v", err)
	}
	// What stands in the address is no part of the form.
	r = httptest.NewRequest(http.MethodPost, "/?login=a", strings.NewReader("password=b"))
	r.Header.Set("Content-Type", formType)
	if f, err := web.ParseForm(httptest.NewRecorder(), r, "login", "password"); err != nil || f.Has("login") {
		t.Errorf("the address was read as a form: %v", err)
	}
}

// A sender that announces no length is cut off all the same, and still gets an
// answer that it can read, over a real connection.
func TestEndlessFormGetsAnAnswer(t *testing.T) {
	server := httptest.NewServer(web.Mux([]web.Route{{Pattern: "POST /", Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
		_, err := web.ParseForm(w, r, "password")
		return err
	}}}, options(t)))
	defer server.Close()
	for name, body := range map[string]interface{ Read([]byte) (int, error) }{
		"announced": strings.NewReader("password=" + strings.Repeat("a", 10<<20)),
		"chunked":   struct{ *strings.Reader }{strings.NewReader("password=" + strings.Repeat("a", 10<<20))},
	} {
		req, err := http.NewRequest(http.MethodPost, server.URL+"/", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", formType)
		resp, err := server.Client().Do(req)
		if err != nil {
			var op *net.OpError
			t.Fatalf("%s: no answer: %v (%T)", name, err, op)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "login=a", "login=a&login=b", "login=%00", "login=%C3%28", "%6Cogin=x", "login", "&&&=", "login=a;b", "a=%", "login=" + strings.Repeat("%41", 2000)} {
		f.Add(seed, formType)
	}
	f.Add("login=a", "multipart/form-data; boundary=x")
	f.Add("login=a", "application/x-www-form-urlencoded; charset=utf-16")
	f.Fuzz(func(t *testing.T, body, kind string) {
		form, err := parse(body, kind)
		if err != nil {
			if status := web.Status(err); status < 400 || status > 499 {
				t.Fatalf("status %d for %q", status, body)
			}
			return
		}
		for _, name := range []string{"login", "password"} {
			v := form.Get(name)
			if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				t.Fatalf("%s is %q", name, v)
			}
			// What was read is what a second reader of the same bytes finds.
			if all, err := url.ParseQuery(body); err == nil && form.Has(name) && !slices.Equal(all[name], []string{v}) {
				t.Fatalf("%s is %q, sent were %q", name, v, all[name])
			}
		}
	})
}

// A list may come again, and only a name that is allowed as one.
func TestFormLists(t *testing.T) {
	post := func(body string) (web.Form, error) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", formType)
		return web.ParseForm(httptest.NewRecorder(), r, "login", "id[]")
	}
	f, err := post("id=a&id=b&login=x&other=1&other=2")
	if err != nil || !slices.Equal(f.All("id"), []string{"a", "b"}) || !f.Has("id") || f.Get("id") != "" || f.Get("login") != "x" || f.All("other") != nil {
		t.Errorf("%v, %v", f, err)
	}
	if f, err := post("login=x"); err != nil || f.Has("id") || f.All("id") != nil {
		t.Errorf("nothing ticked: %v, %v", f, err)
	}
	for _, bad := range []string{"id=a&id=b%00", "login=a&login=b&id=c", "id=" + strings.Repeat("a&id=", web.MaxList)} {
		if _, err := post(bad); web.Status(err) != http.StatusUnprocessableEntity {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// What a form sends as an address is read by the same rules.
func TestQueryIsReadAsAForm(t *testing.T) {
	get := func(query string) (web.Form, error) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		return web.ParseQuery(r, "q", "requirement[]")
	}
	f, err := get("q=b%C3%A4ck&requirement=organization&requirement=per_user&lang=de")
	if err != nil || f.Get("q") != "bäck" || len(f.All("requirement")) != 2 || f.Has("lang") {
		t.Errorf("%v, %v", f, err)
	}
	if f, err := get(""); err != nil || f.Has("q") {
		t.Errorf("no query: %v, %v", f, err)
	}
	for query, status := range map[string]int{"q=a&q=b": 422, "q=%0a": 422, "q=%zz": 400, "q=%ff": 422, "q=" + strings.Repeat("a", web.MaxForm): 413} {
		if _, err := get(query); web.Status(err) != status {
			t.Errorf("%.20q: %v, want status %d", query, err, status)
		}
	}
}
