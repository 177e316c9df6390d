package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"sallyport/internal/secret"
)

// Algorithms, as the otpauth URI spells them. SHA1 is what every app can do.
const (
	SHA1   = "SHA1"
	SHA256 = "SHA256"
	SHA512 = "SHA512"
)

// Params belong to a factor from its enrolment on, whatever settings say later.
type Params struct {
	Digits    int    // 6 or 8
	Period    int    // seconds a code lives; 30
	Skew      int    // steps that a clock may be off, 0 to 2
	Algorithm string // SHA1, SHA256 or SHA512
}

// DefaultParams are those that every authenticator app understands.
func DefaultParams() Params { return Params{Digits: 6, Period: 30, Skew: 1, Algorithm: SHA1} }

// Validate reports whether codes can be made with p. T-06: the period is 30
// seconds, and two steps is the most that a clock may be off.
func (p Params) Validate() error {
	switch {
	case p.Digits != 6 && p.Digits != 8:
		return fmt.Errorf("totp: %d digits, 6 and 8 are possible", p.Digits)
	case p.Period != 30:
		return fmt.Errorf("totp: a period of %d seconds, 30 is possible", p.Period)
	case p.Skew < 0 || p.Skew > 2:
		return fmt.Errorf("totp: a skew of %d steps, 0 to 2 are possible", p.Skew)
	case p.newHash() == nil:
		return fmt.Errorf("totp: unknown algorithm %q", p.Algorithm)
	}
	return nil
}

func (p Params) newHash() func() hash.Hash {
	switch p.Algorithm {
	case SHA1:
		return sha1.New
	case SHA256:
		return sha256.New
	case SHA512:
		return sha512.New
	}
	return nil
}

// secretBytes is 160 bits, as RFC 4226 recommends (T-07).
const secretBytes = 20

// NewSecret returns a new shared secret.
func NewSecret() []byte { return secret.Random(secretBytes) }

// StepAt is the number of the time step at now.
func StepAt(now time.Time, period int) int64 {
	seconds, p := now.Unix(), int64(period)
	if seconds < 0 {
		return (seconds - p + 1) / p // towards the past, also before 1970
	}
	return seconds / p
}

// Code is the code of one step. It is empty when the parameters are not valid.
func Code(secret []byte, step int64, p Params) string {
	if p.Validate() != nil || step < 0 {
		return ""
	}
	return string(newHOTP(secret, p).code(step))
}

// hotp makes the codes of one secret. Matching makes forty of them, so what they
// have in common is prepared once.
type hotp struct {
	mac     hash.Hash
	counter [8]byte
	sum     []byte
	digits  []byte
}

func newHOTP(secret []byte, p Params) *hotp {
	return &hotp{mac: hmac.New(p.newHash(), secret), digits: make([]byte, p.Digits)}
}

// code is RFC 4226, section 5.3. The next call writes over it.
func (h *hotp) code(counter int64) []byte {
	binary.BigEndian.PutUint64(h.counter[:], uint64(counter))
	h.mac.Reset()
	h.mac.Write(h.counter[:])
	h.sum = h.mac.Sum(h.sum[:0])
	offset := h.sum[len(h.sum)-1] & 0xf
	value := binary.BigEndian.Uint32(h.sum[offset:]) & 0x7fffffff
	for i := len(h.digits) - 1; i >= 0; i-- {
		h.digits[i] = byte('0' + value%10)
		value /= 10
	}
	return h.digits
}
