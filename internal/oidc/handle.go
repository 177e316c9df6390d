package oidc

import (
	"encoding/base64"
	"strconv"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/secret"
)

// A handle is a code or a refresh token: whose family it is of, which number it has,
// and a keyed hash over both, under a purpose of its own, so that a code is never a
// refresh token. Nobody can make one, or another of one that they have.

const (
	handleCode    = "oidc code"
	handleRefresh = "oidc refresh token"
)

type handle struct {
	Tenant core.TenantID
	Family core.FamilyID
	Seq    int64
}

func (n handle) text() string {
	return string(n.Tenant) + "." + string(n.Family) + "." + strconv.FormatInt(n.Seq, 36)
}

// seal makes the text that the app gets.
func (n handle) seal(ring *secret.Ring, purpose string) (string, error) {
	hash, err := ring.KeyedHash(purpose, []byte(n.text()))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(hash, n.text()...)), nil
}

// hashBytes is the length of a keyed hash.
const hashBytes = 37

// openHandle reads one; ok is false for everything that we did not make, cut or
// changed by a single bit (row B-48).
func openHandle(ring *secret.Ring, purpose, text string) (n handle, ok bool) {
	if len(text) > 400 {
		return n, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= hashBytes {
		return n, false
	}
	body := raw[hashBytes:]
	if !ring.CheckKeyedHash(purpose, body, raw[:hashBytes]) {
		return n, false
	}
	parts := strings.Split(string(body), ".")
	if len(parts) != 3 {
		return n, false
	}
	seq, err := strconv.ParseInt(parts[2], 36, 64)
	return handle{core.TenantID(parts[0]), core.FamilyID(parts[1]), seq}, err == nil
}
