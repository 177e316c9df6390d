package console_test

import (
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// ACR-05: a partner's administrator acts at a customer that lets it, with a reason;
// every page says so; and both ends of it can end it.
func TestActingForACustomerACR05(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		r := o.in(o.vera)
		page := o.want(r.Get(tenant(o.huber, "")), http.StatusOK, "tenant")
		act := tenant(o.huber, "/act")
		if !strings.Contains(page.Body, `"`+act+`"`) {
			t.Fatal("no way to act")
		}
		o.later()
		form := o.want(r.Get(act), http.StatusOK, "act")
		o.refused(o.send(r, form, act, "reason", "Ticket 4711"), http.StatusUnprocessableEntity, "act", "step_up.required")
		again := o.refused(o.send(r, form, act, "reason", " ", "code", o.vera.Fresh()), http.StatusUnprocessableEntity, "act", "support.reason_required")
		o.refused(o.send(r, again, act, "reason", strings.Repeat("x", 300)), http.StatusUnprocessableEntity, "act", "support.reason_too_long")
		mine := r.Cookie("sallyport")
		o.went(o.send(r, again, act, "reason", "Ticket 4711"), tenant(o.huber, "?done=acting_begun"))
		if r.Cookie("sallyport") == mine {
			t.Fatal("the browser has the old session")
		}

		// Every page says so, those that refuse too, and each has the way out.
		for _, path := range []string{"/admin/", tenant(o.huber, ""), tenant(o.huber, "/users"), person(anna, ""), tenant(o.huber, "/audit"), tenant(o.self, ""), person(o.vera, ""), "/account/", "/account/verify", "/account/security/totp", "/"} {
			a := r.Follow(r.Get(path))
			for _, word := range []string{"Ticket 4711", "Bäckerei Huber", "Nordwind", `action="/admin/acting/end"`} {
				if !strings.Contains(a.Body, word) {
					t.Errorf("%s (%d) does not say %q", path, a.Status, word)
				}
			}
		}
		closed := o.want(r.Get("/account/security/totp"), http.StatusForbidden, "error")
		// Neither that page nor the start page leads back to what is closed meanwhile.
		for at, a := range map[string]house.Answer{"the refusal": closed, "the start page": o.want(r.Get("/"), http.StatusOK, "start")} {
			if !strings.Contains(a.Body, `href="/admin/`) || strings.Contains(a.Body, `href="/account/`) {
				t.Errorf("%s leads in a circle:\n%s", at, a.Body)
			}
		}
		// They do what an administrator there does, and no more than that.
		o.went(o.send(r, o.on(r, anna, "edit"), person(anna, "/edit"), "name", "Anna H."), person(anna, "?done=person_changed"))
		o.want(r.Get(tenant(o.self, "")), http.StatusNotFound, "error")
		o.want(r.Get(person(o.vera, "")), http.StatusNotFound, "error")
		for _, path := range []string{tenant(o.huber, "/support"), tenant(o.huber, "/support-close")} {
			if a := r.Get(path); a.Status != http.StatusForbidden {
				t.Errorf("%s while acting: %d", path, a.Status)
			}
		}
		if a := r.Post(tenant(o.huber, "/support-close"), "version", "0"); a.Status < 400 {
			t.Error("support access is changed by who uses it")
		}

		// Those who are acted for see it, and the log has both names.
		tom := o.in(o.tom)
		support := tenant(o.huber, "/support")
		o.shows(o.want(tom.Get(support), http.StatusOK, "support"), "Ticket 4711", "Nordwind")
		o.shows(o.want(tom.Get(tenant(o.huber, "")), http.StatusOK, "tenant"), "Ticket 4711")
		rows := table(t, tom.Get(tenant(o.huber, "/audit?event=user.&format=csv")).Body)
		if !func() bool {
			for _, row := range rows {
				if row["event"] == "user.changed" && row["actor_name"] != "" && row["acting_for"] == "Bäckerei Huber" {
					return true
				}
			}
			return false
		}() {
			t.Errorf("the log: %v", rows)
		}

		// The end from here: the old session goes on.
		o.went(o.send(r, r.Get(tenant(o.huber, "")), "/admin/acting/end"), "/admin/?done=acting_ended")
		a := o.want(r.Get("/admin/"), http.StatusOK, "admin-home")
		o.hides(a, "Ticket 4711", "/admin/acting/end")
		o.want(r.Get(tenant(o.huber, "/users")), http.StatusForbidden, "users-above")
		o.want(r.Post("/admin/acting/end"), http.StatusConflict, "error")

		// The end from there.
		begin := func(reason string) {
			t.Helper()
			form := o.want(r.Get(act), http.StatusOK, "act")
			typed := []string{"reason", reason}
			if fields(form)["code"] {
				typed = append(typed, "code", o.vera.Fresh())
			}
			o.went(o.send(r, form, act, typed...), tenant(o.huber, "?done=acting_begun"))
		}
		begin("Ticket 4712")
		o.went(o.send(tom, tom.Get(support), support+"/end"), support+"?done=support_ended")
		if a := r.Get(tenant(o.huber, "")); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
			t.Errorf("still acting: %d %q", a.Status, a.Location)
		}

		// And by closing the door, which says beforehand whom it throws out.
		r = o.in(o.vera)
		begin("Ticket 4713")
		shut := tenant(o.huber, "/support-close")
		form = o.want(tom.Get(shut), http.StatusOK, "tenant-support-close")
		if n := attributes(form, "data-count"); !n["1"] {
			t.Errorf("it throws out %v", n)
		}
		o.went(o.send(tom, form, shut), tenant(o.huber, "?done=tenant_changed"))
		if a := r.Get(tenant(o.huber, "")); a.Status != http.StatusSeeOther {
			t.Errorf("still acting: %d", a.Status)
		}
		r = o.in(o.vera)
		o.hides(o.want(r.Get(tenant(o.huber, "")), http.StatusOK, "tenant"), `"`+act+`"`)
		o.want(r.Get(act), http.StatusForbidden, "error")
		if a := r.Post(act, "reason", "Ticket 4714"); a.Status != http.StatusForbidden {
			t.Errorf("acting behind a closed door: %d %q", a.Status, a.Fault())
		}
		// It opens with the administrator's own proof, and only with that.
		o.later()
		open := tenant(o.huber, "/support-open")
		form = o.want(tom.Get(open), http.StatusOK, "tenant-support-open")
		asked := o.refused(o.send(tom, form, open), http.StatusUnprocessableEntity, "tenant-support-open", "step_up.required")
		o.went(o.send(tom, asked, open, "code", o.tom.Fresh()), tenant(o.huber, "?done=tenant_changed"))
		if !o.found(o.huber.ID).SupportAccess {
			t.Error("still closed")
		}
	})
}

// Nobody acts at home, nor where they hold nothing, nor without being asked why.
func TestWhoMayNotAct(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		for _, at := range []core.Tenant{o.partner, o.self} {
			o.hides(r.Get(tenant(at, "")), `"`+tenant(at, "/act")+`"`)
			if a := r.Post(tenant(at, "/act"), "reason", "why not"); a.Status < 400 {
				t.Errorf("%s: to %q", at.Name, a.Location)
			}
		}
		// The right is there and the door is closed: that is the reason which is told.
		o.refused(r.Get(tenant(o.self, "/act")), http.StatusForbidden, "error", "support.closed")
		o.refused(r.Get(tenant(o.partner, "/act")), http.StatusForbidden, "error", "forbidden")
		for _, at := range []core.Tenant{o.huber, o.partner} {
			if a := o.in(o.tom).Post(tenant(at, "/act"), "reason", "why not"); a.Status < 400 {
				t.Errorf("a customer's administrator at %s: to %q", at.Name, a.Location)
			}
		}
	})
}
