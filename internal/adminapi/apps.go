package adminapi

import (
	"encoding/json"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	api "sallyport/pkg/sallyport"
)

func appOf(a core.App) (api.App, error) {
	o := api.App{ID: string(a.ID), Tenant: string(a.Tenant), Name: a.Name, State: string(a.State)}
	return o, through(a.Doc, &o.Doc)
}

// through writes a document as another that has the same names.
func through(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

func wishOf(name string, in api.AppSettings) (directory.AppWish, error) {
	for field, text := range map[string]string{"settings.access_life": in.AccessLife, "settings.refresh_life": in.RefreshLife} {
		var d core.Duration
		if text != "" && d.UnmarshalText([]byte(text)) != nil {
			return directory.AppWish{}, badField("api.field_invalid", field)
		}
	}
	w := directory.AppWish{Name: name}
	return w, through(in, &w.Doc)
}

func (h *Handler) listApps(c *call, _ nothing) (out api.Page[api.App], err error) {
	out.Items = []api.App{}
	p, err := c.page()
	if err != nil {
		return out, err
	}
	at := core.TenantID(c.query("tenant"))
	if at == "" {
		at = c.Actor.Top()
	}
	apps, next, err := h.Directory.AppsOf(c, at, store.Page{After: p.After, Limit: p.Limit}, c.Actor)
	if err != nil {
		return out, err
	}
	for _, a := range apps {
		o, err := appOf(a)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, o)
	}
	out.NextCursor, err = c.next(next)
	return out, err
}

func (h *Handler) createApp(c *call, in api.NewApp) (api.App, error) {
	w, err := wishOf(in.Name, in.Doc)
	if err != nil {
		return api.App{}, err
	}
	a, text, err := c.dir.CreateApp(c, core.TenantID(in.Tenant), w, c.Actor, c.From)
	if err != nil || c.dry {
		return api.App{}, err
	}
	c.made("/apps/" + string(a.ID))
	c.tag(a.Version)
	o, err := appOf(a)
	o.Secret = text
	return o, err
}

func (h *Handler) getApp(c *call, _ nothing) (api.App, error) {
	d, err := h.Directory.App(c, c.app(), c.Actor)
	if err != nil {
		return api.App{}, err
	}
	c.tag(d.App.Version)
	o, err := appOf(d.App)
	for _, k := range d.Secrets {
		o.Secrets = append(o.Secrets, api.AppSecret{Mark: k.Mark(), Hint: k.Hint, CreatedAt: k.CreatedAt.UTC(), ExpiresAt: some(k.ExpiresAt), LastUsedAt: some(k.LastUsedAt)})
	}
	return o, err
}

// changeApp does one thing at a time: whether it works, or what it is.
func (h *Handler) changeApp(c *call, in api.AppChange) (api.App, error) {
	had, err := h.Directory.App(c, c.app(), c.Actor)
	if err != nil {
		return api.App{}, err
	}
	switch set := in.Name != nil || in.Doc != nil; {
	case set == (in.State != nil):
		return api.App{}, core.Invalid("api.one_change")
	case in.State != nil:
		_, err = c.dir.SwitchApp(c, c.app(), *in.State == string(core.AppActive), c.Actor, c.From)
	default:
		w := directory.AppWish{Name: had.App.Name, Doc: had.App.Doc}
		if in.Doc != nil {
			if w, err = wishOf(w.Name, *in.Doc); err != nil {
				return api.App{}, err
			}
		}
		if in.Name != nil {
			w.Name = *in.Name
		}
		_, err = c.dir.ChangeApp(c, c.app(), w, c.Actor, c.From)
	}
	if err != nil || c.dry {
		return api.App{}, err
	}
	return h.getApp(c, nothing{})
}

func (h *Handler) rotateApp(c *call, in api.Rotation) (api.App, error) {
	overlap, err := overlapOf(in)
	if err != nil {
		return api.App{}, err
	}
	text, until, err := c.dir.RotateAppSecret(c, c.app(), overlap, c.Actor, c.From)
	if err != nil || c.dry {
		return api.App{}, err
	}
	o, err := h.getApp(c, nothing{})
	o.Secret, o.Until = text, some(until)
	return o, err
}

func (h *Handler) retireAppSecret(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.dir.RetireAppSecret(c, c.app(), c.r.PathValue("mark"), c.Actor, c.From)
}

func (h *Handler) deleteApp(c *call, _ nothing) (nothing, error) {
	return nothing{}, c.dir.DeleteApp(c, c.app(), c.Actor, c.From)
}
