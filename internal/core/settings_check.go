package core

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Check refuses values that no rule knows how to keep.
func (s Settings) Check() error {
	for _, part := range []func(Settings) error{checkDemand, checkProofs, checkEnrolment, checkLimits, checkPlaces, checkTexts} {
		if err := part(s); err != nil {
			return err
		}
	}
	return nil
}

func bad(key, why string, args ...any) error {
	return Invalid("settings.invalid", "key", key, "reason", fmt.Sprintf(why, args...))
}

func oneOf[T ~string](key string, v T, known ...T) error {
	if slices.Contains(known, v) {
		return nil
	}
	return bad(key, "%q is not one of %s", v, names(known))
}

func allOf[T ~string](key string, values []T, known ...T) error {
	for _, v := range values {
		if err := oneOf(key, v, known...); err != nil {
			return err
		}
	}
	return nil
}

func names[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

func within(key string, v, least, most int) error {
	if v < least || v > most {
		return bad(key, "must be %d to %d", least, most)
	}
	return nil
}

// checkDemand: what is asked of whom.
func checkDemand(s Settings) error {
	if err := allOf("requirement", s.Requirement, RequirePerUser, RequireSelectedApps, RequireOrganization); err != nil {
		return err
	}
	if len(s.SelectedApps) > 1000 {
		return bad("selected_apps", "must be 1000 at most")
	}
	for _, a := range s.SelectedApps {
		if !isWord(string(a)) {
			return bad("selected_apps", "%q is not the id of an app", a)
		}
	}
	if err := s.EachLevel(func(key, level string) error {
		return oneOf(key, level, RequireNoLevel, RequireMFA, RequirePhishingResistant)
	}); err != nil {
		return err
	}
	for role := range s.RequiredLevel.Roles {
		if err := oneOf("required_level", role, Roles...); err != nil {
			return err
		}
	}
	return s.CouldEnrol()
}

// EachLevel calls visit with every level that the document asks for.
func (s Settings) EachLevel(visit func(key, level string) error) error {
	if err := visit("required_level", s.RequiredLevel.All); err != nil {
		return err
	}
	for role, level := range s.RequiredLevel.Roles {
		if err := visit("required_level."+string(role), level); err != nil {
			return err
		}
	}
	return nil
}

// CouldEnrol refuses values that would leave somebody without a factor that this
// program can set up, or ask for a level that none of them reaches.
func (s Settings) CouldEnrol() error {
	if err := allOf("factors", s.Factors, FactorTOTP, FactorPasskey, FactorEmailCode); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.Factors, func(k FactorKind) bool { return slices.Contains(Enrollable, k) }) {
		return ErrNobodyCouldEnrol.With("key", "factors")
	}
	return s.EachLevel(func(key, level string) error {
		if !HighestLevel.AtLeast(LevelOf(level)) {
			return ErrNobodyCouldEnrol.With("key", key)
		}
		return nil
	})
}

// checkProofs: what counts as a proof, and what happens to one that is lost.
func checkProofs(s Settings) error {
	if err := oneOf("challenge", s.Challenge, ChallengeAlways, ChallengeUntrustedBrowser, ChallengeRisk); err != nil {
		return err
	}
	if err := oneOf("trusted_browser", s.TrustedBrowser.Mode, TrustDays, TrustOff, TrustNoExpiry); err != nil {
		return err
	}
	if s.TrustedBrowser.Mode == TrustDays {
		if err := within("trusted_browser.days", s.TrustedBrowser.Days, 1, TrustDaysAtMost); err != nil {
			return err
		}
	}
	if err := allOf("recovery", s.Recovery, RecoveryCodeWay, RecoverySheetWay); err != nil {
		return err
	}
	if err := oneOf("recovery_code_format", s.RecoveryCodeFormat, RecoverySingle, RecoverySet); err != nil {
		return err
	}
	if err := oneOf("password_reset_effect", s.PasswordResetEffect, ResetKeepsMFA, ResetClearsMFA); err != nil {
		return err
	}
	return oneOf("user_may_disable", s.UserMayDisable, DisableSecondFactor, DisableConfirmOnly, DisableNo)
}

// checkEnrolment: when a setup is due, and what it looks like.
func checkEnrolment(s Settings) error {
	if err := oneOf("enforce_at", s.EnforceAt.Mode, EnforceAtNextSignIn, EnforceAtGrace, EnforceRevokeNow); err != nil {
		return err
	}
	if s.EnforceAt.Mode == EnforceAtGrace {
		if err := within("enforce_at.grace.days", s.EnforceAt.Grace.Days, 1, GraceDaysAtMost); err != nil {
			return err
		}
		if err := within("enforce_at.grace.skips", s.EnforceAt.Grace.Skips, 1, GraceSkipsAtMost); err != nil {
			return err
		}
	}
	if err := within("new_user_window.days", s.NewUserWindow.Days, 0, WindowDaysAtMost); err != nil {
		return err
	}
	if err := oneOf("enrol_proof", s.EnrolProof, EnrolProofKnownBrowserOrMail, EnrolProofAlwaysMail, EnrolProofNone); err != nil {
		return err
	}
	if s.TOTP.Digits != 6 && s.TOTP.Digits != 8 {
		return bad("totp.digits", "must be 6 or 8")
	}
	return within("totp.skew", s.TOTP.Skew, 0, 2)
}

