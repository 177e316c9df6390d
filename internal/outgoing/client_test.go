package outgoing_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sallyport/internal/outgoing"
)

// B-42, DS-21: which addresses are reached, in every way of writing them.
func TestOnlyPublicAddressesAreReachedB42(t *testing.T) {
	for text, want := range map[string]bool{"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "127.0.0.1": false, "127.9.9.9": false, "0.0.0.0": false, "10.1.2.3": false,
		"172.16.0.1": false, "172.32.0.1": true, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false,
		"::ffff:127.0.0.1": false, "::ffff:93.184.216.34": true, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "fe80::1": false, "fe80::1%eth0": false, "fd00::1": false, "ff02::1": false} {
		if got := outgoing.Allowed(netip.MustParseAddr(text), nil); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if outgoing.Allowed(netip.Addr{}, nil) || !outgoing.Allowed(netip.MustParseAddr("10.1.2.3"), []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}) {
		t.Error("no address is reached, or a network that was named is not")
	}
}

// The check is of the connection and not of the name; redirects lead nowhere.
func TestTheConnectionIsChecked(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}
	}))
	defer s.Close()
	closed := outgoing.New(nil)
	for _, url := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), strings.Replace(s.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		if _, err := closed.PostForm(t.Context(), url, ""); !errors.Is(err, outgoing.ErrNotAllowed) && !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if asked != 0 {
		t.Errorf("%d requests came through", asked)
	}
	open := outgoing.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	if status, err := open.PostForm(t.Context(), s.URL+"/away", "a=b"); err != nil || status != http.StatusTemporaryRedirect || asked != 1 {
		t.Errorf("a redirect: %d, %v, %d requests", status, err, asked)
	}
}
