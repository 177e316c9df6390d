package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// pages are the addresses of every row of the face, for a tenant and a person of it.
func pages(t core.TenantID, u core.UserID) (gets, posts []string) {
	for _, row := range (&console.Handler{}).Routes() {
		method, path, _ := strings.Cut(row.Pattern, " ")
		path = strings.NewReplacer("{$}", "", "{tenant}", string(t), "{user}", string(u), "{role}", "ro_none", "{preset}", "self-service").Replace(path)
		if method == http.MethodGet {
			gets = append(gets, path)
		} else {
			posts = append(posts, path)
		}
	}
	return gets, posts
}

// Somebody without a role is refused at every address alike: theirs, another's and
// one that never was. Somebody who is not signed in goes to the door.
func TestOnlyAdministratorsEnter(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		plain := o.in(h.Person(o.huber, "plain@huber.example"))
		for _, there := range []struct {
			tenant core.TenantID
			user   core.UserID
		}{{o.huber.ID, o.tom.ID}, {"tn_00000000000000000000000000", "us_00000000000000000000000000"}} {
			gets, posts := pages(there.tenant, there.user)
			if len(gets) < 40 || len(posts) < 40 {
				t.Fatalf("%d pages and %d forms", len(gets), len(posts))
			}
			body := ""
			for _, path := range gets {
				a := plain.Get(path)
				o.refused(a, http.StatusForbidden, "error", "forbidden")
				if body == "" {
					body = steady(a)
				}
				if steady(a) != body {
					t.Errorf("%s is refused in other words", path)
				}
				stranger := h.Raw("").Get(path)
				if stranger.Status != http.StatusSeeOther || !strings.HasPrefix(stranger.Location, "/sign-in?return_to=%2Fadmin") {
					t.Errorf("%s without a session: %d to %q", path, stranger.Status, stranger.Location)
				}
			}
			for _, path := range posts {
				o.refused(plain.Post(path, "confirm", "yes", "name", "x"), http.StatusForbidden, "error", "forbidden")
				if a := h.Raw("").Post(path); a.Status != http.StatusSeeOther || a.Location != "/sign-in" {
					t.Errorf("%s without a session: %d to %q", path, a.Status, a.Location)
				}
			}
		}
	})
}

var requestID = regexp.MustCompile(core.PrefixRequest + `_[0-9a-z]{26}`)

// steady is a page without the id of its request.
func steady(a house.Answer) string { return requestID.ReplaceAllString(a.Body, "") }

// A-16, B-34: what is in another organisation answers byte for byte like what never
// was, to whoever administers elsewhere.
func TestAnothersIsNotFoundA16(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		other := h.Person(o.self, "otto@schmidt.example")
		r := o.in(o.tom)
		theirs, theirForms := pages(o.self.ID, other.ID)
		nowhere, nowhereForms := pages("tn_00000000000000000000000000", "us_00000000000000000000000000")
		for i, path := range theirs {
			if path == nowhere[i] {
				continue // about nobody in particular
			}
			a, b := r.Get(path), r.Get(nowhere[i])
			if a.Status != b.Status || a.Location != "" && strings.Contains(a.Location, "?") || a.Location == "" && (a.Status != http.StatusNotFound || steady(a) != steady(b)) {
				t.Errorf("%s: %d %q, of an id that never was %d %q", path, a.Status, a.Fault(), b.Status, b.Fault())
			}
		}
		for i, path := range theirForms {
			if path == nowhereForms[i] {
				continue
			}
			given := []string{"name", "Somebody", "email", "x@example.com", "confirm", "x", "deed", "unlock", "id", string(other.ID), "requirement", "organization", "user", other.Login, "role", "helpdesk", "session", "se_1", "browser", "br_1", "parent", string(o.huber.ID), "tenant", string(o.huber.ID), "reason", "x"}
			a, b := r.Post(path, given...), r.Post(nowhereForms[i], given...)
			if a.Status != http.StatusNotFound || b.Status != http.StatusNotFound || steady(a) != steady(b) {
				t.Errorf("%s: %d %q, of an id that never was %d %q", path, a.Status, a.Fault(), b.Status, b.Fault())
			}
		}
		// Nobody's page has the other's name on it.
		for _, path := range []string{"/admin/", "/admin/tenants", "/admin/tenants?q=S", "/admin/policy?user=" + other.Login} {
			o.hides(r.Get(path), "Schmidt", string(o.self.ID), string(other.ID))
		}
	})
}

