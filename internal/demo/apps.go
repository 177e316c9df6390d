package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"sallyport/internal/core"
	"sallyport/pkg/sallyport"
)

// The steps of apps and programs (rows WBX-03, WBX-07, WBX-14, ACR-22, ACR-23, ACR-31
// and ACR-33).

// uses opens the demo's small app and signs in to it; want is the page where that ends.
func (g *guest) uses(want string) {
	g.open(appPath, "demo-app")
	g.send(want)
}

// level is what the app's ID token says of the sign-in.
func (g *guest) level(want core.Level) {
	g.must(g.at.Name == "demo-app" && g.at.Tells("data-acr", want.ACR()), "the app's token says acr %q, not %q", g.at.Value("data-acr"), want.ACR())
}

// codeFlow: somebody who is signed in opens an app and is in, without a question, and the
// app holds tokens of theirs.
func (s *stage) codeFlow() (string, error) {
	jonas := s.jonas
	jonas.uses("demo-app")
	jonas.level(core.LevelPassword)
	if jonas.err != nil {
		return "", jonas.err
	}
	var id, access struct {
		Issuer string `json:"iss"`
		Client string `json:"client_id"`
		Tenant string `json:"tenant"`
		From   int64  `json:"iat"`
		Until  int64  `json:"exp"`
	}
	if err := errors.Join(json.Unmarshal([]byte(jonas.at.OfValue("data-claims", "id")), &id), json.Unmarshal([]byte(jonas.at.OfValue("data-claims", "access")), &access)); err != nil {
		return "", fmt.Errorf("the claims on the page: %w", err)
	}
	jonas.must(id.Issuer == s.base && id.Tenant == s.self.Name, "the ID token is of %q for %q", id.Issuer, id.Tenant)
	minutes := (access.Until - access.From) / 60
	jonas.must(access.Client != "" && minutes == int64(core.AccessLife.Minutes()), "the access token of %q lives %d minutes", access.Client, minutes)
	// What comes back works once, and only where it was begun.
	if jonas.err == nil {
		p, err := jonas.Get(appCallback + "?code=never&state=never")
		if jonas.err = err; err == nil {
			jonas.err = p.Refused(errAppUnknown.Code)
		}
	}
	return fmt.Sprintf("code with PKCE over HTTP: Jonas is in without a question, acr=%s; his access token lives %d minutes", core.LevelPassword.ACR(), minutes), jonas.err
}

// selected: the organisation asks for MFA in one app. Who has only shown a password is
// let in to another, asked there, and what the app got before goes on.
func (s *stage) selected() (string, error) {
	petra, err := s.enters(part{tenant: s.platform, name: "Petra Vogt", mail: "petra.vogt@sallyport.example", lang: "en", password: "Copper kettles on the shelf", role: core.PlatformAdmin, enrol: true})
	if err != nil {
		return "", err
	}
	s.opens(doorOperator, petra)
	// From above nobody sets what an organisation asks in its apps: she acts for it.
	petra.open(under(s.self, "/act"), "act")
	petra.send("tenant", "reason", "MFA für die kleine App, Auftrag 4712")
	jonas := s.jonas
	if err := s.selects(petra, "on", string(core.RequirePerUser), string(core.RequireSelectedApps)); err != nil {
		return "", err
	}
	jonas.see("demo-app", func() (Page, error) { return jonas.Post(appPath+"/renew", nil) })
	jonas.must(jonas.at.Tells("data-renewed", "1"), "the tokens that the app had before do not go on")
	jonas.open("/account/", "account")
	jonas.see("demo-protected", func() (Page, error) { return jonas.Show("/demo/protected") })
	jonas.uses("sign-in")
	jonas.must(strings.Contains(jonas.at.Text, relyingName), "the page does not say which app it is for")
	jonas.send("setup-required", "login", jonas.login, "password", jonas.password)
	jonas.send("enrol-totp")
	jonas.finish()
	jonas.level(core.LevelMFA)
	if jonas.err != nil {
		return "", jonas.err
	}
	// Each decides again, Jonas too.
	if err := s.selects(petra, "off", string(core.RequirePerUser)); err != nil {
		return "", err
	}
	jonas.open("/account/security/disable", "disable")
	jonas.send("security")
	jonas.open("/account/", "account")
	petra.see("admin-home", func() (Page, error) { return petra.Post("/admin/acting/end", nil) })
	return "the page behind the proxy lets a password in; the app goes on with the tokens it had, and at the next sign-in sets MFA up on the way", errors.Join(jonas.err, petra.err)
}

// selects moves the switch of the small app at the organisation where Jonas is, and which
// requirements are on there.
func (s *stage) selects(by *guest, to string, requirements ...string) error {
	app := s.app.id()
	by.open(under(s.self, "/security/apps?"+url.Values{"app": {app}, "go": {to}}.Encode()), "select-app")
	by.send("tenant-security")
	by.open(under(s.self, "/security/enable?"+url.Values{"requirement": requirements}.Encode()), "enable-preview")
	by.send("tenant-security")
	return by.err
}

