package web

import (
	"net/http"
	"net/netip"
	"strings"

	"sallyport/internal/core"
)

// Proxies are the networks whose word about a client's address is taken. What
// others write into X-Forwarded-For is their own invention (rows DS-08, B-32).
type Proxies []netip.Prefix

// Client tells where a request came from. Garbage in a header is ignored, never
// an error and never a way past anything (row B-20).
func (p Proxies) Client(r *http.Request) core.Client {
	c := core.Client{Agent: cleanAgent(r.UserAgent()), Request: RequestID(r.Context())}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return c
	}
	c.Address = peer.Addr().Unmap().WithZone("")
	if !p.trust(c.Address) {
		return c
	}
	// From the right: each trusted proxy wrote down whom it heard from. The first
	// that is not one of ours is the client; what stands left of it is hearsay.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		c.Address = a.Unmap().WithZone("")
		if !p.trust(c.Address) {
			break
		}
	}
	return c
}

// Listed reports whether a request comes from one of these proxies itself.
func (p Proxies) Listed(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.trust(peer.Addr().Unmap().WithZone(""))
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, net := range p {
		if net.Contains(a) {
			return true
		}
	}
	return false
}

// cleanAgent keeps what a browser says of itself printable and short.
func cleanAgent(agent string) string {
	if len(agent) > 400 {
		agent = agent[:400]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, agent)
}
