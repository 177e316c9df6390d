package directory

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"sallyport/internal/access"
	"sallyport/internal/core"
)

// AppWish is what somebody asks of an app.
type AppWish struct {
	Name string
	Doc  core.AppDoc
}

// Bounds of what an app may have.
const (
	appURIs     = 50
	appURILong  = 1000
	appScopes   = 50
	appTenants  = 500
	minAccess   = time.Minute
	minRefresh  = time.Hour
	appScopeLen = 100
	appKeysLong = 16 << 10
)

// invalidApp says which part of a wish is not right.
func invalidApp(field string) *core.Fault { return core.Invalid("app.invalid", "field", field) }

// cleanApp checks what a wish says by itself. Rows O-01, O-02 and B-45: what an app
// may be sent back to is decided here, once, and later compared whole.
func (s *Service) cleanApp(w AppWish) (AppWish, error) {
	name, err := cleanName(w.Name)
	if err != nil {
		return w, err
	}
	w.Name = name
	d := &w.Doc
	if d.Auth == core.AppProxied {
		return s.cleanProxied(w)
	}
	if d.Proxy != nil {
		return w, invalidApp("hosts")
	}
	if d.Auth == "" {
		d.Auth = core.AppSecret
	}
	if len(d.Grants) == 0 {
		d.Grants = []string{core.GrantCode, core.GrantRefresh}
	}
	d.Client = core.ClientDoc{} // of API clients only
	public := d.Auth == core.AppPublic
	has := func(grant string) bool { return slices.Contains(d.Grants, grant) }
	switch {
	case !slices.Contains([]string{core.AppPublic, core.AppSecret, core.AppKey}, d.Auth):
		return w, invalidApp("auth")
	case (d.Auth == core.AppKey) == (len(d.Keys) == 0) || len(d.Keys) > appKeysLong:
		return w, invalidApp("keys")
	case !subset(d.Grants, core.AppGrants) || has(core.GrantRefresh) && !has(core.GrantCode) && !has(core.GrantDevice):
		return w, invalidApp("grants")
	case d.API && !has(core.GrantCode):
		return w, invalidApp("api")
	case public && (has(core.GrantClient) || has(core.GrantExchange) || d.NoPKCE):
		return w, core.Invalid("app.public")
	case has(core.GrantCode) == (len(d.RedirectURIs) == 0):
		return w, core.Invalid("app.redirect_missing")
	case !slices.Contains([]core.Level{core.LevelNone, core.LevelMFA, core.LevelPhishingResistant}, d.RequiredLevel):
		return w, invalidApp("required_level")
	case !slices.Contains([]string{core.ProofMay, core.ProofAlways, core.ProofNonce}, d.Proof):
		return w, invalidApp("dpop")
	case d.Alg != "" && !slices.Contains(core.AppAlgs, d.Alg):
		return w, invalidApp("alg")
	case outside(d.AccessLife, minAccess, core.AccessLifeMost) || outside(d.RefreshLife, minRefresh, core.RefreshLifeMost):
		return w, core.Invalid("app.life")
	case len(d.Scopes) > appScopes || slices.ContainsFunc(d.Scopes, func(s string) bool { return !scopeWord(s) || slices.Contains(core.PersonScopes, s) }):
		return w, invalidApp("scopes")
	case len(d.Tenants) > appTenants || len(d.Resources) > appURIs || len(d.RedirectURIs) > appURIs || len(d.LogoutURIs) > appURIs:
		return w, core.Invalid("app.too_many")
	}
	if uri := d.BackchannelURI; uri != "" && (!redirectable(uri, false) || public) {
		return w, core.Invalid("app.redirect_invalid", "uri", shown(uri))
	}
	for _, uri := range slices.Concat(d.RedirectURIs, d.LogoutURIs) {
		if !redirectable(uri, public) {
			return w, core.Invalid("app.redirect_invalid", "uri", shown(uri))
		}
	}
	for _, uri := range d.Resources {
		if u, err := url.Parse(uri); err != nil || !redirectable(uri, false) || u.RawQuery != "" {
			return w, core.Invalid("app.redirect_invalid", "uri", shown(uri))
		}
	}
	return w, nil
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func outside(d core.Duration, least, most time.Duration) bool {
	return d != 0 && (time.Duration(d) < least || time.Duration(d) > most)
}

// shown cuts what somebody typed to what a sentence can hold.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '·'
		}
		return r
	}, s)
	if len(s) > 200 {
		return s[:200]
	}
	return s
}

