package adminapi

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
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
	// Actor is who the journeys ask. Of an API client it is the owner, bound to what
	// the client was given; a program has no proofs, so what asks for a fresh one is
	// refused with step_up.required.
	Actor access.Actor
	Kind  CallerKind
	User  core.User // an API client's owner
	// Client is the API client, or the app that a person came through.
	Client core.ClientID
	Scopes []string
	// ReadOnly: it may look and change nothing. Operations that change are refused.
	ReadOnly bool
	// AuthTime and Level are when and how a person signed in; nothing of a program.
	AuthTime time.Time
	Level    core.Level
	// Program is what is known of a service account.
	Program signin.Program
	From    core.Client // for the audit log
}

// Token is an access token that counts and that is for this API.
type Token struct {
	App      *directory.Registered
	User     core.User // of a person's token
	Person   bool
	Scopes   []string
	AuthTime time.Time
	Level    core.Level
	Session  core.SessionID
}

// Tokens reads the token of a request: core.ErrToken for every one that does not
// count here.
type Tokens func(*http.Request) (Token, error)

// caller finds out who asks.
func (h *Handler) caller(r *http.Request) (Caller, error) {
	c, err := h.identify(r)
	if err != nil {
		return Caller{}, err
	}
	c.From = h.Proxies.Client(r)
	return c, nil
}

func (h *Handler) identify(r *http.Request) (Caller, error) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case len(r.Header.Values("Authorization")) > 1:
		return Caller{}, core.ErrRefused // who of them it would be is not for us to choose
	case strings.EqualFold(scheme, "Basic"):
		return h.program(r)
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "DPoP"):
		return h.bearer(r)
	}
	return Caller{}, core.ErrRefused // nobody asked anything: there is no budget to spend
}

// program lets a service account in for one request (decision 7.17).
func (h *Handler) program(r *http.Request) (Caller, error) {
	login, password, ok := r.BasicAuth()
	if !ok {
		return Caller{}, core.ErrRefused
	}
	p, err := h.SignIn.Basic(r.Context(), login, password, signin.Visitor{Client: h.Proxies.Client(r)})
	if err != nil {
		return Caller{}, err
	}
	by, err := h.Tree.Account(r.Context(), p.User)
	if errors.Is(err, directory.ErrEnrolFirst) {
		// Its roles are elsewhere, where a second factor is asked of all who have one.
		by, err = access.Actor{User: p.User}, nil
	}
	return Caller{Actor: by, Kind: CallerService, User: p.User, Program: p}, err
}

// bearer is an API client, or a person who lets an app ask for them.
func (h *Handler) bearer(r *http.Request) (Caller, error) {
	t, err := h.Tokens(r)
	if err != nil {
		return Caller{}, err
	}
	if t.Person {
		return h.person(r, t)
	}
	if !t.App.IsClient() {
		return Caller{}, core.ErrToken // an app's own token is nobody's here
	}
	// Row ACR-30: where a program may come from is looked at each time.
	if err := h.near(r, t.App.Tenant); err != nil {
		return Caller{}, err
	}
	if !directory.Near(t.App.Doc.Client.Networks, h.Proxies.Client(r).Address) {
		return Caller{}, core.ErrOutsideNetwork
	}
	by, err := h.Tree.StandIn(r.Context(), t.App.App, t.Scopes)
	if errors.Is(err, directory.ErrOwnerGone) {
		return Caller{}, core.ErrToken
	}
	if err != nil {
		return Caller{}, err
	}
	return Caller{Actor: by, Kind: CallerClient, User: by.User, Client: t.App.ID, Scopes: t.Scopes, ReadOnly: !t.App.Doc.Client.Write}, nil
}

// person: what the token proves of them, and no more (decision 7.8).
func (h *Handler) person(r *http.Request, t Token) (Caller, error) {
	if !t.App.Doc.API || t.User.Kind != core.Person {
		return Caller{}, core.ErrToken
	}
	is, err := h.Apps.For(r.Context(), t.App, t.User.Tenant)
	if err != nil {
		return Caller{}, err // nobody can tell, which is no word about the token
	}
	if !is {
		return Caller{}, core.ErrToken
	}
	if err := h.near(r, t.User.Tenant); err != nil {
		return Caller{}, err
	}
	by, err := h.Tree.Account(r.Context(), t.User)
	if err != nil {
		return Caller{}, err
	}
	by.Session = t.Session
	// A password alone is no proof here, whatever would do on a page.
	switch {
	case t.Level.AtLeast(core.LevelPhishingResistant):
		by.Proofs = []core.Proof{{Kind: core.FactorPasskey, At: t.AuthTime}}
	case t.Level.AtLeast(core.LevelMFA):
		by.Proofs = []core.Proof{{Kind: core.FactorTOTP, At: t.AuthTime}}
	}
	return Caller{Actor: by, Kind: CallerPerson, User: t.User, Client: t.App.ID, Scopes: slices.Clone(t.Scopes), AuthTime: t.AuthTime, Level: t.Level}, nil
}

// near refuses a request from outside the networks of an organisation (row ACR-30).
func (h *Handler) near(r *http.Request, tenant core.TenantID) error {
	eff, err := h.Tree.Effective(r.Context(), tenant)
	if err != nil {
		return err
	}
	if !eff.Settings.LoginNetworks.Allow(h.Proxies.Client(r).Address) {
		return core.ErrOutsideNetwork.With("by", eff.Name())
	}
	return nil
}
