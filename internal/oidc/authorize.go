package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

func (h *Handler) getAuthorize(w http.ResponseWriter, r *http.Request) error {
	a, app, shown, sent := h.read(r.Context(), query(r))
	switch {
	case shown != nil:
		return shown
	case sent != nil:
		return h.refuse(w, a, sent)
	}
	return h.proceed(w, r, a, app, false)
}

// postAuthorize takes a request that was sent as a form. From another site the
// browser's cookies did not come along, so it goes on as a GET.
func (h *Handler) postAuthorize(w http.ResponseWriter, r *http.Request) error {
	a, _, shown, sent := h.read(r.Context(), form(w, r))
	switch {
	case shown != nil:
		return shown
	case sent != nil:
		return h.refuse(w, a, sent)
	}
	sealed, err := h.seal(a)
	if err != nil {
		return err
	}
	return web.GoTo(back(sealed))
}

// getContinue is where a sign-in comes back to. Everything is looked at anew.
func (h *Handler) getContinue(w http.ResponseWriter, r *http.Request) error {
	a, app, err := h.again(r, query(r).get("request"))
	if err != nil {
		return err
	}
	return h.proceed(w, r, a, app, false)
}

// again reads a sealed request; an app that was stopped or lost its way back meanwhile
// is not known any more.
func (h *Handler) again(r *http.Request, sealed string) (asked, *directory.Registered, error) {
	a, err := h.unseal(sealed)
	if err != nil {
		return a, nil, err
	}
	app, err := h.Apps.Find(r.Context(), a.App)
	if err == nil && a.Device != "" {
		_, err := h.waiting(r.Context(), a, app)
		return a, app, err
	}
	tested := a.Test != "" && a.Redirect == TestPath(a.App)
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound || err == nil && !tested && !directory.SameRedirect(app.Doc.RedirectURIs, a.Redirect, app.Public()) {
		return a, nil, core.NewFault(core.KindInvalid, "app.unknown")
	}
	return a, app, err
}

// refuse tells the app, with who says so (row O-15).
func (h *Handler) refuse(w http.ResponseWriter, a asked, why *refusal) error {
	if a.Device != "" {
		// There is no app in this browser that could be told.
		return core.NewFault(core.KindForbidden, "device.not_enough")
	}
	return sendTo(w, a.Redirect, "error", why.Code, "error_description", why.About, "state", a.State, "iss", h.Issuer)
}

// Refusals that an app gets of a request that was right.
var (
	loginRequired       = bad("login_required", "nobody is signed in, or not as asked")
	interactionRequired = bad("interaction_required", "the person has something to answer first")
	consentRequired     = bad("consent_required", "the person was not asked yet")
	accessDenied        = bad("access_denied", "the person may not, or did not want to")
	unmetRequirements   = bad("unmet_authentication_requirements", "the level that was asked for cannot be reached")
)

// proceed decides what comes next, each time from the beginning. It is the only place
// that does. allowed is set when the person has just given their consent.
func (h *Handler) proceed(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, allowed bool) error {
	none := a.prompts("none")
	cur, err := h.current(r)
	switch {
	case errors.Is(err, core.ErrNoSession) && none:
		return h.refuse(w, a, loginRequired)
	case errors.Is(err, core.ErrNoSession):
		return h.signIn(a, false)
	case err != nil && none && errors.Is(err, core.ErrOutsideNetwork):
		return h.refuse(w, a, accessDenied)
	case err != nil:
		return err
	case cur.Session.ActingIn != "" && none:
		return h.refuse(w, a, interactionRequired)
	case cur.Session.ActingIn != "":
		return session.ErrActing
	}
	anew := !cur.Session.CreatedAt.Before(a.began()) // this session came of this request
	if !fresh(a, cur.Session, h.Now()) || a.Person != "" && a.Person != cur.User.ID {
		if none || anew {
			return h.refuse(w, a, loginRequired)
		}
		return h.signIn(a, true)
	}
	is, err := h.Apps.For(r.Context(), app, cur.User.Tenant)
	if err != nil {
		return err
	}
	if !is && none {
		return h.refuse(w, a, accessDenied)
	}
	if !is {
		return core.NewFault(core.KindForbidden, "app.not_for_you")
	}
	if on, err := h.show(w, r, a, app, cur, anew); on || err != nil {
		return err
	}
	if !allowed {
		due, err := h.consentDue(r, a, app, cur)
		switch {
		case err != nil:
			return err
		case due && none:
			return h.refuse(w, a, consentRequired)
		case a.Device != "":
			return h.askDevice(w, r, a, app, cur, nil)
		case due:
			return h.askConsent(w, r, a, app, cur, nil)
		}
	}
	return h.issue(w, r, a, app, cur, allowed)
}

