package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// The documents that an organisation has, by the words of the verbs.
const (
	ownSettings = "settings"
	locks       = "locks"
	template    = "template"
)

type policyShowCmd struct {
	Tenant string `required:"" help:"Id or name of the node; of a unit or folder those of its organisation are shown." placeholder:"NAME"`
	Own    bool   `help:"Only what the organisation's own document says, as a document that policy apply takes."`
}

func (*policyShowCmd) Help() string {
	return "Every setting with what holds, whose value it is, since when, and whether a lock holds it."
}

type showIn struct {
	Tenant string `json:"tenant"`
	Which  string `json:"which"`
}

// documentOut is a document of an organisation, and for its own settings what holds.
type documentOut struct {
	ID       core.TenantID    `json:"id"`
	Name     string           `json:"name"`
	Document core.SettingsDoc `json:"document"`
	Values   []policy.Value   `json:"values,omitempty"`
}

func (v *policyShowCmd) Run(s *shell) error {
	o, err := one[documentOut](s, "policy.show", how{}, showIn{v.Tenant, ownSettings})
	if err != nil {
		return err
	}
	if v.Own {
		return s.printDocument(o)
	}
	err = s.result(o, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "SETTING\tIS\tFROM\tSINCE\tBY\tLOCKED BY")
		for _, x := range o.Values {
			from, lockedBy, since, by := "default", "", "", x.By
			if x.From != nil {
				from = plain(x.From.Name)
			}
			if !x.Since.IsZero() {
				since = when(x.Since)
			}
			if x.LockedBy != nil {
				lockedBy = plain(x.LockedBy.Name)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", x.Key, plain(policy.Plainly(x.Value)), from, since, by, lockedBy)
		}
		t.Flush()
	})
	if err == nil {
		s.next("sallyport policy set --tenant %s KEY=VALUE --dry-run", o.ID)
	}
	return err
}

// printDocument writes a document alone, so that a file of it can be applied.
func (s *shell) printDocument(o documentOut) error {
	if s.JSON {
		return s.json(o)
	}
	var v any
	if err := json.Unmarshal(documentOr(o.Document), &v); err != nil {
		return err
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, string(b))
	return err
}

func documentOr(d core.SettingsDoc) core.SettingsDoc {
	if len(d) == 0 {
		return core.SettingsDoc("{}")
	}
	return d
}

func farPolicyShow(ctx context.Context, h *app.House, in showIn, out *answers) error {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	if in.Which != ownSettings {
		doc, err := documentOf(t, in.Which)
		if err != nil {
			return err
		}
		said, err := doc.Spoken()
		if err != nil {
			return err
		}
		return out.Result(documentOut{ID: t.ID, Name: t.Name, Document: said})
	}
	values, eff, err := h.Directory.Values(ctx, t.ID, access.Shell())
	if err != nil {
		return err
	}
	said, err := eff.Organisation.Settings.Spoken()
	if err != nil {
		return err
	}
	return out.Result(documentOut{eff.Organisation.ID, eff.Organisation.Name, said, values})
}

// documentOf is a document of an organisation as it is stored.
func documentOf(t core.Tenant, which string) (core.SettingsDoc, error) {
	if which == ownSettings {
		if !t.Kind.IsOrganisation() {
			return nil, core.Invalid("tenant.settings_inherited")
		}
		return t.Settings, nil
	}
	if t.Kind != core.Platform && t.Kind != core.Partner {
		return nil, core.Invalid("policy.no_" + which + "_here")
	}
	if which == locks {
		return t.Locks, nil
	}
	return t.Template, nil
}

// setting are the words KEY=VALUE of a change.
type setting struct {
	Set  []string `arg:"" optional:"" name:"key=value" help:"A setting and its value: JSON, or a plain word; KEY=null is the default again."`
	File string   `short:"f" help:"A settings document in JSON; what it does not name stays. - is stdin." placeholder:"FILE"`
}

