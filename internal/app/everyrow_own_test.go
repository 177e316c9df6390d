package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/adminapi"
	"sallyport/internal/core"
	"sallyport/internal/hosted"
	"sallyport/internal/portal"
	"sallyport/internal/secret"
	"sallyport/internal/testkit/house"
	"sallyport/internal/web"
)

// The rows of one's own account and of the door, which know no roles: what comes of
// them is the same for everybody who is signed in. A letter is one of
//
//	y  the page is shown
//	>  leads on, and stays where it is one's own or at the door
//	h  held: who administers the platform or a partner cannot be without a factor
//	i  what was sent is not right, and the page says so
//	n  not found: there is no such thing of this browser
//	a  refused, and nothing is written: not while they act for another organisation
//	u  unauthorised: this row knows programs and no browsers
//	d  to the door, and nothing is written
//
// for somebody signed in, somebody who acts, and nobody. What is sent by the two that
// are refused is right in every field.
var ownTable = map[string]string{
	"GET /account":                               "> a d",
	"GET /account/{$}":                           "> a d",
	"GET /account/security/{$}":                  "> a d",
	"GET /account/security":                      "y a d",
	"GET /account/security/totp":                 "y a d",
	"POST /account/security/totp":                "i a d",
	"GET /account/security/recovery-code":        "y a d",
	"POST /account/security/recovery-code":       "i a d",
	"POST /account/security/recovery-code/file":  "> a d",
	"GET /account/security/disable":              "y a d",
	"POST /account/security/disable":             "i a d",
	"GET /account/security/setup-key":            "i a d",
	"POST /account/security/setup-key":           "> a d",
	"GET /account/trust-browser":                 "> a d",
	"POST /account/trust-browser":                "> a d",
	"GET /account/security/browsers":             "y a d",
	"GET /account/security/browsers/forget":      "> a d",
	"POST /account/security/browsers/forget":     "> a d",
	"GET /account/security/sessions":             "y a d",
	"POST /account/security/sessions":            "n a d",
	"POST /account/security/sessions/others":     "> a d",
	"GET /account/apps":                          "y a d",
	"POST /account/apps":                         "n a d",
	"GET /account/security/confirm-mail":         "> a d",
	"POST /account/security/confirm-mail":        "> a d",
	"POST /account/security/confirm-mail/resend": "> a d",
	"GET /account/verify":                        "> > d",
	"POST /account/verify":                       "> > d",
	"GET /account/password":                      "y a d",
	"POST /account/password":                     "i a d",
	"GET /account/profile":                       "y a d",
	"POST /account/profile":                      "> a d",

	"GET /{$}":                                    "y y y",
	"GET /sign-in":                                "> > y",
	"POST /sign-in":                               "i i i",
	"GET /sign-in/{attempt}":                      "n n n",
	"GET /sign-in/{attempt}/code":                 "n n n",
	"POST /sign-in/{attempt}/code":                "n n n",
	"GET /sign-in/{attempt}/reset-mfa":            "n n n",
	"POST /sign-in/{attempt}/reset-mfa":           "n n n",
	"GET /sign-in/{attempt}/reset-browsers":       "n n n",
	"POST /sign-in/{attempt}/reset-browsers":      "n n n",
	"GET /sign-in/{attempt}/setup-required":       "n n n",
	"POST /sign-in/{attempt}/setup-required":      "n n n",
	"GET /sign-in/{attempt}/confirm-mail":         "n n n",
	"POST /sign-in/{attempt}/confirm-mail":        "n n n",
	"POST /sign-in/{attempt}/confirm-mail/resend": "n n n",
	"GET /sign-in/{attempt}/enrol-totp":           "n n n",
	"POST /sign-in/{attempt}/enrol-totp":          "n n n",
	"GET /sign-in/{attempt}/new-password":         "n n n",
	"POST /sign-in/{attempt}/new-password":        "n n n",
	"POST /sign-out":                              "> > >",
	"GET /signed-out":                             "y y y",
	"GET /invitation/{token}":                     "n n n",
	"POST /invitation/{token}":                    "n n n",
	"GET /reset":                                  "y y y",
	"POST /reset":                                 "i i i",
	"GET /reset/{token}":                          "n n n",
	"POST /reset/{token}":                         "n n n",
	"GET /admin-link/{token}":                     "n n n",
	"POST /admin-link/{token}":                    "n n n",
	"GET /confirm/{token}":                        "n n n",
	"POST /confirm/{token}":                       "n n n",
	"GET /email/{token}":                          "n n n",
	"POST /email/{token}":                         "n n n",
	"GET /.well-known/change-password":            "> > >",

	"GET /api/":      "n n n",
	"POST /api/":     "n n n",
	"PUT /api/":      "n n n",
	"PATCH /api/":    "n n n",
	"DELETE /api/":   "n n n",
	"GET /api/v1/me": "u u u",

	"GET /api/v1/openapi.json": "y y y",
	"GET /api/docs":            "y y y",
}

