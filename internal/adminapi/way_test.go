package adminapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/adminapi"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
	"sallyport/pkg/sallyport"
)

// What is not known is refused by its name, and nothing of it is done.
func TestBodiesAndAddressesAreRead(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		p := programOf(h, org, "tool@example.com", core.CustomerAdmin, org)
		users, at := "/tenants/"+string(org.ID)+"/users", "/tenants/"+string(org.ID)
		for _, c := range []struct {
			method, path, body, code, field string
			status                          int
		}{
			{"POST", users, `{"email":"a@example.com","name":"A","colour":"red"}`, "api.field_unknown", "colour", 422},
			{"POST", users, `{"Email":"a@example.com","name":"A"}`, "api.field_unknown", "Email", 422},
			{"POST", users, `{"email":"a@example.com"}`, "api.field_missing", "name", 422},
			{"POST", users, `{"email":7,"name":"A"}`, "api.field_invalid", "email", 422},
			{"POST", users, `{"email":null,"name":"A"}`, "api.field_invalid", "email", 422},
			{"POST", users, `{"email":"a@example.com","name":"A","locale":"tlh"}`, "api.field_invalid", "locale", 422},
			{"POST", users, `{"email":"a@example.com","name":"A","roles":"helpdesk"}`, "api.field_invalid", "roles", 422},
			{"POST", users, `{"email":"a@example.com","name":"A","name":"B"}`, "api.field_twice", "name", 422},
			{"POST", users, `{"email":"a@example.com","name":"A"`, "api.body_invalid", "", 400},
			{"POST", users, `{"email":"a@example.com","name":"A"} {}`, "api.body_invalid", "", 400},
			{"POST", users, `[]`, "api.body_invalid", "", 400},
			{"POST", users, `null`, "api.body_invalid", "", 400},
			{"PUT", at + "/mfa", `{"requirement":["everybody"]}`, "api.field_invalid", "requirement", 422},
			{"PUT", at + "/mfa", `{}`, "api.field_missing", "requirement", 422},
			{"PUT", at + "/settings", `{"colour":"red"}`, "settings.invalid", "colour", 422},
			{"PUT", at + "/settings", `[]`, "api.field_invalid", "", 422},
			{"POST", "/users/us_none/unlock", `{"now":true}`, "api.no_body", "", 422},
			{"GET", "/tenants?colour=red", "", "api.field_unknown", "colour", 422},
			{"GET", "/tenants?kind=planet", "", "api.field_invalid", "kind", 422},
			{"GET", "/tenants?limit=0", "", "api.field_invalid", "limit", 422},
			{"GET", "/tenants?limit=201", "", "api.field_invalid", "limit", 422},
			{"GET", "/tenants?limit=many", "", "api.field_invalid", "limit", 422},
			{"GET", "/tenants?name=a&name=b", "", "api.field_twice", "name", 422},
			{"GET", "/audit?since=yesterday", "", "api.field_invalid", "since", 422},
			{"POST", users + "?dry_run=perhaps", `{"email":"a@example.com","name":"A"}`, "api.field_invalid", "dry_run", 422},
		} {
			p.do(c.method, c.path, c.body).no(c.status, c.code, c.field)
		}
		p.do("POST", users, `{"email":"a@example.com","name":"A"}`, "Content-Type", "text/plain").no(415, "api.media_type", "")
		p.do("POST", users, `{"name":"`+strings.Repeat("x", 2<<20)+`"}`).no(413, "form.too_large", "")
		if list := ok[sallyport.Page[sallyport.User]](p.do("GET", users, ""), 200); len(list.Items) != 1 {
			t.Errorf("one of them made somebody: %+v", list)
		}
		a := p.do("DELETE", "/me", "")
		if a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%d, Allow %q", a.Status, a.Header.Get("Allow"))
		}
	})
}

// A change is held to the version that was looked at, in the transaction that makes it:
// of many that looked at the same one, one goes through.
func TestIfMatch(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		p := programOf(h, org, "tool@example.com", core.CustomerAdmin, org)
		at := "/tenants/" + string(org.ID)
		tag := p.do("GET", at, "").Header.Get("ETag")
		if tag == "" {
			t.Fatal("no ETag")
		}
		const many = 6
		var done, stale atomic.Int64
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				switch r := p.do("PATCH", at, fmt.Sprintf(`{"name":"Name %d"}`, i), "If-Match", tag); r.Status {
				case 200:
					done.Add(1)
				case 412:
					stale.Add(1)
				default:
					t.Errorf("%d %s", r.Status, r.Body)
				}
			})
		}
		all.Wait()
		if done.Load() != 1 || stale.Load() != many-1 {
			t.Errorf("%d went through, %d were stale", done.Load(), stale.Load())
		}
		p.do("PUT", at+"/settings", `{"invitation_days":3}`, "If-Match", tag).no(412, "form.stale", "")
		p.do("PATCH", at, `{"name":"Never"}`, "If-Match", `W/"1"`).no(412, "form.stale", "")
		now := p.do("GET", at+"/settings", "").Header.Get("ETag")
		ok[sallyport.Settings](p.do("PUT", at+"/settings", `{"invitation_days":3}`, "If-Match", now), 200)
		ok[sallyport.Tenant](p.do("PATCH", at, `{"name":"Any"}`, "If-Match", "*"), 200)
		who := h.Person(org, "anna@example.com")
		mine := p.do("GET", "/users/"+string(who.ID), "").Header.Get("ETag")
		ok[sallyport.UserDetail](p.do("PATCH", "/users/"+string(who.ID), `{"name":"B"}`, "If-Match", mine), 200)
		p.do("PATCH", "/users/"+string(who.ID), `{"name":"C"}`, "If-Match", mine).no(412, "form.stale", "")
		p.do("POST", "/tenants", `{"parent":"`+string(org.ID)+`","kind":"unit","name":"X"}`, "If-Match", now).no(422, "api.no_if_match", "")
	})
}

