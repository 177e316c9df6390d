package portal

import (
	"net/http"

	"sallyport/internal/core"
	"sallyport/internal/hosted"
	"sallyport/internal/i18n"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

func (h *Handler) getSessions(w http.ResponseWriter, r *http.Request) error {
	f, err := h.facts(r)
	if err != nil {
		return err
	}
	cur := current(r)
	p := SessionsPage{Page: h.page(r, nil), Items: h.items(cur.Session.ID, f.sessions), EndAction: "/account/security/sessions",
		EndOthersAction: "/account/security/sessions/others", Idle: cur.Session.IdleUntil.Sub(cur.Session.LastSeenAt), Max: cur.Session.ExpiresAt.Sub(cur.Session.CreatedAt)}
	return web.Render(w, r, http.StatusOK, Sessions(p))
}

func (h *Handler) postSession(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "session")
	if err != nil {
		return err
	}
	cur := current(r)
	if err := session.Revoke(r.Context(), h.Store, cur.Session, core.SessionID(f.Get("session")), h.Proxies.Client(r)); err != nil {
		return err
	}
	return h.done(w, "/account/security/sessions", "session_ended")
}

func (h *Handler) postOthers(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.ParseForm(w, r); err != nil {
		return err
	}
	if _, err := session.RevokeOthers(r.Context(), h.Store, current(r).Session, h.Proxies.Client(r)); err != nil {
		return err
	}
	return h.done(w, "/account/security/sessions", "sessions_ended")
}

// The pages that ask for a proof look like the door they repeat.

func (h *Handler) verifyPage(r *http.Request, typed string, fault error) (hosted.StepUpPage, bool, error) {
	cur := current(r)
	to := h.next(r)
	need, _, err := h.SignIn.Needs(r.Context(), h.self(r), false)
	if err != nil {
		return hosted.StepUpPage{}, false, err
	}
	if need == "" {
		return hosted.StepUpPage{}, false, nil
	}
	f, err := h.facts(r)
	if err != nil {
		return hosted.StepUpPage{}, false, err
	}
	p := hosted.StepUpPage{Page: h.page(r, fault), Action: "/account/verify?next=" + inQuery(to), Back: "/account/security", Login: cur.User.Login,
		Mail: web.MaskMail(cur.User.Email), Kind: hosted.StepUpPassword, Typed: typed, Text: r.URL.Query().Get("inputmode") == "text"}
	for _, x := range f.factors {
		switch {
		case x.State != core.FactorConfirmed:
		case x.Kind == core.FactorTOTP:
			p.Kind, p.Digits, p.Method = hosted.StepUpCode, x.Doc.Digits, x.Name
		case x.Kind == core.FactorRecoveryCode:
			p.Recovery = true
		}
	}
	return p, true, nil
}

func (h *Handler) getVerify(w http.ResponseWriter, r *http.Request) error {
	p, due, err := h.verifyPage(r, "", nil)
	if err != nil {
		return err
	}
	if !due {
		return web.GoTo(h.next(r))
	}
	return web.Render(w, r, http.StatusOK, hosted.StepUp(p))
}

func (h *Handler) postVerify(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "code", "password")
	to := h.next(r)
	if err == nil {
		var opened session.Opened
		var reveal bool
		if opened, reveal, err = h.SignIn.StepUp(r.Context(), h.self(r), f.Get("code"), f.Get("password")); err == nil {
			h.raise(w, opened)
			if reveal {
				return web.GoTo("/account/security/recovery-code")
			}
			return web.GoTo(to)
		}
	}
	p, due, drawErr := h.verifyPage(r, f.Get("code"), err)
	if drawErr != nil {
		return drawErr
	}
	if !due {
		return web.GoTo(to)
	}
	return redraw(w, r, err, hosted.StepUp(p))
}

func (h *Handler) confirmMailPage(r *http.Request, fault error) hosted.ConfirmMailPage {
	return hosted.ConfirmMailPage{Page: h.page(r, fault), Action: "/account/security/confirm-mail", ResendAction: "/account/security/confirm-mail/resend",
		Mail: web.MaskMail(current(r).User.Email), Resent: r.URL.Query().Has("resent")}
}

