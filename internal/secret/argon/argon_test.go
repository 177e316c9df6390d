package argon

import (
	"bytes"
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

// The Argon2id vector of RFC 9106, section 5.3.
func TestPublishedVector(t *testing.T) {
	var s Scratch
	defer s.Release()
	got := s.Key(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 16), bytes.Repeat([]byte{3}, 8), bytes.Repeat([]byte{4}, 12), 3, 32, 4, 32)
	const want = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
	if hex.EncodeToString(got) != want {
		t.Fatalf("got %x, want %s", got, want)
	}
}

// Every digest equals the library's, whatever the parameters and whatever an
// earlier hash left in the memory.
func TestSameAsLibrary(t *testing.T) {
	var s Scratch
	defer s.Release()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "password")
		salt := rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "salt")
		time := rapid.Uint32Range(1, 4).Draw(t, "time")
		memory := rapid.Uint32Range(1, 2048).Draw(t, "memory")
		lanes := rapid.Uint8Range(1, 5).Draw(t, "lanes")
		length := rapid.Uint32Range(1, 200).Draw(t, "length")
		got := s.Key(password, salt, nil, nil, time, memory, lanes, length)
		want := argon2.IDKey(password, salt, time, memory, lanes, length)
		if !bytes.Equal(got, want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

func BenchmarkOwn(b *testing.B) {
	var s Scratch
	defer s.Release()
	salt := make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		s.Key([]byte("correct horse"), salt, nil, nil, 2, 19456, 1, 32)
	}
}

func BenchmarkLibrary(b *testing.B) {
	salt := make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		argon2.IDKey([]byte("correct horse"), salt, 2, 19456, 1, 32)
	}
}

// The vector code and the plain code agree, also where the output is one of the
// inputs.
func TestCompressionsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x, y, old block
		for i := range x {
			x[i], y[i], old[i] = rapid.Uint64().Draw(t, "x"), rapid.Uint64().Draw(t, "y"), rapid.Uint64().Draw(t, "old")
		}
		var f filler
		want, got := old, old
		compress(&want, &x, &y)
		f.compress(&got, &x, &y)
		if got != want {
			t.Fatal("compress differs")
		}
		got = y
		f.compress(&got, &x, &got)
		if got != want {
			t.Fatal("compress into its input differs")
		}
		want, got = old, old
		compressOver(&want, &x, &y)
		f.compressOver(&got, &x, &y)
		if got != want {
			t.Fatal("compressOver differs")
		}
	})
}
