package console

import (
	"context"
	"net/http"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

func parsePeople(r *http.Request, tenant core.TenantID) (q PeopleQuery, format string, err error) {
	f, err := web.ParseQuery(r, "status", "q", "cursor", "format")
	q = PeopleQuery{Tenant: tenant, Status: core.MFAStatus(f.Get("status")), Prefix: f.Get("q"), Limit: perPage}
	if err == nil {
		q.Cursor, err = cursorOf(f)
	}
	if err == nil && q.Status != "" && !slices.Contains(Statuses, q.Status) {
		err = core.Invalid("form.invalid", "field", "status")
	}
	if err == nil {
		format, err = formatOf(f)
	}
	if err != nil {
		q = PeopleQuery{Tenant: tenant, Limit: perPage}
	}
	return q, format, err
}

func (h *Handler) users(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	q, format, fault := parsePeople(r, place.Tenant.ID)
	if place.Above && format == "" {
		// The page itself says how they come to see the people.
		return web.Render(w, r, http.StatusForbidden, UsersAbove(UsersPage{Page: h.page(r, place, "users", nil), Query: q}))
	}
	if fault == nil && format != "" {
		return h.exportPeople(w, r, me, q, format)
	}
	p := h.page(r, place, "users", fault)
	page := UsersPage{Page: p, Query: q}
	if fault == nil {
		if page.List, err = h.People.People(r.Context(), me, q); err != nil {
			return err
		}
	}
	return show(w, r, fault, Users(page))
}

// givable are the roles that the caller may give at a place, plain users first. From
// above only the first administrator can be invited, where there is none.
func (h *Handler) givable(ctx context.Context, me Caller, place Place) ([]RoleName, error) {
	if !place.May(access.Invite) {
		v, err := h.Tree.Tenant(ctx, me, place.Tenant.ID)
		if err == nil && !v.InviteFirst {
			err = core.ErrForbidden
		}
		return []RoleName{{Role: access.Administrator(place.Tenant.Kind)}}, err
	}
	v, err := h.Roles.Roles(ctx, me, place.Tenant.ID)
	if err != nil {
		return nil, err
	}
	out := []RoleName{{Role: core.RoleUser}}
	for _, r := range v.Grants {
		if r.Role != core.RoleUser {
			out = append(out, r)
		}
	}
	return out, nil
}

var inviteFields = []string{"name", "email", "login", "role", "locale"}

func parseInvite(f web.Form, tenant core.TenantID) Invitation {
	return Invitation{Tenant: tenant, Name: f.Get("name"), Email: f.Get("email"), Login: f.Get("login"), Role: core.Role(f.Get("role")), Locale: f.Get("locale")}
}

func (h *Handler) drawInvite(w http.ResponseWriter, r *http.Request, n Invitation, fault error) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	roles, err := h.givable(r.Context(), me, place)
	if err != nil {
		return err
	}
	p := h.page(r, place, "users", fault)
	return show(w, r, fault, Invite(InvitePage{p, n, roles}))
}

func (h *Handler) getInvite(w http.ResponseWriter, r *http.Request) error {
	f, fault := web.ParseQuery(r, inviteFields...)
	return h.drawInvite(w, r, parseInvite(f, core.TenantID(r.PathValue("tenant"))), fault)
}

func (h *Handler) postInvite(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, inviteFields...)
	n := parseInvite(f, place.Tenant.ID)
	if err == nil {
		var id core.UserID
		if id, err = h.People.Invite(r.Context(), me, n); err == nil {
			if place.Above {
				return web.GoTo(place.Path("?done=invited"))
			}
			return web.GoTo(personPath(id, "?done=invited"))
		}
	}
	if !mends(err) {
		return err
	}
	return h.drawInvite(w, r, n, err)
}

// needsProof are the deeds that touch how somebody proves who they are: they ask
// for the administrator's own proof (decision 7.8).
func (d PersonDeed) needsProof() bool {
	return slices.Contains([]PersonDeed{PersonPass, PersonUntrust, PersonResetMFA, PersonToService, PersonToRegular}, d)
}

var bulkFields = []string{"deed", "id[]", "code", "password"}

// bulkNeeds are the rights that deeds for several people need.
var bulkNeeds = map[PersonDeed]access.Permission{PersonReinvite: access.Reinvite, PersonUnlock: access.Unlock, PersonUntrust: access.Untrust, PersonResetMFA: access.ResetMFA,
	PersonDisable: access.Disable, PersonEnable: access.Disable}

