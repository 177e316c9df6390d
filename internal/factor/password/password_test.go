package password

import (
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sallyport/internal/core"
)

func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f, ok := core.AsFault(err)
	if !ok {
		t.Fatalf("not a fault: %v", err)
	}
	return f.Code
}

func person() Context {
	return Context{MinLength: 8, Login: "anna.berg", Email: "Anna.Berg-Holm@Example.com", TenantNames: []string{"Müller & Söhne", "Straßenbau"}}
}

// N-15
func TestMinLengthFollowsThePolicy(t *testing.T) {
	if MinLength(false) != 15 || MinLength(true) != 8 {
		t.Fatalf("%d and %d", MinLength(false), MinLength(true))
	}
	const fourteen = "vier zehn zeic"
	if _, err := Check(fourteen, Context{MinLength: MinLength(true)}); err != nil {
		t.Errorf("beside a second factor: %v", err)
	}
	_, err := Check(fourteen, Context{MinLength: MinLength(false)})
	f, ok := core.AsFault(err)
	if !ok || f.Code != "password.too_short" || f.Params["min"] != 15 || f.Params["length"] != 14 {
		t.Errorf("alone: %+v", f)
	}
	if _, err := Check(fourteen+"h", Context{MinLength: MinLength(false)}); err != nil {
		t.Errorf("fifteen characters alone: %v", err)
	}
}

// What is kept of a length is the floor it meets and nothing finer.
func TestClassIsNoCount(t *testing.T) {
	for length, want := range map[int]int{0: 0, 7: 0, 8: 8, 14: 8, 15: 15, 16: 15, 1024: 15} {
		if got := Class(length); got != want || Class(got) != got {
			t.Errorf("%d characters are of class %d, want %d", length, got, want)
		}
	}
}

// N-16: characters are counted after NFC; long ones, spaces and every script
// are welcome.
func TestLengthCountsCharacters(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		want     int
	}{
		"seven emoji":          {"🦊🐻🐼🐨🐯🦁🐮", 7},
		"composed":             {strings.Repeat("\u00e9b\u00e7", 2) + "\u00e0\u00f6x", 9},
		"decomposed":           {strings.Repeat("e\u0301bc\u0327", 2) + "a\u0300o\u0308x", 9},
		"spaces":               {"u n d z w o", 11},
		"all of ASCII":         {" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~", 95},
		"64 characters":        {strings.Repeat("many words ", 6)[:64], 64},
		"1024 bytes":           {strings.Repeat("one and all", 94)[:1024], 1024},
		"right to left":        {"סיסמה ארוכה מאוד", 16},
		"letters without case": {"長い合言葉は安全です", 10},
	} {
		n, err := Check(c.password, Context{MinLength: 1})
		if err != nil || n != c.want {
			t.Errorf("%s: %d characters, %v; want %d", name, n, err, c.want)
		}
	}
	if _, err := Check("🦊🐻🐼🐨🐯🦁🐮", Context{MinLength: 8}); code(t, err) != "password.too_short" {
		t.Errorf("seven emoji where eight characters are asked for: %v", err)
	}
}

