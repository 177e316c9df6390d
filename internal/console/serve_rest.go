package console

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

// Service accounts.

func (h *Handler) services(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseQuery(r, "cursor")
	if err != nil {
		return err
	}
	cursor, err := cursorOf(f)
	if err != nil {
		return err
	}
	list, err := h.Services.Services(r.Context(), me, place.Tenant.ID, cursor)
	if err != nil {
		return err
	}
	p, err := h.page(r, place, "services", nil)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, ServiceAccounts(ServicesPage{p, list, cursor}))
}

var serviceFormFields = []string{"name", "login", "reason", "networks", "expires", "code", "password"}

func typedOf(f web.Form) Typed {
	return Typed{Name: f.Get("name"), Login: f.Get("login"), Reason: f.Get("reason"), Networks: f.Get("networks"), Expires: f.Get("expires")}
}

func (h *Handler) drawService(w http.ResponseWriter, r *http.Request, t Typed, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.Convert) {
		return core.ErrForbidden
	}
	ask, err := h.ask(r, me, false)
	if err != nil {
		return err
	}
	p, err := h.page(r, place, "services", fault)
	if err != nil {
		return err
	}
	return show(w, r, fault, NewService(ServicePage{p, t, ask}))
}

func (h *Handler) getNewService(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, serviceFormFields...)
	return h.drawService(w, r, typedOf(f), fault)
}

