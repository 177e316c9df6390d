package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Requirement is one of the three switches of MFA; the setting is a set.
type Requirement string

const (
	RequirePerUser      Requirement = "per_user"
	RequireSelectedApps Requirement = "selected_apps"
	RequireOrganization Requirement = "organization"
)

// Values of user_may_disable.
const (
	DisableSecondFactor = "second_factor"
	DisableConfirmOnly  = "confirm_only"
	DisableNo           = "no"
)

// Values of enrol_proof.
const (
	EnrolProofKnownBrowserOrMail = "known_browser_or_mail"
	EnrolProofAlwaysMail         = "always_mail"
	EnrolProofNone               = "none"
)

// Values of other keys.
const (
	ChallengeAlways      = "always"
	RecoverySingle       = "single"
	RecoverySet          = "set"
	ResetKeepsMFA        = "keep_mfa"
	EnforceAtNextSignIn  = "next_sign_in"
	RecoveryCodeWay      = "recovery_code"
	RecoverySetSize      = 10
	InvitationDaysAtMost = 90
)

// Settings are all values of an organisation's document, defaults filled in.
// Times in it are settings, not instants. Keys that a later release brings are
// kept in the document by SettingsDoc and ignored here.
type Settings struct {
	Requirement         []Requirement `json:"requirement"`
	Factors             []FactorKind  `json:"factors"`
	Challenge           string        `json:"challenge"`
	Recovery            []string      `json:"recovery"`
	RecoveryCodeFormat  string        `json:"recovery_code_format"`
	PasswordResetEffect string        `json:"password_reset_effect"`
	UserMayDisable      string        `json:"user_may_disable"`
	EnforceAt           string        `json:"enforce_at"`
	EnrolProof          string        `json:"enrol_proof"`
	TOTP                TOTPSettings  `json:"totp"`
	Lockout             struct {
		Password LockRule `json:"password"`
		Factor   LockRule `json:"factor"`
	} `json:"lockout"`
	Session struct {
		Idle Duration `json:"idle"`
		Max  Duration `json:"max"`
	} `json:"session"`
	UniqueEmail    bool   `json:"unique_email"`
	InvitationDays int    `json:"invitation_days"`
	DisplayName    string `json:"display_name"`
	Locale         string `json:"locale"`
	TimeZone       string `json:"time_zone"`
	MailFromName   string `json:"mail_from_name"`
	RecommendedApp string `json:"recommended_app"`
}

// Enrollable are the kinds of factor that this program can enrol, best first. The
// settings may name more: a document is made for a release to come, too.
var Enrollable = []FactorKind{FactorTOTP}

// TOTPSettings shape new TOTP factors; an enrolled factor keeps its own.
type TOTPSettings struct {
	Digits int `json:"digits"`
	Skew   int `json:"skew"`
}

// DefaultSettings are the values of an organisation that set none.
func DefaultSettings() Settings {
	var s Settings
	s.Requirement = []Requirement{}
	s.Factors = []FactorKind{FactorTOTP, FactorPasskey}
	s.Challenge = ChallengeAlways
	s.Recovery = []string{RecoveryCodeWay}
	s.RecoveryCodeFormat = RecoverySingle
	s.PasswordResetEffect = ResetKeepsMFA
	s.UserMayDisable = DisableSecondFactor
	s.EnforceAt = EnforceAtNextSignIn
	s.EnrolProof = EnrolProofKnownBrowserOrMail
	s.TOTP = TOTPSettings{Digits: 6, Skew: 1}
	s.Lockout.Password = LockRule{Limit: 10, Window: Duration(15 * time.Minute), Period: Duration(5 * time.Minute), Growth: Duration(time.Hour)}
	s.Lockout.Factor = LockRule{Limit: 5, Window: Duration(15 * time.Minute), Period: Duration(5 * time.Minute), Growth: Duration(time.Hour)}
	s.Session.Idle = Duration(time.Hour)
	s.Session.Max = Duration(24 * time.Hour)
	s.UniqueEmail = true
	s.InvitationDays = 15
	return s
}

// Requires reports whether the requirement set holds r.
func (s Settings) Requires(r Requirement) bool { return slices.Contains(s.Requirement, r) }

