package adminapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sallyport/internal/adminapi"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
	"sallyport/pkg/sallyport"
)

// inBrowser marks what has a meaning in a signed-in browser only.
const inBrowser = "in a browser only"

// deeds say by which operations a program does what a page of the console does.
var deeds = map[string][]string{
	"GET /admin": {"listTenants"}, "GET /admin/{$}": {"listTenants", "getMFA", "listEvents"}, "GET /admin/tenants": {"listTenants"},
	"GET /admin/tenants/new": {"createTenant"}, "POST /admin/tenants/new": {"createTenant", "inviteFirstAdministrator"}, "GET T": {"getTenant", "getMFA"},
	"T/rename": {"changeTenant"}, "T/move": {"changeTenant"}, "T/convert": {"convertTenant"}, "T/suspend": {"suspendTenant", "changeTenant"}, "T/resume": {"resumeTenant", "changeTenant"},
	"T/delete": {"deleteTenant"}, "T/restore": {"restoreTenant"}, "T/sign-out": {"signOutTenant"}, "T/support-open": {"putSupport", "changeTenant"}, "T/support-close": {"putSupport", "changeTenant"},
	"GET T/security": {"getMFA", "getSettings"}, "T/security/enable": {"putMFA"}, "T/security/disable": {"putMFA"},
	"T/security/settings": {"getSettings", "putSettings"}, "T/security/locks": {"getLocks", "putLocks"}, "T/security/template": {"getTemplate", "putTemplate"},
	"GET T/security/presets": {"listPresets"}, "GET T/security/presets/{preset}": {"comparePreset"}, "POST T/security/presets/{preset}": {"applyPreset"},
	"GET T/users": {"listUsers"}, "T/users/invite": {"createUser", "inviteFirstAdministrator"},
	"T/users/bulk":           {"inviteUser", "unlockUser", "resetUserBrowsers", "resetUserMFA", "disableUser", "enableUser"},
	"GET T/service-accounts": {"listServiceAccounts", "getServiceAccount"}, "T/service-accounts/new": {"createServiceAccount"},
	"GET T/api-clients": {"listAPIClients"}, "T/api-clients/new": {"createAPIClient", "replaceServiceAccount"}, "GET T/api-clients/{client}": {"getAPIClient"},
	"T/api-clients/{client}/change": {"changeAPIClient"}, "T/api-clients/{client}/rotate": {"rotateAPIClient"}, "T/api-clients/{client}/stop": {"changeAPIClient"},
	"T/api-clients/{client}/start": {"changeAPIClient"}, "T/api-clients/{client}/delete": {"deleteAPIClient"},
	"GET T/apps": {"listApps"}, "T/apps/new": {"createApp"}, "GET A": {"getApp"}, "A/edit": {"changeApp"}, "A/rotate": {"rotateApp"}, "A/retire": {"retireAppSecret"}, "A/disable": {"changeApp"}, "A/enable": {"changeApp"},
	"A/delete": {"deleteApp"}, "A/test": {inBrowser}, "T/security/apps": {"listApps", "getSettings", "putSettings"}, "POST U/apps": {"listUserApps", "endUserApp"},
	"GET T/roles": {"getRoles"}, "T/roles/grant": {"grantRole"}, "T/roles/revoke": {"revokeRole"}, "T/roles/new": {"createRole"}, "T/roles/{role}": {"getRoles", "changeRole"},
	"POST T/roles/{role}/delete": {"deleteRole"}, "GET T/support": {"getSupport"}, "POST T/support/end": {"endActing"}, "T/act": {inBrowser}, "POST /admin/acting/end": {inBrowser},
	"GET T/audit": {"listEvents"}, "GET /admin/policy": {"explainPolicy"}, "GET U": {"getUser", "listUserSessions", "listUserRoles"},
	"POST U/sessions": {"endUserSession"}, "POST U/browsers": {"forgetUserBrowser"}, "U/unlock": {"unlockUser"}, "U/reinvite": {"inviteUser"}, "U/pass": {"makeUserPass"},
	"U/reset-trusted-browsers": {"resetUserBrowsers"}, "U/reset-mfa": {"resetUserMFA"}, "U/end-sessions": {"endUserSessions"}, "U/to-service-account": {"convertUser"},
	"U/to-regular": {"regularAccount"}, "U/edit": {"changeUser"}, "U/move": {"changeUser"}, "U/disable": {"disableUser"}, "U/enable": {"enableUser"},
	"U/delete": {"deleteUser", "deleteServiceAccount"}, "U/service-account": {"changeServiceAccount"},
}