func (h *Handler) postNewService(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, serviceFormFields...)
	t := typedOf(f)
	wish := ServiceWish{Tenant: place.Tenant.ID, Name: t.Name, Login: t.Login, Reason: strings.TrimSpace(t.Reason), Networks: list(t.Networks)}
	if err == nil {
		wish.Expires, err = endOf(t.Expires, place.Zone)
	}
	if err == nil {
		_, err = h.prove(w, r, &me, f)
	}
	if err == nil {
		var id core.UserID
		var password string
		if id, password, err = h.Services.CreateService(r.Context(), me, wish); err == nil {
			return h.showSecret(w, r, place, Who{id, wish.Name, wish.Login}, PersonToService, PersonChanged{Secret: password})
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawService(w, r, t, err)
}

// Roles.

func (h *Handler) roles(w http.ResponseWriter, r *http.Request) error {
	return h.drawRoles(w, r, "", "", nil)
}

func (h *Handler) toRoles(_ http.ResponseWriter, r *http.Request) error {
	return web.GoTo(tenantPath(core.TenantID(r.PathValue("tenant")), "/roles"))
}

func (h *Handler) drawRoles(w http.ResponseWriter, r *http.Request, who string, role core.Role, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	view, err := h.Roles.Roles(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	p, err := h.page(r, place, "roles", fault)
	if err != nil {
		return err
	}
	return show(w, r, fault, RolesList(RolesPage{p, view, who, role}))
}

func (h *Handler) postGrant(w http.ResponseWriter, r *http.Request) error {
	return h.moveRole(w, r, "role_given", func(me Caller, at core.TenantID, who string, role core.Role) error {
		return h.Roles.Grant(r.Context(), me, at, who, role)
	})
}

func (h *Handler) postRevoke(w http.ResponseWriter, r *http.Request) error {
	return h.moveRole(w, r, "role_taken", func(me Caller, at core.TenantID, who string, role core.Role) error {
		return h.Roles.Revoke(r.Context(), me, at, who, role)
	})
}

func (h *Handler) moveRole(w http.ResponseWriter, r *http.Request, flash string, do func(Caller, core.TenantID, string, core.Role) error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, "user", "role", "back")
	who, role := strings.TrimSpace(f.Get("user")), core.Role(f.Get("role"))
	if err == nil {
		if err = do(me, place.Tenant.ID, who, role); err == nil {
			if f.Get("back") == "person" {
				return web.GoTo(personPath(core.UserID(who), "?done="+flash))
			}
			return web.GoTo(place.Path("/roles?done=" + flash))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawRoles(w, r, who, role, err)
}

var roleFields = []string{"name", "base", "right[]", "version"}

func (h *Handler) getNewRole(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, "name", "base")
	return h.drawRole(w, r, RoleWish{Name: f.Get("name"), Base: core.Role(f.Get("base"))}, true, fault)
}

func (h *Handler) getRole(w http.ResponseWriter, r *http.Request) error {
	return h.drawRole(w, r, RoleWish{Role: core.Role(r.PathValue("role"))}, false, nil)
}

// drawRole draws a custom role. A new one, or one that was just opened, has every
// right of its base, or those it has; one that was refused what was ticked.
func (h *Handler) drawRole(w http.ResponseWriter, r *http.Request, wish RoleWish, fresh bool, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	view, err := h.Roles.Roles(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	if len(view.Clones) == 0 {
		return core.ErrForbidden
	}
	p := RolePage{Wish: wish, Bases: view.Clones, New: wish.Role == ""}
	if p.New {
		if !slices.Contains(view.Clones, wish.Base) {
			p.Wish.Base = view.Clones[0]
		}
		if fresh && fault == nil {
			p.Wish.Rights = h.Roles.RightsOf(p.Wish.Base)
		}
	} else {
		i := slices.IndexFunc(view.Custom, func(c CustomRole) bool { return c.Role == wish.Role })
		if i < 0 {
			return core.ErrNotFound
		}
		is := view.Custom[i]
		p.Wish.Base = is.Base
		if fault == nil {
			p.Wish = RoleWish{Role: is.Role, Name: is.Name, Base: is.Base, Rights: is.Rights, Version: is.Version}
		}
	}
	p.Rights = h.Roles.RightsOf(p.Wish.Base)
	if p.Page, err = h.page(r, place, "roles", fault); err != nil {
		return err
	}
	return show(w, r, fault, RoleForm(p))
}

func (h *Handler) postRole(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, roleFields...)
	wish := RoleWish{Role: core.Role(r.PathValue("role")), Name: f.Get("name"), Base: core.Role(f.Get("base")), Rights: []access.Permission{}}
	for _, word := range f.All("right") {
		wish.Rights = append(wish.Rights, access.Permission(word))
	}
	if wish.Role != "" {
		wish.Version = versionOf(f)
	}
	if err == nil && slices.ContainsFunc(wish.Rights, func(p access.Permission) bool { return !slices.Contains(access.Permissions, p) }) {
		err = core.Invalid("form.invalid", "field", "right")
	}
	if err == nil {
		if err = h.Roles.SaveRole(r.Context(), me, place.Tenant.ID, wish); err == nil {
			return web.GoTo(place.Path("/roles?done=role_saved"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawRole(w, r, wish, false, err)
}

func (h *Handler) postDeleteRole(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if _, err := web.ParseForm(w, r); err != nil {
		return err
	}
	if err := h.Roles.DeleteRole(r.Context(), me, place.Tenant.ID, core.Role(r.PathValue("role"))); err != nil {
		if mends(err) {
			return h.drawRoles(w, r, "", "", err)
		}
		return err
	}
	return web.GoTo(place.Path("/roles?done=role_deleted"))
}

// Support access and acting.

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
	p, err := h.page(r, place, "support", nil)
	if err != nil {
		return err
	}
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
		return core.ErrForbidden
	}
	ask, err := h.ask(r, me, false)
	if err != nil {
		return err
	}
	p, err := h.page(r, place, "tenant", fault)
	if err != nil {
		return err
	}
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

// The audit log.

func parseAudit(r *http.Request, tenant core.TenantID) (q AuditQuery, format string, err error) {
	f, err := web.ParseQuery(r, "q", "event", "result", "days", "cursor", "format")
	q = AuditQuery{Tenant: tenant, About: strings.TrimSpace(f.Get("q")), Family: f.Get("event"), Result: f.Get("result"), Limit: perPage}
	if err == nil {
		q.Cursor, err = cursorOf(f)
	}
	if err == nil && !knownFamily(q.Family) {
		err = core.Invalid("form.invalid", "field", "event")
	}
	if err == nil && !slices.Contains([]string{"", "ok", "refused"}, q.Result) {
		err = core.Invalid("form.invalid", "field", "result")
	}
	if err == nil && f.Get("days") != "" {
		if q.Since, err = strconv.Atoi(f.Get("days")); err != nil || !slices.Contains(auditDays, q.Since) {
			err = core.Invalid("form.invalid", "field", "days")
		}
	}
	if err == nil {
		format, err = formatOf(f)
	}
	if err != nil {
		q = AuditQuery{Tenant: tenant, Limit: perPage}
	}
	return q, format, err
}

func (h *Handler) audit(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	q, format, fault := parseAudit(r, place.Tenant.ID)
	if fault == nil && format != "" {
		return h.exportEntries(w, r, me, q, format)
	}
	p, err := h.page(r, place, "audit", fault)
	if err != nil {
		return err
	}
	page := AuditPage{Page: p, Query: q}
	if fault == nil {
		if page.List, err = h.Audit.Entries(r.Context(), me, q); err != nil {
			return err
		}
	}
	return show(w, r, fault, AuditLog(page))
}

// Explanations.

// momentLayout is how a browser writes day and time into a field.
const momentLayout = "2006-01-02T15:04"

func (h *Handler) policy(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, "user", "app", "address", "browser", "at")
	me, place, err := h.top(r)
	if err != nil {
		return err
	}
	p := PolicyPage{Typed: ExplainTyped{User: strings.TrimSpace(f.Get("user")), App: f.Get("app"), Address: strings.TrimSpace(f.Get("address")), Browser: f.Get("browser"), At: f.Get("at")}}
	if p.Typed.Browser == "" {
		p.Typed.Browser = Browsers[0]
	}
	q := ExplainQuery{User: p.Typed.User, App: p.Typed.App, Address: p.Typed.Address, Browser: p.Typed.Browser, At: h.Now()}
	if fault == nil {
		fault = h.checkExplain(&q, p.Typed, place.Zone)
	}
	if p.Apps, err = h.Explainer.Apps(r.Context(), me); err != nil {
		return err
	}
	if fault == nil && q.User != "" {
		var who Who
		if who, p.Found, err = h.Explainer.Explain(r.Context(), me, q); err == nil {
			p.Who = &who
		} else if isNotFound(err) {
			// A login that is nobody's and one of another branch are the same here.
			fault = core.Invalid("user.unknown", "field", "user")
		} else if !mends(err) {
			return err
		} else {
			fault = err
		}
	}
	if p.Page, err = h.page(r, place, "policy", fault); err != nil {
		return err
	}
	return show(w, r, fault, Explain(p))
}

func (h *Handler) checkExplain(q *ExplainQuery, t ExplainTyped, zone *time.Location) error {
	if !slices.Contains(Browsers, t.Browser) {
		return core.Invalid("form.invalid", "field", "browser")
	}
	if t.Address != "" {
		if _, err := netip.ParseAddr(t.Address); err != nil {
			return core.Invalid("form.invalid", "field", "address")
		}
	}
	if t.At != "" {
		if zone == nil {
			zone = time.UTC
		}
		at, err := time.ParseInLocation(momentLayout, t.At, zone)
		if err != nil {
			return core.Invalid("form.invalid", "field", "at")
		}
		q.At = at
	}
	return nil
}

func isNotFound(err error) bool {
	f, ok := core.AsFault(err)
	return ok && f.Kind == core.KindNotFound
}
