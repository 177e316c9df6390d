package directory_test

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/directory"
)

// O-01, B-45 (CVE-2026-7504, CVE-2026-3872): whatever is taken for a registered address
// is one to the letter, or differs in nothing but the port of this very machine.
func FuzzSameRedirect(f *testing.F) {
	registered := []string{"https://app.example.org/cb", "http://127.0.0.1/cb?x=1", "http://[::1]:80/cb", "com.example.app:/cb", "http://localhost/cb"}
	for _, seed := range []string{"", "https://app.example.org/cb", "https://app.example.org/cb/", "https://app.example.org/cb?x", "https://app.example.org@evil.example/cb", "https://evil.example\\@app.example.org/cb",
		"https://app.example.org/..;/cb", "http://127.0.0.1:1/cb?x=1", "http://127.0.0.1:99999/cb?x=1", "http://127.0.0.1:/cb?x=1", "http://127.0.0.1:1@evil.example/cb?x=1", "http://127.0.0.1.evil.example/cb?x=1",
		"http://127.1:1/cb?x=1", "http://[::1]:8/cb", "http://[::1%25lo]:8/cb", "http://localhost:8/cb", "HTTP://127.0.0.1:1/cb?x=1", "http://127.0.0.1:1/cb?x=1#f", "com.example.app:/cb", "com.example.app:/cb/..", "https://app.example.org:443/cb"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, asked string, public bool) {
		if !directory.SameRedirect(registered, asked, public) || slices.Contains(registered, asked) {
			return
		}
		if !public {
			t.Fatalf("%q is none of a server's", asked)
		}
		u, err := url.Parse(asked)
		if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q", asked)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err != nil || !a.IsLoopback() {
			t.Fatalf("%q is not this machine", asked)
		}
		if rest := strings.Replace(asked, ":"+u.Port(), "", 1); rest != "http://127.0.0.1/cb?x=1" && rest != "http://[::1]/cb" && asked != "http://127.0.0.1:/cb?x=1" {
			t.Fatalf("%q differs in more than its port", asked)
		}
	})
}
