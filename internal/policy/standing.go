package policy

import (
	"time"

	"sallyport/internal/core"
)

// Stand is the part of the answer that does not depend on a sign-in: what tables,
// the progress bar and a person's own pages show.
type Stand struct {
	Status core.MFAStatus
	// Required says that a rule demands a second factor, By whom and Since when.
	Required bool
	By       core.Tenant
	Since    time.Time
	// DueAt is until when the setup may still be put off, where grace or a new
	// person's window runs; SkipsLeft is how often, -1 when nobody counts.
	DueAt     time.Time
	SkipsLeft int
}

// Standing answers for a person and what holds for them (decision 4). A status of
// setup_required is made here and stored nowhere.
func Standing(p Person, e Effective, now time.Time) Stand {
	f := Facts{Now: now, Person: p, Effective: e, standing: true}
	s := sofar{level: core.LevelPassword, enrolled: Enrolled(p.Factors)}
	for _, r := range []rule{ruleDisabling, rulePlatformLock, ruleAncestorLock, ruleOrganization, ruleRequiredLevel, ruleSelectedApps, ruleNewUserWindow, ruleGrace} {
		r.ask(&f, &s)
	}
	var out Stand
	switch {
	case p.Kind != core.Person:
		out.Status = core.MFAServiceAccount
		return out
	case p.Federated:
		out.Status = core.MFANotApplicable
		return out
	}
	for _, d := range s.demands {
		if d.due != dueOffered {
			out.Required, out.By, out.Since = true, *d.by, d.since
			break
		}
	}
	switch {
	case p.State == core.UserInvited:
		out.Status = core.MFAPendingValidation
	case s.enrolled:
		out.Status = core.MFAEnabled
	case out.Required:
		out.Status = core.MFASetupRequired
		out.SkipsLeft = 0
		for _, w := range s.waits {
			if !w.until.Before(out.DueAt) {
				out.DueAt, out.SkipsLeft = w.until, w.left
			}
		}
	default:
		out.Status = core.MFADisabled
	}
	return out
}

// Status is the word that tables, pages and the API show for a person's MFA.
func Status(p Person, e Effective) core.MFAStatus { return Standing(p, e, time.Time{}).Status }

// Required reports whether a rule demands a second factor of this person, and on
// whose word.
func Required(p Person, e Effective) (by core.Tenant, ok bool) {
	s := Standing(p, e, time.Time{})
	return s.By, s.Required
}

// MayDisable tells whether a person may switch their own second factor off, and
// how (a value of user_may_disable). Never while a mandatory rule applies.
func MayDisable(p Person, e Effective) (how string, ok bool) {
	if _, required := Required(p, e); required {
		return core.DisableNo, false
	}
	how = e.Settings.UserMayDisable
	return how, how == core.DisableSecondFactor || how == core.DisableConfirmOnly
}

// MayOptIn tells whether a person without a factor may set one up from the
// security page: where the organisation offers it, always where it is due, and an
// administrator anywhere. Not while factors are being taken away.
func MayOptIn(p Person, e Effective, administrator bool) bool {
	if e.Disabling() {
		return false
	}
	_, required := Required(p, e)
	return required || administrator || e.Settings.On()
}

// ResetEffect is what a password reset by mail does to this person's factors:
// never anything for who administers the platform or a partner (decision 6).
func ResetEffect(p Person, e Effective) string {
	if e.Settings.PasswordResetEffect == core.ResetClearsMFA && !p.Provider() && !provides(e.Organisation.Kind) {
		return core.ResetClearsMFA
	}
	return core.ResetKeepsMFA
}

// MayHoldServiceAccounts reports whether service accounts may be made on a tenant
// of this kind.
func MayHoldServiceAccounts(e Effective, kind core.TenantKind) bool {
	for _, k := range e.Settings.ServiceAccountsAt {
		if k == kind {
			return true
		}
	}
	return false
}
