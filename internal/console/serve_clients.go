package console

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

func (h *Handler) clients(w http.ResponseWriter, r *http.Request) error {
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
	list, err := h.Clients.Clients(r.Context(), me, place.Tenant.ID, cursor)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, APIClients(ClientsPage{h.page(r, place, "clients", nil), list, cursor}))
}

// oneClient is who asks, where, and about which API client.
func (h *Handler) oneClient(r *http.Request) (Caller, Place, Client, error) {
	me, place, err := h.at(r)
	if err != nil {
		return me, place, Client{}, err
	}
	c, err := h.Clients.Client(r.Context(), me, place.Tenant.ID, core.ClientID(r.PathValue("client")))
	return me, place, c, err
}

func (h *Handler) client(w http.ResponseWriter, r *http.Request) error {
	_, place, c, err := h.oneClient(r)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, APIClient(ClientPage{h.page(r, place, "clients", nil), c}))
}

var clientFormFields = []string{"name", "right[]", "write", "networks", "expires", "quiet", "service", "version", "code", "password"}

func typedClient(f web.Form) TypedClient {
	return TypedClient{Name: f.Get("name"), Networks: f.Get("networks"), Expires: f.Get("expires"), Quiet: f.Get("quiet"), Rights: f.All("right"), Write: f.Get("write") == "yes"}
}

func (h *Handler) getNewClient(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, "name", "service")
	t := TypedClient{Name: f.Get("name"), Quiet: "30"}
	for _, p := range access.Reading {
		t.Rights = append(t.Rights, string(p))
	}
	return h.drawClient(w, r, t, core.UserID(f.Get("service")), fault)
}

func (h *Handler) drawClient(w http.ResponseWriter, r *http.Request, t TypedClient, service core.UserID, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.ManageApps) {
		return core.ErrForbidden
	}
	p := ClientFormPage{Wish: t, Page: h.page(r, place, "clients", fault), Client: core.ClientID(r.PathValue("client"))}
	if service != "" {
		if p.Service, err = h.Clients.Replaceable(r.Context(), me, place.Tenant.ID, service); err != nil {
			return err
		}
		if fault == nil && p.Wish.Name == "" {
			p.Wish.Name = p.Service.Name
		}
	}
	for _, right := range access.Lendable {
		if place.May(right) {
			p.Rights = append(p.Rights, right)
		}
	}
	if p.Client != "" {
		c, err := h.Clients.Client(r.Context(), me, place.Tenant.ID, p.Client)
		if err != nil {
			return err
		}
		if p.Version = c.App.Version; fault == nil {
			d := c.App.Doc
			p.Wish = TypedClient{Name: c.App.Name, Networks: join(d.Client.Networks), Expires: lastDay(d.Client.ExpiresAt, place.Zone), Rights: d.Scopes, Write: d.Client.Write}
		}
	}
	if p.Ask, err = h.ask(r, me, false, fault); err != nil {
		return err
	}
	return show(w, r, fault, ClientForm(p))
}

// lastDay is the last day on which something works that ends with a night.
func lastDay(end time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return end.Add(-time.Second).In(zone).Format(time.DateOnly)
}

func join(words []string) string { return names(words) }

func (h *Handler) getClientForm(w http.ResponseWriter, r *http.Request) error {
	return h.drawClient(w, r, TypedClient{}, "", nil)
}

func (h *Handler) postClient(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	if !place.May(access.ManageApps) {
		return core.ErrForbidden
	}
	f, err := web.ParseForm(w, r, clientFormFields...)
	t := typedClient(f)
	wish := ClientWish{Tenant: place.Tenant.ID, Client: core.ClientID(r.PathValue("client")), Service: core.UserID(f.Get("service")), Name: t.Name, Write: t.Write, Networks: list(t.Networks)}
	if wish.Client != "" {
		wish.Version = versionOf(f)
	}
	if err == nil {
		wish.Rights, err = rightsOf(t, wish)
	}
	if err == nil && wish.Service != "" {
		if wish.Quiet, err = strconv.Atoi(t.Quiet); err != nil {
			err = core.Invalid("form.invalid", "field", "quiet")
		}
	}
	if err == nil {
		wish.Expires, err = endOf(t.Expires, place.Zone)
	}
	reveal := false
	if err == nil {
		reveal, err = h.prove(w, r, &me, f)
	}
	if err == nil {
		var made core.App
		var secret string
		if made, secret, err = h.Clients.SaveClient(r.Context(), me, wish); err == nil {
			if secret != "" {
				return h.showClientSecret(w, r, place, made, secret)
			}
			return done(reveal, clientPath(place, made.ID, "?done=client_changed"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawClient(w, r, t, wish.Service, err)
}

// rightsOf are the rights that were ticked. What takes an account's place gets the
// account's.
func rightsOf(t TypedClient, w ClientWish) (out []access.Permission, err error) {
	for _, word := range t.Rights {
		if !slices.Contains(access.Permissions, access.Permission(word)) {
			return nil, core.Invalid("form.invalid", "field", "right")
		}
		out = append(out, access.Permission(word))
	}
	if len(out) == 0 && w.Service == "" {
		return nil, core.Invalid("client.invalid", "field", "right")
	}
	return out, nil
}

func (h *Handler) showClientSecret(w http.ResponseWriter, r *http.Request, place Place, a core.App, secret string) error {
	return web.Render(w, r, http.StatusOK, ClientSecret(ClientSecretPage{h.page(r, place, "clients", nil), a.ID, a.Name, secret}))
}

var clientDeedFields = []string{"days", "code", "password"}

func (h *Handler) getClientDeed(d ClientDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return h.drawClientDeed(w, r, d, "7", nil) }
}

func (h *Handler) drawClientDeed(w http.ResponseWriter, r *http.Request, d ClientDeed, days string, fault error) error {
	me, place, c, err := h.oneClient(r)
	if err != nil {
		return err
	}
	word := string(d)
	p := DeedPage{Page: h.page(r, place, "clients", fault), DataPage: "api-client-" + word, Back: clientPath(place, c.App.ID), BackName: c.App.Name, Action: clientPath(place, c.App.ID, "/"+word),
		Danger: d == ClientStop || d == ClientDelete}
	p.Title, p.Submit = web.T(r.Context(), "client_deed."+word), web.T(r.Context(), "client_deed_go."+word)
	p.Lede = text(web.T(r.Context(), "client_deed_text."+word))
	if d == ClientRotate {
		p.Fields = OverlapField(p.Page.Page, days)
	}
	if d == ClientRotate || d == ClientStart {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	return show(w, r, fault, Deed(p))
}

func (h *Handler) postClientDeed(d ClientDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, place, c, err := h.oneClient(r)
		if err != nil {
			return err
		}
		f, err := web.ParseForm(w, r, clientDeedFields...)
		days := 0
		if err == nil && d == ClientRotate {
			if days, err = strconv.Atoi(f.Get("days")); err != nil {
				err = core.Invalid("form.invalid", "field", "days")
			}
		}
		reveal := false
		if err == nil {
			reveal, err = h.prove(w, r, &me, f)
		}
		if err == nil {
			var secret string
			if secret, err = h.Clients.DoClient(r.Context(), me, c.App.ID, d, days); err == nil {
				switch {
				case secret != "":
					return h.showClientSecret(w, r, place, c.App, secret)
				case d == ClientDelete:
					return done(reveal, place.Path("/api-clients?done=client_deleted"))
				}
				return done(reveal, clientPath(place, c.App.ID, "?done=client_changed"))
			}
		}
		if !mends(err) {
			return err
		}
		return h.drawClientDeed(w, r, d, f.Get("days"), err)
	}
}
