package oidc

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

// An app that shows itself by a key of its own sends no secret anywhere (private_key_jwt,
// RFC 7523, row O-10): it signs who it is, for us, for a moment and once.

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLife is how long one may be good at most.
	assertionLife = 10 * time.Minute
)

// asserted reports whether an assertion shows that an app is itself. Its name is used up
// (row B-12).
func (h *Handler) asserted(r *http.Request, app *directory.Registered, text string) (bool, error) {
	if len(text) > longest {
		return false, nil
	}
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return false, nil
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(app.Doc.Keys, &set); err != nil {
		return false, nil
	}
	head := signed.Signatures[0].Protected
	var plain []byte
	for _, key := range set.Keys {
		// A key that says what it is for is for nothing else.
		if head.KeyID != "" && key.KeyID != head.KeyID || key.Algorithm != "" && key.Algorithm != head.Algorithm || key.Use != "" && key.Use != "sig" || !key.IsPublic() {
			continue
		}
		if plain, err = signed.Verify(key); err == nil {
			break
		}
		plain = nil
	}
	if plain == nil {
		return false, nil
	}
	var c struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		Expires  float64  `json:"exp"`
		From     float64  `json:"nbf"`
		ID       string   `json:"jti"`
	}
	if json.Unmarshal(plain, &c) != nil {
		return false, nil
	}
	now := float64(h.Now().Unix())
	ours := c.Audience.has(h.Issuer) || c.Audience.has(h.Issuer+pathToken) || c.Audience.has(h.Issuer+r.URL.Path)
	if c.Issuer != string(app.ID) || c.Subject != string(app.ID) || !ours || c.ID == "" || now >= c.Expires || c.Expires > now+assertionLife.Seconds() || c.From > now+proofWindow.Seconds() {
		return false, nil
	}
	mark := sha256.Sum256([]byte(string(app.ID) + " " + c.ID))
	err = h.Store.Update(r.Context(), app.Tenant, func(tx store.Tx) error {
		return tx.Spend(core.SpentAssertion, mark[:], tx.Now().Add(assertionLife+proofWindow))
	})
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
