package adminapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/recovery"
	"sallyport/internal/rollout"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/support"
	api "sallyport/pkg/sallyport"
)

// op is one operation: the row that makes its route, its checks and its part of the
// OpenAPI document.
type op struct {
	Method, Path string // without the prefix: "/tenants/{tenant}/mfa"
	ID, About    string
	Query        []query
	In, Out      reflect.Type // nothing: none
	Status       int
	// Reads: it changes nothing, whatever its method is.
	Reads bool
	// Of is what its ETag and If-Match are about: "tenant", "user", "app", "role" or nothing.
	Of string
	// Proof: it wants a fresh proof of a person, so an API client is told that and not
	// that it lacks a right, which it could not be given (decision 7.8).
	Proof bool
	do    func(*call, any) (any, error)
}

// query is a parameter in an operation's address.
type query struct {
	Name, About string
	Enum        []string
	Kind        string // "string", "integer", "boolean" or "date-time"
}

// nothing is no body.
type nothing struct{}

type option func(*op)

func on[In, Out any](method, path, id, about string, fn func(*call, In) (Out, error), options ...option) op {
	o := op{Method: method, Path: path, ID: id, About: about, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](), Status: http.StatusOK, Reads: method == http.MethodGet}
	if o.Out == reflect.TypeFor[nothing]() {
		o.Status = http.StatusNoContent
	}
	o.do = func(c *call, in any) (any, error) { return fn(c, in.(In)) }
	for _, more := range options {
		more(&o)
	}
	return o
}

func of(what string) option { return func(o *op) { o.Of = what } }
func created(o *op)         { o.Status = http.StatusCreated }
func reads(o *op)           { o.Reads = true }
func proof(o *op)           { o.Proof = true }

func with(queries ...query) option {
	return func(o *op) { o.Query = append(o.Query, queries...) }
}

// listed is an operation that answers a page of a list.
func listed(o *op) {
	o.Query = append(o.Query, query{Name: "limit", About: "How many items at most, 200 at the outside; 50 where it is left out.", Kind: "integer"},
		query{Name: "cursor", About: "next_cursor of the page before. It is good for the same query of the same caller alone.", Kind: "string"})
}

func word(name, about string, enum ...string) query {
	return query{Name: name, About: about, Enum: enum, Kind: "string"}
}

// queries are all that an operation takes; every write takes dry_run.
func (o op) queries() []query {
	if o.Reads {
		return o.Query
	}
	return append(o.Query[:len(o.Query):len(o.Query)], query{Name: "dry_run", About: "Refuses what would be refused, says what would be done, and does nothing.", Kind: "boolean"})
}

func (o op) body() bool { return o.In != reflect.TypeFor[nothing]() }

// params are the names in its path.
func (o op) params() (out []string) {
	for part := range strings.SplitSeq(o.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

// matches reports whether a path below the prefix is one of the operation's.
func (o op) matches(path string) bool {
	want, got := strings.Split(o.Path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if !strings.HasPrefix(want[i], "{") && want[i] != got[i] || got[i] == "" && i > 0 {
			return false
		}
	}
	return true
}

// call is one request while it is answered.
type call struct {
	context.Context
	Caller
	h  *Handler
	w  http.ResponseWriter
	r  *http.Request
	op op
	// dry: nothing of it may stay. The journeys are then those of a dry run.
	dry bool
	// plan is what would come of it, as far as a journey tells.
	plan api.Preview
	dir  *directory.Service
	rec  *recovery.Service
	roll *rollout.Service
	supp *support.Service
}

func (c *call) tenant() core.TenantID { return core.TenantID(c.r.PathValue("tenant")) }
func (c *call) user() core.UserID     { return core.UserID(c.r.PathValue("user")) }
func (c *call) app() core.AppID       { return core.AppID(c.r.PathValue("app")) }
func (c *call) role() core.Role       { return core.Role(c.r.PathValue("role")) }

func (c *call) visitor() signin.Visitor { return signin.Visitor{Client: c.From} }

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// seat chooses the journeys: as they are, for a dry run, or held to what If-Match says.
func (c *call) seat() error {
	c.dir, c.rec, c.roll, c.supp = c.h.Directory, c.h.Recovery, c.h.Rollout, c.h.Support
	if c.op.Reads {
		return nil
	}
	if c.dry = c.query("dry_run") == "true"; c.dry {
		c.dir, c.rec, c.roll, c.supp = c.dir.Dry(), c.rec.Dry(), c.roll.Dry(), c.supp.Dry()
	}
	check, err := c.match()
	if err != nil || check == nil {
		return err
	}
	st := c.dir.Store
	st = store.When(st, check)
	c.dir, c.rec, c.roll, c.supp = c.dir.On(st), c.rec.On(st), c.roll.On(st), c.supp.On(st)
	return nil
}

// made tells where what was made is found.
func (c *call) made(path string) { c.w.Header().Set("Location", prefix+path) }
