package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

type appCmd struct {
	Create appCreateCmd `cmd:"" help:"Make an app that signs people in here; prints its secret once."`
	List   appListCmd   `cmd:"" help:"List the apps of an organisation."`
	Show   appShowCmd   `cmd:"" help:"Show an app and when its secrets were used; never the secrets."`
	Change appChangeCmd `cmd:"" help:"Change what is given, and nothing else."`
	Rotate appRotateCmd `cmd:"" help:"Make a new secret, printed once; the old one goes on for a while."`
	Retire appRetireCmd `cmd:"" help:"End one of several secrets before its time."`
	Delete appDeleteCmd `cmd:"" help:"End an app and all its tokens."`
}

// appFlags describe an app. What is not given stays as it is, or has its default.
type appFlags struct {
	Redirect     []string      `name:"redirect-uri" help:"Where people come back to, exactly; may be given several times." sep:"none" placeholder:"URI"`
	Logout       []string      `name:"logout-uri" help:"Where people may be sent after signing out." sep:"none" placeholder:"URI"`
	Backchannel  string        `name:"backchannel-uri" help:"Where we tell the app, server to server, that a sign-in is over; - for nowhere." placeholder:"URI"`
	Grant        []string      `help:"authorization_code, refresh_token, client_credentials, or in full those for devices and for token exchange; the first two when not given." sep:","`
	Scope        []string      `help:"Scopes of its own, besides openid, profile, email and offline_access." sep:","`
	Resource     []string      `help:"APIs that its tokens may be for." sep:"none" placeholder:"URI"`
	Consent      string        `enum:",ask,none" default:"" help:"ask people what the app may have (the default), or none for one of the house's own."`
	Level        string        `enum:",password,mfa,phishing-resistant" default:"" help:"Level that it asks of everybody: password (any), mfa or phishing-resistant."`
	For          []string      `help:"Ids or names of the branches whose people may use it; all that its place lets when not given." sep:","`
	AccessLife   time.Duration `help:"How long access tokens live (5m)." placeholder:"5m"`
	RefreshLife  time.Duration `help:"How long refresh tokens live after the sign-in (720h)." placeholder:"720h"`
	Alg          string        `enum:",ES256,EdDSA,RS256" default:"" help:"What its tokens are signed with (ES256)."`
	Keys         string        `help:"File with the public keys (JSON Web Key Set) of an app that signs and has no secret (private_key_jwt)." placeholder:"FILE"`
	API          string        `name:"api" enum:",on,off" default:"" help:"on: people may call the product's own API through it, with a token for <public_url>/api/v1; off again."`
	DPoP         string        `name:"dpop" enum:",optional,required,nonce" default:"" help:"Whether its tokens are bound to a key: optional (the default), required, or nonce: required, with a nonce of ours in each proof."`
	WithoutPKCE  bool          `name:"without-pkce" help:"Let an old server app do without PKCE."`
	RequiredPKCE bool          `name:"with-pkce" help:"Ask for PKCE again."`
	Host         []string      `help:"A host of an app behind a reverse proxy, with its port where that is not the usual one; such an app speaks no protocol." sep:"none" placeholder:"HOST"`
	Rule         []string      `help:"What a path of it and all below asks for: /admin=mfa, /admin=phishing-resistant, /status=public; - for no rules." sep:"none" placeholder:"PATH=LEVEL"`
	LogoutPath   string        `help:"A path of it that signs people out everywhere; - for none." placeholder:"PATH"`
}

// appWish is what of an app was given.
type appWish struct {
	Name        string        `json:"name,omitempty"`
	Redirect    []string      `json:"redirect_uris,omitempty"`
	Logout      []string      `json:"post_logout_redirect_uris,omitempty"`
	Backchannel string        `json:"backchannel_logout_uri,omitempty"`
	Grants      []string      `json:"grants,omitempty"`
	Scopes      []string      `json:"scopes,omitempty"`
	Resources   []string      `json:"resources,omitempty"`
	FirstParty  *bool         `json:"first_party,omitempty"`
	Level       string        `json:"level,omitempty"`
	For         []string      `json:"for,omitempty"`
	AccessLife  core.Duration `json:"access_life,omitempty"`
	RefreshLife core.Duration `json:"refresh_life,omitempty"`
	Alg         string        `json:"alg,omitempty"`
	DPoP        string        `json:"dpop,omitempty"`
	NoPKCE      *bool         `json:"no_pkce,omitempty"`
	API         *bool         `json:"api,omitempty"`

	Keys json.RawMessage `json:"keys,omitempty"`

	Hosts      []string        `json:"hosts,omitempty"`
	Rules      []core.PathRule `json:"rules,omitempty"`
	NoRules    bool            `json:"no_rules,omitempty"`
	LogoutPath string          `json:"logout_path,omitempty"`
}

