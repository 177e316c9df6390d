package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Service holds what the directory's journeys need.
type Service struct {
	Store  store.Store
	Tree   *Tree
	Post   *outbox.Post
	Hasher *secret.Hasher
	Enrol  enrol.Room
	Now    func() time.Time
	// Signs sees to it that there is a key for tokens of an algorithm, so that it is
	// published before the first of them; nil in a dry run.
	Signs func(ctx context.Context, alg string) error
	// Reserved are hosts that no app may have; none when nil.
	Reserved func(host string) bool
}

// Dry is the same service for a dry run: every refusal comes as it would, and
// nothing is written.
func (s *Service) Dry() *Service {
	out := s.On(store.Dry(s.Store))
	out.Signs = nil
	return out
}

// On is the same service on another view of its store.
func (s *Service) On(st store.Store) *Service {
	out := *s
	out.Store = st
	return &out
}

// NewTenant is what somebody asks for when creating a node.
type NewTenant struct {
	Parent    core.TenantID
	Kind      core.TenantKind
	Mode      core.TenantMode // partners and customers; production when empty
	Name      string
	ManagedBy core.ManagedBy
	TrialDays int              // after which a trial becomes production by itself; 0: never
	Settings  core.SettingsDoc // organisations only; checked
}

// TrialDaysAtMost bounds how long a trial can be set to last.
const TrialDaysAtMost = 3650

// CheckTenant says what is wrong with a wish for a node, before anything is
// written. by is who would make it: whoever shapes the tree there.
func (s *Service) CheckTenant(ctx context.Context, n NewTenant, by access.Actor) (core.Tenant, error) {
	if n.Kind == core.Platform {
		return s.checkPlatform(ctx, n, by)
	}
	if err := s.into(ctx, n.Parent, by, by.MayMakeUnder); err != nil {
		return core.Tenant{}, fmt.Errorf("parent of the new tenant: %w", err)
	}
	var above []core.Tenant
	var err error
	if err := s.Store.View(ctx, n.Parent, func(r store.Reader) error { above, err = r.Line(); return err }); err != nil {
		return core.Tenant{}, fmt.Errorf("parent of the new tenant: %w", plainly(err))
	}
	return build(n, above, by, s.Now())
}

// PlanCreate is CheckTenant with what holds of each setting of the node from the
// first moment on: what a template and locks give it, or its organisation.
func (s *Service) PlanCreate(ctx context.Context, n NewTenant, by access.Actor) (t core.Tenant, eff policy.Effective, values []policy.Value, err error) {
	if t, err = s.CheckTenant(ctx, n, by); err != nil {
		return t, eff, nil, err
	}
	line := []core.Tenant{t}
	if t.Kind != core.Platform {
		above, err := s.line(ctx, n.Parent)
		if err != nil {
			return t, eff, nil, err
		}
		line = append(above, t)
	}
	if eff, err = policy.Of(line); err == nil {
		values, err = s.ValuesOf(ctx, line)
	}
	return t, eff, values, err
}

func (s *Service) checkPlatform(ctx context.Context, n NewTenant, by access.Actor) (core.Tenant, error) {
	if n.Parent != "" {
		return core.Tenant{}, core.Invalid("tenant.parent_wrong", "kind", string(n.Kind), "parent", "")
	}
	if !by.IsShell() && !by.IsSystem() {
		return core.Tenant{}, core.ErrForbidden
	}
	if _, err := s.Store.FindPlatform(ctx); !errors.Is(err, core.ErrNotFound) {
		if err == nil {
			err = core.NewFault(core.KindConflict, "tenant.platform_exists")
		}
		return core.Tenant{}, err
	}
	name, err := cleanName(n.Name)
	if err != nil {
		return core.Tenant{}, err
	}
	now := s.Now()
	t := core.Tenant{ID: core.TenantID(secret.NewID(core.PrefixTenant, now)), Kind: n.Kind, Mode: core.Production, State: core.TenantActive, Name: name, CreatedAt: now, ChangedAt: now}
	t.Path, t.Organisation = "/"+string(t.ID)+"/", t.ID
	t.Settings, err = policy.Begin(nil, t.Kind, n.Settings, core.Stamp{At: now, By: by.ID()})
	return t, err
}

