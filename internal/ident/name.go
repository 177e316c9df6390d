package ident

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// NameKey is a name of somebody or something as it is searched and sorted by: NFKC,
// full case folding, one space between words. It proves nothing: two people may
// well have one name.
func NameKey(name string) string {
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.ToValidUTF8(name, "\uFFFD"))))
	return strings.Join(strings.Fields(folded), " ")
}

// FamilyKey is the same with the last word first, for people who search by family
// name. A name of one word has the same key both ways.
func FamilyKey(name string) string {
	key := NameKey(name)
	if i := strings.LastIndexByte(key, ' '); i >= 0 {
		return key[i+1:] + " " + key[:i]
	}
	return key
}