// mayBulk refuses who may do no such deed here, before anybody is named.
func mayBulk(place Place, f web.Form) error {
	d := PersonDeed(f.Get("deed"))
	need, known := bulkNeeds[d]
	if known && !place.May(need) || !known && !slices.ContainsFunc(BulkDeeds, func(d PersonDeed) bool { return place.May(bulkNeeds[d]) }) {
		return core.ErrForbidden
	}
	return nil
}

// bulk reads which deed is meant and for whom. People whom the caller may not see
// are not found, all of them together.
func (h *Handler) bulk(ctx context.Context, me Caller, f web.Form) (d PersonDeed, people []Who, err error) {
	d = PersonDeed(f.Get("deed"))
	if !slices.Contains(BulkDeeds, d) {
		return d, nil, core.Invalid("form.invalid", "field", "deed")
	}
	ids := f.All("id")
	if len(ids) == 0 {
		return d, nil, core.Invalid("bulk.nobody")
	}
	if len(ids) > perPage {
		return d, nil, core.Invalid("form.invalid", "field", "id")
	}
	for _, id := range ids {
		v, err := h.People.Person(ctx, me, core.UserID(id))
		if err != nil {
			return d, nil, err
		}
		people = append(people, Who{v.User.ID, v.User.Name, v.User.Login})
	}
	return d, people, nil
}

func (h *Handler) getBulk(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseQuery(r, bulkFields...)
	if err == nil {
		err = mayBulk(place, f)
	}
	if err != nil {
		return err
	}
	d, people, err := h.bulk(r.Context(), me, f)
	if fault, ok := core.AsFault(err); ok && fault.Kind == core.KindInvalid {
		return h.bulkNobody(w, r, place, err)
	}
	if err != nil {
		return err
	}
	return h.drawBulk(w, r, me, place, BulkPage{Deed: d, People: people}, nil)
}

// bulkNobody goes back to the list with what was wrong: nobody was ticked.
func (h *Handler) bulkNobody(w http.ResponseWriter, r *http.Request, place Place, fault error) error {
	p := h.page(r, place, "users", fault)
	q := PeopleQuery{Tenant: place.Tenant.ID, Limit: perPage}
	list, err := h.People.People(r.Context(), caller(r), q)
	if err != nil {
		return err
	}
	return show(w, r, fault, Users(UsersPage{p, q, list}))
}

func (h *Handler) drawBulk(w http.ResponseWriter, r *http.Request, me Caller, place Place, p BulkPage, fault error) (err error) {
	if p.Deed.needsProof() || isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	p.Page = h.page(r, place, "users", fault)
	return show(w, r, fault, Bulk(p))
}

// postBulk does a deed for each in turn. Who is refused stays on the page with the
// reason; the others are done, and are not asked about again.
func (h *Handler) postBulk(w http.ResponseWriter, r *http.Request) error {
	me, place, err := h.at(r)
	if err != nil {
		return err
	}
	f, err := web.ParseForm(w, r, bulkFields...)
	if err == nil {
		err = mayBulk(place, f)
	}
	if err != nil {
		return err
	}
	d, people, err := h.bulk(r.Context(), me, f)
	if fault, ok := core.AsFault(err); ok && fault.Kind == core.KindInvalid {
		return h.bulkNobody(w, r, place, err)
	}
	if err != nil {
		return err
	}
	reveal, err := h.prove(w, r, &me, f)
	if err != nil {
		if !mends(err) {
			return err
		}
		return h.drawBulk(w, r, me, place, BulkPage{Deed: d, People: people}, err)
	}
	page := BulkPage{Deed: d}
	for i, who := range people {
		_, err := h.People.ChangePerson(r.Context(), me, PersonChange{Deed: d, User: who.ID, Version: AnyVersion})
		switch {
		case err == nil:
			page.Done++
		case isStepUp(err):
			page.People = people[i:]
			return h.drawBulk(w, r, me, place, page, err)
		case !mends(err) && !isForbidden(err):
			return err
		default:
			page.People = append(page.People, who)
			page.Refused = append(page.Refused, BulkRefused{who, err})
		}
	}
	if len(page.Refused) > 0 {
		return h.drawBulk(w, r, me, place, page, core.NewFault(core.KindConflict, "bulk.partly"))
	}
	return done(reveal, place.Path("/users?done=bulk_done"))
}

func isForbidden(err error) bool {
	f, ok := core.AsFault(err)
	return ok && f.Kind == core.KindForbidden
}
