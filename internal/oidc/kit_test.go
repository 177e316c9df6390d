package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// client is an app under test, by hand: it sends what a test wants it to send.
type client struct {
	h      *house.House
	t      testing.TB
	app    core.App
	secret string
}

const callback = "https://app.example.org/cb"

// app makes an app of a tenant; change may be nil.
func newApp(t testing.TB, h *house.House, at core.TenantID, change func(*core.AppDoc)) *client {
	t.Helper()
	w := directory.AppWish{Name: "Ledger", Doc: core.AppDoc{RedirectURIs: []string{callback}, LogoutURIs: []string{"https://app.example.org/bye"}, FirstParty: true}}
	if change != nil {
		change(&w.Doc)
	}
	a, secret, err := h.Directory.CreateApp(t.Context(), at, w, access.Shell(), core.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return &client{h, t, a, secret}
}

// newAppFault is why an app cannot be made.
func newAppFault(h *house.House, change func(*core.AppDoc)) error {
	w := directory.AppWish{Name: "Never"}
	change(&w.Doc)
	_, _, err := h.Directory.CreateApp(context.Background(), h.Root.ID, w, access.Shell(), core.Client{})
	return err
}

// change sets something of the app anew.
func (c *client) change(fn func(*core.AppDoc)) {
	c.t.Helper()
	w := directory.AppWish{Name: c.app.Name, Doc: c.app.Doc}
	fn(&w.Doc)
	var err error
	if c.app, err = c.h.Directory.ChangeApp(c.t.Context(), c.app.ID, w, access.Shell(), core.Client{}); err != nil {
		c.t.Fatal(err)
	}
}

const verifier = "a-verifier-of-forty-three-characters-or-more-123"

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ask is the address of an authorization request; pairs replace or, with an empty
// value, drop parameters.
func (c *client) ask(pairs ...string) string {
	q := url.Values{"client_id": {string(c.app.ID)}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"st-1"},
		"nonce": {"no-1"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "/oauth2/authorize?" + q.Encode()
}

// back reads an answer that leads to the app.
func (c *client) back(a house.Answer) url.Values {
	c.t.Helper()
	u, err := url.Parse(a.Location)
	if err != nil || a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, callback) {
		c.t.Fatalf("not sent to the app: status %d, to %q, page %q, fault %q", a.Status, a.Location, a.Page(), a.Fault())
	}
	if u.Query().Get("iss") != c.h.URL { // O-15
		c.t.Errorf("iss is %q", u.Query().Get("iss"))
	}
	return u.Query()
}

// code signs nobody in: the browser has a session that is enough.
func (c *client) code(r *house.Raw, pairs ...string) string {
	c.t.Helper()
	q := c.back(r.Get(c.ask(pairs...)))
	if q.Get("code") == "" || q.Get("state") != "st-1" {
		c.t.Fatalf("no code: %v", q)
	}
	return q.Get("code")
}

// reply is what an endpoint of ours says in JSON.
type reply struct {
	Status int
	Header http.Header
	Body   map[string]any
	Raw    string
}

func (r reply) str(name string) string { s, _ := r.Body[name].(string); return s }

// post sends a form to an endpoint, with the app's secret in the header.
func (c *client) post(path string, pairs ...string) reply {
	c.t.Helper()
	var header http.Header
	if c.secret != "" {
		header = http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(string(c.app.ID)+":"+c.secret))}}
	} else {
		pairs = append(pairs, "client_id", string(c.app.ID))
	}
	return send(c.t, c.h, path, header, pairs...)
}

func send(t testing.TB, h *house.House, path string, header http.Header, pairs ...string) reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.URL+path, strings.NewReader(house.Form(pairs...)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, req, header)
}

func do(t testing.TB, req *http.Request, header http.Header) reply {
	t.Helper()
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{Status: resp.StatusCode, Header: resp.Header, Raw: string(b)}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &out.Body); err != nil {
			t.Fatalf("%s %s: no JSON: %s", req.Method, req.URL.Path, b)
		}
	}
	return out
}

func (c *client) exchange(code string, pairs ...string) reply {
	c.t.Helper()
	p := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier}
	for i := 0; i+1 < len(pairs); i += 2 {
		for j := 0; j < len(p); j += 2 {
			if p[j] == pairs[i] {
				p[j+1] = pairs[i+1]
			}
		}
	}
	return c.post("/oauth2/token", p...)
}

func (c *client) refresh(token string, pairs ...string) reply {
	c.t.Helper()
	return c.post("/oauth2/token", append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// good is the answer to something that must work.
func (c *client) good(r reply) reply {
	c.t.Helper()
	if r.Status != http.StatusOK {
		c.t.Fatalf("status %d: %s", r.Status, r.Raw)
	}
	return r
}

// refused checks the answer to something that must not.
func (c *client) refused(what string, r reply, status int, code string) {
	c.t.Helper()
	if r.Status != status || r.str("error") != code {
		c.t.Errorf("%s: status %d, %s; want %d %s", what, r.Status, r.Raw, status, code)
	}
	for name := range r.Body {
		if name != "error" && name != "error_description" {
			c.t.Errorf("%s: the refusal has %s", what, name)
		}
	}
}

func (c *client) userinfo(token string) reply {
	c.t.Helper()
	req, err := http.NewRequest(http.MethodGet, c.h.URL+"/oauth2/userinfo", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return do(c.t, req, http.Header{"Authorization": {"Bearer " + token}})
}

// active asks us about a token.
func (c *client) active(token string) bool {
	c.t.Helper()
	r := c.good(c.post("/oauth2/introspect", "token", token))
	is, _ := r.Body["active"].(bool)
	if !is && strings.TrimSpace(r.Raw) != `{"active":false}` { // O-21
		c.t.Errorf("an inactive token: %s", r.Raw)
	}
	return is
}

// claims reads a token without checking it.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
