package console_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// WBX-01, WBX-04, ACR-06, ACR-08: the switch is moved on the page of security, after
// it was shown who would be asked; the bar has the numbers, and each leads to its
// people.
func TestSwitchingOnWBX01(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		quiet := h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Quiet GmbH", Parent: o.partner.ID, ManagedBy: core.ManagedByProvider, Settings: core.SettingsDoc(`{"new_user_window":{"days":0}}`)})
		boss, one := h.Enrolled(quiet, "boss@quiet.example", core.CustomerAdmin), h.Person(quiet, "one@quiet.example")
		h.Person(quiet, "two@quiet.example")
		inside := o.in(one)
		r := o.in(boss)
		security, enable := tenant(quiet, "/security"), tenant(quiet, "/security/enable")
		page := o.want(r.Get(security), http.StatusOK, "tenant-security")
		// ACR-04: recommended, not forced.
		o.shows(page, "recommended")
		o.refused(r.Get(enable), http.StatusUnprocessableEntity, "tenant-security", "mfa.nothing_chosen")
		if a := r.Get(enable + "?requirement=everybody"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("a mode that is none: %d", a.Status)
		}
		preview := o.want(o.send(r, page, enable), http.StatusOK, "enable-preview")
		if n := o.effect(preview, "asked"); n != "2" {
			t.Errorf("%s are asked", n)
		}
		if len(o.found(quiet.ID).Settings.Value("requirement")) > 0 && strings.Contains(string(o.found(quiet.ID).Settings.Value("requirement")), "organization") {
			t.Fatal("looking did it")
		}
		o.went(o.send(r, preview, enable), security+"?done=mfa_org_on")
		h.Settle()
		on := o.want(r.Get(security), http.StatusOK, "tenant-security")
		if !strings.Contains(on.Body, `data-progress="1/3"`) {
			t.Errorf("the bar: %s", said(on))
		}
		for _, status := range []core.MFAStatus{core.MFAEnabled, core.MFASetupRequired, core.MFAPendingValidation} {
			if !strings.Contains(on.Body, tenant(quiet, "/users?status="+string(status))) {
				t.Errorf("no way to those who are %s", status)
			}
		}
		// Confirmed twice, it is done once; and the second is told.
		o.want(o.send(r, preview, enable), http.StatusPreconditionFailed, "error")
		// ACR-07, WBX-07: who is in stays in and is asked at the next sign-in.
		if !inside.Inside() {
			t.Error("signed out")
		}
		if a := one.Knock(h.Raw("")); !strings.HasSuffix(a.Location, "/setup-required") {
			t.Errorf("the next sign-in leads to %q", a.Location)
		}
		// Another mode is a change of the same switch.
		form := o.want(o.send(r, on, enable, "requirement", "per_user"), http.StatusOK, "enable-preview")
		o.went(o.send(r, form, enable), security+"?done=mfa_org_changed")
		// The partner turns it for a customer that it manages, without acting there.
		vera := o.in(o.vera)
		above := o.want(vera.Get(security), http.StatusOK, "tenant-security")
		o.hides(above, "/users?status=", one.Login)
		form = o.want(o.send(vera, above, enable, "requirement", "organization"), http.StatusOK, "enable-preview")
		o.went(o.send(vera, form, enable), security+"?done=mfa_org_changed")
		// And not for one that manages itself.
		theirs := o.want(vera.Get(tenant(o.self, "/security")), http.StatusOK, "tenant-security")
		if strings.Contains(theirs.Body, `action="`+tenant(o.self, "/security/enable")+`"`) {
			t.Error("the switch of a customer that manages itself is offered")
		}
		if a := vera.Post(tenant(o.self, "/security/enable"), "requirement", "organization", "version", "0"); a.Status != http.StatusForbidden {
			t.Errorf("and moves: %d %q", a.Status, a.Fault())
		}
	})
}

// effect is the number of a line of an effect.
func (o *office) effect(a house.Answer, what string) string {
	n := find(parse(a.Body), func(n *htmlNode) bool { return attr(n, "data-effect") == what })
	if n == nil {
		return ""
	}
	return attr(n, "data-count")
}

