package adminapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	api "sallyport/pkg/sallyport"
)

func (h *Handler) listEvents(c *call, _ nothing) (out api.Page[api.Event], err error) {
	out.Items = []api.Event{}
	p, err := c.page()
	if err != nil {
		return out, err
	}
	at := core.TenantID(c.query("tenant"))
	if at == "" {
		at = c.Actor.Top()
	}
	q := store.EventsQuery{Page: p, Name: c.query("event"), Result: c.query("result"), About: c.query("about")}
	for name, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := c.query(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return out, badField("api.field_invalid", name)
			}
		}
	}
	if q.About != "" {
		// A login is looked up; what is none may be an id of something else.
		u, err := h.whom(c, q.About)
		if _, unknown := core.AsFault(err); err == nil {
			q.About = string(u.ID)
		} else if !unknown {
			return out, err
		}
	}
	events, next, err := h.Directory.Events(c, at, q, c.Actor)
	if err != nil {
		return out, err
	}
	names := map[string]string{}
	for _, e := range events {
		o := api.Event{At: e.At.UTC(), Event: e.Name, Tenant: string(e.Tenant), Actor: e.Actor, Target: e.Target, Result: e.Result, Reason: e.Reason, Address: e.Address,
			Request: e.Request, Session: string(e.Session), Detail: e.Detail, Position: e.Position}
		if o.ActorName, err = h.name(c, names, e.Actor); err != nil {
			return out, err
		}
		if o.TargetName, err = h.name(c, names, e.Target); err != nil {
			return out, err
		}
		out.Items = append(out.Items, o)
	}
	out.NextCursor, err = c.next(next)
	return out, err
}

// name puts a name to the id of a person or a node; of others, and of whoever was
// erased, there is none.
func (h *Handler) name(ctx context.Context, known map[string]string, id string) (name string, err error) {
	if name, there := known[id]; there {
		return name, nil
	}
	st := h.Directory.Store
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case core.PrefixUser:
		var u core.User
		if u, err = st.FindUser(ctx, core.UserID(id)); err == nil && u.State != core.UserDeleted {
			name = u.Name
		}
	case core.PrefixTenant:
		err = st.View(ctx, core.TenantID(id), func(r store.Reader) error {
			t, err := r.Tenant()
			name = t.Name
			return err
		})
	}
	if errors.Is(err, core.ErrNotFound) {
		err = nil
	}
	known[id] = name
	return name, err
}
