package portal

import (
	"net/http"

	"sallyport/internal/core"
	"sallyport/internal/hosted"
	"sallyport/internal/policy"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// way is where an answered page leads; ok is false for nowhere in particular.
func way(on signin.Onward) (to string, ok bool) {
	switch {
	case on.Between != signin.BetweenNothing:
		return hosted.Way(on.Between), true
	case on.ReturnTo != "":
		return web.LocalPath(on.ReturnTo), true
	}
	return "/account/", false
}

func (h *Handler) drawTrust(w http.ResponseWriter, r *http.Request, fault error) error {
	q, ok, err := h.SignIn.AskTrust(r.Context(), h.self(r))
	if err != nil {
		return err
	}
	if !ok {
		return web.GoTo("/account/")
	}
	p := hosted.TrustBrowserPage{Page: h.page(r, fault), Action: "/account/trust-browser", Agent: h.Device(q.Browser.Agent), Place: q.Browser.Place,
		Days: q.Days, Until: q.Until}
	if fault != nil {
		return redraw(w, r, fault, hosted.TrustBrowser(p))
	}
	return web.Render(w, r, http.StatusOK, hosted.TrustBrowser(p))
}

func (h *Handler) getTrust(w http.ResponseWriter, r *http.Request) error {
	return h.drawTrust(w, r, nil)
}

func (h *Handler) postTrust(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "trust")
	if answer := f.Get("trust"); err == nil && answer != "yes" && answer != "no" {
		err = core.Invalid("form.invalid", "field", "trust")
	}
	if err == nil {
		var on signin.Onward
		if on, err = h.SignIn.Trust(r.Context(), h.self(r), f.Get("trust") == "yes"); err == nil {
			to, _ := way(on)
			return web.GoTo(to)
		}
	}
	if f, ok := core.AsFault(err); !ok || f.Kind != core.KindInvalid {
		return err
	}
	return h.drawTrust(w, r, err)
}

// trusted are the browsers that the person trusts, as pages list them.
func (h *Handler) trusted(r *http.Request) (items []BrowserItem, err error) {
	all, err := h.SignIn.Trusted(r.Context(), h.self(r))
	for _, b := range all {
		items = append(items, BrowserItem{ID: string(b.ID), Agent: h.Device(b.Agent), Place: b.Place, Seen: b.SeenAt, Until: b.Until, This: b.This})
	}
	return items, err
}

func (h *Handler) getBrowsers(w http.ResponseWriter, r *http.Request) error {
	items, err := h.trusted(r)
	if err != nil {
		return err
	}
	f, err := h.facts(r)
	if err != nil {
		return err
	}
	p := BrowsersPage{Page: h.page(r, nil), Items: items}
	p.Days, p.Offered = policy.OffersTrust(person(current(r), f), current(r).Effective)
	return web.Render(w, r, http.StatusOK, Browsers(p))
}

// forgetPage is about one browser or about all. A browser that is not trusted, or
// not theirs, is not found.
func (h *Handler) forgetPage(r *http.Request, one, typed string, fault error) (ForgetPage, error) {
	p := ForgetPage{Page: h.page(r, fault), Action: "/account/security/browsers/forget", One: one, Typed: typed, Digits: 6}
	items, err := h.trusted(r)
	if err != nil {
		return p, err
	}
	for _, b := range items {
		if one == "" || b.ID == one {
			p.Items = append(p.Items, b)
		}
	}
	if len(p.Items) == 0 {
		return p, web.GoTo("/account/security/browsers")
	}
	need, _, err := h.SignIn.Needs(r.Context(), h.self(r), false)
	if err != nil {
		return p, err
	}
	if need == core.FactorPassword { // no second factor is left, and so there is no code
		return p, stepUp(core.ErrStepUp.With("method", string(need)), "/account/security/browsers")
	}
	p.AskCode = need != ""
	f, err := h.facts(r)
	for _, x := range f.factors {
		if x.Kind == core.FactorTOTP && x.State == core.FactorConfirmed {
			p.Digits = x.Doc.Digits
		}
	}
	return p, err
}

func (h *Handler) getForget(w http.ResponseWriter, r *http.Request) error {
	p, err := h.forgetPage(r, r.URL.Query().Get("browser"), "", nil)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Forget(p))
}

func (h *Handler) postForget(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "browser", "code")
	if err != nil {
		return err
	}
	one := f.Get("browser")
	p, err := h.forgetPage(r, one, f.Get("code"), nil)
	if err != nil {
		return h.switchedOff(w, r, f.Get("code"), err)
	}
	me := h.self(r)
	if p.AskCode {
		opened, _, stepErr := h.SignIn.StepUp(r.Context(), me, f.Get("code"), "")
		if err = stepErr; err == nil {
			h.raise(w, opened)
			me.Session = opened.Session
		}
	}
	if err == nil {
		var ids []core.BrowserID
		if one != "" {
			ids = append(ids, core.BrowserID(one))
		}
		if _, err = h.SignIn.Forget(r.Context(), me, ids...); err == nil {
			return web.GoTo("/account/security/browsers?done=browsers_forgotten")
		}
		return stepUp(err, "/account/security/browsers")
	}
	if fault, ok := core.AsFault(err); !ok || fault.Kind != core.KindInvalid && fault.Kind != core.KindLimited {
		return err
	}
	p.Fault = err
	return redraw(w, r, err, Forget(p))
}