// ACR-10, ACR-24, ACR-25: switching off lists what it deletes, wants the name and the
// administrator's own code, goes on as a state of its own, and is over when nothing
// is left.
func TestSwitchingOffACR24(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		strict := h.Organisation("Strict GmbH", "", `{"requirement":["organization"]}`)
		boss := h.Enrolled(strict, "boss@strict.example", core.CustomerAdmin)
		anna := h.Enrolled(strict, "anna@strict.example")
		r := o.in(boss)
		security, disable := tenant(strict, "/security"), tenant(strict, "/security/disable")
		if !strings.Contains(r.Get(security).Body, `"`+disable+`"`) {
			t.Fatal("no way to switch off")
		}
		form := o.want(r.Get(disable), http.StatusOK, "disable-preview")
		if apps, codes := o.effect(form, "apps"), o.effect(form, "codes"); apps != "2" || codes != "2" {
			t.Errorf("%s apps and %s codes would go", apps, codes)
		}
		if f := fields(form); !f["confirm"] || !f["code"] {
			t.Errorf("it asks for %v", f)
		}
		o.refused(o.send(r, form, disable, "confirm", "strict gmbh", "code", boss.Fresh()), http.StatusUnprocessableEntity, "disable-preview", "confirm.required")
		o.later()
		o.refused(o.send(r, form, disable, "confirm", "Strict GmbH"), http.StatusUnprocessableEntity, "disable-preview", "step_up.required")
		wrong := o.refused(o.send(r, form, disable, "confirm", "Strict GmbH", "code", boss.Wrong()), http.StatusUnprocessableEntity, "disable-preview", "factor.code_mismatch")
		if anna.Status() != core.MFAEnabled {
			t.Fatal("refused and done")
		}
		o.went(o.send(r, wrong, disable, "confirm", "Strict GmbH", "code", boss.Fresh()), security+"?done=mfa_org_off")
		// From now on a password opens everything, and nothing can be set meanwhile.
		if a := anna.Knock(h.Raw("")); !a.In() {
			t.Errorf("still asked: to %q", a.Location)
		}
		o.shows(o.want(r.Get(security), http.StatusOK, "tenant-security"), "switched off")
		for _, form := range []string{"/security/enable", "/security/disable"} {
			if a := r.Post(tenant(strict, form), "requirement", "organization", "confirm", "Strict GmbH", "version", version(o.found(strict.ID))); a.Status < 400 {
				t.Errorf("%s meanwhile: to %q", form, a.Location)
			}
		}
		o.off(strict.ID)
		page := o.want(r.Get(security), http.StatusOK, "tenant-security")
		o.hides(page, `data-progress=`, `"`+disable+`"`)
		if len(anna.Factors()) != 0 || len(boss.Factors()) != 0 {
			t.Errorf("%d and %d factors are left", len(anna.Factors()), len(boss.Factors()))
		}
		o.went(r.Get(disable), security)
		if a := r.Post(disable, "confirm", "Strict GmbH", "version", "0"); a.Status < 400 {
			t.Error("off and switched off again")
		}
	})
}

// ACR-02: what a lock keeps on has no switch, and says whose lock it is.
func TestALockedSwitchACR02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		page := o.want(r.Get(tenant(o.partner, "/security")), http.StatusOK, "tenant-security")
		o.hides(page, `"`+tenant(o.partner, "/security/disable")+`"`)
		o.refused(r.Get(tenant(o.partner, "/security/disable")), http.StatusForbidden, "tenant-security", "policy.locked")
		form := tenant(o.partner, "/security/disable")
		if a := r.Post(form, "confirm", "Nordwind", "code", o.vera.Fresh(), "version", "0"); a.Status < 400 || o.vera.Status() != core.MFAEnabled {
			t.Errorf("%d: to %q", a.Status, a.Location)
		}
	})
}

// off waits until an organisation's switch is off: the house's own worker does it,
// and asking for it again is doing it now.
func (o *office) off(id core.TenantID) {
	o.t.Helper()
	for range 100 {
		o.Clock.Advance(10 * time.Second) // every node has heard of it by then
		if _, err := o.Rollout.Work(o.t.Context(), nil); err != nil {
			o.t.Fatal(err)
		}
		if o.found(id).MFAState != core.MFADisabling {
			return
		}
	}
	o.t.Fatal("never off")
}

func version(t core.Tenant) string { return strconv.FormatInt(t.Version, 10) }

