package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// tokens is the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
	Scope   string `json:"scope,omitempty"`
	Refresh string `json:"refresh_token,omitempty"`
	ID      string `json:"id_token,omitempty"`
	Issued  string `json:"issued_token_type,omitempty"`
}

var invalidGrant = bad("invalid_grant", "it is not known, was used, is over, or belongs to another app")

func (h *Handler) token(w http.ResponseWriter, r *http.Request) (any, error) {
	w.Header().Set("Pragma", "no-cache")
	p := form(w, r)
	if err := p.check(); err != nil {
		return nil, err
	}
	grant := p.get("grant_type")
	switch {
	case grant == "":
		return nil, bad("invalid_request", "grant_type is missing")
	case !slices.Contains(core.AppGrants, grant):
		// Rows A-20, O-09: a password never comes this way.
		return nil, bad("unsupported_grant_type", "this grant is not supported")
	}
	app, err := h.authenticate(r, p)
	if err != nil {
		return nil, err
	}
	if !app.May(grant) {
		return nil, bad("unauthorized_client", "the app may not use this grant")
	}
	key, err := h.proof(w, r, app, app.Tenant, "")
	if err != nil {
		return nil, err
	}
	switch grant {
	case core.GrantCode:
		return h.exchange(r, app, p, key)
	case core.GrantRefresh:
		return h.refresh(r, app, p, key)
	case core.GrantDevice:
		return h.collect(r, app, p, key)
	case core.GrantExchange:
		return h.actFor(r, app, p, key)
	}
	return h.own(r, app, p, key)
}

// granted is what a family gives this time.
type granted struct {
	family    core.Family
	user      core.User
	eff       policy.Effective
	scopes    []string
	resources []string
	nonce     string
	key       string // that the access token is bound to
}

// redeem honours a handle in one transaction of the person's tenant. fn gets the
// family as it stands; a refusal that it returns beside no error commits, so that what
// it ended stays ended. Of two that come at once one meets a conflict: it looks again,
// and then sees what the other did.
func (h *Handler) redeem(ctx context.Context, n handle, app *directory.Registered, fn func(store.Tx, core.Family, core.User, policy.Effective) (core.Family, *core.Fault, error)) (granted, error) {
	eff, err := h.Tree.Effective(ctx, n.Tenant)
	if err != nil {
		return granted{}, notGranted(err)
	}
	var g granted
	var refused *core.Fault
	run := func(tx store.Tx) error {
		refused, g = nil, granted{eff: eff}
		f, err := tx.Family(n.Family)
		if err != nil {
			return err
		}
		if f.App != app.ID {
			return core.ErrNotFound // row B-43: whose it is, nobody else learns
		}
		if g.user, err = tx.User(f.User); err != nil {
			return err
		}
		g.family, refused, err = fn(tx, f, g.user, eff)
		return err
	}
	err = h.Store.Update(ctx, n.Tenant, run)
	if errors.Is(err, store.ErrConflict) {
		err = h.Store.Update(ctx, n.Tenant, run)
	}
	if err == nil && refused != nil {
		err = invalidGrant
	}
	if err != nil {
		return granted{}, notGranted(err)
	}
	is, err := h.Apps.For(ctx, app, g.user.Tenant)
	if err == nil && !is {
		err = invalidGrant // the app was taken from the person's organisation meanwhile
	}
	return g, err
}

// notGranted: every reason for which a person or a family does not count any more is
// one answer. Trouble of our own is not.
func notGranted(err error) error {
	f, ok := core.AsFault(err)
	if ok && f.Kind != core.KindUnavailable && f.Kind != core.KindInternal || errors.Is(err, store.ErrConflict) {
		return invalidGrant
	}
	return err
}

func (h *Handler) present(r *http.Request, app *directory.Registered, u core.User, eff policy.Effective) session.Present {
	c := h.client(r)
	return session.Present{User: u, Effective: eff, From: c.Address, Public: app.Public(), Refresh: eff.RefreshLife(app.App), Client: c}
}

