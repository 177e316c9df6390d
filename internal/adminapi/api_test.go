package adminapi_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/adminapi"
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
	"sallyport/pkg/sallyport"
)

const me = "/api/v1/me"

// basic asks with a login and a password.
func basic(r *house.Raw, login, password string) house.Answer {
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login+":"+password)))
	return r.Get(me)
}

func problem(t *testing.T, a house.Answer) adminapi.Problem {
	t.Helper()
	var p adminapi.Problem
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
		t.Fatalf("no problem: %v\n%s", err, a.Body)
	}
	if a.Header.Get("Content-Type") != "application/problem+json" || p.Status != a.Status || p.Type != "urn:sallyport:problem:"+p.Code || p.Title == "" || p.Detail == "" || p.Request == "" {
		t.Errorf("status %d, %q: %+v", a.Status, a.Header.Get("Content-Type"), p)
	}
	return p
}

// service makes a service account of somebody.
func service(h *house.House, p *house.Person, facts core.Service) *house.Person {
	h.T.Helper()
	h.Change(p.Tenant, func(tx store.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		u.Kind = core.ServiceAccount
		facts.User, facts.Owner, facts.Reason, facts.CreatedAt = p.ID, p.ID, "nightly backup", tx.Now()
		return errors.Join(tx.UpdateUser(u), tx.SaveService(facts), tx.Changed(core.ChangeUser, string(p.ID)))
	})
	h.Settle()
	return p
}

func change(h *house.House, p *house.Person, fn func(*core.User)) *house.Person {
	h.Change(p.Tenant, func(tx store.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		fn(&u)
		return tx.UpdateUser(u)
	})
	return p
}

// Rows ACR-19, ACR-21, ACR-23 and decision 7.17: Basic authentication is for
// service accounts, whatever is required of people.
func TestServiceAccountsComeWithAPassword(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "managed-tenants", "")
		till := h.Clock.Now().Add(48 * time.Hour)
		p := service(h, h.Enrolled(org, "backup@example.com", core.Auditor), core.Service{ExpiresAt: till, Networks: []string{"192.0.2.0/24"}})
		before := len(p.Sessions())
		r := h.Raw("192.0.2.9")
		a := basic(r, p.Login, p.Password)
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/json" || len(a.Set) > 0 {
			t.Fatalf("status %d, cookies %v: %s", a.Status, a.Set, a.Body)
		}
		var got sallyport.Account
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
			t.Fatal(err)
		}
		if got.ID != string(p.ID) || got.Login != p.Login || got.Kind != "service_account" || got.MFAStatus != "service_account" || got.Tenant.ID != string(org.ID) ||
			got.Tenant.Name != "Huber" || got.Tenant.Kind != "customer" || got.Organisation != got.Tenant || len(got.Roles) != 1 || got.Roles[0] != (sallyport.RoleHeld{Role: "auditor", Tenant: string(org.ID)}) ||
			got.ExpiresAt == nil || !got.ExpiresAt.Equal(till.Truncate(time.Microsecond)) {
			t.Errorf("%+v", got)
		}
		if n := len(p.Sessions()) - before; n != 0 {
			t.Errorf("%d sessions came of it", n)
		}
		// The last use is written, at most once an hour.
		used := func() (at time.Time) {
			h.View(p.Tenant, func(rd store.Reader) error {
				s, err := rd.Service(p.ID)
				at = s.LastUsedAt
				return err
			})
			return at
		}
		first := used()
		if first.IsZero() {
			t.Error("the last use is not written")
		}
		h.Clock.Advance(59 * time.Minute)
		if basic(r, p.Login, p.Password).Status != http.StatusOK || !used().Equal(first) {
			t.Error("written again within the hour")
		}
		h.Clock.Advance(time.Minute)
		if basic(r, p.Login, p.Password).Status != http.StatusOK || used().Equal(first) {
			t.Error("not written after an hour")
		}
		if n := p.Names()["service_account.used"]; n != 2 {
			t.Errorf("%d rows", n)
		}
		// A success forgets the failures before it.
		for range 3 {
			basic(r, p.Login, "wrong")
		}
		if b := p.Budget("password"); b.Failures != 3 {
			t.Errorf("%d failures", b.Failures)
		}
		if basic(r, p.Login, p.Password).Status != http.StatusOK || !p.Budget("password").Clean() {
			t.Errorf("after a success %+v", p.Budget("password"))
		}
		// It never signs in to pages.
		if a := p.Knock(h.Raw("192.0.2.9")); a.In() || a.Fault() != core.ErrRefused.Code {
			t.Errorf("at the door: to %q, fault %q", a.Location, a.Fault())
		}
		// From outside its networks, and after its time, it is refused as anybody is.
		if a := basic(h.Raw("198.51.100.9"), p.Login, p.Password); a.Status != http.StatusUnauthorized || problem(t, a).Code != core.ErrRefused.Code {
			t.Errorf("from outside: status %d", a.Status)
		}
		h.Clock.Advance(48 * time.Hour)
		if a := basic(r, p.Login, p.Password); a.Status != http.StatusUnauthorized || problem(t, a).Code != core.ErrRefused.Code {
			t.Errorf("after its time: status %d", a.Status)
		}
	})
}