// fresh reports whether the session is as new as the app wants it (row C-02).
func fresh(a asked, s core.Session, now time.Time) bool {
	if (a.prompts("login") || a.prompts("select_account")) && s.CreatedAt.Before(a.began()) {
		return false
	}
	if a.MaxAge == nil {
		return true
	}
	at := s.Doc.AuthTime()
	// Shown since the request began is as fresh as it gets, however small the number.
	return !at.Before(a.began()) || now.Sub(at) <= time.Duration(*a.MaxAge)*time.Second
}

// signIn sends the person to the door. It is told where to come back to, and nothing
// else of what is asked; see Lead.
func (h *Handler) signIn(a asked, again bool) error {
	sealed, err := h.seal(a)
	if err != nil {
		return err
	}
	to := "/sign-in?return_to=" + url.QueryEscape(back(sealed))
	if again {
		to += "&again=yes"
	}
	if a.Login != "" {
		to += "&login_hint=" + url.QueryEscape(a.Login)
	}
	return web.GoTo(to)
}

// show sends the person to where they show what the resolver asks for, if it does; on
// says that an answer was written.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, cur session.Current, anew bool) (on bool, err error) {
	none := a.prompts("none")
	d, more, err := h.decide(r, a, app, cur)
	if err != nil {
		return false, err
	}
	refuse := func(why *refusal) (bool, error) { return true, h.refuse(w, a, why) }
	verify := func() (bool, error) {
		// Shown already for this very request, and still not enough: showing it again
		// would go round in circles.
		if !cur.Session.RotatedAt.Before(a.began()) && !cur.Session.Doc.AuthTime().Before(a.began()) && !anew {
			return refuse(unmetRequirements)
		}
		sealed, err := h.seal(a)
		if err != nil {
			return false, err
		}
		return false, web.GoTo("/account/verify?next=" + url.QueryEscape(back(sealed)))
	}
	switch d.Outcome {
	case policy.Allowed:
		if more && !none {
			return verify()
		}
		return false, nil
	case policy.Prove:
		if none {
			return refuse(loginRequired)
		}
		if slices.Contains(d.Methods, core.FactorPassword) {
			return false, h.signIn(a, true)
		}
		return verify()
	case policy.Enrol, policy.MaySkip:
		if none {
			return refuse(interactionRequired)
		}
		if anew {
			return refuse(unmetRequirements)
		}
		return false, h.signIn(a, true) // the sign-in sets one up, because the app asks for it
	}
	if a.least() != core.LevelNone {
		return refuse(unmetRequirements)
	}
	return refuse(accessDenied)
}

// decide asks the resolver; more says that the person could show more now, which the
// app would like and does not insist on.
func (h *Handler) decide(r *http.Request, a asked, app *directory.Registered, cur session.Current) (d policy.Decision, more bool, err error) {
	err = h.Store.View(r.Context(), cur.User.Tenant, func(rd store.Reader) error {
		ask, err := h.question(rd, r, a, app, cur)
		if err != nil {
			return err
		}
		if d, err = session.Decide(rd, ask); err != nil || d.Outcome != policy.Allowed || len(a.Levels) == 0 {
			return err
		}
		want := lowest(a.Levels)
		if d.Level.AtLeast(want) || policy.Lost(ask.Factors) || !policy.Enrolled(ask.Factors) {
			return nil
		}
		ask.Level = want
		better, err := session.Decide(rd, ask)
		more = better.Outcome == policy.Prove
		return err
	})
	return d, more, err
}

// question is what the gate is asked, of rows read in this transaction.
func (h *Handler) question(rd store.Reader, r *http.Request, a asked, app *directory.Registered, cur session.Current) (session.AskFamily, error) {
	ask := session.AskFamily{Effective: cur.Effective, App: app.App, Level: a.least(), Client: h.client(r), Offline: slices.Contains(a.Scopes, core.ScopeOffline),
		Doc: core.FamilyDoc{Scopes: a.Scopes, Resources: a.Resources, RedirectURI: a.Redirect, Challenge: a.Challenge, Nonce: a.Nonce, Key: a.Key}}
	var err error
	if ask.Session, err = rd.Session(cur.Session.ID); err != nil {
		return ask, core.ErrNoSession
	}
	// The idle end is moved in batches; the check that let this request in knows better.
	ask.Session.IdleUntil = cur.Session.IdleUntil
	if ask.User, err = rd.User(cur.User.ID); err != nil {
		return ask, err
	}
	ask.Factors, err = rd.Factors(cur.User.ID)
	return ask, err
}

