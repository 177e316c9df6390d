package oidc

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
)

// Pushed authorization requests (RFC 9126): the app sends what it asks for from its
// own server and gets a word for it, so that nothing of it passes the browser where
// somebody could change or read it. The word is the request itself, sealed; it is good
// for a moment, for this app, and for one code.

const (
	requestURI = "urn:ietf:params:oauth:request_uri:"
	pushedLife = 90 * time.Second
	sealPushed = "pushed authorization request"
)

type pushed struct {
	URI     string `json:"request_uri"`
	Expires int64  `json:"expires_in"`
}

func (h *Handler) push(w http.ResponseWriter, r *http.Request) (any, error) {
	p := form(w, r)
	if err := p.check(); err != nil {
		return nil, err
	}
	app, err := h.authenticate(r, p)
	if err != nil {
		return nil, err
	}
	if p.has("request_uri") {
		return nil, bad("invalid_request", "request_uri cannot be pushed")
	}
	p.values.Set("client_id", string(app.ID)) // it may stand in the header alone
	a, _, shown, sent := h.read(r.Context(), p)
	if f, ok := core.AsFault(shown); ok && f.Kind == core.KindInvalid {
		return nil, bad("invalid_request", "the redirect_uri is not one of the app's, or it may not sign people in")
	}
	if shown != nil {
		return nil, shown
	}
	if sent != nil {
		return nil, sent
	}
	a.Pushed = secret.Token()
	sealed, err := h.sealAs(a, sealPushed)
	return pushed{requestURI + sealed, seconds(pushedLife)}, err
}

// pull reads a pushed request that an app names.
func (h *Handler) pull(app *directory.Registered, p params) (a asked, why *refusal) {
	gone := bad("invalid_request_uri", "it is not known here, or over")
	text, ok := strings.CutPrefix(p.get("request_uri"), requestURI)
	if !ok {
		return a, bad("request_uri_not_supported", "only pushed requests are")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > longest {
		return a, gone
	}
	plain, err := h.Ring.Open(sealed, sealPushed)
	if err != nil || json.Unmarshal(plain, &a) != nil || a.App != app.ID {
		return asked{}, gone
	}
	if age := h.Now().Sub(a.began()); age < -time.Minute || age > pushedLife {
		return asked{}, gone
	}
	// What is asked of the person's freshness counts from when they come.
	a.At = h.Now().UnixMicro()
	return a, nil
}
