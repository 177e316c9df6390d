package console

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/web"
)

// Which of an organisation's documents is meant.
type Which string

const (
	OwnSettings      Which = "settings" // what holds for its own people
	LockSettings     Which = "locks"    // floors over what stands below it
	TemplateSettings Which = "template" // what new customers begin with
)

// SettingsView is a document of an organisation, as its page shows it.
type SettingsView struct {
	Which Which
	// Doc is the document itself, Settings what it says: for an organisation's own
	// what holds, locks counted.
	Doc      core.SettingsDoc
	Settings core.Settings
	// Values say where each value comes from; Actors names those who set them.
	Values []policy.Value
	Actors map[string]string
	// Floor is what no value may be looser than; nil where nothing is locked.
	Floor   *core.Settings
	Version int64
}

// Settings is what the pages of settings need.
type Settings interface {
	Settings(ctx context.Context, by Caller, tenant core.TenantID, which Which) (SettingsView, error)
	// PreviewSettings says what a change would differ in and who would meet what, or
	// why it is refused.
	PreviewSettings(ctx context.Context, by Caller, tenant core.TenantID, which Which, change core.SettingsDoc) (Effect, error)
	SaveSettings(ctx context.Context, by Caller, tenant core.TenantID, which Which, change core.SettingsDoc, version int64) error
}

// value is where a key's value comes from.
func (s SettingsView) value(key string) policy.Value {
	for _, v := range s.Values {
		if v.Key == key {
			return v
		}
	}
	return policy.Value{Key: key}
}

// sets reports whether the document says something of a key itself.
func (s SettingsView) sets(key string) bool { return slices.Contains(s.Doc.Keys(), key) }

// allows reports whether a value may be chosen under the locks: a wish that the
// floor would change goes under it.
func (s SettingsView) allows(key string, wish func(*core.Settings)) bool {
	if s.Floor == nil {
		return true
	}
	want := s.copy()
	wish(&want)
	return string(valueOf(policy.Tighten(want, *s.Floor), key)) == string(valueOf(want, key))
}

func (s SettingsView) copy() core.Settings {
	b, err := json.Marshal(s.Settings)
	if err != nil {
		return s.Settings
	}
	out, err := core.SettingsDoc(b).Over(core.DefaultSettings())
	if err != nil {
		return s.Settings
	}
	return out
}

// valueOf is a key's value as it stands in a document.
func valueOf(s core.Settings, key string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return core.SettingsDoc(b).Value(key)
}

// formKeys are the keys that the pages have a field for. The requirement has the
// switch instead; locks and templates set it here.
func (w Which) formKeys() []string {
	keys := []string{"factors", "required_level", "challenge", "trusted_browser", "recovery", "recovery_code_format", "password_reset_effect", "user_may_disable",
		"enforce_at", "new_user_window", "enrol_proof", "totp", "lockout.password", "lockout.factor", "session", "tokens", "login_networks", "unique_email",
		"service_accounts_at", "invitation_days"}
	switch w {
	case LockSettings:
		return slices.DeleteFunc(append([]string{"requirement"}, keys...), func(k string) bool { return !policy.Lockable(k) })
	case TemplateSettings:
		return append([]string{"requirement"}, append(keys, textKeys...)...)
	}
	return append(keys, textKeys...)
}

var textKeys = []string{"display_name", "mail_from_name", "recommended_app", "logo", "locale", "time_zone"}

// settingsFields are the names of all fields of the form.
var settingsFields = []string{"version", "change", "has[]", "set[]", "default[]", "requirement[]", "factors[]", "required_level", "challenge", "trusted_browser", "trusted_browser_days",
	"recovery[]", "recovery_code_format", "password_reset_effect", "user_may_disable", "enforce_at", "grace_days", "grace_skips", "new_user_window", "enrol_proof",
	"totp_digits", "totp_skew", "lockout_password_limit", "lockout_password_window", "lockout_password_period", "lockout_password_growth",
	"lockout_factor_limit", "lockout_factor_window", "lockout_factor_period", "lockout_factor_growth", "session_idle", "session_max",
	"tokens_server_access", "tokens_server_refresh", "tokens_public_access", "tokens_public_refresh", "login_networks",
	"unique_email", "service_accounts_at[]", "invitation_days", "display_name", "mail_from_name", "recommended_app", "logo", "locale", "time_zone", "code", "password"}

// reader reads the fields of a settings form over what is there. A field that was
// not sent, because it is disabled, leaves its value.
type reader struct {
	f   web.Form
	err error
}

