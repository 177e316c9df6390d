package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/adminapi"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// The same as a table of the API: every operation in the hands of a service account that
// holds a role. The customer that it is about belongs to a partner and is managed by it.
// y is done, f and n are as on pages, s is refused for want of a person's fresh proof,
// which no program can give.
//
//	platform partner customer helpdesk auditor custom
var apiTable = map[string]apiRow{
	"me":                       {may: "y y y y y y", method: "GET", path: "/me"},
	"listTenants":              {may: "y y y f y y", method: "GET", path: "/tenants?under={x}"},
	"createTenant":             {may: "f f y f f f", method: "POST", path: "/tenants", body: `{"parent":"{x}","kind":"unit","name":"Nord {n}"}`},
	"getTenant":                {may: "y y y f y y", method: "GET", path: "/tenants/{x}"},
	"changeTenant rename":      {may: "y y y f f f", method: "PATCH", path: "/tenants/{x}", body: `{"name":"Another"}`},
	"changeTenant trial":       {may: "y y f f f f", method: "PATCH", path: "/tenants/{x}", body: `{"trial_days":9}`},
	"changeTenant support":     {may: "f f y f f f", method: "PATCH", path: "/tenants/{x}", body: `{"support_access":"closed"}`},
	"deleteTenant":             {may: "y y f f f f", method: "DELETE", path: "/tenants/{x}", body: `{"confirm":"{name}"}`},
	"restoreTenant":            {may: "y y n n n n", method: "POST", path: "/tenants/{x}/restore", ready: (*spot).remove},
	"convertTenant":            {may: "y y f f f f", method: "POST", path: "/tenants/{x}/convert"},
	"suspendTenant":            {may: "y y f f f f", method: "POST", path: "/tenants/{x}/suspend"},
	"resumeTenant":             {may: "y y f f f f", method: "POST", path: "/tenants/{x}/resume", ready: (*spot).suspend},
	"signOutTenant":            {may: "f f y f f f", method: "POST", path: "/tenants/{x}/sign-out"},
	"inviteFirstAdministrator": {may: "y y y f f f", method: "POST", path: "/tenants/{x}/first-administrator", body: `{"email":"first{n}@example.com","name":"First"}`},
	"getMFA":                   {may: "y y y f y y", method: "GET", path: "/tenants/{x}/mfa"},
	"putMFA":                   {may: "y y y f f f", method: "PUT", path: "/tenants/{x}/mfa", body: `{"requirement":["per_user","organization"]}`},
	"putMFA off":               {may: "s s s f f f", method: "PUT", path: "/tenants/{x}/mfa", body: `{"requirement":[],"confirm":"{name}"}`},
	"getSettings":              {may: "f f y y y y", method: "GET", path: "/tenants/{x}/settings"},
	"putSettings":              {may: "f f y f f f", method: "PUT", path: "/tenants/{x}/settings", body: `{"invitation_days":3}`},
	"getLocks":                 {may: "f y n n n n", method: "GET", path: "/tenants/{nordwind}/locks"},
	"putLocks":                 {may: "f y n n n n", method: "PUT", path: "/tenants/{nordwind}/locks", body: `{"session":{"idle":"20m"}}`},
	"getTemplate":              {may: "f y n n n n", method: "GET", path: "/tenants/{nordwind}/template"},
	"putTemplate":              {may: "f y n n n n", method: "PUT", path: "/tenants/{nordwind}/template", body: `{"invitation_days":3}`},
	"listPresets":              {may: "y y y y y y", method: "GET", path: "/presets"},
	"comparePreset":            {may: "f f y f f f", method: "GET", path: "/tenants/{x}/presets/self-service"},
	"applyPreset":              {may: "f f y f f f", method: "POST", path: "/tenants/{x}/presets/self-service"},
	"listUsers":                {may: "f f y y y y", method: "GET", path: "/tenants/{x}/users"},
	"createUser":               {may: "f f y f f f", method: "POST", path: "/tenants/{x}/users", body: `{"email":"new{n}@example.com","name":"New"}`},
	"findUser":                 {may: "y y y y y y", method: "GET", path: "/users?login={who}"}, // whoever sees nobody by it gets an empty list
	"getUser":                  {may: "n n y y y y", method: "GET", path: "/users/{who}"},
	"changeUser":               {may: "n n y f f y", method: "PATCH", path: "/users/{who}", body: `{"name":"Another"}`},
	"changeUser move":          {may: "n n y f f f", method: "PATCH", path: "/users/{who}", body: `{"tenant":"{unit}"}`},
	"deleteUser":               {may: "n n y f f f", method: "DELETE", path: "/users/{who}"},
	"inviteUser":               {may: "n n y y f f", method: "POST", path: "/users/{who}/invite", change: invited},
	"resetUserMFA":             {may: "n n s s f f", method: "POST", path: "/users/{who}/reset-mfa"},
	"resetUserBrowsers":        {may: "n n s s f f", method: "POST", path: "/users/{who}/reset-trusted-browsers"},
	"forgetUserBrowser":        {may: "n n s s f f", method: "DELETE", path: "/users/{who}/browsers/{browser}"},
	"unlockUser":               {may: "n n y y f f", method: "POST", path: "/users/{who}/unlock"},
	"disableUser":              {may: "n n y f f y", method: "POST", path: "/users/{who}/disable"},
	"enableUser":               {may: "n n y f f y", method: "POST", path: "/users/{who}/enable", change: stopped},
	"convertUser":              {may: "n n s f f f", method: "POST", path: "/users/{who}/convert", body: `{"reason":"scans","owner":"{other}"}`},
	"makeUserPass":             {may: "n n s s f f", method: "POST", path: "/users/{who}/pass", body: `{}`},
	"listUserSessions":         {may: "n n y y y y", method: "GET", path: "/users/{who}/sessions"},
	"endUserSessions":          {may: "n n y f f f", method: "DELETE", path: "/users/{who}/sessions"},
	"endUserSession":           {may: "n n y f f f", method: "DELETE", path: "/users/{who}/sessions/{session}"},
	"listUserRoles":            {may: "n n y y y y", method: "GET", path: "/users/{who}/roles"},
	"grantRole":                {may: "n n y f f f", method: "POST", path: "/users/{who}/roles", body: `{"role":"helpdesk","tenant":"{x}"}`},
	"revokeRole":               {may: "n n y f f f", method: "DELETE", path: "/users/{who}/roles/helpdesk?tenant={x}", ready: (*spot).given},
	"getRoles":                 {may: "f f y y y y", method: "GET", path: "/tenants/{x}/roles"},
	"createRole":               {may: "f f y f f f", method: "POST", path: "/tenants/{x}/roles", body: `{"base":"helpdesk","name":"Few","rights":["people.view"]}`},
	"changeRole":               {may: "f f y f f f", method: "PUT", path: "/tenants/{x}/roles/{role}", body: `{"base":"helpdesk","name":"Few","rights":["people.view"]}`},
	"deleteRole":               {may: "f f y f f f", method: "DELETE", path: "/tenants/{x}/roles/{role}"},
	"getSupport":               {may: "f f y f y f", method: "GET", path: "/tenants/{x}/support"},
	"putSupport":               {may: "f f y f f f", method: "PUT", path: "/tenants/{x}/support", body: `{"support_access":"closed"}`},
	"endActing":                {may: "f f n f f f", method: "DELETE", path: "/tenants/{x}/support/sessions/se_none"},
	"listApps":                 {may: "f f y f f f", method: "GET", path: "/apps?tenant={x}"},
	"createApp":                {may: "f f y f f f", method: "POST", path: "/apps", body: `{"tenant":"{x}","name":"Wiki","settings":{"redirect_uris":["https://wiki.example/back"]}}`},
	"getApp":                   {may: "f f y f f f", method: "GET", path: "/apps/{app}", ready: (*spot).wiki},
	"changeApp":                {may: "f f y f f f", method: "PATCH", path: "/apps/{app}", body: `{"name":"X"}`, ready: (*spot).wiki},
	"rotateApp":                {may: "f f y f f f", method: "POST", path: "/apps/{app}/rotate", body: `{}`, ready: (*spot).wiki},
	"retireAppSecret":          {may: "n n n n n n", method: "DELETE", path: "/apps/ap_none/secrets/0123456789ab"},
	"listUserApps":             {may: "n n y y y y", method: "GET", path: "/users/{who}/apps"},
	"endUserApp":               {may: "n n y f f f", method: "DELETE", path: "/users/{who}/apps/{app}", ready: (*spot).connected},
	"deleteApp":                {may: "f f y f f f", method: "DELETE", path: "/apps/{app}", ready: (*spot).wiki},
	"listAPIClients":           {may: "f f y f f f", method: "GET", path: "/api-clients?tenant={x}"},
	"createAPIClient":          {may: "f f s f f f", method: "POST", path: "/api-clients", body: `{"tenant":"{x}","name":"Tool"}`},
	"getAPIClient":             {may: "n n n n n n", method: "GET", path: "/api-clients/ap_none"},
	"changeAPIClient":          {may: "n n n n n n", method: "PATCH", path: "/api-clients/ap_none", body: `{"name":"X"}`},
	"rotateAPIClient":          {may: "n n n n n n", method: "POST", path: "/api-clients/ap_none/rotate", body: `{}`},
	"deleteAPIClient":          {may: "n n n n n n", method: "DELETE", path: "/api-clients/ap_none"},
	"listServiceAccounts":      {may: "f f y y y y", method: "GET", path: "/service-accounts?tenant={x}"},
	"createServiceAccount":     {may: "f f s f f f", method: "POST", path: "/service-accounts", body: `{"tenant":"{x}","login":"s{n}@example.com","name":"S","reason":"scans","owner":"{other}"}`},
	"getServiceAccount":        {may: "n n y y y y", method: "GET", path: "/service-accounts/{who}", change: program},
	"changeServiceAccount":     {may: "n n s f f f", method: "PATCH", path: "/service-accounts/{who}", body: `{"reason":"scans more","owner":"{other}"}`, change: program},
	"regularAccount":           {may: "n n s f f f", method: "POST", path: "/service-accounts/{who}/convert", change: program},
	"deleteServiceAccount":     {may: "n n y f f f", method: "DELETE", path: "/service-accounts/{who}", change: program},
	"replaceServiceAccount":    {may: "n n s f f f", method: "POST", path: "/service-accounts/{who}/replace", body: `{"name":"Tool"}`, change: program},
	"keepServiceAccount":       {may: "n n s f f f", method: "POST", path: "/service-accounts/{who}/keep", change: program},
	"listEvents":               {may: "f f y f y f", method: "GET", path: "/audit?tenant={x}"},
	"explainPolicy":            {may: "n n y y y y", method: "POST", path: "/policy/explain", body: `{"user":"{who}"}`},
	"simulatePolicy":           {may: "f f y f f f", method: "POST", path: "/policy/simulate", body: `{"tenant":"{x}","change":{"invitation_days":3}}`},
	"getReadiness":             {may: "f f y y y y", method: "GET", path: "/readiness?tenant={x}"},
}

