package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// AppTester signs the caller in to an app from its page, to see what it would be told.
type AppTester interface {
	// BeginTest says where the browser goes; with anew the caller signs in again.
	BeginTest(ctx context.Context, by Caller, app core.AppID, anew bool) (to string, err error)
	// EndTest takes what the address brought back. It holds no token.
	EndTest(ctx context.Context, by Caller, app core.AppID, q url.Values) (AppTested, error)
}

// AppTested is what an app would be told.
type AppTested struct {
	Error, About string // or why it would be refused
	ACR          string
	Methods      []string
	AuthTime     time.Time
	Token, Info  string // the claims, as JSON
}

// AppTestPage shows it.
type AppTestPage struct {
	Page
	View   AppView
	Result AppTested
}

func (h *Handler) postAppTest(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "anew")
	if err != nil {
		return err
	}
	me, v, err := h.which(r)
	if err != nil {
		return err
	}
	to, err := h.Tester.BeginTest(r.Context(), me, v.App.ID, f.Get("anew") == "yes")
	if err != nil {
		return err
	}
	return web.GoTo(to)
}

// getAppTest is where a test comes back to. Without anything it leads to the app.
func (h *Handler) getAppTest(w http.ResponseWriter, r *http.Request) error {
	me, v, err := h.which(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Get("state") == "" {
		return web.GoTo(appPath(v.App.ID))
	}
	out, err := h.Tester.EndTest(r.Context(), me, v.App.ID, q)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, AppTest(AppTestPage{h.page(r, v.Place, "apps", nil), v, out}))
}
