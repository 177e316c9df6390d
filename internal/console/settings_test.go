package console_test

import (
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// ACR-26: a setting is compared before it is saved; what is saved is what was
// changed, and the page says whose word it is.
func TestSettingsAreComparedAndSavedACR26(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.tom)
		security, post := tenant(o.huber, "/security"), tenant(o.huber, "/security/settings")
		page := o.want(r.Get(security), http.StatusOK, "tenant-security")
		o.went(o.send(r, page, post), security+"?done=settings_same")

		preview := o.want(o.send(r, page, post, "invitation_days", "7", "trusted_browser", "days", "trusted_browser_days", "21"), http.StatusOK, "settings-preview")
		keys := attributes(preview, "data-key")
		if len(keys) != 2 || !keys["invitation_days"] || !keys["trusted_browser"] {
			t.Errorf("the comparison is about %v", keys)
		}
		if doc := o.found(o.huber.ID).Settings; string(doc.Value("invitation_days")) != "" {
			t.Fatalf("looking did it: %s", doc)
		}
		o.went(o.send(r, preview, post), security+"?done=settings_saved")
		doc := o.found(o.huber.ID).Settings
		if string(doc.Value("invitation_days")) != "7" || string(doc.Value("requirement")) != `["per_user"]` || len(doc.Value("session")) != 0 {
			t.Errorf("saved %s", doc)
		}
		o.shows(r.Get(security), "Somebody")
		// What was compared before somebody else saved is stale, and so is the page.
		o.want(o.send(r, preview, post), http.StatusPreconditionFailed, "error")
		o.want(o.send(r, page, post, "invitation_days", "9"), http.StatusPreconditionFailed, "error")

		// Back to the default takes the word away.
		page = r.Get(security)
		preview = o.want(o.send(r, page, post, "default", "invitation_days"), http.StatusOK, "settings-preview")
		o.went(o.send(r, preview, post), security+"?done=settings_saved")
		if doc := o.found(o.huber.ID).Settings; len(doc.Value("invitation_days")) != 0 {
			t.Errorf("still %s", doc)
		}

		page = r.Get(security)
		for field, value := range map[string]string{"invitation_days": "many", "session_idle": "5 parsecs", "login_networks": "nowhere", "grace_days": "9", "lockout_factor_limit": "0", "time_zone": "Mars/Base", "session_max": "1m"} {
			typed := []string{field, value}
			if field == "grace_days" {
				typed = []string{field, "-1", "enforce_at", "grace"}
			}
			a := o.send(r, page, post, typed...)
			if a.Status != http.StatusUnprocessableEntity || a.Page() != "tenant-security" || a.Fault() == "" {
				t.Errorf("%v: %d on %q, fault %q", typed, a.Status, a.Page(), a.Fault())
			}
		}
		// Nobody may leave people without any way to set up.
		o.refused(o.send(r, page, post, "factors", absent), http.StatusUnprocessableEntity, "tenant-security", "policy.nobody_could_enrol")
		// A document that does not come from the page is no change.
		if a := r.Post(post, "change", "{nonsense", "version", "0"); a.Status < 400 || a.Status >= 500 {
			t.Errorf("a change that is none: %d", a.Status)
		}
	})
}

// attributes are the values of an attribute on a page.
func attributes(a house.Answer, name string) map[string]bool {
	out := map[string]bool{}
	each(parse(a.Body), func(n *htmlNode) {
		if has(n, name) {
			out[attr(n, name)] = true
		}
	})
	return out
}

