package web

import (
	"net/http"
	"net/url"
	"strings"
)

// policy is the content security policy of every answer. formAction lists what
// forms may lead to besides ourselves: Chromium follows it across redirects, so
// the app that an attempt belongs to has to stand in it.
func policy(formAction []string) string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action " +
		strings.Join(append([]string{"'self'"}, formAction...), " ") +
		"; frame-ancestors 'none'; base-uri 'none'"
}

// fixedHeaders are the headers that every answer carries. no-store is the rule;
// assets alone lift it.
func fixedHeaders(tls bool) http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", policy(nil))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)")
	if tls {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	return h
}

// setHeaders gives an answer the fixed headers. All answers share the values:
// Header.Set and Add put others in their place and change none.
func setHeaders(h, fixed http.Header) {
	for name, values := range fixed {
		h[name] = values
	}
}

// FormAction lets the forms of this answer lead to these origins as well. What
// is not a bare http(s) origin is left out: a policy is no place for guesses.
func FormAction(w http.ResponseWriter, origins ...string) {
	var good []string
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
			strings.ContainsAny(u.Host, "*;, '\"") || o != u.Scheme+"://"+u.Host {
			continue
		}
		good = append(good, o)
	}
	w.Header().Set("Content-Security-Policy", policy(good))
}
