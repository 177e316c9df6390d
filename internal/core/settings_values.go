package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Requirement is one of the three switches of MFA; the setting is a set.
type Requirement string

const (
	RequirePerUser      Requirement = "per_user"
	RequireSelectedApps Requirement = "selected_apps"
	RequireOrganization Requirement = "organization"
)

// Values of challenge.
const (
	ChallengeAlways           = "always"
	ChallengeUntrustedBrowser = "untrusted_browser"
	ChallengeRisk             = "risk" // acts as always until risk is weighed
)

// Ways of recovery.
const (
	RecoveryCodeWay  = "recovery_code"
	RecoverySheetWay = "setup_key_sheet"
)

// Values of recovery_code_format, and how many codes a set has.
const (
	RecoverySingle  = "single"
	RecoverySet     = "set"
	RecoverySetSize = 10
)

// Values of password_reset_effect.
const (
	ResetKeepsMFA  = "keep_mfa"
	ResetClearsMFA = "clear_mfa"
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

// The most that numbers among the settings may be.
const (
	InvitationDaysAtMost = 90
	TrustDaysAtMost      = 365
	GraceDaysAtMost      = 180
	GraceSkipsAtMost     = 100
	WindowDaysAtMost     = 90
)

// TOTPSettings shape new TOTP factors; an enrolled factor keeps its own.
type TOTPSettings struct {
	Digits int `json:"digits"`
	Skew   int `json:"skew"`
}

// LockoutSettings are the timed locks on guessing.
type LockoutSettings struct {
	Password LockRule `json:"password"`
	Factor   LockRule `json:"factor"`
}

// SessionSettings are when a session ends by itself.
type SessionSettings struct {
	Idle Duration `json:"idle"`
	Max  Duration `json:"max"`
}

// TokenSettings are how long tokens of people live, by the kind of app that has them:
// one that keeps a secret on a server, and one on people's devices.
type TokenSettings struct {
	Server TokenLives `json:"server"`
	Public TokenLives `json:"public"`
}

// TokenLives are how long they are good; refresh tokens count from the sign-in.
type TokenLives struct {
	Access  Duration `json:"access"`
	Refresh Duration `json:"refresh"`
}

// Shorter is the shorter of each.
func (l TokenLives) Shorter(o TokenLives) TokenLives {
	return TokenLives{min(l.Access, o.Access), min(l.Refresh, o.Refresh)}
}

// For are those of an app of a kind.
func (t TokenSettings) For(public bool) TokenLives {
	if public {
		return t.Public
	}
	return t.Server
}

// RolloutSettings are when MFA is to be switched on and who is reminded when.
type RolloutSettings struct {
	Date         string `json:"date"` // a day, "2026-12-14", or empty
	ReminderDays []int  `json:"reminder_days"`
}

// Window is a number of days in which something may wait.
type Window struct {
	Days int `json:"days"`
}

// Values of required_level.
const (
	RequireNoLevel           = "none"
	RequireMFA               = "mfa"
	RequirePhishingResistant = "phishing_resistant"
)

// RequiredLevel is the level that a sign-in must reach, of everybody and, where
// somebody holds a role, of them. In a document it is a word, or an object with
// "all" and roles.
type RequiredLevel struct {
	All   string
	Roles map[Role]string
}

// LevelOf is the rung that a value of required_level means. What nobody knows is
// as high as can be: it was written by a release that asks for more.
func LevelOf(value string) Level {
	switch value {
	case RequireNoLevel:
		return LevelNone
	case RequireMFA:
		return LevelMFA
	}
	return LevelPhishingResistant
}

func (r RequiredLevel) MarshalJSON() ([]byte, error) {
	if len(r.Roles) == 0 {
		return json.Marshal(r.All)
	}
	out := maps.Clone(r.Roles)
	out["all"] = r.All
	return json.Marshal(out)
}

func (r *RequiredLevel) UnmarshalJSON(b []byte) error {
	if word, ok, err := wordOr("required_level", b); ok || err != nil {
		if ok {
			*r = RequiredLevel{All: word}
		}
		return err
	}
	var in map[Role]string
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*r = RequiredLevel{All: RequireNoLevel}
	for role, level := range in {
		switch {
		case level == "": // null: not said
		case role == "all":
			r.All = level
		default:
			if r.Roles == nil {
				r.Roles = map[Role]string{}
			}
			r.Roles[role] = level
		}
	}
	return nil
}

// Modes of trusted_browser.
const (
	TrustDays     = "days"
	TrustOff      = "off"
	TrustNoExpiry = "no_expiry"
)

// TrustedBrowser is for how long a browser that its owner trusts is excused from
// the second factor. In a document it is {"days":14}, "off" or "no_expiry".
type TrustedBrowser struct {
	Mode string
	Days int // where the mode is days
}

func (t TrustedBrowser) MarshalJSON() ([]byte, error) {
	if t.Mode == TrustDays {
		return json.Marshal(Window{t.Days})
	}
	return json.Marshal(t.Mode)
}

func (t *TrustedBrowser) UnmarshalJSON(b []byte) error {
	word, ok, err := wordOr("trusted_browser", b)
	switch {
	case err != nil || b[0] == 'n':
		return err
	case ok && word == TrustDays:
		return fmt.Errorf(`trusted_browser is {"days":14}, "off" or "no_expiry"`)
	case ok:
		t.Mode = word
		return nil
	}
	w := Window{t.Days}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	t.Mode, t.Days = TrustDays, w.Days
	return nil
}

// enforceAtSays is what enforce_at may be, for whoever wrote it in another way.
const enforceAtSays = `enforce_at is "next_sign_in", "revoke_now" or {"grace":{"days":14,"skips":3}}`

// Modes of enforce_at.
const (
	EnforceAtNextSignIn = "next_sign_in"
	EnforceAtGrace      = "grace"
	EnforceRevokeNow    = "revoke_now"
)

// EnforceAt is when a setup that a rule demands is due. In a document it is
// "next_sign_in", "revoke_now" or {"grace":{"days":14,"skips":3}}.
type EnforceAt struct {
	Mode  string
	Grace Grace // where the mode is grace
}

// Grace is for how many days a setup may wait, and how often it may be skipped.
type Grace struct {
	Days  int `json:"days"`
	Skips int `json:"skips"`
}

func (e EnforceAt) MarshalJSON() ([]byte, error) {
	if e.Mode == EnforceAtGrace {
		return json.Marshal(map[string]Grace{EnforceAtGrace: e.Grace})
	}
	return json.Marshal(e.Mode)
}

func (e *EnforceAt) UnmarshalJSON(b []byte) error {
	word, ok, err := wordOr("enforce_at", b)
	switch {
	case err != nil || b[0] == 'n':
		return err
	case ok && word == EnforceAtGrace:
		return errors.New(enforceAtSays)
	case ok:
		e.Mode = word
		return nil
	}
	in := struct {
		Grace *Grace `json:"grace"`
	}{&e.Grace}
	kept := e.Grace
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if in.Grace == nil { // null: not said
		e.Grace = kept
	}
	e.Mode = EnforceAtGrace
	return nil
}

// wordOr reads a value that may be a word. ok is false for an object; null is
// no word and no error, and leaves what was there.
func wordOr(key string, b []byte) (word string, ok bool, err error) {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return "", false, fmt.Errorf("%s: a value is missing", key)
	case bytes.Equal(b, []byte("null")):
		return "", false, nil
	case b[0] == '{':
		return "", false, nil
	case b[0] != '"':
		return "", false, fmt.Errorf("%s: %s is neither a word nor an object", key, b)
	}
	err = json.Unmarshal(b, &word)
	return word, err == nil, err
}

// Networks are those from which people may sign in. None in the list means from
// everywhere.
type Networks []netip.Prefix

// Nowhere is what is left of two lists that share nothing. It is never in a
// document: it comes about when a lock and an older list of a child disagree.
var Nowhere = Networks{netip.Prefix{}}

// Allow reports whether an address lies within. An address that is not known
// lies within no list.
func (n Networks) Allow(a netip.Addr) bool {
	if len(n) == 0 {
		return true
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (n Networks) MarshalJSON() ([]byte, error) {
	out := make([]string, 0, len(n))
	for _, p := range n {
		if !p.IsValid() {
			out = append(out, "nowhere")
			continue
		}
		out = append(out, p.String())
	}
	return json.Marshal(out)
}
