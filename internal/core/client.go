package core

import "net/netip"

// Client is where a request came from. Address is believed only from listed
// proxies; Agent is what the browser says of itself and is never trusted.
type Client struct {
	Address netip.Addr
	Agent   string
	Request string // request id, for the log and the audit row
}

// Source groups addresses that one party easily has many of: /24 of IPv4, /64
// of IPv6 (row B-33).
func (c Client) Source() string {
	a := c.Address.Unmap()
	if !a.IsValid() {
		return "unknown"
	}
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// Where is the address as text, or empty.
func (c Client) Where() string {
	if !c.Address.IsValid() {
		return ""
	}
	return c.Address.Unmap().String()
}

// AgentShort cuts what a browser says of itself to what is worth keeping.
func (c Client) AgentShort() string {
	if len(c.Agent) <= 200 {
		return c.Agent
	}
	return c.Agent[:200]
}
