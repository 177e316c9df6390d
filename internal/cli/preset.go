package cli

import (
	"context"
	"fmt"
	"io"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/policy"
)

type policyPresetCmd struct {
	List  policyPresetListCmd  `cmd:"" help:"List the settings documents that ship, and how far an organisation is from each."`
	Show  policyPresetShowCmd  `cmd:"" help:"Show one of them."`
	Apply policyPresetApplyCmd `cmd:"" help:"Make an organisation's document say what a preset says."`
}

type presetOut struct {
	Name      string `json:"name"`
	Available bool   `json:"available"` // it can be applied, not just compared
	Differs   *int   `json:"differs,omitempty"`
}

type policyPresetListCmd struct {
	Tenant string `help:"Id or name of an organisation to compare with." placeholder:"NAME"`
}

func (v *policyPresetListCmd) Run(s *shell) error {
	list := items[presetOut]{Items: []presetOut{}}
	if err := each(s, "policy.presets", how{}, tenantIn{v.Tenant}, func(p presetOut) error { list.Items = append(list.Items, p); return nil }); err != nil {
		return err
	}
	err := s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "PRESET\tCAN BE APPLIED\tDIFFERS IN")
		for _, p := range list.Items {
			available, differs := "yes", "-"
			if !p.Available {
				available = "not yet"
			}
			if p.Differs != nil {
				differs = count(*p.Differs, "setting", "settings")
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", p.Name, available, differs)
		}
		t.Flush()
	})
	if err == nil && v.Tenant != "" {
		s.next("sallyport policy compare --tenant %q --preset NAME", v.Tenant)
	}
	return err
}

func farPresets(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	var t core.Tenant
	if in.Tenant != "" {
		var err error
		if t, err = h.Directory.FindTenant(ctx, in.Tenant); err != nil {
			return err
		}
		if _, err := documentOf(t, ownSettings); err != nil {
			return err
		}
	}
	for _, name := range policy.Presets() {
		o := presetOut{Name: name}
		_, err := policy.Preset(name)
		if _, refused := core.AsFault(err); err != nil && !refused {
			return err
		}
		o.Available = err == nil
		if t.ID != "" {
			diff, err := h.Directory.ComparePreset(ctx, t.ID, name, access.Shell())
			if err != nil {
				return err
			}
			n := len(diff)
			o.Differs = &n
		}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	return nil
}

type policyPresetShowCmd struct {
	Preset string `arg:"" name:"preset" help:"Its name: ${presets}."`
}

// Run needs no store: presets are part of the program.
func (v *policyPresetShowCmd) Run(s *shell) error {
	doc, err := policy.PresetShown(v.Preset)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"name": v.Preset, "document": doc})
	}
	if err := s.printDocument(documentOut{Document: doc}); err != nil {
		return err
	}
	s.next("sallyport policy preset apply %s --tenant NAME --dry-run", v.Preset)
	return nil
}

type policyPresetApplyCmd struct {
	Preset string `arg:"" name:"preset" help:"Its name: ${presets}."`
	Tenant string `required:"" help:"Id or name of the organisation." placeholder:"NAME"`
	dry
	sure
}

func (*policyPresetApplyCmd) Help() string {
	return "Shows first what would be another and who would meet what. What the preset does not name stays."
}

func (v *policyPresetApplyCmd) Run(s *shell) error {
	return s.do(write{verb: "policy.set", dry: v.dry, sure: &v.sure,
		in: func(c changing) any {
			return nodeIn{Tenant: v.Tenant, changing: c, Which: ownSettings, Preset: v.Preset}
		},
		after: func(c changed) error { return s.finish(c.ID, core.JobEndSessions, false) },
		next:  func(c changed) string { return "sallyport policy show --tenant " + c.ID }})
}
