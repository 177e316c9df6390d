package policy

import (
	"maps"
	"slices"

	"sallyport/internal/core"
)

// Direction is which way a change of a setting goes.
type Direction string

const (
	Same    Direction = "same"
	Tighter Direction = "tighter"
	Looser  Direction = "looser"
	Neither Direction = "neither" // another value, and none of the two is stricter
)

// key is what is known of one key of a settings document. A key without tighten
// cannot be locked: none of its values is stricter than another.
type key struct {
	name string
	// compare says which way it is from a to b.
	compare func(a, b *core.Settings) Direction
	// tighten makes s as strict as floor in this key, and never looser.
	tighten func(s, floor *core.Settings)
}

func (k key) lockable() bool { return k.tighten != nil }

// keys are those of core.SettingKeys, in their order. This is the only place that
// says what tighter means.
var keys = []key{
	superset("requirement", func(s *core.Settings) *[]core.Requirement { return &s.Requirement }),
	superset("selected_apps", func(s *core.Settings) *[]core.AppID { return &s.SelectedApps }),
	subset("factors", func(s *core.Settings) *[]core.FactorKind { return &s.Factors }),
	{"required_level", compareLevels, tightenLevels},
	ranked("challenge", func(s *core.Settings) *string { return &s.Challenge }, core.ChallengeRisk, core.ChallengeUntrustedBrowser, core.ChallengeAlways),
	{"trusted_browser", func(a, b *core.Settings) Direction {
		return fewer(trustDays(a.TrustedBrowser), trustDays(b.TrustedBrowser))
	}, func(s, floor *core.Settings) {
		if trustDays(floor.TrustedBrowser) < trustDays(s.TrustedBrowser) {
			s.TrustedBrowser = floor.TrustedBrowser
		}
	}},
	subset("recovery", func(s *core.Settings) *[]string { return &s.Recovery }),
	plain("recovery_code_format", func(s *core.Settings) any { return s.RecoveryCodeFormat }),
	ranked("password_reset_effect", func(s *core.Settings) *string { return &s.PasswordResetEffect }, core.ResetClearsMFA, core.ResetKeepsMFA),
	ranked("user_may_disable", func(s *core.Settings) *string { return &s.UserMayDisable }, core.DisableConfirmOnly, core.DisableSecondFactor, core.DisableNo),
	{"enforce_at", compareEnforce, tightenEnforce},
	{"new_user_window", func(a, b *core.Settings) Direction { return fewer(a.NewUserWindow.Days, b.NewUserWindow.Days) },
		func(s, floor *core.Settings) {
			s.NewUserWindow.Days = min(s.NewUserWindow.Days, floor.NewUserWindow.Days)
		}},
	ranked("enrol_proof", func(s *core.Settings) *string { return &s.EnrolProof }, core.EnrolProofNone, core.EnrolProofKnownBrowserOrMail, core.EnrolProofAlwaysMail),
	{"totp", func(a, b *core.Settings) Direction {
		return both(fewer(a.TOTP.Skew, b.TOTP.Skew), equal(a.TOTP.Digits, b.TOTP.Digits))
	}, func(s, floor *core.Settings) { s.TOTP.Skew = min(s.TOTP.Skew, floor.TOTP.Skew) }},
	lockRule("lockout.password", func(s *core.Settings) *core.LockRule { return &s.Lockout.Password }),
	lockRule("lockout.factor", func(s *core.Settings) *core.LockRule { return &s.Lockout.Factor }),
	{"session", func(a, b *core.Settings) Direction {
		return both(fewer(a.Session.Idle, b.Session.Idle), fewer(a.Session.Max, b.Session.Max))
	}, func(s, floor *core.Settings) {
		s.Session.Idle, s.Session.Max = min(s.Session.Idle, floor.Session.Idle), min(s.Session.Max, floor.Session.Max)
	}},
	{"tokens", func(a, b *core.Settings) Direction {
		x, y := a.Tokens, b.Tokens
		return both(both(fewer(x.Server.Access, y.Server.Access), fewer(x.Server.Refresh, y.Server.Refresh)),
			both(fewer(x.Public.Access, y.Public.Access), fewer(x.Public.Refresh, y.Public.Refresh)))
	}, func(s, floor *core.Settings) {
		s.Tokens.Server, s.Tokens.Public = s.Tokens.Server.Shorter(floor.Tokens.Server), s.Tokens.Public.Shorter(floor.Tokens.Public)
	}},
	{"login_networks", func(a, b *core.Settings) Direction { return compareNetworks(a.LoginNetworks, b.LoginNetworks) },
		func(s, floor *core.Settings) { s.LoginNetworks = shared(s.LoginNetworks, floor.LoginNetworks) }},
	{"unique_email", func(a, b *core.Settings) Direction { return fewer(number(!a.UniqueEmail), number(!b.UniqueEmail)) },
		func(s, floor *core.Settings) { s.UniqueEmail = s.UniqueEmail || floor.UniqueEmail }},
	subset("service_accounts_at", func(s *core.Settings) *[]core.TenantKind { return &s.ServiceAccountsAt }),
	{name: "rollout", compare: func(a, b *core.Settings) Direction {
		return both(equal(a.Rollout.Date, b.Rollout.Date), differ(slices.Equal(a.Rollout.ReminderDays, b.Rollout.ReminderDays)))
	}},
	{"invitation_days", func(a, b *core.Settings) Direction { return fewer(a.InvitationDays, b.InvitationDays) },
		func(s, floor *core.Settings) { s.InvitationDays = min(s.InvitationDays, floor.InvitationDays) }},
	plain("display_name", func(s *core.Settings) any { return s.DisplayName }),
	plain("logo", func(s *core.Settings) any { return s.Logo }),
	plain("locale", func(s *core.Settings) any { return s.Locale }),
	plain("time_zone", func(s *core.Settings) any { return s.TimeZone }),
	plain("mail_from_name", func(s *core.Settings) any { return s.MailFromName }),
	plain("recommended_app", func(s *core.Settings) any { return s.RecommendedApp }),
}

