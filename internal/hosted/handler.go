package hosted

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/recovery"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// Handler serves the pages of the door.
type Handler struct {
	SignIn    *signin.Service
	Recovery  *recovery.Service
	Directory *directory.Service
	Checker   *session.Checker
	Cookies   web.Cookies
	Proxies   web.Proxies
	Now       func() time.Time
	// Acting is what every page says while its reader acts elsewhere.
	Acting func(context.Context, session.Current) (*web.Acting, error)
	// End ends a session at its own wish.
	End func(context.Context, core.Session, core.Client) error
	// Leave ends the session that a new one in the same browser takes the place of.
	Leave func(ctx context.Context, old, opened core.Session, c core.Client) error
}

// deviceLife is how long a browser stays known without signing in.
const deviceLife = 400 * 24 * time.Hour // the most a browser keeps a cookie

// Routes are the rows of this face.
func (h *Handler) Routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /{$}", Handler: h.start, Guard: web.Public},
		{Pattern: "GET /sign-in", Handler: h.getSignIn, Guard: web.Public},
		{Pattern: "POST /sign-in", Handler: h.postSignIn, Guard: web.Public},
		{Pattern: "GET /sign-in/{attempt}", Handler: h.getAttempt, Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/code", Handler: h.getCode, Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/code", Handler: h.postCode, Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/reset-mfa", Handler: h.getPrompt(PromptMFA), Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/reset-mfa", Handler: h.postPrompt(PromptMFA), Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/reset-browsers", Handler: h.getPrompt(PromptBrowsers), Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/reset-browsers", Handler: h.postPrompt(PromptBrowsers), Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/setup-required", Handler: h.getSetup, Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/setup-required", Handler: h.postSetup, Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/confirm-mail", Handler: h.getConfirmMail, Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/confirm-mail", Handler: h.postConfirmMail, Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/confirm-mail/resend", Handler: h.postResendMail, Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/enrol-totp", Handler: h.getEnrol, Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/enrol-totp", Handler: h.postEnrol, Guard: web.Attempt},
		{Pattern: "GET /sign-in/{attempt}/new-password", Handler: h.getNewPassword, Guard: web.Attempt},
		{Pattern: "POST /sign-in/{attempt}/new-password", Handler: h.postNewPassword, Guard: web.Attempt},
		{Pattern: "POST /sign-out", Handler: h.postSignOut, Guard: web.Public},
		{Pattern: "GET /signed-out", Handler: h.signedOut, Guard: web.Public},
		{Pattern: "GET /invitation/{token}", Handler: h.getInvitation, Guard: web.Public},
		{Pattern: "POST /invitation/{token}", Handler: h.postInvitation, Guard: web.Public},
		{Pattern: "GET /reset", Handler: h.getResetAsk, Guard: web.Public},
		{Pattern: "POST /reset", Handler: h.postResetAsk, Guard: web.Public},
		{Pattern: "GET /reset/{token}", Handler: h.getReset, Guard: web.Public},
		{Pattern: "POST /reset/{token}", Handler: h.postReset, Guard: web.Public},
		{Pattern: "GET /admin-link/{token}", Handler: h.getAdminLink, Guard: web.Public},
		{Pattern: "POST /admin-link/{token}", Handler: h.postAdminLink, Guard: web.Public},
		{Pattern: "GET /confirm/{token}", Handler: h.getConfirm, Guard: web.Public},
		{Pattern: "POST /confirm/{token}", Handler: h.postConfirm, Guard: web.Public},
		{Pattern: "GET /email/{token}", Handler: h.getEmail, Guard: web.Public},
		{Pattern: "POST /email/{token}", Handler: h.postEmail, Guard: web.Public},
		{Pattern: "GET /.well-known/change-password", Handler: h.changePassword, Guard: web.Public},
	}
}

func (h *Handler) visitor(r *http.Request) signin.Visitor {
	return signin.Visitor{Client: h.Proxies.Client(r), Device: Device(h.Cookies, r), Browser: bounded(h.Cookies.Get(r, web.AttemptCookie))}
}

// longestDevice is the most that our own device cookie has: a secret for each
// person who uses the browser.
const longestDevice = 64 * core.MaxPeople

// Device is the device cookie of a request.
func Device(c web.Cookies, r *http.Request) string {
	if v := c.Get(r, web.DeviceCookie); len(v) <= longestDevice {
		return v
	}
	return ""
}

// Way is the page that stands between a sign-in and where it leads.
func Way(b signin.Between) string {
	switch b {
	case signin.BetweenCodes:
		return "/account/security/recovery-code"
	case signin.BetweenSheet:
		return "/account/security/setup-key"
	case signin.BetweenTrust:
		return "/account/trust-browser"
	}
	return "/account/"
}

