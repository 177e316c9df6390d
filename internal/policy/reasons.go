package policy

// Why a rule applied, or the first of its conditions that failed. The words are
// stable: they stand in what programs read, and the catalogs say each to people
// ("policy.why.…").
const (
	WhyIsPerson        = "is_person"
	WhyPersonAtBasic   = "person_at_basic"
	WhyNotOnPages      = "not_on_pages"
	WhyExpired         = "expired"
	WhyServiceAccount  = "service_account"
	WhyNotFederated    = "not_federated"
	WhyFederated       = "federated"
	WhyEveryNetwork    = "every_network"
	WhyAddressUnknown  = "address_unknown"
	WhyInsideNetworks  = "inside_networks"
	WhyOutsideNetworks = "outside_networks"
	WhyNowhere         = "nowhere"
	WhyNotDisabling    = "not_disabling"
	WhyDisabling       = "disabling"

	WhyNoPlatformLock   = "no_platform_lock"
	WhyNoAncestorLock   = "no_ancestor_lock"
	WhyLockIsNotOnAll   = "lock_is_not_on_all"
	WhyLocked           = "locked"
	WhyLockSaysSo       = "lock_says_so"
	WhyMFAOff           = "mfa_off"
	WhyNotOfEverybody   = "not_of_everybody"
	WhyOfEverybody      = "of_everybody"
	WhyNoLevel          = "no_level"
	WhyLevel            = "level"
	WhyNotForApps       = "not_for_apps"
	WhyNoAppSelected    = "no_app_selected"
	WhyAppSelected      = "app_selected"
	WhyNoAppUsed        = "no_app_used"
	WhyOffered          = "offered"
	WhyNoApp            = "no_app"
	WhyAppLevel         = "app_level"
	WhyPasswordIsEnough = "password_is_enough"
	WhyNotEnrolled      = "not_enrolled"
	WhyFactorConfirmed  = "factor_confirmed"
	WhyFactorDead       = "factor_dead"

	WhyNothingToExcuse = "nothing_to_excuse"
	WhyAskedAlways     = "asked_always"
	WhyLevelAsked      = "level_asked"
	WhyTrustOff        = "trust_off"
	WhyNotTrusted      = "not_trusted"
	WhyTrustOver       = "trust_over"
	WhyTrustVoid       = "trust_void"
	WhyTrusted         = "trusted"
	WhyNoPass          = "no_pass"
	WhyPass            = "pass"
	WhyAnew            = "anew"

	WhyNothingToSetUp = "nothing_to_set_up"
	WhyDueForApp      = "due_for_app"
	WhyOnlyOffered    = "only_offered"
	WhyNoWindow       = "no_window"
	WhyNotValidated   = "not_validated"
	WhyWindowOver     = "window_over"
	WhyNewUser        = "new_user"
	WhyNoGrace        = "no_grace"
	WhyGraceOver      = "grace_over"
	WhyNoSkipsLeft    = "no_skips_left"
	WhyGrace          = "grace"
	WhyNoProofAsked   = "no_proof_asked"
	WhyFactorShown    = "factor_shown"
	WhyMailShown      = "mail_shown"
	WhyNoMailbox      = "no_mailbox"
	WhyKnownBrowser   = "known_browser"
	WhyHereLately     = "here_lately"
	WhyLongAway       = "long_away"
	WhyAlwaysMail     = "always_mail"

	// WhySettled: a rule before this one has decided, so it was not asked.
	WhySettled = "settled"
)

// Reasons are all of them.
var Reasons = []string{WhyIsPerson, WhyPersonAtBasic, WhyNotOnPages, WhyExpired, WhyServiceAccount, WhyNotFederated, WhyFederated, WhyEveryNetwork,
	WhyAddressUnknown, WhyInsideNetworks, WhyOutsideNetworks, WhyNowhere, WhyNotDisabling, WhyDisabling, WhyNoPlatformLock, WhyNoAncestorLock, WhyLockIsNotOnAll,
	WhyLocked, WhyLockSaysSo, WhyMFAOff, WhyNotOfEverybody, WhyOfEverybody, WhyNoLevel, WhyLevel, WhyNotForApps, WhyNoAppSelected, WhyAppSelected,
	WhyNoAppUsed, WhyOffered, WhyNoApp, WhyAppLevel, WhyPasswordIsEnough, WhyNotEnrolled, WhyFactorConfirmed, WhyFactorDead, WhyNothingToExcuse,
	WhyAskedAlways, WhyLevelAsked, WhyTrustOff, WhyNotTrusted, WhyTrustOver, WhyTrustVoid, WhyTrusted, WhyNoPass, WhyPass, WhyAnew, WhyNothingToSetUp, WhyDueForApp,
	WhyOnlyOffered, WhyNoWindow, WhyNotValidated, WhyWindowOver, WhyNewUser, WhyNoGrace, WhyGraceOver, WhyNoSkipsLeft, WhyGrace, WhyNoProofAsked,
	WhyFactorShown, WhyMailShown, WhyNoMailbox, WhyKnownBrowser, WhyHereLately, WhyLongAway, WhyAlwaysMail, WhySettled}
