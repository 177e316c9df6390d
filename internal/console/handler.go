package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// Handler serves the pages of administration.
type Handler struct {
	Checker *session.Checker
	Cookies web.Cookies
	Proxies web.Proxies
	Now     func() time.Time
	// Actor says what somebody who is signed in may do: their own grants, or those of
	// the organisation that they act in.
	Actor func(context.Context, session.Current) (access.Actor, error)
	// Acting is the banner of a session that acts for an organisation, else nil.
	Acting func(context.Context, session.Current) (*web.Acting, error)

	Prover    Prover
	Places    Places
	Overviews Overviews
	Tree      Tree
	MFA       MFA
	Settings  Settings
	People    People
	Roles     Roles
	Services  Services
	Clients   Clients
	Support   Support
	Audit     Audit
	Explainer Explainer
}

// perPage is how many lines a list shows at once, exported how many are read at
// once for a file.
const (
	perPage  = 50
	exported = 500
)

type callerKey struct{}

// Enter is the guard of every row: somebody signed in who may administer
// something. Who may nothing is told so at every address alike, so that they learn
// of no id whether it exists.
func (h *Handler) Enter(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	cur, err := h.Checker.Check(r.Context(), h.Cookies.Get(r, web.SessionCookie), h.Proxies.Client(r).Address)
	if err != nil {
		return nil, over(r, err)
	}
	r = web.WithLanguage(r, cur.User.Locale, "", cur.Effective.Settings.Locale)
	ctx := r.Context()
	if cur.Session.ActingIn != "" {
		acting, err := h.Acting(ctx, cur)
		if err != nil {
			return nil, over(r, err)
		}
		ctx = web.WithActing(ctx, acting)
	}
	actor, err := h.Actor(ctx, cur)
	if err != nil {
		return nil, over(r, err)
	}
	if !administers(actor) {
		return nil, core.ErrForbidden
	}
	me := &Caller{Self: signin.Self{Current: cur, Visitor: signin.Visitor{Client: h.Proxies.Client(r), Device: h.Cookies.Get(r, web.DeviceCookie)}}, Actor: actor}
	return r.WithContext(context.WithValue(ctx, callerKey{}, me)), nil
}

// over sends whoever has no session, or none any more, to the door; any other
// error passes.
func over(r *http.Request, err error) error {
	switch {
	case !errors.Is(err, core.ErrNoSession):
		return err
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return web.GoTo("/sign-in?return_to=" + url.QueryEscape(r.URL.RequestURI()))
	}
	return web.GoTo("/sign-in")
}

// administers reports whether somebody holds any right anywhere.
func administers(a access.Actor) bool { return a.Acting != nil || access.Privileged(a.Grants) }

func caller(r *http.Request) Caller {
	if me, ok := r.Context().Value(callerKey{}).(*Caller); ok {
		return *me
	}
	return Caller{}
}

// at is who asks and where: the tenant that the address names.
func (h *Handler) at(r *http.Request) (Caller, Place, error) {
	me := caller(r)
	place, err := h.Places.Place(r.Context(), me, core.TenantID(r.PathValue("tenant")))
	return me, place, err
}

// top is who asks, where their own rights begin.
func (h *Handler) top(r *http.Request) (Caller, Place, error) {
	me := caller(r)
	place, err := h.Places.Place(r.Context(), me, "")
	return me, place, err
}

// flashes are the words that an address may carry from a form to the page after it.
var flashes = map[string]bool{"client_changed": true, "client_deleted": true, "tenant_created": true, "tenant_changed": true, "tenant_deleted": true, "tenant_restored": true, "everybody_signed_out": true, "support_ended": true,
	"mfa_org_on": true, "mfa_org_changed": true, "mfa_org_off": true, "settings_saved": true, "settings_same": true, "invited": true, "person_changed": true,
	"person_deleted": true, "person_unlocked": true, "person_reinvited": true, "person_reset": true, "person_untrusted": true, "person_signed_out": true,
	"bulk_done": true, "role_given": true, "role_taken": true, "role_saved": true, "role_deleted": true, "acting_begun": true, "acting_ended": true,
	"session_ended": true, "mail_sent": true}

// page is what every page begins with.
func (h *Handler) page(r *http.Request, place Place, at string, fault error) Page {
	me := caller(r)
	p := Page{Place: place, At: at, Page: web.Page{Org: web.Org{Name: place.Tenant.Name}, Zone: place.Zone, Now: h.Now(), Person: me.User.Name, Fault: fault}}
	if word := r.URL.Query().Get("done"); flashes[word] && fault == nil {
		p.Flash = word
	}
	return p
}

// show draws a page, or, when there is a fault, the form again with it.
func show(w http.ResponseWriter, r *http.Request, fault error, page templ.Component) error {
	if fault == nil {
		return web.Render(w, r, http.StatusOK, page)
	}
	f, ok := core.AsFault(fault)
	switch {
	case !ok || f.Code == core.ErrForbidden.Code:
		return fault
	case f.Code == core.ErrStepUp.Code:
		// The form asks for the proof: that is the way to it.
		return web.Render(w, r, http.StatusUnprocessableEntity, page)
	case f.Kind == core.KindForbidden:
		return web.Render(w, r, http.StatusForbidden, page)
	}
	return web.Redraw(w, r, fault, page)
}

