package oidc

import (
	"context"
	"net/http"
	"sync"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Handler serves the provider.
type Handler struct {
	Issuer  string // the public address, without a slash at its end
	Store   store.Store
	Tree    *directory.Tree
	Apps    *directory.Registry
	Ring    *secret.Ring
	Checker *session.Checker
	Limiter *signin.Limiter
	// Codes are the guesses that somebody has at the codes of devices.
	Codes   *signin.Limiter
	Cookies web.Cookies
	Proxies web.Proxies
	Now     func() time.Time
	// Device says what runs with a user agent, for people.
	Device func(agent string) string
	// End ends a session at its own wish.
	End func(context.Context, core.Session, core.Client) error

	signers sync.Map // jose.Signer by key and type
	seen    seen
}

// Paths of the endpoints.
const (
	pathAuthorize  = "/oauth2/authorize"
	pathContinue   = "/oauth2/continue"
	pathConsent    = "/oauth2/consent"
	pathToken      = "/oauth2/token"
	pathUserinfo   = "/oauth2/userinfo"
	pathIntrospect = "/oauth2/introspect"
	pathRevoke     = "/oauth2/revoke"
	pathPush       = "/oauth2/par"
	pathLogout     = "/oauth2/logout"
	pathConfirm    = "/oauth2/logout/confirm"
	pathDevices    = "/oauth2/device_authorization"
	pathDevice     = "/device" // short, for it is typed
	pathAnswer     = "/device/answer"
	pathDone       = "/device/done"
	pathKeys       = "/.well-known/jwks.json"
	pathOpenID     = "/.well-known/openid-configuration"
	pathOAuth      = "/.well-known/oauth-authorization-server"
)

// Routes are the rows of this face. What programs post to takes posts of any site:
// there is no cookie in what they do. To the two that browsers are sent to with a form,
// cookies do not come along, and they only lead to a GET.
func (h *Handler) Routes() []web.Route {
	rows := []web.Route{
		{Pattern: "GET " + pathOpenID, Handler: shared(h.discovery), Guard: web.Public},
		{Pattern: "GET " + pathOAuth, Handler: shared(h.discovery), Guard: web.Public},
		{Pattern: "GET " + pathKeys, Handler: shared(h.keys), Guard: web.Public},
		{Pattern: "GET " + pathAuthorize, Handler: h.getAuthorize, Guard: web.Public},
		{Pattern: "POST " + pathAuthorize, Handler: h.postAuthorize, Guard: web.Public, CrossOrigin: true},
		{Pattern: "GET " + pathContinue, Handler: h.getContinue, Guard: web.Public},
		{Pattern: "POST " + pathConsent, Handler: h.postConsent, Guard: web.Public},
		{Pattern: "POST " + pathToken, Handler: shared(h.token), Guard: web.Public, CrossOrigin: true},
		{Pattern: "GET " + pathUserinfo, Handler: shared(h.userinfo), Guard: web.Public},
		{Pattern: "POST " + pathUserinfo, Handler: shared(h.userinfo), Guard: web.Public, CrossOrigin: true},
		{Pattern: "POST " + pathIntrospect, Handler: answer(h.introspect), Guard: web.Public, CrossOrigin: true},
		{Pattern: "POST " + pathRevoke, Handler: shared(h.revoke), Guard: web.Public, CrossOrigin: true},
		{Pattern: "POST " + pathPush, Handler: answerAs(http.StatusCreated, h.push), Guard: web.Public, CrossOrigin: true},
		{Pattern: "GET " + pathLogout, Handler: h.getLogout, Guard: web.Public},
		{Pattern: "POST " + pathLogout, Handler: h.postLogout, Guard: web.Public, CrossOrigin: true},
		{Pattern: "POST " + pathConfirm, Handler: h.postConfirm, Guard: web.Public},
		{Pattern: "POST " + pathDevices, Handler: shared(h.deviceAuthorization), Guard: web.Public, CrossOrigin: true},
		{Pattern: "GET " + pathDevice, Handler: h.getDevice, Guard: web.Public},
		{Pattern: "POST " + pathDevice, Handler: h.postDevice, Guard: web.Public},
		{Pattern: "POST " + pathAnswer, Handler: h.postAnswer, Guard: web.Public},
		{Pattern: "GET " + pathDone, Handler: h.getDone, Guard: web.Public},
	}
	// Scripts of other sites may reach what has no cookie in it, and never the pages.
	for _, path := range []string{pathOpenID, pathOAuth, pathKeys, pathToken, pathUserinfo, pathRevoke, pathDevices} {
		rows = append(rows, web.Route{Pattern: "OPTIONS " + path, Handler: preflight, Guard: web.Public})
	}
	return rows
}

func (h *Handler) client(r *http.Request) core.Client { return h.Proxies.Client(r) }

// current is the session that this browser has.
func (h *Handler) current(r *http.Request) (session.Current, error) {
	return h.Checker.Check(r.Context(), h.Cookies.Get(r, web.SessionCookie), h.client(r).Address)
}
