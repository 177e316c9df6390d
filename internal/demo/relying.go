package demo

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/web"
)

// The demo's small app signs people in as any app does: it reads the discovery
// document, sends the browser off with a challenge, takes the code that comes back and
// fetches tokens for it over HTTP. It stands on a library that knows nothing of this
// house. What it learns of a person is what their tokens say.

// relyingName is how the provider's pages call it.
const relyingName = "A small app"

const (
	appPath     = "/demo/app"
	appCallback = "/demo/app/callback"
	// appCookie is the app's own and says nothing to the product.
	appCookie = "sallyport-demo-app"
	// appLife is how long the app remembers a browser, and mostVisits how many of them:
	// whatever is older makes room.
	appLife    = 12 * time.Hour
	mostVisits = 1000
)

// Refusals of the app.
var (
	errAppUnknown = core.NewFault(core.KindConflict, "demo.app_unknown")
	errAppOver    = core.NewFault(core.KindConflict, "demo.app_over")
)

// appVisit is one browser at the app: on its way to sign in, or signed in. The tokens
// stay here, in memory; neither page nor log has them.
type appVisit struct {
	at       time.Time
	host     string // the name of the demo that the browser uses
	state    string
	nonce    string
	verifier string
	token    *oauth2.Token // nil until somebody is signed in
	id       string        // the ID token
	renewed  int
}

// relying is the app.
type relying struct {
	base   string
	now    func() time.Time
	client *http.Client

	mu       sync.Mutex
	app      core.AppID // its client_id, empty until it is registered
	provider *oidc.Provider
	visits   map[string]appVisit
}

func newRelying(base string, now func() time.Time) *relying {
	return &relying{base: base, now: now, client: &http.Client{Timeout: 10 * time.Second}, visits: map[string]appVisit{}}
}

func (a *relying) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + appPath, Handler: a.get, Guard: web.Public},
		{Pattern: "POST " + appPath + "/sign-in", Handler: a.signIn, Guard: web.Public},
		{Pattern: "GET " + appCallback, Handler: a.callback, Guard: web.Public},
		{Pattern: "POST " + appPath + "/renew", Handler: a.renew, Guard: web.Public},
		{Pattern: "POST " + appPath + "/sign-out", Handler: a.signOut, Guard: web.Public},
	}
}

// registered tells the app its client_id.
func (a *relying) registered(id core.AppID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.app = id
}

// id is its client_id.
func (a *relying) id() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return string(a.app)
}

// conf is the app's side of the protocol for a browser that uses one of the demo's two
// names. What the provider offers is read once, of its discovery document.
func (a *relying) conf(ctx context.Context, host string) (*oauth2.Config, *oidc.Provider, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.app == "" {
		return nil, nil, errShut
	}
	if a.provider == nil {
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), a.client), a.base)
		if err != nil {
			return nil, nil, err
		}
		a.provider = p
	}
	end := a.provider.Endpoint()
	end.AuthStyle = oauth2.AuthStyleInParams
	return &oauth2.Config{ClientID: string(a.app), Endpoint: end, RedirectURL: "http://" + host + appCallback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}, a.provider, nil
}

// visit is what the app knows of a browser.
func (a *relying) visit(r *http.Request) (key string, v appVisit, ok bool) {
	c, err := r.Cookie(appCookie)
	if err != nil {
		return "", v, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok = a.visits[c.Value]
	if ok && a.now().Sub(v.at) > appLife {
		delete(a.visits, c.Value)
		return "", appVisit{}, false
	}
	return c.Value, v, ok
}

// keep remembers a browser under a key that it never had before.
func (a *relying) keep(w http.ResponseWriter, old string, v appVisit) {
	key := secret.Token()
	v.at = a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.visits, old)
	for k, x := range a.visits {
		if v.at.Sub(x.at) > appLife {
			delete(a.visits, k)
		}
	}
	for len(a.visits) >= mostVisits {
		oldest := ""
		for k, x := range a.visits {
			if oldest == "" || x.at.Before(a.visits[oldest].at) {
				oldest = k
			}
		}
		delete(a.visits, oldest)
	}
	a.visits[key] = v
	a.setCookie(w, key, int(appLife.Seconds()))
}

func (a *relying) forget(w http.ResponseWriter, key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.visits, key)
	a.setCookie(w, "", -1)
}

func (*relying) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: appCookie, Value: value, MaxAge: age, Path: appPath, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (a *relying) get(w http.ResponseWriter, r *http.Request) error {
	_, v, _ := a.visit(r)
	return a.draw(w, r, v, nil)
}

func (a *relying) draw(w http.ResponseWriter, r *http.Request, v appVisit, fault error) error {
	p := AppPage{Page: web.Page{Now: a.now(), Fault: fault}, Renewed: v.renewed}
	if v.token != nil {
		p.In = true
		p.ID, p.Access = claimsIn(v.id), claimsIn(v.token.AccessToken)
		var said struct {
			Name string   `json:"name"`
			ACR  string   `json:"acr"`
			AMR  []string `json:"amr"`
		}
		if err := json.Unmarshal(p.ID, &said); err != nil {
			return err
		}
		p.Person, p.ACR, p.AMR = said.Name, said.ACR, said.AMR
	}
	if fault != nil {
		return web.Redraw(w, r, fault, App(p))
	}
	return web.Render(w, r, http.StatusOK, App(p))
}

