package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/audit"
	"sallyport/internal/core"
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
	Now    func() time.Time
}

// NewTenant is what somebody asks for when creating a node.
type NewTenant struct {
	Parent    core.TenantID
	Kind      core.TenantKind
	Mode      core.TenantMode // partners and customers; production when empty
	Name      string
	ManagedBy core.ManagedBy
	Settings  core.SettingsDoc // organisations only; checked
}

// CheckTenant says what is wrong with a wish for a node, before anything is
// written. by is who would make it.
func (s *Service) CheckTenant(ctx context.Context, n NewTenant, by string) (core.Tenant, error) {
	name, err := cleanName(n.Name)
	if err != nil {
		return core.Tenant{}, err
	}
	now := s.Now()
	t := core.Tenant{ID: core.TenantID(secret.NewID(core.PrefixTenant, now)), Parent: n.Parent, Kind: n.Kind, Mode: n.Mode, State: core.TenantActive,
		Name: name, ManagedBy: n.ManagedBy, CreatedAt: now, ChangedAt: now}
	if len(n.Settings) > 0 && !n.Kind.IsOrganisation() {
		return core.Tenant{}, core.Invalid("tenant.settings_inherited")
	}
	if n.Kind == core.Platform {
		if n.Parent != "" {
			return core.Tenant{}, core.Invalid("tenant.parent_wrong", "kind", string(n.Kind), "parent", "")
		}
		all, err := s.Store.AllTenants(ctx)
		if err != nil {
			return core.Tenant{}, err
		}
		if len(all) > 0 {
			return core.Tenant{}, core.NewFault(core.KindConflict, "tenant.platform_exists")
		}
		t.Path, t.Organisation, t.Mode = "/"+string(t.ID)+"/", t.ID, core.Production
		t.Settings, err = policy.Begin(nil, t.Kind, n.Settings, core.Stamp{At: now, By: by})
		return t, err
	}
	var above []core.Tenant
	if err := s.Store.View(ctx, n.Parent, func(r store.Reader) error { above, err = r.Line(); return err }); err != nil {
		return core.Tenant{}, fmt.Errorf("parent of the new tenant: %w", err)
	}
	parent := above[len(above)-1]
	if parent.State != core.TenantActive {
		return core.Tenant{}, core.NewFault(core.KindConflict, "tenant.parent_inactive")
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
	default:
		if n.Mode != "" || n.ManagedBy != "" {
			return core.Tenant{}, core.Invalid("tenant.mode_inherited", "kind", string(n.Kind))
		}
	}
	t.SupportAccess = n.Kind == core.Customer && t.ManagedBy == core.ManagedByProvider
	t.Path = parent.Path + string(t.ID) + "/"
	t.Organisation = parent.Organisation
	if t.Kind.IsOrganisation() {
		t.Organisation = t.ID
		t.Settings, err = policy.Begin(above, t.Kind, n.Settings, core.Stamp{At: now, By: by})
	}
	return t, err
}

// CreateTenant checks and writes a node.
func (s *Service) CreateTenant(ctx context.Context, n NewTenant, actor string, c core.Client) (core.Tenant, error) {
	t, err := s.CheckTenant(ctx, n, actor)
	if err != nil {
		return core.Tenant{}, err
	}
	at := t.Parent
	if t.Kind == core.Platform {
		at = t.ID
	}
	err = s.Store.Update(ctx, at, func(tx store.Tx) error {
		if err := tx.InsertTenant(t); err != nil {
			return err
		}
		e := audit.On(audit.TenantCreated, actor, string(t.ID), c)
		e = audit.Note(e, "kind", string(t.Kind))
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

// ChangeSettings lays a change over an organisation's document.
func (s *Service) ChangeSettings(ctx context.Context, id core.TenantID, change core.SettingsDoc, actor string, c core.Client) (policy.Effective, error) {
	var out policy.Effective
	err := s.Store.Update(ctx, id, func(tx store.Tx) error {
		line, err := tx.Line()
		if err != nil {
			return err
		}
		if line, err = policy.Change(line, change, core.Stamp{At: tx.Now(), By: actor}); err != nil {
			return err
		}
		t := line[len(line)-1]
		t.ChangedAt = tx.Now()
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		e := audit.On(audit.SettingsChanged, actor, string(t.ID), c)
		if err := tx.Append(audit.Note(e, "keys", strings.Join(keysOf(change), " "))); err != nil {
			return err
		}
		if out, err = policy.Of(line); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(t.ID))
	})
	if err != nil {
		return policy.Effective{}, fmt.Errorf("change settings of %s: %w", id, err)
	}
	return out, nil
}

func keysOf(d core.SettingsDoc) []string {
	var m map[string]json.RawMessage
	_ = json.Unmarshal(d, &m) // it was parsed before
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Platform finds the root.
func (s *Service) Platform(ctx context.Context) (core.Tenant, error) {
	all, err := s.Store.AllTenants(ctx)
	if err != nil {
		return core.Tenant{}, err
	}
	for _, t := range all {
		if t.Kind == core.Platform {
			return t, nil
		}
	}
	return core.Tenant{}, core.ErrNotFound
}

// FindTenant finds a node by its id or, when only one has it, its name.
func (s *Service) FindTenant(ctx context.Context, word string) (core.Tenant, error) {
	all, err := s.Store.AllTenants(ctx)
	if err != nil {
		return core.Tenant{}, err
	}
	var found []core.Tenant
	for _, t := range all {
		if string(t.ID) == word {
			return t, nil
		}
		if t.State != core.TenantDeleted && strings.EqualFold(t.Name, word) {
			found = append(found, t)
		}
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
