package desk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/ident"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// unfolded is how many rows a tree shows at once that is not yet a page of its own:
// a small branch is shown whole, of a large one the nodes right below.
const unfolded = 40

// scanned is how many nodes are read at once while looking for those that a filter
// names.
const scanned = 200

// Tenants lists the tree under a node, or the nodes of the branch that fit.
func (d *Desk) Tenants(ctx context.Context, by console.Caller, q console.TenantQuery) (console.TenantList, error) {
	under := q.Under
	if under == "" {
		under = by.Actor.Top()
	}
	if q.Searches() {
		return d.findTenants(ctx, by, under, q)
	}
	list := console.TenantList{Total: -1}
	if q.Cursor == "" {
		own, err := d.row(ctx, by, under)
		if err != nil {
			return list, err
		}
		list.Rows = append(list.Rows, own)
	}
	next, err := d.unfold(ctx, by, under, 1, q.Cursor, q.Limit, &list.Rows)
	list.Next = next
	return list, err
}

// unfold adds the nodes below one, and theirs while there are few.
func (d *Desk) unfold(ctx context.Context, by console.Caller, under core.TenantID, depth int, after string, limit int, rows *[]console.TenantRow) (string, error) {
	below, next, err := d.Directory.Rows(ctx, under, store.Page{After: after, Limit: limit}, false, by.Actor)
	if err != nil {
		return "", err
	}
	small := next == "" && len(below) <= unfolded
	for _, b := range below {
		r := rowOf(b)
		r.Depth = depth
		at := len(*rows)
		*rows = append(*rows, r)
		if !small || len(*rows) >= unfolded {
			(*rows)[at].Children, err = d.children(ctx, by, b.Tenant)
		} else {
			_, err = d.unfold(ctx, by, b.Tenant.ID, depth+1, "", limit, rows)
		}
		if err != nil {
			return "", err
		}
	}
	return next, nil
}

// children is how many nodes stand right under one, counted up to a page.
func (d *Desk) children(ctx context.Context, by console.Caller, t core.Tenant) (int, error) {
	if t.State == core.TenantDeleted {
		return 0, nil
	}
	nodes, _, err := d.Directory.Children(ctx, t.ID, store.Page{Limit: scanned}, false, by.Actor)
	return len(nodes), err
}

func rowOf(b directory.Row) console.TenantRow {
	e := b.Effective
	r := console.TenantRow{Tenant: b.Tenant, Organisation: e.Organisation, Requirement: e.Settings.Requirement, Counts: counts(b.Progress)}
	if e.Locked {
		r.LockedBy = e.LockedBy.Name
	}
	return r
}

// row is one node as a line.
func (d *Desk) row(ctx context.Context, by console.Caller, id core.TenantID) (console.TenantRow, error) {
	t, eff, err := d.Directory.Tenant(ctx, id, by.Actor)
	if err != nil {
		return console.TenantRow{}, err
	}
	b := directory.Row{Tenant: t, Effective: eff}
	if t.State != core.TenantDeleted {
		if b.Progress, b.Below, err = d.Directory.Branch(ctx, id, by.Actor); err != nil {
			return console.TenantRow{}, err
		}
	}
	return rowOf(b), nil
}

// findTenants reads nodes by name until a page is full of those that fit. Pages of
// the list below are read whole, so that a place in it is never in between.
func (d *Desk) findTenants(ctx context.Context, by console.Caller, under core.TenantID, q console.TenantQuery) (console.TenantList, error) {
	list := console.TenantList{Total: -1}
	page := store.Page{After: q.Cursor, Limit: scanned}
	if q.Kind == "" && q.Requirement == "" && q.Mode == "" && q.State == "" {
		page.Limit = q.Limit
	}
	if err := d.Directory.Tree.Fill(ctx, under); err != nil {
		return list, plainly(err)
	}
	for {
		look := d.Directory.Named
		if q.State == core.TenantDeleted {
			look = d.Directory.Deleted
		}
		nodes, next, err := look(ctx, under, q.Name, page, by.Actor)
		if err != nil {
			return list, err
		}
		for _, t := range nodes {
			eff, err := d.Directory.Tree.Effective(ctx, t.ID)
			if err != nil {
				return list, err
			}
			if !fits(t, eff, q) {
				continue
			}
			row, err := d.row(ctx, by, t.ID)
			if err != nil {
				return list, err
			}
			if t.Parent != "" && t.ID != under {
				if row.Parent, err = d.tenantName(ctx, t.Parent); err != nil {
					return list, err
				}
			}
			if row.Children, err = d.children(ctx, by, t); err != nil {
				return list, err
			}
			list.Rows = append(list.Rows, row)
		}
		list.Next = next
		if next == "" || len(list.Rows) >= q.Limit {
			return list, nil
		}
		page.After = next
	}
}

