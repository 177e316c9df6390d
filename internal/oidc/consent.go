package oidc

import (
	"net/http"
	"slices"
	"strings"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

func joined(scopes []string) string { return strings.Join(scopes, " ") }

// askConsent shows what the app wants to know.
func (h *Handler) askConsent(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, cur session.Current, fault error) error {
	sealed, err := h.seal(a)
	if err != nil {
		return err
	}
	p := ConsentPage{Page: web.Page{Org: web.Org{Name: cur.Effective.Name(), App: app.Name}, Person: cur.User.Name, Zone: cur.Effective.Zone(), Now: h.Now(), Fault: fault},
		Action: pathConsent, App: app.Name, Login: cur.User.Login, Host: host(a.Redirect), Hidden: []web.Hidden{{Name: "request", Value: sealed}}}
	for _, s := range a.Scopes {
		p.Scopes = append(p.Scopes, Scope{Word: s, Known: slices.Contains(core.PersonScopes, s)})
	}
	web.FormAction(w, origin(a.Redirect))
	r = web.WithLanguage(r, cur.User.Locale, a.Locales, cur.Effective.Settings.Locale)
	if fault != nil {
		return web.Redraw(w, r, fault, Consent(p))
	}
	return web.Render(w, r, http.StatusOK, Consent(p))
}

// host is where an app is, as a person reads it.
func host(uri string) string {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, "?")
	return name
}

func (h *Handler) postConsent(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "request", "go")
	if err != nil {
		return err
	}
	a, app, err := h.again(r, f.Get("request"))
	if err != nil {
		return err
	}
	switch f.Get("go") {
	case "allow":
		// What the prompt asked for has happened; everything else is looked at anew.
		a.Prompt = slices.DeleteFunc(a.Prompt, func(p string) bool { return p == "consent" })
		return h.proceed(w, r, a, app, true)
	case "deny":
		return h.deny(w, r, a, app)
	}
	cur, err := h.current(r)
	if err != nil {
		return h.signIn(a, false)
	}
	return h.askConsent(w, r, a, app, cur, core.Invalid("form.invalid", "field", "go"))
}

func (h *Handler) deny(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered) error {
	cur, err := h.current(r)
	if err == nil {
		err = h.Store.Update(r.Context(), cur.User.Tenant, func(tx store.Tx) error {
			e := audit.By(audit.AppDenied, cur.User.ID, h.client(r))
			e.Session = cur.Session.ID
			return tx.Append(audit.Note(e, "app", string(app.ID)))
		})
	}
	if f, ok := core.AsFault(err); err != nil && (!ok || f.Kind == core.KindUnavailable) {
		return err
	}
	return h.refuse(w, a, accessDenied)
}
