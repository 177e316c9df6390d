package oidc

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/core"
	"sallyport/internal/secret"
)

// Types of tokens, as their headers say it (row O-19): none is good where another is
// asked for.
const (
	typeAccess = "at+jwt"
	typeID     = "JWT"
)

// claims are those of all our tokens; what is empty is left out.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	ID       string   `json:"jti,omitempty"`
	Client   string   `json:"client_id,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Nonce    string   `json:"nonce,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	AtHash   string   `json:"at_hash,omitempty"`
	Session  string   `json:"sid,omitempty"`
	TenantID string   `json:"tenant_id,omitempty"`
	Tenant   string   `json:"tenant,omitempty"`
	// Family is which tokens this one belongs to: it ends with them.
	Family string `json:"family,omitempty"`
	// Act is who acts for the subject, and for whom that one acted before; only the
	// first of them counts.
	Act *actor `json:"act,omitempty"`
	// Bound is the key that it is bound to.
	Bound *confirmation `json:"cnf,omitempty"`
	person
}

// audience is one name, or a list of several.
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func (a audience) has(name string) bool { return slices.Contains(a, name) }

// person are the claims about somebody, by the scopes that allow them.
type person struct {
	Name      string `json:"name,omitempty"`
	Login     string `json:"preferred_username,omitempty"`
	Locale    string `json:"locale,omitempty"`
	UpdatedAt int64  `json:"updated_at,omitempty"`
	Email     string `json:"email,omitempty"`
	// Verified is told with every address: false is a word, too (row C-07).
	Verified *bool `json:"email_verified,omitempty"`
}

func personOf(u core.User, scopes []string) (p person) {
	if slices.Contains(scopes, core.ScopeProfile) {
		p.Name, p.Login, p.Locale, p.UpdatedAt = u.Name, u.Login, u.Locale, u.ChangedAt.Unix()
	}
	if slices.Contains(scopes, core.ScopeEmail) && u.Email != "" {
		verified := !u.ValidatedAt.IsZero()
		p.Email, p.Verified = u.Email, &verified
	}
	return p
}

// sign makes a token with the key that signs now.
func (h *Handler) sign(ctx context.Context, alg, kind string, c any) (string, error) {
	key, err := h.Ring.TokenKey(ctx, alg)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	signer, err := h.signer(key, kind)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(plain)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}

// signer is kept for a key and a type of token: making one costs more than using it.
func (h *Handler) signer(key secret.TokenKey, kind string) (jose.Signer, error) {
	name := key.ID + " " + kind
	if s, ok := h.signers.Load(name); ok {
		return s.(jose.Signer), nil
	}
	o := (&jose.SignerOptions{}).WithType(jose.ContentType(kind))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Alg), Key: jose.JSONWebKey{Key: key.Signer, KeyID: key.ID}}, o)
	if err != nil {
		return nil, err
	}
	h.signers.Store(name, s)
	return s, nil
}

// algorithms are those that we sign with, and so the only ones that we look at: a
// token that names another is none of ours (row A-19).
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256}

// verify reads a token of a type that this house signed. Whether it is over is for the
// caller.
func (h *Handler) verify(text, kind string) (c claims, ok bool) {
	if len(text) > longest {
		return c, false
	}
	name := sha256.Sum256([]byte(kind + " " + text))
	if c, ok := h.seen.get(name); ok {
		return c, true
	}
	if c, ok = h.check(text, kind); ok {
		h.seen.put(name, c)
	}
	return c, ok
}

// seen remembers what was signed by us. A signature that was right once is right for
// ever, and checking it costs more than everything else that is asked of a token; what
// may change, whether the token counts, is not remembered. Nobody can fill it with
// tokens of their own.
type seen struct {
	mu   sync.RWMutex
	kept map[[32]byte]claims
}

const seenMost = 20_000

func (s *seen) get(name [32]byte) (claims, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.kept[name]
	return c, ok
}

func (s *seen) put(name [32]byte, c claims) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= seenMost {
		s.kept = make(map[[32]byte]claims)
	}
	s.kept[name] = c
}

// check is verify by the signature.
func (h *Handler) check(text, kind string) (c claims, ok bool) {
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return c, false
	}
	head := signed.Signatures[0].Protected
	if typ, _ := head.ExtraHeaders[jose.HeaderType].(string); typ != kind {
		return c, false
	}
	key, ok := h.Ring.FindTokenKey(head.KeyID)
	if !ok || key.Alg != head.Algorithm {
		return c, false
	}
	plain, err := signed.Verify(key.Signer.Public())
	if err != nil || json.Unmarshal(plain, &c) != nil || c.Issuer != h.Issuer {
		return claims{}, false
	}
	return c, true
}

// hinted reads an ID token that comes as a hint; one that is over is one still (row
// L-01).
func (h *Handler) hinted(text string) (claims, bool) { return h.verify(text, typeID) }

// halfHash is at_hash: the left half of the hash that belongs to the algorithm.
func halfHash(alg, text string) string {
	var sum []byte
	if alg == core.AlgEdDSA {
		full := sha512.Sum512([]byte(text))
		sum = full[:32]
	} else {
		full := sha256.Sum256([]byte(text))
		sum = full[:16]
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// public is the half of a key that everybody may have.
func public(k secret.TokenKey) crypto.PublicKey { return k.Signer.Public() }
