package adminapi

import (
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/rollout"
	api "sallyport/pkg/sallyport"
)

func countsOf(p directory.Progress) api.Counts {
	return api.Counts{Users: p.Asked(), Enabled: p.Enabled, Setup: p.SetupRequired, Pending: p.Pending, Services: p.Service}
}

func (h *Handler) getMFA(c *call, _ nothing) (api.MFA, error) {
	s, err := h.Rollout.Status(c, c.tenant(), c.Actor)
	if err != nil {
		return api.MFA{}, err
	}
	t, _, err := h.Directory.Tenant(c, c.tenant(), c.Actor)
	if err != nil {
		return api.MFA{}, err
	}
	o := api.MFA{ID: string(t.ID), Name: t.Name, Status: string(s.State), Requirement: text(s.Requirement), Counts: countsOf(s.Progress), Off: s.Progress.Disabled, Inactive: s.Progress.Inactive,
		UpdateAllowed: s.UpdateAllowed && !c.ReadOnly, Disabling: some(s.Began)}
	if s.State == rollout.Enabled {
		o.RequiredSince = some(s.Since)
	}
	if s.Locked {
		o.LockedBy = nameOf(s.LockedBy)
	}
	if s.Inherited {
		o.InheritedFrom = nameOf(s.Organisation)
	}
	c.tag(s.Organisation.Version)
	return o, nil
}

// putMFA moves the switch (rows ACR-06, ACR-10, ACR-24). Its own current code stands in
// for a person's fresh sign-in where one is asked for.
func (h *Handler) putMFA(c *call, in api.MFAChange) (api.MFA, error) {
	s, err := h.Rollout.Status(c, c.tenant(), c.Actor)
	if err != nil {
		return api.MFA{}, err
	}
	if s.State == rollout.Disabling {
		return api.MFA{}, enrol.ErrDisabling
	}
	wish := make([]core.Requirement, 0, len(in.Requirement))
	for _, r := range in.Requirement {
		wish = append(wish, core.Requirement(r))
	}
	if len(wish) > 0 {
		p, err := h.Rollout.PlanEnable(c, c.tenant(), wish, c.Actor)
		if err != nil {
			return api.MFA{}, err
		}
		c.take(p)
		if err := h.prove(c, in.Code); err != nil {
			return api.MFA{}, err
		}
		if _, err := c.roll.Enable(c, c.tenant(), wish, c.Actor, c.From); err != nil || c.dry {
			return api.MFA{}, err
		}
		return h.getMFA(c, nothing{})
	}
	return h.disableMFA(c, in)
}

func (h *Handler) disableMFA(c *call, in api.MFAChange) (api.MFA, error) {
	p, err := h.Rollout.PlanDisable(c, c.tenant(), c.Actor)
	if err != nil {
		return api.MFA{}, err
	}
	c.take(p.Preview)
	c.count("apps", p.Losses.Apps)
	c.count("codes", p.Losses.Codes)
	c.count("browsers", p.Losses.Browsers)
	if c.plan.Confirm = p.Confirm; c.dry && in.Confirm == "" {
		in.Confirm = p.Confirm
	}
	// The name is looked at before the code is: a code that is right is used up.
	if !directory.Confirmed(in.Confirm, p.Confirm) {
		return api.MFA{}, core.ErrConfirmRequired.With("field", "confirm")
	}
	if err := h.prove(c, in.Code); err != nil {
		return api.MFA{}, err
	}
	if _, err := c.roll.Disable(c, c.tenant(), in.Confirm, c.Actor, c.From); err != nil || c.dry {
		return api.MFA{}, err
	}
	return h.getMFA(c, nothing{})
}

// prove takes the caller's own current code. It is a person's: a program has none, and
// is refused whatever it sends (decision 7.8).
func (h *Handler) prove(c *call, code string) error {
	if code == "" {
		return nil // whether a proof is needed is the journey's question
	}
	if c.Kind != CallerPerson {
		return core.ErrStepUp
	}
	if c.dry {
		return nil // a code that is looked at is used up
	}
	proof, err := h.SignIn.ProveOwn(c, c.User, code, c.visitor())
	if err == nil {
		c.Actor.Proofs = append(c.Actor.Proofs[:len(c.Actor.Proofs):len(c.Actor.Proofs)], proof)
	}
	return err
}
