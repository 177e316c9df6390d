package store

import (
	"time"

	"sallyport/internal/core"
)

// BulkTx brings in people by the thousand. Each of its questions and each table
// that it writes costs one statement, or a few, for all of them together.
type BulkTx interface {
	// Now is the transaction's one instant.
	Now() time.Time
	// Places reads where nodes of the tree stand; an unknown one is not in the
	// answer. They keep place and state until the transaction ends.
	Places(ids []core.TenantID) (map[core.TenantID]Place, error)
	// Logins tells whose these login keys are; a key that is free is not in the
	// answer. One that is taken before Insert makes that an ErrDuplicate.
	Logins(keys []string) (map[string]Owner, error)
	// Addresses returns those that an account of the organisation has. Asked before
	// the logins: others commit between two questions, and whoever came in with them
	// is then met as an owner and not as somebody else with the same address.
	Addresses(ask []Address) (map[Address]bool, error)
	// Insert adds accounts with what belongs to them. Everything of a newcomer must
	// be of its tenant, but a role may be held anywhere. People who come at the same
	// time by another chunk wait for each other in the order given, so that should be
	// the order of their logins.
	Insert(people []Newcomer) error
	// Hold takes the addresses of accounts that were inserted. It returns those that
	// another account has by now; nobody can take one between that and the commit.
	// Others wait from here on, so it comes last.
	Hold(addresses map[Address]core.UserID) ([]Address, error)
	// Append adds events at the transaction's instant; each names its tenant.
	Append(events []core.Event) error
}

// Place is where a node stands in the tree, and whether it is open.
type Place struct {
	Organisation core.TenantID
	Path         string
	State        core.TenantState
}

// Owner is whose a login is.
type Owner struct {
	User   core.UserID
	Tenant core.TenantID
}

// Address is a mail address in an organisation, where it may be only once.
type Address struct {
	Organisation core.TenantID
	EmailKey     string
}

// Newcomer is an account that is not in the store yet.
type Newcomer struct {
	User     core.User
	Password core.Password // Hash is empty: none
	Factors  []core.Factor
	Roles    []core.RoleGrant
	Service  *core.Service // of a service account, what is kept of it; nil: none
}
