package adminapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// Problem is a refusal as RFC 9457 has it. Code is what programs key on.
type Problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	Request string `json:"request"`
}

// challenge is what a client without credentials, or with wrong ones, is asked for
// (RFC 7617).
const challenge = `Basic realm="Sallyport", charset="UTF-8"`

// challengeOf answers a token as RFC 6750 has it, and everything else with the way in
// that needs none.
func challengeOf(f *core.Fault, r *http.Request) string {
	if f.Code != core.ErrToken.Code {
		return challenge
	}
	scheme := "Bearer"
	if kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(kind, "DPoP") {
		scheme = "DPoP"
	}
	return scheme + ` realm="Sallyport", error="invalid_token"`
}

// answer writes what fn returns: a document, or its refusal as a problem. The error
// goes on to the log of the request.
func answer(fn func(http.ResponseWriter, *http.Request) (any, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		doc, err := fn(w, r)
		if err == nil {
			return write(w, http.StatusOK, "application/json", doc)
		}
		f, ok := core.AsFault(err)
		if !ok || f.Kind == core.KindInternal {
			f = core.NewFault(core.KindInternal, "internal")
		}
		status := statusOf(f)
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", challengeOf(f, r))
		}
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
		}
		said := web.Lang(r.Context()).Fault(f.Code, f.Params, nil)
		p := Problem{Type: "urn:sallyport:problem:" + f.Code, Title: said.Title, Status: status, Detail: said.Text, Code: f.Code, Request: web.RequestID(r.Context())}
		if written := write(w, status, "application/problem+json", p); written != nil {
			return written
		}
		return err
	}
}

// statusOf is a fault's status. Who could not be let in is unauthenticated here,
// where no form can be mended.
func statusOf(f *core.Fault) int {
	switch f.Code {
	case core.ErrRefused.Code:
		return http.StatusUnauthorized
	case "method.not_allowed":
		return http.StatusMethodNotAllowed
	}
	return web.Status(f)
}

func write(w http.ResponseWriter, status int, kind string, doc any) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	return err
}