// Decision 7.17: a person's right password is told mfa.required whatever their
// status, everything else is one answer in the same words, and both spend the
// password's budget.
func TestNobodyElseComesWithAPassword(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		due := h.Organisation("Due", "self-service", `{"new_user_window":{"days":0}}`)
		owing := h.Person(due, "owing@example.com")
		h.Settings(due.ID, `{"requirement":["organization"]}`)
		fenced := h.Organisation("Fenced", "self-service", "")
		program := service(h, h.Person(fenced, "fenced@example.com"), core.Service{})
		h.Settings(fenced.ID, `{"login_networks":["192.0.2.0/24"]}`)
		invited, _ := h.Invite(org, "pending@example.com")
		off := h.Person(org, "off@example.com")
		if err := h.Directory.Disable(t.Context(), off.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		away := change(h, h.Person(org, "away@example.com"), func(u *core.User) { u.Federated = true })
		lost := service(h, h.Person(org, "lost@example.com"), core.Service{})
		h.Change(lost.Tenant, func(tx store.Tx) error { return tx.DropService(lost.ID) })
		nowhere := service(h, h.Person(org, "nowhere@example.com"), core.Service{Networks: []string{"ten"}})
		var same string
		for _, c := range []struct {
			name, login, password, code string
			spends                      *house.Person
		}{
			{"a person without a factor", h.Person(org, "anna@example.com").Login, house.Password, "mfa.required", nil},
			{"a person with one", h.Enrolled(org, "berta@example.com").Login, house.Password, "mfa.required", nil},
			{"a person who owes one", owing.Login, house.Password, "mfa.required", owing},
			{"a wrong password", "berta@example.com", "never the right words", "sign_in.refused", nil},
			{"an unknown login", "nobody@example.com", house.Password, "sign_in.refused", nil},
			{"no login", "", "", "sign_in.refused", nil},
			{"a password longer than any", "anna@example.com", strings.Repeat("x", 2000), "sign_in.refused", nil},
			{"pending", invited.Login, house.Password, "sign_in.refused", nil},
			{"disabled", off.Login, off.Password, "sign_in.refused", off},
			{"federated", away.Login, away.Password, "sign_in.refused", away},
			{"a program from outside its organisation's networks", program.Login, program.Password, "sign_in.refused", program},
			{"a program that nothing is known about", lost.Login, lost.Password, "sign_in.refused", lost},
			{"a program whose networks nobody can read", nowhere.Login, nowhere.Password, "sign_in.refused", nowhere},
		} {
			a := basic(h.Raw("198.51.100.9"), c.login, c.password)
			p := problem(t, a)
			if a.Status != http.StatusUnauthorized || p.Code != c.code || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") || len(a.Set) > 0 {
				t.Errorf("%s: status %d, code %q, cookies %v", c.name, a.Status, p.Code, a.Set)
			}
			if c.spends != nil && c.spends.Budget("password").Failures != 1 {
				t.Errorf("%s: %d failures are counted", c.name, c.spends.Budget("password").Failures)
			}
			if c.code != "sign_in.refused" {
				continue
			}
			p.Request = ""
			if b, _ := json.Marshal(p); same == "" {
				same = string(b)
			} else if same != string(b) {
				t.Errorf("%s answers otherwise: %s", c.name, b)
			}
		}
		for name, header := range map[string]string{"no credentials": "", "another scheme": "Digest abc", "rubbish": "Basic %%%", "no colon": "Basic " + base64.StdEncoding.EncodeToString([]byte("anna"))} {
			r := h.Raw("")
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			if a := r.Get(me); a.Status != http.StatusUnauthorized || problem(t, a).Code != "sign_in.refused" {
				t.Errorf("%s: status %d", name, a.Status)
			}
		}
		// Right passwords of a person lock as wrong ones do, and not in their own browser.
		q := h.Person(org, "carla@example.com")
		own := h.Raw("10.0.0.1")
		q.Enter(own)
		for i := range 10 {
			if a := basic(h.Raw("10.0.0.2"), q.Login, q.Password); problem(t, a).Code != "mfa.required" {
				t.Errorf("request %d: %s", i, a.Body)
			}
		}
		if a := basic(h.Raw("10.0.0.2"), q.Login, q.Password); problem(t, a).Code != "sign_in.refused" || !q.Budget("password").Locked(h.Clock.Now()) {
			t.Errorf("after ten: %s", a.Body)
		}
		if a := q.Knock(h.Raw("10.0.0.3")); a.Fault() != core.ErrRefused.Code {
			t.Errorf("a stranger at the door: to %q", a.Location)
		}
		q.Enter(own.Plant("sallyport", ""))
		if n := q.Names()["signin.failed person_at_basic"]; n != 10 {
			t.Errorf("%d rows say why", n)
		}
		// A suspended tenant's programs are out as well.
		stopped := h.Organisation("Stopped", "self-service", "")
		s := service(h, h.Person(stopped, "stopped@example.com"), core.Service{})
		h.Change(stopped.ID, func(tx store.Tx) error {
			at, err := tx.Tenant()
			if err != nil {
				return err
			}
			at.State = core.TenantSuspended
			return errors.Join(tx.UpdateTenant(at), tx.Changed(core.ChangeTenant, string(at.ID)))
		})
		h.Settle()
		if a := basic(h.Raw(""), s.Login, s.Password); problem(t, a).Code != "sign_in.refused" || s.Budget("password").Failures != 1 {
			t.Errorf("suspended: %s", a.Body)
		}
	})
}

