package secret

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

const (
	// maxBcryptBytes is as much of a password as bcrypt looks at.
	maxBcryptBytes = 72
	// maxCryptBytes is as long a password as crypt(3) takes. SHA-crypt hashes it
	// whole in every round, so a longer one would only cost time.
	maxCryptBytes = 512
)

// cutImported takes a stored hash apart that Imported.Stored put together.
func cutImported(stored string) (setting, encoded string, ok bool) {
	rest, ok := strings.CutPrefix(stored, importedMark)
	if !ok || len(rest) < settingWidth {
		return "", "", false
	}
	return strings.TrimRight(rest[:settingWidth], " "), rest[settingWidth:], true
}

// SettingOf is the setting of a stored hash, empty when it is our own.
func SettingOf(stored string) string {
	setting, _, _ := cutImported(stored)
	return setting
}

// checkImported is Check for a hash of another system. That one hashed what was
// typed; whether it composed accents first nobody knows, so both are tried where
// they differ.
func (h *Hasher) checkImported(ctx context.Context, lane Lane, setting, encoded, typed, composed string) (ok, rehash bool, err error) {
	// Bounds hold for rows too, wherever those came from.
	if i, err := ReadImported(encoded); err != nil || i.setting != setting {
		return false, false, ErrHashFormat
	}
	kind, _, _ := strings.Cut(setting, ",")
	match, err := matcher(kind, encoded)
	if err != nil {
		return false, false, err
	}
	var trouble any
	err = h.do(ctx, lane, func(w *worker) {
		defer func() { trouble = recover() }()
		ok = match(w, typed)
		if !ok && composed != typed {
			ok = match(w, composed)
		}
	})
	if err == nil && trouble != nil {
		err = fmt.Errorf("check an imported hash of kind %s: %w", kind, ErrHashFormat)
	}
	if err != nil {
		return false, false, err
	}
	// Past its reach bcrypt says yes to anything, so what was typed there may be
	// wrong. Hashing it anew would lock its owner out.
	return ok, ok && !(kind == KindBcrypt && len(typed) > maxBcryptBytes), nil
}

// matcher prepares the check of one hash.
func matcher(kind, encoded string) (func(w *worker, password string) bool, error) {
	var decode func(string) (algorithm.Digest, error)
	most := MaxPasswordBytes * 4
	switch kind {
	case KindArgon2id:
		return ownMatcher(encoded)
	case KindArgon2i, KindArgon2d:
		decode = argon2.Decode
	case KindBcrypt:
		decode = bcrypt.Decode
	case KindPBKDF2SHA1, KindPBKDF2SHA256, KindPBKDF2SHA512:
		decode = pbkdf2.Decode
	case KindScrypt:
		decode = scrypt.Decode
	case KindSHA256Crypt, KindSHA512Crypt:
		decode, most = shacrypt.Decode, maxCryptBytes
	default:
		return nil, ErrHashFormat
	}
	digest, err := decode(encoded)
	if err != nil {
		return nil, ErrHashFormat // the library's words may quote the hash
	}
	return func(_ *worker, password string) bool {
		if kind == KindBcrypt {
			password = password[:min(len(password), maxBcryptBytes)]
		}
		whole := len(password) <= most
		ok, err := digest.MatchAdvanced(password[:min(len(password), most)])
		return ok && err == nil && whole
	}, nil
}

// ownMatcher checks Argon2id with the product's own code, in the worker's own
// memory.
func ownMatcher(encoded string) (func(*worker, string) bool, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 {
		return nil, ErrHashFormat
	}
	v, ok := numbers(parts[3], "m", "t", "p") // within bounds
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	tag, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if !ok || err1 != nil || err2 != nil {
		return nil, ErrHashFormat
	}
	p := phc{cost: Cost{MemoryKiB: uint32(v[0]), Time: uint32(v[1]), Lanes: uint8(v[2])}, salt: salt, tag: tag}
	return func(w *worker, password string) bool { return Equal(w.tag([]byte(password), p, len(p.tag)), p.tag) }, nil
}

// Decoy is a hash of a setting (see Imported.Setting) that no password matches:
// checking against it takes as long as checking an imported hash of that setting
// does. Of a setting that cannot be read it is the Dummy.
func (h *Hasher) Decoy(setting string) string {
	kind, cost, _ := strings.Cut(setting, ",")
	var i Imported
	var err error
	switch kind {
	case KindBcrypt:
		var v []int
		if v, err = cutNumbers(cost, "c"); err == nil {
			i, err = readBcrypt([]string{"", "2b", fmt.Sprintf("%02d", v[0]), Pick(bcryptAlphabet, 53)})
		}
	case KindPBKDF2SHA1, KindPBKDF2SHA256, KindPBKDF2SHA512:
		var v []int
		if v, err = cutNumbers(cost, "i", "l"); err == nil {
			i, err = PBKDF2(strings.TrimPrefix(kind, "pbkdf2-"), v[0], Random(saltBytes), Random(min(v[1], 128)))
		}
	case KindScrypt:
		var v []int
		if v, err = cutNumbers(cost, "ln", "r", "p", "l"); err == nil {
			b64 := base64.RawStdEncoding
			i, err = readScrypt([]string{"", kind, fmt.Sprintf("ln=%d,r=%d,p=%d", v[0], v[1], v[2]), b64.EncodeToString(Random(saltBytes)), b64.EncodeToString(Random(min(v[3], maxTagBytes)))})
		}
	case KindArgon2i, KindArgon2d, KindArgon2id:
		var v []int
		if v, err = cutNumbers(cost, "m", "t", "p", "l"); err == nil {
			i, err = Argon2(kind, 19, v[0], v[1], v[2], Random(saltBytes), Random(min(v[3], maxTagBytes)))
		}
	case KindSHA256Crypt, KindSHA512Crypt:
		var v []int
		if v, err = cutNumbers(cost, "r"); err == nil {
			id, length := "5", 43
			if kind == KindSHA512Crypt {
				id, length = "6", 86
			}
			i, err = readSHACrypt([]string{"", id, fmt.Sprintf("rounds=%d", v[0]), Pick(bcryptAlphabet, 16), Pick(bcryptAlphabet, length)})
		}
	default:
		return h.dummy
	}
	if err != nil {
		return h.dummy
	}
	return i.Stored()
}

func cutNumbers(s string, names ...string) ([]int, error) {
	v, ok := numbers(s, names...)
	if !ok {
		return nil, ErrHashFormat
	}
	return v, nil
}
