package secret

import (
	"encoding/base64"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"sallyport/internal/secret/argon"
)

// Imported is a password hash that another system made. It is checked as it is
// until the next right sign-in, and hashed anew then.
type Imported struct {
	kind    string
	setting string // all that says what checking costs; see Setting
	encoded string // as the library reads it
}

// Kind names the algorithm, for reports.
func (i Imported) Kind() string { return i.kind }

// Setting is the kind with its cost: two hashes of one setting take the same
// time. It holds nothing secret.
func (i Imported) Setting() string { return i.setting }

// Stored is what is kept of it. The setting stands in front in a fixed width, so
// that a store can count by it.
func (i Imported) Stored() string {
	return importedMark + i.setting + strings.Repeat(" ", settingWidth-len(i.setting)) + i.encoded
}

const (
	importedMark = "imported "
	settingWidth = 44
)

// Kinds of imported hashes.
const (
	KindBcrypt       = "bcrypt"
	KindPBKDF2SHA1   = "pbkdf2-sha1"
	KindPBKDF2SHA256 = "pbkdf2-sha256"
	KindPBKDF2SHA512 = "pbkdf2-sha512"
	KindScrypt       = "scrypt"
	KindArgon2i      = "argon2i"
	KindArgon2d      = "argon2d"
	KindArgon2id     = "argon2id"
	KindSHA256Crypt  = "sha256-crypt"
	KindSHA512Crypt  = "sha512-crypt"

	kindUnknown = "unknown"
)

// HashTrouble says why a hash of another system is not taken. It never holds
// any of the hash.
type HashTrouble struct {
	Why  string // HashUnknown, HashMalformed or HashTooCostly
	Kind string // as far as it was recognised
}

const (
	HashUnknown   = "unknown"    // no kind that can be checked
	HashMalformed = "malformed"  // of a known kind, but not whole
	HashTooCostly = "too_costly" // checking it would take more than a second or 256 MiB
)

func (t HashTrouble) Error() string {
	return fmt.Sprintf("password hash of kind %s: %s", t.Kind, t.Why)
}

// Bounds on what one check may take: about a second of one core of 2020, and 256
// MiB. A hash that is imported is input, and every guess at it costs us.
const (
	maxBcryptCost = 14
	maxSHA1       = 5_000_000 // HMACs
	maxSHA256     = 5_000_000
	maxSHA512     = 2_000_000
	maxScrypt     = 1 << 21 // blocks mixed: N times r times p
	maxScryptRoom = 1 << 21 // blocks kept, of 128 bytes: N times r
	maxArgonWork  = 1 << 20 // KiB written: memory times passes
	maxCryptRound = 1_000_000
	minCryptRound = 1000
	maxImported   = 512 // bytes of a whole hash
)

// ReadImported reads a hash as other systems write it:
//
//	$2a$ $2b$ $2y$                          bcrypt
//	$pbkdf2$ $pbkdf2-sha1$ -sha256$ -sha512$   as passlib writes it, or with i=,l=
//	pbkdf2_sha1$ pbkdf2_sha256$             as Django does
//	$scrypt$ln=,r=,p=$
//	$argon2i$ $argon2d$ $argon2id$          version 1.3
//	$5$ $6$                                 SHA-crypt
//
// all but Django's also behind {CRYPT}, as directories keep them.
func ReadImported(text string) (Imported, error) {
	if len(text) > maxImported {
		return Imported{}, HashTrouble{HashUnknown, kindUnknown}
	}
	if len(text) > 7 && strings.EqualFold(text[:7], "{CRYPT}") {
		text = text[7:]
	}
	parts := strings.Split(text, "$")
	if parts[0] != "" {
		return readDjango(parts)
	}
	if len(parts) < 2 {
		return Imported{}, HashTrouble{HashUnknown, kindUnknown}
	}
	switch parts[1] {
	case "2a", "2b", "2y":
		return readBcrypt(parts)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return readPBKDF2(parts)
	case "scrypt":
		return readScrypt(parts)
	case KindArgon2i, KindArgon2d, KindArgon2id:
		return readArgon2(parts)
	case "5", "6":
		return readSHACrypt(parts)
	}
	return Imported{}, HashTrouble{HashUnknown, otherKind(parts[1])}
}

// otherKind names what is recognised and not taken.
func otherKind(prefix string) string {
	for name, prefixes := range map[string][]string{
		"md5-crypt": {"1", "apr1"}, "bcrypt of a faulty program": {"2x", "2"}, "yescrypt": {"y", "gy"}, "phpass": {"P", "H"}, "sha1-crypt": {"sha1"},
		"bcrypt-sha256": {"bcrypt-sha256"}, "scrypt of crypt": {"7"}, "drupal": {"S"}, "NT hash": {"3"}, "pbkdf2-sha224 or -sha384": {"pbkdf2-sha224", "pbkdf2-sha384"},
	} {
		for _, p := range prefixes {
			if p == prefix {
				return name
			}
		}
	}
	return kindUnknown
}

