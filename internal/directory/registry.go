package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Registry answers what an app is, from memory while the change feed is being read:
// every token that is made or looked at asks.
type Registry struct {
	store store.Store
	tree  *Tree
	fresh func() bool
	now   func() time.Time

	mu   sync.RWMutex
	gen  uint64
	kept map[core.AppID]*Registered
	// issued counts tokens that API clients got, until they are written down.
	issued map[core.ClientID]Issued
	// hosts are those that were asked for: the app that they are of, or none.
	hosts map[string]core.AppID
}

// registered is how many apps a node remembers at most.
const registered = 20_000

// Registered is an app with its secrets and where it belongs.
type Registered struct {
	core.App
	Secrets []core.AppSecretRow
	Owner   access.Place
}

// NewRegistry makes a registry. Forget must be registered with the change feed whose
// freshness fresh tells.
func NewRegistry(st store.Store, tree *Tree, fresh func() bool, now func() time.Time) *Registry {
	return &Registry{store: st, tree: tree, fresh: fresh, now: now, kept: map[core.AppID]*Registered{}, hosts: map[string]core.AppID{}}
}

// Find finds an app that works: one that is stopped or deleted is not found, nor one
// whose owner is.
func (g *Registry) Find(ctx context.Context, id core.AppID) (*Registered, error) {
	if id == "" || len(id) > 64 {
		return nil, core.ErrNotFound
	}
	g.mu.RLock()
	gen, a := g.gen, g.kept[id]
	g.mu.RUnlock()
	if a == nil || !g.fresh() {
		var err error
		if a, err = g.read(ctx, id, gen); err != nil {
			return nil, err
		}
	}
	// Not kept: the node that owns it may be suspended, or moved, at any time.
	eff, err := g.tree.Effective(ctx, a.Tenant)
	if err != nil {
		return nil, plainly(err)
	}
	if a.State != core.AppActive || eff.Suspended != nil || eff.Deleted() {
		return nil, core.ErrNotFound
	}
	out := *a
	if out.Owner, err = g.tree.Place(ctx, a.Tenant); err != nil {
		return nil, plainly(err)
	}
	return &out, nil
}

// At finds the app behind a proxy that a host is of.
func (g *Registry) At(ctx context.Context, host string) (*Registered, error) {
	g.mu.RLock()
	gen := g.gen
	id, known := g.hosts[host]
	g.mu.RUnlock()
	if !known || !g.fresh() {
		var err error
		id, err = g.store.FindHost(ctx, host)
		if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
			id, err = "", nil
		}
		if err != nil {
			return nil, fmt.Errorf("find host: %w", err)
		}
		g.mu.Lock()
		if gen == g.gen {
			if len(g.hosts) >= registered {
				clear(g.hosts)
			}
			g.hosts[host] = id
		}
		g.mu.Unlock()
	}
	a, err := g.Find(ctx, id)
	if err == nil && !a.Proxied() {
		return nil, core.ErrNotFound
	}
	return a, err
}

func (g *Registry) read(ctx context.Context, id core.AppID, gen uint64) (*Registered, error) {
	a, secrets, err := g.store.FindApp(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find app: %w", err)
	}
	r := &Registered{App: a, Secrets: secrets}
	g.mu.Lock()
	defer g.mu.Unlock()
	if gen == g.gen {
		if len(g.kept) >= registered {
			clear(g.kept)
		}
		g.kept[id] = r
	}
	return r, nil
}

// Forget listens to the change feed.
func (g *Registry) Forget(c core.Change) {
	switch c.Kind {
	case core.ChangeApp:
		g.mu.Lock()
		g.gen++
		delete(g.kept, core.AppID(c.Key))
		clear(g.hosts)
		g.mu.Unlock()
	case core.ChangeEverything:
		g.mu.Lock()
		g.gen++
		clear(g.kept)
		clear(g.hosts)
		g.mu.Unlock()
	}
}

// usedEvery is how coarse the last use of a secret is written.
const usedEvery = time.Hour

