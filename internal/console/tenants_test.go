package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// found reads a tenant as it is.
func (o *office) found(id core.TenantID) (t core.Tenant) {
	o.t.Helper()
	o.View(id, func(r store.Reader) (err error) { t, err = r.Tenant(); return err })
	return t
}

// ACR-01: a partner makes a customer with its first administrator, from the tree's
// page on, and finds it in the tree.
func TestATenantIsMadeACR01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		o.shows(o.want(r.Get("/admin/tenants"), http.StatusOK, "tenants"), "Nordwind", "Bäckerei Huber", "Schmidt KG")
		form := o.want(r.Get("/admin/tenants/new?parent="+string(o.partner.ID)), http.StatusOK, "tenant-new")
		const send = "/admin/tenants/new"
		o.refused(o.send(r, form, send, "name", " "), http.StatusUnprocessableEntity, "tenant-new", "name.invalid")
		o.refused(o.send(r, form, send, "name", "Voss", "kind", "unit"), http.StatusUnprocessableEntity, "tenant-new", "tenant.parent_wrong")
		again := o.refused(o.send(r, form, send, "name", "Voss GmbH", "admin_name", "Olga Voss"), http.StatusUnprocessableEntity, "tenant-new", "form.invalid")
		o.refused(o.send(r, form, send, "name", "Voss GmbH", "admin_name", "Olga", "admin_email", "no address"), http.StatusUnprocessableEntity, "tenant-new", "email.invalid")
		taken := o.refused(o.send(r, form, send, "name", "Voss GmbH", "admin_name", "Olga", "admin_email", o.tom.Login), http.StatusUnprocessableEntity, "tenant-new", "user.login_taken")
		if !strings.Contains(taken.Body, `aria-invalid="true"`) {
			t.Error("no field is marked")
		}
		// What was typed is still there.
		if !strings.Contains(again.Body, `value="Voss GmbH"`) || !strings.Contains(again.Body, `value="Olga Voss"`) {
			t.Error("what was typed is gone")
		}
		a := o.send(r, again, send, "admin_email", "olga@voss.example", "mode", "trial")
		made := regexp.MustCompile(`^/admin/tenants/(tn_[0-9a-z]+)\?done=tenant_created$`).FindStringSubmatch(a.Location)
		if made == nil {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		voss := o.found(core.TenantID(made[1]))
		if voss.Kind != core.Customer || voss.Mode != core.Trial || voss.Parent != o.partner.ID || voss.Name != "Voss GmbH" {
			t.Errorf("made %+v", voss)
		}
		page := o.want(r.Get(a.Location), http.StatusOK, "tenant")
		o.shows(page, "Voss GmbH")
		if link := h.Link("olga@voss.example", "/invitation/"); link == "" {
			t.Error("nobody invited the administrator")
		}
		o.shows(o.want(r.Get("/admin/tenants?q=vos"), http.StatusOK, "tenants"), "Voss GmbH")
		o.hides(r.Get("/admin/tenants?q=vos"), "Schmidt")
		if a := r.Get("/admin/tenants?kind=nonsense"); a.Status != http.StatusUnprocessableEntity || a.Fault() != "form.invalid" {
			t.Errorf("a filter that is none: %d %q", a.Status, a.Fault())
		}
		o.shows(r.Get("/admin/tenants?mode=trial"), "Voss GmbH")
		o.hides(r.Get("/admin/tenants?mode=trial"), "Schmidt KG")
		o.shows(r.Get("/admin/tenants?requirement=per_user"), "Bäckerei Huber")
		o.hides(r.Get("/admin/tenants?requirement=per_user"), "Schmidt KG")
		o.shows(r.Get("/admin/tenants?q=zzz"), "No ")
	})
}