func made(kind, setting, encoded string, args ...any) Imported {
	return Imported{kind, kind + "," + setting, fmt.Sprintf(encoded, args...)}
}

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func readBcrypt(parts []string) (Imported, error) {
	if len(parts) != 4 || len(parts[2]) != 2 || len(parts[3]) != 53 || strings.Trim(parts[3], bcryptAlphabet) != "" {
		return Imported{}, HashTrouble{HashMalformed, KindBcrypt}
	}
	cost, ok := number(parts[2], 2)
	if !ok || cost < 4 || cost > 31 {
		return Imported{}, HashTrouble{HashMalformed, KindBcrypt}
	}
	if cost > maxBcryptCost {
		return Imported{}, HashTrouble{HashTooCostly, KindBcrypt}
	}
	return made(KindBcrypt, fmt.Sprintf("c=%d", cost), "$2b$%02d$%s", cost, parts[3]), nil
}

// adapted64 is base64 with a dot for the plus, as passlib has it.
var adapted64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)

func readPBKDF2(parts []string) (Imported, error) {
	kind := parts[1]
	if kind == "pbkdf2" {
		kind = KindPBKDF2SHA1
	}
	bad := HashTrouble{HashMalformed, kind}
	if len(parts) != 5 {
		return Imported{}, bad
	}
	rounds, length := parts[2], ""
	encoding := adapted64
	if i, l, both := strings.Cut(rounds, ",l="); strings.HasPrefix(rounds, "i=") {
		rounds, encoding = i[2:], base64.RawStdEncoding
		if both {
			length = l
		}
	}
	n, ok := number(rounds, 10)
	salt, err1 := encoding.Strict().DecodeString(parts[3])
	key, err2 := encoding.Strict().DecodeString(parts[4])
	if !ok || err1 != nil || err2 != nil || length != "" && length != strconv.Itoa(len(key)) {
		return Imported{}, bad
	}
	return PBKDF2(strings.TrimPrefix(kind, "pbkdf2-"), n, salt, key)
}

func readDjango(parts []string) (Imported, error) {
	digest, ok := strings.CutPrefix(parts[0], "pbkdf2_")
	if !ok {
		return Imported{}, HashTrouble{HashUnknown, kindUnknown}
	}
	if digest != "sha1" && digest != "sha256" {
		return Imported{}, HashTrouble{HashUnknown, "pbkdf2 with another digest"}
	}
	if len(parts) != 4 {
		return Imported{}, HashTrouble{HashMalformed, "pbkdf2-" + digest}
	}
	n, ok := number(parts[1], 10)
	key, err := base64.StdEncoding.Strict().DecodeString(parts[3])
	if !ok || err != nil {
		return Imported{}, HashTrouble{HashMalformed, "pbkdf2-" + digest}
	}
	return PBKDF2(digest, n, []byte(parts[2]), key)
}

// PBKDF2 is a hash that comes in pieces, of digest sha1, sha256 or sha512.
func PBKDF2(digest string, iterations int, salt, key []byte) (Imported, error) {
	kind := "pbkdf2-" + digest
	size, most, prefix := 0, 0, kind
	switch kind {
	case KindPBKDF2SHA1:
		size, most, prefix = 20, maxSHA1, "pbkdf2"
	case KindPBKDF2SHA256:
		size, most = 32, maxSHA256
	case KindPBKDF2SHA512:
		size, most = 64, maxSHA512
	default:
		return Imported{}, HashTrouble{HashUnknown, "pbkdf2 with another digest"}
	}
	// A key of fewer bits than anybody makes would be easy to hit by chance.
	if iterations < 1 || len(salt) > maxSaltBytes || len(key) < minTagBytes || len(key) > 128 {
		return Imported{}, HashTrouble{HashMalformed, kind}
	}
	// A key that is longer than the digest is made of several.
	if blocks := (len(key) + size - 1) / size; iterations > most/blocks {
		return Imported{}, HashTrouble{HashTooCostly, kind}
	}
	return made(kind, fmt.Sprintf("i=%d,l=%d", iterations, len(key)), "$%s$%d$%s$%s", prefix, iterations, adapted64.EncodeToString(salt), adapted64.EncodeToString(key)), nil
}

