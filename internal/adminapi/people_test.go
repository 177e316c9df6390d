package adminapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
	"sallyport/pkg/sallyport"
)

// tokenOf is a person's token for the API, through an app that may call it.
func tokenOf(h *house.House, app core.AppID, p *house.Person) string {
	h.T.Helper()
	const verifier = "0123456789abcdef0123456789abcdef0123456789abcdef"
	sum := sha256.Sum256([]byte(verifier))
	in := h.Raw("192.0.2.8")
	p.Enter(in)
	const back = "https://app.example/back"
	a := in.Get("/oauth2/authorize?" + house.Form("response_type", "code", "client_id", string(app), "redirect_uri", back, "scope", "openid", "state", "s", "resource", h.URL+"/api/v1",
		"code_challenge_method", "S256", "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:])))
	to, err := url.Parse(a.Location)
	if err != nil || to.Query().Get("code") == "" {
		h.T.Fatalf("no code: %d to %q", a.Status, a.Location)
	}
	var doc struct {
		Token string `json:"access_token"`
	}
	got := h.Raw("192.0.2.8").Post("/oauth2/token", "grant_type", "authorization_code", "client_id", string(app), "code", to.Query().Get("code"), "redirect_uri", back, "code_verifier", verifier)
	if err := json.Unmarshal([]byte(got.Body), &doc); err != nil || doc.Token == "" {
		h.T.Fatalf("no token: %d %s", got.Status, got.Body)
	}
	return doc.Token
}

// Decision 7.8, ACR-24, CAL-14: a person's token does what protects accounts while it is
// fresh and says mfa; after five minutes their app is sent for a fresh sign-in (RFC 9470),
// and at the switch their own current code stands in for it, once.
func TestAFreshTokenOfAPerson(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		boss, anna := h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "anna@example.com")
		app, _, err := h.Directory.CreateApp(t.Context(), org.ID, directory.AppWish{Name: "Admin app", Doc: core.AppDoc{Auth: core.AppPublic, RedirectURIs: []string{"https://app.example/back"}, FirstParty: true, API: true,
			AccessLife: core.Duration(time.Hour)}}, h.Proven(boss), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(time.Minute)
		token := tokenOf(h, app.ID, boss)
		doc := theDocument(t)
		do := func(method, path, body string, headers ...string) reply {
			r := h.Raw("192.0.2.8")
			r.Header.Set("Authorization", "Bearer "+token)
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			kind := ""
			if body != "" {
				kind = "application/json"
			}
			a := r.Do(method, "/api/v1"+path, kind, body)
			doc.check(t, method, path, a)
			return reply{a, method, path, &program{h: h}}
		}
		if me := ok[sallyport.Account](do("GET", "/me", ""), 200); me.Kind != "person" || me.Level != "mfa" || me.App != string(app.ID) {
			t.Errorf("%+v", me)
		}
		if lost := ok[sallyport.Reset](do("POST", "/users/"+string(anna.ID)+"/reset-mfa", ""), 200); lost.Apps != 1 {
			t.Errorf("%+v", lost)
		}
		pass := ok[sallyport.Pass](do("POST", "/users/"+string(anna.ID)+"/pass", `{"minutes":30}`), 200)
		if pass.Pass == "" || pass.Until.Sub(h.Clock.Now()) > 31*time.Minute {
			t.Errorf("%+v", pass)
		}
		client := ok[sallyport.APIClient](do("POST", "/api-clients", `{"tenant":"`+string(org.ID)+`","name":"Nightly"}`), 201)
		if client.Secret == "" || !client.ReadOnly || client.Owner != string(boss.ID) {
			t.Errorf("%+v", client)
		}
		if list := ok[sallyport.Page[sallyport.APIClient]](do("GET", "/api-clients", ""), 200); len(list.Items) != 1 || list.Items[0].Secret != "" {
			t.Errorf("%+v", list)
		}
		ok[sallyport.APIClient](do("PATCH", "/api-clients/"+client.ID, `{"name":"Every night"}`), 200)
		ok[sallyport.APIClient](do("POST", "/api-clients/"+client.ID+"/rotate", `{}`), 200)
		account := ok[sallyport.ServiceAccount](do("POST", "/service-accounts", `{"tenant":"`+string(org.ID)+`","login":"scan@example.com","name":"Scanner","reason":"scans"}`), 201)
		if account.Password == "" {
			t.Errorf("%+v", account)
		}
		ok[sallyport.ServiceAccount](do("PATCH", "/service-accounts/"+account.ID, `{"reason":"scans at night"}`), 200)
		h.Clock.Advance(6 * time.Minute)
		late := do("POST", "/users/"+string(anna.ID)+"/reset-trusted-browsers", "")
		late.no(401, "step_up.required", "")
		if w := late.Header.Get("WWW-Authenticate"); !strings.HasPrefix(w, "Bearer ") || !strings.Contains(w, `error="insufficient_user_authentication"`) || !strings.Contains(w, `acr_values="urn:sallyport:mfa"`) || !strings.Contains(w, `max_age="300"`) {
			t.Errorf("challenge %q", w)
		}
		ok[sallyport.UserDetail](do("POST", "/users/"+string(anna.ID)+"/unlock", ""), 200)
		// The switch: a wrong code counts against the factor's own budget, a right one is
		// used once, and the name is looked at before.
		at := "/tenants/" + string(org.ID) + "/mfa"
		off := func(code, name string) reply {
			return do("PUT", at, `{"requirement":[],"confirm":"`+name+`","code":"`+code+`"}`)
		}
		off("", "Huber").no(401, "step_up.required", "")
		code := boss.Fresh()
		off(code, "Meier").no(422, "confirm.required", "confirm")
		off("000000", "Huber").no(422, "factor.code_mismatch", "")
		off("AAAA-BBBB-CCCC", "Huber").no(422, "factor.code_mismatch", "")
		if got := ok[sallyport.MFA](off(code, "Huber"), 200); got.Status != "disabling" && got.Status != "disabled" {
			t.Errorf("%+v", got)
		}
		if r := do("PUT", at, `{"requirement":["per_user"]}`); r.Status != 200 {
			r.no(409, "mfa.disabling", "")
		}
		if n := boss.Names()["user.step_up"] + boss.Names()["signin.step_up"]; n == 0 {
			t.Errorf("no row says that a code was shown: %v", boss.Names())
		}
	})
}

