package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"time"
)

// TokenBytes is the entropy of a Token: 256 bits.
const TokenBytes = 32

// Random returns n random bytes. The system's generator does not fail: where
// it is missing, the program ends rather than run on guesses.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never returns an error, see crypto/rand
	return b
}

// Token returns 256 random bits in 43 characters that are safe in URLs,
// cookies and headers.
func Token() string {
	return base64.RawURLEncoding.EncodeToString(Random(TokenBytes))
}

// TokenHash is what is stored of a token. A plain hash is enough: with 256
// random bits there is nothing to guess.
func TokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Equal compares in time that depends on the lengths only.
func Equal(a, b []byte) bool {
	return subtle.ConstantTimeCompare(a, b) == 1
}

// Pick returns n characters of the alphabet, each equally likely. The alphabet
// is ASCII, of 2 to 256 characters.
func Pick(alphabet string, n int) string {
	if len(alphabet) < 2 || len(alphabet) > 256 {
		panic("secret: alphabet of an impossible size")
	}
	// Values past the mask's alphabet are thrown away; a remainder would favour
	// the first characters.
	mask := byte(1<<bits.Len(uint(len(alphabet)-1)) - 1)
	out := make([]byte, 0, n)
	for len(out) < n {
		for _, v := range Random(n - len(out)) {
			if v &= mask; int(v) < len(alphabet) {
				out = append(out, alphabet[v])
			}
		}
	}
	return string(out)
}

// Digits returns n decimal digits, each equally likely.
func Digits(n int) string {
	return Pick("0123456789", n)
}

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID returns prefix, an underscore and 26 characters: 48 bits of time in
// milliseconds, then 80 random bits, so that ids sort by when they were made
// and cannot be guessed from each other. Ids are names, not secrets.
func NewID(prefix string, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	copy(b[6:], Random(10))
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = crockford[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return prefix + "_" + string(out[:])
}
