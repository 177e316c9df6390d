package oidc

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"sallyport/internal/core"
	"sallyport/internal/secret"
)

// rows keep a ring in memory.
type rows struct {
	mu  sync.Mutex
	all map[string]secret.KeyRow
}

func (r *rows) LoadKeys(context.Context) (out []secret.KeyRow, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.all {
		out = append(out, row)
	}
	return out, nil
}

func (r *rows) SaveKey(_ context.Context, row secret.KeyRow, ifVersion int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[row.Purpose].Version != ifVersion {
		return secret.ErrRingChanged
	}
	row.Version = ifVersion + 1
	r.all[row.Purpose] = row
	return nil
}

var fuzzNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func fuzzed(f *testing.F) *Handler {
	f.Helper()
	now := func() time.Time { return fuzzNow }
	master, err := secret.CreateMaster(filepath.Join(f.TempDir(), "master.key"))
	if err != nil {
		f.Fatal(err)
	}
	ring, err := secret.OpenRing(context.Background(), &rows{all: map[string]secret.KeyRow{}}, master, now)
	if err != nil {
		f.Fatal(err)
	}
	return &Handler{Issuer: "https://sallyport.example", Ring: ring, Now: now}
}

// B-48 (CVE-2026-27840): of everything that somebody may send as a code or a refresh
// token, only what we made is one, for its own purpose.
func FuzzHandle(f *testing.F) {
	h := fuzzed(f)
	good, err := handle{"tn_1", "fm_1", 7}.seal(h.Ring, handleRefresh)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", good, good[1:], good + "A", good + "=", strings.ToUpper(good), good[:50], strings.Repeat("A", 400), "....", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := openHandle(h.Ring, handleRefresh, text); ok != (text == good) || ok && n != (handle{"tn_1", "fm_1", 7}) {
			t.Fatalf("%q is taken for %+v", text, n)
		}
		for _, other := range []string{handleCode, handleDevice} {
			if _, ok := openHandle(h.Ring, other, text); ok {
				t.Fatalf("%q is taken as %q", text, other)
			}
		}
		if _, ok := h.nonceTime(text); ok {
			t.Fatalf("%q is taken for a nonce", text)
		}
	})
}

// A-19, O-19: of everything that looks like a token, only what we signed is one, and
// only of its type.
func FuzzToken(f *testing.F) {
	h := fuzzed(f)
	good, err := h.sign(context.Background(), core.AlgES256, typeAccess, claims{Issuer: h.Issuer, Subject: "us_1", Expires: fuzzNow.Unix() + 60})
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for _, seed := range []string{"", good, good[:len(good)-1], parts[0] + "." + parts[1] + ".", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".", parts[1] + "." + parts[0] + "." + parts[2], good + "." + parts[2],
		"eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9." + parts[1] + "." + parts[2], "{}", strings.Repeat(".", 100), `{"payload":"","signatures":[]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := h.verify(text, typeAccess)
		if ok && (c.Subject != "us_1" || c.Issuer != h.Issuer) {
			t.Fatalf("%q is taken for %+v", text, c)
		}
		if again, _, _ := strings.Cut(text, "."); ok && again != parts[0] {
			t.Fatalf("another header is taken: %q", text)
		}
		if _, ok := h.verify(text, typeID); ok {
			t.Fatalf("%q is taken for an ID token", text)
		}
		if _, ok := h.verify(text, typeLogout); ok {
			t.Fatalf("%q is taken for a logout token", text)
		}
	})
}

// O-17: whatever stands in the header and the form, an app is one or none, and says its
// secret in one place.
func FuzzCredentials(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"Basic YXA6eA==", ""}, {"Basic YXA6eA==", "client_id=ap"}, {"Basic YXA6eA==", "client_id=other"}, {"Basic YXA6eA==", "client_secret=y"}, {"basic YXA6eA==", ""}, {"Basic !!", ""},
		{"Basic YSUwMDp4", ""}, {"Bearer x", "client_id=ap"}, {"", "client_id=a&client_id=b"}, {"", "client_id=%00"}, {"", "client_assertion=a.eyJzdWIiOiJhcCJ9.c"}, {"", "client_id=ap&client_secret=%ff"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, header, body string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		p := form(httptest.NewRecorder(), r)
		if p.check() != nil {
			return
		}
		id, text, err := credentials(r, p)
		if err != nil {
			return
		}
		if strings.ContainsRune(id, 0) || header == "" && !utf8.ValidString(id+text) {
			t.Fatalf("%q and %q: id %q", header, body, id)
		}
		if header != "" && (p.has("client_secret") || p.has("client_id") && p.get("client_id") != id) {
			t.Fatalf("%q and %q say two things", header, body)
		}
	})
}

// V-02: what somebody types is a code of eight letters of ours, or nothing.
func FuzzUserCode(f *testing.F) {
	for _, seed := range []string{"", "BCDF-GHJK", "bcdf ghjk", "BCDFGHJ", "BCDF-GHJKL", "BCDF-GHJA", "ВCDF-GHJK", "BCDF\x00GHJK", strings.Repeat("B", 200), "ſ-------"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code := typedCode(typed)
		if code != "" && (len(code) != userLong || strings.Trim(code, userLetters) != "" || typedCode(shownCode(code)) != code) {
			t.Fatalf("%q is taken for %q", typed, code)
		}
	})
}