// ACR-22, ACR-33: the Go client fetches its tokens, goes through lists and says refusals
// by their code.
func TestTheGoClient(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Huber", "self-service", "")
		boss := h.Enrolled(org, "boss@example.com", core.CustomerAdmin)
		c, secret, err := h.Directory.CreateClient(ctx, org.ID, directory.ClientWish{Name: "Tool", Write: true, Scopes: []string{"tenants.view", "people.view", "people.invite", "mfa.switch", "audit.view"}},
			h.Proven(boss), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := sallyport.New(h.URL, sallyport.ClientCredentials(string(c.ID), secret))
		if err != nil {
			t.Fatal(err)
		}
		if me, err := x.Me(ctx); err != nil || me.Kind != "api_client" || me.Owner != string(boss.ID) {
			t.Fatalf("%+v, %v", me, err)
		}
		var plan sallyport.Preview
		if _, err := x.CreateUser(ctx, string(org.ID), sallyport.NewUser{Email: "new@example.com", Name: "New"}, sallyport.DryRun(&plan)); err != nil || !plan.DryRun {
			t.Errorf("%+v, %v", plan, err)
		}
		u, err := x.CreateUser(ctx, string(org.ID), sallyport.NewUser{Email: "new@example.com", Name: "New"}, sallyport.WithKey("k"))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := x.CreateUser(ctx, string(org.ID), sallyport.NewUser{Email: "new@example.com", Name: "New"}, sallyport.WithKey("k")); err != nil || again.ID != u.ID {
			t.Errorf("%+v, %v", again, err)
		}
		n := 0
		for _, err := range x.Users(ctx, string(org.ID), sallyport.UserQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%d people", n)
		}
		_, err = x.ResetMFA(ctx, string(boss.ID))
		var refused *sallyport.Error
		if !errors.As(err, &refused) || refused.Code != "step_up.required" || refused.Status != http.StatusForbidden {
			t.Errorf("%v", err)
		}
		if _, err := x.User(ctx, "us_none"); sallyport.CodeOf(err) != "not_found" {
			t.Errorf("%v", err)
		}
		if _, err := x.SetMFA(ctx, string(org.ID), sallyport.MFAChange{Requirement: []string{"per_user"}}); err != nil {
			t.Error(err)
		}
		// An account is found by its login, by whom may see it.
		h.Enrolled(h.Organisation("Other", "self-service", ""), "foreign@example.com")
		if u, found, err := x.Find(ctx, "Boss@Example.com"); err != nil || !found || u.ID != string(boss.ID) || u.MFAStatus == "" {
			t.Errorf("%+v, %v, %v", u, found, err)
		}
		for _, login := range []string{"foreign@example.com", "nobody@example.com"} {
			if u, found, err := x.Find(ctx, login); err != nil || found || u.ID != "" {
				t.Errorf("%s: %+v, %v, %v", login, u, found, err)
			}
		}
		if _, _, err := x.Find(ctx, ""); sallyport.CodeOf(err) != "api.field_missing" {
			t.Errorf("%v", err)
		}
		var tag string
		if err := x.Do(ctx, http.MethodGet, "/users/"+string(boss.ID), nil, nil, nil, sallyport.Tag(&tag)); err != nil || !strings.HasPrefix(tag, `"`) {
			t.Errorf("ETag %q, %v", tag, err)
		}
		wrong, _ := sallyport.New(h.URL, sallyport.ClientCredentials(string(c.ID), "wrong"))
		if _, err := wrong.Me(ctx); sallyport.CodeOf(err) != "invalid_client" {
			t.Errorf("%v", err)
		}
	})
}
