package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/i18n"
	"sallyport/internal/web"
)

func locales() (out []string) {
	for _, l := range i18n.Languages() {
		out = append(out, l.Tag)
	}
	return out
}

// leaving is a request to sign out, as it waits for the person's answer.
type leaving struct {
	App   core.AppID `json:"app,omitempty"`
	To    string     `json:"to,omitempty"` // compared with what is registered
	State string     `json:"state,omitempty"`
	At    int64      `json:"at"`
}

const sealLeaving = "logout request"

func (h *Handler) sealLeaving(l leaving) (string, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	sealed, err := h.Ring.Seal(plain, sealLeaving)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (h *Handler) unsealLeaving(text string) (l leaving, err error) {
	gone := core.NewFault(core.KindConflict, "app.request_expired")
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > longest {
		return l, gone
	}
	plain, err := h.Ring.Open(sealed, sealLeaving)
	if err != nil || json.Unmarshal(plain, &l) != nil || h.Now().Sub(time.UnixMicro(l.At)) > askedLife {
		return leaving{}, gone
	}
	return l, nil
}

// postLogout takes a request that was sent as a form. From another site the browser's
// cookies did not come along, so it goes on as a GET.
func (h *Handler) postLogout(w http.ResponseWriter, r *http.Request) error {
	p := form(w, r)
	if err := p.check(); err != nil {
		return core.NewFault(core.KindInvalid, "app.unknown")
	}
	q := url.Values{}
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"} {
		if p.has(name) {
			q.Set(name, p.get(name))
		}
	}
	return web.GoTo(pathLogout + "?" + q.Encode())
}

// getLogout signs out at once where an ID token of this very session shows that its app
// asks; else the person is asked (row L-01). Nobody is sent to an address that the app
// did not register (row L-02).
func (h *Handler) getLogout(w http.ResponseWriter, r *http.Request) error {
	p := query(r)
	if p.check() != nil {
		return core.NewFault(core.KindInvalid, "app.unknown")
	}
	hint, hinted := claims{}, false
	if text := p.get("id_token_hint"); text != "" {
		hint, hinted = h.hinted(text)
	}
	l, app, err := h.leavingOf(r, p, hint, hinted)
	if err != nil {
		return err
	}
	cur, err := h.current(r)
	switch {
	case errors.Is(err, core.ErrNoSession):
		// Nobody is signed in: there is nothing to ask about. Only who shows an ID token
		// of theirs is sent on, or this would send anybody anywhere registered.
		if hinted {
			return h.left(w, l)
		}
		return web.GoTo("/signed-out")
	case err != nil && !errors.Is(err, core.ErrOutsideNetwork): // out is open from everywhere
		return err
	}
	if hinted && hint.Subject == string(cur.User.ID) && hint.Session == string(cur.Session.ID) {
		return h.leave(w, r, cur.Session, l)
	}
	sealed, err := h.sealLeaving(l)
	if err != nil {
		return err
	}
	page := LogoutPage{Page: web.Page{Org: web.Org{Name: cur.Effective.Name()}, Person: cur.User.Name, Zone: cur.Effective.Zone(), Now: h.Now()},
		Action: pathConfirm, Hidden: []web.Hidden{{Name: "request", Value: sealed}}}
	if app != nil {
		page.App = app.Name
	}
	if l.To != "" {
		web.FormAction(w, origin(l.To))
	}
	r = web.WithLanguage(r, cur.User.Locale, p.get("ui_locales"), cur.Effective.Settings.Locale)
	return web.Render(w, r, http.StatusOK, Logout(page))
}

// leavingOf finds the app and whether its way back is one of its own. A way back that
// is not is refused here, before anybody is asked anything.
func (h *Handler) leavingOf(r *http.Request, p params, hint claims, hinted bool) (l leaving, app *directory.Registered, err error) {
	l.At = h.Now().UnixMicro()
	id := p.get("client_id")
	if hinted {
		if id != "" && !hint.Audience.has(id) {
			return l, nil, core.NewFault(core.KindInvalid, "app.unknown")
		}
		if id == "" && len(hint.Audience) == 1 {
			id = hint.Audience[0]
		}
	}
	if id != "" {
		app, err = h.Apps.Find(r.Context(), core.AppID(id))
		if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
			app, err = nil, nil
		}
		if err != nil {
			return l, nil, err
		}
	}
	to := p.get("post_logout_redirect_uri")
	if to == "" {
		return l, app, nil
	}
	if app == nil || !slices.Contains(app.Doc.LogoutURIs, to) || len(p.get("state")) > longState {
		return l, nil, core.NewFault(core.KindInvalid, "app.unknown")
	}
	l.App, l.To, l.State = app.ID, to, p.get("state")
	return l, app, nil
}

func (h *Handler) postConfirm(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "request", "go")
	if err != nil {
		return err
	}
	l, err := h.unsealLeaving(f.Get("request"))
	if err != nil {
		return err
	}
	if f.Get("go") != "yes" {
		return core.Invalid("form.invalid", "field", "go")
	}
	cur, err := h.current(r)
	if errors.Is(err, core.ErrNoSession) {
		return h.left(w, l)
	}
	if err != nil && !errors.Is(err, core.ErrOutsideNetwork) {
		return err
	}
	return h.leave(w, r, cur.Session, l)
}

// leave ends the session.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, s core.Session, l leaving) error {
	if err := h.End(r.Context(), s, h.client(r)); err != nil {
		return err // still signed in, and said so
	}
	h.Cookies.Clear(w, web.SessionCookie)
	h.Cookies.Clear(w, web.AttemptCookie)
	return h.left(w, l)
}

func (h *Handler) left(w http.ResponseWriter, l leaving) error {
	if l.To == "" {
		return web.GoTo("/signed-out")
	}
	return sendTo(w, l.To, "state", l.State)
}
