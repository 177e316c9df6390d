package oidc

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// An administrator may sign in to an app from its page, to see what it would be told.
// It is a real sign-in: the door, the resolver, what the app asks for, the consent,
// the code. Only where it leads back to is ours, and that address is registered for
// no app: it is taken of a request that we sealed ourselves, for one person and for as
// long as the sign-in may take, and refused of every other (row O-01 stands as it is).
// Nobody can send somebody through it, and what comes back is of use to nobody: the
// code is bound to a verifier that was thrown away, so the token endpoint never takes
// it, and the page that takes it makes no token and ends the sign-in at once. It shows
// the claims to the person whom they are about and who has the right to change the app.

// TestPath is where such a sign-in leads back to.
func TestPath(id core.AppID) string { return "/admin/apps/" + url.PathEscape(string(id)) + "/test" }

const (
	sealTest  = "test of an app"
	whyTested = "tested"
)

// trying is the state of a test on its way.
type trying struct {
	App  core.AppID  `json:"app"`
	User core.UserID `json:"user"`
	At   int64       `json:"at"`
}

// BeginTest is where a test of an app begins, for the person of a session. With anew
// the person signs in again, as somebody does who has no session.
func (h *Handler) BeginTest(ctx context.Context, cur session.Current, id core.AppID, anew bool) (string, error) {
	app, err := h.Apps.Find(ctx, id)
	if err != nil {
		return "", err
	}
	if !app.May(core.GrantCode) {
		return "", core.NewFault(core.KindConflict, "app.no_sign_in")
	}
	if cur.Session.ActingIn != "" {
		return "", session.ErrActing
	}
	now := h.Now().UnixMicro()
	state, err := h.sealed(trying{App: id, User: cur.User.ID, At: now}, sealTest)
	if err != nil {
		return "", err
	}
	a := asked{App: id, Redirect: TestPath(id), State: state, Nonce: secret.Token(), Challenge: thrownAway(), At: now, Person: cur.User.ID, Test: cur.User.ID,
		Scopes: append([]string{core.ScopeOpenID, core.ScopeProfile, core.ScopeEmail}, app.Doc.Scopes...)}
	if anew {
		a.Prompt = []string{"login"}
	}
	sealed, err := h.seal(a)
	return back(sealed), err
}

// thrownAway is the challenge of a verifier that nobody has.
func thrownAway() string { return secret.Token() }

// Tested is what came of a test: what the app would be told, or the error.
type Tested struct {
	Error, About string
	Level        core.Level
	Methods      []string
	AuthTime     time.Time
	// Token are the claims of the ID token, Info what userinfo says, as JSON. There is
	// no token.
	Token, Info []byte
}

// EndTest takes what a test brought back. One that another person began, or of another
// app, is as good as none.
func (h *Handler) EndTest(ctx context.Context, cur session.Current, id core.AppID, q url.Values, c core.Client) (Tested, error) {
	gone := core.NewFault(core.KindConflict, "app.request_expired")
	var t trying
	if !h.unsealed(q.Get("state"), sealTest, &t) || t.App != id || t.User != cur.User.ID || h.Now().Sub(time.UnixMicro(t.At)) > askedLife {
		return Tested{}, gone
	}
	app, err := h.Apps.Find(ctx, id)
	if err != nil {
		return Tested{}, err
	}
	note := func(tx store.Tx, level core.Level, result string) error {
		e := audit.On(audit.AppTested, string(cur.User.ID), string(id), c)
		e.Session = cur.Session.ID
		e = audit.Note(audit.Note(e, "app", string(id)), "result", result)
		if level != core.LevelNone {
			e = audit.Note(e, "level", string(level))
		}
		return tx.Append(e)
	}
	if word := q.Get("error"); word != "" {
		out := Tested{Error: known(word), About: ""}
		if out.Error == word {
			out.About = q.Get("error_description")
		}
		return out, h.Store.Update(ctx, cur.User.Tenant, func(tx store.Tx) error { return note(tx, core.LevelNone, out.Error) })
	}
	n, ok := openHandle(h.Ring, handleCode, q.Get("code"))
	if !ok || n.Tenant != cur.User.Tenant {
		return Tested{}, gone
	}
	g := granted{eff: cur.Effective}
	err = h.Store.Update(ctx, n.Tenant, func(tx store.Tx) error {
		f, err := tx.Family(n.Family)
		if err != nil {
			return err
		}
		// A second look at the page finds the code used up. Nothing is ended by that:
		// it was ended before, and nobody ever got anything for it.
		if f.App != id || f.User != cur.User.ID || f.Doc.RedirectURI != TestPath(id) || !f.CodeAt.IsZero() || !f.Live(tx.Now()) {
			return gone
		}
		if g.user, err = tx.User(f.User); err != nil {
			return err
		}
		present := session.Present{User: g.user, Effective: cur.Effective, From: c.Address, Client: c}
		if g.family, _, err = session.Exchange(tx, f, false, app.Access(), app.Refresh(), present); err != nil {
			return err
		}
		if err := tx.EndFamily(f.ID, whyTested); err != nil {
			return err
		}
		return note(tx, f.Level, "ok")
	})
	if err != nil {
		return Tested{}, plain(err, gone)
	}
	f := g.family
	g.scopes, g.nonce = f.Doc.Scopes, f.Doc.Nonce
	out := Tested{Level: f.Level, Methods: f.Doc.Methods, AuthTime: f.Doc.AuthTime}
	if out.Token, err = json.MarshalIndent(h.idClaims(app.App, g), "", "  "); err == nil {
		out.Info, err = json.MarshalIndent(infoOf(g.user, g.scopes, cur.Effective.Name()), "", "  ")
	}
	return out, err
}

// plain is the answer to a code that is not there any more.
func plain(err error, gone *core.Fault) error {
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
		return gone
	}
	return err
}

// known keeps what an address says of an error to what we say ourselves.
func known(word string) string {
	for _, r := range []*refusal{loginRequired, interactionRequired, consentRequired, accessDenied, unmetRequirements} {
		if r.Code == word {
			return word
		}
	}
	return "server_error"
}
