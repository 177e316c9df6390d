package hosted

import (
	"net/http"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// open looks at the link of a page without spending it.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, kind core.TokenKind) (signin.Link, *http.Request, error) {
	l, err := h.SignIn.Open(r.Context(), kind, r.PathValue("token"))
	if l.User.ID != "" {
		r = web.WithLanguage(r, l.User.Locale, "", l.Effective.Settings.Locale)
	}
	return l, r, err
}

func (h *Handler) linkPassword(r *http.Request, l signin.Link, why Why, fault error) NewPasswordPage {
	n := NewPasswordPage{Page: h.page(l.Effective), Action: r.URL.EscapedPath(), Why: why, Login: l.User.Login, Inviter: l.Inviter,
		Mail: web.MaskMail(l.User.Email), Until: l.Token.ExpiresAt, ClearsMFA: l.ClearsMFA, MinLength: signin.MinLength(l.Effective), Hidden: []web.Hidden{{Name: "page", Value: l.Page}}}
	n.Fault = fault
	return n
}

func (h *Handler) getInvitation(w http.ResponseWriter, r *http.Request) error {
	return h.getLinkPassword(w, r, core.TokenInvitation, WhyInvited)
}

func (h *Handler) getReset(w http.ResponseWriter, r *http.Request) error {
	return h.getLinkPassword(w, r, core.TokenReset, WhyReset)
}

func (h *Handler) getLinkPassword(w http.ResponseWriter, r *http.Request, kind core.TokenKind, why Why) error {
	l, r, err := h.open(w, r, kind)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, NewPassword(h.linkPassword(r, l, why, nil)))
}

func (h *Handler) postInvitation(w http.ResponseWriter, r *http.Request) error {
	return h.postLinkPassword(w, r, core.TokenInvitation, WhyInvited)
}

func (h *Handler) postReset(w http.ResponseWriter, r *http.Request) error {
	return h.postLinkPassword(w, r, core.TokenReset, WhyReset)
}

func (h *Handler) postLinkPassword(w http.ResponseWriter, r *http.Request, kind core.TokenKind, why Why) error {
	l, r, opened := h.open(w, r, kind)
	f, err := web.ParseForm(w, r, "new_password", "page")
	if err == nil {
		var res signin.Result
		if kind == core.TokenInvitation {
			res, err = h.SignIn.Accept(r.Context(), r.PathValue("token"), f.Get("new_password"), bounded(f.Get("page")), h.visitor(r))
		} else {
			res, err = h.SignIn.Reset(r.Context(), r.PathValue("token"), f.Get("new_password"), bounded(f.Get("page")), h.visitor(r))
		}
		if err == nil {
			return h.follow(w, r, "", res)
		}
	}
	if opened != nil {
		return opened
	}
	if fault, ok := core.AsFault(err); ok && fault.Kind == core.KindConflict {
		return err // the link is spent or dead: there is no form left to fill in
	}
	return web.Redraw(w, r, err, NewPassword(h.linkPassword(r, l, why, err)))
}

func (h *Handler) getResetAsk(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("sent") {
		return web.Render(w, r, http.StatusOK, ResetSent(ResetSentPage{web.Page{Now: h.Now()}}))
	}
	return web.Render(w, r, http.StatusOK, ResetAsk(ResetAskPage{Page: web.Page{Now: h.Now()}, Action: "/reset"}))
}

func (h *Handler) postResetAsk(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "login")
	if err == nil && f.Get("login") == "" {
		err = core.Invalid("form.invalid", "field", "login")
	}
	v := h.visitor(r)
	if err == nil {
		if err = h.SignIn.Limiter.Check(v.Source(), h.Now()); err == nil {
			h.SignIn.Limiter.Fail(v.Source(), h.Now()) // each question costs, whatever it finds
			if err = h.Recovery.Ask(r.Context(), f.Get("login"), v.Client); err == nil {
				return web.GoTo("/reset?sent=1")
			}
		}
	}
	return web.Redraw(w, r, err, ResetAsk(ResetAskPage{Page: web.Page{Now: h.Now(), Fault: err}, Action: "/reset", Login: f.Get("login")}))
}

func (h *Handler) getAdminLink(w http.ResponseWriter, r *http.Request) error {
	return h.getLink(w, r, core.TokenAdminLink, LinkAdmin)
}

func (h *Handler) getConfirm(w http.ResponseWriter, r *http.Request) error {
	return h.getLink(w, r, core.TokenEnrolProof, LinkEnrolProof)
}

func (h *Handler) getLink(w http.ResponseWriter, r *http.Request, kind core.TokenKind, page LinkKind) error {
	l, r, err := h.open(w, r, kind)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Link(LinkPage{Page: h.page(l.Effective), Kind: page, Action: r.URL.EscapedPath(), Login: l.User.Login, Until: l.Token.ExpiresAt,
		Hidden: []web.Hidden{{Name: "page", Value: l.Page}}}))
}

func (h *Handler) postAdminLink(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "page")
	if err != nil {
		return err
	}
	res, err := h.SignIn.AdminLink(r.Context(), r.PathValue("token"), bounded(f.Get("page")), h.visitor(r))
	if err != nil {
		return err
	}
	return h.follow(w, r, "", res)
}

func (h *Handler) postConfirm(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "page")
	if err != nil {
		return err
	}
	// A link that is used may have been so by this very click.
	l, r, _ := h.open(w, r, core.TokenEnrolProof)
	if err := h.SignIn.ProveMail(r.Context(), r.PathValue("token"), bounded(f.Get("page")), h.visitor(r)); err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, ProofDone(ProofDonePage{h.page(l.Effective)}))
}

// openEmail looks at the link to a new address without spending it.
func (h *Handler) openEmail(r *http.Request) (directory.EmailLink, *http.Request, error) {
	l, err := h.Directory.OpenEmail(r.Context(), r.PathValue("token"))
	if l.User.ID != "" {
		r = web.WithLanguage(r, l.User.Locale, "", l.Effective.Settings.Locale)
	}
	return l, r, err
}

func (h *Handler) getEmail(w http.ResponseWriter, r *http.Request) error {
	l, r, err := h.openEmail(r)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Link(LinkPage{Page: h.page(l.Effective), Kind: LinkEmail, Action: r.URL.EscapedPath(), Login: l.User.Login, Until: l.Token.ExpiresAt}))
}

func (h *Handler) postEmail(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.ParseForm(w, r); err != nil {
		return err
	}
	l, r, err := h.openEmail(r)
	if err != nil {
		return err
	}
	if _, err := h.Directory.ConfirmEmail(r.Context(), r.PathValue("token"), h.visitor(r).Client); err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, EmailDone(h.page(l.Effective)))
}
