package console

import (
	"net/http"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

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
	p := h.page(r, place, "roles", fault)
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
	p.Page = h.page(r, place, "roles", fault)
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
