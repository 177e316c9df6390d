package console

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// AppList is a page of the apps of a tenant.
type AppList struct {
	Rows []core.App
	Next string
}

// AppWish is what the form of an app says.
type AppWish struct {
	Name string
	Doc  core.AppDoc
}

// AppView is one app with all that its page shows; never a secret.
type AppView struct {
	App     core.App
	Place   Place
	Issuer  string
	Secrets []core.AppSecretRow // the newest first
	Tenants []core.Tenant       // the branches that it is for; none: all that its place lets
	People  int                 // who use it
	Lately  int                 // of them in the last 90 days
	Selects int                 // organisations that ask for a second factor to open it
	// Unreachable: nobody where it belongs could show the level that it asks for.
	Unreachable bool
	// Testable: the caller could sign in to it, so that a test shows something.
	Testable bool
}

// AppDeed is something that is done to an app.
type AppDeed string

const (
	AppRotate  AppDeed = "rotate"
	AppRetire  AppDeed = "retire"
	AppDisable AppDeed = "disable"
	AppEnable  AppDeed = "enable"
	AppDelete  AppDeed = "delete"
)

// AppDeeds lists them in the order of the page.
var AppDeeds = []AppDeed{AppRotate, AppRetire, AppDisable, AppEnable, AppDelete}

// May reports whether a deed makes sense as the app is. Secrets are retired by the
// button beside each.
func (v AppView) May(d AppDeed) bool {
	switch d {
	case AppRotate:
		return v.App.Doc.Auth == core.AppSecret
	case AppRetire:
		return len(v.good(v.App.ChangedAt)) > 1
	case AppDisable:
		return v.App.State == core.AppActive
	case AppEnable:
		return v.App.State == core.AppDisabled
	}
	return true
}

func (v AppView) good(now time.Time) (out []core.AppSecretRow) {
	for _, s := range v.Secrets {
		if s.Good(now) {
			out = append(out, s)
		}
	}
	return out
}

// AppChange is a deed as it is wished.
type AppChange struct {
	App     core.AppID
	Deed    AppDeed
	Days    int    // of a rotation: for how long the old secret goes on
	Secret  string // of a retirement: which
	Version int64
}

// AppChanged is what came of it.
type AppChanged struct {
	Secret string    // shown once
	Until  time.Time // when the old one ends
}

// Apps is what the pages of apps need.
type Apps interface {
	AppsOf(ctx context.Context, by Caller, tenant core.TenantID, cursor string) (AppList, error)
	App(ctx context.Context, by Caller, id core.AppID) (AppView, error)
	// CreateApp makes one and returns its secret, which is shown once; it is empty
	// where the app can keep none.
	CreateApp(ctx context.Context, by Caller, tenant core.TenantID, w AppWish) (core.AppID, string, error)
	SaveApp(ctx context.Context, by Caller, id core.AppID, w AppWish, version int64) error
	PreviewApp(ctx context.Context, by Caller, c AppChange) (Effect, error)
	ChangeApp(ctx context.Context, by Caller, c AppChange) (AppChanged, error)
	// Selection is the table of the apps that an organisation's people may open.
	Selection(ctx context.Context, by Caller, tenant core.TenantID) (SelectionView, error)
	PreviewSelect(ctx context.Context, by Caller, tenant core.TenantID, app core.AppID, on bool) (Effect, SelectedApp, error)
	SelectApp(ctx context.Context, by Caller, tenant core.TenantID, app core.AppID, on bool, version int64) error
}

// SelectionView is that table.
type SelectionView struct {
	On   bool // the mode is on
	Rows []SelectedApp
}

// SelectedApp is a line of it.
type SelectedApp struct {
	App      core.App
	Owner    string // whose it is
	Shared   bool   // the platform's
	Selected bool
	LockedBy string // who holds it on the list
	People   int    // who opened it in the last 90 days
	Wrong    string // a word of the catalogs, empty where all is well
	// Mine: the caller may open the app's own page.
	Mine bool
}

// selected counts those that are on.
func (v SelectionView) selected() (n int) {
	for _, r := range v.Rows {
		if r.Selected && r.Wrong != "gone" && r.Wrong != "elsewhere" {
			n++
		}
	}
	return n
}

// selectionShown is how many lines the table has at once.
const selectionShown = 50

// ConnectedApp is an app that somebody uses.
type ConnectedApp struct {
	ID     core.AppID
	Name   string
	Since  time.Time
	Used   time.Time
	Scopes []string // that they allowed; none where nobody was asked
	SignIn int      // sign-ins that it has tokens of
	Gone   bool
}

func appPath(id core.AppID, rest ...string) string {
	return "/admin/apps/" + url.PathEscape(string(id)) + strings.Join(rest, "")
}

// AppsPage lists the apps of a tenant.
type AppsPage struct {
	Page
	List   AppList
	Cursor string
}

// AppPage is one app.
type AppPage struct {
	Page
	View     AppView
	Snippets []Snippet
}

