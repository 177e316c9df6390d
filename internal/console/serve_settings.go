package console

import (
	"encoding/json"
	"net/http"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/web"
)

func (h *Handler) getSettings(which Which) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return h.drawSettings(w, r, which, nil, nil) }
}

// drawSettings draws a document: the own one on the page of the switch, the others
// on pages of their own. What was typed stands in the fields when it was refused.
func (h *Handler) drawSettings(w http.ResponseWriter, r *http.Request, which Which, typed *core.Settings, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	v, err := h.Settings.Settings(r.Context(), me, place.Tenant.ID, which)
	if err != nil {
		return err
	}
	if typed != nil {
		v.Settings = *typed
	}
	p := h.page(r, place, "security", fault)
	if which != OwnSettings {
		return show(w, r, fault, SettingsDocument(SettingsPage{p, v}))
	}
	view, err := h.MFA.MFA(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	apps, err := h.Apps.Selection(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	return show(w, r, fault, Security(SecurityPage{Page: p, MFA: view, Settings: &v, Apps: &apps}))
}

// postSettings takes a form of settings. The first time it shows what would change
// and for whom; that page carries the change, and sends it back to be saved.
func (h *Handler) postSettings(which Which) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, place, err := h.at(r)
		if err != nil {
			return err
		}
		f, err := web.ParseForm(w, r, settingsFields...)
		if err != nil {
			return err
		}
		if f.Has("change") {
			return h.saveSettings(w, r, me, place, which, core.SettingsDoc(f.Get("change")), f)
		}
		v, err := h.Settings.Settings(r.Context(), me, place.Tenant.ID, which)
		if err != nil {
			return err
		}
		if versionOf(f) != v.Version {
			// Compared with what is there now, the form would take back what somebody
			// else changed meanwhile.
			return core.NewFault(core.KindStale, "form.stale")
		}
		change, err := changeOf(v, f)
		if err != nil {
			return h.drawSettings(w, r, which, nil, err)
		}
		if isEmpty(change) {
			return web.GoTo(place.Path(settingsPath(which) + "?done=settings_same"))
		}
		return h.previewSettings(w, r, me, place, which, change, f, nil)
	}
}

// settingsPath is the page that a document is changed on.
func settingsPath(which Which) string {
	if which == OwnSettings {
		return "/security"
	}
	return "/security/" + string(which)
}

func (h *Handler) previewSettings(w http.ResponseWriter, r *http.Request, me Caller, place Place, which Which, change core.SettingsDoc, f web.Form, fault error) error {
	e, err := h.Settings.PreviewSettings(r.Context(), me, place.Tenant.ID, which, change)
	if err != nil {
		if !mends(err) {
			return err
		}
		if fault == nil {
			fault = err
		}
		// What was typed comes back, with why it cannot be.
		v, readErr := h.Settings.Settings(r.Context(), me, place.Tenant.ID, which)
		if readErr != nil {
			return readErr
		}
		typed, parseErr := parseSettings(f, v.copy())
		if parseErr != nil {
			return h.drawSettings(w, r, which, nil, fault)
		}
		return h.drawSettings(w, r, which, &typed, fault)
	}
	ctx := r.Context()
	p := DeedPage{DataPage: "settings-preview", Title: web.T(ctx, "settings.preview"), Back: place.Path(settingsPath(which)), BackName: web.T(ctx, "settings.title_"+string(which)),
		Action: place.Path("/security/" + string(which)), Effect: &e, Submit: web.T(ctx, "settings.save"),
		Hidden: []web.Hidden{{Name: "change", Value: string(change)}, {Name: "version", Value: version(e.Version)}}}
	if warned := warningsOf(e.Settings); len(warned) > 0 {
		p.Fields = settingWarnings(warned)
	}
	if isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	p.Page = h.page(r, place, "security", fault)
	return show(w, r, fault, Deed(p))
}

