package proxycheck

import (
	"net/http"
	"path"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// Whatever a proxy is made to say, what is read is one host and one path, and a rule
// for everybody fits only what every server takes for that path.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"/status", "/status/../admin", "//x", "/a%2fb", "/%252e", "/a;b", "/ä", "/status?x=/admin", `/a\b`, "", "https://x/y"} {
		f.Add("wiki.example.com", s, "GET", "https")
	}
	f.Add("wiki.example.com:8443", "/", "POST", "http")
	f.Add("a@b", "/", "GET, POST", "https,http")
	rules := &core.AppProxy{Rules: []core.PathRule{{Path: "/status", Public: true}, {Path: "/admin", Level: core.LevelMFA}}}
	f.Fuzz(func(t *testing.T, host, target, method, scheme string) {
		for at, h := range map[way]http.Header{
			forwardAuth: {"X-Forwarded-Host": {host}, "X-Forwarded-Uri": {target}, "X-Forwarded-Method": {method}, "X-Forwarded-Proto": {scheme}},
			authRequest: {"X-Original-Url": {scheme + "://" + host + target}, "X-Original-Method": {method}},
			extAuthz:    {"X-Forwarded-Proto": {scheme}},
		} {
			a, err := read(&http.Request{Method: method, Host: host, RequestURI: pathEnvoy + target, Header: h}, at)
			if err != nil {
				continue
			}
			if strings.ContainsAny(a.host, "@/\\ ,#?%") || a.host != strings.ToLower(a.host) || a.host == "" || !strings.HasPrefix(a.target, "/") || strings.ContainsAny(a.target, " \r\n\\#") {
				t.Fatalf("%q, %q became %q, %q", host, target, a.host, a.target)
			}
			if !policy.RuleAt(rules, a.path).Public {
				continue
			}
			if clean := path.Clean(a.path.Plain); clean != strings.TrimSuffix(a.path.Plain, "/") || clean != "/status" && !strings.HasPrefix(clean, "/status/") {
				t.Fatalf("%q is for everybody, and a server reads %q", target, clean)
			}
		}
	})
}

func FuzzSpoofed(f *testing.F) {
	f.Add("Remote_User")
	f.Add("Accept-Language")
	f.Fuzz(func(t *testing.T, name string) {
		// As CGI and its heirs name it.
		cgi := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r - 'a' + 'A'
			}
			if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, name)
		for _, id := range identity {
			if cgi == strings.ToUpper(strings.ReplaceAll(id, "-", "_")) && !spoofed(http.Header{http.CanonicalHeaderKey(name): {"x"}}) {
				t.Errorf("%q passes as %s", name, id)
			}
		}
	})
}
