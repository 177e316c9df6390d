package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

var invalidClient = &refusal{Code: "invalid_client", About: "the app is not known, or did not show that it is itself", Status: http.StatusUnauthorized, Realm: "Basic"}

// authenticate finds out which app asks. One that can keep no secret only says who it
// is, and everything that it gets is bound in other ways.
func (h *Handler) authenticate(r *http.Request, p params) (*directory.Registered, error) {
	c := h.client(r)
	if err := h.Limiter.Check(c.Source(), h.Now()); err != nil {
		return nil, err
	}
	id, text, err := credentials(r, p)
	if err != nil {
		return nil, err
	}
	assertion := p.get("client_assertion")
	if assertion != "" && (text != "" || r.Header.Get("Authorization") != "" || p.get("client_assertion_type") != assertionType) {
		return nil, bad("invalid_request", "the app shows itself in two ways, or in one that is not known")
	}
	app, err := h.Apps.Find(r.Context(), core.AppID(id))
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
		h.Limiter.Fail(c.Source(), h.Now())
		return nil, invalidClient
	}
	if err != nil {
		return nil, err
	}
	if app.Public() {
		if text != "" || assertion != "" {
			return nil, h.refused(r, app, c)
		}
		return app, nil
	}
	ok := false
	switch {
	case assertion != "" && app.Doc.Auth == core.AppKey:
		if ok, err = h.asserted(r, app, assertion); err != nil {
			return nil, err
		}
	case text != "" && app.Doc.Auth == core.AppSecret:
		if ok, err = h.Apps.Proves(r.Context(), app, text); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, h.refused(r, app, c)
	}
	return app, nil
}

// refused writes down that an app was not itself, in its owner's log.
func (h *Handler) refused(r *http.Request, app *directory.Registered, c core.Client) error {
	h.Limiter.Fail(c.Source(), h.Now())
	err := h.Store.Update(r.Context(), app.Tenant, func(tx store.Tx) error {
		e := audit.On(audit.AppRefused, string(app.ID), string(app.ID), c)
		e.Result, e.Reason = audit.Refused, "invalid_client"
		return tx.Append(e)
	})
	if err != nil {
		return err
	}
	return invalidClient
}

// credentials are in the header or in the form, and not in both (RFC 6749, section
// 2.3.1: both parts of the header are escaped as in a form).
func credentials(r *http.Request, p params) (id, text string, err error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if !p.has("client_id") && p.has("client_assertion") {
			return issuerOf(p.get("client_assertion")), "", nil
		}
		if !p.has("client_id") {
			return "", "", invalidClient
		}
		return p.get("client_id"), p.get("client_secret"), nil
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", invalidClient
	}
	id, err1 := url.QueryUnescape(user)
	text, err2 := url.QueryUnescape(password)
	if errors.Join(err1, err2) != nil || strings.ContainsRune(id, 0) || text == "" {
		return "", "", invalidClient
	}
	if p.has("client_secret") || p.has("client_id") && p.get("client_id") != id {
		return "", "", bad("invalid_request", "the app shows itself in two ways")
	}
	return id, text, nil
}

// issuerOf reads who says that an assertion is theirs. Nothing is believed: it only
// finds the keys to check it with.
func issuerOf(assertion string) string {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || len(assertion) > longest {
		return ""
	}
	plain, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct {
		Subject string `json:"sub"`
	}
	if err != nil || json.Unmarshal(plain, &c) != nil {
		return ""
	}
	return c.Subject
}
