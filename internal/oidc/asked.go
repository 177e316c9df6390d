package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/signin"
)

// asked is an authorization request whose app and way back are right. It travels
// sealed, so that what was checked stays what was asked.
type asked struct {
	App       core.AppID `json:"app"`
	Redirect  string     `json:"redirect"`
	State     string     `json:"state,omitempty"`
	Nonce     string     `json:"nonce,omitempty"`
	Challenge string     `json:"challenge,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	Resources []string   `json:"resources,omitempty"`
	Prompt    []string   `json:"prompt,omitempty"`
	MaxAge    *int       `json:"max_age,omitempty"` // seconds
	// Levels are those that the app would like, Must those of which one has to be.
	Levels []core.Level `json:"levels,omitempty"`
	Must   []core.Level `json:"must,omitempty"`
	// Person is whom an id_token_hint names.
	Person  core.UserID `json:"person,omitempty"`
	Login   string      `json:"login,omitempty"`
	Locales string      `json:"locales,omitempty"`
	At      int64       `json:"at"` // when it began, in microseconds
	// Key is the thumbprint of the key that the code is to be bound to.
	Key string `json:"key,omitempty"`
	// Device is what waits for the answer, in place of an app that a browser goes back to.
	Device core.DeviceID `json:"device,omitempty"`
	// Pushed names a request that the app pushed: it is good for one code.
	Pushed string `json:"pushed,omitempty"`
	// Test is who tries the app from its page; see BeginTest. No parameter sets it.
	Test core.UserID `json:"test,omitempty"`
}

// askedLife is how long a request may take to come back from the sign-in.
const askedLife = time.Hour

// Bounds of what is given back unchanged (row C-03 asks for a nonce of 2 kB).
const (
	longState = 2048
	longNonce = 2048
	longWord  = 1024
)

func (a asked) began() time.Time         { return time.UnixMicro(a.At).UTC() }
func (a asked) prompts(what string) bool { return slices.Contains(a.Prompt, what) }

// least is the lowest level of which the app said that it must be reached.
func (a asked) least() core.Level { return lowest(a.Must) }

// lowest is the lowest of some levels; none of none.
func lowest(levels []core.Level) core.Level {
	out := core.LevelNone
	for _, l := range levels {
		if out == core.LevelNone || out.AtLeast(l) {
			out = l
		}
	}
	return out
}

const sealAsked = "authorization request"

// seal makes the address to come back to.
func (h *Handler) seal(a asked) (string, error) { return h.sealAs(a, sealAsked) }

func (h *Handler) sealAs(a asked, what string) (string, error) { return h.sealed(a, what) }

// sealed writes something that only this house can have written, for a purpose.
func (h *Handler) sealed(v any, what string) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sealed, err := h.Ring.Seal(plain, what)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// unsealed reads it back.
func (h *Handler) unsealed(text, what string, v any) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > longest {
		return false
	}
	plain, err := h.Ring.Open(sealed, what)
	return err == nil && json.Unmarshal(plain, v) == nil
}

// unseal reads a request that this house sealed; one that took too long is refused.
func (h *Handler) unseal(text string) (a asked, err error) {
	gone := core.NewFault(core.KindConflict, "app.request_expired")
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > longest {
		return a, gone
	}
	plain, err := h.Ring.Open(sealed, sealAsked)
	if err != nil || json.Unmarshal(plain, &a) != nil {
		return asked{}, gone
	}
	if age := h.Now().Sub(a.began()); age < -time.Minute || age > askedLife {
		return asked{}, gone
	}
	return a, nil
}

func back(sealed string) string { return pathContinue + "?request=" + sealed }

// Lead says which app an address of ours leads to, for the sign-in that carries it;
// nothing for every other address.
func (h *Handler) Lead(ctx context.Context, returnTo string) signin.Lead {
	sealed, ok := strings.CutPrefix(returnTo, pathContinue+"?request=")
	if !ok {
		return signin.Lead{}
	}
	a, err := h.unseal(sealed)
	if err != nil {
		return signin.Lead{}
	}
	app, err := h.Apps.Find(ctx, a.App)
	if err != nil {
		return signin.Lead{}
	}
	return signin.Lead{App: session.AppOf(app.App, a.least()), Name: app.Name, Origin: origin(a.Redirect), Locales: a.Locales, Login: a.Login}
}

// origin is what a content policy knows an address by.
func origin(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil, uri == "", u.Scheme == "":
		return ""
	case u.Host == "":
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// read makes a request of its parameters. The first refusal is one that is shown here
// and not sent anywhere: the app or the way back is not known (rows O-01, O-03). The
// second may go to the app.
func (h *Handler) read(ctx context.Context, p params) (a asked, app *directory.Registered, shown error, sent *refusal) {
	unknown := core.NewFault(core.KindInvalid, "app.unknown")
	if p.broken || p.twice == "client_id" || p.twice == "redirect_uri" {
		return a, nil, unknown, nil
	}
	app, err := h.Apps.Find(ctx, core.AppID(p.get("client_id")))
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
		return a, nil, unknown, nil
	}
	if err != nil {
		return a, nil, err, nil
	}
	if p.has("request_uri") && p.twice == "" {
		// What else stands in the address does not count.
		a, why := h.pull(app, p)
		switch {
		case why == nil && !directory.SameRedirect(app.Doc.RedirectURIs, a.Redirect, app.Public()):
			return a, nil, unknown, nil
		case why == nil:
			return a, app, nil, nil
		case !app.May(core.GrantCode) || !directory.SameRedirect(app.Doc.RedirectURIs, p.get("redirect_uri"), app.Public()):
			return a, nil, core.NewFault(core.KindConflict, "app.request_expired"), nil
		}
		return asked{App: app.ID, Redirect: p.get("redirect_uri"), State: p.get("state"), At: h.Now().UnixMicro()}, app, nil, why
	}
	a = asked{App: app.ID, Redirect: p.get("redirect_uri"), State: p.get("state"), Nonce: p.get("nonce"), At: h.Now().UnixMicro()}
	if !app.May(core.GrantCode) || !directory.SameRedirect(app.Doc.RedirectURIs, a.Redirect, app.Public()) {
		return a, nil, unknown, nil
	}
	if len(a.State) > longState {
		a.State = ""
		return a, app, nil, bad("invalid_request", "the state is too long")
	}
	return a, app, nil, h.fill(&a, app, p)
}

// fill reads the rest.
func (h *Handler) fill(a *asked, app *directory.Registered, p params) *refusal {
	if err := p.check(); err != nil {
		return err
	}
	switch {
	case p.has("request"):
		return bad("request_not_supported", "request objects are not supported")
	case !p.has("response_type"):
		return bad("invalid_request", "response_type is missing")
	case p.get("response_type") != "code":
		return bad("unsupported_response_type", "only code is supported")
	case p.has("response_mode") && p.get("response_mode") != "query":
		return bad("invalid_request", "only the response mode query is supported")
	case len(a.Nonce) > longNonce:
		return bad("invalid_request", "the nonce is too long")
	}
	if err := a.pkce(app, p); err != nil {
		return err
	}
	if a.Key = p.get("dpop_jkt"); a.Key != "" && !isThumbprint(a.Key) {
		return bad("invalid_request", "dpop_jkt is not a thumbprint")
	}
	if err := h.reach(a, app, p); err != nil {
		return err
	}
	a.Prompt = words(p.get("prompt"))
	for _, word := range a.Prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, word) || word == "none" && len(a.Prompt) > 1 {
			return bad("invalid_request", "this prompt is not supported")
		}
	}
	if p.has("max_age") {
		n, err := strconv.Atoi(p.get("max_age"))
		if err != nil || n < 0 {
			return bad("invalid_request", "max_age is no number of seconds")
		}
		a.MaxAge = &n
	}
	if a.Login = p.get("login_hint"); len(a.Login) > 254 {
		a.Login = ""
	}
	if a.Locales = p.get("ui_locales"); len(a.Locales) > 200 {
		a.Locales = ""
	}
	if hint := p.get("id_token_hint"); hint != "" {
		c, ok := h.hinted(hint)
		if !ok {
			return bad("invalid_request", "the id_token_hint is not one of ours")
		}
		a.Person = core.UserID(c.Subject)
	}
	return a.levels(p)
}

// reach reads what the tokens are to be good for.
func (h *Handler) reach(a *asked, app *directory.Registered, p params) *refusal {
	for _, s := range words(p.get("scope")) {
		// One that is not known is left out, and the answer says what was granted.
		if app.Knows(s) && (s != core.ScopeOffline || app.May(core.GrantRefresh)) {
			a.Scopes = append(a.Scopes, s)
		}
	}
	for _, r := range p.all("resource") {
		if !slices.Contains(h.resources(app.App), r) {
			return bad("invalid_target", "the app has no such resource")
		}
		a.Resources = append(a.Resources, r)
	}
	return nil
}

// pkce: always asked of an app that can keep no secret, and of every other but an old
// one that was excused; plain is no challenge (rows O-05, O-18, A-23, B-46).
func (a *asked) pkce(app *directory.Registered, p params) *refusal {
	a.Challenge = p.get("code_challenge")
	switch {
	case a.Challenge == "" && p.has("code_challenge_method"):
		return bad("invalid_request", "code_challenge is missing")
	case a.Challenge == "" && !app.Doc.NoPKCE:
		return bad("invalid_request", "PKCE is required: code_challenge is missing")
	case a.Challenge == "":
		return nil
	case p.get("code_challenge_method") != "S256":
		return bad("invalid_request", "code_challenge_method must be S256")
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(a.Challenge); err != nil || len(raw) != 32 {
		return bad("invalid_request", "code_challenge is not a SHA-256 in base64url")
	}
	return nil
}

// wishes are the part of the parameter claims that we look at.
type wishes struct {
	IDToken struct {
		ACR *struct {
			Essential bool     `json:"essential"`
			Value     string   `json:"value"`
			Values    []string `json:"values"`
		} `json:"acr"`
	} `json:"id_token"`
}

// levels reads which levels the app would like, and which it must have (decision
// 7.10, row C-04).
func (a *asked) levels(p params) *refusal {
	for _, word := range words(p.get("acr_values")) {
		if l, ok := levelOf(word); ok {
			a.Levels = append(a.Levels, l)
		}
	}
	if !p.has("claims") {
		return nil
	}
	var w wishes
	if len(p.get("claims")) > 4*longWord || json.Unmarshal([]byte(p.get("claims")), &w) != nil {
		return bad("invalid_request", "claims is not readable")
	}
	acr := w.IDToken.ACR
	if acr == nil {
		return nil
	}
	named := acr.Values
	if acr.Value != "" {
		named = append(named, acr.Value)
	}
	var known []core.Level
	for _, word := range named {
		if l, ok := levelOf(word); ok {
			known = append(known, l)
		}
	}
	switch {
	case !acr.Essential:
		a.Levels = append(a.Levels, known...)
	case len(named) > 0 && len(known) == 0:
		return bad("unmet_authentication_requirements", "no such level can be reached")
	default:
		a.Must = known
	}
	return nil
}

var rungs = []core.Level{core.LevelPassword, core.LevelTrustedBrowser, core.LevelEmail, core.LevelMFA, core.LevelPhishingResistant}

func levelOf(acr string) (core.Level, bool) {
	for _, l := range rungs {
		if l.ACR() == acr {
			return l, true
		}
	}
	return core.LevelNone, false
}