// claimsIn is what a token says, to be read by people; nothing where it is no JWT.
func claimsIn(token string) []byte {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	if json.Indent(&out, plain, "", "  ") != nil {
		return nil
	}
	return out.Bytes()
}

// signIn sends the browser off. With a step-up the app says which level it would like;
// what it got stands in the token.
func (a *relying) signIn(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "acr_values")
	if err != nil {
		return err
	}
	key, v, _ := a.visit(r)
	conf, _, err := a.conf(r.Context(), r.Host)
	if fault, ok := core.AsFault(err); ok {
		return a.draw(w, r, v, fault)
	}
	if err != nil {
		return err
	}
	v.host, v.state, v.nonce, v.verifier = r.Host, secret.Token(), secret.Token(), oauth2.GenerateVerifier()
	more := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(v.verifier), oidc.Nonce(v.nonce)}
	if acr := f.Get("acr_values"); acr != "" {
		more = append(more, oauth2.SetAuthURLParam("acr_values", acr))
	}
	a.keep(w, key, v)
	return here(conf.AuthCodeURL(v.state, more...))
}

// here leads to an address of the provider by the name of the demo that the browser
// uses already: under the other one it is signed in nowhere.
func here(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	return web.GoTo(u.RequestURI())
}

// callback takes the code. A state that this browser was not given, an answer of
// somebody else than the provider and a token that does not hold are all refused.
func (a *relying) callback(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	key, v, ok := a.visit(r)
	if !ok || v.state == "" || !same(q.Get("state"), v.state) || q.Get("iss") != a.base || v.host != r.Host {
		return a.draw(w, r, v, errAppUnknown)
	}
	nonce, verifier := v.nonce, v.verifier
	v.state, v.nonce, v.verifier = "", "", "" // an answer is taken once
	if word := q.Get("error"); word != "" || q.Get("code") == "" {
		a.keep(w, key, v)
		return a.draw(w, r, v, core.NewFault(core.KindConflict, "demo.app_refused").With("error", known(word)))
	}
	conf, provider, err := a.conf(r.Context(), r.Host)
	if err != nil {
		return err
	}
	ctx := oidc.ClientContext(r.Context(), a.client)
	token, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
	if err == nil {
		err = a.holds(ctx, provider, conf.ClientID, token, &v)
	}
	if err == nil && !same(v.nonce, nonce) {
		err = errors.New("the ID token answers another request")
	}
	v.nonce = ""
	if err != nil {
		a.forget(w, key)
		return a.draw(w, r, appVisit{}, errAppOver)
	}
	v.renewed = 0
	a.keep(w, key, v)
	return web.GoTo(appPath)
}

// holds checks the ID token of an answer, with the keys that the provider publishes, and
// takes both.
func (a *relying) holds(ctx context.Context, provider *oidc.Provider, client string, token *oauth2.Token, v *appVisit) error {
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: client, Now: a.now}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	v.token, v.id, v.nonce = token, raw, id.Nonce
	return nil
}

// renew fetches new tokens for the refresh token. Where the sign-in is over, the app
// knows nobody any more.
func (a *relying) renew(w http.ResponseWriter, r *http.Request) error {
	key, v, ok := a.visit(r)
	if !ok || v.token == nil {
		return a.draw(w, r, appVisit{}, errAppOver)
	}
	conf, provider, err := a.conf(r.Context(), r.Host)
	if err != nil {
		return err
	}
	ctx := oidc.ClientContext(r.Context(), a.client)
	token, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: v.token.RefreshToken}).Token()
	if err == nil {
		err = a.holds(ctx, provider, conf.ClientID, token, &v)
	}
	v.nonce = ""
	if err != nil {
		a.forget(w, key)
		return a.draw(w, r, appVisit{}, errAppOver)
	}
	v.renewed++
	a.keep(w, key, v)
	return web.GoTo(appPath)
}

// signOut ends the app's own memory and then, at the provider, the session: the ID token
// shows that the app asks for somebody who is signed in to it.
func (a *relying) signOut(w http.ResponseWriter, r *http.Request) error {
	key, v, ok := a.visit(r)
	if !ok || v.token == nil {
		return web.GoTo(appPath)
	}
	conf, provider, err := a.conf(r.Context(), r.Host)
	if err != nil {
		return err
	}
	var offers struct {
		End string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&offers); err != nil {
		return err
	}
	a.forget(w, key)
	return here(offers.End + "?" + url.Values{"client_id": {conf.ClientID}, "id_token_hint": {v.id}, "post_logout_redirect_uri": {"http://" + r.Host + appPath}}.Encode())
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// known is an error word of the protocol, or that there was none: nobody's own text
// stands on the page.
func known(word string) string {
	switch word {
	case "access_denied", "login_required", "interaction_required", "consent_required", "unmet_authentication_requirements", "invalid_request", "invalid_scope", "server_error", "temporarily_unavailable":
		return word
	}
	return "unknown_error"
}
