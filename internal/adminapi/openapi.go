package adminapi

import (
	"encoding/json"
	"reflect"
	"strings"

	api "sallyport/pkg/sallyport"
)

// The OpenAPI document is made of the rows that make the routes, and of the very types
// that bodies are read into and written from, so it cannot say anything else than they do.

type object = map[string]any

// schemas collects the schemas of named types.
type schemas struct {
	all object
	// closed: an answer has no field that its schema does not name. The published
	// document leaves answers open, so that a later release may add some.
	closed bool
}

// document is the OpenAPI document of the operations.
func (h *Handler) document(ops []op) object { return h.describe(ops, false) }

func (h *Handler) describe(ops []op, closed bool) object {
	s := schemas{all: object{}, closed: closed}
	problem := s.of(reflect.TypeFor[Problem](), false)
	refusal := func(about string) object {
		return object{"description": about, "content": object{"application/problem+json": object{"schema": problem}}}
	}
	paths := object{}
	for _, o := range ops {
		item, _ := paths[prefix+o.Path].(object)
		if item == nil {
			item = object{}
			paths[prefix+o.Path] = item
		}
		item[strings.ToLower(o.Method)] = s.operation(o, refusal)
	}
	base := h.Base
	if base == "" {
		base = "/"
	}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "Sallyport", "version": "1", "license": object{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
			"description": "Everything the console and the command line do, with the same refusals. Refusals are problems (RFC 9457) whose code is stable."},
		"servers":  []object{{"url": base}},
		"security": []object{{"bearer": []string{}}, {"basic": []string{}}},
		"paths":    paths,
		"components": object{
			"schemas": s.all,
			"securitySchemes": object{
				"bearer": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Of an API client, or of a person whose app may call the API."},
				"basic":  object{"type": "http", "scheme": "basic", "description": "Of service accounts only."},
			},
		},
	}
}

func (s schemas) operation(o op, refusal func(string) object) object {
	var params []object
	for _, name := range o.params() {
		params = append(params, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, q := range o.queries() {
		schema := object{"type": q.Kind}
		if q.Kind == "date-time" {
			schema = object{"type": "string", "format": "date-time"}
		}
		if len(q.Enum) > 0 {
			schema["enum"] = q.Enum
		}
		params = append(params, object{"name": q.Name, "in": "query", "description": q.About, "schema": schema})
	}
	header := func(name, about string) {
		params = append(params, object{"name": name, "in": "header", "description": about, "schema": object{"type": "string"}})
	}
	if !o.Reads {
		header(keyHeader, "The same request with the same key is answered as before for 24 hours, and not done again.")
		if o.Of != "" {
			header("If-Match", "The ETag that was looked at; 412 where it is another by now.")
		}
	}
	answer := object{"description": "Done."}
	if o.Out != reflect.TypeFor[nothing]() {
		answer["content"] = object{"application/json": object{"schema": s.of(o.Out, false)}}
	}
	answers := object{}
	switch o.Status {
	case 201:
		answers["201"] = answer
	case 204:
		answers["204"] = answer
	default:
		answers["200"] = answer
	}
	if !o.Reads {
		preview := object{"application/json": object{"schema": s.of(reflect.TypeFor[api.Preview](), false)}}
		if o.Status == 200 {
			answer["description"] = "Done; with dry_run=true what would be done."
			schema := answer["content"].(object)["application/json"].(object)["schema"]
			answer["content"] = object{"application/json": object{"schema": object{"anyOf": []any{schema, s.of(reflect.TypeFor[api.Preview](), false)}}}}
		} else {
			answers["200"] = object{"description": "What would be done (dry_run=true).", "content": preview}
		}
	}
	for status, about := range map[string]string{
		"400": "Not readable.", "401": "Nobody who is known, or a fresh sign-in is needed.", "403": "Not allowed.", "404": "Not there, or nothing that the caller may know of.",
		"409": "The state of things does not allow it.", "412": "It is another by now.", "413": "Too large.", "415": "No JSON.", "422": "Something in it is wrong; field names it.",
		"429": "Too often; Retry-After says when.", "500": "Our mistake.", "503": "A part of us is not there; nothing was done."} {
		answers[status] = refusal(about)
	}
	out := object{"operationId": o.ID, "summary": o.About, "responses": answers}
	if len(params) > 0 {
		out["parameters"] = params
	}
	if o.body() {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": s.of(o.In, true)}}}
	}
	return out
}

// of is the schema of a type: a reference where it has a name. taken says that it is
// read from outside, where what is not known is refused.
func (s schemas) of(t reflect.Type, taken bool) object {
	switch {
	case t == rawJSON && taken:
		return object{"type": "object"}
	case t == rawJSON:
		return object{} // any value
	case t == aTime:
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return orNullSchema(s.of(t.Elem(), taken))
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), taken)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), taken)}
	case reflect.Interface:
		return object{}
	}
	name := schemaName(t)
	if _, there := s.all[name]; !there {
		schema := object{"type": "object"}
		s.all[name] = schema // before its fields, which may name it
		props, required := object{}, []string{}
		for _, f := range fieldsOf(t) {
			p := s.of(f.typ, taken)
			if len(f.enum) > 0 {
				spell(p, f.enum)
			}
			if f.doc != "" {
				p = described(p, f.doc)
			}
			props[f.name] = p
			if !f.optional {
				required = append(required, f.name)
			}
		}
		schema["properties"] = props
		if len(required) > 0 {
			schema["required"] = required
		}
		if taken || s.closed {
			schema["additionalProperties"] = false
		}
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// spell puts the words of a field where its text is: in it, in its items, or in what may
// be null.
func spell(p object, words []string) {
	switch {
	case p["items"] != nil:
		spell(p["items"].(object), words)
	case p["anyOf"] != nil:
		spell(p["anyOf"].([]any)[0].(object), words)
	default:
		p["enum"] = words
	}
}

func described(p object, about string) object {
	if _, ref := p["$ref"]; ref {
		return object{"allOf": []any{p}, "description": about}
	}
	p["description"] = about
	return p
}

func orNullSchema(p object) object { return object{"anyOf": []any{p, object{"type": "null"}}} }

// schemaName is the type's name, "PageOfTenant" for a page of them.
func schemaName(t reflect.Type) string {
	name := t.Name()
	if outer, inner, generic := strings.Cut(name, "["); generic {
		inner = inner[strings.LastIndex(inner, ".")+1:]
		return outer + "Of" + strings.TrimSuffix(inner, "]")
	}
	return name
}

// Closed is the document with answers that may have no field more: what the answers of
// the handlers are held to.
func (h *Handler) Closed() ([]byte, error) { return json.Marshal(h.describe(h.ops(), true)) }

// Operations lists the ids of all operations.
func (h *Handler) Operations() (out []string) {
	for _, o := range h.ops() {
		out = append(out, o.ID)
	}
	return out
}
