package backupcode

import (
	"strings"
	"unicode"

	"sallyport/internal/secret"
)

const (
	// Length is the number of characters that count.
	Length   = 24
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	group    = 4
	// maxTyped bounds what is looked at: a code with a separator after every
	// character, in the longest encoding, is shorter.
	maxTyped = 256
)

// New returns a code as it is shown: XXXX-XXXX-XXXX-XXXX-XXXX-XXXX.
func New() string { return Show(secret.Pick(alphabet, Length)) }

// NewSet returns n different codes.
func NewSet(n int) []string {
	codes := make([]string, 0, n)
	seen := make(map[string]bool, n)
	for len(codes) < n {
		if code := New(); !seen[code] {
			seen[code] = true
			codes = append(codes, code)
		}
	}
	return codes
}

// Show puts dashes into a normalised code.
func Show(code string) string {
	var groups []string
	for len(code) > group {
		groups = append(groups, code[:group])
		code = code[group:]
	}
	return strings.Join(append(groups, code), "-")
}

// Normalise returns the 24 characters that were meant, which are what is
// hashed, or false when the input cannot be a code. Spaces, dashes of any kind,
// letter case and look-alikes are forgiven.
func Normalise(typed string) (code string, ok bool) { return normalise(typed, Length) }

func normalise(typed string, length int) (code string, ok bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	out := make([]byte, 0, length)
	for _, r := range typed {
		if ignored(r) {
			continue
		}
		c, known := letter(r)
		if !known || len(out) == length {
			return "", false
		}
		out = append(out, c)
	}
	return string(out), len(out) == length
}

func ignored(r rune) bool {
	switch r {
	case '\u2212', // minus sign
		'\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff': // invisible, brought along by copying
		return true
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
}

func letter(r rune) (byte, bool) {
	if 'a' <= r && r <= 'z' {
		r -= 'a' - 'A'
	}
	switch r {
	case 'O':
		r = '0'
	case 'I', 'L':
		r = '1'
	case 'U':
		r = 'V'
	}
	if r > unicode.MaxASCII || strings.IndexByte(alphabet, byte(r)) < 0 {
		return 0, false
	}
	return byte(r), true
}
