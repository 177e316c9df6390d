package ident

import "testing"

func TestHost(t *testing.T) {
	for in, want := range map[string]string{
		"wiki.example.com": "wiki.example.com", "WIKI.Example.com": "wiki.example.com", "wiki.example.com:443": "wiki.example.com", "Wiki.localhost:80": "wiki.localhost",
		"wiki.localhost:8443": "wiki.localhost:8443", "a": "a", "xn--wki-1ra.example.com": "xn--wki-1ra.example.com", "127.0.0.1:9000": "127.0.0.1:9000",
	} {
		if got, ok := Host(in); !ok || got != want {
			t.Errorf("%q is %q, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", ".", "a.", ".a", "a..b", "-a", "a-.b", "a_b", "*.example.com", "a b", "a@b", "a/b", "a,b", "wíki.example.com", "a:", "a:0", "a:080", "a:65536", "a:-1", "a:1:2", "[::1]",
		"0123456789012345678901234567890123456789012345678901234567890123.example.com", "https://a"} {
		if got, ok := Host(in); ok {
			t.Errorf("%q is %q", in, got)
		}
	}
	for in, want := range map[string]bool{"localhost": true, "localhost:80": true, "wiki.localhost:9": true, "127.9.9.9": true, "localhost.example.com": false, "xlocalhost": false, "10.0.0.1": false} {
		if Here(in) != want {
			t.Errorf("%q here: %v", in, !want)
		}
	}
}