// appStepUp: on a browser that she trusts, Anna comes with a password; the app asks for
// more, and she shows it.
func (s *stage) appStepUp() (string, error) {
	anna := s.bakery["Anna Huber"]
	anna.leaves()
	anna.asks("account")
	anna.uses("demo-app")
	anna.level(core.LevelTrustedBrowser)
	anna.send("code")
	anna.proves("demo-app")
	anna.level(core.LevelMFA)
	methods := anna.at.Value("data-amr")
	anna.see("demo-app", func() (Page, error) { return anna.Post(appPath+"/sign-out", nil) })
	anna.must(!strings.Contains(anna.at.Raw, "data-acr"), "the app still knows her")
	anna.open("/account/", "sign-in")
	anna.asks("account")
	return fmt.Sprintf("Anna's trusted browser, then acr_values: a code, and the token says acr=%s amr=[%s]; her sign-out there is one here", core.LevelMFA.ACR(), methods), anna.err
}

// device: something without a browser shows a short code; Anna types it on hers.
func (s *stage) device() (string, error) {
	anna := s.bakery["Anna Huber"]
	var shown struct {
		Device string `json:"device_code"`
		User   string `json:"user_code"`
		At     string `json:"verification_uri"`
		Wait   int    `json:"interval"`
	}
	if _, err := s.posts("/oauth2/device_authorization", &shown, "client_id", s.app.id(), "scope", "openid profile"); err != nil {
		return "", err
	}
	at, err := url.Parse(shown.At)
	if err != nil || shown.User == "" {
		return "", fmt.Errorf("nothing to type: %v", err)
	}
	var got struct {
		Error  string `json:"error"`
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	collect := func() (int, error) {
		return s.posts("/oauth2/token", &got, "grant_type", core.GrantDevice, "device_code", shown.Device, "client_id", s.app.id())
	}
	if _, err := collect(); err != nil || got.Error != "authorization_pending" {
		return "", fmt.Errorf("before anybody answered: %q, %v", got.Error, err)
	}
	anna.open(at.Path, "device")
	anna.send("device-confirm", "user_code", shown.User)
	anna.must(strings.Contains(anna.at.Text, relyingName), "the page does not say what asks")
	anna.send("device-done")
	if anna.err != nil {
		return "", anna.err
	}
	if err := s.advance(shown.Wait); err != nil {
		return "", err
	}
	got.Error = ""
	if status, err := collect(); err != nil || status != http.StatusOK || !strings.Contains(string(claimsIn(got.ID)), string(anna.id)) {
		return "", fmt.Errorf("the device got status %d, %q, %v", status, got.Error, err)
	}
	return fmt.Sprintf("%s, typed by Anna at %s: the device waited, then had her tokens", shown.User, at.Path), nil
}

// posts sends a form as a program does and reads the answer.
func (s *stage) posts(path string, into any, pairs ...string) (int, error) {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := checkClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(into)
}

var clientID = regexp.MustCompile(`\bap_[0-9a-z]+`)

// apiClient: Martin makes one for a report; the Go client comes with it, reads what
// Martin may read, and changes nothing.
func (s *stage) apiClient() (string, error) {
	martin := s.bakery["Martin Huber"]
	martin.open(under(s.customer, "/api-clients/new"), "api-client-form")
	martin.send("api-client-secret", "name", "Wochenbericht", "right", "people.view")
	id, word := clientID.FindString(martin.at.Raw), martin.at.Of("data-client-secret")
	martin.must(id != "" && word != "", "no id or no secret on the page")
	if martin.err != nil {
		return "", martin.err
	}
	c, err := sallyport.New(s.base, sallyport.ClientCredentials(id, word))
	if err != nil {
		return "", err
	}
	me, err := c.Me(s.ctx)
	if err != nil {
		return "", err
	}
	if me.Kind != "api_client" || !me.ReadOnly || me.Owner != string(martin.id) {
		return "", fmt.Errorf("it comes as %s of %q, read-only %v", me.Kind, me.Owner, me.ReadOnly)
	}
	enabled := 0
	for u, err := range c.Users(s.ctx, string(s.customer.ID), sallyport.UserQuery{Status: "enabled"}) {
		if err != nil {
			return "", err
		}
		if u.MFAStatus != "enabled" {
			return "", fmt.Errorf("%s is %s among the enabled", u.Login, u.MFAStatus)
		}
		enabled++
	}
	if enabled == 0 {
		return "", errors.New("the list is empty")
	}
	_, err = c.DisableUser(s.ctx, string(s.bakery["Anna Huber"].id))
	var refused *sallyport.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		return "", fmt.Errorf("a client that only reads could switch somebody off: %v", err)
	}
	return fmt.Sprintf("Martin's Wochenbericht, with a token of its own: %d people with MFA at %s read; a change is 403 %s", enabled, s.customer.Name, refused.Code), nil
}

// basicRefused: a password alone is nobody at the API but a program.
func (s *stage) basicRefused() (string, error) {
	anna := s.bakery["Anna Huber"]
	c, err := sallyport.New(s.base, sallyport.Basic(anna.login, anna.password))
	if err != nil {
		return "", err
	}
	_, err = c.Me(s.ctx)
	var refused *sallyport.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.Code != "mfa.required" {
		return "", fmt.Errorf("a person with a password alone got: %v", err)
	}
	return fmt.Sprintf("Anna's right password there: %d %s", refused.Status, refused.Code), nil
}
