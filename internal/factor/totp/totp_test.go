package totp

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func vectors(t *testing.T, name string) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if line := s.Text(); line != "" && line[0] != '#' {
			rows = append(rows, strings.Fields(line))
		}
	}
	return rows
}

func number(t *testing.T, s string) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// repeated is the secret of the published vectors in any length.
func repeated(n int) []byte { return bytes.Repeat([]byte("1234567890"), 7)[:n] }

// T-01
func TestPublishedHOTPVectors(t *testing.T) {
	rows := vectors(t, "rfc4226.txt")
	if len(rows) != 10 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		if got := Code(repeated(20), number(t, r[0]), DefaultParams()); got != r[1] {
			t.Errorf("counter %s: %s, want %s", r[0], got, r[1])
		}
	}
}

// T-02, T-03, T-04
func TestPublishedTOTPVectors(t *testing.T) {
	rows := vectors(t, "rfc6238.txt")
	if len(rows) != 6 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		at := time.Unix(number(t, r[0]), 0)
		for i, c := range []struct {
			algorithm string
			length    int
		}{{SHA1, 20}, {SHA256, 32}, {SHA512, 64}} {
			p := Params{Digits: 8, Period: 30, Skew: 0, Algorithm: c.algorithm}
			if got := Code(repeated(c.length), StepAt(at, 30), p); got != r[i+1] {
				t.Errorf("%s at %s: %s, want %s", c.algorithm, r[0], got, r[i+1])
			}
			if res := Match(repeated(c.length), r[i+1], at, 0, p); !res.Accepted() || res.Offset != 0 {
				t.Errorf("%s at %s: not accepted: %+v", c.algorithm, r[0], res)
			}
		}
	}
}

func noon() time.Time { return time.Date(2027, 3, 1, 12, 0, 10, 0, time.UTC) }

// T-05: a code works once, and none before it works after it.
func TestAcceptedCodeIsNotAcceptedAgain(t *testing.T) {
	key, p, now := repeated(20), DefaultParams(), noon()
	current := StepAt(now, p.Period)
	first := Match(key, Code(key, current, p), now, 0, p)
	if !first.Accepted() || first.Step != current || first.Offset != 0 {
		t.Fatalf("first use: %+v", first)
	}
	for _, later := range []time.Duration{0, time.Second, 25 * time.Second, time.Minute, 5 * time.Minute} {
		again := Match(key, Code(key, current, p), now.Add(later), first.Step, p)
		if !again.Replayed() || again.Accepted() || again.Step != current {
			t.Errorf("again after %s: %+v", later, again)
		}
	}
	if older := Match(key, Code(key, current-1, p), now, first.Step, p); !older.Replayed() {
		t.Errorf("the code before it: %+v", older)
	}
	if next := Match(key, Code(key, current+1, p), now, first.Step, p); !next.Accepted() {
		t.Errorf("the code after it: %+v", next)
	}
}

// T-06: one step either way by default; two are refused, and told apart from a
// wrong code.
func TestSkewAndDrift(t *testing.T) {
	key, now := repeated(20), noon()
	for skew := 0; skew <= 2; skew++ {
		p := Params{Digits: 6, Period: 30, Skew: skew, Algorithm: SHA1}
		for offset := -25; offset <= 25; offset++ {
			res := Match(key, Code(key, StepAt(now, 30)+int64(offset), p), now, 0, p)
			distance := max(offset, -offset)
			switch {
			case distance <= skew:
				if !res.Accepted() || res.Offset != offset {
					t.Errorf("skew %d, offset %d: %+v", skew, offset, res)
				}
			case distance <= 20:
				if !res.Drifted() || res.Accepted() || res.Offset != offset || res.Step != StepAt(now, 30)+int64(offset) {
					t.Errorf("skew %d, offset %d: %+v", skew, offset, res)
				}
			default:
				if res != (Result{period: 30}) {
					t.Errorf("skew %d, offset %d: %+v", skew, offset, res)
				}
			}
		}
	}
	p := DefaultParams()
	for offset, want := range map[int]int{2: 1, -2: -1, 3: 2, 6: 3, -20: -10, 20: 10} {
		res := Match(key, Code(key, StepAt(now, 30)+int64(offset), p), now, 0, p)
		if got := res.DriftMinutes(); got != want {
			t.Errorf("offset %d: %d minutes, want %d", offset, got, want)
		}
	}
	if res := Match(key, Code(key, StepAt(now, 30), p), now, 0, p); res.DriftMinutes() != 0 {
		t.Errorf("a right code has %d minutes of drift", res.DriftMinutes())
	}
	for _, bad := range []Params{{}, {6, 60, 1, SHA1}, {7, 30, 1, SHA1}, {6, 30, 3, SHA1}, {6, 30, -1, SHA1}, {6, 30, 1, "MD5"}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is called valid", bad)
		}
		if res := Match(key, "755224", time.Unix(0, 0), -1, bad); res != (Result{}) {
			t.Errorf("%+v: %+v", bad, res)
		}
		if Code(key, 0, bad) != "" {
			t.Errorf("%+v makes codes", bad)
		}
	}
}

