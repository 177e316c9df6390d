package policy

import (
	"net/netip"
	"slices"
	"time"

	"sallyport/internal/core"
)

// Facts are all that the resolver looks at. What is left out is not known, and
// counts as what gives least.
type Facts struct {
	Now       time.Time
	Person    Person
	Effective Effective
	App       App // that is being opened; none at a sign-in to one's own account
	Shown     Shown

	// standing asks what does not depend on a sign-in: no address, no browser, and
	// an app that was used lately counts as one that will be opened.
	standing bool
	// anywhere passes over the network of the sign-in, which nobody knows: for
	// explaining and for the what-if, never for letting in.
	anywhere bool
}

// Person are the facts about an account that rules look at.
type Person struct {
	Kind      core.UserKind
	State     core.UserState
	Federated bool
	Factors   []core.Factor // those not revoked
	// HasMail: there is a mailbox that could be shown.
	HasMail bool
	// ValidatedAt is when the mailbox was confirmed: the new-user window begins.
	ValidatedAt time.Time
	// AwakeAt is the last sign-in before this one that counts for enrol_proof.
	AwakeAt time.Time
	// Skips is how often a setup was put off already, of the demand that began at
	// SkipsSince. Of a demand that began at another instant none was; where the
	// instant is not known, all were.
	Skips      int
	SkipsSince time.Time
	// Roles held on any tenant. Where they are not known, the person may hold any.
	Roles      []core.Role
	RolesKnown bool
	// AppsUsed are the apps opened in the last 90 days.
	AppsUsed []core.AppID
	// Networks and ExpiresAt belong to a service account.
	Networks  core.Networks
	ExpiresAt time.Time
}

// AppRecently is how long an app counts as used (decision 4).
const AppRecently = 90 * 24 * time.Hour

// PersonOf takes from an account what it knows. Roles and apps used are known to
// others: set them where they are.
func PersonOf(u core.User, factors []core.Factor) Person {
	return Person{Kind: u.Kind, State: u.State, Federated: u.Federated, Factors: factors, HasMail: u.Email != "",
		ValidatedAt: u.ValidatedAt, AwakeAt: u.AwakeAt, Skips: u.Skips, SkipsSince: u.SkipsSince}
}

// NeedsApps reports whether what stands here depends on the apps that people used,
// and on which: those that are selected, where that mode is on.
func NeedsApps(e Effective) []core.AppID {
	if e.Disabling() || !e.Settings.Requires(core.RequireSelectedApps) {
		return nil
	}
	return e.Settings.SelectedApps
}

// skipped is how often a demand was put off. The store keeps instants to the
// microsecond.
func (p Person) skipped(since time.Time) int {
	if p.SkipsSince.IsZero() || p.SkipsSince.Truncate(time.Microsecond).Equal(since.Truncate(time.Microsecond)) {
		return p.Skips
	}
	return 0
}

// With says which roles the person holds.
func (p Person) With(grants []core.RoleGrant) Person {
	p.Roles, p.RolesKnown = make([]core.Role, 0, len(grants)), true
	for _, g := range grants {
		p.Roles = append(p.Roles, g.Role)
		if g.Base != "" {
			p.Roles = append(p.Roles, g.Base) // what holds for a role holds for its clones
		}
	}
	return p
}

// NeedsRoles reports whether what holds here depends on roles, so that they are
// worth reading.
func NeedsRoles(e Effective) bool { return len(e.Settings.RequiredLevel.Roles) > 0 }

// holds reports whether the person holds a role, or might.
func (p Person) holds(r core.Role) bool { return !p.RolesKnown || slices.Contains(p.Roles, r) }

// Provider reports whether the person administers the platform or a partner, or
// might.
func (p Person) Provider() bool { return p.holds(core.PlatformAdmin) || p.holds(core.PartnerAdmin) }

// App is what is being opened.
type App struct {
	ID            core.AppID
	RequiredLevel core.Level // that it asks for by itself
}

// Door is the kind of way in.
type Door string

const (
	Pages Door = ""      // a person in a browser, and the tokens that come of it
	Basic Door = "basic" // login and password with each request, for programs
)

// Shown are the facts of this sign-in.
type Shown struct {
	Door   Door
	Proofs []core.Proof
	// Anew: the factors that exist do not count; one must be set up in this very
	// attempt. An admin link asks so.
	Anew bool
	// Skip: the person asked to put the setup off.
	Skip bool
	// Address is where the sign-in comes from, for login_networks.
	Address netip.Addr
	// KnownBrowser finished a full sign-in of this person before, one that counts.
	KnownBrowser bool
	// MailProved: a link to the mailbox was followed for this sign-in, or the
	// invitation was accepted in it.
	MailProved bool
}

// Marks of proofs: a factor that was set up in this very sign-in.
const ProofEnrolled = "enrolled"

// before reports whether an instant is still to come. Without a clock none is.
func (f *Facts) before(t time.Time) bool { return !f.Now.IsZero() && f.Now.Before(t) }
