package adminapi

import (
	"net/http"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/signin"
)

// CallerKind is who a request can come from.
type CallerKind string

const (
	CallerPerson  CallerKind = "person"          // by the token of an app that may call the API
	CallerClient  CallerKind = "api_client"      // by a token of its own
	CallerService CallerKind = "service_account" // by login and password
)

// Caller is who asks, and what journeys are to know of them.
type Caller struct {
	// Actor is who the journeys ask. A program has no proofs, so what asks for a fresh
	// one is refused with step_up.required.
	Actor access.Actor
	Kind  CallerKind
	User  core.User
	// Client is the API client, or the app that a person came through.
	Client core.AppID
	Scopes []string
	// ReadOnly: it may look and change nothing.
	ReadOnly bool
	// AuthTime and Level are when and how a person signed in; nothing of a program.
	AuthTime time.Time
	Level    core.Level
	// Program is what is known of a service account.
	Program signin.Program
	From    core.Client // for the audit log
}

// caller finds out who asks: a service account, for one request (decision 7.17).
func (h *Handler) caller(r *http.Request) (Caller, error) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	login, password, ok := r.BasicAuth()
	if len(r.Header.Values("Authorization")) > 1 || !strings.EqualFold(scheme, "Basic") || !ok {
		return Caller{}, core.ErrRefused // nobody asked anything: there is no budget to spend
	}
	from := h.Proxies.Client(r)
	p, err := h.SignIn.Basic(r.Context(), login, password, signin.Visitor{Client: from})
	if err != nil {
		return Caller{}, err
	}
	by := access.Actor{User: p.User}
	by.Grants, err = h.Tree.Grants(r.Context(), p.User.ID)
	return Caller{Actor: by, Kind: CallerService, User: p.User, Program: p, From: from}, err
}
