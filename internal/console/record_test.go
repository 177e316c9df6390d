package console_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// unit makes a part of the customer.
func (o *office) unit(name string) core.Tenant {
	o.t.Helper()
	return o.Tenant(directory.NewTenant{Kind: core.Unit, Name: name, Parent: o.huber.ID})
}

// CAL-14: roles are given and taken on a page, custom ones are made, and nobody
// gives what they lack.
func TestRolesOnThePageCAL14(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		r := o.in(o.tom)
		roles := tenant(o.huber, "/roles")
		page := o.want(r.Get(roles), http.StatusOK, "roles")
		o.shows(page, o.tom.Login)
		o.hides(page, `value="partner_admin"`)
		grant := roles + "/grant"
		o.refused(o.send(r, page, grant, "user", "nobody@huber.example", "role", "helpdesk"), http.StatusUnprocessableEntity, "roles", "user.unknown")
		o.refused(o.send(r, page, grant, "user", o.vera.Login, "role", "helpdesk"), http.StatusUnprocessableEntity, "roles", "user.unknown")
		if a := o.send(r, page, grant, "user", anna.Login, "role", "platform_admin"); a.Status < 400 {
			t.Errorf("above their own: to %q", a.Location)
		}
		o.went(o.send(r, page, grant, "user", anna.Login, "role", "helpdesk"), roles+"?done=role_given")
		o.shows(r.Get(roles), anna.Login)

		// A role of one's own making, with fewer rights than what it is made from.
		form := o.want(r.Get(roles+"/new?base=helpdesk"), http.StatusOK, "role")
		o.refused(o.send(r, form, roles+"/new", "name", ""), http.StatusUnprocessableEntity, "role", "name.invalid")
		if a := o.send(r, form, roles+"/new", "name", "Door", "right", "audit.view"); a.Status < 400 {
			t.Error("a right that its base lacks")
		}
		o.went(o.send(r, form, roles+"/new", "name", "Door", "right", "people.view", "right", "people.unlock"), roles+"?done=role_saved")
		page = o.shows(r.Get(roles), "Door")
		custom := regexp.MustCompile(`/roles/(ro[a-z]*_[0-9a-z]+)"`).FindStringSubmatch(page.Body)
		if custom == nil {
			t.Fatal("no way to the new role")
		}
		form = o.want(r.Get(roles+"/"+custom[1]), http.StatusOK, "role")
		o.went(o.send(r, form, roles+"/"+custom[1], "name", "Front door"), roles+"?done=role_saved")
		o.want(o.send(r, form, roles+"/"+custom[1], "name", "Back door"), http.StatusPreconditionFailed, "error")
		page = o.shows(r.Get(roles), "Front door")
		o.went(o.send(r, page, grant, "user", anna.Login, "role", custom[1]), roles+"?done=role_given")
		if a := r.Post(roles + "/" + custom[1] + "/delete"); a.Status < 400 {
			t.Log("a role that is held is deleted and taken from its holders")
		}
		form = r.Get(roles + "/" + custom[1])
		if form.Status == http.StatusOK {
			o.went(r.Post(roles+"/revoke", "user", string(anna.ID), "role", custom[1]), roles+"?done=role_taken")
			o.went(o.send(r, form, roles+"/"+custom[1]+"/delete"), roles+"?done=role_deleted")
		}
		o.hides(r.Get(roles), "Front door")

		o.went(r.Post(roles+"/revoke", "user", string(anna.ID), "role", "helpdesk", "back", "person"), person(anna, "?done=role_taken"))
		// The last administrator stays one.
		if a := r.Post(roles+"/revoke", "user", string(o.tom.ID), "role", "customer_admin"); a.Status < 400 {
			t.Error("the last administrator is gone")
		}
	})
}