// What a node would begin with is shown before it is made: mode, trial, who manages
// it, support access, template and locks, with whose word each is; and nothing is made
// by looking.
func TestWhatATenantWouldBeginWithIsShownFirst(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		ctx := t.Context()
		if _, err := h.Directory.SetTemplate(ctx, o.partner.ID, core.SettingsDoc(`{"invitation_days":9}`), access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Directory.SetLocks(ctx, o.partner.ID, core.SettingsDoc(`{"requirement":["organization"],"new_user_window":{"days":3}}`), access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		r := o.in(o.vera)
		const send = "/admin/tenants/new"
		nodes := func() int {
			all, err := h.Store.AllTenants(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		before := nodes()
		look := func(pairs ...string) house.Answer {
			return r.Get(send + "?" + house.Form(append([]string{"parent", string(o.partner.ID)}, pairs...)...))
		}
		page := o.want(look("kind", "customer", "name", "Voss GmbH", "mode", "trial", "trial_days", "30", "admin_name", "Olga", "admin_email", "olga@voss.example"), http.StatusOK, "tenant-new")
		until := h.Clock.Now().AddDate(0, 0, 30).UTC().Format("2 January 2006")
		o.shows(page, "What it begins with", "Voss GmbH", "Trial", "The trial runs until "+until, "Production changes nothing about MFA here", "Organisation, locked by Nordwind",
			"By its service provider", "Open: administrators above", "Invitation to olga@voss.example", "Template of Nordwind", "locked by Nordwind")
		for _, key := range []string{"requirement", "new_user_window", "invitation_days"} {
			if !strings.Contains(page.Body, `data-key="`+key+`"`) {
				t.Errorf("the preview does not list %s", key)
			}
		}
		o.hides(page, `data-key="challenge"`)
		if nodes() != before {
			t.Fatal("looking made a node")
		}
		// What is wrong is said by looking; what was written can be changed, and is made
		// as it was shown.
		o.refused(look("kind", "customer", "name", " "), http.StatusUnprocessableEntity, "tenant-new", "name.invalid")
		o.refused(look("kind", "customer", "name", "Voss", "admin_name", "Tom", "admin_email", o.tom.Login), http.StatusUnprocessableEntity, "tenant-new", "user.login_taken")
		if edit := look("kind", "customer", "name", "Voss GmbH", "edit", "yes"); strings.Contains(edit.Body, "data-plan") || !strings.Contains(edit.Body, `value="Voss GmbH"`) {
			t.Error("the form cannot be gone back to with what was written")
		}
		made := o.send(r, page, send)
		o.shows(o.want(r.Get(made.Location), http.StatusOK, "tenant"), "The trial runs until "+until, "There is no way back to a trial.")
		if nodes() != before+1 {
			t.Error("it was not made")
		}
		// A partner that begins productive is locked on; a trial becomes so.
		o.shows(look("kind", "partner", "name", "Südwind", "mode", "trial"), "The trial runs until somebody converts it.", "Production switches MFA on for everybody here", "Closed: only the organisation itself")
		o.shows(look("kind", "partner", "name", "Südwind", "mode", "production"), "Organisation, locked by")
		// Self-managed: closed. A folder takes what its organisation has.
		o.shows(look("kind", "customer", "name", "Own", "mode", "production", "managed_by", "self"), "By itself", "Closed: only the organisation itself")
		folder := o.shows(look("kind", "folder", "name", "Bakers"), "Takes the settings of", "Nordwind")
		o.hides(folder, "Closed: only", "Open: administrators")
	})
}

// Every deed on a node is shown before it is done, and done with what was shown.
func TestTenantDeedsAreShownFirst(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		deed := func(d string, ask ...string) house.Answer {
			o.t.Helper()
			address := tenant(o.huber, "/"+d)
			form := o.want(r.Get(address), http.StatusOK, "tenant-"+d)
			if len(ask) > 0 {
				form = o.want(o.send(r, form, address, ask...), http.StatusOK, "tenant-"+d)
			}
			return form
		}
		page := r.Get(tenant(o.huber, ""))
		for _, d := range []string{"rename", "move", "suspend", "delete"} {
			if !strings.Contains(page.Body, `"`+tenant(o.huber, "/"+d)+`"`) {
				t.Errorf("no way to %s", d)
			}
		}
		o.hides(page, tenant(o.huber, "/restore"), tenant(o.huber, "/convert"), tenant(o.huber, "/support-close"))

		rename := tenant(o.huber, "/rename")
		o.refused(o.send(r, deed("rename"), rename, "name", ""), http.StatusUnprocessableEntity, "tenant-rename", "name.invalid")
		form := deed("rename", "name", "Konditorei Huber")
		if o.found(o.huber.ID).Name != o.huber.Name {
			t.Fatal("looking did it")
		}
		o.went(o.send(r, form, rename), tenant(o.huber, "?done=tenant_changed"))
		if n := o.found(o.huber.ID).Name; n != "Konditorei Huber" {
			t.Errorf("called %q", n)
		}
		// The same page, confirmed again, is about a node that is another by now.
		o.want(o.send(r, form, rename), http.StatusPreconditionFailed, "error")

		box := h.Tenant(directory.NewTenant{Kind: core.Folder, Name: "South", Parent: o.partner.ID})
		form = deed("move", "q", "So")
		o.shows(form, "South")
		form = o.want(o.send(r, form, tenant(o.huber, "/move"), "parent", string(box.ID)), http.StatusOK, "tenant-move")
		o.went(o.send(r, form, tenant(o.huber, "/move")), tenant(o.huber, "?done=tenant_changed"))
		if p := o.found(o.huber.ID).Parent; p != box.ID {
			t.Errorf("stands under %s", p)
		}
		if a := r.Get(tenant(o.huber, "/move?parent="+string(o.self.ID))); a.Fault() == "" || a.Status < 400 {
			t.Errorf("under a customer: %d %q", a.Status, a.Fault())
		}
		o.want(r.Get(tenant(o.huber, "/move?parent="+string(h.Root.ID))), http.StatusNotFound, "error")

		inside := o.in(o.tom)
		o.went(o.send(r, deed("suspend"), tenant(o.huber, "/suspend")), tenant(o.huber, "?done=tenant_changed"))
		if o.found(o.huber.ID).State != core.TenantSuspended || inside.Inside() {
			t.Error("suspended and still in")
		}
		o.shows(r.Get(tenant(o.huber, "")), "uspended")
		o.went(o.send(r, deed("resume"), tenant(o.huber, "/resume")), tenant(o.huber, "?done=tenant_changed"))

		gone := tenant(o.huber, "/delete")
		form = deed("delete")
		if !fields(form)["confirm"] {
			t.Fatal("no name to type")
		}
		for _, typed := range []string{"", "yes", "Bäckerei Huber", "konditorei huber"} {
			o.refused(o.send(r, form, gone, "confirm", typed), http.StatusUnprocessableEntity, "tenant-delete", "confirm.required")
		}
		o.went(o.send(r, form, gone, "confirm", "  Konditorei  Huber "), tenant(o.huber, "?done=tenant_deleted"))
		if o.found(o.huber.ID).State != core.TenantDeleted {
			t.Error("still there")
		}
		o.shows(r.Get("/admin/tenants?state=deleted"), "Konditorei Huber")
		o.went(o.send(r, deed("restore"), tenant(o.huber, "/restore")), tenant(o.huber, "?done=tenant_restored"))
		if o.found(o.huber.ID).State != core.TenantActive {
			t.Error("not back")
		}
	})
}