// scopeWord is scope-token of RFC 6749, section 3.3.
func scopeWord(s string) bool {
	return s != "" && len(s) <= appScopeLen && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' })
}

// redirectable is an address that a browser may be sent to: https, http on this very
// machine, or, for programs on people's devices, a scheme of their own that nobody
// else's is (RFC 8252, section 7.1). Nothing in it may read differently to another
// parser: no user, no fragment, no backslash, no dots that climb.
func redirectable(uri string, public bool) bool {
	if uri == "" || len(uri) > appURILong || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`\"<>^{|}*`+"`", r) }) {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Fragment != "" || strings.Contains(uri, "#") || u.User != nil || u.Opaque != "" || climbs(u) {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != "" && u.Host == strings.ToLower(u.Host)
	case "http":
		return Loopback(u)
	}
	return public && strings.Contains(u.Scheme, ".") && u.Host == "" && strings.HasPrefix(u.Path, "/")
}

// climbs reports whether the path has dots, plain or escaped, or a semicolon beside
// them, by which somebody's server may take it for another.
func climbs(u *url.URL) bool {
	path := strings.ToLower(u.EscapedPath())
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' }) {
		part, _, _ = strings.Cut(part, ";")
		if part = strings.ReplaceAll(part, "%2e", "."); part == "." || part == ".." {
			return true
		}
	}
	return strings.Contains(path, "%2f") || strings.Contains(path, "%5c")
}

// Loopback reports whether an http address is on the machine of whoever opens it.
func Loopback(u *url.URL) bool {
	if u.Scheme != "http" {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.IsLoopback()
}

// SameRedirect reports whether an address that a request brings is one that was
// registered: the same, character by character. Only the port of a loopback address
// that is written as one may differ, for a program on a person's device takes
// whichever is free (rows O-01, B-45).
func SameRedirect(registered []string, asked string, public bool) bool {
	if slices.Contains(registered, asked) {
		return asked != ""
	}
	u, err := url.Parse(asked)
	if err != nil || !public || !redirectable(asked, true) || u.Scheme != "http" || u.Hostname() == "localhost" {
		return false
	}
	return slices.ContainsFunc(registered, func(r string) bool {
		known, err := url.Parse(r)
		if err != nil || known.Scheme != "http" || known.Hostname() != u.Hostname() || !Loopback(known) {
			return false
		}
		// What is left when both ports are taken out must be the same text.
		return withoutPort(r, known) == withoutPort(asked, u)
	})
}

func withoutPort(text string, u *url.URL) string {
	return strings.Replace(text, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1)
}

// checkTenants refuses branches that an app's people cannot be of.
func (s *Service) checkTenants(ctx context.Context, owner access.Place, tenants []core.TenantID) error {
	for _, id := range tenants {
		place, err := s.Tree.Place(ctx, id)
		if err != nil || !covers(owner, place) {
			return core.Invalid("app.tenant", "tenant", shown(string(id)))
		}
	}
	return nil
}

// covers reports whether an app that belongs to owner may be for people of a place:
// all, when it is the platform's, else those there and below within the organisation.
func covers(owner, place access.Place) bool {
	if owner.Path == "" || !strings.HasPrefix(place.Path, owner.Path) {
		return false
	}
	if owner.Kind == core.Platform {
		return true
	}
	home, ok := owner.Own()
	own, ok2 := place.Own()
	return ok && ok2 && home.Path == own.Path
}

// Reaches reports whether an app that belongs to owner is for people of a place.
func Reaches(a core.App, owner, place access.Place) bool {
	if a.Tenant != owner.Tenant || !covers(owner, place) {
		return false
	}
	return len(a.Doc.Tenants) == 0 || slices.ContainsFunc(a.Doc.Tenants, func(t core.TenantID) bool {
		return t != "" && strings.Contains(place.Path, "/"+string(t)+"/")
	})
}