// The same request with the same key is done once and answered alike, whichever node or
// process is asked and however many ask at once; another request with it is refused.
func TestIdempotencyKeys(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		p := programOf(h, org, "tool@example.com", core.CustomerAdmin, org)
		users := "/tenants/" + string(org.ID) + "/users"
		const body = `{"email":"new@example.com","name":"New"}`
		var made, running atomic.Int64
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				switch r := p.do("POST", users, body, "Idempotency-Key", "one"); {
				case r.Status == 201:
					made.Add(1)
				case r.Status == 409 && strings.Contains(r.Body, "idempotency.running"):
					running.Add(1)
				default:
					t.Errorf("%d %s", r.Status, r.Body)
				}
			})
		}
		all.Wait()
		if made.Load() < 1 || made.Load()+running.Load() != 6 {
			t.Errorf("%d made, %d told to wait", made.Load(), running.Load())
		}
		again := p.do("POST", users, body, "Idempotency-Key", "one")
		u := ok[sallyport.Invited](again, 201)
		if again.Header.Get("Idempotency-Replayed") != "true" || again.Header.Get("Location") != "/api/v1/users/"+u.ID || again.Header.Get("ETag") == "" {
			t.Errorf("%v", again.Header)
		}
		if n := len(ok[sallyport.Page[sallyport.User]](p.do("GET", users, ""), 200).Items); n != 2 {
			t.Errorf("%d people", n)
		}
		p.do("POST", users, `{"email":"other@example.com","name":"New"}`, "Idempotency-Key", "one").no(422, "idempotency.key_reused", "Idempotency-Key")
		p.do("POST", "/users/"+u.ID+"/invite", "", "Idempotency-Key", "one").no(422, "idempotency.key_reused", "")
		// Somebody else's key is another.
		q := programOf(h, org, "other-tool@example.com", core.CustomerAdmin, org)
		q.do("POST", users, body, "Idempotency-Key", "one").no(409, "user.login_taken", "")
		// A refusal did nothing, so it may be tried again.
		p.do("POST", users, `{"email":"tool@example.com","name":"Taken"}`, "Idempotency-Key", "two").no(409, "user.login_taken", "")
		ok[sallyport.Invited](p.do("POST", users, `{"email":"third@example.com","name":"Third"}`, "Idempotency-Key", "two"), 201)
		p.do("POST", users, body, "Idempotency-Key", "käse").no(422, "api.field_invalid", "Idempotency-Key")
		// What is shown once is sealed where it is kept.
		app := `{"tenant":"` + string(org.ID) + `","name":"Wiki","settings":{"redirect_uris":["https://wiki.example/back"]}}`
		first := ok[sallyport.App](p.do("POST", "/apps", app, "Idempotency-Key", "app"), 201)
		if second := ok[sallyport.App](p.do("POST", "/apps", app, "Idempotency-Key", "app"), 201); second.Secret != first.Secret || second.ID != first.ID || first.Secret == "" {
			t.Errorf("%+v, then %+v", first, second)
		}
		// It is forgotten after a day.
		h.Clock.Advance(24*time.Hour + time.Minute)
		p.do("POST", users, body, "Idempotency-Key", "one").no(409, "user.login_taken", "")
		if n, err := h.Store.Sweep(t.Context(), h.Clock.Now().Add(25*time.Hour), 1000); err != nil || n == 0 {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}

// Whoever was broken off in the middle is told so: nobody does it a second time unasked.
func TestARequestThatWasBrokenOff(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		p := programOf(h, org, "tool@example.com", core.CustomerAdmin, org)
		users := "/tenants/" + string(org.ID) + "/users"
		const body = `{"email":"new@example.com","name":"New"}`
		ok[sallyport.Invited](p.do("POST", users, body, "Idempotency-Key", "one"), 201)
		mark := adminapi.Mark(adminapi.CallerService, "", string(p.p.ID), "one")
		h.Change(org.ID, func(tx store.Tx) error {
			r, err := tx.Reply(mark)
			if err != nil {
				return err
			}
			if err := tx.DropReply(mark); err != nil {
				return err
			}
			r.BusyUntil = tx.Now().Add(time.Minute)
			return tx.BeginReply(r)
		})
		p.do("POST", users, body, "Idempotency-Key", "one").no(409, "idempotency.running", "")
		h.Clock.Advance(2 * time.Minute)
		p.do("POST", users, body, "Idempotency-Key", "one").no(409, "idempotency.unknown", "")
	})
}

