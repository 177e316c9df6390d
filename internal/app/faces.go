package app

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/internal/adminapi"
	"sallyport/internal/console"
	"sallyport/internal/console/desk"
	"sallyport/internal/core"
	"sallyport/internal/hosted"
	"sallyport/internal/oidc"
	"sallyport/internal/outbox"
	"sallyport/internal/outgoing"
	"sallyport/internal/portal"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/web"
)

// Faces makes the main listener's handler. base is the public address without a
// slash at its end; more are rows that only this process has (the demo's), and one
// of them may take the place of a row that everybody has.
func (h *House) Faces(base string, more ...web.Route) http.Handler {
	proxies := web.Proxies(h.Config.TrustedProxies)
	if h.Demo {
		// Under the demo a program may come from many addresses (interfaces §3).
		proxies = append(slices.Clone(proxies), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	https := strings.HasPrefix(base, "https://")
	cookies := web.NewCookies(https)
	now := h.Clock.Now
	works := &desk.Desk{Store: h.Store, Directory: h.Directory, Recovery: h.Recovery, Hasher: h.Hasher, Rollout: h.Rollout, Support: h.Support, Now: now, Device: outbox.Device}
	end := func(ctx context.Context, s core.Session, c core.Client) error {
		return session.SignOut(ctx, h.Store, s, c)
	}
	door := &hosted.Handler{SignIn: h.SignIn, Recovery: h.Recovery, Directory: h.Directory, Checker: h.Checker, Cookies: cookies, Proxies: proxies, Now: now, Acting: works.Banner,
		End: end, Leave: func(ctx context.Context, old, opened core.Session, c core.Client) error {
			return session.Replace(ctx, h.Store, old, opened, c)
		}}
	provider := &oidc.Handler{Issuer: base, Store: h.Store, Tree: h.Tree, Apps: h.Apps, Ring: h.Ring, Checker: h.Checker, Limiter: h.SignIn.Limiter,
		Cookies: cookies, Proxies: proxies, Now: now, End: end}
	h.SignIn.Leads = provider.Lead
	reach := slices.Clone(h.Config.Outgoing.Networks)
	if own, err := url.Parse(base); err == nil && (own.Hostname() == "localhost" || isLoopback(own.Hostname())) {
		// Nobody but this machine reaches us, and its apps stand on it.
		reach = append(reach, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	h.Teller = &oidc.Teller{Handler: provider, Client: outgoing.New(reach), Log: h.Log}
	account := &portal.Handler{SignIn: h.SignIn, Store: h.Store, Checker: h.Checker, Cookies: cookies, Proxies: proxies, Now: now, Device: outbox.Device, Acting: works.Banner}
	admin := &console.Handler{Checker: h.Checker, Cookies: cookies, Proxies: proxies, Now: now, Actor: h.Tree.Actor, Acting: works.Banner, Prover: h.SignIn,
		Places: works, Overviews: works, Tree: works, MFA: works, Settings: works, People: works, Roles: works, Services: works, Clients: works, Support: works, Audit: works, Explainer: works}
	api := &adminapi.Handler{SignIn: h.SignIn, Tree: h.Tree, Apps: h.Apps, Directory: h.Directory, Recovery: h.Recovery, Rollout: h.Rollout, Support: h.Support, Hasher: h.Hasher, Ring: h.Ring,
		Quota: adminapi.NewQuota(h.Config.RateLimit.APIRequests, time.Minute, now), Proxies: proxies, Now: now, Device: outbox.Device, Base: base,
		Tokens: func(r *http.Request) (adminapi.Token, error) {
			o, err := provider.Open(r)
			return adminapi.Token(o), err
		}}
	free := func(_ http.ResponseWriter, r *http.Request) (*http.Request, error) { return r, nil }
	rows := slices.DeleteFunc(slices.Concat(door.Routes(), account.Routes(), admin.Routes(), api.Routes(), provider.Routes()), func(row web.Route) bool {
		return slices.ContainsFunc(more, func(own web.Route) bool { return own.Pattern == row.Pattern })
	})
	return web.Mux(append(rows, more...), web.Options{
		Guards: map[web.Guard]web.Enter{
			web.Attempt:       free, // the journey compares the attempt's cookie in the same read
			web.Session:       account.Enter,
			web.FullSession:   account.EnterFull,
			web.Administrator: admin.Enter,
		},
		Cookies: cookies, TLS: https, RequestID: func() string { return secret.NewID(core.PrefixRequest, now()) }, Now: now, Log: h.Log,
		Hosts: h.hosts(base), Trusted: []string{base}, Watch: h.Metrics.Request,
		Reader: func(r *http.Request) (profile, tenantDefault string) {
			cur, err := h.Checker.Check(r.Context(), cookies.Get(r, web.SessionCookie), proxies.Client(r).Address)
			if err != nil {
				return "", ""
			}
			return cur.User.Locale, cur.Effective.Settings.Locale
		},
	})
}

// hosts says which Host headers are ours: the public one, and for loopback the
// names of this machine, whatever the port. A demo has two names and no more.
func (h *House) hosts(base string) func(string) bool {
	_, own, _ := strings.Cut(base, "://")
	ownName := hostOnly(own)
	loop := ownName == "localhost" || isLoopback(ownName)
	return func(host string) bool {
		if strings.EqualFold(host, own) {
			return true
		}
		name := hostOnly(host)
		return loop && (strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1" && !h.Demo)
	}
}

func hostOnly(hostport string) string {
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		return name
	}
	return strings.Trim(hostport, "[]")
}

func isLoopback(name string) bool {
	a, err := netip.ParseAddr(name)
	return err == nil && a.IsLoopback()
}
