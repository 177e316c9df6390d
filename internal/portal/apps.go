package portal

import (
	"net/http"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/session"
	"sallyport/internal/web"
)

// AppItem is an app that somebody uses.
type AppItem struct {
	ID     string
	Name   string
	Since  time.Time
	Used   time.Time
	Scopes []string // what was allowed; none where nobody was asked
	Live   int      // sign-ins that it has tokens of
	Gone   bool
}

// AppsPage lists the apps that somebody uses, and takes them away.
type AppsPage struct {
	web.Page
	Items  []AppItem
	Action string // takes "app", the id
}

func (h *Handler) getApps(w http.ResponseWriter, r *http.Request) error {
	cur := current(r)
	all, err := session.ConnectedApps(r.Context(), h.Store, cur.Session.Tenant, cur.User.ID)
	if err != nil {
		return err
	}
	p := AppsPage{Page: h.page(r, nil), Action: "/account/apps"}
	for _, a := range all {
		p.Items = append(p.Items, AppItem{ID: string(a.App), Name: a.Name, Since: a.FirstUsedAt, Used: a.LastUsedAt, Scopes: a.Scopes, Live: a.Live, Gone: a.Gone})
	}
	return web.Render(w, r, http.StatusOK, Apps(p))
}

func (h *Handler) postApp(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "app")
	if err != nil {
		return err
	}
	if err := session.DisconnectOwn(r.Context(), h.Store, current(r).Session, core.AppID(f.Get("app")), h.Proxies.Client(r)); err != nil {
		return err
	}
	return h.done(w, "/account/apps", "app_disconnected")
}
