package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sallyport/internal/core"
	"sallyport/internal/hosted"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Handler serves the pages of the account.
type Handler struct {
	SignIn  *signin.Service
	Store   store.Store
	Checker *session.Checker
	Cookies web.Cookies
	Proxies web.Proxies
	Now     func() time.Time
	// Device names a browser in words, from what it says of itself.
	Device func(agent string) string
	// Acting is the banner of a session that acts for an organisation, else nil.
	Acting func(context.Context, session.Current) (*web.Acting, error)
}

// Routes are the rows of this face.
func (h *Handler) Routes() []web.Route {
	rows := h.rows()
	for i, row := range rows {
		rows[i].Handler = func(w http.ResponseWriter, r *http.Request) error {
			// Whoever acts elsewhere may prove themselves anew, and do nothing else here.
			if current(r).Session.ActingIn != "" && !strings.HasSuffix(row.Pattern, "/account/verify") {
				return session.ErrActing
			}
			return over(r, row.Handler(w, r))
		}
	}
	return rows
}

func (h *Handler) rows() []web.Route {
	return []web.Route{
		{Pattern: "GET /account", Handler: h.toHome, Guard: web.Session},
		{Pattern: "GET /account/{$}", Handler: h.home, Guard: web.FullSession},
		{Pattern: "GET /account/security/{$}", Handler: h.toSecurity, Guard: web.Session},
		{Pattern: "GET /account/security", Handler: h.security, Guard: web.Session},
		{Pattern: "GET /account/security/totp", Handler: h.getTOTP, Guard: web.Session},
		{Pattern: "POST /account/security/totp", Handler: h.postTOTP, Guard: web.Session},
		{Pattern: "GET /account/security/recovery-code", Handler: h.getRecoveryCode, Guard: web.Session},
		{Pattern: "POST /account/security/recovery-code", Handler: h.postRecoveryCode, Guard: web.Session},
		{Pattern: "POST /account/security/recovery-code/file", Handler: h.postRecoveryFile, Guard: web.Session},
		{Pattern: "GET /account/security/disable", Handler: h.getDisable, Guard: web.Session},
		{Pattern: "POST /account/security/disable", Handler: h.postDisable, Guard: web.Session},
		{Pattern: "GET /account/security/setup-key", Handler: h.getSheet, Guard: web.Session},
		{Pattern: "POST /account/security/setup-key", Handler: h.postSheet, Guard: web.Session},
		{Pattern: "GET /account/trust-browser", Handler: h.getTrust, Guard: web.Session},
		{Pattern: "POST /account/trust-browser", Handler: h.postTrust, Guard: web.Session},
		{Pattern: "GET /account/security/browsers", Handler: h.getBrowsers, Guard: web.Session},
		{Pattern: "GET /account/security/browsers/forget", Handler: h.getForget, Guard: web.Session},
		{Pattern: "POST /account/security/browsers/forget", Handler: h.postForget, Guard: web.Session},
		{Pattern: "GET /account/security/sessions", Handler: h.getSessions, Guard: web.Session},
		{Pattern: "POST /account/security/sessions", Handler: h.postSession, Guard: web.Session},
		{Pattern: "POST /account/security/sessions/others", Handler: h.postOthers, Guard: web.Session},
		{Pattern: "GET /account/apps", Handler: h.getApps, Guard: web.Session},
		{Pattern: "POST /account/apps", Handler: h.postApp, Guard: web.Session},
		{Pattern: "GET /account/security/confirm-mail", Handler: h.getConfirmMail, Guard: web.Session},
		{Pattern: "POST /account/security/confirm-mail", Handler: h.postConfirmMail, Guard: web.Session},
		{Pattern: "POST /account/security/confirm-mail/resend", Handler: h.postResendMail, Guard: web.Session},
		{Pattern: "GET /account/verify", Handler: h.getVerify, Guard: web.Session},
		{Pattern: "POST /account/verify", Handler: h.postVerify, Guard: web.Session},
		{Pattern: "GET /account/password", Handler: h.getPassword, Guard: web.Session},
		{Pattern: "POST /account/password", Handler: h.postPassword, Guard: web.Session},
		{Pattern: "GET /account/profile", Handler: h.getProfile, Guard: web.Session},
		{Pattern: "POST /account/profile", Handler: h.postProfile, Guard: web.Session},
	}
}