// Proves reports whether a text is one of the app's secrets that still counts, and
// notes its use.
func (g *Registry) Proves(ctx context.Context, a *Registered, text string) (bool, error) {
	now, hash := g.now(), secret.TokenHash(text)
	for i := range a.Secrets {
		s := a.Secrets[i]
		if !secret.Equal(s.Hash, hash) {
			continue
		}
		if !s.Good(now) {
			return false, nil
		}
		if now.Sub(s.LastUsedAt) < usedEvery {
			return true, nil
		}
		return true, g.used(ctx, a, hash, now)
	}
	return false, nil
}

func (g *Registry) used(ctx context.Context, a *Registered, hash []byte, now time.Time) error {
	err := g.store.Update(ctx, a.Tenant, func(tx store.Tx) error { return tx.UsedAppSecret(hash, now) })
	if err != nil {
		return fmt.Errorf("note the use of a secret: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.kept[a.ID]; k != nil {
		next := *k
		next.Secrets = append([]core.AppSecretRow(nil), k.Secrets...)
		for i := range next.Secrets {
			if secret.Equal(next.Secrets[i].Hash, hash) {
				next.Secrets[i].LastUsedAt = now
			}
		}
		g.kept[a.ID] = &next
	}
	return nil
}

// Issued notes that an API client got a token: when and from where at most once an
// hour, and how many there were for Counted.
func (g *Registry) Issued(ctx context.Context, a *Registered, from string) error {
	now := g.now()
	g.mu.Lock()
	if g.issued == nil {
		g.issued = map[core.ClientID]Issued{}
	}
	n := g.issued[a.ID]
	n.Tenant, n.Client, n.From = a.Tenant, a.ID, from
	n.Count++
	g.issued[a.ID] = n
	g.mu.Unlock()
	if now.Sub(a.UsedAt) < usedEvery && a.UsedFrom == from {
		return nil
	}
	if now.Sub(a.UsedAt) < time.Minute {
		return nil // one that comes from many places writes no more than this
	}
	if err := g.store.Update(ctx, a.Tenant, func(tx store.Tx) error { return tx.UsedApp(a.ID, now, from) }); err != nil {
		return fmt.Errorf("note the use of an api client: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.kept[a.ID]; k != nil {
		next := *k
		next.UsedAt, next.UsedFrom = now, from
		g.kept[a.ID] = &next
	}
	return nil
}

// Issued is how many tokens an API client got since they were last written down.
type Issued struct {
	Tenant core.TenantID
	Client core.ClientID
	From   string // the last one
	Count  int
}

// Count writes down how many tokens API clients got since the last time: one row a
// client, however many there were (decision 7.13). What could not be written is
// counted the next time.
func (g *Registry) Count(ctx context.Context) error {
	g.mu.Lock()
	issued := g.issued
	g.issued = nil
	g.mu.Unlock()
	var first error
	for id, n := range issued {
		err := g.store.Update(ctx, n.Tenant, func(tx store.Tx) error {
			e := audit.On(audit.ClientTokens, string(id), string(id), core.Client{})
			e.Address = n.From
			return tx.Append(audit.Count(e, "count", n.Count))
		})
		if err == nil {
			continue
		}
		first = errors.Join(first, err)
		g.mu.Lock()
		if g.issued == nil {
			g.issued = map[core.ClientID]Issued{}
		}
		again := g.issued[id]
		again.Tenant, again.Client, again.Count = n.Tenant, id, again.Count+n.Count
		if again.From == "" {
			again.From = n.From
		}
		g.issued[id] = again
		g.mu.Unlock()
	}
	return first
}

// For reports whether an app is for the people of a tenant.
func (g *Registry) For(ctx context.Context, a *Registered, tenant core.TenantID) (bool, error) {
	place, err := g.tree.Place(ctx, tenant)
	if err != nil {
		return false, plainly(err)
	}
	return Reaches(a.App, a.Owner, place), nil
}
