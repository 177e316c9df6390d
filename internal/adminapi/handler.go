package adminapi

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// Handler serves the API.
type Handler struct {
	SignIn *signin.Service
	Tree   *directory.Tree
	Apps   *directory.Registry
	Tokens Tokens
	// Name is a node by its id.
	Name    func(context.Context, core.TenantID) (core.Tenant, error)
	Proxies web.Proxies
}

const me = "/api/v1/me"

// Routes are the rows of this face. What is not there answers in JSON, too.
func (h *Handler) Routes() []web.Route {
	rows := []web.Route{{Pattern: "GET " + me, Handler: answer(h.me), Guard: web.Public}}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		rows = append(rows, web.Route{Pattern: method + " /api/", Handler: answer(unknown), Guard: web.Public})
	}
	return rows
}

func unknown(w http.ResponseWriter, r *http.Request) (any, error) {
	if r.URL.Path == me {
		w.Header().Set("Allow", "GET, HEAD")
		return nil, core.Invalid("method.not_allowed")
	}
	return nil, core.ErrNotFound
}

// Account is who the request comes from.
type Account struct {
	ID           string     `json:"id"`
	Login        string     `json:"login"`
	Name         string     `json:"name"`
	Kind         string     `json:"kind"`
	MFAStatus    string     `json:"mfa_status,omitempty"` // of a service account
	Tenant       Tenant     `json:"tenant"`
	Organisation Tenant     `json:"organisation"`
	Roles        []Role     `json:"roles"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"` // of a program that ends
	// Owner, Scopes and ReadOnly are an API client's; App and Level say how a person
	// comes.
	Owner    string   `json:"owner,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	ReadOnly bool     `json:"read_only,omitempty"`
	App      string   `json:"app,omitempty"`
	Level    string   `json:"level,omitempty"`
}

// Tenant names a node of the tree.
type Tenant struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Role is held on a tenant and below it.
type Role struct {
	Role   string `json:"role"`
	Tenant string `json:"tenant"`
}

func (h *Handler) me(_ http.ResponseWriter, r *http.Request) (any, error) {
	c, err := h.caller(r)
	if err != nil {
		return nil, err
	}
	u := c.User
	a := Account{ID: string(u.ID), Login: u.Login, Name: u.Name, Kind: string(c.Kind), Roles: []Role{}}
	in := u.Tenant
	switch c.Kind {
	case CallerService:
		a.MFAStatus = string(core.MFAServiceAccount)
		a.ExpiresAt = some(c.Program.Service.ExpiresAt)
	case CallerClient:
		app, err := h.Apps.Find(r.Context(), c.Client)
		if err != nil {
			return nil, err
		}
		in = app.Tenant
		a.ID, a.Login, a.Name, a.Owner = string(app.ID), "", app.Name, string(u.ID)
		a.Scopes, a.ReadOnly, a.ExpiresAt = c.Scopes, c.ReadOnly, some(app.Doc.Client.ExpiresAt)
	case CallerPerson:
		a.App, a.Level = string(c.Client), string(c.Level)
	}
	eff, err := h.Tree.Effective(r.Context(), in)
	if err != nil {
		return nil, err
	}
	org := eff.Organisation
	a.Organisation = Tenant{string(org.ID), string(org.Kind), org.Name}
	if a.Tenant, err = h.tenant(r, in); err != nil {
		return nil, err
	}
	for _, g := range c.Actor.Grants {
		a.Roles = append(a.Roles, Role{string(g.Role), string(g.At.Tenant)})
	}
	return a, nil
}

func (h *Handler) tenant(r *http.Request, id core.TenantID) (Tenant, error) {
	t, err := h.Name(r.Context(), id)
	return Tenant{string(t.ID), string(t.Kind), t.Name}, err
}

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
