package ident

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/internal/core"
	"sallyport/internal/secret"
)

func key(t *testing.T, login string) string {
	t.Helper()
	k, err := LoginKey(login)
	if err != nil {
		t.Fatalf("%q: %v", login, err)
	}
	return k
}

// B-28: spellings of one login.
func TestSameLogin(t *testing.T) {
	for _, same := range [][]string{
		{"anna@example.com", "Anna@Example.COM", "anna＠example.com", "ａｎｎａ@example.com", " anna@example.com ", "anna@example․com"},
		{"jos\u00e9@example.com", "jose\u0301@example.com", "JOS\u00c9@example.com", "JOSE\u0301@EXAMPLE.COM"},
		{"karl", "KARL", "\u212aarl", "ｋａｒｌ"},
		{"straße", "STRASSE", "strasse", "STRAẞE"},
		{"ﬁsher", "fisher", "FISHER"},
		{"ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ"},
		{"µ-team", "μ-team", "Μ-TEAM"},
		{"ᾀ", "ἀι", "ᾈ"},
		{"first.last+tag@example.com", "First.Last+Tag@example.com"},
	} {
		want := key(t, same[0])
		for _, s := range same[1:] {
			if got := key(t, s); got != want {
				t.Errorf("%q has the key %q, %q has %q", s, got, same[0], want)
			}
		}
	}
}

// B-28: names that resemble each other and are not the same.
func TestDifferentLogins(t *testing.T) {
	for _, pair := range [][2]string{
		{"mike@example.com", "m\u0131ke@example.com"},         // dotless i
		{"m\u0130ke@example.com", "mike@example.com"},         // capital I with a dot
		{"jose@example.com", "jos\u00e9@example.com"},         // an accent
		{"paypal", "p\u0430ypal"},                             // Cyrillic a
		{"anna", "\u00e5nna"},                                 // a ring
		{"o'brien@example.com", "obrien@example.com"},         // an apostrophe
		{"anna.berg@example.com", "annaberg@example.com"},     // a dot
		{"anna+x@example.com", "anna@example.com"},            // a tag
		{"anna@example.com", "anna@examp1e.com"},              // a digit
		{"weiß@example.com", "wei\u03b2@example.com"},         // Greek beta
		{"\u0131\u0131\u0131", "iii"},                         // dotless
		{"stra\u00dfe@example.com", "straze@example.com"},     // sharp s
		{"anna@m\u00fcnchen.example", "anna@munchen.example"}, // an umlaut in the domain
	} {
		if a, b := key(t, pair[0]), key(t, pair[1]); a == b {
			t.Errorf("%q and %q share the key %q", pair[0], pair[1], a)
		}
	}
}

func TestNoLogin(t *testing.T) {
	for name, s := range map[string]string{
		"empty":              "",
		"spaces":             "   ",
		"a space inside":     "anna berg",
		"no-break space":     "anna\u00a0berg",
		"NUL":                "anna\x00",
		"line break":         "anna\n",
		"tab":                "\tanna",
		"not UTF-8":          "anna\xff",
		"two @":              "anna@example.com@evil.example",
		"two, one full":      "anna＠example.com@evil.example",
		"nothing before @":   "@example.com",
		"nothing after @":    "anna@",
		"only @":             "@",
		"zero width":         "an\u200bna",
		"joiner":             "an\u200dna",
		"text direction":     "anna\u202e",
		"soft hyphen":        "an\u00adna",
		"private use":        "anna\ue000",
		"unassigned":         "anna\U000e0fff",
		"255 bytes":          strings.Repeat("a", 255),
		"longer when folded": strings.Repeat("ﬃ", 100), // 300 bytes typed, 300 folded
		"ten megabytes":      strings.Repeat("a", 10<<20),
		"mixed directions":   "אa",
	} {
		k, err := LoginKey(s)
		var f *core.Fault
		if err == nil || !errors.As(err, &f) || f.Code != "login.invalid" {
			t.Errorf("%s: key %q, %v", name, k, err)
		}
	}
	for _, s := range []string{strings.Repeat("a", 254), "a", "0", "אב@example.com", "آدم", "日本@example.com", "user!#$%&'*+-/=?^_`{|}~@example.com", `DOMAIN\user`, "anna:ops"} {
		if _, err := LoginKey(s); err != nil {
			t.Errorf("%q is refused", s)
		}
	}
}

// A name that somebody gets must not read as an id of ours; to look for one that
// somebody has had from before is fine.
func TestNoNewLoginReadsAsAnID(t *testing.T) {
	id := secret.NewID(core.PrefixUser, time.Now())
	for _, s := range []string{id, strings.ToUpper(id), " " + id + " ", strings.Replace(id, "us_", "ｕｓ_", 1), secret.NewID(core.PrefixTenant, time.Now())} {
		k, err := NewLoginKey(s)
		var f *core.Fault
		if !errors.As(err, &f) || f.Code != "login.like_id" {
			t.Errorf("%q: key %q, %v", s, k, err)
		}
		key(t, s)
	}
	for _, s := range []string{"anna", "us_anna", "us_" + strings.Repeat("a", 25), id + "@example.com", "x" + id, "anna@example.com"} {
		k, err := NewLoginKey(s)
		if err != nil || k != key(t, s) {
			t.Errorf("%q: key %q, %v", s, k, err)
		}
	}
	if _, err := NewLoginKey(""); err == nil {
		t.Error("an empty login is taken")
	}
}

func TestLoginKeyOfAKeyIsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.String(),
			rapid.StringOfN(rapid.Rune(), 1, 4, -1),
			rapid.StringMatching(`[A-Za-z0-9.+_-]{1,20}@[a-zA-Z0-9.ßÄéſKµςı-]{1,20}`),
		).Draw(t, "login")
		k, err := LoginKey(s)
		if err != nil {
			return
		}
		again, err := LoginKey(k)
		if err != nil || again != k {
			t.Fatalf("%q has the key %q, and that %q, %v", s, k, again, err)
		}
	})
}

// Every character by itself, since chance would miss the odd ones.
func TestLoginKeyOfEveryCharacter(t *testing.T) {
	for r := rune(0); r <= 0x10ffff; r++ {
		for _, s := range []string{string(r), "a" + string(r) + "b"} {
			k, err := LoginKey(s)
			if err != nil {
				continue
			}
			if again, err := LoginKey(k); err != nil || again != k {
				t.Errorf("%U: %q has the key %q, and that %q, %v", r, s, k, again, err)
			}
		}
	}
}

func TestParseAddress(t *testing.T) {
	for s, want := range map[string]Address{
		"anna@example.com":                {"anna", "example.com", "anna@example.com"},
		"  Anna.Berg@Example.COM ":        {"Anna.Berg", "example.com", "Anna.Berg@example.com"},
		"a+b_c-d@sub.example.co":          {"a+b_c-d", "sub.example.co", "a+b_c-d@sub.example.co"},
		"o'brien/x=y@example.com":         {"o'brien/x=y", "example.com", "o'brien/x=y@example.com"},
		"info@müller.example":             {"info", "xn--mller-kva.example", "info@müller.example"},
		"info@MÜLLER.example":             {"info", "xn--mller-kva.example", "info@müller.example"},
		"info@mu\u0308ller.example":       {"info", "xn--mller-kva.example", "info@müller.example"},
		"info@xn--mller-kva.example":      {"info", "xn--mller-kva.example", "info@müller.example"},
		"info@straße.example":             {"info", "xn--strae-oqa.example", "info@straße.example"},
		"root@localhost":                  {"root", "localhost", "root@localhost"},
		"1@2.example":                     {"1", "2.example", "1@2.example"},
		strings.Repeat("a", 64) + "@b.de": {strings.Repeat("a", 64), "b.de", strings.Repeat("a", 64) + "@b.de"},
	} {
		got, err := ParseAddress(s)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
}

// B-16, B-29: not one plain address.
func TestNoAddress(t *testing.T) {
	for name, s := range map[string]string{
		"empty":                 "",
		"no @":                  "anna",
		"list":                  "anna@example.com,eve@evil.example",
		"list with a space":     "anna@example.com, eve@evil.example",
		"list by semicolon":     "anna@example.com;eve@evil.example",
		"list by space":         "anna@example.com eve@evil.example",
		"array":                 `["anna@example.com","eve@evil.example"]`,
		"JSON":                  `{"email":"anna@example.com"}`,
		"two @":                 "anna@evil.example@example.com",
		"two @ encoded":         `"anna@evil.example"@example.com`,
		"display name":          "Anna <anna@example.com>",
		"brackets":              "<anna@example.com>",
		"comment":               "anna(work)@example.com",
		"comment in domain":     "anna@example.com(evil)",
		"quoted":                `"anna"@example.com`,
		"quoted space":          `"anna berg"@example.com`,
		"space inside":          "anna berg@example.com",
		"route":                 "@evil.example:anna@example.com",
		"percent route kept":    "anna%evil.example@",
		"header":                "anna@example.com\r\nBcc: eve@evil.example",
		"line break at the end": "anna@example.com\n",
		"NUL":                   "anna@example.com\x00.evil.example",
		"NUL in front":          "\x00anna@example.com",
		"tab":                   "\tanna@example.com",
		"not UTF-8":             "anna\xff@example.com",
		"full-width @":          "anna＠example.com",
		"full-width domain":     "anna@ｅxample.com",
		"ideographic stop":      "anna@example。com",
		"zero width in domain":  "anna@exam\u200bple.com",
		"soft hyphen":           "anna@exam\u00adple.com",
		"text direction":        "anna@\u202eexample.com",
		"accent before @":       "jos\u00e9@example.com",
		"dotless i before @":    "m\u0131ke@example.com",
		"Kelvin sign before @":  "\u212aarl@example.com",
		"dot first":             ".anna@example.com",
		"dot last":              "anna.@example.com",
		"two dots":              "an..na@example.com",
		"empty label":           "anna@example..com",
		"label first empty":     "anna@.example.com",
		"trailing dot":          "anna@example.com.",
		"hyphen first":          "anna@-example.com",
		"hyphen last":           "anna@example-.com",
		"underscore in domain":  "anna@exa_mple.com",
		"one label":             "anna@example",
		"address literal":       "anna@[192.0.2.1]",
		"IP address":            "anna@192.0.2.1",
		"bad punycode":          "anna@xn--999999999.example",
		"65 before @":           strings.Repeat("a", 65) + "@example.com",
		"long label":            "anna@" + strings.Repeat("a", 64) + ".example",
		"255 bytes":             "anna@" + strings.Repeat("abcdefgh.", 27) + "example",
		"ten megabytes":         strings.Repeat("a", 10<<20) + "@example.com",
		"slash in domain":       "anna@example.com/evil",
		"colon in domain":       "anna@example.com:25",
	} {
		a, err := ParseAddress(s)
		var f *core.Fault
		if err == nil || !errors.As(err, &f) || f.Code != "email.invalid" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// B-28: one mailbox is one key, and what resembles it is another.
func TestAddressKey(t *testing.T) {
	k := func(s string) string {
		a, err := ParseAddress(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		return a.Key()
	}
	for _, same := range []string{"Anna.Berg@EXAMPLE.com", "ANNA.BERG@example.com"} {
		if k(same) != "anna.berg@example.com" {
			t.Errorf("%q has the key %q", same, k(same))
		}
	}
	if k("info@MÜLLER.example") != k("INFO@xn--mller-kva.example") {
		t.Error("a domain in its own script and in ASCII are two keys")
	}
	for _, other := range []string{"annaberg@example.com", "anna.berg+x@example.com", "anna.berg@example.co", "anna.berg@exämple.com"} {
		if k(other) == "anna.berg@example.com" {
			t.Errorf("%q has the same key", other)
		}
	}
}

func TestMask(t *testing.T) {
	for s, want := range map[string]string{
		"anna.summer@example.com": "a•••r@example.com",
		"anna@example.com":        "a•••a@example.com",
		"bob@example.com":         "b•••@example.com",
		"x@example.com":           "x•••@example.com",
		"@example.com":            "•••@example.com",
		"örjan@example.com":       "ö•••n@example.com",
		"no address":              "n•••s",
		"":                        "•••",
	} {
		if got := Mask(s); got != want {
			t.Errorf("%q is masked as %q, want %q", s, got, want)
		}
	}
}

func FuzzLoginKey(f *testing.F) {
	for _, s := range []string{"anna@example.com", "＠", "İı\u212a", "ᾀ@ſ", "a\u0345@", "\xff", "אב@example.com", "\u1e9e", "a@b@c", strings.Repeat("ﷺ", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := LoginKey(s)
		if err != nil {
			return
		}
		if again, err := LoginKey(k); err != nil || again != k {
			t.Errorf("%q has the key %q, and that %q, %v", s, k, again, err)
		}
		if k == "" || len(k) > maxBytes || strings.Count(k, "@") > 1 || strings.ContainsAny(k, " \x00\r\n\t") {
			t.Errorf("%q has the key %q", s, k)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"anna@example.com", "a@b@c.de", "Anna <a@b.de>", "a@b.de,c@d.de", "\"a b\"@c.de", "a@ｂ.de", "info@müller.example", "a@xn--.de", "a\x00@b.de", "a@[1.2.3.4]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		text := a.String()
		if strings.Count(text, "@") != 1 || len(text) > maxBytes || strings.ContainsAny(text, " \x00\r\n\t,;<>()[]\"\\") {
			t.Errorf("%q was read as %q", s, text)
		}
		for _, again := range []string{text, a.Shown} {
			b, err := ParseAddress(again)
			if err != nil || b != a {
				t.Errorf("%q was read as %+v, and %q as %+v, %v", s, a, again, b, err)
			}
		}
	})
}

// Names are searched whatever their case, their spaces and their composition, and
// by the family's name too.
func TestNamesToSearchBy(t *testing.T) {
	for _, c := range []struct{ name, key, family string }{
		{"Anna Lindner", "anna lindner", "lindner anna"},
		{"  Anna\tMaria   LINDNER ", "anna maria lindner", "lindner anna maria"},
		{"Zo\u0065\u0308 Öztürk", "zoë öztürk", "öztürk zoë"},
		{"Straße", "strasse", "strasse"},
		{"Ｂackup", "backup", "backup"},
		{"", "", ""},
		{"a\xffb", "a\uFFFDb", "a\uFFFDb"},
	} {
		if k, f := NameKey(c.name), FamilyKey(c.name); k != c.key || f != c.family {
			t.Errorf("%q: %q and %q, want %q and %q", c.name, k, f, c.key, c.family)
		}
	}
}
