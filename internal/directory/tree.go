package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Tree answers what holds for a tenant and where it stands, from memory while the
// change feed is being read.
type Tree struct {
	store store.Store
	fresh func() bool

	mu   sync.RWMutex
	gen  uint64
	root core.TenantID // never changes once it exists
	kept map[core.TenantID]known
	// below lists, of each node on the way to one that is kept, which those are.
	below map[core.TenantID]map[core.TenantID]struct{}
	// filled are the nodes whose branches were read whole since the last change.
	filled map[core.TenantID]bool
}

// known is what is kept of one node.
type known struct {
	eff   policy.Effective
	place access.Place
}

// NewTree makes a tree. Forget must be registered with the change feed whose
// freshness fresh tells.
func NewTree(st store.Store, fresh func() bool) *Tree {
	return &Tree{store: st, fresh: fresh, kept: map[core.TenantID]known{}, below: map[core.TenantID]map[core.TenantID]struct{}{}, filled: map[core.TenantID]bool{}}
}

// Effective are the settings that hold for a tenant's people.
func (t *Tree) Effective(ctx context.Context, id core.TenantID) (policy.Effective, error) {
	t.mu.RLock()
	k, ok := t.kept[id]
	gen := t.gen
	t.mu.RUnlock()
	if ok && t.fresh() {
		return k.eff, nil
	}
	k, err := t.read(ctx, id, gen)
	return k.eff, err
}

// Place is where a tenant stands, for who may do what there.
func (t *Tree) Place(ctx context.Context, id core.TenantID) (access.Place, error) {
	t.mu.RLock()
	k, ok := t.kept[id]
	gen := t.gen
	t.mu.RUnlock()
	if ok && t.fresh() {
		return k.place, nil
	}
	k, err := t.read(ctx, id, gen)
	return k.place, err
}

// read stands apart from Effective because what a function literal writes to lives
// on the heap, even when it is not called.
func (t *Tree) read(ctx context.Context, id core.TenantID, gen uint64) (known, error) {
	var k known
	err := t.store.View(ctx, id, func(r store.Reader) error {
		line, err := r.Line()
		if err != nil {
			return err
		}
		k.place = access.PlaceOf(line)
		k.eff, err = policy.Of(line)
		return err
	})
	if err != nil {
		return known{}, fmt.Errorf("settings of tenant %s: %w", id, err)
	}
	t.mu.Lock()
	if gen == t.gen {
		t.keep(id, k)
	}
	t.mu.Unlock()
	return k, nil
}

// keep remembers a node. The caller holds the lock.
func (t *Tree) keep(id core.TenantID, k known) {
	t.kept[id] = k
	for above := range onTheWay(k.place.Path) {
		if t.below[above] == nil {
			t.below[above] = map[core.TenantID]struct{}{}
		}
		t.below[above][id] = struct{}{}
	}
}