// ACR-33: everything that the console does has an operation.
func TestEveryDeedOfTheConsoleHasAnOperationACR33(t *testing.T) {
	there := map[string]bool{inBrowser: true}
	for _, id := range (&adminapi.Handler{}).Operations() {
		if there[id] {
			t.Errorf("two operations are called %s", id)
		}
		there[id] = true
	}
	met := map[string]bool{}
	for _, r := range (&console.Handler{}).Routes() {
		pattern := strings.NewReplacer("/admin/tenants/{tenant}", "T", "/admin/users/{user}", "U", "/admin/apps/{app}", "A").Replace(r.Pattern)
		_, page, _ := strings.Cut(pattern, " ")
		by, known := deeds[pattern]
		if !known {
			by, pattern = deeds[page], page
		}
		if len(by) == 0 {
			t.Errorf("%s: there is no operation for it", r.Pattern)
		}
		met[pattern] = true
		for _, id := range by {
			if !there[id] {
				t.Errorf("%s: there is no operation %s", r.Pattern, id)
			}
		}
	}
	for pattern := range deeds {
		if !met[pattern] {
			t.Errorf("%s is no page of the console", pattern)
		}
	}
}

// ACR-33, ACR-10, ACR-35: a program shapes a branch with its people by the API alone;
// every answer is as the OpenAPI document says.
func TestABranchByTheAPI(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: "Nordwind"})
		p := programOf(h, h.Organisation("Tools", "self-service", ""), "tool@example.com", core.PartnerAdmin, partner)
		if me := ok[sallyport.Account](p.do("GET", "/me", ""), 200); me.Kind != "service_account" || len(me.Roles) != 2 && len(me.Roles) != 1 {
			t.Errorf("%+v", me)
		}
		made := p.do("POST", "/tenants", `{"parent":"`+string(partner.ID)+`","kind":"folder","name":"South"}`)
		folder := ok[sallyport.Tenant](made, 201)
		if made.Header.Get("Location") != "/api/v1/tenants/"+folder.ID || made.Header.Get("ETag") == "" || folder.Kind != "folder" || folder.Parent != string(partner.ID) {
			t.Errorf("%+v, %v", folder, made.Header)
		}
		at := "/tenants/" + folder.ID
		if got := ok[sallyport.Tenant](p.do("PATCH", at, `{"name":"The south"}`), 200); got.Name != "The south" {
			t.Errorf("%+v", got)
		}
		p.do("PATCH", at, `{"name":"A","state":"suspended"}`).no(422, "api.one_change", "")
		p.do("PATCH", at, `{}`).no(422, "api.one_change", "")
		if got := ok[sallyport.Tenant](p.do("POST", at+"/suspend", ""), 200); got.State != "suspended" {
			t.Errorf("%+v", got)
		}
		if got := ok[sallyport.Tenant](p.do("PATCH", at, `{"state":"active"}`), 200); got.State != "active" {
			t.Errorf("%+v", got)
		}
		plan := ok[sallyport.Preview](p.do("DELETE", at+"?dry_run=true", `{}`), 200)
		if !plan.DryRun || plan.Confirm != "The south" {
			t.Errorf("%+v", plan)
		}
		p.do("DELETE", at, `{"confirm":"The north"}`).no(422, "confirm.required", "")
		ok[struct{}](p.do("DELETE", at, `{"confirm":"The south"}`), 204)
		if gone := ok[sallyport.Page[sallyport.Tenant]](p.do("GET", "/tenants?state=deleted", ""), 200); len(gone.Items) != 1 || gone.Items[0].ID != folder.ID {
			t.Errorf("%+v", gone)
		}
		if got := ok[sallyport.Tenant](p.do("POST", at+"/restore", ""), 200); got.State != "active" || got.Name != "The south" {
			t.Errorf("%+v", got)
		}
		customer := ok[sallyport.Tenant](p.do("POST", "/tenants", `{"parent":"`+folder.ID+`","kind":"customer","name":"Huber","mode":"trial","managed_by":"provider","preset":"managed-tenants"}`), 201)
		if customer.Mode != "trial" || customer.ManagedBy != "provider" || customer.SupportAccess != "open" {
			t.Errorf("%+v", customer)
		}
		ok[sallyport.Tenant](p.do("PATCH", "/tenants/"+customer.ID, `{"parent":"`+string(partner.ID)+`"}`), 200)
		ok[sallyport.Tenant](p.do("POST", "/tenants/"+customer.ID+"/convert", ""), 200)
		first := ok[sallyport.Invited](p.do("POST", "/tenants/"+customer.ID+"/first-administrator", `{"email":"boss@huber.example","name":"Boss"}`), 201)
		if first.State != "invited" || first.InvitationUntil == nil {
			t.Errorf("%+v", first)
		}
		// The switch of a customer that is managed is the partner's too; its people are not.
		mfa := ok[sallyport.MFA](p.do("PUT", "/tenants/"+customer.ID+"/mfa", `{"requirement":["organization"]}`), 200)
		if mfa.Status != "enabled" || len(mfa.Requirement) != 1 || !mfa.UpdateAllowed || mfa.RequiredSince == nil || mfa.Users != 1 || mfa.Pending != 1 {
			t.Errorf("%+v", mfa)
		}
		p.do("GET", "/tenants/"+customer.ID+"/users", "").no(403, "forbidden", "")
		p.do("PUT", "/tenants/"+customer.ID+"/mfa?dry_run=true", `{"requirement":[]}`).no(403, "step_up.required", "")
		// What takes from many wants the fresh proof of a person (decision 7.8).
		p.do("PUT", "/tenants/"+customer.ID+"/mfa", `{"requirement":[],"confirm":"Hubert"}`).no(422, "confirm.required", "confirm")
		r := p.do("PUT", "/tenants/"+customer.ID+"/mfa", `{"requirement":[],"confirm":"Huber","code":"123456"}`)
		r.no(403, "step_up.required", "")
		if r.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("a program is led on to %q", r.Header.Get("WWW-Authenticate"))
		}
		// Locks, template, settings.
		doc := ok[sallyport.Settings](p.do("PUT", "/tenants/"+string(partner.ID)+"/template", `{"invitation_days":3}`), 200)
		if !strings.Contains(string(doc.Document), `"invitation_days":3`) {
			t.Errorf("%s", doc.Document)
		}
		ok[sallyport.Settings](p.do("GET", "/tenants/"+string(partner.ID)+"/template", ""), 200)
		ok[sallyport.Settings](p.do("PUT", "/tenants/"+string(partner.ID)+"/locks", `{"session":{"idle":"20m"}}`), 200)
		ok[sallyport.Settings](p.do("GET", "/tenants/"+string(partner.ID)+"/locks", ""), 200)
		p.do("GET", "/tenants/"+customer.ID+"/locks", "").no(403, "forbidden", "")
		ok[sallyport.Count](p.do("POST", "/tenants/"+string(partner.ID)+"/sign-out", ""), 200)
		if x := ok[sallyport.Readiness](p.do("GET", "/readiness?tenant="+string(partner.ID), ""), 200); len(x.NotChecked) == 0 {
			t.Errorf("%+v", x)
		}
		ok[sallyport.Page[sallyport.Preset]](p.do("GET", "/presets", ""), 200)
		events := ok[sallyport.Page[sallyport.Event]](p.do("GET", "/audit?event=tenant.&result=ok&tenant="+string(partner.ID), ""), 200)
		if len(events.Items) == 0 || events.Items[0].Actor != string(p.p.ID) {
			t.Errorf("%+v", events)
		}
	})
}

