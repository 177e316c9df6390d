package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

func (h *Handler) toHome(http.ResponseWriter, *http.Request) error { return web.GoTo("/admin/") }

func (h *Handler) home(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.top(r)
	if err != nil {
		return err
	}
	view, err := h.Overviews.Overview(r.Context(), me)
	if err != nil {
		return err
	}
	p := h.page(r, place, "home", nil)
	return web.Render(w, r, http.StatusOK, Home(HomePage{p, view}))
}

// parseTenants reads the filters of the tree from an address.
func parseTenants(r *http.Request) (TenantQuery, error) {
	f, err := web.ParseQuery(r, "under", "q", "kind", "requirement", "mode", "state", "cursor")
	q := TenantQuery{Under: core.TenantID(f.Get("under")), Name: f.Get("q"), Kind: core.TenantKind(f.Get("kind")), Requirement: f.Get("requirement"),
		Mode: core.TenantMode(f.Get("mode")), State: core.TenantState(f.Get("state")), Limit: perPage}
	if err == nil {
		q.Cursor, err = cursorOf(f)
	}
	if err != nil {
		return TenantQuery{Limit: perPage}, err
	}
	for field, ok := range map[string]bool{
		"kind":        q.Kind == "" || slices.Contains([]core.TenantKind{core.Partner, core.Folder, core.Customer, core.Unit}, q.Kind),
		"requirement": q.Requirement == "" || slices.Contains(RequirementFilters, q.Requirement),
		"mode":        q.Mode == "" || q.Mode == core.Trial || q.Mode == core.Production,
		"state":       q.State == "" || slices.Contains([]core.TenantState{core.TenantActive, core.TenantSuspended, core.TenantDeleted}, q.State),
	} {
		if !ok {
			return TenantQuery{Limit: perPage}, core.Invalid("form.invalid", "field", field)
		}
	}
	return q, nil
}

// toPeople leads who helps people and sees no tenants to the people, which is all
// that they see of the place.
func toPeople(place Place) error {
	if !place.May(access.ViewTenants) && place.May(access.ViewPeople) {
		return web.GoTo(place.Path("/users"))
	}
	return nil
}

func (h *Handler) tenants(w http.ResponseWriter, r *http.Request) error {
	q, fault := parseTenants(r)
	me := caller(r)
	place, err := h.Places.Place(r.Context(), me, q.Under)
	if err == nil {
		err = toPeople(place)
	}
	if err != nil {
		return err
	}
	p := h.page(r, place, "tenants", fault)
	page := TenantsPage{Page: p, Query: q, List: TenantList{Total: -1}}
	if fault == nil {
		if page.List, err = h.Tree.Tenants(r.Context(), me, q); err != nil {
			return err
		}
	}
	return show(w, r, fault, Tenants(page))
}

