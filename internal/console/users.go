package console

import (
	"context"
	"net/url"
	"slices"
	"time"

	"sallyport/internal/core"
)

// PeopleQuery asks for a part of the people of a tenant and of what stands below
// it in its organisation.
type PeopleQuery struct {
	Tenant core.TenantID
	Status core.MFAStatus // one of Statuses; empty: all
	Prefix string         // the beginning of a login, a name or an address
	Cursor string
	Limit  int
}

// address is the query as the page's own address, with changes.
func (q PeopleQuery) address(change func(*PeopleQuery)) string { return q.with(change, "") }

// export is the same view as a file.
func (q PeopleQuery) export(format string) string { return q.with(nil, format) }

func (q PeopleQuery) with(change func(*PeopleQuery), format string) string {
	q.Cursor = ""
	if change != nil {
		change(&q)
	}
	v := url.Values{}
	for name, value := range map[string]string{"status": string(q.Status), "q": q.Prefix, "cursor": written(q.Cursor), "format": format} {
		if value != "" {
			v.Set(name, value)
		}
	}
	path := tenantPath(q.Tenant, "/users")
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// Flag is something about a person besides their status that somebody has to know.
type Flag string

const (
	FlagPasswordLocked Flag = "password_locked"
	FlagFactorLocked   Flag = "factor_locked"
	FlagFactorDead     Flag = "factor_dead"
	FlagUndeliverable  Flag = "undeliverable"
)

// Flags lists them all.
var Flags = []Flag{FlagPasswordLocked, FlagFactorLocked, FlagFactorDead, FlagUndeliverable}

// PersonRow is a line of a list of people.
type PersonRow struct {
	User   core.User
	Tenant string         // its tenant's name, where that is not the list's own
	Status core.MFAStatus // one of Statuses
	DueAt  time.Time
	Flags  []Flag
	// Methods are the kinds of second factors that are confirmed.
	Methods []core.FactorKind
	Roles   []RoleName
}

// RoleName is a role as people read it: a shipped one by its word, a custom one by
// the name it was given.
type RoleName struct {
	Role core.Role
	Name string // of a custom role
}

// PeopleList is a page of people with the counts of them all.
type PeopleList struct {
	// Shown is set while MFA is on for the organisation: only then is there a status
	// to show (rows ACR-09, ACR-25).
	Shown  bool
	Counts Counts
	Rows   []PersonRow
	Next   string
}

// Invitation is somebody to be invited.
type Invitation struct {
	Tenant core.TenantID
	Name   string
	Email  string
	Login  string // empty: the address
	Locale string
	Role   core.Role
}

// PersonDeed is something that is done for or to an account.
type PersonDeed string

const (
	PersonUnlock        PersonDeed = "unlock"
	PersonReinvite      PersonDeed = "reinvite"
	PersonPass          PersonDeed = "pass"
	PersonUntrust       PersonDeed = "reset-trusted-browsers"
	PersonResetMFA      PersonDeed = "reset-mfa"
	PersonEndSessions   PersonDeed = "end-sessions"
	PersonToService     PersonDeed = "to-service-account"
	PersonToRegular     PersonDeed = "to-regular"
	PersonEdit          PersonDeed = "edit"
	PersonMove          PersonDeed = "move"
	PersonDisable       PersonDeed = "disable"
	PersonEnable        PersonDeed = "enable"
	PersonDelete        PersonDeed = "delete"
	PersonChangeService PersonDeed = "service-account"
)

// PersonDeeds lists them in the order of the page.
var PersonDeeds = []PersonDeed{PersonUnlock, PersonReinvite, PersonPass, PersonUntrust, PersonResetMFA, PersonEndSessions, PersonEdit, PersonMove,
	PersonToService, PersonChangeService, PersonToRegular, PersonDisable, PersonEnable, PersonDelete}

// BulkDeeds are those that may be done for many at once.
var BulkDeeds = []PersonDeed{PersonReinvite, PersonUnlock, PersonUntrust, PersonResetMFA, PersonDisable, PersonEnable}

// dangerous deeds take something away.
func (d PersonDeed) dangerous() bool {
	return slices.Contains([]PersonDeed{PersonResetMFA, PersonDisable, PersonDelete}, d)
}

// PersonChange is what somebody wants done with an account.
type PersonChange struct {
	Deed   PersonDeed
	User   core.UserID
	Hours  int           // PersonPass: for how long
	Tenant core.TenantID // PersonMove: where to
	Name   string        // PersonEdit
	Email  string        // PersonEdit: counts once it is confirmed
	Locale string        // PersonEdit
	// Reason, Networks and Expires are of a service account.
	Reason   string
	Networks []string
	Expires  time.Time
	Version  int64
}

// PersonChanged is what came of it.
type PersonChanged struct {
	// Secret is shown once: a temporary pass, or the password of a service account.
	Secret string
	Until  time.Time
}

// People is what the pages of people need.
type People interface {
	People(ctx context.Context, by Caller, q PeopleQuery) (PeopleList, error)
	Person(ctx context.Context, by Caller, id core.UserID) (PersonView, error)
	Invite(ctx context.Context, by Caller, n Invitation) (core.UserID, error)
	PreviewPerson(ctx context.Context, by Caller, c PersonChange) (Effect, error)
	ChangePerson(ctx context.Context, by Caller, c PersonChange) (PersonChanged, error)
	// Homes are the tenants of the same organisation that a person may be moved to.
	Homes(ctx context.Context, by Caller, id core.UserID) ([]core.Tenant, error)
	// EndSession ends one session of a person; ForgetBrowser takes the trust from one
	// browser.
	EndSession(ctx context.Context, by Caller, id core.UserID, session core.SessionID) error
	ForgetBrowser(ctx context.Context, by Caller, id core.UserID, browser core.BrowserID) error
	// Disconnect takes an app from a person.
	Disconnect(ctx context.Context, by Caller, id core.UserID, app core.AppID) error
}

// UsersPage is the people of a tenant.
type UsersPage struct {
	Page
	Query PeopleQuery
	List  PeopleList
}

// InvitePage asks whom to invite.
type InvitePage struct {
	Page
	Wish  Invitation
	Roles []RoleName // that the caller may give here
}

// BulkPage is one deed for many people, before it is done.
type BulkPage struct {
	Page
	Deed    PersonDeed
	People  []Who
	Refused []BulkRefused // by whom it was not done
	Done    int
	Ask     Ask
}

// BulkRefused is somebody for whom a deed was refused, and why.
type BulkRefused struct {
	Who   Who
	Fault error
}

// PersonView is one account with all that an administrator may see of it.
type PersonView struct {
	PersonRow
	Place    Place
	Factors  []Factor
	Recovery Recovery
	Browsers []Browser
	Sessions []Session
	Apps     []ConnectedApp
	Events   []Entry
	// Required says who asks a second factor of this person and since when.
	Required bool
	By       string
	Since    time.Time
	Why      Explanation // a sign-in today from nowhere in particular
	Held     []RoleHeld
	Service  *Service
	Deeds    []PersonDeed
	Grants   []RoleName // that the caller may give this person
}

// May reports whether the caller may do this here, now.
func (v PersonView) May(d PersonDeed) bool { return slices.Contains(v.Deeds, d) }

// Factor is a second factor of a person, without anything secret.
type Factor struct {
	Kind        core.FactorKind
	Name        string
	Added, Used time.Time
	LockedUntil time.Time
	Dead        bool
}

// Recovery is what is left of a person's recovery codes.
type Recovery struct {
	Left int
	Made time.Time
}

// Browser is one that its person trusts.
type Browser struct {
	ID      core.BrowserID
	Agent   string
	Place   string
	Seen    time.Time
	Trusted time.Time
	Until   time.Time // zero: without an end
}

// Session is one place where a person is signed in.
type Session struct {
	ID          core.SessionID
	Agent       string
	Address     string
	Since, Seen time.Time
	Level       core.Level
}

// PersonPage is one account.
type PersonPage struct {
	Page
	View PersonView
}

// PassPage shows a secret that is seen only now.
type PassPage struct {
	Page
	Who    Who
	Deed   PersonDeed
	Secret string
	Until  time.Time
}
