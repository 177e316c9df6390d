package adminapi

import (
	"sallyport/internal/core"
	api "sallyport/pkg/sallyport"
)

// notChecked is what a later release will look for.
var notChecked = []string{"mailboxes_used_by_several_people", "client_versions", "undeliverable_mail"}

// readiness is what somebody should look at before MFA is switched on. It names what it
// does not look for, so that an empty list is not read as more than it is.
func (h *Handler) readiness(c *call, _ nothing) (api.Readiness, error) {
	at := core.TenantID(c.query("tenant"))
	if at == "" {
		at = c.Actor.Top()
	}
	r, err := h.Directory.Readiness(c, at, c.Actor)
	out := api.Readiness{Tenant: string(at), Findings: []api.Finding{}, NotChecked: notChecked}
	for _, f := range r {
		x := api.Finding{Finding: f.What, Count: f.Count}
		for _, n := range f.First {
			x.First = append(x.First, api.Who{ID: string(n.ID), Login: n.Login, Name: n.Name})
		}
		out.Findings = append(out.Findings, x)
	}
	return out, err
}