// Offers reports whether a person may enrol a factor of this kind.
func (s Settings) Offers(k FactorKind) bool { return slices.Contains(s.Factors, k) }

// SettingsDoc is an organisation's own document as it is stored: only the keys
// that somebody set, those of a later release included.
type SettingsDoc json.RawMessage

func (d SettingsDoc) MarshalJSON() ([]byte, error) {
	if len(d) == 0 {
		return []byte("{}"), nil
	}
	return d, nil
}

func (d *SettingsDoc) UnmarshalJSON(b []byte) error {
	*d = append((*d)[:0], b...)
	return nil
}

// Over lays the document over base.
func (d SettingsDoc) Over(base Settings) (Settings, error) {
	if len(d) == 0 {
		return base, nil
	}
	// Slices of base must not be written through: decoding reuses their arrays.
	base.Requirement = slices.Clone(base.Requirement)
	base.Factors = slices.Clone(base.Factors)
	base.Recovery = slices.Clone(base.Recovery)
	if err := json.Unmarshal(d, &base); err != nil {
		return Settings{}, fmt.Errorf("settings document: %w", err)
	}
	return base, nil
}

// Merge lays change over d and returns the document to store, as RFC 7396 merges
// objects: a value replaces its namesake, an object goes into it, and null takes
// it out, so that the default holds again.
func (d SettingsDoc) Merge(change SettingsDoc) (SettingsDoc, error) {
	own := map[string]json.RawMessage{}
	if len(d) > 0 {
		if err := json.Unmarshal(d, &own); err != nil {
			return nil, fmt.Errorf("settings document: %w", err)
		}
	}
	var add map[string]json.RawMessage
	if err := json.Unmarshal(change, &add); err != nil {
		return nil, Invalid("settings.invalid", "reason", err.Error())
	}
	if add == nil {
		return nil, errNoDocument()
	}
	return merge(own, add)
}

func merge(own, add map[string]json.RawMessage) (SettingsDoc, error) {
	if own == nil {
		own = map[string]json.RawMessage{}
	}
	for k, v := range add {
		v = bytes.TrimSpace(v)
		switch {
		case bytes.Equal(v, []byte("null")):
			delete(own, k)
		case len(v) > 0 && v[0] == '{':
			var inner, innerAdd map[string]json.RawMessage
			if err := json.Unmarshal(v, &innerAdd); err != nil {
				return nil, Invalid("settings.invalid", "key", k, "reason", err.Error())
			}
			_ = json.Unmarshal(own[k], &inner) // what is no object is replaced by one
			both, err := merge(inner, innerAdd)
			if err != nil {
				return nil, err
			}
			own[k] = json.RawMessage(both)
		default:
			own[k] = v
		}
	}
	b, err := json.Marshal(own)
	return SettingsDoc(b), err
}

func errNoDocument() error {
	return Invalid("settings.invalid", "reason", "a settings document is an object")
}

// ParseSettings reads a document from outside: an unknown key or a value out of
// its range is refused by name.
func ParseSettings(b []byte) (SettingsDoc, error) {
	probe := DefaultSettings()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&probe); err != nil {
		return nil, Invalid("settings.invalid", "reason", err.Error())
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, Invalid("settings.invalid", "reason", "something stands after the document")
	}
	if err := CheckKeys(b); err != nil {
		return nil, err
	}
	if err := probe.Check(); err != nil {
		return nil, err
	}
	return SettingsDoc(b), nil
}

// CheckKeys refuses what the JSON decoder forgives: a key in other letters, and
// one that comes twice. Of two spellings only one would be read, and it is not
// said which.
func CheckKeys(b []byte) error {
	all, err := json.Marshal(DefaultSettings())
	if err != nil {
		return err
	}
	var shape map[string]any
	if err := json.Unmarshal(all, &shape); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errNoDocument()
	}
	return exactObject(dec, shape, "")
}

