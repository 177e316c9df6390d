package adminapi

import (
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/support"
	api "sallyport/pkg/sallyport"
)

func actingOf(all []support.Live) []api.Acting {
	out := []api.Acting{}
	for _, l := range all {
		out = append(out, api.Acting{Session: string(l.Session), User: whoIs(l.User), From: l.From, In: string(l.In), Reason: l.Reason, Since: l.Since.UTC(), Until: l.Until.UTC()})
	}
	return out
}

func (h *Handler) getSupport(c *call, _ nothing) (api.Support, error) {
	all, err := h.Support.Acting(c, c.tenant(), c.Actor)
	if err != nil {
		return api.Support{}, err
	}
	t, _, err := h.Directory.Tenant(c, c.tenant(), c.Actor)
	if err != nil {
		return api.Support{}, err
	}
	c.tag(t.Version)
	return api.Support{Access: openOr(t.SupportAccess), Acting: actingOf(all)}, nil
}

// access opens or closes support access, and counts whom closing it throws out.
func (h *Handler) access(c *call, open bool) error {
	if !open {
		out, err := h.Support.PlanClose(c, c.tenant(), c.Actor)
		if err != nil {
			return err
		}
		c.count(directory.EffectSessions, len(out))
	}
	_, err := c.supp.SetAccess(c, c.tenant(), open, c.Actor, c.From)
	return err
}

func (h *Handler) putSupport(c *call, in api.SupportChange) (api.Support, error) {
	if err := h.access(c, in.Access == "open"); err != nil || c.dry {
		return api.Support{}, err
	}
	return h.getSupport(c, nothing{})
}

func (h *Handler) endActing(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.supp.EndOne(c, c.tenant(), core.SessionID(c.r.PathValue("session")), c.Actor, c.From)
}
