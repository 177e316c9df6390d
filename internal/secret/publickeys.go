package secret

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

// CheckPublicKeys is nil for a JSON Web Key Set of somebody's public keys that can check
// signatures. A private key in it is refused: it has been shown to us, and
// so is none any more.
func CheckPublicKeys(text []byte) error {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 || len(set.Keys) > 10 {
		return errors.New("no set of one to ten keys")
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() {
			return errors.New("a key is not a public one")
		}
		switch key := k.Key.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() < rsaBits {
				return errors.New("an RSA key is too short")
			}
		case *ecdsa.PublicKey, ed25519.PublicKey:
		default:
			return errors.New("a key of a kind that is not known")
		}
	}
	return nil
}
