package proxycheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Handler answers the proxies.
type Handler struct {
	Base    string // the public address of the sign-in, without a slash at its end
	Store   store.Store
	Apps    *directory.Registry
	Tree    *directory.Tree
	Ring    *secret.Ring
	Checker *session.Checker
	Cookies web.Cookies // of the sign-in's own host
	Proxies web.Proxies
	Now     func() time.Time
	// Bearer reads an access token; ok is false for one that does not count.
	Bearer func(ctx context.Context, text string, from netip.Addr) (t Token, ok bool, err error)
	// End ends a session at its own wish.
	End   func(context.Context, core.Session, core.Client) error
	Log   *slog.Logger
	Watch func(web.Watched) // told about every answer; may be nil
}

// Token is an access token of a person that counts.
type Token struct {
	User core.User
	// For are the APIs that it is for.
	For   []string
	Level core.Level
	Roles []core.RoleGrant
}

// Paths of the checks.
const (
	pathForward  = "/forward-auth"
	pathNginx    = "/auth-request"
	pathEnvoy    = "/ext-authz"
	pathCallback = directory.ProxyPath + "/callback"
	pathLogout   = directory.ProxyPath + "/logout"
	pathContinue = "/proxied/continue"
)

// Routes are the rows that people pass on the sign-in's own host.
func (h *Handler) Routes() []web.Route {
	return []web.Route{{Pattern: "GET " + pathContinue, Handler: h.getContinue, Guard: web.Public}}
}

// Front answers the checks and hands everything else on. It stands before the house's
// own wrapping: a check comes with every request of every app, its Host is the app's,
// and its method and path may be anybody's.
func (h *Handler) Front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, pattern := ways(r.RequestURI)
		if at == 0 || at == direct && !h.ours(r) {
			next.ServeHTTP(w, r)
			return
		}
		h.serve(w, r, at, pattern)
	})
}

// ways finds the check by the target as it was sent.
func ways(target string) (way, string) {
	path := target
	if i := strings.IndexByte(target, '?'); i >= 0 {
		path = target[:i]
	}
	switch {
	case path == pathForward:
		return forwardAuth, pathForward
	case path == pathNginx:
		return authRequest, pathNginx
	case path == pathEnvoy || strings.HasPrefix(path, pathEnvoy+"/"):
		return extAuthz, pathEnvoy
	case strings.HasPrefix(path, directory.ProxyPath+"/"):
		return direct, directory.ProxyPath
	}
	return 0, ""
}

// ours reports whether the part of a host that is ours was asked for at a host of an
// app. At any other it is a page that there is not.
func (h *Handler) ours(r *http.Request) bool {
	a, err := h.here(r)
	if err != nil {
		return false
	}
	_, err = h.Apps.At(r.Context(), a.host)
	var f *core.Fault
	return err == nil || !errors.As(err, &f) // who cannot tell says so
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, at way, pattern string) {
	began := h.Now()
	status, err := h.guarded(w, r, at)
	if err != nil && status == 0 {
		status = h.refuse(w, r, at, err)
	}
	took := h.Now().Sub(began)
	if h.Watch != nil {
		h.Watch(web.Watched{Pattern: pattern, Status: status, Took: took})
	}
	// What passes is in the proxy's own log, and would be most of ours.
	if status == http.StatusOK {
		return
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("event", "http.request"), slog.String("method", r.Method), slog.String("route", pattern), slog.Int("status", status), slog.Duration("took", took)}
	if f, ok := core.AsFault(err); ok {
		attrs = append(attrs, slog.String("code", f.Code))
	}
	if status >= 500 {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	h.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// guarded turns a panic into an error: one request's mistake is one request's answer.
func (h *Handler) guarded(w http.ResponseWriter, r *http.Request, at way) (status int, err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			status, err = 0, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return h.answer(w, r, at)
}

// here reads a request for the part of an app's host that is ours.
func (h *Handler) here(r *http.Request) (asked, error) {
	a := asked{way: direct, method: r.Method, target: r.RequestURI}
	scheme, ok := one(r.Header, "X-Forwarded-Proto")
	if !ok || !h.Proxies.Listed(r) {
		// Nobody that we believe says: https wherever it can be.
		scheme = "https"
		if host, _, _ := strings.Cut(r.Host, ":"); host != "" && strings.HasPrefix(h.Base, "http://") {
			scheme = "http"
		}
	}
	return a.complete(scheme, r.Host)
}

// answer decides. A status says that an answer was written.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, at way) (int, error) {
	var a asked
	var err error
	if at == direct {
		a, err = h.here(r)
	} else {
		if !h.Proxies.Listed(r) {
			return 0, errUnlisted // row B-32
		}
		if spoofed(r.Header) {
			return 0, errSpoofed
		}
		a, err = read(r, at)
	}
	if err != nil {
		return 0, err
	}
	app, err := h.Apps.At(r.Context(), a.host)
	if err != nil {
		if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
			err = errUnknown
		}
		return 0, err
	}
	out := app.Doc.Proxy.LogoutPath
	switch {
	case a.within(directory.ProxyPath) && a.path.Plain == pathCallback && a.method == http.MethodGet:
		return h.callback(w, r, a, app)
	case a.within(directory.ProxyPath) && a.path.Plain == pathLogout, out != "" && a.path.Plain == out && !a.path.Unclear:
		return h.logout(w, r, a)
	case a.within(directory.ProxyPath) || a.way == direct:
		return 0, core.ErrNotFound
	}
	return h.decide(w, r, a, app)
}

