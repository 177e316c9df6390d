package adminapi

import (
	"encoding/json"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	api "sallyport/pkg/sallyport"
)

func (h *Handler) getSettings(c *call, _ nothing) (api.Settings, error) {
	values, eff, err := h.Directory.Values(c, c.tenant(), c.Actor)
	if err != nil {
		return api.Settings{}, err
	}
	org := eff.Organisation
	o, err := documentOf(org, org.Settings)
	if err != nil {
		return o, err
	}
	c.tag(org.Version)
	if c.query("effective") == "true" {
		o.Effective = map[string]api.Value{}
		for _, v := range values {
			o.Effective[v.Key] = api.Value{Value: orNull(v.Value), From: named(v.From), Locked: v.Locked, LockedBy: named(v.LockedBy), By: v.By, Since: some(v.Since)}
		}
	}
	return o, nil
}

func named(n *policy.TenantName) *api.Name {
	if n == nil {
		return nil
	}
	return &api.Name{ID: string(n.ID), Name: n.Name}
}

func documentOf(t core.Tenant, doc core.SettingsDoc) (api.Settings, error) {
	said, err := doc.Spoken()
	return api.Settings{ID: string(t.ID), Name: t.Name, Document: json.RawMessage(said)}, err
}

// putSettings lays a document over that of an organisation: what it does not name stays,
// and null is the default again.
func (h *Handler) putSettings(c *call, in json.RawMessage) (api.Settings, error) {
	change, err := changeIn(in)
	if err != nil {
		return api.Settings{}, err
	}
	p, err := h.Directory.PlanSettings(c, c.tenant(), change, c.Actor, c.From)
	if err != nil {
		return api.Settings{}, err
	}
	c.take(p)
	if _, err := c.dir.ChangeSettings(c, c.tenant(), change, c.Actor, c.From); err != nil || c.dry {
		return api.Settings{}, err
	}
	return h.getSettings(c, nothing{})
}

func changeIn(in json.RawMessage) (core.SettingsDoc, error) {
	return core.SettingsDoc(in), core.CheckKeys(core.SettingsDoc(in))
}

// held finds an organisation that may hold locks and a template.
func (h *Handler) held(c *call, which string) (core.Tenant, error) {
	if _, _, err := h.Tree.On(c, c.Actor, access.ManageSettings, c.tenant()); err != nil {
		return core.Tenant{}, err
	}
	t, _, err := h.Directory.Tenant(c, c.tenant(), c.Actor)
	if err == nil && t.Kind != core.Platform && t.Kind != core.Partner {
		err = core.Invalid("policy.no_" + which + "_here")
	}
	return t, err
}

func (h *Handler) getLocks(c *call, _ nothing) (api.Settings, error) {
	t, err := h.held(c, "locks")
	if err != nil {
		return api.Settings{}, err
	}
	c.tag(t.Version)
	return documentOf(t, t.Locks)
}

func (h *Handler) putLocks(c *call, in json.RawMessage) (api.Settings, error) {
	t, err := h.held(c, "locks")
	if err != nil {
		return api.Settings{}, err
	}
	change, err := changeIn(in)
	if err != nil {
		return api.Settings{}, err
	}
	p, err := h.Directory.PlanLocks(c, c.tenant(), change, c.Actor)
	if err != nil {
		return api.Settings{}, err
	}
	c.take(p.Preview)
	c.count("raised", p.Raised)
	c.count("kept", p.Kept)
	diff, err := policy.LockDifferences(t.Locks, change)
	if err != nil {
		return api.Settings{}, err
	}
	c.plan.Settings = differences(diff)
	if _, err := c.dir.SetLocks(c, c.tenant(), change, c.Actor, c.From); err != nil || c.dry {
		return api.Settings{}, err
	}
	return h.getLocks(c, nothing{})
}

func (h *Handler) getTemplate(c *call, _ nothing) (api.Settings, error) {
	t, err := h.held(c, "template")
	if err != nil {
		return api.Settings{}, err
	}
	c.tag(t.Version)
	return documentOf(t, t.Template)
}

func (h *Handler) putTemplate(c *call, in json.RawMessage) (api.Settings, error) {
	if _, err := h.held(c, "template"); err != nil {
		return api.Settings{}, err
	}
	change, err := changeIn(in)
	if err != nil {
		return api.Settings{}, err
	}
	diff, err := h.Directory.PlanTemplate(c, c.tenant(), change, c.Actor)
	if err != nil {
		return api.Settings{}, err
	}
	c.plan.Settings = differences(diff)
	if _, err := c.dir.SetTemplate(c, c.tenant(), change, c.Actor, c.From); err != nil || c.dry {
		return api.Settings{}, err
	}
	return h.getTemplate(c, nothing{})
}

func (h *Handler) listPresets(*call, nothing) (out api.Page[api.Preset], err error) {
	out.Items = []api.Preset{}
	for _, name := range policy.Presets() {
		doc, err := policy.PresetShown(name)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, api.Preset{Name: name, Document: json.RawMessage(doc)})
	}
	return out, nil
}

func (h *Handler) comparePreset(c *call, _ nothing) (api.Page[api.Difference], error) {
	diff, err := h.Directory.ComparePreset(c, c.tenant(), c.r.PathValue("preset"), c.Actor)
	return api.Page[api.Difference]{Items: differences(diff)}, err
}

func (h *Handler) applyPreset(c *call, _ nothing) (api.Settings, error) {
	change, _, err := h.Directory.PresetChange(c, c.tenant(), c.r.PathValue("preset"), c.Actor)
	if err != nil {
		return api.Settings{}, err
	}
	return h.putSettings(c, json.RawMessage(change))
}

// explain asks the resolver what a sign-in of somebody would meet.
func (h *Handler) explain(c *call, in api.ExplainQuery) (api.Explanation, error) {
	u, err := h.whom(c, in.User)
	if err != nil {
		return api.Explanation{}, err
	}
	q := directory.ExplainQuery{App: core.AppID(in.App), KnownBrowser: in.KnownBrowser || in.TrustedBrowser, TrustedBrowser: in.TrustedBrowser}
	if in.At != nil {
		q.At = *in.At
	}
	if q.Address, err = addressIn(in.Address); err != nil {
		return api.Explanation{}, err
	}
	x, err := h.Directory.Explain(c, u.ID, q, c.Actor)
	if err != nil {
		return api.Explanation{}, err
	}
	o := api.Explanation{User: whoIs(u), Outcome: string(x.Outcome), Methods: text(x.Methods), Level: string(x.Level), MFAStatus: string(x.Status), Required: x.Required,
		RequiredBy: named(x.By), RequiredSince: some(x.Since), DueAt: some(x.DueAt), SkipsLeft: x.SkipsLeft, MailFirst: x.MailFirst, Exits: text(x.Exits), Rules: []api.Rule{}}
	for _, r := range x.Rules {
		o.Rules = append(o.Rules, api.Rule{Rule: r.Rule, Applied: r.Applied, Why: r.Why, From: named(r.From), Params: r.Params})
	}
	return o, nil
}

// simulate says who would meet what if settings were changed, and changes nothing.
func (h *Handler) simulate(c *call, in api.SimulateQuery) (api.Preview, error) {
	change, err := changeIn(in.Change)
	if err != nil {
		return api.Preview{}, err
	}
	p, err := h.Directory.PlanSettings(c, core.TenantID(in.Tenant), change, c.Actor, c.From)
	if err != nil {
		return api.Preview{}, err
	}
	c.take(p)
	out, _ := c.planned(nil)
	return out, nil
}