// T-07
func TestNewSecretHas160Bits(t *testing.T) {
	a, b := NewSecret(), NewSecret()
	if len(a) != 20 || bytes.Equal(a, b) {
		t.Errorf("secrets of %d bytes, equal: %v", len(a), bytes.Equal(a, b))
	}
	key := strings.ReplaceAll(SetupKey(a), " ", "")
	if len(key) != 32 || strings.Contains(key, "=") {
		t.Errorf("setup key %q", key)
	}
}

func TestWrongInput(t *testing.T) {
	key, p, now := repeated(20), DefaultParams(), noon()
	right := Code(key, StepAt(now, 30), p)
	for _, code := range []string{"", " ", right[:5], right + "0", " " + right, "１２３４５６", "abcdef", "\x00\x00\x00\x00\x00\x00", strings.Repeat("1", 1<<20)} {
		if res := Match(key, code, now, 0, p); res.outcome != wrong {
			t.Errorf("%.20q: %+v", code, res)
		}
	}
	if res := Match(nil, right, now, 0, p); res.outcome != wrong {
		t.Error("an empty secret has codes")
	}
	other := append([]byte("x"), key[1:]...)
	if res := Match(other, right, now, 0, p); res.outcome != wrong {
		t.Error("another secret has the same code")
	}
}

// Before 1970 and around it there is no step to count from: nothing breaks.
func TestStepsAtTheEpoch(t *testing.T) {
	for seconds, want := range map[int64]int64{0: 0, 29: 0, 30: 1, -1: -1, -30: -1, -31: -2} {
		if got := StepAt(time.Unix(seconds, 0), 30); got != want {
			t.Errorf("%d s: step %d, want %d", seconds, got, want)
		}
	}
	p := DefaultParams()
	if res := Match(repeated(20), "755224", time.Unix(5, 0), -1, p); !res.Accepted() || res.Step != 0 {
		t.Errorf("step 0: %+v", res)
	}
	if res := Match(repeated(20), "755224", time.Unix(-100000, 0), -1, p); res.outcome != wrong {
		t.Errorf("long before: %+v", res)
	}
}

// Two steps may share a code by chance. Of two that would be accepted the
// nearest to now counts; beside the one that was accepted last, neither. One that
// was passed over takes nothing from a later one with its digits.
func TestSameDigitsTwice(t *testing.T) {
	key, p := repeated(20), DefaultParams()
	first, second := int64(-1), int64(-1)
	seen := make(map[string]int64)
	for step := int64(0); first < 0; step++ {
		code := Code(key, step, p)
		if old, ok := seen[code]; ok && step-old <= 20 {
			first, second = old, step
		}
		seen[code] = step
		if step > 3_000_000 {
			t.Fatal("no two equal codes close to each other among three million")
		}
	}
	code := Code(key, first, p)
	at := time.Unix(second*30, 0)
	if res := Match(key, code, at, 0, p); !res.Accepted() || res.Step != second {
		t.Errorf("unused: %+v", res)
	}
	if res := Match(key, code, at, first, p); !res.Replayed() {
		t.Errorf("the same digits were used %d steps ago: %+v", second-first, res)
	}
	if res := Match(key, code, at, first+1, p); !res.Accepted() || res.Step != second {
		t.Errorf("the same digits were passed over %d steps ago: %+v", second-first, res)
	}
}