// build makes a node of a wish and of the line to its parent.
func build(n NewTenant, above []core.Tenant, by access.Actor, now time.Time) (core.Tenant, error) {
	name, err := cleanName(n.Name)
	if err != nil {
		return core.Tenant{}, err
	}
	t := core.Tenant{ID: core.TenantID(secret.NewID(core.PrefixTenant, now)), Parent: n.Parent, Kind: n.Kind, Mode: n.Mode, State: core.TenantActive,
		Name: name, ManagedBy: n.ManagedBy, CreatedAt: now, ChangedAt: now}
	if len(n.Settings) > 0 && !n.Kind.IsOrganisation() {
		return core.Tenant{}, core.Invalid("tenant.settings_inherited")
	}
	parent := above[len(above)-1]
	for _, a := range above {
		if a.State != core.TenantActive {
			return core.Tenant{}, core.NewFault(core.KindConflict, "tenant.parent_inactive")
		}
	}
	if !n.Kind.MayStandUnder(parent.Kind) {
		return core.Tenant{}, core.Invalid("tenant.parent_wrong", "kind", string(n.Kind), "parent", string(parent.Kind))
	}
	switch n.Kind {
	case core.Partner, core.Customer:
		if t.Mode == "" {
			t.Mode = core.Production
		}
		if t.Mode != core.Production && t.Mode != core.Trial {
			return core.Tenant{}, core.Invalid("tenant.mode_unknown", "mode", string(n.Mode))
		}
		if t.ManagedBy == "" {
			t.ManagedBy = core.ManagedBySelf
			if parent.Kind == core.Partner || parent.Kind == core.Folder {
				t.ManagedBy = core.ManagedByProvider
			}
		}
		if t.ManagedBy != core.ManagedBySelf && t.ManagedBy != core.ManagedByProvider {
			return core.Tenant{}, core.Invalid("tenant.managed_by_unknown", "managed_by", string(n.ManagedBy))
		}
		if t.TrialEnds, err = trialEnds(t.Mode, n.TrialDays, now); err != nil {
			return core.Tenant{}, err
		}
	default:
		if n.Mode != "" || n.ManagedBy != "" || n.TrialDays != 0 {
			return core.Tenant{}, core.Invalid("tenant.mode_inherited", "kind", string(n.Kind))
		}
	}
	t.SupportAccess = n.Kind == core.Customer && t.ManagedBy == core.ManagedByProvider
	t.Path = parent.Path + string(t.ID) + "/"
	t.Organisation = parent.Organisation
	if t.Kind.IsOrganisation() {
		t.Organisation = t.ID
		t.Settings, err = policy.Begin(above, t.Kind, n.Settings, core.Stamp{At: now, By: by.ID()})
	}
	return t, err
}

func trialEnds(mode core.TenantMode, days int, now time.Time) (time.Time, error) {
	if days == 0 {
		return time.Time{}, nil
	}
	if mode != core.Trial || days < 0 || days > TrialDaysAtMost {
		return time.Time{}, core.Invalid("tenant.trial_days", "max", TrialDaysAtMost)
	}
	return now.AddDate(0, 0, days), nil
}

