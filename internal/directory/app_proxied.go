package directory

import (
	"errors"
	"slices"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// Bounds of what an app behind a proxy may have.
const (
	appHosts    = 20
	appRules    = 100
	appPathLong = 200
)

// ProxyPath is the part of an app's host that is ours: the ticket comes in there.
const ProxyPath = "/.sallyport"

// cleanProxied checks a wish for an app behind a reverse proxy. It speaks no protocol,
// so nothing that belongs to one may be asked of it.
func (s *Service) cleanProxied(w AppWish) (AppWish, error) {
	d := &w.Doc
	switch {
	case d.Proxy == nil || len(d.Proxy.Hosts) == 0:
		return w, invalidApp("hosts")
	case len(d.Grants)+len(d.RedirectURIs)+len(d.LogoutURIs)+len(d.Scopes)+len(d.Resources)+len(d.Keys) > 0 || d.BackchannelURI != "" ||
		d.NoPKCE || d.Alg != "" || d.AccessLife != 0 || d.RefreshLife != 0:
		return w, core.Invalid("app.proxied_only")
	case !appLevel(d.RequiredLevel):
		return w, invalidApp("required_level")
	case len(d.Tenants) > appTenants || len(d.Proxy.Hosts) > appHosts || len(d.Proxy.Rules) > appRules:
		return w, core.Invalid("app.too_many")
	}
	p := core.AppProxy{LogoutPath: d.Proxy.LogoutPath}
	for _, text := range d.Proxy.Hosts {
		host, ok := ident.Host(text)
		if !ok || s.Reserved != nil && s.Reserved(host) {
			return w, core.Invalid("app.host_invalid", "host", shown(text))
		}
		if !slices.Contains(p.Hosts, host) {
			p.Hosts = append(p.Hosts, host)
		}
	}
	for _, r := range d.Proxy.Rules {
		path, ok := rulePath(r.Path)
		if !ok || slices.ContainsFunc(p.Rules, func(o core.PathRule) bool { return strings.EqualFold(o.Path, path) }) {
			return w, core.Invalid("app.path_invalid", "path", shown(r.Path))
		}
		if r.Public == (r.Level != core.LevelNone) || !appLevel(r.Level) {
			return w, invalidApp("rules")
		}
		p.Rules = append(p.Rules, core.PathRule{Path: path, Level: r.Level, Public: r.Public})
	}
	if p.LogoutPath != "" {
		path, ok := rulePath(p.LogoutPath)
		if !ok || path == "/" {
			return w, core.Invalid("app.path_invalid", "path", shown(p.LogoutPath))
		}
		p.LogoutPath = path
	}
	d.Proxy, d.FirstParty = &p, true
	return w, nil
}

func appLevel(l core.Level) bool {
	return slices.Contains([]core.Level{core.LevelNone, core.LevelMFA, core.LevelPhishingResistant}, l)
}

// rulePath is a path as rules have it: one that every server reads in the same way,
// without escapes and without a slash at its end.
func rulePath(text string) (string, bool) {
	p, ok := policy.PathOf(text)
	if !ok || len(text) > appPathLong || strings.ContainsAny(text, "%?*") {
		return "", false
	}
	if text != "/" {
		text = strings.TrimSuffix(text, "/")
		p, ok = policy.PathOf(text)
	}
	return text, ok && !p.Unclear && text != ProxyPath && !strings.HasPrefix(text, ProxyPath+"/")
}

// setHosts gives an app its hosts in the caller's transaction. One that another app
// has is refused, whoever's that is.
func setHosts(tx store.Tx, a core.App) error {
	if !a.Proxied() {
		return nil
	}
	hosts := a.Doc.Proxy.Hosts
	if a.State == core.AppDeleted {
		hosts = nil
	}
	err := tx.SetHosts(a.ID, hosts)
	var dup store.ErrDuplicate
	if errors.As(err, &dup) {
		return core.NewFault(core.KindConflict, "app.host_taken")
	}
	return err
}
