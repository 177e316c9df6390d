package directory

import (
	"context"
	"fmt"
	"sync"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// Tree answers what holds for a tenant, from memory while the change feed is
// being read.
type Tree struct {
	store store.Store
	fresh func() bool

	mu   sync.RWMutex
	gen  uint64
	root core.TenantID // never changes once it exists
	kept map[core.TenantID]policy.Effective
}

// NewTree makes a tree. Forget must be registered with the change feed whose
// freshness fresh tells.
func NewTree(st store.Store, fresh func() bool) *Tree {
	return &Tree{store: st, fresh: fresh, kept: map[core.TenantID]policy.Effective{}}
}

// Effective are the settings that hold for a tenant's people.
func (t *Tree) Effective(ctx context.Context, id core.TenantID) (policy.Effective, error) {
	t.mu.RLock()
	e, ok := t.kept[id]
	gen := t.gen
	t.mu.RUnlock()
	if ok && t.fresh() {
		return e, nil
	}
	return t.read(ctx, id, gen)
}

// read stands apart from Effective because what a function literal writes to lives
// on the heap, even when it is not called.
func (t *Tree) read(ctx context.Context, id core.TenantID, gen uint64) (policy.Effective, error) {
	var e policy.Effective
	err := t.store.View(ctx, id, func(r store.Reader) error {
		line, err := r.Line()
		if err != nil {
			return err
		}
		e, err = policy.Of(line)
		return err
	})
	if err != nil {
		return policy.Effective{}, fmt.Errorf("settings of tenant %s: %w", id, err)
	}
	t.mu.Lock()
	if gen == t.gen {
		t.kept[id] = e
	}
	t.mu.Unlock()
	return e, nil
}

// Grants are the roles that an account holds, with the branches they hold on.
func (t *Tree) Grants(ctx context.Context, id core.UserID) ([]access.Grant, error) {
	roles, err := t.store.RolesOf(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("roles of %s: %w", id, err)
	}
	var out []access.Grant
	for _, r := range roles {
		e, err := t.Effective(ctx, r.Tenant)
		if err != nil {
			return nil, err
		}
		out = append(out, access.Grant{Role: r.Role, Path: e.Path})
	}
	return out, nil
}

// MayActOn refuses an actor who may not do p to this account: what they cannot
// see is not found, and who holds more than they do is out of their reach.
func (t *Tree) MayActOn(ctx context.Context, by access.Actor, p access.Permission, u core.User, e policy.Effective) error {
	if !by.Can(p, e.Path) {
		// Somebody else's branch looks like an id that never was.
		return core.ErrNotFound
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

// Root is the platform's id.
func (t *Tree) Root(ctx context.Context) (core.TenantID, error) {
	t.mu.RLock()
	id := t.root
	t.mu.RUnlock()
	if id != "" {
		return id, nil
	}
	all, err := t.store.AllTenants(ctx)
	if err != nil {
		return "", fmt.Errorf("find the platform: %w", err)
	}
	for _, n := range all {
		if n.Kind == core.Platform {
			t.mu.Lock()
			t.root = n.ID
			t.mu.Unlock()
			return n.ID, nil
		}
	}
	return "", fmt.Errorf("find the platform: %w", core.ErrNotFound)
}

// Forget listens to the change feed. A change of one node may reach all below
// it, so everything goes: reading it anew is one statement a tenant.
func (t *Tree) Forget(c core.Change) {
	if c.Kind != core.ChangeTenant && c.Kind != core.ChangeEverything {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gen++
	clear(t.kept)
}
