package oidc

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// Our own API is a resource as any other app's is: a token opens it only when it was
// made for it, and it is made for it only for an API client, or for a person through an
// app that an administrator let call it.

// API is the name of our own API, as resource and audience.
func (h *Handler) API() string { return h.Issuer + "/api/v1" }

// resources are the APIs that an app's tokens may be for. That it names ours among
// those of its own opens nothing.
func (h *Handler) resources(a core.App) []string {
	own := slices.DeleteFunc(slices.Clone(a.Doc.Resources), func(r string) bool { return r == h.API() })
	switch {
	case a.IsClient():
		return []string{h.API()}
	case a.Doc.API:
		return append(own, h.API())
	}
	return own
}

// lends refuses an API client that stands for nobody any more, or comes from where it
// may not.
func (h *Handler) lends(r *http.Request, app *directory.Registered) error {
	c := h.client(r)
	if app.Over(h.Now()) {
		return h.refused(r, app, c)
	}
	if !directory.Near(app.Doc.Client.Networks, c.Address) {
		return bad("unauthorized_client", "not from this network") // row ACR-30
	}
	_, err := h.Tree.StandIn(r.Context(), app.App, nil)
	if errors.Is(err, directory.ErrOwnerGone) {
		return bad("unauthorized_client", "nothing is left of what its owner may do")
	}
	if err != nil {
		return err
	}
	return h.Apps.Issued(r.Context(), app, c.Where())
}

// Opened is what a token for our API stands for.
type Opened struct {
	App      *directory.Registered
	User     core.User // of a person's
	Person   bool
	Scopes   []string
	AuthTime time.Time
	Level    core.Level
	Session  core.SessionID
}

// Open reads the token of a request to our API. Every one that does not count there is
// core.ErrToken: of somebody else's audience, over, withdrawn, or sent the wrong way.
func (h *Handler) Open(r *http.Request) (Opened, error) {
	a, err := h.bearerFor(nil, r, h.API())
	var no *refusal
	if errors.As(err, &no) {
		return Opened{}, core.ErrToken
	}
	if err != nil {
		return Opened{}, err
	}
	o := Opened{App: a.app, Scopes: words(a.Scope)}
	if a.Family == "" {
		if a.app.Over(h.Now()) {
			return Opened{}, core.ErrToken
		}
		return o, nil
	}
	o.User, o.Person, o.Level, o.AuthTime, o.Session = a.user, true, a.family.Level, a.family.Doc.AuthTime, a.family.Session
	return o, nil
}
