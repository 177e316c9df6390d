package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
)

type tenantCmd struct {
	Create  tenantCreateCmd  `cmd:"" help:"Make a partner, folder, customer or unit."`
	List    tenantListCmd    `cmd:"" help:"List the nodes of the tree, all or those that fit."`
	Tree    tenantTreeCmd    `cmd:"" help:"Show the tree with how MFA stands in each branch."`
	Show    tenantShowCmd    `cmd:"" help:"Show one node: what it is, how MFA stands there, who may help."`
	Rename  tenantRenameCmd  `cmd:"" help:"Give a node another name."`
	Move    tenantMoveCmd    `cmd:"" help:"Put a node with all below it under another."`
	Convert tenantConvertCmd `cmd:"" help:"Make a trial productive. There is no way back."`
	Trial   tenantTrialCmd   `cmd:"" help:"Say when a trial becomes production by itself."`
	Suspend tenantSuspendCmd `cmd:"" help:"Keep everybody of a node and of all below it out, until it is resumed."`
	Resume  tenantResumeCmd  `cmd:"" help:"End a suspension."`
	Delete  tenantDeleteCmd  `cmd:"" help:"Delete a node with all below it. For thirty days it can be brought back."`
	Restore tenantRestoreCmd `cmd:"" help:"Bring a deleted node back, as it was."`

	FirstAdministrator tenantFirstCmd    `cmd:"" help:"Invite an administrator into an organisation that has none who can sign in."`
	Sessions           tenantSessionsCmd `cmd:"" help:"The sessions of an organisation's people."`
	Support            tenantSupportCmd  `cmd:"" help:"Whether those above may act as an organisation's administrator, and who does."`
}

type tenantCreateCmd struct {
	Name      string `required:"" help:"Its name, as people read it."`
	Kind      string `enum:"partner,folder,customer,unit" default:"customer" help:"partner, folder, customer or unit (${default})."`
	Parent    string `help:"Id or name of the node above; the platform when not given."`
	Mode      string `enum:",trial,production" default:"" help:"trial or production, for partners and customers (production)."`
	ManagedBy string `enum:",provider,self" default:"" help:"provider or self; provider under a partner when not given."`
	TrialDays int    `help:"A trial becomes production by itself after so many days; never when not given." placeholder:"DAYS"`
	Preset    string `help:"Settings to begin with: ${presets}."`
	Settings  string `help:"File with a settings document in JSON; laid over the preset." placeholder:"FILE"`
	dry
}

type tenantCreateIn struct {
	Name      string           `json:"name"`
	Kind      core.TenantKind  `json:"kind"`
	Parent    string           `json:"parent,omitempty"`
	Mode      core.TenantMode  `json:"mode,omitempty"`
	ManagedBy core.ManagedBy   `json:"managed_by,omitempty"`
	TrialDays int              `json:"trial_days,omitempty"`
	Preset    string           `json:"preset,omitempty"`
	Settings  core.SettingsDoc `json:"settings,omitempty"`
	DryRun    bool             `json:"dry_run,omitempty"`
}

type tenantOut struct {
	ID        core.TenantID    `json:"id,omitempty"`
	Parent    core.TenantID    `json:"parent,omitempty"`
	Kind      core.TenantKind  `json:"kind"`
	Mode      core.TenantMode  `json:"mode,omitempty"`
	State     core.TenantState `json:"state"`
	Name      string           `json:"name"`
	ManagedBy core.ManagedBy   `json:"managed_by,omitempty"`
	Support   string           `json:"support_access,omitempty"` // open or closed, of organisations
	TrialEnds time.Time        `json:"trial_ends_at,omitzero"`
	Path      string           `json:"path,omitempty"`
	DryRun    bool             `json:"dry_run,omitempty"`
}

func tenantAnswer(t core.Tenant) tenantOut {
	o := tenantOut{ID: t.ID, Parent: t.Parent, Kind: t.Kind, Mode: t.Mode, State: t.State, Name: t.Name, ManagedBy: t.ManagedBy, TrialEnds: t.TrialEnds, Path: t.Path}
	if t.Kind.IsOrganisation() && t.Kind != core.Platform {
		o.Support = openOr(t.SupportAccess)
	}
	return o
}

