package console

import (
	"net/http"
	"strconv"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

func (h *Handler) apps(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseQuery(r, "cursor")
	if err != nil {
		return err
	}
	cursor, err := cursorOf(f)
	if err != nil {
		return err
	}
	list, err := h.Apps.AppsOf(r.Context(), me, place.Tenant.ID, cursor)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, AppsList(AppsPage{h.page(r, place, "apps", nil), list, cursor}))
}

// which finds the app that the address names, where it belongs.
func (h *Handler) which(r *http.Request) (Caller, AppView, error) {
	me := caller(r)
	v, err := h.Apps.App(r.Context(), me, core.AppID(r.PathValue("app")))
	return me, v, err
}

func (h *Handler) app(w http.ResponseWriter, r *http.Request) error {
	_, v, err := h.which(r)
	if err != nil {
		return err
	}
	snippets, err := Snippets(v.App, v.Issuer)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, App(AppPage{h.page(r, v.Place, "apps", nil), v, snippets}))
}

func (h *Handler) getNewApp(w http.ResponseWriter, r *http.Request) error {
	return h.drawNewApp(w, r, TypedApp{Auth: core.AppSecret, Consent: "ask", Alg: core.AlgES256}, nil)
}

func (h *Handler) drawNewApp(w http.ResponseWriter, r *http.Request, t TypedApp, fault error) error {
	_, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.ManageApps) {
		return core.ErrForbidden
	}
	return show(w, r, fault, AppForm(AppFormPage{Page: h.page(r, place, "apps", fault), Typed: t, New: true}))
}