func (h *Handler) tenant(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err == nil {
		err = toPeople(place)
	}
	if err != nil {
		return err
	}
	view, err := h.Tree.Tenant(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	kinds, err := h.Tree.Kinds(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	p := h.page(r, place, "tenant", nil)
	return web.Render(w, r, http.StatusOK, Tenant(TenantPage{p, view, kinds}))
}

// NewTenantPage asks for a node to be made.
type NewTenantPage struct {
	Page
	Wish  NewTenant
	Kinds []core.TenantKind
	Plan  *TenantPlan // what it would begin with; nil: not asked yet
}

func parseNewTenant(f web.Form) NewTenant {
	return NewTenant{Parent: core.TenantID(f.Get("parent")), Kind: core.TenantKind(f.Get("kind")), Mode: core.TenantMode(f.Get("mode")), Name: f.Get("name"),
		ManagedBy: core.ManagedBy(f.Get("managed_by")), TrialDays: strings.TrimSpace(f.Get("trial_days")), AdminName: f.Get("admin_name"), AdminMail: f.Get("admin_email")}
}

var newTenantFields = []string{"parent", "kind", "mode", "name", "managed_by", "trial_days", "admin_name", "admin_email", "edit"}

// settled is the wish without what only partners and customers have, and what is
// wrong with it that needs no look at the tree.
func (n NewTenant) settled() (NewTenant, error) {
	if !n.Kind.IsOrganisation() {
		n.Mode, n.ManagedBy, n.TrialDays = "", "", ""
	}
	if (n.AdminName == "") != (n.AdminMail == "") {
		return n, core.Invalid("form.invalid", "field", "admin_email")
	}
	return n, nil
}

// drawNewTenant draws the form, or with look what the node would begin with and the
// form that makes it.
func (h *Handler) drawNewTenant(w http.ResponseWriter, r *http.Request, n NewTenant, look bool, fault error) error {
	me := caller(r)
	place, err := h.Places.Place(r.Context(), me, n.Parent)
	if err != nil {
		return err
	}
	kinds, err := h.Tree.Kinds(r.Context(), me, place.Tenant.ID)
	if err != nil {
		return err
	}
	if len(kinds) == 0 {
		return core.ErrForbidden
	}
	n.Parent = place.Tenant.ID
	if !slices.Contains(kinds, n.Kind) {
		// A partner's everyday deed is a new customer.
		n.Kind = kinds[0]
		if slices.Contains(kinds, core.Customer) {
			n.Kind = core.Customer
		}
	}
	var plan *TenantPlan
	if look && fault == nil {
		var wish NewTenant
		if wish, fault = n.settled(); fault == nil {
			var t TenantPlan
			if t, fault = h.Tree.PlanCreate(r.Context(), me, wish); fault == nil {
				plan, n = &t, wish
			}
		}
		if fault != nil && !mends(fault) {
			return fault
		}
	}
	p := h.page(r, place, "tenants", fault)
	return show(w, r, fault, NewTenantForm(NewTenantPage{p, n, kinds, plan}))
}

func (h *Handler) getNewTenant(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, newTenantFields...)
	return h.drawNewTenant(w, r, parseNewTenant(f), f.Has("name") && !f.Has("edit"), fault)
}

func (h *Handler) postNewTenant(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, newTenantFields...)
	n, wrong := parseNewTenant(f).settled()
	if err == nil {
		err = wrong
	}
	if err == nil {
		var id core.TenantID
		if id, err = h.Tree.Create(r.Context(), caller(r), n); err == nil {
			return web.GoTo(tenantPath(id, "?done=tenant_created"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawNewTenant(w, r, n, false, err)
}

// The deeds of a tenant. Each is asked for with a GET, whose query is the wish, and
// done with a POST.

var tenantDeedFields = []string{"name", "parent", "q", "version", "confirm", "code", "password"}

func parseTenantChange(d TenantDeed, id core.TenantID, f web.Form) TenantChange {
	c := TenantChange{Deed: d, Tenant: id}
	switch d {
	case TenantRename:
		c.Name = f.Get("name")
	case TenantMove:
		c.Parent = core.TenantID(f.Get("parent"))
	}
	return c
}

// complete reports whether the wish says what is to be done.
func (c TenantChange) complete(f web.Form) bool {
	switch c.Deed {
	case TenantRename:
		return f.Has("name")
	case TenantMove:
		return c.Parent != ""
	}
	return true
}

func (h *Handler) getTenantDeed(d TenantDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, fault := web.ParseQuery(r, tenantDeedFields...)
		return h.drawTenantDeed(w, r, d, f, fault)
	}
}

// drawTenantDeed draws the page of a deed: its form while the wish is incomplete,
// else what it would do and the form that does it.
func (h *Handler) drawTenantDeed(w http.ResponseWriter, r *http.Request, d TenantDeed, f web.Form, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	t, word := place.Tenant, string(d)
	c := parseTenantChange(d, t.ID, f)
	p := DeedPage{DataPage: "tenant-" + word, Back: place.Path(), BackName: t.Name, Action: place.Path("/" + word), Danger: d == TenantDelete || d == TenantSuspend || d == TenantSignOut}
	p.Title, p.Submit = web.T(r.Context(), "tenant_deed."+word), web.T(r.Context(), "tenant_deed_go."+word)
	p.Lede = text(web.T(r.Context(), "tenant_deed_text."+word))
	if !c.complete(f) {
		// A form for what cannot be done is not shown; a complete wish is refused by the
		// journey, with its reason.
		view, err := h.Tree.Tenant(r.Context(), me, t.ID)
		if err == nil && !view.May(d) {
			err = core.ErrForbidden
		}
		if err != nil {
			return err
		}
	}
	if c.complete(f) && (fault == nil || mends(fault)) {
		e, previewErr := h.Tree.Preview(r.Context(), me, c)
		switch {
		case previewErr == nil:
			p.Effect = &e
			p.Confirm = e.Name
			p.Hidden = []web.Hidden{{Name: "version", Value: version(e.Version)}}
			for _, field := range []web.Hidden{{Name: "name", Value: c.Name}, {Name: "parent", Value: string(c.Parent)}} {
				if field.Value != "" {
					p.Hidden = append(p.Hidden, field)
				}
			}
		case !mends(previewErr):
			return previewErr
		case fault == nil:
			fault = previewErr
		}
	}
	if p.Effect == nil {
		// There is something to say first, or what was said cannot be.
		p.Preview = true
		p.Submit = web.T(r.Context(), "deed.preview")
		p.Closed = d != TenantRename && d != TenantMove
	}
	if p.Effect == nil || fault != nil {
		if p.Fields, err = h.tenantDeedFields(r, me, place, c, f, fault); err != nil {
			return err
		}
	}
	if isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	p.Page = h.page(r, place, "tenant", fault)
	if p.Effect != nil {
		p.Fields = nil
	}
	return show(w, r, fault, Deed(p))
}

// tenantDeedFields are what a deed has to be told.
func (h *Handler) tenantDeedFields(r *http.Request, me Caller, place Place, c TenantChange, f web.Form, fault error) (templ.Component, error) {
	page := web.Page{Fault: fault}
	switch c.Deed {
	case TenantRename:
		name := place.Tenant.Name
		if f.Has("name") {
			name = f.Get("name")
		}
		return web.TextField(page, web.Field{Name: "name", Label: web.T(r.Context(), "tenant.name"), Value: name, Max: 120}), nil
	case TenantMove:
		found, err := h.Tree.Parents(r.Context(), me, place.Tenant.ID, f.Get("q"))
		return ParentField(page, f.Get("q"), string(c.Parent), found), err
	}
	return nil, nil
}

func (h *Handler) postTenantDeed(d TenantDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, place, err := h.at(r)
		if err != nil {
			return err
		}
		f, err := web.ParseForm(w, r, tenantDeedFields...)
		c := parseTenantChange(d, place.Tenant.ID, f)
		c.Version, c.Confirm = versionOf(f), f.Get("confirm")
		if err == nil && d == TenantDelete && !confirmed(f.Get("confirm"), place.Tenant.Name) {
			err = core.ErrConfirmRequired.With("field", "confirm")
		}
		var reveal bool
		if err == nil {
			reveal, err = h.prove(w, r, &me, f)
		}
		if err == nil {
			if err = h.Tree.Change(r.Context(), me, c); err == nil {
				return done(reveal, place.Path("?done="+tenantFlash(d)))
			}
		}
		if !mends(err) {
			return err
		}
		return h.drawTenantDeed(w, r, d, f, err)
	}
}

func tenantFlash(d TenantDeed) string {
	switch d {
	case TenantDelete:
		return "tenant_deleted"
	case TenantRestore:
		return "tenant_restored"
	case TenantSignOut:
		return "everybody_signed_out"
	}
	return "tenant_changed"
}
