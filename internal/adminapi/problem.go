package adminapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

// Problem is a refusal as RFC 9457 has it. Code is what programs key on; Field is what
// was wrong in what they sent.
type Problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Request string `json:"request"`
}

// challenges are what a client without credentials, or with wrong ones, is asked for
// (RFC 7617, RFC 6750).
var challenges = []string{`Basic realm="Sallyport", charset="UTF-8"`, `Bearer realm="Sallyport"`}

// stepUp asks a person's app for a sign-in that is fresh and strong enough (RFC 9470).
func stepUp() string {
	return fmt.Sprintf(`Bearer error="insufficient_user_authentication", error_description="A fresh sign-in with a second factor is needed", acr_values=%q, max_age="%d"`,
		core.LevelMFA.ACR(), int(access.Fresh/time.Second))
}

// invalidToken answers a token as RFC 6750 has it.
func invalidToken(r *http.Request) string {
	scheme := "Bearer"
	if kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(kind, "DPoP") {
		scheme = "DPoP"
	}
	return scheme + ` realm="Sallyport", error="invalid_token"`
}

// refuse writes an error as a problem. What is no fault is ours, and only its number is
// told.
func refuse(w http.ResponseWriter, r *http.Request, c Caller, err error) error {
	f, ok := core.AsFault(err)
	if !ok || f.Kind == core.KindInternal {
		f = core.NewFault(core.KindInternal, "internal")
	}
	status := statusOf(f)
	switch {
	case f.Code == core.ErrStepUp.Code && c.Kind == CallerPerson:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", stepUp())
	case f.Code == core.ErrStepUp.Code:
		// A program cannot show a fresh proof, and no challenge would lead it on.
		f = core.NewFault(f.Kind, f.Code).With("program", true)
	case status == http.StatusUnauthorized && f.Code == core.ErrToken.Code:
		w.Header().Set("WWW-Authenticate", invalidToken(r))
	case status == http.StatusUnauthorized:
		w.Header()["Www-Authenticate"] = challenges
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	said := web.Lang(r.Context()).Fault(f.Code, f.Params, nil)
	p := Problem{Type: "urn:sallyport:problem:" + f.Code, Title: said.Title, Status: status, Detail: said.Text, Code: f.Code, Request: web.RequestID(r.Context())}
	if p.Field, ok = f.Params["field"].(string); !ok {
		p.Field, _ = f.Params["key"].(string) // of a setting
	}
	if written := write(w, status, "application/problem+json", p); written != nil {
		return written
	}
	return err
}

// statusOf is a fault's status. Who could not be let in is unauthenticated here,
// where no form can be mended.
func statusOf(f *core.Fault) int {
	switch f.Code {
	case core.ErrRefused.Code:
		return http.StatusUnauthorized
	case "method.not_allowed":
		return http.StatusMethodNotAllowed
	case "api.media_type":
		return http.StatusUnsupportedMediaType
	case "api.body_invalid", "api.query_invalid":
		return http.StatusBadRequest
	}
	return web.Status(f)
}

func write(w http.ResponseWriter, status int, kind string, doc any) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return send(w, status, kind, b)
}

func send(w http.ResponseWriter, status int, kind string, b []byte) error {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, err := w.Write(append(b, '\n'))
	return err
}
