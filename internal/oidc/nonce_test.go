package oidc_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// D-02, RFC 9449 section 8: an app that must have a nonce is told one, at the token
// endpoint and at userinfo, and gets nothing without; what it sent is not used up by that.
func TestProofsWithANonceD02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		_, in, c := inside(t, h, func(d *core.AppDoc) { d.Auth, d.Proof = core.AppPublic, core.ProofNonce })
		key := newProver(t, h)
		code := c.code(in)
		exchange := func(nonce any) reply {
			t.Helper()
			header := http.Header{"Dpop": {key.proof("POST", "/oauth2/token", "", func(c map[string]any) {
				if nonce != nil {
					c["nonce"] = nonce
				}
			})}}
			return send(t, h, "/oauth2/token", header, "client_id", string(c.app.ID), "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
		}
		c.refused("no proof at all", c.exchange(code), http.StatusBadRequest, "invalid_dpop_proof")
		first := exchange(nil)
		c.refused("no nonce", first, http.StatusBadRequest, "use_dpop_nonce")
		nonce := first.Header.Get("DPoP-Nonce")
		if nonce == "" {
			t.Fatal("nobody says which nonce")
		}
		for what, n := range map[string]any{"made up": "abc", "cut": nonce[:len(nonce)-1], "a number": 7} {
			if r := exchange(n); r.Status != http.StatusBadRequest || r.str("access_token") != "" {
				t.Errorf("a nonce %s: %d %s", what, r.Status, r.Raw)
			}
		}
		h.Clock.Advance(5*time.Minute + time.Second)
		c.refused("an old one", exchange(nonce), http.StatusBadRequest, "use_dpop_nonce")
		code = c.code(in)
		nonce = exchange(nil).Header.Get("DPoP-Nonce")
		got := exchange(nonce)
		if got.Status != http.StatusOK || got.str("token_type") != "DPoP" || got.Header.Get("DPoP-Nonce") != "" {
			t.Fatalf("with the nonce: %d %s", got.Status, got.Raw)
		}

		token := got.str("access_token")
		userinfo := func(nonce string) reply {
			t.Helper()
			req, err := http.NewRequest(http.MethodGet, h.URL+"/oauth2/userinfo", nil)
			if err != nil {
				t.Fatal(err)
			}
			return do(t, req, http.Header{"Authorization": {"DPoP " + token}, "Dpop": {key.proof("GET", "/oauth2/userinfo", token, func(c map[string]any) {
				if nonce != "" {
					c["nonce"] = nonce
				}
			})}})
		}
		if r := userinfo(""); r.Status != http.StatusUnauthorized || r.str("error") != "use_dpop_nonce" || r.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("userinfo without: %d %s", r.Status, r.Raw)
		}
		h.Clock.Advance(2 * time.Minute)
		r := userinfo(nonce)
		if r.Status != http.StatusOK || r.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("one that is good and not fresh gets the next beside the answer: %d, %q", r.Status, r.Header.Get("DPoP-Nonce"))
		}

		// Whoever may do without a nonce and brings a wrong one is told as well; whoever
		// must prove something gets nothing unbound.
		must := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { d.Proof = core.ProofAlways })
		must.refused("a key is needed", must.exchange(must.code(in)), http.StatusBadRequest, "invalid_dpop_proof")
	})
}
