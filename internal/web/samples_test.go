package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"rsc.io/qr"

	"sallyport/internal/core"
	"sallyport/internal/hosted"
	"sallyport/internal/oidc"
	"sallyport/internal/portal"
	"sallyport/internal/web"
	"sallyport/internal/web/factor"
)

// sample is a page in one of its states, filled as a real one would be.
type sample struct {
	name string // the page's data-page, then its state after a dot
	page templ.Component
}

// now is a moment with "today", "yesterday" and older days around it.
var sampleNow = time.Date(2025, 12, 14, 14, 2, 37, 0, time.UTC)

func samplePage(fault error) web.Page {
	berlin := time.FixedZone("CET", 3600)
	return web.Page{Org: web.Org{Name: "Bäckerei Huber & Söhne"}, Zone: berlin, Now: sampleNow, Fault: fault, Person: "Anna Huber-Reitinger"}
}

func sampleSetup(t *testing.T) factor.Setup {
	t.Helper()
	const uri = "otpauth://totp/B%C3%A4ckerei%20Huber:tobias.reiter@baeckerei-huber.example?secret=NRXG64TBMJSWY3DPEB2G6IDUK5XW4ZLE&issuer=B%C3%A4ckerei%20Huber"
	code, err := qr.Encode(uri, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+4, y+4)
			}
		}
	}
	return factor.Setup{QR: web.QR{Path: path.String(), Size: code.Size + 8}, URI: uri, Key: "NRXG 64TB MJSW Y3DP EB2G 6IDU K5XW 4ZLE",
		Account: "tobias.reiter@baeckerei-huber.example", Issuer: "Bäckerei Huber & Söhne", Digits: 6, Period: 30, Algorithm: "SHA-1"}
}

