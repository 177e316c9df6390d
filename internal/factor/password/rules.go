package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"sallyport/internal/core"
	"sallyport/internal/secret"
)

// MaxBytes bounds a password as it is typed. Longer ones are refused, not cut.
const MaxBytes = secret.MaxPasswordBytes

const (
	minAlone      = 15 // the password can be the only factor
	minBesideAMFA = 8  // a second factor always stands beside it
)

// MinLength is the least number of characters (N-15): 8 where a second factor
// is compulsory for everybody and at every sign-in, otherwise 15.
func MinLength(mandatoryMFA bool) int {
	if mandatoryMFA {
		return minBesideAMFA
	}
	return minAlone
}

// Class is the highest floor that a password of so many characters meets, or 0. It
// is all that a later rule asks, so it is all that is kept: the count beside a hash
// would tell a thief where to begin.
func Class(length int) int {
	switch {
	case length >= minAlone:
		return minAlone
	case length >= minBesideAMFA:
		return minBesideAMFA
	}
	return 0
}

// Context is what a password is compared with.
type Context struct {
	MinLength   int
	Login       string
	Email       string
	TenantNames []string
}

// Check returns the candidate's length in characters, or the Fault that says
// why it cannot be a password.
func Check(candidate string, c Context) (length int, err error) {
	if len(candidate) > MaxBytes {
		return 0, core.Invalid("password.too_long", "max", MaxBytes)
	}
	if !utf8.ValidString(candidate) || strings.ContainsFunc(candidate, unicode.IsControl) {
		return 0, core.Invalid("password.invalid")
	}
	length = Length(candidate)
	if length < c.MinLength {
		return length, core.Invalid("password.too_short", "min", c.MinLength, "length", length)
	}
	folded := fold(candidate)
	if likeAccount(folded, c) {
		return length, core.Invalid("password.like_account")
	}
	visible := seen(folded)
	if len(visible) == 0 {
		return length, core.Invalid("password.blank")
	}
	if common(folded) || guessed(visible) {
		return length, core.Invalid("password.common")
	}
	return length, nil
}

// Length is how many characters a password has. It is counted as it will be
// hashed, so that an accent is one character however the keyboard made it (N-16).
func Length(candidate string) int { return utf8.RuneCountInString(norm.NFC.String(candidate)) }

func likeAccount(folded string, c Context) bool {
	names := append([]string{c.Login, c.Email}, c.TenantNames...)
	for _, address := range []string{c.Login, c.Email} {
		if at := strings.LastIndexByte(address, '@'); at > 0 {
			names = append(names, address[:at])
		}
	}
	folded = strings.TrimSpace(folded)
	for _, name := range names {
		if name = strings.TrimSpace(fold(name)); name != "" && folded == name {
			return true
		}
	}
	return false
}

// fold makes texts equal that differ in case or width only. Folding can undo
// the normalisation, so that is done again.
func fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}
