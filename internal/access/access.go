package access

import (
	"slices"
	"strings"

	"sallyport/internal/core"
)

// Actor is who asks: an account with its grants, the operator's shell, or the
// product itself.
type Actor struct {
	User   core.User
	Grants []Grant
	// Acting is set while the actor acts as the administrator of an organisation
	// further down; then only that counts.
	Acting *Acting
	// Session, Proofs and Enrolled are what the actor has shown of themselves.
	Session  core.SessionID
	Proofs   []core.Proof
	Enrolled bool // the actor has a second factor
	// Bound is set where an API client asks in the actor's place; then it may do what
	// the actor may, within these bounds.
	Bound *Bound
	shell string
}

// Acting is the organisation whose administrator somebody acts as, and why.
type Acting struct {
	At     Place
	Reason string
}

// Shell is the operator on the machine: allowed everything, audited as such.
func Shell() Actor { return Actor{shell: core.ActorShell} }

// System is the product itself, in jobs that nobody asked for by hand.
func System() Actor { return Actor{shell: core.ActorSystem} }

// ID is how the audit log names the actor.
func (a Actor) ID() string {
	if a.shell != "" {
		return a.shell
	}
	return string(a.User.ID)
}

// Name is how mails name the actor; empty for the shell.
func (a Actor) Name() string { return a.User.Name }

// IsShell reports whether the actor is the operator on the machine, who is loud:
// mailed to the platform's administrators.
func (a Actor) IsShell() bool { return a.shell == core.ActorShell }

// IsSystem reports whether nobody asked by hand.
func (a Actor) IsSystem() bool { return a.shell == core.ActorSystem }

// crossing are the rights that reach into an organisation further down without
// acting in it (decision 2): to see that it is there and how far it is, to decide
// what becomes of it as a whole, to act in it at all, and, where the provider manages
// it, the switch. What stands inside it is its own to shape: else whoever is above
// could put its units, with their people, where support access is theirs to open.
func crossing(p Permission, at Place, own Organisation) bool {
	switch p {
	case ViewTenants, ActAs:
		return true
	case ManageTenants:
		return at.Path == own.Path
	case SwitchMFA:
		return own.Provider
	}
	return false
}

// all and none cross everywhere, and nowhere.
func all(Permission, Place, Organisation) bool  { return true }
func none(Permission, Place, Organisation) bool { return false }

// Top is where the actor's own rights begin: the highest place on which they hold
// any, or the organisation that they act in; empty where there is none.
func (a Actor) Top() core.TenantID {
	if a.Acting != nil {
		return a.Acting.At.Tenant
	}
	var top Place
	for _, g := range a.Grants {
		if len(g.Rights()) == 0 {
			continue
		}
		if top.Path == "" || len(g.At.Path) < len(top.Path) {
			top = g.At
		}
	}
	return top.Tenant
}

// Can reports whether the actor may do p at a place.
func (a Actor) Can(p Permission, at Place) bool { return a.can(p, at, crossing) }

// MayMakeUnder reports whether the actor may make a node right under a place: in an
// organisation where they hold the right, or act.
func (a Actor) MayMakeUnder(parent Place) bool { return a.can(ManageTenants, parent, none) }

// MayPutUnder reports whether the actor may take a node of this kind from under a
// place, or put it there. A whole organisation is for whoever stands above it, how
// many others lie between; a folder or unit takes its people along into another.
func (a Actor) MayPutUnder(kind core.TenantKind, parent Place) bool {
	if kind.IsOrganisation() {
		return a.can(ManageTenants, parent, all)
	}
	return a.can(ManageTenants, parent, none)
}

// MayShape reports whether the actor may decide what becomes of a node as a whole:
// by the right there and above it, so that nobody does it to what they belong to.
func (a Actor) MayShape(at, parent Place) bool {
	return a.Can(ManageTenants, at) && a.MayPutUnder(at.Kind, parent)
}

func (a Actor) can(p Permission, at Place, cross func(Permission, Place, Organisation) bool) bool {
	if a.shell != "" {
		return true
	}
	own, ok := at.Own()
	if !ok || !a.Bound.lets(p, at) {
		return false
	}
	if a.Acting != nil {
		return a.canActing(p, at, own, cross)
	}
	for _, g := range a.Grants {
		home, ok := g.At.Own()
		if !ok || !at.within(g.At.Path) || !g.has(p) {
			continue
		}
		if own.Path == home.Path || cross(p, at, own) {
			return true
		}
	}
	return false
}

// canActing: the rights of that organisation's administrator, and never one that
// the actor does not hold themselves, nor where support access has been closed.
// Whether it is open only the organisation itself decides.
func (a Actor) canActing(p Permission, at Place, own Organisation, cross func(Permission, Place, Organisation) bool) bool {
	home, ok := a.Acting.At.Own()
	if !ok || !at.within(a.Acting.At.Path) || !slices.Contains(administrator, p) || p == ActAs || p == SupportAccess {
		return false
	}
	if own.Path != home.Path && !cross(p, at, own) {
		return false
	}
	return a.MayActIn(a.Acting.At) && a.Holds(p, a.Acting.At)
}