type apiRow struct {
	may    string
	method string
	path   string
	body   string
	ready  func(*spot)
	change func(*core.User)
}

// knock sends a program's request.
func (s *spot) knock(p *house.Person, method, path, body string) house.Answer {
	r := s.Raw("192.0.2.4")
	if p != nil {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.Login+":"+p.Password)))
	}
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	return r.Do(method, "/api/v1"+path, kind, body)
}

// fill puts the ids of a spot into a text.
func (s *spot) fill(text string) string {
	return strings.NewReplacer("{x}", string(s.x.ID), "{who}", string(s.who.ID), "{unit}", string(s.unit.ID), "{role}", string(s.role), "{session}", string(s.session), "{browser}", string(s.browser),
		"{name}", s.x.Name, "{nordwind}", string(s.nordwind.ID), "{app}", string(s.app.ID), "{other}", string(s.other), "{n}", fmt.Sprint(s.n)).Replace(text)
}

func letterOf(a house.Answer) string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal([]byte(a.Body), &p)
	switch {
	case a.Status < 300:
		return "y"
	case a.Status == http.StatusNotFound && p.Code == "not_found", p.Code == "user.unknown":
		return "n"
	case a.Status == http.StatusForbidden && p.Code == "forbidden":
		return "f"
	case a.Status == http.StatusForbidden && p.Code == "step_up.required":
		return "s"
	}
	return fmt.Sprintf("%d:%s", a.Status, p.Code)
}