func fits(t core.Tenant, e policy.Effective, q console.TenantQuery) bool {
	set := e.Settings.Requirement
	switch {
	case q.Kind != "" && t.Kind != q.Kind, q.Mode != "" && t.Mode != q.Mode:
		return false
	case q.State != "" && t.State != q.State, q.State == "" && t.State == core.TenantDeleted:
		return false
	case q.Requirement == "":
		return true
	case !t.Kind.IsOrganisation():
		return false
	case q.Requirement == "off":
		return len(set) == 0
	}
	return slices.Contains(set, core.Requirement(q.Requirement))
}

// Tenant is one node with what stands beside it, and what the caller may do to it.
func (d *Desk) Tenant(ctx context.Context, by console.Caller, id core.TenantID) (console.TenantView, error) {
	row, err := d.row(ctx, by, id)
	if err != nil {
		return console.TenantView{}, err
	}
	v := console.TenantView{TenantRow: row}
	if v.Children, err = d.children(ctx, by, row.Tenant); err != nil {
		return v, err
	}
	if row.Own() {
		err = d.Store.View(ctx, id, func(r store.Reader) error {
			all, err := r.Administrators(id)
			v.Administrators = len(all)
			return err
		})
		if err != nil {
			return v, err
		}
		if v.InviteFirst, err = d.Directory.MayInviteFirst(ctx, id, by.Actor); err != nil {
			return v, err
		}
		if v.Acting, err = d.ActingIn(ctx, by, id); errors.Is(err, core.ErrForbidden) {
			err = nil // whoever may not see it sees nobody
		}
		if err != nil {
			return v, err
		}
	}
	v.Deeds, err = d.deeds(ctx, by, row.Tenant)
	return v, err
}