// consentDue: the house's own apps ask nobody. An app that anybody could pose as, on
// the person's own device, asks each time (row A-25).
func (h *Handler) consentDue(r *http.Request, a asked, app *directory.Registered, cur session.Current) (bool, error) {
	if a.Device != "" || a.prompts("consent") {
		return true, nil // whoever stands before a device must be asked, each time
	}
	if app.Doc.FirstParty {
		return false, nil
	}
	if u, err := url.Parse(a.Redirect); app.Public() && (err != nil || u.Scheme != "https") {
		return true, nil
	}
	due := true
	err := h.Store.View(r.Context(), cur.User.Tenant, func(rd store.Reader) error {
		c, err := rd.Connection(cur.User.ID, app.ID)
		if errors.Is(err, core.ErrNotFound) {
			return nil
		}
		due = !c.Allows(a.Scopes)
		return err
	})
	return due, err
}

// usedDaily is how coarse the last use of an app is written.
const usedDaily = 24 * time.Hour

// issue goes through the gate and gives the app its code.
func (h *Handler) issue(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, cur session.Current, allowed bool) error {
	var f core.Family
	err := h.Store.Update(r.Context(), cur.User.Tenant, func(tx store.Tx) error {
		if a.Pushed != "" {
			if err := tx.Spend(core.SpentPushed, []byte(a.Pushed), h.Now().Add(2*askedLife)); err != nil {
				return err
			}
		}
		ask, err := h.question(tx, r, a, app, cur)
		if err != nil {
			return err
		}
		if a.Device != "" {
			ask.Offline, ask.Life, ask.Via = true, deviceLife, "device"
		}
		if f, err = session.OpenFamily(tx, ask); err != nil {
			return err
		}
		if a.Device != "" {
			if err := tx.AnswerDevice(a.Device, core.DeviceAllowed, f.ID); err != nil {
				return err
			}
		}
		if a.Test != "" {
			return nil // trying it out is not using it, and allows it nothing
		}
		return h.connect(tx, r, a, app, cur, allowed)
	})
	if a.Device != "" {
		if errors.Is(err, store.ErrConflict) {
			return errDeviceGone
		}
		if err != nil {
			return err
		}
		return web.GoTo(pathDone)
	}
	if errors.Is(err, store.ErrConflict) && a.Pushed != "" {
		return h.refuse(w, a, bad("invalid_request_uri", "it was used"))
	}
	if err != nil {
		return err
	}
	code, err := handle{f.Tenant, f.ID, 0}.seal(h.Ring, handleCode)
	if err != nil {
		return err
	}
	return sendTo(w, a.Redirect, "code", code, "state", a.State, "iss", h.Issuer)
}

// connect remembers that the person uses the app, and what they allowed it.
func (h *Handler) connect(tx store.Tx, r *http.Request, a asked, app *directory.Registered, cur session.Current, allowed bool) error {
	c, err := tx.Connection(cur.User.ID, app.ID)
	isNew := errors.Is(err, core.ErrNotFound)
	if err != nil && !isNew {
		return err
	}
	if isNew {
		c = core.Connection{Tenant: cur.User.Tenant, User: cur.User.ID, App: app.ID, FirstUsedAt: tx.Now()}
	}
	if !isNew && !allowed && tx.Now().Sub(c.LastUsedAt) < usedDaily {
		return nil
	}
	c.LastUsedAt = tx.Now()
	if allowed {
		for _, s := range a.Scopes {
			if !slices.Contains(c.Scopes, s) {
				c.Scopes = append(c.Scopes, s)
			}
		}
		c.ConsentedAt = tx.Now()
		e := audit.By(audit.AppConsented, cur.User.ID, h.client(r))
		e.Session = cur.Session.ID
		e = audit.Note(audit.Note(e, "app", string(app.ID)), "scopes", joined(a.Scopes))
		if err := tx.Append(e); err != nil {
			return err
		}
	}
	return tx.SaveConnection(c)
}