// ACR-33, AIR-12, WBX-15 to WBX-17: an organisation's people by the API.
func TestPeopleByTheAPI(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Filiale", Parent: org.ID})
		p := programOf(h, org, "tool@example.com", core.CustomerAdmin, org)
		anna, berta := h.Enrolled(org, "anna@example.com"), h.Person(org, "berta@example.com")
		at := "/tenants/" + string(org.ID)
		u := ok[sallyport.Invited](p.do("POST", at+"/users", `{"email":"new@example.com","name":"New"}`), 201)
		if u.MFAStatus != "pending_validation" || u.Login != "new@example.com" {
			t.Errorf("%+v", u)
		}
		ok[sallyport.Invited](p.do("POST", "/users/"+u.ID+"/invite", ""), 200)
		p.do("POST", "/users/"+string(anna.ID)+"/invite", "").no(409, "invitation.not_pending", "")
		p.do("POST", at+"/users", `{"email":"new@example.com","name":"New"}`).no(409, "user.login_taken", "")
		p.do("POST", at+"/users", `{"email":"weak@example.com","name":"Weak","password":"short"}`).no(422, "password.too_short", "")
		ok[sallyport.Preview](p.do("POST", at+"/users?dry_run=true", `{"email":"dry@example.com","name":"Dry"}`), 200)
		made := ok[sallyport.Invited](p.do("POST", at+"/users", `{"email":"made@example.com","name":"Made","password":"A first long pass phrase","must_change":true,"roles":["helpdesk"]}`), 201)
		if made.State != "validated" || made.InvitationUntil != nil {
			t.Errorf("%+v", made)
		}
		all := ok[sallyport.Page[sallyport.User]](p.do("GET", at+"/users?limit=200", ""), 200)
		if len(all.Items) != 5 || all.NextCursor != "" {
			t.Errorf("%+v", all)
		}
		if found := ok[sallyport.Page[sallyport.User]](p.do("GET", at+"/users?search=ann&status=enabled", ""), 200); len(found.Items) != 1 || found.Items[0].ID != string(anna.ID) {
			t.Errorf("%+v", found)
		}
		path := "/users/" + string(anna.ID)
		got := ok[sallyport.UserDetail](p.do("GET", path, ""), 200)
		if got.MFAStatus != "enabled" || len(got.Factors) < 1 || got.Sessions < 1 || !got.HasPassword {
			t.Errorf("%+v", got)
		}
		ok[sallyport.UserDetail](p.do("PATCH", path, `{"name":"Anna A","locale":"de"}`), 200)
		ok[sallyport.UserDetail](p.do("PATCH", path, `{"tenant":"`+string(unit.ID)+`"}`), 200)
		sessions := ok[sallyport.Page[sallyport.Session]](p.do("GET", path+"/sessions", ""), 200)
		if len(sessions.Items) < 1 {
			t.Fatal("no session")
		}
		ok[struct{}](p.do("DELETE", path+"/sessions/"+sessions.Items[0].ID, ""), 204)
		p.do("DELETE", path+"/sessions/se_none", "").no(404, "not_found", "")
		ok[sallyport.Count](p.do("DELETE", path+"/sessions", ""), 200)
		ok[sallyport.UserDetail](p.do("POST", path+"/disable", ""), 200)
		if got := ok[sallyport.UserDetail](p.do("POST", path+"/enable", ""), 200); got.State != "active" {
			t.Errorf("%+v", got)
		}
		ok[sallyport.UserDetail](p.do("POST", path+"/unlock", ""), 200)
		// What protects an account is never a program's (decision 7.8).
		for _, deed := range []string{"/reset-mfa", "/reset-trusted-browsers", "/pass"} {
			body := ""
			if deed == "/pass" {
				body = `{}`
			}
			p.do("POST", path+deed, body).no(403, "step_up.required", "")
		}
		p.do("POST", path+"/convert", `{"reason":"scans","owner":"`+string(berta.ID)+`"}`).no(403, "step_up.required", "")
		p.do("POST", "/service-accounts", `{"tenant":"`+string(org.ID)+`","login":"scan@example.com","name":"Scan","reason":"scans","owner":"`+string(berta.ID)+`"}`).no(403, "step_up.required", "")
		list := ok[sallyport.Page[sallyport.ServiceAccount]](p.do("GET", "/service-accounts", ""), 200)
		if len(list.Items) != 1 || list.Items[0].ID != string(p.p.ID) {
			t.Errorf("%+v", list)
		}
		ok[sallyport.ServiceAccount](p.do("GET", "/service-accounts/"+string(p.p.ID), ""), 200)
		p.do("GET", "/service-accounts/"+string(anna.ID), "").no(404, "not_found", "")
		// Roles.
		ok[struct{}](p.do("POST", path+"/roles", `{"role":"helpdesk","tenant":"`+string(org.ID)+`"}`), 204)
		if held := ok[sallyport.Page[sallyport.RoleHeld]](p.do("GET", path+"/roles", ""), 200); len(held.Items) < 1 {
			t.Errorf("%+v", held)
		}
		ok[struct{}](p.do("DELETE", path+"/roles/helpdesk?tenant="+string(org.ID), ""), 204)
		role := ok[sallyport.CustomRole](p.do("POST", at+"/roles", `{"base":"helpdesk","name":"First line","rights":["people.view"]}`), 201)
		ok[sallyport.CustomRole](p.do("PUT", at+"/roles/"+role.ID, `{"base":"helpdesk","name":"First","rights":["people.view","people.unlock"]}`), 200)
		if roles := ok[sallyport.Roles](p.do("GET", at+"/roles", ""), 200); len(roles.Custom) != 1 || roles.Custom[0].Name != "First" {
			t.Errorf("%+v", roles)
		}
		ok[struct{}](p.do("DELETE", at+"/roles/"+role.ID, ""), 204)
		// Settings.
		set := ok[sallyport.Settings](p.do("PUT", at+"/settings", `{"challenge":"untrusted_browser"}`), 200)
		if !strings.Contains(string(set.Document), "untrusted_browser") {
			t.Errorf("%s", set.Document)
		}
		ok[sallyport.MFA](p.do("PUT", at+"/mfa", `{"requirement":["per_user"]}`), 200)
		p.do("PUT", at+"/settings", `{"requirement":[]}`).no(422, "policy.use_mfa_switch", "")
		eff := ok[sallyport.Settings](p.do("GET", at+"/settings?effective=true", ""), 200).Effective["challenge"]
		if string(eff.Value) != `"untrusted_browser"` || eff.From == nil || eff.From.ID != string(org.ID) || eff.By != string(p.p.ID) || eff.Locked || eff.Since == nil {
			t.Errorf("%+v", eff)
		}
		ok[sallyport.Page[sallyport.Difference]](p.do("GET", at+"/presets/organization-wide", ""), 200)
		ok[sallyport.Settings](p.do("POST", at+"/presets/self-service", ""), 200)
		sim := ok[sallyport.Preview](p.do("POST", "/policy/simulate", `{"tenant":"`+string(org.ID)+`","change":{"requirement":["organization"],"new_user_window":{"days":0}}}`), 200)
		if len(sim.Settings) == 0 || len(sim.Effects) == 0 {
			t.Errorf("%+v", sim)
		}
		why := ok[sallyport.Explanation](p.do("POST", "/policy/explain", `{"user":"anna@example.com","address":"192.0.2.1"}`), 200)
		if why.User.ID != string(anna.ID) || len(why.Rules) == 0 {
			t.Errorf("%+v", why)
		}
		// Apps.
		app := ok[sallyport.App](p.do("POST", "/apps", `{"tenant":"`+string(org.ID)+`","name":"Wiki","settings":{"redirect_uris":["https://wiki.example/back"],"access_life":"10m"}}`), 201)
		if app.Secret == "" || app.Doc.AccessLife != "10m" {
			t.Errorf("%+v", app)
		}
		p.do("POST", "/apps", `{"tenant":"`+string(org.ID)+`","name":"Wiki","settings":{"access_life":"soon"}}`).no(422, "api.field_invalid", "settings.access_life")
		ok[sallyport.App](p.do("PATCH", "/apps/"+app.ID, `{"name":"The wiki"}`), 200)
		ok[sallyport.App](p.do("PATCH", "/apps/"+app.ID, `{"state":"disabled"}`), 200)
		if got := ok[sallyport.App](p.do("POST", "/apps/"+app.ID+"/rotate", `{"overlap_hours":0}`), 200); got.Secret == "" || got.Secret == app.Secret {
			t.Errorf("%+v", got)
		}
		if got := ok[sallyport.App](p.do("GET", "/apps/"+app.ID, ""), 200); got.Secret != "" || got.State != "disabled" || got.Name != "The wiki" {
			t.Errorf("%+v", got)
		}
		if apps := ok[sallyport.Page[sallyport.App]](p.do("GET", "/apps", ""), 200); len(apps.Items) != 1 {
			t.Errorf("%+v", apps)
		}
		ok[struct{}](p.do("DELETE", "/apps/"+app.ID, ""), 204)
		if s := ok[sallyport.Support](p.do("GET", at+"/support", ""), 200); s.Access != "closed" && s.Access != "open" {
			t.Errorf("%+v", s)
		}
		ok[sallyport.Support](p.do("PUT", at+"/support", `{"support_access":"closed"}`), 200)
		ok[struct{}](p.do("DELETE", "/users/"+u.ID, ""), 204)
		p.do("GET", "/users/"+u.ID, "").no(404, "not_found", "")
	})
}