// What is not there answers in the face's own form, and in the language that was
// asked for.
func TestProblems(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		for _, c := range []struct {
			method, path string
			status       int
			code         string
		}{
			{"GET", "/api/v1/nothing", http.StatusNotFound, "not_found"},
			{"GET", "/api/", http.StatusNotFound, "not_found"},
			{"POST", "/api/v1/me", http.StatusMethodNotAllowed, "method.not_allowed"},
			{"DELETE", "/api/v1/me", http.StatusMethodNotAllowed, "method.not_allowed"},
			{"PUT", "/api/v2/me", http.StatusNotFound, "not_found"},
		} {
			a := h.Raw("").Do(c.method, c.path, "", "")
			if p := problem(t, a); a.Status != c.status || p.Code != c.code || (c.status == http.StatusMethodNotAllowed) != (a.Header.Get("Allow") != "") {
				t.Errorf("%s %s: status %d, %+v", c.method, c.path, a.Status, p)
			}
		}
		r := h.Raw("")
		r.Header.Set("Accept-Language", "de")
		if p := problem(t, r.Get(me)); !strings.Contains(p.Detail, "einige Minuten") {
			t.Errorf("in German: %q", p.Detail)
		}
		// Many failures from one network are told to wait, before anything is looked up.
		limited := 0
		for range 310 {
			a := basic(h.Raw("203.0.113.5"), "nobody@example.com", "x")
			if a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "" && problem(t, a).Code == "rate.limited" {
				limited++
			}
		}
		if limited == 0 {
			t.Error("no limit on a source that fails on and on")
		}
	})
}
