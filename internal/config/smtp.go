package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// STARTTLS says whether a plain connection is turned into a TLS one.
type STARTTLS string

const (
	// TLSRequired wants STARTTLS and a certificate that verifies.
	TLSRequired STARTTLS = "required"
	// TLSOpportunistic takes STARTTLS when it is offered and asks nothing of the
	// certificate: no worse than the plain connection it replaces, and what mail
	// servers do among each other.
	TLSOpportunistic STARTTLS = "opportunistic"
	TLSNone          STARTTLS = "none"
)

// SMTP is mail.smtp_url, read.
type SMTP struct {
	Host     string
	Port     int
	User     string
	Password string
	Implicit bool // TLS from the first byte
	STARTTLS STARTTLS
	Timeout  time.Duration
}

// ParseSMTP reads smtp://user:password@host:port?tls=…&timeout=…. Without tls=
// it is required where a password is sent anywhere but to this machine, and
// opportunistic elsewhere. No error repeats the address: it holds a password.
func ParseSMTP(raw string) (SMTP, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return SMTP{}, errors.New("is not an address such as smtp://user:password@mail.example.com:587 (special characters in the password are written as %40)")
	}
	s := SMTP{Host: u.Hostname(), Timeout: 30 * time.Second}
	switch u.Scheme {
	case "smtp":
		s.Port = 587
	case "smtps":
		s.Port, s.Implicit = 465, true
	default:
		return SMTP{}, errors.New("must begin with smtp:// or smtps://")
	}
	if s.Host == "" {
		return SMTP{}, errors.New("names no host")
	}
	if u.Opaque != "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTP{}, errors.New("has a path; only host, port and ?tls= belong there")
	}
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil || s.Port < 1 || s.Port > 65535 {
			return SMTP{}, errors.New("has a port that is not between 1 and 65535")
		}
	}
	if u.User != nil {
		s.User = u.User.Username()
		s.Password, _ = u.User.Password()
		if s.User == "" || s.Password == "" {
			return SMTP{}, errors.New("has a user without a password, or the reverse")
		}
	}
	s.STARTTLS = TLSOpportunistic
	if s.User != "" && !isLoopback(s.Host) {
		s.STARTTLS = TLSRequired
	}
	for name, values := range u.Query() {
		if len(values) != 1 {
			return SMTP{}, errors.New("says ?" + strconv.Quote(name) + " twice")
		}
		switch name {
		case "tls":
			s.STARTTLS = STARTTLS(values[0])
		case "timeout":
			s.Timeout, err = time.ParseDuration(values[0])
			// The outbox gives a mail up after 45 s.
			if err != nil || s.Timeout < time.Second || s.Timeout > 40*time.Second {
				return SMTP{}, errors.New("has a timeout that is not between 1s and 40s")
			}
		default:
			return SMTP{}, errors.New("has the unknown part ?" + strconv.Quote(name) + "; there are tls and timeout")
		}
	}
	switch s.STARTTLS {
	case TLSRequired:
	case TLSOpportunistic, TLSNone:
		if s.User != "" && !s.Implicit && !isLoopback(s.Host) {
			return SMTP{}, errors.New("would send the password without protection; leave ?tls= away or use smtps://")
		}
	default:
		return SMTP{}, errors.New("has a ?tls= that is not required, opportunistic or none")
	}
	return s, nil
}

// isLoopback reports whether a host is this machine, without asking DNS, which
// may say anything.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func splitListen(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, errors.New("is not host:port, such as 127.0.0.1:8080")
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, errors.New("has a port that is not between 0 and 65535")
	}
	return host, port, nil
}