func samples(t *testing.T) []sample {
	p, at := samplePage, func(days, hours int) time.Time {
		return sampleNow.AddDate(0, 0, -days).Add(-time.Duration(hours) * time.Hour)
	}
	mismatch := core.ErrCodeMismatch.With("now", sampleNow).With("drift_minutes", -7)
	locked := core.ErrFactorLocked.With("until", sampleNow.Add(3*time.Minute)).After(3 * time.Minute)
	short := core.Invalid("password.too_short", "min", 15)
	flash := p(nil)
	flash.Flash = "mfa_on"
	mail := web.MaskMail("anna.huber@baeckerei-huber.example")
	one := factor.Sheet{Codes: []string{"K7QD-M2XR-9FHW-T4VB-6NPC-E8JS"}, Why: factor.WhyEnrolled, Account: "tobias.reiter@baeckerei-huber.example", Organisation: "Bäckerei Huber & Söhne", Made: sampleNow}
	used, ten := one, one
	used.Why = factor.WhyUsed
	ten.Why, ten.Codes = factor.WhyMade, nil
	for i := range 10 {
		ten.Codes = append(ten.Codes, fmt.Sprintf("K7QD-M2XR-9FHW-T4VB-6NPC-E8J%d", i))
	}
	sessions := []portal.SessionItem{
		{ID: "ses_1", Agent: "Firefox, Linux", Address: "192.0.2.7", Since: at(0, 1), Seen: sampleNow, This: true},
		{ID: "ses_2", Agent: "Samsung Internet, Android", Address: "2001:db8:85a3::8a2e:370:7334", Since: at(1, 2), Seen: at(0, 3)},
		{ID: "ses_3", Address: "203.0.113.9", Since: at(20, 0), Seen: at(9, 0)},
	}
	recovery := portal.Recovery{Offered: true, Left: 1, Total: 1, Made: at(40, 0), Single: true}
	security := portal.SecurityPage{Page: p(nil), Status: portal.StatusOn, MayDisable: true, Recovery: recovery, Sessions: sessions, AllSessions: 4,
		Methods: []portal.Method{{Name: "Annas Telefon", Added: at(200, 0), Used: at(0, 1)}, {Added: at(3, 0), LockedUntil: sampleNow.Add(time.Hour)}, {Added: at(90, 0), Dead: true}},
		Activity: []portal.Activity{{At: at(0, 1), Event: "signin.succeeded", Where: "192.0.2.7"}, {At: at(1, 1), Event: "signin.failed", Where: "192.0.2.7", Refused: true},
			{At: at(9, 0), Event: "user.mfa.recovery_regenerated", Where: "2001:db8:85a3::8a2e:370:7334"}, {At: at(12, 0), Event: "user.password.changed", Refused: true}, {At: at(12, 0), Event: "something.new"}},
		Idle: time.Hour, Max: 24 * time.Hour}
	required, off, none := security, security, security
	required.Page, required.Status, required.By, required.Since = flash, portal.StatusRequired, "Nordwind Managed Services GmbH", at(30, 0)
	off.Status, off.Methods, off.Activity = portal.StatusOff, nil, nil
	none.Status = portal.StatusNotOffered
	setup := sampleSetup(t)
	wrong := setup
	wrong.Typed = "418 027"

	browsers := []portal.BrowserItem{
		{ID: "br_1", Agent: "Chrome, Windows", Place: "203.0.113.7", Seen: at(0, 1), Until: at(-9, 0), This: true},
		{ID: "br_2", Place: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Seen: at(5, 0)},
	}
	due, waits := off, off
	due.Status, due.By, due.Since = portal.StatusDue, "Bäckerei Huber & Söhne", at(30, 0)
	waits.Status, waits.By, waits.Since, waits.Due, waits.SkipsLeft = portal.StatusDue, "Nordwind Managed Services GmbH", at(30, 0), at(-14, 0), 2
	required.Trusted, required.TrustOffered, required.TrustDays = browsers, true, 14
	return append([]sample{
		{"start", hosted.Start(hosted.StartPage{Page: p(nil)})},
		{"start.in", hosted.Start(hosted.StartPage{Page: p(nil), SignedIn: true})},
		{"sign-in", hosted.SignIn(hosted.SignInPage{Page: p(nil), Action: "/sign-in"})},
		{"sign-in.refused", hosted.SignIn(hosted.SignInPage{Page: p(core.ErrRefused), Action: "/sign-in", Login: "anna.huber", Hidden: []web.Hidden{{Name: "return_to", Value: "/account/"}}})},
		{"consent", oidc.Consent(oidc.ConsentPage{Page: p(nil), Action: "/oauth2/consent", App: "Nordwind Hauptbuch", Login: "anna.huber", Host: "hauptbuch.nordwind.example",
			Scopes: []oidc.Scope{{Word: "openid", Known: true}, {Word: "profile", Known: true}, {Word: "email", Known: true}, {Word: "offline_access", Known: true}, {Word: "ledger:read"}},
			Hidden: []web.Hidden{{Name: "request", Value: "x"}}})},
		{"device", oidc.EnterDevice(oidc.DevicePage{Page: p(nil), Action: "/device", Code: "BCDF-GHJK"})},
		{"device.wrong", oidc.EnterDevice(oidc.DevicePage{Page: p(core.Invalid("device.code_unknown")), Action: "/device"})},
		{"device-confirm", oidc.AllowDevice(oidc.AllowDevicePage{Page: p(nil), Action: "/device/answer", App: "Nordwind Hauptbuch", Login: "anna.huber", Device: "Chrome, Android", Address: "192.0.2.7", Here: true, At: at(0, 0),
			Scopes: []oidc.Scope{{Word: "openid", Known: true}, {Word: "ledger:read"}}, Hidden: []web.Hidden{{Name: "request", Value: "x"}}})},
		{"device-confirm.far", oidc.AllowDevice(oidc.AllowDevicePage{Page: p(nil), Action: "/device/answer", App: "Nordwind Hauptbuch", Login: "anna.huber", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", At: at(0, 0),
			Hidden: []web.Hidden{{Name: "request", Value: "x"}}})},
		{"device-done", oidc.DeviceDone(oidc.DeviceDonePage{Page: p(nil)})},
		{"device-done.denied", oidc.DeviceDone(oidc.DeviceDonePage{Page: p(nil), Denied: true})},
		{"sign-out", oidc.Logout(oidc.LogoutPage{Page: p(nil), Action: "/oauth2/logout/confirm", Hidden: []web.Hidden{{Name: "request", Value: "x"}}})},
		{"sign-out.app", oidc.Logout(oidc.LogoutPage{Page: p(nil), Action: "/oauth2/logout/confirm", App: "Nordwind Hauptbuch", Hidden: []web.Hidden{{Name: "request", Value: "x"}}})},
		{"code", hosted.Code(hosted.CodePage{Page: p(nil), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Login: "anna.huber", Mail: mail, Digits: 6, Recovery: true})},
		{"code.wrong", hosted.Code(hosted.CodePage{Page: p(mismatch), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Mail: mail, Method: "Annas Telefon", Digits: 6, Recovery: true, Typed: "418 027"})},
		{"code.locked", hosted.Code(hosted.CodePage{Page: p(locked), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Mail: mail, Digits: 8, Recovery: true, LockedUntil: sampleNow.Add(3 * time.Minute)})},
		{"code.paused", hosted.Code(hosted.CodePage{Page: p(nil), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Mail: mail, Digits: 6, LockedUntil: sampleNow.Add(3 * time.Minute)})},
		{"code.dead", hosted.Code(hosted.CodePage{Page: p(nil), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Mail: mail, Digits: 6, Recovery: true, Dead: true})},
		{"code.text", hosted.Code(hosted.CodePage{Page: p(nil), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Mail: mail, Digits: 6, Recovery: true, Text: true, Typed: "K7QD-M2XR-9FHW-T4VB-6NPC-E8JS"})},
		{"code.prompts", hosted.Code(hosted.CodePage{Page: p(nil), Action: "/sign-in/att_1/code", NotYou: "/sign-in", Mail: mail, Digits: 6, ResetMFA: "/sign-in/att_1/reset-mfa", ResetBrowsers: "/sign-in/att_1/reset-browsers"})},
		{"reset-mfa", hosted.Prompt(hosted.PromptPage{Page: p(nil), Kind: hosted.PromptMFA, Action: "/sign-in/att_1/reset-mfa", Back: "/sign-in/att_1/code", Login: "anna.huber", Mail: mail, Digits: 6, Required: true, Recovery: true})},
		{"reset-mfa.off", hosted.Prompt(hosted.PromptPage{Page: p(mismatch), Kind: hosted.PromptMFA, Action: "/sign-in/att_1/reset-mfa", Back: "/sign-in/att_1/code", Mail: mail, Digits: 8, Typed: "418 027"})},
		{"reset-browsers", hosted.Prompt(hosted.PromptPage{Page: p(nil), Kind: hosted.PromptBrowsers, Action: "/sign-in/att_1/reset-browsers", Back: "/sign-in/att_1/code", Mail: mail, Digits: 6, Trusted: 3})},
		{"setup-required", hosted.SetupRequired(hosted.SetupRequiredPage{Page: p(nil), Action: "/sign-in/att_1/setup", By: "Nordwind Managed Services GmbH", App: "Kassenportal", Since: at(30, 0), Due: at(-14, 0), SkipAllowed: true, SkipsLeft: 2, SkipsTotal: 3, Contact: "Anna Huber", ContactMail: "anna.huber@baeckerei-huber.example"})},
		{"setup-required.due", hosted.SetupRequired(hosted.SetupRequiredPage{Page: p(core.Invalid("mfa.setup_required")), Action: "/sign-in/att_1/setup", By: "Bäckerei Huber", Since: at(30, 0), Recommended: "Duo Mobile"})},
		{"setup-required.offered", hosted.SetupRequired(hosted.SetupRequiredPage{Page: p(nil), Action: "/sign-in/att_1/setup", Offered: true, SkipAllowed: true})},
		{"enrol-totp", hosted.EnrolTOTP(hosted.EnrolTOTPPage{Page: p(nil), Setup: setup, Action: "/sign-in/att_1/totp", Steps: true, Last: "recovery"})},
		{"enrol-totp.sheet", hosted.EnrolTOTP(hosted.EnrolTOTPPage{Page: p(nil), Setup: setup, Action: "/sign-in/att_1/totp", Steps: true, Last: "sheet"})},
		{"enrol-totp.short", hosted.EnrolTOTP(hosted.EnrolTOTPPage{Page: p(nil), Setup: setup, Action: "/sign-in/att_1/totp", Steps: true})},
		{"enrol-totp.wrong", hosted.EnrolTOTP(hosted.EnrolTOTPPage{Page: p(mismatch), Setup: wrong, Action: "/sign-in/att_1/totp", Replaces: true, Recommended: "Duo Mobile", SkipAction: "/sign-in/att_1/setup"})},
		{"trust-browser", hosted.TrustBrowser(hosted.TrustBrowserPage{Page: p(nil), Action: "/account/trust-browser", Agent: "Chrome, Windows", Place: "203.0.113.7", Days: 14, Until: at(-14, 0)})},
		{"trust-browser.no_end", hosted.TrustBrowser(hosted.TrustBrowserPage{Page: p(core.Invalid("browser.unknown")), Action: "/account/trust-browser"})},
		{"recovery-code", hosted.RecoveryCode(hosted.RecoveryCodePage{Page: p(nil), Sheet: one, Action: "/account/recovery", Steps: true})},
		{"recovery-code.used", hosted.RecoveryCode(hosted.RecoveryCodePage{Page: p(core.ErrSavedRequired), Sheet: used, Action: "/account/recovery"})},
		{"recovery-code.ten", hosted.RecoveryCode(hosted.RecoveryCodePage{Page: p(nil), Sheet: ten, Action: "/account/recovery"})},
		{"setup-key-sheet", hosted.KeySheet(hosted.KeySheetPage{Page: p(nil), Sheet: factor.KeySheet{Setup: setup, Organisation: "Bäckerei Huber & Söhne", Made: sampleNow}, Action: "/account/security/setup-key"})},
		{"confirm-mail", hosted.ConfirmMail(hosted.ConfirmMailPage{Page: p(nil), Action: "/sign-in/att_1/mail", ResendAction: "/sign-in/att_1/mail/resend", Mail: mail})},
		{"confirm-mail.early", hosted.ConfirmMail(hosted.ConfirmMailPage{Page: p(core.NewFault(core.KindConflict, "enrol_proof.missing")), Action: "/sign-in/att_1/mail", ResendAction: "/sign-in/att_1/mail/resend", Mail: mail, Resent: true, PassAction: "/sign-in/att_1/mail", Typed: "ABCD-EFGH", SkipAction: "/sign-in/att_1/setup"})},
		{"proof-done", hosted.ProofDone(hosted.ProofDonePage{Page: p(nil)})},
		{"invitation", hosted.NewPassword(hosted.NewPasswordPage{Page: p(nil), Action: "/invitation/x", Why: hosted.WhyInvited, Login: "tobias.reiter", Mail: "tobias.reiter@baeckerei-huber.example", Inviter: "Anna Huber", Until: at(-15, 0), MinLength: 15})},
		{"new-password.reset", hosted.NewPassword(hosted.NewPasswordPage{Page: p(short), Action: "/reset/x", Why: hosted.WhyReset, Login: "tobias.reiter", MinLength: 15})},
		{"new-password.clears", hosted.NewPassword(hosted.NewPasswordPage{Page: p(nil), Action: "/reset/x", Why: hosted.WhyReset, Login: "tobias.reiter", MinLength: 15, ClearsMFA: true})},
		{"new-password.forced", hosted.NewPassword(hosted.NewPasswordPage{Page: p(nil), Action: "/sign-in/att_1/password", Why: hosted.WhyForced, Login: "tobias.reiter", MinLength: 15})},
		{"new-password.admin", hosted.NewPassword(hosted.NewPasswordPage{Page: p(nil), Action: "/sign-in/att_1/password", Why: hosted.WhyAdminLink, Login: "tobias.reiter", MinLength: 8, Until: at(-1, 0)})},
		{"link.reset", hosted.Link(hosted.LinkPage{Page: p(nil), Kind: hosted.LinkReset, Action: "/reset/x", Login: "tobias.reiter", Until: at(-1, 0)})},
		{"link.admin", hosted.Link(hosted.LinkPage{Page: p(nil), Kind: hosted.LinkAdmin, Action: "/admin-link/x", Login: "tobias.reiter", Until: at(-1, 0)})},
		{"link.proof", hosted.Link(hosted.LinkPage{Page: p(nil), Kind: hosted.LinkEnrolProof, Action: "/confirm/x", Login: "tobias.reiter"})},
		{"reset", hosted.ResetAsk(hosted.ResetAskPage{Page: p(nil), Action: "/reset"})},
		{"reset-sent", hosted.ResetSent(hosted.ResetSentPage{Page: p(nil)})},
		{"code.stepup", hosted.StepUp(hosted.StepUpPage{Page: p(nil), Kind: hosted.StepUpCode, Action: "/account/confirm", Back: "/account/security", Mail: mail, Method: "Annas Telefon", Digits: 6, Recovery: true})},
		{"password.stepup", hosted.StepUp(hosted.StepUpPage{Page: p(core.Invalid("password.wrong_current")), Kind: hosted.StepUpPassword, Action: "/account/confirm", Back: "/account/security", Login: "anna.huber", Mail: mail})},
		{"signed-out", hosted.SignedOut(hosted.SignedOutPage{Page: p(nil)})},
		{"account", portal.Home(portal.HomePage{Page: p(nil), Login: "anna.huber", Mail: "anna.huber@baeckerei-huber.example", Offered: true, Sessions: 3, LastSignIn: at(0, 1)})},
		{"account.due", portal.Home(portal.HomePage{Page: p(nil), Login: "anna.huber", Mail: "anna.huber@x.example", MFARequired: true, By: "Bäckerei Huber & Söhne", Since: at(30, 0), Due: at(-14, 0), Sessions: 1})},
		{"account.on", portal.Home(portal.HomePage{Page: flash, Login: "anna.huber@x.example", Mail: "anna.huber@x.example", MFAOn: true, Methods: 1, Sessions: 1})},
		{"security", portal.Security(security)},
		{"security.required", portal.Security(required)},
		{"security.off", portal.Security(off)},
		{"security.due", portal.Security(due)},
		{"security.waits", portal.Security(waits)},
		{"security.none", portal.Security(none)},
		{"browsers", portal.Browsers(portal.BrowsersPage{Page: p(nil), Items: browsers, Offered: true, Days: 14})},
		{"browsers.none", portal.Browsers(portal.BrowsersPage{Page: flash, Offered: true})},
		{"browsers.off", portal.Browsers(portal.BrowsersPage{Page: p(nil), Items: browsers[:1]})},
		{"forget-browser", portal.Forget(portal.ForgetPage{Page: p(mismatch), Action: "/account/security/browsers/forget", Items: browsers[1:], One: "br_2", AskCode: true, Digits: 6, Typed: "418 027"})},
		{"forget-browser.all", portal.Forget(portal.ForgetPage{Page: p(nil), Action: "/account/security/browsers/forget", Items: browsers})},
		{"disable", portal.Disable(portal.DisablePage{Page: p(nil), Action: "/account/security/disable", Apps: 1, Codes: 1})},
		{"disable.code", portal.Disable(portal.DisablePage{Page: p(core.ErrCodeUsed), Action: "/account/security/disable", Apps: 2, Codes: 10, AskCode: true, Digits: 6, Typed: "123456"})},
		{"enrol-totp.account", portal.TOTP(portal.TOTPPage{Page: p(nil), Setup: setup, Action: "/account/security/totp", Replaces: true})},
		{"recovery-renew", portal.RecoveryRenew(portal.RecoveryPage{Page: p(nil), Action: "/account/security/recovery-code", Recovery: recovery})},
		{"recovery-renew.set", portal.RecoveryRenew(portal.RecoveryPage{Page: p(nil), Action: "/account/security/recovery-code", Recovery: portal.Recovery{Left: 4, Total: 10, Made: at(9, 0)}})},
		{"recovery-code.account", portal.RecoveryCode(portal.RecoveryCodePage{Page: p(nil), Sheet: ten, Action: "/account/security/recovery-code"})},
		{"sessions", portal.Sessions(portal.SessionsPage{Page: p(nil), Items: sessions, EndAction: "/account/security/sessions", EndOthersAction: "/account/security/sessions/others", Idle: 30 * time.Minute, Max: 12 * time.Hour})},
		{"connected-apps", portal.Apps(portal.AppsPage{Page: p(nil), Action: "/account/apps", Items: []portal.AppItem{{ID: "ap_1", Name: "Nordwind Hauptbuch", Since: at(90, 0), Used: at(1, 0), Scopes: []string{"openid", "profile", "offline_access", "ledger:read"}, Live: 2}, {ID: "ap_2", Name: "Alt", Since: at(300, 0), Used: at(100, 0), Gone: true}}})},
		{"connected-apps.none", portal.Apps(portal.AppsPage{Page: p(nil), Action: "/account/apps"})},
		{"password", portal.Password(portal.PasswordPage{Page: p(nil), Action: "/account/password", Login: "anna.huber", MinLength: 15, Others: 2})},
		{"password.wrong", portal.Password(portal.PasswordPage{Page: p(core.Invalid("password.common")), Action: "/account/password", Login: "anna.huber", MinLength: 15})},
		{"profile", portal.Profile(portal.ProfilePage{Page: p(nil), Action: "/account/profile", Name: "Anna Huber-Reitinger", Login: "anna.huber", Mail: "anna.huber@baeckerei-huber.example", Default: "de"})},
		{"error", web.Error(web.ErrorPage{Page: p(core.NewFault(core.KindConflict, "invitation.expired").With("days", 15)), Request: "req_7M4KX2QZ"})},
		{"error.limited", web.Error(web.ErrorPage{Page: p(core.ErrRateLimited.After(4 * time.Minute)), Request: "req_7M4KX2QZ"})},
		{"error.notfound", web.Error(web.ErrorPage{Page: web.Page{Fault: core.ErrNotFound}})},
	}, consoleSamples()...)
}

// draw renders a page in one language, as a browser that asks for it gets it.
func draw(t *testing.T, page templ.Component, tag string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/?lang="+tag+"&return_to=/account/", nil)
	w := httptest.NewRecorder()
	web.Mux([]web.Route{{Pattern: "GET /{$}", Guard: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
		return web.Render(w, r, http.StatusOK, page)
	}}}, options(t)).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}