// CreateTenant checks and writes a node. What its parent gives it, template and
// locks, is read in the transaction that writes it.
func (s *Service) CreateTenant(ctx context.Context, n NewTenant, by access.Actor, c core.Client) (core.Tenant, error) {
	t, err := s.CheckTenant(ctx, n, by)
	if err != nil {
		return core.Tenant{}, err
	}
	at := t.Parent
	if t.Kind == core.Platform {
		at = t.ID
	}
	err = s.Store.Update(ctx, at, func(tx store.Tx) error {
		if t.Kind != core.Platform {
			above, err := tx.Line()
			if err != nil {
				return err
			}
			again, err := build(n, above, by, tx.Now())
			if err != nil {
				return err
			}
			again.ID, again.Path = t.ID, above[len(above)-1].Path+string(t.ID)+"/"
			if again.Kind.IsOrganisation() {
				again.Organisation = t.ID
			}
			t = again
		}
		if err := tx.InsertTenant(t); err != nil {
			return err
		}
		e := audit.Note(audit.Did(audit.TenantCreated, by, string(t.ID), c), "kind", string(t.Kind))
		if err := tx.Append(e); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(t.ID))
	})
	if err != nil {
		return core.Tenant{}, fmt.Errorf("create tenant: %w", err)
	}
	return t, nil
}

// Tenant is a node as the actor may see it.
func (s *Service) Tenant(ctx context.Context, id core.TenantID, by access.Actor) (core.Tenant, policy.Effective, error) {
	_, eff, err := s.Tree.On(ctx, by, access.ViewTenants, id)
	if err != nil {
		return core.Tenant{}, eff, err
	}
	t, err := s.tenant(ctx, id)
	return t, eff, plainly(err)
}

// Children lists the nodes right under one, a page a call.
func (s *Service) Children(ctx context.Context, id core.TenantID, p store.Page, deletedToo bool, by access.Actor) (nodes []core.Tenant, next string, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ViewTenants, id); err != nil {
		return nil, "", err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error { nodes, next, err = r.Children(p, deletedToo); return err })
	return nodes, next, err
}

// Deleted lists nodes of a branch that can be restored and whose name begins with
// something.
func (s *Service) Deleted(ctx context.Context, id core.TenantID, prefix string, p store.Page, by access.Actor) (nodes []core.Tenant, next string, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ViewTenants, id); err != nil {
		return nil, "", err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error { nodes, next, err = r.Deleted(prefix, p); return err })
	return nodes, next, err
}

// Named lists nodes of a branch whose name begins with something.
func (s *Service) Named(ctx context.Context, id core.TenantID, prefix string, p store.Page, by access.Actor) (nodes []core.Tenant, next string, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ViewTenants, id); err != nil {
		return nil, "", err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error { nodes, next, err = r.Named(prefix, p); return err })
	return nodes, next, err
}

// Platform finds the root.
func (s *Service) Platform(ctx context.Context) (core.Tenant, error) {
	return s.Store.FindPlatform(ctx)
}

// FindTenant finds a node by its id or, when only one has it, its name. It is the
// operator's: who may see what is not asked.
func (s *Service) FindTenant(ctx context.Context, word string) (core.Tenant, error) {
	if strings.HasPrefix(word, core.PrefixTenant+"_") {
		if t, err := s.tenant(ctx, core.TenantID(word)); !errors.Is(err, core.ErrNotFound) {
			return t, err
		}
	}
	found, err := s.Store.FindTenants(ctx, word, 100)
	if err != nil {
		return core.Tenant{}, err
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return core.Tenant{}, core.NewFault(core.KindNotFound, "tenant.unknown").With("tenant", word)
	}
	return core.Tenant{}, core.Invalid("tenant.ambiguous", "tenant", word, "count", len(found))
}

// cleanName takes a name that people read: some text, on one line.
func cleanName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u202e' || r == '\u2066' || r == '\u2067' || r == '\u2068'
	}) {
		return "", core.Invalid("name.invalid")
	}
	if n := utf8.RuneCountInString(name); n < 1 || n > 120 {
		return "", core.Invalid("name.invalid")
	}
	return name, nil
}

// CleanName is a name as it is kept, or the fault that says it is none.
func CleanName(name string) (string, error) { return cleanName(name) }
