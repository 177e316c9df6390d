package audit

import (
	"strconv"

	"sallyport/internal/core"
)

// Names of events. They are dotted and stable: programs and alert rules key on
// them.
const (
	SignInSucceeded    = "signin.succeeded"
	SignInFailed       = "signin.failed"
	SecondFactorFailed = "signin.factor_failed"
	StepUpSucceeded    = "signin.step_up"
	SignedOut          = "session.signed_out"
	SessionRevoked     = "session.revoked"
	UserCreated        = "user.created"
	UserInvited        = "user.invited"
	UserValidated      = "user.validated"
	UserDeactivated    = "user.deactivated"
	UserReactivated    = "user.reactivated"
	UserLocked         = "user.locked"
	UserUnlocked       = "user.unlocked"
	UserProfile        = "user.profile_changed"
	RoleGranted        = "user.role_granted"
	PasswordChanged    = "user.password.changed"
	PasswordResetAsked = "user.password.reset_asked"
	PasswordReset      = "user.password.reset"
	MFAEnrolStarted    = "user.mfa.enrol_started"
	MFASheetShown      = "user.mfa.sheet_shown"
	MFASkipped         = "user.mfa.skipped"
	MFAEnrolled        = "user.mfa.enrolled"
	MFAEnrolFailed     = "user.mfa.enrol_failed"
	MFARemoved         = "user.mfa.removed"
	MFAReset           = "user.mfa.reset"
	MFADead            = "user.mfa.dead"
	RecoveryUsed       = "user.mfa.recovery_used"
	RecoveryMade       = "user.mfa.recovery_regenerated"
	RecoverySaved      = "user.mfa.recovery_saved"
	MailProofAsked     = "user.mfa.mail_proof_asked"
	MailProofGiven     = "user.mfa.mail_proof_given"
	MFALookedAt        = "user.mfa.looked_at" // support compared a code with the person's app; nothing was used up
	BrowserTrusted     = "user.browser.trusted"
	AdminLinkMade      = "user.admin_link.made"
	AdminLinkUsed      = "user.admin_link.used"
	ServiceUsed        = "service_account.used" // at most once an hour
	UserChanged        = "user.changed"
	UserDeleted        = "user.deleted"
	UserMoved          = "user.moved"
	UserConverted      = "user.converted"
	EmailChangeAsked   = "user.email.change_asked"
	EmailChanged       = "user.email.changed"
	RoleRevoked        = "user.role_revoked"
	BrowsersUntrusted  = "user.browser.untrusted"
	PassMade           = "user.pass.made"
	PassUsed           = "user.pass.used"
	RoleMade           = "role.made"
	RoleChanged        = "role.changed"
	RoleDeleted        = "role.deleted"
	UserUpdated        = "user.updated"  // an import changed an account that was there
	PeopleImported     = "user.imported" // many accounts came at once; each has its own row besides
	TenantCreated      = "tenant.created"
	TenantRenamed      = "tenant.renamed"
	TenantMoved        = "tenant.moved"
	TenantConverted    = "tenant.converted"
	TenantTrial        = "tenant.trial_set"
	TenantSuspended    = "tenant.suspended"
	TenantResumed      = "tenant.resumed"
	TenantDeleted      = "tenant.deleted"
	TenantRestored     = "tenant.restored"
	TenantErased       = "tenant.erased"
	SessionsEnded      = "tenant.sessions_ended"
	FirstAdministrator = "tenant.administrator_invited"
	SupportOpened      = "tenant.support_opened"
	SupportClosed      = "tenant.support_closed"
	TenantMFAEnabled   = "tenant.mfa.enabled"
	TenantMFAMode      = "tenant.mfa.mode_changed"
	TenantMFADisabling = "tenant.mfa.disabling"
	TenantMFADisabled  = "tenant.mfa.disabled"
	SettingsChanged    = "policy.changed"
	LocksChanged       = "policy.locks_changed"
	TemplateChanged    = "policy.template_changed"
	RequirementKept    = "policy.requirement_kept"
	ActingStarted      = "support.acting_started"
	ActingEnded        = "support.acting_ended"
	AppCreated         = "app.created"
	AppChanged         = "app.changed"
	AppSecretMade      = "app.secret_made"
	AppDeleted         = "app.deleted"
	AppRefused         = "app.refused" // an app could not show that it is itself
	AppOpened          = "app.opened"  // a person went into it; tokens followed
	AppConsented       = "app.consented"
	AppDenied          = "app.denied"
	AppActed           = "app.acted"    // an app got a token with which it acts for a person
	TokenReused        = "token.reused" // a code or refresh token came twice: all tokens of that sign-in ended
	TokenRevoked       = "token.revoked"
	CountsRepaired     = "store.counts_repaired"
	KeysRotated        = "key.rotated"
	BackupCompleted    = "backup.completed"
	BackupRestored     = "backup.restored"
)

