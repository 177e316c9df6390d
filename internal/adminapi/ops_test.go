package adminapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/internal/access"
	"sallyport/internal/adminapi"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// program asks the API in the name of a service account, and holds every answer to the
// OpenAPI document.
type program struct {
	h   *house.House
	p   *house.Person
	doc *document
}

// programOf makes a service account that holds a role on a node.
func programOf(h *house.House, home core.Tenant, login string, role core.Role, on core.Tenant) *program {
	h.T.Helper()
	p := service(h, h.Enrolled(home, login), core.Service{})
	if role != "" {
		if err := h.Directory.GrantRole(h.T.Context(), p.ID, role, on.ID, access.System(), core.Client{}); err != nil {
			h.T.Fatal(err)
		}
	}
	h.Settle()
	return &program{h, p, theDocument(h.T)}
}

type reply struct {
	house.Answer
	method, path string
	prog         *program
}

// do sends a request. headers are name, value pairs.
func (p *program) do(method, path, body string, headers ...string) reply {
	p.h.T.Helper()
	r := p.h.Raw("192.0.2.7")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.p.Login+":"+p.p.Password)))
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := r.Do(method, "/api/v1"+path, kind, body)
	p.doc.check(p.h.T, method, path, a)
	return reply{a, method, path, p}
}

// ok reads the answer of a request that goes through.
func ok[T any](r reply, status int) (v T) {
	t := r.prog.h.T
	t.Helper()
	if r.Status != status {
		t.Fatalf("%s %s: status %d: %s", r.method, r.path, r.Status, r.Body)
	}
	if r.Body != "" {
		if err := json.Unmarshal([]byte(r.Body), &v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// no expects a refusal.
func (r reply) no(status int, code, field string) {
	t := r.prog.h.T
	t.Helper()
	var p adminapi.Problem
	_ = json.Unmarshal([]byte(r.Body), &p)
	if r.Status != status || p.Code != code || field != "" && p.Field != field {
		t.Errorf("%s %s: status %d, code %q, field %q; want %d %q %q: %s", r.method, r.path, r.Status, p.Code, p.Field, status, code, field, r.Body)
	}
}

// document holds answers to the OpenAPI document, with answers closed: a field that the
// document does not name fails.
type document struct {
	all      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	met      map[string]bool
}

var theDocument = sync.OnceValue(func() func(testing.TB) *document {
	b, err := (&adminapi.Handler{}).Closed()
	d := &document{met: map[string]bool{}}
	if err == nil {
		err = json.Unmarshal(b, &d.all)
	}
	if err == nil {
		var parsed any
		if parsed, err = jsonschema.UnmarshalJSON(bytes.NewReader(b)); err == nil {
			d.compiler = jsonschema.NewCompiler()
			d.compiler.AssertFormat()
			err = d.compiler.AddResource("https://sallyport.test/openapi.json", parsed)
		}
	}
	return func(t testing.TB) *document {
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
})()

// operation finds what the document says of a request.
func (d *document) operation(method, path string) (pattern string, op map[string]any) {
	path, _, _ = strings.Cut("/api/v1"+path, "?")
	for pattern, item := range d.all["paths"].(map[string]any) {
		want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
		same := len(want) == len(got)
		for i := 0; same && i < len(want); i++ {
			same = strings.HasPrefix(want[i], "{") || want[i] == got[i]
		}
		if found, there := item.(map[string]any)[strings.ToLower(method)].(map[string]any); same && there {
			if op == nil || strings.Count(pattern, "{") < strings.Count(path, "{") {
				return pattern, found
			}
		}
	}
	return "", op
}

func (d *document) check(t testing.TB, method, path string, a house.Answer) {
	t.Helper()
	pattern, op := d.operation(method, path)
	if op == nil {
		return // refused as unknown
	}
	answer, there := op["responses"].(map[string]any)[fmt.Sprint(a.Status)].(map[string]any)
	if !there {
		t.Errorf("%s %s: status %d is not in the document", method, path, a.Status)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.Status < 300 {
		d.met[strings.ToLower(method)+" "+pattern] = true
	}
	content, _ := answer["content"].(map[string]any)
	if len(content) == 0 {
		if a.Body != "" {
			t.Errorf("%s %s: %q and no content in the document", method, path, a.Body)
		}
		return
	}
	if content[a.Header.Get("Content-Type")] == nil {
		t.Errorf("%s %s: %q is not in the document", method, path, a.Header.Get("Content-Type"))
		return
	}
	at := strings.NewReplacer("~", "~0", "/", "~1").Replace(pattern)
	pointer := fmt.Sprintf("https://sallyport.test/openapi.json#/paths/%s/%s/responses/%d/content/%s/schema", at, strings.ToLower(method), a.Status,
		strings.ReplaceAll(a.Header.Get("Content-Type"), "/", "~1"))
	schema, err := d.compiler.Compile(pointer)
	if err != nil {
		t.Errorf("%s: %v", pointer, err)
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(a.Body))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		t.Errorf("%s %s does not answer as the document says: %v\n%s", method, path, err, a.Body)
	}
}
