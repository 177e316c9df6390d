package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"sallyport/internal/core"
)

// Guard says who may enter a route. Every row names one; the zero value is
// nobody's choice and stops the program at its start.
type Guard int

const (
	Public        Guard = iota + 1 // everybody
	Attempt                        // a sign-in under way in this browser
	Session                        // somebody signed in, even before the page that stands between
	FullSession                    // somebody signed in with nothing left to answer
	Administrator                  // somebody signed in who may administer something
)

func (g Guard) String() string {
	names := [...]string{"none", "public", "attempt", "session", "full-session", "administrator"}
	if g < 0 || int(g) >= len(names) {
		return "none"
	}
	return names[g]
}

// Route is a row of a face's table.
type Route struct {
	Pattern string // as for http.ServeMux: "POST /sign-in"
	Handler func(http.ResponseWriter, *http.Request) error
	Guard   Guard
	// CrossOrigin lets other sites post here. A row that sets it explains itself
	// to the test that pins the list.
	CrossOrigin bool
}

// Enter lets a request in, with what the guard learned in its context, or
// returns the refusal. It may return GoTo.
type Enter func(w http.ResponseWriter, r *http.Request) (*http.Request, error)

// Options are what the wrapping of routes needs from outside.
type Options struct {
	Guards    map[Guard]Enter // for every guard but Public that a row names
	Cookies   Cookies
	TLS       bool              // people reach us over https
	RequestID func() string     // a new random id
	Now       func() time.Time  // for the length of a request in the log
	Log       *slog.Logger      // one line per request
	Hosts     func(string) bool // which Host headers are ours; nil is all of them
	Trusted   []string          // origins of our own that differ from Host, behind a proxy
	Watch     func(Watched)     // told about every answered request; may be nil
	// Reader tells whose browser asks, by the language of the profile and of the
	// organisation, for the answers that no guard and no handler had a part in. May be nil.
	Reader func(*http.Request) (profile, tenantDefault string)
}

// Watched is what is counted of a request: never an address or a name.
type Watched struct {
	Pattern string
	Status  int
	Took    time.Duration
}

// Mux serves the rows, the assets, and the answer to everything else. Rows that
// cannot be served are mistakes in the program, so it panics on them as
// http.ServeMux does on patterns.
func Mux(routes []Route, o Options) http.Handler {
	if o.RequestID == nil || o.Now == nil || o.Log == nil {
		panic("web: RequestID, Now and Log are needed")
	}
	h := &house{Options: o, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(), languages: newChoices(), fixed: fixedHeaders(o.TLS)}
	for _, origin := range o.Trusted {
		if err := h.cross.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Sprintf("web: trusted origin: %v", err))
		}
	}
	all := append(slices.Clone(routes),
		Route{Pattern: "GET /assets/", Handler: serveAsset, Guard: Public},
		Route{Pattern: "GET /favicon.ico", Handler: favicon, Guard: Public})
	for _, row := range all {
		if row.Handler == nil {
			panic("web: route " + row.Pattern + " has no handler")
		}
		if _, ok := o.Guards[row.Guard]; !ok && row.Guard != Public {
			panic(fmt.Sprintf("web: route %s is guarded by %q, which nobody provides", row.Pattern, row.Guard))
		}
		h.mux.HandleFunc(row.Pattern, func(w http.ResponseWriter, r *http.Request) {
			rec := w.(*recorder)
			rec.pattern, rec.ours = row.Pattern, true
			rec.err = h.enter(w, r, row)
		})
	}
	return h
}

// Browsers ask for the icon here before they have read a page.
func favicon(http.ResponseWriter, *http.Request) error { return GoTo(Asset("favicon.svg")) }

type house struct {
	Options
	mux       *http.ServeMux
	cross     *http.CrossOriginProtection
	languages *choices
	fixed     http.Header
}

