package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTokenHas256Bits(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		token := Token()
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 32 {
			t.Fatalf("token %q: %d bytes, %v", token, len(raw), err)
		}
		if seen[token] {
			t.Fatal("a token came twice")
		}
		seen[token] = true
	}
	want := sha256.Sum256([]byte("abc"))
	if !bytes.Equal(TokenHash("abc"), want[:]) {
		t.Error("TokenHash is not SHA-256")
	}
}

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^usr_[0-9a-hjkmnp-tv-z]{26}$`)
	at := time.UnixMilli(1_800_000_000_123)
	seen := make(map[string]bool)
	for range 1000 {
		id := NewID("usr", at)
		if !form.MatchString(id) {
			t.Fatalf("id %q has not the promised form", id)
		}
		if seen[id] {
			t.Fatal("an id came twice")
		}
		seen[id] = true
		var ms uint64
		for _, c := range id[4:14] { // the first 50 bits: two zeros and the time
			ms = ms<<5 | uint64(strings.IndexRune(crockford, c))
		}
		if ms != 1_800_000_000_123 {
			t.Fatalf("id %q holds the time %d", id, ms)
		}
	}
	var ids []string
	for i := range 50 {
		ids = append(ids, NewID("x", at.Add(time.Duration(i*i)*time.Millisecond*37+time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids do not sort by time")
	}
}

func TestPickIsEven(t *testing.T) {
	const n = 60_000
	count := make(map[rune]int)
	for _, c := range Digits(n) {
		count[c]++
	}
	if len(count) != 10 {
		t.Fatalf("%d different digits", len(count))
	}
	for c, k := range count {
		// 6000 expected, standard deviation 73: eight of them.
		if k < 5400 || k > 6600 {
			t.Errorf("digit %c came %d times of %d", c, k, n)
		}
	}
	if got := Pick("ab", 64); strings.Trim(got, "ab") != "" || len(got) != 64 {
		t.Errorf("Pick gave %q", got)
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"", "a", false}} {
		if Equal([]byte(c.a), []byte(c.b)) != c.want {
			t.Errorf("Equal(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
}