func (r *reader) bad(field string) {
	if r.err == nil {
		r.err = core.Invalid("form.invalid", "field", field)
	}
}

func (r *reader) word(name string, to *string) {
	if r.f.Has(name) {
		*to = strings.TrimSpace(r.f.Get(name))
	}
}

func (r *reader) number(name string, to *int) {
	if !r.f.Has(name) {
		return
	}
	n, err := strconv.Atoi(strings.TrimSpace(r.f.Get(name)))
	if err != nil {
		r.bad(name)
		return
	}
	*to = n
}

func (r *reader) length(name string, to *core.Duration) {
	if !r.f.Has(name) {
		return
	}
	var d core.Duration
	if err := d.UnmarshalText([]byte(strings.TrimSpace(r.f.Get(name)))); err != nil {
		r.bad(name)
		return
	}
	*to = d
}

// boxes reads ticked boxes. A form says which groups it has, because a group of
// which none is ticked sends nothing.
func boxes[T ~string](r *reader, name string, to *[]T) {
	if !slices.Contains(r.f.All("has"), name) {
		return
	}
	out := []T{}
	for _, w := range r.f.All(name) {
		out = append(out, T(w))
	}
	*to = out
}

// parseSettings reads what the form wants of a document's values.
func parseSettings(f web.Form, have core.Settings) (core.Settings, error) {
	s, r := have, &reader{f: f}
	boxes(r, "requirement", &s.Requirement)
	boxes(r, "factors", &s.Factors)
	if r.f.Has("required_level") && r.f.Get("required_level") != s.RequiredLevel.All {
		s.RequiredLevel = core.RequiredLevel{All: r.f.Get("required_level"), Roles: s.RequiredLevel.Roles}
	}
	r.word("challenge", &s.Challenge)
	r.word("trusted_browser", &s.TrustedBrowser.Mode)
	if s.TrustedBrowser.Mode == core.TrustDays {
		r.number("trusted_browser_days", &s.TrustedBrowser.Days)
	}
	boxes(r, "recovery", &s.Recovery)
	r.word("recovery_code_format", &s.RecoveryCodeFormat)
	r.word("password_reset_effect", &s.PasswordResetEffect)
	r.word("user_may_disable", &s.UserMayDisable)
	r.word("enforce_at", &s.EnforceAt.Mode)
	if s.EnforceAt.Mode == core.EnforceAtGrace {
		r.number("grace_days", &s.EnforceAt.Grace.Days)
		r.number("grace_skips", &s.EnforceAt.Grace.Skips)
	}
	r.number("new_user_window", &s.NewUserWindow.Days)
	r.word("enrol_proof", &s.EnrolProof)
	r.number("totp_digits", &s.TOTP.Digits)
	r.number("totp_skew", &s.TOTP.Skew)
	for name, rule := range map[string]*core.LockRule{"lockout_password": &s.Lockout.Password, "lockout_factor": &s.Lockout.Factor} {
		r.number(name+"_limit", &rule.Limit)
		r.length(name+"_window", &rule.Window)
		r.length(name+"_period", &rule.Period)
		r.length(name+"_growth", &rule.Growth)
	}
	r.length("session_idle", &s.Session.Idle)
	r.length("session_max", &s.Session.Max)
	for name, lives := range map[string]*core.TokenLives{"tokens_server": &s.Tokens.Server, "tokens_public": &s.Tokens.Public} {
		r.length(name+"_access", &lives.Access)
		r.length(name+"_refresh", &lives.Refresh)
	}
	if r.f.Has("login_networks") {
		b, err := json.Marshal(list(r.f.Get("login_networks")))
		if err == nil {
			s.LoginNetworks = nil
			err = json.Unmarshal(b, &s.LoginNetworks)
		}
		if err != nil {
			r.bad("login_networks")
		}
	}
	if slices.Contains(f.All("has"), "unique_email") {
		s.UniqueEmail = r.f.Get("unique_email") == "yes"
	}
	boxes(r, "service_accounts_at", &s.ServiceAccountsAt)
	r.number("invitation_days", &s.InvitationDays)
	r.word("display_name", &s.DisplayName)
	r.word("mail_from_name", &s.MailFromName)
	r.word("recommended_app", &s.RecommendedApp)
	r.word("logo", &s.Logo)
	r.word("locale", &s.Locale)
	r.word("time_zone", &s.TimeZone)
	return s, r.err
}

