package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

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
	p := h.page(r, place, "audit", fault)
	page := AuditPage{Page: p, Query: q}
	if fault == nil {
		if page.List, err = h.Audit.Entries(r.Context(), me, q); err != nil {
			return err
		}
	}
	return show(w, r, fault, AuditLog(page))
}
