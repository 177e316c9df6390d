package console

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// TenantQuery asks for a part of the tree.
type TenantQuery struct {
	// Under is the node whose children are asked for; empty is the highest that the
	// caller sees.
	Under       core.TenantID
	Name        string // the beginning of a name: then nodes of the whole branch come
	Kind        core.TenantKind
	Requirement string // one of RequirementFilters
	Mode        core.TenantMode
	State       core.TenantState
	Cursor      string
	Limit       int
}

// Searches reports whether nodes are looked for, instead of the tree shown.
func (q TenantQuery) Searches() bool {
	return q.Name != "" || q.Kind != "" || q.Requirement != "" || q.Mode != "" || q.State != ""
}

// RequirementFilters are the words by which tenants are told apart by what they
// require; "off" is an empty set.
var RequirementFilters = []string{string(core.RequireOrganization), string(core.RequireSelectedApps), string(core.RequirePerUser), "off"}

// address is the query as the page's own address, with changes.
func (q TenantQuery) address(change func(*TenantQuery)) string {
	q.Cursor = ""
	if change != nil {
		change(&q)
	}
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("under", string(q.Under))
	set("q", q.Name)
	set("kind", string(q.Kind))
	set("requirement", q.Requirement)
	set("mode", string(q.Mode))
	set("state", string(q.State))
	set("cursor", written(q.Cursor))
	if len(v) == 0 {
		return "/admin/tenants"
	}
	return "/admin/tenants?" + v.Encode()
}

// TenantRow is a line of the tree.
type TenantRow struct {
	Tenant core.Tenant
	Depth  int
	Parent string // its name, where rows are found and not shown in their tree
	// Organisation is whose settings hold; of a folder or unit not its own.
	Organisation core.Tenant
	Requirement  []core.Requirement // what holds
	LockedBy     string             // who holds it so, or nothing
	Counts       Counts
	Due          time.Time // the latest instant of a setup that may still wait
	Children     int
}

// Own reports whether the row's tenant has settings of its own.
func (r TenantRow) Own() bool { return r.Tenant.Kind.IsOrganisation() }

// TenantList is a page of the tree.
type TenantList struct {
	Rows []TenantRow
	Next string
	// Total is how many nodes the caller sees, -1 when nobody counted.
	Total int
}

// TenantView is one tenant with what stands beside it.
type TenantView struct {
	TenantRow
	Administrators int // of its organisation, who can sign in
	// InviteFirst: there is none, and the caller may invite one from above.
	InviteFirst bool
	Acting      []Acting
	Deeds       []TenantDeed // that the caller may do here, now
}

// May reports whether the caller may do this here, now.
func (v TenantView) May(d TenantDeed) bool { return slices.Contains(v.Deeds, d) }

// Acting is somebody of a parent who acts in an organisation right now.
type Acting struct {
	Session core.SessionID
	Person  Who
	From    string // their own organisation
	Reason  string
	Since   time.Time
	Until   time.Time
	In      string // the tenant below, where it is not the page's own
	MayEnd  bool   // the caller may end it
}

// TenantDeed is a change of a node.
type TenantDeed string

const (
	TenantRename  TenantDeed = "rename"
	TenantMove    TenantDeed = "move"
	TenantConvert TenantDeed = "convert" // from trial to production, and never back
	TenantSuspend TenantDeed = "suspend"
	TenantResume  TenantDeed = "resume"
	TenantDelete  TenantDeed = "delete"
	TenantRestore TenantDeed = "restore"
	TenantSignOut TenantDeed = "sign-out" // everybody but the caller
	SupportOpen   TenantDeed = "support-open"
	SupportClose  TenantDeed = "support-close"
)

// TenantDeeds lists them in the order of the page.
var TenantDeeds = []TenantDeed{TenantRename, TenantMove, TenantConvert, SupportOpen, SupportClose, TenantSignOut, TenantSuspend, TenantResume, TenantDelete, TenantRestore}

// TenantChange is what somebody wants to do to a node.
type TenantChange struct {
	Deed    TenantDeed
	Tenant  core.TenantID
	Name    string        // TenantRename
	Parent  core.TenantID // TenantMove
	Confirm string        // TenantDelete: the name, typed
	Version int64         // of what was looked at; a preview asks for none
}

// NewTenant is a node to be made.
type NewTenant struct {
	Parent    core.TenantID
	Kind      core.TenantKind
	Mode      core.TenantMode
	Name      string
	ManagedBy core.ManagedBy
	TrialDays string // as typed: after how many days a trial becomes production; empty: never
	// AdminName and AdminMail are the first administrator; empty: nobody yet.
	AdminName, AdminMail string
}

// TenantPlan is what a node would begin with, before it is made.
type TenantPlan struct {
	Tenant       core.Tenant
	Organisation core.Tenant // whose settings hold: of a folder or unit not its own
	Requirement  []core.Requirement
	LockedBy     string // who holds the requirement; empty: nobody
	// Values are the settings that a template or a lock gives it, with whose word each
	// is; the others begin as shipped.
	Values []policy.Value
	// AdminMail is where the invitation of the first administrator goes; empty: none.
	AdminMail string
}

// Tree is what the pages of tenants need.
type Tree interface {
	Tenants(ctx context.Context, by Caller, q TenantQuery) (TenantList, error)
	Tenant(ctx context.Context, by Caller, id core.TenantID) (TenantView, error)
	// Kinds are the kinds of node that the caller may make right under a parent.
	Kinds(ctx context.Context, by Caller, parent core.TenantID) ([]core.TenantKind, error)
	// PlanCreate says what a node would begin with, or why it is refused; Create makes
	// it.
	PlanCreate(ctx context.Context, by Caller, n NewTenant) (TenantPlan, error)
	Create(ctx context.Context, by Caller, n NewTenant) (core.TenantID, error)
	// Parents are nodes under which a node may be moved, those whose name begins with
	// a word; at most a page of them.
	Parents(ctx context.Context, by Caller, id core.TenantID, name string) ([]TenantRow, error)
	// Preview says what a change would do, or why it is refused; Change does it.
	Preview(ctx context.Context, by Caller, c TenantChange) (Effect, error)
	Change(ctx context.Context, by Caller, c TenantChange) error
}

func itoa(n int) string { return strconv.Itoa(n) }

// TenantsPage is the tree.
type TenantsPage struct {
	Page
	Query TenantQuery
	List  TenantList
}

// TenantPage is one tenant.
type TenantPage struct {
	Page
	View   TenantView
	Create []core.TenantKind // what may be made below it
}