// Names lists every event, for the reference and for the catalogs.
var Names = []string{SignInSucceeded, SignInFailed, SecondFactorFailed, StepUpSucceeded, SignedOut, SessionRevoked, UserCreated,
	UserInvited, UserValidated, UserDeactivated, UserReactivated, UserLocked, UserUnlocked, UserProfile, RoleGranted, PasswordChanged,
	PasswordResetAsked, PasswordReset, MFAEnrolStarted, MFASkipped, MFASheetShown, MFAEnrolled, MFAEnrolFailed, MFARemoved, MFAReset, MFADead, RecoveryUsed, RecoveryMade,
	RecoverySaved, MailProofAsked, MailProofGiven, MFALookedAt, BrowserTrusted, AdminLinkMade, AdminLinkUsed, ServiceUsed, UserChanged, UserDeleted, UserMoved, UserConverted, EmailChangeAsked, EmailChanged, RoleRevoked, BrowsersUntrusted, PassMade, PassUsed,
	UserUpdated, PeopleImported, RoleMade, RoleChanged, RoleDeleted, TenantCreated, TenantRenamed, TenantMoved, TenantConverted, TenantTrial, TenantSuspended, TenantResumed, TenantDeleted,
	TenantRestored, TenantErased, SessionsEnded, FirstAdministrator, SupportOpened, SupportClosed, TenantMFAEnabled, TenantMFAMode, TenantMFADisabling, TenantMFADisabled,
	SettingsChanged, LocksChanged, TemplateChanged, RequirementKept, ActingStarted, ActingEnded, AppCreated, AppChanged, AppSecretMade, AppDeleted, AppRefused, AppOpened, AppConsented, AppDenied, AppActed,
	TokenReused, TokenRevoked, CountsRepaired, KeysRotated, BackupCompleted,
	BackupRestored}

// Results of an event.
const (
	OK      = "ok"
	Refused = "refused"
)

// By is an event that a person did to their own account.
func By(name string, user core.UserID, c core.Client) core.Event {
	return core.Event{Name: name, Actor: string(user), Target: string(user), Result: OK, Address: c.Where(), Request: c.Request}
}

// On is an event that somebody (an account's id, core.ActorShell or
// core.ActorSystem) did to something.
func On(name, actor, target string, c core.Client) core.Event {
	return core.Event{Name: name, Actor: actor, Target: target, Result: OK, Address: c.Where(), Request: c.Request}
}

// Fail is the refusal of what somebody tried; reason is a fault's code or a
// word of the same kind, and is for administrators only.
func Fail(name string, user core.UserID, reason string, c core.Client) core.Event {
	e := By(name, user, c)
	e.Result, e.Reason = Refused, reason
	return e
}

// Note adds a detail. Values are words, counts and ids.
func Note(e core.Event, key, value string) core.Event {
	d := map[string]string{key: value}
	for k, v := range e.Detail {
		d[k] = v
	}
	e.Detail = d
	return e
}

// Count adds a number.
func Count(e core.Event, key string, n int) core.Event { return Note(e, key, strconv.Itoa(n)) }