// sent are the fields of a form, right in every one when they come from p.
func sent(p *house.Person, pattern string) []string {
	switch _, path, _ := strings.Cut(pattern, " "); path {
	case "/account/security/totp", "/account/verify":
		return []string{"code", p.Code()}
	case "/account/security/recovery-code":
		return []string{"saved", "yes"}
	case "/account/security/disable":
		return []string{"confirm", "yes", "code", p.Code()}
	case "/account/security/setup-key":
		return []string{"go", "show"}
	case "/account/trust-browser":
		return []string{"trust", "yes"}
	case "/account/security/browsers/forget":
		return []string{"browser", string(p.Browsers()[0].ID), "code", p.Code()}
	case "/account/security/sessions":
		return []string{"session", string(p.Sessions()[0].ID)}
	case "/account/apps":
		return []string{"app", "ap_none"}
	case "/account/password":
		return []string{"password", p.Password, "new_password", "Another long pass phrase"}
	case "/account/profile":
		return []string{"locale", "de"}
	}
	return []string{"code", p.Code(), "new_password", "Another long pass phrase", "go", "enrol"}
}

// wrong are fields with nothing in them that could be right.
func wrong(pattern string) []string {
	switch _, path, _ := strings.Cut(pattern, " "); path {
	case "/account/security/sessions":
		return []string{"session", "se_none"}
	case "/account/apps":
		return []string{"app", "ap_none"}
	case "/account/password":
		return []string{"password", "never the right words", "new_password", "Another long pass phrase"}
	case "/account/verify", "/account/security/totp":
		return []string{"code", "000000"}
	case "/account/profile":
		return []string{"locale", "de"}
	case "/sign-in":
		return []string{"login", "nobody@example.com", "password", "never the right words"}
	}
	return nil
}