// Who may look and not touch is shown pages without forms for deeds, and refused
// when they send one all the same.
func TestWhoMayOnlyLook(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		plain := h.Person(o.huber, "plain@huber.example")
		eyes := o.in(h.Person(o.huber, "ada@huber.example", core.Auditor))
		for _, path := range []string{"/admin/", "/admin/tenants", tenant(o.huber, ""), tenant(o.huber, "/security"), tenant(o.huber, "/users"), person(plain, ""), tenant(o.huber, "/roles"), tenant(o.huber, "/audit"), tenant(o.huber, "/service-accounts")} {
			a := eyes.Get(path)
			if a.Status != http.StatusOK {
				t.Errorf("%s: %d %q", path, a.Status, a.Fault())
			}
			each(parse(a.Body), func(n *htmlNode) {
				if n.Data == "form" && attr(n, "method") == "post" && attr(n, "action") != "/sign-out" {
					t.Errorf("%s has a form to %s", path, attr(n, "action"))
				}
			})
		}
		_, forms := pages(o.huber.ID, plain.ID)
		before := plain.User().Version
		for _, path := range forms {
			a := eyes.Post(path, "name", "Somebody else", "email", "x@example.com", "confirm", "Somebody", "deed", "unlock", "id", string(plain.ID), "requirement", "organization", "user", plain.Login, "role", "helpdesk",
				"session", string(plain.Sessions()[0].ID), "browser", "br_1", "parent", string(o.huber.ID), "kind", "unit", "reason", "x", "version", "1", "base", "helpdesk", "rights", "people.view", "set", "requirement", "has", "requirement")
			if a.Status < 400 && path != "/admin/acting/end" {
				t.Errorf("%s by who may only look: %d to %q, page %q", path, a.Status, a.Location, a.Page())
			}
		}
		if plain.User().Version != before || len(plain.Sessions()) == 0 {
			t.Error("one of them did something")
		}
		// The first line sees people and helps them, and nothing else.
		help := o.in(h.Enrolled(o.huber, "heidi@huber.example", core.Helpdesk))
		o.want(help.Get(tenant(o.huber, "/users")), http.StatusOK, "users")
		a := o.want(help.Get(person(plain, "")), http.StatusOK, "person")
		o.hides(a, person(plain, "/disable"), person(plain, "/edit"), person(plain, "/delete"))
		for _, path := range []string{tenant(o.huber, "/security"), tenant(o.huber, "/audit"), tenant(o.huber, "/security/locks"), tenant(o.huber, "/users/invite"), person(plain, "/disable"), "/admin/tenants/new?parent=" + string(o.huber.ID)} {
			if a := help.Get(path); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
				t.Errorf("%s by the first line: %d %q", path, a.Status, a.Fault())
			}
		}
		// And nothing leads them to a page that is closed to them.
		for _, path := range []string{"/admin/", tenant(o.huber, "/users"), person(plain, "")} {
			each(parse(help.Get(path).Body), func(n *htmlNode) {
				if to := attr(n, "href"); n.Data == "a" && strings.HasPrefix(to, "/") {
					if a := help.Follow(help.Get(to)); a.Status != http.StatusOK {
						t.Errorf("%s leads to %s: %d %q", path, to, a.Status, a.Fault())
					}
				}
			})
		}
	})
}

// ACR-02: whoever administers an organisation that is locked on has a second factor,
// also when their own organisation asks for none and the shell gave them the role.
func TestRolesWhereMFAIsLockedOnAskForAFactorACR02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		free := h.Organisation("Free", "", `{"requirement":[]}`)
		nina := h.Person(free, "nina@free.example")
		if err := h.Directory.GrantRole(t.Context(), nina.ID, core.PartnerAdmin, o.partner.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		r := o.in(nina)
		a := o.refused(r.Get(tenant(o.partner, "")), http.StatusForbidden, "error", "role.enrol_first")
		if !strings.Contains(a.Text(), "Nordwind") {
			t.Errorf("the page says %s", a.Text())
		}
		// A right at home opens the console, and not the partner.
		if err := h.Directory.GrantRole(t.Context(), nina.ID, core.CustomerAdmin, free.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		o.want(r.Get(tenant(free, "")), http.StatusOK, "tenant")
		o.refused(r.Get(tenant(o.partner, "")), http.StatusNotFound, "error", "not_found")
		// With a factor it opens.
		otto := h.Enrolled(free, "otto@free.example", core.CustomerAdmin)
		if err := h.Directory.GrantRole(t.Context(), otto.ID, core.PartnerAdmin, o.partner.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		o.want(o.in(otto).Get(tenant(o.partner, "")), http.StatusOK, "tenant")
	})
}