// A lock of the partner is a floor: the customer's page says whose it is, offers
// nothing below it, and refuses it all the same.
func TestLocksOnThePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		vera := o.in(o.vera)
		locks := tenant(o.partner, "/security/locks")
		page := o.want(vera.Get(locks), http.StatusOK, "locks")
		preview := o.want(o.send(vera, page, locks, "set", "challenge", "challenge", "always", "session_idle", "20m"), http.StatusOK, "settings-preview")
		if keys := attributes(preview, "data-key"); len(keys) != 1 || !keys["challenge"] {
			t.Errorf("the comparison is about %v", keys)
		}
		o.went(o.send(vera, preview, locks), locks+"?done=settings_saved")
		h.Settle()
		if doc := o.found(o.partner.ID).Locks; string(doc.Value("challenge")) != `"always"` || len(doc.Value("session")) != 0 {
			t.Errorf("locked %s", doc)
		}

		tom := o.in(o.tom)
		security, post := tenant(o.huber, "/security"), tenant(o.huber, "/security/settings")
		page = o.want(tom.Get(security), http.StatusOK, "tenant-security")
		o.shows(page, "Nordwind")
		option := find(parse(page.Body), func(n *htmlNode) bool { return n.Data == "option" && attr(n, "value") == core.ChallengeRisk })
		if option == nil || !has(option, "disabled") {
			t.Error("what is below the floor is offered")
		}
		a := o.refused(o.send(tom, page, post, "challenge", core.ChallengeRisk), http.StatusForbidden, "tenant-security", "policy.locked")
		o.shows(a, "Nordwind")
		// Who has nobody below has no locks to hold.
		if a := tom.Get(tenant(o.huber, "/security/locks")); a.Status < 400 {
			t.Errorf("locks of a customer: %d", a.Status)
		}
		o.want(vera.Get(tenant(o.huber, "/security/locks")), http.StatusForbidden, "error")
	})
}

// ACR-35: a template is written on a page, and the next customer begins with it.
func TestTheTemplateIsWrittenACR35(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		address := tenant(o.partner, "/security/template")
		page := o.want(r.Get(address), http.StatusOK, "template")
		preview := o.want(o.send(r, page, address, "set", "locale", "locale", "sv"), http.StatusOK, "settings-preview")
		o.went(o.send(r, preview, address), address+"?done=settings_saved")
		form := r.Get("/admin/tenants/new?parent=" + string(o.partner.ID))
		a := o.send(r, form, "/admin/tenants/new", "name", "Nya AB")
		id, _, _ := strings.Cut(strings.TrimPrefix(a.Location, "/admin/tenants/"), "?")
		if doc := o.found(core.TenantID(id)).Settings; string(doc.Value("locale")) != `"sv"` {
			t.Errorf("it begins with %s", doc)
		}
	})
}

// A preset is compared with what holds and applied as a whole; one that this
// version cannot do is compared and no more.
func TestPresetsOnThePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.tom)
		list := o.want(r.Get(tenant(o.huber, "/security/presets")), http.StatusOK, "presets")
		for _, name := range []string{"self-service", "managed-tenants", "organization-wide", "adaptive-email"} {
			if !strings.Contains(list.Body, `"`+tenant(o.huber, "/security/presets/"+name)+`"`) {
				t.Errorf("no way to %s", name)
			}
		}
		address := tenant(o.huber, "/security/presets/organization-wide")
		page := o.want(r.Get(address), http.StatusOK, "preset")
		if !attributes(page, "data-key")["requirement"] {
			t.Errorf("the comparison is about %v", attributes(page, "data-key"))
		}
		o.went(o.send(r, page, address), tenant(o.huber, "/security?done=settings_saved"))
		if doc := o.found(o.huber.ID).Settings; !strings.Contains(string(doc.Value("requirement")), "organization") {
			t.Errorf("applied %s", doc)
		}
		closed := o.want(r.Get(tenant(o.huber, "/security/presets/adaptive-email")), http.StatusOK, "preset")
		if find(parse(closed.Body), func(n *htmlNode) bool {
			return n.Data == "form" && attr(n, "action") == tenant(o.huber, "/security/presets/adaptive-email")
		}) != nil && strings.Contains(closed.Body, `name="version"`) {
			t.Error("what cannot be applied can be sent")
		}
		if a := r.Post(tenant(o.huber, "/security/presets/adaptive-email"), "version", "1"); a.Status == http.StatusSeeOther {
			t.Error("and is")
		}
		o.want(r.Get(tenant(o.huber, "/security/presets/brave-new")), http.StatusNotFound, "error")
	})
}

