package oidc_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/testkit/house"
)

// O-10, B-12: an app signs who it is with a key of its own, for us, for a moment and
// once; nothing else shows that it is itself.
func TestAnAppSignsWhoItIsO10(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, stranger, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set := func(key any) json.RawMessage {
			b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "k1", Use: "sig"}}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		org := h.Organisation("Signs", "self-service", "")
		wish := func(keys json.RawMessage) directory.AppWish {
			return directory.AppWish{Name: "Signer", Doc: core.AppDoc{Auth: core.AppKey, Keys: keys, Grants: []string{core.GrantClient}, Scopes: []string{"read"}}}
		}
		for what, keys := range map[string]json.RawMessage{"a private key": set(private), "none": nil, "no keys": json.RawMessage(`{"keys":[]}`), "words": json.RawMessage(`"x"`)} {
			if _, _, err := h.Directory.CreateApp(t.Context(), org.ID, wish(keys), access.Shell(), core.Client{}); err == nil {
				t.Errorf("%s is taken", what)
			}
		}
		a, text, err := h.Directory.CreateApp(t.Context(), org.ID, wish(set(public)), access.Shell(), core.Client{})
		if err != nil || text != "" {
			t.Fatal(text, err)
		}
		other := newApp(t, h, org.ID, func(d *core.AppDoc) { d.Grants = []string{core.GrantCode, core.GrantClient} })
		signed := func(key ed25519.PrivateKey, change func(map[string]any)) string {
			t.Helper()
			c := map[string]any{"iss": a.ID, "sub": a.ID, "aud": h.URL, "jti": secret.Token(), "exp": h.Clock.Now().Add(time.Minute).Unix()}
			if change != nil {
				change(c)
			}
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			plain, _ := json.Marshal(c)
			j, err := s.Sign(plain)
			if err != nil {
				t.Fatal(err)
			}
			out, err := j.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		ask := func(assertion string, more ...string) reply {
			return send(t, h, "/oauth2/token", nil, append([]string{"grant_type", "client_credentials", "client_assertion", assertion,
				"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, more...)...)
		}
		good := signed(private, nil)
		got := other.good(ask(good))
		if claims(t, got.str("access_token"))["sub"] != string(a.ID) {
			t.Errorf("a token of %v", claims(t, got.str("access_token"))["sub"])
		}
		other.good(ask(signed(private, func(c map[string]any) { c["aud"] = h.URL + "/oauth2/token" }), "client_id", string(a.ID)))
		set1 := func(name string, v any) string { return signed(private, func(c map[string]any) { c[name] = v }) }
		for what, assertion := range map[string]string{
			"again":                good,
			"by a stranger":        signed(stranger, nil),
			"for others":           set1("aud", "https://evil.example"),
			"of another app":       set1("iss", other.app.ID),
			"as another app":       set1("sub", other.app.ID),
			"of a person":          set1("sub", "us_1"),
			"over":                 set1("exp", h.Clock.Now().Unix()),
			"for years":            set1("exp", h.Clock.Now().Add(24*time.Hour).Unix()),
			"without an end":       signed(private, func(c map[string]any) { delete(c, "exp") }),
			"without a name":       signed(private, func(c map[string]any) { delete(c, "jti") }),
			"of tomorrow":          set1("nbf", h.Clock.Now().Add(time.Hour).Unix()),
			"cut":                  good[:len(good)-2],
			"no assertion at all":  "x",
			"with nothing to it":   "..",
			"one of somebody else": other.secret,
		} {
			other.refused(what, ask(assertion), http.StatusUnauthorized, "invalid_client")
		}
		other.refused("named as another", ask(signed(private, nil), "client_id", string(other.app.ID)), http.StatusUnauthorized, "invalid_client")
		other.refused("a secret instead", send(t, h, "/oauth2/token", nil, "grant_type", "client_credentials", "client_id", string(a.ID), "client_secret", "x"), http.StatusUnauthorized, "invalid_client")
		other.refused("beside a secret", ask(signed(private, nil), "client_id", string(a.ID), "client_secret", "x"), http.StatusBadRequest, "invalid_request")
		if _, _, err := h.Directory.RotateAppSecret(t.Context(), a.ID, 0, access.Shell(), core.Client{}); err == nil {
			t.Error("an app that signs gets a secret")
		}
	})
}
