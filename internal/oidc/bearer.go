package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// alive is an access token that counts, with what it stands on.
type alive struct {
	claims
	app    *directory.Registered
	user   core.User // of a person's token
	family core.Family
}

// look reads an access token and whether it counts now: signed by us, not over, of an
// app that works, and of a family that did not end. ok is false for everything else;
// an error says that nobody can tell.
func (h *Handler) look(ctx context.Context, text string) (a alive, ok bool, err error) {
	c, ok := h.verify(text, typeAccess)
	if !ok || h.Now().Unix() >= c.Expires {
		return a, false, nil
	}
	a.claims = c
	if a.app, err = h.Apps.Find(ctx, core.AppID(c.Client)); err != nil {
		return a, false, unlessUnknown(err)
	}
	if c.Family == "" {
		err = h.Store.View(ctx, core.TenantID(c.TenantID), func(r store.Reader) error {
			spent, err := r.Spent(core.SpentAccess, mark(c))
			ok = !spent
			return err
		})
		return a, ok && err == nil, err
	}
	spent := false
	err = h.Store.View(ctx, core.TenantID(c.TenantID), func(r store.Reader) (err error) {
		if c.Act != nil {
			if spent, err = r.Spent(core.SpentAccess, mark(c)); err != nil {
				return err
			}
		}
		if a.family, err = r.Family(core.FamilyID(c.Family)); err != nil {
			return err
		}
		a.user, err = r.User(core.UserID(c.Subject))
		return err
	})
	if err != nil {
		return a, false, unlessUnknown(err)
	}
	eff, err := h.Tree.Effective(ctx, a.user.Tenant)
	if err != nil {
		return a, false, unlessUnknown(err)
	}
	mine, err := h.stillFor(ctx, a)
	if err != nil {
		return a, false, err
	}
	ok = !spent && mine && a.family.Live(h.Now()) && a.family.User == a.user.ID && !eff.Deleted() && eff.Suspended == nil &&
		(a.user.State == core.UserActive || a.user.State == core.UserValidated)
	return a, ok, nil
}

// mark is what a token of no family is remembered by once it was revoked.
func mark(c claims) []byte { return []byte(c.ID) }

// unlessUnknown drops what only says that something is not there.
func unlessUnknown(err error) error {
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
		return nil
	}
	return err
}

func unauthorized(code, about string) *refusal {
	return &refusal{Code: code, About: about, Status: http.StatusUnauthorized, Realm: "Bearer"}
}

// bearer finds the token of a request: in the header, or in a posted form, and never in
// the address.
func (h *Handler) bearer(w http.ResponseWriter, r *http.Request) (alive, error) {
	return h.bearerFor(w, r, h.Issuer)
}

// bearerFor is bearer for an audience; without w the token comes in the header only.
func (h *Handler) bearerFor(w http.ResponseWriter, r *http.Request, audience string) (alive, error) {
	text, proves := "", false
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if proves = strings.EqualFold(scheme, "DPoP"); proves || strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	} else if w != nil && r.Method == http.MethodPost && r.Header.Get("Authorization") == "" && r.ContentLength != 0 {
		p := form(w, r)
		if err := p.check(); err != nil {
			return alive{}, err
		}
		text = p.get("access_token")
	}
	if text == "" {
		return alive{}, &refusal{Status: http.StatusUnauthorized, Realm: "Bearer"}
	}
	a, ok, err := h.look(r.Context(), text)
	if err != nil {
		return a, err
	}
	// Row O-13: a token for somebody else's API opens nothing here.
	if !ok || !a.Audience.has(audience) {
		return a, unauthorized("invalid_token", "the token is not valid here")
	}
	// A bound token is good only with its key, and a proof only with a bound token: else
	// whoever stole one would send it the other way.
	if proves != (a.Bound != nil) {
		return a, unauthorized("invalid_token", "the token is not valid this way")
	}
	if !proves {
		return a, nil
	}
	key, err := h.proof(w, r, a.app, core.TenantID(a.TenantID), text)
	if errors.Is(err, useNonce) {
		return a, &refusal{Code: useNonce.Code, About: useNonce.About, Status: http.StatusUnauthorized, Realm: "DPoP"}
	}
	if errors.Is(err, badProof) || err == nil && key != a.Bound.Thumbprint {
		return a, &refusal{Code: badProof.Code, About: badProof.About, Status: http.StatusUnauthorized, Realm: "DPoP"}
	}
	return a, err
}

// userinfo tells an app about the person who signed in to it.
func (h *Handler) userinfo(w http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.bearer(w, r)
	if err != nil {
		return nil, err
	}
	scopes := words(a.Scope)
	if a.Family == "" || !slices.Contains(scopes, core.ScopeOpenID) {
		return nil, &refusal{Code: "insufficient_scope", About: "the scope openid is needed", Status: http.StatusForbidden, Realm: "Bearer", Params: `, scope="openid"`}
	}
	return infoOf(a.user, scopes, a.Tenant), nil
}

// info is what userinfo says.
type info struct {
	Subject  string `json:"sub"`
	TenantID string `json:"tenant_id"`
	Tenant   string `json:"tenant"`
	person
}

func infoOf(u core.User, scopes []string, tenant string) info {
	return info{string(u.ID), string(u.Tenant), tenant, personOf(u, scopes)}
}

