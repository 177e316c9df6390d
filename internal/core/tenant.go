package core

import "time"

// TenantKind is a node's place in the tree: provider, partner, customer, unit.
type TenantKind string

const (
	Platform TenantKind = "platform" // the root, exactly one
	Partner  TenantKind = "partner"
	Folder   TenantKind = "folder"
	Customer TenantKind = "customer"
	Unit     TenantKind = "unit"
)

// TenantKinds are all kinds, from the root down.
var TenantKinds = []TenantKind{Platform, Partner, Folder, Customer, Unit}

// MayStandUnder reports whether a node of kind k may have a parent of kind p.
func (k TenantKind) MayStandUnder(p TenantKind) bool {
	switch k {
	case Partner, Folder, Customer:
		return p == Platform || p == Partner || p == Folder
	case Unit:
		return p == Customer || p == Unit
	}
	return false
}

// IsOrganisation reports whether settings live on nodes of this kind. Folders
// and units always take those of the nearest organisation above them.
func (k TenantKind) IsOrganisation() bool {
	return k == Platform || k == Partner || k == Customer
}

// TenantMode tells a trial from production; only partners and customers have one.
type TenantMode string

const (
	Trial      TenantMode = "trial"
	Production TenantMode = "production"
)

type TenantState string

const (
	TenantActive    TenantState = "active"
	TenantSuspended TenantState = "suspended"
	TenantDeleted   TenantState = "deleted"
)

// MFAState is set only while the second factors of an organisation's people are
// being taken away: until that is done nobody is asked for one, and nobody can
// set one up (decision 7.7).
type MFAState string

const (
	MFASettled   MFAState = ""
	MFADisabling MFAState = "disabling"
)

type ManagedBy string

const (
	ManagedByProvider ManagedBy = "provider"
	ManagedBySelf     ManagedBy = "self"
)

// Tenant is one node of the tree.
type Tenant struct {
	ID            TenantID
	Parent        TenantID // empty for the platform
	Organisation  TenantID // nearest self-or-ancestor that is an organisation
	Path          string   // "/platform/…/self/", ids from the platform down; a branch is a prefix
	Kind          TenantKind
	Mode          TenantMode
	State         TenantState
	Before        TenantState // what it was before it was deleted, so that restoring gives that back
	Name          string
	ManagedBy     ManagedBy
	SupportAccess bool
	Settings      SettingsDoc // only organisations have one
	// Locks are floors that the organisations below may tighten and never go
	// under; Template is what new customers below begin with. Platform and
	// partners have them.
	Locks    SettingsDoc
	Template SettingsDoc
	MFAState MFAState
	// TrialEnds is when a trial becomes production by itself; zero: never.
	TrialEnds time.Time
	Version   int64 // for updates that must not overwrite each other
	CreatedAt time.Time
	ChangedAt time.Time
	DeletedAt time.Time
	ErasedAt  time.Time // when what was left of a deleted node went
}

// RestoreDays is for how long a deleted node can be brought back.
const RestoreDays = 30

// Restorable reports whether a deleted node may be brought back at now.
func (t Tenant) Restorable(now time.Time) bool {
	return t.State == TenantDeleted && now.Before(t.DeletedAt.AddDate(0, 0, RestoreDays))
}