// Lists go on where they were, for the same question of the same caller alone.
func TestCursorsAreSealed(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		p := programOf(h, org, "tool@example.com", core.CustomerAdmin, org)
		q := programOf(h, org, "tool2@example.com", core.CustomerAdmin, org)
		for i := range 5 {
			h.Invite(org, fmt.Sprintf("p%d@example.com", i))
		}
		users := "/tenants/" + string(org.ID) + "/users"
		seen, cursor := map[string]bool{}, ""
		for range 10 {
			page := ok[sallyport.Page[sallyport.User]](p.do("GET", users+"?limit=2&cursor="+url.QueryEscape(cursor), ""), 200)
			for _, u := range page.Items {
				if seen[u.ID] {
					t.Errorf("%s came twice", u.Login)
				}
				seen[u.ID] = true
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
			if strings.Contains(cursor, "example") {
				t.Errorf("the cursor says who comes next: %s", cursor)
			}
		}
		if len(seen) != 7 || cursor != "" {
			t.Errorf("%d people, then %q", len(seen), cursor)
		}
		first := ok[sallyport.Page[sallyport.User]](p.do("GET", users+"?limit=2", ""), 200).NextCursor
		ok[sallyport.Page[sallyport.User]](p.do("GET", users+"?limit=3&cursor="+first, ""), 200)
		q.do("GET", users+"?limit=2&cursor="+first, "").no(422, "api.cursor_invalid", "cursor")
		p.do("GET", users+"?limit=2&search=p&cursor="+first, "").no(422, "api.cursor_invalid", "cursor")
		p.do("GET", "/tenants?cursor="+first, "").no(422, "api.cursor_invalid", "cursor")
		for _, bad := range []string{"x", first + "A", first[:len(first)-2], strings.Repeat("A", 4000)} {
			if r := p.do("GET", users+"?cursor="+bad, ""); r.Status != 422 {
				t.Errorf("%q: %d", bad, r.Status)
			}
		}
	})
}

// Each caller has a share of its own, and hears what is left of it.
func TestTheShareOfACaller(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		p := programOf(h, org, "tool@example.com", "", org)
		q := programOf(h, org, "tool2@example.com", "", org)
		for i := range 3 {
			r := p.do("GET", "/me", "")
			ok[sallyport.Account](r, 200)
			if r.Header.Get("RateLimit-Policy") != `"api";q=3;w=60` || !strings.HasPrefix(r.Header.Get("RateLimit"), fmt.Sprintf(`"api";r=%d;t=`, 2-i)) {
				t.Errorf("%q, %q", r.Header.Get("RateLimit-Policy"), r.Header.Get("RateLimit"))
			}
		}
		r := p.do("GET", "/me", "")
		if r.no(429, "api.rate_limited", ""); r.Header.Get("Retry-After") != "20" {
			t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
		}
		ok[sallyport.Account](q.do("GET", "/me", ""), 200)
		h.Clock.Advance(20 * time.Second)
		ok[sallyport.Account](p.do("GET", "/me", ""), 200)
	}, func(c *config.Config) { c.RateLimit.APIRequests = 3 })
}

// The document names every route, and the readable page every operation; both are for
// everybody, and the page has nothing from anywhere else.
func TestTheDocumentAndItsPage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		a := h.Raw("").Get("/api/v1/openapi.json")
		var doc struct {
			OpenAPI string                               `json:"openapi"`
			Paths   map[string]map[string]map[string]any `json:"paths"`
			Servers []struct{ URL string }               `json:"servers"`
		}
		if err := json.Unmarshal([]byte(a.Body), &doc); err != nil || a.Status != 200 || doc.OpenAPI != "3.1.0" || doc.Servers[0].URL != h.URL {
			t.Fatalf("%d %v %s", a.Status, err, doc.Servers)
		}
		ids := map[string]bool{}
		for path, item := range doc.Paths {
			for method, op := range item {
				ids[fmt.Sprint(op["operationId"])] = true
				found := false
				for _, row := range (&adminapi.Handler{}).Routes() {
					found = found || row.Pattern == strings.ToUpper(method)+" "+path
				}
				if !found {
					t.Errorf("%s %s is in the document and no route", method, path)
				}
			}
		}
		page := h.Raw("").Get("/api/docs")
		if page.Status != 200 || page.Page() != "api-docs" {
			t.Fatalf("%d %q", page.Status, page.Page())
		}
		for _, id := range (&adminapi.Handler{}).Operations() {
			if !ids[id] || !strings.Contains(page.Body, `id="`+id+`"`) {
				t.Errorf("%s is not told of", id)
			}
		}
		for _, other := range []string{"https://", "http://", "<script"} {
			if i := strings.Index(page.Body, other); i >= 0 && other != "<script" {
				t.Errorf("the page has %q in it: %s", other, page.Body[i:min(len(page.Body), i+80)])
			}
		}
	})
}