// mends reports whether a refusal belongs onto the page that was asked, because
// what is wrong stands in its form or is told there in words.
func mends(err error) bool {
	f, ok := core.AsFault(err)
	if !ok || f.Code == core.ErrForbidden.Code {
		return false
	}
	switch f.Kind {
	case core.KindInvalid, core.KindConflict, core.KindForbidden, core.KindLimited, core.KindUnauthenticated:
		return f.Code != core.ErrNoSession.Code
	}
	return false
}

// AnyVersion is said by who looked at no version: nothing is stale for them.
const AnyVersion int64 = -1

// version writes a version into a form.
func version(n int64) string { return strconv.FormatInt(n, 10) }

// versionOf reads it; what is no number is as stale as can be.
func versionOf(f web.Form) int64 {
	n, err := strconv.ParseInt(f.Get("version"), 10, 64)
	if err != nil || n < 0 {
		return AnyVersion - 1
	}
	return n
}

// list reads words that stand in one field, however they are set apart.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
}

// Routes are the rows of this face.
func (h *Handler) Routes() []web.Route {
	var rows []web.Route
	row := func(pattern string, handler func(http.ResponseWriter, *http.Request) error) {
		// A session may end while its own request is answered.
		guarded := func(w http.ResponseWriter, r *http.Request) error { return over(r, handler(w, r)) }
		rows = append(rows, web.Route{Pattern: pattern, Handler: guarded, Guard: web.Administrator})
	}
	row("GET /admin", h.toHome)
	row("GET /admin/{$}", h.home)
	row("GET /admin/tenants", h.tenants)
	row("GET /admin/tenants/new", h.getNewTenant)
	row("POST /admin/tenants/new", h.postNewTenant)
	const tenant = "/admin/tenants/{tenant}"
	row("GET "+tenant, h.tenant)
	for _, d := range TenantDeeds {
		row("GET "+tenant+"/"+string(d), h.getTenantDeed(d))
		row("POST "+tenant+"/"+string(d), h.postTenantDeed(d))
	}
	row("GET "+tenant+"/security", h.security)
	row("GET "+tenant+"/security/enable", h.getEnable)
	row("POST "+tenant+"/security/enable", h.postEnable)
	row("GET "+tenant+"/security/disable", h.getDisable)
	row("POST "+tenant+"/security/disable", h.postDisable)
	row("GET "+tenant+"/security/settings", h.toSecurity)
	row("POST "+tenant+"/security/settings", h.postSettings(OwnSettings))
	row("GET "+tenant+"/security/locks", h.getSettings(LockSettings))
	row("POST "+tenant+"/security/locks", h.postSettings(LockSettings))
	row("GET "+tenant+"/security/template", h.getSettings(TemplateSettings))
	row("POST "+tenant+"/security/template", h.postSettings(TemplateSettings))
	row("GET "+tenant+"/security/presets", h.presets)
	row("GET "+tenant+"/security/presets/{preset}", h.getPreset)
	row("POST "+tenant+"/security/presets/{preset}", h.postPreset)
	row("GET "+tenant+"/users", h.users)
	row("GET "+tenant+"/users/invite", h.getInvite)
	row("POST "+tenant+"/users/invite", h.postInvite)
	row("GET "+tenant+"/users/bulk", h.getBulk)
	row("POST "+tenant+"/users/bulk", h.postBulk)
	row("GET "+tenant+"/service-accounts", h.services)
	row("GET "+tenant+"/service-accounts/new", h.getNewService)
	row("POST "+tenant+"/service-accounts/new", h.postNewService)
	row("GET "+tenant+"/api-clients", h.clients)
	row("GET "+tenant+"/api-clients/new", h.getNewClient)
	row("POST "+tenant+"/api-clients/new", h.postClient)
	row("GET "+tenant+"/api-clients/{client}", h.client)
	row("GET "+tenant+"/api-clients/{client}/change", h.getClientForm)
	row("POST "+tenant+"/api-clients/{client}/change", h.postClient)
	for _, d := range ClientDeeds {
		row("GET "+tenant+"/api-clients/{client}/"+string(d), h.getClientDeed(d))
		row("POST "+tenant+"/api-clients/{client}/"+string(d), h.postClientDeed(d))
	}
	row("GET "+tenant+"/roles", h.roles)
	row("GET "+tenant+"/roles/grant", h.toRoles)
	row("POST "+tenant+"/roles/grant", h.postGrant)
	row("GET "+tenant+"/roles/revoke", h.toRoles)
	row("POST "+tenant+"/roles/revoke", h.postRevoke)
	row("GET "+tenant+"/roles/new", h.getNewRole)
	row("POST "+tenant+"/roles/new", h.postRole)
	row("GET "+tenant+"/roles/{role}", h.getRole)
	row("POST "+tenant+"/roles/{role}", h.postRole)
	row("POST "+tenant+"/roles/{role}/delete", h.postDeleteRole)
	row("GET "+tenant+"/support", h.support)
	row("POST "+tenant+"/support/end", h.postEndActing)
	row("GET "+tenant+"/act", h.getAct)
	row("POST "+tenant+"/act", h.postAct)
	row("POST /admin/acting/end", h.postEndAct)
	row("GET "+tenant+"/audit", h.audit)
	row("GET /admin/users/{user}", h.person)
	row("POST /admin/users/{user}/sessions", h.postEndSession)
	row("POST /admin/users/{user}/browsers", h.postForgetBrowser)
	for _, d := range PersonDeeds {
		row("GET /admin/users/{user}/"+string(d), h.getPersonDeed(d))
		row("POST /admin/users/{user}/"+string(d), h.postPersonDeed(d))
	}
	row("GET /admin/policy", h.policy)
	return rows
}