// ACR-19, ACR-20: a service account is made, or made of a person, with a reason; its
// password is shown once; and it becomes a person again.
func TestServiceAccountsOnThePageACR19(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.tom)
		list, form := tenant(o.huber, "/service-accounts"), tenant(o.huber, "/service-accounts/new")
		o.want(r.Get(list), http.StatusOK, "service-accounts")
		page := o.want(r.Get(form), http.StatusOK, "service-account-new")
		o.refused(o.send(r, page, form, "name", "Till", "login", "till-1"), http.StatusUnprocessableEntity, "service-account-new", "service.reason_required")
		for field, bad := range map[string]string{"networks": "everywhere", "expires": "someday"} {
			if a := o.send(r, page, form, "name", "Till", "login", "till-1", "reason", "The till", field, bad); a.Status != http.StatusUnprocessableEntity || a.Fault() == "" {
				t.Errorf("%s %q: %d %q", field, bad, a.Status, a.Fault())
			}
		}
		shown := o.want(o.send(r, page, form, "name", "Till", "login", "till-1", "reason", "The till sends receipts", "networks", "192.0.2.0/24", "expires", "2099-12-31"), http.StatusOK, "temporary-pass")
		word := shown.Of("data-temporary-pass")
		if len(word) < 20 {
			t.Fatalf("no password: %s", said(shown))
		}
		o.hides(o.shows(r.Get(list), "Till", "The till sends receipts", "192.0.2.0/24"), word)
		if strings.Contains(h.Logs.String(), word) {
			t.Error("it is in the log")
		}

		anna := h.Enrolled(o.huber, "anna@huber.example")
		into := person(anna, "/to-service-account")
		deed := o.on(r, anna, "to-service-account")
		o.refused(o.send(r, deed, into), http.StatusUnprocessableEntity, "person-to-service-account", "service.reason_required")
		o.later()
		o.refused(o.send(r, deed, into, "reason", "Old interface"), http.StatusUnprocessableEntity, "person-to-service-account", "step_up.required")
		o.went(o.send(r, deed, into, "reason", "Old interface", "code", o.tom.Fresh()), person(anna, "?done=person_changed"))
		if anna.User().Kind != core.ServiceAccount {
			t.Fatal("still a person")
		}
		o.shows(r.Get(list), "Old interface")
		o.went(o.send(r, o.on(r, anna, "service-account"), person(anna, "/service-account"), "reason", "New interface"), person(anna, "?done=person_changed"))
		o.shows(r.Get(person(anna, "")), "New interface")
		o.went(o.send(r, o.on(r, anna, "to-regular"), person(anna, "/to-regular"), "code", o.tom.Fresh()), person(anna, "?done=person_changed"))
		if anna.User().Kind != core.Person {
			t.Error("still a service account")
		}
	})
}

// ACR-34, WBX-18: who did what is found by who, what, result and time, page by page,
// and saved as a file.
func TestTheAuditPageACR34(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Person(o.huber, "anna@huber.example")
		door := h.Raw("203.0.113.9")
		for range 60 {
			door.Post("/sign-in", "login", anna.Login, "password", "Not the pass phrase")
			h.Clock.Advance(3 * minute)
		}
		other := h.Person(o.self, "otto@schmidt.example")
		r := o.in(o.tom)
		address := tenant(o.huber, "/audit")
		page := o.want(r.Get(address), http.StatusOK, "audit")
		o.shows(page, "203.0.113.9")
		o.hides(page, string(other.ID), other.Login)
		o.hides(r.Get(address+"?q="+other.Login), string(other.ID))
		mine := o.want(r.Get(address+"?q="+anna.Login+"&result=refused&event=signin."), http.StatusOK, "audit")
		if kinds := attributes(mine, "data-event"); len(kinds) == 0 || kinds["user.created"] {
			t.Errorf("found %v", kinds)
		}
		next := regexp.MustCompile(`rel="next"[^>]*href="([^"]*)"|href="([^"]*)"[^>]*rel="next"`).FindStringSubmatch(mine.Body)
		if next == nil {
			t.Fatal("60 refusals on one page")
		}
		rest := o.want(r.Get(strings.ReplaceAll(next[1]+next[2], "&amp;", "&")), http.StatusOK, "audit")
		if strings.Contains(rest.Body, `rel="next"`) {
			t.Error("no end")
		}
		rows := table(t, r.Get(address+"?q="+anna.Login+"&result=refused&event=signin.&format=csv").Body)
		if len(rows) < 60 {
			t.Errorf("%d lines in the file", len(rows))
		}
		for _, row := range rows {
			if row["result"] == "ok" || !strings.HasPrefix(row["event"], "signin.") {
				t.Errorf("%v", row)
			}
		}
		var doc struct {
			Items []map[string]any `json:"items"`
		}
		if err := json.Unmarshal([]byte(r.Get(address+"?q="+anna.Login+"&result=refused&event=signin.&format=json").Body), &doc); err != nil || len(doc.Items) != len(rows) {
			t.Errorf("%d in JSON: %v", len(doc.Items), err)
		}
		for _, odd := range []string{"event=nonsense", "result=maybe", "days=3.5", "cursor=%25"} {
			o.refused(r.Get(address+"?"+odd), http.StatusUnprocessableEntity, "audit", "form.invalid")
		}
		o.shows(r.Get(address+"?q=nobody-at-all"), "Show everything")
	})
}