var keyByName = func() map[string]key {
	m := map[string]key{}
	for _, k := range keys {
		m[k.name] = k
	}
	return m
}()

// Lockable reports whether a lock may hold this key.
func Lockable(name string) bool { return keyByName[name].lockable() }

// Tighten makes s as strict as floor, key by key. The strictest of each wins, in
// whatever order floors are laid on.
func Tighten(s, floor core.Settings) core.Settings {
	for _, k := range keys {
		if k.lockable() {
			k.tighten(&s, &floor)
		}
	}
	return s
}

// Loosest are values that nothing is looser than: what a lock says nothing of.
func Loosest() core.Settings {
	s := core.DefaultSettings()
	s.Factors = []core.FactorKind{core.FactorTOTP, core.FactorPasskey, core.FactorEmailCode}
	s.Challenge = core.ChallengeRisk
	s.TrustedBrowser.Mode = core.TrustNoExpiry
	s.Recovery = []string{core.RecoveryCodeWay, core.RecoverySheetWay}
	s.PasswordResetEffect = core.ResetClearsMFA
	s.UserMayDisable = core.DisableConfirmOnly
	s.EnforceAt = core.EnforceAt{Mode: core.EnforceAtGrace, Grace: core.Grace{Days: core.GraceDaysAtMost, Skips: core.GraceSkipsAtMost}}
	s.NewUserWindow.Days = core.WindowDaysAtMost
	s.EnrolProof = core.EnrolProofNone
	s.TOTP.Skew = 2
	weak := core.LockRule{Limit: 100, Window: minute, Period: second, Growth: second}
	s.Lockout.Password, s.Lockout.Factor = weak, weak
	s.Session.Idle, s.Session.Max = core.SessionAtMost, core.SessionAtMost
	s.Tokens.Server = core.TokenLives{Access: core.Duration(core.AccessLifeMost), Refresh: core.Duration(core.RefreshLifeMost)}
	s.Tokens.Public = s.Tokens.Server
	s.UniqueEmail = false
	s.InvitationDays = core.InvitationDaysAtMost
	return s
}

// sound puts right what two halves of a document may make of each other when one
// of them comes from Loosest.
func sound(s core.Settings) core.Settings {
	for _, r := range []*core.LockRule{&s.Lockout.Password, &s.Lockout.Factor} {
		r.Growth = max(r.Growth, r.Period)
	}
	s.Session.Idle = min(s.Session.Idle, s.Session.Max)
	return s
}

const (
	second core.Duration = 1e9
	minute               = 60 * second
)

func superset[T comparable](name string, at func(*core.Settings) *[]T) key {
	return key{name, func(a, b *core.Settings) Direction { return inclusion(*at(b), *at(a)) }, func(s, floor *core.Settings) {
		own := *at(s)
		all := slices.Clone(own)
		for _, v := range *at(floor) {
			if !slices.Contains(own, v) {
				all = append(all, v)
			}
		}
		*at(s) = all
	}}
}

func subset[T comparable](name string, at func(*core.Settings) *[]T) key {
	return key{name, func(a, b *core.Settings) Direction { return inclusion(*at(a), *at(b)) }, func(s, floor *core.Settings) {
		kept := []T{}
		for _, v := range *at(s) {
			if slices.Contains(*at(floor), v) {
				kept = append(kept, v)
			}
		}
		*at(s) = kept
	}}
}

// inclusion is Tighter when narrow lies within wide and is less.
func inclusion[T comparable](wide, narrow []T) Direction {
	within := func(a, b []T) bool {
		return !slices.ContainsFunc(a, func(v T) bool { return !slices.Contains(b, v) })
	}
	return ordered(within(narrow, wide), within(wide, narrow))
}

// ordered makes a direction of "b is at least as strict as a" and the reverse.
func ordered(tighter, looser bool) Direction {
	switch {
	case tighter && looser:
		return Same
	case tighter:
		return Tighter
	case looser:
		return Looser
	}
	return Neither
}

