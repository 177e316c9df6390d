package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"sallyport/internal/core"
)

// statusFault is a fault whose HTTP status says more than its kind: a wrong
// media type, a wrong method. It never leaves this package's own checks.
type statusFault struct {
	*core.Fault
	status int
}

func (s *statusFault) Unwrap() error { return s.Fault }

// errNoPage answers every address that leads nowhere and everything that
// belongs to somebody else. One value, so that both read the same.
var errNoPage = core.ErrNotFound

// elsewhere is a way on, returned as an error by code that has none to render.
type elsewhere struct{ path string }

func (e *elsewhere) Error() string { return "go to " + e.path }

// GoTo ends a handler with a redirect to a local path (303, so that a reload
// never posts again). A path that is not local goes to the start page.
func GoTo(path string) error { return &elsewhere{LocalPath(path)} }

// LocalPath returns path when it leads to a page of ours, else "/". A browser
// reads "//host" and "/\host" as another site, and drops tabs and newlines.
func LocalPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\") || !plain(path) {
		return "/"
	}
	return path
}

// escaped writes what is not ASCII as a header has it.
func escaped(path string) string {
	var out []byte
	for i := range len(path) {
		if c := path[i]; c >= utf8.RuneSelf || c == ' ' {
			if out == nil {
				out = append(out, path[:i]...)
			}
			out = fmt.Appendf(out, "%%%02X", c)
		} else if out != nil {
			out = append(out, c)
		}
	}
	if out == nil {
		return path
	}
	return string(out)
}

// Status is the HTTP status of an error.
func Status(err error) int {
	var s *statusFault
	if errors.As(err, &s) {
		return s.status
	}
	f, ok := core.AsFault(err)
	if !ok {
		return http.StatusInternalServerError
	}
	switch f.Kind {
	case core.KindInvalid:
		return http.StatusUnprocessableEntity
	case core.KindUnauthenticated:
		return http.StatusUnauthorized
	case core.KindForbidden:
		return http.StatusForbidden
	case core.KindNotFound:
		return http.StatusNotFound
	case core.KindConflict:
		return http.StatusConflict
	case core.KindStale:
		return http.StatusPreconditionFailed
	case core.KindLimited:
		return http.StatusTooManyRequests
	case core.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case core.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// publicFault is the part of an error that may be shown: a fault as it is,
// anything else as "internal" and nothing more.
func publicFault(err error) *core.Fault {
	if f, ok := core.AsFault(err); ok && f.Kind != core.KindInternal {
		return f
	}
	return core.NewFault(core.KindInternal, "internal")
}

// Answer turns an error into a redirect or into the error page.
func Answer(w http.ResponseWriter, r *http.Request, err error) {
	var way *elsewhere
	if errors.As(err, &way) {
		// LocalPath has seen to it that there is nothing left for http.Redirect to
		// mend, and nobody reads the few words that it would add.
		w.Header().Set("Location", escaped(way.path))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	status := Status(err)
	f := publicFault(err)
	switch status {
	case http.StatusNotFound:
		// The address and who asks must not show in these bytes.
		r = r.WithContext(withoutQuery(r.Context()))
	case http.StatusTooManyRequests:
		setRetryAfter(w, f)
	}
	w.Header().Set("Content-Security-Policy", policy(nil))
	if err := Render(w, r, status, Error(errorPage(f, status, RequestID(r.Context())))); err != nil {
		// The error page itself cannot be drawn. Plain words are left.
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

func errorPage(f *core.Fault, status int, request string) ErrorPage {
	p := ErrorPage{Code: f.Code, Request: request, Page: Page{Fault: f}}
	if status == http.StatusNotFound {
		p.Request = ""
	}
	return p
}

// asksReset and startsOver choose the button that leads out of a refusal.
func asksReset(code string) bool { return strings.HasPrefix(code, "reset.") }

func startsOver(code string) bool {
	for _, start := range []string{"attempt.", "session.", "invitation.", "enrol_proof.", "admin_link.", "mfa.", "sign_in.", "tenant."} {
		if strings.HasPrefix(code, start) {
			return true
		}
	}
	return false
}

func withoutQuery(ctx context.Context) context.Context {
	own := *requestOf(ctx)
	own.language.query = nil
	return context.WithValue(ctx, requestKey{}, &own)
}

type requestKey struct{}

// request is what belongs to one request alone and to nobody else.
type request struct {
	id       string
	language bound
	acting   *Acting // nil: whoever asks is at home, or nobody
}

// requestOf is never nil: outside of a request everything is empty.
func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	if r == nil {
		r = &request{}
	}
	return r
}

// RequestID is the id under which this request stands in the log.
func RequestID(ctx context.Context) string { return requestOf(ctx).id }
