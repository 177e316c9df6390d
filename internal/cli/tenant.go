package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
)

type tenantCmd struct {
	Create tenantCreateCmd `cmd:"" help:"Make a partner, folder, customer or unit."`
	List   tenantListCmd   `cmd:"" help:"Show the tree."`
}

type tenantCreateCmd struct {
	Name      string `required:"" help:"Its name, as people read it."`
	Kind      string `enum:"partner,folder,customer,unit" default:"customer" help:"partner, folder, customer or unit (${default})."`
	Parent    string `help:"Id or name of the node above; the platform when not given."`
	Mode      string `enum:",trial,production" default:"" help:"trial or production, for partners and customers (production)."`
	ManagedBy string `enum:",provider,self" default:"" help:"provider or self; provider under a partner when not given."`
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
	Path      string           `json:"path,omitempty"`
	DryRun    bool             `json:"dry_run,omitempty"`
}

func tenantAnswer(t core.Tenant) tenantOut {
	return tenantOut{ID: t.ID, Parent: t.Parent, Kind: t.Kind, Mode: t.Mode, State: t.State, Name: t.Name, ManagedBy: t.ManagedBy, Path: t.Path}
}

func (v *tenantCreateCmd) Run(s *shell) error {
	in := tenantCreateIn{Name: v.Name, Kind: core.TenantKind(v.Kind), Parent: v.Parent, Mode: core.TenantMode(v.Mode),
		ManagedBy: core.ManagedBy(v.ManagedBy), Preset: v.Preset, DryRun: v.DryRun}
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
	if err == nil && !v.DryRun {
		s.next("sallyport user invite --tenant %s --email WHO@EXAMPLE.COM --name \"WHO\"", t.ID)
	}
	return err
}

func farTenantCreate(ctx context.Context, h *app.House, in tenantCreateIn, out *answers) error {
	n := directory.NewTenant{Kind: in.Kind, Mode: in.Mode, Name: in.Name, ManagedBy: in.ManagedBy, Settings: in.Settings}
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

type tenantListCmd struct{}

func (v *tenantListCmd) Run(s *shell) error {
	list := items[tenantOut]{Items: []tenantOut{}}
	err := each(s, "tenant.list", how{}, struct{}{}, func(t tenantOut) error { list.Items = append(list.Items, t); return nil })
	if err != nil {
		return err
	}
	err = s.result(list, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tKIND\tMODE\tSTATE\tID")
		for _, n := range list.Items {
			depth := max(0, strings.Count(n.Path, "/")-2)
			fmt.Fprintf(t, "%s%s\t%s\t%s\t%s\t%s\n", strings.Repeat("  ", depth), plain(n.Name), n.Kind, n.Mode, n.State, n.ID)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) <= 1 {
		s.next("sallyport tenant create --name NAME")
	}
	return err
}

// items is a list as machines read it.
type items[T any] struct {
	Items []T `json:"items"`
}

func farTenantList(ctx context.Context, h *app.House, _ struct{}, out *answers) error {
	all, err := h.Store.AllTenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range treeOrder(all) {
		if err := out.Result(tenantAnswer(t)); err != nil {
			return err
		}
	}
	return nil
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