func TestEveryOtherRow(t *testing.T) {
	all := slices.Concat((&hosted.Handler{}).Routes(), (&portal.Handler{}).Routes(), (&adminapi.Handler{}).Routes())
	all = slices.DeleteFunc(all, func(row web.Route) bool {
		// Operations stand in a table of their own.
		_, path, _ := strings.Cut(row.Pattern, " ")
		return strings.HasPrefix(path, "/api/v1/") && path != "/api/v1/me" && path != "/api/v1/openapi.json"
	})
	inTable := map[string]bool{}
	for pattern := range ownTable {
		inTable[pattern] = true
	}
	for _, row := range all {
		if !inTable[row.Pattern] {
			t.Errorf("%s stands in no table: who may use it?", row.Pattern)
		}
		delete(inTable, row.Pattern)
	}
	for pattern := range inTable {
		t.Errorf("%s stands in the table and is no row", pattern)
	}
	house.Each(t, func(t *testing.T, h *house.House) {
		w := newWorld(t, h)
		other := w.account(w.fremd, nil)
		attempt := strings.Split(other.Attempt(h.Raw("192.0.2.9")), "/")[2]
		for name, k := range map[string]struct {
			column int
			p      *house.Person
		}{
			"the platform's administrator": {0, w.holder(h.Root, core.PlatformAdmin)}, "a partner's administrator": {0, w.holder(w.nordwind, core.PartnerAdmin)},
			"a customer's administrator": {0, w.holder(w.huber, core.CustomerAdmin)}, "the first line": {0, w.holder(w.huber, core.Helpdesk)}, "an auditor": {0, w.holder(w.huber, core.Auditor)},
			"a custom role": {0, w.holder(w.huber, w.custom(w.huber, "Here"))}, "somebody without a role": {0, w.holder(w.huber, "")}, "a stranger": {0, w.holder(w.fremd, core.CustomerAdmin)},
			"acting": {1, w.vera}, "nobody": {2, w.account(w.huber, nil)},
		} {
			w.seated(k.p)
			must(t, h.Directory.Unlock(t.Context(), k.p.ID, access.System(), core.Client{}))
			for _, row := range all {
				want := strings.Fields(ownTable[row.Pattern])[k.column]
				if strings.HasSuffix(row.Pattern, "/disable") && k.column == 0 && (k.p.Tenant == h.Root.ID || k.p.Tenant == w.nordwind.ID) {
					want = "h"
				}
				w.ownStep(name, k.column, k.p, row, attempt, want)
			}
		}
	})
}

// ownStep asks one row, in a browser that came in a moment ago.
func (w *world) ownStep(name string, column int, p *house.Person, row web.Route, attempt, want string) {
	w.t.Helper()
	var r *house.Raw
	switch column {
	case 0:
		r = w.enter(p)
	case 1:
		r = w.act(w.huber)
	default:
		r = w.Raw(at(w.n))
	}
	w.Clock.Advance(30e9) // a code that was not used yet
	w.n++
	token := secret.Token()
	method, path := target(row, attempt, token)
	fields := wrong(row.Pattern)
	if column > 0 && row.Guard != web.Public && row.Guard != web.Attempt {
		fields = sent(p, row.Pattern)
	}
	if method == http.MethodGet {
		fields = nil
	}
	before := w.print(p.Tenant)
	do := func(path string) house.Answer {
		if method != http.MethodGet && method != http.MethodPost {
			return r.Clone().Do(method, path, "application/json", "{}")
		}
		return ask(r.Clone(), method, path, fields)
	}
	a := do(path)
	got := ""
	switch {
	case a.Status == http.StatusForbidden && a.Fault() == "support.acting":
		got = "a"
	case a.Status == http.StatusUnauthorized:
		got = "u"
	case a.Status == http.StatusNotFound:
		got = "n"
	case a.Status == http.StatusForbidden && a.Fault() == "policy.locked":
		got = "h"
	case (a.Status == http.StatusUnprocessableEntity || a.Status == http.StatusConflict) && a.Fault() != "":
		got = "i"
	case column == 2 && row.Guard == web.Session || column == 2 && row.Guard == web.FullSession:
		if isDoor(a, method, path) {
			got = "d"
		}
	case a.Status/100 == 3 && strings.HasPrefix(a.Location, "/"):
		got = ">"
	case a.Status == http.StatusOK && a.Page() != "error" && a.Fault() == "":
		got = "y"
	}
	if got != want {
		w.t.Errorf("%s by %s: %q, wanted %q (status %d to %q, page %q, fault %q)", row.Pattern, name, got, want, a.Status, a.Location, a.Page(), a.Fault())
	}
	if changed := w.print(p.Tenant) != before; changed && strings.Contains("a d n u", want) {
		w.t.Errorf("%s by %s: something was written", row.Pattern, name)
	}
	if want == "n" && strings.Contains(row.Pattern, "{attempt}") {
		// Another browser's attempt is none.
		_, nowhere := target(row, secret.NewID(core.PrefixAttempt, w.Clock.Now()), token)
		if b := do(nowhere); same(a) != same(b) {
			w.t.Errorf("%s by %s: an attempt of somebody else is told from none:\n%s\n%s", row.Pattern, name, same(a), same(b))
		}
	}
}
