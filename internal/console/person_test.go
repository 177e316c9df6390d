package console_test

import (
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// on opens the page of a deed for somebody.
func (o *office) on(r *house.Raw, p *house.Person, deed string) house.Answer {
	o.t.Helper()
	return o.want(r.Get(person(p, "/"+deed)), http.StatusOK, "person-"+deed)
}

// ACR-17, CAL-13: an administrator resets somebody's second factor with a proof of
// their own, and is told beforehand what goes.
func TestResetOnThePageACR17(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		r := o.in(o.tom)
		page := o.want(r.Get(person(anna, "")), http.StatusOK, "person")
		o.hides(page, anna.Key, anna.Recovery)
		if !strings.Contains(page.Body, `"`+person(anna, "/reset-mfa")+`"`) {
			t.Fatal("no way to the reset")
		}
		o.later()
		reset := person(anna, "/reset-mfa")
		form := o.on(r, anna, "reset-mfa")
		if !fields(form)["code"] || anna.Status() != core.MFAEnabled {
			t.Fatal("no proof is asked for, or looking did it")
		}
		o.refused(o.send(r, form, reset), http.StatusUnprocessableEntity, "person-reset-mfa", "step_up.required")
		o.refused(o.send(r, form, reset, "code", o.tom.Wrong()), http.StatusUnprocessableEntity, "person-reset-mfa", "factor.code_mismatch")
		// The code of the person is none of the administrator's.
		if a := o.send(r, form, reset, "code", anna.Fresh()); a.Status < 400 || anna.Status() != core.MFAEnabled {
			t.Errorf("with the person's own code: %d", a.Status)
		}
		o.went(o.send(r, form, reset, "code", o.tom.Fresh()), person(anna, "?done=person_reset"))
		if len(anna.Factors()) != 0 || anna.Status() == core.MFAEnabled || anna.Names()["user.mfa.reset"] != 1 {
			t.Errorf("%d factors, status %s, events %v", len(anna.Factors()), anna.Status(), anna.Names())
		}
		// It can be done once; the page of the deed is closed after.
		if a := r.Get(reset); a.Status != http.StatusForbidden {
			t.Errorf("again: %d %q", a.Status, a.Fault())
		}
	})
}

// ACR-18: trusted browsers are forgotten, all or one, with whoever is in there by
// that trust; the app stays.
func TestForgettingBrowsersACR18(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		h.Settings(o.huber.ID, `{"challenge":"untrusted_browser","trusted_browser":{"days":14}}`)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		// trusted is a browser that came in by its trust alone, and one that it does not
		// ask about.
		trusted := func() *house.Raw {
			t.Helper()
			b := h.Raw("203.0.113.7")
			a := anna.Knock(b)
			b.Post(b.Post(a.Location, "code", anna.Fresh()).Location, "trust", "yes")
			b.Plant("sallyport", "")
			if a := anna.Knock(b); !a.In() || !b.Inside() {
				t.Fatalf("no trust: to %q", a.Location)
			}
			return b
		}
		r := o.in(o.tom)
		page, one := person(anna, ""), person(anna, "/browsers")
		first, second := trusted(), trusted()
		o.went(o.send(r, r.Get(page), one), page+"?done=person_untrusted")
		if first.Inside() == second.Inside() || anna.Status() != core.MFAEnabled {
			t.Error("not one of two, or the app went too")
		}
		// Without a fresh proof it is asked for on the page of the deed for all.
		o.later()
		third := trusted()
		o.went(o.send(r, r.Get(page), one), person(anna, "/reset-trusted-browsers"))
		form := o.on(r, anna, "reset-trusted-browsers")
		if n := o.effect(form, "browsers"); n != "2" {
			t.Errorf("%s browsers would be forgotten", n)
		}
		o.went(o.send(r, form, person(anna, "/reset-trusted-browsers"), "code", o.tom.Fresh()), page+"?done=person_untrusted")
		for i, b := range []*house.Raw{first, second, third} {
			if b.Inside() {
				t.Errorf("browser %d is in", i)
			}
			if a := anna.Knock(b); !strings.HasSuffix(a.Location, "/code") {
				t.Errorf("browser %d is trusted: to %q", i, a.Location)
			}
		}
	})
}

// A temporary pass is shown in one answer and in no other, and gets its person in.
func TestAPassIsShownOnce(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		r := o.in(o.tom)
		pass := person(anna, "/pass")
		form := o.on(r, anna, "pass")
		if a := o.send(r, form, pass, "hours", "900"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("900 hours: %d", a.Status)
		}
		shown := o.want(o.send(r, form, pass, "hours", "2"), http.StatusOK, "temporary-pass")
		word := shown.Of("data-temporary-pass")
		if len(word) < 8 {
			t.Fatalf("no pass: %q", said(shown))
		}
		if shown.Header.Get("Cache-Control") != "no-store" {
			t.Error("it may be kept")
		}
		for _, path := range []string{pass, person(anna, ""), tenant(o.huber, "/audit")} {
			o.hides(r.Get(path), word)
		}
		if strings.Contains(h.Logs.String(), word) {
			t.Error("it is in the log")
		}
	})
}

