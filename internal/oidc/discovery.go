package oidc

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/core"
)

// metadata is what both documents say (OpenID Connect Discovery 1.0, RFC 8414).
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorize     string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Introspect    string   `json:"introspection_endpoint"`
	Revoke        string   `json:"revocation_endpoint"`
	Logout        string   `json:"end_session_endpoint"`
	Push          string   `json:"pushed_authorization_request_endpoint"`
	Devices       string   `json:"device_authorization_endpoint"`
	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	Grants        []string `json:"grant_types_supported"`
	ACR           []string `json:"acr_values_supported"`
	Subjects      []string `json:"subject_types_supported"`
	IDAlgs        []string `json:"id_token_signing_alg_values_supported"`
	TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
	LookAuth      []string `json:"introspection_endpoint_auth_methods_supported"`
	RevokeAuth    []string `json:"revocation_endpoint_auth_methods_supported"`
	TokenAlgs     []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ProofAlgs     []string `json:"dpop_signing_alg_values_supported"`
	PKCE          []string `json:"code_challenge_methods_supported"`
	Claims        []string `json:"claims_supported"`
	Prompts       []string `json:"prompt_values_supported"`
	Locales       []string `json:"ui_locales_supported"`
	ClaimsParam   bool     `json:"claims_parameter_supported"`
	RequestParam  bool     `json:"request_parameter_supported"`
	RequestURI    bool     `json:"request_uri_parameter_supported"`
	ISS           bool     `json:"authorization_response_iss_parameter_supported"`
	Backchannel   bool     `json:"backchannel_logout_supported"`
	BackchannelID bool     `json:"backchannel_logout_session_supported"`
}

// kept is how long others may keep the documents; less than a key is published before
// it signs.
const kept = "public, max-age=900"

func (h *Handler) discovery(w http.ResponseWriter, _ *http.Request) (any, error) {
	w.Header().Set("Cache-Control", kept)
	secrets := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	var acr []string
	for _, l := range rungs {
		acr = append(acr, l.ACR())
	}
	return metadata{
		Issuer: h.Issuer, Authorize: h.Issuer + pathAuthorize, Token: h.Issuer + pathToken, Userinfo: h.Issuer + pathUserinfo, Keys: h.Issuer + pathKeys,
		Introspect: h.Issuer + pathIntrospect, Revoke: h.Issuer + pathRevoke, Logout: h.Issuer + pathLogout, Push: h.Issuer + pathPush, Devices: h.Issuer + pathDevices,
		Scopes: core.PersonScopes, ResponseTypes: []string{"code"}, ResponseModes: []string{"query"}, Grants: core.AppGrants,
		ACR: acr, Subjects: []string{"public"}, IDAlgs: core.AppAlgs, TokenAuth: withNone(secrets), LookAuth: secrets, RevokeAuth: withNone(secrets),
		TokenAlgs: core.AppAlgs, ProofAlgs: core.AppAlgs, PKCE: []string{"S256"},
		Claims: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "tenant_id", "tenant",
			"name", "preferred_username", "locale", "updated_at", "email", "email_verified"},
		Prompts: []string{"none", "login", "consent", "select_account"}, Locales: locales(), ClaimsParam: true, ISS: true, Backchannel: true, BackchannelID: true,
	}, nil
}

// keys lists the public halves of all keys of which a token may live.
func (h *Handler) keys(w http.ResponseWriter, r *http.Request) (any, error) {
	// So that the list is never empty for somebody who keeps it.
	if _, err := h.Ring.TokenKey(r.Context(), core.AlgES256); err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range h.Ring.TokenKeys() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: public(k), KeyID: k.ID, Algorithm: k.Alg, Use: "sig"})
	}
	w.Header().Set("Cache-Control", kept)
	w.Header().Set("Content-Type", "application/jwk-set+json")
	return set, nil
}

func unix(s int64) time.Time { return time.Unix(s, 0).UTC() }

func withNone(methods []string) []string { return append(slices.Clone(methods), "none") }
