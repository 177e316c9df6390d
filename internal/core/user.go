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
	Version      int64
	CreatedAt    time.Time
	ChangedAt    time.Time
	ValidatedAt  time.Time
}

// Password is what is kept of a password, apart from the account so that no
// list of people ever carries a hash (security row B-44).
type Password struct {
	Hash       string // PHC string, or what secret.Imported keeps
	Length     int    // which of the floors it met: password.Class, no count; 0: imported, not known yet
	MustChange bool
	SetAt      time.Time
}

// Browser is one that finished a full sign-in of this person before. It keeps
// a guess budget of its own, so that an outsider cannot lock its owner out
// (decision: at most ten are kept, all dropped on a password change).
type Browser struct {
	ID       BrowserID
	User     UserID
	Tenant   TenantID
	Hash     []byte // SHA-256 of the device cookie's secret
	Agent    string
	SeenAt   time.Time
	CreateAt time.Time
	// MetAsleep: it came with a sign-in that does not count for enrol_proof.
	MetAsleep bool
}

// MaxBrowsers is how many known browsers a person keeps; the oldest goes first.
const MaxBrowsers = 10

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
}

// LastSignIn is when the account was last signed in to, to the day: a sign-in
// within 24 hours of it is not noted. Zero when there never was one.
func (u User) LastSignIn() time.Time {
	if u.State == UserActive || u.Before == UserActive {
		return u.LastSignInAt
	}
	return time.Time{}
}
