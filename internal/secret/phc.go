package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"sallyport/internal/secret/argon"
)

// Cost is what one password hash takes.
type Cost struct {
	MemoryKiB uint32
	Time      uint32
	Lanes     uint8
}

// DefaultCost is Argon2id with 19 MiB and two passes (W-04).
func DefaultCost() Cost { return Cost{MemoryKiB: 19 * 1024, Time: 2, Lanes: 1} }

// Bounds on what a stored hash may ask of us. A hash that somebody imports is
// input: without bounds one row could hold a worker for minutes.
const (
	maxMemoryKiB = 256 * 1024
	maxTime      = 16
	maxLanes     = 16
	minSaltBytes = 8
	maxSaltBytes = 64
	minTagBytes  = 16
	maxTagBytes  = 64
	saltBytes    = 16
	tagBytes     = 32
	maxPHCLength = 256
	phcPrefix    = "$argon2id$"
	maxRawBytes  = 4 * MaxPasswordBytes
	// MaxPasswordBytes bounds a password as it was typed. Longer ones are
	// refused, never cut (N-17).
	MaxPasswordBytes = 1024
)

var (
	// ErrPasswordTooLong is found before anything is hashed (B-52).
	ErrPasswordTooLong = errors.New("the password is longer than 1024 bytes")
	// ErrHashFormat: the stored hash is not Argon2id in PHC form, or asks for
	// more than is allowed.
	ErrHashFormat = errors.New("the stored password hash is not in a known form")
)

// Validate reports whether hashes of this cost can be made and checked.
func (c Cost) Validate() error {
	switch {
	case c.MemoryKiB < 8*uint32(c.Lanes) || c.MemoryKiB > maxMemoryKiB:
		return fmt.Errorf("password hash memory of %d KiB is out of bounds (8 per lane to %d)", c.MemoryKiB, maxMemoryKiB)
	case c.Time < 1 || c.Time > maxTime:
		return fmt.Errorf("password hash time of %d is out of bounds (1 to %d)", c.Time, maxTime)
	case c.Lanes < 1 || c.Lanes > maxLanes:
		return fmt.Errorf("password hash with %d lanes is out of bounds (1 to %d)", c.Lanes, maxLanes)
	}
	return nil
}

// phc is a stored hash taken apart.
type phc struct {
	cost Cost
	salt []byte
	tag  []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d$%s$%s", phcPrefix, argon.Version,
		p.cost.MemoryKiB, p.cost.Time, p.cost.Lanes, b64.EncodeToString(p.salt), b64.EncodeToString(p.tag))
}

// parsePHC accepts exactly what String writes, in any permitted cost.
func parsePHC(s string) (phc, error) {
	if len(s) > maxPHCLength || !strings.HasPrefix(s, phcPrefix) {
		return phc{}, ErrHashFormat
	}
	parts := strings.Split(s[len(phcPrefix):], "$")
	if len(parts) != 4 || parts[0] != "v="+strconv.Itoa(argon.Version) {
		return phc{}, ErrHashFormat
	}
	settings := strings.Split(parts[1], ",")
	if len(settings) != 3 {
		return phc{}, ErrHashFormat
	}
	var p phc
	memory, okM := setting(settings[0], "m=", 32)
	time, okT := setting(settings[1], "t=", 32)
	lanes, okP := setting(settings[2], "p=", 8)
	if !okM || !okT || !okP {
		return phc{}, ErrHashFormat
	}
	p.cost = Cost{MemoryKiB: uint32(memory), Time: uint32(time), Lanes: uint8(lanes)}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(parts[2])
	p.tag, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[3])
	if err1 != nil || err2 != nil || p.cost.Validate() != nil ||
		len(p.salt) < minSaltBytes || len(p.salt) > maxSaltBytes ||
		len(p.tag) < minTagBytes || len(p.tag) > maxTagBytes ||
		p.String() != s { // leading zeros, plus signs and line breaks
		return phc{}, ErrHashFormat
	}
	return p, nil
}

func setting(s, name string, bits int) (uint64, bool) {
	digits, ok := strings.CutPrefix(s, name)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 10, bits)
	return v, err == nil
}

// canonical is the form of a password that gets hashed: NFC, so that it does
// not matter how a keyboard composes an accent (N-16). The bound is on what was
// typed; a few scripts grow in NFC, and that little is hashed too.
func canonical(password string) ([]byte, error) {
	if len(password) > MaxPasswordBytes {
		return nil, ErrPasswordTooLong
	}
	return norm.NFC.Bytes([]byte(password)), nil
}
