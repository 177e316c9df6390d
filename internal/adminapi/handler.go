package adminapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/recovery"
	"sallyport/internal/rollout"
	"sallyport/internal/secret"
	"sallyport/internal/signin"
	"sallyport/internal/support"
	"sallyport/internal/web"
)

// Handler serves the API.
type Handler struct {
	SignIn    *signin.Service
	Tree      *directory.Tree
	Apps      *directory.Registry
	Tokens    Tokens
	Directory *directory.Service
	Recovery  *recovery.Service
	Rollout   *rollout.Service
	Support   *support.Service
	Hasher    *secret.Hasher
	Ring      Sealer
	Quota     *Quota
	Proxies   web.Proxies
	Now       func() time.Time
	// Device names a browser in words, from what it says of itself.
	Device func(agent string) string
	// Base is the public address, for the document that describes all this.
	Base string
}

// prefix is where the operations stand.
const prefix = "/api/v1"

// Routes are the rows of this face. What is not there answers in JSON, too.
func (h *Handler) Routes() []web.Route {
	ops := h.ops()
	var rows []web.Route
	for _, o := range ops {
		rows = append(rows, web.Route{Pattern: o.Method + " " + prefix + o.Path, Handler: h.serve(o), Guard: web.Public})
	}
	document := h.document(ops)
	rows = append(rows, web.Route{Pattern: "GET " + prefix + "/openapi.json", Guard: web.Public, Handler: func(w http.ResponseWriter, _ *http.Request) error {
		return write(w, http.StatusOK, "application/json", document)
	}}, web.Route{Pattern: "GET /api/docs", Guard: web.Public, Handler: h.docs(ops)})
	unknown := func(w http.ResponseWriter, r *http.Request) error {
		if allowed := methods(ops, strings.TrimPrefix(r.URL.Path, prefix)); len(allowed) > 0 && strings.HasPrefix(r.URL.Path, prefix+"/") {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return refuse(w, r, Caller{}, core.Invalid("method.not_allowed"))
		}
		return refuse(w, r, Caller{}, core.ErrNotFound)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		rows = append(rows, web.Route{Pattern: method + " /api/", Handler: unknown, Guard: web.Public})
	}
	return rows
}

// methods are those that a path has.
func methods(ops []op, path string) (out []string) {
	for _, o := range ops {
		if o.matches(path) && !slices.Contains(out, o.Method) {
			if out = append(out, o.Method); o.Method == http.MethodGet {
				out = append(out, http.MethodHead)
			}
		}
	}
	slices.Sort(out)
	return out
}

// serve is the way of every request: who asks, how often, what for; then the journey.
func (h *Handler) serve(o op) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		c := &call{Context: r.Context(), h: h, w: w, r: r, op: o}
		var err error
		if c.Caller, err = h.caller(r); err != nil {
			return refuse(w, r, c.Caller, err)
		}
		res, again, err := c.run()
		if err != nil {
			return refuse(w, r, c.Caller, err)
		}
		for name, value := range res.Header {
			w.Header().Set(name, value)
		}
		if again {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		if res.Status == http.StatusNoContent {
			w.WriteHeader(res.Status)
			return nil
		}
		return send(w, res.Status, "application/json", res.Body)
	}
}

func (c *call) run() (res result, again bool, err error) {
	if err := c.h.limit(c.w, c.Caller); err != nil {
		return res, false, err
	}
	if c.ReadOnly && !c.op.Reads {
		return res, false, core.ErrReadOnly
	}
	body, err := read(c.w, c.r)
	if err != nil {
		return res, false, err
	}
	if err := asked(c.r, c.op); err != nil {
		return res, false, err
	}
	in, err := parse(c.r, body, c.op.In)
	if err != nil {
		return res, false, err
	}
	if err := c.seat(); err != nil {
		return res, false, err
	}
	if key := c.r.Header.Get(keyHeader); key != "" && !c.op.Reads && !c.dry {
		return c.once(key, body, func() (result, error) { return c.do(in) })
	}
	res, err = c.do(in)
	return res, false, err
}

// do asks the journey, and puts its answer into the form in which it is written and kept.
func (c *call) do(in any) (result, error) {
	doc, err := c.op.do(c, in)
	if errors.Is(err, core.ErrForbidden) && c.op.Proof && c.Kind == CallerClient {
		err = core.ErrStepUp
	}
	if err != nil {
		return result{}, err
	}
	res := result{Status: c.op.Status, Header: map[string]string{}}
	if p, planned := c.planned(doc); planned {
		res.Status, doc = http.StatusOK, p
	}
	for _, name := range kept {
		if v := c.w.Header().Get(name); v != "" {
			res.Header[name] = v
		}
		c.w.Header().Del(name)
	}
	if c.dry {
		res.Header = nil
	}
	if res.Status == http.StatusNoContent {
		return res, nil
	}
	res.Body, err = json.Marshal(doc)
	return res, err
}