func (h *Handler) postNewApp(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, appFields...)
	t := typedApp(f)
	var wish AppWish
	if err == nil {
		wish, err = t.wish(core.AppDoc{})
	}
	if err == nil {
		id, secret, made := h.Apps.CreateApp(r.Context(), me, place.Tenant.ID, wish)
		switch {
		case made != nil:
			err = made
		case secret == "":
			return web.GoTo(appPath(id, "?done=app_made"))
		default:
			p := AppSecretPage{Page: h.page(r, place, "apps", nil), App: core.App{ID: id, Name: wish.Name}, Secret: secret, Made: true}
			return web.Render(w, r, http.StatusOK, AppSecret(p))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawNewApp(w, r, t, err)
}

func (h *Handler) getEditApp(w http.ResponseWriter, r *http.Request) error {
	_, v, err := h.which(r)
	if err != nil {
		return err
	}
	return h.drawEditApp(w, r, v, typedOfApp(v.App), v.App.Version, nil)
}

func (h *Handler) drawEditApp(w http.ResponseWriter, r *http.Request, v AppView, t TypedApp, seen int64, fault error) error {
	t.Auth = v.App.Doc.Auth
	return show(w, r, fault, AppForm(AppFormPage{Page: h.page(r, v.Place, "apps", fault), Typed: t, ID: v.App.ID, Name: v.App.Name, Version: seen}))
}

func (h *Handler) postEditApp(w http.ResponseWriter, r *http.Request) error {
	me, v, err := h.which(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, appFields...)
	t := typedApp(f)
	t.Auth = v.App.Doc.Auth
	var wish AppWish
	if err == nil {
		wish, err = t.wish(v.App.Doc)
	}
	if err == nil {
		if err = h.Apps.SaveApp(r.Context(), me, v.App.ID, wish, versionOf(f)); err == nil {
			return web.GoTo(appPath(v.App.ID, "?done=app_saved"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawEditApp(w, r, v, t, versionOf(f), err)
}

var appDeedFields = []string{"days", "secret", "version", "confirm"}

func parseAppChange(d AppDeed, id core.AppID, f web.Form) (c AppChange, err error) {
	c = AppChange{App: id, Deed: d, Secret: f.Get("secret"), Version: versionOf(f)}
	if d != AppRotate {
		return c, nil
	}
	if c.Days = 7; f.Has("days") {
		if c.Days, err = strconv.Atoi(f.Get("days")); err != nil || c.Days < 0 {
			return c, core.Invalid("form.invalid", "field", "days")
		}
	}
	return c, nil
}

func (h *Handler) getAppDeed(d AppDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, fault := web.ParseQuery(r, appDeedFields...)
		me, v, err := h.which(r)
		if err != nil {
			return err
		}
		return h.drawAppDeed(w, r, me, v, d, f, fault)
	}
}

func (h *Handler) drawAppDeed(w http.ResponseWriter, r *http.Request, me Caller, v AppView, d AppDeed, f web.Form, fault error) error {
	ctx, word := r.Context(), string(d)
	p := DeedPage{DataPage: "app-" + word, Back: appPath(v.App.ID), BackName: v.App.Name, Action: appPath(v.App.ID, "/"+word), Danger: d == AppDelete || d == AppDisable || d == AppRetire,
		Title: web.T(ctx, "app_deed."+word), Submit: web.T(ctx, "app_deed_go."+word), Lede: web.Rich(ctx, "app_deed_for", "App", web.Name(v.App.Name), "What", web.T(ctx, "app_deed_text."+word)),
		Hidden: []web.Hidden{{Name: "version", Value: version(v.App.Version)}}}
	c, err := parseAppChange(d, v.App.ID, f)
	if fault == nil && err != nil {
		fault = err
	}
	if err == nil {
		e, err := h.Apps.PreviewApp(ctx, me, c)
		switch {
		case err == nil:
			if len(e.Lines) > 0 {
				p.Effect = &e
			}
			p.Confirm = e.Name
		case !mends(err):
			return err
		default:
			p.Closed = true
			if fault == nil {
				fault = err
			}
		}
	}
	switch d {
	case AppRotate:
		p.Fields = rotateFields(web.Page{Fault: fault}, c.Days)
	case AppRetire:
		p.Hidden = append(p.Hidden, web.Hidden{Name: "secret", Value: c.Secret})
	}
	p.Page = h.page(r, v.Place, "apps", fault)
	return show(w, r, fault, Deed(p))
}

func (h *Handler) postAppDeed(d AppDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := web.ParseForm(w, r, appDeedFields...)
		me, v, findErr := h.which(r)
		if findErr != nil {
			return findErr
		}
		var c AppChange
		if err == nil {
			c, err = parseAppChange(d, v.App.ID, f)
		}
		if err == nil && d == AppDelete && v.People > 0 && !confirmed(f.Get("confirm"), v.App.Name) {
			err = core.ErrConfirmRequired.With("field", "confirm")
		}
		if err == nil {
			made, err := h.Apps.ChangeApp(r.Context(), me, c)
			switch {
			case err != nil && !mends(err):
				return err
			case err != nil:
				return h.drawAppDeed(w, r, me, v, d, f, err)
			case made.Secret != "":
				return web.Render(w, r, http.StatusOK, AppSecret(AppSecretPage{Page: h.page(r, v.Place, "apps", nil), App: v.App, Secret: made.Secret, Until: made.Until}))
			case d == AppDelete:
				return web.GoTo(v.Place.Path("/apps?done=app_deleted"))
			}
			return web.GoTo(appPath(v.App.ID, "?done=app_saved"))
		}
		if !mends(err) {
			return err
		}
		return h.drawAppDeed(w, r, me, v, d, f, err)
	}
}

// The table of selected apps: each line has a switch of its own, and each switch a
// page that says what it does.

var selectFields = []string{"app", "go", "version"}

func parseSelect(f web.Form) (app core.AppID, on bool, err error) {
	if to := f.Get("go"); to != "on" && to != "off" {
		return "", false, core.Invalid("form.invalid", "field", "go")
	}
	return core.AppID(f.Get("app")), f.Get("go") == "on", nil
}

func (h *Handler) getSelect(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseQuery(r, selectFields...)
	if err == nil && !f.Has("app") {
		return h.toSecurity(w, r)
	}
	if err != nil {
		return h.drawSecurity(w, r, err)
	}
	return h.drawSelect(w, r, f, nil)
}

func (h *Handler) drawSelect(w http.ResponseWriter, r *http.Request, f web.Form, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	id, on, err := parseSelect(f)
	if err != nil {
		return h.drawSecurity(w, r, err)
	}
	e, app, err := h.Apps.PreviewSelect(r.Context(), me, place.Tenant.ID, id, on)
	if err != nil {
		if mends(err) {
			return h.drawSecurity(w, r, err)
		}
		return err
	}
	ctx, to := r.Context(), f.Get("go")
	p := DeedPage{DataPage: "select-app", Back: place.Path("/security"), BackName: web.T(ctx, "console.at_security"), Action: place.Path("/security/apps"), Effect: &e,
		Title: web.T(ctx, "selected.title_"+to), Submit: web.T(ctx, "selected.go_"+to), Lede: web.Rich(ctx, "selected.lede_"+to, "App", web.Name(app.App.Name)),
		Hidden: []web.Hidden{{Name: "app", Value: string(id)}, {Name: "go", Value: to}, {Name: "version", Value: version(e.Version)}}}
	p.Page = h.page(r, place, "security", fault)
	return show(w, r, fault, Deed(p))
}

func (h *Handler) postSelect(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, selectFields...)
	if err != nil {
		return err
	}
	id, on, err := parseSelect(f)
	if err == nil {
		if err = h.Apps.SelectApp(r.Context(), me, place.Tenant.ID, id, on, versionOf(f)); err == nil {
			return web.GoTo(place.Path("/security?done=app_switched"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawSelect(w, r, f, err)
}