func openOr(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}

func (v *tenantCreateCmd) Run(s *shell) error {
	in := tenantCreateIn{Name: v.Name, Kind: core.TenantKind(v.Kind), Parent: v.Parent, Mode: core.TenantMode(v.Mode),
		ManagedBy: core.ManagedBy(v.ManagedBy), TrialDays: v.TrialDays, Preset: v.Preset, DryRun: v.DryRun}
	if v.Preset != "" && !slices.Contains(policy.Presets(), v.Preset) {
		return usage("--preset: there is no preset %q%s\nthere are: %s", v.Preset, didYouMean(v.Preset, policy.Presets()), strings.Join(policy.Presets(), ", "))
	}
	if v.Settings != "" {
		doc, err := os.ReadFile(v.Settings)
		if err != nil {
			return fmt.Errorf("settings: %w", err)
		}
		if in.Settings, err = core.ParseSettings(doc); err != nil {
			return err
		}
	}
	t, err := one[tenantOut](s, "tenant.create", how{}, in)
	if err != nil {
		return err
	}
	err = s.result(t, func(w io.Writer) {
		if v.DryRun {
			fmt.Fprintf(w, "would create the %s %q under %s\n", t.Kind, plain(t.Name), t.Parent)
			return
		}
		fmt.Fprintln(w, t.ID)
	})
	if err != nil || v.DryRun {
		return err
	}
	if t.Kind.IsOrganisation() {
		s.next("sallyport tenant first-administrator %s --email WHO@EXAMPLE.COM --name \"WHO\"", t.ID)
	} else {
		s.next("sallyport user invite --tenant %s --email WHO@EXAMPLE.COM --name \"WHO\"", t.ID)
	}
	return nil
}

func (*tenantCreateCmd) Help() string {
	return "A new customer begins with the template of the nearest partner above it, where there is one; preset and settings are laid over that."
}

func farTenantCreate(ctx context.Context, h *app.House, in tenantCreateIn, out *answers) error {
	n := directory.NewTenant{Kind: in.Kind, Mode: in.Mode, Name: in.Name, ManagedBy: in.ManagedBy, TrialDays: in.TrialDays, Settings: in.Settings}
	if in.Preset != "" {
		doc, err := policy.Preset(in.Preset)
		if err != nil {
			return err
		}
		if len(in.Settings) > 0 {
			if doc, err = doc.Merge(in.Settings); err != nil {
				return err
			}
		}
		n.Settings = doc
	}
	parent, err := nodeOr(ctx, h, in.Parent)
	if err != nil {
		return err
	}
	n.Parent = parent.ID
	if in.DryRun {
		t, err := h.Directory.CheckTenant(ctx, n, access.Shell())
		if err != nil {
			return err
		}
		o := tenantAnswer(t)
		o.ID, o.Path, o.DryRun = "", "", true
		return out.Result(o)
	}
	t, err := h.Directory.CreateTenant(ctx, n, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	return out.Result(tenantAnswer(t))
}

// nodeOr finds a node by a word, or the platform when there is none.
func nodeOr(ctx context.Context, h *app.House, word string) (core.Tenant, error) {
	if word == "" {
		return h.Directory.Platform(ctx)
	}
	return h.Directory.FindTenant(ctx, word)
}

// items is a list as machines read it.
type items[T any] struct {
	Items []T `json:"items"`
}

// treeOrder puts children right behind their parent.
func treeOrder(all []core.Tenant) []core.Tenant {
	below := map[core.TenantID][]core.Tenant{}
	for _, t := range all {
		below[t.Parent] = append(below[t.Parent], t)
	}
	var out []core.Tenant
	var walk func(core.TenantID)
	walk = func(id core.TenantID) {
		for _, t := range below[id] {
			out = append(out, t)
			if t.ID != id {
				walk(t.ID)
			}
		}
	}
	walk("")
	return out
}
