package core

import "time"

type UserKind string

const (
	Person         UserKind = "person"
	ServiceAccount UserKind = "service_account"
)

// UserState is the account's own axis; the state of its factors is another
// (MFAStatus).
type UserState string

const (
	UserInvited   UserState = "invited"   // mailbox not confirmed: "pending validation"
	UserValidated UserState = "validated" // mailbox confirmed, not signed in yet
	UserActive    UserState = "active"    // signed in once
	UserDisabled  UserState = "disabled"
	UserDeleted   UserState = "deleted"
)

// MFAStatus is what every table, API and report shows about a person.
type MFAStatus string

const (
	MFANotApplicable     MFAStatus = "not_applicable" // federated: proved elsewhere
	MFAPendingValidation MFAStatus = "pending_validation"
	MFADisabled          MFAStatus = "disabled"
	MFASetupRequired     MFAStatus = "setup_required"
	MFAEnabled           MFAStatus = "enabled"
	MFAServiceAccount    MFAStatus = "service_account"
)

// User is an account: a person's or a service's.
type User struct {
	ID        UserID
	Tenant    TenantID
	Kind      UserKind
	State     UserState
	Before    UserState // what it was before it was disabled, so that enabling restores it
	Login     string    // as typed when it was made, shown to people
	LoginKey  string    // unique on the platform; what sign-in looks up
	Name      string
	Email     string // may be empty for a service account
	EmailKey  string
	Federated bool
	Locale    string // empty: the organisation's
	// Roles this account holds, on its own tenant or elsewhere, are RoleGrants.
	LastSignInAt time.Time // coarse: moved at most once a day; accepting an invitation sets it too, see LastSignIn
	AwakeAt      time.Time // as coarse: the last sign-in that counts for enrol_proof
	// PlacedAt is when the account came into its organisation: made or moved there.
	PlacedAt time.Time
	// Skips counts how often the person put off setting up a second factor since
	// SkipsSince, which is the instant of the demand that they put off.
	Skips       int
	SkipsSince  time.Time
	Version     int64
	CreatedAt   time.Time
	ChangedAt   time.Time
	ValidatedAt time.Time
}

// Password is what is kept of a password, apart from the account so that no
// list of people ever carries a hash (security row B-44).
type Password struct {
	Hash       string // PHC string, or what secret.Imported keeps
	Length     int    // which of the floors it met: password.Class, no count; 0: imported, not known yet
	MustChange bool
	SetAt      time.Time
}

// Standing is where an account stands towards a second factor, whatever its
// organisation asks for. The store keeps it with the account, moves it in the
// transaction of each transition and counts it: lists and progress bars are read
// from it.
type Standing string

const (
	StandingPending   Standing = "pending"   // a person who has not accepted the invitation
	StandingOpen      Standing = "open"      // a person without a second factor
	StandingEnrolled  Standing = "enrolled"  // a person with a confirmed one
	StandingService   Standing = "service"   // a service account
	StandingFederated Standing = "federated" // proved elsewhere
	StandingInactive  Standing = "inactive"  // a disabled account of any kind
	StandingDeleted   Standing = "deleted"   // counted nowhere
)

// Standings lists those that are counted.
var Standings = []Standing{StandingEnrolled, StandingFederated, StandingInactive, StandingOpen, StandingPending, StandingService}

// StandingOf sorts an account. Enrolled says that a confirmed second factor
// exists, dead or not; recovery codes are none.
func StandingOf(u User, enrolled bool) Standing {
	switch {
	case u.State == UserDeleted:
		return StandingDeleted
	case u.State == UserDisabled:
		return StandingInactive
	case u.Kind == ServiceAccount:
		return StandingService
	case u.Federated:
		return StandingFederated
	case u.State == UserInvited:
		return StandingPending
	case enrolled:
		return StandingEnrolled
	}
	return StandingOpen
}

// Service is what is kept of a service account besides the account: who answers
// for it, why it exists, until when, and from where it may come.
type Service struct {
	User       UserID
	Owner      UserID
	Reason     string
	Networks   []string // CIDR; empty: from anywhere
	ExpiresAt  time.Time
	LastUsedAt time.Time // coarse
	UsedFrom   string    // where from it came then
	CreatedAt  time.Time
	// Heir is the API client that takes its place. Both work side by side until this
	// one was not used for Quiet; its owner is warned before, at WarnedAt.
	Heir     ClientID
	HeirAt   time.Time
	Quiet    time.Duration
	WarnedAt time.Time
}

// RestedSince is since when nobody uses an account that has an heir.
func (s Service) RestedSince() time.Time {
	if s.LastUsedAt.After(s.HeirAt) {
		return s.LastUsedAt
	}
	return s.HeirAt
}

// Over reports whether the account's time has run out.
func (s Service) Over(now time.Time) bool { return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) }

// Browser is one that finished a full sign-in of this person before. It keeps
// a guess budget of its own, so that an outsider cannot lock its owner out
// (decision: at most ten are kept, all dropped on a password change). A person
// may also trust it, so that no code is asked for there: that binds the person
// and the secret of the device, and nobody else who uses the browser.
type Browser struct {
	ID       BrowserID
	User     UserID
	Tenant   TenantID
	Hash     []byte // SHA-256 of the device cookie's secret
	Agent    string
	Place    string // where it was last seen from, as far as it can be told
	SeenAt   time.Time
	CreateAt time.Time
	// TrustedAt is zero for a browser that is only known. TrustedUntil is zero for
	// one that is trusted without an end.
	TrustedAt    time.Time
	TrustedUntil time.Time
	// MetAsleep: it came with a sign-in that does not count for enrol_proof.
	MetAsleep bool
}

// Trusted reports whether the browser excuses its person from a code at now, as
// far as what was promised goes. What holds in the organisation today may be less.
func (b Browser) Trusted(now time.Time) bool {
	return !b.TrustedAt.IsZero() && (b.TrustedUntil.IsZero() || now.Before(b.TrustedUntil))
}

// MaxBrowsers is how many known browsers a person keeps, MaxPeople how many people
// a browser keeps a secret for; the oldest goes first.
const (
	MaxBrowsers = 10
	MaxPeople   = 8
)

type Role string

const (
	PlatformAdmin Role = "platform_admin"
	PartnerAdmin  Role = "partner_admin"
	CustomerAdmin Role = "customer_admin"
	Helpdesk      Role = "helpdesk"
	Auditor       Role = "auditor"
	RoleUser      Role = "user"
)

// Roles lists the roles that ship, strongest first.
var Roles = []Role{PlatformAdmin, PartnerAdmin, CustomerAdmin, Helpdesk, Auditor, RoleUser}

// RoleGrant is a role on a tenant and everything below it.
type RoleGrant struct {
	User   UserID
	Tenant TenantID // where it holds
	Role   Role
	At     time.Time
	// Base and Rights are those of a custom role, filled in when it is read.
	Base   Role
	Rights []string
}

// CustomRole is a shipped role with fewer rights, made by an organisation for
// itself and what is below it. Its id is the Role of the grants.
type CustomRole struct {
	ID        Role
	Tenant    TenantID // the organisation that made it
	Base      Role
	Name      string
	Rights    []string
	Version   int64
	CreatedAt time.Time
	ChangedAt time.Time
}

// LastSignIn is when the account was last signed in to, to the day: a sign-in
// within 24 hours of it is not noted. Zero when there never was one.
func (u User) LastSignIn() time.Time {
	if u.State == UserActive || u.Before == UserActive {
		return u.LastSignInAt
	}
	return time.Time{}
}