// deeds are the changes that make sense for a node as it is, of which the caller may
// do those that stand there.
func (d *Desk) deeds(ctx context.Context, by console.Caller, t core.Tenant) (out []console.TenantDeed, err error) {
	at, err := d.Directory.Tree.Place(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if t.State != core.TenantDeleted && by.Actor.Can(access.ManageTenants, at) {
		out = append(out, console.TenantRename)
	}
	if t.Kind.IsOrganisation() && t.Kind != core.Platform && by.Actor.Can(access.SupportAccess, at) {
		if t.SupportAccess {
			out = append(out, console.SupportClose)
		} else {
			out = append(out, console.SupportOpen)
		}
	}
	if t.Kind.IsOrganisation() && t.State == core.TenantActive && by.Actor.Can(access.EndSessions, at) {
		out = append(out, console.TenantSignOut)
	}
	if t.Parent == "" {
		return out, nil
	}
	above, err := d.Directory.Tree.Place(ctx, t.Parent)
	if err != nil || !by.Actor.MayShape(at, above) {
		return out, err
	}
	switch t.State {
	case core.TenantDeleted:
		if t.Restorable(d.Now()) {
			out = append(out, console.TenantRestore)
		}
		return out, nil
	case core.TenantSuspended:
		out = append(out, console.TenantResume)
	default:
		out = append(out, console.TenantSuspend)
	}
	out = append(out, console.TenantMove, console.TenantDelete)
	if t.Mode == core.Trial {
		out = append(out, console.TenantConvert)
	}
	return out, nil
}

// Kinds are the kinds of node that may be made right under a parent.
func (d *Desk) Kinds(ctx context.Context, by console.Caller, parent core.TenantID) (out []core.TenantKind, err error) {
	at, err := d.Directory.Tree.Place(ctx, parent)
	if err != nil {
		return nil, plainly(err)
	}
	if !by.Actor.MayMakeUnder(at) {
		return nil, nil
	}
	for _, k := range []core.TenantKind{core.Partner, core.Folder, core.Customer, core.Unit} {
		if k.MayStandUnder(at.Kind) {
			out = append(out, k)
		}
	}
	return out, nil
}

// wish is a node to be made as the directory reads one. What is wrong with its first
// administrator is said before the node is made.
func (d *Desk) wish(ctx context.Context, n console.NewTenant) (directory.NewTenant, error) {
	wish := directory.NewTenant{Parent: n.Parent, Kind: n.Kind, Mode: n.Mode, Name: n.Name, ManagedBy: n.ManagedBy}
	if n.TrialDays != "" {
		days, err := strconv.Atoi(n.TrialDays)
		if err != nil || days < 1 {
			days = -1 // no number of days: refused like one that is too large
		}
		wish.TrialDays = days
	}
	if n.AdminMail == "" {
		return wish, nil
	}
	if !n.Kind.IsOrganisation() {
		return wish, core.Invalid("tenant.no_organisation")
	}
	addr, err := ident.ParseAddress(n.AdminMail)
	if err != nil {
		return wish, core.Invalid("email.invalid", "field", "admin_email")
	}
	if _, err := d.Directory.FindUser(ctx, addr.String()); err == nil {
		return wish, core.NewFault(core.KindConflict, "user.login_taken").With("field", "admin_email")
	} else if f, ok := core.AsFault(err); !ok || f.Kind != core.KindNotFound {
		return wish, err
	}
	return wish, nil
}

// PlanCreate says what a node would begin with, refusals and all.
func (d *Desk) PlanCreate(ctx context.Context, by console.Caller, n console.NewTenant) (console.TenantPlan, error) {
	var p console.TenantPlan
	wish, err := d.wish(ctx, n)
	if err != nil {
		return p, err
	}
	t, eff, values, err := d.Directory.PlanCreate(ctx, wish, by.Actor)
	if err != nil {
		return p, err
	}
	p = console.TenantPlan{Tenant: t, Organisation: eff.Organisation, Requirement: eff.Settings.Requirement, AdminMail: n.AdminMail}
	if eff.Locked {
		p.LockedBy = eff.LockedBy.Name
	}
	if t.Kind.IsOrganisation() {
		for _, v := range values {
			if v.From != nil || v.Locked {
				p.Values = append(p.Values, v)
			}
		}
	}
	return p, nil
}

// Create makes a node, and invites its first administrator where one is named.
func (d *Desk) Create(ctx context.Context, by console.Caller, n console.NewTenant) (core.TenantID, error) {
	wish, err := d.wish(ctx, n)
	if err != nil {
		return "", err
	}
	t, err := d.Directory.CreateTenant(ctx, wish, by.Actor, by.Client)
	if err != nil || n.AdminMail == "" {
		return t.ID, err
	}
	first := directory.NewUser{Tenant: t.ID, Name: n.AdminName, Email: n.AdminMail}
	if _, err := d.Directory.InviteFirst(ctx, first, by.Actor, by.Client); err != nil {
		if _, ok := core.AsFault(err); !ok {
			return t.ID, err
		}
		// The node is there, and its page says that it has no administrator yet.
	}
	return t.ID, nil
}

// Parents are nodes under which a node may be moved.
func (d *Desk) Parents(ctx context.Context, by console.Caller, id core.TenantID, name string) (out []console.TenantRow, err error) {
	t, _, err := d.Directory.Tenant(ctx, id, by.Actor)
	if err != nil {
		return nil, err
	}
	const most = 20
	page := store.Page{Limit: scanned}
	for {
		nodes, next, err := d.Directory.Named(ctx, by.Actor.Top(), name, page, by.Actor)
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			at, err := d.Directory.Tree.Place(ctx, n.ID)
			if err != nil {
				return nil, err
			}
			if !t.Kind.MayStandUnder(n.Kind) || n.State != core.TenantActive || n.ID == t.Parent || strings.HasPrefix(n.Path, t.Path) || !by.Actor.MayPutUnder(t.Kind, at) {
				continue
			}
			row := console.TenantRow{Tenant: n}
			if n.Parent != "" {
				if row.Parent, err = d.tenantName(ctx, n.Parent); err != nil {
					return nil, err
				}
			}
			if out = append(out, row); len(out) == most {
				return out, nil
			}
		}
		if next == "" {
			return out, nil
		}
		page.After = next
	}
}

