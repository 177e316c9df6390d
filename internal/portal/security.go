package portal

import (
	"net/http"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/web"
)

func (h *Handler) toHome(http.ResponseWriter, *http.Request) error { return web.GoTo("/account/") }

func (h *Handler) toSecurity(http.ResponseWriter, *http.Request) error {
	return web.GoTo("/account/security")
}

func (h *Handler) home(w http.ResponseWriter, r *http.Request) error {
	cur := current(r)
	f, err := h.facts(r)
	if err != nil {
		return err
	}
	stand := policy.Standing(person(cur, f), cur.Effective, h.SignIn.Now())
	required := stand.Required
	p := HomePage{Page: h.page(r, nil), Mail: cur.User.Email, Login: cur.User.Login, MFAOn: policy.Enrolled(f.factors), MFARequired: required,
		Offered: policy.MayOptIn(person(cur, f), cur.Effective, f.administrator()), Methods: len(policy.Confirmed(f.factors)),
		Sessions: len(f.sessions), LastSignIn: cur.Session.Doc.LastBefore, Administers: f.administrator(),
		By: cur.Effective.Calls(stand.By), Since: stand.Since, Due: stand.DueAt}
	return web.Render(w, r, http.StatusOK, Home(p))
}

func (h *Handler) security(w http.ResponseWriter, r *http.Request) error {
	p, err := h.securityPage(r, nil)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, Security(p))
}

// shownSessions is how many sessions the overview lists; the rest has its page.
const shownSessions = 3

func (h *Handler) securityPage(r *http.Request, fault error) (SecurityPage, error) {
	cur := current(r)
	f, err := h.facts(r)
	if err != nil {
		return SecurityPage{}, err
	}
	p := SecurityPage{Page: h.page(r, fault), Status: StatusOff}
	set := cur.Effective.Settings
	p.Idle, p.Max = cur.Session.IdleUntil.Sub(cur.Session.LastSeenAt), cur.Session.ExpiresAt.Sub(cur.Session.CreatedAt)
	who := person(cur, f)
	stand := policy.Standing(who, cur.Effective, h.SignIn.Now())
	required, by := stand.Required, stand.By
	_, p.MayDisable = policy.MayDisable(who, cur.Effective)
	switch {
	case policy.Enrolled(f.factors) && required:
		p.Status = StatusRequired
	case policy.Enrolled(f.factors):
		p.Status = StatusOn
	case required && !cur.Effective.Disabling():
		p.Status, p.Due, p.SkipsLeft = StatusDue, stand.DueAt, stand.SkipsLeft
	case !policy.MayOptIn(who, cur.Effective, f.administrator()):
		p.Status = StatusNotOffered
	}
	if required {
		p.By, p.Since = cur.Effective.Calls(by), stand.Since
	}
	for _, x := range f.factors {
		switch {
		case x.State != core.FactorConfirmed:
		case x.Kind == core.FactorTOTP:
			p.Methods = append(p.Methods, Method{Name: x.Name, Added: x.ConfirmedAt, Used: x.LastUsedAt, Dead: x.Budget.Dead(), LockedUntil: x.Budget.LockedUntil})
		case x.Kind == core.FactorRecoveryCode:
			p.Recovery.Left++
			p.Recovery.Made = x.ConfirmedAt
		}
	}
	p.Recovery.Single = set.RecoveryCodeFormat == core.RecoverySingle
	p.Recovery.Total = 1
	if !p.Recovery.Single {
		p.Recovery.Total = core.RecoverySetSize
	}
	for _, way := range set.Recovery {
		p.Recovery.Offered = p.Recovery.Offered || way == core.RecoveryCodeWay
	}
	p.TrustDays, p.TrustOffered = policy.OffersTrust(who, cur.Effective)
	if p.Trusted, err = h.trusted(r); err != nil {
		return p, err
	}
	items := h.items(cur.Session.ID, f.sessions)
	p.AllSessions = len(items)
	p.Sessions = items[:min(len(items), shownSessions)]
	for _, e := range f.events {
		p.Activity = append(p.Activity, Activity{At: e.At, Event: e.Name, Words: audit.Words(e), Where: e.Address, Refused: e.Result != "ok"})
	}
	return p, nil
}

// items lists sessions, this one first.
func (h *Handler) items(this core.SessionID, sessions []core.Session) []SessionItem {
	var out []SessionItem
	for _, s := range sessions {
		it := SessionItem{ID: string(s.ID), Agent: h.Device(s.Doc.Agent), Address: s.Doc.Address, Since: s.CreatedAt, Seen: s.LastSeenAt,
			This: s.ID == this, Level: string(s.Level)}
		if it.This {
			out = append([]SessionItem{it}, out...)
			continue
		}
		out = append(out, it)
	}
	return out
}
