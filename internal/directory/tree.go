package directory

import (
	"context"
	"fmt"
	"sync"

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