type currentKey struct{}

// Enter is the guard of rows that need somebody signed in. A GET without a
// session goes to the door and comes back; a form goes to the door alone,
// because what it carried cannot be kept.
func (h *Handler) Enter(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	cur, err := h.Checker.Check(r.Context(), h.Cookies.Get(r, web.SessionCookie), h.Proxies.Client(r).Address)
	if err != nil {
		return nil, over(r, err)
	}
	ctx := context.WithValue(r.Context(), currentKey{}, &cur)
	if cur.Session.ActingIn != "" {
		acting, err := h.Acting(ctx, cur)
		if err != nil {
			return nil, err
		}
		ctx = web.WithActing(ctx, acting)
	}
	h.lead(w, r, cur)
	r = h.justDone(w, r.WithContext(ctx))
	return web.WithLanguage(r, cur.User.Locale, "", cur.Effective.Settings.Locale), nil
}

// over sends whoever has no session, or none any more, to the door; any other
// error passes. The cookie is left alone: in a double click the first answer has
// set a new one under the same name, and clearing the old would take that away.
func over(r *http.Request, err error) error {
	switch {
	case !errors.Is(err, core.ErrNoSession):
		return err
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return web.GoTo("/sign-in?return_to=" + url.QueryEscape(r.URL.RequestURI()))
	}
	return web.GoTo("/sign-in")
}

// redraw shows a form again with what was wrong with it. When the session ended
// meanwhile there is nothing to show.
func redraw(w http.ResponseWriter, r *http.Request, err error, page templ.Component) error {
	if errors.Is(err, core.ErrNoSession) {
		return err
	}
	return web.Redraw(w, r, err, page)
}

// EnterFull is the guard of the one page that waits until a new recovery code
// is answered.
func (h *Handler) EnterFull(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	r, err := h.Enter(w, r)
	if err != nil {
		return nil, err
	}
	// Whether to trust a browser may stay unanswered: that is a no.
	if b := signin.Waits(current(r).Session.Doc, h.Now()); b != signin.BetweenNothing && b != signin.BetweenTrust {
		return nil, web.GoTo(hosted.Way(b))
	}
	return r, nil
}

func current(r *http.Request) session.Current {
	if cur, ok := r.Context().Value(currentKey{}).(*session.Current); ok {
		return *cur
	}
	return session.Current{}
}

func (h *Handler) self(r *http.Request) signin.Self {
	return signin.Self{Current: current(r), Visitor: signin.Visitor{Client: h.Proxies.Client(r), Device: hosted.Device(h.Cookies, r)}}
}

// flashes are the words that go from a form to the page after it.
var flashes = map[string]bool{"password_changed": true, "mfa_on": true, "mfa_off": true, "phone_replaced": true, "recovery_made": true,
	"session_ended": true, "sessions_ended": true, "profile_saved": true, "browsers_forgotten": true, "link_sent": true, "app_disconnected": true}

func (h *Handler) page(r *http.Request, fault error) web.Page {
	cur := current(r)
	p := web.Page{Org: web.Org{Name: cur.Effective.Name()}, Zone: cur.Effective.Zone(), Now: h.Now(), Person: cur.User.Name, Fault: fault}
	if word, _ := r.Context().Value(doneKey{}).(string); fault == nil {
		p.Flash = word
	}
	return p
}

type doneKey struct{}

// doneLife is how long the page after a form may take to be asked for.
const doneLife = time.Minute

// done leads from a form to a page that says what was done. The address names it,
// and a cookie shows that we said so: an address alone, which anybody can write,
// would make the page claim what never happened.
func (h *Handler) done(w http.ResponseWriter, path, word string) error {
	h.Cookies.Set(w, web.DoneCookie, word, doneLife)
	return web.GoTo(path + "?done=" + word)
}

