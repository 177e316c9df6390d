package password

import (
	"slices"
	"strings"
	"unicode"
)

// No list is long enough for what people make when 15 characters are asked for:
// a short thing said again, the keys in a row, a word with the year. These few
// shapes are refused by rule. None of them measures strength: whatever has no such
// shape as a whole is left to its owner.

const (
	shortBlock = 4 // repeated, it is no more than itself
	shortRun   = 3 // fewer keys in a row are met in any word
	fewDigits  = 4 // a number or a year beside a word
	fewMarks   = 3 // "!!!" beside a word
)

// keyboards are the rows and the slanted columns that fingers follow, in either
// direction. Letters and digits in their own order need no row.
var keyboards = []string{
	"1234567890ß´", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "qwertzuiopü", "qwertyuiopå", "asdfghjklöä", "yxcvbnm,.-",
	"azertyuiop", "qsdfghjklmù", "wxcvbn,;:", "!@#$%^&*()", "!\"§$%&/()=",
	"1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "1q2w3e4r5t6y7u8i9o0p", "1q2w3e4r5t6z7u8i9o0p", "1qay", "qazwsxedcrfvtgb",
}

// seen leaves out of a password what nobody sees: blanks and the characters that
// have no shape. They may stand in a password; alone they are none, and they make
// a known one no less known.
func seen(folded string) []rune {
	return slices.DeleteFunc([]rune(folded), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
			r == '\u2800' // the empty cell of Braille
	})
}

// guessed reports whether a folded password, without what nobody sees, is known
// or of a shape that is tried first.
func guessed(v []rune) bool {
	if known(v) {
		return true
	}
	for _, w := range []([]rune){cutTail(v), cutHead(v), cutHead(cutTail(v))} {
		if len(w) > 0 && len(w) < len(v) && known(w) {
			return true
		}
	}
	return false
}

// known are listed texts and simple shapes, and either of them repeated.
func known(v []rune) bool {
	if common(string(v)) || plain(v) {
		return true
	}
	for n := 1; n <= len(v)/2; n++ {
		if repeats(v, n) {
			// A longer block has had the shorter ones for its own pieces already.
			return n <= shortBlock || common(string(v[:n])) || plain(v[:n])
		}
	}
	return false
}

// plain is one or two characters in any order, or nothing but runs.
func plain(v []rune) bool {
	distinct := slices.Clone(v)
	slices.Sort(distinct)
	return len(slices.Compact(distinct)) <= 2 || onlyRuns(v)
}

// repeats reports whether the first n characters fill the whole, cut at its end.
func repeats(v []rune, n int) bool {
	for i := n; i < len(v); i++ {
		if v[i] != v[i-n] {
			return false
		}
	}
	return true
}

// onlyRuns reports whether the text is made of runs alone.
func onlyRuns(v []rune) bool {
	for len(v) > 0 {
		n := run(v)
		if n < shortRun {
			return false
		}
		v = v[n:]
	}
	return true
}

// run is the length of the longest run at the start: one character again and
// again, letters or digits in order, keys in a row.
func run(v []rune) int {
	longest := 0
	for _, step := range []rune{0, 1, -1} {
		n := 1
		for n < len(v) && v[n] == v[n-1]+step && (step == 0 || unicode.In(v[n], unicode.L, unicode.Nd)) {
			n++
		}
		longest = max(longest, n)
	}
	for _, row := range keyboards {
		keys := []rune(row)
		for range 2 {
			if at := slices.Index(keys, v[0]); at >= 0 {
				n := 0
				for n < len(v) && at+n < len(keys) && v[n] == keys[at+n] {
					n++
				}
				longest = max(longest, n)
			}
			slices.Reverse(keys)
		}
	}
	return longest
}

// cutTail takes off the number, year and marks that stand behind a word, cutHead
// those before it. More digits than a year has stay, unless they are a date or a
// row themselves: they might be random.
func cutTail(v []rune) []rune {
	n := len(v)
	for n > 0 && beside(v[n-1]) {
		n--
	}
	if little(v[n:]) {
		return v[:n]
	}
	return v
}

func cutHead(v []rune) []rune {
	n := 0
	for n < len(v) && beside(v[n]) {
		n++
	}
	if little(v[:n]) {
		return v[n:]
	}
	return v
}

func beside(r rune) bool { return unicode.IsDigit(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) }

func little(v []rune) bool {
	digits := slices.DeleteFunc(slices.Clone(v), func(r rune) bool { return !unicode.IsDigit(r) })
	if len(v)-len(digits) > fewMarks {
		return false
	}
	return len(digits) <= fewDigits || date(string(digits)) || plain(digits)
}

// date is a day written with its year: 24122024, 20241224.
func date(digits string) bool {
	if len(digits) != 8 {
		return false
	}
	for _, century := range []string{"19", "20"} {
		if strings.HasPrefix(digits, century) || digits[4:6] == century {
			return true
		}
	}
	return false
}
