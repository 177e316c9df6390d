package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/testkit/house"
)

// prover makes proofs of one key.
type prover struct {
	t   *testing.T
	h   *house.House
	key *ecdsa.PrivateKey
}

func newProver(t *testing.T, h *house.House) prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return prover{t, h, key}
}

// proof is one for a request; change may bend what it says.
func (p prover) proof(method, path, token string, change func(map[string]any)) string {
	return p.signed("dpop+jwt", method, path, token, change)
}

func (p prover) signed(typ, method, path, token string, change func(map[string]any)) string {
	p.t.Helper()
	c := map[string]any{"jti": secret.Token(), "htm": method, "htu": p.h.URL + path, "iat": p.h.Clock.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		c["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if change != nil {
		change(c)
	}
	o := (&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(typ))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, o)
	if err != nil {
		p.t.Fatal(err)
	}
	plain, err := json.Marshal(c)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := s.Sign(plain)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// D-01, D-02: a token that is bound to a key opens nothing without a fresh proof of that
// key for that very request, made once; nor does the refresh token of an app that shows
// itself by nothing else.
func TestTokensBoundToAKeyD01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		_, in, c := inside(t, h, func(d *core.AppDoc) { d.Auth = core.AppPublic })
		mine, theirs := newProver(t, h), newProver(t, h)
		send1 := func(proofs []string, pairs ...string) reply {
			return send(t, h, "/oauth2/token", http.Header{"Dpop": proofs}, append(pairs, "client_id", string(c.app.ID))...)
		}
		fresh := func(p prover) []string { return []string{p.proof("POST", "/oauth2/token", "", nil)} }
		exchange := func(code string, proofs []string) reply {
			return send1(proofs, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
		}
		code := c.code(in)
		used := fresh(mine)
		for what, proofs := range map[string][]string{
			"of another type":     {mine.signed("JWT", "POST", "/oauth2/token", "", nil)},
			"for another method":  {mine.proof("GET", "/oauth2/token", "", nil)},
			"for another address": {mine.proof("POST", "/oauth2/userinfo", "", nil)},
			"for another house":   {mine.proof("POST", "", "", func(c map[string]any) { c["htu"] = "https://evil.example/oauth2/token" })},
			"old":                 {mine.proof("POST", "/oauth2/token", "", func(c map[string]any) { c["iat"] = h.Clock.Now().Add(-2 * time.Minute).Unix() })},
			"of tomorrow":         {mine.proof("POST", "/oauth2/token", "", func(c map[string]any) { c["iat"] = h.Clock.Now().Add(2 * time.Minute).Unix() })},
			"without a name":      {mine.proof("POST", "/oauth2/token", "", func(c map[string]any) { delete(c, "jti") })},
			"without a time":      {mine.proof("POST", "/oauth2/token", "", func(c map[string]any) { delete(c, "iat") })},
			"signed by nobody":    {"eyJhbGciOiJub25lIiwidHlwIjoiZHBvcCtqd3QifQ.e30."},
			"cut":                 {used[0][:len(used[0])-2]},
			"two":                 {fresh(mine)[0], fresh(mine)[0]},
			"empty":               {""},
		} {
			c.refused("a proof "+what, exchange(code, proofs), http.StatusBadRequest, "invalid_dpop_proof")
		}
		got := c.good(exchange(code, used))
		token := got.str("access_token")
		if got.str("token_type") != "DPoP" || claims(t, token)["cnf"].(map[string]any)["jkt"] == "" {
			t.Fatalf("not bound: %s", got.Raw)
		}
		c.refused("a proof again", exchange(c.code(in), used), http.StatusBadRequest, "invalid_dpop_proof")

		info := func(scheme, proof string) int {
			header := http.Header{"Authorization": {scheme + " " + token}}
			if proof != "" {
				header["Dpop"] = []string{proof}
			}
			return do(t, request(t, h, http.MethodGet, "/oauth2/userinfo"), header).Status
		}
		good := mine.proof("GET", "/oauth2/userinfo", token, nil)
		if info("DPoP", good) != http.StatusOK {
			t.Error("with its key it is refused")
		}
		for what, status := range map[string]int{
			"as a bearer token":       info("Bearer", ""),
			"as one with a proof":     info("Bearer", mine.proof("GET", "/oauth2/userinfo", token, nil)),
			"without a proof":         info("DPoP", ""),
			"with the proof again":    info("DPoP", good),
			"with another key":        info("DPoP", theirs.proof("GET", "/oauth2/userinfo", token, nil)),
			"for no token":            info("DPoP", mine.proof("GET", "/oauth2/userinfo", "", nil)),
			"for another token":       info("DPoP", mine.proof("GET", "/oauth2/userinfo", token+"x", nil)),
			"for another endpoint":    info("DPoP", mine.proof("GET", "/oauth2/token", token, nil)),
			"with its query":          info("DPoP", mine.proof("GET", "/oauth2/userinfo?x=1", token, nil)),
			"for another method":      info("DPoP", mine.proof("POST", "/oauth2/userinfo", token, nil)),
			"with a proof that's cut": info("DPoP", good[:len(good)-3]),
		} {
			if status != http.StatusUnauthorized {
				t.Errorf("%s: %d", what, status)
			}
		}

		refresh := func(proofs []string) reply {
			return send1(proofs, "grant_type", "refresh_token", "refresh_token", got.str("refresh_token"))
		}
		c.refused("a refresh without the key", refresh(nil), http.StatusBadRequest, "invalid_grant")
		c.refused("a refresh with another", refresh(fresh(theirs)), http.StatusBadRequest, "invalid_grant")
		if next := c.good(refresh(fresh(mine))); next.str("token_type") != "DPoP" {
			t.Errorf("a refresh: %s", next.Raw)
		}
		// A code that the request bound to a key is for that key.
		jwk := jose.JSONWebKey{Key: mine.key.Public()}
		print, err := jwk.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		code = c.code(in, "dpop_jkt", base64.RawURLEncoding.EncodeToString(print))
		c.refused("a bound code without its key", exchange(code, nil), http.StatusBadRequest, "invalid_grant")
		c.refused("a bound code with another", exchange(code, fresh(theirs)), http.StatusBadRequest, "invalid_grant")
		c.good(exchange(code, fresh(mine)))
		if q := c.back(in.Get(c.ask("dpop_jkt", "short"))); q.Get("error") != "invalid_request" {
			t.Errorf("no thumbprint: %v", q)
		}
		// An ordinary token is not one that a proof goes with.
		plain := c.good(exchange(c.code(in), nil))
		token = plain.str("access_token")
		if plain.str("token_type") != "Bearer" || info("DPoP", mine.proof("GET", "/oauth2/userinfo", token, nil)) != http.StatusUnauthorized || info("Bearer", "") != http.StatusOK {
			t.Error("an ordinary token")
		}
	})
}