// exchange gives tokens for a code.
func (h *Handler) exchange(r *http.Request, app *directory.Registered, p params, key string) (any, error) {
	n, ok := openHandle(h.Ring, handleCode, p.get("code"))
	if !ok {
		return nil, invalidGrant
	}
	verifier := p.get("code_verifier")
	nonce := ""
	g, err := h.redeem(r.Context(), n, app, func(tx store.Tx, f core.Family, u core.User, eff policy.Effective) (core.Family, *core.Fault, error) {
		if f.CodeAt.IsZero() && (f.Doc.RedirectURI != p.get("redirect_uri") || !matches(f.Doc.Challenge, verifier) || !bound(f.Doc.Key, key)) {
			return f, core.ErrRefused, nil
		}
		nonce = f.Doc.Nonce
		f.Doc.RedirectURI, f.Doc.Challenge, f.Doc.Nonce, f.Doc.Key = "", "", "", ""
		if app.Public() {
			f.Doc.Key = key // it shows itself by nothing else (row D-02)
		}
		return session.Exchange(tx, f, app.May(core.GrantRefresh), eff.AccessLife(app.App), eff.RefreshLife(app.App), h.present(r, app, u, eff))
	})
	if err != nil {
		return nil, err
	}
	g.scopes, g.resources, g.nonce, g.key = g.family.Doc.Scopes, g.family.Doc.Resources, nonce, key
	if err := g.narrow(p, false); err != nil {
		return nil, err
	}
	return h.mint(r.Context(), app, g)
}

// matches compares a verifier with the challenge of the request. A verifier without a
// challenge is refused: somebody took the challenge away (rows O-05, O-18, B-46).
func matches(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsFunc(verifier, func(r rune) bool { return !unreserved(r) }) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return secret.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge))
}

func unreserved(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}

// refresh gives new tokens for a refresh token, which is used up by that.
func (h *Handler) refresh(r *http.Request, app *directory.Registered, p params, key string) (any, error) {
	n, ok := openHandle(h.Ring, handleRefresh, p.get("refresh_token"))
	if !ok {
		return nil, invalidGrant
	}
	// What is asked for is looked at first: a wish that cannot be met must not cost the
	// app its token.
	if err := h.mayNarrow(r.Context(), n, app, p); err != nil {
		return nil, err
	}
	g, err := h.redeem(r.Context(), n, app, func(tx store.Tx, f core.Family, u core.User, eff policy.Effective) (core.Family, *core.Fault, error) {
		if !bound(f.Doc.Key, key) {
			return f, core.ErrRefused, nil // whoever has the token alone cannot even end it
		}
		return session.Renew(tx, f, n.Seq, h.present(r, app, u, eff))
	})
	if err != nil {
		return nil, err
	}
	g.scopes, g.resources, g.key = g.family.Doc.Scopes, g.family.Doc.Resources, key
	if err := g.narrow(p, true); err != nil {
		return nil, err
	}
	return h.mint(r.Context(), app, g)
}

func (h *Handler) mayNarrow(ctx context.Context, n handle, app *directory.Registered, p params) error {
	if !p.has("scope") && !p.has("resource") {
		return nil
	}
	err := h.Store.View(ctx, n.Tenant, func(r store.Reader) error {
		f, err := r.Family(n.Family)
		if err != nil {
			return err
		}
		if f.App != app.ID {
			return core.ErrNotFound
		}
		g := granted{scopes: f.Doc.Scopes, resources: f.Doc.Resources}
		if no := g.narrow(p, true); no != nil {
			return no
		}
		return nil
	})
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	return notGrantedOrNil(err)
}

func notGrantedOrNil(err error) error {
	if err == nil {
		return nil
	}
	return notGranted(err)
}

// narrow takes what is asked for out of what was granted; it never grows (row O-14).
func (g *granted) narrow(p params, scopes bool) error {
	if scopes && p.has("scope") {
		asked := words(p.get("scope"))
		if slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(g.scopes, s) }) {
			return bad("invalid_scope", "more than was granted")
		}
		g.scopes = asked
	}
	if asked := p.all("resource"); len(asked) > 0 {
		if slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(g.resources, s) }) {
			return bad("invalid_target", "more than was granted")
		}
		g.resources = asked
	}
	return nil
}

