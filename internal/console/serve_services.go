package console

import (
	"net/http"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

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
	p := h.page(r, place, "services", nil)
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
	ask, err := h.ask(r, me, false, fault)
	if err != nil {
		return err
	}
	p := h.page(r, place, "services", fault)
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
