package oidc

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// refusal is an error as the protocols have it. About is for the developer who reads
// it: ASCII, without anything that was sent.
type refusal struct {
	Code   string
	About  string
	Status int
	Realm  string // of WWW-Authenticate, where there is one: "Basic" or "Bearer"
	Params string // further ones of that header
}

func (r *refusal) Error() string { return r.Code + ": " + r.About }

func bad(code, about string) *refusal {
	return &refusal{Code: code, About: about, Status: http.StatusBadRequest}
}

// answer writes what fn returns as JSON: a document, or its refusal. The error goes on
// to the log of the request.
func answer(fn func(http.ResponseWriter, *http.Request) (any, error)) func(http.ResponseWriter, *http.Request) error {
	return answerAs(http.StatusOK, fn)
}

// answerAs is answer with the status of what is right.
func answerAs(status int, fn func(http.ResponseWriter, *http.Request) (any, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		doc, err := fn(w, r)
		if err == nil {
			return write(w, status, doc)
		}
		said := refusalOf(w, err)
		if said.Realm != "" {
			w.Header().Set("WWW-Authenticate", challenge(said))
		}
		if written := write(w, said.Status, problem{said.Code, said.About}); written != nil {
			return written
		}
		var own *refusal
		if errors.As(err, &own) {
			return core.NewFault(core.KindInvalid, "oauth."+own.Code) // an ordinary answer, for the log
		}
		return err
	}
}

type problem struct {
	Error string `json:"error"`
	About string `json:"error_description,omitempty"`
}

func challenge(r *refusal) string {
	if r.Realm == "Basic" {
		return `Basic realm="Sallyport", charset="UTF-8"`
	}
	c := r.Realm + ` realm="Sallyport"`
	if r.Code != "" {
		c += `, error="` + r.Code + `", error_description="` + r.About + `"`
	}
	return c + r.Params
}

// refusalOf puts any error into the words of the protocols. What is not a refusal is
// ours to mend and says nothing.
func refusalOf(w http.ResponseWriter, err error) *refusal {
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	f, ok := core.AsFault(err)
	switch {
	case ok && f.Kind == core.KindLimited:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int((f.RetryAfter+time.Second-1)/time.Second))))
		return &refusal{Code: "temporarily_unavailable", About: "too many requests", Status: http.StatusTooManyRequests}
	case ok && f.Kind == core.KindUnavailable, errors.Is(err, store.ErrDown):
		return &refusal{Code: "temporarily_unavailable", About: "try again later", Status: http.StatusServiceUnavailable}
	case ok && f.Kind == core.KindTooLarge:
		return &refusal{Code: "invalid_request", About: "the request is too large", Status: http.StatusRequestEntityTooLarge}
	}
	return &refusal{Code: "server_error", About: "something is wrong here", Status: http.StatusInternalServerError}
}

func write(w http.ResponseWriter, status int, doc any) error {
	if doc == nil {
		w.WriteHeader(status)
		return nil
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	b = append(b, '\n')
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}

// shared is answer for what scripts of any site may read. No cookie counts there.
func shared(fn func(http.ResponseWriter, *http.Request) (any, error)) func(http.ResponseWriter, *http.Request) error {
	next := answer(fn)
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Origin") != "" {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, DPoP-Nonce")
		}
		return next(w, r)
	}
}

func preflight(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Origin") != "" {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
		w.Header().Set("Access-Control-Max-Age", "3600")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sendTo leaves for an app's own address, which was compared with what is registered.
// Never 307: what was typed here must not be posted there (row O-04).
func sendTo(w http.ResponseWriter, uri string, pairs ...string) error {
	w.Header().Set("Location", with(uri, pairs...))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// with adds parameters to an address and leaves the rest of it as it is.
func with(uri string, pairs ...string) string {
	var q []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q = append(q, queryEscape(pairs[i])+"="+queryEscape(pairs[i+1]))
		}
	}
	switch {
	case len(q) == 0:
		return uri
	case !strings.Contains(uri, "?"):
		return uri + "?" + strings.Join(q, "&")
	case strings.HasSuffix(uri, "?") || strings.HasSuffix(uri, "&"):
		return uri + strings.Join(q, "&")
	}
	return uri + "&" + strings.Join(q, "&")
}