// changeOf makes of what a form wants the change of a document. Of an own document
// only what differs from what holds is said, so that saving a page does not write
// down every value on it; what is to be the default again is taken out. A document
// of locks or a template says what is ticked and nothing else.
func changeOf(v SettingsView, f web.Form) (core.SettingsDoc, error) {
	want, err := parseSettings(f, v.copy())
	if err != nil {
		return nil, err
	}
	change := map[string]any{}
	put := func(key string, value any) {
		if outer, inner, nested := strings.Cut(key, "."); nested {
			part, _ := change[outer].(map[string]any)
			if part == nil {
				part = map[string]any{}
			}
			part[inner] = value
			change[outer] = part
			return
		}
		change[key] = value
	}
	for _, key := range v.Which.formKeys() {
		is, wish := valueOf(v.Settings, key), valueOf(want, key)
		switch {
		case v.Which == OwnSettings && slices.Contains(f.All("default"), key):
			if v.sets(key) {
				put(key, nil)
			}
		case v.Which == OwnSettings:
			if string(is) != string(wish) {
				put(key, wish)
			}
		case slices.Contains(f.All("set"), key):
			if !v.sets(key) || string(is) != string(wish) {
				put(key, wish)
			}
		case v.sets(key):
			put(key, nil)
		}
	}
	b, err := json.Marshal(change)
	return core.SettingsDoc(b), err
}

// isEmpty reports whether a change says nothing.
func isEmpty(d core.SettingsDoc) bool { return len(d) == 0 || string(d) == "{}" }

// SettingsPage is a document of locks or a template.
type SettingsPage struct {
	Page
	View SettingsView
}

// PresetItem is a shipped document, as the list of them shows it.
type PresetItem struct {
	Name      string
	Differs   int  // in how many keys from what holds here
	Available bool // it can be applied, not just compared
}

// PresetsPage lists the documents that ship.
type PresetsPage struct {
	Page
	Items []PresetItem
}

// inWords says a value of a setting as people read it.
func inWords(ctx context.Context, key string, raw json.RawMessage) string {
	word := func(w string) string {
		if id := "value." + key + "." + w; web.Lang(ctx).Has(id) {
			return web.T(ctx, id)
		}
		return w
	}
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return web.T(ctx, "value.not_set")
	case string(raw) == "true":
		return web.T(ctx, "value.yes")
	case string(raw) == "false":
		return web.T(ctx, "value.no")
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if text == "" {
			return web.T(ctx, "value.none")
		}
		return word(text)
	}
	var words []string
	if json.Unmarshal(raw, &words) == nil {
		if len(words) == 0 {
			return web.T(ctx, "value.none")
		}
		for i := range words {
			words[i] = word(words[i])
		}
		return names(words)
	}
	var parts struct {
		Days   *int             `json:"days"`
		Grace  *core.Grace      `json:"grace"`
		Digits *int             `json:"digits"`
		Skew   int              `json:"skew"`
		Idle   *core.Duration   `json:"idle"`
		Max    core.Duration    `json:"max"`
		Server *core.TokenLives `json:"server"`
		Public core.TokenLives  `json:"public"`
		*core.LockRule
	}
	if json.Unmarshal(raw, &parts) == nil {
		switch {
		case parts.Days != nil:
			return web.T(ctx, "value.days", "Count", *parts.Days)
		case parts.Grace != nil:
			return web.T(ctx, "value.grace", "Count", parts.Grace.Days, "Skips", itoa(parts.Grace.Skips))
		case parts.Digits != nil:
			return web.T(ctx, "value.totp", "Count", *parts.Digits, "Skew", itoa(parts.Skew))
		case parts.Idle != nil:
			return web.T(ctx, "value.session", "Idle", parts.Idle.String(), "Max", parts.Max.String())
		case parts.Server != nil:
			return web.T(ctx, "value.tokens", "Access", parts.Server.Access.String(), "Refresh", parts.Server.Refresh.String(),
				"PublicAccess", parts.Public.Access.String(), "PublicRefresh", parts.Public.Refresh.String())
		case parts.LockRule != nil:
			return web.T(ctx, "value.lockout", "Count", parts.Limit, "Window", parts.Window.String(), "Period", parts.Period.String(), "Growth", parts.Growth.String())
		}
	}
	var named map[string]string
	if json.Unmarshal(raw, &named) == nil {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(named)) {
			words = append(words, name+" "+named[name])
		}
		return names(words)
	}
	return policy.Plainly(raw)
}