// justDone notes what the page may say, which it says once.
func (h *Handler) justDone(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Method != http.MethodGet || !strings.Contains(r.URL.RawQuery, "done=") {
		return r
	}
	word := r.URL.Query().Get("done")
	if !flashes[word] || h.Cookies.Get(r, web.DoneCookie) != word {
		return r
	}
	h.Cookies.Clear(w, web.DoneCookie)
	return r.WithContext(context.WithValue(r.Context(), doneKey{}, word))
}

// raise hands over the token of a session that rose. There is none where the
// browser has it already.
func (h *Handler) raise(w http.ResponseWriter, o session.Opened) {
	if o.Token == "" {
		return
	}
	h.Cookies.Set(w, web.SessionCookie, o.Token, 0)
}

// stepUp sends a person whom the journey asks for a fresh proof to the page that
// takes it, and back to path afterwards. Any other error passes.
func stepUp(err error, path string) error {
	f, ok := core.AsFault(err)
	if !ok || f.Code != core.ErrStepUp.Code {
		return err
	}
	if f.Params["method"] == "mail" {
		return web.GoTo("/account/security/confirm-mail")
	}
	return web.GoTo("/account/verify?next=" + url.QueryEscape(path))
}

// next is where a proof leads back to: one of our own account pages.
func next(word string) string {
	switch word {
	case "/account/security/totp", "/account/security/recovery-code", "/account/security/disable", "/account/security/browsers":
		return word
	}
	return "/account/security"
}

// next is where a proof leads: a page of the account, or the app that wants it.
func (h *Handler) next(r *http.Request) string {
	word := r.URL.Query().Get("next")
	if h.SignIn.Lead(r.Context(), word).App.ID != "" {
		return word
	}
	return next(word)
}

// inQuery writes an address into another one's query. Our own pages' stay readable.
func inQuery(path string) string {
	if strings.Contains(path, "?") {
		return url.QueryEscape(path)
	}
	return path
}

// lead lets the forms of a page that stands on the way to an app end there.
func (h *Handler) lead(w http.ResponseWriter, r *http.Request, cur session.Current) {
	to := cur.Session.Doc.ReturnTo
	if word := r.URL.Query().Get("next"); word != "" {
		to = word
	}
	if origin := h.SignIn.Lead(r.Context(), to).Origin; origin != "" {
		web.FormAction(w, origin)
	}
}

// facts are what the pages read about a person, in one view.
type facts struct {
	factors  []core.Factor
	sessions []core.Session
	events   []core.Event
	grants   []core.RoleGrant
	apps     []core.AppID // used lately; read where a second factor is asked for in some apps
}

func (h *Handler) facts(r *http.Request) (f facts, err error) {
	cur := current(r)
	err = h.Store.View(r.Context(), cur.Session.Tenant, func(rd store.Reader) error {
		if f.factors, err = rd.Factors(cur.User.ID); err != nil {
			return err
		}
		if f.grants, err = rd.Roles(cur.User.ID); err != nil {
			return err
		}
		if f.sessions, err = rd.Sessions(cur.User.ID); err != nil {
			return err
		}
		if len(policy.NeedsApps(cur.Effective)) > 0 {
			if f.apps, err = rd.AppsUsedBy(cur.User.ID, h.Now().Add(-policy.AppRecently)); err != nil {
				return err
			}
		}
		f.events, err = rd.EventsOf(cur.User.ID, 0, 10)
		return err
	})
	live := f.sessions[:0]
	for _, s := range f.sessions {
		if s.Live(h.Now()) {
			live = append(live, s)
		}
	}
	f.sessions = live
	return f, err
}

func (f facts) administrator() bool {
	for _, g := range f.grants {
		if g.Role != core.RoleUser {
			return true
		}
	}
	return false
}

func person(cur session.Current, f facts) policy.Person {
	p := policy.PersonOf(cur.User, f.factors).With(f.grants)
	p.AppsUsed = f.apps
	return p
}