// Every operation, as every role; a refusal comes before anything is written.
func TestEveryOperationAsEveryRole(t *testing.T) {
	left := map[string]bool{}
	for _, id := range (&adminapi.Handler{}).Operations() {
		left[id] = true
	}
	for name := range apiTable {
		id, _, _ := strings.Cut(name, " ")
		delete(left, id)
	}
	for id := range left {
		t.Errorf("%s stands in no table: who may use it?", id)
	}
	house.Each(t, func(t *testing.T, h *house.House) {
		w := newWorld(t, h)
		for column, k := range []walker{
			{"platform", w.program(h.Root, core.PlatformAdmin), core.PlatformAdmin}, {"partner", w.program(w.nordwind, core.PartnerAdmin), core.PartnerAdmin},
			{"customer", w.program(w.huber, ""), core.CustomerAdmin}, {"helpdesk", w.program(w.huber, ""), core.Helpdesk}, {"auditor", w.program(w.huber, ""), core.Auditor}, {"custom", w.program(w.huber, ""), "custom"},
		} {
			for name, row := range apiTable {
				s := w.spotFor(k, h.Raw(""), row.change)
				if row.ready != nil {
					row.ready(s)
				}
				if strings.Contains(row.body, "{other}") {
					s.other = s.account(s.x, nil).ID
				}
				h.Settle()
				before := w.print(s.x.ID)
				a := s.knock(k.p, row.method, s.fill(row.path), s.fill(row.body))
				want := strings.Fields(row.may)[column]
				if got := letterOf(a); got != want {
					t.Errorf("%s of %s: %s, want %s: %s", name, k.name, got, want, a.Body)
				}
				if name == "findUser" && strings.Contains(string(a.Body), string(s.who.ID)) != (column > 1) {
					t.Errorf("%s finds by login: %s", k.name, a.Body)
				}
				if want != "y" && w.print(s.x.ID) != before {
					t.Errorf("%s of %s was refused and changed something", name, k.name)
				}
				// Who is nobody is asked who they are, before anything else.
				if column == 0 {
					if a := s.knock(nil, row.method, s.fill(row.path), s.fill(row.body)); a.Status != http.StatusUnauthorized {
						t.Errorf("%s of nobody: %d", name, a.Status)
					}
				}
			}
		}
	})
}

// wiki makes an app of the customer.
func (s *spot) wiki() {
	s.t.Helper()
	a, _, err := s.Directory.CreateApp(s.t.Context(), s.x.ID, directory.AppWish{Name: "Wiki", Doc: core.AppDoc{RedirectURIs: []string{"https://wiki.example/back"}}}, access.System(), core.Client{})
	must(s.t, err)
	s.app = a
}

// program makes a service account that holds a role where it has its account.
func (w *world) program(org core.Tenant, role core.Role) *house.Person {
	p := w.account(org, program)
	if role != "" {
		w.grant(p, role, org)
	}
	return p
}
