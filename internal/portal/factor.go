package portal

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/hosted"
	"sallyport/internal/policy"
	"sallyport/internal/signin"
	"sallyport/internal/web"
	"sallyport/internal/web/factor"
)

func (h *Handler) getTOTP(w http.ResponseWriter, r *http.Request) error {
	return h.drawTOTP(w, r, "", true, nil)
}

func (h *Handler) drawTOTP(w http.ResponseWriter, r *http.Request, typed string, endOthers bool, fault error) error {
	s, replaces, err := h.SignIn.BeginTOTP(r.Context(), h.self(r))
	if err != nil {
		return stepUp(err, "/account/security/totp")
	}
	show, err := factor.FromSetup(s, typed)
	if err != nil {
		return err
	}
	f, err := h.facts(r)
	if err != nil {
		return err
	}
	p := TOTPPage{Page: h.page(r, fault), Setup: show, Action: "/account/security/totp", Replaces: replaces, Others: max(0, len(f.sessions)-1), EndOthers: endOthers}
	if fault != nil {
		return redraw(w, r, fault, TOTP(p))
	}
	return web.Render(w, r, http.StatusOK, TOTP(p))
}

func (h *Handler) postTOTP(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "code", "end_others")
	if err != nil {
		return h.drawTOTP(w, r, "", true, err)
	}
	opened, replaced, err := h.SignIn.ConfirmTOTP(r.Context(), h.self(r), f.Get("code"), f.Get("end_others") == "yes")
	if err != nil {
		if way := stepUp(err, "/account/security/totp"); way != err {
			return way
		}
		if fault, ok := core.AsFault(err); !ok || fault.Kind != core.KindInvalid {
			return err
		}
		return h.drawTOTP(w, r, f.Get("code"), f.Get("end_others") == "yes", err)
	}
	h.raise(w, opened)
	if b := h.SignIn.Onward(opened.Session.Doc).Between; b != signin.BetweenNothing && b != signin.BetweenTrust {
		return web.GoTo(hosted.Way(b))
	}
	if replaced {
		return h.done(w, "/account/security", "phone_replaced")
	}
	return h.done(w, "/account/security", "mfa_on")
}

func (h *Handler) getRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	cur := current(r)
	if codes, why, ok := h.SignIn.Enrol.Reveal(cur.Session, h.Now()); ok {
		return web.Render(w, r, http.StatusOK, h.drawSheet(r, codes, why, nil))
	}
	return h.drawRenew(w, r, nil)
}

// drawSheet shows new codes: as the last step at the door when the sign-in
// itself brought them, as a page of the account otherwise.
func (h *Handler) drawSheet(r *http.Request, codes []string, why string, fault error) templ.Component {
	s, p := current(r).Session, h.sheet(r, codes, why, fault)
	if s.RotatedAt.Equal(s.CreatedAt) && s.Doc.RevealUntil.Equal(s.CreatedAt.Add(enrol.RevealLife)) {
		return hosted.RecoveryCode(hosted.RecoveryCodePage{Page: p.Page, Sheet: p.Sheet, Action: p.Action, Steps: why == "enrolled"})
	}
	return RecoveryCode(p)
}

func (h *Handler) sheet(r *http.Request, codes []string, why string, fault error) RecoveryCodePage {
	cur := current(r)
	s := factor.Sheet{Codes: codes, Account: cur.User.Login, Organisation: cur.Effective.Name(), Why: factor.WhyMade,
		Made: cur.Session.Doc.RevealUntil.Add(-enrol.RevealLife)}
	switch why {
	case "enrolled":
		s.Why = factor.WhyEnrolled
	case "used":
		s.Why = factor.WhyUsed
	}
	return RecoveryCodePage{Page: h.page(r, fault), Sheet: s, Action: "/account/security/recovery-code"}
}

func (h *Handler) drawRenew(w http.ResponseWriter, r *http.Request, fault error) error {
	p, err := h.securityPage(r, fault)
	if err != nil {
		return err
	}
	if !p.on() || !p.Recovery.Offered {
		return web.GoTo("/account/security")
	}
	page := RecoveryPage{Page: p.Page, Action: "/account/security/recovery-code", Recovery: p.Recovery}
	if fault != nil {
		return redraw(w, r, fault, RecoveryRenew(page))
	}
	return web.Render(w, r, http.StatusOK, RecoveryRenew(page))
}

func (h *Handler) postRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "saved")
	if err != nil {
		return err
	}
	cur := current(r)
	if codes, why, ok := h.SignIn.Enrol.Reveal(cur.Session, h.Now()); ok {
		if f.Get("saved") != "yes" {
			return redraw(w, r, core.ErrSavedRequired, h.drawSheet(r, codes, why, core.ErrSavedRequired))
		}
		on, err := h.SignIn.SavedCodes(r.Context(), h.self(r))
		if err != nil {
			return err
		}
		if to, ok := way(on); ok {
			return web.GoTo(to)
		}
		switch why {
		case "enrolled":
			return h.done(w, "/account/security", "mfa_on")
		case "made":
			return h.done(w, "/account/security", "recovery_made")
		}
		return web.GoTo("/account/")
	}
	if f.Has("saved") { // answered twice, or too late: nothing is left to show
		on, err := h.SignIn.SavedCodes(r.Context(), h.self(r))
		if err != nil {
			return err
		}
		to, _ := way(on)
		return web.GoTo(to)
	}
	if err := h.SignIn.RenewCodes(r.Context(), h.self(r)); err != nil {
		return stepUp(err, "/account/security/recovery-code")
	}
	return web.GoTo("/account/security/recovery-code")
}

