package oidc

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Proofs that a request was sent by whoever holds the key that a token is bound to
// (DPoP, RFC 9449, rows D-01 and D-02). A bound token that somebody else got hold of
// opens nothing.

const (
	typeProof = "dpop+jwt"
	// proofWindow is how far a proof's clock may be off, either way; for twice as long
	// its name is remembered.
	proofWindow = time.Minute
	longProof   = 8 << 10
)

// confirmation says which key a token is bound to, by the key's thumbprint.
type confirmation struct {
	Thumbprint string `json:"jkt"`
}

var badProof = bad("invalid_dpop_proof", "the proof is missing, not for this request, old, used, or of another key")

// proof reads the proof of a request, for a token where one comes with it, and returns
// the thumbprint of its key; empty where there is none. Its name is used up in a
// tenant's transaction.
func (h *Handler) proof(w http.ResponseWriter, r *http.Request, app *directory.Registered, tenant core.TenantID, token string) (thumbprint string, err error) {
	given := r.Header.Values("DPoP")
	if len(given) == 0 && app.Doc.Proof != core.ProofMay {
		return "", badProof
	}
	if len(given) == 0 {
		return "", nil
	}
	if len(given) > 1 || len(given[0]) > longProof {
		return "", badProof
	}
	signed, err := jose.ParseSignedCompact(given[0], algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return "", badProof
	}
	head := signed.Signatures[0].Protected
	key := head.JSONWebKey
	if typ, _ := head.ExtraHeaders[jose.HeaderType].(string); typ != typeProof || key == nil || !key.IsPublic() || !key.Valid() {
		return "", badProof
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
		return "", badProof
	}
	plain, err := signed.Verify(key)
	if err != nil {
		return "", badProof
	}
	var c struct {
		ID     string `json:"jti"`
		Method string `json:"htm"`
		URL    string `json:"htu"`
		Issued int64  `json:"iat"`
		Token  string `json:"ath"`
		Nonce  string `json:"nonce"`
	}
	if json.Unmarshal(plain, &c) != nil {
		return "", badProof
	}
	age := h.Now().Sub(unix(c.Issued))
	// The address is our own as it is published, never what the request says of itself
	// (row DS-08).
	if c.ID == "" || len(c.ID) > 256 || c.Method != r.Method || c.URL != h.Issuer+r.URL.Path || age > proofWindow || age < -proofWindow {
		return "", badProof
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		if !secret.Equal([]byte(c.Token), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) {
			return "", badProof
		}
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", badProof
	}
	if err := h.nonce(w, app, c.Nonce); err != nil {
		return "", err
	}
	thumbprint = base64.RawURLEncoding.EncodeToString(print)
	return thumbprint, h.spendProof(r.Context(), tenant, thumbprint, c.ID)
}

// useNonce tells an app to make its proof again, with the nonce that stands beside the
// answer (RFC 9449, section 8). The proof that it made is not used up.
var useNonce = bad("use_dpop_nonce", "make the proof again with the nonce that stands beside this")

const (
	hashNonce = "oidc dpop nonce"
	// nonceLife is how long a nonce is good, and nonceFresh until another is handed out.
	nonceLife  = 5 * time.Minute
	nonceFresh = time.Minute
)

// nonce looks at the nonce of a proof where the app must have one, or brings one. It is
// a moment under a keyed hash, so that nothing is kept and every node knows it: whoever
// stole a key for a while cannot make proofs for later.
func (h *Handler) nonce(w http.ResponseWriter, app *directory.Registered, given string) error {
	if app.Doc.Proof != core.ProofNonce && given == "" {
		return nil
	}
	at, ok := h.nonceTime(given)
	age := h.Now().Sub(at)
	good := ok && age < nonceLife && age > -proofWindow
	if good && age < nonceFresh {
		return nil
	}
	next, err := h.newNonce()
	if err != nil {
		return err
	}
	w.Header().Set("DPoP-Nonce", next)
	if !good {
		return useNonce
	}
	return nil
}

func (h *Handler) newNonce() (string, error) {
	text := strconv.FormatInt(h.Now().Unix(), 36)
	hash, err := h.Ring.KeyedHash(hashNonce, []byte(text))
	return base64.RawURLEncoding.EncodeToString(append(hash, text...)), err
}

func (h *Handler) nonceTime(given string) (at time.Time, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(given)
	if err != nil || len(given) > 200 || len(raw) <= hashBytes || !h.Ring.CheckKeyedHash(hashNonce, raw[hashBytes:], raw[:hashBytes]) {
		return at, false
	}
	s, err := strconv.ParseInt(string(raw[hashBytes:]), 36, 64)
	return unix(s), err == nil
}

func (h *Handler) spendProof(ctx context.Context, tenant core.TenantID, thumbprint, id string) error {
	mark := sha256.Sum256([]byte(thumbprint + " " + id))
	err := h.Store.Update(ctx, tenant, func(tx store.Tx) error {
		return tx.Spend(core.SpentProof, mark[:], tx.Now().Add(2*proofWindow))
	})
	if errors.Is(err, store.ErrConflict) {
		return badProof
	}
	return err
}

// bound checks that a family's key, where it has one, is the one of the request.
func bound(to, proved string) bool { return to == "" || to == proved }

// isThumbprint reports whether a text can be the thumbprint of a key.
func isThumbprint(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}