func TestClock(t *testing.T) {
	key, p, now := repeated(20), DefaultParams(), noon()
	for _, steps := range []int64{0, 1, -7, 100, -2000} {
		offset, found := Clock(key, Code(key, StepAt(now, 30)+steps, p), now, 24*time.Hour, p)
		if want := time.Duration(steps) * 30 * time.Second; !found || offset != want {
			t.Errorf("%d steps: %s, %v", steps, offset, found)
		}
	}
	if _, found := Clock(key, Code(key, StepAt(now, 30)+100, p), now, 10*time.Minute, p); found {
		t.Error("found beyond its reach")
	}
	if _, found := Clock(key, "12345", now, time.Hour, p); found {
		t.Error("found five digits")
	}
}

func TestURI(t *testing.T) {
	key := []byte("12345678901234567890")
	got := URI("Müller & Söhne", "anna+test@example.com", key, DefaultParams())
	const want = "otpauth://totp/M%C3%BCller%20%26%20S%C3%B6hne:anna%2Btest@example.com" +
		"?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=M%C3%BCller%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		issuer, account := rapid.String().Draw(t, "issuer"), rapid.String().Draw(t, "account")
		u, err := url.Parse(URI(issuer, account, key, DefaultParams()))
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Join(strings.Fields(strings.ReplaceAll(issuer, ":", " ")), " ")
		label := "/" + account
		if name != "" {
			label = "/" + name + ":" + account
		}
		if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != label || u.Query().Get("issuer") != name || len(u.Query()) > 5 {
			t.Fatalf("read back as %q, %q", u.Path, u.RawQuery)
		}
		if strings.Contains(u.String(), "+") {
			t.Fatal("a plus sign, which apps show as it stands")
		}
	})
}

func TestSetupKey(t *testing.T) {
	if got := SetupKey([]byte("12345678901234567890")); got != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Errorf("got %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "key")
		typed := SetupKey(key)
		switch rapid.IntRange(0, 3).Draw(t, "how it is typed") {
		case 1:
			typed = strings.ToLower(typed)
		case 2:
			typed = strings.ReplaceAll(typed, " ", "-") + "===="
		case 3:
			typed = "\t" + strings.ReplaceAll(typed, " ", "") + "\r\n"
		}
		got, ok := ParseSetupKey(typed)
		if !ok || !bytes.Equal(got, key) {
			t.Fatalf("%q read as %x, %v", typed, got, ok)
		}
	})
	for _, bad := range []string{"", "GEZD", "GEZD GNBV GY3T QOJQ", "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJ1", "ＧＥＺＤ", strings.Repeat("A", 5000)} {
		if key, ok := ParseSetupKey(bad); ok {
			t.Errorf("%.30q read as %x", bad, key)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("755224", int64(5), int64(0), 6, 1)
	f.Add("94287082", int64(59), int64(-1), 8, 0)
	f.Add("", int64(-1), int64(1<<62), 0, -5)
	f.Add("\xff\xfe28\x0031", int64(1<<40), int64(-1<<62), 6, 2)
	f.Add("１２３４５６", int64(1800000000), int64(60000000), 6, 2)
	f.Fuzz(func(t *testing.T, code string, seconds, lastStep int64, digits, skew int) {
		key := repeated(20)
		p := Params{Digits: digits, Period: 30, Skew: skew, Algorithm: SHA1}
		now := time.Unix(seconds, 0)
		res := Match(key, code, now, lastStep, p)
		if res.Accepted() && (res.Step <= lastStep || max(res.Offset, -res.Offset) > p.Skew || Code(key, res.Step, p) != code) {
			t.Errorf("%q at %d after step %d: %+v", code, seconds, lastStep, res)
		}
		if res.outcome != wrong && Code(key, res.Step, p) != code {
			t.Errorf("%q is not the code of step %d", code, res.Step)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	key, p, now := repeated(20), DefaultParams(), noon()
	code := Code(key, StepAt(now, 30), p)
	b.ReportAllocs()
	for b.Loop() {
		Match(key, code, now, 0, p)
	}
}