// WBX-15, WBX-16: sign out, disable, enable again, delete; each is on the page when
// it makes sense, and only then.
func TestDeedsForAPersonWBX16(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		theirs := o.in(anna)
		r := o.in(o.tom)
		page := func() house.Answer { return o.want(r.Get(person(anna, "")), http.StatusOK, "person") }
		offers := func(deed string) bool { return strings.Contains(page().Body, `"`+person(anna, "/"+deed)+`"`) }
		// do sends the page of a deed as it is, with what is typed into it.
		do := func(deed, flash string, typed ...string) {
			t.Helper()
			if !offers(deed) {
				t.Fatalf("no way to %s", deed)
			}
			o.went(o.send(r, o.on(r, anna, deed), person(anna, "/"+deed), typed...), person(anna, "?done="+flash))
		}

		one := anna.Sessions()[0].ID
		o.went(o.send(r, page(), person(anna, "/sessions"), "session", string(one)), person(anna, "?done=session_ended"))
		do("end-sessions", "person_signed_out")
		if theirs.Inside() || offers("end-sessions") {
			t.Error("still in")
		}
		do("edit", "person_changed", "name", "Anna Huber", "locale", "de")
		if u := anna.User(); u.Name != "Anna Huber" || u.Locale != "de" {
			t.Errorf("%+v", u)
		}
		o.refused(o.send(r, o.on(r, anna, "edit"), person(anna, "/edit"), "name", ""), http.StatusUnprocessableEntity, "person-edit", "name.invalid")
		// AIR-14: a new address counts once its mailbox says so.
		do("edit", "person_changed", "email", "new@huber.example")
		if e := anna.User().Email; e != "anna@huber.example" {
			t.Errorf("the address is %q unconfirmed", e)
		}
		link := h.Link("new@huber.example", "/email/")
		h.Raw("").Post(link)
		if e := anna.User().Email; e != "new@huber.example" {
			t.Errorf("the address is %q", e)
		}
		// Two look, and both change: the second is told.
		stale := o.on(r, anna, "edit")
		do("edit", "person_changed", "name", "Anna H.")
		o.want(o.send(r, stale, person(anna, "/edit"), "name", "Annabel"), http.StatusPreconditionFailed, "error")
		if n := anna.User().Name; n != "Anna H." {
			t.Errorf("called %q", n)
		}

		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Shop", Parent: o.huber.ID})
		form := o.on(r, anna, "move")
		if strings.Contains(form.Body, string(o.self.ID)) {
			t.Error("to another organisation")
		}
		form = o.want(o.send(r, form, person(anna, "/move"), "tenant", string(unit.ID)), http.StatusOK, "person-move")
		o.went(o.send(r, form, person(anna, "/move"), "tenant", string(unit.ID)), person(anna, "?done=person_changed"))
		if anna.User().Tenant != unit.ID {
			t.Error("not moved")
		}

		do("disable", "person_changed")
		if a := anna.Knock(h.Raw("")); a.In() || offers("disable") || !offers("enable") {
			t.Error("disabled and in")
		}
		do("enable", "person_changed")

		gone := person(anna, "/delete")
		form = o.on(r, anna, "delete")
		for _, typed := range []string{"", "anna h", "Anna"} {
			o.refused(o.send(r, form, gone, "confirm", typed), http.StatusUnprocessableEntity, "person-delete", "confirm.required")
		}
		a := o.send(r, form, gone, "confirm", "Anna H.")
		if !strings.HasSuffix(a.Location, "/users?done=person_deleted") {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		o.want(r.Get(a.Location), http.StatusOK, "users")
		o.want(r.Get(person(anna, "")), http.StatusNotFound, "error")
	})
}

// A lock that runs is shown with its end, and taken away.
func TestUnlockingOnThePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Person(o.huber, "anna@huber.example")
		door := h.Raw("")
		for range 12 {
			door.Post("/sign-in", "login", anna.Login, "password", "Not the pass phrase")
		}
		r := o.in(o.tom)
		page := o.want(r.Get(person(anna, "")), http.StatusOK, "person")
		if !strings.Contains(page.Body, `data-flag="password_locked"`) {
			t.Fatalf("no lock is shown:\n%s", said(page))
		}
		o.went(o.send(r, o.on(r, anna, "unlock"), person(anna, "/unlock")), person(anna, "?done=person_unlocked"))
		if a := anna.Knock(h.Raw("")); !a.In() {
			t.Errorf("still locked: %q", a.Fault())
		}
		o.hides(r.Get(person(anna, "")), `data-flag="password_locked"`)
	})
}

// What a mark as a service account and a second pass do is said before.
func TestPreviewsOfMarkAndPassNameWhatEnds(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Enrolled(o.huber, "anna@huber.example")
		r := o.in(o.tom)
		lines := func(deed console.PersonDeed) map[string]bool {
			return attributes(o.on(r, anna, string(deed)), "data-effect")
		}
		if got := lines(console.PersonToService); !got[console.EffectProgram] {
			t.Errorf("a mark: %v", got)
		}
		if got := lines(console.PersonPass); len(got) != 0 {
			t.Errorf("a first pass: %v", got)
		}
		if _, err := h.Recovery.MakePass(t.Context(), anna.ID, 0, h.Proven(o.tom), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if got := lines(console.PersonPass); !got[console.EffectPass] {
			t.Errorf("a second pass: %v", got)
		}
	})
}
