package console_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// ACR-09, ACR-25: while MFA is off for an organisation nobody is shown a status;
// while it is on the counts stand above the table, and each is a filter.
func TestStatusIsShownWhileMFAIsOnACR09(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		quiet := h.Organisation("Quiet", "", "")
		boss, shy := h.Enrolled(quiet, "boss@quiet.example", core.CustomerAdmin), h.Person(quiet, "shy@quiet.example")
		off := o.want(o.in(boss).Get(tenant(quiet, "/users")), http.StatusOK, "users")
		o.shows(off, boss.Login, shy.Login)
		if off.Of("data-status") != "" || strings.Contains(off.Body, "status=setup_required") {
			t.Error("a status while MFA is off")
		}
		for _, row := range table(t, o.in(boss).Get(tenant(quiet, "/users?format=csv")).Body) {
			if row["mfa_status"] != "" {
				t.Errorf("the file tells the status: %v", row)
			}
		}

		strict := h.Organisation("Strict", "", `{"requirement":["organization"]}`)
		o.tom, o.huber = h.Enrolled(strict, "tina@strict.example", core.CustomerAdmin), strict
		plain := h.Person(strict, "plain@huber.example")
		r, users := o.in(o.tom), tenant(strict, "/users")
		h.Invite(o.huber, "new@huber.example")
		on := o.want(r.Get(users), http.StatusOK, "users")
		if got := on.All("data-status"); len(got) == 0 {
			t.Error("no status while MFA is on")
		}
		o.shows(on, plain.Login, "new@huber.example")
		for status, who := range map[core.MFAStatus]string{core.MFAEnabled: o.tom.Login, core.MFASetupRequired: plain.Login, core.MFAPendingValidation: "new@huber.example"} {
			if !strings.Contains(on.Body, "status="+string(status)) {
				t.Errorf("no filter for %s", status)
			}
			a := o.want(r.Get(users+"?status="+string(status)), http.StatusOK, "users")
			for _, login := range []string{o.tom.Login, plain.Login, "new@huber.example"} {
				if strings.Contains(said(a), login) != (login == who) {
					t.Errorf("%s: %s shown %v", status, login, login != who)
				}
			}
			// The same view as files, at the address of the page.
			rows := table(t, r.Get(users+"?format=csv&status="+string(status)).Body)
			if len(rows) != 1 || rows[0]["login"] != who || rows[0]["mfa_status"] != string(status) {
				t.Errorf("%s as a table: %v", status, rows)
			}
			var doc struct {
				Items []struct {
					Login  string `json:"login"`
					Status string `json:"mfa_status"`
				} `json:"items"`
			}
			j := r.Get(users + "?format=json&status=" + string(status))
			if err := json.Unmarshal([]byte(j.Body), &doc); err != nil || len(doc.Items) != 1 || doc.Items[0].Login != who || doc.Items[0].Status != string(status) {
				t.Errorf("%s as JSON: %v, %s", status, err, j.Body)
			}
			if !strings.HasPrefix(j.Header.Get("Content-Type"), "application/json") || !strings.Contains(j.Header.Get("Content-Disposition"), "attachment") {
				t.Errorf("headers of the file: %v", j.Header)
			}
		}
		o.refused(r.Get(users+"?status=brave"), http.StatusUnprocessableEntity, "users", "form.invalid")
		o.refused(r.Get(users+"?cursor=%21"), http.StatusUnprocessableEntity, "users", "form.invalid")
		if a := r.Get(users + "?format=xls"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("a format that is none: %d", a.Status)
		}
		o.shows(r.Get(users+"?q=plain"), plain.Login)
		o.hides(r.Get(users+"?q=plain"), o.tom.Login+"<")
	})
}

func table(t *testing.T, body string) (out []map[string]string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%v: %q", err, body)
	}
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// A file has everybody, once, however many pages they fill, and no name in it is a
// formula to the program that opens it.
func TestFilesHaveEverybody(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		for i := range 130 {
			name := fmt.Sprintf("Person %03d", i)
			if i == 7 {
				name = `=HYPERLINK("https://evil.example","x")`
			}
			if _, err := h.Directory.Invite(t.Context(), directory.NewUser{Tenant: o.huber.ID, Email: fmt.Sprintf("p%03d@huber.example", i), Name: name}, system, core.Client{}); err != nil {
				t.Fatal(err)
			}
		}
		r := o.in(o.tom)
		rows := table(t, r.Get(tenant(o.huber, "/users?format=csv")).Body)
		seen := map[string]bool{}
		for _, row := range rows {
			seen[row["login"]] = true
			if strings.ContainsAny(row["name"][:1], "=+-@") {
				t.Errorf("a formula: %q", row["name"])
			}
		}
		if len(rows) != 131 || len(seen) != 131 {
			t.Errorf("%d lines of %d people", len(rows), len(seen))
		}
		if rows := table(t, r.Get(tenant(o.huber, "/users?format=csv&q=p00")).Body); len(rows) != 10 {
			t.Errorf("%d of a filtered view of 10", len(rows))
		}
	})
}