// AppFormPage makes or changes one.
type AppFormPage struct {
	Page
	Typed   TypedApp
	New     bool
	ID      core.AppID
	Name    string // as it is called now
	Version int64
	Closed  bool // what is shown once was shown: another kind is another app
}

// AppSecretPage shows a secret, once.
type AppSecretPage struct {
	Page
	App    core.App
	Secret string
	Until  time.Time // when the one before ends; zero where there was none
	Made   bool
}

// TypedApp is the form of an app as it was filled in.
type TypedApp struct {
	Name, Auth, Backchannel, Consent, Level, Access, Refresh, Alg, Scopes, Keys string
	Redirects, Logouts, Tenants, Resources                                      []string
	NoPKCE, Client                                                              bool
}

var appFields = []string{"name", "auth", "redirect_uri[]", "logout_uri[]", "backchannel_uri", "consent", "required_level", "tenant[]", "access_life", "refresh_life", "alg", "scopes", "resource[]",
	"keys", "no_pkce", "client_credentials", "version"}

func typedApp(f web.Form) TypedApp {
	return TypedApp{Name: f.Get("name"), Auth: f.Get("auth"), Redirects: filled(f.All("redirect_uri")), Logouts: filled(f.All("logout_uri")), Backchannel: f.Get("backchannel_uri"),
		Consent: f.Get("consent"), Level: f.Get("required_level"), Tenants: filled(f.All("tenant")), Access: f.Get("access_life"), Refresh: f.Get("refresh_life"), Alg: f.Get("alg"),
		Scopes: f.Get("scopes"), Resources: filled(f.All("resource")), Keys: f.Get("keys"), NoPKCE: f.Get("no_pkce") == "yes", Client: f.Get("client_credentials") == "yes"}
}

// typedOfApp is an app as it would be filled in.
func typedOfApp(a core.App) TypedApp {
	d := a.Doc
	t := TypedApp{Name: a.Name, Auth: d.Auth, Redirects: d.RedirectURIs, Logouts: d.LogoutURIs, Backchannel: d.BackchannelURI, Consent: "ask", Level: string(d.RequiredLevel),
		Tenants: words(d.Tenants), Alg: a.SignedWith(), Scopes: strings.Join(d.Scopes, " "), Resources: d.Resources, Keys: string(d.Keys), NoPKCE: d.NoPKCE,
		Client: slices.Contains(d.Grants, core.GrantClient)}
	if d.FirstParty {
		t.Consent = "none"
	}
	t.Access, t.Refresh = core.Duration(a.Access()).String(), core.Duration(a.Refresh()).String()
	return t
}

// filled are the fields of a list that hold something. Addresses are compared
// character by character later, so nothing but blanks at the ends is cut.
func filled(fields []string) (out []string) {
	for _, f := range fields {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// wish reads the form. What an app may use beyond it stays as it is.
func (t TypedApp) wish(had core.AppDoc) (w AppWish, err error) {
	w = AppWish{Name: t.Name, Doc: had}
	d := &w.Doc
	d.Auth, d.RedirectURIs, d.LogoutURIs, d.BackchannelURI = t.Auth, t.Redirects, t.Logouts, strings.TrimSpace(t.Backchannel)
	d.Scopes, d.Resources, d.Tenants, d.NoPKCE = list(t.Scopes), t.Resources, typed[core.TenantID](t.Tenants), t.NoPKCE
	switch t.Consent {
	case "ask", "none":
		d.FirstParty = t.Consent == "none"
	default:
		return w, core.Invalid("form.invalid", "field", "consent")
	}
	d.RequiredLevel = core.Level(t.Level)
	if d.RequiredLevel == core.LevelPassword {
		d.RequiredLevel = core.LevelNone
	}
	if d.Alg = t.Alg; t.Alg == core.AlgES256 {
		d.Alg = "" // the default, which is written nowhere
	}
	for name, to := range map[string]*core.Duration{"access_life": &d.AccessLife, "refresh_life": &d.RefreshLife} {
		text := strings.TrimSpace(map[string]string{"access_life": t.Access, "refresh_life": t.Refresh}[name])
		*to = 0
		if text != "" && to.UnmarshalText([]byte(text)) != nil {
			return w, core.Invalid("form.invalid", "field", name)
		}
	}
	if time.Duration(d.AccessLife) == core.AccessLife {
		d.AccessLife = 0
	}
	if time.Duration(d.RefreshLife) == core.RefreshLife {
		d.RefreshLife = 0
	}
	d.Keys = nil
	if keys := strings.TrimSpace(t.Keys); keys != "" && t.Auth == core.AppKey {
		d.Keys = []byte(keys)
	}
	d.Grants = nil
	if len(d.RedirectURIs) > 0 {
		d.Grants = append(d.Grants, core.GrantCode, core.GrantRefresh)
	}
	if t.Client {
		d.Grants = append(d.Grants, core.GrantClient)
	}
	return w, nil
}