// ranked is a key with words, loosest first. A word that nobody knows is the
// strictest.
func ranked(name string, at func(*core.Settings) *string, words ...string) key {
	rank := func(s *core.Settings) int {
		if i := slices.Index(words, *at(s)); i >= 0 {
			return -i
		}
		return -len(words)
	}
	return key{name, func(a, b *core.Settings) Direction { return fewer(rank(a), rank(b)) }, func(s, floor *core.Settings) {
		if rank(floor) < rank(s) {
			*at(s) = *at(floor)
		}
	}}
}

// plain is a key of which no value is stricter than another.
func plain(name string, at func(*core.Settings) any) key {
	return key{name: name, compare: func(a, b *core.Settings) Direction { return differ(at(a) == at(b)) }}
}

func lockRule(name string, at func(*core.Settings) *core.LockRule) key {
	return key{name, func(a, b *core.Settings) Direction {
		x, y := at(a), at(b)
		return both(both(fewer(x.Limit, y.Limit), fewer(y.Window, x.Window)), both(fewer(y.Period, x.Period), fewer(y.Growth, x.Growth)))
	}, func(s, floor *core.Settings) {
		x, y := at(s), at(floor)
		x.Limit = min(x.Limit, y.Limit)
		x.Window, x.Period, x.Growth = max(x.Window, y.Window), max(x.Period, y.Period), max(x.Growth, y.Growth)
	}}
}

// fewer: less is tighter.
func fewer[N int | core.Duration](a, b N) Direction { return ordered(b <= a, a <= b) }

func equal[T comparable](a, b T) Direction { return differ(a == b) }

func differ(same bool) Direction {
	if same {
		return Same
	}
	return Neither
}

// both is the direction of two parts together.
func both(a, b Direction) Direction {
	switch {
	case a == Same:
		return b
	case b == Same || a == b:
		return a
	}
	return Neither
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// trustDays is how long trust lasts: none when off, or in a mode nobody knows.
func trustDays(t core.TrustedBrowser) int {
	switch t.Mode {
	case core.TrustDays:
		return max(t.Days, 0)
	case core.TrustNoExpiry:
		return core.TrustDaysAtMost + 1
	}
	return 0
}

// compareEnforce: whoever may wait less, and less often, is the stricter.
func compareEnforce(a, b *core.Settings) Direction {
	x, y := a.EnforceAt, b.EnforceAt
	if x.Mode == core.EnforceAtGrace && y.Mode == core.EnforceAtGrace {
		return both(fewer(x.Grace.Days, y.Grace.Days), fewer(x.Grace.Skips, y.Grace.Skips))
	}
	return fewer(patience(x), patience(y))
}

func tightenEnforce(s, floor *core.Settings) {
	x, y := &s.EnforceAt, floor.EnforceAt
	switch {
	case x.Mode == core.EnforceAtGrace && y.Mode == core.EnforceAtGrace:
		x.Grace.Days, x.Grace.Skips = min(x.Grace.Days, y.Grace.Days), min(x.Grace.Skips, y.Grace.Skips)
	case patience(y) < patience(*x):
		*x = y
	}
}

func patience(e core.EnforceAt) int {
	switch e.Mode {
	case core.EnforceAtGrace:
		return 3
	case core.EnforceAtNextSignIn:
		return 2
	case core.EnforceRevokeNow:
		return 1
	}
	return 0
}

// everyRole are the roles that either document names, and those that ship.
func everyRole(a, b *core.Settings) []core.Role {
	out := slices.Clone(core.Roles)
	for _, m := range []map[core.Role]string{a.RequiredLevel.Roles, b.RequiredLevel.Roles} {
		for _, r := range slices.Sorted(maps.Keys(m)) {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// levelFor is the value that holds for a role: the stricter of its own and
// everybody's. The empty role is nobody in particular.
func levelFor(r core.RequiredLevel, role core.Role) string {
	if own, ok := r.Roles[role]; ok && !core.LevelOf(r.All).AtLeast(core.LevelOf(own)) {
		return own
	}
	return r.All
}

func compareLevels(a, b *core.Settings) Direction {
	tighter, looser := true, true
	for _, role := range append(everyRole(a, b), "") {
		x, y := core.LevelOf(levelFor(a.RequiredLevel, role)), core.LevelOf(levelFor(b.RequiredLevel, role))
		tighter, looser = tighter && y.AtLeast(x), looser && x.AtLeast(y)
	}
	return ordered(tighter, looser)
}

func tightenLevels(s, floor *core.Settings) {
	stricter := func(role core.Role) string {
		x, y := levelFor(s.RequiredLevel, role), levelFor(floor.RequiredLevel, role)
		if core.LevelOf(x).AtLeast(core.LevelOf(y)) {
			return x
		}
		return y
	}
	out := core.RequiredLevel{All: stricter("")}
	for _, role := range everyRole(s, floor) {
		if level := stricter(role); !core.LevelOf(out.All).AtLeast(core.LevelOf(level)) {
			if out.Roles == nil {
				out.Roles = map[core.Role]string{}
			}
			out.Roles[role] = level
		}
	}
	s.RequiredLevel = out
}