// Somebody is invited with a role that the inviter may give, and no other.
func TestInvitingOnThePageAIR12(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.tom)
		invite := tenant(o.huber, "/users/invite")
		form := o.want(r.Get(invite), http.StatusOK, "invite")
		o.hides(form, `value="partner_admin"`, `value="platform_admin"`)
		o.refused(o.send(r, form, invite, "name", "", "email", "x@huber.example"), http.StatusUnprocessableEntity, "invite", "name.invalid")
		o.refused(o.send(r, form, invite, "name", "Xaver", "email", "nothing"), http.StatusUnprocessableEntity, "invite", "email.invalid")
		o.refused(o.send(r, form, invite, "name", "Xaver", "email", o.tom.Login), http.StatusUnprocessableEntity, "invite", "user.login_taken")
		if a := o.send(r, form, invite, "name", "Xaver", "email", "x@huber.example", "role", "platform_admin"); a.Status < 400 {
			t.Errorf("a role above one's own: to %q", a.Location)
		}
		a := o.send(r, form, invite, "name", "Xaver", "email", "x@huber.example", "role", "helpdesk")
		if !strings.HasSuffix(a.Location, "?done=invited") {
			t.Fatalf("to %q, fault %q", a.Location, a.Fault())
		}
		page := o.want(r.Get(a.Location), http.StatusOK, "person")
		o.shows(page, "Xaver", "x@huber.example")
		first := h.Link("x@huber.example", "/invitation/")
		// Invited again, the old link is dead and the new one works.
		h.Clock.Advance(10 * time.Minute)
		again := strings.TrimSuffix(a.Location, "?done=invited") + "/reinvite"
		form = o.want(r.Get(again), http.StatusOK, "person-reinvite")
		o.went(o.send(r, form, again), strings.TrimSuffix(again, "/reinvite")+"?done=person_reinvited")
		if a := h.Raw("").Get(first); a.Fault() == "" && a.Page() == "invitation" {
			t.Errorf("the old link still opens %q", a.Page())
		}
	})
}

// From above only an administrator who is missing is invited, and that is all.
func TestTheFirstAdministratorIsInvitedFromAbove(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		r := o.in(o.vera)
		page := o.want(r.Get(tenant(o.self, "")), http.StatusOK, "tenant")
		if !strings.Contains(page.Body, tenant(o.self, "/users/invite")) {
			t.Fatal("no way to invite the first administrator")
		}
		invite := tenant(o.self, "/users/invite")
		form := o.want(r.Get(invite), http.StatusOK, "invite")
		o.hides(form, `value="helpdesk"`)
		o.went(o.send(r, form, invite, "name", "Otto", "email", "otto@schmidt.example", "role", "customer_admin"), tenant(o.self, "?done=invited"))
		if h.Link("otto@schmidt.example", "/invitation/") == "" {
			t.Error("no invitation")
		}
		// Where one can sign in, nobody is invited from above, and no people are seen.
		o.want(r.Get(tenant(o.huber, "/users/invite")), http.StatusForbidden, "error")
		for _, path := range []string{"/users", "/audit", "/roles", "/service-accounts"} {
			if a := r.Get(tenant(o.huber, path)); a.Status < 400 {
				t.Errorf("%s from above: %d", path, a.Status)
			}
		}
		o.want(r.Get(person(o.tom, "")), http.StatusNotFound, "error")
	})
}