// postRecoveryFile answers with the new codes as a file, while they are shown: by a
// form, so that no address holds them and no script is needed. Like every answer it
// is kept in no cache.
func (h *Handler) postRecoveryFile(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "go")
	if err != nil {
		return err
	}
	codes, _, ok := h.SignIn.Enrol.Reveal(current(r).Session, h.Now())
	if !ok || f.Get("go") != "file" {
		return web.GoTo("/account/security/recovery-code") // nothing is left to show, or nobody pressed the button
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": web.T(r.Context(), "recovery_code.file")}))
	_, err = io.WriteString(w, strings.Join(codes, "\n")+"\n")
	return err
}

func (h *Handler) disablePage(r *http.Request, typed string, fault error) (DisablePage, error) {
	cur := current(r)
	f, err := h.facts(r)
	if err != nil {
		return DisablePage{}, err
	}
	if !policy.Enrolled(f.factors) {
		return DisablePage{}, web.GoTo("/account/security?done=mfa_off") // says so only to who did it
	}
	how, ok := policy.MayDisable(person(cur, f), cur.Effective)
	if !ok {
		by, _ := policy.Required(person(cur, f), cur.Effective)
		return DisablePage{}, core.ErrPolicyLocked.With("by", cur.Effective.Calls(by))
	}
	lost := enrol.WouldLose(f.factors)
	p := DisablePage{Page: h.page(r, fault), Action: "/account/security/disable", Apps: lost.Apps, Codes: lost.Codes, Digits: 6, Typed: typed}
	for _, x := range f.factors {
		if x.Kind == core.FactorTOTP && x.State == core.FactorConfirmed {
			p.Digits = x.Doc.Digits
		}
	}
	if how == core.DisableSecondFactor || !cur.Session.Level.AtLeast(core.LevelMFA) {
		need, _, err := h.SignIn.Needs(r.Context(), h.self(r), false)
		if err != nil {
			return p, err
		}
		p.AskCode = need != ""
	}
	return p, nil
}

func (h *Handler) getDisable(w http.ResponseWriter, r *http.Request) error {
	p, err := h.disablePage(r, "", nil)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Disable(p))
}

func (h *Handler) postDisable(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "confirm", "code")
	if err == nil && f.Get("confirm") != "yes" {
		err = core.ErrConfirmRequired
	}
	if err == nil {
		me := h.self(r)
		var p DisablePage
		if p, err = h.disablePage(r, "", nil); err != nil {
			return h.switchedOff(w, r, f.Get("code"), err)
		}
		if p.AskCode {
			opened, _, stepErr := h.SignIn.StepUp(r.Context(), me, f.Get("code"), "")
			if err = stepErr; err == nil {
				h.raise(w, opened)
				me.Session = opened.Session
			}
		}
		if err == nil {
			if err = h.SignIn.Disable(r.Context(), me); err == nil {
				return h.done(w, "/account/security", "mfa_off")
			}
			return stepUp(err, "/account/security/disable")
		}
	}
	p, drawErr := h.disablePage(r, f.Get("code"), err)
	if drawErr != nil {
		return h.switchedOff(w, r, f.Get("code"), drawErr)
	}
	return redraw(w, r, err, Disable(p))
}

// switchedOff answers a form that another request of the same click was faster
// with. That one may have raised the session, and this browser may see no other
// answer than this one.
func (h *Handler) switchedOff(w http.ResponseWriter, r *http.Request, code string, way error) error {
	opened, rose, err := h.SignIn.Raised(r.Context(), h.self(r), code)
	if err != nil {
		return err
	}
	if rose {
		h.raise(w, opened)
	}
	return way
}

// getSheet serves the sheet with the setup key, once. Whoever only looks whether
// the page is there (HEAD) does not use it up.
func (h *Handler) getSheet(w http.ResponseWriter, r *http.Request) error {
	gone := core.NewFault(core.KindConflict, "sheet.shown")
	if r.Method != http.MethodGet {
		return gone
	}
	s, ok, err := h.SignIn.Sheet(r.Context(), h.self(r))
	if err != nil {
		return err
	}
	if !ok {
		return gone
	}
	show, err := factor.FromSetup(s, "")
	if err != nil {
		return err
	}
	p := hosted.KeySheetPage{Page: h.page(r, nil), Action: "/account/security/setup-key",
		Sheet: factor.KeySheet{Setup: show, Organisation: current(r).Effective.Name(), Made: s.Factor.ConfirmedAt}}
	return web.Render(w, r, http.StatusOK, hosted.KeySheet(p))
}

func (h *Handler) postSheet(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.ParseForm(w, r); err != nil {
		return err
	}
	on := h.SignIn.Onward(current(r).Session.Doc)
	if on.Between == signin.BetweenSheet { // not seen yet
		return web.GoTo(hosted.Way(on.Between))
	}
	if to, ok := way(on); ok {
		return web.GoTo(to)
	}
	return web.GoTo("/account/security?done=mfa_on")
}