// checkLimits: guesses and sessions.
func checkLimits(s Settings) error {
	for _, l := range []struct {
		name string
		rule LockRule
	}{{"lockout.password", s.Lockout.Password}, {"lockout.factor", s.Lockout.Factor}} {
		if err := within(l.name+".limit", l.rule.Limit, 1, 100); err != nil {
			return err
		}
		if l.rule.Window < Duration(time.Minute) || l.rule.Period < Duration(time.Second) || l.rule.Growth < l.rule.Period {
			return bad(l.name, "needs a window of at least 1m, a period of at least 1s and a growth no shorter than the period")
		}
	}
	if s.Session.Idle < Duration(time.Minute) || s.Session.Max < s.Session.Idle {
		return bad("session", "needs an idle time of at least 1m and a max no shorter than it")
	}
	// N-07, N-09: an overall time limit must exist, and 30 days is the most at the lowest level.
	if s.Session.Max > SessionAtMost {
		return bad("session.max", "must be at most 30d")
	}
	for _, l := range []struct {
		name  string
		lives TokenLives
	}{{"tokens.server", s.Tokens.Server}, {"tokens.public", s.Tokens.Public}} {
		if a := l.lives.Access; a < Duration(time.Minute) || a > Duration(AccessLifeMost) {
			return bad(l.name+".access", "must be 1m to 24h")
		}
		if r := l.lives.Refresh; r < Duration(time.Hour) || r > Duration(RefreshLifeMost) {
			return bad(l.name+".refresh", "must be 1h to 365d")
		}
	}
	return within("invitation_days", s.InvitationDays, 1, InvitationDaysAtMost)
}

// SessionAtMost is how long a session may last whatever is set.
const SessionAtMost = Duration(30 * 24 * time.Hour)

// checkPlaces: networks, kinds of tenant, days.
func checkPlaces(s Settings) error {
	if len(s.LoginNetworks) > 100 {
		return bad("login_networks", "must be 100 at most")
	}
	for _, p := range s.LoginNetworks {
		switch {
		case !p.IsValid():
			return bad("login_networks", "a network is written as 192.0.2.0/24")
		case p.Addr().Is4In6():
			return bad("login_networks", "%s is to be written as IPv4", p)
		case p != p.Masked():
			return bad("login_networks", "%s means %s; write that", p, p.Masked())
		}
	}
	if err := allOf("service_accounts_at", s.ServiceAccountsAt, TenantKinds...); err != nil {
		return err
	}
	if s.Rollout.Date != "" {
		if _, err := time.Parse(time.DateOnly, s.Rollout.Date); err != nil {
			return bad("rollout.date", "must be a day such as 2026-12-14, or empty")
		}
	}
	if len(s.Rollout.ReminderDays) > 10 {
		return bad("rollout.reminder_days", "must be 10 at most")
	}
	for i, d := range s.Rollout.ReminderDays {
		if d < 0 || d > 90 || i > 0 && d <= s.Rollout.ReminderDays[i-1] {
			return bad("rollout.reminder_days", "must rise, from 0 to 90")
		}
	}
	return nil
}

// checkTexts: what people read. It stands in pages and in the head of mails, so
// it is one line and nothing turns it around.
func checkTexts(s Settings) error {
	for _, t := range []struct{ key, text string }{{"display_name", s.DisplayName}, {"mail_from_name", s.MailFromName}, {"recommended_app", s.RecommendedApp}} {
		if utf8.RuneCountInString(t.text) > 120 || strings.ContainsFunc(t.text, unspeakable) {
			return bad(t.key, "must be one line of at most 120 characters")
		}
	}
	if s.Logo != "" && (len(s.Logo) > 500 || !strings.HasPrefix(s.Logo, "https://") || strings.ContainsFunc(s.Logo, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' })) {
		return bad("logo", "must be an address that begins with https://")
	}
	if s.Locale != "" && !slices.Contains(Languages, s.Locale) {
		return bad("locale", "is not one of %s", strings.Join(Languages, ", "))
	}
	if s.TimeZone != "" {
		if _, err := time.LoadLocation(s.TimeZone); err != nil {
			return bad("time_zone", "is not a zone of the time zone database")
		}
	}
	return nil
}

// unspeakable: line ends, invisible characters, and those that turn the direction
// of what follows.
func unspeakable(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// isWord: an id or a tag, as a program makes them.
func isWord(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' || r == ':')
	})
}
