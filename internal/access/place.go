package access

import "sallyport/internal/core"

// Organisation is one on the way to a place, as far as it matters here.
type Organisation struct {
	ID   core.TenantID
	Path string
	// Open: it lets those above act as its administrator.
	Open bool
	// Provider: those above manage it.
	Provider bool
}

// Place is a node of the tree with the organisations on the way to it, from the
// root down; the last is its own.
type Place struct {
	Tenant core.TenantID
	Path   string
	Kind   core.TenantKind
	Line   []Organisation
}

// PlaceOf makes a place of the line of nodes from the root to it.
func PlaceOf(line []core.Tenant) Place {
	var p Place
	for _, t := range line {
		p.Tenant, p.Path, p.Kind = t.ID, t.Path, t.Kind
		if t.Kind.IsOrganisation() {
			p.Line = append(p.Line, Organisation{ID: t.ID, Path: t.Path, Open: t.SupportAccess, Provider: t.ManagedBy == core.ManagedByProvider})
		}
	}
	return p
}

// Own is the organisation that the place belongs to.
func (p Place) Own() (Organisation, bool) {
	if len(p.Line) == 0 || p.Path == "" {
		return Organisation{}, false
	}
	own := p.Line[len(p.Line)-1]
	return own, within(p.Path, own.Path)
}

// Organisation is the place of the organisation that p belongs to.
func (p Place) Organisation() Place {
	own, ok := p.Own()
	if !ok {
		return Place{}
	}
	return Place{Tenant: own.ID, Path: own.Path, Line: p.Line}
}

func (p Place) within(branch string) bool { return within(p.Path, branch) }

// openFrom reports whether every organisation below the one of from, on the way to
// p and itself included, lets those above act in it. Within one organisation there
// is nothing to let.
func (p Place) openFrom(from Place) bool {
	home, ok := from.Own()
	if !ok || len(p.Line) == 0 {
		return false
	}
	for _, o := range p.Line {
		if o.Path != home.Path && within(o.Path, home.Path) && !o.Open {
			return false
		}
	}
	return true
}