// exactObject reads an object whose opening brace is read.
func exactObject(dec *json.Decoder, shape map[string]any, path string) error {
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return Invalid("settings.invalid", "reason", err.Error())
		}
		name, _ := t.(string)
		known, ok := shape[name]
		if !ok || seen[name] {
			why := "is not known"
			if ok {
				why = "stands there twice"
			}
			return Invalid("settings.invalid", "key", path+name, "reason", why)
		}
		seen[name] = true
		inner, isObject := known.(map[string]any)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return Invalid("settings.invalid", "reason", err.Error())
		}
		if !isObject || len(raw) == 0 || raw[0] != '{' {
			continue // the typed reading has looked at it
		}
		in := json.NewDecoder(bytes.NewReader(raw))
		if _, err := in.Token(); err != nil {
			return Invalid("settings.invalid", "reason", err.Error())
		}
		if err := exactObject(in, inner, path+name+"."); err != nil {
			return err
		}
	}
	return nil
}

// Check refuses values that no rule knows how to keep.
func (s Settings) Check() error {
	bad := func(key, why string) error { return Invalid("settings.invalid", "key", key, "reason", why) }
	for _, r := range s.Requirement {
		if !slices.Contains([]Requirement{RequirePerUser, RequireOrganization}, r) {
			return bad("requirement", fmt.Sprintf("%q is not one of per_user, organization", r))
		}
	}
	if !slices.ContainsFunc(s.Factors, func(k FactorKind) bool { return slices.Contains(Enrollable, k) }) {
		return ErrNobodyCouldEnrol
	}
	for _, f := range s.Factors {
		if !slices.Contains([]FactorKind{FactorTOTP, FactorPasskey, FactorEmailCode}, f) {
			return bad("factors", fmt.Sprintf("%q is not one of totp, passkey, email_code", f))
		}
	}
	if s.Challenge != ChallengeAlways {
		return bad("challenge", `only "always" is known`)
	}
	for _, r := range s.Recovery {
		if r != RecoveryCodeWay {
			return bad("recovery", fmt.Sprintf("%q is not known; recovery_code is", r))
		}
	}
	if !slices.Contains([]string{RecoverySingle, RecoverySet}, s.RecoveryCodeFormat) {
		return bad("recovery_code_format", "must be single or set")
	}
	if s.PasswordResetEffect != ResetKeepsMFA {
		return bad("password_reset_effect", `only "keep_mfa" is known`)
	}
	if !slices.Contains([]string{DisableSecondFactor, DisableConfirmOnly, DisableNo}, s.UserMayDisable) {
		return bad("user_may_disable", "must be second_factor, confirm_only or no")
	}
	if s.EnforceAt != EnforceAtNextSignIn {
		return bad("enforce_at", `only "next_sign_in" is known`)
	}
	if !slices.Contains([]string{EnrolProofKnownBrowserOrMail, EnrolProofAlwaysMail, EnrolProofNone}, s.EnrolProof) {
		return bad("enrol_proof", "must be known_browser_or_mail, always_mail or none")
	}
	if s.TOTP.Digits != 6 && s.TOTP.Digits != 8 {
		return bad("totp.digits", "must be 6 or 8")
	}
	if s.TOTP.Skew < 0 || s.TOTP.Skew > 2 {
		return bad("totp.skew", "must be 0, 1 or 2")
	}
	for name, r := range map[string]LockRule{"lockout.password": s.Lockout.Password, "lockout.factor": s.Lockout.Factor} {
		if r.Limit < 1 || r.Limit > 100 {
			return bad(name+".limit", "must be 1 to 100")
		}
		if r.Window < Duration(time.Minute) || r.Period < Duration(time.Second) || r.Growth < r.Period {
			return bad(name, "needs a window of at least 1m, a period of at least 1s and a growth no shorter than the period")
		}
	}
	if s.Session.Idle < Duration(time.Minute) || s.Session.Max < s.Session.Idle {
		return bad("session", "needs an idle time of at least 1m and a max no shorter than it")
	}
	// N-07, N-09: an overall time limit must exist, and 30 days is the most at the lowest level.
	if s.Session.Max > Duration(30*24*time.Hour) {
		return bad("session.max", "must be at most 30d")
	}
	if s.InvitationDays < 1 || s.InvitationDays > InvitationDaysAtMost {
		return bad("invitation_days", "must be 1 to 90")
	}
	if s.TimeZone != "" {
		if _, err := time.LoadLocation(s.TimeZone); err != nil {
			return bad("time_zone", "is not a zone of the time zone database")
		}
	}
	return nil
}
