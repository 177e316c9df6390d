package console

import (
	"context"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// Service is a service account: an integration that signs in with login and
// password alone.
type Service struct {
	User     core.User
	Tenant   string // its tenant's name
	Owner    string // who answers for it
	Reason   string
	Networks []string
	Expires  time.Time
	Used     time.Time
	From     string // where from it came then
	Over     bool   // its time has run out
	Heir     core.ClientID
	Retires  time.Time // when it is stopped, if nobody uses it until then
}

// networks writes from where it may come.
func (s Service) networks(ctx context.Context) string {
	if len(s.Networks) == 0 {
		return web.T(ctx, "services.anywhere")
	}
	return strings.Join(s.Networks, ", ")
}

func (s Service) expires(ctx context.Context, p Page) string {
	if s.Expires.IsZero() {
		return web.T(ctx, "services.never_ends")
	}
	return p.Date(ctx, s.Expires)
}

func (s Service) used(ctx context.Context, p Page) string { return usedFrom(ctx, p, s.Used, s.From) }

// ServiceList is a page of service accounts.
type ServiceList struct {
	Rows []Service
	Next string
	// Allowed: service accounts may be made on a tenant of this kind.
	Allowed bool
}

// ServiceWish is a service account to be made.
type ServiceWish struct {
	Tenant   core.TenantID
	Name     string
	Login    string
	Email    string // where notices go; may be empty
	Reason   string
	Networks []string
	Expires  time.Time
}

// Services is what the pages of service accounts need. What is done to one that
// exists is a deed of People.
type Services interface {
	Services(ctx context.Context, by Caller, tenant core.TenantID, cursor string) (ServiceList, error)
	// CreateService makes one and returns its password, which is shown once.
	CreateService(ctx context.Context, by Caller, w ServiceWish) (core.UserID, string, error)
}

// ServicesPage lists the service accounts of a tenant.
type ServicesPage struct {
	Page
	List   ServiceList
	Cursor string
}

// ServicePage asks for a new one.
type ServicePage struct {
	Page
	Wish Typed
	Ask  Ask
}

// Typed is what was typed into a form about a service account, as it was.
type Typed struct {
	Name, Login, Email, Reason, Networks, Expires string
}
