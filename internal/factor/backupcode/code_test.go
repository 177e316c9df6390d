package backupcode

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// N-22, N-30: 120 bits, all of them random.
func TestNewCodeHas120Bits(t *testing.T) {
	form := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$`)
	count := make(map[rune]int)
	const n = 4000
	for _, code := range NewSet(n) {
		if !form.MatchString(code) {
			t.Fatalf("code %q has not the promised form", code)
		}
		for _, c := range strings.ReplaceAll(code, "-", "") {
			count[c]++
		}
	}
	if bits := Length * math.Log2(float64(len(alphabet))); bits != 120 {
		t.Errorf("%v bits", bits)
	}
	if len(count) != 32 {
		t.Errorf("%d different characters", len(count))
	}
	for c, k := range count {
		// 3000 expected, standard deviation 54: eight of them.
		if k < 2560 || k > 3440 {
			t.Errorf("%c came %d times of %d", c, k, n*Length)
		}
	}
}

func TestNewSet(t *testing.T) {
	codes := NewSet(10)
	seen := make(map[string]bool)
	for _, c := range codes {
		seen[c] = true
	}
	if len(codes) != 10 || len(seen) != 10 {
		t.Errorf("%d codes, %d different", len(codes), len(seen))
	}
	if len(NewSet(0)) != 0 {
		t.Error("a set of none has codes")
	}
}

func TestNormaliseForgives(t *testing.T) {
	const want = "0123456789ABCDEFGHJKMNPQ"
	for name, typed := range map[string]string{
		"as shown":          "0123-4567-89AB-CDEF-GHJK-MNPQ",
		"bare":              want,
		"lower case":        strings.ToLower(want),
		"spaces":            " 0123 4567\t89AB\u00a0CDEF GHJK MNPQ\r\n",
		"other dashes":      "0123–4567—89AB‑CDEF−GHJK－MNPQ",
		"invisible":         "\ufeff0123\u200b4567\u00ad89AB\u2060CDEFGHJKMNPQ",
		"O for 0":           "O123456789ABCDEFGHJKMNPQ",
		"small o, I, small": "oI23456789abcdefghjkmnpq",
		"l for 1":           "0l23456789ABCDEFGHJKMNPQ",
		"L for 1":           "0L23456789ABCDEFGHJKMNPQ",
	} {
		if got, ok := Normalise(typed); !ok || got != want {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if got, ok := Normalise(strings.Repeat("u", 24)); !ok || got != strings.Repeat("V", 24) {
		t.Errorf("u for V: %q, %v", got, ok)
	}
}

func TestNormaliseRefuses(t *testing.T) {
	const good = "0123456789ABCDEFGHJKMNPQ"
	for name, typed := range map[string]string{
		"empty":            "",
		"a TOTP code":      "123456",
		"one short":        good[:23],
		"one long":         good + "A",
		"another sign":     good[:23] + "$",
		"full width":       good[:23] + "Ａ",
		"long s folds to":  good[:23] + "ſ",
		"kelvin folds to":  good[:23] + "\u212a",
		"not UTF-8":        good[:23] + "\xff",
		"NUL":              good[:23] + "\x00",
		"much too long":    strings.Repeat("-", 10_000) + good,
		"only separators":  "---- ----",
		"digits elsewhere": "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١٢٣",
	} {
		if got, ok := Normalise(typed); ok {
			t.Errorf("%s was read as %q", name, got)
		}
	}
}

// Showing and typing back in any of the forgiven ways gives the same code.
func TestNormaliseIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), Length, Length, -1).Draw(t, "code")
		typed := Show(code)
		if rapid.Bool().Draw(t, "lower") {
			typed = strings.ToLower(typed)
		}
		if got, ok := Normalise(typed); !ok || got != code {
			t.Fatalf("%q became %q, %v", typed, got, ok)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"0123-4567-89AB-CDEF-GHJK-MNPQ", "", "oil-u", "\ufeff", strings.Repeat("é", 24), "\xff\xfe", strings.Repeat("-", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := Normalise(typed)
		if !ok {
			return
		}
		if len(code) != Length || strings.Trim(code, alphabet) != "" {
			t.Errorf("%q became %q", typed, code)
		}
		if again, ok := Normalise(Show(code)); !ok || again != code {
			t.Errorf("%q became %q and that %q", typed, code, again)
		}
	})
}

// Decision 7.19: never a string of digits only; typed as recovery codes are, and
// never taken for one.
func TestPass(t *testing.T) {
	for range 2000 {
		p := NewPass()
		code, ok := NormalisePass(" " + strings.ToLower(strings.ReplaceAll(p, "-", " ")))
		if !ok || len(code) != PassLength || Show(code) != p || strings.Trim(code, "0123456789") == "" {
			t.Fatalf("%q is read as %q, %v", p, code, ok)
		}
		if _, ok := Normalise(p); ok {
			t.Fatalf("%q is taken for a recovery code", p)
		}
	}
	for _, odd := range []string{"", "1234", New(), strings.Repeat("A", 17), "ABCD-EFGH-IJKL-MN!P"} {
		if code, ok := NormalisePass(odd); ok {
			t.Errorf("%q is read as the pass %q", odd, code)
		}
	}
}