// Everybody of an organisation is signed out at once but who does it, after the
// page said how many sessions that is.
func TestSigningEverybodyOutOnThePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Person(o.huber, "anna@huber.example")
		inside, r := o.in(anna), o.in(o.tom)
		out := tenant(o.huber, "/sign-out")
		form := o.want(r.Get(out), http.StatusOK, "tenant-sign-out")
		want := len(anna.Sessions()) + len(o.tom.Sessions()) - 1
		if n := o.effect(form, "sessions"); n != strconv.Itoa(want) {
			t.Errorf("%s sessions of %d", n, want)
		}
		o.went(o.send(r, form, out), tenant(o.huber, "?done=everybody_signed_out"))
		if _, err := o.Rollout.Work(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if inside.Inside() || r.Get(tenant(o.huber, "")).Status != http.StatusOK {
			t.Error("somebody is in, or the administrator is out")
		}
		vera := o.in(o.vera)
		if a := vera.Get(out); a.Status != http.StatusForbidden {
			t.Errorf("from above: %d", a.Status)
		}
	})
}

// Decision 7.8: an administrator without a factor enrols first where a code is asked.
// The page leads there and shows no field that they cannot fill in; with a factor,
// the same page takes their code.
func TestWhoHasNoFactorIsLedToSetOneUp(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		bare := h.Person(o.huber, "bare@huber.example", core.CustomerAdmin)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		r := o.in(bare)
		led := func(a house.Answer) {
			t.Helper()
			if !strings.Contains(a.Body, `data-ask="enrol"`) || !strings.Contains(a.Body, `href="/account/security/totp"`) {
				t.Errorf("no way to set a factor up:\n%s", said(a))
			}
			if f := fields(a); f["code"] || f["password"] {
				t.Errorf("asks for what does not help: %v", f)
			}
			o.hides(a, "authenticator app of")
		}
		for _, deed := range []string{"reset-mfa", "pass", "to-service-account"} {
			path := person(anna, "/"+deed)
			page := r.Get(path)
			if page.Status != http.StatusOK {
				t.Fatalf("%s: %d", path, page.Status)
			}
			a := o.send(r, page, path, "reason", "a scanner", "networks", "192.0.2.0/24", "hours", "1", "confirm", anna.Login)
			if a.Status != http.StatusUnprocessableEntity || a.Fault() != "step_up.required" {
				t.Fatalf("%s: %d, %s:\n%s", deed, a.Status, a.Fault(), said(a))
			}
			led(a)
		}
		h.Settings(o.huber.ID, `{"requirement":["organization"],"new_user_window":{"days":0}}`)
		disable := tenant(o.huber, "/security/disable")
		led(o.want(r.Get(disable), http.StatusOK, "disable-preview"))
		// Who has a factor is asked for its code, as before.
		tom := o.in(o.tom)
		o.later()
		if a := o.want(tom.Get(disable), http.StatusOK, "disable-preview"); !fields(a)["code"] || strings.Contains(a.Body, `data-ask="enrol"`) {
			t.Errorf("fields %v", fields(a))
		}
	})
}

// progressOf is what the bar of a page says, for programs.
func progressOf(a house.Answer) string {
	_, rest, _ := strings.Cut(a.Body, `data-progress="`)
	out, _, _ := strings.Cut(rest, `"`)
	return out
}

// The bar says of when it is, and the way to a newer one is beside it: what is there
// then is counted anew.
func TestTheBarSaysOfWhenItIs(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.tom)
		for _, path := range []string{tenant(o.huber, "/security"), tenant(o.huber, "")} {
			page := o.shows(r.Get(path), "As of "+h.Clock.Now().UTC().Format("15:04"))
			if !strings.Contains(page.Body, `<a href="`+path+`">Load again</a>`) {
				t.Errorf("%s has no way to load it again", path)
			}
			before := progressOf(page)
			h.Enrolled(o.huber, "new"+string(rune('a'+len(path)%26))+"@huber.example")
			h.Clock.Advance(minute)
			again := o.shows(r.Get(path), "As of "+h.Clock.Now().UTC().Format("15:04"))
			if got := progressOf(again); got == before || got == "" {
				t.Errorf("%s: the bar was %q and is %q", path, before, got)
			}
		}
	})
}
