// Package outgoing is the one client by which this program asks other servers for
// something: addresses that somebody else chose (rows DS-21, B-42).
//
// What an address resolves to is looked at when the connection is made, so a name that
// means one thing to a check and another a moment later gains nothing. Only public
// addresses are reached, and those of the networks that the operator named. Redirects
// are not followed, proxies of the environment not used, and an answer is read to a
// small bound.
package outgoing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// ErrNotAllowed says that an address is not one that may be reached.
var ErrNotAllowed = errors.New("this address may not be reached from here")

// Bounds of one request.
const (
	Timeout = 5 * time.Second
	Longest = 64 << 10
)

// notPublic are networks that no public server is in (RFC 6890 and its successors),
// and those that wrap other addresses.
var notPublic = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// Allowed reports whether an address may be reached, beside public ones those of the
// networks given.
func Allowed(a netip.Addr, also []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return false
	}
	for _, n := range also {
		if n.Contains(a) {
			return true
		}
	}
	for _, n := range notPublic {
		if n.Contains(a) {
			return false
		}
	}
	return true
}

// Client asks others.
type Client struct{ http http.Client }

// New makes one that reaches public addresses and those of the networks given.
func New(also []netip.Prefix) *Client {
	dial := net.Dialer{Timeout: Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !Allowed(at.Addr(), also) {
			return ErrNotAllowed
		}
		return nil
	}}
	return &Client{http.Client{
		Timeout: Timeout,
		Transport: &http.Transport{Proxy: nil, DialContext: dial.DialContext, TLSHandshakeTimeout: Timeout, ResponseHeaderTimeout: Timeout,
			MaxResponseHeaderBytes: Longest, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// PostForm sends a form and returns the status of the answer. What the answer says is
// read to its bound and dropped.
func (c *Client) PostForm(ctx context.Context, url, form string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		return 0, fmt.Errorf("ask another server: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Sallyport")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask another server: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, Longest)) // so that the connection can be used again
	return resp.StatusCode, nil
}