// ACR-03: a trial that becomes production is told beforehand whom that asks.
func TestConversionIsShownACR03(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		trial := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Südwind", Parent: h.Root.ID})
		h.Person(trial, "sven@suedwind.example")
		r := o.in(h.Enrolled(h.Root, "paula@example.com", core.PlatformAdmin))
		form := o.want(r.Get(tenant(trial, "/convert")), http.StatusOK, "tenant-convert")
		o.shows(form, "1", "sven")
		o.went(o.send(r, form, tenant(trial, "/convert")), tenant(trial, "?done=tenant_changed"))
		if o.found(trial.ID).Mode != core.Production {
			t.Error("still a trial")
		}
		o.refused(r.Get(tenant(trial, "/convert")), http.StatusUnprocessableEntity, "tenant-convert", "tenant.not_a_trial")
	})
}

// Of many nodes a page shows some, and every one is on exactly one page.
func TestTheTreeIsReadInPages(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		for i := range 120 {
			h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: fmt.Sprintf("Customer %03d", i), Parent: o.partner.ID})
		}
		r := o.in(o.vera)
		next := regexp.MustCompile(`rel="next"[^>]*href="([^"]*)"|href="([^"]*)"[^>]*rel="next"`)
		for _, path := range []string{"/admin/tenants", "/admin/tenants?q=Customer"} {
			seen := map[string]int{}
			pages := 0
			for to := path; to != ""; pages++ {
				if pages > 9 {
					t.Fatal("no end")
				}
				a := o.want(r.Get(to), http.StatusOK, "tenants")
				for _, name := range regexp.MustCompile(`Customer \d{3}`).FindAllString(said(a), -1) {
					seen[name]++
				}
				to = ""
				if m := next.FindStringSubmatch(a.Body); m != nil {
					to = strings.ReplaceAll(m[1]+m[2], "&amp;", "&")
				}
			}
			if len(seen) != 120 || pages < 3 {
				t.Errorf("%s: %d of 120 in %d pages", path, len(seen), pages)
			}
			for name, n := range seen {
				if n != 1 {
					t.Errorf("%s: %s %d times", path, name, n)
				}
			}
		}
	})
}

