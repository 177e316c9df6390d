package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
)

// bodyMost is more than any request needs.
const bodyMost = 1 << 20

func badField(code, field string) error { return core.Invalid(code, "field", field) }

// read takes the body of a request whole.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMost))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, core.NewFault(core.KindTooLarge, "form.too_large")
	}
	if err != nil {
		return nil, core.Invalid("api.body_invalid")
	}
	return b, nil
}

// parse turns a body into what an operation takes. What it does not know is refused by
// its name: a field that is written wrong must not be a setting that silently stays.
func parse(r *http.Request, body []byte, want reflect.Type) (any, error) {
	if want == reflect.TypeFor[nothing]() {
		if len(bytes.TrimSpace(body)) > 0 && string(bytes.TrimSpace(body)) != "{}" {
			return nil, core.Invalid("api.no_body")
		}
		return nothing{}, nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, errMedia
	}
	if err := wellFormed(body); err != nil {
		return nil, err
	}
	if err := fits(body, want, ""); err != nil {
		return nil, err
	}
	in := reflect.New(want)
	if err := json.Unmarshal(body, in.Interface()); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, badField("api.field_invalid", wrong.Field)
		}
		return nil, core.Invalid("api.body_invalid")
	}
	return in.Elem().Interface(), nil
}

var errMedia = core.Invalid("api.media_type")

// wellFormed refuses what is no JSON, more than one value, and a name that comes twice:
// of two readers each would take another one.
func wellFormed(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := once(d, "", 0); err != nil {
		if _, ok := core.AsFault(err); ok {
			return err
		}
		return core.Invalid("api.body_invalid")
	}
	if _, err := d.Token(); err != io.EOF {
		return core.Invalid("api.body_invalid")
	}
	return nil
}

func once(d *json.Decoder, path string, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth > 50 {
		return core.Invalid("api.body_invalid")
	}
	seen := map[string]bool{}
	for d.More() {
		at := path
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			key, _ := name.(string)
			if at = join(path, key); seen[key] {
				return badField("api.field_twice", at)
			}
			seen[key] = true
		}
		if err := once(d, at, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

var (
	rawJSON = reflect.TypeFor[json.RawMessage]()
	aTime   = reflect.TypeFor[time.Time]()
)

// field is one of a document's, those of embedded structs among them.
type field struct {
	name     string
	typ      reflect.Type
	optional bool
	enum     []string
	doc      string
}

// fieldsOf lists what a struct is written as.
func fieldsOf(t reflect.Type) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			out = append(out, fieldsOf(f.Type)...)
			continue
		}
		if tag == "" || tag == "-" {
			continue
		}
		x := field{name: tag, typ: f.Type, optional: strings.Contains(options, "omit"), doc: f.Tag.Get("doc")}
		if words, ok := f.Tag.Lookup("enum"); ok {
			x.enum = strings.Split(words, ",")
		}
		out = append(out, x)
	}
	return out
}

// fits checks a document's shape against a type: no field that is not known, none
// missing, every word one of those that are there.
func fits(b []byte, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		if string(bytes.TrimSpace(b)) == "null" {
			return nil
		}
		t = t.Elem()
	}
	if t == rawJSON {
		if trimmed := bytes.TrimSpace(b); len(trimmed) == 0 || trimmed[0] != '{' {
			return badField("api.field_invalid", path)
		}
		return nil
	}
	if t.Kind() != reflect.Struct || t == aTime {
		return plainFits(b, t, path)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(b, &doc); err != nil || doc == nil {
		if path == "" {
			return core.Invalid("api.body_invalid")
		}
		return badField("api.field_invalid", path)
	}
	fields := fieldsOf(t)
	for name := range doc {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			return badField("api.field_unknown", join(path, name))
		}
	}
	for _, f := range fields {
		v, there := doc[f.name]
		at := join(path, f.name)
		if !there {
			if !f.optional {
				return badField("api.field_missing", at)
			}
			continue
		}
		if string(v) == "null" && !f.optional {
			return badField("api.field_invalid", at)
		}
		if err := fits(v, f.typ, at); err != nil {
			return err
		}
		if len(f.enum) > 0 && string(v) != "null" {
			for _, w := range wordsIn(v) {
				if !slices.Contains(f.enum, w) {
					return badField("api.field_invalid", at)
				}
			}
		}
	}
	return nil
}

func plainFits(b []byte, t reflect.Type, path string) error {
	if err := json.Unmarshal(b, reflect.New(t).Interface()); err != nil {
		return badField("api.field_invalid", path)
	}
	return nil
}

func wordsIn(v json.RawMessage) []string {
	var one string
	if json.Unmarshal(v, &one) == nil {
		return []string{one}
	}
	var many []string
	_ = json.Unmarshal(v, &many)
	return many
}

// asked checks the address of a request: no parameter that is not known, none twice.
func asked(r *http.Request, o op) error {
	all, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return core.Invalid("api.query_invalid")
	}
	known := o.queries()
	for name, values := range all {
		i := slices.IndexFunc(known, func(q query) bool { return q.Name == name })
		if i < 0 {
			return badField("api.field_unknown", name)
		}
		if len(values) > 1 {
			return badField("api.field_twice", name)
		}
		q, v := known[i], values[0]
		ok := true
		switch q.Kind {
		case "boolean":
			ok = v == "true" || v == "false"
		case "integer":
			_, err := strconv.Atoi(v)
			ok = err == nil
		case "date-time":
			_, err := time.Parse(time.RFC3339, v)
			ok = err == nil
		}
		if !ok || len(q.Enum) > 0 && !slices.Contains(q.Enum, v) || len(v) > 4096 {
			return badField("api.field_invalid", name)
		}
	}
	return nil
}