// warningsOf are the changes that no count shows and somebody would rue: networks
// that keep people out, and a mailbox that becomes the only
// factor.
func warningsOf(ds []policy.Difference) (out []string) {
	for _, d := range ds {
		var networks core.Networks
		var effect string
		switch {
		case d.Key == "login_networks" && json.Unmarshal(d.To, &networks) == nil && len(networks) > 0:
			out = append(out, "networks")
		case d.Key == "password_reset_effect" && json.Unmarshal(d.To, &effect) == nil && effect == core.ResetClearsMFA:
			out = append(out, core.ResetClearsMFA)
		}
	}
	return out
}

func (h *Handler) saveSettings(w http.ResponseWriter, r *http.Request, me Caller, place Place, which Which, change core.SettingsDoc, f web.Form) error {
	reveal, err := h.prove(w, r, &me, f)
	if err == nil {
		if err = h.Settings.SaveSettings(r.Context(), me, place.Tenant.ID, which, change, versionOf(f)); err == nil {
			return done(reveal, place.Path(settingsPath(which)+"?done=settings_saved"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.previewSettings(w, r, me, place, which, change, web.Form{}, err)
}

func (h *Handler) presets(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.ManageSettings) || place.Above {
		return core.ErrForbidden
	}
	v, err := h.Settings.Settings(r.Context(), me, place.Tenant.ID, OwnSettings)
	if err != nil {
		return err
	}
	page := PresetsPage{}
	for _, name := range policy.Presets() {
		diff, err := policy.ComparePreset(name, v.Doc)
		if err != nil {
			return err
		}
		_, err = policy.Preset(name)
		page.Items = append(page.Items, PresetItem{Name: name, Differs: len(diff), Available: err == nil})
	}
	page.Page = h.page(r, place, "security", nil)
	return web.Render(w, r, http.StatusOK, Presets(page))
}

func (h *Handler) getPreset(w http.ResponseWriter, r *http.Request) error {
	return h.drawPreset(w, r, nil)
}

// drawPreset compares a preset with what holds, and offers to apply it. One that
// needs what this version cannot do is compared and no more.
func (h *Handler) drawPreset(w http.ResponseWriter, r *http.Request, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.ManageSettings) || place.Above {
		return core.ErrForbidden
	}
	ctx, name := r.Context(), r.PathValue("preset")
	if _, err := policy.PresetShown(name); err != nil {
		return core.ErrNotFound
	}
	p := DeedPage{DataPage: "preset", Title: web.T(ctx, "preset."+name), Lede: text(web.T(ctx, "preset_text."+name)), Back: place.Path("/security/presets"),
		BackName: web.T(ctx, "presets.title"), Action: place.Path("/security/presets/" + name), Submit: web.T(ctx, "presets.apply")}
	change, err := policy.Preset(name)
	if err == nil {
		var e Effect
		if e, err = h.Settings.PreviewSettings(ctx, me, place.Tenant.ID, OwnSettings, change); err == nil {
			p.Effect = &e
			p.Hidden = []web.Hidden{{Name: "version", Value: version(e.Version)}}
		}
	}
	if err != nil {
		if !mends(err) {
			return err
		}
		v, readErr := h.Settings.Settings(ctx, me, place.Tenant.ID, OwnSettings)
		if readErr != nil {
			return readErr
		}
		diff, diffErr := policy.ComparePreset(name, v.Doc)
		if diffErr != nil {
			return diffErr
		}
		p.Effect, p.Closed = &Effect{Settings: diff}, true
		p.Page = h.page(r, place, "security", err)
		// It was asked for as a page, and the page is there: nothing was refused.
		return web.Render(w, r, http.StatusOK, Deed(p))
	}
	if isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	p.Page = h.page(r, place, "security", fault)
	return show(w, r, fault, Deed(p))
}

func (h *Handler) postPreset(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, "version", "code", "password")
	if err != nil {
		return err
	}
	change, err := policy.Preset(r.PathValue("preset"))
	if err != nil {
		return h.drawPreset(w, r, err)
	}
	reveal, err := h.prove(w, r, &me, f)
	if err == nil {
		if err = h.Settings.SaveSettings(r.Context(), me, place.Tenant.ID, OwnSettings, change, versionOf(f)); err == nil {
			return done(reveal, place.Path("/security?done=settings_saved"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawPreset(w, r, err)
}