// The page asks the same function as a sign-in, for anybody of the branch and for
// nobody else.
func TestExplainingASignIn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		plain := h.Person(o.huber, "plain@huber.example")
		r := o.in(o.tom)
		form := o.want(r.Get("/admin/policy"), http.StatusOK, "policy-explain")
		outcome := func(a house.Answer) string {
			return attr(find(parse(a.Body), func(n *htmlNode) bool { return has(n, "data-outcome") }), "data-outcome")
		}
		a := o.want(o.send(r, form, "/admin/policy", "user", plain.Login), http.StatusOK, "policy-explain")
		if got := outcome(a); got != "allowed" {
			t.Errorf("without a factor: %q", got)
		}
		a = o.want(o.send(r, form, "/admin/policy", "user", o.tom.Login, "browser", "new", "address", "192.0.2.7", "at", "2030-01-01T08:00"), http.StatusOK, "policy-explain")
		if got := outcome(a); got != "prove" {
			t.Errorf("with a factor: %q", got)
		}
		if len(attributes(a, "data-rule")) < 3 {
			t.Errorf("because of %v", attributes(a, "data-rule"))
		}
		for _, who := range []string{o.vera.Login, "nobody", string(o.vera.ID)} {
			o.refused(o.send(r, form, "/admin/policy", "user", who), http.StatusUnprocessableEntity, "policy-explain", "user.unknown")
		}
		for field, bad := range map[string]string{"address": "home", "browser": "lynx", "at": "noon"} {
			o.refused(r.Get("/admin/policy?user="+plain.Login+"&"+field+"="+bad), http.StatusUnprocessableEntity, "policy-explain", "form.invalid")
		}
	})
}

// The first page shows the way of each organisation, and what was refused lately.
func TestTheFirstPage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		strict := h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Strict GmbH", Parent: o.partner.ID, Settings: core.SettingsDoc(`{"requirement":["organization"]}`)})
		h.Person(strict, "one@strict.example")
		h.Person(strict, "two@strict.example")
		h.Settle()
		vera := o.in(o.vera)
		a := o.want(vera.Get("/admin/"), http.StatusOK, "admin-home")
		o.shows(a, "Strict GmbH", "0 of 2")
		o.went(vera.Get("/admin"), "/admin/")
		h.Raw("").Post("/sign-in", "login", o.vera.Login, "password", "Not the pass phrase")
		o.shows(vera.Get("/admin/"), "Wrong password")
		o.hides(o.in(o.tom).Get("/admin/"), "Strict GmbH")
	})
}

// Who helps people and sees no tenants reads one story: whoever is still to come is
// in the tile, in the bar and behind its link; and what may not be counted is no 0.
func TestTheFirstPageOfTheHelpdesk(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		one := h.Person(o.huber, "one@huber.example")
		h.Settings(o.huber.ID, `{"requirement":["organization"]}`)
		h.Settle()
		help := o.in(h.Enrolled(o.huber, "heidi@huber.example", core.Helpdesk))
		a := o.want(help.Get("/admin/"), http.StatusOK, "admin-home")
		o.shows(a, "Still have to set up", "2 of 3")
		o.hides(a, "in 0 organisations", "Nobody still has to set up", "Refused sign-ins")
		people := tenant(o.huber, "/users?status=setup_required")
		if !strings.Contains(a.Body, people) {
			t.Errorf("no way to %s", people)
		}
		o.shows(o.want(help.Get(people), http.StatusOK, "users"), one.Login)
		o.shows(o.want(o.in(o.tom).Get("/admin/"), http.StatusOK, "admin-home"), "in 1 organisation that requires it", "Refused sign-ins")
	})
}