// Many at once: who can be helped is, and the page says of the others why not.
func TestManyAtOnce(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		a, b := h.Enrolled(o.huber, "a@huber.example"), h.Enrolled(o.huber, "b@huber.example")
		c := h.Enrolled(o.huber, "c@huber.example", core.CustomerAdmin)
		r := o.in(o.tom)
		list := o.want(r.Get(tenant(o.huber, "/users")), http.StatusOK, "users")
		bulk := tenant(o.huber, "/users/bulk")
		if !strings.Contains(list.Body, bulk) {
			t.Fatal("no way to many at once")
		}
		o.refused(r.Get(bulk+"?deed=reset-mfa"), http.StatusUnprocessableEntity, "users", "bulk.nobody")
		o.refused(r.Get(bulk+"?deed=promote&id="+string(a.ID)), http.StatusUnprocessableEntity, "users", "form.invalid")
		o.want(r.Get(bulk+"?deed=reset-mfa&id="+string(a.ID)+"&id="+string(o.vera.ID)), http.StatusNotFound, "error")

		ask := bulk + "?deed=reset-mfa&id=" + string(a.ID) + "&id=" + string(b.ID)
		form := o.want(r.Get(ask), http.StatusOK, "users-bulk")
		o.later()
		stale := o.refused(o.send(r, form, bulk), http.StatusUnprocessableEntity, "users-bulk", "step_up.required")
		if !fields(stale)["code"] || a.Status() != core.MFAEnabled {
			t.Error("no proof was asked for")
		}
		o.refused(o.send(r, stale, bulk, "code", o.tom.Wrong()), http.StatusUnprocessableEntity, "users-bulk", "factor.code_mismatch")
		o.went(o.send(r, stale, bulk, "code", o.tom.Fresh()), tenant(o.huber, "/users?done=bulk_done"))
		if a.Status() == core.MFAEnabled || b.Status() == core.MFAEnabled || c.Status() != core.MFAEnabled {
			t.Errorf("%s, %s, %s", a.Status(), b.Status(), c.Status())
		}
		// One of two can be done: the other has been here.
		late, _ := h.Invite(o.huber, "late@huber.example")
		h.Clock.Advance(10 * time.Minute)
		form = o.want(r.Get(bulk+"?deed=reinvite&id="+string(late.ID)+"&id="+string(a.ID)), http.StatusOK, "users-bulk")
		part := o.refused(o.send(r, form, bulk), http.StatusUnprocessableEntity, "users-bulk", "bulk.partly")
		o.shows(part, a.Login)
		o.hides(part, string(late.ID))
		o.went(o.send(r, o.want(r.Get(bulk+"?deed=disable&id="+string(a.ID)+"&id="+string(b.ID)), http.StatusOK, "users-bulk"), bulk), tenant(o.huber, "/users?done=bulk_done"))
		if a.User().State != core.UserDisabled || b.User().State != core.UserDisabled {
			t.Errorf("%s and %s", a.User().State, b.User().State)
		}
	})
}

// Whoever sees an organisation from above sees how many people it has and not who they
// are: the page says that acting is the way, with the link where that is open, and else
// who can open it.
func TestPeopleSeenFromAbove(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		h.Enrolled(o.self, "eva@schmidt.example", core.CustomerAdmin)
		south := o.unit("South")
		r := o.in(o.vera)
		for _, at := range []core.Tenant{o.huber, south} {
			page := o.want(r.Get(tenant(at, "/users")), http.StatusForbidden, "users-above")
			o.shows(page, "who they are is their own administrators", "Support access is open")
			o.hides(page, o.tom.Login)
			if !strings.Contains(page.Body, `href="`+tenant(o.huber, "/act")+`"`) {
				t.Errorf("%s: no link to act", at.Name)
			}
		}
		closed := o.want(r.Get(tenant(o.self, "/users")), http.StatusForbidden, "users-above")
		o.shows(closed, "support access is closed", "an administrator of Schmidt KG can open it")
		o.hides(closed, `/act"`, "eva@schmidt")
		// The file of it is refused, and the platform meets the partner's closed door.
		o.refused(r.Get(tenant(o.huber, "/users?format=csv")), http.StatusForbidden, "error", "forbidden")
		root := o.in(h.Enrolled(h.Root, "root@platform.example", core.PlatformAdmin))
		o.shows(o.want(root.Get(tenant(o.huber, "/users")), http.StatusForbidden, "users-above"), "an administrator of Nordwind can open it")
	})
}

// What an auditor may do to nobody is not offered, and its page does not open.
func TestNobodyIsOfferedWhatTheyMayNot(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := newOffice(t, h)
		anna := h.Person(o.huber, "anna@huber.example")
		auditor := o.in(h.Enrolled(o.huber, "audit@huber.example", core.Auditor))
		bulk := tenant(o.huber, "/users/bulk")
		o.hides(o.want(auditor.Get(tenant(o.huber, "/users")), http.StatusOK, "users"), `name="deed"`, `type="checkbox"`)
		for _, deed := range []string{"unlock", "reset-mfa", "disable", "nonsense", ""} {
			o.want(auditor.Get(bulk+"?deed="+deed+"&id="+string(anna.ID)), http.StatusForbidden, "error")
			if a := auditor.Post(bulk, "deed", deed, "id", string(anna.ID)); a.Status != http.StatusForbidden || a.Page() != "error" {
				t.Errorf("%q: status %d, page %q", deed, a.Status, a.Page())
			}
		}
		// First line unlocks and does not disable.
		help := o.in(h.Enrolled(o.huber, "help@huber.example", core.Helpdesk))
		o.want(help.Get(bulk+"?deed=unlock&id="+string(anna.ID)), http.StatusOK, "users-bulk")
		o.want(help.Get(bulk+"?deed=disable&id="+string(anna.ID)), http.StatusForbidden, "error")
	})
}