// A-16, B-34: what is foreign and what never was get the same bytes.
func TestForeignAndUnknownAreTheSameB34(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		own, other := h.Organisation("Own", "self-service", ""), h.Organisation("Other", "self-service", "")
		p := programOf(h, own, "tool@example.com", core.CustomerAdmin, own)
		who := h.Person(other, "them@example.com")
		for path, is := range map[string]string{"/tenants/%s": string(other.ID), "/tenants/%s/mfa": string(other.ID), "/tenants/%s/settings": string(other.ID), "/tenants/%s/users": string(other.ID),
			"/tenants/%s/roles": string(other.ID), "/tenants/%s/support": string(other.ID), "/audit?tenant=%s": string(other.ID), "/apps?tenant=%s": string(other.ID), "/readiness?tenant=%s": string(other.ID),
			"/users/%s": string(who.ID), "/users/%s/sessions": string(who.ID), "/tenants?under=%s": string(other.ID)} {
			a := p.do("GET", fmt.Sprintf(path, is), "")
			b := p.do("GET", fmt.Sprintf(path, is[:len(is)-6]+"zzzzzz"), "")
			if a.Status != 404 || plain(a) != plain(b) {
				t.Errorf("%s: %d %s\nand of an id that never was %d %s", path, a.Status, a.Body, b.Status, b.Body)
			}
		}
		before := who.User().Version
		for _, deed := range []string{"unlock", "disable", "reset-mfa", "invite"} {
			a, b := p.do("POST", "/users/"+string(who.ID)+"/"+deed, ""), p.do("POST", "/users/us_none/"+deed, "")
			if a.Status != 404 || plain(a) != plain(b) {
				t.Errorf("%s: %s\n%s", deed, a.Body, b.Body)
			}
		}
		if who.User().Version != before {
			t.Error("something was changed")
		}
	})
}

// plain is a body without the request's number.
func plain(r reply) string {
	var p map[string]any
	_ = json.Unmarshal([]byte(r.Body), &p)
	delete(p, "request")
	return fmt.Sprint(r.Status, p)
}