// bounded drops a cookie or a word that none of ours can be.
func bounded(v string) string {
	if len(v) > 128 {
		return ""
	}
	return v
}

// page is what every page of an organisation has.
func (h *Handler) page(e policy.Effective) web.Page {
	return web.Page{Org: web.Org{Name: e.Name()}, Zone: e.Zone(), Now: h.Now()}
}

// follow sets the cookies of a step and goes to its page.
func (h *Handler) follow(w http.ResponseWriter, r *http.Request, id core.AttemptID, res signin.Result) error {
	if res.Browser != "" {
		h.Cookies.Set(w, web.AttemptCookie, res.Browser, core.AttemptLife)
	}
	if res.Device != "" {
		h.Cookies.Set(w, web.DeviceCookie, res.Device, deviceLife)
	}
	if res.Attempt != "" {
		id = res.Attempt
	}
	switch res.Step {
	case signin.StepDone:
		if res.Opened == nil {
			return web.GoTo("/account/")
		}
		if err := h.leave(r, res.Opened.Session); err != nil {
			return err
		}
		h.Cookies.Set(w, web.SessionCookie, res.Opened.Token, 0)
		if res.Between != signin.BetweenNothing {
			return web.GoTo(Way(res.Between))
		}
		return web.GoTo(destination(res.ReturnTo))
	case signin.StepPassword:
		return web.GoTo("/sign-in")
	}
	return web.GoTo("/sign-in/" + string(id) + "/" + string(res.Step))
}

// leave ends the session that this browser brought to a sign-in, whoever's it was:
// the new one takes its place, and the old token must not live on (row A-13).
func (h *Handler) leave(r *http.Request, opened core.Session) error {
	cur, err := h.current(r)
	if errors.Is(err, core.ErrNoSession) || err == nil && cur.Session.ID == opened.ID {
		return nil
	}
	if err != nil && !errors.Is(err, core.ErrOutsideNetwork) {
		return err
	}
	return h.Leave(r.Context(), cur.Session, opened, h.Proxies.Client(r))
}

// current is the session that this browser has.
func (h *Handler) current(r *http.Request) (session.Current, error) {
	return h.Checker.Check(r.Context(), h.Cookies.Get(r, web.SessionCookie), h.Proxies.Client(r).Address)
}

func destination(returnTo string) string {
	if returnTo == "" {
		return "/account/"
	}
	return web.LocalPath(returnTo)
}

// longestReturn is the most bytes of a place to go back to, and longestLead of one
// that leads into an app: what the app asked for travels in it.
const (
	longestReturn = 2000
	longestLead   = 12 << 10
)

// lead lets the forms of a page end at the app that an address leads into, and speaks
// the language that it asked for.
func (h *Handler) lead(w http.ResponseWriter, r *http.Request, returnTo string) (signin.Lead, *http.Request) {
	l := h.SignIn.Lead(r.Context(), returnTo)
	if l.Origin != "" {
		web.FormAction(w, l.Origin)
	}
	return l, r
}

// localReturn keeps a place to go back to when it is a page of ours, and not one
// of the door itself.
func (h *Handler) localReturn(r *http.Request, word string) string {
	if len(word) > longestLead || len(word) > longestReturn && h.SignIn.Lead(r.Context(), word).App.ID == "" {
		return ""
	}
	if word == "" || web.LocalPath(word) != word || word == "/" || strings.HasPrefix(word, "/sign") {
		return ""
	}
	return word
}

func attemptID(r *http.Request) core.AttemptID { return core.AttemptID(r.PathValue("attempt")) }

func action(r *http.Request, tail string) string {
	return "/sign-in/" + r.PathValue("attempt") + "/" + tail
}

// look reads an attempt for the page of one step; when it stands at another
// step, the way there is the error.
func (h *Handler) look(w http.ResponseWriter, r *http.Request, want signin.Step) (signin.Page, *http.Request, error) {
	p, err := h.SignIn.Look(r.Context(), attemptID(r), h.visitor(r))
	if err != nil {
		return p, r, err
	}
	if p.Step != want {
		return p, r, h.follow(w, r, attemptID(r), signin.Result{Step: p.Step})
	}
	lead, r := h.lead(w, r, p.Attempt.Doc.ReturnTo)
	return p, web.WithLanguage(r, p.User.Locale, lead.Locales, p.Effective.Settings.Locale), nil
}

func confirmed(factors []core.Factor, kind core.FactorKind) (core.Factor, bool) {
	for _, f := range factors {
		if f.Kind == kind && f.State == core.FactorConfirmed {
			return f, true
		}
	}
	return core.Factor{}, false
}

func textMode(r *http.Request) bool { return strings.EqualFold(r.URL.Query().Get("inputmode"), "text") }
