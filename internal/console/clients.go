package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

// Client is an API client as its page shows it.
type Client struct {
	App     core.App
	Owner   string // whose rights it has
	Left    bool   // nothing is left of them
	Over    bool   // its time has run out
	Secrets []core.AppSecretRow
}

// state is a word where something is not as it should be.
func (c Client) state(ctx context.Context) string {
	switch {
	case c.Left:
		return web.T(ctx, "clients.left")
	case c.App.State != core.AppActive:
		return web.T(ctx, "clients.stopped")
	case c.Over:
		return web.T(ctx, "services.over")
	}
	return ""
}

func (c Client) access(ctx context.Context) string {
	if c.App.Doc.Client.Write {
		return web.T(ctx, "clients.writes")
	}
	return web.T(ctx, "clients.reads")
}

func (c Client) used(ctx context.Context, p Page) string {
	return usedFrom(ctx, p, c.App.UsedAt, c.App.UsedFrom)
}

// usedFrom is when something was last used and from where, as far as that is known.
func usedFrom(ctx context.Context, p Page, at time.Time, from string) string {
	switch {
	case at.IsZero():
		return web.T(ctx, "services.never_used")
	case from == "":
		return p.When(ctx, at)
	}
	return web.T(ctx, "clients.used_from", "When", p.When(ctx, at), "Address", from)
}

func (c Client) networks(ctx context.Context) string {
	return Service{Networks: c.App.Doc.Client.Networks}.networks(ctx)
}

func (c Client) rights(ctx context.Context) string {
	var out []string
	for _, s := range c.App.Doc.Scopes {
		out = append(out, web.T(ctx, "right."+s))
	}
	return strings.Join(out, ", ")
}

// ClientList is a page of API clients.
type ClientList struct {
	Rows []Client
	Next string
}

// ClientWish is an API client to be made or changed.
type ClientWish struct {
	Tenant core.TenantID
	Client core.ClientID // empty: a new one
	// Service is the account whose place it takes, Quiet after how many days without
	// use that is stopped.
	Service  core.UserID
	Quiet    int
	Name     string
	Rights   []access.Permission
	Write    bool
	Networks []string
	Expires  time.Time
	Version  int64
}

// ClientDeed is what can be done to an API client on a page of its own.
type ClientDeed string

const (
	ClientRotate ClientDeed = "rotate"
	ClientStop   ClientDeed = "stop"
	ClientStart  ClientDeed = "start"
	ClientDelete ClientDeed = "delete"
)

// ClientDeeds lists them.
var ClientDeeds = []ClientDeed{ClientRotate, ClientStop, ClientStart, ClientDelete}

// Clients is what the pages of API clients need.
type Clients interface {
	Clients(ctx context.Context, by Caller, tenant core.TenantID, cursor string) (ClientList, error)
	Client(ctx context.Context, by Caller, tenant core.TenantID, id core.ClientID) (Client, error)
	// SaveClient makes or changes one. The secret of a new one is shown once.
	SaveClient(ctx context.Context, by Caller, w ClientWish) (core.App, string, error)
	// DoClient does a deed. A new secret is shown once; the old one goes on for days.
	DoClient(ctx context.Context, by Caller, id core.ClientID, d ClientDeed, days int) (secret string, err error)
	// Replaceable is a service account whose place an API client may take.
	Replaceable(ctx context.Context, by Caller, tenant core.TenantID, id core.UserID) (core.User, error)
}

// ClientsPage lists the API clients of a tenant.
type ClientsPage struct {
	Page
	List   ClientList
	Cursor string
}

// ClientPage shows one.
type ClientPage struct {
	Page
	Client Client
}

// clientMay reports whether a deed makes sense for one.
func (p ClientPage) may(d ClientDeed) bool {
	on := p.Client.App.State == core.AppActive
	switch d {
	case ClientRotate:
		return p.Client.App.Doc.Auth == core.AppSecret
	case ClientStop:
		return on
	case ClientStart:
		return !on
	}
	return true
}

// ClientFormPage asks for a new one, or changes one.
type ClientFormPage struct {
	Page
	Client  core.ClientID
	Service core.User // whose place it takes
	Wish    TypedClient
	Rights  []access.Permission
	Version int64
	Ask     Ask
}

// TypedClient is what was typed into the form, as it was.
type TypedClient struct {
	Name, Networks, Expires, Quiet string
	Rights                         []string
	Write                          bool
}

func (t TypedClient) has(p access.Permission) bool { return slices.Contains(t.Rights, string(p)) }

func (p ClientFormPage) title(ctx context.Context) string {
	switch {
	case p.Client != "":
		return web.T(ctx, "clients.change")
	case p.Service.ID != "":
		return web.T(ctx, "clients.replace")
	}
	return web.T(ctx, "clients.new")
}

func (p ClientFormPage) action() string {
	if p.Client != "" {
		return clientPath(p.Place, p.Client, "/change")
	}
	return p.Place.Path("/api-clients/new")
}

func (p ClientFormPage) back() string {
	if p.Client != "" {
		return clientPath(p.Place, p.Client)
	}
	return p.Place.Path("/api-clients")
}

// ClientSecretPage shows a secret, once.
type ClientSecretPage struct {
	Page
	Client core.ClientID
	Name   string
	Secret string
}

func clientPath(p Place, id core.ClientID, rest ...string) string {
	return p.Path("/api-clients/" + string(id) + strings.Join(rest, ""))
}