// mint makes the tokens of a family.
func (h *Handler) mint(ctx context.Context, app *directory.Registered, g granted) (any, error) {
	now, f, alg := h.Now(), g.family, app.SignedWith()
	till := now.Add(g.eff.AccessLife(app.App))
	if f.ExpiresAt.Before(till) {
		till = f.ExpiresAt
	}
	if slices.Contains(g.resources, h.API()) && !app.Doc.API {
		return nil, bad("invalid_target", "the app may not call the API any more")
	}
	openID := slices.Contains(g.scopes, core.ScopeOpenID)
	c := claims{Issuer: h.Issuer, Subject: string(f.User), Audience: h.audience(g.resources, openID), Expires: till.Unix(), Issued: now.Unix(),
		ID: secret.Token(), Client: string(app.ID), Scope: joined(g.scopes), AuthTime: f.Doc.AuthTime.Unix(), ACR: f.Level.ACR(), AMR: f.Doc.Methods,
		Session: string(f.Doc.SID), TenantID: string(g.user.Tenant), Tenant: g.eff.Name(), Family: string(f.ID)}
	out := tokens{Type: c.bind(g.key), Expires: seconds(till.Sub(now)), Scope: c.Scope}
	var err error
	if out.Access, err = h.sign(ctx, alg, typeAccess, c); err != nil {
		return nil, err
	}
	if f.Seq > 0 {
		if out.Refresh, err = (handle{f.Tenant, f.ID, f.Seq}).seal(h.Ring, handleRefresh); err != nil {
			return nil, err
		}
	}
	if !openID {
		return out, nil
	}
	id := h.idClaims(app.App, g)
	id.AtHash = halfHash(alg, out.Access)
	if out.ID, err = h.sign(ctx, alg, typeID, id); err != nil {
		return nil, err
	}
	return out, nil
}

// idClaims are those of an ID token, without what belongs to the other tokens.
func (h *Handler) idClaims(app core.App, g granted) claims {
	now, f := h.Now(), g.family
	return claims{Issuer: h.Issuer, Subject: string(f.User), Audience: audience{string(app.ID)}, Expires: now.Add(idLife).Unix(), Issued: now.Unix(), Nonce: g.nonce,
		AuthTime: f.Doc.AuthTime.Unix(), ACR: f.Level.ACR(), AMR: f.Doc.Methods, Session: string(f.Doc.SID), TenantID: string(g.user.Tenant), Tenant: g.eff.Name(),
		person: personOf(g.user, g.scopes)}
}

// bind binds a token to a key, where there is one, and says of which type it is then.
func (c *claims) bind(key string) string {
	if key == "" {
		return "Bearer"
	}
	c.Bound = &confirmation{key}
	return "DPoP"
}

// idLife is how long an ID token may be taken for the sign-in that it tells of.
const idLife = 5 * time.Minute

// audience is who a token is for (row O-13): the resources that were asked for, and
// ourselves where it opens something here or nothing was asked for.
func (h *Handler) audience(resources []string, here bool) audience {
	out := audience(slices.Clone(resources))
	if here || len(out) == 0 {
		out = append(out, h.Issuer)
	}
	return out
}

// own gives an app a token of its own. Its subject is the app, whose id is never a
// person's (row O-12).
func (h *Handler) own(r *http.Request, app *directory.Registered, p params, key string) (any, error) {
	g := granted{scopes: app.Doc.Scopes, resources: h.resources(app.App)}
	if err := g.narrow(p, true); err != nil {
		return nil, err
	}
	// Tokens of an API client are for our API and for nothing else.
	if !p.has("resource") && !app.IsClient() {
		g.resources = nil
	}
	eff, err := h.Tree.Effective(r.Context(), app.Tenant)
	if err != nil {
		return nil, err
	}
	if c := h.client(r); !eff.Settings.LoginNetworks.Allow(c.Address) {
		return nil, bad("unauthorized_client", "not from this network") // row ACR-30
	}
	now, life := h.Now(), eff.AccessLife(app.App)
	if app.IsClient() {
		if err := h.lends(r, app); err != nil {
			return nil, err
		}
		life = min(life, app.Doc.Client.ExpiresAt.Sub(now))
	}
	c := claims{Issuer: h.Issuer, Subject: string(app.ID), Audience: h.audience(g.resources, false), Expires: now.Add(life).Unix(), Issued: now.Unix(),
		ID: secret.Token(), Client: string(app.ID), Scope: joined(g.scopes), TenantID: string(app.Tenant), Tenant: eff.Name()}
	kind := c.bind(key)
	access, err := h.sign(r.Context(), app.SignedWith(), typeAccess, c)
	if err != nil {
		return nil, err
	}
	return tokens{Access: access, Type: kind, Expires: seconds(life), Scope: c.Scope}, nil
}
