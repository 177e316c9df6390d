package console

import (
	"embed"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"sallyport/internal/core"
)

//go:embed snippets/*.tmpl
var snippetFiles embed.FS

var snippetTemplates = template.Must(template.New("").Funcs(template.FuncMap{"js": quoted}).ParseFS(snippetFiles, "snippets/*.tmpl"))

// quoted writes a text as it stands in JSON. Every language of the snippets reads it
// so: none of what is written holds anything beyond ASCII, or a control.
func quoted(s string) (string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	// Within quotes these three would be written by their numbers, which a page of
	// code does not need: it is escaped where it is shown.
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b)), nil
}

// SnippetNames lists what an app may be built with, in the order of the page: first
// clients of OpenID Connect, then proxies that ask us before they let somebody pass.
var SnippetNames = []string{"node", "go", "python", "java", "apache", "caddy", "nginx", "traefik", "envoy"}

// Snippet is how an app is built in with one of them.
type Snippet struct {
	Name string
	Text string
}

// secretVariable is where a snippet takes the secret from. The secret itself is in no
// snippet: we do not have it any more, and a page is copied to many places.
const secretVariable = "SALLYPORT_CLIENT_SECRET"

// SnippetFacts are the values that are filled in.
type SnippetFacts struct {
	Issuer, Client, Redirect, Env string
	Scopes                        []string
	Public, Key                   bool
}

func (f SnippetFacts) Scope() string       { return strings.Join(f.Scopes, " ") }
func (f SnippetFacts) ScopeCommas() string { return strings.Join(f.Scopes, ",") }
func (f SnippetFacts) Discovery() string   { return f.Issuer + "/.well-known/openid-configuration" }

// Origin is the issuer without a path: where a proxy asks.
func (f SnippetFacts) Origin() string {
	u, err := url.Parse(f.Issuer)
	if err != nil {
		return f.Issuer
	}
	return u.Scheme + "://" + u.Host
}

func (f SnippetFacts) of(address string) url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return url.URL{}
	}
	return *u
}

// Host and Path are those of the redirect address.
func (f SnippetFacts) Host() string {
	u := f.of(f.Redirect)
	if u.Host == "" {
		return "app.example"
	}
	return u.Host
}

func (f SnippetFacts) Path() string {
	if u := f.of(f.Redirect); u.Path != "" {
		return u.EscapedPath()
	}
	return "/callback"
}

func (f SnippetFacts) IssuerName() string { u := f.of(f.Issuer); return u.Hostname() }

func (f SnippetFacts) IssuerPort() string {
	u := f.of(f.Issuer)
	if _, port, err := net.SplitHostPort(u.Host); err == nil {
		return port
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// Snippets fills in what an app is built in with. An app that shows itself by a key
// has those alone that can do it.
func Snippets(a core.App, issuer string) (out []Snippet, err error) {
	f := SnippetFacts{Issuer: issuer, Client: string(a.ID), Redirect: "https://app.example/callback", Env: secretVariable, Public: a.Public(), Key: a.Doc.Auth == core.AppKey,
		Scopes: []string{core.ScopeOpenID, core.ScopeProfile, core.ScopeEmail}}
	if len(a.Doc.RedirectURIs) > 0 {
		f.Redirect = a.Doc.RedirectURIs[0]
	}
	if f.Key {
		f.Env = "SALLYPORT_PRIVATE_KEY"
	}
	for _, name := range SnippetNames {
		if f.Key && slices.Contains([]string{"go", "python", "java", "apache"}, name) || !strings.HasPrefix(f.Redirect, "http") && proxied(name) {
			continue
		}
		var text strings.Builder
		if err := snippetTemplates.ExecuteTemplate(&text, name+".tmpl", f); err != nil {
			return nil, err
		}
		out = append(out, Snippet{name, text.String()})
	}
	return out, nil
}

// proxied reports whether a snippet is of a proxy, which stands before a web app.
func proxied(name string) bool {
	return slices.Contains([]string{"apache", "caddy", "nginx", "traefik", "envoy"}, name)
}
