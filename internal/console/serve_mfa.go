package console

import (
	"net/http"
	"strconv"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

func (h *Handler) toSecurity(_ http.ResponseWriter, r *http.Request) error {
	return web.GoTo(tenantPath(core.TenantID(r.PathValue("tenant")), "/security"))
}

func (h *Handler) security(w http.ResponseWriter, r *http.Request) error {
	return h.drawSecurity(w, r, nil)
}

func (h *Handler) drawSecurity(w http.ResponseWriter, r *http.Request, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	view, err := h.MFA.MFA(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	p := SecurityPage{MFA: view}
	if place.Own() && !place.Above && place.May(access.ManageSettings) {
		s, err := h.Settings.Settings(r.Context(), me, place.Tenant.ID, OwnSettings)
		if err != nil {
			return err
		}
		p.Settings = &s
		apps, err := h.Apps.Selection(r.Context(), me, place.Tenant.ID)
		if err != nil {
			return err
		}
		p.Apps = &apps
		if n, err := strconv.Atoi(r.URL.Query().Get("apps")); err == nil && n > 0 {
			p.From = n
		}
	}
	p.Page = h.page(r, place, "security", fault)
	return show(w, r, fault, Security(p))
}

var enableFields = []string{"requirement[]", "version", "code", "password"}

func (h *Handler) getEnable(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseQuery(r, enableFields...)
	if err != nil {
		return err
	}
	wish, err := wanted(f.All("requirement"))
	if err != nil {
		return h.drawSecurity(w, r, err)
	}
	return h.drawEnable(w, r, wish, nil)
}

// drawEnable shows what a requirement would do. An empty one is the switch's other
// way, which has a page of its own; where nothing was chosen at all, it says so.
func (h *Handler) drawEnable(w http.ResponseWriter, r *http.Request, wish []core.Requirement, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	view, err := h.MFA.MFA(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	if len(wish) == 0 {
		if view.On() {
			return web.GoTo(place.Path("/security/disable"))
		}
		return h.drawSecurity(w, r, core.Invalid("mfa.nothing_chosen", "field", "requirement"))
	}
	p := EnablePage{MFA: view, Wish: wish}
	e, err := h.MFA.PreviewMFA(r.Context(), me, place.Tenant.ID, wish)
	if err != nil {
		if mends(err) {
			return h.drawSecurity(w, r, err)
		}
		return err
	}
	p.Effect = e
	if isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	p.Page = h.page(r, place, "security", fault)
	return show(w, r, fault, Enable(p))
}

func (h *Handler) postEnable(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, enableFields...)
	if err != nil {
		return err
	}
	wish, err := wanted(f.All("requirement"))
	if err != nil {
		return h.drawSecurity(w, r, err)
	}
	if len(wish) == 0 {
		return web.GoTo(place.Path("/security/disable"))
	}
	before, err := h.MFA.MFA(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	reveal, err := h.prove(w, r, &me, f)
	if err == nil {
		if err = h.MFA.SetMFA(r.Context(), me, place.Tenant.ID, wish, "", versionOf(f)); err == nil {
			flash := "mfa_org_on"
			if before.On() {
				flash = "mfa_org_changed"
			}
			return done(reveal, place.Path("/security?done="+flash))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawEnable(w, r, wish, err)
}

func (h *Handler) getDisable(w http.ResponseWriter, r *http.Request) error {
	return h.drawDisable(w, r, "", nil)
}

// drawDisable lists what switching off deletes. The field for the administrator's
// own code is there as soon as anybody has a factor, also while an older proof is
// fresh (row ACR-24).
func (h *Handler) drawDisable(w http.ResponseWriter, r *http.Request, typed string, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	view, err := h.MFA.MFA(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	if view.Disabling() || !view.On() {
		// There is nothing to switch off, and the page of the switch says why.
		if fault != nil {
			return h.drawSecurity(w, r, fault)
		}
		return web.GoTo(place.Path("/security"))
	}
	p := DisablePage{MFA: view}
	if p.Effect, err = h.MFA.PreviewMFA(r.Context(), me, place.Tenant.ID, []core.Requirement{}); err != nil {
		if mends(err) {
			return h.drawSecurity(w, r, err)
		}
		return err
	}
	if p.Effect.Name == "" {
		p.Effect.Name = place.Organisation.Name
	}
	if view.Counts.Enabled > 0 || p.Effect.Deletes > 0 || isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, true, fault); err != nil {
			return err
		}
		if view.Counts.Enabled > 0 && !me.Actor.Enrolled {
			// A second factor will be asked for, and they have none: said before they begin.
			p.Ask = Ask{Enrol: true}
		}
		p.Ask.Typed = typed
	}
	p.Page = h.page(r, place, "security", fault)
	return show(w, r, fault, Disable(p))
}

func (h *Handler) postDisable(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, "confirm", "version", "code", "password")
	// The name is looked at before the code is: a code that is right is used up.
	if err == nil && !confirmed(f.Get("confirm"), place.Organisation.Name) {
		err = core.ErrConfirmRequired.With("field", "confirm")
	}
	var reveal bool
	if err == nil {
		reveal, err = h.prove(w, r, &me, f)
	}
	if err == nil {
		if err = h.MFA.SetMFA(r.Context(), me, place.Tenant.ID, []core.Requirement{}, f.Get("confirm"), versionOf(f)); err == nil {
			return done(reveal, place.Path("/security?done=mfa_org_off"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawDisable(w, r, f.Get("code"), err)
}