// document reads what shall be changed.
func (v setting) document(s *shell) (core.SettingsDoc, error) {
	change := core.SettingsDoc("{}")
	if v.File != "" {
		b, err := s.file(v.File)
		if err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		if err := core.CheckKeys(b); err != nil {
			return nil, err
		}
		change = b
	}
	doc := map[string]any{}
	for _, word := range v.Set {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, usage("%q is no setting; write KEY=VALUE, for example challenge=untrusted_browser", word)
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			raw, _ = json.Marshal(value) // a word
		}
		core.PutKey(doc, key, raw)
	}
	if len(doc) > 0 {
		b, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		if err := core.CheckKeys(b); err != nil {
			return nil, err
		}
		if change, err = over(change, b); err != nil {
			return nil, err
		}
	}
	if string(change) == "{}" {
		return nil, usage("say what to change: KEY=VALUE, or a document with --file")
	}
	return change, nil
}

// file reads a file, or stdin.
func (s *shell) file(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(s.reader(), 1<<20))
	}
	return os.ReadFile(name)
}

type policySetCmd struct {
	Tenant string `required:"" help:"Id or name of the organisation." placeholder:"NAME"`
	setting
	dry
	sure
}

func (*policySetCmd) Help() string {
	return "Shows first what would be another and who would meet what. The keys are in docs/settings.md; policy show has what holds. " +
		"The requirement can be changed here and not emptied: for that there is mfa disable."
}

func (v *policySetCmd) Run(s *shell) error {
	change, err := v.document(s)
	if err != nil {
		return err
	}
	return s.settings(v.Tenant, ownSettings, change, v.dry, v.sure)
}

type policyApplyCmd struct {
	Tenant string `required:"" help:"Id or name of the organisation." placeholder:"NAME"`
	File   string `short:"f" required:"" help:"The settings document in JSON; what it does not name stays. - is stdin." placeholder:"FILE"`
	dry
	sure
}

func (*policyApplyCmd) Help() string {
	return "The same as policy set with --file: policy show --own writes such a document."
}

func (v *policyApplyCmd) Run(s *shell) error {
	change, err := (setting{File: v.File}).document(s)
	if err != nil {
		return err
	}
	return s.settings(v.Tenant, ownSettings, change, v.dry, v.sure)
}

// settings changes a document of an organisation.
func (s *shell) settings(tenant, which string, change core.SettingsDoc, d dry, ask sure) error {
	show := map[string]string{ownSettings: "show", locks: "locks show", template: "template show"}[which]
	return s.do(write{verb: "policy.set", dry: d, sure: &ask,
		in:    func(c changing) any { return nodeIn{Tenant: tenant, changing: c, Which: which, Change: change} },
		after: func(c changed) error { return s.finish(c.ID, core.JobEndSessions, false) },
		next:  func(c changed) string { return "sallyport policy " + show + " --tenant " + c.ID }})
}

// setKeys are the keys of a document that a change makes another.
func setKeys(had, change core.SettingsDoc) (set, taken []string, err error) {
	after, err := had.Merge(change)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range after.Keys() {
		if !sameValue(had.Value(key), after.Value(key)) {
			set = append(set, key)
		}
	}
	for _, key := range had.Keys() {
		if !slices.Contains(after.Keys(), key) {
			taken = append(taken, key)
		}
	}
	return set, taken, nil
}

func sameValue(a, b json.RawMessage) bool { return policy.Plainly(a) == policy.Plainly(b) }

