package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/i18n"
	"sallyport/internal/testkit/house"
)

// The log says which way an account was converted, and why a sign-in was refused in
// truth: a service account on a page had its password right. Its file has all that a
// row notes.
func TestTheLogSaysWhyInWords(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Person(o.huber, "anna@huber.example")
		mark := func() {
			h.Settle()
			if _, err := h.Directory.MarkService(t.Context(), anna.ID, directory.ServiceFacts{Owner: o.tom.ID, Reason: "nightly backup"}, h.Proven(o.tom), core.Client{}); err != nil {
				t.Fatal(err)
			}
		}
		mark()
		h.Settle()
		if a := anna.Knock(h.Raw("203.0.113.9")); a.In() {
			t.Fatal("a service account is in on a page")
		}
		if _, err := h.Directory.MarkRegular(t.Context(), anna.ID, h.Proven(o.tom), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		r := o.in(o.tom)
		address := tenant(o.huber, "/audit")
		page := o.want(r.Get(address+"?q="+anna.Login), http.StatusOK, "audit")
		o.shows(page, "Made a service account", "Made a person’s account again", "A service account tried to sign in on a page, refused")
		if a := r.Get(address + "?q=" + anna.Login + "&event=signin.&result=refused"); strings.Contains(said(a), "Wrong password") {
			t.Errorf("the log says that the password was wrong:\n%s", said(a))
		}
		o.shows(r.Get(person(anna, "")), "Made a service account", "A service account tried to sign in on a page, refused")
		rows := table(t, r.Get(address+"?format=csv&q="+anna.Login).Body)
		seen := map[string]string{}
		for _, row := range rows {
			seen[row["event"]+" "+row["reason"]] += row["detail"]
		}
		if got := seen["user.converted "]; got != `{"kind":"person"}{"kind":"service_account"}` {
			t.Errorf("the file notes of the conversions %q", got)
		}
		if _, ok := seen["signin.failed not_a_person"]; !ok {
			t.Errorf("the file has no reason: %v", seen)
		}
	})
}

// Every reason that the list of events names for a refused sign-in has its words in
// every language, and none of them is that the password was wrong but the one.
func TestEveryRefusalHasWords(t *testing.T) {
	reasons := []string{"unknown_login", "wrong_password", "locked", "busy", "state_invited", "state_disabled", "state_deleted", "federated", "not_a_person", "tenant_deleted", "outside_networks"}
	for _, l := range i18n.Languages() {
		wrong := i18n.For(l.Tag).T("activity.signin.failed", nil)
		for _, reason := range reasons {
			id := "activity.signin.failed:" + reason
			if !i18n.For(l.Tag).Has(id) {
				t.Errorf("%s has no words for %s", l.Tag, id)
				continue
			}
			if said := i18n.For(l.Tag).T(id, nil); said == wrong && reason != "wrong_password" || regexp.MustCompile(`\{\{`).MatchString(said) {
				t.Errorf("%s: %s is %q", l.Tag, id, said)
			}
		}
		for _, kind := range []core.UserKind{core.Person, core.ServiceAccount} {
			if !i18n.For(l.Tag).Has("activity.user.converted:" + string(kind)) {
				t.Errorf("%s does not say a conversion to %s", l.Tag, kind)
			}
		}
	}
}
