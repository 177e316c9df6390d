package console

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

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
	p.Page = h.page(r, place, "policy", fault)
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
