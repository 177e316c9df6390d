package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/a-h/templ"

	"sallyport/internal/core"
)

// Render writes a page. It is built whole before the first byte leaves, so that
// a page that fails halfway becomes an error page and never half a page.
func Render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var body bytes.Buffer
	if err := page.Render(r.Context(), &body); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", Lang(r.Context()).Tag())
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body.Bytes())
	return ignoreGone(err)
}

// Redraw shows a form again with the refusal on it. Only a refusal that the
// person can mend on that form is redrawn; any other error is returned, so that
// the one error page answers it.
func Redraw(w http.ResponseWriter, r *http.Request, err error, page templ.Component) error {
	f, ok := core.AsFault(err)
	if !ok {
		return err
	}
	switch f.Kind {
	case core.KindInvalid, core.KindUnauthenticated, core.KindConflict:
		return Render(w, r, http.StatusUnprocessableEntity, page)
	case core.KindLimited:
		setRetryAfter(w, f)
		return Render(w, r, http.StatusTooManyRequests, page)
	}
	return err
}

func setRetryAfter(w http.ResponseWriter, f *core.Fault) {
	// The header counts whole seconds, and a zero would say "at once".
	seconds := max(1, int((f.RetryAfter+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
}

// ignoreGone forgets a reader who hung up: nobody is left to be told.
func ignoreGone(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, http.ErrBodyNotAllowed) {
		return nil
	}
	return err
}