// N-18: nothing is asked of the kinds of characters.
func TestNoCompositionRules(t *testing.T) {
	for _, p := range []string{"onlysmallletters", "ONLYCAPITALLETTERS", "7395028461739502", "hyphen-hyphen-hyphen", "vier kurze worte hier"} {
		if _, err := Check(p, Context{MinLength: 15}); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// N-17, B-52: refused, not cut.
func TestTooLong(t *testing.T) {
	for _, p := range []string{strings.Repeat("x", 1025), strings.Repeat("é", 513), strings.Repeat("p", 10<<20)} {
		_, err := Check(p, Context{MinLength: 8})
		f, ok := core.AsFault(err)
		if !ok || f.Code != "password.too_long" || f.Params["max"] != 1024 {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

func TestInvalid(t *testing.T) {
	for name, p := range map[string]string{
		"not UTF-8":  "long enough \xff here",
		"cut rune":   "long enough here \xc3",
		"NUL":        "long enough\x00 here",
		"line break": "long enough\n here",
		"tab":        "long enough\t here",
		"delete":     "long enough\x7f here",
		"C1 control": "long enough\u0085 here",
	} {
		if _, err := Check(p, Context{MinLength: 8}); code(t, err) != "password.invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// N-19
func TestLikeTheAccount(t *testing.T) {
	for name, p := range map[string]string{
		"login":           "anna.berg",
		"login, capitals": "ANNA.BERG",
		"full width":      "ａｎｎａ．ｂｅｒｇ",
		"mail":            "anna.berg-holm@example.com",
		"local part":      "Anna.Berg-Holm",
		"tenant":          "MÜLLER & SÖHNE",
		"decomposed":      "mu\u0308ller & so\u0308hne",
		"sharp s":         "STRASSENBAU",
		"padded":          "  strassenbau ",
	} {
		if _, err := Check(p, person()); code(t, err) != "password.like_account" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range []string{"anna.berg likes trains", "straßenbauhof-tor", "example.com"} {
		if _, err := Check(p, person()); err != nil {
			t.Errorf("%q only resembles: %v", p, err)
		}
	}
	if _, err := Check("something else", Context{MinLength: 8, TenantNames: []string{"", " "}}); err != nil {
		t.Errorf("compared with nothing: %v", err)
	}
}

// the 3,000 most common are refused, in any case, and so is a longer set.
func TestCommonPasswordsAreRefused(t *testing.T) {
	text, err := os.ReadFile("testdata/top3000.txt")
	if err != nil {
		t.Fatal(err)
	}
	top := strings.Fields(string(text))
	if len(top) != 3000 {
		t.Fatalf("%d passwords", len(top))
	}
	for _, p := range top {
		for _, spelled := range []string{p, strings.ToUpper(p)} {
			if _, err := Check(spelled, Context{MinLength: 1}); code(t, err) != "password.common" {
				t.Errorf("%q: %v", spelled, err)
			}
		}
	}
	for name, p := range map[string]string{
		"less common":         "123456789r",
		"rarely seen":         "bhrh0h2oof6xbqjeh",
		"written twice":       "passwordpassword",
		"written three times": "MonkeyMonkeyMonkey",
		"row of digits":       "123456789012345",
		"full width":          "ｐａｓｓｗｏｒｄ",
	} {
		if _, err := Check(p, Context{MinLength: 8}); code(t, err) != "password.common" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whole passwords only: a common word inside is no reason.
	if _, err := Check("password of the old lighthouse", Context{MinLength: 15}); err != nil {
		t.Error(err)
	}
}

// what no list is long enough for is refused by its shape, and nothing that
// has more than that shape is.
func TestWhatIsTriedFirstIsRefused(t *testing.T) {
	for want, list := range map[string][]string{
		"password.common": {
			"00000000", "88888888", "87654321", "aaaaaaaa", "Summer2024", "lösenord", "geheim123", "hejhejhej", "Passwort1!", "2024Sommar", "Sommar-2024!", "Vinter24",
			"111111111111111", "000000000000000", "123456789123456", "123123123123123", "aaaaaaaaaaaaaaa", "qwertyuiopasdfg", "password1234567",
			"0123456789abcdef", "correcthorsebatterystaple", "correct horse battery staple", "1q2w3e4r5t6y7u8i9o", "1qaz2wsx3edc4rfv", "zyxwvutsrqponml", "lösenordlösenord", "qwertzuiopüasdfgh",
			"abcabcabcabcabcab", "password24122024", "!!password!!2024", "p a s s w o r d 1 2", "password       ", "pass\u200bword\u200b\u200b\u200b\u200b\u200b\u200b", "xyxxyyxyxxyxyxy",
			"sommersommersommer", "abcd1234efgh5678", "MotDePasse123456", "azertyuiopqsdfg",
		},
		"password.blank": {
			"        ", strings.Repeat(" ", 15), strings.Repeat("\u200b", 15), strings.Repeat("\u00ad", 15), strings.Repeat("\u3164", 15), strings.Repeat("\u2800", 15),
			strings.Repeat("\u2003\ufeff", 8), strings.Repeat("\U000e0061", 15), strings.Repeat("\ufe0f", 15), strings.Repeat("\u115f", 15), strings.Repeat("\u180e", 15), strings.Repeat("\u034f", 15),
		},
		"": {
			"vier kurze worte hier", "7395028461739502", "password of the old lighthouse", "summer in the old harbour 2024", "password 7395028461", "hej på dig du gamla vän",
			"abcd is no password of mine", "x7Kq-p2Lm-9RtV-b4", "長い合言葉は安全です、本当に", "two words two words less", "qwerty is what I never typed",
		},
	} {
		for _, p := range list {
			if _, err := Check(p, Context{MinLength: 8}); code(t, err) != want {
				t.Errorf("%q: %v, want %q", p, err, want)
			}
		}
	}
}

// What a generator makes never has one of the shapes.
func TestRandomPasswordsAreNotGuessed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Letters that no list has beside each other, with signs between.
		p := rapid.StringMatching(`([bkvxzq][0-9][pwmt][!-/]){4}`).Draw(t, "password")
		v := []rune(p)
		for n := 1; n <= len(v)/2; n++ {
			if repeats(v, n) {
				t.Skip("drawn twice")
			}
		}
		if guessed(v) {
			t.Fatalf("%q", p)
		}
	})
}

func TestListIsWhatTheSearchExpects(t *testing.T) {
	lines := strings.Split(strings.Trim(commonLines(), "\n"), "\n")
	if len(lines) < 50_000 {
		t.Fatalf("%d passwords", len(lines))
	}
	if !slices.IsSorted(lines) {
		t.Fatal("not sorted")
	}
	for i, line := range lines {
		if line == "" || fold(line) != line {
			t.Fatalf("line %d, %q, is not folded", i+1, line)
		}
		if !common(line) {
			t.Fatalf("line %d, %q, is not found", i+1, line)
		}
		if i > 0 && lines[i-1] == line {
			t.Fatalf("line %d comes twice", i+1)
		}
	}
	for _, p := range []string{"", "\n", "0", lines[0] + "\n" + lines[1], lines[0][:1] + "\x00", "zzzzzzzzzzzzzzzzzz~", "\U0010ffff"} {
		if slices.Contains(lines, p) {
			continue
		}
		if common(p) {
			t.Errorf("%q is found", p)
		}
	}
}

func TestSearchFindsNothingElse(t *testing.T) {
	lines := strings.Split(strings.Trim(commonLines(), "\n"), "\n")
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(lines).Draw(t, "line") + rapid.StringMatching(`[a-z0-9]{0,2}`).Draw(t, "more")
		_, listed := slices.BinarySearch(lines, p)
		if common(p) != listed {
			t.Fatalf("%q: found %v, listed %v", p, common(p), listed)
		}
	})
}
