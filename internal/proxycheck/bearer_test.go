package proxycheck_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// A person's access token opens an app that it is meant for, and no other (O-13), as
// long as it counts.
func TestTokensOpenTheAppTheyAreForO13(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wiki, files := newApp(t, h, h.Root.ID, "wiki.example.com", nil), newApp(t, h, h.Root.ID, "files.example.com", nil)
		client, secret, err := h.Directory.CreateApp(t.Context(), h.Root.ID, directory.AppWish{Name: "Script", Doc: core.AppDoc{FirstParty: true,
			RedirectURIs: []string{"https://script.example.com/cb"}, Resources: []string{"https://wiki.example.com"}}}, access.Shell(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		p := h.Person(h.Organisation("Bakery", "self-service", ""), "anna@example.com")
		v := newVisitor(h)
		p.Enter(v.in)
		verifier := strings.Repeat("v", 50)
		sum := sha256.Sum256([]byte(verifier))
		q := url.Values{"client_id": {string(client.ID)}, "redirect_uri": {"https://script.example.com/cb"}, "response_type": {"code"}, "scope": {"openid"}, "resource": {"https://wiki.example.com"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
		back, err := url.Parse(v.in.Get("/oauth2/authorize?" + q.Encode()).Location)
		if err != nil || back.Query().Get("code") == "" {
			t.Fatal(back, err)
		}
		app := h.Raw("")
		app.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(string(client.ID)+":"+secret)))
		var got struct {
			Access string `json:"access_token"`
		}
		a := app.Post("/oauth2/token", "grant_type", "authorization_code", "code", back.Query().Get("code"), "redirect_uri", "https://script.example.com/cb", "code_verifier", verifier, "resource", "https://wiki.example.com")
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || got.Access == "" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		with := func(app *proxied, target string) house.Answer {
			return send(h.Raw(""), "/forward-auth", forwarded(app.host, target), "Authorization", "Bearer "+got.Access, "X-Forwarded-Method", "POST")
		}
		if a := with(wiki, "/api"); a.Status != http.StatusOK || a.Header.Get("Remote-User") != p.User().Login || a.Header.Get("Remote-Acr") != "urn:sallyport:password" {
			t.Errorf("its app: %d, %q, %s", a.Status, a.Header.Get("Remote-User"), a.Body)
		}
		if a := with(files, "/api"); a.Status != http.StatusUnauthorized {
			t.Errorf("another app: %d", a.Status)
		}
		if a := with(wiki, "/admin"); a.Status != http.StatusUnauthorized || !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="insufficient_user_authentication"`) {
			t.Errorf("where more is asked: %d, %q", a.Status, a.Header.Get("WWW-Authenticate"))
		}
		v.in.Post("/sign-out")
		if a := with(wiki, "/api"); a.Status != http.StatusUnauthorized {
			t.Errorf("after its person signed out: %d", a.Status)
		}
	})
}
