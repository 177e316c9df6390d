package signin

import (
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/secret"
)

// The device cookie holds a secret for each person who finished a sign-in in this
// browser, the newest first. Each is known to one account only: whoever copies the
// cookie has gained nothing with anybody else's password, and two people who share
// a browser do not push each other out (rows B-26, B-27).

// longestSecret bounds what is taken for one of ours.
const longestSecret = 64

// secrets are those that the browser brought.
func (v Visitor) secrets() []string {
	if v.Device == "" {
		return nil
	}
	var out []string
	for _, s := range strings.Split(v.Device, ".") {
		if s != "" && len(s) <= longestSecret && len(out) < core.MaxPeople {
			out = append(out, s)
		}
	}
	return out
}

// devices are the hashes by which the store knows them.
func (v Visitor) devices() [][]byte {
	var out [][]byte
	for _, s := range v.secrets() {
		out = append(out, secret.TokenHash(s))
	}
	return out
}

// has reports whether the browser brought the secret of a known browser.
func (v Visitor) has(b core.Browser) bool {
	for _, h := range v.devices() {
		if secret.Equal(b.Hash, h) {
			return true
		}
	}
	return false
}

// with is the cookie with one more secret in it.
func (v Visitor) with(fresh string) string {
	all := append([]string{fresh}, v.secrets()...)
	return strings.Join(all[:min(len(all), core.MaxPeople)], ".")
}