// Fill reads a whole branch into memory in two statements, where little of it is
// there: a sum over thousands of organisations asks what holds in each.
func (t *Tree) Fill(ctx context.Context, id core.TenantID) error {
	if !t.fresh() {
		return nil // nothing that is read now would be kept
	}
	t.mu.RLock()
	gen, filled := t.gen, t.filled[id]
	t.mu.RUnlock()
	if filled {
		return nil
	}
	var line, below []core.Tenant
	err := t.store.View(ctx, id, func(r store.Reader) (err error) {
		if line, err = r.Line(); err == nil {
			below, err = r.Below()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read the branch of %s: %w", id, err)
	}
	lines := map[core.TenantID][]core.Tenant{}
	all := make(map[core.TenantID]known, len(below))
	for _, n := range below {
		l := line
		if n.ID != id {
			up := lines[n.Parent]
			l = append(up[:len(up):len(up)], n)
		}
		lines[n.ID] = l
		k := known{place: access.PlaceOf(l)}
		if k.eff, err = policy.Of(l); err != nil {
			return fmt.Errorf("settings of tenant %s: %w", n.ID, err)
		}
		all[n.ID] = k
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if gen != t.gen {
		return nil // something changed meanwhile; each is read when it is asked for
	}
	for n, k := range all {
		t.keep(n, k)
	}
	t.filled[id] = true
	return nil
}

// onTheWay are the ids of a path, the last one's too.
func onTheWay(path string) iter.Seq[core.TenantID] {
	return func(yield func(core.TenantID) bool) {
		for id := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			if !yield(core.TenantID(id)) {
				return
			}
		}
	}
}

// Grants are the roles that an account holds, with the branches they hold on. On a
// node that was deleted nothing holds.
func (t *Tree) Grants(ctx context.Context, id core.UserID) ([]access.Grant, error) {
	roles, err := t.store.RolesOf(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("roles of %s: %w", id, err)
	}
	return t.grants(ctx, roles)
}

func (t *Tree) grants(ctx context.Context, roles []core.RoleGrant) ([]access.Grant, error) {
	var out []access.Grant
	for _, r := range roles {
		place, err := t.Place(ctx, r.Tenant)
		if err != nil {
			return nil, err
		}
		e, err := t.Effective(ctx, r.Tenant)
		if err != nil {
			return nil, err
		}
		if e.Deleted() {
			continue
		}
		out = append(out, access.GrantOf(r, place))
	}
	return out, nil
}

// Actor is somebody signed in as one who administers: with the roles they hold
// now, what they have shown, and in what organisation they act. A session that
// acts where that is no longer allowed is none.
func (t *Tree) Actor(ctx context.Context, cur session.Current) (access.Actor, error) {
	a := access.Actor{User: cur.User, Session: cur.Session.ID, Proofs: cur.Session.Doc.Proofs}
	var err error
	if a.Grants, err = t.Grants(ctx, cur.User.ID); err != nil {
		return access.Actor{}, err
	}
	err = t.store.View(ctx, cur.User.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(cur.User.ID)
		a.Enrolled = policy.Enrolled(factors)
		return err
	})
	if err != nil {
		return a, err
	}
	if err := t.strongEnough(ctx, &a, cur); err != nil {
		return access.Actor{}, err
	}
	if cur.Session.ActingIn == "" {
		return a, nil
	}
	at, err := t.Place(ctx, cur.Session.ActingIn)
	if err != nil {
		return access.Actor{}, err
	}
	if !a.MayActIn(at) {
		return access.Actor{}, core.ErrNoSession
	}
	a.Acting = &access.Acting{At: at, Reason: cur.Session.Doc.Reason}
	return a, nil
}

// ErrEnrolFirst refuses rights on an organisation that is locked on to whoever signs
// in with a password alone.
var ErrEnrolFirst = core.NewFault(core.KindForbidden, "role.enrol_first")

// strongEnough leaves out roles on organisations of others that are locked on while
// the actor signs in at home with a password alone: whoever administers them shows a
// second factor, wherever their account is (row ACR-02). At home the sign-in asked.
func (t *Tree) strongEnough(ctx context.Context, a *access.Actor, cur session.Current) error {
	if a.Enrolled && !cur.Effective.Disabling() {
		return nil
	}
	var kept []access.Grant
	var missed *core.Fault
	for _, g := range a.Grants {
		e, err := t.Effective(ctx, g.At.Tenant)
		if err != nil {
			return err
		}
		if g.Role != core.RoleUser && e.Organisation.ID != cur.Effective.Organisation.ID && e.Locked && e.Settings.Requires(core.RequireOrganization) {
			missed = ErrEnrolFirst.With("by", e.Name())
			continue
		}
		kept = append(kept, g)
	}
	if a.Grants = kept; missed != nil && !access.Privileged(kept) {
		return missed
	}
	return nil
}

// MayAct says of a session whether it may act where it acts, for the check of
// every request. An ordinary one may always.
func (t *Tree) MayAct(ctx context.Context, s core.Session, u core.User) error {
	if s.ActingIn == "" {
		return nil
	}
	grants, err := t.Grants(ctx, u.ID)
	if err != nil {
		return err
	}
	at, err := t.Place(ctx, s.ActingIn)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	e, err := t.Effective(ctx, s.ActingIn)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	if e.Suspended != nil || !(access.Actor{User: u, Grants: grants}).MayActIn(at) {
		return core.ErrNoSession
	}
	return nil
}

// See refuses an actor who may not do p at a place: what they cannot see is not
// found, exactly as an id that never was (rows A-16, B-34); what they see and may
// not do is forbidden. Who sees the people of a tenant knows that it is there.
func See(by access.Actor, p, view access.Permission, at access.Place) error {
	switch {
	case by.Can(p, at):
		return nil
	case by.Can(view, at), view == access.ViewTenants && by.Can(access.ViewPeople, at):
		return core.ErrForbidden
	}
	return core.ErrNotFound
}

// On finds a node that the actor may do p to.
func (t *Tree) On(ctx context.Context, by access.Actor, p access.Permission, id core.TenantID) (access.Place, policy.Effective, error) {
	place, err := t.Place(ctx, id)
	if err == nil {
		err = See(by, p, access.ViewTenants, place)
	}
	if err != nil {
		return access.Place{}, policy.Effective{}, plainly(err)
	}
	e, err := t.Effective(ctx, id)
	return place, e, err
}

// Person finds an account that the actor may do p to: not one of another branch,
// and not one who holds more anywhere than the actor does.
func (t *Tree) Person(ctx context.Context, by access.Actor, p access.Permission, id core.UserID) (core.User, policy.Effective, error) {
	u, err := t.store.FindUser(ctx, id)
	if err == nil && u.State == core.UserDeleted {
		err = core.ErrNotFound
	}
	if err != nil {
		return core.User{}, policy.Effective{}, plainly(err)
	}
	eff, err := t.Effective(ctx, u.Tenant)
	if err != nil {
		return core.User{}, eff, err
	}
	if err := t.MayActOn(ctx, by, p, u); err != nil {
		return core.User{}, eff, err
	}
	return u, eff, nil
}

// MayActOn refuses an actor who may not do p to this account.
func (t *Tree) MayActOn(ctx context.Context, by access.Actor, p access.Permission, u core.User) error {
	place, err := t.Place(ctx, u.Tenant)
	if err != nil {
		return err
	}
	if err := See(by, p, access.ViewPeople, place); err != nil {
		return err
	}
	grants, err := t.Grants(ctx, u.ID)
	if err != nil {
		return err
	}
	if !by.MayActOn(grants) {
		return core.ErrForbidden
	}
	return nil
}

// plainly takes from "not found" whatever would tell one id from another.
func plainly(err error) error {
	if errors.Is(err, core.ErrNotFound) {
		return core.ErrNotFound
	}
	return err
}

// Root is the platform's id.
func (t *Tree) Root(ctx context.Context) (core.TenantID, error) {
	t.mu.RLock()
	id := t.root
	t.mu.RUnlock()
	if id != "" {
		return id, nil
	}
	n, err := t.store.FindPlatform(ctx)
	if err != nil {
		return "", fmt.Errorf("find the platform: %w", err)
	}
	t.mu.Lock()
	t.root = n.ID
	t.mu.Unlock()
	return n.ID, nil
}

// Forget listens to the change feed. A change of one node may reach all below it,
// so the whole branch goes: reading it anew is one statement a tenant.
func (t *Tree) Forget(c core.Change) {
	if c.Kind != core.ChangeTenant && c.Kind != core.ChangeEverything {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gen++
	clear(t.filled)
	if c.Kind == core.ChangeEverything {
		clear(t.kept)
		clear(t.below)
		return
	}
	for id := range t.below[core.TenantID(c.Key)] {
		for above := range onTheWay(t.kept[id].place.Path) {
			if above != core.TenantID(c.Key) {
				delete(t.below[above], id)
			}
		}
		delete(t.kept, id)
	}
	delete(t.below, core.TenantID(c.Key))
}
