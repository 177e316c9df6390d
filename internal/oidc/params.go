package oidc

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"sallyport/internal/web"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

// params are those of a request, each at most once but for "resource" (row O-17:
// which of two is meant cannot be known).
type params struct {
	values url.Values
	twice  string // the first name that came twice
	broken bool
}

func (p params) get(name string) string { return p.values.Get(name) }
func (p params) has(name string) bool   { return len(p.values[name]) > 0 }
func (p params) all(name string) []string {
	return p.values[name]
}

// check refuses what no client may send.
func (p params) check() *refusal {
	switch {
	case p.broken:
		return bad("invalid_request", "the parameters are not readable")
	case p.twice != "":
		return bad("invalid_request", "a parameter came twice")
	}
	return nil
}

func paramsOf(values url.Values, err error) params {
	p := params{values: url.Values{}, broken: err != nil}
	for name, given := range values {
		if name != "resource" && len(given) > 1 {
			p.twice = name
		}
		for _, v := range given {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				p.broken = true
			}
		}
		if len(given) > 0 && given[0] == "" && name != "resource" {
			continue // sent empty is as not sent (RFC 6749, section 3.1)
		}
		p.values[name] = given
	}
	return p
}

// longest is the most bytes that the parameters of one request may have.
const longest = 16 << 10

func query(r *http.Request) params {
	if len(r.URL.RawQuery) > longest {
		return params{values: url.Values{}, broken: true}
	}
	return paramsOf(url.ParseQuery(r.URL.RawQuery))
}

// form reads a posted form; what stands in the address is not looked at, for addresses
// are written down by everybody on the way.
func form(w http.ResponseWriter, r *http.Request) params {
	broken := params{values: url.Values{}, broken: true}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return broken
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, web.MaxForm))
	if err != nil {
		return broken
	}
	return paramsOf(url.ParseQuery(string(body)))
}

// words cuts a list of words at its spaces, each once.
func words(s string) []string {
	var out []string
	seen := map[string]bool{}
	for _, w := range strings.Fields(s) {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}
