package ident

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"sallyport/internal/core"
)

// maxBytes bounds login names and mail addresses (RFC 5321 leaves 254).
const maxBytes = 254

// LoginKey returns the key under which a login name is unique: NFKC, then full
// case folding, then the PRECIS profile UsernameCaseMapped (RFC 8265). Two
// spellings are the same login exactly when their keys are equal, and the key
// of a key is itself. What is not a login name gives the fault login.invalid.
//
// An "@" is allowed once, because most logins are mail addresses. The parts
// around it are checked each for itself, as RFC 8265 has it for names made of
// parts: otherwise a name in a script written from right to left could not stand
// before a domain in Latin letters.
func LoginKey(login string) (string, error) {
	// Folding shrinks text to a quarter at most; beyond that nothing can fit, and
	// looking at megabytes is not worth it.
	if len(login) > 4*maxBytes || !utf8.ValidString(login) {
		return "", errLogin()
	}
	// Folding can undo the normalisation (the iota below some Greek vowels), so
	// that follows once more.
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(login)))
	parts := strings.Split(strings.Trim(folded, " "), "@")
	if len(parts) > 2 {
		return "", errLogin()
	}
	for i, part := range parts {
		mapped, err := precis.UsernameCaseMapped.String(part)
		if err != nil || mapped == "" {
			return "", errLogin()
		}
		parts[i] = mapped
	}
	key := strings.Join(parts, "@")
	if len(key) > maxBytes {
		return "", errLogin()
	}
	return key, nil
}

// idShape is what our own ids look like: two letters, "_", and 26 more characters.
var idShape = regexp.MustCompile(`^[a-z]{2}_[0-9a-z]{26}$`)

// NewLoginKey is LoginKey for a name that somebody is about to get. One that reads
// as an id is refused with the fault login.like_id: where a word may be either, it
// would mean somebody else.
func NewLoginKey(login string) (string, error) {
	key, err := LoginKey(login)
	if err == nil && idShape.MatchString(key) {
		return "", core.Invalid("login.like_id")
	}
	return key, err
}

func errLogin() error { return core.Invalid("login.invalid") }
