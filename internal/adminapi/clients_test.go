package adminapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
	"sallyport/pkg/sallyport"
)

// from asks who am I with a token, from an address.
func from(h *house.House, address, scheme, token string) house.Answer {
	r := h.Raw(address)
	r.Header.Set("Authorization", scheme+" "+token)
	return r.Get(me)
}

// token asks for one as an API client does.
func token(h *house.House, address, id, secret string, pairs ...string) (house.Answer, string) {
	h.T.Helper()
	r := h.Raw(address)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	a := r.Post("/oauth2/token", append([]string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret}, pairs...)...)
	var doc struct {
		Token string `json:"access_token"`
	}
	if a.Status == http.StatusOK {
		if err := json.Unmarshal([]byte(a.Body), &doc); err != nil {
			h.T.Fatal(err)
		}
	}
	return a, doc.Token
}

func errorOf(a house.Answer) string {
	var doc struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal([]byte(a.Body), &doc)
	return doc.Error
}

func whois(t *testing.T, a house.Answer) (out sallyport.Account) {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func codeOf(err error) string {
	if f, ok := core.AsFault(err); ok {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// standIn is the client as the API's journeys meet it.
func standIn(t *testing.T, h *house.House, id core.ClientID) (access.Actor, error) {
	t.Helper()
	a, err := h.Apps.Find(t.Context(), id)
	if err != nil {
		return access.Actor{}, err
	}
	return h.Tree.StandIn(t.Context(), a.App, a.Doc.Scopes)
}

// Row ACR-22: an API client comes with a token of its own, for this API only, and is
// never more than its owner is at that moment (row B-40).
func TestAPIClients(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Huber", "managed-tenants", "")
		h.Enrolled(org, "other@example.com", core.CustomerAdmin)
		owner := h.Enrolled(org, "owner@example.com", core.CustomerAdmin)
		c, secret, err := h.Directory.CreateClient(ctx, org.ID, directory.ClientWish{Name: "Nightly report"}, h.Proven(owner), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Doc.Scopes; !slices.Equal(got, []string{"audit.view", "people.view", "tenants.view"}) || c.Doc.Client.Write || c.Owner != owner.ID || !c.Doc.Client.ExpiresAt.Equal(h.Clock.Now().Add(core.ClientLife).Truncate(time.Microsecond)) && time.Until(c.Doc.Client.ExpiresAt) <= 0 {
			t.Errorf("what it is where nobody says otherwise: %+v", c.Doc)
		}
		a, tok := token(h, "192.0.2.1", string(c.ID), secret, "resource", h.URL+"/api/v1")
		if a.Status != http.StatusOK || !strings.Contains(a.Body, `"expires_in":3600`) {
			t.Fatalf("status %d: %s", a.Status, a.Body)
		}
		got := whois(t, from(h, "192.0.2.1", "Bearer", tok))
		if got.Kind != "api_client" || got.ID != string(c.ID) || got.Owner != string(owner.ID) || !got.ReadOnly || got.Tenant.ID != string(org.ID) || len(got.Scopes) != 3 || got.ExpiresAt == nil {
			t.Errorf("%+v", got)
		}
		// Without a resource it is for this API all the same; another one there is not.
		if _, tok := token(h, "", string(c.ID), secret); whois(t, from(h, "", "Bearer", tok)).ID != string(c.ID) {
			t.Error("no token without a resource")
		}
		if a, _ := token(h, "", string(c.ID), secret, "resource", "https://elsewhere.example.org/"); errorOf(a) != "invalid_target" {
			t.Errorf("for somebody else: %s", a.Body)
		}
		if a, _ := token(h, "", string(c.ID), secret, "scope", "people.disable"); errorOf(a) != "invalid_scope" {
			t.Errorf("a scope that it was not given: %s", a.Body)
		}
		if _, tok := token(h, "", string(c.ID), secret, "scope", "audit.view"); !slices.Equal(whois(t, from(h, "", "Bearer", tok)).Scopes, []string{"audit.view"}) {
			t.Error("a token of fewer scopes has others")
		}
		// A token reads, and a request that changes is refused before it is looked at.
		r := h.Raw("")
		r.Header.Set("Authorization", "Bearer "+tok)
		// Cut or changed anywhere, it is none (row B-48).
		for i := 0; i < len(tok); i += 37 {
			bad := []byte(tok)
			if bad[i]++; bad[i] == '.'+1 {
				bad[i] = 'A'
			}
			for _, wrong := range []string{string(bad), tok[:i]} {
				a := from(h, "", "Bearer", wrong)
				if a.Status != http.StatusUnauthorized {
					t.Fatalf("changed at %d: status %d", i, a.Status)
				}
			}
		}
		a = from(h, "", "Bearer", tok[:len(tok)-5])
		if problem(t, a).Code != "token.invalid" || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer realm="Sallyport", error="invalid_token"`) {
			t.Errorf("%v", a.Header)
		}
		// The secret is no password, and the token no proof.
		if a := basic(h.Raw(""), string(c.ID), secret); problem(t, a).Code != "sign_in.refused" {
			t.Errorf("with Basic: %s", a.Body)
		}
		by, err := standIn(t, h, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := by.Prove(h.Clock.Now(), false); codeOf(err) != "step_up.required" {
			t.Errorf("a proof of an api client: %v", err)
		}
		place, err := h.Tree.Place(ctx, org.ID)
		if err != nil || !by.Can(access.ViewPeople, place) || by.Can(access.Disable, place) || by.Can(access.ManageApps, place) {
			t.Errorf("more or less than it was given: %v", err)
		}
		// Row ACR-31: what asks for a fresh proof of a person is never its deed.
		anna := h.Enrolled(org, "anna@example.com")
		for name, run := range map[string]func(access.Actor) error{
			"reset": func(by access.Actor) error {
				_, err := h.Recovery.ResetMFA(ctx, anna.ID, by, core.Client{})
				return err
			},
			"another client": func(by access.Actor) error {
				_, _, err := h.Directory.CreateClient(ctx, org.ID, directory.ClientWish{Name: "More"}, by, core.Client{})
				return err
			},
			"its own secret": func(by access.Actor) error {
				_, _, err := h.Directory.RotateClientSecret(ctx, c.ID, 0, by, core.Client{})
				return err
			},
		} {
			all := by
			wide := *by.Bound
			wide.Rights, wide.Write = access.Permissions, true
			all.Bound = &wide
			if got := codeOf(run(all)); got != "step_up.required" && got != "forbidden" {
				t.Errorf("%s: %s", name, got)
			}
			if got := codeOf(run(by)); got == "" {
				t.Errorf("%s is done", name)
			}
		}
		// Used when, from where, and how often, once a minute.
		if err := h.Apps.Count(ctx); err != nil {
			t.Fatal(err)
		}
		h.Change(org.ID, func(tx store.Tx) error {
			got, err := tx.App(c.ID)
			if got.UsedFrom != "192.0.2.1" || got.UsedAt.IsZero() {
				t.Errorf("used %v from %q", got.UsedAt, got.UsedFrom)
			}
			return err
		})
		events, err := h.Store.EventsAfter(ctx, 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, e := range events {
			if e.Name == "api_client.tokens" {
				counted++
				if e.Actor != string(c.ID) || e.Detail["count"] != "3" {
					t.Errorf("%+v", e)
				}
			}
			if strings.Contains(e.Reason+e.Target+e.Actor, secret) || slices.ContainsFunc(valuesOf(e.Detail), func(v string) bool { return strings.Contains(v, secret) }) {
				t.Errorf("the secret is in the log: %+v", e) // B-44
			}
		}
		if counted != 1 {
			t.Errorf("%d rows of tokens", counted)
		}
		// The owner's rights shrink, and so do the client's, with the token it has.
		if err := h.Directory.RevokeRole(ctx, owner.ID, core.CustomerAdmin, org.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if by, err = standIn(t, h, c.ID); err != nil || by.Can(access.ViewPeople, place) {
			t.Errorf("what its owner lost it has: %v", err)
		}
		if got := whois(t, from(h, "", "Bearer", tok)); len(got.Roles) != 0 {
			t.Errorf("roles %v", got.Roles)
		}
		if err := h.Directory.Disable(ctx, owner.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if a := from(h, "", "Bearer", tok); problem(t, a).Code != "token.invalid" || a.Status != http.StatusUnauthorized {
			t.Errorf("the owner is disabled: %s", a.Body)
		}
		if a, _ := token(h, "", string(c.ID), secret); errorOf(a) != "unauthorized_client" {
			t.Errorf("the owner is disabled: %s", a.Body)
		}
	})
}

func valuesOf(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// Row ACR-22: what takes an API client away takes its tokens away, and nobody gets by
// one what they lack.
func TestAPIClientsEndAndBound(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Huber", "managed-tenants", "")
		unit := h.Tenant(directory.NewTenant{Parent: org.ID, Kind: core.Unit, Name: "Kasse"})
		elsewhere := h.Organisation("Elsewhere", "managed-tenants", "")
		owner := h.Enrolled(org, "owner@example.com", core.CustomerAdmin)
		weak := h.Enrolled(org, "weak@example.com", core.Auditor)
		inUnit := h.Person(unit, "kasse@example.com")
		h.Settings(org.ID, `{"login_networks":["192.0.2.0/24"]}`)
		me := h.Proven(owner)
		make := func(w directory.ClientWish) (core.App, string) {
			t.Helper()
			c, secret, err := h.Directory.CreateClient(ctx, org.ID, w, h.Proven(owner), core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			return c, secret
		}
		for name, c := range map[string]struct {
			by   access.Actor
			at   core.TenantID
			w    directory.ClientWish
			want string
		}{
			"no fresh proof":      {h.Actor(owner), org.ID, directory.ClientWish{Name: "x"}, "step_up.required"},
			"no right to":         {h.Proven(weak), org.ID, directory.ClientWish{Name: "x"}, "forbidden"},
			"of another":          {me, elsewhere.ID, directory.ClientWish{Name: "x"}, "not_found"},
			"for another owner":   {me, org.ID, directory.ClientWish{Name: "x", Owner: weak.ID}, "client.owner_other"},
			"a reset":             {me, org.ID, directory.ClientWish{Name: "x", Scopes: []string{"people.reset_mfa"}}, "client.scope_never"},
			"an unknown right":    {me, org.ID, directory.ClientWish{Name: "x", Scopes: []string{"all"}}, "client.invalid"},
			"a foreign branch":    {me, org.ID, directory.ClientWish{Name: "x", Tenants: []core.TenantID{elsewhere.ID}}, "client.tenant"},
			"in the past":         {me, org.ID, directory.ClientWish{Name: "x", ExpiresAt: h.Clock.Now().Add(-time.Hour)}, "client.expiry"},
			"for ever":            {me, org.ID, directory.ClientWish{Name: "x", ExpiresAt: h.Clock.Now().AddDate(9, 0, 0)}, "client.expiry"},
			"no network":          {me, org.ID, directory.ClientWish{Name: "x", Networks: []string{"ten"}}, "service.network_invalid"},
			"of the shell, whose": {access.Shell(), org.ID, directory.ClientWish{Name: "x"}, "service.owner_required"},
			"of the shell, more":  {access.Shell(), org.ID, directory.ClientWish{Name: "x", Owner: weak.ID, Scopes: []string{"people.disable"}}, "client.scope_lacking"},
		} {
			if _, _, err := h.Directory.CreateClient(ctx, c.at, c.w, c.by, core.Client{}); codeOf(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		here := "192.0.2.9"
		c, secret := make(directory.ClientWish{Name: "Kasse", Scopes: []string{"people.view", "people.disable", "people.reset_mfa"}[:2], Tenants: []core.TenantID{unit.ID}, Write: true})
		_, tok := token(h, here, string(c.ID), secret)
		// Row ACR-30: its organisation's networks hold for the token and for each call.
		if a, _ := token(h, "198.51.100.1", string(c.ID), secret); errorOf(a) != "unauthorized_client" {
			t.Errorf("from outside: %s", a.Body)
		}
		if a := from(h, "198.51.100.1", "Bearer", tok); a.Status != http.StatusForbidden || problem(t, a).Code != "sign_in.outside_network" {
			t.Errorf("from outside: %s", a.Body)
		}
		by, err := standIn(t, h, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		top, _ := h.Tree.Place(ctx, org.ID)
		below, _ := h.Tree.Place(ctx, unit.ID)
		if by.Can(access.Disable, top) || !by.Can(access.Disable, below) {
			t.Error("not in its branch and only there")
		}
		// Its deeds are its owner's in the log, and say through which client.
		if err := h.Directory.Disable(ctx, inUnit.ID, by, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if e := inUnit.Events(); len(e) == 0 || !slices.ContainsFunc(e, func(e core.Event) bool { return e.Actor == string(owner.ID) && e.Detail["api_client"] == string(c.ID) }) {
			t.Errorf("%+v", e)
		}
		// Who lacks what it may gets no secret of it; its reading is theirs to stop.
		wide, wideSecret := make(directory.ClientWish{Name: "Wide", Scopes: []string{"tenants.manage", "apps.manage"}})
		_, wideTok := token(h, here, string(wide.ID), wideSecret)
		if err := h.Directory.GrantRole(ctx, weak.ID, core.CustomerAdmin, unit.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Directory.RotateClientSecret(ctx, wide.ID, 0, h.Proven(weak), core.Client{}); codeOf(err) != "forbidden" && codeOf(err) != "not_found" {
			t.Errorf("somebody else's secret: %v", err)
		}
		// Secrets overlap, and then the old one is none.
		fresh, _, err := h.Directory.RotateClientSecret(ctx, wide.ID, time.Hour, h.Proven(owner), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		h.Settle()
		for _, s := range []string{wideSecret, fresh} {
			if a, _ := token(h, here, string(wide.ID), s); a.Status != http.StatusOK {
				t.Errorf("side by side: %s", a.Body)
			}
		}
		h.Clock.Advance(61 * time.Minute)
		if a, _ := token(h, here, string(wide.ID), wideSecret); errorOf(a) != "invalid_client" {
			t.Errorf("the old secret: %s", a.Body)
		}
		if a := from(h, here, "Bearer", wideTok); problem(t, a).Code != "token.invalid" {
			t.Errorf("a token that is over: %s", a.Body)
		}
		a, wideTok := token(h, here, string(wide.ID), fresh)
		if a.Status != http.StatusOK {
			t.Fatal(a.Body)
		}
		_ = h.Apps.Count(ctx)
		if _, err := h.Directory.SwitchClient(ctx, wide.ID, false, h.Actor(owner), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if a := from(h, here, "Bearer", wideTok); problem(t, a).Code != "token.invalid" {
			t.Errorf("stopped: %s", a.Body)
		}
		if _, err := h.Directory.SwitchClient(ctx, wide.ID, true, h.Actor(owner), core.Client{}); codeOf(err) != "step_up.required" {
			t.Errorf("let go on without a proof: %v", err)
		}
		if _, err := h.Directory.SwitchClient(ctx, wide.ID, true, h.Proven(owner), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.DeleteClient(ctx, wide.ID, h.Actor(owner), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if a := from(h, here, "Bearer", wideTok); problem(t, a).Code != "token.invalid" {
			t.Errorf("deleted: %s", a.Body)
		}
		// Its time runs out, with that of its tokens.
		brief, briefSecret := make(directory.ClientWish{Name: "Brief", ExpiresAt: h.Clock.Now().Add(10 * time.Minute)})
		a, briefTok := token(h, here, string(brief.ID), briefSecret)
		if strings.Contains(a.Body, `"expires_in":3600`) {
			t.Errorf("longer than it lives itself: %s", a.Body)
		}
		h.Clock.Advance(10 * time.Minute)
		if a := from(h, here, "Bearer", briefTok); problem(t, a).Code != "token.invalid" {
			t.Errorf("after its time: %s", a.Body)
		}
		if a, _ := token(h, here, string(brief.ID), briefSecret); errorOf(a) != "invalid_client" {
			t.Errorf("after its time: %s", a.Body)
		}
		// An app that signs people in is no API client, whatever it names as its resource.
		app, appSecret, err := h.Directory.CreateApp(ctx, org.ID, directory.AppWish{Name: "App", Doc: core.AppDoc{Grants: []string{core.GrantClient}, Resources: []string{"https://rp.example.org/api/v1"}}}, h.Proven(owner), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		if a, _ := token(h, here, string(app.ID), appSecret, "resource", h.URL+"/api/v1"); errorOf(a) != "invalid_target" {
			t.Errorf("an app of its own: %s", a.Body)
		}
		_, other := token(h, here, string(app.ID), appSecret, "resource", "https://rp.example.org/api/v1")
		if a := from(h, here, "Bearer", other); problem(t, a).Code != "token.invalid" { // O-13
			t.Errorf("a token for somebody else: %s", a.Body)
		}
		if _, err := h.Directory.App(ctx, c.ID, access.Shell()); codeOf(err) != "not_found" {
			t.Errorf("an API client among the apps: %v", err)
		}
	})
}

// Decisions 2 and 3: in an organisation where its owner only may act, a client acts, as
// long as that organisation lets them; one that is bound to a key needs the key's proof.
func TestAPIClientsActByTheirOwner(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Nordwind"})
		customer := h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Trial, Name: "Huber", Parent: partner.ID, ManagedBy: core.ManagedByProvider})
		h.Enrolled(partner, "other@example.com", core.PartnerAdmin)
		vera := h.Enrolled(partner, "vera@example.com", core.PartnerAdmin)
		wish := directory.ClientWish{Name: "Sync", Owner: vera.ID, Scopes: []string{"people.view", "people.disable"}, Write: true}
		c, secret, err := h.Directory.CreateClient(ctx, customer.ID, wish, access.Shell(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		own, _, err := h.Directory.CreateClient(ctx, partner.ID, wish, access.Shell(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		at, err := h.Tree.Place(ctx, customer.ID)
		if err != nil {
			t.Fatal(err)
		}
		anna := h.Person(customer, "anna@example.com")
		by, err := standIn(t, h, c.ID)
		if err != nil || !by.Can(access.Disable, at) || by.Acting == nil {
			t.Fatalf("it does not act: %+v, %v", by.Acting, err)
		}
		if other, err := standIn(t, h, own.ID); err != nil || other.Can(access.ViewPeople, at) {
			t.Errorf("the partner's own client sees a customer's people: %v", err)
		}
		if err := h.Directory.Disable(ctx, anna.ID, by, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(anna.Events(), func(e core.Event) bool {
			return e.Actor == string(vera.ID) && e.Detail["acting_in"] == string(customer.ID) && e.Detail["api_client"] == string(c.ID)
		}) {
			t.Errorf("%+v", anna.Events())
		}
		if _, err := h.Support.SetAccess(ctx, customer.ID, false, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if by, err := standIn(t, h, c.ID); err != nil || by.Can(access.Disable, at) || by.Can(access.ViewPeople, at) {
			t.Errorf("the door is closed: %v", err)
		}
		// A moved owner leaves nothing behind.
		_, tok := token(h, "", string(c.ID), secret)
		whois(t, from(h, "", "Bearer", tok))
		// A token that is not bound is none with a proof, nor the other way round (D-01).
		if a := from(h, "", "DPoP", tok); problem(t, a).Code != "token.invalid" || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "DPoP ") {
			t.Errorf("with the scheme of bound tokens: %s", a.Body)
		}
		two := h.Raw("")
		two.Header["Authorization"] = []string{"Bearer " + tok, "Basic eDp5"}
		if a := two.Get(me); a.Status != http.StatusUnauthorized {
			t.Errorf("two ways at once: status %d", a.Status)
		}
		elsewhere := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Südwind"})
		h.Clock.Advance(time.Second)
		if _, err := h.Directory.Move(ctx, vera.ID, elsewhere.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if a := from(h, "", "Bearer", tok); problem(t, a).Code != "token.invalid" {
			t.Errorf("the owner left: %s", a.Body)
		}
	})
}