// inactive is all that is said of a token that does not count, whatever the reason
// (row O-21).
var inactive = map[string]bool{"active": false}

type introspected struct {
	Active   bool     `json:"active"`
	Type     string   `json:"token_type,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Client   string   `json:"client_id,omitempty"`
	Login    string   `json:"username,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Issuer   string   `json:"iss,omitempty"`
	Audience audience `json:"aud,omitempty"`
	Expires  int64    `json:"exp,omitempty"`
	Issued   int64    `json:"iat,omitempty"`
	ID       string   `json:"jti,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	TenantID string   `json:"tenant_id,omitempty"`
	Tenant   string   `json:"tenant,omitempty"`

	Act   *actor        `json:"act,omitempty"`
	Bound *confirmation `json:"cnf,omitempty"`
}

// introspect tells an app about a token: one of its own, or one that was made for an
// API of its.
func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) (any, error) {
	p := form(w, r)
	if err := p.check(); err != nil {
		return nil, err
	}
	app, err := h.authenticate(r, p)
	if err != nil {
		return nil, err
	}
	if app.Public() {
		return nil, invalidClient // anybody could ask in its name
	}
	if !p.has("token") {
		return nil, bad("invalid_request", "token is missing")
	}
	if n, ok := openHandle(h.Ring, handleRefresh, p.get("token")); ok {
		return h.introspectRefresh(r.Context(), app, n)
	}
	a, ok, err := h.look(r.Context(), p.get("token"))
	if err != nil {
		return nil, err
	}
	mine := a.Client == string(app.ID) || slices.ContainsFunc(h.resources(app.App), func(res string) bool { return a.Audience.has(res) })
	if !ok || !mine {
		return inactive, nil
	}
	kind := "Bearer"
	if a.Bound != nil {
		kind = "DPoP"
	}
	return introspected{Active: true, Type: kind, Act: a.Act, Bound: a.Bound, Scope: a.Scope, Client: a.Client, Login: a.user.Login, Subject: a.Subject, Issuer: a.Issuer, Audience: a.Audience,
		Expires: a.Expires, Issued: a.Issued, ID: a.ID, AuthTime: a.AuthTime, ACR: a.ACR, AMR: a.AMR, TenantID: a.TenantID, Tenant: a.Tenant}, nil
}

func (h *Handler) introspectRefresh(ctx context.Context, app *directory.Registered, n handle) (any, error) {
	var f core.Family
	var u core.User
	err := h.Store.View(ctx, n.Tenant, func(r store.Reader) (err error) {
		if f, err = r.Family(n.Family); err == nil {
			u, err = r.User(f.User)
		}
		return err
	})
	if err := unlessUnknown(err); err != nil {
		return nil, err
	}
	eff := policy.Effective{}
	if err == nil {
		if eff, err = h.Tree.Effective(ctx, u.Tenant); unlessUnknown(err) != nil {
			return nil, err
		}
	}
	// What was made shorter since holds (see session.Renew).
	if err != nil || !h.Now().Before(f.CreatedAt.Add(eff.RefreshLife(app.App))) || f.App != app.ID || !f.Live(h.Now()) || f.Seq != n.Seq || u.State != core.UserActive && u.State != core.UserValidated {
		return inactive, nil
	}
	return introspected{Active: true, Scope: joined(f.Doc.Scopes), Client: string(f.App), Login: u.Login, Subject: string(f.User), Issuer: h.Issuer,
		Expires: f.ExpiresAt.Unix(), Issued: f.CreatedAt.Unix(), AuthTime: f.Doc.AuthTime.Unix(), ACR: f.Level.ACR(), AMR: f.Doc.Methods, TenantID: string(f.Tenant)}, nil
}

// revoke ends the tokens of a sign-in. A token that is not known, or another app's, is
// the same as one that is revoked already; only what could not be done is said (rows
// O-20, B-41).
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) (any, error) {
	p := form(w, r)
	if err := p.check(); err != nil {
		return nil, err
	}
	app, err := h.authenticate(r, p)
	if err != nil {
		return nil, err
	}
	if !p.has("token") {
		return nil, bad("invalid_request", "token is missing")
	}
	tenant, family := core.TenantID(""), core.FamilyID("")
	if n, ok := openHandle(h.Ring, handleRefresh, p.get("token")); ok {
		tenant, family = n.Tenant, n.Family
	} else if c, ok := h.verify(p.get("token"), typeAccess); ok && c.Client == string(app.ID) && h.Now().Unix() < c.Expires {
		if c.Family == "" || c.Act != nil { // the family is another app's
			return nil, h.spend(r.Context(), c)
		}
		tenant, family = core.TenantID(c.TenantID), core.FamilyID(c.Family)
	}
	if family == "" {
		return nil, nil
	}
	err = h.Store.Update(r.Context(), tenant, func(tx store.Tx) error {
		f, err := tx.Family(family)
		if err != nil || f.App != app.ID || !f.EndedAt.IsZero() {
			return err
		}
		return session.EndFamily(tx, f, session.WhyGivenBack, h.client(r))
	})
	return nil, unlessUnknown(err)
}

func (h *Handler) spend(ctx context.Context, c claims) error {
	err := h.Store.Update(ctx, core.TenantID(c.TenantID), func(tx store.Tx) error {
		return tx.Spend(core.SpentAccess, mark(c), unix(c.Expires))
	})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