func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := h.Now()
	rec := &recorder{ResponseWriter: w, reads: r.Method == http.MethodGet || r.Method == http.MethodHead}
	id := h.RequestID()
	own := &request{id: id}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, own))
	setHeaders(rec.Header(), h.fixed)
	bindLanguage(rec, r, own, h.Cookies, h.languages)
	defer func() { h.report(r, rec, id, rec.pattern, h.Now().Sub(began)) }()

	h.serve(rec, r)
	rec.ours = true
	// After the first byte it is too late for another answer; the log remains.
	if rec.err != nil && rec.status == 0 {
		if h.Reader != nil && !own.language.told && !isWay(rec.err) {
			profile, tenantDefault := h.Reader(r)
			r = WithLanguage(r, profile, "", tenantDefault)
		}
		Answer(rec, r, rec.err)
	}
}

// serve calls the row of the request. A panic becomes an error, so that one
// request's mistake is one request's answer.
func (h *house) serve(rec *recorder, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			rec.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if h.Hosts != nil && !h.Hosts(r.Host) {
		rec.err = &statusFault{core.ErrNotFound, http.StatusMisdirectedRequest}
		return
	}
	h.mux.ServeHTTP(rec, r)
	if rec.refused != 0 {
		rec.err = unmatched(rec)
	}
}

// enter checks in the order of cost, then calls the handler.
func (h *house) enter(w http.ResponseWriter, r *http.Request, row Route) error {
	if err := h.cross.Check(r); err != nil && !row.CrossOrigin {
		return core.NewFault(core.KindForbidden, "form.cross_origin")
	}
	if row.Guard != Public {
		let, err := h.Guards[row.Guard](w, r)
		if err != nil {
			return err
		}
		r = let
	}
	return row.Handler(w, r)
}

// unmatched tells a wrong method from a wrong path, as the mux itself saw it. For
// the method it has left the header Allow.
func unmatched(rec *recorder) error {
	if rec.refused == http.StatusMethodNotAllowed {
		return &statusFault{core.Invalid("method.not_allowed"), http.StatusMethodNotAllowed}
	}
	return errNoPage
}

// report writes the one line of a request. Faults are ordinary answers; what is
// not one is ours to mend.
func (h *house) report(r *http.Request, rec *recorder, id, pattern string, took time.Duration) {
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.String("event", "http.request"), slog.String("request_id", id), slog.String("method", r.Method),
		slog.String("route", pattern), slog.Int("status", rec.status), slog.Duration("took", took),
	}
	if f, ok := core.AsFault(rec.err); ok {
		attrs = append(attrs, slog.String("code", f.Code))
		if f.Kind == core.KindUnavailable {
			// A part of us is missing: what exactly is for the operator alone.
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", rec.err.Error()))
		}
	} else if rec.err != nil && !isWay(rec.err) {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", rec.err.Error()))
	}
	h.Log.LogAttrs(r.Context(), level, "request", attrs...)
	if h.Watch != nil {
		h.Watch(Watched{Pattern: pattern, Status: rec.status, Took: took})
	}
}

func isWay(err error) bool {
	var way *elsewhere
	return errors.As(err, &way)
}

// recorder remembers how a request went. What the mux says by itself to a path or
// method that no row has is only noted: the error page says it.
type recorder struct {
	http.ResponseWriter
	reads   bool   // the request asks for a page and brings nothing
	pattern string // of the row that was found
	ours    bool   // it is our code that answers, not the mux's
	refused int    // the mux's own refusal
	status  int
	err     error // what the row returned
}

func (r *recorder) WriteHeader(status int) {
	// The mux sends a path that is not clean ("//sign-in") to the clean one, and a form
	// with it: 307 has the browser post again, passwords and all (row O-04). No page
	// of ours posts there.
	if !r.ours && (status >= 400 || status >= 300 && !r.reads) {
		r.refused = status
		r.Header().Del("Location")
		return
	}
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.refused != 0 && !r.ours {
		return len(b), nil
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
