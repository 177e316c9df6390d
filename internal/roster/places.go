package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// places finds nodes of the tree by what files call them. It is made once and
// kept until the change feed says that the tree has changed.
type places struct {
	seq    int64 // of the change feed when it was made
	root   core.TenantID
	byID   map[core.TenantID]*place
	byPath map[string][]*place
	byName map[string][]*place
}

// place is a node that people can be brought into.
type place struct {
	tenant core.Tenant
	gone   bool // it or a node above it was deleted

	mu    sync.Mutex
	known bool
	eff   policy.Effective
	at    access.Place
}

// ask asks once for as long as the tree stays as it is what holds here and where
// in the tree that is. An error is not kept: it may be that of somebody who gave
// up.
func (p *place) ask(ctx context.Context, t *directory.Tree) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known {
		return nil
	}
	if p.eff, err = t.Effective(ctx, p.tenant.ID); err != nil {
		return err
	}
	p.at, err = t.Place(ctx, p.tenant.ID)
	p.known = err == nil
	return err
}

// word makes spellings of a name equal that people would not tell apart.
func word(s string) string {
	s = strings.Join(strings.Fields(strings.ToLower(s)), " ")
	s = strings.ReplaceAll(strings.ReplaceAll(s, " /", "/"), "/ ", "/")
	return strings.Trim(s, "/")
}

func newPlaces(all []core.Tenant, seq int64) *places {
	p := &places{seq: seq, root: all[0].ID, byID: map[core.TenantID]*place{}, byPath: map[string][]*place{}, byName: map[string][]*place{}}
	paths := map[core.TenantID]string{}
	for _, t := range all { // parents first
		above := p.byID[t.Parent]
		at := &place{tenant: t, gone: t.State == core.TenantDeleted || above != nil && above.gone}
		p.byID[t.ID] = at
		path := t.Name
		if above != nil && above.tenant.Kind != core.Platform {
			path = paths[t.Parent] + "/" + t.Name
		}
		paths[t.ID] = path
		if at.gone {
			continue
		}
		add := func(m map[string][]*place, name string) {
			if name = word(name); !slices.Contains(m[name], at) {
				m[name] = append(m[name], at)
			}
		}
		add(p.byPath, path)
		add(p.byName, t.Name)
		if above != nil {
			add(p.byPath, p.byID[p.root].tenant.Name+"/"+path)
		}
	}
	return p
}

// find finds a node by its id, by the path of names that leads to it from below
// the platform, or by its name where only one has it.
func (p *places) find(name string) (*place, *core.Fault) {
	if at := p.byID[core.TenantID(strings.TrimSpace(name))]; at != nil && !at.gone {
		return at, nil
	}
	for _, m := range []map[string][]*place{p.byPath, p.byName} {
		switch found := m[word(name)]; {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, core.Invalid("tenant.ambiguous", "count", len(found))
		}
	}
	return nil, core.NewFault(core.KindNotFound, "tenant.unknown")
}

// pathOf writes a node's path so that find finds it again.
func (p *places) pathOf(id core.TenantID) string {
	at := p.byID[id]
	var names []string
	for n := at; n != nil && (n.tenant.Kind != core.Platform || n == at); n = p.byID[n.tenant.Parent] {
		names = append(names, n.tenant.Name)
	}
	slices.Reverse(names)
	path := strings.Join(names, "/")
	if found, fault := p.find(path); fault != nil || found != at {
		return string(id) // two of one name
	}
	return path
}

// kept is the index that Service keeps.
type kept struct {
	mu sync.Mutex
	of *places
}

// places is the index, made anew when a node was made or changed since. anew
// makes it in any case.
func (s *Service) places(ctx context.Context, anew bool) (*places, error) {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	if s.kept.of != nil && !anew {
		same, err := s.unchanged(ctx, s.kept.of)
		if err != nil {
			return nil, fmt.Errorf("read the change feed: %w", err)
		}
		if same {
			return s.kept.of, nil
		}
	}
	// The feed first: what changes while the tree is read is met again.
	seq, err := s.Store.LastChange(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the change feed: %w", err)
	}
	all, err := s.Store.AllTenants(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read the tree: %w", core.ErrNotFound)
	}
	s.kept.of = newPlaces(all, seq)
	return s.kept.of, nil
}

func (s *Service) unchanged(ctx context.Context, p *places) (bool, error) {
	const page = 500
	for {
		lines, err := s.Store.Changes(ctx, p.seq, page)
		if err != nil {
			return false, err
		}
		for _, c := range lines {
			if c.Kind == core.ChangeTenant || c.Kind == core.ChangeEverything {
				return false, nil
			}
			p.seq = c.Seq
		}
		if len(lines) < page {
			return true, nil
		}
	}
}

// moved reports whether nodes stand elsewhere, or are gone, since the index was
// made. The transaction holds them where they are.
func moved(tx store.BulkTx, used map[*place]bool) (bool, error) {
	ids := make([]core.TenantID, 0, len(used))
	for p := range used {
		ids = append(ids, p.tenant.ID)
	}
	slices.Sort(ids)
	now, err := tx.Places(ids)
	if err != nil {
		return false, err
	}
	for p := range used {
		at, there := now[p.tenant.ID]
		if !there || at.Organisation != p.tenant.Organisation || at.Path != p.tenant.Path || at.State != p.tenant.State {
			return true, nil
		}
	}
	return false, nil
}
