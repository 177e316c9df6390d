package proxycheck

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/policy"
)

// asked is the request that a proxy asks about.
type asked struct {
	way    way
	https  bool
	host   string // as ident.Host has it
	target string // the path with its query, as it was sent
	path   policy.Path
	method string
}

// way is how a proxy asks.
type way int

const (
	forwardAuth way = iota + 1
	authRequest
	extAuthz
	direct // what is asked for is here: the part of the app's host that is ours
)

// Refusals of a request by itself. They are for whoever sets up the proxy.
var (
	errUnlisted = core.NewFault(core.KindForbidden, "proxy.unlisted")
	errUnclear  = core.Invalid("proxy.unclear")
	errSpoofed  = core.Invalid("proxy.spoofed")
	errUnknown  = core.NewFault(core.KindForbidden, "proxy.unknown_host")
	errInsecure = core.NewFault(core.KindForbidden, "proxy.insecure")
)

// identity are the headers that say to the app who asks, in the order of said.
var identity = [...]string{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Remote-Tenant", "Remote-Acr"}

// spoofed reports whether a request brings what only a proxy or we may say. Programs
// behind a proxy take an underscore, or another sign, for a dash, and no proxy takes
// such a header away (row B-31, CVE-2025-64484).
func spoofed(h http.Header) bool {
	for name := range h {
		odd := false
		for i := range len(name) {
			c := name[i]
			odd = odd || c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
		}
		if !odd {
			if len(name) > 7 && name[0] == 'R' && slices.Contains(identity[:], name) {
				return true
			}
			continue
		}
		plain := http.CanonicalHeaderKey(strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
				return r
			}
			return '-'
		}, name))
		if slices.Contains(identity[:], plain) || strings.HasPrefix(plain, "X-Forwarded-") || strings.HasPrefix(plain, "X-Original-") {
			return true
		}
	}
	return false
}

// read reads what a proxy asks about. It looks at nothing but what that proxy writes
// over whatever a client sent (row B-31, CVE-2026-40575).
func read(r *http.Request, w way) (asked, error) {
	a := asked{way: w}
	var scheme, host string
	var ok, ok2, ok3 bool
	switch w {
	case forwardAuth:
		scheme, ok = one(r.Header, "X-Forwarded-Proto")
		host, ok2 = one(r.Header, "X-Forwarded-Host")
		a.target, ok3 = one(r.Header, "X-Forwarded-Uri")
		ok = ok && ok2 && ok3
		a.method, ok2 = one(r.Header, "X-Forwarded-Method")
	case authRequest:
		var whole string
		whole, ok = one(r.Header, "X-Original-Url")
		scheme, host, a.target = cut(whole)
		a.method, ok2 = one(r.Header, "X-Original-Method")
	case extAuthz:
		scheme, ok = one(r.Header, "X-Forwarded-Proto")
		host, a.method, ok2 = r.Host, r.Method, true
		// As it came over the wire: nothing has been cleaned or decoded yet.
		a.target, ok3 = strings.CutPrefix(r.RequestURI, pathEnvoy)
		if ok = ok && ok3; a.target == "" || a.target[0] == '?' {
			a.target = "/" + a.target
		}
	}
	if !ok || !ok2 || !methodWord(a.method) {
		return a, errUnclear
	}
	return a.complete(scheme, host)
}

// complete checks what was read.
func (a asked) complete(scheme, host string) (asked, error) {
	switch scheme {
	case "https", "wss":
		a.https = true
	case "http", "ws":
	default:
		return a, errUnclear
	}
	var ok bool
	if a.host, ok = ident.Host(host); !ok {
		return a, errUnclear
	}
	if a.path, ok = policy.PathOf(a.target); !ok {
		return a, errUnclear
	}
	if !a.https && !ident.Here(a.host) {
		return a, errInsecure
	}
	return a, nil
}

// one is the value of a header that comes once.
func one(h http.Header, name string) (string, bool) {
	v := h[name]
	if len(v) != 1 || v[0] == "" {
		return "", false
	}
	return v[0], true
}

// cut takes an address apart where everybody would.
func cut(whole string) (scheme, host, target string) {
	scheme, rest, _ := strings.Cut(whole, "://")
	at := strings.IndexByte(rest, '/')
	if at < 0 {
		return "", "", ""
	}
	return scheme, rest[:at], rest[at:]
}

// methodWord is a method that a browser or a program can mean. TRACE shows what it
// gets, cookies and all, CONNECT goes elsewhere.
func methodWord(m string) bool {
	if m == "" || len(m) > 20 || m == http.MethodTrace || m == "TRACK" || m == http.MethodConnect {
		return false
	}
	return !strings.ContainsFunc(m, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' })
}

// browses reports whether a person waits in a browser for what is asked, and may be
// sent to the sign-in. Scripts and programs get a 401 that says so.
func (a asked) browses(h http.Header) bool {
	if a.method != http.MethodGet && a.method != http.MethodHead || h.Get("X-Requested-With") != "" {
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(h.Get("Accept"), "text/html")
}

func (a asked) origin() string {
	if a.https {
		return "https://" + a.host
	}
	return "http://" + a.host
}

// within reports whether the path is the part of the host that is ours.
func (a asked) within(folder string) bool {
	return a.path.Plain == folder || strings.HasPrefix(a.path.Plain, folder+"/")
}

// query is the query of what is asked for.
func (a asked) query() url.Values {
	_, q, _ := strings.Cut(a.target, "?")
	v, err := url.ParseQuery(q)
	if err != nil {
		return nil
	}
	return v
}
