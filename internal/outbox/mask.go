package outbox

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaskAddress shortens a mail address to what a log may show: the first letter
// and the domain.
func MaskAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "…"
	}
	_, n := utf8.DecodeRuneInString(address)
	if n >= at {
		n = 0 // one letter is all there is
	}
	return address[:n] + "…" + address[at:]
}

// masked makes what a server said fit to be stored and logged: no full address,
// no link, no control character, one short line. Servers quote what they were
// sent.
func masked(text, address string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	text = regexp.MustCompile(`https?://\S+`).ReplaceAllString(text, "(link)")
	if address != "" {
		text = strings.ReplaceAll(text, address, MaskAddress(address))
	}
	text = regexp.MustCompile(`[^\s<>,;:"'()@]+@[^\s<>,;:"'()@]+`).ReplaceAllStringFunc(text, MaskAddress)
	text = strings.Join(strings.Fields(text), " ")
	const most = 300
	if len(text) > most {
		cut := most
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}
