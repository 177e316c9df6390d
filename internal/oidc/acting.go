package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Token exchange (RFC 8693, rows and B-38): a server that was sent a
// person's token gets one of its own, with which it acts for that person at the next
// server. The token says both names. It is for no more than the one that was sent, in
// scope, audience, level and time, and belongs to the same family, so that it ends with
// the sign-in that it came of.

const (
	tokenAccess = "urn:ietf:params:oauth:token-type:access_token"
	// actors is how long a line of those who act for each other may be.
	actors = 4
	// actedEvery is how often the log has it that an app acts in a sign-in.
	actedEvery = time.Hour
)

// actor acts for the subject of a token.
type actor struct {
	Subject string `json:"sub"`
	Act     *actor `json:"act,omitempty"`
}

func (a *actor) length() int {
	if a == nil {
		return 0
	}
	return 1 + a.Act.length()
}

// badSubject is one answer for every token that cannot be exchanged (RFC 8693, section
// 2.2.2): whose it is and why not, nobody learns.
var badSubject = bad("invalid_request", "the subject token or the actor token is not valid, or not for this app")

func (h *Handler) actFor(r *http.Request, app *directory.Registered, p params, key string) (any, error) {
	switch {
	case p.get("subject_token") == "":
		return nil, bad("invalid_request", "subject_token is missing")
	case p.get("subject_token_type") != tokenAccess:
		return nil, bad("invalid_request", "subject_token_type must be that of an access token")
	case p.has("requested_token_type") && p.get("requested_token_type") != tokenAccess:
		return nil, bad("invalid_request", "only access tokens are issued")
	case p.has("actor_token") != p.has("actor_token_type"):
		return nil, bad("invalid_request", "actor_token and actor_token_type belong together")
	case p.has("actor_token") && p.get("actor_token_type") != tokenAccess:
		return nil, bad("invalid_request", "actor_token_type must be that of an access token")
	}
	was, err := h.exchangeable(r.Context(), app, p, key)
	if err != nil {
		return nil, err
	}
	g := granted{family: was.family, user: was.user, scopes: slices.DeleteFunc(words(was.Scope), func(s string) bool { return s == core.ScopeOffline }),
		resources: slices.Clone(was.Audience), key: key}
	if err := g.narrow(p, true); err != nil {
		return nil, err
	}
	if who := p.get("audience"); who != "" {
		if !slices.Contains(g.resources, who) {
			return nil, bad("invalid_target", "more than was granted")
		}
		g.resources = []string{who}
	}
	eff, err := h.Tree.Effective(r.Context(), was.user.Tenant)
	if err != nil {
		return nil, err
	}
	if err := h.mayAct(r, app, was, eff); err != nil {
		return nil, err
	}
	now := h.Now()
	till := now.Add(eff.AccessLife(app.App))
	for _, end := range []time.Time{unix(was.Expires), was.family.ExpiresAt} {
		if end.Before(till) {
			till = end
		}
	}
	c := claims{Issuer: h.Issuer, Subject: was.Subject, Audience: g.resources, Expires: till.Unix(), Issued: now.Unix(), ID: secret.Token(), Client: string(app.ID), Scope: joined(g.scopes),
		AuthTime: was.AuthTime, ACR: was.ACR, AMR: was.AMR, Session: was.Session, TenantID: string(was.user.Tenant), Tenant: was.Tenant, Family: was.Family,
		Act: &actor{string(app.ID), was.Act}}
	kind := c.bind(g.key)
	access, err := h.sign(r.Context(), app.SignedWith(), typeAccess, c)
	if err != nil {
		return nil, err
	}
	return tokens{Access: access, Type: kind, Expires: seconds(till.Sub(now)), Scope: c.Scope, Issued: tokenAccess}, nil
}

// exchangeable finds the person's token that an app was sent: one that counts now, for
// an API of this app's or made for it, of somebody whom the app is for. A token of a
// program is nobody's to act for.
func (h *Handler) exchangeable(ctx context.Context, app *directory.Registered, p params, key string) (alive, error) {
	was, ok, err := h.look(ctx, p.get("subject_token"))
	if err != nil {
		return was, err
	}
	mine := was.Client == string(app.ID) || slices.ContainsFunc(h.resources(app.App), func(res string) bool { return was.Audience.has(res) })
	if !ok || !mine || was.Family == "" || was.Act.length() >= actors || was.Bound != nil && was.Bound.Thumbprint != key {
		return was, badSubject
	}
	is, err := h.Apps.For(ctx, app, was.user.Tenant)
	if err != nil {
		return was, err
	}
	if !is {
		return was, badSubject
	}
	if !p.has("actor_token") {
		return was, nil
	}
	// Whoever acts is the app that asks; a token of its own may say so, and no other.
	own, ok, err := h.look(ctx, p.get("actor_token"))
	if err != nil {
		return was, err
	}
	if !ok || own.Family != "" || own.Subject != string(app.ID) || own.Bound != nil && own.Bound.Thumbprint != key {
		return was, badSubject
	}
	return was, nil
}

// mayAct asks the gate: what was shown at the sign-in must be enough for this app, too.
// It writes down who acts for whom.
func (h *Handler) mayAct(r *http.Request, app *directory.Registered, was alive, eff policy.Effective) error {
	var d policy.Decision
	known := false
	line := []byte(was.Family + " " + string(app.ID))
	err := h.Store.View(r.Context(), was.user.Tenant, func(rd store.Reader) (err error) {
		ask := session.AskFamily{User: was.user, Effective: eff, App: app.App, Client: h.client(r)}
		if ask.Session, err = rd.Session(was.family.Session); err != nil {
			return err
		}
		if ask.Factors, err = rd.Factors(was.user.ID); err != nil {
			return err
		}
		if known, err = rd.Spent(core.SpentActing, line); err != nil {
			return err
		}
		d, err = session.Decide(rd, ask)
		return err
	})
	if err != nil {
		if unlessUnknown(err) == nil {
			return badSubject // nobody knows any more what was shown
		}
		return err
	}
	if d.Outcome != policy.Allowed || !was.family.Level.AtLeast(app.Doc.RequiredLevel) {
		return unmetRequirements
	}
	if known {
		return nil
	}
	err = h.Store.Update(r.Context(), was.user.Tenant, func(tx store.Tx) error {
		if err := tx.Spend(core.SpentActing, line, tx.Now().Add(actedEvery)); err != nil {
			return err
		}
		e := audit.On(audit.AppActed, string(app.ID), string(was.user.ID), h.client(r))
		e.Session = was.family.Session
		return tx.Append(audit.Note(audit.Note(e, "app", string(app.ID)), "of", string(was.family.App)))
	})
	if errors.Is(err, store.ErrConflict) {
		return nil // another request wrote it
	}
	return err
}

// stillFor reports whether a token is its app's: the one that the family was opened for,
// or one that acts, as long as it may and the first one works.
func (h *Handler) stillFor(ctx context.Context, a alive) (bool, error) {
	if a.Act == nil {
		return a.family.App == a.app.ID, nil
	}
	_, err := h.Apps.Find(ctx, a.family.App)
	return err == nil && a.app.May(core.GrantExchange) && a.Act.Subject == string(a.app.ID), unlessUnknown(err)
}