// Preview says what a change of a node would do.
func (d *Desk) Preview(ctx context.Context, by console.Caller, c console.TenantChange) (console.Effect, error) {
	var t core.Tenant
	var p directory.Preview
	var err error
	nodes, n := false, 0
	switch c.Deed {
	case console.TenantMove:
		nodes = true
		t, p, err = d.Directory.PlanMoveTenant(ctx, c.Tenant, c.Parent, by.Actor)
	case console.TenantConvert:
		if _, p, err = d.Directory.PlanConvert(ctx, c.Tenant, by.Actor); err == nil {
			t, _, err = d.Directory.Tenant(ctx, c.Tenant, by.Actor)
		}
	case console.TenantSuspend:
		nodes = true
		t, p, err = d.Directory.PlanSuspend(ctx, c.Tenant, by.Actor)
	case console.TenantResume:
		nodes = true
		t, p, err = d.Directory.PlanResume(ctx, c.Tenant, by.Actor)
	case console.TenantDelete:
		nodes = true
		t, p, err = d.Directory.PlanDeleteTenant(ctx, c.Tenant, by.Actor)
	case console.TenantRename:
		t, err = d.Directory.PlanRename(ctx, c.Tenant, c.Name, by.Actor)
	case console.SupportOpen, console.SupportClose:
		e, err := d.previewAccess(ctx, by, c.Tenant, c.Deed == console.SupportOpen)
		if err == nil {
			t, _, err = d.Directory.Tenant(ctx, c.Tenant, by.Actor)
			e.Version = t.Version
		}
		return e, err
	case console.TenantSignOut:
		if t, _, err = d.Directory.Tenant(ctx, c.Tenant, by.Actor); err == nil {
			n, err = d.Rollout.PlanSignOut(ctx, c.Tenant, by.Actor)
		}
	case console.TenantRestore:
		if t, _, err = d.Directory.Tenant(ctx, c.Tenant, by.Actor); err == nil {
			deeds, deedErr := d.deeds(ctx, by, t)
			if err = deedErr; err == nil && !slices.Contains(deeds, c.Deed) {
				err = core.ErrForbidden
			}
		}
	default:
		err = core.ErrNotFound
	}
	if err != nil {
		return console.Effect{}, err
	}
	e := effect(p)
	if len(p.Settings) > 0 {
		e.Settings = p.Settings
	}
	if nodes {
		line(&e, console.EffectNodes, p.Nodes-1)
	}
	line(&e, directory.EffectSessions, n)
	e.Version = t.Version
	if c.Deed == console.TenantDelete {
		e.Name = t.Name
	}
	return e, nil
}

// Change does it.
func (d *Desk) Change(ctx context.Context, by console.Caller, c console.TenantChange) error {
	t, _, err := d.Directory.Tenant(ctx, c.Tenant, by.Actor)
	if err == nil {
		err = fresh(t.Version, c.Version)
	}
	if err != nil {
		return err
	}
	s := d.Directory
	switch c.Deed {
	case console.TenantRename:
		_, err = s.RenameTenant(ctx, c.Tenant, c.Name, by.Actor, by.Client)
	case console.TenantMove:
		_, err = s.MoveTenant(ctx, c.Tenant, c.Parent, by.Actor, by.Client)
	case console.TenantConvert:
		_, err = s.Convert(ctx, c.Tenant, by.Actor, by.Client)
	case console.TenantSuspend:
		_, err = s.Suspend(ctx, c.Tenant, by.Actor, by.Client)
	case console.TenantResume:
		_, err = s.Resume(ctx, c.Tenant, by.Actor, by.Client)
	case console.TenantDelete:
		_, err = s.DeleteTenant(ctx, c.Tenant, c.Confirm, by.Actor, by.Client)
	case console.TenantRestore:
		_, err = s.RestoreTenant(ctx, c.Tenant, by.Actor, by.Client)
	case console.TenantSignOut:
		err = d.Rollout.SignOutAll(ctx, c.Tenant, by.Actor, by.Client)
	case console.SupportOpen, console.SupportClose:
		err = d.setAccess(ctx, by, c.Tenant, c.Deed == console.SupportOpen)
	default:
		err = core.ErrNotFound
	}
	return err
}
