package hosted

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

func (h *Handler) start(w http.ResponseWriter, r *http.Request) error {
	p := StartPage{Page: web.Page{Now: h.Now()}}
	if cur, err := h.current(r); err == nil {
		p.SignedIn, p.Person, p.Org = true, cur.User.Name, web.Org{Name: cur.Effective.Name()}
		if p.ActingIn = cur.Session.ActingIn; p.ActingIn != "" {
			acting, err := h.Acting(r.Context(), cur)
			if err != nil {
				return err
			}
			r = r.WithContext(web.WithActing(r.Context(), acting))
		}
		r = web.WithLanguage(r, cur.User.Locale, "", cur.Effective.Settings.Locale)
	}
	return web.Render(w, r, http.StatusOK, Start(p))
}

func (h *Handler) signInPage(r *http.Request, lead signin.Lead, login, returnTo string, fault error) SignInPage {
	p := SignInPage{Page: web.Page{Now: h.Now(), Fault: fault}, Action: "/sign-in", Login: login}
	if tenant := r.URL.Query().Get("tenant"); tenant != "" && fault == nil {
		// Only the look: whose door it is. An unknown one is the plain door.
		if e, err := h.SignIn.Tree.Effective(r.Context(), core.TenantID(tenant)); err == nil {
			p.Page = h.page(e)
		}
	}
	p.Org.App = lead.Name
	if returnTo != "" {
		// In the address too: the page that refuses has it then, and so do its links
		// to other languages.
		p.Action += "?return_to=" + url.QueryEscape(returnTo)
		p.Hidden = []web.Hidden{{Name: "return_to", Value: returnTo}}
	}
	return p
}

func (h *Handler) getSignIn(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	back := h.localReturn(r, q.Get("return_to"))
	// again: whoever is signed in is asked anew, because an app wants that or may be
	// meant for another account.
	if _, err := h.current(r); err == nil && !(back != "" && q.Get("again") == "yes") {
		return web.GoTo(destination(back))
	}
	lead, r := h.lead(w, r, back)
	r = web.WithLanguage(r, "", lead.Locales, "")
	hint := q.Get("login_hint")
	if len(hint) > 254 {
		hint = ""
	}
	return web.Render(w, r, http.StatusOK, SignIn(h.signInPage(r, lead, hint, back, nil)))
}

func (h *Handler) postSignIn(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "login", "password", "return_to")
	back := h.localReturn(r, cmp.Or(f.Get("return_to"), r.URL.Query().Get("return_to")))
	lead, r := h.lead(w, r, back)
	r = web.WithLanguage(r, "", lead.Locales, "")
	if err != nil {
		return h.signInAgain(w, r, lead, "", back, err)
	}
	login, typed := f.Get("login"), f.Get("password")
	if login == "" || typed == "" {
		field := "login"
		if login != "" {
			field = "password"
		}
		return h.signInAgain(w, r, lead, login, back, core.Invalid("form.invalid", "field", field))
	}
	res, err := h.SignIn.Password(r.Context(), login, typed, back, h.visitor(r))
	if err != nil {
		return h.signInAgain(w, r, lead, login, back, err)
	}
	return h.follow(w, r, "", res)
}

// signInAgain stands apart from postSignIn, which waits for a hash with its room
// on the stack.
//
//go:noinline
func (h *Handler) signInAgain(w http.ResponseWriter, r *http.Request, lead signin.Lead, login, back string, err error) error {
	return web.Redraw(w, r, err, SignIn(h.signInPage(r, lead, login, back, err)))
}

func (h *Handler) getAttempt(w http.ResponseWriter, r *http.Request) error {
	p, err := h.SignIn.Look(r.Context(), attemptID(r), h.visitor(r))
	if err != nil {
		return err
	}
	return h.follow(w, r, attemptID(r), signin.Result{Step: p.Step})
}

func (h *Handler) codePage(r *http.Request, p signin.Page, typed string, fault error) CodePage {
	c := CodePage{Page: h.page(p.Effective), Action: action(r, "code"), NotYou: "/sign-in", Login: p.User.Login, Mail: web.MaskMail(p.User.Email),
		Digits: 6, Text: textMode(r), Typed: typed}
	c.Fault = fault
	c.Org.App = h.SignIn.Lead(r.Context(), p.Attempt.Doc.ReturnTo).Name
	if f, ok := confirmed(p.Factors, core.FactorTOTP); ok {
		c.Digits, c.Method, c.Dead = f.Doc.Digits, f.Name, f.Budget.Dead()
		if f.Budget.Locked(h.Now()) {
			c.LockedUntil = f.Budget.LockedUntil
		}
	}
	if c.letters() {
		c.LockedUntil = p.SpareLocked // the field asks for what the app's lock does not hold up
	}
	if !c.LockedUntil.IsZero() {
		c.LockedUntil = c.LockedUntil.Add(time.Minute - 1).Truncate(time.Minute)
	}
	_, c.Recovery = confirmed(p.Factors, core.FactorRecoveryCode)
	c.Sheet = slices.Contains(p.Effective.Settings.Recovery, core.RecoverySheetWay) && !c.Dead
	if p.MayReset && (!c.Dead || c.Recovery) {
		c.ResetMFA = action(r, "reset-mfa")
	}
	if p.Trusted > 0 {
		c.ResetBrowsers = action(r, "reset-browsers")
	}
	return c
}

func (h *Handler) getCode(w http.ResponseWriter, r *http.Request) error {
	p, r, err := h.look(w, r, signin.StepCode)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Code(h.codePage(r, p, "", nil)))
}

func (h *Handler) postCode(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "code")
	if err == nil {
		var res signin.Result
		if res, err = h.SignIn.Code(r.Context(), attemptID(r), f.Get("code"), h.visitor(r)); err == nil {
			return h.follow(w, r, attemptID(r), res)
		}
	}
	p, r, lookErr := h.look(w, r, signin.StepCode)
	if lookErr != nil {
		if isEnd(err) {
			return err
		}
		return lookErr
	}
	return web.Redraw(w, r, err, Code(h.codePage(r, p, f.Get("code"), err)))
}

// isEnd: the attempt itself is over, there is no form to show again.
func isEnd(err error) bool {
	f, ok := core.AsFault(err)
	return ok && (f.Code == core.ErrAttemptUnknown.Code || f.Code == core.ErrAttemptExpired.Code)
}

func (h *Handler) postSignOut(w http.ResponseWriter, r *http.Request) error {
	cur, err := h.current(r)
	if err == nil || errors.Is(err, core.ErrOutsideNetwork) { // out is the one way that is open from everywhere
		if err := h.End(r.Context(), cur.Session, h.Proxies.Client(r)); err != nil {
			return err // still signed in, and said so
		}
	} else if f, ok := core.AsFault(err); !ok || f.Code != core.ErrNoSession.Code {
		return err
	}
	h.Cookies.Clear(w, web.SessionCookie)
	h.Cookies.Clear(w, web.AttemptCookie)
	return web.GoTo("/signed-out")
}

func (h *Handler) signedOut(w http.ResponseWriter, r *http.Request) error {
	return web.Render(w, r, http.StatusOK, SignedOut(SignedOutPage{web.Page{Now: h.Now()}}))
}

// changePassword is where password managers look for the form.
func (h *Handler) changePassword(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/account/password", http.StatusFound)
	return nil
}