// rules reads what paths ask for.
func (w *appWish) rules(words []string) error {
	for _, word := range words {
		if word == "-" {
			w.NoRules = true
			continue
		}
		path, what, ok := strings.Cut(word, "=")
		r := core.PathRule{Path: path}
		switch what {
		case "public":
			r.Public = true
		case string(core.LevelMFA), string(core.LevelPhishingResistant):
			r.Level = core.Level(what)
		default:
			ok = false
		}
		if !ok {
			return usage("--rule %s: say PATH=mfa, PATH=phishing-resistant or PATH=public", word)
		}
		w.Rules = append(w.Rules, r)
	}
	if w.NoRules && len(w.Rules) > 0 {
		return usage("--rule - excludes other rules")
	}
	return nil
}

// proxy lays what was given of an app behind a reverse proxy over what it is.
func (w appWish) proxy(d *core.AppDoc) {
	if len(w.Hosts)+len(w.Rules) == 0 && !w.NoRules && w.LogoutPath == "" {
		return
	}
	p := core.AppProxy{}
	if d.Proxy != nil {
		p = *d.Proxy
	}
	if len(w.Hosts) > 0 {
		p.Hosts = w.Hosts
	}
	if len(w.Rules) > 0 || w.NoRules {
		p.Rules = w.Rules
	}
	switch w.LogoutPath {
	case "":
	case "-":
		p.LogoutPath = ""
	default:
		p.LogoutPath = w.LogoutPath
	}
	d.Proxy = &p
}

func (v appFlags) wish(name string) (appWish, error) {
	w := appWish{Name: name, Redirect: v.Redirect, Logout: v.Logout, Backchannel: v.Backchannel, Grants: v.Grant, Scopes: v.Scope, Resources: v.Resource, Level: v.Level, For: v.For, Hosts: v.Host, LogoutPath: v.LogoutPath,
		AccessLife: core.Duration(v.AccessLife), RefreshLife: core.Duration(v.RefreshLife), Alg: v.Alg, DPoP: v.DPoP}
	if err := w.rules(v.Rule); err != nil {
		return w, err
	}
	if v.Keys != "" {
		keys, err := os.ReadFile(v.Keys)
		if err != nil {
			return w, fmt.Errorf("keys: %w", err)
		}
		if !json.Valid(keys) {
			return w, usage("--keys: %s is no JSON", v.Keys)
		}
		w.Keys = keys
	}
	if v.WithoutPKCE && v.RequiredPKCE {
		return w, usage("--with-pkce and --without-pkce exclude each other")
	}
	if v.WithoutPKCE || v.RequiredPKCE {
		w.NoPKCE = &v.WithoutPKCE
	}
	if v.API != "" {
		on := v.API == "on"
		w.API = &on
	}
	if v.Consent != "" {
		none := v.Consent == "none"
		w.FirstParty = &none
	}
	return w, nil
}

// over lays what was given over what an app is.
func (w appWish) over(ctx context.Context, h *app.House, name string, d core.AppDoc) (directory.AppWish, error) {
	set := func(to *[]string, given []string) {
		if len(given) > 0 {
			*to = given
		}
	}
	set(&d.RedirectURIs, w.Redirect)
	set(&d.LogoutURIs, w.Logout)
	set(&d.Grants, w.Grants)
	set(&d.Scopes, w.Scopes)
	set(&d.Resources, w.Resources)
	w.proxy(&d)
	if w.Name != "" {
		name = w.Name
	}
	switch w.Backchannel {
	case "":
	case "-":
		d.BackchannelURI = ""
	default:
		d.BackchannelURI = w.Backchannel
	}
	if len(w.Keys) > 0 {
		d.Keys = w.Keys
	}
	if w.FirstParty != nil {
		d.FirstParty = *w.FirstParty
	}
	if w.API != nil {
		d.API = *w.API
	}
	switch w.DPoP {
	case "":
	case "optional":
		d.Proof = core.ProofMay
	default:
		d.Proof = w.DPoP
	}
	if w.NoPKCE != nil {
		d.NoPKCE = *w.NoPKCE
	}
	if w.AccessLife > 0 {
		d.AccessLife = w.AccessLife
	}
	if w.RefreshLife > 0 {
		d.RefreshLife = w.RefreshLife
	}
	if w.Alg != "" {
		d.Alg = w.Alg
	}
	switch w.Level {
	case "":
	case string(core.LevelPassword):
		d.RequiredLevel = core.LevelNone
	default:
		d.RequiredLevel = core.Level(w.Level)
	}
	if len(w.For) > 0 {
		d.Tenants = nil
		for _, word := range w.For {
			t, err := h.Directory.FindTenant(ctx, word)
			if err != nil {
				return directory.AppWish{}, err
			}
			d.Tenants = append(d.Tenants, t.ID)
		}
	}
	return directory.AppWish{Name: name, Doc: d}, nil
}

