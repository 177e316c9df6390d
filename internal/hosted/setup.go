package hosted

import (
	"errors"
	"net/http"
	"slices"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/signin"
	"sallyport/internal/web"
	"sallyport/internal/web/factor"
)

func (h *Handler) setupPage(r *http.Request, p signin.Page, fault error) SetupRequiredPage {
	d := p.Decision
	s := SetupRequiredPage{Page: h.page(p.Effective), Action: action(r, "setup-required"), By: p.Effective.Calls(d.By), Since: d.Since,
		Offered: !d.Required, SkipAllowed: d.Outcome == policy.MaySkip, Due: d.DueAt, Recommended: p.Effective.Settings.RecommendedApp,
		Contact: p.Contact.Name, ContactMail: p.Contact.Email}
	if d.Counted {
		s.SkipsLeft, s.SkipsTotal = d.SkipsLeft, d.SkipsOf
	}
	s.Fault = fault
	return s
}

func (h *Handler) getSetup(w http.ResponseWriter, r *http.Request) error {
	p, r, err := h.look(w, r, signin.StepSetupRequired)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, SetupRequired(h.setupPage(r, p, nil)))
}

func (h *Handler) postSetup(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "go")
	if err == nil {
		var res signin.Result
		if res, err = h.SignIn.Go(r.Context(), attemptID(r), f.Get("go"), h.visitor(r)); err == nil {
			return h.follow(w, r, attemptID(r), res)
		}
	}
	if isEnd(err) {
		return err
	}
	p, r, lookErr := h.look(w, r, signin.StepSetupRequired)
	if lookErr != nil {
		return lookErr
	}
	if fault, ok := core.AsFault(err); ok && fault.Code == core.ErrSetupRequired.Code {
		err = core.Invalid(fault.Code) // the same words, on the form that can mend it
	}
	return web.Redraw(w, r, err, SetupRequired(h.setupPage(r, p, err)))
}

func (h *Handler) confirmMailPage(r *http.Request, p signin.Page, resent bool, fault error) ConfirmMailPage {
	c := ConfirmMailPage{Page: h.page(p.Effective), Action: action(r, "confirm-mail"), ResendAction: action(r, "confirm-mail/resend"),
		Mail: web.MaskMail(p.User.Email), Resent: resent, PassAction: action(r, "confirm-mail")}
	if p.Decision.Outcome == policy.MaySkip {
		c.SkipAction = action(r, "setup-required")
	}
	c.Fault = fault
	return c
}

func (h *Handler) getConfirmMail(w http.ResponseWriter, r *http.Request) error {
	p, r, err := h.look(w, r, signin.StepConfirmMail)
	if err != nil {
		return err
	}
	if !p.Attempt.Doc.MailAsked {
		// The page says that a link was sent, so it is. The outbox caps how many go
		// to one address, and a reload asks for nothing again.
		if err := h.SignIn.AskMail(r.Context(), attemptID(r), h.visitor(r)); errors.Is(err, signin.ErrMailLater) {
			return web.Redraw(w, r, err, ConfirmMail(h.confirmMailPage(r, p, false, err)))
		} else if err != nil {
			return err
		}
	}
	return web.Render(w, r, http.StatusOK, ConfirmMail(h.confirmMailPage(r, p, r.URL.Query().Has("resent"), nil)))
}

func (h *Handler) postConfirmMail(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "code")
	if err == nil && f.Get("code") != "" {
		var res signin.Result
		if res, err = h.SignIn.Pass(r.Context(), attemptID(r), f.Get("code"), h.visitor(r)); err == nil {
			return h.follow(w, r, attemptID(r), res)
		}
	} else if err == nil {
		err = core.Invalid("enrol_proof.missing")
	}
	if isEnd(err) {
		return err
	}
	p, r, lookErr := h.look(w, r, signin.StepConfirmMail)
	if lookErr != nil {
		return lookErr // it stands elsewhere now: the link was followed
	}
	c := h.confirmMailPage(r, p, false, err)
	c.Typed = f.Get("code")
	return web.Redraw(w, r, err, ConfirmMail(c))
}