var setSettings = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error {
		had, err := documentOf(t, in.Which)
		if err != nil {
			return err
		}
		change, err := in.change(ctx, h, t)
		if err != nil {
			return err
		}
		set, taken, err := setKeys(had, change)
		if err != nil {
			return err
		}
		// Asked also where nothing would be another: what is wrong is said all the same.
		switch in.Which {
		case locks:
			p, err := h.Directory.PlanLocks(ctx, t.ID, change, access.Shell())
			if err != nil {
				return err
			}
			o.take(p.Preview)
			o.count("raised", p.Raised)
			o.count("kept", p.Kept)
			if o.Settings, err = policy.LockDifferences(had, change); err != nil {
				return err
			}
		case template:
			if o.Settings, err = h.Directory.PlanTemplate(ctx, t.ID, change, access.Shell()); err != nil {
				return err
			}
		default:
			p, err := h.Directory.PlanSettings(ctx, t.ID, change, access.Shell(), core.Client{})
			if err != nil {
				return err
			}
			o.take(p)
		}
		if len(set) > 0 {
			o.Changes = append(o.Changes, "set "+strings.Join(set, ", ")+of(in.Which))
		}
		if len(taken) > 0 {
			o.Changes = append(o.Changes, "let "+strings.Join(taken, ", ")+" be the default"+of(in.Which))
		}
		return nil
	},
	do: func(ctx context.Context, h *app.House, j journeys, t core.Tenant, in nodeIn) error {
		change, err := in.change(ctx, h, t)
		if err != nil {
			return err
		}
		switch in.Which {
		case locks:
			_, err = j.dir.SetLocks(ctx, t.ID, change, access.Shell(), core.Client{})
		case template:
			_, err = j.dir.SetTemplate(ctx, t.ID, change, access.Shell(), core.Client{})
		default:
			_, err = j.dir.ChangeSettings(ctx, t.ID, change, access.Shell(), core.Client{})
		}
		return err
	},
}

func of(which string) string {
	switch which {
	case locks:
		return " in the locks"
	case template:
		return " in the template"
	}
	return ""
}

// change is what was said, or what makes the document say what a preset says.
func (in nodeIn) change(ctx context.Context, h *app.House, t core.Tenant) (core.SettingsDoc, error) {
	if in.Preset == "" {
		return in.Change, nil
	}
	change, _, err := h.Directory.PresetChange(ctx, t.ID, in.Preset, access.Shell())
	return change, err
}

type policyLocksCmd struct {
	Show policyLocksShowCmd `cmd:"" help:"Show what a partner or the platform holds over those below."`
	Set  policyLocksSetCmd  `cmd:"" help:"Change what is held over those below: they may be stricter and never looser."`
}

type policyTemplateCmd struct {
	Show policyTemplateShowCmd `cmd:"" help:"Show what new customers below begin with."`
	Set  policyTemplateSetCmd  `cmd:"" help:"Change what new customers begin with. Those that exist stay as they are."`
}

type policyLocksShowCmd struct {
	Tenant string `required:"" help:"Id or name of the partner or the platform." placeholder:"NAME"`
}

func (v *policyLocksShowCmd) Run(s *shell) error {
	return s.showDocument(v.Tenant, locks)
}

type policyTemplateShowCmd struct {
	Tenant string `required:"" help:"Id or name of the partner or the platform." placeholder:"NAME"`
}

func (v *policyTemplateShowCmd) Run(s *shell) error {
	return s.showDocument(v.Tenant, template)
}

func (s *shell) showDocument(tenant, which string) error {
	o, err := one[documentOut](s, "policy.show", how{}, showIn{tenant, which})
	if err != nil {
		return err
	}
	if err := s.printDocument(o); err != nil {
		return err
	}
	s.next("sallyport policy %s set --tenant %s KEY=VALUE --dry-run", which, o.ID)
	return nil
}

type policyLocksSetCmd struct {
	Tenant string `required:"" help:"Id or name of the partner or the platform." placeholder:"NAME"`
	setting
	dry
	sure
}

func (*policyLocksSetCmd) Help() string {
	return "Locks reach every organisation below, closed ones too. What a lock demanded that goes stays each organisation's own value."
}

func (v *policyLocksSetCmd) Run(s *shell) error {
	change, err := v.document(s)
	if err != nil {
		return err
	}
	return s.settings(v.Tenant, locks, change, v.dry, v.sure)
}

type policyTemplateSetCmd struct {
	Tenant string `required:"" help:"Id or name of the partner or the platform." placeholder:"NAME"`
	setting
	dry
	sure
}

func (v *policyTemplateSetCmd) Run(s *shell) error {
	change, err := v.document(s)
	if err != nil {
		return err
	}
	return s.settings(v.Tenant, template, change, v.dry, v.sure)
}