type appOut struct {
	ID      core.AppID    `json:"client_id,omitempty"`
	Secret  string        `json:"client_secret,omitempty"`
	Until   *time.Time    `json:"old_secret_until,omitempty"`
	Issuer  string        `json:"issuer,omitempty"`
	Tenant  core.TenantID `json:"tenant,omitempty"`
	Name    string        `json:"name"`
	State   core.AppState `json:"state"`
	Doc     core.AppDoc   `json:"settings"`
	Secrets []secretOut   `json:"secrets,omitempty"`
	Use     *appUse       `json:"use,omitempty"`
	DryRun  bool          `json:"dry_run,omitempty"`
}

type secretOut struct {
	Mark       string     `json:"mark"`
	Hint       string     `json:"ends_in"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// appUse is who would notice if an app were gone.
type appUse struct {
	People  int `json:"people"`
	Lately  int `json:"people_in_90_days"`
	Selects int `json:"selected_by_organisations"`
}

func usedBy(ctx context.Context, h *app.House, id core.AppID) (*appUse, error) {
	n, err := h.Directory.AppCounts(ctx, id, access.Shell())
	return &appUse{n.People, n.Lately, n.Selects}, err
}

func appAnswer(a core.App) appOut {
	return appOut{ID: a.ID, Tenant: a.Tenant, Name: a.Name, State: a.State, Doc: a.Doc}
}

func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type appCreateCmd struct {
	Name   string `required:"" help:"Its name, as people read it."`
	Tenant string `help:"Id or name of the organisation it belongs to; the platform, for everybody, when not given."`
	Public bool   `help:"It runs on people's devices and can keep no secret."`
	appFlags
	dry
}

func (*appCreateCmd) Help() string {
	return "The secret is printed once, on stdout and alone, and kept nowhere: only a hash of it is stored. With --json it is in client_secret."
}

type appCreateIn struct {
	Tenant string  `json:"tenant,omitempty"`
	Public bool    `json:"public,omitempty"`
	Wish   appWish `json:"wish"`
	DryRun bool    `json:"dry_run,omitempty"`
}

func (v *appCreateCmd) Run(s *shell) error {
	w, err := v.wish(v.Name)
	if err != nil {
		return err
	}
	o, err := one[appOut](s, "app.create", how{}, appCreateIn{Tenant: v.Tenant, Public: v.Public, Wish: w, DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(out io.Writer) {
		if o.DryRun {
			fmt.Fprintf(out, "would create the app %q of %s\n", plain(o.Name), o.Tenant)
			return
		}
		s.say("client id   %s", o.ID)
		s.say("issuer      %s", o.Issuer)
		if o.Secret == "" {
			fmt.Fprintln(out, o.ID)
			return
		}
		s.say("its secret follows, once:")
		fmt.Fprintln(out, o.Secret)
	})
}

func farAppCreate(ctx context.Context, h *app.House, in appCreateIn, out *answers) error {
	at, err := nodeOr(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	d := core.AppDoc{}
	switch {
	case in.Public:
		d.Auth = core.AppPublic
	case len(in.Wish.Keys) > 0:
		d.Auth = core.AppKey
	case len(in.Wish.Hosts) > 0:
		d.Auth = core.AppProxied
	}
	w, err := in.Wish.over(ctx, h, "", d)
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	a, secret, err := service.CreateApp(ctx, at.ID, w, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	o := appAnswer(a)
	o.Secret, o.Issuer = secret, h.BaseURL()
	if o.DryRun = in.DryRun; o.DryRun {
		o.ID, o.Secret = "", ""
	}
	return out.Result(o)
}

type appListCmd struct {
	Tenant string `help:"Id or name of the organisation; the platform when not given."`
}

type appListIn struct {
	Tenant string `json:"tenant,omitempty"`
}

func (v *appListCmd) Run(s *shell) error {
	list := items[appOut]{Items: []appOut{}}
	if err := each(s, "app.list", how{}, appListIn{v.Tenant}, func(a appOut) error { list.Items = append(list.Items, a); return nil }); err != nil {
		return err
	}
	err := s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tSTATE\tLEVEL\tCONSENT\tCLIENT ID")
		for _, a := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", plain(a.Name), a.State, levelWord(a.Doc.RequiredLevel), consentWord(a.Doc), a.ID)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) == 0 {
		s.next("sallyport app create --name NAME --redirect-uri URI")
	}
	return err
}

func levelWord(l core.Level) string {
	if l == core.LevelNone {
		return string(core.LevelPassword)
	}
	return string(l)
}

func consentWord(d core.AppDoc) string {
	if d.FirstParty {
		return "none"
	}
	return "ask"
}

func farAppList(ctx context.Context, h *app.House, in appListIn, out *answers) error {
	at, err := nodeOr(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	for page := (store.Page{Limit: 200}); ; {
		apps, next, err := h.Directory.AppsOf(ctx, at.ID, page, access.Shell())
		if err != nil {
			return err
		}
		for _, a := range apps {
			if err := out.Result(appAnswer(a)); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		page.After = next
	}
}

// appID is an app on the command line.
type appID struct {
	App string `arg:"" help:"Client id of the app."`
}

type appIn struct {
	App     core.AppID    `json:"app"`
	Wish    appWish       `json:"wish,omitzero"`
	Switch  string        `json:"switch,omitempty"`
	Secret  string        `json:"secret,omitempty"`
	Overlap time.Duration `json:"overlap,omitempty"`
	DryRun  bool          `json:"dry_run,omitempty"`
}

type appShowCmd struct{ appID }

func (v *appShowCmd) Run(s *shell) error {
	o, err := one[appOut](s, "app.show", how{}, appIn{App: core.AppID(v.App)})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) { showApp(w, o) })
}

func showApp(w io.Writer, o appOut) {
	t := table(w)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, plain(value))
		}
	}
	d := o.Doc
	line("name", o.Name)
	line("client id", string(o.ID))
	line("issuer", o.Issuer)
	line("belongs to", string(o.Tenant))
	line("state", string(o.State))
	line("shows itself by", d.Auth)
	line("redirect", strings.Join(d.RedirectURIs, "  "))
	line("after sign-out", strings.Join(d.LogoutURIs, "  "))
	line("is told at", d.BackchannelURI)
	line("grants", strings.Join(d.Grants, " "))
	line("scopes", strings.Join(d.Scopes, " "))
	line("resources", strings.Join(d.Resources, "  "))
	if d.Proxy != nil {
		line("hosts", strings.Join(d.Proxy.Hosts, "  "))
		var rules []string
		for _, r := range d.Proxy.Rules {
			what := string(r.Level)
			if r.Public {
				what = "public"
			}
			rules = append(rules, r.Path+"="+what)
		}
		line("rules", strings.Join(rules, "  "))
		line("signs out at", d.Proxy.LogoutPath)
	}
	line("consent", consentWord(d))
	line("level", levelWord(d.RequiredLevel))
	if len(d.Tenants) > 0 {
		var ids []string
		for _, id := range d.Tenants {
			ids = append(ids, string(id))
		}
		line("for", strings.Join(ids, " "))
	}
	a := core.App{Doc: d}
	if d.API {
		line("may call", "the API, for people")
	}
	if d.Proxy == nil {
		line("tokens", fmt.Sprintf("%s, access %s, refresh %s", a.SignedWith(), a.Access(), a.Refresh()))
		line("DPoP", d.Proof)
	}
	if d.NoPKCE {
		line("PKCE", "not asked for")
	}
	for _, k := range o.Secrets {
		until := "no end"
		if k.ExpiresAt != nil {
			until = "until " + when(*k.ExpiresAt)
		}
		used := "never used"
		if k.LastUsedAt != nil {
			used = "used " + when(*k.LastUsedAt)
		}
		line("secret …"+k.Hint, fmt.Sprintf("made %s, %s, %s, mark %s", when(k.CreatedAt), until, used, k.Mark))
	}
	if o.Use != nil {
		line("used by", fmt.Sprintf("%s, %d in the last 90 days", count(o.Use.People, "person", "people"), o.Use.Lately))
	}
	t.Flush()
}

func farAppShow(ctx context.Context, h *app.House, in appIn, out *answers) error {
	d, err := h.Directory.App(ctx, in.App, access.Shell())
	if err != nil {
		return err
	}
	o := appAnswer(d.App)
	o.Issuer = h.BaseURL()
	for _, k := range d.Secrets {
		o.Secrets = append(o.Secrets, secretOut{k.Mark(), k.Hint, k.CreatedAt.UTC(), someTime(k.ExpiresAt), someTime(k.LastUsedAt)})
	}
	if o.Use, err = usedBy(ctx, h, in.App); err != nil {
		return err
	}
	return out.Result(o)
}

type appChangeCmd struct {
	appID
	Name  string `help:"Another name."`
	State string `enum:",on,off" default:"" help:"off: nobody signs in to it and none of its tokens count; on again."`
	appFlags
	dry
}

func (v *appChangeCmd) Run(s *shell) error {
	w, err := v.wish(v.Name)
	if err != nil {
		return err
	}
	o, err := one[appOut](s, "app.change", how{}, appIn{App: core.AppID(v.App), Wish: w, Switch: v.State, DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintln(w, "would be:")
		}
		showApp(w, o)
	})
}

func farAppChange(ctx context.Context, h *app.House, in appIn, out *answers) error {
	had, err := h.Directory.App(ctx, in.App, access.Shell())
	if err != nil {
		return err
	}
	w, err := in.Wish.over(ctx, h, had.App.Name, had.App.Doc)
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	a, err := service.ChangeApp(ctx, in.App, w, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	if in.Switch != "" {
		on, err := service.SwitchApp(ctx, in.App, in.Switch == "on", access.Shell(), core.Client{})
		if err != nil {
			return err
		}
		a.State = on.State
	}
	o := appAnswer(a)
	o.DryRun = in.DryRun
	return out.Result(o)
}

type appRotateCmd struct {
	appID
	Overlap time.Duration `default:"168h" help:"For how long the old secret goes on (${default}); 0s ends it now."`
	dry
}

func (v *appRotateCmd) Run(s *shell) error {
	o, err := one[appOut](s, "app.rotate", how{}, appIn{App: core.AppID(v.App), Overlap: v.Overlap, DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintf(w, "would make a new secret for %q; the old one would end %s\n", plain(o.Name), when(*o.Until))
			return
		}
		s.say("the old secret ends %s; the new one follows, once:", when(*o.Until))
		fmt.Fprintln(w, o.Secret)
	})
}

func farAppRotate(ctx context.Context, h *app.House, in appIn, out *answers) error {
	d, err := h.Directory.App(ctx, in.App, access.Shell())
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	secret, until, err := service.RotateAppSecret(ctx, in.App, in.Overlap, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	o := appAnswer(d.App)
	o.Secret, o.Until, o.DryRun = secret, someTime(until), in.DryRun
	if in.DryRun {
		o.Secret = ""
	}
	return out.Result(o)
}

// used says who uses an app, where somebody does.
func used(o appOut) string {
	if o.Use == nil || o.Use.People == 0 {
		return ""
	}
	return ", which " + count(o.Use.People, "person uses", "people use") + ","
}

type appDeleteCmd struct {
	appID
	dry
	sure
}

func (v *appDeleteCmd) Run(s *shell) error {
	if !v.DryRun {
		had, err := one[appOut](s, "app.show", how{}, appIn{App: core.AppID(v.App)})
		if err != nil {
			return err
		}
		if err := s.confirm(v.Yes, v.App, "this ends the app %s and all its tokens; it cannot be taken back", plain(had.Name)+used(had)); err != nil {
			return err
		}
	}
	o, err := one[appOut](s, "app.delete", how{}, appIn{App: core.AppID(v.App), DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintf(w, "would delete the app %q and end all its tokens\n", plain(o.Name))
			return
		}
		fmt.Fprintf(w, "%s: deleted\n", o.ID)
	})
}

func farAppDelete(ctx context.Context, h *app.House, in appIn, out *answers) error {
	d, err := h.Directory.App(ctx, in.App, access.Shell())
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	if err := service.DeleteApp(ctx, in.App, access.Shell(), core.Client{}); err != nil {
		return err
	}
	o := appAnswer(d.App)
	if o.DryRun = in.DryRun; !in.DryRun {
		o.State = core.AppDeleted
	}
	return out.Result(o)
}