func (h *Handler) getConfirmMail(w http.ResponseWriter, r *http.Request) error {
	_, mail, err := h.SignIn.Needs(r.Context(), h.self(r), true)
	if err != nil {
		return err
	}
	if !mail {
		return web.GoTo("/account/security/totp")
	}
	if !r.URL.Query().Has("sent") {
		if err := h.SignIn.AskOwnMail(r.Context(), h.self(r), false); err != nil {
			return redraw(w, r, err, hosted.ConfirmMail(h.confirmMailPage(r, err)))
		}
		return web.GoTo("/account/security/confirm-mail?sent=1")
	}
	return web.Render(w, r, http.StatusOK, hosted.ConfirmMail(h.confirmMailPage(r, nil)))
}

func (h *Handler) postConfirmMail(w http.ResponseWriter, r *http.Request) error {
	_, mail, err := h.SignIn.Needs(r.Context(), h.self(r), true)
	if err != nil {
		return err
	}
	if !mail {
		return web.GoTo("/account/security/totp")
	}
	missing := core.Invalid("enrol_proof.missing")
	return redraw(w, r, missing, hosted.ConfirmMail(h.confirmMailPage(r, missing)))
}

func (h *Handler) postResendMail(w http.ResponseWriter, r *http.Request) error {
	if err := h.SignIn.AskOwnMail(r.Context(), h.self(r), true); err != nil {
		return redraw(w, r, err, hosted.ConfirmMail(h.confirmMailPage(r, err)))
	}
	return web.GoTo("/account/security/confirm-mail?sent=1&resent=1")
}

func (h *Handler) passwordPage(r *http.Request, fault error) (PasswordPage, error) {
	cur := current(r)
	f, err := h.facts(r)
	return PasswordPage{Page: h.page(r, fault), Action: "/account/password", Login: cur.User.Login, MinLength: signin.MinLength(cur.Effective),
		Others: max(0, len(f.sessions)-1)}, err
}

func (h *Handler) getPassword(w http.ResponseWriter, r *http.Request) error {
	p, err := h.passwordPage(r, nil)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Password(p))
}

func (h *Handler) postPassword(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "password", "new_password", "end_others")
	if err == nil {
		if _, err = h.SignIn.ChangePassword(r.Context(), h.self(r), f.Get("password"), f.Get("new_password"), f.Get("end_others") == "yes"); err == nil {
			return h.done(w, "/account/security", "password_changed")
		}
	}
	p, drawErr := h.passwordPage(r, err)
	if drawErr != nil {
		return drawErr
	}
	return redraw(w, r, err, Password(p))
}

func (h *Handler) profilePage(r *http.Request, fault error) ProfilePage {
	cur := current(r)
	d := cur.Effective.Settings.Locale
	if d == "" {
		d = i18n.Default
	}
	return ProfilePage{Page: h.page(r, fault), Action: "/account/profile", Name: cur.User.Name, Login: cur.User.Login, Mail: cur.User.Email,
		Locale: cur.User.Locale, Default: d}
}

func (h *Handler) getProfile(w http.ResponseWriter, r *http.Request) error {
	return web.Render(w, r, http.StatusOK, Profile(h.profilePage(r, nil)))
}

func (h *Handler) postProfile(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "locale")
	if err == nil && f.Get("locale") != "" && !i18n.Known(f.Get("locale")) {
		err = core.Invalid("form.invalid", "field", "locale")
	}
	if err == nil {
		if err = h.SignIn.SetLocale(r.Context(), h.self(r), f.Get("locale")); err == nil {
			// What was picked in the footer would win over the profile: it is the newer wish now.
			h.Cookies.Clear(w, web.LangCookie)
			return h.done(w, "/account/profile", "profile_saved")
		}
	}
	return redraw(w, r, err, Profile(h.profilePage(r, err)))
}
