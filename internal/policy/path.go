package policy

import (
	"net/url"
	"strings"

	"sallyport/internal/core"
)

// Path is where in an app a request goes, as rules see it.
type Path struct {
	Plain string // without escapes
	// Unclear: servers read it in more than one way. It never reaches what is for
	// everybody, and takes the most that any rule asks for (row B-31).
	Unclear bool
}

// pathLong is more than any browser sends.
const pathLong = 16 << 10

// PathOf reads the target of a request: a path from the root, with a query or
// without. ok is false for what no browser sends.
func PathOf(target string) (p Path, ok bool) {
	if !strings.HasPrefix(target, "/") || len(target) > pathLong {
		return p, false
	}
	raw, escapes := target, false
	for i := range len(target) {
		c := target[i]
		if c <= ' ' || c == 0x7f || c == '\\' || c == '#' {
			return p, false
		}
		if c == '?' && len(raw) == len(target) {
			raw = target[:i]
		}
	}
	escapes = strings.IndexByte(raw, '%') >= 0
	p.Plain = raw
	if escapes {
		plain, err := url.PathUnescape(raw)
		if err != nil || strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return p, false
		}
		p.Plain = plain
		// A slash or a backslash that was hidden, or an escape within an escape.
		p.Unclear = strings.Count(plain, "/") != strings.Count(raw, "/") || strings.IndexByte(plain, '\\') >= 0 || hidden(plain)
	}
	p.Unclear = p.Unclear || unclear(p.Plain)
	return p, true
}

// hidden reports whether there is an escape in what has none any more.
func hidden(plain string) bool {
	for i := 0; i+2 < len(plain); i++ {
		if plain[i] == '%' && hex(plain[i+1]) && hex(plain[i+2]) {
			return true
		}
	}
	return false
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// unclear: empty parts, parts of dots, and what some servers cut off at a semicolon.
func unclear(path string) bool {
	for rest := path[1:]; ; {
		part, after, more := strings.Cut(rest, "/")
		if part == "" && more || part == "." || part == ".." || strings.IndexByte(part, ';') >= 0 {
			return true
		}
		if !more {
			return false
		}
		rest = after
	}
}

// RuleAt is the rule that holds at a path: of those that fit, the longest. Where
// nobody can say which path it is, it is one that asks for the most.
func RuleAt(a *core.AppProxy, p Path) core.PathRule {
	var best core.PathRule
	if p.Unclear {
		for _, r := range a.Rules {
			if !best.Level.AtLeast(r.Level) {
				best.Level = r.Level
			}
		}
		return best
	}
	low := strings.ToLower(p.Plain)
	for _, r := range a.Rules {
		// What asks for more fits whatever the case: some servers do not mind it.
		fits := r.Public && below(p.Plain, r.Path) || !r.Public && below(low, strings.ToLower(r.Path))
		if fits && len(r.Path) > len(best.Path) {
			best = r
		}
	}
	return best
}

func below(path, rule string) bool {
	return rule == "/" || strings.HasPrefix(path, rule) && (len(path) == len(rule) || path[len(rule)] == '/')
}