// ACR-03: the timer of a trial is set when it is made, and shown in the tree and on
// its page.
func TestTheTimerOfATrialACR03(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		const send = "/admin/tenants/new"
		form := o.want(r.Get(send+"?parent="+string(o.partner.ID)+"&kind=partner"), http.StatusOK, "tenant-new")
		for _, wrong := range []string{"soon", "0", "-3", "99999"} {
			o.refused(o.send(r, form, send, "name", "Südwind", "mode", "trial", "trial_days", wrong), http.StatusUnprocessableEntity, "tenant-new", "tenant.trial_days")
		}
		o.refused(o.send(r, form, send, "name", "Südwind", "mode", "production", "trial_days", "30"), http.StatusUnprocessableEntity, "tenant-new", "tenant.trial_days")
		a := o.send(r, form, send, "name", "Südwind", "mode", "trial", "trial_days", "30")
		id, _, _ := strings.Cut(strings.TrimPrefix(a.Location, "/admin/tenants/"), "?")
		ends := o.found(core.TenantID(id)).TrialEnds
		if want := h.Clock.Now().AddDate(0, 0, 30); ends.Sub(want).Abs() > time.Hour {
			t.Fatalf("it ends at %v, want about %v (fault %q)", ends, want, a.Fault())
		}
		date := ends.UTC().Format("2 January 2006")
		o.shows(o.want(r.Get(a.Location), http.StatusOK, "tenant"), "Production from", date)
		o.shows(o.want(r.Get("/admin/tenants"), http.StatusOK, "tenants"), "until "+date)
		a = o.send(r, form, send, "name", "Westwind", "mode", "trial")
		o.shows(o.want(r.Get(a.Location), http.StatusOK, "tenant"), "when somebody converts it")
	})
}

// Who helps people and sees no tenants is led to the people wherever a tenant's page
// would be, in their own organisation; elsewhere there is nothing.
func TestHelpdeskIsLedToPeople(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		help := o.in(h.Enrolled(o.huber, "help@huber.example", core.Helpdesk))
		o.went(help.Get("/admin/tenants"), tenant(o.huber, "/users"))
		o.went(help.Get(tenant(o.huber, "")), tenant(o.huber, "/users"))
		o.shows(o.want(help.Get(tenant(o.huber, "/users")), http.StatusOK, "users"), o.tom.Login)
		for _, path := range []string{tenant(o.self, ""), tenant(o.partner, ""), "/admin/tenants?under=" + string(o.partner.ID)} {
			o.want(help.Get(path), http.StatusNotFound, "error")
		}
		for _, path := range []string{tenant(o.huber, "/security"), tenant(o.huber, "/audit")} {
			o.want(help.Get(path), http.StatusForbidden, "error")
		}
	})
}