// A unit takes its customer's settings, and its page says where they are changed.
func TestAUnitHasNoSettingsOfItsOwn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		unit := o.unit("Shop")
		r := o.in(o.tom)
		page := o.want(r.Get(tenant(unit, "/security")), http.StatusOK, "tenant-security")
		o.shows(page, "Bäckerei Huber")
		if strings.Contains(page.Body, `action="`+tenant(unit, "/security/settings")+`"`) || strings.Contains(page.Body, `action="`+tenant(unit, "/security/enable")+`"`) {
			t.Error("a unit's page can change settings")
		}
		if a := r.Post(tenant(unit, "/security/settings"), "change", `{"invitation_days":3}`, "version", "0"); a.Status < 400 {
			t.Errorf("and it did: %d to %q", a.Status, a.Location)
		}
	})
}

// What no count shows is said before it is saved: networks that keep people out,
// and a mailbox that becomes the only factor.
func TestChangesThatSomebodyWouldRue(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		security, post := tenant(o.huber, "/security"), tenant(o.huber, "/security/settings")
		tom := o.in(o.tom)
		tom.From = "198.51.100.7"
		page := o.want(tom.Get(security), http.StatusOK, "tenant-security")
		inside := o.want(o.send(tom, page, post, "login_networks", "198.51.100.0/24"), http.StatusOK, "settings-preview")
		o.shows(inside, "Whoever comes from elsewhere is refused")
		if strings.Contains(inside.Body, `data-effect="outside"`) {
			t.Error("somebody is counted outside who came from within")
		}
		// Another administrator who came last from elsewhere is counted and named, and
		// told of on the page once it holds; nobody else is.
		ina, plain := h.Enrolled(o.huber, "ina@huber.example", core.CustomerAdmin), h.Person(o.huber, "plain@huber.example")
		for i, p := range []*house.Person{ina, plain} {
			b := h.Raw([]string{"203.0.113.5", "203.0.113.6"}[i])
			p.Enter(b)
		}
		page = o.want(tom.Get(security), http.StatusOK, "tenant-security")
		narrow := o.want(o.send(tom, page, post, "login_networks", "198.51.100.0/24"), http.StatusOK, "settings-preview")
		if !strings.Contains(narrow.Body, `data-effect="outside" data-count="1"`) || !strings.Contains(narrow.Body, ina.Login) || strings.Contains(narrow.Body, plain.Login) {
			t.Errorf("the preview does not name who would be outside:\n%s", said(narrow))
		}
		o.went(o.send(tom, narrow, post), security+"?done=settings_saved")
		h.Settle()
		o.shows(o.want(tom.Get(security), http.StatusOK, "tenant-security"), "1 administrator came last from outside the networks that are allowed", ina.Login)
		h.Settings(o.huber.ID, `{"login_networks":null}`)
		h.Settle()
		page = o.want(tom.Get(security), http.StatusOK, "tenant-security")
		o.hides(page, "data-outside")
		o.shows(o.want(o.send(tom, page, post, "password_reset_effect", core.ResetClearsMFA), http.StatusOK, "settings-preview"), "The mailbox becomes the only factor")
		o.hides(o.want(o.send(tom, page, post, "locale", "sv"), http.StatusOK, "settings-preview"), "elsewhere", "only factor")
		// Every way of enforcing says what follows from it.
		o.shows(page, "Sessions that run go on", "they may skip it", "every session of those who have not set up ends", "new people may skip")
	})
}

// Decision 7.6: who would be outside reads which address it is and what to do, on
// the form with what was typed.
func TestNobodyShutsThemselvesOutOnThePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := h.Raw("192.0.2.7")
		o.tom.Enter(r)
		security, post := tenant(o.huber, "/security"), tenant(o.huber, "/security/settings")
		a := o.refused(o.send(r, r.Get(security), post, "login_networks", "10.1.0.0/16"), http.StatusUnprocessableEntity, "tenant-security", "policy.you_are_outside")
		if !strings.Contains(a.Text(), "192.0.2.7") || !strings.Contains(a.Text(), "Add your own network first") || !strings.Contains(a.Body, "10.1.0.0/16") {
			t.Errorf("the page says %s", a.Text())
		}
		preview := o.want(o.send(r, r.Get(security), post, "login_networks", "10.1.0.0/16, 192.0.2.0/24"), http.StatusOK, "settings-preview")
		o.went(o.send(r, preview, post), security+"?done=settings_saved")
		o.want(r.Get(security), http.StatusOK, "tenant-security")
	})
}
