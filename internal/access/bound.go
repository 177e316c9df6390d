package access

import (
	"slices"

	"sallyport/internal/core"
)

// Bound is what an API client may do of what its owner may: some of the rights, in
// some branches. It takes away and never adds.
type Bound struct {
	Client core.ClientID
	Rights []Permission
	Under  []string // paths of the branches
	// Write: not only what looks.
	Write bool
}

// looking are the rights that also let somebody see; the others only change.
var looking = []Permission{ViewTenants, ViewPeople, ViewAudit, ManageApps, ManageRoles, ManageSettings}

// Reading are the rights that change nothing: those of a new API client where nobody
// says otherwise.
var Reading = []Permission{ViewTenants, ViewPeople, ViewAudit}

// never are the rights that a program cannot have, whoever made it: what they are for
// asks for a fresh proof of a person (decision 7.8), or for a person who acts.
var never = []Permission{ResetMFA, Untrust, MakePass, Convert, ActAs, SupportAccess, Operate}

// Lendable are the rights that an API client can have.
var Lendable = slices.DeleteFunc(slices.Clone(Permissions), func(p Permission) bool { return slices.Contains(never, p) })

// lets reports whether p at a place is within the bounds. Who has none is not bound.
func (b *Bound) lets(p Permission, at Place) bool {
	if b == nil {
		return true
	}
	if !slices.Contains(b.Rights, p) || slices.Contains(never, p) || !b.Write && !slices.Contains(looking, p) {
		return false
	}
	return slices.ContainsFunc(b.Under, at.within)
}

// IsProgram reports whether no person asks: an API client, or a service account. They
// can show no proof of a person, however fresh.
func (a Actor) IsProgram() bool { return a.Bound != nil || a.User.Kind == core.ServiceAccount }

// AtHomeIn reports whether the actor holds a role with any right in the organisation
// of a place.
func (a Actor) AtHomeIn(at Place) bool {
	own, ok := at.Own()
	return ok && slices.ContainsFunc(a.Grants, func(g Grant) bool {
		home, ok := g.At.Own()
		return ok && home.Path == own.Path && len(g.Rights()) > 0
	})
}