func (h *Handler) postResendMail(w http.ResponseWriter, r *http.Request) error {
	asked := h.SignIn.AskMail(r.Context(), attemptID(r), h.visitor(r))
	if errors.Is(asked, signin.ErrMailLater) {
		p, r, err := h.look(w, r, signin.StepConfirmMail)
		if err != nil {
			return err
		}
		return web.Redraw(w, r, asked, ConfirmMail(h.confirmMailPage(r, p, false, asked)))
	}
	if asked != nil {
		return asked
	}
	return web.GoTo(action(r, "confirm-mail") + "?resent=1")
}

func (h *Handler) enrolPage(r *http.Request, p signin.Page, typed string, fault error) (EnrolTOTPPage, error) {
	s, err := factor.FromSetup(p.Setup, typed)
	e := EnrolTOTPPage{Page: h.page(p.Effective), Setup: s, Action: action(r, "enrol-totp"), Steps: true, Recommended: p.Effective.Settings.RecommendedApp}
	e.Replaces = policy.Enrolled(p.Factors)
	switch ways := p.Effective.Settings.Recovery; {
	case slices.Contains(ways, core.RecoveryCodeWay):
		e.Last = "recovery"
	case slices.Contains(ways, core.RecoverySheetWay):
		e.Last = "sheet"
	}
	if p.Decision.Outcome == policy.MaySkip {
		e.SkipAction = action(r, "setup-required")
	}
	e.Fault = fault
	return e, err
}

func (h *Handler) getEnrol(w http.ResponseWriter, r *http.Request) error {
	p, r, err := h.look(w, r, signin.StepEnrolTOTP)
	if err != nil {
		return err
	}
	page, err := h.enrolPage(r, p, "", nil)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, EnrolTOTP(page))
}

func (h *Handler) postEnrol(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "code")
	if err == nil {
		var res signin.Result
		if res, err = h.SignIn.Confirm(r.Context(), attemptID(r), f.Get("code"), h.visitor(r)); err == nil {
			return h.follow(w, r, attemptID(r), res)
		}
	}
	if isEnd(err) {
		return err
	}
	p, r, lookErr := h.look(w, r, signin.StepEnrolTOTP)
	if lookErr != nil {
		return lookErr
	}
	page, drawErr := h.enrolPage(r, p, f.Get("code"), err)
	if drawErr != nil {
		return drawErr
	}
	return web.Redraw(w, r, err, EnrolTOTP(page))
}

func (h *Handler) newPasswordPage(r *http.Request, p signin.Page, fault error) NewPasswordPage {
	n := NewPasswordPage{Page: h.page(p.Effective), Action: action(r, "new-password"), Why: WhyForced, Login: p.User.Login,
		Mail: web.MaskMail(p.User.Email), MinLength: signin.MinLength(p.Effective)}
	if p.Attempt.Doc.Purpose == core.PurposeAdminLink {
		n.Why = WhyAdminLink
	}
	n.Fault = fault
	return n
}

func (h *Handler) getNewPassword(w http.ResponseWriter, r *http.Request) error {
	p, r, err := h.look(w, r, signin.StepNewPassword)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, NewPassword(h.newPasswordPage(r, p, nil)))
}

func (h *Handler) postNewPassword(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "new_password")
	if err == nil {
		var res signin.Result
		if res, err = h.SignIn.SetNewPassword(r.Context(), attemptID(r), f.Get("new_password"), h.visitor(r)); err == nil {
			return h.follow(w, r, attemptID(r), res)
		}
	}
	if isEnd(err) {
		return err
	}
	p, r, lookErr := h.look(w, r, signin.StepNewPassword)
	if lookErr != nil {
		return lookErr
	}
	return web.Redraw(w, r, err, NewPassword(h.newPasswordPage(r, p, err)))
}