// Holds reports whether the actor has the right at a place by a grant of their
// own, there or through organisations that let them act in them. It says what
// somebody lacks, not what they may do at this moment.
func (a Actor) Holds(p Permission, at Place) bool {
	if a.shell != "" {
		return true
	}
	for _, g := range a.Grants {
		if at.within(g.At.Path) && g.has(p) && at.openFrom(g.At) {
			return true
		}
	}
	return false
}

// MayActIn reports whether the actor may act as the administrator of an
// organisation: strictly below where they hold the right, and each organisation
// on the way down, itself included, lets them.
func (a Actor) MayActIn(organisation Place) bool {
	own, ok := organisation.Own()
	if !ok || a.shell != "" || own.Path != organisation.Path {
		return false
	}
	for _, g := range a.Grants {
		home, ok := g.At.Own()
		if ok && organisation.within(g.At.Path) && own.Path != home.Path && g.has(ActAs) && organisation.openFrom(g.At) {
			return true
		}
	}
	return false
}

// ClosedOn is the organisation whose closed door keeps the actor from acting in one
// further down: the first on the way to it that lets nobody, or nothing where it is
// not for a door that they may not.
func (a Actor) ClosedOn(organisation Place) core.TenantID {
	for _, g := range a.Grants {
		home, ok := g.At.Own()
		if !ok || !organisation.within(g.At.Path) || !g.has(ActAs) {
			continue
		}
		for _, o := range organisation.Line {
			if o.Path != home.Path && within(o.Path, home.Path) && !o.Open {
				return o.ID
			}
		}
	}
	return ""
}

// AtHome reports whether a place is in an organisation where the actor holds a role
// of their own, so that there is nothing to act as.
func (a Actor) AtHome(at Place) bool {
	own, ok := at.Own()
	return ok && slices.ContainsFunc(a.Grants, func(g Grant) bool { home, ok := g.At.Own(); return ok && home.Path == own.Path && g.has(ActAs) })
}

// MayInviteFirst reports whether the actor may invite an administrator into an
// organisation further down that has none: whoever may shape the tree there and
// could do it in their own (decision 2). That it has none is for the caller.
func (a Actor) MayInviteFirst(organisation Place) bool {
	if a.shell != "" {
		return true
	}
	if a.Acting != nil || !a.Bound.lets(ManageTenants, organisation) || !a.Bound.lets(GrantRoles, organisation) || !a.Bound.lets(Invite, organisation) {
		return false
	}
	for _, g := range a.Grants {
		if organisation.within(g.At.Path) && g.has(ManageTenants) && g.has(GrantRoles) && g.has(Invite) {
			return true
		}
	}
	return false
}

// MayGrant reports whether the actor may give a role to somebody at a place, or
// take it: nobody grants a right they lack (row CAL-14).
func (a Actor) MayGrant(r Grant) bool {
	rights, known := r.rights()
	if !known {
		return false
	}
	if a.shell != "" {
		return true
	}
	if len(rights) == 0 {
		return a.Can(Invite, r.At)
	}
	if !a.Can(GrantRoles, r.At) {
		return false
	}
	for _, p := range rights {
		// These two nobody has while they act, and an administrator has them.
		if !a.Can(p, r.At) && !((p == ActAs || p == SupportAccess) && a.Holds(p, r.At)) {
			return false
		}
	}
	return true
}

// MayActOn reports whether the actor may reset, invite again, unlock, change or
// disable somebody with these grants: never who holds a right anywhere that the
// actor lacks, and who is helpdesk acts on plain users only (decision 3). Otherwise
// a helpdesk could reset an administrator's factors and walk in as one. A right in
// an organisation that keeps the actor out is one that they lack.
func (a Actor) MayActOn(target []Grant) bool {
	if a.shell != "" {
		return true
	}
	for _, g := range target {
		rights, known := g.rights()
		if !known {
			return false
		}
		// Only who could have granted the role stands above it; helpdesk grants none.
		if len(rights) > 0 && !a.Holds(GrantRoles, g.At) {
			return false
		}
		for _, p := range rights {
			if !a.Holds(p, g.At) {
				return false
			}
		}
	}
	return true
}

// Privileged reports whether a set of grants holds any right at all: an
// administrator of some kind, for whom stricter rules hold.
func Privileged(grants []Grant) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool {
		rights, known := g.rights()
		return !known || len(rights) > 0
	})
}

// within reports whether path is branch or below it. Paths end in a slash, so
// that one id is never a prefix of another.
func within(path, branch string) bool {
	return branch != "" && strings.HasSuffix(branch, "/") && strings.HasPrefix(path, branch)
}
