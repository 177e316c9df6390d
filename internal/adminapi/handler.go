package adminapi

import (
	"net/http"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// Handler serves the API.
type Handler struct {
	SignIn  *signin.Service
	Tree    *directory.Tree
	Apps    *directory.Registry
	Tokens  Tokens
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
	MFAStatus    string     `json:"mfa_status"`
	Tenant       Tenant     `json:"tenant"`
	Organisation Tenant     `json:"organisation"`
	Roles        []Role     `json:"roles"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"` // of a service account that ends
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
	login, password, ok := r.BasicAuth()
	if !ok {
		return nil, core.ErrRefused // nobody asked anything: there is no budget to spend
	}
	p, err := h.SignIn.Basic(r.Context(), login, password, signin.Visitor{Client: h.Proxies.Client(r)})
	if err != nil {
		return nil, err
	}
	u, org := p.User, p.Effective.Organisation
	a := Account{ID: string(u.ID), Login: u.Login, Name: u.Name, Kind: string(u.Kind), MFAStatus: string(core.MFAServiceAccount),
		Tenant:       Tenant{string(p.Tenant.ID), string(p.Tenant.Kind), p.Tenant.Name},
		Organisation: Tenant{string(org.ID), string(org.Kind), org.Name}, Roles: []Role{}}
	for _, g := range p.Roles {
		a.Roles = append(a.Roles, Role{string(g.Role), string(g.Tenant)})
	}
	if !p.Service.ExpiresAt.IsZero() {
		till := p.Service.ExpiresAt.UTC()
		a.ExpiresAt = &till
	}
	return a, nil
}
