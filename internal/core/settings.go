package core

import (
	"slices"
	"time"
)

// Settings are all values of an organisation's document, defaults filled in.
// Times in it are settings, not instants. Keys that a later release brings are
// kept in the document by SettingsDoc and ignored here.
type Settings struct {
	Requirement         []Requirement   `json:"requirement"`
	SelectedApps        []AppID         `json:"selected_apps"`
	Factors             []FactorKind    `json:"factors"`
	RequiredLevel       RequiredLevel   `json:"required_level"`
	Challenge           string          `json:"challenge"`
	TrustedBrowser      TrustedBrowser  `json:"trusted_browser"`
	Recovery            []string        `json:"recovery"`
	RecoveryCodeFormat  string          `json:"recovery_code_format"`
	PasswordResetEffect string          `json:"password_reset_effect"`
	UserMayDisable      string          `json:"user_may_disable"`
	EnforceAt           EnforceAt       `json:"enforce_at"`
	NewUserWindow       Window          `json:"new_user_window"`
	EnrolProof          string          `json:"enrol_proof"`
	TOTP                TOTPSettings    `json:"totp"`
	Lockout             LockoutSettings `json:"lockout"`
	Session             SessionSettings `json:"session"`
	Tokens              TokenSettings   `json:"tokens"`
	LoginNetworks       Networks        `json:"login_networks"`
	UniqueEmail         bool            `json:"unique_email"`
	ServiceAccountsAt   []TenantKind    `json:"service_accounts_at"`
	Rollout             RolloutSettings `json:"rollout"`
	InvitationDays      int             `json:"invitation_days"`
	DisplayName         string          `json:"display_name"`
	Logo                string          `json:"logo"`
	Locale              string          `json:"locale"`
	TimeZone            string          `json:"time_zone"`
	MailFromName        string          `json:"mail_from_name"`
	RecommendedApp      string          `json:"recommended_app"`
}

// SettingKeys are the keys of a document in the order in which they are shown.
// The two lock rules are keys of their own: one may be locked without the other.
var SettingKeys = []string{"requirement", "selected_apps", "factors", "required_level", "challenge", "trusted_browser", "recovery", "recovery_code_format",
	"password_reset_effect", "user_may_disable", "enforce_at", "new_user_window", "enrol_proof", "totp", "lockout.password", "lockout.factor", "session", "tokens",
	"login_networks", "unique_email", "service_accounts_at", "rollout", "invitation_days", "display_name", "logo", "locale", "time_zone", "mail_from_name",
	"recommended_app"}

// LaterKeys are keys that a later release reads. A stored document that has one
// keeps it; nobody can write one yet, or they would believe that it holds.
var LaterKeys = []string{"email_code", "risk_actions", "mailbox_normalisation", "passkey", "min_client_versions"}

// Enrollable are the kinds of factor that this program can enrol, best first. The
// settings may name more: a document is made for a release to come, too.
var Enrollable = []FactorKind{FactorTOTP}

// HighestLevel is the best that those kinds reach.
const HighestLevel = LevelMFA

// DefaultSettings are the values of an organisation that set none.
func DefaultSettings() Settings {
	var s Settings
	s.Requirement = []Requirement{}
	s.SelectedApps = []AppID{}
	s.Factors = []FactorKind{FactorTOTP, FactorPasskey}
	s.RequiredLevel = RequiredLevel{All: RequireNoLevel}
	s.Challenge = ChallengeAlways
	s.TrustedBrowser = TrustedBrowser{Mode: TrustDays, Days: 14}
	s.Recovery = []string{RecoveryCodeWay}
	s.RecoveryCodeFormat = RecoverySingle
	s.PasswordResetEffect = ResetKeepsMFA
	s.UserMayDisable = DisableSecondFactor
	s.EnforceAt = EnforceAt{Mode: EnforceAtNextSignIn, Grace: Grace{Days: 14, Skips: 3}}
	s.NewUserWindow = Window{Days: 7}
	s.EnrolProof = EnrolProofKnownBrowserOrMail
	s.TOTP = TOTPSettings{Digits: 6, Skew: 1}
	s.Lockout.Password = LockRule{Limit: 10, Window: Duration(15 * time.Minute), Period: Duration(5 * time.Minute), Growth: Duration(time.Hour)}
	s.Lockout.Factor = LockRule{Limit: 5, Window: Duration(15 * time.Minute), Period: Duration(5 * time.Minute), Growth: Duration(time.Hour)}
	s.Session.Idle = Duration(time.Hour)
	s.Session.Max = Duration(24 * time.Hour)
	s.Tokens.Server = TokenLives{Access: Duration(AccessLife), Refresh: Duration(RefreshLife)}
	s.Tokens.Public = s.Tokens.Server
	s.LoginNetworks = Networks{}
	s.UniqueEmail = true
	s.ServiceAccountsAt = slices.Clone(TenantKinds)
	s.Rollout.ReminderDays = []int{0, 2, 10}
	s.InvitationDays = 15
	return s
}

// Requires reports whether the requirement set holds r.
func (s Settings) Requires(r Requirement) bool { return slices.Contains(s.Requirement, r) }

// Offers reports whether a person may enrol a factor of this kind.
func (s Settings) Offers(k FactorKind) bool { return slices.Contains(s.Factors, k) }

// On reports whether MFA is switched on at all: the set is not empty.
func (s Settings) On() bool { return len(s.Requirement) > 0 }

// clone is s with lists of its own, so that decoding over it writes to nobody
// else's.
func (s Settings) clone() Settings {
	s.Requirement = slices.Clone(s.Requirement)
	s.SelectedApps = slices.Clone(s.SelectedApps)
	s.Factors = slices.Clone(s.Factors)
	s.Recovery = slices.Clone(s.Recovery)
	s.LoginNetworks = slices.Clone(s.LoginNetworks)
	s.ServiceAccountsAt = slices.Clone(s.ServiceAccountsAt)
	s.Rollout.ReminderDays = slices.Clone(s.Rollout.ReminderDays)
	return s
}

// Languages are those that pages and mails speak; a test holds them to the
// catalogs.
var Languages = []string{"de", "en", "fr", "sv"}