// decide is the hot path: who asks, whether the app is for them, whether what they
// proved is enough here.
func (h *Handler) decide(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered) (int, error) {
	rule := policy.RuleAt(app.Doc.Proxy, a.path)
	need := app.Doc.RequiredLevel
	if !need.AtLeast(rule.Level) {
		need = rule.Level
	}
	who, err := h.who(r, a, app)
	switch {
	case rule.Public:
		// For everybody; whoever is known is told to the app all the same, as far as
		// that can be said.
		if err != nil {
			who = nobody
		}
		return pass(w, who.said), nil
	case errors.Is(err, core.ErrNoSession):
		return h.ask(w, r, a, app, need, r.Header.Get("Authorization") != "")
	case err != nil:
		return 0, err
	case !who.level.AtLeast(need):
		return h.ask(w, r, a, app, need, who.token)
	}
	return pass(w, who.said), nil
}

// person is who asks.
type person struct {
	said  *said
	level core.Level
	token bool // they came with a token, and no sign-in at a page helps
}

var nobody = person{said: &said{{""}, {""}, {""}, {""}, {""}, {""}}}

// who finds out who asks: by the cookie of the host, or by a token.
func (h *Handler) who(r *http.Request, a asked, app *directory.Registered) (person, error) {
	cookies := web.NewCookies(a.https)
	token := cookies.Get(r, web.HostCookie)
	text, bearing := bearer(r.Header)
	if token == "" && !bearing {
		return person{}, core.ErrNoSession
	}
	from := h.Proxies.Client(r).Address
	if token != "" {
		who, eff, err := h.Checker.CheckHost(r.Context(), token, from)
		// A cookie that was carried over from another host is none (see Enter).
		if err == nil && (who.Family.App != app.ID || who.Family.Doc.Host != a.host) {
			err = core.ErrNoSession
		}
		if err == nil {
			if err := h.reaches(r.Context(), app, who.User.Tenant); err != nil {
				return person{}, err
			}
			return person{who.Memo(eff.Path, saidOf).(*said), who.Session.Level, false}, nil
		}
		if !errors.Is(err, core.ErrNoSession) || !bearing {
			return person{}, err
		}
	}
	return h.bearing(r, a, app, text, from)
}

func (h *Handler) reaches(ctx context.Context, app *directory.Registered, tenant core.TenantID) error {
	is, err := h.Apps.For(ctx, app, tenant)
	if err == nil && !is {
		err = core.NewFault(core.KindForbidden, "app.not_for_you")
	}
	return err
}

// bearing is who a token stands for. It must be for this app (row O-13).
func (h *Handler) bearing(r *http.Request, a asked, app *directory.Registered, text string, from netip.Addr) (person, error) {
	t, ok, err := h.Bearer(r.Context(), text, from)
	if err != nil {
		return person{}, err
	}
	meant := false
	for _, api := range t.For {
		meant = meant || api == a.origin() || api == a.origin()+"/" || api == string(app.ID)
	}
	if !ok || !meant {
		return person{}, core.ErrNoSession
	}
	if err := h.reaches(r.Context(), app, t.User.Tenant); err != nil {
		return person{}, err
	}
	place, err := h.Tree.Place(r.Context(), t.User.Tenant)
	if err != nil {
		return person{}, err
	}
	s := &session.Hosted{User: t.User, Session: core.Session{Level: t.Level}, Roles: t.Roles}
	return person{saidOf(s, place.Path).(*said), t.Level, true}, nil
}

func bearer(h http.Header) (string, bool) {
	text, ok := one(h, "Authorization")
	if !ok {
		return "", false
	}
	scheme, rest, _ := strings.Cut(text, " ")
	return strings.TrimSpace(rest), strings.EqualFold(scheme, "Bearer") && rest != ""
}
