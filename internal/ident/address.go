package ident

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"sallyport/internal/core"
)

const maxLocal = 64

// Address is one mailbox.
type Address struct {
	Local  string // as typed; only the mailbox's own server may say that case does not matter
	Domain string // ASCII, lower case: what mail is sent to
	Shown  string // Local and the domain in its own script
}

// String is the address that mail is sent to.
func (a Address) String() string { return a.Local + "@" + a.Domain }

// Key is equal for addresses that count as one mailbox: it ignores letter case,
// and nothing else. Tags and dots are settings of an organisation, not grammar.
func (a Address) Key() string { return strings.ToLower(a.Local) + "@" + a.Domain }

// ParseAddress reads exactly one plain address. It refuses lists, display names,
// comments, quoted local parts, address literals, a second "@" and anything that
// is not printed (B-16, B-29), with the fault email.invalid.
//
// The grammar is narrower than RFC 5321's on purpose: every address it accepts
// is read the same way by every mail program. Local parts are ASCII; others
// need an extension that many servers lack.
func ParseAddress(s string) (Address, error) {
	s = strings.Trim(s, " ")
	if len(s) > 4*maxBytes || !utf8.ValidString(s) {
		return Address{}, errAddress()
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || strings.Contains(domain, "@") || !dotAtom(local) || len(local) > maxLocal {
		return Address{}, errAddress()
	}
	ascii, shown, ok := host(domain)
	if !ok || len(local)+1+len(ascii) > maxBytes {
		return Address{}, errAddress()
	}
	return Address{Local: local, Domain: ascii, Shown: local + "@" + shown}, nil
}

// dotAtom is RFC 5322's, in ASCII: words with single dots between them.
func dotAtom(s string) bool {
	for _, word := range strings.Split(s, ".") {
		if word == "" {
			return false
		}
		for i := range len(word) {
			c := word[i]
			letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
			if !letter && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}

// host returns a domain in ASCII and in its own script.
func host(domain string) (ascii, shown string, ok bool) {
	if domain == "" || strings.HasSuffix(domain, ".") {
		return "", "", false
	}
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))
	ascii, err := profile.ToASCII(domain)
	if err != nil {
		return "", "", false
	}
	shown, err = profile.ToUnicode(ascii)
	if err != nil {
		return "", "", false
	}
	// Beyond letter case nothing may have been mapped: a full-width letter or an
	// invisible character in a domain is no slip of a finger.
	typed := strings.Map(unicode.ToLower, norm.NFC.String(domain))
	if typed != shown && typed != ascii {
		return "", "", false
	}
	labels := strings.Split(ascii, ".")
	last := labels[len(labels)-1]
	if len(labels) == 1 && last != "localhost" || strings.Trim(last, "0123456789") == "" {
		return "", "", false // no domain that mail from outside reaches, or an IP address
	}
	return ascii, shown, true
}

func errAddress() error { return core.Invalid("email.invalid") }

// Mask shortens an address so that its owner recognises it and nobody else
// learns it: "a•••r@example.com". The domain stays. What is no address is masked
// as a whole.
func Mask(address string) string {
	local, domain := address, ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local, domain = address[:at], address[at:]
	}
	// Of three letters and fewer, two would give the name away.
	letters := []rune(local)
	switch {
	case len(letters) > 3:
		return string(letters[0]) + "•••" + string(letters[len(letters)-1]) + domain
	case len(letters) > 0:
		return string(letters[0]) + "•••" + domain
	}
	return "•••" + domain
}