func readScrypt(parts []string) (Imported, error) {
	bad := HashTrouble{HashMalformed, KindScrypt}
	if len(parts) != 5 {
		return Imported{}, bad
	}
	v, ok := numbers(parts[2], "ln", "r", "p")
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[3])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if !ok || err1 != nil || err2 != nil || v[0] < 1 || v[0] > 63 || v[1] < 1 || v[2] < 1 || len(salt) > maxSaltBytes || len(key) < minTagBytes || len(key) > maxTagBytes {
		return Imported{}, bad
	}
	if v[0] > 21 || v[1] > maxScryptRoom>>v[0] || v[2] > maxScrypt/(v[1]<<v[0]) {
		return Imported{}, HashTrouble{HashTooCostly, KindScrypt}
	}
	return made(KindScrypt, fmt.Sprintf("ln=%d,r=%d,p=%d,l=%d", v[0], v[1], v[2], len(key)), "$scrypt$ln=%d,r=%d,p=%d$%s$%s", v[0], v[1], v[2], parts[3], parts[4]), nil
}

func readArgon2(parts []string) (Imported, error) {
	kind := parts[1]
	bad := HashTrouble{HashMalformed, kind}
	if len(parts) == 5 && strings.Contains(parts[2], "m=") || len(parts) == 6 && parts[2] == "v=16" {
		return Imported{}, HashTrouble{HashUnknown, kind + " of version 1.0"}
	}
	if len(parts) != 6 {
		return Imported{}, bad
	}
	version, ok1 := numbers(parts[2], "v")
	v, ok2 := numbers(parts[3], "m", "t", "p")
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if !ok1 || !ok2 || err1 != nil || err2 != nil {
		return Imported{}, bad
	}
	return Argon2(kind, version[0], v[0], v[1], v[2], salt, key)
}

// Argon2 is a hash that comes in pieces; memory is in KiB.
func Argon2(kind string, version, memory, time, lanes int, salt, key []byte) (Imported, error) {
	if kind != KindArgon2i && kind != KindArgon2d && kind != KindArgon2id {
		return Imported{}, HashTrouble{HashUnknown, "argon2 of another kind"}
	}
	if version != argon.Version {
		return Imported{}, HashTrouble{HashUnknown, kind + " of version 1.0"}
	}
	if time < 1 || lanes < 1 || lanes > 255 || memory < 8*lanes || len(salt) < minSaltBytes || len(salt) > maxSaltBytes || len(key) < minTagBytes || len(key) > maxTagBytes {
		return Imported{}, HashTrouble{HashMalformed, kind}
	}
	if lanes > maxLanes || memory > maxMemoryKiB || time > maxArgonWork/memory {
		return Imported{}, HashTrouble{HashTooCostly, kind}
	}
	b64 := base64.RawStdEncoding
	return made(kind, fmt.Sprintf("m=%d,t=%d,p=%d,l=%d", memory, time, lanes, len(key)), "$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", kind, argon.Version, memory, time, lanes,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

func readSHACrypt(parts []string) (Imported, error) {
	kind, length := KindSHA256Crypt, 43
	if parts[1] == "6" {
		kind, length = KindSHA512Crypt, 86
	}
	bad := HashTrouble{HashMalformed, kind}
	rounds := 5000 // what it means when nothing is said
	if len(parts) == 5 {
		v, ok := numbers(parts[2], "rounds")
		if !ok || v[0] < minCryptRound {
			return Imported{}, bad
		}
		rounds = v[0]
		parts = append(parts[:2:2], parts[3:]...)
	}
	if len(parts) != 4 || len(parts[2]) > 16 || len(parts[3]) != length || strings.Trim(parts[3], bcryptAlphabet) != "" || strings.ContainsFunc(parts[2], unprintable) {
		return Imported{}, bad
	}
	if rounds > maxCryptRound {
		return Imported{}, HashTrouble{HashTooCostly, kind}
	}
	return made(kind, fmt.Sprintf("r=%d", rounds), "$%s$rounds=%d$%s$%s", parts[1], rounds, parts[2], parts[3]), nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// number reads digits and nothing else.
func number(s string, most int) (int, bool) {
	if s == "" || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && bits.Len(uint(n)) < 40
}

// numbers reads name=number pairs, each name once, in any order, and returns
// them in the order of the names.
func numbers(s string, names ...string) ([]int, bool) {
	out := make([]int, len(names))
	pairs := strings.Split(s, ",")
	if len(pairs) != len(names) {
		return nil, false
	}
	for _, pair := range pairs {
		name, digits, _ := strings.Cut(pair, "=")
		n, ok := number(digits, 10)
		ok = ok && name != ""
		at := -1
		for i := range names {
			if names[i] == name {
				at = i
			}
		}
		if !ok || at < 0 {
			return nil, false
		}
		names[at] = "" // once
		out[at] = n
	}
	return out, true
}
