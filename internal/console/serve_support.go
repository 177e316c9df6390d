package console

import (
	"net/http"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/support"
	"sallyport/internal/web"
)

func (h *Handler) support(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.SupportAccess) || place.Above {
		return core.ErrForbidden
	}
	acting, err := h.Support.ActingIn(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	view, err := h.Tree.Tenant(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	p := h.page(r, place, "support", nil)
	return web.Render(w, r, http.StatusOK, SupportAccess(SupportPage{p, acting, view.Deeds}))
}

func (h *Handler) postEndActing(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, "session")
	if err != nil {
		return err
	}
	if err := h.Support.EndActing(r.Context(), me, place.Tenant.ID, core.SessionID(f.Get("session"))); err != nil {
		return err
	}
	return web.GoTo(place.Path("/support?done=support_ended"))
}

func (h *Handler) drawAct(w http.ResponseWriter, r *http.Request, reason string, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.MayAct && fault == nil {
		if place.Own() && place.Above && place.May(access.ActAs) && me.Actor.Acting == nil {
			// They have the right; it is a door on the way that is closed.
			return support.ErrClosed
		}
		return core.ErrForbidden
	}
	ask, err := h.ask(r, me, false, fault)
	if err != nil {
		return err
	}
	p := h.page(r, place, "tenant", fault)
	return show(w, r, fault, Act(ActPage{p, reason, ask}))
}

func (h *Handler) getAct(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, "reason")
	return h.drawAct(w, r, f.Get("reason"), fault)
}

func (h *Handler) postAct(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, "reason", "code", "password")
	reason := strings.TrimSpace(f.Get("reason"))
	if err == nil {
		_, err = h.prove(w, r, &me, f)
	}
	if err == nil {
		opened, actErr := h.Support.Act(r.Context(), me, place.Tenant.ID, reason)
		if err = actErr; err == nil {
			h.Cookies.Set(w, web.SessionCookie, opened.Token, 0)
			return web.GoTo(place.Path("?done=acting_begun"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawAct(w, r, reason, err)
}

func (h *Handler) postEndAct(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.ParseForm(w, r); err != nil {
		return err
	}
	opened, err := h.Support.EndAct(r.Context(), caller(r))
	if err != nil {
		return err
	}
	if opened.Token == "" {
		// The session that it came from is over too.
		return web.GoTo("/sign-in")
	}
	h.Cookies.Set(w, web.SessionCookie, opened.Token, 0)
	return web.GoTo("/admin/?done=acting_ended")
}
